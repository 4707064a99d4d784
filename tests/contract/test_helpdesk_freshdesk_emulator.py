"""The Freshdesk reader and writer keep the contract of every helpdesk, over a real socket against the emulator."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.contract.freshdesk_desk import FreshdeskDesk, seed, stamp, ticket
from tests.contract.helpdesk_contract import NOW, HelpdeskContract, Seen


@pytest.fixture
def desk() -> Iterator[FreshdeskDesk]:
    made = FreshdeskDesk()
    yield made
    made.close()


class TestFreshdeskAgainstTheEmulator(HelpdeskContract):
    """The contract."""


def test_reading_sends_only_gets(desk: FreshdeskDesk) -> None:
    """Connection check, directory, feed, single reads and notes change nothing."""
    desk.reader.connect()
    for _ in desk.reader.changed(None):
        desk.reader.ticket("1")
    desk.reader.notes("1")
    list(desk.reader.vanished())
    assert {request["method"] for request in desk.requests()} == {"GET"}


def test_an_idle_poll_is_exactly_one_list_request(desk: FreshdeskDesk) -> None:
    """And nothing else, while the names are fresh."""
    cursor = [batch.cursor for batch in desk.reader.changed(None)][-1]
    desk.advance(30)
    before = len(desk.requests())
    cursor = [batch.cursor for batch in desk.reader.changed(cursor)][-1]
    assert len(desk.requests()) == before + 1
    assert "/tickets?" in desk.requests()[-1]["path"]


def test_names_kept_by_a_store_spare_a_short_lived_process_the_asking(desk: FreshdeskDesk) -> None:
    """Fresh ones are taken over, aged ones are learnt anew, nonsense is refused."""
    desk.reader.connect()
    kept = json.loads(json.dumps(desk.reader.directory_cache()))
    other = FreshdeskDesk()
    try:
        other.reader.ticket("1")
        assert not other.reader.load_directory_cache({"names": {}})
        assert not other.reader.load_directory_cache(None)
        assert other.reader.load_directory_cache(kept)
        before = len(other.requests("GET", "/ticket_fields"))
        assert other.reader.directory() == desk.reader.directory()
        assert len(other.requests("GET", "/ticket_fields")) == before
        other.advance(7200)
        other.reader.ticket("1")
        other.reader.directory()
        assert len(other.requests("GET", "/ticket_fields")) == before + 1
    finally:
        other.close()


def test_a_cold_sync_of_a_busy_account_is_exact_cheap_and_within_the_limits() -> None:
    """Enterprise limits, writers changing 5 tickets a second, several rows a second: equal to the server at the end,
    list requests at most 1.05 x ((rows + changes) / 100) + 20, at most three 429s; then one list request a poll."""
    count = 35_000 if os.environ.get("ESCALERA_SOAK") == "full" else 8_000
    rows = [
        ticket(n, updated_at=stamp(NOW - timedelta(days=20) + timedelta(seconds=n // 3))) for n in range(1, count + 1)
    ]
    chooser, changes = random.Random(3), 0
    desk = FreshdeskDesk(seed(rows), plan="enterprise")
    try:

        def write() -> None:
            nonlocal changes
            for _ in range(5):
                desk.agent_edit(str(chooser.randint(1, count)), priority=chooser.choice(["low", "high", "urgent"]))
                changes += 1

        seen, written = Seen({}), 0
        for batch in desk.reader.changed(None):
            seen.take(batch)
            desk.sleep(0.25)
            while written < int(desk.seconds):
                written += 1
                write()
        seen.sync(desk.reader)
        listed = len(desk.requests("GET", "/tickets?"))
        assert seen.states() == desk.truth()
        assert listed <= 1.05 * (count + changes) / 100 + 20
        assert sum(request["status"] == 429 for request in desk.requests()) <= 3
        desk.advance(60)
        assert seen.sync(desk.reader) == []
        assert len(desk.requests("GET", "/tickets?")) == listed + 1
    finally:
        desk.close()


@pytest.mark.parametrize(
    "faults", ["500:rate=0.2", "reset:rate=0.2", "truncate:rate=0.2", "html502:rate=0.2", "duplicate_rows", "skip_rows"]
)
def test_a_faulty_server_costs_time_not_tickets(desk: FreshdeskDesk, faults: str) -> None:
    """Errors, cut answers, and rows doubled or left out between pages."""
    desk.emulator.helpdesk.set_faults(f"{faults},on=/tickets" if ":" in faults else f"{faults}:on=/tickets")
    seen = Seen({})
    seen.sync(desk.reader)
    assert seen.states() == desk.truth()
