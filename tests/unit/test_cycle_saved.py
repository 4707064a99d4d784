"""Plans saved to a file: used once, by the account and policy they were made for, with drift checked as always."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.core.guard import Limits
from connector.cycle.run import apply_saved
from connector.errors import HeldError, UsageError
from tests.desk import MATRIX, World, policy
from tests.unit.test_cycle import cycle, threat


def test_a_saved_plan_is_applied_once_with_drift_reported() -> None:
    """A human edited one of its tickets: that one drifts, all others change; the second use is refused."""
    world = World(*(threat(number) for number in range(1, 6)))
    world.account.limits = Limits(share=None)
    plan = cycle(world, dry_run=True).plan
    assert plan is not None
    world.desk.advance(60)
    world.desk.agent_edit("3", group="Second line")
    results = apply_saved(world.account, plan, world.now)
    assert [(one.action.ticket, one.outcome.value) for one in results] == [
        ("1", "done"), ("2", "done"), ("3", "drifted"), ("4", "done"), ("5", "done"),
    ]  # fmt: skip
    with pytest.raises(UsageError, match="used once"):
        apply_saved(world.account, plan, world.now)


def test_a_saved_plan_that_the_guard_holds_needs_approval() -> None:
    """Held, saved for approval, then applied."""
    world = World(*(threat(number) for number in range(1, 31)))
    plan = cycle(world, dry_run=True).plan
    assert plan is not None
    with pytest.raises(HeldError, match="allowed"):
        apply_saved(world.account, plan, world.now)
    saved = world.store.plan(plan.digest)
    assert saved is not None
    with world.store.transaction():
        world.store.save_plan(replace(saved, state="approved"))
    assert len(apply_saved(world.account, plan, world.now)) == 30


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"account": "other"}, "belongs to account"),
        ({"actions": ()}, "changed after it was made"),
    ],
)
def test_a_saved_plan_that_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    """Another account's, or one that was edited."""
    world = World(threat(1))
    plan = cycle(world, dry_run=True).plan
    assert plan is not None
    with pytest.raises(UsageError, match=message):
        apply_saved(world.account, replace(plan, **change), world.now)


def test_a_saved_plan_of_an_older_policy_is_refused() -> None:
    """It was decided by rules that hold no more."""
    world = World(threat(1))
    plan = cycle(world, dry_run=True).plan
    assert plan is not None
    world.account.policy = policy(MATRIX)
    with pytest.raises(UsageError, match="under policy"):
        apply_saved(world.account, plan, world.now)
