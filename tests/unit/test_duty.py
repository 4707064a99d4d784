"""Whole cycles with assignment: tickets are spread over people, and whose turn it is outlives a cycle."""

from __future__ import annotations

from collections import Counter
from typing import Any

from connector.core.guard import Limits
from connector.core.policy import NO_DUTY
from connector.cycle.run import run_cycle
from connector.duty import TURNS, duty_of
from tests.desk import World, ticket

PEOPLE = "people: {ana: {agent: Ana Gil}, bea: {agent: Bea Ruiz}, cai: {agent: Cai Mas}}"


def rules(by: str) -> str:
    return f"""
assignment:
  - {{name: topic, when: {{any_phrase: [silent]}}, candidates: [ana, bea], by: {by}, fallback: cai}}
"""


def nobodys(number: int) -> Any:
    return ticket(number, escalation_type=None, escalated_at=None)


def given(one: World) -> list[str]:
    """Who one cycle plans to give the tickets to, in the order of their numbers (the helpdesk itself knows none)."""
    report = run_cycle(one.account, now=one.now)
    assert report.plan is not None
    return [action.changes["agent"][1] for action in report.plan.actions]


def world(by: str, *tickets: Any) -> World:
    made = World(*tickets, more=(PEOPLE, rules(by)))
    made.account.limits = Limits(share=None)
    return made


def test_round_robin_spreads_one_cycles_tickets_and_goes_on_in_the_next() -> None:
    """Three tickets, then a fourth in a later cycle: two each; the turn is a fact of the account."""
    one = world("round_robin", *(nobodys(number) for number in (1, 2, 3)))
    assert Counter(given(one)) == {"Ana Gil": 2, "Bea Ruiz": 1}
    assert one.store.fact("demo", TURNS) == {"topic": 3}
    later = world("round_robin", nobodys(4))
    with later.store.transaction():
        later.store.set_fact("demo", TURNS, {"topic": 3}, later.now())
    assert given(later) == ["Bea Ruiz"]


def test_least_loaded_counts_the_mirror_and_the_choices_of_the_cycle() -> None:
    """Ana has two tickets: three new ones go to Bea, Bea and then, as equals go by the list, to Ana."""
    busy = (ticket(number, agent="Ana Gil", subject="x", escalation_type=None, escalated_at=None) for number in (1, 2))
    one = world("least_loaded", *busy, *(nobodys(number) for number in (3, 4, 5)))
    assert given(one) == ["Bea Ruiz", "Bea Ruiz", "Ana Gil"]


def test_a_policy_without_such_rules_looks_nothing_up() -> None:
    """Cost follows use: no count and no fact is read for a policy that asks for neither."""
    one = World(ticket(1))
    assert duty_of(one.store, "demo", one.account.policy) is NO_DUTY
