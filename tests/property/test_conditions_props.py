"""The laws of conditions, on generated conditions, tickets and instants."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.conditions import Clause, negation
from connector.core.policy import Context
from connector.core.tri import Tri
from tests.unit.core.condition_samples import NOW, context, when

FIELDS = ("created_at", "status_since", "agent_responded_at", "customer_responded_at")
_SPANS = st.sampled_from(
    ["0h", "30 min", "6h", "1d", "36h", "3d", "7d", "1 business days", "3 business days", "4 business hours"]
)
_AGES = ("age", "idle", "in_status", "since_agent_reply", "since_customer_reply", "in_situation")


@st.composite
def _age(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(_AGES))
    over, under = draw(_SPANS), draw(_SPANS)
    calendar = draw(st.sampled_from(["office", "saturdays"]))
    forms = [f"{name}: {over}", f"{name}: {{under: {under}, calendar: {calendar}}}"]
    if over.split()[-1] != under.split()[-1] and ("business" in over) != ("business" in under):
        forms.append(f"{name}: {{over: {over}, under: {under}}}")
    return draw(st.sampled_from(forms))


_LEAVES = _age() | st.sampled_from([
    "status: open", "channel: [email]", "any_phrase: [urgente]", "no_phrase: [urgente]", "filled: customer",
    "unanswered: true", "custom.n: {at_least: 3}", "situation: any", "tags: vip",
])  # fmt: skip


def _joined(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(children, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda some: "all: [" + ", ".join(f"{{{one}}}" for one in some) + "]"),
        several.map(lambda some: "any: [" + ", ".join(f"{{{one}}}" for one in some) + "]"),
        children.map(lambda one: f"not: {{{one}}}"),
    )


CONDITIONS = st.recursive(_LEAVES, _joined, max_leaves=5).map(when)
_INSTANTS = st.integers(-14 * 24 * 60, 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Clause, Context]:
    """A condition and a ticket to ask it of."""
    clause = draw(CONDITIONS)
    fields: dict[str, object] = {name: draw(st.none() | _INSTANTS) for name in FIELDS}
    situation = draw(st.sampled_from([None, "no-parts"]))
    fields |= {
        "escalated_at": draw(st.none() | _INSTANTS),
        "status": draw(st.sampled_from([None, "open", "closed"])),
        "channel": draw(st.sampled_from([None, "email"])),
        "subject": draw(st.sampled_from([None, "es urgente", "no es urgente"])),
        "customer": draw(st.sampled_from([None, "x"])),
        "custom": draw(st.sampled_from([{}, {"n": 5}, {"n": "?"}, {"n": None}])),
        "unknown": draw(
            st.frozensets(st.sampled_from([*FIELDS, "status", "channel", "subject", "body", "tags"]), max_size=3)
        ),
    }
    return clause, context(clause, situation=situation, **fields)


@given(cases())
@settings(max_examples=100, deadline=None)
def test_tell_answers_as_test_does(case: tuple[Clause, Context]) -> None:
    """The explanation never disagrees with the fast path, and every leaf has a reason."""
    clause, ctx = case
    told = clause.tell(ctx)
    assert clause.test(ctx) is told.tri
    assert list(told.flat())


@given(cases(), st.lists(st.floats(0, 1, exclude_min=True, exclude_max=True), min_size=5, max_size=12))
@settings(max_examples=100, deadline=None)
def test_wake_is_exactly_the_next_change(case: tuple[Clause, Context], parts: list[float]) -> None:
    """Between now and wake the answer is the one of now; at wake it is another; without wake it never changes."""
    clause, ctx = case
    answer, wake = clause.test(ctx), clause.wake(ctx)
    end = wake if wake is not None else ctx.now + timedelta(days=60)
    for part in parts:
        between = min(ctx.now + (end - ctx.now) * part, end - timedelta(microseconds=1))
        assert answer is clause.test(ctx.at(between))
    if wake is not None:
        assert wake > ctx.now
        assert answer is clause.test(ctx.at(wake - timedelta(microseconds=1)))
        assert answer is not clause.test(ctx.at(wake))


@given(cases(), st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_following_wake_to_wake_misses_nothing(case: tuple[Clause, Context], minutes: int) -> None:
    """Asked only at the instants it names itself, a condition gives the answer of any instant."""
    clause, ctx = case
    target: datetime = ctx.now + timedelta(minutes=minutes * 20)
    seen = ctx
    while (wake := clause.wake(seen)) is not None and wake <= target:
        seen = seen.at(wake)
    assert clause.test(ctx.at(target)) is clause.test(seen)


@given(cases())
@settings(max_examples=100, deadline=None)
def test_knowing_more_never_overturns_an_answer(case: tuple[Clause, Context]) -> None:
    """A yes or no given in spite of unknown fields stays when they become known; only UNKNOWN may change."""
    clause, ctx = case
    answer = clause.test(ctx)
    known = ctx.at(ctx.now)
    known.ticket = replace(ctx.ticket, unknown=frozenset())
    if answer is not Tri.UNKNOWN:
        assert answer is clause.test(known)


@given(cases())
@settings(max_examples=60, deadline=None)
def test_a_negation_is_the_opposite(case: tuple[Clause, Context]) -> None:
    """`not` turns yes into no, leaves UNKNOWN alone, and wakes at the same instants."""
    clause, ctx = case
    assert ~clause.test(ctx) is negation(clause).test(ctx)
    assert clause.wake(ctx) == negation(clause).wake(ctx)
