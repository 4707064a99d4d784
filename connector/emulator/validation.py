"""What a write may say: the allow-lists of create and update, types, closed sets, required and closure fields.

Returns every problem of a body at once, in the wording live accounts answer with.
"""

from __future__ import annotations

import re
from typing import Any

from connector.emulator import account as accounts
from connector.emulator import stamps
from connector.emulator.account import CLOSED, RESOLVED, Account, CustomField
from connector.emulator.exchange import one_of, problem
from connector.emulator.shapes import Json, Ticket

REQUESTER_KEYS = ("requester_id", "phone", "email", "twitter_id", "facebook_id", "unique_external_id")
SETTABLE = frozenset(
    [
        "name",
        "requester_id",
        "email",
        "facebook_id",
        "phone",
        "twitter_id",
        "unique_external_id",
        "subject",
        "type",
        "status",
        "priority",
        "description",
        "responder_id",
        "attachments",
        "custom_fields",
        "due_by",
        "fr_due_by",
        "email_config_id",
        "group_id",
        "parent_id",
        "product_id",
        "source",
        "tags",
        "company_id",
        "internal_agent_id",
        "internal_group_id",
        "lookup_parameter",
        "structured_description",
    ]
)
CREATABLE = SETTABLE | {"cc_emails", "related_ticket_ids"}
_TEXTS = ("name", "subject", "description", "phone", "email", "twitter_id", "facebook_id", "unique_external_id")
_NUMBERS = [
    "requester_id",
    "responder_id",
    "group_id",
    "product_id",
    "company_id",
    "email_config_id",
    "parent_id",
    "internal_agent_id",
    "internal_group_id",
]
_UNEXPECTED = "Unexpected/invalid field in request"
_OUTBOUND_EMAIL = 10
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|[^@\s<]+ ?<[^@\s]+@[^@\s]+>")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "Boolean"
    kinds = {str: "String", int: "Integer", float: "Float", list: "Array", dict: "key/value pair", type(None): "Null"}
    return kinds.get(type(value), "Object")


def mismatch(name: str, value: Any, wanted: str) -> Json:
    """The problem of a value of the wrong type."""
    return problem(name, f"Value set is of type {_kind(value)}.It should be a/an {wanted}", "datatype_mismatch")


def check_update(body: Json, ticket: Ticket, account: Account) -> list[Json]:
    """The problems of a PUT on a ticket."""
    problems = check_fields(body, account, SETTABLE)
    if ticket.fields["source"] == _OUTBOUND_EMAIL:
        problems += [problem(n, _UNEXPECTED, "incompatible_field") for n in ("subject", "description") if n in body]
    if not problems:
        problems += _closure(body, ticket.fields, account)
    return problems


def check_create(body: Json, account: Account) -> list[Json]:
    """The problems of a POST of a ticket."""
    problems = check_fields(body, account, CREATABLE)
    named = {entry["field"] for entry in problems}
    if not any(body.get(name) for name in REQUESTER_KEYS):
        text = f"Please fill at least 1 of the {', '.join(REQUESTER_KEYS)} fields"
        problems.append(problem("requester_id", text, "missing_field"))
    for name in ("subject", "description"):
        if name not in named and not body.get(name):
            problems.append(problem(name, "It should be a/an String", "missing_field"))
    for name, values in (("priority", [1, 2, 3, 4]), ("status", list(account.statuses))):
        if name not in named and body.get(name) is None:
            problems.append(problem(name, one_of(values), "missing_field"))
    given = body.get("custom_fields") if isinstance(body.get("custom_fields"), dict) else {}
    for made in account.custom_fields.values():
        if made.required_for_agents and (given or {}).get(made.name) in (None, ""):
            problems.append(_missing(made))
    if not problems:
        problems += _closure(body, {"status": None, "custom_fields": {}}, account)
    return problems


def check_fields(body: Json, account: Account, allowed: frozenset[str]) -> list[Json]:
    """The problems of each field by itself."""
    problems = [problem(name, _UNEXPECTED, "invalid_field") for name in body if name not in allowed]
    texts = [name for name in _TEXTS if body.get(name) is not None and not isinstance(body[name], str)]
    problems += [mismatch(name, body[name], "String") for name in texts]
    if isinstance(body.get("email"), str) and not _ADDRESS.fullmatch(body["email"]):
        problems.append(problem("email", "It should be in the 'valid email address' format"))
    for name in _NUMBERS:
        value = body.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            problems.append(mismatch(name, value, "Positive Integer"))
    problems += _codes(body, account)
    problems += _known(body, account)
    for name in ("tags", "cc_emails"):
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, list):
            problems.append(mismatch(name, value, "Array"))
        elif not all(isinstance(one, str) for one in value):
            problems.append(problem(name, "It should contain elements of type String only", "datatype_mismatch"))
        elif name == "tags" and any(len(one) > 32 for one in value):
            problems.append(problem(name, "It should not have more than 32 characters"))
    for name in ("due_by", "fr_due_by"):
        value = body.get(name)
        if value is not None and not _is_stamp(value):
            text = "It should be a valid date in the 'combined date and time ISO8601' format"
            problems.append(problem(name, text, "invalid_value"))
    problems += _custom(body.get("custom_fields"), account)
    return problems


