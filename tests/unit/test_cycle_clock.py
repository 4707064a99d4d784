"""By which instant a cycle decides where the clock is the helpdesk's own, known from its answers alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from connector.cycle.run import run_cycle
from connector.helpdesks.base import Reader
from tests.desk import DAY, World


def test_a_cycle_decides_by_the_helpdesks_clock_as_its_own_poll_tells_it() -> None:
    """Not by the clock of the last answer of the cycle before: a daemon would always lag by its own pause."""
    world = World()
    reader: Reader = world.account.reader
    told = world.now()
    changed = reader.changed

    def polled(*given: object, **named: object) -> object:
        nonlocal told
        told = world.now()
        return changed(*given, **named)  # type: ignore[arg-type]

    reader.changed = polled  # type: ignore[method-assign, assignment]

    def clock() -> datetime:
        return told

    run_cycle(world.account, now=clock)
    world.desk.advance(8 * DAY)
    report = run_cycle(world.account, now=clock)
    assert world.now() - report.now < timedelta(minutes=1)
    assert "toggle" in {one.action.kind for one in report.applied}
