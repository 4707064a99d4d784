"""The toggle: through a finished status and back, and what happens when someone or something comes between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connector.apply.journal import Journal
from connector.apply.recover import recover
from connector.apply.steps import Hands
from connector.core.model import Outcome, Ticket
from connector.errors import OutcomeUnknown, Refused, Unavailable
from tests.desk import DAY, World, action, ticket, toggle
from tests.unit.test_apply import outcome_of, run


@pytest.fixture
def world() -> World:
    """A world with one mirrored ticket, ten days in."""
    made = World()
    made.desk.advance(10 * DAY)
    made.mirror()
    return made


def test_a_toggle_goes_through_and_back_and_restarts_the_clock(world: World) -> None:
    """Two writes, the status as before, the auto-close clock now."""
    assert outcome_of(run(world, toggle(world))) == [Outcome.DONE]
    after = world.desk.get("1")
    assert [one.values["status"] for one in world.desk.written] == ["completed", "in_process"]
    assert (after.status, after.autoclose_clock) == ("in_process", world.now())
    assert world.row().memory.toggles == (world.now(),)
    assert len(world.row().memory.writes) == 1


def test_a_customer_reply_between_the_two_writes_wins(world: World) -> None:
    """The reply reopens the ticket: it stays open, and the second write is never sent."""

    def reply(kind: str, number: str, values: Mapping[str, Any]) -> None:
        world.desk.after_write = None
        world.desk.advance(1)
        world.desk.customer_reply("1", "still broken")

    world.desk.after_write = reply
    assert outcome_of(run(world, toggle(world))) == [Outcome.INTERRUPTED]
    assert world.desk.get("1").status == "open"
    assert len(world.desk.written) == 1


def test_a_customer_reply_in_the_instant_before_the_second_write_is_given_back(world: World) -> None:
    """Our way back hid the reopening; the re-read shows the reply, and the ticket is opened again."""

    def reply(kind: str, number: str, values: Mapping[str, Any]) -> None:
        if values.get("status") == "in_process":
            world.desk.before_write = None
            world.desk.advance(1)
            world.desk.customer_reply("1", "still broken")

    world.desk.before_write = reply
    assert outcome_of(run(world, toggle(world))) == [Outcome.INTERRUPTED]
    assert world.desk.get("1").status == "open"


@pytest.mark.parametrize("error", [Unavailable("down"), OutcomeUnknown("cut"), Refused("no", status=400)])
def test_trouble_with_the_second_write_is_tried_again_at_once(world: World, error: Exception) -> None:
    """The ticket is not left finished because one request failed."""
    failed: list[str] = []

    def once(kind: str, number: str, values: Mapping[str, Any]) -> None:
        if values.get("status") == "in_process" and not failed:
            failed.append(number)
            raise error

    world.desk.before_write = once
    assert outcome_of(run(world, toggle(world))) == [Outcome.DONE]
    assert world.desk.get("1").status == "in_process"


def test_a_second_write_that_never_works_stays_open_for_recovery(world: World) -> None:
    """Bounded tries, then the journal line stays open."""

    def never(kind: str, number: str, values: Mapping[str, Any]) -> None:
        if values.get("status") == "in_process":
            msg = "down"
            raise Unavailable(msg)

    world.desk.before_write = never
    assert outcome_of(run(world, toggle(world))) == [Outcome.SENT]
    assert [intent.step for intent in world.store.open_intents("demo")] == [2]


def test_a_toggle_that_moves_no_clock_stops_all_toggles_of_the_account() -> None:
    """Written and back, but the auto-close clock stands: ineffective, loudly, with an account fact."""
    world = World(ticket(autoclose_clock=ticket().created_at), autoclose_clock="created_at")
    world.desk.advance(10 * DAY)
    world.mirror()
    assert outcome_of(run(world, toggle(world))) == [Outcome.INEFFECTIVE]
    assert world.desk.get("1").status == "in_process"
    assert world.store.fact("demo", "toggling_stopped")["ticket"] == "1"
    assert world.row().memory.toggles == ()


def test_a_toggle_needs_the_status_it_returns_to(world: World) -> None:
    """A ticket that waits for the customer is not toggled."""
    wanted = toggle(world)
    world.desk.agent_edit("1", status="waiting_customer")
    assert outcome_of(run(world, wanted)) == [Outcome.DRIFTED]
    assert world.desk.written == []


def test_a_note_that_goes_with_a_toggle_is_left_only_with_it(world: World) -> None:
    """The toggle drifted, so the note that would speak of it is not left."""
    wanted = toggle(world)
    note = action(world, "note", text="Kept alive", details={"with": wanted.key})
    world.desk.advance(1)
    world.desk.agent_edit("1", status="waiting_customer")
    assert outcome_of(run(world, wanted, note)) == [Outcome.DRIFTED, Outcome.UNSENT]
    assert world.desk.notes_of("1") == ()


class _OldAnswers:
    """A reader behind a cache: after so many writes it shows the ticket of before them, so many times."""

    def __init__(self, world: World, times: int, *, after: int = 1) -> None:
        self._world, self._reader, self._left, self._after = world, world.desk.reader(), times, after
        self._old = world.desk.get("1")

    def ticket(self, number: str) -> Any:
        if len(self._world.desk.written) >= self._after and self._left > 0:
            self._left -= 1
            return self._old
        return self._reader.ticket(number)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


def _recover_often(world: World) -> None:
    for _ in range(60):
        recover(
            Hands(world.account.reader, world.account.writer, Journal(world.store, "demo", world.epoch(), world.now))
        )
        world.desk.advance(120)


@pytest.mark.parametrize("times", [1, 2, 3, 5, 40])
def test_an_old_answer_after_the_first_write_never_leaves_the_ticket_finished(world: World, times: int) -> None:
    """Shown as of before an acknowledged write it is not taken for undone: recovery goes on until it is seen."""
    world.desk.advance(60)
    world.account.reader = _OldAnswers(world, times)  # type: ignore[assignment]
    run(world, toggle(world))
    _recover_often(world)
    statuses = [one.values["status"] for one in world.desk.written]
    assert (statuses[0], statuses.count("completed")) == ("completed", 1)
    assert world.desk.get("1").status == "in_process"
    assert world.store.open_intents("demo") == []


@pytest.mark.parametrize("times", [1, 2, 5, 40])
def test_an_old_answer_after_the_way_back_is_no_proof_that_the_clock_stood(world: World, times: int) -> None:
    """Shown as of before it was seen in the toggle's status: recovery waits, and toggling is not stopped for all."""
    world.desk.advance(60)
    world.account.reader = _OldAnswers(world, times, after=2)  # type: ignore[assignment]
    run(world, toggle(world))
    _recover_often(world)
    assert [one.values["status"] for one in world.desk.written] == ["completed", "in_process"]
    assert world.store.fact("demo", "toggling_stopped") is None
    assert (len(world.row().memory.toggles), world.store.open_intents("demo")) == (1, [])