def _codes(body: Json, account: Account) -> list[Json]:
    problems = []
    closed: list[tuple[str, list[Any]]] = [
        ("status", list(account.statuses)),
        ("priority", list(accounts.PRIORITIES.values())),
        ("source", [*accounts.ALL_SOURCES, *account.own_sources.values()]),
    ]
    for name, values in closed:
        if name not in body:
            continue
        value = body[name]
        if isinstance(value, bool) or (value is not None and not isinstance(value, int)):
            problems.append(problem(name, one_of(values), "datatype_mismatch"))
        elif value not in values:
            problems.append(problem(name, one_of(values)))
    value = body.get("type")
    if value is not None and value not in account.types:
        problems.append(problem("type", one_of(account.types)))
    return problems


def _known(body: Json, account: Account) -> list[Json]:
    known: list[tuple[str, Any, str]] = [
        ("responder_id", account.agents, "agent"),
        ("group_id", account.groups, "group"),
        ("product_id", account.products, "product"),
        ("company_id", account.companies, "company"),
    ]
    problems = []
    for name, those, what in known:
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value not in those:
            problems.append(problem(name, f"There is no {what} matching the given {name}"))
    value = body.get("requester_id")
    if isinstance(value, int) and account.person(value) is None:
        problems.append(problem("requester_id", "There is no contact matching the given requester_id"))
    return problems


def _is_stamp(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        stamps.to_instant(value)
    except ValueError:
        return False
    return True


def _custom(given: Any, account: Account) -> list[Json]:
    if given is None:
        return []
    if not isinstance(given, dict):
        return [mismatch("custom_fields", given, "key/value pair")]
    problems = []
    for name, value in given.items():
        made = account.custom_fields.get(name)
        where = f"custom_fields.{name}"
        if made is None:
            problems.append(problem(where, _UNEXPECTED, "invalid_field"))
        elif value is not None:
            found = _custom_value(made, where, value)
            if found:
                problems.append(found)
    return problems


def _custom_value(made: CustomField, where: str, value: Any) -> Json | None:
    number = isinstance(value, int) and not isinstance(value, bool)
    if made.kind in {"custom_text", "custom_paragraph"}:
        return None if isinstance(value, str) else mismatch(where, value, "String")
    if made.kind == "custom_number":
        return None if number else mismatch(where, value, "Integer")
    if made.kind == "custom_decimal":
        fits = number or isinstance(value, float) or (isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value))
        return None if fits else mismatch(where, value, "Number")
    if made.kind == "custom_checkbox":
        return None if isinstance(value, bool) else mismatch(where, value, "Boolean")
    if made.kind == "custom_date":
        return (
            None if stamps.is_day(value) else problem(where, "It should be in the 'yyyy-mm-dd' format", "invalid_value")
        )
    if made.choices and value not in made.choices:
        return problem(where, one_of(made.choices))
    return None


def _missing(made: CustomField) -> Json:
    where = f"custom_fields.{made.name}"
    if made.choices:
        return problem(where, one_of(made.choices), "missing_field")
    kind = {"custom_number": "Integer", "custom_checkbox": "Boolean", "custom_date": "Date"}.get(made.kind, "String")
    return problem(where, f"It should be a/an {kind}", "missing_field")


def _closure(body: Json, present: Json, account: Account) -> list[Json]:
    """Fields that must be filled when a ticket is resolved or closed."""
    if body.get("status") not in {RESOLVED, CLOSED}:
        return []
    custom = {**(present.get("custom_fields") or {}), **(body.get("custom_fields") or {})}
    problems = [
        _missing(made)
        for made in account.custom_fields.values()
        if made.required_for_closure and custom.get(made.name) in (None, "")
    ]
    names = {"ticket_type": "type", "group": "group_id", "agent": "responder_id", "product": "product_id"}
    for name in sorted(account.required_for_closure):
        field = names.get(name, name)
        if {**present, **body}.get(field) is None:
            text = one_of(account.types) if field == "type" else "It should be a/an Positive Integer"
            problems.append(problem(field, text, "missing_field"))
    return problems


def normal(body: Json) -> Json:
    """The fields as a ticket holds them: stamps in UTC, decimals as text, tags without repeats."""
    fields = {k: v for k, v in body.items() if k not in {"attachments", "lookup_parameter", "related_ticket_ids"}}
    for name in ("due_by", "fr_due_by"):
        if isinstance(fields.get(name), str):
            fields[name] = stamps.to_text(stamps.to_instant(fields[name]))
    for name in ("tags", "cc_emails"):
        if name in fields:
            fields[name] = list(dict.fromkeys(fields[name] or []))
    if "custom_fields" in fields:
        fields["custom_fields"] = dict(fields["custom_fields"] or {})
    return fields
