"""Watching the watcher: a hung call, a dead poller, a schedule that stopped, and whatever was missed are noticed."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.commands.status import standing
from connector.core.guard import Limits
from connector.cycle.account import Account, CycleReport
from connector.cycle.run import run_cycle
from connector.errors import Unavailable
from connector.hints import Hints
from connector.loop import PULSE, Loop, overdue
from connector.missed import FACT, MOST, look
from connector.service import Signals, Stopping
from connector.vitals import Vitals
from tests.desk import DAY, HOUR, MATRIX, START, World, ticket
from tests.unit.test_loop import Clock, Quick, accounts, report

LATE = timedelta(minutes=15)


class Hand:
    """Seconds that move by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


# --- stuck, dead, silent ----------------------------------------------------------------------------------------------
def test_a_call_that_hangs_turns_health_red_and_stops_the_watchdog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody pats while the cycle waits for an answer that does not come; once it comes, all is well again."""
    entered, release, hand = threading.Event(), threading.Event(), Hand()
    vitals = Vitals(step_deadline=300, monotonic=hand)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "100000")

        def cycle(account: Account, **more: Any) -> CycleReport:
            more["stop"]()
            entered.set()
            release.wait(10)
            return report(account)

        signals = _ThreadSignals()
        loop = Loop(accounts("a"), every=1, jitter=0, cycle=cycle, monotonic=Clock(1), signals=signals, vitals=vitals)
        loop.rounds = 1
        poller = threading.Thread(target=loop.run, daemon=True)
        poller.start()
        assert entered.wait(5)
        told = _drain(line)
        assert "WATCHDOG=1" in told
        assert vitals.stuck() == []
        hand.at += 301
        time.sleep(0.3)
        assert "WATCHDOG=1" not in _drain(line)
        assert vitals.stuck() == ["the cycle of account a took no step for 301 s (allowed: 300 s)"]
        release.set()
        poller.join(5)
    assert vitals.stuck() == []


def _drain(line: socket.socket) -> list[str]:
    told = []
    line.settimeout(0.05)
    while True:
        try:
            told.append(line.recv(256).decode())
        except TimeoutError:
            return told


class _ThreadSignals(Quick):
    """Signals for a loop that does not run in the main thread."""

    def listening(self) -> Any:
        """No handlers."""
        from contextlib import nullcontext

        return nullcontext(self)


def test_a_dead_poller_is_noticed_by_its_missing_heartbeat() -> None:
    """The thread that polls dies of something nobody catches: health turns red, its accounts fall silent."""
    hand = Hand()
    vitals = Vitals(every=60, step_deadline=300, monotonic=hand)

    class Dies(_ThreadSignals):
        def sleep(self, seconds: float) -> None:
            raise SystemExit

    loop = Loop(
        accounts("a"), every=60, jitter=0, cycle=lambda account, **more: report(account), monotonic=Clock(1),
        signals=Dies(), vitals=vitals,
    )  # fmt: skip
    vitals.stop = lambda: None  # type: ignore[method-assign] - killed: it has no last word

    def poll() -> None:
        with contextlib.suppress(SystemExit):
            loop.run()

    poller = threading.Thread(target=poll, daemon=True)
    poller.start()
    poller.join(5)
    assert (poller.is_alive(), vitals.stuck(), vitals.silent()) == (False, [], [])
    hand.at += 301
    assert vitals.silent() == ["a"]
    assert vitals.stuck() == ["the loop took no step for 301 s (allowed: 300 s)"]


def test_a_schedule_that_stopped_is_noticed_although_the_loop_goes_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts never get their turn: they are silent, and the watchdog is not patted any more."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "1000")
    hand, vitals_of = Hand(), list[list[str]]()
    vitals = Vitals(monotonic=hand)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))

        class Turns(Quick):
            def sleep(self, seconds: float) -> None:
                hand.at += 30
                told = _drain(line)
                vitals_of.append(["silent" if vitals.silent() else "heard", *told])
                if len(vitals_of) > 14:
                    self.stop()

        loop = Loop(
            accounts("a"), every=60, jitter=0, cycle=lambda account, **more: report(account), signals=Turns(),
            vitals=vitals,
        )  # fmt: skip
        monkeypatch.setattr(Loop, "_ready", lambda self, turns: [])
        assert loop.run() == 0
    heard = [one for one in vitals_of if one[0] == "heard"]
    silent = [one for one in vitals_of if one[0] == "silent"]
    assert all("WATCHDOG=1" in one for one in heard)
    assert len(silent) > 3
    assert all("WATCHDOG=1" not in one for one in silent[1:])


def test_waiting_for_leave_to_call_is_not_being_stuck() -> None:
    """A wait of minutes for the rate budget reports itself alive meanwhile, and ends at once when asked to stop."""
    seen: list[float] = []
    stopping = Stopping(lambda: seen.append(time.monotonic()))
    stopping._SLICE = 0.02
    assert stopping.wait(0.1) is False
    assert len(seen) >= 4
    stopping.set()
    assert stopping.wait(60) is True


def test_a_resting_or_blocked_account_is_not_silent() -> None:
    """It is left alone on purpose, and said to be."""
    hand = Hand()
    vitals = Vitals(every=60, monotonic=hand)
    vitals.start(["a"])
    vitals.rests("a", 3600, blocked=True)
    hand.at += 3600
    assert vitals.silent() == []
    hand.at += 300
    assert vitals.silent() == ["a"]


# --- the word left in the state ---------------------------------------------------------------------------------------
def test_the_heartbeat_stands_in_the_state_and_status_reads_it() -> None:
    """In a cycle, between two, at rest; status names a silence, from another process, by the state alone."""
    (account,) = accounts("a")
    seen: list[str] = []

    def cycle(one: Account, **more: Any) -> CycleReport:
        seen.append(account.store.fact("a", PULSE)["state"])
        return report(one, trouble="503", retry_after=600.0)

    Loop([account], every=1, jitter=0, cycle=cycle, monotonic=Clock(1), signals=Quick(), rounds=1).run()
    pulse = account.store.fact("a", PULSE)
    assert (seen, pulse["state"], "until" in pulse) == (["cycle"], "rests", True)
    with account.store.transaction():  # killed: it never said that it stopped
        account.store.set_fact("a", "daemon", {**account.store.fact("a", "daemon"), "state": "running"}, START)
    assert standing(account.store, "a", START + timedelta(seconds=620))["needs_a_person"] == []
    found = standing(account.store, "a", START + HOUR)
    assert (found["needs_a_person"], found["silent_for"] > 0) == (["the daemon is silent"], True)


def test_a_first_cycle_that_never_ends_is_noticed() -> None:
    """There is no last cycle yet: the daemon's own start counts; a cycle has its own deadline."""
    beat = {"state": "running", "every": 60, "at": START.isoformat(), "cycle_deadline": 3600}
    pulse = {"state": "cycle", "at": START.isoformat()}
    assert overdue(beat, None, START + HOUR / 2, pulse) is None
    assert overdue(beat, None, START + 2 * HOUR, pulse) == 2 * HOUR
    assert overdue(beat, None, START + HOUR / 2) == HOUR / 2