def test_a_ticket_not_to_be_found_after_an_unanswered_first_write_is_put_back_when_it_is(world: World) -> None:
    """The write may have arrived: what is hidden then may stand in the toggle's status."""
    hidden = False

    class Hiding(_OldAnswers):
        def ticket(self, number: str) -> Any:
            return Ticket(id=number, gone="missing") if hidden else self._reader.ticket(number)

    def cut(kind: str, number: str, values: Mapping[str, Any]) -> None:
        nonlocal hidden
        world.desk.after_write, hidden = None, True
        msg = "cut"
        raise OutcomeUnknown(msg)

    world.account.reader = Hiding(world, 0)  # type: ignore[assignment]
    world.desk.after_write = cut
    assert outcome_of(run(world, toggle(world))) == [Outcome.SENT]
    _recover_often(world)
    assert world.desk.get("1").status == "completed"
    hidden = False
    _recover_often(world)
    assert world.desk.get("1").status == "in_process"


def test_an_erasure_leaves_what_an_open_toggle_is_finished_by(world: World) -> None:
    """Its customer is gone from the state; the ticket is still put back."""
    world.desk.advance(60)
    world.account.reader = _OldAnswers(world, 8)  # type: ignore[assignment]
    run(world, toggle(world))
    with world.store.transaction():
        world.store.erase("demo", ["1"], [], world.now(), by="dpo", reason="request 17")
    _recover_often(world)
    assert world.desk.get("1").status == "in_process"


def test_a_person_who_edits_in_the_second_of_our_writes_is_not_taken_for_us(world: World) -> None:
    """Both writes of the toggle and the edit carry one stamp: what we did not write is theirs."""

    def edit(kind: str, number: str, values: Mapping[str, Any]) -> None:
        world.desk.after_write = None
        world.desk.agent_edit("1", priority="low")

    world.desk.after_write = edit
    run(world, toggle(world))
    assert world.desk.get("1").status == "in_process"
    assert world.row().memory.human["priority"] == "low"


def test_a_refused_toggle_is_tried_again_after_one_hour_two_and_four(world: World) -> None:
    """The helpdesk closes the ticket within hours: a day would be too long."""
    tried: list[int] = []

    def refuse(kind: str, number: str, values: Mapping[str, Any]) -> None:
        tried.append(hours)
        msg = "403 (test)"
        raise Refused(msg, status=403)

    world.desk.before_write = refuse
    wanted = toggle(world)
    for hours in range(12):  # noqa: B007 - told by `refuse`
        run(world, wanted)
        world.desk.advance(3600)
    assert tried == [0, 1, 3, 7]
