"""The feed over a moving list: nothing missing, nothing stale, few requests, always an end."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.model import Rejected
from connector.errors import Unavailable
from connector.helpdesks.freshdesk_feed import Cursor, FeedPage, FeedRow, read_feed
from tests.unit.helpdesks.listing import START, Listing, Mirror


def spread(count: int, per_second: int) -> Listing:
    """So many old rows, so many of them a second."""
    return Listing({n + 1: START - timedelta(days=100) + timedelta(seconds=n // per_second) for n in range(count)})


def writing(rate: float, chooser: random.Random, count: int) -> object:
    """Writers that change so many rows a second while the feed is read."""
    owed = [0.0]

    def write(listing: Listing) -> None:
        owed[0] += rate * listing.seconds
        while owed[0] >= 1:
            listing.change(chooser.randint(1, count))
            owed[0] -= 1

    return write


@pytest.mark.parametrize("per_second", [1, 5, 10, 20, 99, 100, 101, 250, 1000, 17_500])
def test_35000_tickets_under_writing_cost_few_requests_and_lose_nothing(per_second: int) -> None:
    """However many rows share a second."""
    listing, mirror = spread(35_000, per_second), Mirror()
    listing.seconds = 0.5
    listing.meanwhile = writing(5, random.Random(per_second), 35_000)  # type: ignore[assignment]
    for batch in read_feed(listing.fetch, None):
        assert batch.complete
        mirror.take(batch)
    listing.meanwhile = lambda _: None
    for batch in read_feed(listing.fetch, mirror.cursor):
        mirror.take(batch)
    assert mirror.rows == listing.state
    assert len(listing.requests) <= 1.05 * (35_000 + listing.changes) / 100 + 20
    assert max(page for _, page in listing.requests) <= 300
    listing.now += timedelta(seconds=60)
    before, delivered = len(listing.requests), mirror.delivered
    for batch in read_feed(listing.fetch, mirror.cursor):
        mirror.take(batch)
    assert (len(listing.requests) - before, mirror.delivered - delivered) == (1, 0)


@settings(max_examples=60, deadline=None)
@given(
    chooser=st.randoms(use_true_random=False),
    count=st.integers(0, 900),
    per_second=st.sampled_from([1, 3, 40, 100, 400, 900]),
    age=st.sampled_from([0, 4, 3600]),
    rate=st.sampled_from([0.0, 2.0, 30.0]),
)
def test_whatever_happens_and_wherever_it_stops_the_mirror_ends_equal(
    chooser: random.Random, count: int, per_second: int, age: int, rate: float
) -> None:
    """Reading is broken off at random and resumed, minutes or days later, while rows change, appear and vanish."""
    start = START - timedelta(seconds=age)
    listing = Listing({n + 1: start - timedelta(seconds=n // per_second) for n in range(count)})
    mirror = Mirror()

    def write(now: Listing) -> None:
        for _ in range(int(rate * now.seconds + chooser.random())):
            now.change(chooser.randint(1, count + 20))
            if len(now.state) > 5 and chooser.random() < 0.05:
                now.delete(chooser.choice(list(now.state)))

    listing.meanwhile = write
    for _ in range(6):
        stop_after = chooser.choice([1, 2, 5, 10_000])
        for taken, batch in enumerate(read_feed(listing.fetch, mirror.cursor), 1):
            assert batch.complete
            mirror.take(batch)
            if taken == stop_after:
                break
        listing.now += timedelta(seconds=chooser.choice([0.0, 0.4, 3.0, 90.0, 86400.0]))
    listing.meanwhile = lambda _: None
    for _ in range(2):
        for batch in read_feed(listing.fetch, mirror.cursor):
            mirror.take(batch)
    assert {n: row for n, row in mirror.rows.items() if n in listing.state} == listing.state


def test_writers_faster_than_the_reader_do_not_keep_it_for_ever() -> None:
    """A call ends even where the list grows faster than it is read; the next one goes on."""
    listing = spread(500, 1)
    listing.meanwhile = writing(2000, random.Random(1), 100_000)  # type: ignore[assignment]
    batches = sum(1 for _ in read_feed(listing.fetch, None))
    assert batches < 600


def test_more_rows_in_one_second_than_300_pages_are_told_to_be_incomplete() -> None:
    """What can't be asked for is not passed over in silence, and the feed goes on behind it."""
    listing = Listing({n: START - timedelta(days=1) for n in range(1, 30_101)})
    listing.change(40_000)
    mirror, complete = Mirror(), []
    for batch in read_feed(listing.fetch, None):
        complete.append(batch.complete)
        mirror.take(batch)
    assert complete.count(False) == 1
    assert 40_000 in mirror.rows
    assert len(mirror.rows) >= 30_000


