"""What must hold of rules, plans and the guard over any history."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector.core.evaluate import evaluate, observe, remember
from connector.core.guard import History, Limits, judge
from connector.core.model import Call, Memory, Want
from connector.core.plan_json import PlanRefused, dumps, loads
from connector.core.tri import Tri
from tests.unit.core import rule_kit as kit

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
AUTOCLOSE = 14 * DAY
APART = DAY

FOLLOW_UPS = st.one_of(
    st.none(),
    st.builds(
        lambda after, every: {"after": kit.span(after), "every": every and kit.span(every)},
        st.sampled_from(["72h", "7d", "13d", "20d", "5bd", "9bh"]),
        st.sampled_from([None, "24h", "7d", "13d", "5bd", "20bh"]),
    ),
)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=20,
)


class Seen:
    """A ticket with its memory, as the mirror keeps them."""

    def __init__(self, ticket: Any, memory: Memory) -> None:
        self.ticket = ticket
        self.memory = memory


class KeptAlive(RuleBasedStateMachine):
    """One escalated ticket on a helpdesk that closes what stands still for 14 days, looked at every hour.

    Agents and customers change it as they like; toggles may fail for some hours.
    """

    @initialize(
        follow_ups=st.lists(FOLLOW_UPS, min_size=1, max_size=2),
        clock_age=st.integers(0, 13 * 24),
        told=st.booleans(),
        cap=st.sampled_from([1, 3, 8]),
        until=st.sampled_from(["16d", "40d", "60d"]),
    )
    def begin(self, follow_ups, clock_age, told, cap, until):
        self.cap, self.until = cap, timedelta(seconds=kit.span(until).amount)
        self.now = kit.NOW
        clock = self.now - clock_age * HOUR
        rules = [
            kit.rule("keepalive", f"r{n}", follow_up=each, cap=cap, until=kit.span(until))
            for n, each in enumerate(follow_ups)
        ]
        self.policy = kit.policy(*rules)
        self.ticket = kit.ticket(
            1,
            escalation_type="stuck",
            escalated_at=self.now if told else None,
            status_since=clock,
            autoclose_clock=clock,
        )
        self.memory = Memory(first_seen=clock)
        self.failing = 0
        self.answered = True
        self.toggles: list[datetime] = []
        self.start = self.now
        self.wake = None
        self.cycle()

    def _set(self, status: str, *, own: bool = False) -> None:
        after = replace(self.ticket, status=status, status_since=self.now, autoclose_clock=self.now)
        self.memory = observe(Seen(self.ticket, self.memory), after, self.now, own)
        self.ticket = after
        self.wake = None

    @rule(hours=st.one_of(st.integers(1, 48), st.integers(48, 24 * 20)))
    def time_passes(self, hours):
        for _ in range(hours):
            self.now += HOUR
            self.never_closed_by_the_helpdesk()
            self.cycle()

    @precondition(lambda self: self.answered)
    @rule(hours=st.integers(1, 11))
    def the_helpdesk_fails_for_a_while(self, hours):
        # Outages without a toggle that went through between them are one outage: less than the margin of 12 h.
        self.failing = hours
        self.answered = False

    @rule(status=st.sampled_from(["open", "waiting_customer", "waiting_other", "in_process"]))
    def someone_changes_the_status(self, status):
        if status != self.ticket.status:
            self._set(status)

    @precondition(lambda self: self.ticket.status != "in_process")
    @rule()
    def work_goes_on(self):
        self._set("in_process")

    def cycle(self):
        evaluation = evaluate(self.policy, self.ticket, self.memory, self.now)
        assert evaluation.situation_since == self.start
        self.memory = remember(self.memory, evaluation, self.now)
        if all(decision.call is not Call.ACT for decision in evaluation.decisions):
            self.wake = evaluation.wake_at
            return
        plan = kit.plan_of(self.policy, [(self.ticket, self.memory)], self.now)
        acts = [action for action in plan.actions if action.kind == "toggle"]
        assert len(acts) == 1, "two rules, one toggle"
        if self.wake is not None:
            assert self.now >= self.wake, "a decision changed by time alone before its wake_at"
        self.wake = evaluation.wake_at
        if self.failing:
            self.failing -= 1
            return
        assert self.ticket.status == "in_process", "only a ticket in `back` is toggled"
        assert self.now - self.start < self.until, "past `until` it must go up instead"
        assert not self.toggles or self.now - self.toggles[-1] >= APART
        self.answered = True
        self.toggles.append(self.now)
        assert len(self.toggles) <= self.cap
        assert acts[0].key not in self.memory.done
        self._set("in_process", own=True)
        done = {**self.memory.done, acts[0].key: self.now.isoformat()}
        self.memory = replace(self.memory, toggles=(*self.memory.toggles, self.now), done=done)

    @invariant()
    def never_closed_by_the_helpdesk(self):
        if not hasattr(self, "ticket"):
            return
        if self.ticket.status == "in_process" and self.now - self.start < self.until and len(self.toggles) < self.cap:
            assert self.now - self.ticket.autoclose_clock < AUTOCLOSE


KeptAlive.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestKeptAlive = KeptAlive.TestCase


@given(
    days=st.integers(0, 90),
    clock=st.one_of(st.none(), st.integers(0, 40)),
    follow_up=FOLLOW_UPS,
    toggles=st.lists(st.integers(0, 90 * 24), max_size=9),
)
@settings(max_examples=100, deadline=None)
def test_wake_at_is_exact_for_keep_alive(days, clock, follow_up, toggles):
    """Nothing changes before `wake_at`, and at it, or never, something may."""
    now = kit.NOW
    values: dict[str, Any] = {"escalation_type": "stuck", "escalated_at": now - days * DAY}
    if clock is not None:
        values |= {"autoclose_clock": now - clock * DAY, "status_since": now - clock * DAY}
    ticket = kit.ticket(1, **values)
    memory = Memory(toggles=tuple(sorted(now - hours * HOUR for hours in toggles)))
    one = kit.rule("keepalive", "k", follow_up=follow_up)

    def said(at):
        decision = kit.answer_of(one, ticket, memory, at)
        return decision.call, [want.key for want in decision.wants]

    first = kit.answer_of(one, ticket, memory, now)
    if first.call is Call.ACT:
        return
    if first.wake_at is None:
        assert said(now + 365 * DAY) == (first.call, [])
        return
    assert first.wake_at > now
    for part in (0.1, 0.5, 0.999999):
        assert said(now + (first.wake_at - now) * part) == (first.call, [])


# --- matrix ---------------------------------------------------------------------------------------------------------
@given(hours=st.lists(st.integers(1, 200), max_size=12), depth=st.integers(0, 4), keep=st.lists(st.booleans()))
@settings(max_examples=100, deadline=None)
def test_levels_only_go_up_and_nothing_is_done_twice(hours, depth, keep):
    """Whatever pauses and failures there are between cycles, each part is done at most once, and no level goes down."""
    levels = tuple(
        {"after": kit.span(f"{day}d"), "notify": ("boss",), "note": f"level {day} reached"} for day in (1, 3, 7, 14)
    )
    one = kit.rule("matrix", "m", levels=levels, depth={"normal": depth})
    ticket = kit.ticket(1, created_at=kit.NOW)
    memory, now, done, reached = Memory(), kit.NOW, [], 0
    works = iter(keep)
    for step in hours:
        now += step * HOUR
        wants: tuple[Want, ...] = kit.answer_of(one, ticket, memory, now).wants
        assert len({want.details["level"] for want in wants}) <= 1
        for want in wants:
            assert depth >= want.details["level"] >= reached
            assert want.due <= now
            if next(works, True):
                reached = want.details["level"]
                done.append(want.key)
                memory = replace(memory, done={**memory.done, want.key: now.isoformat()})
    assert len(done) == len(set(done))


# --- plans ----------------------------------------------------------------------------------------------------------
PRIORITY_RULES = st.lists(
    st.tuples(st.sampled_from(["low", "normal", "high", "urgent"]), st.sampled_from(list(Tri)), st.booleans()),
    min_size=1,
    max_size=6,
)
PRIORITIES = st.lists(st.sampled_from([None, "low", "normal", "high", "urgent"]), min_size=1, max_size=6)


@given(rules=PRIORITY_RULES, priorities=PRIORITIES, order=st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_one_change_a_field_and_the_same_plan_in_any_order(rules, priorities, order):
    """No plan changes a field of a ticket twice, lowers unasked, or depends on the order of tickets."""
    built = [
        kit.rule("priority", f"r{n}", when=kit.Says(tri), priority=wanted, lower=lower)
        for n, (wanted, tri, lower) in enumerate(rules)
    ]
    policy = kit.policy(*built)
    pairs = [(kit.ticket(n, priority=priority), Memory()) for n, priority in enumerate(priorities)]
    shuffled = list(pairs)
    order.shuffle(shuffled)
    plan = kit.plan_of(policy, pairs)
    assert plan == kit.plan_of(policy, shuffled)
    assert all(count == 1 for count in Counter((a.ticket, f) for a in plan.actions for f in a.changes).values())
    words = [None, "low", "normal", "high", "urgent"]
    holding = {wanted for wanted, tri, _ in rules if tri is Tri.YES}
    lowering = {wanted for wanted, tri, lower in rules if tri is Tri.YES and lower}
    for action in plan.actions:
        old, new = action.changes["priority"]
        assert new in holding
        if words.index(new) < words.index(old):
            assert new in lowering
            assert all(words.index(each) <= words.index(old) for each in holding), "a raise wins over a lowering"
        else:
            assert new == max(holding, key=words.index)


@given(rules=PRIORITY_RULES, priority=st.sampled_from(["low", "normal", "high", "urgent"]))
@settings(max_examples=100, deadline=None)
def test_carrying_out_plan_after_plan_comes_to_rest(rules, priority):
    """Rules that disagree do not move a ticket up and down for ever: after a few cycles nothing is wanted."""
    built = [
        kit.rule("priority", f"r{n}", when=kit.Says(tri), priority=wanted, lower=lower)
        for n, (wanted, tri, lower) in enumerate(rules)
    ]
    policy, ticket, memory = kit.policy(*built), kit.ticket(1, priority=priority), Memory()
    for _ in range(len(rules) + 1):
        plan = kit.plan_of(policy, [(ticket, memory)])
        for action in plan.actions:
            ticket = replace(ticket, priority=action.changes["priority"][1])
            memory = replace(
                memory, ours={"priority": ticket.priority}, done={**memory.done, action.key: kit.NOW.isoformat()}
            )
    assert kit.plan_of(policy, [(ticket, memory)]).actions == ()


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_saved_plan_is_read_back_whole_or_refused(data):
    """Any single change to the text of a saved plan is noticed, unless it means the same JSON."""
    actions = [
        kit.action(n, kind) for n, kind in enumerate(data.draw(st.lists(st.sampled_from(["set", "toggle", "note"]))))
    ]
    plan = kit.plan(*actions)
    text = dumps(plan, judge(plan, Limits(), History()))
    assert loads(text)[0].actions == plan.actions
    place = data.draw(st.integers(0, len(text) - 1))
    spoiled = text[:place] + data.draw(st.characters(codec="utf-8")) + text[place + 1 :]
    try:
        loads(spoiled)
    except PlanRefused:
        return
    assert json.loads(spoiled) == json.loads(text)


@given(st.one_of(st.text(), st.binary(), JSON.map(json.dumps)))
@settings(max_examples=100, deadline=None)
def test_no_text_makes_reading_fail_in_another_way(text):
    """Whatever stands in the file, it is PlanRefused that comes out."""
    try:
        loads(text)
    except PlanRefused:
        return
    raise AssertionError(text)


# --- guard ----------------------------------------------------------------------------------------------------------
KINDS = st.sampled_from(["set", "note", "toggle", "notify", "assign"])
WANTED = st.tuples(st.integers(0, 5), KINDS)
PLANS = st.lists(st.tuples(st.integers(0, 30), st.lists(WANTED, max_size=12), st.booleans()), max_size=15)


@given(plans=PLANS, per_ticket=st.integers(0, 3), toggles=st.integers(0, 2))
@settings(max_examples=100, deadline=None)
def test_no_sequence_of_plans_exceeds_the_pace_of_a_ticket_in_any_24_hours(plans, per_ticket, toggles):
    """Approved or not, in whatever rhythm plans come, a ticket is not written more often than the limits say."""
    limits = Limits(per_ticket=per_ticket, toggles_per_ticket=toggles, share=None, per_rule=None, actions=6)
    now, sent = kit.NOW, []
    for number, (hours, wanted, approved) in enumerate(plans):
        now += hours * HOUR
        recent = [(t, kind) for at, t, kind in sent if now - at < DAY and kind != "notify"]
        history = History(
            writes=Counter(t for t, _ in recent), toggles=Counter(t for t, kind in recent if kind == "toggle")
        )
        actions = [kit.action(t, kind, key=f"{number}:{n}") for n, (t, kind) in enumerate(wanted)]
        verdict = judge(kit.plan(*actions, now=now), limits, history, approved)
        going = [
            each for each in actions if each.id not in verdict.deferred and (verdict.go or each.id in verdict.exempt)
        ]
        assert approved or sum(each.kind != "toggle" for each in going) <= 6
        sent += [(now, each.ticket, each.kind) for each in going]
        window = Counter((t, kind) for at, t, kind in sent if now - at < DAY)
        for ticket in {t for t, _ in window}:
            assert window[ticket, "toggle"] <= toggles
            assert sum(window[ticket, kind] for kind in ("set", "note", "assign")) <= per_ticket


@given(
    wanted=st.lists(st.tuples(st.integers(0, 40), KINDS), max_size=60),
    approved=st.booleans(),
    population=st.integers(0, 90),
)
@settings(max_examples=100, deadline=None)
def test_a_verdict_sorts_every_action_into_one_place(wanted, approved, population):
    """Deferred and exempt are ids of the plan and disjoint; what goes is within every limit unless approved."""
    actions = [kit.action(t, kind, key=str(n)) for n, (t, kind) in enumerate(wanted)]
    limits = Limits()
    plan = kit.plan(*actions, population=population)
    verdict = judge(plan, limits, History(), approved)
    ids = {each.id for each in actions}
    assert set(verdict.deferred) | set(verdict.exempt) <= ids
    assert not set(verdict.deferred) & set(verdict.exempt)
    assert verdict.go is (not verdict.holds)
    assert not (verdict.go and verdict.exempt)
    rest = [each for each in actions if each.id not in verdict.deferred and each.kind != "toggle"]
    if verdict.go and not approved:
        assert len(rest) <= limits.actions
        writing = [each.ticket for each in rest if each.kind != "notify"]
        assert len(writing) < limits.share_from or len(set(writing)) <= limits.share * population
