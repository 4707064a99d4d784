"""What an earlier death left open is settled from the ticket's live state, and never repeated blindly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from connector import crashpoints
from connector.apply.actions import apply_plan
from connector.apply.journal import Journal
from connector.apply.recover import Recovery, recover
from connector.apply.steps import Hands
from connector.core.model import Action, Outcome
from connector.cycle.run import run_cycle
from connector.errors import Unavailable
from tests.desk import DAY, GO, HOUR, PACK, World, action, policy, toggle


@pytest.fixture
def world() -> World:
    """A world with one mirrored ticket, ten days in."""
    made = World()
    made.desk.advance(10 * DAY)
    made.mirror()
    return made


def die(world: World, wanted: Action, point: str, at: int = 1) -> None:
    """Carry out an action and die at the named point."""
    crashpoints.arm(point, at=at)
    with pytest.raises(crashpoints.Crash):
        apply_plan(
            world.plan(wanted), GO, reader=world.account.reader, writer=world.account.writer, store=world.store,
            now=world.now, epoch=world.epoch(), notifiers=world.account.notifiers, people=world.account.policy.people,
        )  # fmt: skip


def settle(world: World, *, later: float = 300) -> Recovery:
    """Recover, some time after the death."""
    world.desk.advance(later)
    journal = Journal(world.store, "demo", world.epoch(), world.now)
    return recover(Hands(world.account.reader, world.account.writer, journal, tuple(world.account.notifiers)))


def ends(recovery: Recovery) -> list[Outcome]:
    """The settled outcomes."""
    return [outcome for _, outcome in recovery.settled]


def test_what_was_never_sent_ends_quietly_and_may_be_wanted_anew(world: World) -> None:
    """Died after the announcement: unsent, nothing read, the key not done."""
    wanted = toggle(world)
    die(world, wanted, "intent.after")
    assert ends(settle(world)) == [Outcome.UNSENT]
    assert world.desk.written == []
    assert dict(world.row().memory.done) == {}
    assert world.row().wake_at == world.now()


def test_a_ticket_left_finished_by_our_toggle_is_put_back(world: World) -> None:
    """Died between the two writes: put back, the clock moved, the toggle counts, from its true instant."""
    die(world, toggle(world), "write.through.after")
    assert world.desk.get("1").status == "completed"
    assert ends(settle(world, later=3600)) == [Outcome.DONE]
    assert world.desk.get("1").status == "in_process"
    assert world.row().memory.toggles == (world.desk.get("1").autoclose_clock,)


def test_a_ticket_a_human_finished_after_our_toggle_failed_stays_finished(world: World) -> None:
    """The first write never arrived; an agent completed the case later: theirs, left alone."""
    die(world, toggle(world), "write.through.before")
    world.desk.advance(600)
    world.desk.agent_edit("1", status="completed")
    assert ends(settle(world)) == [Outcome.INTERRUPTED]
    assert world.desk.get("1").status == "completed"


def test_a_ticket_a_human_finished_after_we_put_it_back_stays_finished(world: World) -> None:
    """Both writes arrived, then an agent completed it: the stamps tell the two apart."""
    die(world, toggle(world), "write.back.after")
    world.desk.advance(600)
    world.desk.agent_edit("1", status="completed")
    assert ends(settle(world)) == [Outcome.INTERRUPTED]
    assert world.desk.get("1").status == "completed"


def test_a_note_of_an_agent_on_a_ticket_we_left_finished_does_not_keep_it_there(world: World) -> None:
    """The status is still the one we set: it goes back, whatever else was written."""
    die(world, toggle(world), "write.through.after")
    world.desk.advance(60)
    world.desk.agent_note("1", "odd, why is this completed?")
    assert ends(settle(world)) == [Outcome.DONE]
    assert world.desk.get("1").status == "in_process"


def test_a_customer_who_reopened_it_meanwhile_is_left_alone(world: World) -> None:
    """Interrupted; the ticket stays open."""
    die(world, toggle(world), "write.through.after")
    world.desk.customer_reply("1", "hello?")
    assert ends(settle(world)) == [Outcome.INTERRUPTED]
    assert world.desk.get("1").status == "open"


def test_a_toggle_that_went_through_and_back_before_the_death_is_done(world: World) -> None:
    """The clock moved: done, nothing sent again."""
    die(world, toggle(world), "outcome.before")
    written = len(world.desk.written)
    assert ends(settle(world)) == [Outcome.DONE]
    assert len(world.desk.written) == written


def test_a_toggle_whose_first_write_never_arrived_is_unsent(world: World) -> None:
    """Status and clock are as before, and the request can't be under way any more."""
    die(world, toggle(world), "write.through.before")
    assert ends(settle(world)) == [Outcome.UNSENT]
    assert world.row().memory.writes == ()


