"""The clock of one metric of a ticket: since when it runs, what was promised, when it is due, whether it is broken.

A deadline once counted is a promise. It is kept in `Memory.extra["sla:<metric>"]` with the target, the policy version
and the calendar version under which it was made, and stays as it is when the pack is edited; only pauses, and a move to
another policy or priority, change it. See docs/sla.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.core.conditions_base import FOREVER
from connector.core.model import EMPTY, Reason, Ticket
from connector.core.policy import Context, Span
from connector.core.rules._common import iso, reason
from connector.core.rules._deadlines import counted, deadline, moved
from connector.core.rules._matrix_events import kept_as
from connector.core.rules._pauses import KEPT, PAUSING, closed_at, pauses_in
from connector.core.rules._steps import Step
from connector.core.tri import Tri
from connector.core.worktime import Period, WorkCalendar

#: Statuses that stop the resolution clock whatever the policy says: a finished ticket is not being worked on.
_FINISHED = ("completed", "closed")


@dataclass(frozen=True, slots=True)
class Running:
    """Since when a metric's clock runs, and when it was met; `why` it does not run, or can't be told (`unknown`)."""

    start: datetime | None
    met: datetime | None = None
    why: Reason | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What a policy promises for one metric of a ticket: the span, and for which priority where that matters."""

    rule: str
    span: Span
    priority: str | None
    calendar: WorkCalendar
    pauses: tuple[str, ...]
    matrix: str | None
    calendar_name: str = ""


@dataclass(frozen=True, slots=True)
class Deadline:
    """One metric's state now. `due` is None while it is paused; `breached` is the instant it was broken."""

    due: datetime | None
    start: datetime
    met: datetime | None
    breached: datetime | None
    paused_since: datetime | None
    reasons: tuple[Reason, ...]
    keeps: Mapping[str, Any] = field(default=EMPTY)


@dataclass(frozen=True, slots=True)
class Reminder:
    """Who is told so long before the deadline of these metrics (none: of all)."""

    before: Span
    notify: tuple[str, ...]
    text: str | None
    metrics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Breach:
    """What is done when a deadline of these metrics (none: of any) is broken, and which matrix counts from it."""

    step: Step
    matrix: str | None
    metrics: tuple[str, ...]


def running(ctx: Context, metric: str) -> Running:
    """Since when the clock of this metric runs."""
    return {"first_response": _first_response, "next_response": _next_response, "resolution": _resolution}[metric](ctx)


def _untold(metric: str, name: str) -> Running:
    text = f"{name} is not known, so the clock of {metric} can't be told"
    return Running(None, why=reason("CLOCK_UNKNOWN", text, metric=metric, field=name), unknown=True)


def _created(ctx: Context, metric: str) -> datetime | Running:
    tri, created = ctx.value("created_at")
    if tri is not Tri.YES:
        return _untold(metric, "created_at")
    start: datetime = created
    return start


def _first_word(ctx: Context) -> tuple[Tri, datetime | None]:
    """When an agent first answered; NO where none has."""
    first, at = ctx.value("first_responded_at")
    if first is Tri.YES:
        return first, at
    latest, answered = ctx.value("agent_responded_at")
    if latest is Tri.YES:
        return latest, answered
    return (Tri.NO if Tri.NO in (first, latest) else Tri.UNKNOWN), None


def word_known(ticket: Ticket) -> bool:
    """Whether it is known that no agent answered, where no field tells an answer and none is unknown."""
    return "agent_responded_at" not in ticket.raw or "first_responded_at" not in ticket.raw


def _first_response(ctx: Context) -> Running:
    start = _created(ctx, "first_response")
    if isinstance(start, Running):
        return start
    tri, at = _first_word(ctx)
    return _untold("first_response", "first_responded_at") if tri is Tri.UNKNOWN else Running(start, at)


def _next_response(ctx: Context) -> Running:
    metric = "next_response"
    customer_tri, customer = ctx.value("customer_responded_at")
    if customer_tri is Tri.UNKNOWN:
        return _untold(metric, "customer_responded_at")
    if customer is None:
        return Running(None, why=reason("CLOCK_STILL", "the customer has not written again", metric=metric))
    first_tri, first = _first_word(ctx)
    agent_tri, agent = ctx.value("agent_responded_at")
    if first_tri is Tri.UNKNOWN or (first_tri is Tri.YES and agent_tri is Tri.UNKNOWN):
        return _untold(metric, "agent_responded_at")
    if first is None:
        text = "no agent has answered yet: it is the first response that counts"
        return Running(None, why=reason("CLOCK_STILL", text, metric=metric))
    answered: datetime = agent or first
    kept = _kept(ctx, metric)
    before = None if kept is None else datetime.fromisoformat(kept["start"])
    if customer <= answered:
        if before is None or before > answered:
            text = "the last word is the agent's"
            return Running(None, why=reason("CLOCK_STILL", text, metric=metric, answered=answered))
        return Running(before, answered)
    # A customer who writes twice before an answer has waited since the first of the two.
    start = before if before is not None and answered < before <= customer else customer
    return Running(start)


