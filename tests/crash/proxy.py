"""A TCP proxy between the daemon and the helpdesk that strikes at one byte of one write.

It knows HTTP only as far as to see where a request or an answer ends. It counts the requests that are no GET; of the
chosen one it passes on the first bytes (of the request, or of its answer), strikes, and passes on nothing more.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Self

_READING = (b"GET ", b"HEAD ", b"OPTIONS ")


class Cut(Exception):
    """The connection ends here."""


class KillProxy:
    """Listens on a free loopback port until closed. `strike` is called once, from the proxy's own thread.

    `write`: number of the write it strikes at, from 1 (0: never). `byte`: after so many bytes of it (at most all).
    `answer`: of its answer, not of the request. `writes`: how many it has seen. `struck`: what was cut, once it was.
    """

    def __init__(self, port: int, strike: Callable[[], None], *, write: int, byte: int, answer: bool = False) -> None:
        self._upstream, self._strike = port, strike
        self._write, self._byte, self._answer = write, byte, answer
        self.writes = 0
        self.struck: str | None = None
        self.done = threading.Event()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in list(self._open):
            _close(one)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._upstream))
        self._open += [client, server]
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked, answered = _Stream(client), _Stream(server)
        with contextlib.suppress(OSError, Cut):
            while True:
                request = asked.message()
                self._pass(server, request, self._due(request) and not self._answer)
                answer = answered.message()
                self._pass(client, answer, self._answer and self._is_now(request))
        _close(client)
        _close(server)

    def _due(self, request: bytes) -> bool:
        if request.startswith(_READING):
            return False
        with self._lock:
            self.writes += 1
        return self.writes == self._write

    def _is_now(self, request: bytes) -> bool:
        return not request.startswith(_READING) and self.writes == self._write and self.struck is None

    def _pass(self, to: socket.socket, message: bytes, strike: bool) -> None:
        if not strike:
            to.sendall(message)
            return
        part = message[: self._byte]
        to.sendall(part)
        self._strike()
        self.struck = f"{len(part)} of {len(message)} bytes: {message.splitlines()[0].decode('latin-1')}"
        self.done.set()
        raise Cut


class _Stream:
    """Whole HTTP messages of one direction of one connection; each states its length or has no body."""

    def __init__(self, source: socket.socket) -> None:
        self._source, self._kept = source, b""

    def message(self) -> bytes:
        """The next message; Cut at the end of the stream."""
        while b"\r\n\r\n" not in self._kept:
            self._more()
        head, _, _ = self._kept.partition(b"\r\n\r\n")
        size = len(head) + 4 + _length(head)
        while len(self._kept) < size:
            self._more()
        found, self._kept = self._kept[:size], self._kept[size:]
        return found

    def _more(self) -> None:
        got = self._source.recv(65536)
        if not got:
            raise Cut
        self._kept += got


def _length(head: bytes) -> int:
    for line in head.lower().splitlines():
        name, _, value = line.partition(b":")
        if name.strip() == b"content-length":
            return int(value)
    return 0


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
