"""Sockets with a hard end: a requests adapter whose calls are cut at a total deadline, however slowly bytes drip in.

Socket timeouts start anew with every byte; a server that sends one byte a second would hold a call for hours. The
adapter remembers the socket each thread is using, and a timer shuts that socket down when the call's time is over.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from types import TracebackType
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class _Current(threading.local):
    """The deadline in force in this thread, if any."""

    deadline: Deadline | None = None


_current = _Current()


class Deadline:
    """`with Deadline(seconds) as end:` cuts the calling thread's socket when the time is over; then `end.passed`."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._seconds = seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        self._timer = threading.Timer(self._seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()
        _current.deadline = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.deadline = None
        if self._timer is not None:
            self._timer.cancel()
        self.watch(None)

    def watch(self, used: socket.socket | None) -> None:
        """From now on this socket is the one to cut."""
        # A handle of our own on the same connection: TLS takes a socket over at the begin of its handshake, and what
        # was watched so far is then an empty shell.
        own = socket.socket(fileno=os.dup(used.fileno())) if used is not None and used.fileno() >= 0 else None
        with self._lock:
            before, self._socket = self._socket, own
            if before is not None:
                before.close()
        if self.passed:
            self._cut()

    def _cut(self) -> None:
        self.passed = True
        with self._lock:
            if self._socket is not None:
                # An error means that the connection is closed already, which is what was wanted.
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


def _watch(used: Any) -> None:
    if _current.deadline is not None and isinstance(used, socket.socket):
        _current.deadline.watch(used)


class _PlainConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        used = super()._new_conn()
        _watch(used)
        return used

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        _watch(self.sock)
        super().putrequest(*args, **kwargs)

    def getresponse(self) -> Any:
        _watch(self.sock)
        return super().getresponse()


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        used = super()._new_conn()
        _watch(used)
        return used

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        _watch(self.sock)
        super().putrequest(*args, **kwargs)

    def getresponse(self) -> Any:
        _watch(self.sock)
        return super().getresponse()


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


#: Pools whose connections obey the thread's `Deadline`, for calls without `requests`.
plain_pool, secure_pool = _PlainPool, _SecurePool


class DeadlineAdapter(HTTPAdapter):
    """Connections that obey the thread's `Deadline`; no retries of its own."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        return manager
