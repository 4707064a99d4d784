"""The daemon: a cycle for each account in turn, again and again, until it is asked to stop.

One failing account never stops the others, one failing job never stops the round, and an account that can't be
reached is left alone for longer each time. `schedule` counts on the wall clock, which may be set back (by an hour,
where summer time ends): a monotonic clock beside it makes sure that no job waits for that hour.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import schedule
import structlog

from connector.apply.drift import stamp
from connector.cycle.account import Account, CycleReport
from connector.cycle.run import run_cycle
from connector.errors import AccountBlocked, EscaleraError, StoreError
from connector.hints import Hints
from connector.missed import look
from connector.reload import MappingWatch, refresh
from connector.service import Signals, Watchdog, sd_notify
from connector.store.problems import StoreFull
from connector.vitals import Vitals

_LONGEST_REST = 900.0
_BLOCKED_REST = 3600.0
_STORE_FAILURES = 5
#: The account fact that says what the daemon does with the account now: in a cycle, between two, or at rest.
PULSE = "pulse"
_log = structlog.get_logger("escalera.loop")


@dataclass(slots=True)
class _Turn:
    """One account's place in the round, on the monotonic clock."""

    account: Account
    watch: MappingWatch | None
    job: Any = None
    last: float = float("-inf")
    rest_until: float = float("-inf")
    failures: int = 0
    store_failures: int = 0


