"""One storm from beginning to end: hours of faults while people go on, then calm again until all is done."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.crash.storms.judge import StormLaws, aftermath, outcomes, said, unforeseen
from tests.crash.storms.ship import Harbour, Ship, ship
from tests.soak.centre import IN_PROCESS, START, iso, seed_of
from tests.soak.life import Life
from tests.soak.people import script

Arrange = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Storm:
    """What is thrown and for how long. `faults`: specs, one after the other, a new one each cycle.

    `does` is the row of docs/failures.md. `excused`: words of breaches that this storm makes inevitable, with the
    reason in its row. `most`: how many times the requests of quiet times it may cost.
    """

    name: str
    faults: tuple[str, ...]
    clock: str = "local"
    hours: int = 6
    size: int = 14
    arrange: Arrange = lambda seed: None
    excused: tuple[str, ...] = ()
    most: float = 8.0
    must: str = ""
    after: Callable[[Harbour], None] = lambda harbour: None


@dataclass(slots=True)
class Crossing:
    """What a storm cost and what was wrong after it."""

    storm: Storm
    thrown: int = 0
    cycles: int = 0
    requests: int = 0
    quiet: int = 0
    writes: int = 0
    ended: str = ""
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        """One line of the table."""
        result = "survived" if not self.problems else f"SUNK ({len(self.problems)})"
        factor = self.requests / max(1, self.quiet)
        return (
            f"{self.storm.name:48} {self.thrown:6} {self.cycles:6} {self.requests:8} {factor:5.1f} {self.writes:6}  "
            f"{result:9} {self.ended}"
        )


HEADER = (
    f"{'storm':48} {'thrown':>6} {'cycles':>6} {'requests':>8} {'x':>5} {'writes':>6}  {'result':9} how actions ended"
)


def restore(harbour: Harbour) -> None:
    """People take back what was deleted or filed as spam."""
    for number, row in harbour.tickets().items():
        if row.get("deleted") or row.get("spam"):
            harbour.post("events", {"ticket": number, "by": "agent", "restore": True, "spam": False})


def due_soon(seed: dict[str, Any]) -> None:
    """Every escalated ticket's auto-close is eleven hours away: its toggle is due now, and a storm may last."""
    for one in seed["tickets"]:
        if one["status"] == IN_PROCESS:
            since = START - timedelta(days=13, hours=13)
            one["stats"] = {"status_updated_at": iso(since)}
            one["updated_at"] = iso(since)
            one["created_at"] = min(one["created_at"], iso(since))


def cross(storm: Storm, number: int = 1, *, calm: int = 30) -> Crossing:
    """Live through a storm and so many calm hours; the seed of the world is `number`."""
    draw = random.Random(number)
    seed = seed_of(draw, storm.size)
    due_soon(seed)
    storm.arrange(seed)
    days = 2
    events = script(draw, seed, days)
    result = Crossing(storm)
    with tempfile.TemporaryDirectory() as folder, Harbour(seed) as harbour:
        state = Path(folder) / "state.db"
        laws = StormLaws(state)
        one = Life(harbour, None, seed, laws, events)  # type: ignore[arg-type] - no desk: the daemon is in this process
        laws.hour([], harbour.tickets(), START)
        with ship(harbour.url, state, harbour.now, clock=storm.clock) as vessel:
            _sail(one, vessel, harbour, result, calm)
            _judge(one, vessel, harbour, result, state, seed)
    return result


@dataclass(slots=True)
class _Voyage:
    """What happens between two turns of the loop: the last one is judged, faults change, time passes."""

    one: Life
    vessel: Ship
    harbour: Harbour
    result: Crossing
    steps: list[tuple[timedelta, bool]]
    _seen: int = 0
    _reports: int = 0
    _over: bool = False

    def between(self) -> bool:
        """Judge what was done since the last call, let time pass; False at the end."""
        self.judge()
        if not self.steps:
            return False
        span, stormy = self.steps.pop(0)
        self.vessel.approve_held()
        self.weather(stormy)
        self.one.pass_time(span)
        self.vessel.ticks.at += span.total_seconds()
        return True

    def weather(self, stormy: bool) -> None:
        """Throw what the coming cycle has to live through."""
        laws, storm = self.one.laws, self.result.storm
        assert isinstance(laws, StormLaws)
        faults = storm.faults[len(self.steps) % len(storm.faults)] if stormy and storm.faults else ""
        laws.calm = not faults
        self.result.thrown += self.harbour.arm(faults)
        if not faults and not self._over:
            self._over = True
            storm.after(self.harbour)

    def judge(self) -> None:
        """The laws of the cycles since the last call."""
        self.one.cycle(lambda: None)
        requests = self.harbour.get(f"requests?since={self._seen}")
        self._seen = requests[-1]["n"] + 1 if requests else self._seen
        self.result.requests += len(requests)
        for report in self.vessel.reports[self._reports :]:
            self.result.problems += unforeseen(self.vessel.account, report, requests)
        self._reports = len(self.vessel.reports)


def _sail(one: Life, vessel: Ship, harbour: Harbour, result: Crossing, calm: int) -> None:
    half, hour = timedelta(minutes=30), timedelta(hours=1)
    steps = [(half, True)] * (result.storm.hours * 2) + [(half, False)] + [(hour, False)] * 6
    steps += [(3 * hour, False)] * max(0, (calm - 6) // 3) + [(timedelta(minutes=6), False)] * 4
    voyage = _Voyage(one, vessel, harbour, result, steps)
    voyage.weather(stormy=True)
    vessel.voyage(voyage.between)
    result.cycles = vessel.cycles


def _judge(one: Life, vessel: Ship, harbour: Harbour, result: Crossing, state: Path, seed: dict[str, Any]) -> None:
    laws = one.laws
    assert isinstance(laws, StormLaws)
    rows = {row["id"]: row for row in harbour.get("tickets?include=conversations")}
    laws.end(rows, seed, days=2)
    words = [text for row in seed["tickets"] for text in (row["subject"], row["description"]) if len(text) > 12]
    words += [contact["email"] for contact in seed["contacts"]]
    result.problems += laws.broken
    result.problems += aftermath(vessel, rows, vessel.account.clock(), state, words)
    result.problems = [line for line in result.problems if not any(word in line for word in result.storm.excused)]
    result.writes = laws.written
    ended = outcomes(vessel.account)
    ended["auto-closed"] += len(laws.closings)
    result.ended = said(+ended)
    if result.storm.faults and not result.thrown and not _standing(result.storm):
        result.problems.append("nothing was thrown")
    if result.storm.must and result.storm.must not in vessel.log.getvalue():
        result.problems.append(f"{result.storm.must!r} was not said")


def _standing(storm: Storm) -> bool:
    """Whether its faults stand over every request instead of striking single ones."""
    names = ("skew", "date", "headers", "scope", "revoke", "stale", "noise")
    return all(spec.startswith(names) for spec in storm.faults)
