"""Headings: which column of an export holds which field, by the pack's aliases first, then by common English names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from connector.core.fieldmap import FieldMap
from connector.core.model import TEXT_FIELDS, TIME_FIELDS, WORD_FIELDS
from connector.helpdesks.exports.tables import Cell, Line
from connector.helpdesks.exports.values import fold_heading, text_of, ticket_id, word_of, words_of

#: Every field a column may hold besides `custom.<name>`.
FIELDS = ("id", *WORD_FIELDS, *TEXT_FIELDS, *TIME_FIELDS, "tags")

#: Names that stand in C4C's and Freshdesk's own English exports; used where the pack names no column that is there.
_COMMON: Mapping[str, tuple[str, ...]] = {
    "id": ("ticket id", "id", "ticket", "ticket number", "case id", "case number"),
    "subject": ("subject", "case title", "title", "summary"),
    "body": ("description", "case description", "body"),
    "status": ("status", "ticket status", "user status"),
    "priority": ("priority",),
    "channel": ("source", "channel", "origin"),
    "type": ("type", "ticket type"),
    "group": ("group", "team", "service and support team"),
    "agent": ("agent", "assigned to"),
    "product": ("product",),
    "brand": ("brand",),
    "category": ("category", "service category"),
    "customer": ("account", "customer", "company name"),
    "requester": ("requester", "contact", "full name"),
    "requester_email": ("requester email", "contact e mail", "email", "e mail"),
    "requester_phone": ("requester phone", "contact phone", "phone"),
    "contract": ("contract",),
    "escalation_type": ("escalation type",),
    "tags": ("tags",),
    "created_at": ("created at", "created on", "created time", "creation date", "reported on"),
    "updated_at": ("updated at", "changed on", "last changed on", "last update time", "last updated"),
    "status_since": ("status since",),
    "agent_responded_at": ("agent responded at", "last agent interaction"),
    "customer_responded_at": ("customer responded at", "last customer interaction"),
    "first_responded_at": ("first responded at", "initial response time", "initial review completed"),
    "resolved_at": ("resolved at", "resolved on", "resolved time", "completion date"),
    "closed_at": ("closed at", "closed on", "closed time"),
    "due_by": ("due by", "due by time", "completion due", "resolution due"),
    "first_response_due": ("first response due", "initial review due"),
    "escalated_at": ("escalated at", "escalated on"),
    "autoclose_clock": ("autoclose clock",),
}


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the fields stand: field -> (column, column of its paired text or -1); `custom` likewise by plain name.

    `width` is the number of headed columns, `line` that of the heading row. `own` fields came from the pack's aliases;
    `matched` weighs the headings found, `score` also how well the map knows the codes and labels below them.
    """

    line: int
    width: int
    headings: tuple[str, ...]
    fields: Mapping[str, tuple[int, int]]
    custom: Mapping[str, tuple[int, int]]
    own: frozenset[str] = frozenset()
    matched: float = 0.0
    score: float = 0.0


