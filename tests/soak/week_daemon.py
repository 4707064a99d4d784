"""The daemon of the week's rehearsal: a process that goes round once for each line it reads, and says what it holds."""

from __future__ import annotations

import gc
import io
import json
import os
import sys
from datetime import datetime
from pathlib import Path

import requests

from tests.crash.storms.ship import ship


class _Nowhere(io.StringIO):
    """A log that keeps nothing."""

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)


def measured(state: Path) -> dict[str, int]:
    """Resident memory in kB, open file descriptors, bytes of the state with its write-ahead log."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    held = sum(one.stat().st_size for one in state.parent.glob(f"{state.name}*"))
    return {
        "rss": pages * os.sysconf("SC_PAGE_SIZE") // 1024,
        "fds": len(list(Path("/proc/self/fd").iterdir())),
        "state": held,
    }


def main(url: str, state: Path) -> None:
    """Each line read is the number of seconds that have passed since the last one."""
    control = requests.Session()
    control.trust_env = False

    def now() -> datetime:
        told = control.get(f"{url}/_emulator/clock", timeout=60).json()["now"]
        return datetime.fromisoformat(told)

    with ship(url, state, now, log=_Nowhere()) as vessel:

        def between() -> bool:
            vessel.approve_held()
            vessel.reports.clear()
            sys.stdout.write(json.dumps({**measured(state), "cycles": vessel.cycles}) + "\n")
            sys.stdout.flush()
            line = sys.stdin.readline()
            vessel.ticks.at += float(line or 0)
            return bool(line)

        vessel.voyage(between)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
