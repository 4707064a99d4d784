"""What must hold of deadlines under any history of a ticket."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.evaluate import evaluate, observe, remember
from connector.core.model import Call, Memory
from connector.core.rules._deadlines import counted, deadline
from tests.unit.core import rule_kit as kit

MINUTE = timedelta(minutes=1)
SPANS = st.sampled_from(["1h", "8h", "3d", "6bh", "20bh", "1bd", "5bd"])
PAUSES = st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 3_000)), max_size=5)
STATUSES = st.sampled_from(["open", "in_process", "waiting_customer", "waiting_other"])


def stretches(pairs: list[tuple[int, int]], start: datetime) -> list[tuple[datetime, datetime]]:
    """Pauses without overlap, oldest first, from (gap, length) in minutes."""
    found, at = [], start
    for gap, length in pairs:
        begin = at + gap * MINUTE
        at = begin + length * MINUTE
        found.append((begin, at))
    return found


@settings(max_examples=100, deadline=None)
@given(text=SPANS, offset=st.integers(0, 10_080), pairs=PAUSES)
def test_a_deadline_counts_exactly_its_span(text, offset, pairs):
    """Open time from start to deadline, without the pauses, is the span itself (days: their time without pauses)."""
    start, span = kit.NOW + offset * MINUTE, kit.span(text)
    pauses = stretches(pairs, start - timedelta(days=2))
    due = deadline(span, start, kit.OFFICE, pauses)
    assert due >= deadline(span, start, kit.OFFICE, ())
    seconds = counted(span, start, due, kit.OFFICE, pauses)["counted_seconds"]
    if span.unit != "business_days":
        assert seconds == span.amount
    else:
        without = deadline(span, start, kit.OFFICE, ())
        assert seconds == counted(span, start, without, kit.OFFICE, ())["counted_seconds"]


class Seen:
    """A ticket with its memory, as the mirror keeps them."""

    def __init__(self, ticket: Any, memory: Memory) -> None:
        self.ticket = ticket
        self.memory = memory


@settings(max_examples=60, deadline=None)
@given(
    text=SPANS,
    steps=st.lists(st.tuples(st.integers(1, 2_000), st.none() | STATUSES), min_size=1, max_size=12),
)
def test_a_life_has_one_breach_at_most_and_never_before_its_time(text, steps):
    """Whatever statuses a ticket goes through: no want twice, the breach once, its instant fixed, and never while the
    time counted outside the pauses is less than the target.
    """
    rule = kit.rule("sla", "s", resolution=kit.span(text), breach=({"notify": ("boss",)},))
    policy = kit.policy(rule)
    now = kit.NOW
    ticket = kit.ticket(1, status="open", created_at=now, status_since=now)
    memory, told, breaches = Memory(first_seen=now), [], set()
    for minutes, status in steps:
        now += minutes * MINUTE
        if status is not None and status != ticket.status:
            after = replace(ticket, status=status, status_since=now)
            memory = observe(Seen(ticket, memory), after, now, own=False)
            ticket = after
        evaluation = evaluate(policy, ticket, memory, now)
        memory = remember(memory, evaluation, now)
        (decision,) = evaluation.decisions
        record = memory.extra["sla:resolution"]
        if record["breached"] is not None:
            breaches.add(record["breached"])
            assert datetime.fromisoformat(record["breached"]) <= now
        assert (decision.call is Call.ACT) == bool(decision.wants)
        if decision.call is Call.WAIT and decision.wake_at is not None:
            assert decision.wake_at > now
            just_before = evaluate(policy, ticket, memory, decision.wake_at - timedelta(microseconds=1))
            assert just_before.decisions[0].call is Call.WAIT
            assert evaluate(policy, ticket, memory, decision.wake_at).decisions[0].call is Call.ACT
        for want in decision.wants:
            told.append(want.key)
            memory = replace(memory, done={**memory.done, want.key: now.isoformat()})
    assert len(breaches) <= 1
    assert len(told) == len(set(told))
