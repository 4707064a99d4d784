"""Automation rules in the API's shape: 1 on creation, 3 hourly, 4 on update; read leniently, evaluated strictly.

A condition on a stamp that is absent, or with an operator nobody knows, never holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connector.emulator import stamps
from connector.emulator.account import OPEN, Account
from connector.emulator.seed_types import misfits
from connector.emulator.shapes import Json, Ticket, plain_text

CREATION, HOURLY, UPDATE = 1, 3, 4
_KINDS = {
    "1": CREATION,
    "create": CREATION,
    "creation": CREATION,
    "ticket_creation": CREATION,
    "3": HOURLY,
    "hourly": HOURLY,
    "time": HOURLY,
    "time_triggers": HOURLY,
    "supervisor": HOURLY,
    "4": UPDATE,
    "update": UPDATE,
    "ticket_update": UPDATE,
    "ticket_updates": UPDATE,
}
_FIELD_NAMES = {
    "group": "group_id",
    "agent": "responder_id",
    "responder": "responder_id",
    "agent_id": "responder_id",
    "ticket_type": "type",
    "product": "product_id",
    "tag": "tags",
    "tag_names": "tags",
    "tag_ids": "tags",
    "company": "company_id",
    "requester": "requester_id",
}
_SINCE = {
    "created": "created_at",
    "updated": "updated_at",
    "status_updated": "status_updated_at",
    "pending": "pending_since",
    "resolved": "resolved_at",
    "closed": "closed_at",
    "reopened": "reopened_at",
    "agent_responded": "agent_responded_at",
    "agent_replied": "agent_responded_at",
    "requester_responded": "requester_responded_at",
    "customer_responded": "requester_responded_at",
    "first_responded": "first_responded_at",
    "opened": "opened",
    "due": "due_by",
    "due_by": "due_by",
    "fr_due_by": "fr_due_by",
    "frdueby": "fr_due_by",
}
_STAMP_NAMES = frozenset(_SINCE.values()) - {"opened"}


@dataclass(slots=True)
class Rule:
    """One rule; `raw` is the object the API shows."""

    id: int
    name: str
    kind: int
    raw: Json

    @property
    def active(self) -> bool:
        """Whether the rule runs at all."""
        return bool(self.raw.get("active", True))

    @property
    def actions(self) -> list[Json]:
        """What the rule does, in order."""
        return [action for action in self.raw.get("actions") or [] if isinstance(action, dict)]

    def performed_by(self, kind: str) -> bool:
        """Whether the rule listens to this performer (`agent`, `customer`, `system`): type 1, 2, 3 both, 4 system."""
        performer = self.raw.get("performer")
        wanted = performer.get("type") if isinstance(performer, dict) else performer
        listens = {
            1: {"agent"},
            2: {"customer"},
            3: {"agent", "customer"},
            4: {"system"},
            "agent": {"agent"},
            "customer": {"customer"},
            "requester": {"customer"},
            "any": {"agent", "customer"},
        }
        return wanted is None or kind in listens.get(wanted, {"agent", "customer"})


def read_rules(given: Any, account: Account, problems: list[str]) -> dict[int, list[Rule]]:
    """The rules of a seed by type: a list of rule objects, or an object from type to list."""
    rules: dict[int, list[Rule]] = {CREATION: [], HOURLY: [], UPDATE: []}
    entries: list[Any] = []
    if isinstance(given, dict):
        for kind, listed in given.items():
            if not isinstance(listed, list):
                problems.append(f"automations.{kind}: must be a list of rules")
                continue
            entries += [{"type": kind, **e} if isinstance(e, dict) else e for e in listed]
    elif isinstance(given, list):
        entries = given
    elif given is not None:
        problems.append("automations: must be a list")
    for n, entry in enumerate(entries):
        if not isinstance(entry, dict):
            problems.append(f"automations[{n}]: must be an object")
            continue
        wrong = misfits(f"automations[{n}]", entry)
        if wrong:
            problems += wrong
            continue
        named = entry.get("type", entry.get("automation_type", entry.get("automation_type_id", entry.get("rule_type"))))
        kind = _KINDS.get(str(named).lower())
        if kind is None:
            problems.append(f"automations[{n}].type: {named!r} is none of 1 (creation), 3 (hourly), 4 (update)")
            continue
        number = entry.get("id") if isinstance(entry.get("id"), int) else account.new_id()
        raw = {"active": True, "position": len(rules[kind]) + 1, "affected_tickets_count": 0, **entry, "id": number}
        raw.setdefault("name", f"Rule {number}")
        if not entry.get("actions"):
            problems.append(f"automations[{n}] {raw['name']!r}: has no actions")
        rules[kind].append(Rule(int(number or 0), str(raw["name"]), kind, raw))
    return rules


def holds(rule: Rule, ticket: Ticket, account: Account, now: int) -> bool:
    """Whether the rule's conditions hold for the ticket at this instant; a rule without conditions always holds."""
    conditions = rule.raw.get("conditions") or []
    if isinstance(conditions, dict):
        conditions = [conditions]
    sets = [part for part in conditions if isinstance(part, dict) and ("properties" in part or "conditions" in part)]
    plain = [part for part in conditions if isinstance(part, dict) and part not in sets]
    if plain:
        sets.append({"match_type": rule.raw.get("match_type", "all"), "properties": plain})
    if not sets:
        return True
    answers = [_set_holds(part, ticket, account, now) for part in sets]
    return any(answers) if " OR " in f" {rule.raw.get('operator') or ''} ".upper() else all(answers)