def _resolution(ctx: Context) -> Running:
    start = _created(ctx, "resolution")
    return start if isinstance(start, Running) else Running(start)


# --- what was promised ----------------------------------------------------------------------------------------------
def _kept(ctx: Context, metric: str) -> Mapping[str, Any] | None:
    kept = ctx.memory.extra.get(kept_as(metric))
    return kept if isinstance(kept, Mapping) and "start" in kept else None


def stops(metric: str, pauses: Sequence[str]) -> tuple[str, ...]:
    """The statuses in which the clock of a metric stands still, under a policy that names these."""
    return (*pauses, *(_FINISHED if metric == "resolution" else ()))


def deadline_of(ctx: Context, metric: str, clock: Running, target: Target) -> Deadline:
    """The deadline of a running clock under the policy that holds, or under the promise made before."""
    assert clock.start is not None
    start, end = clock.start, clock.met or ctx.now
    stopping = stops(metric, target.pauses)
    pauses = pauses_in(ctx, stopping)
    over = closed_at([each for each in pauses if each[2] is not None], end)
    open_pauses = (begin for _, begin, until in pauses if until is None)
    now_paused = next((begin for begin in open_pauses if begin < end or (begin == end and clock.met is None)), None)

    kept = _kept(ctx, metric)
    same_run = kept is not None and kept["start"] == iso(start)
    promised = kept if same_run and kept is not None and _same_terms(kept, target) else None
    due, span, present = _due(start, target, promised, over)
    broken = _broken(kept if same_run else None, due, end, now_paused)
    paused = now_paused if clock.met is None and broken is None else None

    keeps = {
        "rule": target.rule,
        "priority": target.priority,
        "start": iso(start),
        "target": span.text,
        "unit": span.unit,
        "amount": span.amount,
        "due": iso(due),
        "paused_to": iso(over[-1][1]) if over else None,
        "made": promised["made"] if promised else iso(ctx.now.replace(microsecond=0)),
        "policy": promised["policy"] if promised else ctx.policy.digest,
        "calendar": promised["calendar"] if promised else target.calendar.digest,
        "breached": None if broken is None else iso(broken),
        "met": None if clock.met is None else iso(clock.met),
        "matrix": kept["matrix"] if kept is not None and same_run and kept.get("breached") else target.matrix,
    }
    news: Mapping[str, Any] = EMPTY if keeps == kept else {kept_as(metric): keeps}
    if ctx.brief:
        return Deadline(None if paused else due, start, clock.met, broken, paused, (), news)
    seen = closed_at(pauses, end)
    values = {
        "metric": metric,
        "policy": target.rule,
        "target": span.text,
        "since": start,
        "due": None if paused else due,
        "pausing": list(stopping),
        **counted(span, start, end if clock.met or broken is None else min(end, broken), target.calendar, seen),
    }
    if span.is_business:
        values["calendar_name"] = target.calendar_name
    if promised is not None:
        values |= {"made": promised["made"], "made_under": promised["policy"]}
    told = _told(metric, due, clock.met, broken, paused, values)
    more = _about_promise(promised, due, present, target, metric, ctx.policy.digest)
    unseen = _unseen(ctx, start, stopping, metric)
    reasons = tuple(each for each in (told, more, unseen) if each is not None)
    return Deadline(None if paused else due, start, clock.met, broken, paused, reasons, news)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a promise kept for one metric must have been made under to stand as it is."""

    metric: str
    rule: str
    calendar: str
    by_priority: bool
    stops: Sequence[str]
    matrix: str | None
    kept_as: str


#: The deadline of a promise that asks for nothing now: it was met, or its clock stands still.
AT_REST = FOREVER


def reminder_key(ticket: Ticket, start: datetime, metric: str, number: int, due: datetime) -> str:
    """The idempotency key of a policy's reminder of this number before a deadline."""
    return f"sla:{ticket.id}:{iso(start)}:{metric}:remind{number}:{iso(due)}"


