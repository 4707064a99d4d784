"""A week under all faults at once: memory and descriptors stay flat, the state grows with what was done."""

from __future__ import annotations

import json
import random
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.crash.storms.catalogue import EVERYTHING
from tests.crash.storms.judge import StormLaws
from tests.crash.storms.sea import due_soon
from tests.crash.storms.ship import told
from tests.soak.centre import START, seed_of
from tests.soak.life import AUTOCLOSE, Life
from tests.soak.people import script
from tests.soak.processes import FULL, ROOT, Emulator, environment

pytestmark = pytest.mark.soak
_DAYS, _TICKETS, _STEP = (7, 120, timedelta(minutes=20)) if FULL else (1, 12, timedelta(hours=2))
#: Thrown on top of everything, one after the other, each for one cycle.
_MORE = (
    "", "revoke_key_after=5", "scope=3", "skew=-3600", "date_jump=3600", "headers=absent",
    "shape:as=rows,rate=0.1", "shape:as=huge,rate=0.1", "gzip_bomb:rate=0.05", "huge:rate=0.05",
    "429:retry_after=99999999999,rate=0.2", "undo:rate=0.1", "human_edit:ticket=*,set=priority:1,rate=0.1,times=9",
    "human_edit:on=PUT /tickets/*,sent=status:9,by=customer,reply=gracias,times=2", "repeat_page:rate=0.5",
    "slow:bytes_per_s=50,rate=0.02", "404:on=GET /tickets/*,rate=0.1", "date=absent",
)  # fmt: skip
#: What the state may grow by, for each event of the audit: the event, its journal line and its share of the plans.
_BYTES_AN_EVENT = 12_000
#: An empty state with one policy in it.
_BYTES_AT_FIRST = 1_500_000


class _Emulator(Emulator):
    """A gateway's page has no effect, whatever its status."""

    def get(self, name: str) -> Any:
        """A control reading."""
        return told(name, Emulator.get(self, name))


class _Daemon:
    """The process of `week_daemon`."""

    def __init__(self, url: str, folder: Path) -> None:
        self.state = folder / "state.db"
        self._errors = (folder / "daemon.err").open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.week_daemon", url, str(self.state)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, env=environment(), cwd=ROOT,
        )  # fmt: skip

    def waits(self) -> dict[str, int]:
        """What it holds, once its turn is over."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, Path(self._errors.name).read_text(encoding="utf-8")[-3000:]
        told: dict[str, int] = json.loads(line)
        return told

    def go(self, span: timedelta) -> None:
        """So much time has passed: its next turn."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{span.total_seconds()}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        code = self._process.wait(60)
        self._process.stdout.close()
        self._errors.close()
        assert code == 0, Path(self._errors.name).read_text(encoding="utf-8")[-3000:]


@contextmanager
def _daemon(url: str, folder: Path) -> Iterator[_Daemon]:
    daemon = _Daemon(url, folder)
    try:
        yield daemon
    finally:
        daemon.close()


def test_a_week_under_all_faults_at_once(tmp_path: Path) -> None:
    """Resident memory grows by less than 5 % after a first day, descriptors not at all, the state by what was done."""
    draw = random.Random(77)
    seed = seed_of(draw, _TICKETS)
    due_soon(seed)
    with _Emulator(tmp_path, seed, *AUTOCLOSE) as emulator:
        laws = StormLaws(tmp_path / "state.db")
        one = Life(emulator, None, seed, laws, script(draw, seed, _DAYS))  # type: ignore[arg-type] - no desk here
        laws.hour([], emulator.tickets(), START)
        with _daemon(emulator.url, tmp_path) as daemon:
            held = _lived(one, emulator, daemon)
        rows = {row["id"]: row for row in emulator.get("tickets?include=conversations")}
        laws.end(rows, seed, days=_DAYS)
    problems = [line for line in laws.broken if "status was sent although" not in line]
    _report(held, laws)
    assert problems == [], "\n".join(problems[:40])
    _stays_flat(held)
    _grows_with_what_was_done(tmp_path / "state.db")


def _lived(one: Life, emulator: Emulator, daemon: _Daemon) -> list[dict[str, int]]:
    """The week, and six calm hours; what the daemon held after each turn."""
    laws: Any = one.laws
    held = [daemon.waits()]
    turns = int(timedelta(days=_DAYS) / _STEP)
    for turn in range(turns + int(timedelta(hours=6) / _STEP) + 6):
        one.cycle(lambda: None)
        laws.calm = turn >= turns
        emulator.post("faults", "" if laws.calm else f"seed={turn};{EVERYTHING};{_MORE[turn % len(_MORE)]}")
        one.pass_time(_STEP)
        daemon.go(_STEP)
        held.append(daemon.waits())
    one.cycle(lambda: None)
    return held


def _report(held: list[dict[str, int]], laws: StormLaws) -> None:
    a_day = max(1, int(timedelta(days=1) / _STEP))
    for day, first in enumerate(range(0, len(held), a_day)):
        chunk = held[first : first + a_day]
        rss, fds = statistics.mean(one["rss"] for one in chunk), max(one["fds"] for one in chunk)
        print(f"day {day}: rss {rss:.0f} kB, fds {fds}, state {chunk[-1]['state'] // 1024} kB, turns {len(chunk)}")
    toggles = sum(len(times) for times in laws.toggles.values())
    print(f"{held[-1]['cycles']} cycles, {toggles} toggles, {len(laws.closings)} closed, {laws.written} writes")


def _stays_flat(held: list[dict[str, int]]) -> None:
    warm = len(held) // _DAYS if _DAYS > 1 else len(held) // 3
    first, last = held[warm : warm + warm], held[-warm:]
    before, after = (statistics.median(one["rss"] for one in part) for part in (first, last))
    assert after < before * 1.05, f"resident memory grew from {before} to {after} kB"
    assert max(one["fds"] for one in last) <= max(one["fds"] for one in first) + 1


def _grows_with_what_was_done(state: Path) -> None:
    with sqlite3.connect(f"file:{state}?mode=ro", uri=True) as connection:
        [events] = connection.execute("SELECT count(*) FROM audit").fetchone()
    connection.close()
    size = state.stat().st_size
    print(f"{events} audit events, {size} bytes of state, {size / events:.0f} an event")
    assert size < _BYTES_AT_FIRST + events * _BYTES_AN_EVENT
