"""`python -m tests.fuzz [--count N] [--seed N] [--only TARGET] [--guided SECONDS]`: damaged inputs, what came of them.

Each target runs in a process of its own. With --guided, atheris (`pip install atheris`) looks for new paths through the
code instead of drawing at random. Exit code 1 where anything was found; the inputs are kept in the folder it names.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import multiprocessing
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.run import Tally, feed, quiet
from tests.fuzz.targets import TARGETS

#: Of a hundred inputs, how many go to each target: what comes over the network most.
_SHARES = {
    "answers": 35, "plans": 15, "cursors": 8, "mappings": 12, "exports": 8, "hints": 6, "inbox": 3, "config": 3,
    "cases": 2, "seeds": 3, "rotas": 3, "books": 2,
}  # fmt: skip


def _keep(tally: Tally, folder: Path) -> None:
    for content, why in tally.findings:
        path = folder / f"{tally.target}-{hashlib.sha256(content).hexdigest()[:12]}"
        path.write_bytes(content)
        print(f"\n{path}\n{why}", file=sys.stderr)


def _guided(targets: list[str], seconds: int) -> int:
    code = "import sys; from tests.fuzz.guided import main; main(sys.argv)"
    found = 0
    for target in targets:
        with tempfile.TemporaryDirectory() as corpus:
            done = subprocess.run(
                [sys.executable, "-c", code, target, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=700",
                 corpus], capture_output=True, text=True, check=False,
            )  # fmt: skip
        last = [line for line in done.stderr.splitlines() if line.startswith(("#", "Done", "ERROR", "==", " ==="))]
        print(f"{target:10} exit {done.returncode}  {last[-1] if last else done.stderr[-300:]}")
        if done.returncode:
            print(done.stderr[-3000:], file=sys.stderr)
            found += 1
    return 1 if found else 0


def main() -> int:
    """Run and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000_000, help="inputs in all (default 1,000,000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=sorted(TARGETS), action="append")
    parser.add_argument("--guided", type=int, metavar="SECONDS", help="coverage-guided, so long for each target")
    args = parser.parse_args()
    quiet()
    chosen = args.only or sorted(TARGETS)
    if args.guided:
        return _guided(chosen, args.guided)
    total = sum(_SHARES[name] for name in chosen)
    kept = Path(tempfile.mkdtemp(prefix="escalera-findings-"))
    print(f"{'target':10} {'inputs':>9} {'taken':>9} {'refused':>9} {'slowest ms':>11} {'grown MB':>9} {'findings':>9}")
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        2, mp_context=context, initializer=quiet, max_tasks_per_child=1
    ) as pool:
        running = [pool.submit(feed, n, seed=args.seed, count=args.count * _SHARES[n] // total) for n in chosen]
        tallies = []
        for future in concurrent.futures.as_completed(running):
            tally = future.result()
            tallies.append(tally)
            refused = tally.inputs - tally.taken - len(tally.findings)
            print(
                f"{tally.target:10} {tally.inputs:9,} {tally.taken:9,} {refused:9,} {tally.slowest * 1000:11.1f}"
                f" {tally.grown / 1e6:9.1f} {len(tally.findings):9}",
                flush=True,
            )
            _keep(tally, kept)
    findings = sum(len(tally.findings) for tally in tallies)
    print(f"{'all':10} {sum(tally.inputs for tally in tallies):9,} {'':31} {'':9} {findings:9}")
    if not findings:
        kept.rmdir()
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