class Aliases:
    """One map's headings, folded and in the order the pack gives them."""

    def __init__(self, field_map: FieldMap) -> None:
        self.field_map = field_map
        self.own: dict[str, list[str]] = {}
        for name, headings in field_map.headings.items():
            self.own[name] = [fold_heading(str(heading)) for heading in headings]
        for name, theirs in field_map.fields.items():
            self.own.setdefault(name, []).append(fold_heading(theirs))
        self._known = {alias for aliases in self.own.values() for alias in aliases}
        self._known.update(alias for aliases in _COMMON.values() for alias in aliases)
        self._words = (
            ("status", words_of(field_map.statuses, ())),
            ("priority", words_of(field_map.priorities, ())),
            ("channel", words_of(field_map.channels, ())),
        )

    def hits(self, row: Sequence[Cell]) -> int:
        """How many different known headings a row holds."""
        short = (cell for cell in row if isinstance(cell, str) and 0 < len(cell) <= 200)
        return len({folded for cell in short if (folded := fold_heading(cell)) in self._known})

    def find(self, lines: Sequence[Line], deepest: int, *, ragged: bool) -> Columns | None:
        """The columns by the best heading row among the first `deepest` lines; None without a column of ticket ids.

        `ragged`: rows may leave trailing blanks out, the heading row too.
        """
        best: Columns | None = None
        for place, (number, row) in enumerate(lines[:deepest]):
            if self.hits(row) < 2:
                continue
            columns = self._columns(number, row, lines[place + 1 :], ragged=ragged)
            if columns is not None and (best is None or columns.matched > best.matched):
                best = columns
        return best

    def _columns(self, number: int, row: Sequence[Cell], below: Sequence[Line], *, ragged: bool) -> Columns | None:
        headings = _trimmed([text_of(cell) for cell in row], below, ragged=ragged)
        folded = [fold_heading(heading) for heading in headings]
        pairs = _pairs(headings, folded, below)
        second = set(pairs.values())
        firsts = [index for index in range(len(headings)) if index not in second and folded[index]]
        fields: dict[str, tuple[int, int]] = {}
        custom: dict[str, tuple[int, int]] = {}
        own: set[str] = set()
        for name, aliases in self.own.items():
            column = _column(aliases, folded, firsts, below if name == "id" else ())
            if column is not None:
                (custom if name.startswith("custom.") else fields)[name.removeprefix("custom.")] = _at(column, pairs)
                own.add(name)
        taken = {column for column, _ in (*fields.values(), *custom.values())}
        for name, common in _COMMON.items():
            if name not in fields:
                free = [index for index in firsts if index not in taken]
                column = _column(common, folded, free, below if name == "id" else ())
                if column is not None:
                    fields[name] = _at(column, pairs)
                    taken.add(column)
        if "id" not in fields:
            return None
        column, twin = fields["id"]
        if twin >= 0:  # an id beside its text: the text is the subject
            fields["id"] = (column, -1)
            fields.setdefault("subject", (twin, -1))
        for index in firsts:
            if index not in taken:
                custom.setdefault(_unique(headings[index], index, custom, headings, firsts), _at(index, pairs))
        matched = len(own) * 1.5 + (len(fields) - len(own & fields.keys()))
        return Columns(
            line=number, width=len(headings), headings=tuple(headings), fields=fields, custom=custom,
            own=frozenset(own), matched=matched, score=matched + self._spoken(fields, below),
        )  # fmt: skip

    def _spoken(self, fields: Mapping[str, tuple[int, int]], below: Sequence[Line]) -> float:
        """How well the codes and labels below are known to this map: up to 4 a word field."""
        total = 0.0
        for name, words in self._words:
            if name not in fields:
                continue
            seen = {text_of(row[column]) for _, row in below for column in fields[name] if 0 <= column < len(row)}
            seen.discard("")
            if seen:
                total += 4 * sum(word_of(text, words) is not None for text in seen) / len(seen)
        return total

    def nearest(self, headings: Iterable[str]) -> list[tuple[str, str, str]]:
        """(heading found, nearest alias, its field) for headings that almost match, best first."""
        known = {alias: name for name, aliases in _COMMON.items() for alias in aliases}
        known.update({alias: name for name, aliases in self.own.items() for alias in aliases})
        near: list[tuple[str, str, str]] = []
        for heading in headings:
            folded = fold_heading(heading)
            if folded and folded not in known:
                close = difflib.get_close_matches(folded, known, n=1, cutoff=0.72)
                near.extend((heading, alias, known[alias]) for alias in close)
        return near


def _at(column: int, pairs: Mapping[int, int]) -> tuple[int, int]:
    return column, pairs.get(column, -1)


def _trimmed(headings: list[str], below: Sequence[Line], *, ragged: bool) -> list[str]:
    """Headings without blank ones at the end, except one that stands above values: the text of the last code."""
    written = len(headings)
    while headings and not headings[-1]:
        headings.pop()
    end = len(headings)
    filled = sum(1 for _, row in below if len(row) > end and row[end] != "")
    if filled and (written > end or (ragged and filled * 2 > len(below))):
        headings.append("")
    return headings


def _pairs(headings: Sequence[str], folded: Sequence[str], below: Sequence[Line]) -> dict[int, int]:
    """Column -> the column at its right that belongs to it: the same heading again, or a blank one above values."""
    pairs: dict[int, int] = {}
    for index in range(1, len(folded)):
        left = index - 1
        if left in pairs.values() or not folded[left]:
            continue
        again = folded[index] == folded[left] or headings[index].startswith("...")  # a blank one as R names it
        blank = not folded[index] and any(len(row) > index and row[index] != "" for _, row in below)
        if again or blank:
            pairs[left] = index
    return pairs


def _column(aliases: Sequence[str], folded: Sequence[str], free: Sequence[int], below: Sequence[Line]) -> int | None:
    """The first alias that is there; for ids, the first whose values can be ids (no blanks inside)."""
    found = [index for alias in dict.fromkeys(aliases) for index in free if folded[index] == alias]
    if below and len(found) > 1:
        for index in found:
            values = [ticket_id(row[index]) for _, row in below if len(row) > index]
            if any(values) and not any(" " in value for value in values):
                return index
    return found[0] if found else None


def _unique(
    heading: str, index: int, custom: Mapping[str, tuple[int, int]], headings: Sequence[str], firsts: Sequence[int]
) -> str:
    name = " ".join(heading.split())
    times = sum(1 for other in firsts if other < index and headings[other] == heading)
    name = name if times == 0 else f"{name} ({times + 1})"
    return name if name not in custom else f"{name} ({index + 1})"
