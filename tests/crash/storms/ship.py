"""The daemon under way: an account over a real socket, with a clock, waits and rests that cost no real time."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
import structlog

from connector import logs
from connector.cycle.account import Account, CycleReport
from connector.cycle.run import run_cycle
from connector.emulator import serve
from connector.helpdesks.freshdesk import open_freshdesk
from connector.http.budget import Budget
from connector.http.client import HttpOptions
from connector.inbox import Word, record
from connector.loop import Loop
from connector.notifiers import build
from connector.service import Signals
from connector.store.opening import open_store
from connector.wiring import clock_of, keep_directory, load_mappings
from tests.soak.life import AUTOCLOSE
from tests.soak.processes import ACCOUNT, KEY, PACK
from tests.soak.processes import Emulator as _Process

#: Short limits of the socket, so that a body that never ends costs a fraction of a second.
_OPTIONS = HttpOptions(connect_timeout=2.0, read_timeout=1.0, deadline=0.6, largest_body=8 * 1024 * 1024)


@dataclass(slots=True)
class Ticks:
    """A monotonic clock that moves by what is slept and by the time that passes between two cycles."""

    at: float = 1000.0

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        """Wait without waiting. A wait that ends never would end a daemon as surely as a crash."""
        assert 0 <= seconds < 86_400, f"asked to wait {seconds} s"
        self.at += seconds


def told(name: str, answer: Any) -> Any:
    """A control reading in which a page that a gateway put in an answer's place is no success: it had no effect."""
    if name.startswith("requests"):
        for entry in answer:
            if "html200" in (entry["fault"] or ""):
                entry["status"] = "page"
    return answer


class Harbour(_Process):
    """The emulator in this process, on a socket of its own; its control as over any other socket."""

    def __init__(self, seed: Mapping[str, Any]) -> None:
        self.inner = serve(dict(seed), key=KEY, autoclose=[AUTOCLOSE[1]])
        self.url = self.inner.url
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        """Stop listening."""
        self._session.close()
        self.inner.stop()

    def get(self, name: str) -> Any:
        """A control reading."""
        return told(name, _Process.get(self, name))

    def now(self) -> datetime:
        """The true present of the world."""
        return datetime.fromisoformat(self.get("clock")["now"])

    def arm(self, spec: str) -> int:
        """Put faults in force; how often those before them struck."""
        fired = sum(one["fired"] for one in self.get("faults")["faults"])
        self.post("faults", spec)
        return int(fired)


class _Helm(Signals):
    """Where the loop would wait for its next round, time passes in the world instead."""

    def __init__(self, between: Callable[[], bool]) -> None:
        super().__init__()
        self._between = between

    @contextlib.contextmanager
    def listening(self) -> Iterator[Signals]:
        """The signals of the test's own process stay as they are."""
        yield self

    def sleep(self, seconds: float) -> None:
        """Let time pass; stop where the voyage is over."""
        assert 0 <= seconds < 86_400, f"asked to wait {seconds} s"
        if not self._between():
            self.stop()


@dataclass(slots=True)
class Ship:
    """One daemon: its account and all it said. `reports`: of every cycle that came to its end."""

    account: Account
    ticks: Ticks
    log: io.StringIO
    reports: list[CycleReport] = field(default_factory=list)
    cycles: int = 0

    def voyage(self, between: Callable[[], bool]) -> None:
        """Go round as `run` does, until `between`, called wherever the loop waits, says that it is over."""
        loop = Loop([self.account], jitter=0, cycle=self._cycle, monotonic=self.ticks, signals=_Helm(between))
        assert loop.run() == 0

    def _cycle(self, account: Account, **given: Any) -> CycleReport:
        self.cycles += 1
        report = run_cycle(account, **given)
        keep_directory(account, report.now)
        self.reports.append(report)
        return report

    def approve_held(self) -> None:
        """Let every plan pass that the guard holds, as an operator would."""
        for plan in self.account.store.plans(ACCOUNT, state="held"):
            record(self.account.store, Word(plan.digest, "approved", "storm", "looked at", self.account.clock()))


@contextlib.contextmanager
def ship(
    url: str,
    state: Path,
    true_now: Callable[[], datetime],
    *,
    clock: str = "local",
    log: io.StringIO | None = None,
) -> Iterator[Ship]:
    """A daemon with the pack of the rehearsals. `clock`: `local` (a right clock of its own) or `server` (Date).
    `log`: where it writes its log, where that is not to be kept."""
    ticks, log = Ticks(), log if log is not None else io.StringIO()
    redactor = logs.set_up(level="debug", stream=log)
    redactor.hide(KEY)
    policy, files = load_mappings(PACK)
    budget = Budget(monotonic=ticks)
    reader, writer = open_freshdesk(
        ACCOUNT, url, KEY, policy.maps["freshdesk"], budget=budget, options=_OPTIONS, sleep=ticks.sleep,
        monotonic=ticks,
    )  # fmt: skip
    store = open_store(str(state))
    account = Account(
        name=ACCOUNT, reader=reader, store=store, policy=policy, writer=writer, files=files, clock=true_now,
        notifiers=(build("note", {}, reader=reader, writer=writer),),
    )  # fmt: skip
    if clock == "server":
        account.clock = clock_of(account, "server")
    try:
        yield Ship(account, ticks, log)
    finally:
        reader.close()
        store.close()
        structlog.reset_defaults()
