"""The daemon goes round: no failing account stops another, signals end it well, broken mappings change nothing."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from connector.core.policy import Policy
from connector.cycle.account import Account, CycleReport
from connector.errors import ConfigurationError, StoreError
from connector.loop import Loop, overdue
from connector.reload import MappingWatch, refresh
from connector.service import Signals, Watchdog, sd_notify
from tests.desk import HOUR, PACK, START, World, policy


class Clock:
    """A monotonic clock that moves by a minute at each look, so that every job is always late."""

    def __init__(self, step: float = 60.0) -> None:
        self.at, self.step = 0.0, step

    def __call__(self) -> float:
        self.at += self.step
        return self.at


class Quick(Signals):
    """Signals that never sleep."""

    def sleep(self, seconds: float) -> None:
        """Go on at once."""


def report(account: Account, **values: Any) -> CycleReport:
    """A cycle's report."""
    return CycleReport(account.name, START, **values)


def accounts(*names: str) -> list[Account]:
    """Accounts over one world each."""
    made = []
    for name in names:
        account = World().account
        account.name = name
        made.append(account)
    return made


def test_each_account_has_its_turn_in_every_round() -> None:
    """Two accounts, three rounds, six cycles."""
    seen: list[str] = []

    def cycle(account: Account, **more: Any) -> CycleReport:
        seen.append(account.name)
        return report(account)

    loop = Loop(accounts("a", "b"), every=1, jitter=0, cycle=cycle, monotonic=Clock(), signals=Quick(), rounds=3)
    assert loop.run() == 0
    assert seen == ["a", "b"] * 3


@pytest.mark.parametrize("error", [ConfigurationError("x"), ZeroDivisionError("x"), StoreError("disk full")])
def test_a_failing_account_does_not_stop_the_others(error: Exception) -> None:
    """And is left alone for longer each time."""
    seen: list[str] = []

    def cycle(account: Account, **more: Any) -> CycleReport:
        seen.append(account.name)
        if account.name == "a":
            raise error
        return report(account)

    Loop(accounts("a", "b"), every=1, jitter=0, cycle=cycle, monotonic=Clock(1.5), signals=Quick(), rounds=6).run()
    assert seen.count("b") > seen.count("a") >= 1


def test_the_helpdesks_own_waiting_time_is_kept() -> None:
    """`Retry-After: 600`: no call for ten minutes."""
    calls: list[float] = []
    clock = Clock(10)

    def cycle(account: Account, **more: Any) -> CycleReport:
        calls.append(clock.at)
        return report(account, trouble="429", retry_after=600)

    Loop(accounts("a"), every=1, jitter=0, cycle=cycle, monotonic=clock, signals=Quick(), rounds=3).run()
    assert all(later - earlier >= 600 for earlier, later in pairwise(calls))


def test_a_blocked_account_is_not_called_again_for_an_hour() -> None:
    """Repeated bad logins would lock the agent out."""
    calls: list[float] = []
    clock = Clock(60)

    def cycle(account: Account, **more: Any) -> CycleReport:
        calls.append(clock.at)
        return report(account, trouble="bad key", blocked=True)

    Loop(accounts("a"), every=1, jitter=0, cycle=cycle, monotonic=clock, signals=Quick(), rounds=2).run()
    assert calls[1] - calls[0] >= 3600


def test_a_state_that_can_not_be_written_ends_the_daemon() -> None:
    """Nothing could be journalled: exit code 1, for the service manager to say so."""

    def cycle(account: Account, **more: Any) -> CycleReport:
        msg = "disk full"
        raise StoreError(msg)

    loop = Loop(accounts("a"), every=1, jitter=0, cycle=cycle, monotonic=Clock(1000), signals=Quick())
    assert loop.run() == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_daemon_after_the_action_in_hand(number: signal.Signals) -> None:
    """The cycle is asked to stop, ends in good order, and the exit code is 0; the state says `stopped`."""
    asked: list[bool] = []

    def cycle(account: Account, **more: Any) -> CycleReport:
        asked.append(more["stop"]())
        os.kill(os.getpid(), number)
        asked.append(more["stop"]())
        return report(account, stopped=True)

    (account,) = accounts("a")
    loop = Loop([account], every=1, jitter=0, cycle=cycle, monotonic=Clock())
    assert loop.run() == 0
    assert asked == [False, True]
    assert account.store.fact("a", "daemon")["state"] == "stopped"


def test_a_second_signal_ends_the_process_at_once() -> None:
    """Whoever asks twice means it."""
    codes: list[int] = []
    signals = Signals(exit_now=codes.append)
    with signals.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    assert codes == [128 + signal.SIGTERM]


