"""SpreadsheetML 2003: the XML text that Freshdesk and others export under the name `.xls`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connector.errors import ConfigurationError, IncompleteError
from connector.helpdesks.exports.tables import Cell, Limits, Line, Reading
from connector.helpdesks.exports.xml import Attributes, BrokenXml, Scanner, UnsafeXml, local, scan


@dataclass(frozen=True, slots=True)
class SpreadsheetML:
    """One worksheet of a SpreadsheetML file, by its position."""

    path: Path
    index: int
    name: str
    limits: Limits
    ragged: bool = True

    def rows(self, reading: Reading) -> Iterator[Line]:
        """Rows by the numbers the file gives them."""
        rows = _Rows(self.index, self.limits)
        try:
            for _ in scan(self.path, rows.scanner):
                yield from rows.take()
                if rows.full:
                    reading.cut(f"more than {self.limits.rows:,} rows")
                    return
        except (BrokenXml, UnsafeXml) as exc:
            yield from rows.take()
            reading.cut(f"row {rows.row}: {exc}; the file is cut short or damaged")


class _Rows:
    """Collects the rows of one worksheet from parser events."""

    def __init__(self, index: int, limits: Limits) -> None:
        self.scanner = Scanner(self._start, self._end, self._text, depth=limits.xml_depth)
        self.row = 0
        self.full = False
        self.names: list[str] = []
        self._limits = limits
        self._wanted = index
        self._ready: list[Line] = []
        self._cells: list[Cell] = []
        self._column = 0
        self._kind = ""
        self._parts: list[str] | None = None
        self._chars = 0

    def take(self) -> list[Line]:
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: Attributes) -> None:
        given = {local(key): value for key, value in attributes.items()} if attributes else {}
        if name == "Worksheet":
            self.names.append("" if given.get("Visible") else given.get("Name", f"Sheet{len(self.names) + 1}"))
            self.row = 0
        elif len(self.names) - 1 != self._wanted:
            return
        elif name == "Row":
            self.row = _place(given.get("Index"), self.row + 1)
            self._cells, self._column = [], 0
        elif name == "Cell":
            self._column = _place(given.get("Index"), self._column + 1)
            if self._column > self._limits.columns:
                msg = f"more than {self._limits.columns} columns"
                raise UnsafeXml(msg)
            self._cells.extend([""] * (self._column - len(self._cells)))
            self._merge = _place(given.get("MergeAcross"), 0)
        elif name == "Data":
            self._kind, self._parts, self._chars = given.get("Type", "String"), [], 0

    def _text(self, text: str) -> None:
        if self._parts is not None:
            self._chars += len(text)
            if self._chars > self._limits.cell_chars:
                msg = f"a cell is longer than {self._limits.cell_chars:,} characters"
                raise UnsafeXml(msg)
            self._parts.append(text)

    def _end(self, name: str) -> None:
        if len(self.names) - 1 != self._wanted:
            return
        if name == "Data" and self._parts is not None:
            if self._cells:
                self._cells[-1] = _value(self._kind, "".join(self._parts))
            self._parts = None
        elif name == "Cell":
            self._column += self._merge
        elif name == "Row" and any(cell != "" for cell in self._cells):
            self._ready.append((self.row, self._cells))
            self.full = self.full or self.row > self._limits.rows

    _merge = 0


def _place(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 9 else default


def _value(kind: str, text: str) -> Cell:
    try:
        if kind == "Number":
            number = float(text)
            return number if math.isfinite(number) else text
        if kind == "DateTime":
            return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return text
    if kind == "Boolean":
        return "true" if text.strip() in {"1", "true"} else "false"
    return text


def open_spreadsheetml(path: Path, head: bytes, limits: Limits) -> tuple[list[SpreadsheetML], list[str]]:
    """The visible worksheets of a SpreadsheetML file.

    Raises ConfigurationError for other markup and for a document type or entities; IncompleteError where the file is
    broken before its first worksheet.
    """
    plain = head.replace(b"\x00", b"").lower()
    if b"<html" in plain or (b"<table" in plain and b"<workbook" not in plain):
        msg = f"{path.name}: is a web page named like a workbook; export the tickets as CSV or XLSX"
        raise ConfigurationError(msg)
    rows = _Rows(-2, limits)
    root: list[str] = []
    inner = rows._start  # noqa: SLF001 - same module

    def start(name: str, attributes: Attributes) -> None:
        if not root:
            root.append(name)
            if name != "Workbook":
                msg = f"its root element is <{name[:40]}>, not <Workbook>"
                raise UnsafeXml(msg)
        inner(name, attributes)

    scanner = Scanner(start, lambda _: None, lambda _: None, depth=limits.xml_depth)
    warnings: list[str] = []
    try:
        for _ in scan(path, scanner):
            pass
    except UnsafeXml as exc:
        msg = f"{path.name}: refused, {exc}; export the tickets as CSV or XLSX"
        raise ConfigurationError(msg) from exc
    except BrokenXml as exc:
        if not rows.names:
            msg = f"{path.name}: {exc}; the file is cut short, export it again"
            raise IncompleteError(msg) from exc
    sheets = [SpreadsheetML(path, index, name, limits) for index, name in enumerate(rows.names) if name]
    if len(sheets) < len(rows.names):
        warnings.append(f"{path.name}: hidden worksheets were not read")
    return sheets, warnings
