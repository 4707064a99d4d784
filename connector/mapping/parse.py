"""Nodes to typed values by the declarations of `core/spec.py`. Every mistake becomes a problem; none hides another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from connector.core import spec
from connector.core.conditions import OPERATORS, Clause, all_of, operator
from connector.core.model import TEXT_FIELDS, TIME_FIELDS, WORD_FIELDS
from connector.core.policy import Span
from connector.core.text import PhraseIndex, except_of
from connector.mapping.names import Names
from connector.mapping.nodes import Node
from connector.mapping.problems import Problem, did_you_mean, shown
from connector.mapping.shapes import SHAPES
from connector.mapping.spans import SpanError, read_span


class _Wrong:
    """What stands in for a value that could not be read; its problem is already kept."""

    def __repr__(self) -> str:
        return "WRONG"


WRONG: Final = _Wrong()

FIELD_NAMES = (*WORD_FIELDS, *TEXT_FIELDS, *TIME_FIELDS, "tags")
_NAMED_RULES = {"assignment": "assignment", "matrix": "matrix"}  # kind -> the key it is declared under
_NAME_CODES = {"calendar": "E042", "text": "E043", "situation": "E044"}
_NAME_CODES |= dict.fromkeys(("rota", *_NAMED_RULES), "E049")
_MEANT = {"yes": "true", "on": "true", "si": "true", "sí": "true", "no": "false", "off": "false"}
_CUSTOM = re.compile(r"custom\.\S.*\Z")


class Parser:
    """Reads nodes by type. `what` says in messages whose value it is; `inline` keeps inline texts by their name."""

    def __init__(self, names: Names, problems: list[Problem]) -> None:
        self.names = names
        self.problems = problems
        self.what = ""
        self.inline: dict[str, Node] = {}
        self._checked: dict[str, str | None] = {}
        self._readers: dict[type[Any], Callable[[Node, Any], Any]] = {
            spec.Text: self._text,
            spec.Word: self._word,
            spec.Flag: self._flag,
            spec.Count: self._count,
            spec.Number: self._number,
            spec.Scalar: self._scalar,
            spec.FieldName: self._field_name,
            spec.Shaped: self._shaped,
            spec.Duration: self._duration,
            spec.When: self._when,
            spec.Phrases: self._phrases,
            spec.Name: self._name,
            spec.Many: self._many,
            spec.Record: self._record,
            spec.Table: self._table,
            spec.Either: lambda node, of: self.parse(node, of.record if node.kind == "map" else of.plain),
        }

    def parse(self, node: Node, of: spec.FieldType) -> Any:
        """The value of a node read as this type, or WRONG after keeping the problem."""
        return self._readers[type(of)](node, of)

    def wrong(self, node: Node, code: str, text: str, hint: str = "") -> _Wrong:
        """Keep a problem; the answer for a value that can't be read."""
        if not node.faulty:
            self.problems.append(node.problem(code, text, hint))
        return WRONG

    def is_map(self, node: Node, what: str) -> bool:
        """Whether the node is a map; if not, that is a problem."""
        if node.kind != "map":
            self.wrong(node, "E003", f"{what} must be a mapping of `key: value`, not {_kind(node)}")
        return node.kind == "map"

    def record(self, node: Node, fields: Sequence[spec.Field], what: str = "") -> dict[str, Any] | None:
        """A mapping of these fields, defaults filled in. None if any field is wrong, unknown or missing."""
        by_name = {one.name: one for one in fields}
        where = what or self.what
        if node.kind != "map":
            text = f"{where} needs a mapping with {_listing(by_name)}, not {_kind(node)}"
            self.wrong(node, "E003", text)
            return None
        values: dict[str, Any] = {}
        meant: set[str] = set()
        good = True
        for key, value in node.items:
            declared = by_name.get(key.text)
            if declared is None:
                hint = did_you_mean(key.text, (name for name in by_name if node.get(name) is None))
                meant.update(name for name in by_name if f"'{name}'" in hint)
                self.wrong(key, "E031", f"unknown field '{shown(key.text)}' in {where}", hint)
                good = False
                continue
            if value.kind == "null":
                if not declared.required:
                    continue
                self.wrong(value if value.length > 1 else key, "E032", f"'{key.text}' has no value in {where}")
                good = False
                continue
            parsed = self.parse(value, declared.type)
            good = good and parsed is not WRONG
            values[key.text] = parsed
        for one in fields:
            if one.required and node.get(one.name) is None:
                good = False
                if one.name not in meant:
                    self.wrong(_head(node), "E032", f"the field '{one.name}' is missing in {where}", one.doc)
        return spec.defaults(tuple(fields), values) if good else None

    # --- scalars ----------------------------------------------------------------------------------------------------
    def _plain(self, node: Node, code: str, wanted: str) -> str | None:
        if not node.is_scalar or node.kind == "null" or not node.text.strip():
            self.wrong(node, code, f"{wanted} is needed in {self.what}, not {_kind(node)}")
            return None
        return node.text

    def _text(self, node: Node, of: spec.Text) -> Any:
        text = self._plain(node, "E025", "a text")
        if text is None:
            return WRONG
        if of.roster is not None:
            person = self.names.people.get(text)
            if person is not None:
                self.names.used.add(("person", text))
                if person.kind == of.roster:
                    return person.name
                return self.wrong(
                    node, "E041", f"'{shown(text)}' is not of kind {of.roster} but {person.kind}, in {self.what}"
                )
        return text

    def _word(self, node: Node, of: spec.Word) -> Any:
        text = self._plain(node, "E021", "one word")
        if text is None:
            return WRONG
        if text in of.words:
            return text
        hint = did_you_mean(text, of.words, most=20)
        return self.wrong(node, "E021", f"'{shown(text)}' is not a word known here, in {self.what}", hint)

    def _flag(self, node: Node, _: spec.Flag) -> Any:
        if node.kind == "bool":
            return node.value
        meant = _MEANT.get(node.text.strip().lower())
        hint = f"write {meant}" if meant else "write true or false"
        return self.wrong(node, "E024", f"true or false is needed in {self.what}, not {_kind(node)}", hint)

    def _count(self, node: Node, of: spec.Count) -> Any:
        if of.unlimited and node.text == "unlimited":
            return None
        if node.kind != "int":
            words = " or unlimited" if of.unlimited else ""
            return self.wrong(node, "E023", f"a whole number{words} is needed in {self.what}, not {_kind(node)}")
        if not of.least <= node.value <= of.most:
            hint = "write unlimited for no limit" if of.unlimited and node.value > of.most else ""
            text = f"{node.value} is out of range in {self.what}: from {of.least} to {of.most}"
            return self.wrong(node, "E023", text, hint)
        return node.value

    def _number(self, node: Node, _: spec.Number) -> Any:
        if node.kind in ("int", "float"):
            return node.value
        return self.wrong(node, "E023", f"a number is needed in {self.what}, not {_kind(node)}")

    def _scalar(self, node: Node, _: spec.Scalar) -> Any:
        if self._plain(node, "E025", "a text, a number or true/false") is None:
            return WRONG
        return node.value if node.kind in ("int", "float", "bool") else node.text

    def _field_name(self, node: Node, _: spec.FieldName) -> Any:
        text = self._plain(node, "E047", "the name of a ticket field")
        if text is None:
            return WRONG
        if text in FIELD_NAMES or _CUSTOM.match(text):
            return text
        hint = did_you_mean(text, FIELD_NAMES) or "a field of the helpdesk's own is written custom.<name>"
        return self.wrong(node, "E047", f"unknown ticket field '{shown(text)}' in {self.what}", hint)

    def _shaped(self, node: Node, of: spec.Shaped) -> Any:
        shape = SHAPES[of.shape]
        text = self._plain(node, "E028", shape.words)
        if text is None:
            return WRONG
        if shape.fits(text.strip()):
            return text.strip()
        hint = shape.hint
        if of.shape == "timezone":
            from zoneinfo import available_timezones

            hint = did_you_mean(text, sorted(available_timezones())) or hint
        return self.wrong(node, "E028", f"'{shown(text)}' is not {shape.words}, in {self.what}", hint)

    def _duration(self, node: Node, of: spec.Duration) -> Any:
        text = self._plain(node, "E022", "a stretch of time")
        if text is None:
            return WRONG
        try:
            span = read_span(text)
        except SpanError as bad:
            return self.wrong(node, "E022", f"{shown(str(bad), 120)}, in {self.what}", bad.hint)
        if span.is_business and not of.business:
            return self.wrong(
                node, "E022", f"business time can't be counted here, in {self.what}", "write hours or days"
            )
        if span.is_business and not self.names.calendars and not self.names.may_declare("calendars:"):
            text = f"'{span.text}' needs opening hours and the pack has no calendar, in {self.what}"
            return self.wrong(node, "E042", text, "add one under `calendars:`")
        return Span(span.amount, span.unit, span.text)

    # --- names and phrases ------------------------------------------------------------------------------------------
    def _name(self, node: Node, of: spec.Name) -> Any:
        text = self._plain(node, _NAME_CODES.get(of.of, "E041"), f"the name of a {of.of}")
        if text is None:
            return WRONG
        if text in of.words:
            return text
        if of.of in ("person", "assignee", "group", "agent"):
            return self._person(node, text, of.of)
        declared: Iterable[str] = {
            "calendar": self.names.calendars,
            "text": self.names.texts,
            "situation": self.names.situations,
            "rota": self.names.rotas,
            **self.names.rules,
        }[of.of]
        if text in declared:
            self.names.used.add((of.of, text))
            return text
        if self.names.may_declare(text):
            return WRONG
        if of.of == "text" and re.search(r"\s", text.strip()):
            name = f"{node.source.file}:{node.line}:{node.col}"
            self.inline[name] = node
            return name
        return self.wrong(
            node,
            _NAME_CODES[of.of],
            f"unknown {of.of}{' rule' if of.of in _NAMED_RULES else ''} '{shown(text)}' in {self.what}",
            did_you_mean(text, (*declared, *of.words)) or f"declare it under `{_NAMED_RULES.get(of.of, f'{of.of}s')}:`",
        )

    def _person(self, node: Node, text: str, kind: str) -> Any:
        person = self.names.people.get(text)
        if person is None and self.names.may_declare(text):
            return WRONG
        if person is None:
            hint = did_you_mean(text, self.names.people) or "declare it under `people:`"
            label = "person or group" if kind in ("person", "assignee") else kind
            return self.wrong(node, "E041", f"unknown {label} '{shown(text)}' in {self.what}", hint)
        self.names.used.add(("person", text))
        if kind == "assignee" and person.kind == "address":
            text = f"'{shown(text)}' is an outside address, so no ticket can be assigned to it, in {self.what}"
            return self.wrong(node, "E041", text, "notify it instead, or name an agent or a group")
        if kind not in ("person", "assignee", person.kind):
            return self.wrong(node, "E041", f"'{text}' is not of kind {kind} but {person.kind}, in {self.what}")
        return text

    def _phrases(self, node: Node, _: spec.Phrases) -> Any:
        if node.is_scalar:
            text = self._plain(node, "E026", "a phrase, a list of phrases or the name of a list")
            if text is None:
                return WRONG
            if text in self.names.phrases:
                self.names.used.add(("phrases", text))
                return self.names.phrases[text]
            if not node.style and re.fullmatch(r"[^\W\d_]+(?:[-_][^\W_]+)*", text):
                hint = did_you_mean(text, self.names.phrases)
                near = hint.startswith("did you mean")
                if self.names.may_declare(text):
                    return WRONG
                if near or "-" in text or "_" in text:
                    hint = hint if near else f"for the phrase itself write [{text}]"
                    return self.wrong(node, "E045", f"unknown phrase list '{shown(text)}' in {self.what}", hint)
            return (except_of(text) or text,) if self.phrase(node) else WRONG
        if node.kind == "map":
            return self.wrong(node, "E026", f"phrases are a list, not a mapping, in {self.what}", "write [one, two]")
        found: list[str] = []
        good = bool(node.children)
        if not good:
            self.wrong(node, "E027", f"an empty list of phrases in {self.what}")
        for child in node.children:
            if child.is_scalar and child.text in self.names.phrases:
                self.names.used.add(("phrases", child.text))
                found += self.names.phrases[child.text]
            elif self.phrase(child):
                found.append(child.text)
            else:
                good = False
        if good and all(map(except_of, found)):
            return self.wrong(node, "E027", f"nothing but exceptions in {self.what}", "add what they except from")
        return tuple(dict.fromkeys(found)) if good else WRONG

    def phrase(self, node: Node) -> bool:
        """Whether the node is a phrase that can be searched for; if not, that is a problem."""
        text = self._plain(node, "E026", "a phrase")
        if text is None:
            return False
        if text not in self._checked:
            self._checked[text] = None
            try:
                PhraseIndex({"phrase": (except_of(text) or text,)})
            except ValueError as bad:
                self._checked[text] = str(bad).split(": ", 1)[-1]
        why = self._checked[text]
        if why is not None:
            self.wrong(node, "E026", f"'{shown(text)}' can't be searched for, in {self.what}", shown(why, 160))
        return why is None

    # --- composites -------------------------------------------------------------------------------------------------
    def _record(self, node: Node, of: spec.Record) -> Any:
        values = self.record(node, of.fields)
        return WRONG if values is None else values

    def _many(self, node: Node, of: spec.Many) -> Any:
        children = node.children if node.kind == "list" else [node]
        if len(children) < of.least:
            return self.wrong(node, "E027", f"at least {of.least} is needed in {self.what}, not an empty list")
        values = [self.parse(child, of.of) for child in children]
        return WRONG if any(value is WRONG for value in values) else tuple(values)

    def _table(self, node: Node, of: spec.Table) -> Any:
        if node.kind != "map":
            return self.wrong(node, "E003", f"a mapping of `key: value` is needed in {self.what}, not {_kind(node)}")
        values: dict[str, Any] = {}
        good = True
        for key, value in node.items:
            if of.keys is not None and key.text not in of.keys and not (of.custom and _CUSTOM.match(key.text)):
                hint = did_you_mean(key.text, of.keys, most=20)
                self.wrong(key, "E031", f"unknown key '{shown(key.text)}' in {self.what}", hint)
                good = False
                continue
            parsed = self.parse(value, of.of)
            good = good and parsed is not WRONG
            values[key.text] = parsed
        if not node.items:
            return self.wrong(node, "E027", f"an empty mapping in {self.what}")
        return values if good else WRONG

    def _when(self, node: Node, _: spec.When) -> Any:
        if node.kind != "map":
            hint = "for a list of conditions write `all:` or `any:` before it" if node.kind == "list" else ""
            return self.wrong(node, "E003", f"a condition is a mapping, not {_kind(node)}, in {self.what}", hint)
        if not node.items:
            text = f"an empty condition would hold for every ticket, in {self.what}"
            return self.wrong(node, "E033", text, "leave it out, or write what must hold")
        clauses: list[Clause] = []
        for key, value in node.items:
            declared = operator(key.text)
            if declared is None:
                names = [name for name in OPERATORS if name != "custom.X"]
                hint = did_you_mean(key.text, names) or "a field of the helpdesk's own is written custom.<name>"
                self.wrong(key, "E031", f"unknown condition '{shown(key.text)}' in {self.what}", hint)
                continue
            parsed = self.parse(value, declared.type)
            if parsed is WRONG:
                continue
            try:
                clauses.append(declared.build(key.text, parsed))
            except spec.RuleProblem as bad:
                self.wrong(key, bad.code, f"{bad}, in {self.what}")
        return all_of(clauses) if len(clauses) == len(node.items) else WRONG


def find(node: Node, path: str) -> Node:
    """The node a rule's complaint points at: `levels[2].after` inside the rule; the nearest above it that exists."""
    for part in re.findall(r"[^.\[\]]+", path):
        if node.kind == "list" and part.isdigit() and int(part) < len(node.children):
            node = node.children[int(part)]
            continue
        key, value = node.key(part), node.get(part)
        if key is None or value is None:
            break
        node = value if value.kind in ("map", "list") else key
        if value.is_scalar:
            return key
    return _head(node)


def _head(node: Node) -> Node:
    """What to point at for a map as a whole: its first key."""
    return node.items[0][0] if node.kind == "map" and node.items else node


def _kind(node: Node) -> str:
    if node.kind == "null":
        return "nothing"
    if node.is_scalar:
        return f"'{shown(node.text, 40)}'" if node.text.strip() else "an empty text"
    return {"map": "a mapping", "list": "a list"}[node.kind]


def _listing(fields: Mapping[str, Any]) -> str:
    return ", ".join(list(fields)[:6])
