"""`root_cause`: which cause is suggested when, in which order, and what it never does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.evaluate import evaluate
from connector.core.model import Call, Decision, Memory
from connector.core.policy import NO_DUTY, Condition, Duty, Person, Policy, Rule, Told
from connector.core.records import CAUSE, REGISTERED
from connector.core.rules._common import reason
from connector.core.spec import RuleProblem
from connector.core.tri import Tri
from tests.unit.core.rule_kit import NOW, codes, policy, rule, ticket

OVERLOADED = {"times_peers": 1.5, "least": 10}
ID = "situation:stuck:1:x:register"


def escalated(**entry: Any) -> Memory:
    """A memory with one open record, an hour old."""
    opened = {"at": (NOW - timedelta(hours=1)).isoformat(), "agent": "Eva", "group": None, "cause": None, "set": 0}
    return Memory(extra={REGISTERED: {ID: {**opened, "ended": None, **entry}}})


def asked(*rules: Rule, memory: Memory | None = None, load: dict[str, int] | None = None, **of: Any) -> list[Decision]:
    """What the rules say, in their order, asked as the daemon asks them; briefly too, which must say the same."""
    known, duty = memory or escalated(), NO_DUTY if load is None else Duty(load)
    pack: Policy = policy(*rules)
    whole = evaluate(pack, ticket(**of), known, NOW, duty)
    brief = evaluate(pack, ticket(**of), known, NOW, duty, brief=True)
    speaking = [one for one in whole.decisions if one.call in (Call.ACT, Call.UNKNOWN) or one.keeps]
    assert [(one.rule, one.call, one.wants) for one in brief.decisions] == [
        (one.rule, one.call, one.wants) for one in speaking
    ]
    return [one for one in whole.decisions if one.rule.kind == "root_cause"]


def cause(decision: Decision) -> str | None:
    """The cause a decision wants registered."""
    return next((want.details[CAUSE]["cause"] for want in decision.wants if want.kind == "register"), None)


class Fixed:
    """A condition with one answer."""

    def __init__(self, tri: Tri) -> None:
        self.tri = tri

    def test(self, _ctx: Any) -> Tri:
        return self.tri

    def tell(self, _ctx: Any) -> Told:
        return Told(self.tri, reason("FIXED", "so it is"))

    def wake(self, _ctx: Any) -> None:
        return None

    def phrases(self) -> Any:
        return iter(())


YES: Condition = Fixed(Tri.YES)
NO: Condition = Fixed(Tri.NO)
MAYBE: Condition = Fixed(Tri.UNKNOWN)


def test_a_ticket_without_a_record_is_not_spoken_of() -> None:
    """Neither one never escalated nor one whose escalation has ended."""
    other = rule("root_cause", cause="other")
    for memory in (Memory(), escalated(ended=NOW.isoformat())):
        [told] = asked(other, memory=memory)
        assert (told.call, codes(told)) == (Call.NO, ["NOT_REGISTERED"])


def test_the_first_rule_that_holds_gives_the_cause() -> None:
    """Those after it say who spoke; those before it say why not."""
    rules = [
        rule("root_cause", "one", cause="agent_conduct", when=NO),
        rule("root_cause", "two", cause="agent_skill", when=YES),
        rule("root_cause", "three", cause="other"),
    ]
    first, second, third = asked(*rules)
    assert [cause(one) for one in (first, second, third)] == [None, "agent_skill", None]
    assert codes(third) == ["CAUSE_TOLD_BEFORE"]
    [want] = second.wants
    assert (want.key, want.details["of"]) == (f"root_cause:two:{ID}:cause", [ID])


def test_one_that_can_not_be_told_keeps_those_after_it_silent() -> None:
    """A less likely cause is not told while a likelier one may hold: unknown is not no."""
    first, second = asked(
        rule("root_cause", "one", cause="agent_conduct", when=MAYBE), rule("root_cause", "two", cause="other")
    )
    assert (first.call, second.call, codes(second)) == (Call.UNKNOWN, Call.NO, ["CAUSE_TOLD_BEFORE"])


@pytest.mark.parametrize(
    ("load", "agent", "code", "call"),
    [
        (None, "Eva", "LOAD_UNKNOWN", Call.UNKNOWN),
        ({"Eva": 15, "A": 10, "B": 10}, "Eva", "OVERLOADED", Call.ACT),
        ({"Eva": 14, "A": 10, "B": 10}, "Eva", "LOAD_USUAL", Call.NO),
        ({"Eva": 10, "A": 1}, "Eva", "OVERLOADED", Call.ACT),
        ({"Eva": 9, "A": 1}, "Eva", "LOAD_USUAL", Call.NO),
        ({"éva": 20, "A": 10}, "Eva", "OVERLOADED", Call.ACT),
        ({"Eva": 40}, "Eva", "NO_PEERS", Call.NO),
        ({"A": 40}, None, "NOBODY_HAD_IT", Call.NO),
        ({"A": 4}, "Eva", "LOAD_USUAL", Call.NO),
    ],
)
def test_overload_is_measured_against_the_median_of_the_peers(
    load: dict[str, int] | None, agent: str | None, code: str, call: Call
) -> None:
    """Whoever had the ticket when it went up, whatever the accents; a count nobody made is unknown, not zero."""
    [told] = asked(
        rule("root_cause", cause="overloaded_agent", load=OVERLOADED), memory=escalated(agent=agent), load=load,
        agent="Boss",
    )  # fmt: skip
    assert (told.call, codes(told)[0]) == (call, code)


@given(st.dictionaries(st.sampled_from("ABCDEFG"), st.integers(0, 60), min_size=1), st.integers(0, 60))
def test_more_tickets_never_make_an_agent_less_overloaded(others: dict[str, int], own: int) -> None:
    """Monotonic in the agent's own load; the order of the count does not matter."""
    one = rule("root_cause", cause="overloaded_agent", load=OVERLOADED)

    def over(count: int, names: list[str]) -> bool:
        [told] = asked(one, load={**{name: others[name] for name in names}, "Eva": count})
        return told.call is Call.ACT

    names = sorted(others)
    assert over(own, names) is over(own, names[::-1])
    assert over(own + 1, names) >= over(own, names)


