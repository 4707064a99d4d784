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
from datetime import datetime, timedelta
from typing import Any

import schedule
import structlog

from connector.apply.drift import stamp
from connector.cycle.account import Account, CycleReport
from connector.cycle.run import run_cycle
from connector.errors import AccountBlocked, EscaleraError, StoreError
from connector.reload import MappingWatch, refresh
from connector.service import Signals, Watchdog, sd_notify

_LONGEST_REST = 900.0
_BLOCKED_REST = 3600.0
_STORE_FAILURES = 5
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

    `cycle`, `monotonic` and `signals` are seams for tests and rehearsals. `on_report` sees each report.
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

    def run(self) -> int:
        """Go round until a signal, or for `rounds` rounds; the exit code: 0, or 1 where the state is unusable."""
        watchdog, scheduler = Watchdog(self.monotonic), schedule.Scheduler()
        turns = [_Turn(account, self.watches.get(account.name)) for account in self.accounts]
        for turn in turns:
            turn.job = self._schedule(scheduler).do(self._job, turn, watchdog)
        self._beat("running")
        sd_notify("READY=1")
        done = 0
        try:
            with self.signals.listening():
                while not self.signals.stopping.is_set():
                    watchdog.pat()
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
        return [turn for turn in turns if at >= turn.rest_until and (turn.job.should_run or at - turn.last >= late)]

    def _pause(self, scheduler: schedule.Scheduler, watchdog: Watchdog) -> float:
        idle = scheduler.idle_seconds
        return min(max(idle if idle is not None else 1.0, 0.05), 5.0, watchdog.period or 5.0)

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
        """One cycle of one account, wrapped: whatever happens here, the round goes on."""
        account = turn.account
        try:
            self._refresh(turn)
            report = self.cycle(account, now=account.clock, dry_run=self.dry_run, stop=lambda: self._moving(watchdog))
        except StoreError as error:
            turn.store_failures += 1
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
        turn.last = self.monotonic()

    def _after(self, turn: _Turn, report: CycleReport) -> None:
        if report.blocked:
            self._rest(turn, _BLOCKED_REST)
        elif report.trouble is not None:
            self._rest(turn, report.retry_after)
        else:
            turn.failures = 0
        self.on_report(report)

    def _rest(self, turn: _Turn, seconds: float | None) -> None:
        """Leave the account alone: as long as the helpdesk asks, else twice as long each time, within bounds."""
        turn.failures += 1
        grown = self.every * 2 ** min(turn.failures, 10)
        longest = max(_LONGEST_REST, seconds or 0.0) if seconds == _BLOCKED_REST else _LONGEST_REST
        rest = min(max(seconds if seconds is not None else grown, 1.0), longest)
        turn.rest_until = self.monotonic() + rest
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
        watchdog.pat()
        return self.signals.stopping.is_set()

    def _beat(self, state: str) -> None:
        for account in self.accounts:
            if self.dry_run:
                continue
            at: datetime = account.clock()
            body = {"state": state, "pid": os.getpid(), "at": stamp(at), "every": self.every}
            try:
                with account.store.transaction():
                    account.store.set_fact(account.name, "daemon", body, at)
            except StoreError as error:
                _log.error("the state can't be written", account=account.name, why=str(error))


def overdue(beat: Mapping[str, Any] | None, last_cycle: datetime | None, now: datetime) -> timedelta | None:
    """How long a running daemon has been silent beyond three of its rounds; None where it is not or not running."""
    if beat is None or beat.get("state") != "running" or last_cycle is None:
        return None
    silent = now - last_cycle
    allowed = timedelta(seconds=3 * float(beat["every"]) + 60)
    return silent if silent > allowed else None
