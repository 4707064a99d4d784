"""The rows of one XLSX worksheet from parser events, and the workbook's shared texts kept within bounded memory."""

from __future__ import annotations

import math
import re
import tempfile
import zipfile
from array import array
from datetime import datetime, timedelta
from typing import IO, Self

from connector.helpdesks.exports.tables import Cell, Limits, Line
from connector.helpdesks.exports.xml import Attributes, Scanner, UnsafeXml

_EPOCH_1900 = datetime(1899, 12, 30)  # noqa: DTZ001 - spreadsheets know no zone
_EPOCH_1904 = datetime(1904, 1, 1)  # noqa: DTZ001
_KEPT_CHARS = 16_000_000  # shared texts up to this size stay in memory; the rest waits in a temporary file
#: Elements of cells; their names mostly come without prefix.
_KNOWN = frozenset(["c", "v", "row", "is", "t", "r", "f", "rPr", "rPh"])
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def plain_text(text: str) -> str:
    """A text with the format's own escapes (`_x000D_`) undone."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def serial_date(serial: float, *, base_1904: bool = False) -> datetime | None:
    """A spreadsheet's day number as a local date and time, to the second; None outside the years 1900 to 9999."""
    if not 1 <= serial < 2_958_466:
        return None
    base = _EPOCH_1904 if base_1904 else _EPOCH_1900
    try:
        return base + timedelta(seconds=round(serial * 86_400))
    except OverflowError:
        return None


class SharedTexts:
    """Texts that cells refer to by number. Past a bound they live in an unnamed temporary file, 8 bytes each here."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._chars = 0
        self._file: IO[bytes] | None = None
        self._offsets = array("Q")
        self._last: dict[int, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def __getitem__(self, index: int) -> str:
        if index < len(self._kept):
            return self._kept[index]
        index -= len(self._kept)
        if self._file is None or index + 1 >= len(self._offsets):
            msg = "a cell refers to a shared text that is not there"
            raise UnsafeXml(msg)
        text = self._last.get(index)
        if text is None:
            self._file.seek(self._offsets[index])
            text = self._file.read(self._offsets[index + 1] - self._offsets[index]).decode("utf-8", "surrogatepass")
            if len(self._last) > 10_000:
                self._last.clear()
            self._last[index] = text
        return text

    def add(self, text: str) -> None:
        """Append the next text."""
        if self._file is None and self._chars < _KEPT_CHARS:
            self._kept.append(text)
            self._chars += len(text) + 50
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
            self._offsets.append(0)
        written = text.encode("utf-8", "surrogatepass")
        self._file.write(written)
        self._offsets.append(self._offsets[-1] + len(written))

    def load(self, archive: zipfile.ZipFile, part: str, limits: Limits) -> None:
        """Read the workbook's shared texts; phonetic guides are left out."""
        parts: list[str] = []
        state = {"inside": False, "guide": False, "chars": 0}

        def start(tag: str, _: Attributes) -> None:
            if tag == "si":
                parts.clear()
                state["chars"] = 0
            elif tag == "t":
                state["inside"] = not state["guide"]
            elif tag == "rPh":
                state["guide"] = True

        def end(tag: str) -> None:
            if tag == "si":
                self.add(plain_text("".join(parts)))
            elif tag == "t":
                state["inside"] = False
            elif tag == "rPh":
                state["guide"] = False

        def text(chars: str) -> None:
            if state["inside"]:
                state["chars"] += len(chars)
                if state["chars"] > limits.cell_chars:
                    msg = f"a text is longer than {limits.cell_chars:,} characters"
                    raise UnsafeXml(msg)
                parts.append(chars)

        with archive.open(part) as stream:
            for _ in Scanner(start, end, text, depth=limits.xml_depth).feed(stream):
                pass


class SheetRows:
    """Collects rows; `take` hands on those finished since the last call."""

    def __init__(self, texts: SharedTexts, dates: frozenset[int], limits: Limits, *, base_1904: bool) -> None:
        self.scanner = Scanner(self._start, self._end, self._text, depth=None)
        self.row = 0
        self._depth = 0
        self._texts, self._dates, self._limits, self._base_1904 = texts, dates, limits, base_1904
        self._ready: list[Line] = []
        self._cells: list[Cell] = []
        self._column = -1
        self._columns: dict[str, int] = {}
        self._kind, self._style = "n", -1
        self._inside = self._guide = False
        self._parts: list[str] = []
        self._chars = 0

    def take(self) -> list[Line]:
        """Finished rows, blank ones left out."""
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: Attributes) -> None:
        tag = name if name in _KNOWN else self._deeper(name, 1)
        if tag == "c":
            place = attributes.get("r")
            if place:
                letters = place.rstrip("0123456789")
                column = self._columns.get(letters)
                self._column = self._learn(letters) if column is None else column
            else:
                self._column += 1
            self._kind = attributes.get("t", "n")
            style = attributes.get("s")
            self._style = int(style) if style is not None and style.isdigit() else -1
            self._parts = []
            self._chars = 0
        elif tag in {"v", "t"}:
            self._inside = not self._guide
        elif tag == "row":
            number = attributes.get("r", "")
            self.row = int(number) if number.isdigit() and len(number) < 9 else self.row + 1
            self._cells = []
            self._column = -1
        elif tag == "rPh":
            self._guide = True

    def _text(self, chars: str) -> None:
        if self._inside:
            self._chars += len(chars)
            if self._chars > self._limits.cell_chars:
                msg = f"a cell is longer than {self._limits.cell_chars:,} characters"
                raise UnsafeXml(msg)
            self._parts.append(chars)

    def _end(self, name: str) -> None:
        tag = name if name in _KNOWN else self._deeper(name, -1)
        if tag in {"v", "t"}:
            self._inside = False
        elif tag == "c":
            parts = self._parts
            if parts:
                value = self._value(parts[0] if len(parts) == 1 else "".join(parts))
                if value != "":
                    self._put(value)
        elif tag == "row":
            if self._cells:
                self._ready.append((self.row, self._cells))
        elif tag == "rPh":
            self._guide = False

    def _deeper(self, name: str, step: int) -> str:
        """Any element but those of a cell: its local name, and how deep it stands."""
        self._depth += step
        if self._depth > self._limits.xml_depth:
            msg = f"elements nest deeper than {self._limits.xml_depth}"
            raise UnsafeXml(msg)
        return name.rpartition(":")[2]

    def _put(self, value: Cell) -> None:
        column = self._column
        if column >= self._limits.columns:
            msg = f"more than {self._limits.columns} columns"
            raise UnsafeXml(msg)
        cells = self._cells
        if column > len(cells):
            cells.extend([""] * (column - len(cells)))
        if column == len(cells):
            cells.append(value)
        elif column >= 0:
            cells[column] = value

    def _value(self, text: str) -> Cell:
        kind = self._kind
        if kind == "s":
            return self._texts[int(text)] if text.strip().isdigit() else ""
        if kind in {"str", "inlineStr", "e"}:
            return plain_text(text)
        if kind == "b":
            return "true" if text.strip() == "1" else "false"
        if kind == "d":
            try:
                return datetime.fromisoformat(text).replace(tzinfo=None)
            except ValueError:
                return text
        try:
            number = float(text)
        except ValueError:
            return text
        if not math.isfinite(number):
            return text
        if self._style in self._dates:
            at = serial_date(number, base_1904=self._base_1904)
            if at is not None:
                return at
        return number

    def _learn(self, letters: str) -> int:
        column = 0
        for letter in letters[:4].upper():
            column = column * 26 + ord(letter) - 64
        self._columns[letters] = column - 1
        return column - 1
