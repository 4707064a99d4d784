"""Whom a case goes up to: whoever an assignment rule chooses, the same one in every part, and nobody half-heartedly."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from connector.cases import read_cases
from connector.cases_run import run_case
from connector.core.evaluate import evaluate
from connector.core.model import Call, Decision, Memory, Ticket
from connector.core.planning import make_plan
from connector.core.policy import Duty, Policy
from connector.mapping.load import load_policy, load_policy_from_texts
from connector.mapping.problems import MappingError
from tests.unit.core.test_situation import HOUR, PACK, START, after, codes, policy, ticket, wants

PEOPLE = PACK.replace(
    "  team:",
    '  one: {agent: "Olga One", email: one@example.com, skills: [senior], out_of_office: ["2026-03-02"]}\n'
    '  two: {agent: "Toni Two", email: two@example.com, skills: [senior]}\n  team:',
)
UP = "escalate: {at: once, to: {by: seniors}, notify: boss, note: plain}, register: {tab: Stuck}"
SENIORS = "assignment:\n  - {name: seniors, skills: senior, by: round_robin, fallback: team}\n"
ALL_OUT = SENIORS.replace("skills: senior", "candidates: [one]")


def by_rule(course: str = UP, rules: str = SENIORS) -> Policy:
    """A policy of one situation with seniors to choose from."""
    text = f"situations:\n  - {{id: stuck, title: Stuck, {course}}}\n{rules}"
    return load_policy_from_texts({"pack.yaml": PEOPLE, "s.yaml": text})


def told(one: Policy, at: datetime = START, of: Ticket | None = None, memory: Memory | None = None) -> Decision:
    """What the situation says at an instant."""
    found = evaluate(one, of or ticket(), memory or Memory(), at)
    return next(each for each in found.decisions if each.rule.kind == "situation")


def test_the_case_goes_to_whom_the_rule_chooses_and_all_parts_name_them() -> None:
    """Olga is out today: Toni gets it; the note and the register say so; the turn is told for the next case."""
    decided = wants(told(by_rule()))
    assert decided["assign"].changes == {"agent": "Toni Two"}
    assert decided["assign"].details["assignment"] == "seniors"
    assert decided["note"].text == "2026-03-02 up to Toni Two"
    assert (decided["register"].to, decided["register"].details["to"]) == (("two",), ["two"])
    assert decided["notify"].to == ("boss",)


def test_where_nobody_is_there_the_rules_fallback_gets_it() -> None:
    """Never nobody."""
    decided = wants(told(by_rule(rules=ALL_OUT)))
    assert decided["assign"].changes == {"group": "Supervision"}
    assert decided["note"].text == "2026-03-02 up to Supervision"


def test_the_choice_stays_while_it_waits_and_until_all_of_it_is_done() -> None:
    """Also the next day, when both are there: what is still to be written names who got it; then it is forgotten."""
    one, tomorrow = by_rule(), START + 24 * HOUR
    assigned = after(one, START)
    [key] = [each for each in assigned.done if each.endswith(":assign")]
    waits = replace(assigned, done={})
    assert wants(told(one, tomorrow, memory=waits))["assign"].changes == {"agent": "Toni Two"}
    only = replace(assigned, done={key: assigned.done[key]})
    later = told(one, tomorrow, of=ticket(agent="Olga One"), memory=only)
    assert [want.kind for want in later.wants] == ["note", "notify", "register"]
    assert later.wants[0].text == "2026-03-03 up to Toni Two"
    end = evaluate(one, ticket(agent="Toni Two"), assigned, tomorrow)
    [settled] = [each for each in end.decisions if each.rule.kind == "situation"]
    assert settled.wants == ()
    assert settled.keeps[f"chosen:{key}"] is None


def test_what_nobody_would_take_or_hear_of_is_not_done_by_half() -> None:
    """Without a notification, and where the group is not told, neither note nor register says that it went up."""
    blind = ticket(group=None, unknown=frozenset({"group"}))
    silent = told(policy("escalate: {at: once, to: team, note: plain}, register: {tab: Stuck}"), of=blind)
    assert (silent.call, silent.wants) == (Call.UNKNOWN, ())
    assert {"ASSIGNEE_UNKNOWN", "NOBODY_TO_TAKE_IT"} <= set(codes(silent))


def test_what_somebody_hears_of_goes_up_without_the_assignment_and_says_so() -> None:
    """The supervisor is told, the note and the register line are there; that it could not be handed on is reported."""
    blind = ticket(group=None, unknown=frozenset({"group"}))
    one = policy("escalate: {at: once, to: team, notify: boss, note: plain}, register: {tab: Stuck}")
    found = evaluate(one, blind, Memory(), START)
    [decision] = [each for each in found.decisions if each.rule.kind == "situation"]
    assert [want.kind for want in decision.wants] == ["note", "notify", "register"]
    plan = make_plan(one, "demo", [found], {}, START, complete=True, rejected=(), population=1)
    assert [(each.ticket, [why.code for why in each.reasons]) for each in plan.unknown] == [("1", ["ASSIGNEE_UNKNOWN"])]


def test_loads_nobody_counted_leave_the_choice_open() -> None:
    """Offline `least_loaded` can't choose: those told are told, and that nobody was chosen is reported."""
    rules = SENIORS.replace("round_robin", "least_loaded").replace("skills: senior", "candidates: [two, boss]")
    decision = told(by_rule(rules=rules))
    assert ("LOAD_UNKNOWN" in codes(decision), [want.kind for want in decision.wants]) == (
        True, ["note", "notify", "register"],
    )  # fmt: skip
    counted = evaluate(
        by_rule(rules=rules), ticket(), Memory(), START, duty=Duty(load={"Toni Two": 3, "Laura Boss": 1})
    )
    [chosen] = [each for each in counted.decisions if each.rule.kind == "situation"]
    assert wants(chosen)["assign"].changes == {"agent": "Laura Boss"}


