"""The state of the emulated helpdesk: tickets with their indexes, people, outbox, request log, clock.

Nothing here knows HTTP. One re-entrant lock guards it all; every public entry point of the server takes it.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from connector.emulator import seed as seeds
from connector.emulator import shapes, stamps
from connector.emulator.account import Account
from connector.emulator.search import SearchIndex
from connector.emulator.shapes import Json, Ticket

_LOG_LIMIT = 500_000


@dataclass(frozen=True, slots=True)
class Performer:
    """Who does something to a ticket: `agent`, `customer`, `automation` or `system`."""

    kind: str
    id: int | None = None
    rule: str | None = None
    rule_id: int | None = None
    rule_kind: int | None = None


SYSTEM = Performer("system")


@dataclass(slots=True)
class Switches:
    """Behaviour that differs between accounts, or that nobody has settled; set by seed `settings` or fault items."""

    search_lag: int = 180
    same_value_put: str = "ignored"
    stale_due_by: bool = False
    sla: bool = True
    sla_due_delay: int = 5
    notify_resolved: bool = True
    notify_closed: bool = True
    notify_assignee: bool = True
    csat: bool = True
    archive_after_days: int = 120
    idle_days: int = 30
    autoclose_skips_idle: bool = False
    job_seconds: int = 0
    cascading_creation_rules: bool = False

    def apply(self, given: Json) -> list[str]:
        """Take over known settings; return a problem for each value of the wrong kind, leave unknown names."""
        problems = []
        for name, value in given.items():
            if name not in self.__slots__:
                continue
            present = getattr(self, name)
            if name == "same_value_put" and value not in ("ignored", "touches", "restarts"):
                problems.append(f"{name}: {value!r} is none of ignored, touches, restarts")
            elif isinstance(present, bool) and not isinstance(value, bool):
                problems.append(f"{name}: must be true or false, not {value!r}")
            elif isinstance(present, int) and not isinstance(present, bool) and not _whole(value):
                problems.append(f"{name}: must be a whole number of 0 or more, not {value!r}")
            else:
                setattr(self, name, value)
        return problems


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class World:
    """A helpdesk account with its tickets, in memory."""

    def __init__(
        self, account: Account, tickets: Iterable[Ticket], clock: stamps.Clock, *, jitter_seed: int = 0
    ) -> None:
        self.lock = threading.RLock()
        self.account = account
        self.clock = clock
        self.jitter_seed = jitter_seed
        self.switches = Switches()
        self.tickets: dict[int, Ticket] = {}
        self.by_status: dict[int, set[int]] = {}
        self.updated: list[tuple[str, int]] = []
        self.created: list[tuple[str, int]] = []
        self.search = SearchIndex()
        self.outbox: list[Json] = []
        self.ran: list[Json] = []
        self.requests: deque[Json] = deque(maxlen=_LOG_LIMIT)
        self.requests_seen = 0
        self.jobs: dict[str, Json] = {}
        self._indexed: dict[int, tuple[str, str, int]] = {}
        self._instant: int | None = None
        self._next_part = 0
        self._load(tickets)

    @classmethod
    def from_seed(
        cls,
        seed: Json | None,
        *,
        key: str | None = None,
        clock: str = "virtual",
        source: str = "given",
        jitter_seed: int = 0,
    ) -> World:
        """Build a world from a seed object (None: the stock account); raises SeedError with every problem."""
        account, tickets = seeds.read_seed(seed, key=key, source=source)
        ticking = stamps.Clock(clock, account.now)
        world = cls(account, tickets, ticking, jitter_seed=jitter_seed)
        problems = world.switches.apply(account.settings)
        if problems:
            raise seeds.SeedError(source, [f"settings.{problem}" for problem in problems])
        return world

    def _load(self, tickets: Iterable[Ticket]) -> None:
        for ticket in tickets:
            self.tickets[ticket.number] = ticket
            for part in ticket.conversations:
                self._next_part = max(self._next_part, part["id"])
            if not ticket.listed:
                continue
            fields = ticket.fields
            self._indexed[ticket.number] = (fields["updated_at"], fields["created_at"], fields["status"])
            self.updated.append((fields["updated_at"], ticket.number))
            self.created.append((fields["created_at"], ticket.number))
            self.by_status.setdefault(fields["status"], set()).add(ticket.number)
            self.search.put(ticket)
        self.updated.sort()
        self.created.sort()
        self._next_part = max(self._next_part, 67013500000)
        self.next_ticket = max(self.tickets, default=0) + 1

    @property
    def now(self) -> int:
        """The present instant of the helpdesk; while due work runs, the instant that work is due at."""
        return self.clock.now() if self._instant is None else self._instant

    @property
    def now_text(self) -> str:
        """The present instant as the API writes it."""
        return stamps.to_text(self.now)

    def at_instant(self, instant: int | None) -> None:
        """Pin the present to an instant while due work runs; None unpins it."""
        self._instant = instant

    def new_part_id(self) -> int:
        """The next id for a conversation, attachment, time entry or rating."""
        self._next_part += 1
        return self._next_part

    def reindex(self, ticket: Ticket) -> None:
        """Bring every index in line with the ticket; call after each change of stamps, status or visibility."""
        number, fields = ticket.number, ticket.fields
        old = self._indexed.get(number)
        new = (fields["updated_at"], fields["created_at"], fields["status"]) if ticket.listed else None
        if old != new:
            if old is not None:
                _drop(self.updated, (old[0], number))
                _drop(self.created, (old[1], number))
                self.by_status[old[2]].discard(number)
                del self._indexed[number]
            if new is not None:
                insort(self.updated, (new[0], number))
                insort(self.created, (new[1], number))
                self.by_status.setdefault(new[2], set()).add(number)
                self._indexed[number] = new
        self.search.later(ticket, self.now, self.switches.search_lag)

    def touch(self, ticket: Ticket) -> None:
        """Move `updated_at` to now and bring the indexes in line."""
        ticket.fields["updated_at"] = self.now_text
        self.reindex(ticket)

    def mail(self, to: str | None, cause: str, ticket: int, audience: str, **more: Any) -> None:
        """Put a mail the helpdesk would have sent into the outbox; without an address there is none."""
        if to:
            self.outbox.append(
                {"to": to, "cause": cause, "ticket": ticket, "audience": audience, "at": self.now_text, **more}
            )

    def mail_requester(self, ticket: Ticket, cause: str, **more: Any) -> None:
        """Mail the ticket's requester."""
        person = self.account.person(ticket.fields["requester_id"])
        self.mail(None if person is None else person.get("email"), cause, ticket.number, "requester", **more)

    def mail_agent(self, number: int | None, ticket: Ticket, cause: str, **more: Any) -> None:
        """Mail an agent by id; an unknown or absent agent gets nothing."""
        worker = self.account.agents.get(number) if number is not None else None
        if worker is not None:
            self.mail(worker["contact"]["email"], cause, ticket.number, "agent", **more)

    def listed_numbers(
        self, index: list[tuple[str, int]], since: str | None, until: str | None = None
    ) -> tuple[int, int]:
        """The slice [from, to) of a sorted index whose stamps lie at or after `since` and before `until`."""
        first = 0 if since is None else bisect_left(index, (since, 0))
        last = len(index) if until is None else bisect_left(index, (until, 0))
        return first, last

    def with_status(self, codes: Iterable[int]) -> Iterator[Ticket]:
        """Listed tickets in these statuses, by id."""
        numbers = sorted(set().union(*(self.by_status.get(code, set()) for code in codes)))
        return (self.tickets[number] for number in numbers)

    def log_request(self, entry: Json) -> None:
        """Remember a request; the oldest entries fall away beyond half a million."""
        entry["n"] = self.requests_seen
        self.requests_seen += 1
        self.requests.append(entry)

    def snapshot(self) -> list[Json]:
        """The true state of every ticket, hidden ones too, by id."""
        return [shapes.whole(self.tickets[number]) for number in sorted(self.tickets)]


def _drop(index: list[tuple[str, int]], entry: tuple[str, int]) -> None:
    at = bisect_left(index, entry)
    if at < len(index) and index[at] == entry:
        del index[at]
