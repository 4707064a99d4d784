"""How fast one account may be called: learnt from its own answers, shared by every client and thread of the account.

Freshdesk counts credits a minute for the whole account, other apps included, and shows the total and what is left in
headers; sub-limits of single endpoint classes (listing, creating, updating) are in no header and only show as a 429
while credits are left. Plans differ and change, so nothing is assumed but a starting pace. A share of everything
learnt is left to others. Waiting times are always finite: nothing here latches.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

_MINUTE = 60.0
_BURST = 6.0  # seconds' worth of calls that may go at once, so that a short cycle never waits
_SLACK = 1e-6
_GROW_AFTER = 600.0  # a learnt limit is tried a tenth higher after so many seconds without a 429
_GROWTH = 1.1
_UNNAMED_WAIT = 15.0  # seconds to stand still after a 429 that names no time
_LEAST_SHARE = 0.05  # however busy others are, this share of the total is still tried


@dataclass(frozen=True, slots=True)
class Lease:
    """Leave to make one call: its endpoint class, what it was taken to cost (credits), and when it was given."""

    kind: str
    key: Hashable
    cost: float
    at: float


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is known of an account's limits; credits and calls a minute, None where never told."""

    total: float | None
    remaining: float | None
    kinds: Mapping[str, float]
    limited: int


class _Window:
    """Amounts spent within the last minute."""

    def __init__(self) -> None:
        self._entries: deque[tuple[float, float]] = deque()
        self.sum = 0.0

    def add(self, at: float, amount: float) -> None:
        self._entries.append((at, amount))
        self.sum += amount

    def trim(self, now: float) -> None:
        while self._entries and self._entries[0][0] <= now - _MINUTE:
            self.sum -= self._entries.popleft()[1]
        if not self._entries:
            self.sum = 0.0

    def since(self, start: float) -> float:
        return sum(amount for at, amount in self._entries if at >= start - _SLACK)

    def wait_for(self, room: float, now: float) -> float:
        """Seconds until the sum has fallen to `room`; the whole minute where even emptiness is not enough."""
        falling = self.sum
        for at, amount in self._entries:
            if falling <= room + _SLACK:
                break
            falling -= amount
            wait = at + _MINUTE - now
            if falling <= room + _SLACK:
                return max(0.0, wait)
        return 0.0 if self.sum <= room + _SLACK or not self._entries else _MINUTE


@dataclass(slots=True)
class _Pace:
    """Spreads amounts evenly at a rate a minute, with a small burst (generic cell rate algorithm)."""

    due: float = 0.0

    def wait(self, now: float) -> float:
        return max(0.0, self.due - now - _BURST)

    def take(self, now: float, amount: float, per_minute: float) -> None:
        self.due = max(self.due, now) + amount * _MINUTE / per_minute


@dataclass(slots=True)
class _Kind:
    """One endpoint class: its calls of the last minute, the sub-limit learnt for it (calls a minute), its pauses."""

    calls: _Window = field(default_factory=_Window)
    pace: _Pace = field(default_factory=_Pace)
    limit: float | None = None
    limit_at: float = 0.0
    blocked_until: float = 0.0


