"""`once --clock server`, hour by hour through a month of random lives."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from tests.soak.life import Inside, Life, life
from tests.soak.processes import FULL

pytestmark = pytest.mark.soak
_HOUR = timedelta(hours=1)
#: (seed, tickets, days): the long form lives each month by processes alone.
_LIVES = [(1, 6, 30), (2, 40, 30), (3, 150, 30), (4, 6, 30), (5, 40, 30)] if FULL else [(1, 6, 10), (2, 40, 30)]


def _report(one: Life) -> str:
    laws = one.laws
    toggles = sum(len(times) for times in laws.toggles.values())
    return f"{toggles} toggles of {len(laws.toggles)} tickets, {len(laws.closings)} closed, {dict(laws.counted)}"


@pytest.mark.parametrize(("number", "size", "days"), _LIVES)
def test_a_month_hour_by_hour(
    number: int, size: int, days: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No ticket under escalation is auto-closed, none left in the toggle's status, no mail, cap and pace hold."""
    draw = random.Random(number)
    with life(tmp_path, number, size, days) as one:
        hours = range(1, days * 24 + 1)
        if FULL:
            one.cycle(one.desk.once)
            for hour in hours:
                one.pass_time(_HOUR)
                wrote = one.cycle(one.desk.once)
                if draw.random() < 0.2:
                    one.desk.approve_held()
                elif not wrote and hour % 12 == 0:
                    one.idle_cycle(one.desk.once)
        else:
            _mixed(one, draw, hours, monkeypatch)
        one.end(days)
        print(_report(one), "idle cycles:", len(one.idle))
        assert one.idle


def _mixed(one: Life, draw: random.Random, hours: range, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first cycle and a few more as processes, the others in this one over the same state."""
    one.cycle(one.desk.once)
    chunk = len(hours) // 3
    for first in hours[::chunk]:
        with Inside(one.desk, monkeypatch) as daemon:
            for hour in range(first, min(first + chunk, hours.stop)):
                one.pass_time(_HOUR)
                wrote = one.cycle(daemon.once)
                if draw.random() < 0.2:
                    daemon.approve_held()
                elif not wrote and hour % 12 == 0:
                    one.idle_cycle(daemon.once)
        one.cycle(one.desk.once)
