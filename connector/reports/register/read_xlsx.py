"""Reads an XLSX workbook whole: cells of every kind, hidden sheets and rows too, annotations, threads and text boxes.

The reader of exports (`connector.helpdesks.exports.xlsx`) looks for the values of a table and leaves hidden sheets,
merged areas, formulas without a result and everything beside the cells out; here any of them may hold a comment.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from connector.helpdesks.exports.tables import Limits
from connector.helpdesks.exports.xlsx import checked, date_styles, related, scan_part
from connector.helpdesks.exports.xlsx_rows import SharedTexts, plain_text, serial_date
from connector.helpdesks.exports.xml import Attributes, BrokenXml, Scanner, local
from connector.reports.register.grid import CELLS, Grid, Note, TooMuch, number_text, position

_MOST_SHEETS = 1_000
_TEXTS = frozenset(["v", "t", "f"])


def read_xlsx(path: Path, limits: Limits) -> list[Grid]:
    """Every sheet in the workbook's order.

    Raises ConfigurationError (a bomb, encrypted), TooMuch, BrokenXml, UnsafeXml and the errors of a damaged archive.
    """
    with zipfile.ZipFile(path) as archive, SharedTexts() as texts:
        parts = checked(path, archive, limits)
        book = _Book(archive, parts, texts, limits)
        return [book.sheet(name, part) for name, part in book.sheets()]


class _Book:
    def __init__(self, archive: zipfile.ZipFile, parts: frozenset[str], texts: SharedTexts, limits: Limits) -> None:
        self.archive, self.parts, self.texts, self.limits = archive, parts, texts, limits
        self.main = related(archive, "_rels/.rels", "", limits).get("officeDocument", ["xl/workbook.xml"])[0]
        if self.main not in parts:
            msg = "is an archive without a workbook"
            raise BrokenXml(msg)
        kinds = self._relations(self.main)
        self.dates = date_styles(archive, kinds.get("styles", [""])[0], parts, limits)
        self.base_1904 = False
        self.cells = 0
        shared = kinds.get("sharedStrings", [""])[0]
        if shared in parts:
            texts.load(archive, shared, limits)

    def _relations(self, part: str) -> dict[str, list[str]]:
        folder, name = posixpath.split(part)
        return related(self.archive, posixpath.join(folder, "_rels", name + ".rels"), folder, self.limits)

    def sheets(self) -> list[tuple[str, str]]:
        """(name, part) of every worksheet, hidden ones too."""
        folder, name = posixpath.split(self.main)
        by_id: dict[str, str] = {}

        def relation(tag: str, attributes: Attributes) -> None:
            if tag == "Relationship" and attributes.get("TargetMode") != "External":
                target = attributes.get("Target", "")
                by_id[attributes.get("Id", "")] = (
                    target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
                )

        rels = posixpath.join(folder, "_rels", name + ".rels")
        if rels in self.parts:
            scan_part(self.archive, rels, relation, self.limits)
        found: list[tuple[str, str]] = []

        def sheet(tag: str, attributes: Attributes) -> None:
            if tag == "sheet":
                key = next((value for key, value in attributes.items() if local(key) == "id" and ":" in key), "")
                found.append((attributes.get("name", ""), by_id.get(key, "")))
            elif tag == "workbookPr":
                self.base_1904 = attributes.get("date1904", "0") in {"1", "true"}

        scan_part(self.archive, self.main, sheet, self.limits)
        if len(found) > _MOST_SHEETS:
            msg = f"more than {_MOST_SHEETS:,} sheets"
            raise TooMuch(msg)
        return [(name, part) for name, part in found if part in self.parts and "chartsheets" not in part]

    def sheet(self, name: str, part: str) -> Grid:
        """One sheet with its annotations and text boxes."""
        grid = Grid(name)
        reader = _Cells(grid, self)
        with self.archive.open(part) as stream:
            for _ in reader.scanner.feed(stream):
                pass
        kinds = self._relations(part)
        threads = [note for one in kinds.get("threadedComment", ()) for note in self._threads(one)]
        threaded = {(note.row, note.column) for note in threads}
        plain = [note for one in kinds.get("comments", ()) for note in self._comments(one)]
        # A thread is kept a second time as an annotation, with a notice for old programs before it.
        grid.notes = [*threads, *(one for one in plain if (one.row, one.column) not in threaded)]
        for one in kinds.get("drawing", ()):
            grid.notes.extend(self._boxes(one))
        return grid

    def _feed(self, part: str, start: Callable[[str, Attributes], None], end: Callable[[str], None],
              text: Callable[[str], None]) -> None:  # fmt: skip
        if part in self.parts:
            with self.archive.open(part) as stream:
                for _ in Scanner(start, end, text, depth=self.limits.xml_depth).feed(stream):
                    pass

    def _comments(self, part: str) -> list[Note]:
        found: list[Note] = []
        authors: list[str] = []
        parts: list[str] = []
        now = {"ref": "", "author": ""}
        inside = [False, False]  # a text, a phonetic guide

        def start(tag: str, attributes: Attributes) -> None:
            if tag == "comment":
                now["ref"], now["author"] = attributes.get("ref", ""), attributes.get("authorId", "")
                parts.clear()
            elif tag == "author":
                parts.clear()
            elif tag == "rPh":
                inside[1] = True
            inside[0] = tag in ("t", "author") and not inside[1]

        def end(tag: str) -> None:
            inside[0] = False
            if tag == "author":
                authors.append("".join(parts))
            elif tag == "rPh":
                inside[1] = False
            elif tag == "comment" and (at := position(now["ref"])):
                number = int(now["author"]) if now["author"].isdigit() else -1
                found.append(Note(*at, authors[number] if 0 <= number < len(authors) else "", "".join(parts)))

        self._feed(part, start, end, lambda chars: parts.append(chars) if inside[0] else None)
        return found

    def _threads(self, part: str) -> list[Note]:
        found: list[Note] = []
        parts: list[str] = []
        now = {"ref": ""}
        inside = [False]

        def start(tag: str, attributes: Attributes) -> None:
            if tag == "threadedComment":
                now["ref"] = attributes.get("ref", "")
                parts.clear()
            inside[0] = tag == "text"

        def end(tag: str) -> None:
            inside[0] = False
            if tag == "threadedComment" and (at := position(now["ref"])):
                found.append(Note(*at, "", "".join(parts)))

        self._feed(part, start, end, lambda chars: parts.append(chars) if inside[0] else None)
        return found

    def _boxes(self, part: str) -> list[Note]:
        """Texts of text boxes, where they begin."""
        found: list[Note] = []
        parts: list[str] = []
        where = {"row": "0", "col": "0"}
        now = {"tag": "", "in": ""}

        def start(tag: str, _: Attributes) -> None:
            now["tag"] = tag
            if tag in ("twoCellAnchor", "oneCellAnchor", "absoluteAnchor"):
                where.update(row="0", col="0")
            elif tag == "from":
                now["in"] = "from"
            elif tag == "txBody":
                parts.clear()
            elif tag in ("br", "p") and parts:
                parts.append("\n")

        def end(tag: str) -> None:
            now["tag"] = ""
            if tag == "from":
                now["in"] = ""
            elif tag == "txBody" and "".join(parts).strip():
                row, column = (int(where[one]) if where[one].isdigit() else 0 for one in ("row", "col"))
                found.append(Note(row, column, "", "".join(parts)))

        def text(chars: str) -> None:
            if now["in"] == "from" and now["tag"] in where:
                where[now["tag"]] = chars.strip()
            elif now["tag"] == "t":
                parts.append(chars)

        self._feed(part, start, end, text)
        return found


class _Cells:
    """Fills a grid from the events of one worksheet."""

    def __init__(self, grid: Grid, book: _Book) -> None:
        self.scanner = Scanner(self._start, self._end, self._text, depth=book.limits.xml_depth)
        self.grid, self.book = grid, book
        self.row = self.column = -1
        self.kind, self.style = "n", -1
        self.inside: str | None = None
        self.guide = False
        self.parts: dict[str, list[str]] = {}

    def _start(self, tag: str, attributes: Attributes) -> None:
        if tag == "c":
            at = position(attributes.get("r", ""))
            if at is None:
                self.column += 1
            else:
                self.row, self.column = at
            style = attributes.get("s", "")
            self.kind, self.style = attributes.get("t", "n"), int(style) if style.isdigit() else -1
            self.parts = {}
        elif tag == "row":
            number = attributes.get("r", "")
            self.row = int(number) - 1 if number.isdigit() and len(number) < 9 else self.row + 1
            self.column = -1
        elif tag == "rPh":
            self.guide = True
        elif tag in _TEXTS:
            self.inside = None if self.guide else tag
        elif tag == "mergeCell":
            self.grid.merge(attributes.get("ref", ""))

    def _text(self, chars: str) -> None:
        if self.inside is not None:
            self.parts.setdefault(self.inside, []).append(chars)

    def _end(self, tag: str) -> None:
        if tag in _TEXTS:
            self.inside = None
        elif tag == "rPh":
            self.guide = False
        elif tag == "c" and self.parts:
            self.book.cells += 1
            if self.book.cells > CELLS:
                msg = f"more than {CELLS:,} cells"
                raise TooMuch(msg)
            self.grid.put(self.row, self.column, self._value())

    def _value(self) -> str:
        formula = "".join(self.parts.get("f", ()))
        text = "".join(self.parts.get("v") or self.parts.get("t") or ())
        if self.kind == "e":
            return f"={formula} ({text})" if formula else text
        if formula and not text.strip():
            return f"={formula}"
        if self.kind == "s":
            return self.book.texts[int(text)] if text.strip().isdigit() else ""
        if self.kind in {"str", "inlineStr"}:
            return plain_text(text)
        if self.kind == "b":
            return "TRUE" if text.strip() == "1" else "FALSE"
        if self.kind == "d":
            try:
                return date_text(datetime.fromisoformat(text).replace(tzinfo=None))
            except ValueError:
                return text
        return self._number(text.strip())

    def _number(self, text: str) -> str:
        if self.style in self.book.dates:
            try:
                serial = float(text)
            except ValueError:
                return text
            at = serial_date(serial, base_1904=self.book.base_1904)
            if at is not None:
                return date_text(at)
            if 0 <= serial < 1:
                minutes = round(serial * 1440)
                return f"{minutes // 60:02}:{minutes % 60:02}"
        return number_text(text)


def date_text(at: datetime) -> str:
    """A spreadsheet's date as the register shows dates; without a time where it is midnight's."""
    if at.second >= 30:  # the nearest minute: programs keep dates as fractions of a day
        at += timedelta(seconds=60 - at.second)
    return at.strftime("%Y-%m-%d") if (at.hour, at.minute) == (0, 0) else at.strftime("%Y-%m-%d %H:%M")
