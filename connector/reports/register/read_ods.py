"""Reads an OpenDocument spreadsheet, LibreOffice's own form: cells, covered cells, annotations, text boxes."""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path

from connector.helpdesks.exports.tables import Limits
from connector.helpdesks.exports.xlsx import checked
from connector.helpdesks.exports.xml import Attributes, BrokenXml, Scanner
from connector.reports.register.grid import CELLS, LIMITS, Grid, Note, TooMuch, number_text
from connector.reports.register.read_xlsx import date_text

_CONTENT = "content.xml"
_MANIFEST = "META-INF/manifest.xml"


class Encrypted(ValueError):  # noqa: N818 - what it is
    """The document has a password."""


def read_ods(path: Path, limits: Limits) -> list[Grid]:
    """Every sheet, hidden ones too. Raises as `read_xlsx`, and Encrypted."""
    with zipfile.ZipFile(path) as archive:
        parts = checked(path, archive, limits)
        if _MANIFEST in parts and b"encryption-data" in archive.read(_MANIFEST):
            raise Encrypted
        if _CONTENT not in parts:
            msg = "is an archive without a workbook"
            raise BrokenXml(msg)
        reader = _Content(limits)
        with archive.open(_CONTENT) as stream:
            for _ in reader.scanner.feed(stream):
                pass
        return reader.grids


class _Content:
    """Fills grids from the events of `content.xml`."""

    def __init__(self, limits: Limits) -> None:
        self.scanner = Scanner(self._start, self._end, self._text, depth=limits.xml_depth)
        self.grids: list[Grid] = []
        self.row = self.column = 0
        self.rows = self.columns = 1
        self.count = 0
        self.cell: Attributes = {}
        #: What texts go to now: the cell's own, an annotation's, or a text box's; each a list of paragraphs.
        self.texts: list[list[str]] = []
        self.authors: list[str] = []
        self.tags: list[str] = []

    def _start(self, tag: str, attributes: Attributes) -> None:
        self.tags.append(tag)
        if tag == "table":
            self.grids.append(Grid(attributes.get("table:name", "")))
            self.row = self.column = 0
        elif tag == "table-row":
            self.column = 0
            self.rows = _repeat(attributes, "table:number-rows-repeated")
        elif tag in ("table-cell", "covered-table-cell"):
            self.cell = attributes
            self.columns = _repeat(attributes, "table:number-columns-repeated")
            self.texts = [[]]
        elif tag in ("annotation", "text-box"):
            self.texts.append([])
            self.authors.append("")
        elif tag == "p" and self.texts:
            self.texts[-1].append("")
        elif tag == "line-break":
            self._add("\n")
        elif tag == "tab":
            self._add("\t")
        elif tag == "s":
            self._add(" " * _repeat(attributes, "text:c"))

    def _end(self, tag: str) -> None:
        self.tags.pop()
        if tag == "table-row":
            self.row += self.rows
        elif tag in ("annotation", "text-box") and len(self.texts) > 1:
            text, author = "\n".join(self.texts.pop()), self.authors.pop()
            if text.strip() and self.grids:
                self.grids[-1].notes.append(Note(self.row, self.column, author, text))
        elif tag in ("table-cell", "covered-table-cell") and self.grids:
            self._put(covered=tag.startswith("covered"))
            self.column += self.columns
            self.texts = []

    def _text(self, chars: str) -> None:
        if not self.tags or not self.texts:
            return
        if self.tags[-1] == "creator" and self.authors:
            self.authors[-1] += chars
        elif "p" in self.tags[-8:]:
            self._add(chars)

    def _add(self, chars: str) -> None:
        if self.texts and self.texts[-1]:
            self.texts[-1][-1] += chars

    def _put(self, *, covered: bool) -> None:
        grid, cell = self.grids[-1], self.cell
        over = (_repeat(cell, "table:number-rows-spanned"), _repeat(cell, "table:number-columns-spanned"))
        if over != (1, 1):
            grid.merged.append((self.row, self.column, self.row + over[0] - 1, self.column + over[1] - 1))
        text = "\n".join(self.texts[0]) if self.texts else ""
        kind, formula = cell.get("office:value-type", ""), cell.get("table:formula", "")
        if kind == "date":
            text = _date(cell.get("office:date-value", ""), text)
        elif kind == "float" and not formula:
            text = number_text(cell.get("office:value", text))
        elif kind == "boolean" and cell.get("office:boolean-value"):
            text = cell["office:boolean-value"].upper()
        elif formula and not text.strip():
            text = formula
        if not text.strip() or covered:
            return
        # A text repeated by the thousand is one text: what it says is read once in each column a person can see.
        for column in range(self.column, self.column + min(self.columns, LIMITS.columns)):
            self.count += 1
            if self.count > CELLS:
                msg = f"more than {CELLS:,} cells"
                raise TooMuch(msg)
            grid.put(self.row, column, text)


def _repeat(attributes: Attributes, name: str) -> int:
    text = attributes.get(name, "1")
    return max(int(text), 1) if text.isdigit() and len(text) < 9 else 1


def _date(value: str, shown: str) -> str:
    try:
        return date_text(datetime.fromisoformat(value).replace(tzinfo=None))
    except ValueError:
        return shown
