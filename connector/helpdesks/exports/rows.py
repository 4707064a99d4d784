"""Rows of an export: which are tickets, which are totals or remarks, which are damaged; and one row's values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.fieldmap import FieldMap
from connector.core.model import CHANNELS, PRIORITIES, STATUSES, TEXT_FIELDS, TIME_FIELDS, WORD_FIELDS
from connector.errors import ConfigurationError
from connector.helpdesks.exports.headings import FIELDS, Columns
from connector.helpdesks.exports.tables import Cell
from connector.helpdesks.exports.values import (
    NOTHING,
    Clock,
    Unreadable,
    fold,
    fold_heading,
    is_error,
    looks_like_date,
    number_or_text,
    text_of,
    ticket_id,
    word_of,
    words_of,
)

_TOTALS = (
    "overall result", "resultado total", "resultado global", "resultado general", "total general", "grand total",
    "risultato complessivo", "risultato totale", "totale complessivo", "totale generale", "gesamtergebnis", "total",
    "totales", "totale", "totali", "result", "results", "resultado", "resultados", "risultato", "risultati", "sum",
    "suma", "somma", "summe", "ergebnis",
)  # fmt: skip
_REPORTED = 100  # problems of one column that are told one by one; the rest is counted
_CANONICAL = {"status": STATUSES, "priority": PRIORITIES, "channel": CHANNELS}


@dataclass(frozen=True, slots=True)
class Skip:
    """A row that is no ticket and needs none: a total, a remark, a repeated heading; `note` says which."""

    note: str


@dataclass(frozen=True, slots=True)
class Damaged:
    """A row that should be a ticket and can't be trusted."""

    problem: str


@dataclass(slots=True)
class Draft:
    """One row's values. `unknown`: fields that stand in the row but can't be read. `problems`: (column, text)."""

    line: int
    values: dict[str, Any]
    raw: dict[str, str]
    custom: dict[str, Any]
    unknown: set[str]
    problems: list[tuple[str, str]] = field(default_factory=list)


