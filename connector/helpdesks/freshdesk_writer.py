"""Writes to Freshdesk: only the keys that change, canonical words turned into the account's codes and ids.

There is no ETag and no conditional update: callers re-read right before and right after. The answer of a PUT is never
used, its `due_by` is stale on newer accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.model import TEXT_FIELDS, TIME_FIELDS
from connector.errors import OutcomeUnknown, Refused
from connector.helpdesks.freshdesk_names import NOTIFYING, Codes, Vocabulary
from connector.helpdesks.freshdesk_shapes import as_html
from connector.http.client import HttpClient

_KEYS = {"group": "group_id", "agent": "responder_id"}
_PLAIN = frozenset({"type", "subject"})
_NEVER_WRITTEN = frozenset({"due_by", "first_response_due", "created_at", "updated_at", "autoclose_clock"})
_ON_CREATE = {"requester": "name", "requester_email": "email", "requester_phone": "phone"}


class FreshdeskWriter:
    """Writes to one account; each call is sent once. Raises Refused, Unavailable (nothing changed), OutcomeUnknown,
    AccountBlocked."""

    def __init__(
        self,
        client: HttpClient,
        vocabulary: Callable[[], Vocabulary],
        known_vocabulary: Callable[[], Vocabulary | None],
    ) -> None:
        self._client = client
        self._vocabulary = vocabulary
        self._known = known_vocabulary

    def update(self, ticket_id: str, changes: Mapping[str, Any]) -> None:
        """PUT just these fields; nothing is sent for no changes."""
        number = _number(ticket_id)
        payload = _payload(changes, self._vocabulary(), ticket_id)
        if payload:
            self._client.send("PUT", f"/tickets/{number}", payload, kind="update")

    def add_note(self, ticket_id: str, text: str, *, notify: Sequence[str] = ()) -> None:
        """Leave a private note; `notify` are agents' e-mail addresses that the helpdesk mails."""
        body: dict[str, Any] = {"body": as_html(text), "private": True}
        if notify:
            body["notify_emails"] = list(notify)
        self._client.send("POST", f"/tickets/{_number(ticket_id)}/notes", body, kind="other")

    def reply(self, ticket_id: str, text: str) -> None:
        """Answer the requester by mail."""
        self._client.send("POST", f"/tickets/{_number(ticket_id)}/reply", {"body": as_html(text)}, kind="other")

    def create(self, fields: Mapping[str, Any]) -> str:
        """Create a ticket from canonical fields (`subject`, `body`, `requester_email` ..., `channel`); returns its id.

        What the API demands and is left out: status open, priority low, channel portal.
        """
        words = self._vocabulary()
        rest = {"status": "open", "priority": "low", **fields}
        payload: dict[str, Any] = {key: rest.pop(name) for name, key in _ON_CREATE.items() if name in rest}
        payload["description"] = as_html(str(rest.pop("body", "") or rest.get("subject", "")))
        channel = str(rest.pop("channel", "portal"))
        payload["source"] = int(_coded(words.channel, "channel", channel, "(new)"))
        payload |= _payload(rest, words, "(new)")
        created = self._client.send("POST", "/tickets", payload, kind="create").body
        if not isinstance(created, dict) or not isinstance(created.get("id"), int):
            msg = "POST /tickets: the ticket was created, but the answer does not tell its id"
            raise OutcomeUnknown(msg)
        return str(created["id"])

    def refuses(self, ticket_id: str, changes: Mapping[str, Any]) -> str | None:
        """Why this update would be refused before it is sent, or None. Calls nothing."""
        words = self._known()
        if words is None:
            return "the account's names are not learnt yet: connect first"
        try:
            _payload(changes, words, ticket_id)
        except Refused as refused:
            return str(refused)
        return None


def _number(ticket_id: str) -> str:
    if not (ticket_id.isascii() and ticket_id.isdigit()):
        msg = f"ticket {ticket_id!r}: no ticket has such a number"
        raise Refused(msg, status=404)
    return ticket_id


def _payload(changes: Mapping[str, Any], words: Vocabulary, ticket_id: str) -> dict[str, Any]:
    """Canonical changes as a PUT body. Raises Refused for what can't be said unambiguously."""
    payload: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "status":
            payload["status"] = int(_status(words, str(value), ticket_id))
        elif name == "priority":
            payload["priority"] = int(_coded(words.priority, "priority", str(value), ticket_id))
        elif name == "channel":
            payload["source"] = int(_coded(words.channel, "channel", str(value), ticket_id))
        elif name in _KEYS:
            payload[_KEYS[name]] = None if value is None else int(_person(words, name, str(value), ticket_id))
        elif name == "tags":
            payload["tags"] = [str(tag) for tag in value or ()]
        elif name in _NEVER_WRITTEN:
            msg = f"ticket {ticket_id}: {name} is the helpdesk's own clock and is never written"
            raise Refused(msg, field=name)
        elif name in words.field_map.fields or name.startswith("custom."):
            key = words.custom_key(name)
            if key is None or (words.names.fields and key.startswith("cf_") and key not in words.names.fields):
                msg = f"ticket {ticket_id}: the account has no field for {name}"
                raise Refused(msg, field=name)
            (custom if key.startswith("cf_") or key in words.names.fields else payload)[key] = _value(value, words)
        elif name in _PLAIN:
            payload[name] = value
        elif name == "product":
            payload["product_id"] = None if value is None else _product(words, str(value), ticket_id)
        else:
            known = "status, priority, channel, group, agent, tags, type, subject, product, custom.X and mapped fields"
            kind = "not mapped onto a field of this helpdesk" if name in (*TEXT_FIELDS, *TIME_FIELDS) else "unknown"
            msg = f"ticket {ticket_id}: {name} is {kind}; it can set {known}"
            raise Refused(msg, field=name)
    if custom:
        payload["custom_fields"] = custom
    return payload


def _status(words: Vocabulary, word: str, ticket_id: str) -> str:
    code = _coded(words.status, "status", word, ticket_id)
    if code in NOTIFYING and not words.field_map.allow_notifying_status:
        msg = (
            f"ticket {ticket_id}: status {word} is code {code}, which mails the customer or closes for good; map a "
            f"custom status, or set allow_notifying_status: true"
        )
        raise Refused(msg, field="status")
    return code


def _coded(codes: Codes, kind: str, word: str, ticket_id: str) -> str:
    code, problem = codes.code(word)
    if code is None or not code.isdigit():
        msg = f"ticket {ticket_id}: {kind} {word} can't be written: {problem or 'its code is no number'}"
        raise Refused(msg, field=kind)
    return code


def _person(words: Vocabulary, kind: str, value: str, ticket_id: str) -> str:
    found, problem = words.person(kind, value)
    if found is None:
        msg = f"ticket {ticket_id}: {kind} {value!r} can't be assigned: {problem}"
        raise Refused(msg, field=kind)
    return found


def _product(words: Vocabulary, value: str, ticket_id: str) -> int:
    found = value if value.isdigit() else words.directory.products.get(value)
    if found is None:
        msg = f"ticket {ticket_id}: no product is called {value!r}, or more than one"
        raise Refused(msg, field="product")
    return int(found)


def _value(value: Any, words: Vocabulary) -> Any:
    """A custom field's value: date fields take days only, in the pack's zone."""
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo(words.field_map.timezone)).date().isoformat()
    return value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value