def test_named_peers_alone_are_compared_with() -> None:
    """One without tickets counts as having none."""
    one = rule("root_cause", cause="overloaded_agent", load={**OVERLOADED, "peers": ("boss",)})
    [told] = asked(one, load={"Eva": 12, "A": 50})
    assert (told.call, told.reasons[0].values["median"]) == (Call.ACT, 0.0)


def test_evidence_of_a_suggestion_stands_in_the_record() -> None:
    """Figures and rule."""
    [told] = asked(rule("root_cause", "busy", cause="overloaded_agent", load=OVERLOADED), load={"Eva": 30, "A": 10})
    assert told.wants[0].details[CAUSE] == {
        "cause": "overloaded_agent",
        "by": "suggested",
        "team": None,
        "evidence": {"rule": "busy", "agent": "Eva", "load": 30, "median": 10.0, "peers": 1},
    }


@pytest.mark.parametrize(
    ("kept", "call"),
    [
        ({}, Call.NO),
        ({"sla:resolution": {"breached": "2026-03-01T00:00:00+00:00", "met": None}}, Call.ACT),
        ({"sla:resolution": {"breached": "2026-03-01T00:00:00+00:00", "met": "2026-03-02T00:00:00+00:00"}}, Call.NO),
        ({"sla:first_response": {"breached": None, "met": None}}, Call.NO),
    ],
)
def test_a_deadline_broken_and_not_met_is_a_cause(kept: dict[str, Any], call: Call) -> None:
    """As the deadlines are remembered; one met late is over."""
    memory = escalated()
    memory = Memory(extra={**memory.extra, **kept})
    [told] = asked(rule("root_cause", cause="sla_broken", sla="broken"), memory=memory)
    assert told.call is call


def _team_rule(**more: Any) -> Rule:
    values = {"cause": "waiting_on_team", "team_field": "custom.owes", "hand_over": True, "note": "team {to}", **more}
    return rule("root_cause", "owes", **values)


def test_a_field_names_the_team_and_hands_the_case_over() -> None:
    """By the roster's name; the note goes with the assignment."""
    [told] = asked(_team_rule(), custom={"owes": "supervision"})
    register, assign, note = told.wants
    assert register.details[CAUSE]["team"] == "team"
    assert (assign.kind, assign.changes, assign.to) == ("assign", {"group": "Supervisión"}, ("team",))
    assert (note.kind, note.details["with"]) == ("note", assign.key)


