"""Rules of kind `matrix`: levels by time since an event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.core.model import Call, Memory, RuleRef
from connector.core.rules import kinds
from connector.core.spec import RuleProblem
from connector.core.tri import Tri
from tests.unit.core.rule_kit import NOW, Says, SubjectHas, Template, answer_of, codes, rule, span, ticket

LEVELS = (
    {"after": span("24h"), "assign": "team", "notify": ("boss",), "priority": "high", "note": "escalated now"},
    {"after": span("3d"), "assign": "boss", "notify": ("boss", "office")},
    {"after": span("7d"), "notify": ("office",)},
)


def matrix(**values: Any):
    return rule("matrix", "ladder", **{"levels": LEVELS, **values})


def created(days: float, **values: Any):
    return ticket(1, **{"created_at": NOW - timedelta(days=days), **values})


def key_of(days: float, level: int, part: str) -> str:
    return f"matrix:ladder:1:{(NOW - timedelta(days=days)).isoformat()}:L{level}:{part}"


def fired(days: float, level: int, *parts: str) -> dict[str, str]:
    return {key_of(days, level, part): NOW.isoformat() for part in parts}


def test_a_level_does_all_its_parts_each_with_its_own_key():
    """Level 1 after 24 h: assign, raise, note and notify, as separate wants due at the same instant."""
    decision = answer_of(matrix(), created(2))
    assert decision.call is Call.ACT
    wants = {want.kind: want for want in decision.wants}
    assert dict(wants["assign"].changes) == {"group": "Supervisión"}
    assert dict(wants["set"].changes) == {"priority": "high"}
    assert wants["note"].text == "escalated now"
    assert wants["notify"].to == ("boss",)
    assert {want.due for want in decision.wants} == {NOW - timedelta(days=1)}
    expected = {key_of(2, 1, part) for part in ("assign", "priority", "note", "notify")}
    assert {want.key for want in decision.wants} == expected


def test_it_waits_for_the_exact_instant_of_the_next_level():
    """Before level 1, and between levels, `wake_at` is when the next one is due."""
    before = answer_of(matrix(), created(0.5))
    assert (before.call, before.wake_at) == (Call.WAIT, NOW + timedelta(hours=12))
    between = answer_of(
        matrix(), created(2, group="Supervisión"), Memory(done=fired(2, 1, "assign", "priority", "note", "notify"))
    )
    assert (between.call, between.wake_at) == (Call.WAIT, NOW + timedelta(days=1))


def test_only_the_highest_level_due_acts_and_lower_ones_are_told_as_passed():
    """After a downtime nobody gets the messages of levels long passed."""
    decision = answer_of(matrix(), created(8))
    assert [(want.kind, want.to) for want in decision.wants] == [("notify", ("office",))]
    passed = [each.values["level"] for each in decision.reasons if each.code == "PASSED"]
    assert passed == [1, 2]


def test_no_level_below_one_already_done_fires():
    """Done level 3, then the event is such that only level 1 is due: nothing goes down."""
    decision = answer_of(matrix(), created(2), Memory(done=fired(2, 3, "notify")))
    assert (decision.call, decision.wants) == (Call.NO, ())


def test_undone_parts_of_the_level_are_still_wanted():
    """A level of which only the message went out is completed later."""
    decision = answer_of(matrix(), created(2), Memory(done=fired(2, 1, "notify", "priority", "note")))
    assert [want.kind for want in decision.wants] == ["assign"]


def test_all_levels_done_is_no_and_never_wakes():
    """Nothing is left to happen by time alone."""
    decision = answer_of(matrix(), created(8), Memory(done=fired(8, 3, "notify")))
    assert (decision.call, decision.wake_at) == (Call.NO, None)


def test_business_levels_count_in_the_calendar():
    """8 business hours after Friday noon is Monday noon in an office open 9 to 17."""
    friday = datetime(2026, 2, 27, 12, 0, tzinfo=UTC)
    one = matrix(levels=({"after": span("8bh"), "priority": "high"},))
    waiting = answer_of(one, ticket(created_at=friday), now=friday + timedelta(days=2))
    assert (waiting.call, waiting.wake_at) == (Call.WAIT, datetime(2026, 3, 2, 12, 0, tzinfo=UTC))


@pytest.mark.parametrize(("priority", "call"), [("low", Call.NO), ("normal", Call.ACT), ("urgent", Call.ACT)])
def test_the_depth_of_a_priority_bounds_the_levels(priority, call):
    """A priority of depth 0 reaches no level; one that is not named reaches all."""
    decision = answer_of(matrix(depth={"low": 0, "normal": 1}), created(2, priority=priority))
    assert decision.call is call


def test_depth_stops_at_the_deepest_level_allowed():
    """Depth 1: level 3's time has come, level 1 is what acts."""
    decision = answer_of(matrix(depth={"normal": 1}), created(8))
    assert {want.details["level"] for want in decision.wants} == {1}


