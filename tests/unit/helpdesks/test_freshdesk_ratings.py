"""Freshdesk's satisfaction ratings over a real socket: both surveys, pages, what can't be read, accounts without."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connector.errors import AccountBlocked, Refused, Unavailable
from connector.helpdesks.base import Rater
from connector.helpdesks.freshdesk_ratings import word_of
from tests.contract.freshdesk_desk import FreshdeskDesk, seed, ticket
from tests.contract.helpdesk_contract import NOW

SINCE = NOW - timedelta(days=1)


@pytest.fixture
def desk() -> Iterator[FreshdeskDesk]:
    """An account with three tickets."""
    made = FreshdeskDesk(seed([ticket(1), ticket(2), ticket(3)]))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("score", "word"),
    [(103, "happy"), (102, "happy"), (101, "happy"), (100, "neutral"), (-101, "unhappy"), (-102, "unhappy"),
     (-103, "unhappy"), (1, "happy"), (2, "neutral"), (3, "unhappy"), (0, None), (-100, None), (104, None), (4, None)],
)  # fmt: skip
def test_the_words_of_the_scores(score: int, word: str | None) -> None:
    """The newer scale and the classic one; any other number is no score."""
    assert word_of(score) == word


def test_ratings_come_oldest_first_from_since_on(desk: FreshdeskDesk) -> None:
    """Ticket, score, word and instant; nothing else is asked for."""
    assert isinstance(desk.reader, Rater)
    for number, score in ((2, -103), (1, 103), (3, 2)):
        desk.advance(3600)
        _rate(desk, number, score)
    found = list(desk.reader.ratings(SINCE))
    assert [(one.ticket, one.score, one.word) for one in found] == [
        ("2", -103, "unhappy"), ("1", 103, "happy"), ("3", 2, "neutral"),
    ]  # fmt: skip
    assert [one.at - NOW for one in found] == [timedelta(hours=1), timedelta(hours=2), timedelta(hours=3)]
    assert [one.ticket for one in desk.reader.ratings(found[1].at)] == ["1", "3"]
    assert {request["method"] for request in desk.requests("GET", "/surveys")} == {"GET"}


def test_more_than_a_page_is_read_whole(desk: FreshdeskDesk) -> None:
    """A hundred a page."""
    for _ in range(230):
        _rate(desk, 1, 103)
    assert len(list(desk.reader.ratings(SINCE))) == 230


def test_a_rating_that_can_not_be_read_is_left_out(desk: FreshdeskDesk) -> None:
    """Its neighbours stay."""
    _rate(desk, 1, 103)
    _rate(desk, 2, 103)
    desk.emulator.world.tickets[1].ratings[0]["ratings"] = {"default_question": "great"}
    assert [one.ticket for one in desk.reader.ratings(SINCE)] == ["2"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("403:on=/surveys/*", Refused),
        ("404:on=/surveys/*", Refused),
        ("503:on=/surveys/*", Unavailable),
        ("401:on=/surveys/*", AccountBlocked),
    ],
)
def test_what_stops_the_reading_says_so(desk: FreshdeskDesk, fault: str, error: type[Exception]) -> None:
    """A plan without surveys refuses; that is not a block of the account."""
    desk.emulator.helpdesk.set_faults(fault)
    with pytest.raises(error):
        list(desk.reader.ratings(SINCE))


def _rate(desk: FreshdeskDesk, number: int, score: int) -> None:
    world = desk.emulator.world
    with world.lock:
        desk.emulator.helpdesk.desk.rate(world.tickets[number], score, "words that are never read")
