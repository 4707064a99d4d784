"""Size: memory stays flat however many rows an export has."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from connector.helpdesks.c4c_export import read_exports
from tests.unit.helpdesks.export_samples import C4C, many, many_rows, xlsx


def _peak(path: Path) -> tuple[int, int]:
    """(tickets, most bytes of Python objects alive at once beyond the start)."""
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_exports([path], C4C).tickets())
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_rows_of_a_csv(tmp_path: Path) -> None:
    """Twice the rows cost the index's 8 bytes a row and a bounded cache, nothing else."""
    list(read_exports([many(tmp_path / "warm.csv", 100)], C4C).tickets())
    small, few = _peak(many(tmp_path / "small.csv", 6_000))
    large, much = _peak(many(tmp_path / "large.csv", 12_000))
    assert (small, large) == (6_000, 12_000)
    assert much < few + 6_000 * 400  # bounded caches of labels fill up; a ticket kept would cost some 5,000 bytes


_CHILD = """
import resource, sys
from pathlib import Path
from connector.helpdesks.c4c_export import read_exports
from tests.unit.helpdesks.export_samples import C4C
export = read_exports([Path(sys.argv[1])], C4C)
count = sum(1 for _ in export.tickets())
status = Path("/proc/self/status")
# Linux hands a child its parent's ru_maxrss, so a large test process would be measured instead of this one.
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if status.exists():
    peak = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
print(count, peak // 1024, export.complete)
"""


def _in_a_process(path: Path) -> tuple[int, int, str]:
    """(tickets, peak resident size in MiB, completeness) of a fresh process that reads the file."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )
    count, size, complete = done.stdout.split()
    return int(count), int(size), complete


def test_two_hundred_thousand_rows_in_a_small_process(tmp_path: Path) -> None:
    """A 36 MB export in a process of less than 120 MB."""
    assert (found := _in_a_process(many(tmp_path / "a.csv", 200_000)))[::2] == (200_000, "True")
    assert found[1] < 120


@pytest.mark.soak
@pytest.mark.skipif(os.environ.get("ESCALERA_SOAK") != "full", reason="a minute long; ESCALERA_SOAK=full runs it")
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_million_rows_in_the_same_small_process(tmp_path: Path, ending: str) -> None:
    """Five times the rows, hardly more memory: CSV and XLSX."""
    path = tmp_path / f"a.{ending}"
    if ending == "csv":
        many(path, 1_000_000)
    else:
        xlsx(path, many_rows(1_000_000), constant_memory=True)
    start = time.monotonic()
    count, size, complete = _in_a_process(path)
    print(f"{ending}: {count:,} rows, {count / (time.monotonic() - start):,.0f} rows/s, {size} MiB")
    assert (count, complete) == (1_000_000, "True")
    assert size < 160