def test_a_request_that_may_still_be_under_way_keeps_the_line_open(world: World) -> None:
    """Seconds after the death nobody can say that the write will not still arrive."""
    die(world, toggle(world), "write.through.before")
    early = settle(world, later=5)
    assert (ends(early), sorted(early.tickets)) == ([], ["1"])
    assert ends(settle(world)) == [Outcome.UNSENT]


def test_an_unreachable_helpdesk_keeps_everything_open_for_next_time(world: World) -> None:
    """Nothing is settled, nothing is lost."""
    die(world, toggle(world), "write.through.after")
    reader = world.account.reader

    class Down:
        def __getattr__(self, name: str) -> Any:
            return getattr(reader, name)

        def ticket(self, number: str) -> Any:
            msg = "down"
            raise Unavailable(msg)

    world.account.reader = Down()  # type: ignore[assignment]
    down = settle(world)
    assert (ends(down), len(down.left), isinstance(down.stopped, Unavailable)) == ([], 1, True)
    world.account.reader = reader
    assert ends(settle(world)) == [Outcome.DONE]
    assert world.desk.get("1").status == "in_process"


def test_a_way_back_that_fails_again_stays_open(world: World) -> None:
    """Recovery itself meets a fault: the line stays, and the next recovery ends it."""
    die(world, toggle(world), "write.through.after")

    def down(kind: str, number: str, values: Mapping[str, Any]) -> None:
        msg = "down"
        raise Unavailable(msg)

    world.desk.before_write = down
    assert ends(settle(world)) == []
    world.desk.before_write = None
    assert ends(settle(world)) == [Outcome.DONE]
    assert world.desk.get("1").status == "in_process"


def test_a_death_during_recovery_is_recovered_from(world: World) -> None:
    """Died while putting back: the next recovery finds the rest done."""
    die(world, toggle(world), "write.through.after")
    crashpoints.arm("write.back.after")
    with pytest.raises(crashpoints.Crash):
        settle(world)
    assert ends(settle(world)) == [Outcome.DONE]
    assert [one.values["status"] for one in world.desk.written] == ["completed", "in_process"]


@pytest.mark.parametrize(
    ("point", "expected", "writes"),
    [
        ("write.update.before", Outcome.UNSENT, 0),
        ("write.update.after", Outcome.DONE, 1),
        ("outcome.before", Outcome.DONE, 1),
        ("outcome.inside", Outcome.DONE, 1),
    ],
)
def test_a_change_is_done_if_it_is_there_and_unsent_if_not(
    world: World, point: str, expected: Outcome, writes: int
) -> None:
    """The live value decides; the value counts as ours, and its stamp as our echo, where it is."""
    die(world, action(world, "set", changes={"priority": "urgent"}), point)
    assert ends(settle(world)) == [expected]
    memory = world.row().memory
    assert (len(world.desk.written), len(memory.own_updated_at), dict(memory.human)) == (writes, writes, {})


def test_a_change_someone_else_overwrote_is_left_as_they_want_it(world: World) -> None:
    """Neither the old nor our value: interrupted."""
    die(world, action(world, "set", changes={"priority": "urgent"}), "write.update.after")
    world.desk.advance(60)
    world.desk.agent_edit("1", priority="low")
    assert ends(settle(world)) == [Outcome.INTERRUPTED]
    assert dict(world.row().memory.human) == {"priority": "low"}


