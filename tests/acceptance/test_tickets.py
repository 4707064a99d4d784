"""Tickets nobody tuned the packs on get the right actions at the right instants, and not a second earlier."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from tests.acceptance.tickets import SECOND, Sheet, fits, sheets, told

_ALL = list(sheets())


def _waits() -> list[Any]:
    return [
        pytest.param(sheet, wait, id=f"{sheet.name} {wait.get('kind')} {wait['at']}")
        for sheet in _ALL
        for wait in sheet.waits
    ]


@pytest.mark.parametrize(("sheet", "wait"), _waits())
def test_what_waits_comes_at_its_instant_and_not_a_second_before(sheet: Sheet, wait: Mapping[str, Any]) -> None:
    """One second before nothing of the kind; at the instant and a second later it is there, due at that instant."""
    at = sheet.at(wait["at"])
    if "after" in wait:  # the instant typed into the file against a calendar counted by hand
        office = sheet.offices[wait["office"]] if "office" in wait else sheet.office
        assert office.after(sheet.at(wait["since"]), wait["after"]) == at
    before = sheet.plan(at - SECOND)
    assert not [one for one in before.actions if fits(wait, one) and one.due == at], told(before)
    if not wait.get("again"):
        assert not [one for one in before.actions if fits(wait, one)], told(before)
    for now in (at, at + SECOND):
        plan = sheet.plan(now)
        found = [one for one in plan.actions if fits(wait, one)]
        due = {now} if wait.get("due") == "now" else {at}
        assert {one.due for one in found} == due, told(plan)
    woken = sheet.wake(at - SECOND)
    assert woken is not None
    assert woken <= at


def _looks() -> list[Any]:
    return [
        pytest.param(sheet, look, id=f"{sheet.name} {look['now']}") for sheet in _ALL for look in sheet.looks
    ]  # fmt: skip


@pytest.mark.parametrize(("sheet", "look"), _looks())
def test_what_is_seen_at_one_instant(sheet: Sheet, look: Mapping[str, Any]) -> None:
    """All that must come comes, nothing that must not does, and with `only` there is nothing else."""
    now: datetime = sheet.at(look["now"])
    plan = sheet.plan(now)
    for wanted in look.get("comes", ()):
        assert [one for one in plan.actions if fits(wanted, one)], f"{wanted}\n{told(plan)}"
    for unwanted in look.get("never", ()):
        assert not [one for one in plan.actions if fits(unwanted, one)], f"{unwanted}\n{told(plan)}"
    if look.get("only"):
        extra = [one for one in plan.actions if not any(fits(wanted, one) for wanted in look.get("comes", ()))]
        assert not extra, told(plan)
    if "unknown" in look:
        assert look["unknown"] in {one.rule.name for one in plan.unknown}, told(plan)
