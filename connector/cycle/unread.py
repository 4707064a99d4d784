"""Records of the feed that could not be read: asked for again, so that a passing fault of the helpdesk loses no ticket.

The feed's cursor moves past a record it rejected, and a ticket under escalation may not change again before the
helpdesk closes it. The same holds for a ticket that was not to be found when it was to be written to, and for what a
key could not see before its agent was given more. So such a ticket is read by its number; where the record does not
even tell one, or too many can't be read, the feed goes back once to where that batch began; and where the key sees
other tickets than before, to its very beginning. Each is tried eight times, twice as long apart each time, within a
day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.apply.actions import Applied
from connector.apply.drift import parse, stamp
from connector.apply.journal import Journal
from connector.core.model import Outcome, Rejected, Ticket
from connector.cycle.account import Account
from connector.errors import Refused, Unavailable

#: Account fact: {"tickets": {id: [tries, next instant]}, "feed": [cursor, tries, next instant] | None}.
UNREAD = "unread"
#: Account fact: what the key may see, as the reader tells it.
SIGHT = "sight"
_TRIES = 8
_FIRST_PAUSE = timedelta(minutes=10)
_MOST_KEPT = 1000
_MOST_READ = 50  # tickets read singly by one cycle
_LONGEST_NUMBER = 18
_log = structlog.get_logger("escalera.cycle")


@dataclass(slots=True)
class Unread:
    """What is still to be read anew. `tickets`: number -> (tries so far, next one); `feed`: where to go back to."""

    tickets: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    feed: tuple[str, int, datetime] | None = None
    _was: Any = None
    _went_back: bool = False

    @classmethod
    def of(cls, account: Account) -> Unread:
        """As the account's state remembers it."""
        kept = account.store.fact(account.name, UNREAD) or {}
        tickets = {number: (int(tries), parse(at)) for number, (tries, at) in (kept.get("tickets") or {}).items()}
        feed = kept.get("feed")
        at = parse(feed[2]) if feed else None
        return cls(
            {number: (tries, next_at) for number, (tries, next_at) in tickets.items() if next_at is not None},
            (str(feed[0]), int(feed[1]), at) if feed and at is not None else None,
            kept or None,
        )

    def look(self, account: Account, journal: Journal, now: datetime) -> None:
        """Where other tickets, or more of each, are seen than before, the feed goes back to its start. Writes SIGHT."""
        sight: str | None = getattr(account.reader, "sight", lambda: None)()
        known = account.store.fact(account.name, SIGHT)
        if sight is None or sight == known:
            return
        if known is not None:
            _log.warning("the key sees other tickets than before: all are read anew", was=known, now=sight)
            self.feed = ("", 0, now)
        kept = self.kept()
        with journal.transaction("mirror"):
            account.store.set_fact(account.name, SIGHT, sight, now)
            if kept is not None:  # together: a death before the first batch must not lose what is to be read anew
                account.store.set_fact(account.name, UNREAD, kept, now)
            if known is not None:
                account.store.append_audit(account.name, now, "sight", {"was": known, "now": sight})
        if kept is not None:
            self.stored(kept)

    def start(self, cursor: str | None, now: datetime) -> str | None:
        """Where this cycle's feed begins: at the cursor, or further back where records without a number were met."""
        if cursor is None or self.feed is None or self.feed[2] > now:
            return cursor
        self._went_back = True
        return self.feed[0] or None

    def past(self, cursor: str | None) -> None:
        """A batch is stored: a feed that was sent back and is cut short goes on from here, not from where it began."""
        if self._went_back and self.feed is not None and cursor is not None:
            self.feed = (cursor, *self.feed[1:])

    def met(self, rejected: Sequence[Rejected], batch_start: str | None, now: datetime) -> None:
        """Remember the rejected records of one batch, which began at `batch_start`."""
        for one in rejected:
            number = one.ticket or ""
            told = number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER
            if told and (number in self.tickets or len(self.tickets) < _MOST_KEPT):
                self.tickets.setdefault(number, (0, now + _FIRST_PAUSE))
            elif self.feed is None:
                self.feed = (batch_start or "", 0, now + _FIRST_PAUSE)
            elif self._went_back:
                self._went_back = False
                self.feed = self._later(*self.feed, now)

    @staticmethod
    def _later(cursor: str, tries: int, _at: datetime, now: datetime) -> tuple[str, int, datetime] | None:
        if tries + 1 >= _TRIES:
            _log.error("records without a number stay unreadable; they are left out until they change", tries=_TRIES)
            return None
        return cursor, tries + 1, now + _FIRST_PAUSE * 2 ** (tries + 1)

    def read(self, account: Account, now: datetime, found: list[Ticket]) -> None:
        """Add to `found` the tickets that are due to be read singly, and now can be. Raises AccountBlocked: those read
        before it stay found."""
        due = sorted((at, number) for number, (_, at) in self.tickets.items() if at <= now)
        for _, number in due[:_MOST_READ]:
            tries = self.tickets[number][0] + 1
            try:
                ticket = account.reader.ticket(number)
            except Refused:
                ticket = None
            except Unavailable:
                if tries < _TRIES:
                    self.tickets[number] = (tries, now + _FIRST_PAUSE * 2**tries)
                    continue
                _log.error("a ticket stays unreadable; it is left out until it changes", ticket=number, tries=tries)
                ticket = None
            if ticket is not None and ticket.gone == "missing" and tries < _TRIES:
                self.tickets[number] = (tries, now + _FIRST_PAUSE * 2**tries)
                continue
            del self.tickets[number]
            if ticket is not None:
                found.append(ticket)

    def whole(self, *, complete: bool) -> None:
        """The feed was read from where it began: what it was sent back for is done, unless it met the same again."""
        if self._went_back and complete:
            self.feed = None
        self._went_back = False

    def stored(self, kept: Any) -> None:
        """The fact was written."""
        self._was = kept

    def kept(self) -> Any:
        """The fact as it is to stand; None where nothing changed."""
        tickets = {number: [tries, stamp(at)] for number, (tries, at) in sorted(self.tickets.items())}
        feed = [self.feed[0], self.feed[1], stamp(self.feed[2])] if self.feed else None
        now = {"tickets": tickets, "feed": feed} if tickets or feed else {}
        return None if now == (self._was or {}) else now


def look_again(account: Account, journal: Journal, results: Iterable[Applied], now: datetime) -> None:
    """Remember the tickets that were not to be found when they were to be written to. Raises Fenced, StoreError."""
    ended = {one.action.ticket for one in results if one.outcome in (Outcome.UNSENT, Outcome.INTERRUPTED)}
    rows = account.store.mirrored(account.name, sorted(ended))
    missing = [number for number, row in rows.items() if row.ticket.gone == "missing"]
    if not missing:
        return
    unread = Unread.of(account)
    for number in missing[:_MOST_KEPT]:
        unread.tickets.setdefault(number, (0, now + _FIRST_PAUSE))
    kept = unread.kept()
    if kept is not None:
        with journal.transaction("mirror"):
            account.store.set_fact(account.name, UNREAD, kept, now)
