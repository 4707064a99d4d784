"""Keep-alive where the day of the escalation was mistyped into the future."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.core.model import Call, Memory
from tests.unit.core.rule_kit import NOW, answer_of, codes
from tests.unit.core.test_keepalive import escalated, keepalive


@pytest.mark.parametrize(
    ("first_seen", "toggles", "code"),
    [(59, 8, "CAP_REACHED"), (61, 3, "TOO_OLD")],
)
def test_an_escalation_dated_into_the_future_is_not_kept_alive_for_ever(
    first_seen: int, toggles: int, code: str
) -> None:
    """Cap and age count from when the ticket was first seen."""
    instants = tuple(NOW - timedelta(days=first_seen - 7 * number) for number in range(1, toggles + 1))
    memory = Memory(first_seen=NOW - timedelta(days=first_seen), toggles=instants)
    decision = answer_of(keepalive(cap=8), escalated(-3650, 13.9), memory)
    assert decision.call is Call.NO
    assert code in codes(decision)
