"""`escalera simulate` from inconvenient days: Christmas Eve, a Friday evening, the day before a holiday."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from connector.simulate import Event, simulate
from tests.acceptance.tickets import policy_of

_MX = ZoneInfo("America/Mexico_City")
_BY_HAND: Mapping[str, Any] = yaml.safe_load((Path(__file__).parent / "stories.yaml").read_text("utf-8"))


def _word(events: Iterable[Event]) -> str:
    """What was done at one instant, in the words of the file; anything else is told as it is."""
    left = [one.what for one in events]
    words = []
    up = [each for each in left if each.startswith("assign") and each.endswith("-> Supervisión")]
    if up and any(each.startswith("note: escalated") for each in left):
        assert [each for each in left if each == "notify Laura Núñez"] != []
        assert [each for each in left if each.startswith("register: tab ")] != []
        left = [each for each in left if each not in (*up, "notify Laura Núñez") and not each.startswith("register")]
        words.append("up")
    if any(each.startswith("note: ") and "checklist" in each for each in left):
        words.insert(0, "steps")
    left = [each for each in left if not each.startswith(("note: escalated", "note: checklist"))]
    for number in range(1, 9):
        told = [f"toggle in_process -> completed -> in_process (follow-up {number})", f"note: follow-up {number}",
                f"notify Laura Núñez (follow-up {number})"]  # fmt: skip
        if set(told) <= set(left):
            left = [each for each in left if each not in told]
            words.append(f"follow-up {number}")
    if "toggle in_process -> completed -> in_process (auto-close)" in left:
        left.remove("toggle in_process -> completed -> in_process (auto-close)")
        words.append("kept")
    managers = {"set priority normal -> urgent", "notify Laura Núñez, Jorge Medina"}
    if managers <= set(left) and any(each.endswith("-> Gerencia") for each in left):
        left = [each for each in left if each not in managers and not each.endswith("-> Gerencia")]
        words.append("managers")
    return " ".join([*words, *left])


@pytest.mark.parametrize("start", list(_BY_HAND))
def test_forty_days_from_an_inconvenient_day_equal_the_procedure(start: str) -> None:
    """Each situation's sequence is the one written by hand, nothing more, and no case is closed by itself."""
    wanted = _BY_HAND[start]
    begin = datetime.fromisoformat(start).replace(tzinfo=_MX)
    told = {}
    for story in simulate(policy_of("appliance-mx"), begin, 40, situations=tuple(wanted)):
        days: dict[str, list[Event]] = {}
        for event in story.events:
            assert event.outcome == "done"
            days.setdefault(event.at.astimezone(_MX).strftime("%m-%d %H:%M"), []).append(event)
        told[story.situation] = {at: _word(events) for at, events in days.items()}
        assert (story.closed, story.unknown) == (None, ())
        assert story.writes <= 3
    assert told == wanted
