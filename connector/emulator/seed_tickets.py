"""The tickets of a seed: any API field may be given, whatever is missing is filled so that it fits the rest."""

from __future__ import annotations

from typing import Any

from connector.emulator import account as accounts
from connector.emulator import shapes, sla, stamps
from connector.emulator.account import CLOSED, PENDING, RESOLVED, Account, CustomField
from connector.emulator.seed_types import misfits
from connector.emulator.shapes import Json, Ticket

_TICKET_STAMPS = ("created_at", "updated_at", "due_by", "fr_due_by", "nr_due_by")
_BESIDE = frozenset(
    [
        "stats",
        "conversations",
        "requester",
        "description",
        "description_text",
        "attachments",
        "deleted",
        "archived",
        "company",
        "conversations_count",
        "time_entries",
        "satisfaction_ratings",
        "associated_tickets_count",
        "associated_tickets_list",
        "source_additional_info",
        "merged_into",
        "time_entries_count",
    ]
)
_FIRST_CONVERSATION = 67013500001


def read_tickets(given: Any, account: Account, problems: list[str]) -> list[Ticket]:
    """Build the tickets of a seed, adding every problem to `problems`; undeclared custom fields are declared."""
    if not isinstance(given, list):
        problems.append("tickets: must be a list")
        return []
    reader = _TicketReader(account, problems)
    made = [reader.ticket(n, entry) for n, entry in enumerate(given)]
    tickets = [ticket for ticket in made if ticket is not None]
    reader.declare_custom_fields(tickets)
    return tickets


