"""Names of the account's companies: ticket lists carry a company's number only, rules and registers want its name.

Learnt as a list once a day where the list is short, else number by number as tickets name them; both are kept. A name
that can't be had leaves the ticket's customer unknown, never empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import structlog

from connector.errors import Refused, Unavailable
from connector.http.client import HttpClient

#: The list is read again after this time; a name looked up by its number is asked for again after the second.
LIST_AGE = timedelta(hours=24)
SINGLE_AGE = timedelta(days=7)
#: Pages of the list that are read at most: beyond them companies are looked up as tickets name them.
MOST_PAGES = 20
#: Names looked up singly before a poll ends early, and kept at most.
MOST_LOOKUPS = 100
MOST_KEPT = 20_000
_PAGE_SIZE = 100
_MOST_FAILURES = 3
_GONE = ""
_log = structlog.get_logger("connector.freshdesk")


class Companies:
    """Numbers of companies to names. `pages`: all rows of a list of the API, page by page as they are taken."""

    def __init__(self, client: HttpClient, pages: Callable[[str], Iterator[Any]]) -> None:
        self._client = client
        self._pages = pages
        self._listed: dict[str, str] = {}
        self._listed_at: datetime | None = None
        self._single: dict[str, tuple[str, datetime]] = {}
        self._failed: dict[str, int] = {}
        self._looked_up = 0
        self._list_failed = 0
        self.barred = False

    def name(self, number: str) -> str | None:
        """The company's name as it was learnt; None where it is not known."""
        found = self._listed.get(number)
        if found is None and number in self._single:
            found = self._single[number][0]
        return found or None

    def refresh(self, now: datetime) -> None:
        """Read the list where it has aged. Where the key may not have it, that is said once and tried again at the
        next call; where it stays unreadable, names are looked up singly. Raises AccountBlocked, Unavailable."""
        if not self.barred and self._listed_at is not None and abs(now - self._listed_at) < LIST_AGE:
            return
        try:
            rows = list(islice(self._pages("/companies"), MOST_PAGES * _PAGE_SIZE))
        except Refused as refused:
            if refused.status not in {403, 404}:
                raise
            if not self.barred:
                _log.warning("the key may not list companies: customers stay unknown", status=refused.status)
            self.barred = True
            return
        except Unavailable:
            # Neither may a list that stays unreadable stop the feed for ever.
            self._list_failed += 1
            if self._list_failed < _MOST_FAILURES:
                raise
            _log.warning("companies can't be listed: they are looked up by number", times=self._list_failed)
            return
        self.barred, self._list_failed = False, 0
        self._listed = dict(_named(rows))
        self._listed_at = now

    def look_up(self, numbers: Iterable[str], now: datetime) -> None:
        """Learn the names of these that are not known yet, one call each. Raises AccountBlocked, Unavailable."""
        if self.barred:
            return
        for number in dict.fromkeys(numbers):
            single = self._single.get(number)
            if number not in self._listed and (single is None or abs(now - single[1]) >= SINGLE_AGE):
                self._looked_up += 1
                self._keep(number, self._asked(number), now)

    def begin(self) -> None:
        """A poll begins: it may look up its share of names."""
        self._looked_up = 0

    def spent(self) -> bool:
        """Whether this poll has looked up its share."""
        return self._looked_up >= MOST_LOOKUPS

    def _asked(self, number: str) -> str:
        try:
            row = self._client.get(f"/companies/{number}", kind="other", optional=True).body
        except Refused as refused:
            if refused.status not in {403, 404, 410}:
                raise
            return _GONE
        except Unavailable:
            # One company that can't be read must not stop the feed for ever; an outage does, and is met elsewhere too.
            self._failed[number] = self._failed.get(number, 0) + 1
            if self._failed[number] < _MOST_FAILURES:
                raise
            _log.warning("a company can't be read: its tickets' customer stays unknown", company=number)
            return _GONE
        return dict(_named([row])).get(number, _GONE)

    def _keep(self, number: str, name: str, now: datetime) -> None:
        self._failed.pop(number, None)
        self._single.pop(number, None)
        self._single[number] = (name, now)
        while len(self._single) > MOST_KEPT:
            del self._single[next(iter(self._single))]

    # --- kept for the next process ------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any] | None:
        """JSON-ready form, for a store; None before anything was learnt."""
        if self._listed_at is None:
            return None
        return {
            "listed": dict(self._listed),
            "listed_at": self._listed_at.isoformat(),
            "single": {number: [name, at.isoformat()] for number, (name, at) in self._single.items()},
        }

    def load(self, stored: Any) -> None:
        """Take over what `to_json` gave; nothing of anything else."""
        try:
            listed = {str(number): str(name) for number, name in stored["listed"].items()}
            listed_at = datetime.fromisoformat(stored["listed_at"])
            single = {str(n): (str(name), datetime.fromisoformat(at)) for n, (name, at) in stored["single"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            return
        if any(at.tzinfo is None for at in (listed_at, *(at for _, at in single.values()))):
            return
        self._listed, self._listed_at, self._single = listed, listed_at, single


def numbers_of(rows: Iterable[Any]) -> Iterator[str]:
    """The companies that rows of a ticket list name."""
    for row in rows:
        number = row.get("company_id") if isinstance(row, Mapping) else None
        if isinstance(number, int) and not isinstance(number, bool) and number > 0:
            yield str(number)


def _named(rows: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for row in rows:
        if isinstance(row, Mapping) and row.get("id") is not None and isinstance(row.get("name"), str):
            yield str(row["id"]), row["name"].strip()
