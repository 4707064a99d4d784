"""What every notifier must offer. A notifier alone knows whether a failure is worth trying again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message to people who work on tickets (never to customers). `key` identifies it for de-duplication."""

    key: str
    to: tuple[str, ...]
    subject: str
    text: str
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message: delivered; or not, and whether trying again can help, and why."""

    delivered: bool
    retryable: bool = False
    error: str | None = None


class Notifier(Protocol):
    """Delivers messages; never raises for a failed delivery."""

    name: str

    def send(self, message: Message) -> Delivery:
        """Deliver once."""
        ...
