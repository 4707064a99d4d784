"""Fault storms: nothing is lost, doubled, fought over or told in the wrong place; each has its row in the docs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.crash.storms.catalogue import SHORT, STORMS
from tests.crash.storms.fleet import weathered
from tests.crash.storms.gates import GATES, Gate
from tests.crash.storms.judge import StormLaws
from tests.crash.storms.sea import Storm
from tests.soak.centre import COMPLETED, IN_PROCESS, START, iso
from tests.soak.processes import FULL

_PAGE = (Path(__file__).parents[2] / "docs" / "failures.md").read_text(encoding="utf-8")
_CHOSEN = [storm for storm in STORMS if FULL or storm.name in SHORT]
#: The short form of a crossing: its calm hours are enough for each refusal and each second look to come to an end.
_CALM = 30 if FULL else 12


@pytest.mark.parametrize("storm", _CHOSEN, ids=lambda storm: storm.name.replace(" ", "-"))
def test_a_storm_is_survived(storm: Storm) -> None:
    """When it is over all that was due is done or reported; the laws held all the time; requests stayed bounded."""
    shortened = storm if FULL else replace(storm, hours=min(storm.hours, 3))
    assert weathered(shortened, calm=_CALM).problems == []


@pytest.mark.parametrize("gate", GATES if FULL else GATES[1:2], ids=lambda gate: gate.name.replace(" ", "-"))
def test_a_door_that_must_stay_shut(gate: Gate) -> None:
    """One clear sentence, and nothing was sent."""
    assert gate.knock() == []


def test_each_storm_has_its_row_and_each_row_its_storm() -> None:
    """docs/failures.md says what the daemon does in every storm that is run, and speaks of no other."""
    rows = re.findall(r"^\| ([^|]+?) \| [^|]+ \|$", _PAGE.partition("## Storms")[2].partition("\n## ")[0], re.MULTILINE)
    named = [row for row in rows if row not in ("storm", "---")]
    run = [storm.name for storm in STORMS] + [gate.name for gate in GATES]
    assert sorted(named) == sorted(run)
    assert {storm.name for storm in STORMS} >= SHORT


def test_the_judge_sees_a_ticket_that_stays_finished() -> None:
    """In a storm the way back may wait; in calm it may take three cycles, not four."""
    laws = StormLaws(Path("no-state.db"))
    row = {
        "id": 7, "status": IN_PROCESS, "priority": 2, "responder_id": None, "group_id": 7001, "tags": [],
        "updated_at": iso(START), "custom_fields": {"cf_escalation_type": "no-parts", "cf_escalated_on": "2026-03-01"},
    }  # fmt: skip
    laws.seen({7: row})
    put = {
        "method": "PUT", "path": "/api/v2/tickets/7", "status": 200, "instant": iso(START),
        "body": {"status": COMPLETED},
    }  # fmt: skip
    laws.calm = False
    laws.cycle([put], [], {7: {**row, "status": COMPLETED}})
    assert laws.broken == []
    laws.calm = True
    found = []
    for _ in range(4):
        laws.cycle([], [], {7: {**row, "status": COMPLETED}})
        found.append(len(laws.broken))
    assert found == [0, 0, 0, 1]
