"""Puts the listener together from the configuration, for `escalera run`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from connector.errors import ConfigurationError
from connector.hints import Hints
from connector.secrets import hint_secret
from connector.settings import Settings
from connector.store.opening import open_store
from connector.vitals import Vitals

_log = structlog.get_logger("escalera.web")


def hints_for(settings: Settings, accounts: list[str], wake: Callable[[], None]) -> Hints | None:
    """Where hints are taken in, if they are."""
    web = settings.web
    if web.listen == "off" or web.hints == "off":
        return None
    return Hints(accounts, pause=web.hint_pause, wake=wake)


def listening(
    settings: Settings, vitals: Vitals, hints: Hints | None, accounts: list[str], *, dry_run: bool = False
) -> AbstractContextManager[Any]:
    """The listener, or nothing where it is off. Raises ConfigurationError: no extra, no secret, no such address."""
    web = settings.web
    if web.listen == "off":
        return nullcontext()
    try:
        from connector.web.app import Served
        from connector.web.auth import Gate
        from connector.web.listener import Listener
        from connector.web.metrics import Board
    except ImportError as error:
        msg = f"web.listen needs the libraries of the extra `web` ({error.name}): pip install 'escalera[web]'"
        raise ConfigurationError(msg) from error
    if not web.loopback:
        _log.warning("other machines can reach the listener, and its metrics ask for no password", listen=web.listen)
    gate = None
    if hints is not None and web.hints != "off":
        gate = Gate({name: hint_secret(name) for name in accounts}, web.hints)
    board = Board(vitals, lambda: datetime.now(UTC), lambda: _state_bytes(settings))
    return Listener(web.address, Served(vitals, board, lambda: _open(settings, dry_run), hints, gate))


def _open(settings: Settings, dry_run: bool) -> None:
    """Open the state for reading, and close it again; a dry run may have none. Raises StoreError."""
    if dry_run and "://" not in settings.state and not Path(settings.state_path()).exists():
        return
    open_store(settings.state_path(), read_only=True).close()


def _state_bytes(settings: Settings) -> int | None:
    """The size of the state's files; None for a server, or while there are none."""
    if "://" in settings.state:
        return None
    path = settings.state_path()
    sizes = []
    for file in (Path(path), Path(f"{path}-wal")):
        try:
            sizes.append(file.stat().st_size)
        except FileNotFoundError:
            continue
    return sum(sizes) if sizes else None