def test_depth_with_an_unknown_priority_is_unknown():
    """Which levels count can't be told, so none acts."""
    decision = answer_of(matrix(depth={"low": 1}), created(8, priority=None, unknown=frozenset({"priority"})))
    assert (decision.call, codes(decision)[-1], decision.wants) == (Call.UNKNOWN, "PRIORITY_UNKNOWN", ())


def test_start_lifts_a_ticket_to_a_level_at_once():
    """A regulator threat starts at level 2 in its first minute, whatever its depth; level 3 comes in its time."""
    start = ({"when": SubjectHas("regulator"), "level": 2},)
    decision = answer_of(matrix(start=start, depth={"normal": 1}), created(0, subject="regulator!"))
    assert {want.details["level"] for want in decision.wants} == {2}
    assert {want.due for want in decision.wants} == {NOW}
    other = answer_of(matrix(start=start), created(0, subject="hello"))
    assert (other.call, other.wake_at) == (Call.WAIT, NOW + timedelta(days=1))


def test_an_unknown_start_does_not_lift_and_is_reported():
    """Whether it starts higher can't be told: UNKNOWN unless something else acts."""
    start = ({"when": Says(Tri.UNKNOWN), "level": 2},)
    assert answer_of(matrix(start=start), created(0)).call is Call.UNKNOWN
    acting = answer_of(matrix(start=start), created(2))
    assert acting.call is Call.ACT
    assert "START_UNKNOWN" in codes(acting)


@pytest.mark.parametrize(
    ("since", "field"),
    [
        ("created", "created_at"),
        ("status", "status_since"),
        ("agent_reply", "agent_responded_at"),
        ("customer_reply", "customer_responded_at"),
    ],
)
def test_each_event_counts_and_an_unknown_one_is_unknown(since, field):
    """The levels count from the event that `since` names."""
    one = matrix(since=since)
    assert answer_of(one, ticket(**{field: NOW - timedelta(days=2)})).call is Call.ACT
    assert answer_of(one, ticket(**{field: NOW - timedelta(hours=2)})).call is Call.WAIT
    assert answer_of(one, ticket(unknown=frozenset({field}))).call is Call.UNKNOWN


def test_a_reply_that_never_came_is_no_event():
    """No agent reply yet: nothing counts, which is an answer and not a riddle."""
    assert codes(answer_of(matrix(since="agent_reply"), ticket())) == ["NO_SUCH_EVENT"]


def test_escalated_counts_from_the_situation():
    """`since: escalated` outside any situation does not concern the ticket; a new episode starts anew."""
    one = matrix(since="escalated")
    assert codes(answer_of(one, created(9))) == ["NOT_ESCALATED"]
    stuck = created(9, escalation_type="stuck", escalated_at=NOW - timedelta(days=2))
    decision = answer_of(one, stuck, Memory(done=fired(9, 3, "notify")))
    assert {want.details["level"] for want in decision.wants} == {1}


def test_who_has_the_ticket_already_is_not_assigned_again():
    """By name whatever its case and accents, or by the helpdesk's own id."""
    same = answer_of(matrix(levels=LEVELS[:1]), created(2, group="SUPERVISION"))
    assert "assign" not in {want.kind for want in same.wants}
    by_id = answer_of(matrix(levels=LEVELS[1:2]), created(4, agent="L. Núñez", raw={"agent": "9001"}))
    assert "assign" not in {want.kind for want in by_id.wants}


