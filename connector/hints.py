"""Hints that something may have changed: they bring the next look forward, and can do nothing else.

Many hints make one look: the first one waits a moment for those that come with it, and after a look brought forward
the next may come only after a pause. What a hint said is not kept; there is nothing here to keep it in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class _Waiting:
    """One account's place: when the first unanswered hint came, and when a look was last brought forward."""

    since: float | None = None
    looked: float = float("-inf")


class Hints:
    """Shared by the listener, which takes hints in, and the loop, which answers them. Seconds, monotonic clock.

    `pause`: between two looks brought forward. `settle`: how long a first hint waits for others.
    """

    def __init__(
        self,
        accounts: Iterable[str],
        *,
        pause: float = 15.0,
        settle: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._pause, self._settle, self._monotonic, self._wake = pause, settle, monotonic, wake
        self._lock = threading.Lock()
        self._places = {name: _Waiting() for name in accounts}

    def hint(self, account: str) -> bool:
        """Somebody says that the account changed. False where a look is on its way already. Raises KeyError."""
        with self._lock:
            place = self._places[account]
            first = place.since is None
            if first:
                place.since = self._monotonic()
        if first:
            self._wake()
        return first

    def due(self, account: str) -> bool:
        """Whether the account is to be looked at now because of a hint."""
        with self._lock:
            place = self._places.get(account)
            return place is not None and place.since is not None and self._ready_at(place) <= self._monotonic()

    def answered(self, account: str) -> None:
        """A look begins: it answers every hint that has come so far, and the pause counts from here."""
        with self._lock:
            place = self._places.get(account)
            if place is not None and place.since is not None:
                place.since, place.looked = None, self._monotonic()

    def wait(self) -> float | None:
        """Seconds until a hint is to be answered; None where none waits."""
        with self._lock:
            ready = [self._ready_at(place) for place in self._places.values() if place.since is not None]
            return max(0.0, min(ready) - self._monotonic()) if ready else None

    def _ready_at(self, place: _Waiting) -> float:
        return max((place.since or 0.0) + self._settle, place.looked + self._pause)
