"""A register that comes back: which rows a person changed, whatever happened to the workbook on its way.

A row is known by the hidden id. Where sorting tore hidden cells and visible ones apart, the ticket and the date that
stand in the row win, and the hidden cells of the row they were written in are looked up. Columns are known by the
hidden first row, else by their headings in any language. Nothing is thrown away here: what belongs to no row comes out
as a row without ticket.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.errors import ConfigurationError, IncompleteError
from connector.reports.register.book import HIDDEN, MARK, cell_digest
from connector.reports.register.build import DATES
from connector.reports.register.grid import LIMITS, Grid, Note, TooMuch, place_of
from connector.reports.register.texts import folded, tidy
from connector.reports.register.words import COLUMNS, OURS, SUMMARY_COLUMNS, UNMATCHED_COLUMNS, column_of, is_origin

#: Rows with something written that one file may bring; far above any register kept by people.
MOST = 50_000
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
_NAMES = frozenset([*HIDDEN, *COLUMNS, *SUMMARY_COLUMNS, *UNMATCHED_COLUMNS])
_SEAL = '{"at":'
_FIGURES = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class EditedRow:
    """One row as it came back. Texts are tidy.

    `id`, `base`, `stamp`: from the hidden cells written for this row (None and empty where they are lost). `comment`:
    the comments now; None where the row has no such cell, or it lies under another one. `added`: texts written
    elsewhere in the row, with their heading. `others`: the row's further texts, of use where no case is found for it.
    """

    tab: str
    cell: str
    id: str | None
    ticket: str
    at: str
    base: str | None
    stamp: str
    comment: str | None
    added: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EditedBook:
    """A register that came back: its file's name and SHA-256, the account it says it is of, and the rows that count."""

    file: str
    sha256: str
    account: str | None
    rows: tuple[EditedRow, ...]


def read_book(path: Path) -> EditedBook:
    """Read a workbook. Raises ConfigurationError for none or too large a one, IncompleteError for a damaged one."""
    content = _content(path)
    grids = _grids(path, content[:8])
    accounts: list[str] = []
    rows: list[EditedRow] = []
    known = _written(grids)
    for grid in grids:
        for row in _Sheet(grid, known, accounts).rows():
            rows.append(row)
            if len(rows) > MOST:
                msg = f"{path.name}: more than {MOST:,} rows that are no rows of a register; nothing was taken over"
                raise ConfigurationError(msg)
    account = accounts[0] if len(set(accounts)) == 1 else None
    return EditedBook(tidy(path.name).replace("\n", " "), hashlib.sha256(content).hexdigest(), account, tuple(rows))


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LIMITS.file_bytes:
            msg = f"{path.name}: {size:,} bytes, more than the {LIMITS.file_bytes:,} allowed for a register"
            raise ConfigurationError(msg)
        return path.read_bytes()
    except OSError as error:
        msg = f"{path}: can't be read ({error.strerror})"
        raise ConfigurationError(msg) from error


def _grids(path: Path, head: bytes) -> list[Grid]:
    import zipfile

    from connector.helpdesks.exports.xlsx import DAMAGED
    from connector.helpdesks.exports.xml import BrokenXml, UnsafeXml
    from connector.reports.register.read_ods import Encrypted, read_ods
    from connector.reports.register.read_xlsx import read_xlsx

    if head.startswith(b"\xd0\xcf\x11\xe0"):
        msg = f"{path.name}: has a password or is an old .xls; save it as .xlsx without a password"
        raise ConfigurationError(msg)
    if not head.startswith(b"PK"):
        msg = f"{path.name}: is no workbook; hand back the register as .xlsx or .ods"
        raise ConfigurationError(msg)
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
        if "xl/workbook.bin" in names:
            msg = f"{path.name}: is a binary workbook (.xlsb); save it as .xlsx"
            raise ConfigurationError(msg)
        return read_ods(path, LIMITS) if "content.xml" in names else read_xlsx(path, LIMITS)
    except (UnsafeXml, TooMuch) as error:
        msg = f"{path.name}: refused, {error}; nothing was taken over"
        raise ConfigurationError(msg) from error
    except Encrypted as error:
        msg = f"{path.name}: has a password; save it without one"
        raise ConfigurationError(msg) from error
    except (*DAMAGED, BrokenXml, ValueError) as error:
        msg = f"{path.name}: the workbook is damaged or cut short ({type(error).__name__}); nothing was taken over"
        raise IncompleteError(msg) from error


