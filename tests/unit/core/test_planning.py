"""From evaluations to one plan."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from connector.core.evaluate import evaluate
from connector.core.model import Memory, Rejected
from connector.core.planning import action_id, canonical, digest_of, make_plan, natural, plain
from connector.core.tri import Tri
from tests.unit.core.rule_kit import NOW, Says, codes, plan_of, policy, rule, span, ticket

DAY = timedelta(days=1)
URGENT = rule("priority", "threat", when=Says(), priority="urgent")
KEEP = rule("keepalive", "weekly", follow_up={"after": span("7d"), "every": span("7d")}, note="kept alive today")
LADDER = rule("matrix", "ladder", levels=({"after": span("1d"), "assign": "team", "notify": ("boss",)},))


def stuck(number, days=8.0, clock_days=None, **values):
    clock = NOW - timedelta(days=days if clock_days is None else clock_days)
    return ticket(
        number, escalation_type="stuck", escalated_at=NOW - timedelta(days=days), autoclose_clock=clock,
        status_since=clock, created_at=NOW - 9 * DAY, **values,
    )  # fmt: skip


def test_an_action_carries_what_it_expects_to_find():
    """Status, stamp and the old value of each changed field; no stamp where the source has none."""
    (action,) = plan_of(policy(URGENT), [(ticket(1), Memory())]).actions
    assert dict(action.expected) == {
        "status": "in_process",
        "updated_at": (NOW - timedelta(hours=5)).isoformat(),
        "priority": "normal",
    }
    assert dict(action.changes) == {"priority": ("normal", "urgent")}
    (bare,) = plan_of(policy(URGENT), [(ticket(1, updated_at=None), Memory())]).actions
    assert "updated_at" not in bare.expected


def test_keep_alive_goes_first_most_urgent_first_then_tickets_in_natural_order():
    """Ticket 9 comes before ticket 10; the ticket that would be closed first is toggled first, its note with it."""
    pairs = [(stuck(10, 8), Memory()), (stuck(9, 8, 13.9), Memory()), (ticket(2), Memory()), (ticket(11), Memory())]
    plan = plan_of(policy(URGENT, KEEP), pairs)
    assert [(action.ticket, action.kind) for action in plan.actions] == [
        ("9", "toggle"), ("10", "toggle"),
        ("2", "set"), ("9", "set"), ("9", "note"), ("10", "set"), ("10", "note"), ("11", "set"),
    ]  # fmt: skip


def test_the_plan_is_the_same_whatever_the_order_of_its_input():
    """Digest, actions and reports do not depend on what was read first."""
    blind = rule("priority", "blind", when=Says(Tri.UNKNOWN), priority="low")
    one = policy(URGENT, KEEP, LADDER, blind)
    pairs = [(stuck(number), Memory()) for number in range(20)]
    bad = [Rejected(f"export.csv:{line}", None, "no id") for line in (12, 3, 101)]
    plans = []
    for seed in range(4):
        shuffled, rejected = random.Random(seed).sample(pairs, 20), random.Random(seed).sample(bad, 3)
        plans.append(plan_of(one, shuffled, rejected=rejected))
    assert all(each == plans[0] for each in plans)
    assert [each.place for each in plans[0].rejected] == ["export.csv:3", "export.csv:12", "export.csv:101"]
    assert [each.ticket for each in plans[0].unknown] == [str(number) for number in range(20)]


def test_the_digest_names_what_would_be_done_not_when():
    """An hour later, or after a touch of the ticket, it is the same plan; another value or account is another."""
    first = plan_of(policy(URGENT), [(ticket(1), Memory())])
    later = plan_of(policy(URGENT), [(ticket(1, updated_at=NOW), Memory())], now=NOW + timedelta(hours=1))
    other = plan_of(policy(URGENT), [(ticket(1, priority="low"), Memory())])
    assert first.digest == later.digest
    assert other.digest != first.digest
    assert digest_of("other", first.policy, first.actions) != first.digest
    assert digest_of("acme", "other", first.actions) != first.digest


def test_ids_follow_from_account_ticket_kind_key_and_changes():
    """The same step has the same id in every cycle; anything else has another."""
    (action,) = plan_of(policy(URGENT), [(ticket(1), Memory())]).actions
    given = ("acme", "1", "set", "priority:threat:1:urgent", {"priority": ("normal", "urgent")})
    assert action.id == action_id(*given)
    assert len({action_id(*given), action_id("x", *given[1:]), action_id(*given[:3], "k", given[4])}) == 3


def test_a_quarantined_ticket_is_only_kept_alive():
    """Everything else of it is left out and reported; the toggle and its note go on."""
    memory = Memory(quarantined_until=NOW + DAY)
    plan = plan_of(policy(URGENT, KEEP), [(stuck(1), memory)])
    assert [action.kind for action in plan.actions] == ["toggle", "note"]
    (unsure,) = plan.unknown
    assert (unsure.rule.name, unsure.reasons[-1].code) == ("threat", "QUARANTINED")
    over = plan_of(policy(URGENT), [(ticket(1), Memory(quarantined_until=NOW))])
    assert len(over.actions) == 1


def test_two_assignments_of_one_ticket_are_one():
    """Of two ladders the higher level wins; messages of both go out."""
    higher = rule(
        "matrix",
        "higher",
        levels=(
            {"after": span("1h"), "notify": ("team",)},
            {"after": span("1d"), "assign": "team", "notify": ("boss",)},
        ),
    )
    plan = plan_of(policy(LADDER, higher), [(stuck(1), Memory())])
    (assigned,) = [action for action in plan.actions if action.kind == "assign"]
    assert assigned.rule.name == "higher"
    assert "MERGED" in codes(assigned)
    assert [action.kind for action in plan.actions].count("notify") == 2


def test_unknown_answers_are_reported_with_their_reasons():
    """UNKNOWN never acts and is never silent."""
    plan = plan_of(
        policy(rule("priority", "b", when=Says(Tri.UNKNOWN, "DARK"), priority="low")), [(ticket(1), Memory())]
    )
    assert plan.actions == ()
    assert [(each.ticket, each.rule.name, each.reasons[0].code) for each in plan.unknown] == [("1", "b", "DARK")]


def test_a_ticket_without_memory_has_no_history():
    """An export knows nothing of earlier cycles."""
    evaluation = evaluate(policy(URGENT), ticket(1), Memory(), NOW)
    plan = make_plan(policy(URGENT), "a", iter([evaluation]), {}, NOW, complete=False, rejected=(), population=7)
    assert (len(plan.actions), plan.complete, plan.population) == (1, False, 7)


def test_natural_order_puts_9_before_10_and_survives_odd_digits():
    """Ids of any helpdesk sort: INC-9, INC-10, ²."""
    texts = ["INC-10", "INC-9", "10", "9", "²", "", "a1b2"]
    assert sorted(texts, key=natural) == ["", "9", "10", "INC-9", "INC-10", "a1b2", "²"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"x"])
def test_what_json_has_no_place_for_is_refused(value):
    """A value that could not be read back must not be written."""
    with pytest.raises(TypeError):
        plain({"x": value})


def test_canonical_json_does_not_depend_on_order_or_zone():
    """The text under every digest."""
    berlin = NOW.astimezone(None)
    assert canonical({"b": NOW, "a": (1, 2)}) == canonical({"a": [1, 2], "b": berlin})
