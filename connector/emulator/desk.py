"""What happens to a ticket when somebody does something to it: stamps, stats, mails, promises, rules.

Callers have validated what they pass; the rules of the account then run in the same breath.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.emulator import account as accounts
from connector.emulator import shapes, sla
from connector.emulator.account import CLOSED, OPEN, PENDING, RESOLVED
from connector.emulator.shapes import Json, Ticket
from connector.emulator.world import SYSTEM, Performer, World

Changes = dict[str, tuple[Any, Any]]
_OUTBOUND_EMAIL = 10
_BESIDE_FIELDS = frozenset({"custom_fields", "description", "attachments", "deleted"})


class Desk:
    """Acts on the tickets of a world. `after_change` and `after_create` let the automations answer."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.after_change: Callable[[Ticket, Performer, Changes, str | None], None] = lambda *_: None
        self.after_create: Callable[[Ticket], None] = lambda *_: None
        self.watch_promises: Callable[[Ticket], None] = lambda *_: None
        self.call_later: Callable[[int, Callable[[], None]], None] = lambda *_: None

    def create(self, fields: Json, description: str, by: Performer, attachments: list[Json] | None = None) -> Ticket:
        """Open a ticket; `fields` are API fields, all validated. Runs the creation rules."""
        world = self.world
        full = shapes.blank_ticket()
        full.update(fields)
        full["custom_fields"] = {name: (fields.get("custom_fields") or {}).get(name) for name in self._declared(fields)}
        full["id"] = world.next_ticket
        world.next_ticket += 1
        full["created_at"] = full["updated_at"] = world.now_text
        ticket = Ticket(full, description, attachments=attachments or [])
        world.tickets[ticket.number] = ticket
        ticket.due_is_manual = bool(fields.get("due_by"))
        self._stamp_status(ticket, None, full["status"])
        if world.switches.stale_due_by:
            self.call_later(world.now + world.switches.sla_due_delay, lambda: self._promise(ticket))
        else:
            self._promise(ticket)
        world.reindex(ticket)
        if by.kind == "customer":
            world.mail_requester(ticket, "ticket_received")
        self._mail_status(ticket, by, full["status"], skip_close=False)
        if full["responder_id"] is not None:
            self._mail_assignee(ticket, by)
        self.after_create(ticket)
        return ticket

    def _declared(self, fields: Json) -> list[str]:
        declared = self.world.account.custom_fields
        for name in fields.get("custom_fields") or {}:
            if name not in declared:
                declared[name] = accounts.CustomField(name, name.removeprefix("cf_"), "custom_text")
        return list(declared)

    def change(
        self, ticket: Ticket, values: Json, by: Performer, *, skip_close: bool = False, run_rules: bool = True
    ) -> Changes:
        """Set fields; returns what really changed. Same-value writes do what the account's switch says."""
        world = self.world
        changes = self._differences(ticket, values)
        for name, (_, new) in changes.items():
            if name in ticket.fields["custom_fields"] or name.startswith("cf_"):
                ticket.fields["custom_fields"][name] = new
            elif name == "description":
                ticket.description = new or ""
            elif name == "attachments":
                ticket.attachments.extend(new)
            else:
                ticket.fields[name] = new
        same_status = "status" in values and "status" not in changes
        if "status" in changes:
            self._stamp_status(ticket, *changes["status"])
            sla.pause_or_resume(world.account, ticket, world.now)
        elif same_status and world.switches.same_value_put == "restarts":
            ticket.stats["status_updated_at"] = world.now_text
        if "due_by" in changes:
            ticket.due_is_manual = changes["due_by"][1] is not None
        if changes.keys() & {"priority", "status", "group_id", "type", "product_id", "company_id"}:
            self._renew_promise(ticket)
        elif "due_by" in changes:
            self.watch_promises(ticket)
        if changes or world.switches.same_value_put != "ignored":
            world.touch(ticket)
        if "status" in changes:
            self._mail_status(ticket, by, changes["status"][1], skip_close=skip_close)
        if "responder_id" in changes and changes["responder_id"][1] is not None:
            self._mail_assignee(ticket, by)
        if run_rules and changes:
            self.after_change(ticket, by, changes, None)
        return changes

    def _differences(self, ticket: Ticket, values: Json) -> Changes:
        changes: Changes = {}
        for name, value in values.items():
            if name == "custom_fields":
                for custom, wanted in (value or {}).items():
                    self._declared({"custom_fields": {custom: None}})
                    present = ticket.fields["custom_fields"].get(custom)
                    if present != wanted:
                        changes[custom] = (present, wanted)
            elif name == "description":
                if value != ticket.description:
                    changes[name] = (ticket.description, value)
            elif name == "attachments":
                if value:
                    changes[name] = ([], value)
            elif ticket.fields.get(name) != value:
                changes[name] = (ticket.fields.get(name), value)
        return changes

    def _stamp_status(self, ticket: Ticket, old: int | None, new: int) -> None:
        now, stats = self.world.now_text, ticket.stats
        stats["status_updated_at"] = now
        stats["pending_since"] = now if new == PENDING else None
        if new in {RESOLVED, CLOSED}:
            if new == RESOLVED or stats["resolved_at"] is None:
                stats["resolved_at"] = now
            stats["closed_at"] = now if new == CLOSED else None
        elif old in {RESOLVED, CLOSED}:
            stats["reopened_at"] = now
            stats["resolved_at"] = stats["closed_at"] = None

    def _mail_status(self, ticket: Ticket, by: Performer, new: int, *, skip_close: bool) -> None:
        """Only Resolved and Closed mail the requester by themselves; custom statuses mail nobody."""
        switches = self.world.switches
        if skip_close or new not in {RESOLVED, CLOSED}:
            return
        if by.rule == "autoclose":
            self.world.mail_requester(ticket, "autoclose")
            return
        if new == RESOLVED and switches.notify_resolved:
            self.world.mail_requester(ticket, "resolved")
        if new == CLOSED and switches.notify_closed:
            self.world.mail_requester(ticket, "closed")
        if new == RESOLVED and switches.csat:
            self.world.mail_requester(ticket, "csat")

    def _mail_assignee(self, ticket: Ticket, by: Performer) -> None:
        assignee = ticket.fields["responder_id"]
        if self.world.switches.notify_assignee and not (by.kind == "agent" and by.id == assignee):
            self.world.mail_agent(assignee, ticket, "assigned")

    def _promise(self, ticket: Ticket) -> None:
        """Compute the promises anew, unless somebody pinned due_by by hand or the account has no SLA job."""
        world = self.world
        if not world.switches.sla or ticket.due_is_manual:
            return
        due, first = sla.promises(world.account, ticket.fields, ticket.paused_seconds)
        ticket.fields["due_by"], ticket.fields["fr_due_by"] = due, first
        if due is not None and due > world.now_text:
            ticket.fields["is_escalated"] = False
        self.watch_promises(ticket)

    def _renew_promise(self, ticket: Ticket) -> None:
        if self.world.switches.stale_due_by:
            self.call_later(self.world.now + self.world.switches.sla_due_delay, lambda: self._promise(ticket))
        else:
            self._promise(ticket)

    def note(self, ticket: Ticket, body: str, by: Performer, **given: Any) -> Json:
        """Add a note (private unless said); mails the agents named in `notify_emails` and bumps `updated_at`."""
        notify = [str(address) for address in given.pop("notify_emails", None) or []]
        part = self._part(
            ticket,
            body,
            by.id,
            {"source": 2, "category": 2, "private": True, "to_emails": notify, "automation_id": by.rule_id, **given},
        )
        part["automation_type_id"] = by.rule_kind
        for address in notify:
            self.world.mail(address, "note_notification", ticket.number, "agent")
        if part["incoming"]:
            self._requester_spoke(ticket, by)
        self.world.touch(ticket)
        self.after_change(ticket, by, {}, "note_added")
        return part

    def reply(self, ticket: Ticket, body: str, by: Performer, **given: Any) -> Json:
        """An agent's public reply: mails the requester and stamps the response, except on outbound e-mails."""
        world = self.world
        person = world.account.person(ticket.fields["requester_id"]) or {}
        worker = world.account.agents.get(by.id) if by.id is not None else None
        sender = f"{worker['contact']['name']} <{worker['contact']['email']}>" if worker else None
        copies = [str(address) for address in given.get("cc_emails") or []]
        shown = {"source": 0, "category": 3, "to_emails": [person["email"]] if person.get("email") else [], **given}
        shown.setdefault("from_email", sender)
        shown["automation_id"] = by.rule_id
        part = self._part(ticket, body, by.id, shown)
        world.mail_requester(ticket, "reply")
        for address in copies:
            world.mail(address, "reply_cc", ticket.number, "requester")
        if ticket.fields["source"] != _OUTBOUND_EMAIL:
            ticket.stats["agent_responded_at"] = world.now_text
            ticket.stats["first_responded_at"] = ticket.stats["first_responded_at"] or world.now_text
        world.touch(ticket)
        self.after_change(ticket, by, {}, "reply_sent")
        return part

    def customer_reply(self, ticket: Ticket, body: str, writer: int | None = None, **given: Any) -> Json:
        """The requester writes: any status but Open becomes Open; to an archived ticket it opens a new one."""
        writer = ticket.fields["requester_id"] if writer is None else writer
        by = Performer("customer", writer)
        if ticket.archived:
            fields = {
                name: ticket.fields[name] for name in ("requester_id", "subject", "source", "company_id", "group_id")
            }
            fresh = self.create(fields, body, by)
            return shapes.conversation(0, fresh.number, body, writer, self.world.now_text, incoming=True)
        part = self._part(ticket, body, writer, {"source": 0, "category": 1, "incoming": True, **given})
        self._requester_spoke(ticket, by)
        self.world.touch(ticket)
        self.world.mail_agent(ticket.fields["responder_id"], ticket, "requester_replied")
        self.after_change(ticket, by, {}, "reply_sent")
        return part

    def _requester_spoke(self, ticket: Ticket, by: Performer) -> None:
        ticket.stats["requester_responded_at"] = self.world.now_text
        if ticket.fields["status"] != OPEN:
            ticket.stats["reopened_at"] = self.world.now_text
            self.change(ticket, {"status": OPEN}, by)

    def _part(self, ticket: Ticket, body: str, writer: int | None, given: Json) -> Json:
        world = self.world
        part = shapes.conversation(world.new_part_id(), ticket.number, body, writer, world.now_text, **given)
        ticket.conversations.append(part)
        return part

    def rate(self, ticket: Ticket, rating: int, comment: str | None) -> Json:
        """A satisfaction answer: bumps `updated_at`, counts as the requester speaking, reopens nothing."""
        world = self.world
        entry = {
            "id": world.new_part_id(),
            "survey_id": 1,
            "user_id": ticket.fields["requester_id"],
            "agent_id": ticket.fields["responder_id"],
            "feedback": comment,
            "group_id": ticket.fields["group_id"],
            "ticket_id": ticket.number,
            "created_at": world.now_text,
            "updated_at": world.now_text,
            "ratings": {"default_question": rating},
        }
        ticket.ratings.append(entry)
        ticket.stats["requester_responded_at"] = world.now_text
        world.touch(ticket)
        return entry

    def escalate(self, ticket: Ticket, *, response: bool = False) -> None:
        """The SLA job marks a broken promise: bumps `updated_at`, mails the assignee, changes nothing else."""
        ticket.fields["fr_escalated" if response else "is_escalated"] = True
        self.world.touch(ticket)
        self.world.mail_agent(ticket.fields["responder_id"], ticket, "sla_violated")

    def hide(self, ticket: Ticket, *, deleted: bool | None = None, spam: bool | None = None) -> None:
        """Delete, restore, file as spam or take back from there."""
        if deleted is not None:
            ticket.deleted = deleted
        if spam is not None:
            ticket.fields["spam"] = spam
        self.world.touch(ticket)

    def archive(self, ticket: Ticket) -> None:
        """Archive a closed ticket: read-only from now on and out of every list; `updated_at` stays."""
        ticket.archived = True
        self.world.reindex(ticket)

    def merge(self, primary: Ticket, others: list[Ticket], by: Performer) -> None:
        """Merge tickets into one: the others are closed with a private note, both sides bump `updated_at`."""
        for other in others:
            other.merged_into = primary.number
            self.change(other, {"status": CLOSED}, by, skip_close=True)
            self.note(other, f"<div>This ticket is closed and merged into ticket {primary.number}</div>", SYSTEM)
            self.note(primary, f"<div>Ticket {other.number} is merged with this ticket</div>", SYSTEM)
