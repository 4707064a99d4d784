"""Named points at which a test may kill the process: before and after every journal transaction and every write.

Nothing is armed in normal use, and an unarmed point costs one comparison. Two ways to arm:

* `ESCALERA_CRASH_AT=sent.after` or `ESCALERA_CRASH_AT=write.back.before:3` (the third time it is reached), read once
  at import: the process ends itself by SIGKILL there, as a power cut would;
* `arm(...)` from a test in the same process: raises `Crash`, which is no `Exception`, so no handler swallows it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

#: Journal transactions: `before` it begins, `inside` it (written, not committed), `after` its commit.
TRANSACTIONS = ("mirror", "evaluated", "intent", "sent", "outcome", "recovered", "held", "claimed", "closing")
#: Helpdesk writes: `before` the request is sent, `after` its answer came.
WRITES = ("update", "through", "back", "reopen", "note", "reply", "create", "notify")

POINTS = (
    *(f"{name}.{when}" for name in TRANSACTIONS for when in ("before", "inside", "after")),
    *(f"write.{name}.{when}" for name in WRITES for when in ("before", "after")),
)


class Crash(BaseException):
    """The process dies here, as far as the code above can tell. Only tests raise it."""


_armed: Callable[[str], None] | None = None


def reach(point: str) -> None:
    """Say that the named point is reached; dies there if it is armed."""
    if _armed is not None:
        _armed(point)


def arm(point: str, *, at: int = 1, action: Callable[[], None] | None = None) -> None:
    """Run `action` (default: raise Crash) when `point` is reached for the `at`-th time from now on.

    Raises ValueError for a point that does not exist: a test that arms nothing proves nothing.
    """
    if point not in POINTS:
        msg = f"no crash point {point!r}; there are {', '.join(POINTS)}"
        raise ValueError(msg)
    left = at

    def check(reached: str) -> None:
        nonlocal left
        if reached != point:
            return
        left -= 1
        if left == 0:
            disarm()
            if action is not None:
                action()
                return
            raise Crash(point)

    watch(check)


def watch(check: Callable[[str], None]) -> None:
    """Call `check` with the name of every point reached from now on."""
    global _armed  # noqa: PLW0603 - one switch for the process is the point
    _armed = check


def disarm() -> None:
    """Forget whatever was armed."""
    global _armed  # noqa: PLW0603
    _armed = None


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm_from_environment(wish: str | None) -> None:
    if wish:
        point, _, count = wish.partition(":")
        arm(point, at=int(count) if count else 1, action=_kill)


_arm_from_environment(os.environ.get("ESCALERA_CRASH_AT"))