class Budget:
    """The shared state. `leave_free` is the share of every limit left to others; `cap` the credits a minute allowed
    by configuration at most; `assumed` the credits a minute taken for allowed until the account tells its own total;
    `longest_wait` bounds, in seconds, whatever a `Retry-After` asks for.
    """

    def __init__(
        self,
        *,
        leave_free: float = 0.25,
        cap: float | None = None,
        assumed: float = 300.0,
        longest_wait: float = 120.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 <= leave_free < 1:
            msg = f"leave_free must be a share from 0 up to, not including, 1; it is {leave_free}"
            raise ValueError(msg)
        if cap is not None and cap <= 0:
            msg = f"the cap on credits a minute must be above 0; it is {cap}"
            raise ValueError(msg)
        self.longest_wait = longest_wait
        self._keep = 1 - leave_free
        self._cap = cap
        self._assumed = assumed
        self._assumed_at = monotonic()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._spent = _Window()
        self._pace = _Pace()
        self._kinds: dict[str, _Kind] = {}
        self._costs: dict[Hashable, float] = {}
        self._total: float | None = None
        self._others = 0.0
        self._remaining = 0.0
        self._sampled: float | None = None
        self._spent_since_sample = 0.0
        self._blocked_until = 0.0
        self._limited = 0

    def ask(self, kind: str, *, cost: float = 1.0, key: Hashable = None) -> Lease | float:
        """Leave to call now, or the seconds to wait before asking again.

        `cost` is the guess in credits for calls like this one (same `kind` and `key`) until an answer told its own.
        """
        with self._lock:
            now = self._monotonic()
            state = self._kinds.setdefault(kind, _Kind())
            self._age(now, state)
            price = self._costs.get((kind, key), cost)
            wait = max(self._wait_account(now, price), self._wait_kind(now, state))
            if wait > _SLACK:
                return wait
            self._spent.add(now, price)
            self._spent_since_sample += price
            self._pace.take(now, price, max(price, self._allowed()))
            state.calls.add(now, 1)
            if state.limit is not None:
                state.pace.take(now, 1, self._kind_allowed(state.limit))
            return Lease(kind, key, price, now)

    def answered(
        self, lease: Lease, *, total: float | None = None, remaining: float | None = None, used: float | None = None
    ) -> None:
        """Learn from an answer's headers, each None where it carried none."""
        with self._lock:
            now = self._monotonic()
            self._spent.trim(now)
            if used is not None and used >= 0:
                if used > 0:
                    self._costs[lease.kind, lease.key] = used
                self._spent.add(now, used - lease.cost)
                self._spent_since_sample += used - lease.cost
            if total is not None and total > 0:
                self._total = total
            if remaining is not None and self._total is not None:
                self._sample(now, remaining)

    def limited(
        self,
        lease: Lease,
        *,
        retry_after: float | None,
        total: float | None = None,
        remaining: float | None = None,
    ) -> float:
        """Learn from a 429; returns the seconds to wait, never more than `longest_wait`."""
        with self._lock:
            now = self._monotonic()
            self._limited += 1
            state = self._kinds.setdefault(lease.kind, _Kind())
            self._age(now, state)
            wait = min(self.longest_wait, max(1.0, _UNNAMED_WAIT if retry_after is None else retry_after))
            if total is not None and total > 0:
                self._total = total
            left = remaining if remaining is not None else self._guess_left(now)
            # The refused call was counted when it left; it does not belong to what was granted.
            window_start = now + wait - _MINUTE if retry_after is not None else now - _MINUTE
            if left is not None and left >= lease.cost:
                granted = max(state.calls.since(window_start), (state.calls.sum - 1) / 2 + 1) - 1
                if granted >= 1:
                    state.limit, state.limit_at = granted, now
                state.blocked_until = now + wait
            elif self._total is None:
                granted = max(self._spent.since(window_start), self._spent.sum / 2) - lease.cost
                self._assumed, self._assumed_at = max(granted / self._keep, 10.0), now
            if remaining is None or left is None or left < lease.cost:
                self._blocked_until = now + wait
                self._pace.due = now + wait + _BURST
                self._sampled = None  # by then the window is another one
            state.pace.due = now + wait + _BURST
            return wait

    def learnt(self) -> Learnt:
        """What is known now."""
        with self._lock:
            kinds = {name: state.limit for name, state in self._kinds.items() if state.limit is not None}
            return Learnt(self._total, self._remaining if self._sampled is not None else None, kinds, self._limited)

    # All below: with the lock held.
    def _age(self, now: float, state: _Kind) -> None:
        self._spent.trim(now)
        state.calls.trim(now)
        if self._sampled is not None and now - self._sampled >= _MINUTE:
            self._sampled, self._others = None, 0.0
        if state.limit is not None and now - state.limit_at >= _GROW_AFTER:
            state.limit, state.limit_at = state.limit * _GROWTH + 1, now
        if self._total is None and now - self._assumed_at >= _MINUTE and self._limited == 0:
            self._assumed, self._assumed_at = self._assumed * 2, now
        elif self._total is None and now - self._assumed_at >= _GROW_AFTER:
            self._assumed, self._assumed_at = self._assumed * _GROWTH + 1, now

    def _sample(self, now: float, remaining: float) -> None:
        total = self._total or 0.0
        self._others = max(0.0, total - remaining - self._spent.sum)
        self._remaining, self._sampled, self._spent_since_sample = remaining, now, 0.0

    def _guess_left(self, now: float) -> float | None:
        if self._sampled is None or now - self._sampled >= _MINUTE:
            return None
        return self._remaining - self._spent_since_sample

    def _allowed(self) -> float:
        total = self._total if self._total is not None else self._assumed
        allowed = total * self._keep
        if self._sampled is not None:
            allowed = min(allowed, max(total - self._others, total * _LEAST_SHARE))
        return max(1.0, allowed if self._cap is None else min(allowed, self._cap))

    def _kind_allowed(self, limit: float) -> float:
        return max(1.0, limit * self._keep)

    def _wait_account(self, now: float, price: float) -> float:
        waits = [self._blocked_until - now, self._pace.wait(now)]
        allowed = self._allowed()
        waits.append(self._spent.wait_for(max(allowed - price, 0.0), now))
        left = self._guess_left(now)
        if left is not None and left < price and self._sampled is not None:
            waits.append(self._sampled + _MINUTE - now)
        return max(waits)

    def _wait_kind(self, now: float, state: _Kind) -> float:
        wait = state.blocked_until - now
        if state.limit is not None:
            room = max(self._kind_allowed(state.limit) - 1, 0.0)
            wait = max(wait, state.pace.wait(now), state.calls.wait_for(room, now))
        return wait
