"""The daemon's pulse, in memory: what it is doing, when it last took a step, and what it did; read by other threads.

Nothing here asks the helpdesk or the state. A step is anything between two calls to the outside, so a call that hangs
shows as the absence of steps, and an account whose turn never comes as the absence of its heartbeat.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from connector.core.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.cycle.account import CycleReport
    from connector.missed import Missed

#: Upper bounds, in seconds, of the classes by which cycle times are counted.
CYCLE_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


@dataclass(slots=True)
class AccountVitals:
    """One account's. Instants ending in `_mono` are on the monotonic clock, seconds; the others are aware UTC.

    `began_mono`: since when a cycle runs, None between cycles. `heard_mono`: the end of the last turn, whatever became
    of it. `rest_until_mono`: the account is left alone on purpose until then. Gauges tell of the last cycle, `acted`,
    `rejected` and `missed_total` count since the start.
    """

    name: str
    heard_mono: float
    began_mono: float | None = None
    rest_until_mono: float = float("-inf")
    blocked: bool = False
    troubled: bool = False
    complete: bool = True
    last_cycle: datetime | None = None
    next_wake: datetime | None = None
    policy: tuple[str, str] | None = None
    due: int = 0
    planned: int = 0
    population: int = 0
    held: int = 0
    unknown: int = 0
    deferred: int = 0
    quarantined: int = 0
    open_intents: int = 0
    missed: int = 0
    missed_total: int = 0
    rejected: int = 0
    failures: int = 0
    api_total: float | None = None
    api_left: float | None = None
    acted: Counter[tuple[str, str]] = field(default_factory=Counter)
    cycles: int = 0
    cycle_seconds: float = 0.0
    cycle_classes: list[int] = field(default_factory=lambda: [0] * (len(CYCLE_SECONDS) + 1))

    def lag(self, now: datetime) -> float:
        """Seconds by which the oldest look that is due is late; 0 where none is."""
        return max(0.0, (now - self.next_wake).total_seconds()) if self.next_wake is not None else 0.0


class Vitals:
    """Shared by the loop, which writes, and the listener, which reads. All times in seconds.

    `every`: the round at its longest. `step_deadline`, `cycle_deadline`: what a step and a cycle may take.
    """

    def __init__(
        self,
        *,
        every: float = 60.0,
        step_deadline: float = 300.0,
        cycle_deadline: float = 3600.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.every, self.step_deadline, self.cycle_deadline = every, step_deadline, cycle_deadline
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._accounts: dict[str, AccountVitals] = {}
        self._step = monotonic()
        self._stopped = False

    # --- the loop writes ----------------------------------------------------------------------------------------------
    def start(self, accounts: Iterable[str]) -> None:
        """The loop begins with these accounts: their heartbeats are expected from now on."""
        with self._lock:
            now = self._step = self._monotonic()
            self._stopped = False
            for name in accounts:
                self._accounts.setdefault(name, AccountVitals(name, now)).heard_mono = now

    def stop(self) -> None:
        """The loop has ended: nothing beats any more, and that is an end, not a silence."""
        with self._lock:
            self._stopped = True

    def step(self) -> None:
        """Something moved."""
        with self._lock:
            self._step = self._monotonic()

    @contextmanager
    def cycle(self, account: str) -> Iterator[None]:
        """An account's turn, from its begin to its end, however it ends."""
        with self._lock:
            began = self._step = self._monotonic()
            self._accounts[account].began_mono = began
        try:
            yield
        finally:
            with self._lock:
                one, now = self._accounts[account], self._monotonic()
                one.began_mono, one.heard_mono, self._step = None, now, now
                one.cycles += 1
                one.cycle_seconds += now - began
                one.cycle_classes[bisect_left(CYCLE_SECONDS, now - began)] += 1

    def rests(self, account: str, seconds: float, *, blocked: bool) -> None:
        """The account is left alone on purpose for so many seconds."""
        with self._lock:
            one = self._accounts[account]
            one.rest_until_mono = self._monotonic() + seconds
            one.failures += 1
            one.blocked = blocked

    def goes_on(self, account: str) -> None:
        """The account's rest, if it had one, is over."""
        with self._lock:
            one = self._accounts[account]
            one.rest_until_mono, one.blocked = float("-inf"), False

    def reported(self, report: CycleReport, **standing: Any) -> None:
        """A cycle ended with a report. `standing`: values of further fields of AccountVitals, as the state has them."""
        with self._lock:
            one = self._accounts[report.account]
            plan, verdict = report.plan, report.verdict
            one.last_cycle, one.complete = report.now, report.complete
            one.troubled, one.blocked = report.trouble is not None, report.blocked
            one.due, one.rejected = report.evaluated, one.rejected + len(report.rejected)
            one.quarantined = len(report.quarantined)
            one.planned = len(plan.actions) if plan is not None else 0
            one.unknown = len(plan.unknown) if plan is not None else 0
            one.population = plan.population if plan is not None else one.population
            one.deferred = len(verdict.deferred) if verdict is not None else 0
            exempt = len(verdict.exempt) if verdict is not None else 0
            one.held = max(0, one.planned - exempt) if report.held is not None else 0
            for result in report.applied:
                if not result.repeated:
                    one.acted[result.action.kind, result.outcome.value] += 1
            for intent, outcome in report.recovered:
                if outcome is not Outcome.INTENDED:
                    one.acted[intent.action.kind, outcome.value] += 1
            for name, value in standing.items():
                setattr(one, name, value)

    def missed(self, account: str, found: Missed) -> None:
        """What should have been looked at or done, and was not."""
        with self._lock:
            one = self._accounts[account]
            one.missed = found.count
            one.missed_total += len(found.fresh)
            one.next_wake = found.next_wake

    # --- others read --------------------------------------------------------------------------------------------------
    def accounts(self) -> list[AccountVitals]:
        """A copy of every account's."""
        with self._lock:
            return deepcopy(list(self._accounts.values()))

    def age(self, account: AccountVitals) -> float:
        """Seconds since the account's last heartbeat."""
        return max(0.0, self._monotonic() - account.heard_mono)

    def stuck(self) -> list[str]:
        """Why the daemon is not moving: no step for too long, or a cycle that takes too long. Empty: it moves."""
        with self._lock:
            if self._stopped:
                return []
            now, found = self._monotonic(), []
            still = now - self._step
            running = [one for one in self._accounts.values() if one.began_mono is not None]
            if still > self.step_deadline:
                where = f"the cycle of account {running[0].name}" if running else "the loop"
                found.append(f"{where} took no step for {still:.0f} s (allowed: {self.step_deadline:.0f} s)")
            for one in running:
                spent = now - (one.began_mono or now)
                if spent > self.cycle_deadline:
                    limit = f"(allowed: {self.cycle_deadline:.0f} s)"
                    found.append(f"the cycle of account {one.name} has taken {spent:.0f} s {limit}")
            return found

    def silent(self) -> list[str]:
        """Accounts whose heartbeat is missing: not in a cycle, not resting, and no turn for three rounds and a minute.

        While another account's cycle runs, a turn is not late: the accounts take turns.
        """
        with self._lock:
            if self._stopped:
                return []
            now, allowed = self._monotonic(), 3 * self.every + 60
            if any(one.began_mono is not None for one in self._accounts.values()):
                return []
            return [
                one.name for one in self._accounts.values() if now - max(one.heard_mono, one.rest_until_mono) > allowed
            ]
