"""The API's JSON objects as the project's values, tolerantly: unknown keys are ignored, nulls are everywhere."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.model import TEXT_FIELDS, TIME_FIELDS, Rejected, Ticket
from connector.helpdesks.base import Note
from connector.helpdesks.freshdesk_names import Vocabulary

#: Ticket field -> key of the `stats` object.
STATS = {
    "status_since": "status_updated_at",
    "agent_responded_at": "agent_responded_at",
    "customer_responded_at": "requester_responded_at",
    "first_responded_at": "first_responded_at",
    "resolved_at": "resolved_at",
    "closed_at": "closed_at",
}
_REQUESTER = {"requester": ("name",), "requester_email": ("email",), "requester_phone": ("phone", "mobile")}
_ONLY_BY_MAP = ("brand", "category", "contract")
_TAGS = re.compile(r"<[^>]*>")
_BREAKS = re.compile(r"<(?:br|/p|/div|/li|/tr)\b[^>]*>", re.IGNORECASE)
_HIDDEN = "view the message on twitter"
_NO_NUMBER = 10**18  # the API's numbers are 64 bits wide; a longer one is no ticket's
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class _UnreadableError(ValueError):
    """A row can't be read as a ticket; the text says why."""


def plain_text(markup: str) -> str:
    """The text of an HTML body."""
    return html.unescape(_TAGS.sub("", _BREAKS.sub("\n", markup))).strip()


def as_html(text: str) -> str:
    """A plain text as the HTML body of a note or reply, escaped, lines kept."""
    return "<div>" + html.escape(text, quote=False).replace("\r\n", "\n").replace("\n", "<br>") + "</div>"


