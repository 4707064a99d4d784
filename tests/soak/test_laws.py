"""The judge itself: each law catches its breach, so that a silent month means something."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.soak.centre import COMPLETED, START, iso
from tests.soak.laws import Laws
from tests.soak.life import life

_HOUR = timedelta(hours=1)


def _row(**values: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": 7, "status": 8, "priority": 2, "responder_id": None, "group_id": 7001, "tags": [],
        "updated_at": iso(START),
        "custom_fields": {"cf_escalation_type": "no-parts", "cf_escalated_on": "2026-03-01"},
    }  # fmt: skip
    return {**row, **values}


def _put(at: Any, **body: Any) -> dict[str, Any]:
    return {"method": "PUT", "path": "/api/v2/tickets/7", "status": 200, "instant": iso(at), "body": body}


def _judge(**values: Any) -> Laws:
    laws = Laws(Path("no-state.db"))
    laws.hour([], {7: _row(**values)}, START)
    laws.cycle([], [], {7: _row(**values)})
    return laws


@pytest.mark.soak
def test_without_the_daemon_tickets_under_escalation_are_lost(tmp_path: Path) -> None:
    """The same life without a single cycle breaks the first law: the soak's worlds are dangerous ones."""
    with life(tmp_path, 2, 40, 16) as one:
        one.laws.seen(one.emulator.tickets())
        one.pass_time(timedelta(days=16))
        assert sum("auto-closed under escalation" in line for line in one.laws.broken) >= 5


def test_a_ticket_left_in_completado_is_told_unless_a_person_put_it_there() -> None:
    laws = _judge()
    laws.cycle([_put(START, status=COMPLETED)], [], {7: _row(status=COMPLETED)})
    assert laws.broken == ["ticket 7 was left in Completado"]
    by_hand = _judge()
    by_hand.hour([], {7: _row(status=COMPLETED)}, START + _HOUR)
    by_hand.cycle([], [], {7: _row(status=COMPLETED)})
    assert by_hand.broken == []


def test_a_customer_mail_during_a_cycle_is_told() -> None:
    laws = _judge()
    laws.cycle([], [{"audience": "requester", "ticket": 7, "cause": "resolved"}], {7: _row()})
    assert "the daemon caused a customer mail (resolved)" in laws.broken[0]


def test_toggles_too_close_too_many_or_too_late_are_told() -> None:
    close = _judge()
    back_and_forth = [_put(START, status=9), _put(START, status=8)]
    close.cycle(back_and_forth, [], {7: _row()})
    close.cycle([_put(START + _HOUR, status=9), _put(START + _HOUR, status=8)], [], {7: _row()})
    assert "toggled 1:00:00 after the last time" in close.broken[0]
    many = _judge(custom_fields={"cf_escalation_type": "no-parts", "cf_escalated_on": None})
    for day in range(9):
        at = START + timedelta(days=day)
        many.cycle([_put(at, status=9), _put(at, status=8)], [], {7: _row()})
    assert "toggle number 9, cap 8" in many.broken[0]
    late = _judge(custom_fields={"cf_escalation_type": "no-parts", "cf_escalated_on": "2025-08-01"})
    late.cycle(back_and_forth, [], {7: _row()})
    assert "kept alive" in late.broken[0]


def test_an_overwritten_edit_and_an_unchanged_key_are_told() -> None:
    laws = _judge()
    laws.hour([], {7: _row(priority=1)}, START + _HOUR)
    laws.cycle([_put(START + _HOUR, priority=4)], [], {7: _row(priority=4)})
    assert "a person's priority 1" in laws.broken[0]
    same = _judge()
    same.cycle([_put(START, priority=2, group_id=7002)], [], {7: _row(group_id=7002)})
    assert same.broken == ["ticket 7: priority was sent although it was 2 already"]
