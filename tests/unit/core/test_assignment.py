"""Rules of kind `assignment`: who is there, who of them gets it, and that somebody always does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connector.core.evaluate import evaluate, remember
from connector.core.model import Call, Decision, Memory
from connector.core.policy import Duty, Person, Shift
from connector.core.rules.assignment import advanced, needs_duty
from connector.core.spec import RuleProblem
from connector.core.worktime import WorkCalendar
from tests.unit.core.rule_kit import NOW, OFFICE, PEOPLE, SubjectHas, codes, policy, rule, span, ticket

NIGHT = WorkCalendar("UTC", {day: [["17:00", "09:00"]] for day in ("mon", "tue", "wed", "thu", "fri")})
ANA = Person("ana", "agent", "Ana Gil", skills=("Facturación", "inglés"))
BEA = Person("bea", "agent", "Bea Ruiz", hours="default", skills=("facturacion",))
CAI = Person("cai", "agent", "Cai Mas", hours="night")
TEAM = {**PEOPLE, "ana": ANA, "bea": BEA, "cai": CAI}
CALENDARS = {"default": OFFICE, "night": NIGHT}
TOPIC = SubjectHas("bill")


def assignment(name: str = "billing", **values: Any):
    given = {"when": TOPIC, "candidates": ("ana", "bea", "cai"), "fallback": "team", **values}
    return rule("assignment", name, **{key: value for key, value in given.items() if value is not None})


def asked(one: Any, of: Any = None, now: datetime = NOW, duty: Duty | None = None, **more: Any) -> Decision:
    people = more.pop("people", TEAM)
    memory = more.pop("memory", Memory())
    pack = replace(policy(one), people=people, calendars=CALENDARS, **more)
    evaluation = evaluate(pack, of or ticket(1, subject="my bill"), memory, now, duty or Duty())
    return next(each for each in evaluation.decisions if each.rule == one.ref)


def who(decision: Decision) -> Any:
    return [dict(want.changes) for want in decision.wants]


def test_the_first_candidate_who_is_there_gets_the_topic():
    """In the order of the list; what is no such topic is left alone."""
    assert who(asked(assignment())) == [{"agent": "Ana Gil"}]
    other = asked(assignment(), ticket(1, subject="hello"))
    assert (other.call, other.wants) == (Call.NO, ())


def test_who_is_out_of_office_is_passed_over_on_both_days_and_not_after():
    """2 to 3 March, both included, by the pack's own calendar day."""
    away = {**TEAM, "ana": replace(ANA, out=((date(2026, 3, 2), date(2026, 3, 3)),))}
    for at, name in ((NOW, "Bea Ruiz"), (datetime(2026, 3, 3, 16, tzinfo=UTC), "Bea Ruiz")):
        decision = asked(assignment(), now=at, people=away)
        assert who(decision) == [{"agent": name}]
        assert "OUT_OF_OFFICE" in codes(decision)
    assert who(asked(assignment(), now=datetime(2026, 3, 4, 10, tzinfo=UTC), people=away)) == [{"agent": "Ana Gil"}]


def test_the_topic_follows_the_sun():
    """By day the office, from its closing instant on the night shift, at the weekend the fallback."""
    one = assignment(candidates=("bea", "cai"))
    assert who(asked(one)) == [{"agent": "Bea Ruiz"}]
    assert who(asked(one, now=datetime(2026, 3, 2, 17, 0, tzinfo=UTC))) == [{"agent": "Cai Mas"}]
    assert who(asked(one, now=datetime(2026, 3, 2, 16, 59, 59, tzinfo=UTC))) == [{"agent": "Bea Ruiz"}]
    sunday = asked(one, now=datetime(2026, 3, 8, 12, 0, tzinfo=UTC))
    assert (who(sunday), codes(sunday)[-2:]) == ([{"group": "Supervisión"}], ["FALLBACK", "ASSIGN"])


def test_skills_choose_the_candidates_whatever_their_spelling():
    """Without a list everybody with all the skills is a candidate; with one, those of it."""
    assert who(asked(assignment(candidates=(), skills=("facturación", "INGLES")))) == [{"agent": "Ana Gil"}]
    assert who(asked(assignment(candidates=("bea",), skills=("facturación",)))) == [{"agent": "Bea Ruiz"}]
    assert who(asked(assignment(candidates=(), skills=("ruso",)))) == [{"group": "Supervisión"}]


@pytest.mark.parametrize(("turn", "name"), [(0, "Ana Gil"), (1, "Bea Ruiz"), (2, "Ana Gil"), (3, "Ana Gil")])
def test_round_robin_goes_by_turns_and_passes_over_the_absent(turn, name):
    """Cai is at home by day: turn 2 goes on to Ana."""
    assert who(asked(assignment(by="round_robin"), duty=Duty(turn={"billing": turn}))) == [{"agent": name}]


def test_least_loaded_counts_open_tickets_and_is_unknown_without_a_count():
    """Nobody counted is not the same as nobody having any; who is not in the count has none; equals go by the list."""
    one = assignment(by="least_loaded", candidates=("ana", "bea"))
    assert who(asked(one, duty=Duty({"Ana Gil": 3, "Bea Ruiz": 2}))) == [{"agent": "Bea Ruiz"}]
    assert who(asked(one, duty=Duty({"ANA GIL": 3}))) == [{"agent": "Bea Ruiz"}]
    assert who(asked(one, duty=Duty({}))) == [{"agent": "Ana Gil"}]
    blind = asked(one)
    assert (blind.call, blind.wants, codes(blind)[-1]) == (Call.UNKNOWN, (), "LOAD_UNKNOWN")


