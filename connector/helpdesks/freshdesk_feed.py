"""The feed of changed tickets out of a list that shows 100 rows a page, 300 pages, while others keep writing.

The list is asked for `updated_at >= since`, ascending. Two ways of going on, both losing nothing:

* Rolling: the next page is page 1 again, with `since` = the last row's stamp. Whatever shares that second is read
  again and recognised. Immune to rows moving, to unstable order within a second and to the 300-page end; costs the
  rows of one second a page.
* A window read backwards, where too many rows share a second for rolling to be cheap (or to advance at all): find the
  window's last page, then read from there down to page 1. A row that changes moves to the far end and the rows
  behind it move up by one, to pages not read yet; so a row may be met twice but never missed, and what moved to the
  end is met by rolling on from there. The same holds when reading is resumed days later.

A row counts as known only if its whole content was seen, since two changes may share a second. The cursor goes back a
few seconds at the end, for rows whose transaction became visible late.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.core.model import Rejected, Ticket
from connector.errors import Unavailable
from connector.helpdesks.base import Batch

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAGE_SIZE = 100
LAST_PAGE = 300
_CHEAP_TAIL = 50  # rows of the overlap that may be read again at every poll: an idle poll stays one request
_LONGEST_SEEN = 400
_WASTE = 60  # rows read twice by rolling, beyond 2 %, before a window is read backwards instead
_PAGES_BEYOND = 100  # pages changed after the call began that are still read by it
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One row of the list: its ticket or why it is none, its stamp where it has one, and a digest of its content."""

    id: str
    stamp: datetime | None
    item: Ticket | Rejected
    digest: str


@dataclass(frozen=True, slots=True)
class FeedPage:
    """One page of the list and the server's clock (UTC) when it was answered, None where it tells none."""

    rows: tuple[FeedRow, ...]
    at: datetime | None

    @property
    def full(self) -> bool:
        """Whether there may be a next page."""
        return len(self.rows) >= PAGE_SIZE

    @property
    def last(self) -> datetime | None:
        """The stamp of the last row that has one."""
        return next((row.stamp for row in reversed(self.rows) if row.stamp is not None), None)