@dataclass(slots=True)
class Loop:
    """Runs `accounts` every `every` seconds plus at most `jitter`, each with its mapping watch where there is one.

    `cycle`, `monotonic` and `signals` are seams for tests and rehearsals. `on_report` sees each report. `vitals` is the
    pulse others may read meanwhile, `hints` what brings a turn forward; `missed_after`: seconds after which what should
    have fired counts as missed.
    """

    accounts: Sequence[Account]
    every: float = 60.0
    jitter: float = 5.0
    watches: Mapping[str, MappingWatch] = field(default_factory=dict)
    dry_run: bool = False
    cycle: Callable[..., CycleReport] = run_cycle
    on_report: Callable[[CycleReport], None] = lambda report: None  # noqa: ARG005
    monotonic: Callable[[], float] = time.monotonic
    signals: Signals = field(default_factory=Signals)
    rounds: int | None = None
    vitals: Vitals = field(default_factory=Vitals)
    hints: Hints | None = None
    missed_after: float = 900.0

    def run(self) -> int:
        """Go round until a signal, or for `rounds` rounds; the exit code: 0, or 1 where the state is unusable."""
        watchdog, scheduler = Watchdog(self.monotonic), schedule.Scheduler()
        turns = [_Turn(account, self.watches.get(account.name)) for account in self.accounts]
        self.vitals.every = self.every + self.jitter
        self.vitals.start(account.name for account in self.accounts)
        self.signals.stopping.on_wait = lambda: self._step(watchdog)
        for turn in turns:
            turn.job = self._schedule(scheduler).do(self._job, turn, watchdog)
        self._beat("running")
        sd_notify("READY=1")
        sd_notify(f"STATUS=looking after {', '.join(account.name for account in self.accounts)}")
        done = 0
        try:
            with self.signals.listening():
                while not self.signals.stopping.is_set():
                    self._step(watchdog)
                    for turn in self._ready(turns):
                        if self.signals.stopping.is_set():
                            break
                        turn.job.run()
                        done += 1
                        if turn.store_failures >= _STORE_FAILURES:
                            _log.critical("the state can't be written; giving up", account=turn.account.name)
                            return 1
                    if self.rounds is not None and done >= self.rounds * max(1, len(turns)):
                        break
                    self._reload_if_asked(turns)
                    self.signals.sleep(self._pause(scheduler, watchdog))
        finally:
            sd_notify("STOPPING=1")
            self.vitals.stop()
            scheduler.clear()
            self._beat("stopped")
        return 0

    # --- the round ---------------------------------------------------------------------------------------------------
    def _schedule(self, scheduler: schedule.Scheduler) -> schedule.Job:
        """Every so many whole seconds, spread by the jitter so that many daemons do not call at the same instant."""
        every, jitter = max(1, round(self.every)), round(self.jitter)
        job = scheduler.every(every)
        spread: schedule.Job = (job.to(every + jitter) if jitter > 0 else job).seconds
        return spread

    def _ready(self, turns: Sequence[_Turn]) -> list[_Turn]:
        """Whose job is due by the wall clock, or late by the monotonic one, and who may be called again."""
        at, late = self.monotonic(), self.every + self.jitter + 1
        return [
            turn
            for turn in turns
            if at >= turn.rest_until
            and (turn.job.should_run or at - turn.last >= late or self._hinted(turn.account.name))
        ]

    def _hinted(self, account: str) -> bool:
        return self.hints is not None and self.hints.due(account)

    def _pause(self, scheduler: schedule.Scheduler, watchdog: Watchdog) -> float:
        idle = scheduler.idle_seconds
        hint = self.hints.wait() if self.hints is not None else None
        waits = [1.0 if idle is None else idle, *([hint] if hint is not None else [])]
        return min(max(min(waits), 0.05), 5.0, watchdog.period or 5.0)

    def _reload_if_asked(self, turns: Sequence[_Turn]) -> None:
        if self.signals.take_reload():
            _log.info("asked to reload")
            for turn in turns:
                turn.rest_until = float("-inf")
                turn.failures = 0
                self._refresh(turn, force=True)
                turn.last = float("-inf")

    # --- one account's turn ------------------------------------------------------------------------------------------
    def _job(self, turn: _Turn, watchdog: Watchdog) -> None:
        """One turn of one account, with its heartbeat around it."""
        name = turn.account.name
        if self.hints is not None:
            self.hints.answered(name)
        with self.vitals.cycle(name):
            try:
                self._cycle(turn, watchdog)
            except Exception as error:  # noqa: BLE001 - what comes after a cycle must not end the round either
                self._rest(turn, None)
                _log.error("what follows a cycle failed", account=name, exc_info=error)
        turn.last = self.monotonic()
        self._pulse(turn, "rests" if turn.rest_until > turn.last else "waiting")

    def _cycle(self, turn: _Turn, watchdog: Watchdog) -> None:
        """One cycle, wrapped: whatever happens here, the round goes on."""
        account = turn.account
        try:
            self._pulse(turn, "cycle")
            self._refresh(turn)
            report = self.cycle(account, now=account.clock, dry_run=self.dry_run, stop=lambda: self._moving(watchdog))
        except StoreError as error:
            # A full disk is waited for, however long: ending would only lose who says so.
            turn.store_failures += not isinstance(error, StoreFull)
            self._rest(turn, None)
            _log.error("the state can't be used", account=account.name, why=str(error))
        except EscaleraError as error:
            self._rest(turn, _BLOCKED_REST if isinstance(error, AccountBlocked) else None)
            _log.error("cycle failed", account=account.name, why=str(error))
        except Exception as error:  # noqa: BLE001 - the round must go on
            self._rest(turn, None)
            _log.error("cycle failed", account=account.name, exc_info=error)
        else:
            turn.store_failures = 0
            self._after(turn, report)
            self._compare(turn, report)
            return
        self._compare(turn, None)

    def _after(self, turn: _Turn, report: CycleReport) -> None:
        if report.blocked:
            self._rest(turn, _BLOCKED_REST)
        elif report.trouble is not None:
            self._rest(turn, report.retry_after)
        else:
            turn.failures = 0
            self.vitals.goes_on(turn.account.name)
        self.vitals.reported(report, **_standing(turn.account))
        sd_notify(f"STATUS=last cycle of {report.account}: {report.evaluated} looked at, {report.acted} acted on")
        self.on_report(report)

    def _rest(self, turn: _Turn, seconds: float | None) -> None:
        """Leave the account alone: as long as the helpdesk asks, else twice as long each time, within bounds."""
        turn.failures += 1
        grown = self.every * 2 ** min(turn.failures, 10)
        longest = max(_LONGEST_REST, seconds or 0.0) if seconds == _BLOCKED_REST else _LONGEST_REST
        rest = min(max(seconds if seconds is not None else grown, 1.0), longest)
        turn.rest_until = self.monotonic() + rest
        self.vitals.rests(turn.account.name, rest, blocked=seconds == _BLOCKED_REST)
        _log.warning("account rests", account=turn.account.name, seconds=round(rest), failures=turn.failures)

    def _refresh(self, turn: _Turn, *, force: bool = False) -> None:
        if turn.watch is None:
            return
        try:
            refresh(turn.account, turn.watch, force=force)
        except (EscaleraError, OSError) as error:
            _log.error("mappings can't be looked at; the old policy stays", account=turn.account.name, why=str(error))

    def _moving(self, watchdog: Watchdog) -> bool:
        """Asked by a cycle between its steps: whether to stop. The watchdog is patted from here, by real progress."""
        self._step(watchdog)
        return self.signals.stopping.is_set()

    def _step(self, watchdog: Watchdog) -> None:
        """Something moved. A loop that goes round without ever giving an account its turn is not alive."""
        self.vitals.step()
        if not self.vitals.silent():
            watchdog.pat()

    def _compare(self, turn: _Turn, report: CycleReport | None) -> None:
        """What should have fired, against what did."""
        if self.dry_run:
            return
        account = turn.account
        try:
            found = look(account, report, self._instant(account), timedelta(seconds=self.missed_after))
        except StoreError as error:
            _log.error("what was missed can't be told", account=account.name, why=str(error))
        else:
            self.vitals.missed(account.name, found)

    def _pulse(self, turn: _Turn, state: str) -> None:
        """Leave in the state what the daemon does now, for `escalera status`, which runs beside it."""
        if self.dry_run:
            return
        account = turn.account
        at = self._instant(account)
        body: dict[str, Any] = {"state": state, "at": stamp(at)}
        if state == "rests":
            body["until"] = stamp(at + timedelta(seconds=max(0.0, turn.rest_until - turn.last)))
        try:
            with account.store.transaction():
                account.store.set_fact(account.name, PULSE, body, at)
        except StoreError as error:
            _log.error("the heartbeat can't be written", account=account.name, why=str(error))

    def _instant(self, account: Account) -> datetime:
        """The account's clock; this machine's where the helpdesk, whose clock it is, does not answer."""
        try:
            return account.clock()
        except EscaleraError:
            return datetime.now(UTC)

    def _beat(self, state: str) -> None:
        for account in self.accounts:
            if self.dry_run:
                continue
            at = self._instant(account)
            body = {
                "state": state, "pid": os.getpid(), "at": stamp(at), "every": self.every,
                "cycle_deadline": self.vitals.cycle_deadline,
            }  # fmt: skip
            try:
                with account.store.transaction():
                    account.store.set_fact(account.name, "daemon", body, at)
            except StoreError as error:
                _log.error("the state can't be written", account=account.name, why=str(error))


