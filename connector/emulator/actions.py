"""What automation rules do to a ticket: set fields, tag, note, mail, close, delete."""

from __future__ import annotations

from typing import Any

from connector.emulator.account import CLOSED
from connector.emulator.desk import Desk
from connector.emulator.rules import Rule, normal_value
from connector.emulator.shapes import Json, Ticket
from connector.emulator.world import Performer

_SETS = {
    "status": "status",
    "priority": "priority",
    "group": "group_id",
    "group_id": "group_id",
    "agent": "responder_id",
    "responder_id": "responder_id",
    "type": "type",
    "ticket_type": "type",
    "product": "product_id",
    "product_id": "product_id",
    "source": "source",
}
_TO_REQUESTER = frozenset({"send_email_to_requester", "mail_requester", "email_requester"})
_TO_AGENT = frozenset({"send_email_to_agent", "mail_agent", "email_agent"})
_TO_GROUP = frozenset({"send_email_to_group", "mail_group", "email_group"})


def perform(desk: Desk, rule: Rule, ticket: Ticket, by: Performer) -> Json:
    """Do a rule's actions in order; returns the field changes as {field: [old, new]}."""
    done: Json = {}
    for action in rule.actions:
        name = str(action.get("field_name") or action.get("name") or action.get("action") or "")
        value = action.get("value")
        if name in _SETS:
            field = _SETS[name]
            _set(desk, ticket, {field: normal_value(field, value, desk.world.account)}, by, done)
        elif name in {"close", "close_ticket"}:
            _set(desk, ticket, {"status": CLOSED}, by, done)
        elif name in {"add_tag", "add_tags", "tags"}:
            added = value if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
            present = list(ticket.fields["tags"] or [])
            _set(desk, ticket, {"tags": [*present, *(tag for tag in added if tag not in present)]}, by, done)
        elif name in {"add_note", "add_comment", "add_a_cc"}:
            body = action.get("comment") or action.get("note_body") or value or ""
            addresses = _addresses(desk, ticket, action.get("notify_agents") or [])
            desk.note(ticket, str(body), by, private=True, notify_emails=addresses)
        elif name == "delete_ticket":
            desk.hide(ticket, deleted=True)
        elif name == "mark_as_spam":
            desk.hide(ticket, spam=True)
        elif name.startswith("cf_") or name in ticket.fields["custom_fields"]:
            _set(desk, ticket, {"custom_fields": {name: value}}, by, done)
        else:
            _mail(desk, rule, ticket, name, action)
    return done


def _set(desk: Desk, ticket: Ticket, values: Json, by: Performer, done: Json) -> None:
    for name, (old, new) in desk.change(ticket, values, by, run_rules=False).items():
        done[name] = [old, new]


def _mail(desk: Desk, rule: Rule, ticket: Ticket, name: str, action: Json) -> None:
    world = desk.world
    target = action.get("email_to", action.get("to", action.get("value")))
    if name in _TO_REQUESTER:
        world.mail_requester(ticket, "automation", rule=rule.name)
    elif name in _TO_AGENT:
        for address in _addresses(desk, ticket, target if isinstance(target, list) else [target]):
            world.mail(address, "automation", ticket.number, "agent", rule=rule.name)
    elif name in _TO_GROUP:
        groups = target if isinstance(target, list) else [target or ticket.fields["group_id"]]
        for number in groups:
            members = (world.account.groups.get(number) or {}).get("agent_ids") or []
            for address in _addresses(desk, ticket, list(members)):
                world.mail(address, "automation", ticket.number, "agent", rule=rule.name)


def _addresses(desk: Desk, ticket: Ticket, wanted: list[Any]) -> list[str]:
    """Mail addresses of agents: by id, by address, or the ticket's own agent (-1, 0 or nothing)."""
    found: list[str] = []
    for one in wanted:
        if isinstance(one, str) and "@" in one:
            found.append(one)
            continue
        number = ticket.fields["responder_id"] if one in (None, -1, 0) else one
        worker = desk.world.account.agents.get(int(number)) if isinstance(number, int | str) and number else None
        if worker is not None:
            found.append(worker["contact"]["email"])
    return found
