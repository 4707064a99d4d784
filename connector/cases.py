"""Reads the cases of a pack: `<pack>/cases/*.yaml`, tickets with a frozen now and what must and must not come of them.

The same nodes and types as the pack's own files, so every mistake has its line and column, all at once. What a case
may hold stands in docs/cases.md; `connector.cases_run` runs them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.core import spec
from connector.core.model import (
    ACTION_KINDS,
    CHANNELS,
    EMPTY,
    PRIORITIES,
    STATUSES,
    TEXT_FIELDS,
    TIME_FIELDS,
    Memory,
    Ticket,
)
from connector.core.policy import NO_DUTY, Duty, Policy
from connector.core.records import REGISTERED
from connector.core.rules.root_cause import CAUSES
from connector.mapping.names import Names
from connector.mapping.nodes import Node, compose, decode
from connector.mapping.parse import Parser
from connector.mapping.problems import MappingError, Problem, did_you_mean, in_order
from connector.mapping.spans import SpanError, read_span

FOLDER = "cases"
#: What a situation's `detect:` does, beside the kinds of actions.
DETECTIONS = ("suggest", "enter")
_KINDS = (*ACTION_KINDS, *DETECTIONS)
_UNKNOWN_RULE, _BAD_INSTANT, _NO_KIND_FITS = "E071", "E072", "E073"
_AGO = re.compile(r"(?P<span>.+?)(?:\s+ago)?")
_AHEAD = re.compile(r"in\s+(?P<span>.+)")
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?")

_TEXT = spec.Text()
_CHANGED = ("priority", "status", "channel", "tags", *TEXT_FIELDS)
_CHANGES = spec.Table(spec.Many(spec.Scalar()), keys=_CHANGED, custom=True)
_PARTIAL = (
    spec.Field("kind", spec.Word(_KINDS), "The kind of action."),
    spec.Field("rule", _TEXT, "The name of the rule, or the id of the situation."),
    spec.Field("changes", _CHANGES, "Field -> the new value, or [old, new]; of a toggle, [old, through, new]."),
    spec.Field("to", spec.Many(_TEXT), "The keys of the people told or assigned."),
    spec.Field("due", _TEXT, "The instant at which it became due."),
    spec.Field("text", _TEXT, "A part of its text."),
    spec.Field("reason", _TEXT, "The code of one of its reasons."),
    spec.Field("cause", spec.Word(CAUSES), "The cause that a line of the register tells."),
)
_UNSURE = (
    spec.Field("rule", _TEXT, "The name of the rule."),
    spec.Field("reason", _TEXT, "The code of one of its reasons."),
)
_TICKET = (
    spec.Field("id", _TEXT, "The ticket's number.", default="1"),
    spec.Field("status", spec.Word(STATUSES), "Canonical status.", default="open"),
    spec.Field("priority", spec.Word(PRIORITIES), "Canonical priority.", default="normal"),
    spec.Field("channel", spec.Word(CHANNELS), "Canonical channel.", default="email"),
    spec.Field("tags", spec.Many(_TEXT), "Tags.", default=()),
    spec.Field("custom", spec.Table(spec.Scalar()), "Fields of the helpdesk's own, by name.", default=EMPTY),
    spec.Field("gone", spec.Word(("spam", "deleted", "archived", "merged", "missing")), "Why it can't be written."),
    spec.Field("unknown", spec.Many(spec.FieldName()), "Fields the source does not tell.", default=()),
    *(spec.Field(name, _TEXT, "A text.") for name in TEXT_FIELDS),
    *(spec.Field(name, _TEXT, "An instant.") for name in TIME_FIELDS),
)
_REGISTERED = (
    spec.Field("at", _TEXT, "When it went up."),
    spec.Field("agent", _TEXT, "Who had it then."),
    spec.Field("group", _TEXT, "The group that had it then."),
    spec.Field("cause", spec.Word(CAUSES), "The cause it has already."),
)
_MEMORY = (
    spec.Field("first_seen", _TEXT, "When the daemon first saw the ticket."),
    spec.Field("situation", _TEXT, "The situation it was in."),
    spec.Field("situation_since", _TEXT, "Since when it was seen in it."),
    spec.Field("toggles", spec.Many(_TEXT), "Instants of the toggles done.", default=()),
    spec.Field("writes", spec.Many(_TEXT), "Instants of own writes of the last 24 h.", default=()),
    spec.Field("done", spec.Table(_TEXT), "Idempotency key -> when it was done.", default=EMPTY),
    spec.Field("ours", spec.Table(spec.Scalar()), "Field -> the value the daemon last wrote.", default=EMPTY),
    spec.Field("human", spec.Table(spec.Scalar()), "Field -> the value a person set.", default=EMPTY),
    spec.Field("human_at", _TEXT, "When those values were set."),
    spec.Field("quarantined_until", _TEXT, "Until when the ticket is left alone."),
    spec.Field("registered", spec.Record(_REGISTERED), "The line it has in the register, as an open escalation."),
)
_DUTY = (spec.Field("load", spec.Table(spec.Count()), "Agent -> how many tickets they have open.", default=None),)
_CASE = (
    spec.Field("name", _TEXT, "What the case shows.", required=True),
    spec.Field("covers", spec.Many(_TEXT), "Ids of the requirements it covers.", default=()),
    spec.Field("now", _TEXT, "The instant of the decision.", required=True),
    spec.Field("helpdesk", _TEXT, "Whose auto-close clock counts, where the pack has several maps."),
    spec.Field("ticket", spec.Record(_TICKET), "The ticket; what is left out is known to be empty.", required=True),
    spec.Field("memory", spec.Record(_MEMORY), "What the daemon remembers of it."),
    spec.Field("duty", spec.Record(_DUTY), "How the account's people stand."),
    spec.Field("related", spec.Many(spec.Record(_TICKET)), "Other tickets of the same customer.", default=()),
    spec.Field("reply", _TEXT, "The last public reply of an agent, where a rule looks at it."),
    spec.Field("situation", _TEXT, "The situation it must be in, or `none`."),
    spec.Field("expect", spec.Many(spec.Record(_PARTIAL)), "Actions that must come.", default=()),
    spec.Field("only", spec.Flag(), "`true`: nothing else may come.", default=False),
    spec.Field("never", spec.Many(spec.Record(_PARTIAL)), "Actions that must not come.", default=()),
    spec.Field("unknown", spec.Many(spec.Record(_UNSURE)), "Rules that must be unable to tell.", default=()),
)
_FILE = (spec.Field("cases", spec.Many(spec.Record(_CASE)), "The cases.", required=True),)


@dataclass(frozen=True, slots=True)
class Partial:
    """Part of an action: what is given must be so, what is left out may be anything. `line`: where it stands."""

    given: Mapping[str, Any]
    line: int

    @property
    def rule(self) -> str | None:
        """The rule it names."""
        return self.given.get("rule")


@dataclass(frozen=True, slots=True)
class Case:
    """One case: a ticket and a memory, an instant (UTC), and what must and must not come."""

    name: str
    file: str
    line: int
    now: datetime
    ticket: Ticket
    memory: Memory = field(default_factory=Memory)
    covers: tuple[str, ...] = ()
    situation: str | None = None
    expect: tuple[Partial, ...] = ()
    never: tuple[Partial, ...] = ()
    unknown: tuple[Partial, ...] = ()
    only: bool = False
    related: tuple[Ticket, ...] = ()
    reply: str | None = None
    duty: Duty = NO_DUTY


def read_cases(pack: Path, policy: Policy) -> list[Case]:
    """All cases of a pack, in the order of files and lines. Raises MappingError with every problem of all files."""
    problems: list[Problem] = []
    cases: list[Case] = []
    folder = pack / FOLDER
    for path in sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")]):
        file = path.relative_to(pack).as_posix()
        try:
            text, wrong = decode(path.read_bytes(), file, str(pack))
        except OSError as error:
            text, wrong = "", [Problem("E008", file, 0, 0, f"can't be read: {error.strerror}", root=str(pack))]
        root = None
        if not wrong:
            root, wrong = compose(text, file, str(pack))
        problems += wrong
        if root is not None and root.kind != "null":
            cases += _Reading(policy, file, problems).cases(root)
    if problems:
        raise MappingError(in_order(problems))
    return cases


class _Reading:
    """One file's cases; what is wrong goes to `problems`."""

    def __init__(self, policy: Policy, file: str, problems: list[Problem]) -> None:
        self.policy = policy
        self.file = file
        self.problems = problems
        self.zone = ZoneInfo(policy.timezone)
        self.rules = {rule.ref.name for rule in policy.rules} | set(policy.situations)
        self.parser = Parser(Names(people=dict(policy.people)), problems)

    def cases(self, root: Node) -> list[Case]:
        self.parser.what = "a file of cases"
        before = len(self.problems)
        listed = root.get("cases") if root.kind == "map" else None
        nodes = listed.children if listed is not None and listed.kind == "list" else []
        if not nodes or any(key.text != "cases" for key, _ in root.items):
            self.parser.record(root, _FILE)
            if len(self.problems) == before:
                self.problems.append(root.problem("E027", "`cases:` needs a list of cases"))
            return []
        found, names = [], dict[str, int]()
        for node in nodes:
            case = self._case(node)
            if case is None:
                continue
            first = names.setdefault(case.name, case.line)
            if first != case.line:
                key = node.get("name") or node
                self.problems.append(key.problem("E002", f"a case of this name stands in line {first} already"))
            found.append(case)
        return found

    def _case(self, node: Node) -> Case | None:
        name = node.get("name") if node.kind == "map" else None
        self.parser.what = f"case '{name.text}'" if name is not None and name.is_scalar else "a case"
        before = len(self.problems)
        values = self.parser.record(node, _CASE)
        if values is None:
            return None
        now = self._instant(node.get("now"), None)
        if now is None:
            return None
        base = values["helpdesk"]
        if base is not None and base not in self.policy.maps:
            hint = did_you_mean(base, self.policy.maps)
            self._wrong(node.get("helpdesk"), "E021", f"the pack has no map for helpdesk '{base}'", hint)
        situation = values["situation"]
        if situation not in (None, "none", *self.policy.situations):
            hint = did_you_mean(situation, [*self.policy.situations, "none"])
            self._wrong(node.get("situation"), "E044", f"unknown situation '{situation}'", hint)
        ticket = self._ticket(node.get("ticket"), values["ticket"], now, base)
        related = self._related(node.get("related"), values["related"], now, base)
        memory = self._memory(node.get("memory"), values["memory"], now)
        lists = {key: self._partials(node.get(key), values[key], now) for key in ("expect", "never", "unknown")}
        if not (lists["expect"] or lists["never"] or lists["unknown"] or values["only"] or situation):
            self._wrong(name, "E033", "the case expects nothing: give it expect, never, unknown, only or situation")
        if len(self.problems) > before:
            return None
        place = f"{self.file}:{node.line}"
        return Case(
            values["name"], self.file, node.line, now, _placed(ticket, place), memory, values["covers"], situation,
            lists["expect"], lists["never"], lists["unknown"], values["only"], related, values["reply"],
            _duty(values["duty"]),
        )  # fmt: skip

    # --- parts ------------------------------------------------------------------------------------------------------
    def _ticket(self, node: Node | None, given: Mapping[str, Any], now: datetime, helpdesk: str | None) -> Ticket:
        values = dict(given)
        for name in TIME_FIELDS:
            values[name] = self._instant(node.get(name) if node else None, now)
        unknown = frozenset(values.pop("unknown"))
        maps = self.policy.maps
        chosen = maps.get(helpdesk or "") or next(iter(maps.values()), None)
        clock = chosen.autoclose_clock if chosen is not None else ""
        if values["autoclose_clock"] is None and "autoclose_clock" not in unknown and clock in values:
            values["autoclose_clock"] = values[clock]
        return Ticket(**values, unknown=unknown)

    def _related(
        self, node: Node | None, given: Sequence[Mapping[str, Any]], now: datetime, helpdesk: str | None
    ) -> tuple[Ticket, ...]:
        nodes = [] if node is None else node.children if node.kind == "list" else [node]
        return tuple(self._ticket(one, values, now, helpdesk) for one, values in zip(nodes, given, strict=True))

    def _memory(self, node: Node | None, given: Mapping[str, Any] | None, now: datetime) -> Memory:
        if node is None or given is None:
            return Memory()
        one = {name: self._instant(node.get(name), now) for name in ("first_seen", "situation_since", "human_at")}
        done_node = node.get("done")
        done = {key.text: self._instant(value, now) for key, value in (done_node.items if done_node else ())}
        human = dict(given["human"])
        at = one["human_at"] or now
        extra: dict[str, Any] = {"human_at": dict.fromkeys(human, at.isoformat())} if human else {}
        line = given["registered"]
        if line is not None:
            listed = node.get("registered")
            went_up = self._instant(listed.get("at") if listed is not None else None, now) or now
            opened = {**line, "at": went_up.isoformat(), "set": 0, "ended": None}
            extra[REGISTERED] = {"case:register": opened}
        return Memory(
            first_seen=one["first_seen"], situation=given["situation"], situation_since=one["situation_since"],
            toggles=self._instants(node.get("toggles"), now), writes=self._instants(node.get("writes"), now),
            done={key: (value or now).isoformat() for key, value in done.items()}, ours=dict(given["ours"]),
            human=human, quarantined_until=self._instant(node.get("quarantined_until"), now),
            extra=extra or EMPTY,
        )  # fmt: skip

    def _partials(self, node: Node | None, given: Sequence[Mapping[str, Any]], now: datetime) -> tuple[Partial, ...]:
        nodes = [] if node is None else node.children if node.kind == "list" else [node]
        found = []
        for one, values in zip(nodes, given, strict=True):
            kept = {key: value for key, value in values.items() if value is not None}
            if not kept:
                self._wrong(one, "E033", "empty: it would fit any action; to forbid all others write `only: true`")
            rule = kept.get("rule")
            if rule is not None and rule not in self.rules:
                self._wrong(one.get("rule"), _UNKNOWN_RULE, f"no rule is called '{rule}'", _near(rule, self.rules))
            for person in kept.get("to", ()):
                if person not in self.policy.people:
                    hint = did_you_mean(person, self.policy.people)
                    self._wrong(one.get("to"), "E041", f"unknown person '{person}'", hint)
            if kept.get("kind") in DETECTIONS and set(kept) - {"kind", "rule", "reason"}:
                text = f"`{kept['kind']}` is no action: it has a rule (the situation's id) and reasons, nothing else"
                self._wrong(one.get("kind"), _NO_KIND_FITS, text)
            if "due" in kept:
                kept["due"] = self._instant(one.get("due"), now)
            found.append(Partial(kept, one.line))
        return tuple(found)

    # --- instants ---------------------------------------------------------------------------------------------------
    def _instants(self, node: Node | None, now: datetime) -> tuple[datetime, ...]:
        nodes = [] if node is None else node.children if node.kind == "list" else [node]
        read = (self._instant(one, now) for one in nodes)
        return tuple(at for at in read if at is not None)

    def _instant(self, node: Node | None, now: datetime | None) -> datetime | None:
        """`2026-03-02T10:00:00-06:00`, `2026-03-02 10:00` in the pack's zone, `7d ago`, `in 2h`."""
        if node is None or node.kind == "null":
            return None
        text = " ".join(node.text.split())
        try:
            if re.match(r"\d{4}-", text):
                at = datetime.fromisoformat(text)
                if at.tzinfo is None and _LOCAL.fullmatch(text):
                    at = at.replace(tzinfo=self.zone)
                if at.tzinfo is not None:
                    return at.astimezone(UTC)
            elif now is not None and text:
                return self._relative(text, now)
        except (ValueError, OverflowError) as error:
            why = error.hint if isinstance(error, SpanError) else ""
        else:
            why = ""
        said = "an instant" if now is None else "an instant or an age"
        hint = "write 2026-03-02T10:00:00-06:00, or 2026-03-02 10:00 in the pack's own time zone"
        hint += "" if now is None else ", or 7d ago, or in 2h"
        hint = why or hint
        self._wrong(node, _BAD_INSTANT, f"'{text}' is not {said}", hint)
        return None

    @staticmethod
    def _relative(text: str, now: datetime) -> datetime:
        ahead = _AHEAD.fullmatch(text)
        back = _AGO.fullmatch(text)
        words = ahead["span"] if ahead else back["span"] if back else text
        span = read_span(words)
        if span.is_business:
            msg = "business time is not counted backwards"
            raise ValueError(msg)
        seconds = timedelta(seconds=span.amount)
        return now + seconds if ahead else now - seconds

    def _wrong(self, node: Node | None, code: str, text: str, hint: str = "") -> None:
        if node is not None:
            self.problems.append(node.problem(code, f"{text}, in {self.parser.what}", hint))


def _duty(given: Mapping[str, Any] | None) -> Duty:
    return NO_DUTY if given is None else Duty(given["load"])


def _near(word: str, known: set[str]) -> str:
    return did_you_mean(word, sorted(known), most=8)


def _placed(ticket: Ticket, place: str) -> Ticket:
    return replace(ticket, place=place)
