"""Deciding on files alone: the same answers as a cycle gives, streamed, with an exit code that tells the truth."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.core.guard import Limits
from connector.errors import ConfigurationError, UsageError
from connector.mapping.load import load_policy
from connector.offline import decide_exports, find_ticket
from tests.unit.commands.conftest import PACK, ROWS, write_export

NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)


def test_plan_population_and_places(tmp_path: Path) -> None:
    """Open tickets are counted, closed ones are not; only tickets of the plan are kept, with their places."""
    closed = "1003;Cerrado no funciona;x;Cerrado;Normal;Correo;20.02.2026 10:00:00;21.02.2026 10:00:00;;;"
    decided = decide_exports([write_export(tmp_path / "a.csv", *ROWS, closed)], load_policy(PACK), NOW)
    assert decided.plan.population == 2
    assert {one.ticket for one in decided.plan.actions} == {"1001"}
    assert decided.tickets["1001"].place == "a.csv:2"
    assert decided.exit_code == 2


def test_exit_codes_follow_the_verdict(tmp_path: Path) -> None:
    """0 without actions, 3 where the guard holds."""
    policy = load_policy(PACK)
    assert decide_exports([write_export(tmp_path / "b.csv", ROWS[1])], policy, NOW).exit_code == 0
    held = decide_exports([write_export(tmp_path / "a.csv", *ROWS)], policy, NOW, limits=Limits(actions=0))
    assert (held.exit_code, held.verdict.go) == (3, False)


def test_later_file_wins_for_a_repeated_ticket(tmp_path: Path) -> None:
    """A ticket in two exports counts once, as it was last changed."""
    older = write_export(tmp_path / "a.csv", ROWS[0])
    newer = write_export(
        tmp_path / "b.csv", ROWS[0].replace("09.03.2026 10", "09.03.2026 11").replace("Normal", "Urgente")
    )
    decided = decide_exports([older, newer], load_policy(PACK), NOW)
    assert decided.plan.population == 1
    assert [one for one in decided.plan.actions if one.kind == "set"] == []


def test_ticket_that_is_in_no_file(tmp_path: Path) -> None:
    """It is said, with the files looked at."""
    with pytest.raises(UsageError, match=r"ticket 9 is not in a\.csv"):
        find_ticket([write_export(tmp_path / "a.csv", *ROWS)], load_policy(PACK), "9")


def test_file_that_is_no_export(tmp_path: Path) -> None:
    """A file that fits no map of the pack is a configuration error that names it."""
    other = tmp_path / "x.csv"
    other.write_text("a;b\n1;2\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"x\.csv"):
        decide_exports([other], load_policy(PACK), NOW)
