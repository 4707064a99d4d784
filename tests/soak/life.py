"""A month lived hour by hour: people act, the clock moves, the daemon has its cycle, the laws are checked."""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import structlog

from connector.cycle.run import CycleReport, run_cycle
from connector.inbox import Word, record
from connector.wiring import clock_of, keep_directory, opened
from tests.soak.centre import START, iso, seed_of
from tests.soak.laws import Laws
from tests.soak.people import Event, script
from tests.soak.processes import ACCOUNT, KEY, Desk, Emulator

#: Who we are and what is called how: looked up anew from time to time, whatever happens to tickets.
_NAMES = ("/agents/me", "/ticket_fields", "/agents", "/groups", "/companies")
AUTOCLOSE = ("--autoclose", "8=14d")


@dataclass(slots=True)
class Life:
    """One rehearsal: its emulator, its daemon's desk, the script, and the laws."""

    emulator: Emulator
    desk: Desk
    seed: dict[str, Any]
    laws: Laws
    events: list[Event]
    now: datetime = START
    _at: int = 0
    _mails: int = 0
    _next: int = 0
    idle: list[int] = field(default_factory=list)

    def requests(self) -> list[dict[str, Any]]:
        """The requests since the last call, oldest first."""
        found: list[dict[str, Any]] = self.emulator.get(f"requests?since={self._at}")
        self._at = found[-1]["n"] + 1 if found else self._at
        return found

    def mails(self) -> list[dict[str, Any]]:
        """The mails since the last call."""
        found: list[dict[str, Any]] = self.emulator.get(f"outbox?since={self._mails}")
        self._mails += len(found)
        return found

    def people(self, until: datetime) -> None:
        """Tell the emulator what people will do up to an instant."""
        due = []
        while self._next < len(self.events) and self.events[self._next][0] <= until:
            at, event = self.events[self._next]
            due.append({**event, "at": iso(at)})
            self._next += 1
        if due:
            self.emulator.post("events", due)

    def pass_time(self, span: timedelta) -> None:
        """Let time pass up to the next cycle."""
        self.people(self.now + span)
        self.now += span
        ran = self.emulator.advance(int(span.total_seconds()))
        self.laws.hour(ran, self.emulator.tickets(), self.now)
        self.mails()

    def cycle(self, once: Callable[[], Any]) -> bool:
        """One cycle while time stands still, judged; whether it wrote anything."""
        once()
        requests = self.requests()
        wrote = any(one["method"] != "GET" for one in requests)
        rows = self.emulator.tickets() if wrote else self.laws.rows
        self.laws.cycle(requests, self.mails(), rows)
        return wrote

    def idle_cycle(self, once: Callable[[], Any]) -> None:
        """One more cycle in which nothing is to be done: exactly one list request, and the names where they are due."""
        once()
        requests = self.requests()
        lists = [one for one in requests if one["path"].startswith("/api/v2/tickets?")]
        others = [one for one in requests if one not in lists and not one["path"].partition("?")[0].endswith(_NAMES)]
        self.idle.append(len(lists))
        if len(lists) != 1 or others:
            seen = [f"{one['method']} {one['path']}" for one in requests]
            self.laws.broken.append(f"{self.now:%m-%d %H:%M} an idle cycle sent {seen}")

    def end(self, days: int) -> None:
        """The laws of the end, and the evidence."""
        rows = {row["id"]: row for row in self.emulator.get("tickets?include=conversations")}
        self.laws.end(rows, self.seed, days=days)
        self.desk.audit_is_whole()
        assert self.laws.broken == [], "\n".join(self.laws.broken[:40])


@contextlib.contextmanager
def life(
    folder: Path, number: int, size: int, days: int, *options: str, more: str = "", pack: Path | None = None,
    arrange: Callable[[dict[str, Any]], None] = lambda seed: None,
) -> Iterator[Life]:  # fmt: skip
    """A rehearsal drawn from one number. `more`: lines for the top of the configuration. `arrange` changes the seed."""
    draw = random.Random(number)
    seed = seed_of(draw, size)
    arrange(seed)
    with Emulator(folder, seed, *AUTOCLOSE, *options) as emulator:
        desk = Desk(folder, emulator.url, more=more, **({"pack": pack} if pack else {}))
        one = Life(emulator, desk, seed, Laws(desk.state), script(draw, seed, days))
        one.laws.hour([], emulator.tickets(), START)
        yield one


class Inside:
    """Cycles in this process over the same sockets and the same state: what `run` does, without its waiting."""

    def __init__(self, desk: Desk, monkeypatch: Any) -> None:
        monkeypatch.setenv(f"ESCALERA_KEY_{ACCOUNT.upper()}", KEY)
        self._stack = contextlib.ExitStack()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self._stack.callback(structlog.reset_defaults)
        self.account, _ = self._stack.enter_context(opened(desk.config, None, log=False))
        self.account.reader.connect()
        self.account.clock = clock_of(self.account, "server")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def once(self) -> CycleReport:
        """One cycle."""
        report = run_cycle(self.account, now=self.account.clock)
        keep_directory(self.account, report.now)
        assert report.trouble is None, report.trouble
        return report

    def approve_held(self) -> int:
        """Let every held plan pass."""
        held = self.account.store.plans(ACCOUNT, state="held")
        for plan in held:
            record(self.account.store, Word(plan.digest, "approved", "rehearsal", "looked at", self.account.clock()))
        return len(held)
