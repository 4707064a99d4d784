"""Open time as sorted UTC intervals with running totals, computed year by year as it is asked for.

All instants and amounts here are whole microseconds since 1970-01-01T00:00Z, so nothing is ever rounded.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from connector.core._hours import Hours, Span, WorkTimeError, merge

MICROS: Final = 1_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Dates outside stand for "never" or a typing mistake in every helpdesk we know; a bound keeps one of them from
# making us compute centuries of openings.
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
_DAY: Final = timedelta(days=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY_MICROS: Final = 86_400 * MICROS
_EPOCH_ORDINAL: Final = EPOCH.toordinal()
_OFFSETS_KEPT: Final = 20_000  # days; some fifty years


class OutOfRangeError(WorkTimeError):
    """An instant or an amount lies beyond the years for which business time is computed."""


class NoOpeningError(WorkTimeError):
    """The calendar never opens (again) in the direction that was searched."""


class Window(NamedTuple):
    """Intervals of some whole years. `before[i]` is the open time before interval i, `before[-1]` all of it;
    `owners[i]` is the ordinal of the local date interval i belongs to, `days` the distinct owners in order."""

    first: int
    last: int
    low: int
    high: int
    starts: list[int]
    ends: list[int]
    before: list[int]
    owners: list[int]
    days: list[int]

    def latest(self, at: int) -> int:
        """The last interval that starts at or before `at`; -1 without one."""
        return bisect_right(self.starts, at) - 1

    def position(self, at: int) -> int:
        """Open time of the window before `at`."""
        index = bisect_right(self.starts, at) - 1
        if index < 0:
            return 0
        end = self.ends[index]
        reached = at if at < end else end  # noqa: FURB136 - min() costs a tenth of every add() and between()
        return self.before[index] + reached - self.starts[index]


def wall_to_micros(day: date, seconds: int, zone: ZoneInfo) -> int:
    """The instant at which the local clock shows `seconds` after midnight of `day`.

    A time skipped by a clock change keeps its distance to the hour before it (02:30 becomes 03:30); a repeated one
    is its first occurrence.
    """
    wall = datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001 - a wall clock
    return micros_of_wall(wall, zone)


def micros_of_wall(wall: datetime, zone: ZoneInfo) -> int:
    """Like wall_to_micros, of a naive datetime."""
    return (wall.replace(tzinfo=zone, fold=0) - EPOCH) // _MICROSECOND


class OpenIntervals:
    """The open time of one calendar; grows by itself, never changes what it said before."""

    __slots__ = ("_breaks", "_hours", "_offsets", "_window", "_zone")

    def __init__(self, hours: Hours, zone: ZoneInfo) -> None:
        self._offsets: dict[int, int | None] = {}
        self._hours = hours
        self._zone = zone
        self._breaks = merge(
            (wall_to_micros(day, start, zone), wall_to_micros(day, end, zone))
            for day, spans in hours.breaks.items()
            for start, end in spans
        )
        # Replaced as a whole, so that two threads may ask at once: at worst both compute the same years.
        self._window: Window | None = None

    def covering(self, first: int, last: int) -> Window:
        """A window that knows all openings around both instants. Raises OutOfRangeError beyond 1900 to 2200."""
        window = self._window
        if window is not None and window.low <= first and last < window.high:
            return window
        years = []
        # Two days of margin: a zone is up to 14 h away from UTC and a night shift up to a day long.
        for at, margin in ((first, -2 * _DAY_MICROS), (last, 2 * _DAY_MICROS)):
            days = (at + margin) // _DAY_MICROS
            year = (EPOCH + timedelta(days=days)).year if -719_000 < days < 2_932_000 else 0
            if not FIRST_YEAR <= year <= LAST_YEAR:
                msg = (
                    f"business time is computed from {FIRST_YEAR} to {LAST_YEAR} only and an instant lies outside; "
                    "treat such a date as unknown or correct it"
                )
                raise OutOfRangeError(msg)
            years.append(year)
        return self._grown(years[0], years[1])

    def later(self, window: Window) -> Window | None:
        """The window with more years after it, None when there are no more."""
        if window.last >= LAST_YEAR:
            return None
        return self._grown(window.first, min(LAST_YEAR, window.last + (window.last - window.first + 1)))

    def earlier(self, window: Window) -> Window | None:
        """The window with more years before it, None when there are no more."""
        if window.first <= FIRST_YEAR:
            return None
        return self._grown(max(FIRST_YEAR, window.first - (window.last - window.first + 1)), window.last)

    def is_open(self, at: int) -> bool:
        """Whether `at` lies in an interval; the opening does, the closing does not."""
        window = self.covering(at, at)
        index = window.latest(at)
        return index >= 0 and at < window.ends[index]

    def next_open(self, at: int) -> int:
        """`at` if open, else the next opening. Raises NoOpeningError."""
        window = self.covering(at, at)
        while True:
            index = window.latest(at)
            if index >= 0 and at < window.ends[index]:
                return at
            if index + 1 < len(window.starts):
                return window.starts[index + 1]
            window = self._must(self.later(window), at, "after")

    def prev_open(self, at: int) -> int:
        """`at` if open or just closing, else the closing before it. Raises NoOpeningError."""
        window = self.covering(at, at)
        while True:
            index = window.latest(at)
            if index >= 0:
                return min(at, window.ends[index])
            window = self._must(self.earlier(window), at, "before")

    def between(self, start: int, end: int) -> int:
        """Open time from `start` to `end`, negative when `end` comes first."""
        window = self._window
        low, high = (start, end) if start <= end else (end, start)
        if window is None or low < window.low or high >= window.high:
            window = self.covering(low, high)
        return window.position(end) - window.position(start)

    def add(self, start: int, amount: int) -> int:
        """The instant at which `amount` of open time has passed since `start`; backwards for a negative amount."""
        if amount == 0:
            return self.next_open(start)
        window = self._window
        if window is None or not window.low <= start < window.high:
            window = self.covering(start, start)
        while True:
            target = window.position(start) + amount
            if amount > 0:
                if target <= window.before[-1]:
                    index = bisect_left(window.before, target) - 1
                    return window.starts[index] + target - window.before[index]
                window = self._must(self.later(window), start, "after")
            else:
                if target >= 0:
                    index = bisect_right(window.before, target) - 1
                    return window.starts[index] + target - window.before[index]
                window = self._must(self.earlier(window), start, "before")

    def owner(self, at: int) -> int | None:
        """Ordinal of the date to which the opening around `at` belongs (closing included), None when closed."""
        window = self.covering(at, at)
        index = bisect_left(window.starts, at)
        if index < len(window.starts) and window.starts[index] == at:
            return window.owners[index]
        return window.owners[index - 1] if index and at <= window.ends[index - 1] else None

    def days_later(self, at: int, days: int) -> int | None:
        """The same time of day `days` business dates later; None where a clock change is near, so that the local clock
        itself must be asked."""
        self.covering(at, at)
        offset = self._steady_offset(at // _DAY_MICROS)
        if offset is None:
            return None
        owner = self.owner(at) or (at + offset) // _DAY_MICROS + _EPOCH_ORDINAL
        target = at + (self.nth_day(owner, days, at) - owner) * _DAY_MICROS
        return target if self._steady_offset(target // _DAY_MICROS) == offset else None

    def _steady_offset(self, day: int) -> int | None:
        """The zone's offset from UTC if it is one and the same all over this day of UTC and the hours around it."""
        try:
            return self._offsets[day]
        except KeyError:
            start = EPOCH + timedelta(days=day)
            hours = (start + timedelta(hours=hour) for hour in range(-6, 31))
            offsets = {at.astimezone(self._zone).utcoffset() for at in hours}
            offset = offsets.pop() if len(offsets) == 1 else None
            if len(self._offsets) < _OFFSETS_KEPT:
                self._offsets[day] = None if offset is None else offset // _MICROSECOND
            return None if offset is None else offset // _MICROSECOND

    def nth_day(self, ordinal: int, count: int, around: int) -> int:
        """Ordinal of the `count`-th business date after `ordinal`, an ordinal near the instant `around`.

        A negative `count` goes back.
        """
        window = self.covering(around, around)
        while True:
            if count > 0:
                index = bisect_right(window.days, ordinal) + count - 1
                if index < len(window.days):
                    return window.days[index]
                window = self._must(self.later(window), around, "after")
            else:
                index = bisect_left(window.days, ordinal) + count
                if index >= 0:
                    return window.days[index]
                window = self._must(self.earlier(window), around, "before")

    def cuts_of_add(self, first: int, past: int, amount: int) -> set[int] | None:
        """The starts within [first, past) at which add() begins to give something else: boundaries of openings, and
        starts that lead to one. None where the years known are too few to tell."""
        self.add(first, amount)
        self.add(past, amount)  # these make the years that are needed known
        window = self.covering(first, past)
        found: set[int] = set()
        index = max(window.latest(first), 0)
        while index < len(window.starts) and window.starts[index] < past:
            found |= {window.starts[index], window.ends[index]}
            low, high = window.before[index] + amount, window.before[index + 1] + amount
            if low < 0 or high > window.before[-1]:
                return None
            led = window.before[bisect_left(window.before, low) : bisect_right(window.before, high)]
            found.update(window.starts[index] + reached - low for reached in led)
            index += 1
        return found

    def cuts_of_days(self, first: int, past: int, days: int) -> set[int] | None:
        """The same for the same time of day, `days` business dates later. None near a clock change."""
        offset = self._steady_offset(first // _DAY_MICROS)
        if offset is None:
            return None
        midnight = first + -offset % _DAY_MICROS
        found = {first, midnight, *self._boundaries(first, past)}
        for begin, end in pairwise(sorted({*found, past})):
            middle = (begin + end) // 2
            target = self.days_later(middle, days)
            if target is None:
                return None
            shift = target - middle
            found.update(at - shift for at in self._boundaries(begin + shift, end + shift))
        return found

    def _boundaries(self, first: int, past: int) -> Iterator[int]:
        """Openings and closings within [first, past)."""
        window = self.covering(first, past)
        for of in (window.starts, window.ends):
            yield from of[bisect_left(of, first) : bisect_left(of, past)]

    def after(self, at: int) -> Iterator[Span]:
        """Open intervals from `at` on, the first one clipped, until the last year."""
        window: Window | None = self.covering(at, at)
        while window is not None:
            index = max(bisect_right(window.ends, at), 0)
            for start, end in zip(window.starts[index:], window.ends[index:], strict=True):
                yield max(start, at), end
                at = end
            window = self.later(window)

    def before(self, at: int) -> Iterator[Span]:
        """Open intervals before `at`, latest first, the first one clipped, until the first year."""
        window: Window | None = self.covering(at, at)
        while window is not None:
            for index in range(bisect_left(window.starts, at) - 1, -1, -1):
                yield window.starts[index], min(window.ends[index], at)
                at = window.starts[index]
            window = self.earlier(window)

    def _must(self, window: Window | None, at: int, where: str) -> Window:
        if window is None:
            edge = LAST_YEAR if where == "after" else FIRST_YEAR
            day = (EPOCH + timedelta(microseconds=at)).date()
            msg = (
                f"calendar ({self._hours.tz}): not enough open time {where} {day} "
                f"up to the year {edge}; check its hours, holidays and the amount asked for"
            )
            raise NoOpeningError(msg)
        return window

    def _grown(self, first: int, last: int) -> Window:
        old = self._window
        if old is None:
            parts = [self._years(first, last)]
        else:
            first, last = min(first, old.first), max(last, old.last)
            parts = [(old.starts, old.ends, old.owners)]
            if first < old.first:
                parts.insert(0, self._years(first, old.first - 1))
            if last > old.last:
                parts.append(self._years(old.last + 1, last))
        starts = [start for part in parts for start in part[0]]
        ends = [end for part in parts for end in part[1]]
        owners = [owner for part in parts for owner in part[2]]
        self._window = window = Window(
            first=first,
            last=last,
            low=_year_edge(first) + 2 * _DAY_MICROS,
            high=_year_edge(last + 1) - 2 * _DAY_MICROS,
            starts=starts,
            ends=ends,
            before=list(accumulate((end - start for start, end in zip(starts, ends, strict=True)), initial=0)),
            owners=owners,
            days=list(dict.fromkeys(owners)),
        )
        return window

    def _years(self, first: int, last: int) -> tuple[list[int], list[int], list[int]]:
        """Starts, ends and owners of all intervals whose date lies in the years `first` to `last`."""
        starts: list[int] = []
        ends: list[int] = []
        owners: list[int] = []
        day, stop = date(first, 1, 1), date(last, 12, 31)
        owned_from = day.toordinal()
        day -= 2 * _DAY  # a night shift of the year before may reach into this one and must not be counted twice
        reached = 0
        fresh = True
        while day <= stop:
            for wall_start, wall_end in self._hours.spans_of(day):
                start = wall_to_micros(day, wall_start, self._zone)
                end = wall_to_micros(day, wall_end, self._zone)
                start = start if fresh else max(start, reached)
                if start >= end:
                    continue
                reached, fresh = end, False
                if day.toordinal() < owned_from:
                    continue
                for piece_start, piece_end in self._without_breaks(start, end):
                    starts.append(piece_start)
                    ends.append(piece_end)
                    owners.append(day.toordinal())
            day += _DAY
        return starts, ends, owners

    def _without_breaks(self, start: int, end: int) -> Iterator[Span]:
        for off, on in self._breaks:
            if on <= start:
                continue
            if off >= end:
                break
            if off > start:
                yield start, off
            start = max(start, on)
        if start < end:
            yield start, end


def _year_edge(year: int) -> int:
    return (datetime(year, 1, 1, tzinfo=UTC) - EPOCH) // _MICROSECOND