def test_a_hint_brings_the_turn_forward_but_ends_no_rest() -> None:
    """A look between two rounds; while the helpdesk asked for patience, none."""
    clock, calls = Hand(), list[float]()
    hints = Hints(["a"], pause=10, settle=0, monotonic=clock)

    class Turns(Quick):
        def sleep(self, seconds: float) -> None:
            clock.at += 1
            if clock.at in {5, 6, 7, 30}:
                hints.hint("a")
            if clock.at > 60:
                self.stop()

    def cycle(account: Account, **more: Any) -> CycleReport:
        calls.append(clock.at)
        return report(account, **({"trouble": "429", "retry_after": 1000.0} if clock.at >= 15 else {}))

    Loop(accounts("a"), every=500, jitter=0, cycle=cycle, monotonic=clock, signals=Turns(), hints=hints).run()
    assert calls == [0, 5, 15]


# --- should have fired ------------------------------------------------------------------------------------------------
def late(world: World) -> Any:
    """What is missed in the world now, after a cycle's report."""
    return lambda found: look(world.account, found, world.now(), LATE)


def test_a_ticket_nobody_looked_at_is_missed_named_once_and_forgotten_when_looked_at() -> None:
    """Its look is an hour late after a cycle: one audit event however often it is seen; the next cycle clears it."""
    world = World()
    world.mirror()
    with world.store.transaction():
        world.store.put("demo", [replace(world.row(), wake_at=START)])
    world.desk.clock = START + HOUR
    assert [late(world)(None).count for _ in range(3)] == [1, 1, 1]
    told = [(event.ticket, event.body["what"], event.body["why"]) for event in world.store.audit("demo")]
    assert told == [("1", "look", "the cycle failed")]
    status = standing(world.store, "demo", world.now())
    assert (status["lag"], len(status["missed"])) == (3600.0, 1)
    assert "1 look(s) or action(s) should have fired and did not" in status["needs_a_person"]
    found = run_cycle(world.account, now=world.now)
    assert late(world)(found).count == 0
    assert world.store.fact("demo", FACT) is None


