"""Rules of kind `priority`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.core.model import Call, Memory
from connector.core.tri import Tri
from tests.unit.core.rule_kit import NOW, Says, answer_of, codes, plan_of, policy, rule, ticket

URGENT = rule("priority", "threat", when=Says(), priority="urgent")


def test_a_lower_priority_is_raised_with_the_evidence_of_the_condition():
    """A condition that holds raises the priority, and the reasons name what held and the change."""
    decision = answer_of(URGENT, ticket(7, priority="normal"))
    assert decision.call is Call.ACT
    assert codes(decision) == ["SAID", "RAISE"]
    (want,) = decision.wants
    assert (want.kind, dict(want.changes)) == ("set", {"priority": "urgent"})
    assert want.key == "priority:threat:7:urgent"


@pytest.mark.parametrize(("current", "wanted"), [("urgent", "urgent"), ("urgent", "high"), ("high", "low")])
def test_a_priority_already_there_or_higher_is_left(current, wanted):
    """Without `lower`, a rule never lowers and never writes what is there."""
    decision = answer_of(rule("priority", when=Says(), priority=wanted), ticket(priority=current))
    assert (decision.call, codes(decision)[-1], decision.wants) == (Call.NO, "ALREADY", ())


def test_lowering_happens_only_where_it_is_said():
    """`lower: true` sets the priority also downwards."""
    decision = answer_of(rule("priority", when=Says(), priority="low", lower=True), ticket(priority="high"))
    assert decision.call is Call.ACT
    assert codes(decision)[-1] == "LOWER"


def test_a_rule_does_not_lower_what_the_policy_itself_raised():
    """Two rules that disagree must not move a ticket up and down by turns."""
    lowering = rule("priority", when=Says(), priority="low", lower=True)
    decision = answer_of(lowering, ticket(priority="urgent"), Memory(ours={"priority": "urgent"}))
    assert (decision.call, codes(decision)[-1]) == (Call.NO, "RAISED_BY_POLICY")


def test_an_empty_priority_is_raised_and_an_unknown_one_is_not():
    """Known to be empty is the lowest; unknown is not compared at all."""
    assert answer_of(URGENT, ticket(priority=None)).call is Call.ACT
    unknown = answer_of(URGENT, ticket(priority=None, unknown=frozenset({"priority"})))
    assert (unknown.call, codes(unknown)[-1], unknown.wants) == (Call.UNKNOWN, "PRIORITY_UNKNOWN", ())
    unmapped = answer_of(URGENT, ticket(priority=None, raw={"priority": "P9"}))
    assert unmapped.call is Call.UNKNOWN
    assert unmapped.reasons[-1].values["raw"] == "P9"


def test_a_value_a_human_set_is_not_fought_over():
    """Once someone set the priority while the daemon watched, no rule touches it."""
    decision = answer_of(URGENT, ticket(priority="low"), Memory(human={"priority": "low"}))
    assert (decision.call, codes(decision)[-1]) == (Call.NO, "HUMAN_SET")


def test_a_value_changed_back_is_not_written_again():
    """What the daemon wrote and finds otherwise was taken back by someone: it stays so."""
    decision = answer_of(URGENT, ticket(priority="low"), Memory(ours={"priority": "high"}))
    assert (decision.call, codes(decision)[-1]) == (Call.NO, "CHANGED_BACK")


def test_done_is_never_repeated():
    """The idempotency key of a done action is never wanted again."""
    key = "priority:threat:7:urgent"
    decision = answer_of(URGENT, ticket(7), Memory(done={key: NOW.isoformat()}))
    assert (decision.call, codes(decision)[-1]) == (Call.NO, "DONE")


@pytest.mark.parametrize(("tri", "call"), [(Tri.NO, Call.NO), (Tri.UNKNOWN, Call.UNKNOWN)])
def test_a_condition_that_does_not_hold_says_why_and_when_to_look_again(tri, call):
    """NO and UNKNOWN carry the condition's reasons and its next instant."""
    later = NOW + timedelta(hours=1)
    decision = answer_of(rule("priority", when=Says(tri, wake_at=later), priority="high"), ticket())
    assert (decision.call, codes(decision), decision.wake_at, decision.wants) == (call, ["SAID"], later, ())


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_raises_the_higher_one_wins_and_names_the_other(order):
    """The plan holds one change of the priority, whichever rule stands first in the pack."""
    rules = [rule("priority", "social", when=Says(), priority="high"), URGENT]
    plan = plan_of(policy(*(rules[place] for place in order)), [(ticket(), Memory())])
    (action,) = plan.actions
    assert dict(action.changes) == {"priority": ("normal", "urgent")}
    (outranked,) = [each for each in action.reasons if each.code == "OUTRANKED"]
    assert outranked.values["rule"] == "social"


def test_a_raise_wins_over_a_lowering():
    """Where one rule raises and another lowers, the ticket goes up."""
    lowering = rule("priority", "calm", when=Says(), priority="low", lower=True)
    raising = rule("priority", "up", when=Says(), priority="high")
    (action,) = plan_of(policy(lowering, raising), [(ticket(), Memory())]).actions
    assert action.rule.name == "up"
