"""What one cycle costs as the mirror grows: 1,000 changed and 500 due tickets among ten thousand to a million.

    python -m bench.cycle [--sizes 10000,100000,1000000] [--changed 1000] [--due 500] [--rounds 5] [--seed 1] [--json]

Each size has a process and a SQLite file of its own, filled before anything is timed. Every round runs one cycle of
every size, one after the other; figures are medians of the rounds, the ratio is the median of largest by smallest
within a round. Memory is the most the process of a size ever held, filling apart.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import structlog

from bench import centre
from connector.core.model import Memory
from connector.core.policy import Policy
from connector.cycle.account import Account
from connector.cycle.run import run_cycle
from connector.helpdesks.memory import MemoryHelpdesk
from connector.store.base import Mirrored
from connector.store.opening import open_store

_ACCOUNT = "bench"
_FAR = timedelta(days=300)
_PORTION = 5_000


# --- in the process of a size ---------------------------------------------------------------------------------------
def fill(path: str, size: int, seed: int) -> float:
    """Write a mirror of `size` open tickets, none of them due, under a policy that is known; returns the seconds."""
    begin = time.perf_counter()
    policy = centre.policy(seed)
    store = open_store(path)
    memory = Memory(first_seen=centre.NOW)
    tickets = centre.tickets(size, seed, open_only=True)
    while portion := list(islice(tickets, _PORTION)):
        with store.transaction():
            store.put(_ACCOUNT, [Mirrored(ticket, memory, centre.NOW + _FAR) for ticket in portion])
    with store.transaction():
        for fact in ("policy", "policy_adopted"):
            store.set_fact(_ACCOUNT, fact, policy.digest, centre.NOW)
    store.close()
    return time.perf_counter() - begin


@cache
def _policy(seed: int) -> Policy:
    """The policy as a daemon holds it: loaded once. What it logs of each cycle is not wanted here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return centre.policy(seed)


def one_cycle(path: str, size: int, turn: int, changed: int, due: int, seed: int) -> dict[str, float]:
    """Prepare the changed and the due tickets of this turn, spread over the whole mirror, and time one cycle."""
    now = centre.NOW + timedelta(minutes=5 * (turn + 1))
    store = open_store(path)
    step = max(1, size // (changed + due))
    ids = [str(1 + (number * step + turn) % size) for number in range(changed + due)]
    known = store.mirrored(_ACCOUNT, ids)
    # A stride of 3 takes changed and due tickets from the same parts of the mirror.
    order = [known[each] for each in dict.fromkeys(ids)]
    waking = order[::3][:due]
    taken = {row.ticket.id for row in waking}
    rest = [row for row in order if row.ticket.id not in taken][:changed]
    with store.transaction():
        store.put(_ACCOUNT, [replace(row, wake_at=now) for row in waking])
    desk = MemoryHelpdesk(
        now=now,
        tickets=[
            replace(row.ticket, updated_at=now, customer_responded_at=now - timedelta(minutes=turn % 5)) for row in rest
        ],
    )
    account = Account(_ACCOUNT, desk.reader(), store, _policy(seed))
    with store.transaction():
        store.set_cursor(_ACCOUNT, '{"seq": 0}', now)
    wall, cpu = time.perf_counter(), time.process_time()
    report = run_cycle(account, now=now)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    _put_to_sleep(account, now)
    store.close()
    return {
        "seconds": wall,
        "cpu_seconds": cpu,
        "changed": report.changed,
        "evaluated": report.evaluated,
        "actions": len(report.plan.actions) if report.plan is not None else 0,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _put_to_sleep(account: Account, now: datetime) -> None:
    """What still wants something would be due in the next round as well."""
    while rows := account.store.due(_ACCOUNT, now + timedelta(minutes=2), limit=_PORTION):
        with account.store.transaction():
            account.store.put(_ACCOUNT, [replace(row, wake_at=now + _FAR) for row in rows])


# --- measuring ------------------------------------------------------------------------------------------------------
def measure(sizes: Sequence[int], changed: int, due: int, rounds: int, seed: int, where: Path) -> dict[str, Any]:
    """All figures of one run; the databases are made in `where`."""
    spawn = get_context("spawn")
    found: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
    filled: dict[int, float] = {}
    paths = {size: str(where / f"{size}.db") for size in sizes}
    for size in sizes:
        with ProcessPoolExecutor(1, mp_context=spawn) as filling:
            filled[size] = filling.submit(fill, paths[size], size, seed).result()
    with ExitStack() as stack:
        workers = {size: stack.enter_context(ProcessPoolExecutor(1, mp_context=spawn)) for size in sizes}
        for turn in range(rounds + 1):  # the first one warms up
            for size in sizes:
                one = workers[size].submit(one_cycle, paths[size], size, turn, changed, due, seed).result()
                if turn:
                    found[size].append(one)

    def ratio(figure: str) -> float:
        pairs = zip(found[max(sizes)], found[min(sizes)], strict=True)
        return round(statistics.median(large[figure] / small[figure] for large, small in pairs), 3)

    return {
        "python": platform.python_version(),
        "rounds": rounds,
        "largest_by_smallest": {"seconds": ratio("seconds"), "cpu_seconds": ratio("cpu_seconds")},
        "sizes": {
            str(size): {
                "filled_in": round(filled[size], 1),
                "file_megabytes": round(Path(paths[size]).stat().st_size / 1e6),
                **{
                    figure: round(statistics.median(one[figure] for one in found[size]), 4)
                    for figure in ("seconds", "cpu_seconds", "changed", "evaluated", "actions")
                },
                "megabytes": round(max(one["megabytes"] for one in found[size])),
            }
            for size in sizes
        },
    }


def table(found: dict[str, Any]) -> str:
    """The figures for people."""
    heading = f"{'mirrored':>10}{'changed':>9}{'evaluated':>11}{'actions':>9}{'seconds':>10}{'CPU s':>9}"
    lines = [
        f"one cycle, medians of {found['rounds']} rounds",
        "",
        f"{heading}{'most MB':>9}{'file MB':>9}",
    ]
    for size, one in found["sizes"].items():
        lines.append(
            f"{int(size):>10,}{one['changed']:>9,.0f}{one['evaluated']:>11,.0f}{one['actions']:>9,.0f}"
            f"{one['seconds']:>10.3f}{one['cpu_seconds']:>9.3f}{one['megabytes']:>9}{one['file_megabytes']:>9}"
        )
    ratios = found["largest_by_smallest"]
    lines.append(f"largest by smallest: {ratios['seconds']} in time, {ratios['cpu_seconds']} in CPU time")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.cycle", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--changed", type=int, default=1_000)
    parser.add_argument("--due", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    sizes = [int(size) for size in given.sizes.split(",")]
    with tempfile.TemporaryDirectory(prefix="escalera-bench-") as where:
        found = measure(sizes, given.changed, given.due, given.rounds, given.seed, Path(where))
    print(json.dumps(found, indent=1) if given.json else table(found))


if __name__ == "__main__":
    main()
