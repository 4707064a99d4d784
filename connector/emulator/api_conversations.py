"""Notes, replies, conversations, time entries, satisfaction ratings; bulk updates and their jobs."""

from __future__ import annotations

import uuid
from typing import Any

from connector.emulator import shapes
from connector.emulator.api_tickets import archived_ticket
from connector.emulator.exchange import Answer, Refusal, Request, invalid, page_of, problem, route, visible, writable
from connector.emulator.shapes import Json, Ticket
from connector.emulator.validation import SETTABLE, check_fields, check_update, mismatch, normal
from connector.emulator.world import Performer

_NOTE_KEYS = frozenset(["body", "structured_body", "private", "notify_emails", "incoming", "user_id", "attachments"])
_REPLY_KEYS = frozenset(
    [
        "body",
        "structured_body",
        "from_email",
        "user_id",
        "cc_emails",
        "bcc_emails",
        "attachments",
        "full_text",
        "include_quoted_text",
    ]
)
_UNEXPECTED = "Unexpected/invalid field in request"
_ENTRY_KEYS = frozenset(["agent_id", "billable", "executed_at", "note", "start_time", "time_spent", "timer_running"])
_RATINGS = (103, 102, 101, 100, -101, -102, -103, 1, 2, 3)


def _body_of(fields: Json, allowed: frozenset[str]) -> str:
    problems = [problem(name, _UNEXPECTED, "invalid_field") for name in fields if name not in allowed]
    text = fields.get("body")
    if text is None and isinstance(fields.get("structured_body"), dict | list):
        text = _structured_text(fields["structured_body"])
    if text is None or text == "":
        problems.append(problem("body", "It should be a/an String", "missing_field"))
    elif not isinstance(text, str):
        problems.append(mismatch("body", text, "String"))
    flags = [name for name in ("private", "incoming") if name in fields and not isinstance(fields[name], bool)]
    problems += [mismatch(name, fields[name], "Boolean") for name in flags]
    lists = [name for name in ("notify_emails", "cc_emails", "bcc_emails") if fields.get(name) is not None]
    problems += [mismatch(name, fields[name], "Array") for name in lists if not isinstance(fields[name], list)]
    if problems:
        raise invalid(*problems)
    return str(text)


def _structured_text(structured: Any) -> str | None:
    parts = structured.get("message_parts") if isinstance(structured, dict) else structured
    texts = [
        part["text"].get("content")
        for part in (parts if isinstance(parts, list) else [])
        if isinstance(part, dict) and isinstance(part.get("text"), dict)
    ]
    return " ".join(str(text) for text in texts if text) or None


def _writer(request: Request, fields: Json) -> int:
    number = fields.get("user_id")
    if number is None:
        return request.agent_id
    if not isinstance(number, int) or request.helpdesk.world.account.person(number) is None:
        raise invalid(problem("user_id", "There is no contact matching the given user_id"))
    return number


@route("POST", "/tickets/{id}/notes")
def add_note(request: Request) -> Answer:
    """A note, private unless said; answers with `notified_to`."""
    ticket = writable(request, request.number())
    fields = request.fields()
    text = _body_of(fields, _NOTE_KEYS)
    by = Performer("agent", _writer(request, fields))
    part = request.helpdesk.desk.note(
        ticket,
        text,
        by,
        private=fields.get("private", True),
        incoming=fields.get("incoming", False),
        notify_emails=fields.get("notify_emails"),
        attachments=request.files,
    )
    shown = {**part, "notified_to": part["to_emails"]}
    return Answer(shown, 201, {"Location": f"{request.base_url}/api/v2/conversations/{part['id']}"})


@route("POST", "/tickets/{id}/reply")
def add_reply(request: Request) -> Answer:
    """A public reply: the requester is mailed."""
    ticket = writable(request, request.number())
    fields = request.fields()
    text = _body_of(fields, _REPLY_KEYS)
    given: Json = {name: fields[name] for name in ("cc_emails", "bcc_emails", "from_email") if fields.get(name)}
    by = Performer("agent", _writer(request, fields))
    part = request.helpdesk.desk.reply(ticket, text, by, attachments=request.files, **given)
    shown = {**part, "replied_to": part["to_emails"]}
    return Answer(shown, 201, {"Location": f"{request.base_url}/api/v2/conversations/{part['id']}"})


@route("GET", "/tickets/{id}/conversations")
def list_conversations(request: Request) -> Answer:
    """All notes and replies of a ticket, oldest first."""
    return page_of(request, visible(request, request.number()).conversations)


@route("GET", "/tickets/archived/{id}/conversations")
def list_archived_conversations(request: Request) -> Answer:
    """The conversations of an archived ticket."""
    return page_of(request, archived_ticket(request).conversations)


def _conversation(request: Request) -> tuple[Ticket, Json]:
    number = request.number()
    for ticket in request.helpdesk.world.tickets.values():
        for part in ticket.conversations:
            if part["id"] == number:
                visible(request, ticket.number)
                return ticket, part
    raise Refusal(404)


@route("PUT", "/conversations/{id}")
def edit_conversation(request: Request) -> Answer:
    """Edit a note; replies can't be edited."""
    _, part = _conversation(request)
    fields = request.fields()
    text = _body_of(fields, frozenset({"body", "attachments"}))
    if part["source"] != 2:
        raise invalid(problem("id", "Only notes can be edited", "incompatible_field"))
    now = request.helpdesk.world.now_text
    part.update(body=text, body_text=shapes.plain_text(text), updated_at=now)
    part.update(last_edited_at=now, last_edited_user_id=request.agent_id)
    return Answer(part)


