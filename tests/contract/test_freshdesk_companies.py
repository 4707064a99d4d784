"""Companies' names over a real socket: a ticket's customer, what it costs, and what happens where nobody tells."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connector.core.model import Ticket
from connector.errors import Unavailable
from connector.helpdesks import freshdesk_companies
from tests.contract.freshdesk_desk import FreshdeskDesk, seed, ticket


def _firms(count: int) -> list[dict[str, Any]]:
    return [{"id": 700 + n, "name": f"Empresa {n}"} for n in range(count)]


def _tickets(count: int) -> list[dict[str, Any]]:
    return [ticket(n, company_id=700 + n - 1) for n in range(1, count + 1)]


@pytest.fixture
def opened() -> Iterator[Callable[..., FreshdeskDesk]]:
    made: list[FreshdeskDesk] = []

    def make(firms: int = 3, *, companies: bool = True, faults: str | None = None, tickets: int | None = None) -> Any:
        given = seed([*_tickets(tickets or firms), ticket(900)], companies=_firms(firms))
        desk = FreshdeskDesk(given, companies=companies)
        if faults:
            desk.emulator.helpdesk.set_faults(faults)
        made.append(desk)
        return desk

    yield make
    for desk in made:
        desk.close()


def _read(desk: FreshdeskDesk, cursor: str | None = None) -> dict[str, Ticket]:
    return {one.id: one for batch in desk.reader.changed(cursor) for one in batch.tickets}


def _asked(desk: FreshdeskDesk) -> list[str]:
    return [request["path"].split("/api/v2")[-1] for request in desk.requests("GET", "/companies")]


def test_a_tickets_customer_is_its_companys_name(opened: Callable[..., FreshdeskDesk]) -> None:
    """In the feed and read singly; a ticket without a company has none, which is known."""
    desk = opened()
    read = _read(desk)
    assert [read[n].customer for n in ("1", "2", "3")] == ["Empresa 0", "Empresa 1", "Empresa 2"]
    assert desk.reader.ticket("2").customer == "Empresa 1"
    assert read["900"].customer is None
    assert "customer" not in read["900"].unknown | read["1"].unknown
    assert len(_asked(desk)) == 1


def test_names_nobody_asked_for_are_not_read(opened: Callable[..., FreshdeskDesk]) -> None:
    """Without the wish no call is made, and the customer is unknown, not empty."""
    desk = opened(companies=False)
    read = _read(desk)
    assert _asked(desk) == []
    assert "customer" in read["1"].unknown
    assert "customer" not in read["900"].unknown


def test_a_key_that_may_not_list_companies_leaves_customers_unknown(
    opened: Callable[..., FreshdeskDesk], capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything else is read; the connection says so; the log says it once; given the right, all is read anew."""
    desk = opened(faults="403:on=/companies")
    told = desk.reader.connect()
    assert [warning for warning in told.warnings if "companies" in warning]
    without = desk.reader.sight()
    read = _read(desk)
    assert "customer" in read["1"].unknown
    assert read["1"].customer is None
    desk.advance(3700)
    _read(desk)  # tells the present
    _read(desk)
    assert len(_asked(desk)) == 2
    assert capsys.readouterr().out.count("may not list companies") <= 1
    desk.emulator.helpdesk.set_faults("")
    desk.advance(3700)
    _read(desk)
    assert _read(desk)["1"].customer == "Empresa 0"
    assert desk.reader.sight() != without


def test_a_company_made_after_the_list_was_read_costs_one_call(opened: Callable[..., FreshdeskDesk]) -> None:
    """And one only, however many of its tickets come."""
    desk = opened(2, tickets=1)
    _read(desk)
    desk.emulator.world.account.companies[800] = {"id": 800, "name": "Nueva"}
    for number in ("1", "900"):
        desk.emulator.world.tickets[int(number)].fields["company_id"] = 800
        desk.agent_edit(number, priority="urgent")
    assert {one.customer for one in _read(desk).values()} == {"Nueva"}
    assert _asked(desk)[1:] == ["/companies/800"]