def test_rolling_yields_the_oldest_change_first() -> None:
    """Across batches and within them."""
    stamps = [t.updated_at for batch in read_feed(spread(1000, 2).fetch, None) for t in batch.tickets]
    assert stamps == sorted(stamps)
    assert len(stamps) == 1000


def test_a_row_that_is_no_ticket_is_rejected_once_and_its_neighbours_come() -> None:
    """Also where it is the last of its page, and with a stamp or without."""
    listing = spread(250, 1)

    def fetch(since: object, page: int) -> FeedPage:
        shown = listing.fetch(since, page)  # type: ignore[arg-type]
        return FeedPage(tuple(_spoilt(row) for row in shown.rows), shown.at)

    def _spoilt(row: FeedRow) -> FeedRow:
        if row.id not in {"100", "150"}:
            return row
        stamp = row.stamp if row.id == "100" else None
        return FeedRow(f"?{row.id}", stamp, Rejected("row", row.id, "unreadable"), row.digest)

    batches = list(read_feed(fetch, None))
    assert sorted(r.ticket or "" for b in batches for r in b.rejected) == ["100", "150"]
    assert sum(len(b.tickets) for b in batches) == 248
    assert not any(b.rejected or b.tickets for b in read_feed(fetch, batches[-1].cursor))


def test_a_full_page_without_one_readable_stamp_ends_incomplete() -> None:
    """No guess where to go on."""
    rows = tuple(FeedRow(f"?{n}", None, Rejected("row", None, "unreadable"), str(n)) for n in range(100))
    batches = list(read_feed(lambda *_: FeedPage(rows, START), None))
    assert [batch.complete for batch in batches] == [False]
    assert len(batches[0].rejected) == 100


def test_a_list_that_ignores_updated_since_is_an_error_not_an_endless_loop() -> None:
    """Some servers that call themselves compatible do."""
    listing = spread(5000, 1)
    with pytest.raises(Unavailable, match="updated_since"):
        list(read_feed(lambda _, page: listing.fetch(START - timedelta(days=400), page), None))


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "null", '{"v":1}', '{"since":"x","seen":{}}', '{"since":1}'])
def test_an_unreadable_cursor_starts_from_the_beginning(text: str) -> None:
    """Late, never lossy."""
    mirror = Mirror()
    listing = spread(120, 1)
    for batch in read_feed(listing.fetch, text):
        mirror.take(batch)
    assert mirror.rows == listing.state


@given(
    since=st.datetimes().map(lambda d: d.replace(microsecond=0, tzinfo=START.tzinfo)).filter(lambda d: d.year > 1000),
    page=st.integers(0, 300),
    ended=st.booleans(),
    seen=st.dictionaries(st.text(min_size=1), st.text()),
)
def test_cursors_survive_storage(since: object, page: int, ended: bool, seen: dict[str, str]) -> None:
    """Text and back."""
    cursor = Cursor(since, tuple(seen.items()), page, since if page else None, ended and bool(page))  # type: ignore[arg-type]
    assert Cursor.of(cursor.text()) == cursor


def test_a_list_whose_pages_are_all_the_first_one_is_refused() -> None:
    """Taken at its word it would hide the other rows for good; read again when it is right, none is missing."""
    listing = Listing({number: START - timedelta(days=1) for number in range(1, 351)})
    mirror = Mirror()

    def stuck(since: datetime, page: int) -> FeedPage:
        return listing.fetch(since, 1)

    with pytest.raises(Unavailable, match="another page again"):
        mirror.take(*read_feed(stuck, mirror.cursor))
    for batch in read_feed(listing.fetch, mirror.cursor):
        mirror.take(batch)
    assert set(mirror.rows) == set(range(1, 351))
