"""What the account calls its people, groups, products, statuses, channels and fields; how codes become words.

Learnt from `/ticket_fields`, which any key may read, and, where the key's agent is an administrator, from `/agents`
and `/groups`. The pack's field map then says which canonical word a code or a label (in any language) means.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.core.fieldmap import FieldMap
from connector.core.model import CHANNELS, PRIORITIES, STATUSES
from connector.helpdesks.base import Directory

#: Meanings that hold where a pack maps no word onto the code. Statuses only where the pack maps none at all.
DEFAULT_STATUSES = {
    "2": "open",
    "3": "waiting_customer",
    "4": "completed",
    "5": "closed",
    "6": "waiting_customer",
    "7": "waiting_other",
}
DEFAULT_PRIORITIES = {"1": "low", "2": "normal", "3": "high", "4": "urgent"}
DEFAULT_CHANNELS = {
    "1": "email",
    "2": "portal",
    "3": "phone",
    "4": "other",  # forum
    "5": "twitter",
    "6": "facebook",
    "7": "chat",
    "8": "chat",  # MobiHelp
    "9": "feedback",
    "10": "email",  # outbound
    "11": "other",  # e-commerce
    "12": "bot",
    "13": "whatsapp",
    "14": "other",  # internal task of a chat
    "15": "chat",
    "16": "portal",  # web form
    "17": "instagram",
    "18": "instagram",
    "19": "facebook",
    "20": "facebook",
    "21": "chat",  # mobile SDK
    "22": "sms",
}
#: Statuses that mail the customer, send surveys or close for good.
NOTIFYING = frozenset({"4", "5"})


def fold(text: str) -> str:
    """A label for comparison: no accents, no case, single spaces."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(bare.casefold().split())


@dataclass(frozen=True, slots=True)
class Names:
    """All names of an account; ids are text. `labels`: code -> every label of it. `fields`: custom field -> its type.

    `listed` says whether `/agents` and `/groups` could be read (False: names from `/ticket_fields` alone).
    """

    agents: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    emails: Mapping[str, str] = field(default_factory=dict)
    products: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    priorities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    listed: bool = True

    def directory(self) -> Directory:
        """The contract's view: names to ids, those standing twice left out and named."""
        agents, twice_agents = _by_name(self.agents)
        groups, twice_groups = _by_name(self.groups)
        products, twice_products = _by_name(self.products)
        return Directory(
            agents=agents,
            groups=groups,
            emails=dict(self.emails),
            products=products,
            statuses=dict(self.statuses),
            sources=dict(self.sources),
            ambiguous=frozenset(twice_agents | twice_groups | twice_products),
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form, for a store."""
        return (
            {name: dict(getattr(self, name)) for name in _TABLES}
            | {name: {code: list(labels) for code, labels in getattr(self, name).items()} for name in _LABELLED}
            | {"v": 1, "listed": self.listed}
        )

    @classmethod
    def of_json(cls, stored: Any) -> Names | None:
        """Names from `to_json`'s form; None for anything else."""
        try:
            if stored["v"] != 1:
                return None
            tables: dict[str, Any] = {n: {str(k): str(v) for k, v in stored[n].items()} for n in _TABLES}
            labelled: dict[str, Any] = {
                n: {str(k): tuple(map(str, v)) for k, v in stored[n].items()} for n in _LABELLED
            }
            return cls(**tables, **labelled, listed=bool(stored["listed"]))
        except (KeyError, TypeError, AttributeError):
            return None


_TABLES = ("agents", "groups", "emails", "products", "fields")
_LABELLED = ("statuses", "sources", "priorities")


def learn(fields: Any, agents: Iterable[Any] | None, groups: Iterable[Any] | None) -> Names:
    """Names out of the three answers; `agents` or `groups` None where the key may not list them.

    Shapes vary with the field's type, and what can't be understood is left out rather than refused.
    """
    choices = {str(f.get("type")): f.get("choices") for f in _rows(fields)}
    people: dict[str, str] = _ids_to_names(choices.get("default_agent"))
    teams: dict[str, str] = _ids_to_names(choices.get("default_group"))
    emails: dict[str, str] = {}
    for agent in _rows(agents or ()):
        given = agent.get("contact")
        contact: dict[str, Any] = given if isinstance(given, dict) else {}
        number, name, address = str(agent.get("id")), contact.get("name"), contact.get("email")
        if name:
            people[number] = str(name)
        if address:
            emails[str(address).lower()] = number
    for group in _rows(groups or ()):
        if group.get("name"):
            teams[str(group.get("id"))] = str(group["name"])
    return Names(
        agents=people,
        groups=teams,
        emails=emails,
        products=_ids_to_names(choices.get("default_product")),
        statuses=_codes_to_labels(choices.get("default_status")),
        sources=_codes_to_labels(choices.get("default_source")),
        priorities=_codes_to_labels(choices.get("default_priority")),
        fields={str(f["name"]): str(f.get("type")) for f in _rows(fields) if _is_custom(f)},
        listed=agents is not None and groups is not None,
    )


def _rows(listed: Any) -> list[dict[str, Any]]:
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, Iterable) else []


def _is_custom(field: Mapping[str, Any]) -> bool:
    return bool(field.get("name")) and not field.get("default", str(field.get("type", "")).startswith("default_"))


def _ids_to_names(choices: Any) -> dict[str, str]:
    return {str(number): str(name) for name, number in choices.items()} if isinstance(choices, dict) else {}


def _codes_to_labels(choices: Any) -> dict[str, tuple[str, ...]]:
    """`{"2": ["Open", "Being Processed"]}` and `{"Email": 1}` alike."""
    found: dict[str, tuple[str, ...]] = {}
    for key, value in choices.items() if isinstance(choices, dict) else ():
        if isinstance(value, list):
            found[str(key)] = tuple(str(label) for label in value)
        else:
            found[str(value)] = (*found.get(str(value), ()), str(key))
    return found