def test_a_company_that_is_gone_is_unknown_and_asked_for_once(opened: Callable[..., FreshdeskDesk]) -> None:
    """404 of one company concerns its tickets alone."""
    desk = opened()
    _read(desk)
    desk.emulator.world.tickets[1].fields["company_id"] = 4711
    desk.agent_edit("1", priority="urgent")
    for _ in range(2):
        read = _read(desk)
        assert "customer" in read["1"].unknown
        assert read["2"].customer == "Empresa 1"
    assert _asked(desk)[1:] == ["/companies/4711"]


def test_too_many_companies_to_list_are_looked_up_as_tickets_name_them(
    opened: Callable[..., FreshdeskDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the pages read; a poll looks up its share, says it is incomplete, and the next goes on: none is lost."""
    monkeypatch.setattr(freshdesk_companies, "MOST_PAGES", 1)
    desk = opened(450)
    cursor: str | None = None
    read: dict[str, Ticket] = {}
    polls = []
    for _ in range(10):
        before = len(_asked(desk))
        complete = True
        for batch in desk.reader.changed(cursor):
            cursor = batch.cursor
            read.update({one.id: one for one in batch.tickets})
            complete = complete and batch.complete
        polls.append((len(_asked(desk)) - before, complete))
        if complete:
            break
    assert [read[str(n)].customer for n in range(1, 451)] == [f"Empresa {n}" for n in range(450)]
    assert len(_asked(desk)) == 1 + 350
    assert all(calls < 2 * freshdesk_companies.MOST_LOOKUPS + 1 for calls, _ in polls)
    assert [complete for _, complete in polls][-2:] == [False, True]


def test_names_are_kept_for_the_next_process(
    opened: Callable[..., FreshdeskDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed and looked up ones, through JSON; after a day the list is read again."""
    desk = opened()
    monkeypatch.setattr(freshdesk_companies, "MOST_PAGES", 0)
    _read(desk)
    kept = json.loads(json.dumps(desk.reader.directory_cache()))
    other = opened()
    other.reader.ticket("900")
    assert other.reader.load_directory_cache(kept)
    before = len(_asked(other))
    assert _read(other)["1"].customer == "Empresa 0"
    assert len(_asked(other)) == before
    monkeypatch.undo()
    other.emulator.world.account.companies[700]["name"] = "Otro nombre"
    other.advance(25 * 3600)
    other.reader.ticket("900")  # tells the present
    assert other.reader.ticket("1").customer == "Otro nombre"
    assert len(_asked(other)) == before + 1


def test_nonsense_kept_for_companies_is_not_taken_over(opened: Callable[..., FreshdeskDesk]) -> None:
    """The names of people are; companies are learnt anew."""
    desk = opened()
    _read(desk)
    kept = desk.reader.directory_cache()
    for nonsense in (None, [], {"listed": 3}, {"listed": {}, "listed_at": "2026-03-01T10:00:00", "single": {}}):
        other = opened()
        other.reader.ticket("900")
        assert other.reader.load_directory_cache({**kept, "companies": nonsense})
        assert _read(other)["1"].customer == "Empresa 0"


def test_one_company_that_always_fails_stops_the_feed_three_times_at_most(
    opened: Callable[..., FreshdeskDesk],
) -> None:
    """Its tickets are read with an unknown customer then: one bad record must not stop all others for good."""
    desk = opened(2, tickets=1)
    _read(desk)
    desk.emulator.world.tickets[1].fields["company_id"] = 800
    desk.agent_edit("1", priority="urgent")
    desk.emulator.helpdesk.set_faults("500:on=/companies/800")
    stopped = 0
    for _ in range(5):
        try:
            read = _read(desk)
        except Unavailable:
            stopped += 1
        else:
            assert "customer" in read["1"].unknown
    assert stopped == 2


def test_a_list_of_companies_that_always_fails_stops_the_feed_no_longer(opened: Callable[..., FreshdeskDesk]) -> None:
    """Names are looked up by number then, until the list can be read again."""
    desk = opened()
    desk.emulator.helpdesk.set_faults("500:on=/companies")
    stopped = 0
    for _ in range(5):
        try:
            read = _read(desk)
        except Unavailable:
            stopped += 1
        else:
            assert read["1"].customer == "Empresa 0"
    assert stopped == 2
