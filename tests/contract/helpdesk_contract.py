"""What every helpdesk must do, as tests. A subclass says how to build one account; all claims then hold for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from connector.core.model import Ticket
from connector.errors import OutcomeUnknown, Refused, Unavailable
from connector.helpdesks.base import Batch, Reader, Writer

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class Desk(Protocol):
    """One account under test: reader, writer, and the world around them."""

    reader: Reader
    writer: Writer

    def advance(self, seconds: int) -> None:
        """Let time pass on the helpdesk's own clock."""

    def customer_reply(self, ticket_id: str) -> None:
        """The requester writes."""

    def agent_edit(self, ticket_id: str, **changes: Any) -> None:
        """An agent sets canonical fields by hand."""

    def hide(self, ticket_id: str, how: str) -> None:
        """The ticket becomes `deleted` or `spam`."""

    def refuse_next_write(self) -> None:
        """The next write is not taken now, and nothing is changed."""

    def lose_next_answer(self) -> None:
        """The next write happens, its answer gets lost."""

    def truth(self) -> dict[str, tuple[str, str]]:
        """id -> (status, priority) of every ticket that is neither deleted nor spam, as it really is."""


@dataclass
class Seen:
    """A mirror: the tickets taken from the feed and the cursor stored with them."""

    tickets: dict[str, Ticket]
    cursor: str | None = None
    batches: int = 0

    def take(self, batch: Batch) -> None:
        """Store a batch with its cursor."""
        assert batch.complete
        self.tickets.update({ticket.id: ticket for ticket in batch.tickets})
        self.cursor = batch.cursor
        self.batches += 1

    def sync(self, reader: Reader) -> list[str]:
        """One poll; returns the ids that came."""
        came: list[str] = []
        for batch in reader.changed(self.cursor):
            came += [ticket.id for ticket in batch.tickets]
            self.take(batch)
        return came

    def states(self) -> dict[str, tuple[str | None, str | None]]:
        """id -> (status, priority)."""
        return {number: (ticket.status, ticket.priority) for number, ticket in self.tickets.items()}