def _set_holds(part: Json, ticket: Ticket, account: Account, now: int) -> bool:
    tests = [test for test in part.get("properties") or part.get("conditions") or [] if isinstance(test, dict)]
    answers = [_test_holds(test, ticket, account, now) for test in tests]
    return any(answers) if str(part.get("match_type", "all")).lower() == "any" else all(answers)


def _test_holds(test: Json, ticket: Ticket, account: Account, now: int) -> bool:
    name = str(test.get("field_name") or test.get("field") or test.get("name") or "")
    operator = str(test.get("operator") or "is").lower()
    wanted = test.get("value")
    stamp = _stamp_name(name)
    if stamp is not None:
        at = _stamp_of(ticket, stamp)
        if at is None:
            return False
        actual: Any = (now - stamps.to_instant(at)) / 3600
        wanted = _number(wanted)
    else:
        name = _FIELD_NAMES.get(name, name)
        actual = value_of(ticket, name, account)
        wanted = normal_value(name, wanted, account)
    compare = _OPERATORS.get(operator)
    return compare is not None and compare(actual, wanted)


def _stamp_name(name: str) -> str | None:
    folded = name.lower()
    for prefix in ("hours_since_", "hours_since", "time_since_"):
        if folded.startswith(prefix):
            word = folded.removeprefix(prefix)
            return _SINCE.get(word) or _SINCE.get(word.removesuffix("_at").removesuffix("_since"))
    return (
        folded if folded in _STAMP_NAMES else _SINCE.get(folded.removesuffix("_at")) if folded.endswith("_at") else None
    )


def _stamp_of(ticket: Ticket, name: str) -> str | None:
    if name == "opened":
        return ticket.stats["status_updated_at"] if ticket.fields["status"] == OPEN else None
    found = ticket.stats[name] if name in ticket.stats else ticket.fields.get(name)
    return None if found is None else str(found)


def value_of(ticket: Ticket, name: str, account: Account) -> Any:
    """A ticket's value of a rule field."""
    if name in {"description", "subject_or_description"}:
        text = plain_text(ticket.description)
        return f"{ticket.fields['subject']} {text}" if name != "description" else text
    if name in {"email", "requester_email"}:
        return (account.person(ticket.fields["requester_id"]) or {}).get("email")
    if name in ticket.fields["custom_fields"]:
        return ticket.fields["custom_fields"][name]
    return ticket.fields.get(name)