class RowReader:
    """Reads the rows of one sheet under its columns and the pack's map.

    `orders`: column -> order of day and month of its slash dates (`dmy`, `mdy`, `` where it can't be known).
    """

    def __init__(
        self, columns: Columns, field_map: FieldMap, clock: Clock, orders: Mapping[int, str], *, ragged: bool
    ) -> None:
        self._columns = columns
        self._map = field_map
        self._clock = clock
        self._orders = orders
        self._ragged = ragged
        self._width = columns.width
        self._id = columns.fields["id"][0]
        self._id_heading = fold_heading(columns.headings[self._id])
        self._nothing = {fold(str(text)) for text in (*NOTHING, *field_map.empty)}
        self._longest = 2 * max(len(text) for text in self._nothing)
        self._texts = [(name, *columns.fields[name]) for name in TEXT_FIELDS if name in columns.fields]
        self._times = [(name, *columns.fields[name]) for name in TIME_FIELDS if name in columns.fields]
        spoken = {"status": field_map.statuses, "priority": field_map.priorities, "channel": field_map.channels}
        self._words = [
            (name, *columns.fields[name], words_of(spoken[name], _CANONICAL[name]))
            for name in WORD_FIELDS
            if name in columns.fields
        ]
        self._customs = [(name, *place) for name, place in columns.custom.items()]
        self._tags = columns.fields.get("tags")
        self._absent = {name: value for name, value in field_map.absent.items() if name not in columns.fields}
        told = columns.fields.keys() | self._absent.keys()
        self.missing = frozenset(FIELDS) - told - {"id", "autoclose_clock"}
        self._derived = field_map.autoclose_clock if "autoclose_clock" not in columns.fields else None
        self.untold: Counter[str] = Counter()
        self.errors = 0

    @property
    def time_columns(self) -> tuple[int, ...]:
        """Columns that hold dates."""
        return tuple(column for _, *pair in self._times for column in pair if column >= 0)

    def kind(self, row: Sequence[Cell]) -> str | Skip | Damaged:
        """The id of the ticket this row is about, or why it is about none."""
        width = len(row)
        name = ticket_id(row[self._id]) if width > self._id else ""
        if name.isdigit() and (self._ragged or width == self._width) and len(name) < 40:
            return name
        filled = [text for cell in row if (text := text_of(cell))]
        if not filled:
            return Skip("")
        lead = fold(name or filled[0]).rstrip(":")
        if lead in _TOTALS or (not name and lead.startswith(tuple(f"{total} " for total in _TOTALS))):
            return Skip("a row of totals")
        if fold_heading(name) == self._id_heading and name:
            return Skip("a repeated heading row")
        alone = len(filled) == 1 and self._width > 2
        if alone and (" " in filled[0] or ":" in filled[0]):
            return Skip("a line of remarks")
        if not name or fold(name) in self._nothing or is_error(name):
            return Damaged("has no ticket id")
        if len(name) > 120:
            return Damaged("has an id of more than 120 characters")
        if not self._ragged:
            if any(text_of(cell) for cell in row[self._width :]):
                return Damaged(
                    f"has {width} cells under {self._width} headings; is a delimiter inside a text unquoted?"
                )
            if width < self._width and (alone or not self._plausible(name, row)):
                return Damaged(
                    f"has {width} cells under {self._width} headings; is a line break inside a text unquoted?"
                )
        return name

    def _plausible(self, name: str, row: Sequence[Cell]) -> bool:
        """Whether a short row is a ticket whose last cells are missing, rather than the rest of a broken text."""
        words = [(column, words) for field_name, column, _, words in self._words if field_name == "status"]
        return " " not in name and all(
            column < len(row) and word_of(text_of(row[column]), known) is not None for column, known in words
        )

    def draft(self, line: int, row: Sequence[Cell]) -> Draft:
        """The values of one row that is a ticket."""
        width = len(row)
        short = width < self._width and not self._ragged
        values: dict[str, Any] = dict(self._absent)
        raw: dict[str, str] = {}
        custom: dict[str, Any] = {}
        draft = Draft(line, values, raw, custom, set())
        for name, column, twin, words in self._words:
            code = self._text(row[column]) if column < width else None
            label = self._text(row[twin]) if 0 <= twin < width else None
            if code is None and label is None:
                continue
            word = word_of(code, words) if code else None
            other = word_of(label, words) if label else None
            raw[name] = code or label or ""
            if word and other and word != other:
                raw[name] = f"{code} / {label}"
                draft.problems.append((name, f"its code says {word} and its text says {other}"))
            else:
                values[name] = word or other
        for name, column, twin in self._texts:
            text = self._text(row[twin]) if 0 <= twin < width else None
            if text is None and column < width:
                text = self._text(row[column])
            if text is not None:
                values[name] = text
        for name, column, twin in self._times:
            self._time(name, column, twin, row, draft)
        if self._tags is not None and self._tags[0] < width:
            tags = self._text(row[self._tags[0]])
            if tags:
                values["tags"] = tuple(part.strip() for part in tags.replace(";", ",").split(",") if part.strip())
        for name, column, twin in self._customs:
            text = self._text(row[twin]) if 0 <= twin < width else None
            if text is None and column < width:
                text = self._text(row[column])
            if column < width or not short:
                custom[name] = number_or_text(text) if text is not None else None
        if short:
            draft.unknown.update(name for name, (column, _) in self._columns.fields.items() if column >= width)
            draft.problems.append(("", f"has {width} cells under {self._width} headings; the rest is unknown"))
        return draft

    def derive(self, draft: Draft) -> None:
        """Set the auto-close clock from the field the pack chose, unless the export has a column of its own."""
        source = self._derived
        if source is None:
            return
        if source in draft.unknown or source in self.missing:
            draft.unknown.add("autoclose_clock")
        elif source in draft.values:
            draft.values["autoclose_clock"] = draft.values[source]

    def _text(self, cell: Cell) -> str | None:
        text = cell if type(cell) is str and cell[:1].isalnum() and cell[-1:].isalnum() else text_of(cell)
        if not text:
            return None
        if len(text) <= self._longest and not text.isdigit() and fold(text) in self._nothing:
            return None
        if text[0] == "#" and is_error(text):
            self.errors += 1
            return None
        return text

    def _time(self, name: str, column: int, twin: int, row: Sequence[Cell], draft: Draft) -> None:
        for place in (column, twin):
            if not 0 <= place < len(row):
                continue
            cell = row[place]
            if isinstance(cell, str):
                text = self._text(cell)
                if text is None:
                    continue
                cell = text
            try:
                at = self._clock.instant(cell, self._orders.get(place, self._map.date_order))
            except Unreadable as exc:
                self._unreadable(name, place, cell, exc, draft)
                return
            if at is not None:
                draft.values[name] = at
                return

    def _unreadable(self, name: str, column: int, cell: Cell, why: Unreadable, draft: Draft) -> None:
        draft.unknown.add(name)
        heading = self._columns.headings[column] or name
        self.untold[heading] += 1
        if self.untold[heading] <= _REPORTED:
            text = text_of(cell)
            shown = repr(text) if looks_like_date(text) else f"a text of {len(text)} characters"
            draft.problems.append((heading, f"{shown} {why}; {name} is unknown"))

    def remarks(self) -> list[str]:
        """What is told once for the sheet, after its last row."""
        found = [
            f"column {heading!r}: {count:,} dates can't be read, only the first {_REPORTED} are told one by one"
            for heading, count in self.untold.items()
            if count > _REPORTED
        ]
        if self.errors:
            found.append(f"{self.errors:,} cells hold a spreadsheet's error such as #REF!; they count as empty")
        return found


def zone_named(field_map: FieldMap) -> ZoneInfo:
    """The zone of times that carry none. Raises ConfigurationError for a name no zone has."""
    try:
        return ZoneInfo(field_map.timezone)
    except (KeyError, ValueError, OSError) as exc:
        msg = f"{field_map.file or field_map.helpdesk}: no time zone {field_map.timezone!r}; write one like Europe/Rome"
        raise ConfigurationError(msg) from exc


def as_instant(value: object) -> datetime | None:
    """A draft's value as an instant, where it is one."""
    return value if isinstance(value, datetime) else None