def test_a_human_who_reassigns_after_the_level_is_not_fought():
    """An assignment before the level was due is escalated; one after it stays."""
    due = NOW - timedelta(days=1)
    for human_at, assigns in ((due - timedelta(hours=1), True), (due + timedelta(hours=1), False)):
        memory = Memory(human={"group": "Ventas"}, extra={"human_at": {"group": human_at.isoformat()}})
        decision = answer_of(matrix(), created(2, group="Ventas"), memory)
        assert ("assign" in {want.kind for want in decision.wants}) is assigns
    no_instant = answer_of(matrix(), created(2, group="Ventas"), Memory(human={"group": "Ventas"}))
    assert "HUMAN_SET" in codes(no_instant)


def test_an_assignment_changed_back_is_not_repeated():
    """What the daemon assigned and finds elsewhere was moved by someone."""
    decision = answer_of(matrix(), created(2, group="Ventas"), Memory(ours={"group": "Supervisión"}))
    assert "CHANGED_BACK" in codes(decision)
    assert "assign" not in {want.kind for want in decision.wants}


def test_an_unknown_group_is_not_assigned_but_the_rest_acts():
    """A field's UNKNOWN stops that field only; alone it makes the answer UNKNOWN."""
    blind = created(2, unknown=frozenset({"group"}))
    assert {want.kind for want in answer_of(matrix(), blind).wants} == {"set", "note", "notify"}
    only = answer_of(matrix(levels=({"after": span("1d"), "assign": "team"},)), blind)
    assert (only.call, only.wants) == (Call.UNKNOWN, ())


def test_an_address_outside_the_helpdesk_gets_no_ticket():
    """An outside address can be told, not assigned to."""
    decision = answer_of(matrix(levels=({"after": span("1d"), "assign": "office"},)), created(2))
    assert (codes(decision)[-1], decision.wants) == ("NOT_ASSIGNABLE", ())


def test_a_level_raises_the_priority_only_upwards_and_against_no_human():
    """The priority of a level keeps the manners of a priority rule."""
    assert "set" not in {want.kind for want in answer_of(matrix(), created(2, priority="urgent")).wants}
    human = Memory(human={"priority": "low"})
    assert "set" not in {want.kind for want in answer_of(matrix(), created(2, priority="low"), human).wants}


def test_a_note_is_filled_from_the_packs_text():
    """A note names a text of the pack; the message to people carries the same words."""
    texts = {"escalated now": Template("escalated now", "nivel {level} de {ticket}")}
    decision = answer_of(matrix(), created(2), texts=texts)
    assert {want.text for want in decision.wants if want.kind in ("note", "notify")} == {"nivel 1 de 1"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"levels": ({"after": span("1d")},)}, "levels"),
        ({"levels": (LEVELS[1], LEVELS[0])}, "levels"),
        ({"start": ({"when": Says(), "level": 4},)}, "start"),
        ({"depth": {"low": 4}}, "depth"),
    ],
)
def test_levels_that_make_no_sense_are_refused(values, field):
    """A level that does nothing, levels out of order, levels that do not exist."""
    with pytest.raises(RuleProblem) as caught:
        matrix(**values)
    assert caught.value.field == field


# --- events that are remembered, kinds, closing ---------------------------------------------------------------------
def test_since_promise_counts_from_the_end_of_what_was_promised():
    """A promise kept by the situation's own rule; without one nothing counts."""
    one = matrix(since="promise", levels=({"after": span("0h"), "notify": ("boss",)},))
    stuck = created(9, escalation_type="stuck", escalated_at=NOW - timedelta(days=2))
    due = (NOW - timedelta(hours=3)).isoformat()
    decision = answer_of(one, stuck, Memory(extra={"promise:stuck": {"due": due, "made": due}}))
    assert [want.due for want in decision.wants] == [NOW - timedelta(hours=3)]
    assert codes(answer_of(one, stuck))[-1] == "NOTHING_PROMISED"
    assert codes(answer_of(one, created(9))) == ["NOT_ESCALATED"]


def test_since_breach_counts_only_its_own_metrics_and_open_breaches():
    """The earliest open breach that names this matrix or none; one that was met since is over."""

    def kept(**values: Any) -> Memory:
        record = {"start": "s", "breached": (NOW - timedelta(days=2)).isoformat(), "met": None, "matrix": None}
        return Memory(extra={"sla:first_response": {**record, **values}})

    assert answer_of(matrix(since="breach"), created(9), kept()).call is Call.ACT
    assert answer_of(matrix(since="breach"), created(9), kept(matrix="ladder")).call is Call.ACT
    assert answer_of(matrix(since="breach"), created(9), kept(matrix="other")).call is Call.NO
    assert answer_of(matrix(since="breach"), created(9), kept(met=NOW.isoformat())).call is Call.NO
    assert answer_of(matrix(since="breach", metrics=("resolution",)), created(9), kept()).call is Call.NO