class _TicketReader:
    def __init__(self, account: Account, problems: list[str]) -> None:
        self.account = account
        self.problems = problems
        self.by_email = {str(c["email"]).lower(): c for c in account.contacts.values() if c["email"]}
        self.seen: set[int] = set()
        self.highest = 0
        self.next_conversation = _FIRST_CONVERSATION

    def ticket(self, n: int, entry: Any) -> Ticket | None:
        where = f"tickets[{n}]"
        if not isinstance(entry, dict):
            self.problems.append(f"{where}: must be an object")
            return None
        wrong = misfits(f"ticket {entry['id']}" if isinstance(entry.get("id"), int) else where, entry)
        if wrong:
            self.problems += wrong
            return None
        number = entry.get("id", self.highest + 1)
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            self.problems.append(f"{where}.id: must be a whole number above 0, not {number!r}")
            return None
        where = f"ticket {number}"
        if number in self.seen:
            self.problems.append(f"{where}: the id is used twice")
            return None
        self.seen.add(number)
        self.highest = max(self.highest, number)
        fields = shapes.blank_ticket()
        for name, value in entry.items():
            if name in _BESIDE or name in {"email", "id"}:
                continue
            if name not in shapes.TICKET_KEYS and name not in shapes.OPTIONAL_TICKET_KEYS:
                self.problems.append(f"{where}: unknown field {name!r}")
                continue
            fields[name] = list(value) if isinstance(value, list) else value
        fields["id"] = number
        self._codes(where, fields)
        self._stamps(where, fields)
        self._requester(where, entry, fields)
        self._owners(where, fields)
        self._due(entry, fields)
        custom = fields["custom_fields"]
        if not isinstance(custom, dict):
            self.problems.append(f"{where}.custom_fields: must be an object")
            custom = {}
        fields["custom_fields"] = dict(custom)
        description = str(entry.get("description") or entry.get("description_text") or "")
        ticket = Ticket(
            fields,
            description,
            deleted=bool(entry.get("deleted")),
            archived=bool(entry.get("archived")),
            attachments=list(entry.get("attachments") or []),
        )
        self._stats(where, entry, ticket)
        self._conversations(where, entry, ticket)
        for part, store in (("time_entries", ticket.time_entries), ("satisfaction_ratings", ticket.ratings)):
            store.extend(dict(e) for e in entry.get(part) or [] if isinstance(e, dict))
        return ticket

    def _codes(self, where: str, fields: Json) -> None:
        status = fields["status"]
        if isinstance(status, str):
            code = self.account.status_code(status)
            if code is None:
                self.problems.append(f"{where}.status: {status!r} is no status of this account")
            else:
                fields["status"] = code
        elif status not in self.account.statuses:
            known = ", ".join(map(str, self.account.statuses))
            self.problems.append(f"{where}.status: {status!r} is not declared under statuses (known: {known})")
        for name, codes in (("priority", accounts.PRIORITIES), ("source", accounts.SOURCES | self.account.own_sources)):
            value = fields[name]
            if isinstance(value, str):
                fields[name] = {label.lower(): code for label, code in codes.items()}.get(value.lower(), value)
        if fields["priority"] not in accounts.PRIORITIES.values():
            self.problems.append(f"{where}.priority: {fields['priority']!r} is none of 1, 2, 3, 4")
        if not isinstance(fields["source"], int):
            self.problems.append(f"{where}.source: {fields['source']!r} is no source code")
        if fields["type"] is not None and fields["type"] not in self.account.types:
            self.account.types.append(str(fields["type"]))

    def _stamps(self, where: str, fields: Json) -> None:
        for name in _TICKET_STAMPS:
            fields[name] = self._stamp(f"{where}.{name}", fields[name])
        now = stamps.to_text(self.account.now)
        fields["created_at"] = fields["created_at"] or fields["updated_at"] or now
        fields["updated_at"] = fields["updated_at"] or fields["created_at"]

    def _due(self, entry: Json, fields: Json) -> None:
        """Promises not written in the seed follow the SLA policy; those already broken are marked so."""
        if "due_by" in entry or "fr_due_by" in entry or self.account.settings.get("sla") is False:
            return
        try:
            resolve, respond = sla.promises(self.account, fields, 0)
        except (TypeError, ValueError):
            return  # a stamp or code of this ticket is already among the problems
        fields["due_by"], fields["fr_due_by"] = resolve, respond
        late = resolve is not None and resolve < stamps.to_text(self.account.now)
        if late and "is_escalated" not in entry and fields["status"] not in {RESOLVED, CLOSED}:
            fields["is_escalated"] = True

    def _stamp(self, where: str, value: Any) -> str | None:
        if value is None or value == "":
            return None
        try:
            return stamps.to_text(value if isinstance(value, int) else stamps.to_instant(str(value)))
        except ValueError as exc:
            self.problems.append(f"{where}: {exc}")
            return None

    def _requester(self, where: str, entry: Json, fields: Json) -> None:
        card = entry.get("requester")
        card = card if isinstance(card, dict) else {}
        address = card.get("email") or entry.get("email")
        number = fields["requester_id"] or card.get("id")
        if number is not None and not isinstance(number, int):
            self.problems.append(f"{where}.requester_id: must be a whole number, not {number!r}")
            return
        if number is None and address:
            known = self.by_email.get(str(address).lower())
            number = known["id"] if known else None
        if number is None or (number not in self.account.contacts and number not in self.account.agents):
            number = self._new_requester(number, card, str(address) if address else None, fields)
        fields["requester_id"] = number

    def _new_requester(self, number: int | None, card: Json, address: str | None, fields: Json) -> int:
        number = number or self.account.new_id()
        given = {key: card[key] for key in ("name", "mobile", "phone") if card.get(key)}
        given.setdefault("name", fields.get("name"))
        given["email"] = address or f"requester{number}@cliente.example"
        made = accounts.new_contact(self.account, fields["created_at"], {"id": number, **given})
        self.by_email[str(made["email"]).lower()] = made
        return number

    def _owners(self, where: str, fields: Json) -> None:
        for name, known, what in (
            ("responder_id", self.account.agents, "agents"),
            ("group_id", self.account.groups, "groups"),
            ("product_id", self.account.products, "products"),
            ("company_id", self.account.companies, "companies"),
        ):
            if fields[name] is not None and fields[name] not in known:
                self.problems.append(f"{where}.{name}: {fields[name]!r} is not among the {what}")

    def _stats(self, where: str, entry: Json, ticket: Ticket) -> None:
        given = entry.get("stats")
        given = given if isinstance(given, dict) else {}
        for name in shapes.STATS:
            ticket.stats[name] = self._stamp(f"{where}.stats.{name}", given.get(name))
        stats, fields = ticket.stats, ticket.fields
        moved = stats["status_updated_at"] or fields["updated_at"] or fields["created_at"]
        stats["status_updated_at"] = moved
        if fields["status"] == PENDING and stats["pending_since"] is None:
            stats["pending_since"] = moved
        if fields["status"] in {RESOLVED, CLOSED} and stats["resolved_at"] is None:
            stats["resolved_at"] = moved
        if fields["status"] == CLOSED and stats["closed_at"] is None:
            stats["closed_at"] = moved

    def _conversations(self, where: str, entry: Json, ticket: Ticket) -> None:
        given = entry.get("conversations") or []
        if not isinstance(given, list):
            self.problems.append(f"{where}.conversations: must be a list")
            return
        for n, part in enumerate(given):
            if not isinstance(part, dict):
                self.problems.append(f"{where}.conversations[{n}]: must be an object")
                continue
            kept = dict(part)
            at = self._stamp(f"{where}.conversations[{n}].created_at", kept.pop("created_at", None))
            at = at or ticket.fields["created_at"]
            changed = self._stamp(f"{where}.conversations[{n}].updated_at", kept.pop("updated_at", None)) or at
            body = str(kept.pop("body", None) or kept.pop("body_text", None) or "")
            number = kept.pop("id", None)
            if not isinstance(number, int):
                number = self.next_conversation
                self.next_conversation += 1
            writer = kept.pop("user_id", None)
            if writer is None and kept.get("incoming"):
                writer = ticket.fields["requester_id"]
            kept.pop("ticket_id", None)
            made = shapes.conversation(number, ticket.number, body, writer, at, **kept)
            made["updated_at"] = changed
            ticket.conversations.append(made)
        ticket.conversations.sort(key=lambda made: (made["created_at"], made["id"]))

    def declare_custom_fields(self, tickets: list[Ticket]) -> None:
        """Declare what the tickets use, then give every ticket every declared field (null where blank)."""
        values: dict[str, list[Any]] = {}
        for ticket in tickets:
            for name, value in ticket.fields["custom_fields"].items():
                values.setdefault(name, []).extend([] if value is None else [value])
        declared = self.account.custom_fields
        for name, label, kind in accounts.SHIPPED_CUSTOM_FIELDS:
            used = values.get(name)
            if name not in declared:
                declared[name] = CustomField(name, label, field_kind(used) if used else kind)
        for name, used in values.items():
            if name not in declared:
                declared[name] = CustomField(name, name.removeprefix("cf_"), field_kind(used))
        for ticket in tickets:
            kept = ticket.fields["custom_fields"]
            ticket.fields["custom_fields"] = {name: kept.get(name) for name in declared}


def field_kind(values: list[Any]) -> str:
    """The narrowest custom field type that holds all these values."""
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, bool) for value in present):
        return "custom_checkbox"
    if present and all(isinstance(value, int) and not isinstance(value, bool) for value in present):
        return "custom_number"
    if present and all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        return "custom_decimal"
    if present and all(stamps.is_day(value) for value in present):
        return "custom_date"
    return "custom_text"
