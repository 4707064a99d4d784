"""A workbook as plain sheets: every text a person can have left in it, with its place. Values only; nothing is run."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, field

from connector.helpdesks.exports.tables import Limits

#: What a handed-back workbook may cost before it is refused; a register of 100,000 cases stays far below.
LIMITS = Limits(file_bytes=64 * 1024**2, unpacked_bytes=256 * 1024**2, columns=16_384, rows=1_048_576)
CELLS = 4_000_000
_MOST = 1 << 31


class TooMuch(ValueError):  # noqa: N818 - what it is
    """A sheet holds more than is read."""


@dataclass(frozen=True, slots=True)
class Note:
    """An annotation on a cell (0-based), or a text box that begins there."""

    row: int
    column: int
    author: str
    text: str


@dataclass(slots=True)
class Grid:
    """One sheet: row -> column -> text (0-based, blank cells left out), merged areas and annotations."""

    name: str
    cells: dict[int, dict[int, str]] = field(default_factory=dict)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    _areas: dict[int, list[tuple[int, int, int, int]]] = field(default_factory=dict)

    def put(self, row: int, column: int, text: str) -> None:
        """Keep a cell's text; blank ones are none. Raises TooMuch."""
        if not text.strip():
            return
        if column >= LIMITS.columns:
            msg = f"more than {LIMITS.columns:,} columns"
            raise TooMuch(msg)
        self.cells.setdefault(row, {})[column] = text

    def merge(self, place: str) -> None:
        """Note a merged area such as `B2:C4`."""
        first, _, last = place.partition(":")
        start, end = position(first), position(last or first)
        if start and end:
            self.merged.append((start[0], start[1], end[0], end[1]))

    def covered(self, row: int, column: int) -> bool:
        """Whether the cell lies under another one it was merged with, so that nobody can have emptied it."""
        areas = self._areas.get(column)
        if areas is None:
            areas = self._areas[column] = sorted(one for one in self.merged if one[1] <= column <= one[3])
        # Merged areas never overlap: only the last one that begins at or above the row can hold it.
        at = bisect.bisect_right(areas, (row, _MOST, _MOST, _MOST)) - 1
        if at < 0:
            return False
        top, left, bottom, _ = areas[at]
        return row <= bottom and (row, column) != (top, left)


def position(place: str) -> tuple[int, int] | None:
    """(row, column) of a place such as `AB12`, 0-based; None where it is none."""
    letters = place.rstrip("0123456789")
    digits = place[len(letters) :]
    if not 0 < len(letters) <= 3 or not letters.isascii() or not letters.isalpha() or not 0 < len(digits) < 8:
        return None
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
    return int(digits) - 1, column - 1


def place_of(row: int, column: int) -> str:
    """`AB12` of a 0-based position."""
    letters, left = "", column + 1
    while left:
        left, rest = divmod(left - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


def number_text(text: str) -> str:
    """A number as a person would have typed it: `1042`, not `1042.0`."""
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else f"{number:.15g}"
