"""What a held plan costs while it waits, and that nothing of it slips through meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector import crashpoints
from connector.core.guard import Limits
from connector.cycle.resting import FACT, RESTS
from connector.cycle.run import CycleReport, run_cycle
from tests.desk import DAY, HOUR, World, policy, ticket

QUIET = """
priority:
  - name: quiet
    when: {any_phrase: [silent]}
    priority: high
"""


def threat(number: int) -> object:
    return ticket(number, subject="I will call the regulator", escalation_type=None, escalated_at=None)


def held_world(count: int = 30) -> World:
    """Thirty priorities to set where twenty a rule are allowed."""
    world = World(*(threat(number) for number in range(1, count + 1)))  # type: ignore[arg-type]
    world.account.limits = Limits(share=None)
    return world


def cycle(world: World, *, dry_run: bool = False) -> CycleReport:
    return run_cycle(world.account, now=world.now, dry_run=dry_run)


def decide(world: World, digest: str, state: str) -> None:
    saved = world.store.plan(digest)
    assert saved is not None
    with world.store.transaction():
        world.store.save_plan(replace(saved, state=state, approved_by="ana"))


def test_while_a_plan_waits_its_tickets_are_not_looked_at_again() -> None:
    """Nothing changed: nothing is evaluated, and the plan is held as before."""
    world = held_world()
    first = cycle(world)
    world.desk.advance(60)
    second = cycle(world)
    assert (first.evaluated, second.evaluated) == (30, 0)
    assert (second.held, second.announced, second.exit_code) == (first.held, False, 3)
    assert second.plan is not None
    assert len(second.plan.actions) == 30


def test_they_are_looked_at_again_after_a_bounded_time() -> None:
    """So other rules are late on them by that much at most."""
    world = held_world()
    cycle(world)
    world.desk.advance(RESTS)
    report = cycle(world)
    assert (report.evaluated, report.announced) == (30, False)


def test_a_few_changed_tickets_of_a_held_plan_do_not_slip_through() -> None:
    """Five of the thirty are looked at anew: alone they would fit, but what rests is weighed with them."""
    world = held_world()
    first = cycle(world)
    world.desk.advance(60)
    for number in range(1, 6):
        world.desk.agent_note(str(number), "looked at it")
    report = cycle(world)
    assert (report.evaluated, report.held, report.announced) == (5, first.held, False)
    assert world.desk.written == []


def test_a_new_wish_waits_with_the_held_plan_and_is_asked_about_an_hour_later() -> None:
    """Each change is not a plan of its own to look at; the newest one comes with a bounded delay."""
    world = held_world()
    first = cycle(world)
    for number in range(31, 36):
        world.desk.put(threat(number))  # type: ignore[arg-type]
    world.desk.advance(60)
    second = cycle(world)
    assert (second.evaluated, second.held, second.announced) == (5, first.held, False)
    assert [len(world.store.plans("demo")), world.desk.written] == [1, []]
    world.desk.advance(HOUR)
    third = cycle(world)
    assert third.announced
    assert third.held != first.held
    assert len(world.store.plan(third.held or "").body["actions"]) == 35  # type: ignore[union-attr]


def test_tickets_that_want_nothing_any_more_stop_counting() -> None:
    """Eleven of the thirty are done by hand: nineteen fit, are looked at again and carried out."""
    world = held_world()
    cycle(world)
    world.desk.advance(60)
    for number in range(1, 12):
        world.desk.agent_edit(str(number), priority="urgent")
    cycle(world)
    world.desk.advance(60)
    report = cycle(world)
    assert report.counts() == {"done": 19}
    assert world.store.fact("demo", FACT) is None


@pytest.mark.parametrize("state", ["approved", "expired"])
def test_a_decision_wakes_what_rested(state: str) -> None:
    """Approved: carried out at once. Ended: asked about anew at once, and not after a quarter of an hour."""
    world = held_world()
    first = cycle(world)
    decide(world, first.held or "", state)
    world.desk.advance(60)
    report = cycle(world)
    if state == "approved":
        assert report.counts() == {"done": 30}
    else:
        assert (report.held, report.announced, report.evaluated) == (first.held, True, 30)


def test_a_rejected_plan_is_weighed_on_and_not_asked_about() -> None:
    """Its tickets rest as before, and nothing of it is written."""
    world = held_world()
    first = cycle(world)
    decide(world, first.held or "", "rejected")
    for _ in range(4):
        world.desk.advance(RESTS / 2)
        report = cycle(world)
        assert (report.held, report.announced) == (first.held, False)
    assert world.desk.written == []


def test_keep_alive_finds_resting_tickets_in_time() -> None:
    """A ticket whose priority waits for approval is toggled when its follow-up comes."""
    world = World(*(ticket(number, subject="I will call the regulator") for number in range(1, 31)))
    world.account.limits = Limits(share=None, toggles=None)
    world.desk.advance(7 * DAY - HOUR)
    for _ in range(16):
        cycle(world)
        world.desk.advance(300)
    assert {one.ticket for one in world.desk.written if one.values.get("status") == "completed"} == set(
        world.desk.all()
    )


def test_a_dry_run_looks_at_what_rests() -> None:
    """It shows all thirty, decided at this instant, and writes nothing."""
    world = held_world()
    cycle(world)
    world.desk.advance(60)
    report = cycle(world, dry_run=True)
    assert report.plan is not None
    assert (report.evaluated, len(report.plan.actions)) == (30, 30)


def test_a_new_policy_wakes_what_rested() -> None:
    """The held plan was made by rules that hold no more."""
    world = held_world()
    first = cycle(world)
    world.account.policy = policy(QUIET)
    world.desk.advance(60)
    report = cycle(world)
    assert report.evaluated == 30
    assert report.announced
    assert report.held != first.held


@pytest.mark.parametrize("point", ["held.before", "held.inside", "held.after", "evaluated.inside", "evaluated.after"])
@pytest.mark.parametrize("hit", [1, 2])
def test_a_death_while_a_plan_is_held_lets_nothing_slip_through(point: str, hit: int) -> None:
    """After a restart the same plan waits, whatever was written before the death."""
    world = held_world()
    crashpoints.arm(point, at=hit)
    try:
        with pytest.raises(crashpoints.Crash):
            cycle(world)
    finally:
        crashpoints.disarm()
    world.account.waiting = None
    for number in range(1, 6):
        world.desk.agent_note(str(number), "looked at it")
    world.desk.advance(60)
    report = cycle(world)
    assert report.held is not None
    assert len(world.store.plan(report.held).body["actions"]) == 30  # type: ignore[union-attr]
    assert world.desk.written == []