def _standing(account: Account) -> dict[str, Any]:
    """What the listener tells of an account beyond a cycle's report."""
    learnt = getattr(account.reader, "api_budget", lambda: None)()
    return {
        "policy": (account.policy.name, account.policy.digest),
        "open_intents": len(account.store.open_intents(account.name)),
        "api_total": learnt.total if learnt is not None else None,
        "api_left": learnt.remaining if learnt is not None else None,
    }


def overdue(
    beat: Mapping[str, Any] | None,
    last_cycle: datetime | None,
    now: datetime,
    pulse: Mapping[str, Any] | None = None,
) -> timedelta | None:
    """How long a running daemon has been silent beyond three of its rounds; None where it is not or not running.

    `pulse`: its last word on the account. A rest is no silence until it is over, a cycle not before its own deadline.
    """
    if beat is None or beat.get("state") != "running":
        return None
    allowed = timedelta(seconds=3 * float(beat["every"]) + 60)
    heard = [at for at in (last_cycle, _at(beat, "at")) if at is not None]
    if pulse is not None:
        heard += [at for at in (_at(pulse, "at"), _at(pulse, "until")) if at is not None]
        if pulse.get("state") == "cycle":
            allowed = max(allowed, timedelta(seconds=float(beat.get("cycle_deadline", 0))))
    if not heard:
        return None
    silent = now - max(heard)
    return silent if silent > allowed else None


def _at(body: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(body[name]) if body.get(name) else None