# --- what was written --------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Hidden:
    """The hidden cells of one row. `readable` is False where the seal is not one of ours."""

    id: str
    base: str | None
    stamp: str = ""
    ticket: str = ""
    at: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    readable: bool = False

    def wrote(self, name: str | None, text: str) -> bool:
        """Whether this text stood in this column of the row; without a name, in any."""
        digest = cell_digest(text)
        return digest == self.digests.get(name) if name else digest in self.digests.values() or text == self.base


def _written(grids: list[Grid]) -> dict[tuple[str, str], list[_Hidden]]:
    """(ticket, date) -> hidden cells of the rows written for them, from the whole workbook."""
    found: dict[tuple[str, str], dict[str, _Hidden]] = {}
    for grid in grids:
        keys: dict[str, int] = {}
        for number in sorted(grid.cells):
            row = grid.cells[number]
            keys = _key_row(row) or _sealed(row, keys)
            hidden = _hidden(row, keys)
            if hidden is not None and hidden.readable and hidden.id:
                found.setdefault((hidden.ticket, hidden.at), {}).setdefault(hidden.id, hidden)
    return {key: list(those.values()) for key, those in found.items()}


def _key_row(row: Mapping[int, str]) -> dict[str, int] | None:
    """Column name -> place, where this is the hidden first row of a tab."""
    mark = next((at for at, text in row.items() if text.startswith(MARK)), None)
    if mark is None and len(row) >= 3 and all(text in _NAMES or _is_comments(text) for text in row.values()):
        return {text: at for at, text in sorted(row.items(), reverse=True)}  # the hidden columns were deleted
    if mark is None or "seal" not in row.values():
        return None
    keys = {"id": mark}
    for at, text in sorted(row.items()):
        if at != mark:
            keys.setdefault(text, at)
    return keys


def _sealed(row: Mapping[int, str], keys: dict[str, int]) -> dict[str, int]:
    """The places known so far, and those of the hidden cells where only a seal tells them."""
    if "seal" not in keys:
        at = next((at for at, text in row.items() if text.startswith(_SEAL)), None)
        if at is not None:
            return {**keys, "id": at - 1, "seal": at, "base": at + 1}
    return keys


def _hidden(row: Mapping[int, str], keys: Mapping[str, int]) -> _Hidden | None:
    if "seal" not in keys:
        return None
    own = {name: row.get(keys[name], "") if name in keys else "" for name in HIDDEN}
    base = tidy(own["base"]) if "base" in keys else None
    try:
        told: Any = json.loads(own["seal"])
        digests = {str(key): str(value) for key, value in told["h"].items()}
        return _Hidden(own["id"], base, str(told["w"]), str(told["t"]), str(told["at"]), digests, readable=True)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _Hidden(own["id"], base) if own["id"] else None