def test_an_action_the_helpdesk_would_not_take_in_time_is_missed_and_one_that_waits_for_a_person_is_not() -> None:
    """Due a day ago and the helpdesk down: missed, with the reason. Held by the guard: somebody knows of it."""
    world = World(more=(MATRIX,))
    run_cycle(world.account, now=world.now)
    world.desk.clock = START + 2 * DAY
    writer = world.account.writer
    assert writer is not None

    class Down:
        def __getattr__(self, name: str) -> Any:
            def fail(*args: Any, **more: Any) -> Any:
                if name == "refuses":
                    return None
                msg = "503"
                raise Unavailable(msg)

            return fail

    world.account.writer = Down()
    found = run_cycle(world.account, now=world.now)
    assert found.plan is not None
    assert found.plan.actions
    missed = late(world)(found)
    assert {(one["ticket"], one["what"]) for one in missed.items} >= {("1", "note")}
    assert all("matrix 'ladder'" == one["rule"] for one in missed.items)
    world.account.writer, world.account.limits = writer, Limits(actions=0)
    world.desk.clock += HOUR
    held = run_cycle(world.account, now=world.now)
    assert held.held is not None
    assert late(world)(held).count == 0
    world.account.limits = Limits(share=None)
    world.desk.clock += HOUR
    assert late(world)(run_cycle(world.account, now=world.now)).count == 0


def test_what_is_missed_is_bounded() -> None:
    """Ten thousand late tickets name two hundred and say that there are more."""
    world = World(*(ticket(number) for number in range(1, MOST + 51)))
    world.mirror()
    with world.store.transaction():
        world.store.wake_all("demo", START)
    world.desk.clock = START + HOUR
    found = late(world)(None)
    assert (found.count, len(found.fresh), found.more) == (MOST, MOST, True)


def test_nothing_is_missed_in_ordinary_life() -> None:
    """Forty days of cycles every six hours: no false alarm."""
    world = World(*(ticket(number) for number in range(1, 6)), more=(MATRIX,))
    counts = set()
    for step in range(160):
        world.desk.clock = START + timedelta(hours=6) * step
        counts.add(late(world)(run_cycle(world.account, now=world.now)).count)
    assert counts == {0}


def test_a_fault_after_a_cycle_does_not_end_the_round() -> None:
    """Whatever follows a report: the other account has its turn."""
    seen: list[str] = []

    def after(found: CycleReport) -> None:
        seen.append(found.account)
        if found.account == "a":
            raise ZeroDivisionError

    Loop(
        accounts("a", "b"), every=1, jitter=0, cycle=lambda account, **more: report(account), monotonic=Clock(),
        signals=Quick(), rounds=2, on_report=after,
    ).run()  # fmt: skip
    assert {"a", "b"} <= set(seen)


def test_signals_can_be_nudged() -> None:
    """From another thread, a sleep ends early."""
    signals = Signals()
    threading.Timer(0.05, signals.nudge).start()
    began = time.monotonic()
    signals.sleep(5)
    assert time.monotonic() - began < 2
