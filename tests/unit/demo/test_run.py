"""Both lives of the demonstration on a short story: what is lost without the daemon, and that nothing is with it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import keyring
import pytest

from connector import emulator
from connector.audit import verify
from connector.demo.figures import as_json
from connector.demo.record import Demonstration, tickets
from connector.demo.register import workbook
from connector.demo.run import STATE, demonstrate, settings_for
from connector.demo.seed import contact_centre
from connector.errors import UsageError
from connector.store.opening import open_store
from tests.unit.demo.conftest import DAYS, short_story


def test_escalated_tickets_are_lost_without_the_daemon_and_none_with_it(lived: Demonstration) -> None:
    """The demonstration's whole point: the helpdesk's clock takes escalated tickets unless the daemon stands by."""
    assert len(tickets(lived.without.lost)) > 10
    assert lived.guarded.lost == []
    assert lived.broken() == []


def test_what_is_not_escalated_is_closed_in_both_lives(lived: Demonstration) -> None:
    """The daemon keeps escalated tickets alive and no others."""
    assert lived.without.closed_rightly
    assert [(one.at, one.ticket) for one in lived.guarded.closed_rightly] == [
        (one.at, one.ticket) for one in lived.without.closed_rightly
    ]
    escalated = {number for number, case in lived.guarded.cases.items() if case.situation is not None}
    assert {deed.ticket for deed in lived.guarded.toggles} <= escalated


def test_every_lost_ticket_was_kept_alive_or_ended_by_people(lived: Demonstration) -> None:
    """A ticket lost in the first life was toggled in the second, or people or the customer moved it in time."""
    kept = {deed.ticket for deed in lived.guarded.toggles}
    moved = {int(event["ticket"]) for _, event in short_story()[1]}
    assert set(tickets(lived.without.lost)) <= kept | moved


def test_no_customer_is_mailed_by_the_daemon(lived: Demonstration) -> None:
    """While a cycle runs nobody else acts, and no mail to a customer leaves then."""
    assert [mail for mail in lived.guarded.mails if mail.by_daemon and mail.to_customer] == []
    assert [mail for mail in lived.guarded.mails if mail.by_daemon] != []


def test_the_cap_holds(lived: Demonstration) -> None:
    """No ticket is toggled more often than its rule allows."""
    assert lived.guarded.cap == 8
    assert 0 < max(Counter(deed.ticket for deed in lived.guarded.toggles).values()) <= 8


def test_the_first_plan_is_held_and_approved_by_the_demo_user(lived: Demonstration) -> None:
    """A plan that touches most tickets at once waits for a person, here the user `demo`, and is then carried out."""
    first = lived.guarded.held[0]
    assert first.at == lived.guarded.start
    assert {held.approved_by for held in lived.guarded.held} == {"demo"}
    assert "share" in first.limits
    done_at = {deed.at for deed in lived.guarded.prioritised}
    assert min(done_at) > first.at


def test_one_cycle_runs_at_the_start_and_then_every_hour(lived: Demonstration) -> None:
    """Cycles decide at full hours by the helpdesk's clock."""
    assert lived.guarded.cycles == DAYS * 24 + 1
    assert {(deed.at.minute, deed.at.second) for deed in lived.guarded.deeds} == {(0, 0)}
    told = {line.at.replace(microsecond=0) for line in lived.guarded.audit}
    assert {(at.minute, at.second) for at in told} == {(0, 0)}
    # A cycle that only sees that people ended an escalation does nothing itself.
    acted = {line.at.replace(microsecond=0) for line in lived.guarded.audit if line.kind != "escalation_ended"}
    assert acted <= {deed.at for deed in lived.guarded.deeds}


def test_a_rerun_tells_the_identical_story(tmp_path: Path) -> None:
    """Neither the machine's clock nor chance has a say."""
    seed, events = short_story()
    first, second = (demonstrate(tmp_path / name, days=4, seed=seed, events=events) for name in ("first", "second"))
    assert as_json(first) == as_json(second)
    assert workbook(first, "es") == workbook(second, "es")


def test_the_register_names_the_customers(lived: Demonstration) -> None:
    """Every line tells who the customer is and how to reach them."""
    assert lived.register
    assert [one.id for one in lived.register if not one.body["customer"] or not one.body["email"]] == []


def test_the_kept_state_verifies_by_itself(tmp_path: Path) -> None:
    """The state left behind is an ordinary one: its chain verifies, and the approval is in it."""
    seed, events = short_story()
    demo = demonstrate(tmp_path, days=1, seed=seed, events=events)
    store = open_store(str(tmp_path / STATE), read_only=True)
    try:
        assert verify(store).checked == demo.guarded.audit_events > 0
        kinds = Counter(event.kind for event in store.audit("demo"))
    finally:
        store.close()
    assert kinds["plan_approved"] == len(demo.guarded.held) == kinds["plan_claimed"]


def test_neither_environment_nor_keyring_has_a_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demonstration runs the same on a machine with a key, a variable, or a locked keyring."""

    def locked(*_: Any) -> str:
        msg = "the demonstration asked the keyring"
        raise AssertionError(msg)

    monkeypatch.setattr(keyring, "get_password", locked)
    monkeypatch.setenv("ESCALERA_KEY_DEMO", "some-other-key")
    monkeypatch.setenv("ESCALERA_LIMITS__ACTIONS", "0")
    assert settings_for(tmp_path, "http://127.0.0.1:1", tmp_path).guard_limits().actions == 50
    seed, events = short_story()
    assert demonstrate(tmp_path, days=1, seed=seed, events=events).broken() == []


def test_a_folder_with_a_state_is_refused(tmp_path: Path) -> None:
    """A demonstration never goes on from, or over, another one's state."""
    (tmp_path / STATE).touch()
    with pytest.raises(UsageError, match=r"state\.db exists"):
        demonstrate(tmp_path)


def test_no_days_are_refused(tmp_path: Path) -> None:
    """Zero days tell nothing."""
    with pytest.raises(UsageError, match="at least one day, not 0"):
        demonstrate(tmp_path, days=0)


def test_the_emulators_are_stopped(lived: Demonstration) -> None:
    """No listening thread is left behind by either life."""
    import threading

    with emulator.serve(contact_centre(), key="k"):
        assert "emulator" in {thread.name for thread in threading.enumerate()}
    assert lived.days == DAYS
    assert "emulator" not in {thread.name for thread in threading.enumerate()}
