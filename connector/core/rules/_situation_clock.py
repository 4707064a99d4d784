"""The instants of a situation: its promise's deadline, once made kept, and its follow-ups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.core.model import EMPTY, Reason
from connector.core.policy import Context, Situation, Span
from connector.core.rules._common import iso, reason
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
    calendar = ctx.policy.calendar(course.calendar)
    due = course.promise.most.after(start, calendar)
    least = None if course.promise.least is None else course.promise.least.after(start, calendar)
    name = f"promise:{situation.id}"
    kept = ctx.memory.extra.get(name)
    if kept is not None and kept["made"] == iso(start):
        stands = datetime.fromisoformat(kept["due"])
        earliest = None if kept.get("least") is None else datetime.fromisoformat(kept["least"])
        values = {"due": stands, "made": start, "present": due, "policy": kept["policy"], "calendar": kept["calendar"]}
        if stands == due:
            text = f"an answer is promised by {iso(stands)} ({course.promise.words})"
        else:
            text = f"an answer was promised by {iso(stands)}, which is kept; by the present figures it were {iso(due)}"
        return Promised(stands, earliest, reason("PROMISE", text, **values), {name: kept})
    made = {
        "due": iso(due),
        "made": iso(start),
        "policy": ctx.policy.digest,
        "calendar": calendar.digest,
        "least": None if least is None else iso(least),
    }
    text = f"an answer is promised by {iso(due)} ({course.promise.words})"
    why = reason("PROMISE", text, due=due, made=start, policy=ctx.policy.digest, calendar=calendar.digest)
    return Promised(due, least, why, {name: made})


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
