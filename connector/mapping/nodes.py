"""YAML text to a tree of nodes that know their places: YAML 1.2 scalars, no surprises, bounded in size.

Built from the parser's events, without recursion, so no nesting can exhaust the stack. Departures from YAML, each
reported with its place: duplicate keys, several documents in a file, tags other than `!!str`, merge keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from connector.mapping.problems import Problem, shown

MAX_BYTES = 2_000_000
MAX_NODES = 200_000  # aliases counted as often as they are used
MAX_DEPTH = 60

Kind = Literal["map", "list", "text", "int", "float", "bool", "null"]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\Z")
_HEX = re.compile(r"0(?:o[0-7]{1,16}|x[0-9a-fA-F]{1,14})\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,40}|(?:0|[1-9][0-9]{0,40})(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,3})?\Z")


class Source:
    """One file's text, by lines, for messages. `root` is how the pack was named, `file` the path inside it."""

    __slots__ = ("file", "lines", "root", "text")

    def __init__(self, file: str, text: str, root: str = "") -> None:
        self.file = file
        self.root = root
        self.text = text
        self.lines = _BREAKS.split(text)

    def line(self, number: int) -> str:
        """The text of a line counted from 1; empty beyond the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def problem(self, code: str, line: int, col: int, text: str, hint: str = "", length: int = 1) -> Problem:
        """A problem at a place of this file."""
        return Problem(code, self.file, line, col, text, hint, length, self.line(line), self.root)


@dataclass(slots=True, eq=False)
class Node:
    """One value of a file. `text` is a scalar as written (quotes taken off), `value` what YAML 1.2 makes of it.

    `items` holds the (key, value) pairs of a map, `children` the values of a list. `line` and `col` count from 1;
    `length` is for carets. `style` is the quote or block sign of a scalar, empty for a plain one.
    """

    kind: Kind
    source: Source
    line: int
    col: int
    length: int = 1
    end_line: int = 0
    text: str = ""
    value: Any = None
    style: str = ""
    items: list[tuple[Node, Node]] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)
    size: int = 1
    depth: int = 1
    faulty: bool = False  # what stands here was reported already; nothing more is said of it

    @property
    def is_scalar(self) -> bool:
        """True unless a map or a list."""
        return self.kind not in ("map", "list")

    def get(self, key: str) -> Node | None:
        """The value under a key of a map, or None."""
        return next((value for name, value in self.items if name.text == key), None)

    def key(self, key: str) -> Node | None:
        """The node of the key itself."""
        return next((name for name, _ in self.items if name.text == key), None)

    def problem(self, code: str, text: str, hint: str = "") -> Problem:
        """A problem at this node."""
        return self.source.problem(code, self.line, self.col, text, hint, self.length)

    def problem_at(self, token: str, code: str, text: str, hint: str = "") -> Problem:
        """A problem at a piece of this scalar's text; at the scalar itself where the piece can't be found."""
        for number in range(self.line, max(self.end_line, self.line) + 1):
            start = self.col - 1 if number == self.line else 0
            found = self.source.line(number).find(token, start) if token else -1
            if found >= 0:
                return self.source.problem(code, number, found + 1, text, hint, len(token))
        return self.problem(code, text, hint)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, keys too."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(node.children)
            for key, value in node.items:
                stack += (key, value)


def decode(raw: bytes, file: str, root: str = "") -> tuple[str, list[Problem]]:
    """The text of a file's bytes (UTF-8; a byte-order mark is kept), or an empty one and the problem."""
    here = Source(file, "", root)
    if len(raw) > MAX_BYTES:
        text = f"the file has {len(raw)} bytes; at most {MAX_BYTES} are read"
        return "", [here.problem("E007", 0, 0, text, "split it into several files")]
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "", [here.problem("E001", 1, 1, "the file is UTF-16, not UTF-8", "save it as UTF-8")]
    try:
        return raw.decode("utf-8"), []
    except UnicodeDecodeError as bad:
        before = Source(file, raw[: bad.start].decode("utf-8", "replace"), root)
        line, col = len(before.lines), len(before.lines[-1]) + 1
        place = Source(file, raw.decode("utf-8", "replace"), root)
        text = f"the file is not UTF-8: byte 0x{raw[bad.start]:02x} can't be read"
        return "", [place.problem("E001", line, col, text, "save it as UTF-8")]