@pytest.mark.parametrize("kind", ["note", "reply"])
@pytest.mark.parametrize(("when", "expected", "left"), [("before", Outcome.UNSENT, 0), ("after", Outcome.DONE, 1)])
def test_a_text_is_found_by_its_reference(world: World, kind: str, when: str, expected: Outcome, left: int) -> None:
    """On the ticket: done. Not there: unsent, and it may be wanted anew."""
    die(world, action(world, kind, text="Escalated"), f"write.{kind}.{when}")
    assert ends(settle(world)) == [expected]
    assert len(world.desk.notes_of("1")) == left


def test_a_message_whose_fate_nothing_can_tell_is_unknown_and_not_repeated(world: World) -> None:
    """Died between handing it over and writing that down."""
    wanted = action(world, "notify", text="Look", to=("boss",))
    die(world, wanted, "write.notify.after")
    assert ends(settle(world)) == [Outcome.UNKNOWN]
    assert wanted.key in world.row().memory.done
    assert len(world.outbox.messages) == 1


def test_a_ticket_deleted_halfway_is_put_back_when_it_is_restored(world: World) -> None:
    """It can't be written to while it is hidden; the line stays open, looked at ever more rarely, for a month."""
    die(world, toggle(world), "write.through.after")
    world.desk.remove("1")
    assert ends(settle(world)) == []
    world.desk.put(replace(world.desk.get("1"), gone=None))
    world.desk.advance(3600)
    assert ends(settle(world)) == [Outcome.DONE]
    assert world.desk.get("1").status == "in_process"


def test_a_ticket_deleted_halfway_for_good_is_interrupted_in_the_end(world: World) -> None:
    """Gone for a month: nothing to put back."""
    die(world, toggle(world), "write.through.after")
    world.desk.remove("1")
    assert ends(settle(world)) == []
    world.desk.advance(32 * 86400)
    assert ends(settle(world)) == [Outcome.INTERRUPTED]


def test_recovery_of_one_line_does_not_depend_on_another(world: World) -> None:
    """A line that breaks the program is left open; the next one is settled."""
    from tests.desk import ticket

    world.desk.put(ticket(2))
    world.mirror()
    die(world, toggle(world, 1), "write.through.after")
    die(world, toggle(world, 2), "write.through.after")
    reader = world.account.reader

    class Odd:
        def __getattr__(self, name: str) -> Any:
            return getattr(reader, name)

        def ticket(self, number: str) -> Any:
            if number == "1":
                msg = "boom"
                raise ZeroDivisionError(msg)
            return reader.ticket(number)

    world.account.reader = Odd()  # type: ignore[assignment]
    found = settle(world)
    assert ([one.action.ticket for one, _ in found.settled], sorted(found.tickets)) == (["2"], ["1"])


def test_a_write_acknowledged_without_a_trace_does_not_hold_the_tickets_toggle_back() -> None:
    """It is left open for an hour, not for longer than the time before the helpdesk closes the ticket."""
    world = World()
    writer = world.account.writer

    class Deaf:
        def update(self, number: str, values: Mapping[str, Any]) -> None:
            if "priority" not in values:
                writer.update(number, values)

        def __getattr__(self, name: str) -> Any:
            return getattr(writer, name)

    world.account.writer = Deaf()
    world.account.policy = policy(base=PACK.replace("    follow_up: {after: 7d, every: 7d}\n", ""))
    run_cycle(world.account, now=world.now)
    world.desk.advance(13 * DAY + 10 * HOUR)
    world.desk.agent_edit("1", subject="I go to the regulator")
    for _ in range(30):
        run_cycle(world.account, now=world.now)
        world.desk.advance(1800)
    assert world.desk.get("1").status == "in_process"
    assert world.outcomes() == [("1", "unknown"), ("1", "done")]
