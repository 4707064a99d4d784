"""The instants of a situation: its promise's deadline, once made kept, and its follow-ups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connector.core.model import EMPTY, Reason
from connector.core.policy import Context, Situation, Span
from connector.core.rules._common import iso, reason
from connector.core.rules._deadlines import clock
from connector.core.worktime import WorkCalendar


@dataclass(frozen=True, slots=True)
class Promised:
    """A promise as it stands: its deadline, the earliest instant told (of a range), why, and what to remember."""

    due: datetime
    least: datetime | None
    why: Reason
    keeps: Mapping[str, Any] = EMPTY


def promised(ctx: Context, situation: Situation, start: datetime) -> Promised | None:
    """The promise of the situation the ticket is in since `start`; None where it promises nothing.

    A promise once made keeps its deadline: a later edit of the figure or of the calendar counts for new ones only.
    """
    course = situation.course
    if course is None or course.promise is None:
        return None
    name = course.calendar or ctx.policy.default_calendar
    calendar = ctx.policy.calendar(name)
    span = course.promise.most
    due = span.after(start, calendar)
    least = None if course.promise.least is None else course.promise.least.after(start, calendar)
    key, words = f"promise:{situation.id}", course.promise.words
    kept = ctx.memory.extra.get(key)
    if kept is not None and kept["made"] == iso(start):
        return _as_made(ctx, key, kept, due, span, calendar, name, words)
    made = {
        "due": iso(due),
        "made": iso(start),
        "policy": ctx.policy.digest,
        "calendar": calendar.digest,
        "least": None if least is None else iso(least),
        "words": words,
        "unit": span.unit,
    }
    text = f"an answer is promised by {iso(due)} ({words})"
    values = {"due": due, "made": start, "promised": words, "policy": ctx.policy.digest, "calendar": calendar.digest}
    if least is not None:
        values["earliest"] = least
    if not ctx.brief:
        values |= clock(span, start, ctx.now, calendar, name, due)
    return Promised(due, least, reason("PROMISE", text, **values), {key: made})


def _as_made(
    ctx: Context,
    key: str,
    kept: Mapping[str, Any],
    present: datetime,
    span: Span,
    calendar: WorkCalendar,
    name: str,
    words: str,
) -> Promised:
    """The promise that was made before, and beside it what the present figures and calendar would give."""
    start, due = datetime.fromisoformat(kept["made"]), datetime.fromisoformat(kept["due"])
    least = None if kept.get("least") is None else datetime.fromisoformat(kept["least"])
    before = kept.get("words", words)
    values: dict[str, Any] = {"due": due, "made": start, "promised": before, "present": present}
    if least is not None:
        values["earliest"] = least
    values |= {"policy": kept["policy"], "calendar": kept["calendar"]}
    if (kept["policy"], kept["calendar"]) != (ctx.policy.digest, calendar.digest):
        values |= {"present_policy": ctx.policy.digest, "present_calendar": calendar.digest}
    if before != words:
        values["present_words"] = words
    if due == present:
        text = f"an answer is promised by {iso(due)} ({before})"
    else:
        now_words = f"({words})" if before != words else "(the calendar changed)"
        text = (
            f"an answer was promised by {iso(due)} ({before}), which is kept; "
            f"by the present figures it were {iso(present)} {now_words}"
        )
    unit = kept.get("unit", span.unit)
    if not ctx.brief and (unit == "elapsed" or kept["calendar"] == calendar.digest):
        # Counted as it was promised; where its calendar is gone, nothing can be counted with it any more.
        values |= {**clock(replace(span, unit=unit), start, ctx.now, calendar, name, due), "calendar": kept["calendar"]}
    return Promised(due, least, reason("PROMISE", text, **values), {key: kept})


def first_follow_up(ctx: Context, situation: Situation, start: datetime) -> datetime | None:
    """The instant of the situation's first follow-up; None where it has none."""
    course = situation.course
    if course is None or course.follow_up is None:
        return None
    if course.follow_up.after is not None:
        return course.follow_up.after.after(start, ctx.policy.calendar(course.calendar))
    promise = promised(ctx, situation, start)
    return None if promise is None else promise.due


def series(
    first: datetime, every: Span | None, calendar: WorkCalendar, now: datetime
) -> tuple[datetime | None, int, datetime | None]:
    """(last instant of the series not after now or None, its number from 1, the instant after it or None)."""
    if now < first:
        return None, 0, first
    if every is None:
        return first, 1, None
    if not every.is_business:
        step = timedelta(seconds=every.amount)
        passed = (now - first) // step
        return first + passed * step, passed + 1, first + (passed + 1) * step
    at, number = first, 1
    while (following := every.after(at, calendar)) <= now:
        at, number = following, number + 1
    return at, number, following