def standing(ctx: Context, terms: Terms) -> tuple[datetime, datetime] | None:
    """(start, deadline or AT_REST) of a ticket on which nothing happened since they were kept.

    The short way, without reasons, of what is nearly always so: the same policy and calendar, no pause but one that
    still runs, every field known, and the deadline not reached. None where it is not so: then `deadline_of` tells.
    """
    ticket, extra = ctx.ticket, ctx.memory.extra
    kept = extra.get(terms.kept_as)
    status = ticket.status
    if kept is None or ticket.unknown or status is None:
        return None
    if kept["rule"] != terms.rule or kept["calendar"] != terms.calendar or kept["matrix"] != terms.matrix:
        return None
    if kept["priority"] != (ticket.priority if terms.by_priority else None) or kept["paused_to"] or kept["breached"]:
        return None
    start = datetime.fromisoformat(kept["start"])
    if start != ticket.created_at:
        return None
    pauses = extra.get(KEPT)
    if pauses:
        began, since, ended = pauses[0]
        if len(pauses) > 1 or ended is not None or began != status:
            return None
    elif status in PAUSING:
        return None
    met = kept["met"]
    if terms.metric == "first_response":
        answered = ticket.first_responded_at or ticket.agent_responded_at
        if answered is not None or met is not None:
            return (start, AT_REST) if met is not None and datetime.fromisoformat(met) == answered else None
        if not word_known(ticket):
            return None
    elif met is not None:
        return None
    due = datetime.fromisoformat(kept["due"])
    if pauses and status in terms.stops:
        begin = datetime.fromisoformat(since)
        return (start, AT_REST) if begin <= ctx.now and begin < due else None
    return (start, due) if ctx.now < due else None


def _same_terms(kept: Mapping[str, Any], target: Target) -> bool:
    return bool(kept["rule"] == target.rule and kept["priority"] == target.priority)


def _due(
    start: datetime, target: Target, promised: Mapping[str, Any] | None, pauses: Sequence[Period]
) -> tuple[datetime, Span, datetime]:
    """(the deadline that holds, the span it was promised with, the deadline the present policy would give)."""
    present = deadline(target.span, start, target.calendar, pauses)
    if promised is None:
        return present, target.span, present
    span = Span(promised["amount"], promised["unit"], promised["target"])
    if not span.is_business or promised["calendar"] == target.calendar.digest:
        return deadline(span, start, target.calendar, pauses), span, present
    # The calendar it was counted in is gone: the promise stands, and pauses since then move it by the present one.
    due = datetime.fromisoformat(promised["due"])
    counted_to = promised.get("paused_to")
    after = start if counted_to is None else max(start, datetime.fromisoformat(counted_to))
    later = [(max(begin, after), end) for begin, end in pauses if end > after]
    return moved(due, start, span, target.calendar, later), span, present


def _broken(
    kept: Mapping[str, Any] | None, due: datetime, end: datetime, paused_since: datetime | None
) -> datetime | None:
    """When the deadline was broken: as recorded once, else the deadline itself where it has passed."""
    if kept is not None and kept.get("breached"):
        return datetime.fromisoformat(kept["breached"])
    if paused_since is not None and paused_since < due:
        return None
    return due if end >= due else None


# --- what is said ---------------------------------------------------------------------------------------------------
def _told(
    metric: str,
    due: datetime,
    met: datetime | None,
    broken: datetime | None,
    paused: datetime | None,
    values: Mapping[str, Any],
) -> Reason:
    name = metric.replace("_", " ")
    if met is not None and broken is not None:
        text = f"the {name} came at {iso(met)}, after its deadline of {iso(broken)}"
        return reason("DEADLINE_MET_LATE", text, **values, met=met, breached=broken)
    if met is not None:
        return reason("DEADLINE_MET", f"the {name} came at {iso(met)}, before {iso(due)}", **values, met=met)
    if broken is not None:
        return reason("DEADLINE_BROKEN", f"the {name} was due at {iso(broken)}", **values, breached=broken)
    if paused is not None:
        text = f"the clock of the {name} stands still since {iso(paused)}, so it has no deadline now"
        return reason("DEADLINE_PAUSED", text, **values, paused_since=paused)
    return reason("DEADLINE_LATER", f"the {name} is due at {iso(due)}", **values)


def _about_promise(
    promised: Mapping[str, Any] | None,
    due: datetime,
    present: datetime,
    target: Target,
    metric: str,
    present_policy: str,
) -> Reason | None:
    if promised is None or due == present:
        return None
    text = (
        f"the {metric.replace('_', ' ')} was promised for {iso(due)} ({promised['target']}) and stays so; "
        f"the policy as it is now would say {iso(present)} ({target.span.text})"
    )
    return reason(
        "PROMISE_KEPT", text, metric=metric, kept=due, present=present, made=promised["made"],
        made_under=promised["policy"], made_with_calendar=promised["calendar"], present_calendar=target.calendar.digest,
        present_policy=present_policy,
    )  # fmt: skip


def _unseen(ctx: Context, start: datetime, stopping: Sequence[str], metric: str) -> Reason | None:
    """That pauses before the ticket was first seen are not known, where there may have been any."""
    seen = ctx.memory.first_seen or ctx.now
    tri, since = ctx.value("status_since")
    seen = min(seen, since) if tri is Tri.YES else seen
    if not stopping or seen <= start:
        return None
    text = f"whether the clock stood still between {iso(start)} and {iso(seen)} was not seen; it is counted as running"
    return reason("PAUSES_UNSEEN", text, metric=metric, since=start, until=seen)
