"""Whether a ticket still is what a plan expected, and whether a write of ours, and nothing else, explains a change.

The helpdesk has no ETag: last write wins. So each write is preceded by a re-read that is compared here with what the
plan saw, and followed by one that is compared with what was there before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.core.model import Action, Memory, Ticket
from connector.helpdesks.base import Directory

#: Attributes the helpdesk moves by itself as a consequence of any write; they tell nothing of who wrote.
_CONSEQUENCES = frozenset(
    {"updated_at", "status_since", "autoclose_clock", "resolved_at", "closed_at", "due_by", "first_response_due", "raw",
     "place", "unknown", "body", "custom"}
)  # fmt: skip

#: How long after a write was sent the helpdesk may stamp its effect: the longest time-out of a call, doubled.
IN_FLIGHT = timedelta(seconds=120)
#: How far two stamps of one helpdesk may lie apart by rounding to whole seconds.
ROUNDING = timedelta(seconds=2)


def value_of(ticket: Ticket, field: str) -> Any:
    """The present canonical value of a field that an action may change."""
    if field.startswith("custom."):
        return ticket.custom.get(field.removeprefix("custom."))
    return getattr(ticket, field)


def same(field: str, one: Any, other: Any, directory: Directory | None = None) -> bool:
    """Whether two values of a field mean the same: tags in any order, people by name, id or e-mail."""
    if field == "tags":
        return frozenset(one or ()) == frozenset(other or ())
    if one == other or (one in (None, "") and other in (None, "")):
        return True
    if field in ("agent", "group") and directory is not None and one and other:
        return _person(field, str(one), directory) == _person(field, str(other), directory)
    return False


def _person(field: str, value: str, directory: Directory) -> str:
    known = directory.agents if field == "agent" else directory.groups
    if value in known:
        return known[value]
    return directory.emails.get(value.lower(), value) if field == "agent" else value


def stamp(at: datetime | None) -> str | None:
    """An instant as the text kept in plans and memories."""
    return None if at is None else at.astimezone(UTC).isoformat()


def parse(text: str | datetime | None) -> datetime | None:
    """An instant kept as text, in UTC; a text without zone is UTC."""
    if text is None:
        return None
    at = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def is_own_stamp(at: datetime | None, memory: Memory) -> bool:
    """Whether an own write is known to have produced this `updated_at`."""
    return at is not None and any(parse(own) == at.astimezone(UTC) for own in memory.own_updated_at)


def moved(action: Action, ticket: Ticket, memory: Memory) -> dict[str, list[Any]]:
    """What differs from the plan's expectation: field -> [expected, found]; empty where nothing moved.

    A later `updated_at` is no difference where own writes of this or an earlier plan explain it.
    """
    found: dict[str, list[Any]] = {}
    expected = action.expected
    # The changes of a `create` are the new ticket's own, and say nothing of this one.
    changed = () if action.kind == "create" else tuple(action.changes)
    for field in (*changed, *(name for name in expected if name not in action.changes)):
        if field == "updated_at":
            continue
        old = expected[field] if field in expected else action.changes[field][0]
        now = value_of(ticket, field)
        if isinstance(now, datetime):
            old = parse(old)
        if not same(field, old, now):
            found[field] = [_plain(old), _plain(now)]
    wanted = parse(expected.get("updated_at"))
    if wanted is not None and ticket.updated_at != wanted and not is_own_stamp(ticket.updated_at, memory):
        found["updated_at"] = [stamp(wanted), stamp(ticket.updated_at)]
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    return list(value) if isinstance(value, tuple) else value


def others(before: Ticket, after: Ticket, changed: Mapping[str, Any] | frozenset[str] | tuple[str, ...]) -> list[str]:
    """Names of attributes that differ between two reads and that our own write of `changed` does not explain."""
    ours = frozenset(changed)
    names = [
        field.name
        for field in dataclasses.fields(Ticket)
        if field.name not in ours
        and field.name not in _CONSEQUENCES
        and not same(field.name, getattr(before, field.name), getattr(after, field.name))
    ]
    for key in {*before.custom, *after.custom}:
        name = f"custom.{key}"
        if name not in ours and before.custom.get(key) != after.custom.get(key):
            names.append(name)
    return sorted(name for name in names if name not in before.unknown and name not in after.unknown)


def unmoved(before: Ticket, after: Ticket) -> bool:
    """Whether a read shows the very ticket of before a write: no later stamp. After an acknowledged write that is
    an old answer (a cache, a replica), and proves nothing."""
    if before.updated_at is None or after.updated_at is None:
        return False
    return after.gone is None and after.updated_at <= before.updated_at


def in_window(at: datetime | None, sent: datetime | None) -> bool:
    """Whether a stamp of the helpdesk may come from a write sent at `sent` (by the helpdesk's own clock)."""
    return at is not None and sent is not None and sent - ROUNDING <= at <= sent + IN_FLIGHT


def with_changes(ticket: Ticket, changes: Mapping[str, Any]) -> Ticket:
    """The ticket as it would be with these canonical values."""
    custom = dict(ticket.custom)
    values: dict[str, Any] = {}
    for field, value in changes.items():
        if field.startswith("custom."):
            custom[field.removeprefix("custom.")] = value
        else:
            values[field] = tuple(value) if field == "tags" else value
    return dataclasses.replace(ticket, **values, custom=custom)