def _by_name(names: Mapping[str, str]) -> tuple[dict[str, str], set[str]]:
    """(name -> id, names that stand more than once, compared without accents and case)."""
    seen: dict[str, list[tuple[str, str]]] = {}
    for number, name in names.items():
        seen.setdefault(fold(name), []).append((name, number))
    once = {pairs[0][0]: pairs[0][1] for pairs in seen.values() if len(pairs) == 1}
    return once, {name for pairs in seen.values() if len(pairs) > 1 for name, _ in pairs}


class Codes:
    """Both ways between one kind of code (status, priority, source) and the canonical words."""

    def __init__(
        self, words: Mapping[str, tuple[str, ...]], labels: Mapping[str, tuple[str, ...]], defaults: Mapping[str, str]
    ) -> None:
        self._words = words
        self._labels = labels
        self._defaults = defaults
        self._meaning = {fold(entry): word for word, entries in words.items() for entry in entries}

    def word(self, code: str) -> str | None:
        """The canonical word of a code, by the code itself, then by any of its labels; None where nothing says."""
        for entry in (code, *self._labels.get(code, ())):
            found = self._meaning.get(fold(entry))
            if found is not None:
                return found
        return self._defaults.get(code)

    def label(self, code: str) -> str | None:
        """What agents see for a code."""
        return next(iter(self._labels.get(code, ())), None)

    def code(self, word: str) -> tuple[str | None, str]:
        """(the code to write for a word, why there is none)."""
        entries = self._words.get(word)
        if not entries:
            codes = [code for code, meaning in self._defaults.items() if meaning == word]
            return (codes[0], "") if codes else (None, "the field map names no code or label for it")
        wanted = entries[0].strip()
        if wanted.isdigit() and (not self._labels or wanted in self._labels):
            return wanted, ""
        # Only the first label of a status, the agents' own, tells statuses apart: customers' labels repeat.
        exact = [code for code, labels in self._labels.items() if labels and fold(labels[0]) == fold(wanted)]
        if len(exact) == 1:
            return exact[0], ""
        if exact:
            return None, f"the label {wanted!r} stands for the codes {', '.join(sorted(exact))}; map the code itself"
        return None, f"the account has no {wanted!r}"


class Vocabulary:
    """Names of the account and field map of the pack together. `company`: a company's name by its number, if known."""

    def __init__(self, names: Names, field_map: FieldMap, company: Callable[[str], str | None] | None = None) -> None:
        self.names = names
        self.company = company or (lambda _: None)
        self.field_map = field_map
        self.directory = names.directory()
        self.status = Codes(field_map.statuses, names.statuses, {} if field_map.statuses else DEFAULT_STATUSES)
        self.priority = Codes(field_map.priorities, names.priorities, DEFAULT_PRIORITIES)
        self.channel = Codes(field_map.channels, names.sources, DEFAULT_CHANNELS)

    def custom_key(self, name: str) -> str | None:
        """The account's own key of a canonical field or `custom.X`, None where neither map nor account knows one."""
        mapped = self.field_map.fields.get(name)
        if mapped is not None:
            return mapped if not self.names.fields or mapped in self.names.fields else self._prefixed(mapped) or mapped
        return self._prefixed(name.removeprefix("custom.")) if name.startswith("custom.") else None

    def _prefixed(self, name: str) -> str | None:
        return next((key for key in (name, f"cf_{name}") if key in self.names.fields), None)

    def warnings(self) -> Iterable[str]:
        """What an operator must know of map and account not fitting together."""
        where = self.field_map.file or "the field map"
        for name, key in self.field_map.fields.items():
            if key.startswith("cf_") and self.names.fields and self.custom_key(name) not in self.names.fields:
                yield f"{where}: {name} is mapped to {key}, which this account does not have; it stays unknown"
        kinds: tuple[tuple[str, tuple[str, ...], Codes, Mapping[str, Any]], ...] = (
            ("status", STATUSES, self.status, self.field_map.statuses),
            ("priority", PRIORITIES, self.priority, self.field_map.priorities),
        )
        for kind, words, codes, mapped in kinds:
            for word in words:
                code, problem = codes.code(word) if word in mapped else (None, "")
                if problem:
                    yield f"{where}: {kind} {word} can't be written: {problem}"
                elif kind == "status" and word == "completed" and code in NOTIFYING and not self._may_notify:
                    yield f"{where}: status {word} is code {code}, which notifies customers: it is never written"
        for word in self.field_map.channels:
            if word not in CHANNELS:
                yield f"{where}: channel {word} is no word of ours"

    @property
    def _may_notify(self) -> bool:
        return self.field_map.allow_notifying_status

    def person(self, kind: str, value: str) -> tuple[str | None, str]:
        """(id of an agent or group given by id, e-mail or name, why there is none)."""
        known = self.names.agents if kind == "agent" else self.names.groups
        value = value.strip()
        if value.isdigit():
            return (value, "") if value in known or not known else (None, f"no {kind} has the id {value}")
        if kind == "agent" and "@" in value:
            found = self.names.emails.get(value.lower())
            return (found, "") if found else (None, "no agent has this e-mail address, or the key may not list agents")
        for same in (_exactly, fold):
            ids = [number for number, name in known.items() if same(name) == same(value)]
            if len(ids) == 1:
                return ids[0], ""
            if ids:
                return None, f"{len(ids)} {kind}s are called so ({', '.join(sorted(ids))}); write the id"
        return None, f"no {kind} is called so"


def _exactly(text: str) -> str:
    return text
