"""What holds a plan, what puts an action off, and what neither can stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.core.guard import History, Limits, judge
from connector.core.model import Reason
from tests.unit.core.rule_kit import NOW, action, plan

OPEN = Limits(
    actions=None, per_rule=None, customer_facing=None, share=None, population=None, policy_change=None, per_ticket=None,
    toggles=None, toggles_per_ticket=None,
)  # fmt: skip
NO_HISTORY = History()


def many(count: int, **values):
    return [action(number, **values) for number in range(count)]


def held_by(verdict):
    return [each.limit for each in verdict.holds]


@pytest.mark.parametrize(
    ("limits", "fits", "too_many"),
    [
        (replace(OPEN, actions=50), plan(*many(50)), plan(*many(51))),
        (replace(OPEN, per_rule=20), plan(*many(20), *many(20, rule_name="s")), plan(*many(21))),
        (
            replace(OPEN, customer_facing=10),
            plan(*many(10, kind="reply", reaches_customer=True), *many(30)),
            plan(*many(11, kind="reply", reaches_customer=True)),
        ),
        (replace(OPEN, share=0.2), plan(*many(20), population=100), plan(*many(21), population=100)),
    ],
)
def test_a_limit_holds_from_the_first_action_beyond_it(limits, fits, too_many):
    """Exactly the limit passes; one more holds, with both numbers in the message."""
    assert judge(fits, limits, NO_HISTORY).go is True
    verdict = judge(too_many, limits, NO_HISTORY)
    assert (verdict.go, len(verdict.holds)) == (False, 1)
    assert verdict.holds[0].found > verdict.holds[0].allowed
    found, allowed = verdict.holds[0].found, verdict.holds[0].allowed
    shown = (f"{found:.0%}", f"{allowed:.0%}") if allowed < 1 else (f"{found:g}", f"{allowed:g}")
    assert all(number in verdict.holds[0].text for number in shown)


def test_the_defaults_are_those_of_the_design():
    """50, 20, 10, 20 % from 5 actions, half the population, 20 tickets of a new policy, 3 writes, 20 toggles."""
    limits = Limits()
    assert (limits.actions, limits.per_rule, limits.customer_facing, limits.share) == (50, 20, 10, 0.2)
    assert (limits.share_from, limits.population, limits.policy_change, limits.per_ticket) == (5, 0.5, 20, 3)
    assert (limits.toggles, limits.unlimited()) == (20, ())


@pytest.mark.parametrize("limit", ["actions", "per_rule"])
def test_zero_is_none_and_none_is_unlimited(limit):
    """`0` lets nothing through; no limit lets everything through."""
    assert held_by(judge(plan(action()), replace(OPEN, **{limit: 0}), NO_HISTORY)) == [limit]
    assert judge(plan(*many(500)), OPEN, NO_HISTORY).go is True
    assert set(OPEN.unlimited()) >= {limit, "share", "toggles"}


def test_a_small_plan_may_touch_any_share():
    """Below five actions the share says nothing: one of two tickets is no flood."""
    limits = replace(OPEN, share=0.2)
    assert judge(plan(*many(4), population=4), limits, NO_HISTORY).go is True
    assert held_by(judge(plan(*many(5), population=5), limits, NO_HISTORY)) == ["share"]
    assert held_by(judge(plan(*many(5), population=0), limits, NO_HISTORY)) == ["share"]


def test_the_share_counts_tickets_not_actions():
    """Five actions on one ticket of twenty touch one ticket."""
    five = [action(1, key=f"k{number}") for number in range(5)]
    assert judge(plan(*five, population=20), replace(OPEN, share=0.2), NO_HISTORY).go is True


def test_messages_to_people_touch_no_ticket():
    """The share is of tickets written to."""
    told = many(50, kind="notify")
    assert judge(plan(*told, population=50), replace(OPEN, share=0.2), NO_HISTORY).go is True


def test_a_population_fallen_below_half_its_median_holds():
    """Where most tickets have vanished, the source is doubted before anything is written."""
    history = History(populations=(100, 110, 90, 100))
    limits = replace(OPEN, population=0.5)
    assert judge(plan(action(), population=50), limits, history).go is True
    assert held_by(judge(plan(action(), population=49), limits, history)) == ["population"]
    assert judge(plan(action(), population=0), limits, NO_HISTORY).go is True


def test_the_first_plan_of_a_changed_policy_is_held_where_it_touches_many():
    """By the tickets it touches, or by the difference that was worked out; not before any policy was adopted."""
    limits = replace(OPEN, policy_change=20)
    changed, same = History(policy="old"), History(policy="p" * 64)
    assert judge(plan(*many(20)), limits, changed).go is True
    assert held_by(judge(plan(*many(21)), limits, changed)) == ["policy_change"]
    assert judge(plan(*many(21)), limits, same).go is True
    assert judge(plan(*many(21)), limits, NO_HISTORY).go is True
    assert held_by(judge(plan(action()), limits, replace(changed, diff=400))) == ["policy_change"]


def test_what_rests_on_absence_is_held_where_not_all_was_read():
    """An incomplete source proves nothing by what it lacks; other actions are not concerned."""
    absent = action(details={"rests_on_absence": True})
    assert held_by(judge(plan(absent, complete=False), OPEN, NO_HISTORY)) == ["complete"]
    assert judge(plan(absent), OPEN, NO_HISTORY).go is True
    assert judge(plan(action(), complete=False), OPEN, NO_HISTORY).go is True


def test_writes_of_a_ticket_beyond_its_pace_are_put_off():
    """Three in 24 h, those already done among them; messages to people write nothing to the ticket."""
    limits = replace(OPEN, per_ticket=3)
    four = [action(1, key=f"k{number}") for number in range(4)]
    told = action(1, kind="notify")
    assert judge(plan(*four, told), limits, NO_HISTORY).deferred == (four[3].id,)
    verdict = judge(plan(*four, told), limits, History(writes={"1": 2}))
    assert (verdict.go, verdict.deferred) == (True, tuple(each.id for each in four[1:]))


def test_an_approval_passes_all_that_holds_but_no_pace_and_no_cap():
    """A person may approve a large plan, not a flood on one ticket, nor a toggle beyond its cap."""
    four = [action("x", key=f"k{number}") for number in range(4)]
    capped = action(5, "toggle", details={"through": "completed", "cap": 8, "count": 8})
    whole = plan(*many(100), *four, capped, population=10)
    verdict = judge(whole, Limits(), History(policy="old", populations=(900,)), approved=True)
    assert (verdict.go, verdict.holds) == (True, ())
    assert set(verdict.deferred) == {four[3].id, capped.id}


def test_keep_alive_goes_on_while_the_rest_is_held():
    """Delaying a toggle does the harm it prevents: toggles are exempt, with the notes left with them."""
    toggles = [action(f"t{number}", "toggle") for number in range(15)]
    note = action("t0", "note", details={"private": True, "with": toggles[0].key})
    verdict = judge(plan(*toggles, note, *many(51)), Limits(), History(populations=(9000,)))
    assert verdict.go is False
    assert set(verdict.exempt) == {each.id for each in (*toggles, note)}
    assert {"actions", "per_rule", "population"} <= set(held_by(verdict))


def test_toggles_count_in_no_limit_that_holds():
    """A plan of toggles alone is never held, however large a share it touches."""
    toggles = [action(number, "toggle") for number in range(18)]
    verdict = judge(plan(*toggles, population=18), Limits(actions=1, per_rule=1), History(policy="old"))
    assert (verdict.go, verdict.holds, verdict.deferred, verdict.exempt) == (True, (), (), ())


def test_toggles_have_a_pace_of_their_own_most_urgent_first():
    """Twenty of one rule in one plan; those whose tickets would be closed last wait, and their notes with them."""
    toggles = [action(number, "toggle", closes=NOW + timedelta(hours=100 - number)) for number in range(22)]
    note = action(0, "note", details={"with": toggles[0].key})
    other = action("o", "toggle", "other", closes=NOW + timedelta(hours=500))
    verdict = judge(plan(*toggles, note, other), Limits(), NO_HISTORY)
    assert set(verdict.deferred) == {toggles[0].id, toggles[1].id, note.id}


def test_a_toggle_whose_ticket_is_about_to_be_closed_is_not_put_off():
    """Inside the grace the pace gives way; `0` still means none at all."""
    pressing = [action(number, "toggle", closes=NOW + timedelta(hours=5)) for number in range(30)]
    assert judge(plan(*pressing), Limits(), NO_HISTORY).deferred == ()
    assert len(judge(plan(*pressing), Limits(toggles=0), NO_HISTORY).deferred) == 30
    far = [action(number, "toggle", closes=NOW + timedelta(hours=7)) for number in range(30)]
    assert len(judge(plan(*far), Limits(), NO_HISTORY).deferred) == 10


def test_a_toggle_waits_for_no_other_write_but_for_other_toggles_of_its_ticket():
    """A ticket with three writes today is still kept alive; one toggled twice today is not."""
    toggle = action(1, "toggle")
    assert judge(plan(toggle), Limits(), History(writes={"1": 3})).deferred == ()
    assert judge(plan(toggle), Limits(), History(toggles={"1": 2}, writes={"1": 2})).deferred == (toggle.id,)


def test_a_toggle_counts_as_a_write_of_its_ticket():
    """Two writes and a toggle are three: a third other write waits."""
    toggle, three = action(1, "toggle"), [action(1, key=f"k{number}") for number in range(3)]
    assert judge(plan(toggle, *three), Limits(), NO_HISTORY).deferred == (three[2].id,)


def test_the_verdict_does_not_depend_on_reasons_or_on_the_instant_of_the_plan():
    """Same actions, same history: same word."""
    base = plan(*many(60))
    told = replace(base, actions=tuple(replace(each, reasons=(Reason("X", "x"),)) for each in base.actions))
    assert judge(base, Limits(), NO_HISTORY) == judge(replace(told, now=NOW + timedelta(days=1)), Limits(), NO_HISTORY)
