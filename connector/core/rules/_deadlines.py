"""Deadlines with pauses: when an amount of time has passed since a start, and which stretches were counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from connector.core.policy import Span
from connector.core.rules._common import iso
from connector.core.worktime import Period, WorkCalendar

#: Counted stretches shown in one reason; the rest is told by number.
_SHOWN = 60


def deadline(span: Span, start: datetime, calendar: WorkCalendar, pauses: Sequence[Period]) -> datetime:
    """The instant at which `span` has passed since `start` outside the pauses (joined, oldest first).

    What is left of the span when a pause begins is counted on from its end; a span that ends exactly where a pause
    begins ends there. Business days keep their time of day and are moved on by the business time a pause took.
    """
    if span.unit == "business_seconds":
        return calendar.add(start, span.amount, pauses)
    due = span.after(start, calendar)
    return moved(due, start, span, calendar, pauses)


def moved(due: datetime, start: datetime, span: Span, calendar: WorkCalendar, pauses: Sequence[Period]) -> datetime:
    """A deadline that stood without these pauses, moved on by what they took from it; `span` says how it counts."""
    for begin, end in pauses:
        begin_here = max(begin, start)
        if end <= begin_here or begin_here >= due:
            continue
        left = calendar.add(end, calendar.between(begin_here, due)) if span.is_business else end + (due - begin_here)
        due = max(due, left)  # a day that ends at an opening must not be put back to the closing before it
    return due


def back_from(due: datetime, span: Span, calendar: WorkCalendar) -> datetime:
    """The instant that lies `span` before `due`, business spans counted in the calendar."""
    if span.unit == "elapsed":
        return due - timedelta(seconds=span.amount)
    if span.unit == "business_seconds":
        return calendar.add(due, -span.amount)
    return calendar.add_days(due, -span.amount)


def counted(
    span: Span, start: datetime, end: datetime, calendar: WorkCalendar, pauses: Sequence[Period]
) -> dict[str, object]:
    """For explanations: every stretch counted from `start` to `end`, the seconds in them, and the pauses left out."""
    stretches = calendar.periods(start, end) if span.is_business else [(start, end)] if end > start else []
    kept = [piece for stretch in stretches for piece in _without(stretch, pauses)]
    seconds = sum((to - begin).total_seconds() for begin, to in kept)
    values: dict[str, object] = {
        "counted": [[iso(begin), iso(to)] for begin, to in kept[:_SHOWN]],
        "counted_seconds": int(seconds),
        "pauses": [[iso(begin), iso(to)] for begin, to in pauses if to > start and begin < end],
    }
    if len(kept) > _SHOWN:
        values["counted_more"] = len(kept) - _SHOWN
    if span.is_business:
        values["calendar"] = calendar.digest
    return values


def clock(
    span: Span, start: datetime, now: datetime, calendar: WorkCalendar, name: str, due: datetime | None = None
) -> dict[str, object]:
    """For explanations of a clock without pauses: the calendar it runs by, what was counted, what is still to count.

    `due`: where the clock stops; left out, it is counted from the span.
    """
    end = span.after(start, calendar) if due is None else due
    values = counted(span, start, min(now, end), calendar, ())
    if end > now:
        ahead = calendar.periods(now, end) if span.is_business else [(now, end)]
        values["ahead"] = [[iso(begin), iso(to)] for begin, to in ahead[:_SHOWN]]
        values["ahead_seconds"] = int(sum((to - begin).total_seconds() for begin, to in ahead))
        if len(ahead) > _SHOWN:
            values["ahead_more"] = len(ahead) - _SHOWN
    if span.is_business:
        values["calendar_name"] = name
    return values


def _without(stretch: Period, pauses: Sequence[Period]) -> Iterator[Period]:
    begin, end = stretch
    for off, on in pauses:
        if on <= begin or off >= end:
            continue
        if off > begin:
            yield begin, off
        begin = max(begin, on)
    if begin < end:
        yield begin, end