def test_handlers_are_given_back() -> None:
    """A library that runs the loop keeps its own."""
    before = signal.getsignal(signal.SIGTERM)
    with Signals().listening():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


# --- mappings --------------------------------------------------------------------------------------------------------
def load(folder: Path) -> tuple[Policy, Mapping[str, str]]:
    """A loader: the word `broken` is a mistake."""
    text = (folder / "rules.yaml").read_text()
    if "broken" in text:
        msg = "rules.yaml:1:1  E001 broken"
        raise ConfigurationError(msg)
    return policy(base=PACK + text), {"rules.yaml": text}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A mapping folder."""
    (tmp_path / "rules.yaml").write_text("# one\n")
    return tmp_path


def test_a_changed_mapping_is_swapped_in(folder: Path) -> None:
    """Policy and texts together; a file that is only touched changes nothing."""
    account = World().account
    watch = MappingWatch(folder, load)
    assert refresh(account, watch) is False
    os.utime(folder / "rules.yaml", (1, 1))
    assert refresh(account, watch) is False
    (folder / "rules.yaml").write_text("# two\n")
    assert refresh(account, watch) is True
    assert (account.policy.digest, account.files) == (policy(base=PACK + "# two\n").digest, {"rules.yaml": "# two\n"})


def test_a_broken_mapping_keeps_the_old_policy_and_says_so_once(folder: Path) -> None:
    """The problems stand in the audit; mended, the mapping is taken."""
    world = World()
    account, old = world.account, world.account.policy
    watch = MappingWatch(folder, load)
    (folder / "rules.yaml").write_text("# broken\n")
    assert [refresh(account, watch) for _ in range(3)] == [False] * 3
    assert account.policy is old
    told = [event.body["problems"] for event in world.store.audit("demo") if event.kind == "policy_kept"]
    assert told == ["rules.yaml:1:1  E001 broken"]
    (folder / "rules.yaml").write_text("# mended\n")
    assert refresh(account, watch) is True


def test_reader_and_writer_follow_a_changed_field_map(folder: Path) -> None:
    """`rebind` makes them anew for the new policy."""
    world = World()
    bound: list[str] = []

    def rebind(new: Policy) -> Any:
        bound.append(new.digest)
        return world.desk.reader(), world.desk.writer()

    world.account.rebind = rebind
    watch = MappingWatch(folder, load)
    (folder / "rules.yaml").write_text("# two\n")
    refresh(world.account, watch)
    assert bound == [world.account.policy.digest]


def test_a_hangup_reloads_now_and_wakes_an_account_that_rests(folder: Path) -> None:
    """After SIGHUP the next round comes at once, with the new policy."""
    (account,) = accounts("a")
    old = account.policy.digest
    seen: list[str] = []

    def cycle(one: Account, **more: Any) -> CycleReport:
        seen.append(one.policy.digest)
        (folder / "rules.yaml").write_text("# two\n")
        os.kill(os.getpid(), signal.SIGHUP)
        return report(one, trouble="bad key", blocked=True)

    watch = MappingWatch(folder, load)
    Loop(
        [account], every=1, jitter=0, cycle=cycle, monotonic=Clock(), signals=Quick(), rounds=2, watches={"a": watch}
    ).run()
    assert (seen[0], len(set(seen))) == (old, 2)


# --- the service manager ----------------------------------------------------------------------------------------------
def test_systemd_is_told_ready_watchdog_and_stopping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Datagrams on its socket, in that order."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        Loop(
            accounts("a"), every=1, jitter=0, cycle=lambda account, **more: report(account), monotonic=Clock(0.25),
            signals=Quick(), rounds=1,
        ).run()  # fmt: skip
        told = [line.recv(256).decode()]
        while told[-1] != "STOPPING=1":
            told.append(line.recv(256).decode())
    assert [one for one in told if not one.startswith("STATUS=")] == ["READY=1", "WATCHDOG=1", "STOPPING=1"]
    assert "STATUS=last cycle of a: 0 looked at, 0 acted on" in told


def test_nobody_is_told_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of systemd."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert sd_notify("READY=1") is False


def test_the_watchdog_is_patted_at_most_twice_a_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every half of `WATCHDOG_USEC`; without it never."""
    monkeypatch.setenv("WATCHDOG_USEC", "20000000")
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert Watchdog().period == 10
    monkeypatch.delenv("WATCHDOG_USEC")
    assert Watchdog().period is None


def test_a_silent_daemon_is_noticed() -> None:
    """Longer than three rounds and a minute without a cycle."""
    beat = {"state": "running", "every": 60}
    assert overdue(beat, START, START + HOUR) == HOUR
    assert overdue(beat, START, START + HOUR / 30) is None
    assert overdue({**beat, "state": "stopped"}, START, START + HOUR) is None
