"""The socket in front of the emulated helpdesk: HTTP/1.1 with keep-alive, and the faults that act on raw bytes."""

from __future__ import annotations

import contextlib
import http.server
import socket
import socketserver
import struct
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connector.emulator.engine import read_autoclose
from connector.emulator.faults import Fault
from connector.emulator.helpdesk import Helpdesk, Reply
from connector.emulator.limiter import PLANS
from connector.emulator.seed import load_seed
from connector.emulator.shapes import Json
from connector.emulator.world import World
from connector.errors import UsageError

_LARGEST_BODY = 32 * 1024 * 1024
_REASONS = {code.value: code.phrase for code in http.HTTPStatus}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.server.connected(self.connection)

    def finish(self) -> None:
        self.server.disconnected(self.connection)
        with contextlib.suppress(OSError):  # the client, or a fault, has closed it already
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Requests are kept in the world's log, not printed."""

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            return
        host = self.headers.get("Host") or "{}:{}".format(*self.server.server_address[:2])
        headers = {name.title(): value for name, value in self.headers.items()}
        reply = self.server.helpdesk.respond(self.command, self.path, headers, body, origin=f"http://{host}")
        try:
            self._send(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client has left; its effect stands

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815 - the base class's names

    def _body(self) -> bytes | None:
        """The request's body; None when it can't be read (the answer has then been sent)."""
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            return self._chunks()
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > _LARGEST_BODY:
            self._send(Reply(413, {"Connection": "close"}))
            return None
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes | None:
        parts: list[bytes] = []
        total = 0
        while True:
            try:
                size = int(self.rfile.readline(64).split(b";")[0], 16)
            except ValueError:
                size = _LARGEST_BODY + 1
            total += size
            if total > _LARGEST_BODY:
                self._send(Reply(413, {"Connection": "close"}))
                return None
            part = self.rfile.read(size)
            self.rfile.readline(8)
            if not size:
                return b"".join(parts)
            parts.append(part)

    def _send(self, reply: Reply) -> None:
        faults = {fault.name: fault for fault in reply.faults}
        if reply.reset or "drop_answer" in faults:
            self._cut(reset=True)
            return
        payload, stated = reply.payload, len(reply.payload)
        if "truncate" in faults:
            payload = _cut_body(payload, faults["truncate"])
            if faults["truncate"].params.get("clean"):
                stated = len(payload)
        if "length" in faults:
            stated = max(0, stated + int(faults["length"].params.get("by", 10)))
        head = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Unknown')}"]
        head += [f"{name}: {value}" for name, value in reply.headers.items()]
        if "chunk_cut" in faults:
            head.append("Transfer-Encoding: chunked")
            stated, payload = -1, b"%x\r\n" % len(payload) + payload[: len(payload) // 2]
        elif reply.status != 204:
            head.append(f"Content-Length: {stated}")
        if reply.headers.get("Connection") == "close":
            self.close_connection = True
        start = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1", "replace")
        if "slow" in faults:
            self.wfile.write(start)
            self._drip(payload, int(faults["slow"].params.get("bytes_per_s", 50)))
        else:
            self.wfile.write(start + payload)
        if stated != len(payload):
            self._cut(reset=False)

    def _drip(self, payload: bytes, rate: int) -> None:
        step = max(1, rate // 10)
        for at in range(0, len(payload), step):
            if self.server.stopping.is_set():
                break
            self.wfile.write(payload[at : at + step])
            time.sleep(step / max(1, rate))

    def _cut(self, *, reset: bool) -> None:
        """Close the connection under the client: with a reset, or in the middle of a body."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            if reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            else:
                self.connection.shutdown(socket.SHUT_RDWR)


def _cut_body(payload: bytes, fault: Fault) -> bytes:
    kept = int(fault.params.get("bytes", len(payload) // 2))
    return payload[: min(kept, max(0, len(payload) - 1))]


class _Listener(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], helpdesk: Helpdesk) -> None:
        self.helpdesk = helpdesk
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without asking the name service for the host's own name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken connection is the client's business; anything else is a fault of ours and is printed."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def connected(self, connection: socket.socket) -> None:
        with self._guard:
            self._open.add(connection)

    def disconnected(self, connection: socket.socket) -> None:
        with self._guard:
            self._open.discard(connection)

    def hang_up(self) -> None:
        """Close every open connection, so that no keep-alive client holds a thread."""
        with self._guard:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class Emulator:
    """A running emulator: `.url`, `.world`, `.helpdesk`, `.stop()`; a context manager."""

    def __init__(self, helpdesk: Helpdesk, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.helpdesk = helpdesk
        self._listener = _Listener((host, port), helpdesk)
        self._threads = [threading.Thread(target=self._listen, name="emulator", daemon=True)]
        if helpdesk.world.clock.kind == "real":
            self._threads.append(threading.Thread(target=self._tick, name="emulator-clock", daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def world(self) -> World:
        """The state behind the socket; take `world.lock` to touch it from outside."""
        return self.helpdesk.world

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.server_address[1])

    @property
    def url(self) -> str:
        """The address to give to a client, without `/api/v2`."""
        return f"http://{self._listener.server_address[0]!s}:{self.port}"

    def advance(self, seconds: int) -> list[Json]:
        """Move the clock forward, running what falls due; returns what ran."""
        with self.world.lock:
            return self.helpdesk.engine.advance(seconds)

    def stop(self) -> None:
        """Stop listening, hang up, and wait for the threads."""
        self._listener.stopping.set()
        self._listener.shutdown()
        self._listener.hang_up()
        self._listener.server_close()
        for thread in self._threads:
            thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _listen(self) -> None:
        self._listener.serve_forever(poll_interval=0.05)

    def _tick(self) -> None:
        while not self._listener.stopping.wait(0.5):
            with self.world.lock:
                self.helpdesk.engine.run_until(self.world.clock.now())


def serve(
    world: World | Json | str | Path | None = None,
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    key: str | None = "key",
    plan: str = "unlimited",
    clock: str = "virtual",
    autoclose: str | list[str] | None = None,
    faults: Any = None,
    jitter_seed: int = 0,
) -> Emulator:
    """Start an emulator on a loopback socket and return it, listening.

    `world` is a World, a seed object, the path of a seed file, or None for the stock account. `key` is the first
    administrator's API key. Raises SeedError (78) or UsageError (64) with every problem found.
    """
    if plan not in PLANS:
        msg = f"plan {plan!r} is none of {', '.join(PLANS)}"
        raise UsageError(msg)
    if isinstance(world, str | Path):
        path = Path(world)
        world = World.from_seed(load_seed(path), key=key, clock=clock, source=str(path), jitter_seed=jitter_seed)
    elif not isinstance(world, World):
        world = World.from_seed(world, key=key, clock=clock, jitter_seed=jitter_seed)
    specs = [autoclose] if isinstance(autoclose, str) else list(autoclose or [])
    helpdesk = Helpdesk(world, plan=plan, autoclose=read_autoclose(specs, world.account))
    if faults is not None:
        helpdesk.set_faults(faults)
    try:
        return Emulator(helpdesk, host=host, port=port)
    except (OSError, OverflowError) as exc:
        msg = f"can't listen on {host}:{port}: {exc}; choose another --port (0 takes any free one)"
        raise UsageError(msg) from exc