def normal_value(name: str, value: Any, account: Account) -> Any:
    """A rule's value as the ticket holds it: statuses by code even where the rule names a label."""
    if isinstance(value, list):
        return [normal_value(name, one, account) for one in value]
    if value in ("", "--", "none"):
        return None
    if name == "status" and isinstance(value, str):
        return account.status_code(value)
    if isinstance(value, str) and value.isdigit() and (name.endswith("_id") or name in {"priority", "source"}):
        return int(value)
    return value


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _same(actual: Any, wanted: Any) -> bool:
    if isinstance(actual, list):
        return wanted in actual
    if isinstance(actual, float) and isinstance(wanted, float | int):
        return int(actual) == int(wanted)  # hours "is 6" holds during the sixth hour
    return bool(actual == wanted)


def _within(actual: Any, wanted: Any) -> bool:
    return any(_same(actual, one) for one in (wanted if isinstance(wanted, list) else [wanted]))


def _text(value: Any) -> str:
    return "" if value is None else " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _contains(actual: Any, wanted: Any) -> bool:
    words = wanted if isinstance(wanted, list) else [wanted]
    return any(_text(word).lower() in _text(actual).lower() for word in words if word is not None)


def _greater(actual: Any, wanted: Any) -> bool:
    left, right = _number(actual), _number(wanted)
    return left is not None and right is not None and left > right


def _less(actual: Any, wanted: Any) -> bool:
    left, right = _number(actual), _number(wanted)
    return left is not None and right is not None and left < right


def _at_least(actual: Any, wanted: Any) -> bool:
    left, right = _number(actual), _number(wanted)
    return left is not None and right is not None and left >= right


def _starts(actual: Any, wanted: Any) -> bool:
    return _text(actual).lower().startswith(_text(wanted).lower())


def _ends(actual: Any, wanted: Any) -> bool:
    return _text(actual).lower().endswith(_text(wanted).lower())


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "is": _within,
    "equals": _within,
    "in": _within,
    "is_any_of": _within,
    "is_not": lambda actual, wanted: not _within(actual, wanted),
    "not_equals": lambda actual, wanted: not _within(actual, wanted),
    "not_in": lambda actual, wanted: not _within(actual, wanted),
    "is_none_of": lambda actual, wanted: not _within(actual, wanted),
    "contains": _contains,
    "does_not_contain": lambda actual, wanted: not _contains(actual, wanted),
    "starts_with": _starts,
    "ends_with": _ends,
    "greater_than": _greater,
    "is_greater_than": _greater,
    ">": _greater,
    "less_than": _less,
    "is_less_than": _less,
    "<": _less,
    "greater_than_or_equal_to": _at_least,
    ">=": _at_least,
    "less_than_or_equal_to": lambda actual, wanted: not _greater(actual, wanted) and actual is not None,
    "<=": lambda actual, wanted: not _greater(actual, wanted) and actual is not None,
}


def triggered(rule: Rule, changes: dict[str, tuple[Any, Any]], happened: str | None, account: Account) -> bool:
    """Whether an update rule's events name one of these changes; a rule without events listens to every update."""
    events = [event for event in rule.raw.get("events") or [] if isinstance(event, dict)]
    if not events:
        return True
    for event in events:
        name = str(event.get("field_name") or event.get("name") or "")
        name = _FIELD_NAMES.get(name, name)
        if happened is not None and name in {happened, "any", "ticket_action"}:
            return True
        if name == "any" and changes:
            return True
        if name not in changes:
            continue
        old, new = changes[name]
        before, after = event.get("from", "--"), event.get("to", event.get("value", "--"))
        if _side(name, before, old, account) and _side(name, after, new, account):
            return True
    return False


def _side(name: str, wanted: Any, actual: Any, account: Account) -> bool:
    return wanted in ("--", "", "any", None) or _within(actual, normal_value(name, wanted, account))
