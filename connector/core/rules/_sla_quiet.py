"""Until when all policies of deadlines together say nothing of a ticket: `shortlist.TogetherQuietly` of kind `sla`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from connector.core.conditions_base import FOREVER, YES, Clause
from connector.core.policy import Context, Policy, Span
from connector.core.rules._matrix_events import kept_as
from connector.core.rules._pauses import KEPT, PAUSING
from connector.core.rules._sla_clock import AT_REST, Terms, reminder_key, standing, stops, word_known

if TYPE_CHECKING:
    from connector.core.rules.sla import SlaRule

Quiet = Callable[[Context], datetime | None]


def quietly(policy: Policy, asked: Sequence[tuple[SlaRule, Clause | None]]) -> Quiet:
    """Quiet where the one policy that holds is known, and all it promised stands, was met, or is paused."""
    course = tuple((left, _promises(policy, rule)) for rule, left in asked)
    if course and course[0][0] is None:
        return course[0][1]

    def quiet(ctx: Context) -> datetime | None:
        for left, promises in course:
            if left is not None:
                if left.shut(ctx) is FOREVER:
                    continue
                if left.timed or left.test(ctx) is not YES:
                    return None  # it may hold later, or that can't be told
            return promises(ctx)
        return FOREVER if _pauses_noted(ctx) else None

    return quiet


def _pauses_noted(ctx: Context) -> bool:
    """Whether the status leaves nothing to remember (see `_pauses.observed_pauses`)."""
    ticket = ctx.ticket
    status = ticket.status
    if status is None or ticket.unknown:
        return False
    kept = ctx.memory.extra.get(KEPT)
    last = kept[-1] if kept else None
    if last is None or last[2] is not None:
        return status not in PAUSING
    return bool(last[0] == status)


class _Clock(NamedTuple):
    """One metric of a policy: what its promise is kept under, for which priorities there is one, its reminders."""

    terms: Terms
    priorities: frozenset[str] | None
    reminders: tuple[tuple[int, Callable[[datetime], datetime]], ...]


def _promises(policy: Policy, rule: SlaRule) -> Quiet:
    """The earliest deadline or reminder of a policy that holds; None where one of them is not simply to come."""
    clocks = tuple(_clock(policy, rule, metric) for metric in rule.targets if metric != "next_response")
    next_response = "next_response" in rule.targets

    def quiet(ctx: Context) -> datetime | None:
        if next_response and not (_last_word_is_ours(ctx) and _pauses_noted(ctx)):
            return None
        wake, now, ticket = FOREVER, ctx.now, ctx.ticket
        for terms, priorities, reminders in clocks:
            if priorities is not None and ticket.priority not in priorities:
                known = ticket.priority is not None and ticket.created_at is not None and word_known(ticket)
                if not known or not _pauses_noted(ctx):
                    return None
                continue  # nothing is promised for this priority
            found = standing(ctx, terms)  # which is None where a pause is to be noted
            if found is None:
                return None
            start, due = found
            if due is AT_REST:
                continue
            wake = min(wake, due)
            for number, reminded in reminders:
                at = reminded(due)
                if at <= start:
                    continue
                if at > now:
                    wake = min(wake, at)
                elif reminder_key(ticket, start, terms.metric, number, due) not in ctx.memory.done:
                    return None
        return wake

    return quiet


def _clock(policy: Policy, rule: SlaRule, metric: str) -> _Clock:
    targets = rule.targets[metric]
    by_priority = not isinstance(targets, Span)
    calendar, matrix = policy.calendar(rule.calendar), rule.matrix_of(metric)
    stopping = stops(metric, rule.pauses[metric])
    terms = Terms(metric, rule.ref.name, calendar.digest, by_priority, stopping, matrix, kept_as(metric))
    numbered = enumerate(rule.remind, 1)
    reminders = tuple(
        (number, one.before.counted_in(calendar, back=True))
        for number, one in numbered
        if not one.metrics or metric in one.metrics
    )
    promised = None
    if not isinstance(targets, Span):
        promised = frozenset(priority for priority, span in targets.items() if span is not None)
    return _Clock(terms, promised, reminders)


def _last_word_is_ours(ctx: Context) -> bool:
    """Whether no clock of a next response runs, and none is remembered."""
    ticket, raw = ctx.ticket, ctx.ticket.raw
    if kept_as("next_response") in ctx.memory.extra:
        return False
    customer, agent = ticket.customer_responded_at, ticket.agent_responded_at
    if customer is None:
        return "customer_responded_at" not in raw
    if agent is None and "agent_responded_at" in raw:
        return False
    answered = agent or ticket.first_responded_at
    return customer <= answered if answered is not None else "first_responded_at" not in raw
