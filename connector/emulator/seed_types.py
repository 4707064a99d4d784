"""The JSON types a seed's values must have, checked before anything is built from them."""

from __future__ import annotations

from typing import Any

from connector.emulator.shapes import Json

_WHOLE = frozenset(
    [
        "id",
        "group_id",
        "responder_id",
        "requester_id",
        "product_id",
        "company_id",
        "email_config_id",
        "position",
        "user_id",
        "form_id",
        "parent_id",
        "ticket_scope",
        "affected_tickets_count",
    ]
)
_TEXT = frozenset(
    [
        "subject",
        "description",
        "description_text",
        "name",
        "email",
        "label",
        "role",
        "body",
        "body_text",
        "type",
        "created_at",
        "updated_at",
        "due_by",
        "fr_due_by",
        "nr_due_by",
        "phone",
        "mobile",
        "first_responded_at",
        "status_updated_at",
        "resolved_at",
        "closed_at",
        "pending_since",
        "reopened_at",
        "agent_responded_at",
        "requester_responded_at",
        "field_name",
        "canonical",
        "means",
        "customer_label",
    ]
)
_OBJECTS = frozenset(["custom_fields", "stats", "contact", "requester", "sla_target", "applicable_to"])
_FLAGS = frozenset(
    ["spam", "deleted", "archived", "is_escalated", "fr_escalated", "incoming", "private", "active", "default"]
)
_NUMBERS = frozenset(["ids", "agent_ids", "group_ids", "company_ids", "group_ids", "product_ids", "sources"])
_LISTS = {
    "tags": str,
    "cc_emails": str,
    "to_emails": str,
    "choices": str,
    "role_ids": int,
    "conversations": dict,
    "time_entries": dict,
    "satisfaction_ratings": dict,
    "attachments": dict,
    "conditions": dict,
    "properties": dict,
    "actions": dict,
    "events": dict,
}
_INSIDE = (
    "contact",
    "requester",
    "stats",
    "conversations",
    "conditions",
    "properties",
    "actions",
    "events",
    "applicable_to",
)


def misfits(where: str, entry: Json) -> list[str]:
    """One problem for each value of a known name that has another JSON type than the API's; null always fits."""
    found: list[str] = []
    for name, value in entry.items():
        wanted = None if value is None else _misfit(name, value)
        if wanted:
            found.append(f"{where}.{name}: must be {wanted}, not {value!r}")
        elif value is not None and name in _INSIDE:
            parts = value if isinstance(value, list) else [value]
            for part in parts:
                found += misfits(f"{where}.{name}", part) if isinstance(part, dict) else []
    return found


def _misfit(name: str, value: Any) -> str | None:
    if name in _WHOLE:
        return None if _is_whole(value) else "a whole number"
    if name in _TEXT:
        return (
            None
            if isinstance(value, str) or (_is_whole(value) and (name.endswith("_at") or name == "type"))
            else "text"
        )
    if name in _OBJECTS:
        return None if isinstance(value, dict) else "an object"
    if name in _FLAGS:
        return None if isinstance(value, bool) else "true or false"
    if name in _NUMBERS:
        fits = isinstance(value, list) and all(_is_whole(one) for one in value)
        return None if fits else "a list of whole numbers"
    if name in {"status", "priority", "source"}:
        return None if _is_whole(value) or isinstance(value, str) else "a code or a label"
    if name in _LISTS:
        kind = _LISTS[name]
        fits = isinstance(value, list) and all(isinstance(one, kind) for one in value)
        if name == "conditions" and isinstance(value, dict):
            return None
        return (
            None if fits else f"a list of {'objects' if kind is dict else 'texts' if kind is str else 'whole numbers'}"
        )
    return None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