def test_on_call_asks_the_rota_and_falls_back_between_shifts():
    """The shift's start belongs to it and its end does not."""
    one = assignment(by="on_call", rota="guard", candidates=())
    shift = Shift(NOW, NOW + timedelta(hours=1), "cai")
    people = {**TEAM, "cai": replace(CAI, hours=None)}
    duty = Duty(on_call={"guard": (shift,)})
    assert who(asked(one, duty=duty, people=people)) == [{"agent": "Cai Mas"}]
    after = asked(one, duty=duty, now=NOW + timedelta(hours=1), people=people)
    assert (who(after), "NOBODY_ON_CALL" in codes(after)) == ([{"group": "Supervisión"}], True)


def test_what_somebody_has_is_not_given_away():
    """An agent, or for a group another group; an unknown agent is UNKNOWN."""
    assert codes(asked(assignment(), ticket(1, subject="bill", agent="Zoe")))[-1] == "HAS_AGENT"
    grouped = assignment(candidates=("team",))
    assert codes(asked(grouped, ticket(1, subject="bill", group="Ventas")))[-1] == "HAS_GROUP"
    blind = asked(assignment(), ticket(1, subject="bill", unknown=frozenset({"agent"})))
    assert (blind.call, blind.wants) == (Call.UNKNOWN, ())


def test_a_choice_stays_until_it_is_done():
    """A plan that waits for approval must not name somebody else each cycle, nor use up turns."""
    one = assignment(by="round_robin")
    pack = replace(policy(one), people=TEAM, calendars=CALENDARS)
    first = evaluate(pack, ticket(1, subject="bill"), Memory(), NOW, Duty())
    duty = advanced(Duty(), first)
    assert dict(duty.turn) == {"billing": 1}
    memory = remember(Memory(), first, NOW)
    again = evaluate(pack, ticket(1, subject="bill"), memory, NOW, duty)
    assert [dict(want.changes) for want in again.decisions[0].wants] == [{"agent": "Ana Gil"}]
    assert advanced(duty, again) == duty
    done = replace(memory, done={again.decisions[0].wants[0].key: NOW.isoformat()})
    settled = remember(done, evaluate(pack, ticket(1, subject="bill"), done, NOW, duty), NOW)
    assert not any(name.startswith("chosen:") for name in settled.extra)


def test_one_cycle_spreads_the_tickets():
    """Each choice counts for the next: by load 4 tickets go 3 to the one with less, 1 to the other."""
    one = assignment(by="least_loaded", candidates=("ana", "bea"))
    pack, duty, given = replace(policy(one), people=TEAM, calendars=CALENDARS), Duty({"Ana Gil": 2}), []
    for number in range(4):
        evaluation = evaluate(pack, ticket(number, subject="bill"), Memory(), NOW, duty)
        given.append(evaluation.decisions[0].wants[0].changes["agent"])
        duty = advanced(duty, evaluation)
    assert given == ["Bea Ruiz", "Bea Ruiz", "Ana Gil", "Bea Ruiz"]


def test_a_level_of_a_matrix_asks_a_rule_by_its_name():
    """The expert list; nobody there, the supervisors; an expert who holds it keeps it; an unknown rule is UNKNOWN."""
    experts = assignment("experts", when=None, candidates=("bea",))
    levels = ({"after": span("1h"), "assign": {"by": "experts"}, "kind": "functional"},)
    ladder = rule("matrix", "ladder", levels=levels)
    pack = replace(policy(experts, ladder), people=TEAM, calendars=CALENDARS)

    def told(now: datetime, **values: Any) -> Decision:
        one = ticket(1, created_at=NOW - timedelta(days=9), **values)
        return evaluate(pack, one, Memory(), now).decisions[1]

    assert [want.to for want in told(NOW).wants] == [("bea",), ("bea",)]
    night = told(NOW + timedelta(hours=6))
    assert [want.to for want in night.wants] == [("team",), ("team",)]
    assert "FALLBACK" in codes(night)
    kept = told(NOW, agent="Bea Ruiz")
    assert [want.kind for want in kept.wants] == ["register"]
    assert evaluate(pack, ticket(1), Memory(), NOW).decisions[0].call is Call.NO
    alone = replace(policy(ladder), people=TEAM, calendars=CALENDARS)
    missing = evaluate(alone, ticket(1, created_at=NOW - timedelta(days=9)), Memory(), NOW).decisions[0]
    assert "NO_CHOOSER" in codes(missing)


def test_only_what_is_asked_for_is_looked_up():
    """(loads, turns) by the ways of the policy's rules."""
    assert needs_duty((assignment(),)) == (False, False)
    assert needs_duty((assignment(by="least_loaded"), assignment(by="round_robin"))) == (True, True)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"candidates": ()}, None),
        ({"by": "on_call"}, "by"),
        ({"rota": "guard"}, "rota"),
    ],
)
def test_what_makes_no_sense_is_refused(values, field):
    """Nobody to choose from; on call without a rota; a rota without on call."""
    with pytest.raises(RuleProblem) as caught:
        assignment(**values)
    assert caught.value.field == field
