"""Tells people by a private note on the ticket, which the helpdesk mails to those of them who are its agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.errors import AccountBlocked, ConfigurationError, HelpdeskError, OutcomeUnknown, Refused, Unavailable
from connector.helpdesks.base import Reader, Writer
from connector.notifiers.base import Delivery, Message, Notifier, NotifierKind


class HelpdeskNote:
    """Leaves the message as a private note. People who are no agents are named in it, but not mailed."""

    name = "note"

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, message: Message) -> Delivery:
        """Leave the note once. A message without a ticket can't be delivered this way."""
        if message.ticket is None:
            return Delivery(delivered=False, error="the message belongs to no ticket, so there is nowhere to note it")
        try:
            directory = self._reader.directory()
            agents = [to for to in message.to if to.lower() in directory.emails]
            named = [to for to in message.to if to not in agents]
            text = f"@ {', '.join(named)}\n\n{message.text}" if named else message.text
            self._writer.add_note(message.ticket, text, notify=agents)
        except (Unavailable, AccountBlocked) as error:
            return Delivery(delivered=False, retryable=True, error=str(error))
        except OutcomeUnknown as error:
            return Delivery(delivered=False, uncertain=True, error=str(error))
        except (Refused, HelpdeskError) as error:
            return Delivery(delivered=False, error=str(error))
        return Delivery(delivered=True)


def _build(options: Mapping[str, Any], reader: Reader | None, writer: Writer | None) -> Notifier:  # noqa: ARG001 - has none
    if reader is None or writer is None:
        msg = "notes on tickets need an account that may be written to (`write = true`)"
        raise ConfigurationError(msg)
    return HelpdeskNote(reader, writer)


KIND = NotifierKind(
    name="note",
    doc="A private note on the ticket; the helpdesk mails it to the agents it names.",
    options={},
    build=_build,
)
