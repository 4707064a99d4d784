"""The objects of the API with every key they carry, as recorded on live accounts.

Blank fields are null, never left out. Ticket rows differ by where they are shown: a list row has no description
and carries `associated_tickets_count`; a viewed ticket has description, attachments and `source_additional_info`.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

STATS = (
    "agent_responded_at",
    "requester_responded_at",
    "first_responded_at",
    "status_updated_at",
    "reopened_at",
    "resolved_at",
    "closed_at",
    "pending_since",
)

_TICKET_BLANKS: Json = {
    "cc_emails": [],
    "fwd_emails": [],
    "reply_cc_emails": [],
    "ticket_cc_emails": [],
    "ticket_bcc_emails": [],
    "fr_escalated": False,
    "spam": False,
    "email_config_id": None,
    "group_id": None,
    "priority": 1,
    "requester_id": None,
    "responder_id": None,
    "source": 2,
    "company_id": None,
    "status": 2,
    "subject": "",
    "association_type": None,
    "support_email": None,
    "to_emails": None,
    "product_id": None,
    "id": 0,
    "type": None,
    "due_by": None,
    "fr_due_by": None,
    "is_escalated": False,
    "custom_fields": {},
    "created_at": "",
    "updated_at": "",
    "tags": [],
    "form_id": None,
    "nr_due_by": None,
    "nr_escalated": False,
}
TICKET_KEYS = frozenset(_TICKET_BLANKS)
OPTIONAL_TICKET_KEYS = frozenset(
    {
        "name",
        "phone",
        "email",
        "twitter_id",
        "facebook_id",
        "unique_external_id",
        "parent_id",
        "internal_agent_id",
        "internal_group_id",
        "sentiment_score",
        "initial_sentiment_score",
        "urgent",
        "structured_description",
    }
)
_TAGS = re.compile(r"<[^>]+>")
_BREAKS = re.compile(r"<(?:br|/p|/div|/li)\b[^>]*>", re.IGNORECASE)


def plain_text(markup: str) -> str:
    """The text of an HTML body, as `description_text` and `body_text` give it."""
    return html.unescape(_TAGS.sub("", _BREAKS.sub(" ", markup))).strip()


@dataclass(slots=True)
class Ticket:
    """One ticket: its API fields, and apart from them what the API shows only on request."""

    fields: Json
    description: str = ""
    attachments: list[Json] = field(default_factory=list)
    stats: Json = field(default_factory=lambda: dict.fromkeys(STATS))
    conversations: list[Json] = field(default_factory=list)
    time_entries: list[Json] = field(default_factory=list)
    ratings: list[Json] = field(default_factory=list)
    watchers: set[int] = field(default_factory=set)
    deleted: bool = False
    archived: bool = False
    merged_into: int | None = None
    due_is_manual: bool = False
    timer_stopped_at: int | None = None
    paused_seconds: int = 0

    @property
    def number(self) -> int:
        """The ticket's id."""
        number: int = self.fields["id"]
        return number

    @property
    def spam(self) -> bool:
        """Whether the ticket was filed as spam."""
        return bool(self.fields["spam"])

    @property
    def listed(self) -> bool:
        """Whether the default list and the search show this ticket."""
        return not (self.deleted or self.archived or self.fields["spam"])


def blank_ticket() -> Json:
    """A ticket's API fields with nothing filled in."""
    return {key: _copy(value) for key, value in _TICKET_BLANKS.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, list):
        return list(value)
    return dict(value) if isinstance(value, dict) else value


def list_row(ticket: Ticket) -> Json:
    """A ticket as `GET /tickets` shows it, before any include."""
    row = dict(ticket.fields)
    row["associated_tickets_count"] = None
    if ticket.deleted:
        row["deleted"] = True
    return row


def viewed(ticket: Ticket) -> Json:
    """A ticket as `GET /tickets/{id}` and every write answer show it, before any include."""
    shown = dict(ticket.fields)
    shown["description"] = ticket.description
    shown["description_text"] = plain_text(ticket.description)
    shown["attachments"] = list(ticket.attachments)
    shown["source_additional_info"] = None
    shown["associated_tickets_list"] = []
    if ticket.deleted:
        shown["deleted"] = True
    if ticket.archived:
        shown["archived"] = True
    return shown


