"""One target through many inputs: how many were taken, the slowest, the memory, and every finding."""

from __future__ import annotations

import logging
import resource
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from tests.fuzz.targets import attempt, inputs

#: Seconds of processor time one input may cost, and bytes the process may grow by.
LONGEST = 1.0
LARGEST = 200 * 1024 * 1024
_FINDINGS = 5


class HangError(BaseException):
    """One input cost more than `LONGEST`."""


@dataclass(slots=True)
class Tally:
    """What one target did. `slowest` in seconds of processor time, `grown` in bytes."""

    target: str
    inputs: int = 0
    taken: int = 0
    slowest: float = 0.0
    grown: int = 0
    findings: list[tuple[bytes, str]] = field(default_factory=list)


def quiet() -> None:
    """No log lines: a million of them say nothing."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@contextmanager
def _bounded() -> Iterator[None]:
    def late(_signal: int, _frame: Any) -> None:
        raise HangError

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * resource.getpagesize()


def feed(target: str, *, seed: int, count: int) -> Tally:
    """Read `count` damaged inputs one after the other; stops after a few findings."""
    tally = Tally(target)
    start = 0
    for number, content in enumerate(inputs(target, seed, count)):
        tally.inputs += 1
        began = time.process_time()
        try:
            with _bounded():
                tally.taken += attempt(target, content)
        except HangError:
            tally.findings.append((content, f"more than {LONGEST} s of processor time"))
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding
            tally.findings.append((content, traceback.format_exc(limit=-6)))
        tally.slowest = max(tally.slowest, time.process_time() - began)
        if number == 200:
            start = _resident()  # by now everything is loaded and its caches are filled
        if number % 500 == 499:
            tally.grown = max(tally.grown, _resident() - start)
            if tally.grown > LARGEST:
                tally.findings.append((content, f"the process grew by {tally.grown} bytes"))
        if len(tally.findings) >= _FINDINGS:
            break
    return tally