class HelpdeskContract:
    """Subclasses offer the fixture `desk`: 250 tickets with ids 1..250; odd ones `in_process` and `low`, even ones
    `open` and `normal`; agent `Laura Núñez` (laura@example.com), group `Supervisión`; the clock at or after NOW."""

    def test_the_first_sync_brings_every_ticket_in_bounded_batches(self, desk: Desk) -> None:
        """Cold: the union of the batches is the whole account, no batch above a page."""
        sizes = [len(batch.tickets) for batch in desk.reader.changed(None)]
        seen = Seen({})
        seen.sync(desk.reader)
        assert max(sizes) <= 100
        assert seen.states() == desk.truth()

    def test_an_idle_poll_is_one_batch_and_forgets_nothing(self, desk: Desk) -> None:
        """Where nothing happened, one batch comes, and a later change is still seen."""
        seen = Seen({})
        seen.sync(desk.reader)
        desk.advance(60)
        before = seen.batches
        assert seen.sync(desk.reader) == []
        assert seen.batches == before + 1
        desk.agent_edit("7", priority="urgent")
        assert seen.sync(desk.reader) == ["7"]
        assert seen.tickets["7"].priority == "urgent"

    def test_a_sync_stopped_after_any_batch_goes_on_without_loss(self, desk: Desk) -> None:
        """The cursor of each batch is a safe place to go on from."""
        for stop_after in (1, 2, 3):
            seen = Seen({})
            for number, batch in enumerate(desk.reader.changed(None), 1):
                seen.take(batch)
                if number == stop_after:
                    break
            desk.agent_edit("2", priority="high")
            seen.sync(desk.reader)
            assert seen.states() == desk.truth()
            desk.agent_edit("2", priority="normal")

    def test_two_changes_within_one_second_are_both_seen(self, desk: Desk) -> None:
        """A stamp alone does not prove that a row is known."""
        seen = Seen({})
        seen.sync(desk.reader)
        desk.advance(60)
        desk.agent_edit("4", priority="high")
        seen.sync(desk.reader)
        desk.agent_edit("4", priority="urgent")
        seen.sync(desk.reader)
        assert seen.tickets["4"].priority == "urgent"

    def test_a_ticket_is_read_as_it_is_now(self, desk: Desk) -> None:
        """A single read does not come from any cache, and its stamps are aware and in UTC."""
        first = desk.reader.ticket("3")
        desk.advance(60)
        desk.agent_edit("3", priority="high")
        second = desk.reader.ticket("3")
        assert (first.priority, second.priority) == ("low", "high")
        assert first.updated_at is not None
        assert second.updated_at is not None
        assert second.updated_at > first.updated_at
        assert second.updated_at.tzinfo is UTC

    def test_a_ticket_that_never_was_is_missing(self, desk: Desk) -> None:
        """No exception: a state."""
        assert desk.reader.ticket("99999").gone == "missing"
        assert desk.reader.ticket("no-number").gone == "missing"

    @pytest.mark.parametrize("how", ["deleted", "spam"])
    def test_hidden_tickets_are_gone_and_refuse_writes(self, desk: Desk, how: str) -> None:
        """Deleted and spam tickets can still be recognised, and are never written."""
        desk.hide("5", how)
        assert desk.reader.ticket("5").gone == how
        with pytest.raises(Refused) as caught:
            desk.writer.update("5", {"priority": "high"})
        assert caught.value.status == 405

    def test_an_update_sets_just_what_it_names(self, desk: Desk) -> None:
        """Everything else keeps the value somebody else gave it meanwhile."""
        before = desk.reader.ticket("6")
        desk.agent_edit("6", tags=("vip",))
        desk.writer.update("6", {"priority": "urgent"})
        after = desk.reader.ticket("6")
        assert (after.priority, after.tags, after.status, after.subject) == (
            "urgent",
            ("vip",),
            before.status,
            before.subject,
        )

    def test_people_are_set_by_name_mail_or_id_and_cleared_by_none(self, desk: Desk) -> None:
        """What a roster says is turned into the helpdesk's ids."""
        number = desk.reader.directory().agents["Laura Núñez"]
        for given in ("Laura Núñez", "laura@example.com", "LAURA@example.com", number):
            desk.writer.update("8", {"agent": given, "group": "Supervisión"})
            read = desk.reader.ticket("8")
            assert (read.agent, read.group) == ("Laura Núñez", "Supervisión")
            desk.writer.update("8", {"agent": None, "group": None})
            assert desk.reader.ticket("8").agent is None

    def test_a_status_change_moves_the_status_clock_and_nothing_else_does(self, desk: Desk) -> None:
        """The clock of the status is not `updated_at`."""
        started = desk.reader.ticket("1").status_since
        desk.advance(3600)
        desk.writer.add_note("1", "seguimiento")
        desk.writer.update("1", {"priority": "high"})
        assert desk.reader.ticket("1").status_since == started
        desk.writer.update("1", {"status": "completed"})
        desk.advance(5)
        desk.writer.update("1", {"status": "in_process"})
        moved = desk.reader.ticket("1")
        assert moved.status == "in_process"
        assert moved.status_since is not None
        assert started is not None
        assert (moved.status_since - started).total_seconds() >= 3600

    def test_own_writes_come_back_in_the_feed(self, desk: Desk) -> None:
        """Notes and updates move `updated_at`: the daemon must know its own echo by the stamp a re-read shows."""
        seen = Seen({})
        seen.sync(desk.reader)
        desk.advance(60)
        desk.writer.add_note("9", "nota")
        stamp = desk.reader.ticket("9").updated_at
        assert seen.sync(desk.reader) == ["9"]
        assert seen.tickets["9"].updated_at == stamp

    def test_a_customer_reply_reopens_and_moves_the_customer_clock(self, desk: Desk) -> None:
        """Whatever status the ticket was in."""
        desk.writer.update("1", {"status": "completed"})
        desk.advance(60)
        desk.customer_reply("1")
        after = desk.reader.ticket("1")
        assert after.status == "open"
        assert after.customer_responded_at == after.updated_at

    def test_notes_are_private_and_read_back_in_order(self, desk: Desk) -> None:
        """Text survives as written: accents, angle brackets, lines."""
        texts = ["primera: a < b & c", "segunda\ncon dos líneas", "tercera"]
        for text in texts:
            desk.writer.add_note("11", text)
            desk.advance(1)
        notes = desk.reader.notes("11")
        assert [" ".join(note.text.split()) for note in notes] == [" ".join(text.split()) for text in texts]
        assert {note.private for note in notes} == {True}
        assert {note.incoming for note in notes} == {False}

    def test_a_write_not_taken_changes_nothing_and_may_be_tried_again(self, desk: Desk) -> None:
        """Unavailable means: nothing happened."""
        desk.refuse_next_write()
        with pytest.raises(Unavailable):
            desk.writer.update("12", {"priority": "urgent"})
        assert desk.reader.ticket("12").priority == "normal"
        desk.writer.update("12", {"priority": "urgent"})
        assert desk.reader.ticket("12").priority == "urgent"

    def test_a_lost_answer_is_outcome_unknown_and_the_write_is_sent_once(self, desk: Desk) -> None:
        """Never repeated by itself: a note would stand twice."""
        desk.lose_next_answer()
        with pytest.raises(OutcomeUnknown):
            desk.writer.add_note("13", "una vez")
        assert [note.text for note in desk.reader.notes("13")] == ["una vez"]

    def test_refuses_tells_what_update_would_raise(self, desk: Desk) -> None:
        """Before anything is sent, with the same words."""
        desk.reader.connect()
        for changes in (
            {"status": "finished"},
            {"status": "closed"},
            {"agent": "Nobody Known"},
            {"group": "No Such Group"},
            {"frobnication": "1"},
        ):
            reason = desk.writer.refuses("14", changes)
            assert reason is not None
            with pytest.raises(Refused):
                desk.writer.update("14", changes)
        assert desk.writer.refuses("14", {"status": "in_process", "priority": "high", "agent": "Laura Núñez"}) is None

    def test_creating_gives_a_ticket_that_the_feed_shows(self, desk: Desk) -> None:
        """The id returned is the new ticket's."""
        seen = Seen({})
        seen.sync(desk.reader)
        desk.advance(60)
        made = desk.writer.create(
            {"subject": "Nuevo", "body": "hola", "priority": "high", "requester_email": "ana@example.com"}
        )
        assert seen.sync(desk.reader) == [made]
        read = desk.reader.ticket(made)
        assert (read.subject, read.priority, read.status) == ("Nuevo", "high", "open")

    def test_the_server_tells_its_clock(self, desk: Desk) -> None:
        """An aware instant that moves with the helpdesk, not with this machine."""
        desk.reader.ticket("1")
        first = desk.reader.server_time()
        desk.advance(7200)
        desk.reader.ticket("1")
        second = desk.reader.server_time()
        assert first is not None
        assert second is not None
        assert (second - first).total_seconds() == pytest.approx(7200, abs=2)
