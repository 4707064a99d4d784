"""Two daemons on one state are refused, with the pid of the first; the kernel frees the lock however a process ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connector.errors import StoreError
from connector.oslock import StateLock, StateLocked

_HOLDER = """
import sys, time
from connector.oslock import StateLock
StateLock(sys.argv[1]).acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_holder_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    """The message names the state, the process, and the way out."""
    with StateLock(tmp_path / "state.db"), pytest.raises(StateLocked) as refused:
        StateLock(tmp_path / "state.db").acquire()
    assert str(refused.value) == (
        f"{tmp_path / 'state.db'} is in use by the process with pid {os.getpid()};"
        " stop that one first, or give this one another `state`"
    )


def test_another_state_is_not_in_the_way(tmp_path: Path) -> None:
    """One lock a state."""
    with StateLock(tmp_path / "one.db"), StateLock(tmp_path / "two.db"):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["one.db.lock", "two.db.lock"]


def test_a_lock_given_back_can_be_taken_again(tmp_path: Path) -> None:
    """Also by the same object."""
    lock = StateLock(tmp_path / "state.db")
    for _ in range(2):
        with lock:
            assert lock.path.read_text() == f"{os.getpid()}\n"


def test_the_lock_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    """0600, as everything the daemon creates."""
    with StateLock(tmp_path / "state.db") as lock:
        assert lock.path.stat().st_mode & 0o777 == 0o600


def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path) -> None:
    """SIGKILL frees it at once; while it lives, its pid is named."""
    state = tmp_path / "state.db"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(state)], stdout=subprocess.PIPE, text=True, env=environment
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StateLocked, match=f"pid {holder.pid};"):
            StateLock(state).acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    StateLock(state).acquire().release()


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    """A sentence, not a traceback."""
    with pytest.raises(StoreError, match="can't be opened"):
        StateLock(tmp_path / "missing" / "state.db").acquire()
