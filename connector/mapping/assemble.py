"""The trees of a pack's files to one policy. Nothing found wrong stops the rest from being checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from connector.core.fieldmap import FieldMap
from connector.core.model import RuleRef
from connector.core.policy import Person, Policy, Rule, Situation
from connector.core.rules.situation import SituationRule
from connector.core.spec import Field, RuleKind, RuleProblem
from connector.core.text import PhraseIndex
from connector.core.worktime import WorkCalendar
from connector.mapping.calendars import read_calendar
from connector.mapping.declared import PACK, PERSON, RULE, TOP
from connector.mapping.maps import read_map
from connector.mapping.names import Names
from connector.mapping.nodes import Node
from connector.mapping.oncall import CalendarRota, WebRota, read_rotas
from connector.mapping.parse import Parser, find
from connector.mapping.problems import Problem, did_you_mean, shown
from connector.mapping.registry import name_field, rule_kinds
from connector.mapping.shapes import is_zone
from connector.mapping.templates import TextOfPack, compile_text
from connector.mapping.wording import wording


@dataclass(slots=True)
class Assembly:
    """Everything read from a pack: what became of it, and where each thing stands (for lint).

    `declared` maps (kind, name) to the node of the name: `person`, `calendar`, `text`, `situation`, `phrases`, `map`;
    `held` maps it to what stands under the name, for a rule to the whole rule.
    """

    problems: list[Problem]
    names: Names = field(default_factory=Names)
    declared: dict[tuple[str, str], Node] = field(default_factory=dict)
    held: dict[tuple[str, str], Node] = field(default_factory=dict)
    pack: Mapping[str, Any] = field(default_factory=dict)
    calendars: dict[str, WorkCalendar] = field(default_factory=dict)
    texts: dict[str, TextOfPack] = field(default_factory=dict)
    situations: dict[str, Situation] = field(default_factory=dict)
    maps: dict[str, FieldMap] = field(default_factory=dict)
    map_nodes: dict[str, Node] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    rotas: dict[str, CalendarRota | WebRota] = field(default_factory=dict)

    def policy(self, digest: str, source: str) -> Policy:
        """The policy, once there are no problems."""
        phrases = {name: tuple(listed) for name, listed in self._phrase_lists()}
        default = self.pack.get("calendar") or next(iter(self.calendars), "default")
        zone = self.pack.get("timezone", "UTC")
        return Policy(
            name=self.pack["name"],
            digest=digest,
            language=self.pack["language"],
            timezone=zone,
            rules=tuple(self.rules),
            situations=self.situations,
            calendars=self.calendars or {default: _always(zone)},
            default_calendar=default,
            people=self.names.people,
            texts=self.texts,
            maps=self.maps,
            index=PhraseIndex(phrases) if phrases else None,
            source=source,
            rotas=self.rotas,
        )

    def _phrase_lists(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        conditions = [condition for rule in self.rules for condition in rule.conditions()]
        conditions += [one.detect for one in self.situations.values() if one.detect is not None]
        for condition in conditions:
            for name, listed in condition.phrases():
                yield name, tuple(listed)


def assemble(
    roots: list[Node], problems: list[Problem], lost: str = "", attached: Mapping[str, str] | None = None
) -> Assembly:
    """Read all files of a pack, in file-name order, into an Assembly; every mistake goes to `problems`.

    `lost` is the text of the files that are not YAML; `attached` are the texts of the pack's on-call files by name.
    """
    work = Assembly(problems, Names(lost=lost))
    reader = _Reader(work, attached or {})
    reader.sort(roots)
    reader.read_names()
    reader.read_rules()
    reader.read_maps()
    reader.read_inline()
    return work


class _Reader:
    """The steps of reading, in the order in which names become known."""

    def __init__(self, work: Assembly, attached: Mapping[str, str]) -> None:
        self.work = work
        self._attached = attached
        self.parser = Parser(work.names, work.problems)
        self.kinds = rule_kinds()
        self._sections: dict[str, list[tuple[Node, Node]]] = {}
        self._maps: list[Node] = []
        self._zone = "UTC"
        self._files: list[Node] = []
        self._texts: dict[str, Node] = {}

    def sort(self, roots: list[Node]) -> None:
        """Tell maps from other files, and collect the values of each top-level key."""
        known = (*TOP, *self.kinds)
        self._files = roots
        for root in roots:
            self.parser.what = "a file of the pack"
            if not self.parser.is_map(root, f"the file {root.source.file}"):
                continue
            if root.key("helpdesk") is not None:
                self._maps.append(root)
                continue
            for key, value in root.items:
                if key.text in known:
                    if value.kind != "null":
                        self._sections.setdefault(key.text, []).append((key, value))
                    continue
                hint = did_you_mean(key.text, (*known, "helpdesk"), most=20)
                text = f"unknown top-level key '{shown(key.text)}'"
                self.parser.wrong(key, "E013", text, hint)

    # --- names ------------------------------------------------------------------------------------------------------
    def read_names(self) -> None:
        """Everything rules refer to: people, phrases, calendars, texts, situations; and the pack itself."""
        names, work = self.work.names, self.work
        calendars = list(self._named("calendars", "calendar"))
        texts = list(self._named("texts", "text"))
        names.calendars = {key.text for key, _ in calendars}
        names.texts = {key.text for key, _ in texts}
        self._read_pack()
        for key, node in self._named("people", "person"):
            person = self._person(key.text, node)
            if person is not None:
                names.people[key.text] = person
                if person.skills:  # rules find those by what they can do
                    names.used.add(("person", key.text))
        for key, node in self._named("phrases", "phrases"):
            self.parser.what = f"phrase list '{shown(key.text)}'"
            names.phrases[key.text] = self._phrase_list(node)
        for key, node in calendars:
            calendar = read_calendar(self.parser, key.text, node, self._zone)
            if calendar is not None:
                work.calendars[key.text] = calendar
        for key, node in texts:
            self._texts[key.text] = node
            self._text(key.text, node)
        work.rotas = read_rotas(self.parser, self._named("rotas", "rota"), self._zone, self._attached)
        for kind, named in names.rules.items():
            for _, value in self._sections.get(kind, ()):
                given = (item.get("name") for item in value.children)
                named |= {name.text for name in given if name is not None and name.is_scalar and name.text}
        for _, value in self._sections.get("situations", ()):
            for item in value.children:
                name, title = item.get("id"), item.get("title")
                if name is not None and name.is_scalar and name.text:
                    names.situations.setdefault(name.text, title.text if title is not None else name.text)

    def _read_pack(self) -> None:
        sections = self._sections.get("pack", [])
        if not sections:
            if self.work.names.may_declare("pack:"):
                return
            text = "no file of the pack has `pack:`"
            self.work.problems.append(self._about_pack("E011", text, "write pack: {name: ..., language: es}"))
            return
        first = sections[0][0]
        for key, _ in sections[1:]:
            text = f"`pack:` stands twice: first at {first.source.file}:{first.line}:{first.col}"
            self.parser.wrong(key, "E011", text, "keep one of them")
        self.parser.what = "`pack:`"
        given = self.parser.record(sections[0][1], PACK)
        if given is None:
            zone = sections[0][1].get("timezone")
            self._zone = zone.text if zone is not None and zone.text and is_zone(zone.text) else "UTC"
            return
        self._zone = given["timezone"]
        self.work.pack = given
        if given["calendar"] is None and len(self.work.names.calendars) > 1:
            text = "the pack has several calendars and `pack:` names none of them"
            hint = "add calendar: " + " or ".join(sorted(self.work.names.calendars)[:6])
            self.parser.wrong(sections[0][0], "E042", text, hint)

    def _named(self, section: str, kind: str) -> Iterator[tuple[Node, Node]]:
        """The (name, value) pairs of a top-level map over all files; a name that stands twice is a problem."""
        for _, value in self._sections.get(section, ()):
            self.parser.what = f"`{section}:`"
            if not self.parser.is_map(value, f"`{section}:`"):
                continue
            for key, node in value.items:
                if self._is_new(kind, key.text, key):
                    self.work.held[kind, key.text] = node
                    yield key, node

    def _is_new(self, kind: str, name: str, node: Node) -> bool:
        first = self.work.declared.setdefault((kind, name), node)
        if first is not node:
            label = f"{kind} rule" if any(kind == one.name for one in self.kinds.values()) else kind
            label = {"phrases": "phrase list", "map": "helpdesk map", "situation rule": "situation"}.get(label, label)
            text = f"{label} '{shown(name)}' stands twice: first at {first.source.file}:{first.line}:{first.col}"
            self.parser.wrong(node, "E012", text, "rename one of them")
        return first is node

    def _person(self, key: str, node: Node) -> Person | None:
        self.parser.what = f"person '{shown(key)}'"
        given = self.parser.record(node, PERSON)
        if given is None:
            # The key is known all the same, so that its users are not blamed for it.
            self.work.names.people[key] = Person(key, _kind_of(node), key)
            return None
        kinds = [kind for kind in ("agent", "group", "address") if given[kind] is not None]
        if len(kinds) != 1:
            text = f"{self.parser.what} must be one of agent, group or address" + (
                f", not {' and '.join(kinds)} at once" if kinds else ""
            )
            self.parser.wrong(self.work.declared["person", key], "E032", text, f'write {key}: {{agent: "..."}}')
            self.work.names.people[key] = Person(key, _kind_of(node), key)
            return None
        kind = kinds[0]
        email = given["email"] or (given["address"] if kind == "address" else None)
        return Person(
            key,
            kind,
            given[kind],
            email,
            given["ids"] or {},
            tuple(given["skills"] or ()),
            given["hours"],
            tuple(_first_and_last(days) for days in given["out_of_office"] or ()),
        )

    def _phrase_list(self, node: Node) -> tuple[str, ...]:
        parts = node.children if node.kind == "list" else [node]
        if not parts:
            self.parser.wrong(node, "E027", f"an empty list in {self.parser.what}")
        return tuple(dict.fromkeys(part.text for part in parts if self.parser.phrase(part)))

    def _text(self, name: str, node: Node) -> None:
        self.parser.what = f"text '{shown(name)}'"
        if not node.is_scalar or not node.text.strip():
            self.parser.wrong(node, "E025", f"{self.parser.what} must be a text")
            return
        compiled, problems = compile_text(name, node)
        self.work.problems += problems
        if compiled is not None:
            self.work.texts[name] = compiled

    def read_inline(self) -> None:
        """Compile the texts written in place where a text's name may stand; hold all texts against the vocabulary."""
        for name, node in self.parser.inline.items():
            self._text(name, node)
        self.work.problems += wording(self.work.rules, {**self._texts, **self.parser.inline})

    # --- rules ------------------------------------------------------------------------------------------------------
    def read_rules(self) -> None:
        """All rules of all kinds, in the order of files and lines."""
        entries = [
            (value.source.file, item.line, item.col, kind, item)
            for key, kind in self.kinds.items()
            for name, value in self._sections.get(key, ())
            for item in self._items(name, value)
        ]
        for file, _, _, kind, item in sorted(entries, key=lambda entry: entry[:3]):
            self._rule(kind, file, item)

    def _items(self, key: Node, value: Node) -> list[Node]:
        if value.kind == "list":
            return value.children
        self.parser.wrong(key, "E027", f"`{key.text}:` is a list of rules", "begin each rule with `- `")
        return []

    def _rule(self, kind: RuleKind, file: str, item: Node) -> None:
        named = name_field(kind)
        label = kind.name if kind.name == "situation" else "rule"
        name = item.get(named)
        known = name is not None and name.is_scalar and bool(name.text.strip())
        self.parser.what = f"{label} '{shown(name.text)}'" if name is not None and known else f"a {kind.name} rule"
        if item.kind != "map":
            self.parser.wrong(item, "E003", f"a {kind.name} rule is a mapping with `{named}:` and more")
            return
        values = self.parser.record(item, (*_rule_fields(named), *kind.fields))
        if name is not None and known and not self._is_new(kind.name, name.text, name):
            return
        if values is None:
            return
        self.work.held[kind.name, values[named]] = item
        ref = RuleRef(kind.name, values.pop(named), file, item.line)
        enabled = values.pop("enabled")
        try:
            rule = kind.build(ref, values)
        except RuleProblem as bad:
            for one in (bad, *bad.beside):
                lines = [find(item, path).line for path in one.also]
                hint = f"see line {', '.join(map(str, lines))}" if lines else ""
                self.parser.wrong(find(item, one.field or ""), one.code, f"{one}, in {self.parser.what}", hint)
            return
        if enabled and isinstance(rule, SituationRule):
            self.work.situations[ref.name] = rule.situation
        if enabled and not (isinstance(rule, SituationRule) and rule.situation.course is None):
            self.work.rules.append(rule)

    def read_maps(self) -> None:
        """The helpdesk maps; two for one helpdesk are a problem."""
        for root in self._maps:
            mapped = read_map(self.parser, root, self._zone)
            name = root.get("helpdesk")
            if name is not None and name.text and self._is_new("map", name.text, name):
                self.work.map_nodes[name.text] = root
                if mapped is not None:
                    self.work.maps[mapped.helpdesk] = mapped

    def _about_pack(self, code: str, text: str, hint: str) -> Problem:
        first = self._files[0].source
        return Problem(code, first.file if len(self._files) == 1 else "", 0, 0, text, hint, root=first.root)


def _rule_fields(named: str) -> tuple[Field, ...]:
    return tuple(Field(named, one.type, one.doc, required=True) if one.name == "name" else one for one in RULE)


def _first_and_last(days: str) -> tuple[date, date]:
    first, _, last = days.partition("/")
    return date.fromisoformat(first), date.fromisoformat(last or first)


def _kind_of(node: Node) -> str:
    return next((kind for kind in ("agent", "group", "address") if node.get(kind) is not None), "agent")


def _always(zone: str) -> WorkCalendar:
    """Without a calendar nothing counts business time (that is a problem elsewhere); this one is always open."""
    return WorkCalendar(zone, {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")})
