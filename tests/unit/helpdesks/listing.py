"""A ticket list as the API shows it, in memory: sorted by (updated_at, id), 100 rows a page, 300 pages."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from connector.core.model import Ticket
from connector.helpdesks.base import Batch
from connector.helpdesks.freshdesk_feed import LAST_PAGE, PAGE_SIZE, FeedPage, FeedRow

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Listing:
    """Rows id -> (stamp, version); every request takes `seconds` and lets `meanwhile` write first."""

    def __init__(self, rows: dict[int, datetime], *, now: datetime = START, seconds: float = 0.3) -> None:
        self.state: dict[int, tuple[datetime, int]] = {}
        self.index: list[tuple[datetime, int]] = []
        self.now = now
        self.seconds = seconds
        self.requests: list[tuple[datetime, int]] = []
        self.changes = 0
        self.meanwhile: Callable[[Listing], None] = lambda _: None
        for number, stamp in rows.items():
            self.state[number] = (stamp, 0)
            self.index.append((stamp, number))
        self.index.sort()

    def change(self, number: int) -> None:
        """Somebody changes this ticket now (or a new one appears)."""
        old = self.state.get(number)
        if old is not None:
            del self.index[bisect_left(self.index, (old[0], number))]
        stamp = self.now.replace(microsecond=0)
        self.state[number] = (stamp, 0 if old is None else old[1] + 1)
        insort(self.index, (stamp, number))
        self.changes += 1

    def delete(self, number: int) -> None:
        """The ticket leaves the list."""
        stamp, _ = self.state.pop(number)
        del self.index[bisect_left(self.index, (stamp, number))]

    def fetch(self, since: datetime, page: int) -> FeedPage:
        """One request."""
        assert 1 <= page <= LAST_PAGE
        self.requests.append((since, page))
        self.now += timedelta(seconds=self.seconds)
        self.meanwhile(self)
        first = bisect_left(self.index, (since, -1)) + (page - 1) * PAGE_SIZE
        rows = tuple(self.row(number) for _, number in self.index[first : first + PAGE_SIZE])
        return FeedPage(rows, self.now.replace(microsecond=0))

    def row(self, number: int) -> FeedRow:
        """The row as shown now; `subject` is its version."""
        stamp, version = self.state[number]
        ticket = Ticket(id=str(number), subject=str(version), updated_at=stamp)
        return FeedRow(str(number), stamp, ticket, f"{stamp.timestamp():.0f}/{version}")


class Mirror:
    """What a consumer of the batches would hold."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[datetime | None, int]] = {}
        self.delivered = 0
        self.cursor: str | None = None

    def take(self, batch: Batch) -> None:
        """Store one batch and its cursor, as one transaction would."""
        for ticket in batch.tickets:
            self.rows[int(ticket.id)] = (ticket.updated_at, int(ticket.subject or 0))
            self.delivered += 1
        self.cursor = batch.cursor
