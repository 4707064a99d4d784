"""Records that could not be read, tickets that could not be found, and what a key could not see: looked for again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connector.core.model import Rejected, Ticket
from connector.cycle.run import run_cycle
from connector.cycle.unread import UNREAD
from connector.errors import AccountBlocked, Unavailable
from connector.helpdesks.base import Batch
from tests.desk import World, ticket


class _Reader:
    """The memory helpdesk's reader, with tickets it rejects in the feed and may not find."""

    def __init__(self, world: World, number: str | None) -> None:
        self._world, self._reader, self._number = world, world.desk.reader(), number
        self.bad = True
        self.asked: list[str] = []
        self.polls: list[str | None] = []
        self.seen: str | None = "global"

    def changed(self, cursor: str | None) -> Iterator[Batch]:
        self.polls.append(cursor)
        for batch in self._reader.changed(cursor):
            if not self.bad:
                yield batch
                continue
            rejected = tuple(Rejected("row", self._number, "no time") for one in batch.tickets if one.id == "2")
            yield Batch(tuple(one for one in batch.tickets if one.id != "2"), rejected, batch.cursor)

    def ticket(self, number: str) -> Ticket:
        self.asked.append(number)
        if self.bad:
            msg = "ticket 2: no time"
            raise Unavailable(msg)
        return self._reader.ticket(number)

    def sight(self) -> str | None:
        return self.seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


def _world(number: str | None) -> tuple[World, _Reader]:
    world = World(ticket(1), ticket(2))
    reader = _Reader(world, number)
    world.account.reader = reader  # type: ignore[assignment]
    return world, reader


def _cycles(world: World, count: int, minutes: int) -> None:
    for _ in range(count):
        run_cycle(world.account, now=world.now)
        world.desk.advance(minutes * 60)


def _known(world: World) -> set[str]:
    return {row.ticket.id for row in world.store.scan("demo")}


def test_a_rejected_ticket_is_read_by_its_number_when_it_can_be() -> None:
    """Though nobody changes it again, and with pauses that double."""
    world, reader = _world("2")
    _cycles(world, 10, 5)
    assert reader.asked == ["2", "2"]
    reader.bad = False
    _cycles(world, 10, 5)
    assert _known(world) == {"1", "2"}
    assert world.store.fact("demo", UNREAD) == {}


def test_a_ticket_that_stays_unreadable_is_given_up_within_a_day() -> None:
    """Eight tries, then it is left out until it changes; the cost is bounded."""
    world, reader = _world("2")
    _cycles(world, 24 * 6 * 2, 10)
    assert len(reader.asked) == 8
    assert world.store.fact("demo", UNREAD) == {}


def test_a_record_without_a_number_sends_the_feed_back_to_where_it_was() -> None:
    """Once the feed is right the ticket is known; then the feed goes on as ever."""
    world, reader = _world(None)
    _cycles(world, 4, 20)
    reader.bad = False
    _cycles(world, 12, 20)
    assert _known(world) == {"1", "2"}
    assert 1 < reader.polls.count(None) <= 5
    assert world.store.fact("demo", UNREAD) == {}


def test_a_feed_that_never_gets_better_is_read_anew_eight_times_at_most() -> None:
    """Within a day; then the daemon says so and goes on."""
    world, reader = _world(None)
    _cycles(world, 24 * 6 * 2, 10)
    assert reader.polls.count(None) <= 9


def test_a_key_that_sees_more_than_before_reads_everything_anew() -> None:
    """What it could not see would otherwise stay unknown until somebody changes it."""
    world, reader = _world("2")
    reader.bad = False
    _cycles(world, 3, 10)
    assert reader.polls.count(None) == 1
    reader.seen = "group 7"
    _cycles(world, 3, 10)
    assert reader.polls.count(None) == 2
    assert [event.body for event in world.store.audit("demo") if event.kind == "sight"] == [
        {"was": "global", "now": "group 7"}
    ]


def test_a_ticket_that_was_not_to_be_found_is_looked_for_and_acted_on_later() -> None:
    """A 404 for a while is no end: the toggle it needed comes when it is back."""
    world = World(ticket(1))
    run_cycle(world.account, now=world.now)
    world.desk.advance(timedelta(days=7, hours=1))
    hidden = True

    class Hiding(_Reader):
        def ticket(self, number: str) -> Ticket:
            return Ticket(id=number, gone="missing") if hidden else self._reader.ticket(number)

    reader = Hiding(world, None)
    reader.bad = False
    world.account.reader = reader  # type: ignore[assignment]
    _cycles(world, 3, 5)
    assert (world.desk.written, world.row().ticket.gone) == ([], "missing")
    hidden = False
    _cycles(world, 12, 5)
    assert [one.values["status"] for one in world.desk.written] == ["completed", "in_process"]


def test_a_death_right_after_a_key_sees_more_loses_nothing_of_what_is_to_be_read_anew() -> None:
    """What the key sees and where the feed goes back to are one fact: the next cycle reads everything."""
    world, reader = _world("2")
    reader.bad = False
    _cycles(world, 3, 10)
    reader.seen = "group 7"
    real = reader.changed

    def die(cursor: str | None) -> Iterator[Batch]:
        raise KeyboardInterrupt

    reader.changed = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run_cycle(world.account, now=world.now)
    reader.changed = real  # type: ignore[method-assign]
    _cycles(world, 3, 10)
    assert reader.polls.count(None) == 2


def test_a_feed_sent_back_and_cut_short_goes_on_from_where_it_was() -> None:
    """Else a large account that is cut short each time would never come to what changed since."""
    world, reader = _world("2")
    reader.bad = False
    _cycles(world, 3, 10)
    reader.seen = "group 7"
    real = reader.changed

    def cut(cursor: str | None) -> Iterator[Batch]:
        yield from real(cursor)
        if cursor is None:
            msg = "429 (test)"
            raise Unavailable(msg)

    reader.changed = cut  # type: ignore[method-assign]
    _cycles(world, 6, 10)
    assert reader.polls.count(None) == 2
    assert world.store.fact("demo", UNREAD) == {}


def test_tickets_read_before_the_account_was_blocked_are_kept() -> None:
    """They are not looked for any more, so they must be in the mirror."""
    world, _ = _world("2")

    class Blocked(_Reader):
        def ticket(self, number: str) -> Ticket:
            if self.asked:
                msg = "key (test)"
                raise AccountBlocked(msg)
            self.asked.append(number)
            return self._reader.ticket(number)

    reader = Blocked(world, "2")
    world.account.reader = reader  # type: ignore[assignment]
    with world.store.transaction():
        at = world.now().isoformat()
        world.store.set_fact("demo", UNREAD, {"tickets": {"2": [0, at], "3": [0, at]}, "feed": None}, world.now())
    run_cycle(world.account, now=world.now)
    assert (_known(world), set(world.store.fact("demo", UNREAD)["tickets"])) == ({"1", "2"}, {"3"})


def test_more_rejected_tickets_than_are_kept_send_the_feed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of one poll that rejects thousands of records loses none of them."""
    monkeypatch.setattr("connector.cycle.unread._MOST_KEPT", 0)
    world, reader = _world("2")
    _cycles(world, 1, 5)
    reader.bad = False
    _cycles(world, 10, 5)
    assert _known(world) == {"1", "2"}
    assert world.store.fact("demo", UNREAD) == {}
