"""The account's rate limits: a total of credits a minute, and sub-limits for some endpoints which no header shows.

The minute is the wall clock's, so that a client told to wait gets through by waiting even where the emulated clock
stands still; an advance of the emulated clock by a minute or more opens a new window too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

_WINDOW = 60.0
_NO_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """Credits a minute in total, and calls a minute for creating, updating and listing."""

    total: int
    create: int = _NO_LIMIT
    update: int = _NO_LIMIT
    tickets_list: int = _NO_LIMIT
    contacts_list: int = _NO_LIMIT

    def limit(self, kind: str | None) -> int:
        """The calls a minute this kind of request may make."""
        limits = {
            "create": self.create,
            "update": self.update,
            "tickets_list": self.tickets_list,
            "contacts_list": self.contacts_list,
        }
        return _NO_LIMIT if kind is None else limits[kind]


PLANS: dict[str, Plan] = {
    "trial": Plan(50),
    "growth": Plan(200, 80, 80, 20, 20),
    "pro": Plan(400, 160, 160, 100, 100),
    "enterprise": Plan(700, 280, 280, 200, 200),
    "unlimited": Plan(_NO_LIMIT),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may pass; `retry_after` in whole seconds where it may not."""

    allowed: bool
    total: int
    remaining: int
    used: int
    retry_after: int = 0


class Limiter:
    """Counts the requests of the current minute, other apps' included."""

    def __init__(self, plan: Plan, *, wall: Callable[[], float] = time.monotonic) -> None:
        self.plan = plan
        self.noise = 0
        self._wall = wall
        self._opened: float | None = None
        self._emulated = 0
        self._spent = 0
        self._calls: dict[str, int] = {}

    def charge(self, credits_wanted: int, kind: str | None, emulated_now: int) -> Verdict:
        """Ask for a request's credits; refused requests cost nothing more."""
        wall = self._wall()
        if self._opened is None or wall - self._opened >= _WINDOW or emulated_now - self._emulated >= _WINDOW:
            self._opened, self._emulated, self._spent, self._calls = wall, emulated_now, self.noise, {}
        left = self.plan.total - self._spent
        calls = self._calls.get(kind, 0) if kind is not None else 0
        if credits_wanted > left or calls >= self.plan.limit(kind):
            wait = max(1, math.ceil(_WINDOW - (wall - self._opened)))
            return Verdict(False, self.plan.total, max(0, left), 0, wait)
        self._spent += credits_wanted
        if kind is not None:
            self._calls[kind] = calls + 1
        return Verdict(True, self.plan.total, left - credits_wanted, credits_wanted)

    def forget(self) -> None:
        """Open a new window at the next request."""
        self._opened = None


def cost(method: str, path: str, includes: list[str]) -> int:
    """Credits of a request: 1, plus 2 for each include of a list and 1 for each include of a view."""
    if method != "GET" or not includes:
        return 1
    return 1 + len(includes) * (2 if path == "/tickets" else 1)


def kind_of(method: str, path: str) -> str | None:
    """The sub-limit a request falls under, if any."""
    if path == "/tickets":
        return {"GET": "tickets_list", "POST": "create"}.get(method)
    if path == "/contacts" and method == "GET":
        return "contacts_list"
    if method == "PUT" and path.startswith("/tickets/") and path.count("/") == 2:
        return "update"
    return None
