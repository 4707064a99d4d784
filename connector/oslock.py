"""One daemon a state: an OS lock beside the state file, freed by the kernel however the process ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from connector.errors import StoreError


class StateLocked(StoreError):  # noqa: N818 - a state, not a fault
    """Another process already works on this state."""

    retryable = True


class StateLock:
    """Holds `<state>.lock` from `acquire` to `release`; a context manager. The file stays, holding the last pid."""

    def __init__(self, state: str | Path) -> None:
        self.path = Path(f"{state}.lock")
        self._handle: int | None = None

    def acquire(self) -> Self:
        """Take the lock. Raises StateLocked naming the holder's pid, StoreError where the file can't be made."""
        if self._handle is not None:
            return self
        try:
            handle = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            msg = f"{self.path} can't be opened ({error.strerror}); make its folder writable for this user"
            raise StoreError(msg) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            msg = (
                f"{str(self.path).removesuffix('.lock')} is in use by the process with pid {holder};"
                " stop that one first, or give this one another `state`"
            )
            raise StateLocked(msg) from error
        except OSError as error:
            os.close(handle)
            msg = f"{self.path} can't be locked ({error.strerror}); keep the state on a local disk"
            raise StoreError(msg) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle
        return self

    def release(self) -> None:
        """Give the lock back; without a lock this does nothing."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
