"""A plan only reads; a saved one leaves alone what a person moved meanwhile, and is used once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.soak.life import life

pytestmark = pytest.mark.soak


def test_a_saved_plan_changes_all_but_the_ticket_a_person_edited(tmp_path: Path) -> None:
    """`plan` sends GET only; `apply` reports the edited ticket as drifted; the same plan again is refused with 64."""
    with life(tmp_path, 31, 60, 1) as one:
        plan = tmp_path / "plan.json"
        said = one.desk.verb("plan", "--clock", "server", "--format", "json", "--out", str(plan))
        assert said.code in (2, 3), said
        requests = one.requests()
        assert {request["method"] for request in requests} == {"GET"}
        actions = json.loads(plan.read_text(encoding="utf-8"))["actions"]
        assert actions == said.json["actions"]
        touched = sorted({int(action["ticket"]) for action in actions})
        assert len(touched) > 10

        edited = next(int(action["ticket"]) for action in actions if "priority" in action["changes"])
        by_hand = {"priority": 1, "responder_id": 9005}
        one.emulator.post("events", {"ticket": edited, "by": "agent", "set": by_hand})
        if said.code == 3:
            held = one.desk.verb("apply", str(plan), "--clock", "server")
            assert held.code == 3, held
            approved = one.desk.verb("approve", str(plan), "--user", "rehearsal", "--reason", "looked at")
            assert approved.code == 0, approved
        applied = one.desk.verb("apply", str(plan), "--clock", "server", "--format", "json")
        assert applied.code == 0, applied
        results = applied.json["results"]
        assert {int(row["ticket"]) for row in results} == set(touched)
        assert {int(row["ticket"]) for row in results if row["outcome"] == "drifted"} == {edited}
        assert {row["outcome"] for row in results if int(row["ticket"]) != edited} == {"done"}
        rows = one.emulator.tickets()
        assert {name: rows[edited][name] for name in by_hand} == by_hand

        again = one.desk.verb("apply", str(plan), "--clock", "server")
        assert again.code == 64, again
        assert "once" in again.err
        one.desk.audit_is_whole()
