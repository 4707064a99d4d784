"""Freshdesk and everything that speaks its API v2: the reader, and how an account is opened.

The feed is the list by `updated_since`, never the search (which lags, ends after 300 rows and knows only days). What
is read before a write is read one ticket at a time. See docs/freshdesk.md for what is relied on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from connector.core.fieldmap import FieldMap
from connector.core.model import Ticket
from connector.errors import Refused, Unavailable
from connector.helpdesks.base import Batch, Connection, Directory, Note, Rating
from connector.helpdesks.freshdesk_companies import Companies, numbers_of
from connector.helpdesks.freshdesk_feed import (
    EPOCH,
    LAST_PAGE,
    PAGE_SIZE,
    FeedPage,
    FeedRow,
    digest_of,
    read_feed,
)
from connector.helpdesks.freshdesk_names import Names, Vocabulary, learn
from connector.helpdesks.freshdesk_ratings import read_ratings
from connector.helpdesks.freshdesk_shapes import read_note, read_row
from connector.helpdesks.freshdesk_writer import FreshdeskWriter
from connector.http.budget import Budget, Learnt
from connector.http.client import HttpClient, HttpOptions

__all__ = ["FreshdeskReader", "FreshdeskWriter", "open_freshdesk"]

_SCOPES = {1: "global", 2: "group", 3: "restricted"}
_MOST_PAGES = 1000  # of agents, groups or conversations: an end for a list that has none
_log = structlog.get_logger("connector.freshdesk")


def open_freshdesk(
    name: str,
    url: str,
    key: str,
    field_map: FieldMap,
    *,
    include: Sequence[str] = ("stats", "description"),
    overlap: timedelta = timedelta(seconds=5),
    directory_ttl: timedelta = timedelta(hours=1),
    companies: bool = False,
    budget: Budget | None = None,
    options: HttpOptions | None = None,
    sleep: Callable[[float], None] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    stop: threading.Event | None = None,
) -> tuple[FreshdeskReader, FreshdeskWriter]:
    """Reader and writer of one account over one client; nothing is called yet.

    `include`: what list rows carry besides the bare ticket (`stats`, `description`, `requester`; each costs 2 credits
    a page). `overlap`: how far the feed goes back at each poll. `companies`: learn companies' names, so that tickets
    tell their customer. `budget`: shared by all clients of one account.
    Raises ConfigurationError for a bad address or key.
    """
    client = HttpClient(url, key, budget=budget, options=options, sleep=sleep, monotonic=monotonic, stop=stop)
    reader = FreshdeskReader(
        name, client, field_map, include=include, overlap=overlap, directory_ttl=directory_ttl, companies=companies
    )
    return reader, FreshdeskWriter(client, reader.vocabulary, reader.known_vocabulary)


class FreshdeskReader:
    """Reads one account; never writes. Threads may share it."""

    def __init__(
        self,
        name: str,
        client: HttpClient,
        field_map: FieldMap,
        *,
        include: Sequence[str] = ("stats", "description"),
        overlap: timedelta = timedelta(seconds=5),
        directory_ttl: timedelta = timedelta(hours=1),
        companies: bool = False,
    ) -> None:
        self.name = name
        self._client = client
        self._field_map = field_map
        self._include = tuple(include)
        self._overlap = overlap
        self._ttl = directory_ttl
        self._lock = threading.Lock()
        self._words: Vocabulary | None = None
        self._fetched_at: datetime | None = None
        self._sight: str | None = None
        self._looked = False
        self._companies = Companies(client, self._optional_pages) if companies else None

    def connect(self) -> Connection:
        """Check the key by `GET /agents/me`, the one agents' endpoint open to every agent, and learn all names.

        Raises AccountBlocked, Unavailable.
        """
        me = self._client.get("/agents/me", kind="other").body
        if not isinstance(me, dict) or me.get("id") is None:
            msg = f"{self._client!r}: GET /agents/me told no agent; is `url` the helpdesk's own address?"
            raise Unavailable(msg)
        self._sight, self._looked = _sight_of(me), True
        contact = me.get("contact")
        given = me.get("ticket_scope")
        scope = _SCOPES.get(given if isinstance(given, int) else 1, "restricted")
        warnings = []
        if scope != "global":
            warnings.append(f"the key's agent has {scope} scope: tickets outside it are not seen, and nobody says so")
        words = self.vocabulary()
        if not words.names.listed:
            warnings.append(
                "the key may not list agents or groups: names are taken from the ticket form, e-mails unknown"
            )
        if self._companies is not None and self._companies.barred:
            warnings.append(
                "the key may not list companies: customers stay unknown, and rules that ask for them silent"
            )
        warnings.extend(words.warnings())
        name = contact.get("name") if isinstance(contact, dict) else None
        return Connection(str(me["id"]), str(name or me["id"]), scope, tuple(warnings))

    # --- names ------------------------------------------------------------------------------------------------------
    def directory(self) -> Directory:
        """Agents, groups, products, statuses; cached for `directory_ttl`. Raises AccountBlocked, Unavailable."""
        return self.vocabulary().directory

    def vocabulary(self) -> Vocabulary:
        """The account's names with the pack's field map, learnt anew when they have aged."""
        with self._lock:
            fresh = self._fetched_at is not None and abs(self._now() - self._fetched_at) < self._ttl
            if self._words is None or not fresh:
                self._words = self._vocabulary_of(self._learn_names())
                self._fetched_at = self._now()
            return self._words

    def known_vocabulary(self) -> Vocabulary | None:
        """The names learnt so far, without calling anything."""
        return self._words

    def directory_cache(self) -> dict[str, Any] | None:
        """The learnt names, JSON-ready, for a store; None before they were learnt. `fetched_at` is ISO 8601."""
        if self._words is None or self._fetched_at is None:
            return None
        kept = {"names": self._words.names.to_json(), "fetched_at": self._fetched_at.isoformat(), "sight": self._sight}
        firms = None if self._companies is None else self._companies.to_json()
        return kept if firms is None else {**kept, "companies": firms}

    def load_directory_cache(self, cached: Any, fetched_at: datetime | None = None) -> bool:
        """Take over what `directory_cache` gave; False, and nothing is taken over, for anything else."""
        try:
            names, at = Names.of_json(cached["names"]), fetched_at or datetime.fromisoformat(cached["fetched_at"])
        except (KeyError, TypeError, ValueError):
            return False
        if names is None or at.tzinfo is None:
            return False
        with self._lock:
            self._words, self._fetched_at = self._vocabulary_of(names), at
            self._sight = cached.get("sight") if isinstance(cached.get("sight"), str) else None
            if self._companies is not None:
                self._companies.load(cached.get("companies"))
        return True

    def sight(self) -> str | None:
        """What is seen of the account, as of the last time names were learnt: the key's scope and groups, and what is
        asked for; None where nothing told the scope. Where it changes, tickets read before know less or more."""
        if self._sight is None:
            return None
        more = ["who asks"] if "requester" in self._include else []
        more += ["companies"] if self._companies is not None and not self._companies.barred else []
        return ", ".join([self._sight, *more])

    def _vocabulary_of(self, names: Names) -> Vocabulary:
        return Vocabulary(names, self._field_map, None if self._companies is None else self._companies.name)

    def _learn_names(self) -> Names:
        if not self._looked:
            try:
                self._sight = _sight_of(self._client.get("/agents/me", kind="other", optional=True).body)
            except Refused:
                self._sight = None
        self._looked = False
        if self._companies is not None:
            self._companies.refresh(self._now())
        fields = self._client.get("/ticket_fields", kind="other").body
        return learn(fields, self._listed("/agents"), self._listed("/groups"))

    def _listed(self, path: str) -> list[Any] | None:
        """All pages of an administrator's list; None where the key may not have it."""
        try:
            return list(self._optional_pages(path))
        except Refused as refused:
            if refused.status not in {403, 404}:
                raise
            return None

    def _optional_pages(self, path: str) -> Iterator[Any]:
        return self._pages(path, kind="other", optional=True)

    def _pages(self, path: str, *, kind: str, optional: bool = False) -> Iterator[Any]:
        before: list[Any] = []
        for page in range(1, _MOST_PAGES + 1):
            params = {"per_page": PAGE_SIZE, "page": page}
            rows = _as_list(self._client.get(path, params, kind=kind, optional=optional).body, path)
            if rows and rows == before:
                msg = f"GET {path}: page {page} is page {page - 1} again; the list is not read"
                raise Unavailable(msg)
            before = rows
            yield from rows
            if len(rows) < PAGE_SIZE:
                return

    # --- tickets ----------------------------------------------------------------------------------------------------
    def api_budget(self) -> Learnt:
        """What is known of the account's API quota, without calling anything."""
        return self._client.budget.learnt()

    def server_time(self) -> datetime | None:
        """The helpdesk's clock (UTC), from the `Date` header of its last answer."""
        return self._client.server_time

    def changed(self, cursor: str | None) -> Iterator[Batch]:
        """Everything changed since the cursor (None: everything since 1970), in batches of at most 100.

        An idle call is one request. A call that had to look up many companies ends early, incomplete; the next one
        goes on. Raises AccountBlocked, Unavailable; what was yielded before stays good.
        """
        words, firms = self.vocabulary(), self._companies
        if firms is not None:
            firms.begin()
        for batch in read_feed(lambda since, page: self._page(since, page, words), cursor, overlap=self._overlap):
            if firms is not None and firms.spent():
                _log.info("companies' names are still being learnt: the next cycle reads on", account=self.name)
                yield replace(batch, complete=False)
                return
            yield batch

    def vanished(self, since: datetime | None = None) -> Iterator[Ticket]:
        """Deleted and spam tickets updated since then: they leave the feed without a word."""
        words = self.vocabulary()
        for hidden in ("deleted", "spam"):
            met: set[str] = set()
            for batch in read_feed(
                lambda at, page, hidden=hidden: self._page(max(at, since or EPOCH), page, words, hidden),  # type: ignore[misc]
                None,
            ):
                for ticket in batch.tickets:
                    if ticket.gone is not None and ticket.id not in met:
                        met.add(ticket.id)
                        yield ticket

    def _page(self, since: datetime, page: int, words: Vocabulary, hidden: str | None = None) -> FeedPage:
        if page > LAST_PAGE:
            msg = f"page {page} of the ticket list was asked for; it ends with page {LAST_PAGE}"
            raise Unavailable(msg)
        params: dict[str, str | int] = {
            "updated_since": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "order_by": "updated_at",
            "order_type": "asc",
            "per_page": PAGE_SIZE,
            "page": page,
        }
        if hidden is not None:
            params["filter"] = hidden
        elif self._include:
            params["include"] = ",".join(self._include)
        cost = 1.0 + (2.0 * len(self._include) if hidden is None else 0.0)
        answer = self._client.get("/tickets", params, kind="list", cost=cost)
        rows = _as_list(answer.body, "/tickets")
        if self._companies is not None and hidden is None:
            self._companies.look_up(numbers_of(rows), self._now())
        return FeedPage(
            tuple(_feed_row(row, words, f"page {page} row {n}") for n, row in enumerate(rows, 1)), answer.at
        )

    def ticket(self, ticket_id: str) -> Ticket:
        """The ticket as it is this moment; `gone="missing"` where it does not exist, was merged away, or is hidden
        from this key (404 or 403 of this one ticket)."""
        place = f"/api/v2/tickets/{ticket_id}"
        if not (ticket_id.isascii() and ticket_id.isdigit()):
            return Ticket(id=ticket_id, gone="missing", place=place)
        words = self.vocabulary()
        include = ["stats", *(word for word in self._include if word in {"requester", "company"})]
        params = {"include": ",".join(include)}
        try:
            row = self._client.get(f"/tickets/{ticket_id}", params, cost=1.0 + len(include)).body
        except Refused as refused:
            if refused.status not in {403, 404, 405, 410}:
                raise
            return Ticket(id=ticket_id, gone="missing", place=place)
        if self._companies is not None:
            self._companies.look_up(numbers_of([row]), self._now())
        read = read_row(row, words, place)
        if not isinstance(read, Ticket):
            msg = f"ticket {ticket_id}: {read.problem}"
            raise Unavailable(msg)
        if read.id != ticket_id:
            msg = f"ticket {ticket_id}: the helpdesk answered with ticket {read.id}"
            raise Unavailable(msg)
        return read

    def notes(self, ticket_id: str) -> Sequence[Note]:
        """All notes and replies, oldest first; none where the ticket is gone."""
        if not (ticket_id.isascii() and ticket_id.isdigit()):
            return ()
        try:
            rows = list(self._pages(f"/tickets/{ticket_id}/conversations", kind="other"))
        except Refused as refused:
            if refused.status not in {403, 404}:
                raise
            return ()
        try:
            notes = [read_note(row) for row in rows]
        except ValueError as problem:
            msg = f"ticket {ticket_id}: a conversation can't be read ({problem})"
            raise Unavailable(msg) from None
        return sorted(notes, key=lambda note: note.created_at or EPOCH)

    def ratings(self, since: datetime) -> Iterator[Rating]:
        """See `Rater.ratings`."""
        return read_ratings(self._client, since)

    def close(self) -> None:
        """Close the connections (the writer's too)."""
        self._client.close()

    def _now(self) -> datetime:
        return self._client.server_time or datetime.now(UTC)


