"""A server that misbehaves on purpose, byte by byte, on a loopback socket."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

#: Gets the connection and the whole request; what it does not send is not sent. The connection is closed after it.
Behaviour = Callable[[socket.socket, bytes], None]


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Behaviour:
    """An ordinary answer; `Retry_After` in `headers` becomes `Retry-After`."""

    def send(connection: socket.socket, _request: bytes) -> None:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return send


def raw(*parts: bytes, pause: float = 0.0, stop: threading.Event | None = None) -> Behaviour:
    """These bytes, one part after the other, then the connection closes."""

    def send(connection: socket.socket, _request: bytes) -> None:
        for part in parts:
            connection.sendall(part)
            if pause and stop is not None and stop.wait(pause):
                return

    return send


def reset(connection: socket.socket, _request: bytes) -> None:
    """The connection is reset after the request was read."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class RawServer:
    """Answers the n-th request by the n-th behaviour, and all further ones by the last. `requests`: as they came."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)
        self.requests: list[bytes] = []
        self.stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self.stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                request = _read(connection)
                if not request:
                    continue
                self.requests.append(request)
                self.behaviours[min(len(self.requests), len(self.behaviours)) - 1](connection, request)


def _read(connection: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        part = connection.recv(65536)
        if not part:
            return read
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while lengths and len(body) < lengths[0]:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
