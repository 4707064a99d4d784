"""Retention: once a day, what is older than its setting goes; the rest of the day nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector import audit
from connector.core.model import Outcome
from connector.sections import RetentionSettings
from connector.store import open_store
from connector.store.base import SavedPlan, Store
from connector.upkeep import tidy
from tests.contract.store_samples import T0, at, intent, row

DAY = timedelta(days=1)
ALL = RetentionSettings(audit="10d", journal="10d", plans="10d", tickets="10d")


def _old() -> Store:
    store = open_store(":memory:")
    with store.transaction():
        store.put("mx", [row("7"), row("8", status="closed")])
        store.begin_intent(intent("a", ticket="8"))
        store.update_intent("mx", "a", outcome=Outcome.DONE, step=1, at=at(1), observed={})
        store.save_plan(SavedPlan("d" * 64, "mx", "applied", {"plan": "x" * 99}, T0))
        for number in range(3):
            store.append_audit("mx", T0 + number * 8 * DAY, "k", {"n": number})
    return store


def test_what_is_old_goes_once_a_day() -> None:
    """Journal before tickets, so that a closed ticket goes in the same round as the last line it holds."""
    store = _old()
    assert tidy(store, "mx", ALL, T0 + 20 * DAY) == {"plans": 1, "journal": 1, "tickets": 1, "audit": 2}
    assert [one.ticket.id for one in store.scan("mx")] == ["7"]
    assert store.open_count("mx") == 1
    assert audit.verify(store).ok
    assert tidy(store, "mx", ALL, T0 + 20.9 * DAY) is None
    assert tidy(store, "mx", ALL, T0 + 21 * DAY) == {"plans": 0, "journal": 0, "tickets": 0, "audit": 0}
    assert tidy(store, "mx", ALL, T0 + 19 * DAY) is not None, "a clock set back does not stop it"


def test_unlimited_keeps_everything() -> None:
    """And the defaults keep the audit."""
    store = _old()
    never = RetentionSettings(journal="unlimited", plans="unlimited", tickets="unlimited")
    assert tidy(store, "mx", never, T0 + 5000 * DAY) == {}
    assert RetentionSettings().audit is None
    assert "audit" not in (tidy(store, "mx", RetentionSettings(), T0 + 9000 * DAY) or {})
    assert audit.verify(store).checked == 3


@pytest.mark.parametrize("wrong", ["1h", "0d", "forever", -1, True])
def test_a_span_under_a_day_is_refused(wrong: object) -> None:
    """Most often it was meant otherwise."""
    with pytest.raises(ValueError, match=r"day|time span|between"):
        RetentionSettings(journal=wrong)