def _sight_of(me: Any) -> str | None:
    if not isinstance(me, dict) or not isinstance(me.get("ticket_scope"), int):
        return None
    scope, groups = _SCOPES.get(me["ticket_scope"], "restricted"), me.get("group_ids")
    if scope != "group":
        return scope
    return f"{scope} {' '.join(sorted(str(one) for one in groups))}" if isinstance(groups, list) else scope


def _as_list(body: Any, path: str) -> list[Any]:
    if not isinstance(body, list):
        msg = f"GET {path}: a list was expected, {type(body).__name__} came"
        raise Unavailable(msg)
    return body


def _feed_row(row: Any, words: Vocabulary, place: str) -> FeedRow:
    number = row.get("id") if isinstance(row, dict) else None
    where = f"/api/v2/tickets/{number}" if isinstance(number, int) else f"/api/v2/tickets {place}"
    item = read_row(row, words, where)
    digest = digest_of(row)
    stamp = item.updated_at if isinstance(item, Ticket) else _stamp_of(row)
    return FeedRow(item.id if isinstance(item, Ticket) else f"?{digest}", stamp, item, digest)


def _stamp_of(row: Any) -> datetime | None:
    """The stamp of a row that is no ticket, so that even it keeps its place in the feed."""
    try:
        stamp = datetime.fromisoformat(row["updated_at"])
    except (KeyError, TypeError, ValueError):
        return None
    return stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)