#: Asks the list for `updated_since` and a page from 1 to 300.
Fetch = Callable[[datetime, int], FeedPage]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to go on: rolling from `since`, or (page > 0) in a window from `since`, backwards from `page`, and from
    `resume` after it. `ended`: the window reached the end of the list. `seen`: id -> digest of rows at or after
    `since` delivered already.
    """

    since: datetime = EPOCH
    seen: tuple[tuple[str, str], ...] = ()
    page: int = 0
    resume: datetime | None = None
    ended: bool = False

    def text(self) -> str:
        """The cursor as the opaque text a store keeps."""
        stored: dict[str, Any] = {"v": 1, "since": _text(self.since), "seen": dict(self.seen)}
        if self.page and self.resume is not None:
            stored |= {"page": self.page, "resume": _text(self.resume), "ended": self.ended}
        return json.dumps(stored, separators=(",", ":"))

    @classmethod
    def of(cls, text: str | None) -> Cursor:
        """Read a stored cursor; None, or one that can't be read, starts from the beginning: late, never lossy."""
        if text is None:
            return cls()
        try:
            stored = json.loads(text)
            resume = stored.get("resume")
            return cls(
                since=datetime.fromisoformat(stored["since"]),
                seen=tuple((str(k), str(v)) for k, v in stored["seen"].items()),
                page=int(stored.get("page", 0)) if resume else 0,
                resume=datetime.fromisoformat(resume) if resume else None,
                ended=bool(stored.get("ended", False)),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()


def digest_of(row: Any) -> str:
    """A short digest of a row's whole content."""
    return hashlib.blake2b(json.dumps(row, sort_keys=True).encode(), digest_size=8).hexdigest()


def read_feed(fetch: Fetch, cursor: str | None, *, overlap: timedelta = timedelta(seconds=5)) -> Iterator[Batch]:
    """Everything changed since the cursor, in batches of at most a page; always ends, also under constant writing.

    Rolling yields the oldest change first; a window read backwards yields its pages from the newest to the oldest.
    Raises what `fetch` raises, and Unavailable where the list does not do what it was asked.
    """
    yield from _Feed(fetch, Cursor.of(cursor), overlap).run(cold=cursor is None)


class _Feed:
    def __init__(self, fetch: Fetch, cursor: Cursor, overlap: timedelta) -> None:
        self._fetch = fetch
        self._cursor = cursor
        self._overlap = overlap
        self._since = cursor.since
        self._known: dict[str, tuple[datetime, str]] = {key: (cursor.since, digest) for key, digest in cursor.seen}
        self._newest: datetime | None = None
        self._horizon: datetime | None = None
        self._fresh_floor: datetime | None = None
        self._deep = False
        self._asked = 0
        self._shown: tuple[datetime, int, list[str]] | None = None
        self._crossed: int | None = None

    def run(self, *, cold: bool) -> Iterator[Batch]:
        self._deep = cold
        if self._cursor.page and self._cursor.resume is not None:
            going = yield from self._backwards(
                self._cursor.page, self._cursor.resume, ended=self._cursor.ended, at=None
            )
            if not going:
                return
        read = wasted = 0
        while not self._long_beyond():
            page = self._ask(1)
            rows = self._unknown(page)
            read, wasted = read + len(page.rows), wasted + len(page.rows) - len(rows)
            if not page.full:
                self._learn(page)
                yield self._batch(rows, self._final(page.at))
                return
            last = page.last
            if last is None or last <= self._since or wasted > _WASTE + read // 50:
                if not (yield from self._window(page)):
                    return
                read = wasted = 0
                continue
            self._learn(page)
            self._since = last
            yield self._batch(rows, self._going_on(last))

    # --- a window read backwards ------------------------------------------------------------------------------------
    def _window(self, first: FeedPage) -> Generator[Batch, None, bool]:
        """Read everything from `since` on, down from its last page. Returns whether there is more to roll over."""
        number, page, ended = self._last_page(first)
        resume = page.last
        if resume is None:
            # A whole page without one readable stamp: no way to go on, and it must be said.
            yield self._batch(self._unknown(page), Cursor(self._since), complete=False)
            return False
        rows = self._unknown(page)
        self._learn(page)
        if number > 1:
            yield self._batch(rows, self._inside(number - 1, resume, ended=ended))
            rows = []
        return (yield from self._backwards(number - 1, resume, ended=ended, at=page.at, rows=rows))

    def _backwards(
        self, number: int, resume: datetime, *, ended: bool, at: datetime | None, rows: list[FeedRow] | None = None
    ) -> Generator[Batch, None, bool]:
        """Read the window from page `number` down to 1. `at`: the server's clock when its last page was first read,
        None where that is not known any more. `rows`: what is still to be delivered. Returns whether to roll on."""
        rows = rows or []
        for page_number in range(number, 0, -1):
            page = self._ask(page_number)
            rows = self._unknown(page)
            self._learn(page, keep_page=True)
            if page_number > 1:
                yield self._batch(rows, self._inside(page_number - 1, resume, ended=ended))
        settled = at is not None and at > resume + self._overlap
        stuck = resume <= self._since
        if stuck and not ended:
            # More rows share this second than 300 pages show: the rest can't be asked for.
            self._since = resume + _SECOND
            yield self._batch(rows, Cursor(self._since), complete=False)
            return True
        if stuck and not settled:
            yield self._batch(rows, self._final(at))
            return False
        # Where the window held the whole end of the list, all rows of its last second were in it.
        self._since = resume + _SECOND if ended and settled else resume
        yield self._batch(rows, self._going_on(self._since))
        return True

    def _last_page(self, first: FeedPage) -> tuple[int, FeedPage, bool]:
        """(number, content, whether the list ends with it) of the page to start from: the last one, or, where finding
        that one exactly would cost more than it saves, a full one a little before it."""
        low, low_page, high = 1, first, LAST_PAGE + 1
        while high - low > (1 if _one_second(low_page) else 1 + low // 20):
            number = (low + high) // 2 if high <= LAST_PAGE else LAST_PAGE if self._deep else min(low * 4, LAST_PAGE)
            page = self._ask(number)
            if page.full:
                low, low_page = number, page
            elif page.rows:
                return number, page, True
            else:
                high = number
        self._deep = low == LAST_PAGE
        if high > LAST_PAGE and _one_second(low_page) and low_page.last != self._since:
            low, low_page = self._start_of_second(low, low_page)
        return low, low_page, high == low + 1 and high <= LAST_PAGE

    def _start_of_second(self, high: int, high_page: FeedPage) -> tuple[int, FeedPage]:
        """The page on which the second that fills page `high` begins: a window ending there reads no page of that
        second twice. Not worth the search where the second is only a few pages long."""
        second, low = high_page.last, max(1, high - 8)
        found = self._ask(low)
        if found.last != second:
            return high, high_page
        high, high_page, low = low, found, 0
        while high - low > 1:
            middle = (low + high) // 2
            found = self._ask(middle)
            if found.last is None or found.last == second:
                high, high_page = middle, found
            else:
                low = middle
        return high, high_page

    def _inside(self, page: int, resume: datetime, *, ended: bool) -> Cursor:
        return Cursor(self._since, (), page, self._no_later_than_fresh(resume), ended)

    def _going_on(self, since: datetime) -> Cursor:
        since = self._no_later_than_fresh(since)
        return Cursor(since, self._seen_from(since))

    def _no_later_than_fresh(self, since: datetime) -> datetime:
        """Rows read within the second of their stamp may change again without a new stamp: read them once more."""
        return since if self._fresh_floor is None else min(since, self._fresh_floor)

    def _long_beyond(self) -> bool:
        """Whether so much was read of what changed after the call began that the rest is left to the next call:
        where many write faster than we read, there would be no end."""
        if self._horizon is not None and self._since > self._horizon and self._crossed is None:
            self._crossed = self._asked
        return self._crossed is not None and self._asked - self._crossed > _PAGES_BEYOND

    # --- what is known ------------------------------------------------------------------------------------------------
    def _ask(self, number: int) -> FeedPage:
        page = self._fetch(self._since, number)
        self._asked += 1
        if self._repeats(number, page):
            # A hundred rows may have moved on between the two; then the next answer is yet another page.
            page = self._fetch(self._since, number)
            if self._repeats(number, page):
                msg = f"page {number} of the ticket list is another page again; it can't be read whole"
                raise Unavailable(msg)
        self._shown = (self._since, number, [row.id for row in page.rows])
        if self._horizon is None:
            self._horizon = page.at
        if any(row.stamp is not None and row.stamp < self._since for row in page.rows):
            msg = f"the ticket list shows rows older than the updated_since={_text(self._since)} it was asked for"
            raise Unavailable(msg)
        return page

    def _repeats(self, number: int, page: FeedPage) -> bool:
        """Whether the page shows the very rows of the page of another number asked for before it."""
        if self._shown is None or page.last is None:
            return False
        since, other, ids = self._shown
        return since == self._since and other != number and ids == [row.id for row in page.rows]

    def _unknown(self, page: FeedPage) -> list[FeedRow]:
        """The rows not delivered yet in just this state, each once."""
        rows: dict[str, FeedRow] = {}
        for row in page.rows:
            known = self._known.get(row.id)
            if known is None or known[1] != row.digest:
                rows[row.id] = row
        return list(rows.values())

    def _learn(self, page: FeedPage, *, keep_page: bool = False) -> None:
        """Remember what was read as far back as it may be met again."""
        for row in page.rows:
            if row.stamp is not None:
                self._newest = row.stamp if self._newest is None else max(self._newest, row.stamp)
                fresh = page.at is None or row.stamp + self._overlap >= page.at
                if fresh and (self._fresh_floor is None or row.stamp < self._fresh_floor):
                    self._fresh_floor = row.stamp
        floor = (self._newest or self._since) - self._overlap
        read = {row.id: (row.stamp or self._since, row.digest) for row in page.rows}
        kept = {key: value for key, value in self._known.items() if value[0] >= floor}
        self._known = kept | {k: v for k, v in read.items() if keep_page or v[0] >= floor}

    def _seen_from(self, since: datetime) -> tuple[tuple[str, str], ...]:
        seen = tuple((key, digest) for key, (stamp, digest) in self._known.items() if stamp >= since)
        return seen if len(seen) <= _LONGEST_SEEN else ()

    def _final(self, at: datetime | None) -> Cursor:
        """The cursor at the end of the list: a few seconds back, unless so many rows lie there that the next poll
        would need a second request while the server's clock has passed them for good."""
        if self._newest is None:
            return Cursor(self._since, self._seen_from(self._since))
        since = self._newest - self._overlap
        if sum(stamp >= since for stamp, _ in self._known.values()) > _CHEAP_TAIL:
            passed = at is not None and at > self._newest + self._overlap
            since = self._newest + _SECOND if passed else self._newest
        return self._going_on(max(since, EPOCH))

    @staticmethod
    def _batch(rows: list[FeedRow], cursor: Cursor, *, complete: bool = True) -> Batch:
        items = [row.item for row in rows]
        return Batch(
            tuple(item for item in items if isinstance(item, Ticket)),
            tuple(item for item in items if isinstance(item, Rejected)),
            cursor.text(),
            complete,
        )


def _one_second(page: FeedPage) -> bool:
    """Whether all rows of the page share one stamp."""
    return bool(page.rows) and page.rows[0].stamp == page.last


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
