"""What every notifier must offer. A notifier alone knows whether a failure is worth trying again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from connector.helpdesks.base import Reader, Writer


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
    """What became of a message: delivered; or not, and whether trying again can help, and why.

    `uncertain`: it was handed over and no answer came, so that it may have arrived: never sent again blindly.
    """

    delivered: bool
    retryable: bool = False
    error: str | None = None
    uncertain: bool = False


class Notifier(Protocol):
    """Delivers messages; never raises for a failed delivery."""

    name: str

    def send(self, message: Message) -> Delivery:
        """Deliver once."""
        ...


@dataclass(frozen=True, slots=True)
class NotifierKind:
    """A kind of notifier: its name, one documentation line, its options (name -> line), and how to build one.

    `build` gets the options, and reader and writer of the account (None where there is none); it raises
    ConfigurationError for options that make no sense.
    """

    name: str
    doc: str
    options: Mapping[str, str]
    build: Callable[[Mapping[str, Any], Reader | None, Writer | None], Notifier]