@pytest.mark.parametrize(
    ("custom", "call", "code"),
    [
        ({"owes": "nobody knows"}, Call.UNKNOWN, "TEAM_NOT_LISTED"),
        ({"owes": None}, Call.NO, "NO_TEAM"),
        ({}, Call.UNKNOWN, "TEAM_UNKNOWN"),
    ],
)
def test_a_team_that_can_not_be_told_is_unknown(custom: dict[str, Any], call: Call, code: str) -> None:
    """An empty field is a no, a field that is not there or names nobody is not."""
    [told] = asked(_team_rule(), custom=custom)
    assert (told.call, codes(told)) == (call, [code])


def test_a_hand_over_is_done_once_and_never_fought_for() -> None:
    """A person's own choice since, a team that has it, one handed on by others: all end it, and it stays ended."""
    one = _team_rule(team="team", team_field=None, when=YES)
    human = escalated()
    human = Memory(human={"group": "Front"}, extra={**human.extra, "human_at": {"group": NOW.isoformat()}})
    [told] = asked(one, memory=human, group="Front")
    assert ([want.kind for want in told.wants], codes(told)[-1]) == (["register"], "HUMAN_SET")
    assert dict(told.keeps) == {"root_cause:owes": ID}
    [held] = asked(one, group="Supervisión")
    assert ([want.kind for want in held.wants], codes(held)[-1]) == (["register"], "ALREADY")
    key, at = f"root_cause:owes:{ID}:cause", (NOW - timedelta(minutes=30)).isoformat()
    done = escalated(cause="waiting_on_team")
    settled = Memory(done={key: at}, extra={**done.extra, **held.keeps})
    [after] = asked(one, memory=settled, group="Front")
    assert (after.call, codes(after)[-1]) == (Call.NO, "HANDED_OVER")
    pending = Memory(done={key: at}, extra=done.extra)
    [again] = asked(one, memory=pending, group="Front")
    assert [want.kind for want in again.wants] == ["assign", "note"]
    [beaten] = asked(one, memory=Memory(done={key: at, "matrix:m:1:x:L2:assign": NOW.isoformat()}, extra=done.extra))
    assert (beaten.call, codes(beaten)[-1]) == (Call.NO, "HANDED_ON")


def test_a_persons_word_goes_first_even_where_the_rule_itself_does_not_hold() -> None:
    """By the labels of all rules, by our own words, else `other`; taken over once."""
    rules = [
        rule("root_cause", "one", cause="agent_conduct", when=YES),
        rule("root_cause", "two", cause="agent_skill", when=NO, field="custom.root", label=("Preparación",)),
    ]
    for value, word in (("preparacion", "agent_skill"), ("SLA broken", "other"), ("sla_broken", "sla_broken")):
        told = [one for one in asked(*rules, custom={"root": value}) if one.wants]
        assert [cause(one) for one in told] == [word], value
        assert told[0].wants[0].details[CAUSE]["by"] == "set"
    first, second = asked(*rules, custom={"root": "Preparación"}, memory=escalated(cause="agent_skill", set=1))
    assert (first.call, second.call, codes(first)) == (Call.NO, Call.NO, ["CAUSE_SET"])


@pytest.mark.parametrize(
    ("values", "about"),
    [
        ({"cause": "agent_skill"}, "every escalation"),
        ({"cause": "waiting_on_team", "when": YES, "team": "team", "team_field": "custom.x"}, "the same thing"),
        ({"cause": "waiting_on_team", "when": YES, "hand_over": True}, "needs the team"),
        ({"cause": "waiting_on_team", "when": YES, "team": "team", "note": "n"}, "goes with `hand_over"),
        ({"cause": "overloaded_agent", "load": {"times_peers": 0.5, "least": 1}}, "below 1"),
    ],
)
def test_values_that_make_no_sense_together_are_refused(values: dict[str, Any], about: str) -> None:
    """With the field and a sentence."""
    with pytest.raises(RuleProblem, match=about) as caught:
        rule("root_cause", **values)
    assert caught.value.code == "E050"


def test_people_of_the_kit_are_as_these_tests_take_them() -> None:
    """The group that is handed over to, and the agent who is named as a peer."""
    people = policy().people
    assert [isinstance(people[key], Person) and people[key].kind for key in ("team", "boss")] == ["group", "agent"]
