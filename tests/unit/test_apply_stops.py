"""What stops within one plan: toggling, as soon as one toggle turns out to be without effect; and what it counts."""

from __future__ import annotations

from connector.apply.actions import apply_plan
from connector.core.guard import toggles_since
from connector.core.model import Outcome
from connector.cycle.run import run_cycle
from connector.errors import Unavailable
from tests.desk import DAY, GO, HOUR, World, action, ticket, toggle


def test_one_toggle_without_effect_stops_the_others_of_the_same_plan() -> None:
    """At the very instant the clock was set it can't move: the second ticket is not touched, and its note neither."""
    world = World(ticket(1), ticket(2))
    world.mirror()
    second = toggle(world, 2)
    plan = world.plan(
        toggle(world, 1), second, action(world, "note", number=2, text="Kept", details={"with": second.key})
    )
    done = apply_plan(
        plan, GO, reader=world.account.reader, writer=world.account.writer, store=world.store, now=world.now,
        epoch=world.epoch(),
    )  # type: ignore[arg-type]  # fmt: skip
    assert [one.outcome for one in done] == [Outcome.INEFFECTIVE, Outcome.UNSENT, Outcome.UNSENT]
    assert {one.ticket for one in world.desk.written} == {"1"}


def test_a_toggle_without_effect_counts_in_its_limit() -> None:
    """It was written twice to the ticket, whatever became of it."""
    world = World(ticket(1))
    world.mirror()
    apply_plan(
        world.plan(toggle(world, 1)), GO, reader=world.account.reader, writer=world.account.writer,
        store=world.store, now=world.now, epoch=world.epoch(),
    )  # type: ignore[arg-type]  # fmt: skip
    memory = world.row().memory
    assert (memory.toggles, toggles_since(memory, world.now() - HOUR)) == ((), 1)


def test_a_reopening_that_could_not_be_sent_is_made_good_by_recovery() -> None:
    """The customer answered between the two writes, and the helpdesk was away when the ticket was to be reopened."""
    world = World(ticket(1))
    world.desk.advance(8 * DAY)

    def trouble(kind: str, number: str, values: object) -> None:
        statuses = [one.values.get("status") for one in world.desk.written]
        if statuses == ["completed"]:
            world.desk.advance(2)
            world.desk.customer_reply(number, "hello")
        if statuses == ["completed", "in_process"]:
            raise Unavailable("down")

    world.desk.before_write = trouble
    run_cycle(world.account, now=world.now)
    assert world.desk.get("1").status == "in_process"
    world.desk.before_write = None
    world.desk.advance(60)
    run_cycle(world.account, now=world.now)
    assert world.desk.get("1").status == "open"
    assert world.store.open_intents("demo") == []
