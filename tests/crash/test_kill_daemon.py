"""The whole daemon killed with SIGKILL, again and again, most often between the two writes of a toggle."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.soak.centre import COMPLETED, IN_PROCESS, START, iso
from tests.soak.life import Life, life
from tests.soak.processes import FULL

#: How many kills; ESCALERA_KILLS says another number.
_KILLS = int(os.environ.get("ESCALERA_KILLS", "500" if FULL else "8"))
_STEP = timedelta(hours=6)
_PAUSE = timedelta(minutes=5)
_SLOW_WRITES = "delay:on=PUT /tickets/*,seconds={seconds}"


@dataclass(slots=True)
class _Killer:
    """Starts the daemon, kills it at a drawn moment, starts it again and lets it have its cycle."""

    one: Life
    draw: random.Random
    deaths: Counter[str] = field(default_factory=Counter)
    _seen: int = 0

    def round(self) -> None:
        """One death and one recovery, while the helpdesk's clock stands still."""
        aimed = self.draw.random() < 0.8
        slow = self.draw.random() < 0.5
        self.one.emulator.post("faults", _SLOW_WRITES.format(seconds=0.25) if slow else "")
        self._seen = self._last()
        with self.one.desk.running("--clock", "server", "--every", "1s") as daemon:
            hit = self._wait_for_toggle(daemon) if aimed else self._wait(self.draw.uniform(0.3, 3.0))
            assert daemon.poll() is None, self.one.desk.log()[-2000:]
            daemon.kill()
            daemon.wait()
        between = any(row["status"] == COMPLETED for row in self.one.emulator.tickets().values())
        self.deaths["left in Completado" if between else "just after the way through" if hit else "anywhere"] += 1
        self.one.emulator.post("faults", "")
        time.sleep(0.3 if slow else 0.0)  # what was under way when it died arrives
        if self.draw.random() < 0.3:
            self.one.desk.once()  # at once, though requests might still be under way
        self.one.emulator.advance(int(_PAUSE.total_seconds()))
        self.one.now += _PAUSE
        self.one.desk.once()

    def _wait_for_toggle(self, daemon: subprocess.Popen[str]) -> bool:
        until = time.monotonic() + 6
        while time.monotonic() < until and daemon.poll() is None:
            for request in self.one.emulator.get(f"requests?since={self._seen}"):
                self._seen = request["n"] + 1
                body = request["body"]
                body = json.loads(body) if isinstance(body, str) and body else body
                if request["method"] == "PUT" and (body or {}).get("status") == COMPLETED:
                    time.sleep(self.draw.choice((0.0, 0.0, 0.002, 0.01, 0.05, 0.2)))
                    return True
            time.sleep(0.003)
        return False

    def _wait(self, seconds: float) -> bool:
        time.sleep(seconds)
        return False

    def _last(self) -> int:
        found = self.one.emulator.get("requests?since=0")
        return found[-1]["n"] + 1 if found else 0


def _one_due_each_round(seed: dict[str, Any]) -> None:
    """The auto-close clock of one escalated ticket after the other comes to the toggle's instant, round by round."""
    kept = (one for one in seed["tickets"] if (one.get("custom_fields") or {}).get("cf_escalation_type"))
    for number, one in enumerate(one for one in kept if one["status"] == IN_PROCESS):
        day = one["custom_fields"]["cf_escalated_on"]
        if day is not None and START - datetime.fromisoformat(f"{day}T06:00:00+00:00") > timedelta(days=20):
            one["custom_fields"]["cf_escalated_on"] = (START - timedelta(days=number % 20)).strftime("%Y-%m-%d")
        stands = timedelta(days=13, hours=6) - _STEP * number
        one["stats"]["status_updated_at"] = one["updated_at"] = iso(START - max(stands, timedelta(hours=1)))
        one["created_at"] = iso(START - timedelta(days=30))


@pytest.mark.soak
def test_a_daemon_killed_at_any_moment_recovers(tmp_path: Path) -> None:
    """All laws hold after each restart: nothing left finished, nothing closed, no note twice, the evidence whole."""
    draw = random.Random(7)
    days = _KILLS // 4 + 2
    with life(tmp_path, 21, 60 if _KILLS > 50 else 30, days, arrange=_one_due_each_round) as one:
        killer = _Killer(one, draw)
        one.pass_time(_PAUSE)  # from now on no round meets the full hour, at which the helpdesk's own rules run
        one.cycle(one.desk.once)
        for _ in range(_KILLS):
            one.pass_time(_STEP - _PAUSE)
            one.cycle(killer.round)
        print(dict(killer.deaths), {key: count for key, count in one.laws.counted.items() if "PUT" in key})
        assert one.desk.verb("status", "--format", "json").json["accounts"][0]["not_settled"] == []
        assert killer.deaths["left in Completado"] > 0
        one.end(days)