@route("DELETE", "/conversations/{id}")
def delete_conversation(request: Request) -> Answer:
    """Remove a note or reply."""
    ticket, part = _conversation(request)
    ticket.conversations.remove(part)
    return Answer(status=204)


@route("GET", "/tickets/{id}/time_entries")
def list_ticket_time(request: Request) -> Answer:
    """Time entries of a ticket."""
    return page_of(request, visible(request, request.number()).time_entries)


@route("GET", "/time_entries")
def list_time(request: Request) -> Answer:
    """Time entries of all tickets."""
    return page_of(request, [e for t in request.helpdesk.world.tickets.values() for e in t.time_entries])


@route("POST", "/tickets/{id}/time_entries")
def add_time(request: Request) -> Answer:
    """Log time; the ticket's `updated_at` stays as it is."""
    ticket = writable(request, request.number())
    fields = request.fields()
    problems = [problem(name, _UNEXPECTED, "invalid_field") for name in fields if name not in _ENTRY_KEYS]
    spent = str(fields.get("time_spent") or "00:00")
    hours, colon, minutes = spent.partition(":")
    if not (colon and hours.isdigit() and minutes.isdigit()):
        problems.append(problem("time_spent", "It should be in the 'hh:mm' format"))
    if problems:
        raise invalid(*problems)
    world = request.helpdesk.world
    entry = {
        "id": world.new_part_id(),
        "billable": fields.get("billable", True),
        "note": fields.get("note"),
        "timer_running": bool(fields.get("timer_running", False)),
        "agent_id": fields.get("agent_id") or request.agent_id,
        "ticket_id": ticket.number,
        "company_id": ticket.fields["company_id"],
        "time_spent": spent,
        "time_spent_in_seconds": int(hours) * 3600 + int(minutes) * 60,
        "executed_at": fields.get("executed_at") or world.now_text,
        "start_time": fields.get("start_time") or world.now_text,
        "created_at": world.now_text,
        "updated_at": world.now_text,
    }
    ticket.time_entries.append(entry)
    return Answer(entry, 201)


@route("GET", "/tickets/{id}/satisfaction_ratings")
def list_ticket_ratings(request: Request) -> Answer:
    """Satisfaction answers on a ticket."""
    return page_of(request, visible(request, request.number()).ratings)


@route("GET", "/surveys/satisfaction_ratings")
def list_ratings(request: Request) -> Answer:
    """Satisfaction answers on all tickets."""
    since = request.one("created_since") or ""
    rows = [e for t in request.helpdesk.world.tickets.values() for e in t.ratings if e["created_at"] >= since]
    return page_of(request, rows)


@route("POST", "/tickets/{id}/satisfaction_ratings")
def add_rating(request: Request) -> Answer:
    """Answer a survey in the requester's name."""
    ticket = writable(request, request.number())
    fields = request.fields()
    given = fields.get("ratings")
    rating = given.get("default_question") if isinstance(given, dict) else None
    if rating not in _RATINGS:
        listed = ",".join(map(str, _RATINGS))
        raise invalid(problem("default_question", f"It should be one of these values: '{listed}'"))
    return Answer(request.helpdesk.desk.rate(ticket, rating, fields.get("feedback")), 201)


@route("POST", "/tickets/bulk_update")
@route("POST", "/tickets/bulk_delete")
def bulk(request: Request) -> Answer:
    """Change many tickets; the work is done by a job, and only its effects tell how it went."""
    world, desk = request.helpdesk.world, request.helpdesk.desk
    action = request.fields().get("bulk_action")
    if not isinstance(action, dict) or not isinstance(action.get("ids"), list):
        raise invalid(problem("bulk_action", "It should be a/an key/value pair with ids", "missing_field"))
    given = action.get("properties")
    if given is not None and not isinstance(given, dict):
        raise invalid(mismatch("properties", given, "key/value pair"))
    properties = dict(given or {})
    skip_close = bool(properties.pop("skip_close_notification", False))
    properties.pop("from_email", None)
    problems = check_fields(properties, world.account, SETTABLE)
    if problems:
        raise invalid(*problems)
    deleting = request.path.endswith("bulk_delete")
    reply = action["reply"].get("body") if isinstance(action.get("reply"), dict) else None
    numbers = [number for number in action["ids"] if isinstance(number, int)]
    by = Performer("agent", request.agent_id)
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{world.requests_seen}-{len(world.jobs)}").hex
    job: Json = {"job_id": name, "status": "in_progress"}
    world.jobs[job["job_id"]] = job

    def work() -> None:
        for number in numbers:
            ticket = world.tickets.get(number)
            if ticket is None or not ticket.listed or ticket.merged_into is not None:
                continue
            if deleting:
                desk.hide(ticket, deleted=True)
                continue
            if not check_update(properties, ticket, world.account):
                desk.change(ticket, normal(properties), by, skip_close=skip_close)
            if isinstance(reply, str) and reply:
                desk.reply(ticket, reply, by)
        job["status"] = "completed"

    if world.switches.job_seconds:
        request.helpdesk.engine.schedule(world.now + world.switches.job_seconds, work)
    else:
        work()
        job["status"] = "in_progress"  # the effect is there, yet the first look at the job still finds it running
    href = f"{request.base_url}/api/v2/jobs/{job['job_id']}"
    return Answer({"job_id": job["job_id"], "href": href}, 202)


@route("GET", "/jobs/{name}")
def view_job(request: Request) -> Answer:
    """A job: `in_progress` at the first look (or until its time has come), then `completed`; no per-ticket result."""
    world = request.helpdesk.world
    job = world.jobs.get(request.args["name"])
    if job is None:
        raise Refusal(404)
    shown = {"id": job["job_id"], "status": job["status"]}
    if not world.switches.job_seconds:
        job["status"] = "completed"
    return Answer(shown)