# --- rows --------------------------------------------------------------------------------------------------------
class _Sheet:
    """Goes down one sheet and hands out the rows that say something."""

    def __init__(self, grid: Grid, known: Mapping[tuple[str, str], list[_Hidden]], accounts: list[str]) -> None:
        self.grid, self.known, self.accounts = grid, known, accounts
        self.keys: dict[str, int] = {}
        self.heads: dict[int, str] = {}
        self.notes: dict[int, list[Note]] = {}
        for note in grid.notes:
            self.notes.setdefault(note.row, []).append(note)

    def rows(self) -> Iterator[EditedRow]:
        """Rows in order."""
        for number in sorted({*self.grid.cells, *self.notes}):
            cells = self.grid.cells.get(number, {})
            found = _key_row(cells)
            if found is not None:
                self.accounts.extend(text.removeprefix(MARK) for text in cells.values() if text.startswith(MARK))
                self.keys, self.heads = found, {}
                cells = {}
            elif self._is_heading(cells) or _is_ours(cells):
                cells = {}
            self.keys = _sealed(cells, self.keys)
            row = self._row(number, cells)
            if row is not None:
                yield row

    def _is_heading(self, cells: Mapping[int, str]) -> bool:
        if "seal" in self.keys and cells.get(self.keys["seal"]) == "seal":
            self.heads = dict(cells)
            return True
        if any(text.startswith(_SEAL) for text in cells.values()):
            return False
        named = {at: column for at, text in cells.items() if (column := column_of(text))}
        if len(set(named.values())) < 3 and not {"ticket", "comments"} <= set(named.values()):
            return False
        # A table pasted in without its hidden row, or a workbook that lost it.
        self.keys = {column: at for at, column in sorted(named.items(), reverse=True)}
        self.keys |= {text: at for at, text in cells.items() if text in HIDDEN}
        self.heads = dict(cells)
        return True

    def _row(self, number: int, cells: Mapping[int, str]) -> EditedRow | None:
        names = {at: name for name, at in self.keys.items()}
        visible = {at: tidy(text) for at, text in cells.items() if names.get(at) not in HIDDEN and tidy(text)}
        mine = {
            names[at]: _as_date(text) if names[at] in DATES else text for at, text in visible.items() if at in names
        }
        hidden = self._own(_hidden(cells, self.keys), mine)
        added: list[str] = []
        others: list[str] = []
        places: list[int] = []
        for column, text in sorted(visible.items()):
            name = names.get(column)
            if name is not None and _is_comments(name):
                continue
            if hidden is not None and hidden.readable:
                if not hidden.wrote(name, mine.get(name or "", text)):
                    added.append(self._named(column, text))
                    places.append(column)
            elif name is None:
                added.append(self._named(column, text))
                places.append(column)
            elif name != "ticket":
                # In a row typed by hand all is somebody's words; without hidden columns nobody can tell.
                typed = hidden is None and "seal" in self.keys and not (name == "when" and _DATE.fullmatch(mine[name]))
                (added if typed else others).append(self._named(column, text))
        for note in self.notes.get(number, ()):
            author = tidy(note.author)
            places.append(note.column)
            added.append(self._named(note.column, tidy(f"{author}: {note.text}" if author else note.text)))
        comment = self._comment(number, cells)
        base = hidden.base if hidden is not None else None
        ticket, at = mine.get("ticket", ""), mine.get("when", "")
        if not (added or others or comment or (base and comment is not None) or (hidden is None and ticket)):
            return None
        if hidden is not None and hidden.readable and hidden.id:
            ticket, at = hidden.ticket, hidden.at
        told = self.keys.get("comments") if comment and comment != base else None
        first = places[0] if places else self.keys.get("comments", min(visible, default=0))
        return EditedRow(
            self.grid.name, place_of(number, first if told is None else told), (hidden.id or None) if hidden else None,
            ticket, at, base, hidden.stamp if hidden else "", comment, tuple(added), tuple(others),
        )  # fmt: skip

    def _own(self, own: _Hidden | None, mine: Mapping[str, str]) -> _Hidden | None:
        """The hidden cells that were written for the row in which this ticket and date stand."""
        ticket, at = mine.get("ticket", ""), mine.get("when", "")
        if own is not None and (not ticket or (own.ticket, own.at) == (ticket, at)):
            return own
        candidates = self.known.get((ticket, at), []) if ticket else []
        if not candidates:
            return own

        def likeness(one: _Hidden) -> int:
            return sum(one.digests.get(name) == cell_digest(text) for name, text in mine.items())

        return max(candidates, key=likeness)

    def _comment(self, number: int, cells: Mapping[int, str]) -> str | None:
        places = sorted((at for name, at in self.keys.items() if _is_comments(name)), key=self._part)
        if not places or self.grid.covered(number, places[0]):
            return None
        return tidy("".join(cells.get(at, "") for at in places))

    def _part(self, at: int) -> int:
        name = next(name for name, place in self.keys.items() if place == at)
        return int(name.rpartition(" ")[2]) if " " in name else 1

    def _named(self, column: int, text: str) -> str:
        head = tidy(self.heads.get(column, "")).replace("\n", " ")
        return f"{head}: {text}" if head else text


def _is_ours(cells: Mapping[int, str]) -> bool:
    """Whether a row that lost its hidden cells is one of the summary's, or a hint, and nobody's words."""
    if any(text.startswith(_SEAL) for text in cells.values()):
        return False
    texts = [tidy(text) for _, text in sorted(cells.items()) if tidy(text)]
    if len(texts) == 5 and all(_FIGURES.fullmatch(text) for text in texts[1:]):
        return True
    return bool(texts) and (
        all(folded(text) in OURS for text in texts) or (len(texts) == 2 and is_origin(texts[0], texts[1]))
    )


def _is_comments(name: str) -> bool:
    kind, _, number = name.partition(" ")
    return kind == "comments" and (not number or number.isdigit())


def _as_date(text: str) -> str:
    return f"{text} 00:00" if len(text) == 10 and text.count("-") == 2 else text
