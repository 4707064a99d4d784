"""Keeps messages in memory, or as lines of a file, instead of sending them: rehearsals, tests, and a paper trail."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.errors import ConfigurationError
from connector.helpdesks.base import Reader, Writer
from connector.notifiers.base import Delivery, Message, Notifier, NotifierKind
from connector.private_files import open_private


class Outbox:
    """Delivers into `messages`, and appends to `path` (JSON lines, readable by its owner alone) where one is given.

    A message whose key was delivered before is not delivered again, and counts as delivered.
    """

    name = "outbox"

    def __init__(self, path: Path | None = None) -> None:
        self.messages: list[Message] = []
        self._path = path
        self._keys: set[str] = set()

    def send(self, message: Message) -> Delivery:
        """Keep the message."""
        if message.key in self._keys:
            return Delivery(delivered=True)
        if self._path is not None:
            try:
                self._append(self._path, message)
            except OSError as error:
                return Delivery(delivered=False, retryable=True, error=f"{self._path}: {error.strerror}")
        self._keys.add(message.key)
        self.messages.append(message)
        return Delivery(delivered=True)

    @staticmethod
    def _append(path: Path, message: Message) -> None:
        line = json.dumps(dataclasses.asdict(message), ensure_ascii=False) + "\n"
        handle = open_private(path, append=True)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)


def _build(options: Mapping[str, Any], reader: Reader | None, writer: Writer | None) -> Notifier:  # noqa: ARG001
    path = options.get("path")
    if path is not None and not isinstance(path, str):
        msg = f"notifier 'outbox': `path` must be a text, not {path!r}"
        raise ConfigurationError(msg)
    return Outbox(Path(path) if path else None)


KIND = NotifierKind(
    name="outbox",
    doc="Keeps messages in a file of JSON lines instead of sending them.",
    options={"path": "the file to append to; without it messages are kept in memory only"},
    build=_build,
)