@pytest.mark.parametrize("to", ["{by: nobody}", "{by: seniors, at: once}", "{}", "stranger"])
def test_an_addressee_that_is_none_is_refused_with_its_place(to: str) -> None:
    """Unknown rule, unknown key, nothing, unknown person."""
    with pytest.raises(MappingError, match=r"s\.yaml:2"):
        by_rule(course=f"escalate: {{at: once, to: {to}}}")


CASES = """
cases:
  - name: {name}
    now: {now}
    ticket: {{id: "1", status: in_process, tags: [esc:stuck], created_at: "2026-03-02T08:00:00Z"}}
    expect:
      - {{kind: assign, rule: stuck, changes: {{{changes}}}}}
      - {{kind: note, rule: stuck, text: up to {name}}}
    never:
      - {{kind: assign, rule: stuck, changes: {{{never}}}}}
"""


@pytest.mark.parametrize(
    ("now", "name", "changes", "never"),
    [
        ("2026-03-02T09:00:00Z", "Toni Two", "agent: Toni Two", "agent: Olga One"),
        ("2026-03-03T09:00:00Z", "Olga One", "agent: Olga One", "agent: Toni Two"),
        ("2026-03-04T09:00:00Z", "Supervision", "group: Supervision", "agent: Olga One"),
    ],
)
def test_a_packs_cases_prove_who_gets_it(tmp_path: Path, now: str, name: str, changes: str, never: str) -> None:
    """Olga is out on the 2nd, both on the 4th: the other one, the first one, the fallback."""
    out = PEOPLE.replace('["2026-03-02"]', '["2026-03-02", "2026-03-04"]').replace(
        "two@example.com,", 'two@example.com, out_of_office: ["2026-03-04"],'
    )
    rules = f"situations:\n  - {{id: stuck, title: Stuck, {UP}}}\n{SENIORS.replace('round_robin', 'first')}"
    for file, text in (
        ("pack.yaml", out),
        ("s.yaml", rules),
        ("cases/c.yaml", CASES.format(now=now, name=name, changes=changes, never=never)),
    ):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    loaded = load_policy(tmp_path)
    [case] = read_cases(tmp_path, loaded)
    assert run_case(loaded, case).failures == ()


@pytest.mark.parametrize(
    ("key", "hours", "stays"),
    [
        ("matrix:breaches:7:2026-02-20T09:00:00+00:00:L2:assign", 1, True),
        ("sla:7:2026-02-20T09:00:00+00:00:resolution:breach1:assign", 1, True),
        ("matrix:breaches:7:2026-02-20T09:00:00+00:00:L2:assign", -1, False),
        ("assignment:topics:7:2026-02-20T09:00:00+00:00:assign", 1, False),
    ],
    ids=["a level since the situation began", "a breach since then", "a level before it", "no ladder"],
)
def test_a_case_that_a_ladder_handed_up_is_not_brought_back_down(key: str, hours: int, stays: bool) -> None:
    """A matrix counted from before the situation may hand the case up first; then the situation lets it be."""
    memory = Memory(situation="stuck", situation_since=START, done={key: (START + hours * HOUR).isoformat()})
    decided = told(by_rule(), START + 2 * HOUR, memory=memory)
    assert ("assign" in wants(decided), "HANDED_ON" in codes(decided)) == (not stays, stays)
