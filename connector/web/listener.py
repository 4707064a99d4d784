"""The listener's thread: a bound socket, one request a connection, and a hard end for each, however slow its sender.

Every connection is closed after its answer, and ten seconds after it began at the latest, whatever its peer sends or
leaves unread. Where too many are open the oldest one goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from types import TracebackType
from typing import Any, Self

import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from connector.errors import ConfigurationError
from connector.web.app import Served, build_app

#: Seconds from a connection's begin to its end, at most.
MOST_SECONDS = 10.0
MOST_CONNECTIONS = 64
_MOST_HEAD = 16 * 1024
_log = structlog.get_logger("escalera.web")


class _Brief(H11Protocol):
    """A connection that ends: by its answer, by the clock, or because newer ones came."""

    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._end = self.loop.call_later(MOST_SECONDS, transport.abort)
        brief = [one for one in self.connections if isinstance(one, _Brief) and one is not self]
        if len(brief) >= MOST_CONNECTIONS:
            min(brief, key=lambda one: one.ends_at).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)

    @property
    def ends_at(self) -> float:
        """By the event loop's clock."""
        return self._end.when() if self._end is not None else 0.0


class Listener:
    """`with Listener(address, served) as listener:` serves meanwhile; `listener.url` is where.

    Raises ConfigurationError where the address can't be had.
    """

    def __init__(self, address: tuple[str, int], served: Served) -> None:
        self._socket = _bound(address)
        config = uvicorn.Config(
            build_app(served),
            http=_Brief,
            ws="none",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=1,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=_MOST_HEAD,
            backlog=128,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="escalera-web", daemon=True)

    @property
    def url(self) -> str:
        """The listener's own address."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        _log.info("listening", url=self.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5)
        with contextlib.suppress(OSError):
            self._socket.close()

    @property
    def alive(self) -> bool:
        """Whether it still serves."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except Exception as error:  # noqa: BLE001 - the daemon works on without its listener, and says so
            _log.error("the listener failed", kind=type(error).__name__)


def _bound(address: tuple[str, int]) -> socket.socket:
    host, port = address
    try:
        found: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, place = found[0]
        bound = socket.create_server(place[:2], family=family, backlog=128)
    except OSError as error:
        msg = f"web.listen: {host}:{port} can't be listened on ({error.strerror or error}); is it taken already?"
        raise ConfigurationError(msg) from error
    return bound
