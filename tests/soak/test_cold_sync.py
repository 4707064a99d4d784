"""A cold sync of a large account while others write: the mirror ends equal to the helpdesk, within its limits."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.demo.texts import EVERYDAY
from tests.soak import centre
from tests.soak.laws import instant
from tests.soak.processes import FULL, Desk, Emulator, command, environment

pytestmark = pytest.mark.soak
_ROWS, _PLAN = (35_000, "enterprise") if FULL else (3_000, "unlimited")
_CHANGES_A_SECOND = 5
_STATUSES = {
    2: "open", 3: "waiting_other", 4: "completed", 5: "closed", 6: "waiting_customer", 7: "waiting_other",
    8: "in_process", 9: "completed",
}  # fmt: skip
_PRIORITIES = {1: "low", 2: "normal", 3: "high", 4: "urgent"}


@dataclass(frozen=True, slots=True)
class _Measured:
    """One run of `once`: exit code, wall seconds, peak memory in MB."""

    code: int
    seconds: float
    megabytes: float


def _large_seed(draw: random.Random) -> dict[str, Any]:
    """Rows spread over the last 100 days, many with the same stamp, as bulk edits leave them."""
    seed = centre.seed_of(draw, 24)
    now = datetime.now(UTC).replace(microsecond=0)
    tickets = []
    for number in range(1, _ROWS + 1):
        touched = now - timedelta(hours=1, minutes=7 * (number // 3 % 20_000))
        status = draw.choices((2, 3, 5, 6, 8), weights=(20, 10, 50, 10, 10))[0]
        made = centre.ticket(draw, draw.choice(EVERYDAY), status)
        stamp = centre.iso(touched)
        tickets.append({**made, "id": number, "created_at": stamp, "updated_at": stamp})
    return {**seed, "now": centre.iso(now), "tickets": tickets}


class _Writers:
    """Agents at work: so many edits a second, until stopped."""

    def __init__(self, emulator: Emulator, draw: random.Random) -> None:
        self.changes = 0
        self._emulator, self._draw = emulator, draw
        self._stop = threading.Event()

    @contextmanager
    def working(self) -> Iterator[_Writers]:
        """At work inside the block."""
        thread = threading.Thread(target=self._work)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def _work(self) -> None:
        begun = time.monotonic()
        while not self._stop.is_set():
            edits = {"priority": self._draw.choice((1, 2, 3)), "status": self._draw.choice((2, 3, 6))}
            number = self._draw.randrange(1, _ROWS + 1)
            self._emulator.post("events", {"ticket": number, "by": "agent", "set": edits})
            self.changes += 1
            self._stop.wait(max(0.0, begun + self.changes / _CHANGES_A_SECOND - time.monotonic()))


def _once(desk: Desk) -> _Measured:
    begun = time.monotonic()
    with (desk.folder / "once.log").open("ab") as log:
        words = command("once", "--config", str(desk.config), "--clock", "server")
        process = subprocess.Popen(words, stdout=log, stderr=log, env=environment(), cwd=desk.folder)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return _Measured(process.returncode, time.monotonic() - begun, used.ru_maxrss / 1024)


def _lists(emulator: Emulator, since: int) -> tuple[int, int, int]:
    """(list requests, 429s, the number of the next request)."""
    found = emulator.get(f"requests?since={since}")
    lists = sum(one["path"].startswith("/api/v2/tickets?") for one in found)
    refused = sum(one["status"] == 429 for one in found)
    return lists, refused, found[-1]["n"] + 1 if found else since


def _mirror(desk: Desk) -> dict[int, tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{desk.state}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT id, updated_at, status, priority FROM tickets").fetchall()
    return {int(number): (instant(at), status, priority) for number, at, status, priority in rows}


def _truth(emulator: Emulator) -> dict[int, tuple[Any, ...]]:
    return {
        number: (instant(row["updated_at"]), _STATUSES[row["status"]], _PRIORITIES[row["priority"]])
        for number, row in emulator.tickets().items()
    }


def test_a_cold_sync_while_others_write(tmp_path: Path) -> None:
    """No row missing or stale, list requests within 5 % of what the rows need, at most three 429s, then idle cycles."""
    draw = random.Random(41)
    with Emulator(tmp_path, _large_seed(draw), "--clock", "real", "--plan", _PLAN) as emulator:
        desk = Desk(tmp_path, emulator.url)
        with _Writers(emulator, draw).working() as writers:
            cold = _once(desk)
        lists, refused, seen = _lists(emulator, 0)
        assert cold.code == 3, (tmp_path / "once.log").read_text(encoding="utf-8")[-2000:]  # thousands are held
        time.sleep(1.1)  # changes of the last second, stamped to the second, are no longer being made
        tail = _once(desk)
        more, refused_again, seen = _lists(emulator, seen)
        truth, mirror = _truth(emulator), _mirror(desk)
        wrong = {number: (mirror.get(number), truth[number]) for number in truth if mirror.get(number) != truth[number]}
        idle, idle_lists = [], []
        for _ in range(2):
            idle.append(_once(desk))
            count, _, seen = _lists(emulator, seen)
            idle_lists.append(count)
        allowed = 1.05 * (_ROWS + writers.changes) / 100 + 20
        print(
            f"{_ROWS} rows, {writers.changes} changes meanwhile: {cold}, {lists} lists (allowed {allowed:.0f}), "
            f"{refused} refused; then {tail}, {more} lists; idle {idle}, {idle_lists} lists"
        )
        assert mirror.keys() == truth.keys()
        assert wrong == {}
        assert lists + more <= allowed
        assert refused + refused_again <= 3
        assert idle_lists == [1, 1]
