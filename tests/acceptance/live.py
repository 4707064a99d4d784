"""A contact centre lived over a real socket: the emulator's clock, people who act, and the daemon's cycles in between.

The daemon is opened anew before each cycle, as a process is that was restarted; only its state stays.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connector import emulator
from connector.apply.journal import reference
from connector.cycle.run import CycleReport, run_cycle
from connector.demo.operator import approve_held
from connector.emulator.control import apply_event
from connector.settings import AccountSettings, Settings
from connector.store.opening import open_store
from connector.wiring import keep_directory, open_account, present

ACCOUNT = "centro"
_KEY = "key-of-the-loopback-emulator"


class Centre:
    """One account on the emulator, and the daemon's state in a folder."""

    def __init__(self, folder: Path, seed: dict[str, Any], pack: Path) -> None:
        self.emulator = emulator.serve(seed, key=_KEY, clock="virtual")
        account = AccountSettings(
            name=ACCOUNT, helpdesk="freshdesk", url=self.emulator.url, mappings=str(pack.resolve())
        )
        self._settings = Settings.model_construct(state="state.db", accounts=(account,), base=folder)
        self.reports: list[CycleReport] = []

    def close(self) -> None:
        """Stop the emulator."""
        self.emulator.stop()

    # --- people -------------------------------------------------------------------------------------------------------
    def act(self, **event: Any) -> int:
        """Somebody acts now; the number of the ticket."""
        with self.emulator.world.lock:
            done = apply_event(self.emulator.helpdesk, event)
        return int(done["ticket"] if "ticket" in done else done["id"])

    # --- the daemon ---------------------------------------------------------------------------------------------------
    def cycle(self) -> CycleReport:
        """One cycle of a daemon that starts now and ends after it."""
        store = open_store(self._settings.state_path())
        with contextlib.closing(store):
            account = open_account(self._settings, self._settings.account(ACCOUNT), store, key=lambda: _KEY)
            report = run_cycle(account, now=present(account, None, "server"))
            approve_held(account, report.now)
            keep_directory(account, report.now)
        self.reports.append(report)
        return report

    def live(self, until: datetime, *, every: timedelta = timedelta(hours=6)) -> Iterator[CycleReport]:
        """Let time pass, a cycle at the start and then every so often, a second one at once after each.

        The second one has nothing left to do, or carries out what was just approved.
        """
        while True:
            yield self.cycle()
            yield self.cycle()
            left = until - self.now
            if left <= timedelta():
                return
            self.emulator.advance(int(min(every, left).total_seconds()))

    # --- what stands in the helpdesk ----------------------------------------------------------------------------------
    @property
    def now(self) -> datetime:
        """The helpdesk's clock."""
        return datetime.fromisoformat(self.emulator.world.now_text)

    def ticket(self, number: int) -> dict[str, Any]:
        """A ticket's fields as they are."""
        return dict(self.emulator.world.tickets[number].fields)

    def notes(self, number: int) -> list[str]:
        """The private notes on a ticket, oldest first, without the daemon's reference line."""
        mark = reference("").split()[0]
        parts = self.emulator.world.tickets[number].conversations
        texts = [str(part["body_text"]) for part in parts if part["private"]]
        return [text.rsplit(mark, 1)[0].strip() for text in texts]

    def numbers(self) -> set[int]:
        """All tickets there are."""
        return set(self.emulator.world.tickets)
