"""What the service manager and the kernel tell us, and what we tell them: signals, readiness, watchdog."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

_log = structlog.get_logger("escalera.service")


def sd_notify(state: str) -> bool:
    """Tell systemd `READY=1`, `WATCHDOG=1`, `STOPPING=1` or `STATUS=...`; False where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
    except OSError as error:
        _log.warning("the service manager can't be told", state=state, why=str(error))
        return False
    return True


class Watchdog:
    """Pats systemd's watchdog at most twice per its period; costs one comparison where none is asked for."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        wished = os.environ.get("WATCHDOG_USEC", "")
        self.period = int(wished) / 2_000_000 if wished.isdigit() and int(wished) > 0 else None
        self._monotonic = monotonic
        self._last = float("-inf")

    def pat(self) -> None:
        """Say that the daemon is alive and moving. Called from the work itself, so that a stuck cycle shows."""
        if self.period is not None and self._monotonic() - self._last >= self.period:
            self._last = self._monotonic()
            sd_notify("WATCHDOG=1")


class Stopping(threading.Event):
    """Set when the daemon is to stop. Whoever waits on it is alive: `on_wait` is called again and again meanwhile."""

    _SLICE = 5.0

    def __init__(self, on_wait: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.on_wait = on_wait

    def wait(self, timeout: float | None = None) -> bool:
        """As `threading.Event.wait`, in slices: waiting for the helpdesk's leave to call is not being stuck."""
        left = float("inf") if timeout is None else timeout
        while True:
            self.on_wait()
            if super().wait(min(left, self._SLICE)):
                return True
            left -= self._SLICE
            if left <= 0:
                return self.is_set()


class Signals:
    """SIGTERM and SIGINT ask for a stop after the action in hand, a second one ends at once; SIGHUP asks to reload."""

    def __init__(self, exit_now: Callable[[int], None] = os._exit) -> None:
        self.stopping = Stopping()
        self._reload = threading.Event()
        self._wake = threading.Event()
        self._exit_now = exit_now

    @contextmanager
    def listening(self) -> Iterator[Signals]:
        """Handle the signals inside the block, then give them back. Only the main thread may do so."""
        kept = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        try:
            yield self
        finally:
            for one, handler in kept.items():
                signal.signal(one, handler)

    def stop(self) -> None:
        """Ask for a stop, as SIGTERM does."""
        self.stopping.set()
        self._wake.set()

    def nudge(self) -> None:
        """End a sleep early, from any thread: there is something to look at."""
        self._wake.set()

    def sleep(self, seconds: float) -> None:
        """Wait, but not past a signal."""
        if seconds > 0 and not self.stopping.is_set():
            self._wake.wait(seconds)
        if not self.stopping.is_set():
            self._wake.clear()

    def take_reload(self) -> bool:
        """True once after each request to reload."""
        asked = self._reload.is_set()
        self._reload.clear()
        return asked

    def _on_stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the kernel's signature
        if self.stopping.is_set():
            self._exit_now(128 + number)
        self.stop()

    def _on_reload(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._reload.set()
        self._wake.set()