def compose(text: str, file: str, root: str = "") -> tuple[Node | None, list[Problem]]:
    """The tree of a file's text, None where it is empty or can't be read, and all problems. Never raises."""
    source = Source(file, text.removeprefix("\ufeff"), root)
    if len(text) > MAX_BYTES:
        words = f"the file has {len(text)} characters; at most {MAX_BYTES} are read"
        return None, [source.problem("E007", 0, 0, words, "split it into several files")]
    bad = _UNPRINTABLE.search(source.text)
    if bad:
        before = _BREAKS.split(source.text[: bad.start()])
        words = f"the character U+{ord(bad.group()):04X} can't stand in a YAML file"
        return None, [source.problem("E001", len(before), len(before[-1]) + 1, words, "delete it")]
    composer = _Composer(source)
    try:
        composer.read(yaml.parse(source.text, Loader=_LOADER))
    except yaml.YAMLError as error:
        composer.problems.append(_syntax(error, source))
        return None, composer.problems
    except _TooMuch:
        return None, composer.problems
    return composer.root, composer.problems


class _TooMuch(Exception):  # noqa: N818 - a signal inside this module
    """Reading stops: a limit was passed; the problem is already kept."""


class _Composer:
    """Keeps the open maps and lists while events come in."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self._open: list[tuple[Node, str | None, list[Node]]] = []
        self._anchors: dict[str, Node] = {}
        self._unfinished: set[str] = set()
        self._nodes = 0
        self._documents = 0
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            yaml.DocumentStartEvent: self._document,
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceEndEvent: self._end,
            yaml.MappingEndEvent: self._end,
        }

    def read(self, events: Iterator[Any]) -> None:
        for event in events:
            handler = self._handlers.get(type(event))
            if handler is not None:
                handler(event)

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            line = event.start_mark.line + 1
            text = "a second YAML document starts here; a file holds one"
            self.problems.append(self.source.problem("E004", line, 1, text, "put it into a file of its own", 3))
            raise _TooMuch

    def _scalar(self, event: Any) -> None:
        node = self._node("text", event)
        node.text = event.value
        node.style = event.style or ""
        node.kind, node.value = _resolve(event.value) if not node.style and event.tag is None else ("text", event.value)
        if event.tag is not None and event.tag not in ("!", "tag:yaml.org,2002:str"):
            self._feature(node, f"the tag {shown(event.tag)} means nothing in a mapping", "leave it out")
        if event.anchor:
            self._anchors[event.anchor] = node
        self._add(node)

    def _start(self, event: Any) -> None:
        node = self._node("map" if isinstance(event, yaml.MappingStartEvent) else "list", event)
        if event.tag is not None and event.tag not in (
            "!",
            "tag:yaml.org,2002:map",
            "tag:yaml.org,2002:seq",
        ):
            self._feature(node, f"the tag {shown(event.tag)} means nothing in a mapping", "leave it out")
        if len(self._open) >= MAX_DEPTH:
            text = f"more than {MAX_DEPTH} maps and lists inside each other"
            self.problems.append(node.problem("E007", text))
            raise _TooMuch
        if event.anchor:
            self._unfinished.add(event.anchor)
        self._open.append((node, event.anchor, []))

    def _end(self, event: Any) -> None:
        node, anchor, parts = self._open.pop()
        node.end_line = event.end_mark.line + 1
        if node.kind == "list":
            node.children = parts
        else:
            self._pair(node, parts)
        node.size += sum(part.size for part in parts)
        node.depth += max((part.depth for part in parts), default=0)
        if anchor:
            self._unfinished.discard(anchor)
            self._anchors[anchor] = node
        self._add(node)

    def _alias(self, event: Any) -> None:
        name = event.anchor
        node = self._anchors.get(name)
        if name in self._unfinished or node is None:
            here = self._node("null", event)
            why = "contains itself" if name in self._unfinished else "has no anchor before it"
            hint = "" if name in self._unfinished else f"write &{shown(name)} at the value that is meant"
            self.problems.append(here.problem("E005", f"the alias *{shown(name)} {why}", hint))
            here.faulty = True
            node = here
        else:
            self._nodes += node.size
        self._add(node)

    def _pair(self, node: Node, parts: list[Node]) -> None:
        seen: dict[str, Node] = {}
        for key, value in zip(parts[::2], parts[1::2], strict=True):
            if not key.is_scalar or key.kind == "null":
                self._feature(key, "a key must be one word or text", "")
                continue
            if key.text == "<<" and not key.style:
                self._feature(key, "merge keys (<<) are not part of the mapping language", "repeat the fields")
                continue
            first = seen.get(key.text)
            if first is not None:
                text = f"the key '{shown(key.text)}' stands twice: first at {first.line}:{first.col}"
                self.problems.append(key.problem("E002", text, "keep one of them"))
                continue
            seen[key.text] = key
            node.items.append((key, value))

    def _feature(self, node: Node, text: str, hint: str) -> None:
        self.problems.append(node.problem("E006", text, hint))

    def _node(self, kind: Kind, event: Any) -> Node:
        self._nodes += 1
        start, end = event.start_mark, event.end_mark
        line = start.line + 1
        length = end.column - start.column if end.line == start.line else 1
        return Node(kind, self.source, line, start.column + 1, max(1, length), end.line + 1)

    def _add(self, node: Node) -> None:
        for _, _, parts in self._open[-1:]:
            parts.append(node)
        if self._nodes > MAX_NODES or len(self._open) + node.depth > MAX_DEPTH + 1:
            text = f"the file holds more than {MAX_NODES} values or {MAX_DEPTH} levels once its aliases are followed"
            self.problems.append(node.problem("E007", text, "use fewer aliases"))
            raise _TooMuch
        if not self._open:
            self.root = node


def _resolve(text: str) -> tuple[Kind, Any]:
    """A plain scalar by the core schema of YAML 1.2; a number with a leading zero is a code and stays text."""
    if text in _NULLS:
        return "null", None
    if text in _BOOLS:
        return "bool", _BOOLS[text]
    if _INT.match(text):
        return "int", int(text)
    if _HEX.match(text):
        return "int", int(text, 0)
    if _FLOAT.match(text):
        number = float(text)
        return ("float", number) if abs(number) < 1e300 else ("text", text)
    return "text", text


def _syntax(error: yaml.YAMLError, source: Source) -> Problem:
    """A parser's complaint in one line, with what most often causes it."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or "it can't be read"
    context = getattr(error, "context", None)
    line, col = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    line = min(line, len(source.lines))
    text = f"not YAML: {shown(str(what), 120)}" + (f" ({shown(str(context), 80)})" if context else "")
    if "quoted scalar" in str(context) and error.context_mark is not None:  # type: ignore[attr-defined]
        line, col = error.context_mark.line + 1, error.context_mark.column + 1  # type: ignore[attr-defined]
    indent = source.line(line)[: len(source.line(line)) - len(source.line(line).lstrip())]
    hint = ""
    if "\t" in indent or "\t" in source.line(line)[: col + 1]:
        hint = "indent with spaces, not with tabs"
    elif "mapping values" in text:
        first = ":" not in source.line(line)[: col - 1]
        hint = "check the indentation of this line" if first else "a text with ': ' inside needs quotes"
    elif "alias" in text or "anchor" in text or "cannot start any token" in text:
        hint = "put the text in quotes"
    elif "expected <block end>" in text or "did not find expected key" in text:
        hint = "check the indentation of this line and the ones above"
    elif "unexpected end of stream" in text or "quoted scalar" in text:
        hint = "a closing quote is missing"
    return source.problem("E001", line, min(col, len(source.line(line)) + 1), text, hint)
