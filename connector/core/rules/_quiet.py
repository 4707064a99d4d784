"""What rules tell without building an answer: until when they say nothing of a ticket (see `shortlist.Quietly`).

Each function here is the shortcut of one `decide`: where it gives an instant, that one would say NO or WAIT, keep
nothing, and wake then. What is not surely so gives None, and the rule is asked. Property tests hold one against the
other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from connector.core.conditions_base import FOREVER, YES, Clause
from connector.core.model import Call
from connector.core.policy import Context, Span
from connector.core.rules._common import rank_of
from connector.core.rules._matrix_events import begin_of
from connector.core.worktime import WorkCalendar

Quiet = Callable[[Context], datetime | None]


def open_until(left: Clause | None, ctx: Context) -> datetime | None:
    """Until when a condition that is not NO holds (FOREVER: whatever time passes); None where it is UNKNOWN."""
    if left is None:
        return FOREVER
    if left.test(ctx) is not YES:
        return None
    at = left.wake(ctx) if left.timed else None
    return FOREVER if at is None else at


def priority(left: Clause | None, wanted: str, *, lower: bool) -> Quiet:
    """Quiet also where the priority is as high already."""
    shut, rank = None if left is None else left.shut, rank_of(wanted)

    def quiet(ctx: Context) -> datetime | None:
        if shut is not None:
            at = shut(ctx)
            if at is not None:
                return at
        ticket = ctx.ticket
        current = ticket.priority
        if current is None or (ticket.unknown and "priority" in ticket.unknown):
            return None
        if current == wanted or (not lower and rank_of(current) > rank):
            return open_until(left, ctx)
        return None

    return quiet


def keepalive(left: Clause | None, back: str) -> Quiet:
    """Quiet also in any status but the one that is toggled."""

    def quiet(ctx: Context) -> datetime | None:
        if left is not None:
            at = left.shut(ctx)
            if at is not None:
                return at
        ticket = ctx.ticket
        if ticket.status is None or ticket.status == back or (ticket.unknown and "status" in ticket.unknown):
            return None
        return open_until(left, ctx)

    return quiet


def assignment(left: Clause | None) -> Quiet:
    """Quiet also where the ticket is somebody's, and never was given to anybody by a rule."""

    def quiet(ctx: Context) -> datetime | None:
        if left is not None:
            at = left.shut(ctx)
            if at is not None:
                return at
        ticket = ctx.ticket
        if not ticket.agent or ctx.memory.done or (ticket.unknown and "agent" in ticket.unknown):
            return None
        return open_until(left, ctx)

    return quiet


def _any_done(ctx: Context, name: str) -> bool:
    """Whether any level of this ladder was carried out for the ticket, in this episode or an earlier one."""
    ours = f"matrix:{name}:{ctx.ticket.id}:"
    return any(key.startswith(ours) for key in ctx.memory.done)


def matrix(
    left: Clause | None, calendar: WorkCalendar, first: Span, depth: Mapping[str, int], since: str, name: str,
    metrics: Sequence[str],
) -> Quiet:  # fmt: skip
    """Quiet also before the first level, of a ladder whose levels come one after the other and nothing else."""
    created, reached = since == "created", first.counted_in(calendar)

    def quiet(ctx: Context) -> datetime | None:
        wake: datetime | None = FOREVER
        if left is not None:
            at = left.shut(ctx)
            if at is not None:
                return at
            wake = open_until(left, ctx)
        ticket = ctx.ticket
        if wake is None or (ctx.memory.done and _any_done(ctx, name)):
            return None
        begin = ticket.created_at if created and not ticket.unknown else None
        if begin is None:
            begin, doubt = begin_of(ctx, since, name, metrics)
            if begin is None:
                return wake if doubt is not None and doubt[0] is Call.NO else None
        if depth:
            priority = ticket.priority
            if priority is None or not depth.get(priority, 1) or (ticket.unknown and "priority" in ticket.unknown):
                return None
        due = reached(begin)
        if due <= ctx.now:
            return None
        return min(wake, due)

    return quiet
