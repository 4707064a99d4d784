"""The same amount of business time, counted from many instants: remembered by the day, exact to the microsecond.

Seen over one day of UTC, where an amount ends is made of pieces: on each of them it either moves with the start (the
start plus a fixed time) or stands still (an opening, say). The pieces of a day are worked out once, from the boundaries
of the openings; after that counting is a look-up and one addition. On the boundaries themselves, and on days near a
clock change, the calendar is asked as always.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from connector.core._hours import WorkTimeError
from connector.core._intervals import EPOCH, MICROS

#: Boundaries within a stretch of time [from, to), all in microseconds since 1970; None where they can't be told.
Cuts = Callable[[int, int], Collection[int] | None]
#: Seconds of the day at which pieces begin, and for each the time to add, the instant it gives, or None: ask.
_Pieces = tuple[Sequence[int], Sequence[timedelta | datetime | None]]

_DAY: Final = 86_400
_DAYS_KEPT: Final = 1_024
_ASK: Final[_Pieces] = ((0,), (None,))


class Repeated:
    """`count(start)` for one amount and many starts; what it says and raises is the same, only faster."""

    __slots__ = ("_count", "_cuts", "_days")

    def __init__(self, count: Callable[[datetime], datetime], cuts: Cuts) -> None:
        self._count, self._cuts = count, cuts
        self._days: dict[int, _Pieces] = {}

    def __call__(self, start: datetime) -> datetime:
        """Where the amount ends that is counted from `start`; in UTC."""
        if start.tzinfo is not UTC:
            return self._count(start)
        since = start - EPOCH
        begins, ends = self._days.get(since.days) or self._day(since.days)
        seconds = since.seconds
        piece = bisect_right(begins, seconds) - 1
        end = ends[piece]
        if end is None or (begins[piece] == seconds and not since.microseconds):
            return self._count(start)
        return start + end if isinstance(end, timedelta) else end

    def _day(self, day: int) -> _Pieces:
        if len(self._days) >= _DAYS_KEPT:
            self._days.clear()
        pieces = self._days[day] = self._made(day)
        return pieces

    def _made(self, day: int) -> _Pieces:
        first, past = day * _DAY, (day + 1) * _DAY
        try:
            cuts = self._cuts(first * MICROS, past * MICROS)
            if cuts is None or any(cut % MICROS for cut in cuts):
                return _ASK
            begins = sorted({first, *(cut // MICROS for cut in cuts if first * MICROS <= cut < past * MICROS)})
            ends = [self._piece(begin, end) for begin, end in zip(begins, [*begins[1:], past], strict=True)]
        except (WorkTimeError, OverflowError):
            return _ASK
        return [begin - first for begin in begins], ends

    def _piece(self, begin: int, end: int) -> timedelta | datetime | None:
        """What the piece from `begin` to `end` (seconds) gives, told from two instants strictly inside it."""
        one, other = (EPOCH + timedelta(seconds=begin + (end - begin) * part) for part in (0.25, 0.75))
        first, second = self._count(one), self._count(other)
        if first == second:
            return first
        return first - one if second - first == other - one else None