def whole(ticket: Ticket) -> Json:
    """The true state for the control API: all fields of a view, the stats, and what the API hides."""
    state = viewed(ticket)
    state["stats"] = dict(ticket.stats)
    state["deleted"] = ticket.deleted
    state["archived"] = ticket.archived
    state["merged_into"] = ticket.merged_into
    state["conversations_count"] = len(ticket.conversations)
    state["time_entries_count"] = len(ticket.time_entries)
    return state


def conversation(number: int, ticket_id: int, body: str, user_id: int | None, at: str, /, **given: Any) -> Json:
    """A note or reply with every key recorded answers carry."""
    entry: Json = {
        "body": body,
        "body_text": plain_text(body),
        "id": number,
        "incoming": False,
        "private": False,
        "user_id": user_id,
        "support_email": None,
        "source": 0,
        "category": 3,
        "to_emails": [],
        "from_email": None,
        "cc_emails": [],
        "bcc_emails": None,
        "email_failure_count": None,
        "outgoing_failures": None,
        "thread_id": None,
        "thread_message_id": None,
        "created_at": at,
        "updated_at": at,
        "last_edited_at": None,
        "last_edited_user_id": None,
        "attachments": [],
        "automation_id": None,
        "automation_type_id": None,
        "auto_response": False,
        "ticket_id": ticket_id,
        "source_additional_info": None,
    }
    entry.update(given)
    return entry


def agent(number: int, name: str, address: str, at: str, /, **given: Any) -> Json:
    """An agent as `GET /agents/{id}` shows it (the list leaves out group_ids, role_ids and skill_ids)."""
    contact: Json = {
        "active": True,
        "email": address,
        "job_title": None,
        "language": "es",
        "last_login_at": None,
        "mobile": None,
        "name": name,
        "phone": None,
        "time_zone": "Mexico City",
        "created_at": at,
        "updated_at": at,
    }
    contact.update(given.pop("contact", {}))
    shown: Json = {
        "available": True,
        "occasional": False,
        "id": number,
        "ticket_scope": 1,
        "created_at": at,
        "updated_at": at,
        "last_active_at": None,
        "available_since": None,
        "type": "support_agent",
        "contact": contact,
        "deactivated": False,
        "signature": None,
        "focus_mode": True,
        "group_ids": [],
        "role_ids": [],
        "skill_ids": [],
    }
    shown.update(given)
    return shown


def group(number: int, name: str, at: str, /, **given: Any) -> Json:
    """A group as `GET /groups/{id}` shows it (the list leaves out agent_ids)."""
    shown: Json = {
        "id": number,
        "name": name,
        "description": None,
        "escalate_to": None,
        "unassigned_for": None,
        "business_hour_id": None,
        "group_type": "support_agent_group",
        "auto_ticket_assign": 0,
        "agent_ids": [],
        "created_at": at,
        "updated_at": at,
    }
    shown.update(given)
    return shown


def contact(number: int, name: str, address: str | None, at: str, /, **given: Any) -> Json:
    """A contact as `GET /contacts/{id}` shows it."""
    shown: Json = {
        "active": False,
        "address": None,
        "company_id": None,
        "view_all_tickets": False,
        "description": None,
        "email": address,
        "id": number,
        "job_title": None,
        "language": "es",
        "mobile": None,
        "name": name,
        "phone": None,
        "time_zone": "Mexico City",
        "twitter_id": None,
        "custom_fields": {},
        "tags": [],
        "other_emails": [],
        "facebook_id": None,
        "created_at": at,
        "updated_at": at,
        "csat_rating": None,
        "preferred_source": None,
        "first_name": name.split(" ", maxsplit=1)[0] if name else None,
        "last_name": name.partition(" ")[2],
        "unique_external_id": None,
        "twitter_profile_status": False,
        "twitter_followers_count": None,
        "other_companies": [],
    }
    shown.update(given)
    return shown


def company(number: int, name: str, at: str, /, **given: Any) -> Json:
    """A company as `GET /companies/{id}` shows it."""
    shown: Json = {
        "id": number,
        "name": name,
        "description": None,
        "note": None,
        "domains": [],
        "created_at": at,
        "updated_at": at,
        "custom_fields": {},
        "health_score": None,
        "account_tier": None,
        "renewal_date": None,
        "industry": None,
        "org_company_id": None,
    }
    shown.update(given)
    return shown


def requester_card(person: Json) -> Json:
    """The short form of a contact that `include=requester` adds to a ticket."""
    return {key: person.get(key) for key in ("id", "name", "email", "mobile", "phone")}