def test_a_level_with_a_kind_is_recorded_with_from_to_when_and_why():
    """The record says of which kind, to which level, from whom to whom, when and why."""
    levels = ({"after": span("24h"), "assign": "team", "kind": "functional"},)
    decision = answer_of(matrix(levels=levels), created(2, group="Ventas", agent="Ana"))
    record = next(want for want in decision.wants if want.kind == "register")
    assert (record.details["kind"], record.details["level"], record.details["to"]) == ("functional", 1, ["team"])
    assert record.details["from"] == {"group": "Ventas", "agent": "Ana"}
    assert record.details["when"] == (NOW - timedelta(days=1)).isoformat()
    assert "24h after created" in record.details["why"]
    assert key_of(2, 1, "register") == record.key
    given = {"levels": ({"after": span("24h"), "notify": ("boss",)},), "kind": "hierarchical"}
    whole = answer_of(kinds()["matrix"].build(RuleRef("matrix", "ladder", "matrix.yaml", 1), given), created(2))
    assert [want.kind for want in whole.wants] == ["notify", "register"]


def test_a_recorded_level_tells_of_the_customer_and_the_case():
    """As the line of a situation does: customer, contact, product and at most 500 characters of the description."""
    told = {"requester": "Ana Gil", "requester_email": "ana@example.org", "product": "Horno", "body": "x" * 600}
    decision = answer_of(
        matrix(levels=({"after": span("24h"), "notify": ("boss",), "kind": "functional"},)), created(2, **told)
    )
    record = next(want for want in decision.wants if want.kind == "register").details
    assert [record[name] for name in ("customer", "email", "phone", "product")] == [
        "Ana Gil", "ana@example.org", None, "Horno",
    ]  # fmt: skip
    assert record["description"] == "x" * 500


def test_the_assignee_is_told_by_the_roster():
    """`assignee` is the ticket's agent, else its group; nobody is told where nobody has it."""
    one = matrix(levels=({"after": span("24h"), "notify": ("assignee",)},))
    assert answer_of(one, created(2, agent="LAURA NÚÑEZ")).wants[0].to == ("boss",)
    assert answer_of(one, created(2, group="Supervisión")).wants[0].to == ("team",)
    assert codes(answer_of(one, created(2)))[-1] == "ASSIGNEE_NOBODY"


@pytest.mark.parametrize(("days", "level"), [(29.99, 2), (30, 3), (31, 3)])
def test_what_is_not_closed_in_time_goes_up_whatever_its_depth(days, level):
    """Depth 2 of 3 levels: after 30 days the last level is due all the same."""
    one = matrix(depth={"normal": 2}, close_within=span("30d"))
    decision = answer_of(one, created(days))
    assert {want.details["level"] for want in decision.wants} == {level}
    if level == 3:
        assert {want.due for want in decision.wants} == {NOW - timedelta(days=days - 30)}
        assert "NOT_CLOSED" in codes(decision)
    else:
        assert answer_of(one, created(days), Memory(done=fired(days, 2, "assign", "notify"))).wake_at is not None


def test_closing_within_wakes_a_ticket_that_has_nothing_else_to_wait_for():
    """All levels of its depth are done: the next instant is the thirtieth day."""
    one = matrix(depth={"normal": 1}, close_within=span("30d"))
    memory = Memory(done=fired(2, 1, "assign", "priority", "note", "notify"))
    assert answer_of(one, created(2), memory).wake_at == NOW + timedelta(days=28)


@pytest.mark.parametrize(
    ("values", "field"),
    [({"metrics": ("resolution",)}, "metrics"), ({"close_within": span("24h")}, "close_within")],
)
def test_fields_that_contradict_the_levels_are_refused(values, field):
    """`metrics` without `since: breach`; a closing before the first level."""
    with pytest.raises(RuleProblem) as caught:
        matrix(**values)
    assert caught.value.field == field