def instant(value: Any, zone: ZoneInfo) -> datetime | None:
    """An ISO 8601 stamp in UTC; a stamp without a zone is UTC, a bare date the start of that day in `zone`.

    None for null and empty. Raises ValueError for anything else.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        msg = f"{value!r} is no time"
        raise ValueError(msg)  # noqa: TRY004 - one kind of trouble for callers
    if _DAY.fullmatch(value):
        return datetime.combine(date.fromisoformat(value), time(), zone).astimezone(UTC)
    parsed = datetime.fromisoformat(value)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def read_row(row: Any, words: Vocabulary, place: str) -> Ticket | Rejected:
    """One ticket object as a Ticket, or Rejected with the reason; never raises."""
    number = row.get("id") if isinstance(row, dict) else None
    try:
        return _Row(row, words, place).ticket()
    except _UnreadableError as problem:
        return Rejected(place, str(number) if number is not None else None, str(problem))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as problem:
        return Rejected(place, str(number) if number is not None else None, f"unreadable: {type(problem).__name__}")


def read_note(row: Any) -> Note:
    """One conversation as a Note. Raises ValueError for what is none."""
    if not isinstance(row, dict) or row.get("id") is None:
        msg = "a conversation without an id"
        raise ValueError(msg)
    text = row.get("body_text") or plain_text(str(row.get("body") or ""))
    return Note(
        id=str(row["id"]),
        text=str(text).strip(),
        private=bool(row.get("private")),
        incoming=bool(row.get("incoming")),
        created_at=instant(row.get("created_at"), ZoneInfo("UTC")),
    )


class _Row:
    def __init__(self, row: Any, words: Vocabulary, place: str) -> None:
        if not isinstance(row, dict):
            msg = f"a {type(row).__name__} where a ticket should be"
            raise _UnreadableError(msg)
        self._row: dict[str, Any] = row
        self._words = words
        self._place = place
        self._zone = ZoneInfo(words.field_map.timezone)
        self._unknown: set[str] = set()
        self._raw: dict[str, str] = {}

    def ticket(self) -> Ticket:
        row, words = self._row, self._words
        number = row.get("id")
        if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < _NO_NUMBER:
            msg = f"id {str(number)[:40]!r} is no ticket number"
            raise _UnreadableError(msg)
        values: dict[str, Any] = {
            "id": str(number),
            "status": self._coded("status", "status", words.status),
            "priority": self._coded("priority", "priority", words.priority),
            "channel": self._coded("channel", "source", words.channel),
            "type": self._text(row.get("type")),
            "tags": tuple(str(tag) for tag in _list(row.get("tags"))),
            "group": self._named("group", "group_id", words.names.groups),
            "agent": self._named("agent", "responder_id", words.names.agents),
            "product": self._named("product", "product_id", words.names.products),
            "created_at": self._stamp("created_at", needed=True),
            "updated_at": self._stamp("updated_at", needed=True),
            "due_by": self._stamp("due_by"),
            "first_response_due": self._stamp("fr_due_by", "first_response_due"),
            "gone": self._gone(),
            "place": self._place,
        }
        values |= self._told() | self._people() | self._stats(values["created_at"])
        values["custom"] = self._customs()
        values |= self._mapped()
        values["autoclose_clock"] = self._clock(values)
        return Ticket(**values, raw=self._raw, unknown=frozenset(self._unknown))

    def _coded(self, name: str, key: str, codes: Any) -> str | None:
        value = self._row.get(key)
        if value is None:
            self._unknown.add(name)
            return None
        code = self._raw[name] = str(value)
        label = codes.label(code)
        if label is not None:
            self._raw[f"{name}_label"] = label
        word: str | None = codes.word(code)
        return word

    def _named(self, name: str, key: str, names: Mapping[str, str]) -> str | None:
        value = self._row.get(key)
        if value is None:
            return None
        self._raw[name] = str(value)
        return names.get(str(value))

    def _stamp(self, key: str, name: str | None = None, *, needed: bool = False) -> datetime | None:
        try:
            stamp = instant(self._row.get(key), self._zone)
        except ValueError:
            stamp, broken = None, True
        else:
            broken = needed and stamp is None
        if needed and broken:
            msg = f"{key} {str(self._row.get(key))[:40]!r} is no time"
            raise _UnreadableError(msg)
        if broken:
            self._unknown.add(name or key)
        return stamp

    def _gone(self) -> str | None:
        return next((name for name in ("deleted", "spam", "archived") if self._row.get(name) is True), None)

    def _told(self) -> dict[str, Any]:
        """Subject and body. The text of tweets is withheld by the API: unknown, not a text without keywords."""
        row = self._row
        subject, body = self._text(row.get("subject")), row.get("description_text")
        if body is None and isinstance(row.get("description"), str):
            body = plain_text(row["description"])
        if body is None and "description_text" not in row and "description" not in row:
            self._unknown.add("body")
        told = {"subject": subject, "body": self._text(body)}
        for name, text in told.items():
            if text is not None and _HIDDEN in text.lower() and row.get("source") == 5:
                self._unknown.add(name)
        return told

    def _people(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        requester, company = self._row.get("requester"), self._row.get("company")
        for name, keys in _REQUESTER.items():
            if isinstance(requester, dict):
                told = (self._text(requester.get(key)) for key in keys)
                values[name] = next((one for one in told if one is not None), None)
            else:
                self._unknown.add(name)
        if isinstance(company, dict):
            values["customer"] = self._text(company.get("name"))
        elif self._row.get("company_id") is not None or "company_id" not in self._row:
            values["customer"] = self._words.company(str(self._row.get("company_id")))
            if values["customer"] is None:
                self._unknown.add("customer")
        return values

    def _stats(self, created: datetime | None) -> dict[str, Any]:
        stats = self._row.get("stats")
        if not isinstance(stats, dict):
            self._unknown.update(STATS)
            return {}
        values: dict[str, Any] = {}
        for name, key in STATS.items():
            try:
                values[name] = instant(stats.get(key), self._zone)
            except ValueError:
                self._unknown.add(name)
            if key not in stats:
                self._unknown.add(name)
        if values.get("status_since") is None and "status_since" not in self._unknown:
            values["status_since"] = created  # never changed since it was created
        return values

    def _customs(self) -> dict[str, Any]:
        """Custom fields by the helpdesk's key without `cf_`, and by the pack's names."""
        given = self._row.get("custom_fields")
        if not isinstance(given, dict):
            if given is not None or "custom_fields" not in self._row:
                self._unknown.add("custom")
            given = {}
        custom = {str(key).removeprefix("cf_"): _plain(value) for key, value in given.items()}
        # A field the account has and the ticket's form has not is empty, not unknown.
        for key in self._words.names.fields:
            custom.setdefault(key.removeprefix("cf_"), None)
        for name in self._words.field_map.fields:
            if name.startswith("custom."):
                key = self._words.custom_key(name) or ""
                if key.removeprefix("cf_") in custom:
                    custom[name.removeprefix("custom.")] = custom[key.removeprefix("cf_")]
        self._custom = custom
        return custom

    def _mapped(self) -> dict[str, Any]:
        """Canonical fields that the pack maps onto custom ones."""
        values: dict[str, Any] = {}
        mapped = self._words.field_map.fields
        self._unknown.update(name for name in _ONLY_BY_MAP if name not in mapped)
        for name in mapped:
            if name not in TEXT_FIELDS and name not in TIME_FIELDS:
                continue
            key = self._words.custom_key(name) or mapped[name]
            bare = key.removeprefix("cf_")
            if bare not in self._custom and key not in self._row:
                self._unknown.add(name)
                continue
            value = self._custom[bare] if bare in self._custom else self._row[key]
            self._unknown.discard(name)
            if name in TEXT_FIELDS:
                values[name] = self._text(value)
                continue
            try:
                values[name] = instant(value, self._zone)
            except ValueError:
                self._unknown.add(name)
                self._raw[name] = str(value)[:80]
        return values

    def _clock(self, values: Mapping[str, Any]) -> datetime | None:
        """The instant from which the account's own auto-close rule counts, as the pack says."""
        name = self._words.field_map.autoclose_clock
        if name in TIME_FIELDS and name != "autoclose_clock":
            if name in self._unknown:
                self._unknown.add("autoclose_clock")
            clock: datetime | None = values.get(name)
            return clock
        stats = self._row.get("stats")
        bare = name.removeprefix("custom.").removeprefix("cf_")
        if isinstance(stats, dict) and name in stats:
            value = stats[name]
        elif bare in self._custom:
            value = self._custom[bare]
        else:
            self._unknown.add("autoclose_clock")
            return None
        try:
            return instant(value, self._zone)
        except ValueError:
            self._unknown.add("autoclose_clock")
            return None

    def _text(self, value: Any) -> str | None:
        if value is None:
            return None
        empties = self._words.field_map.empty
        text = value if isinstance(value, str) else str(value)
        return None if not text.strip() or text.strip() in empties else text


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _plain(value: Any) -> Any:
    """A custom value that JSON can keep: text, number, bool, None, or a text of whatever else it is."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list):
        return tuple(str(part) for part in value)
    return str(value)
