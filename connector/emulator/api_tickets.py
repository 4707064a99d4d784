"""`/api/v2/tickets`: list, view, create, update, delete, restore, spam, merge, archived, watch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connector.emulator import account as accounts
from connector.emulator import shapes, stamps
from connector.emulator.account import OPEN
from connector.emulator.exchange import (
    Answer,
    Refusal,
    Request,
    denied,
    in_scope,
    invalid,
    next_link,
    one_of,
    paging,
    problem,
    route,
    scope_of,
    visible,
    writable,
)
from connector.emulator.shapes import Json, Ticket
from connector.emulator.validation import check_create, check_update, normal
from connector.emulator.world import Performer

_FILTERS = ("new_and_my_open", "watching", "spam", "deleted")
_ORDERS = ("created_at", "due_by", "updated_at", "status")
_LIST_PARAMS = frozenset(
    [
        "filter",
        "requester_id",
        "email",
        "unique_external_id",
        "company_id",
        "updated_since",
        "order_by",
        "order_type",
        "include",
        "page",
        "per_page",
    ]
)
_LIST_INCLUDES = ("stats", "requester", "description", "company")
_VIEW_INCLUDES = ("conversations", "requester", "company", "stats", "sla_policy")
_LAST_PAGE = 300
_WINDOW_DAYS = 30
_VIEWED_CONVERSATIONS = 10


def with_includes(request: Request, ticket: Ticket, row: Json, includes: list[str]) -> Json:
    """Add to a ticket's row what `include=` asks for."""
    account = request.helpdesk.world.account
    for word in includes:
        if word == "stats":
            row["stats"] = dict(ticket.stats)
        elif word == "requester":
            person = account.person(ticket.fields["requester_id"])
            row["requester"] = shapes.requester_card(person) if person else {}
        elif word == "description":
            row["description"] = ticket.description
            row["description_text"] = shapes.plain_text(ticket.description)
        elif word == "company":
            firm = account.companies.get(ticket.fields["company_id"] or 0)
            row["company"] = {"id": firm["id"], "name": firm["name"]} if firm else {}
        elif word == "conversations":
            row["conversations"] = ticket.conversations[:_VIEWED_CONVERSATIONS]
    return row


def _check_list(request: Request) -> tuple[int, int]:
    problems = [
        problem(name, "Unexpected/invalid field in request", "invalid_field")
        for name in request.query
        if name not in _LIST_PARAMS
    ]
    for name, values in (("filter", _FILTERS), ("order_by", _ORDERS), ("order_type", ("asc", "desc"))):
        given = request.one(name)
        if given is not None and given not in values:
            problems.append(problem(name, one_of(list(values))))
    if any(word not in _LIST_INCLUDES for word in request.includes):
        problems.append(problem("include", one_of(list(_LIST_INCLUDES))))
    since = request.one("updated_since")
    if since is not None:
        try:
            stamps.to_instant(since)
        except ValueError:
            text = "It should be a valid date in the 'combined date and time ISO8601' format"
            problems.append(problem("updated_since", text))
    for name in ("requester_id", "company_id"):
        given = request.one(name)
        if given is not None and not (given.isdecimal() and len(given) < 19):
            problems.append(problem(name, "It should be a/an Positive Integer", "datatype_mismatch"))
    if problems:
        raise invalid(*problems)
    page, per_page = paging(request)
    if page > _LAST_PAGE:
        text = "You cannot access tickets beyond the 300th page. Please provide a smaller page number."
        raise invalid(problem("page", text))
    _check_known(request)
    return page, per_page


def _check_known(request: Request) -> None:
    account = request.helpdesk.world.account
    company, requester, address = request.one("company_id"), request.one("requester_id"), request.one("email")
    if company is not None and int(company) not in account.companies:
        raise invalid(problem("company_id", "There is no company matching the given company_id"))
    if requester is not None and account.person(int(requester)) is None:
        raise invalid(problem("requester_id", "There is no contact matching the given requester_id"))
    if address is not None and account.contact_by_email(address) is None:
        raise invalid(problem("email", "There is no contact matching the given email"))


def _narrowing(request: Request) -> list[Any]:
    """Tests a listed ticket must pass beyond its place in the index; empty for the plain feed."""
    tests: list[Any] = []
    account = request.helpdesk.world.account
    requester, company, chosen = request.one("requester_id"), request.one("company_id"), request.one("filter")
    if requester is not None:
        tests.append(lambda t, n=int(requester): t.fields["requester_id"] == n)
    if request.one("email") is not None:
        person = account.contact_by_email(request.one("email") or "")
        tests.append(lambda t, p=person: p is not None and t.fields["requester_id"] == p["id"])
    if request.one("unique_external_id") is not None:
        external = request.one("unique_external_id")
        tests.append(lambda t: (account.person(t.fields["requester_id"]) or {}).get("unique_external_id") == external)
    if company is not None:
        tests.append(lambda t, n=int(company): t.fields["company_id"] == n)
    if chosen == "new_and_my_open":
        me = request.agent_id
        tests.append(lambda t: t.fields["status"] == OPEN and t.fields["responder_id"] in (None, me))
    elif chosen == "watching":
        tests.append(lambda t: request.agent_id in t.watchers)
    if scope_of(request) != 1:
        tests.append(lambda t: in_scope(request, t))
    return tests


@route("GET", "/tickets")
def list_tickets(request: Request) -> Answer:
    """Tickets created in the past 30 days, or everything updated since an instant (inclusive)."""
    page, per_page = _check_list(request)
    first = (page - 1) * per_page + (request.shift if page > 1 else 0)
    rows = _ordered(request, first, per_page + 1)
    more = len(rows) > per_page and page < _LAST_PAGE
    includes = request.includes
    shown = [with_includes(request, ticket, shapes.list_row(ticket), includes) for ticket in rows[:per_page]]
    return Answer(shown, headers=next_link(request, page, more))


def _ordered(request: Request, first: int, count: int) -> list[Ticket]:
    """The wanted stretch of the list; the plain feed takes it straight from a sorted index."""
    world = request.helpdesk.world
    order, down = request.one("order_by") or "created_at", (request.one("order_type") or "desc") == "desc"
    since = request.one("updated_since")
    floor = stamps.to_text(stamps.to_instant(since)) if since is not None else None
    window = stamps.to_text(world.now - _WINDOW_DAYS * 86400) if since is None else None
    tests = _narrowing(request)
    hidden = request.one("filter") in {"spam", "deleted"}
    if order == "updated_at" and since is not None and not hidden:
        index, (low, high) = world.updated, world.listed_numbers(world.updated, floor)
    elif order == "created_at" and since is None and not hidden:
        index, (low, high) = world.created, world.listed_numbers(world.created, window)
    else:
        return _sorted_here(request, order, floor, window, tests, down=down)[first : first + count]
    if not tests:
        low, high = (high - first - count, high - first) if down else (low + first, min(high, low + first + count))
        start = world.listed_numbers(index, floor if since is not None else window)[0]
        picked = index[max(low, start) : max(high, start)]
        return [world.tickets[number] for _, number in (reversed(picked) if down else picked)]
    span = reversed(index[low:high]) if down else iter(index[low:high])
    kept = (t for t in (world.tickets[number] for _, number in span) if all(test(t) for test in tests))
    return _stretch(kept, first, count)


def _stretch(tickets: Iterator[Ticket], first: int, count: int) -> list[Ticket]:
    taken: list[Ticket] = []
    for n, ticket in enumerate(tickets):
        if n >= first + count:
            break
        if n >= first:
            taken.append(ticket)
    return taken


def _sorted_here(
    request: Request, order: str, floor: str | None, window: str | None, tests: list[Any], *, down: bool
) -> list[Ticket]:
    chosen = request.one("filter")
    tickets = [
        ticket
        for ticket in request.helpdesk.world.tickets.values()
        if not ticket.archived
        and ticket.deleted == (chosen == "deleted")
        and (chosen == "deleted" or ticket.spam == (chosen == "spam"))
        and (floor is None or ticket.fields["updated_at"] >= floor)
        and (window is None or chosen in {"deleted", "spam"} or ticket.fields["created_at"] >= window)
        and all(test(ticket) for test in tests)
    ]
    blank: Any = 0 if order == "status" else ""
    tickets.sort(key=lambda t: (t.fields[order] or blank, t.number), reverse=down)
    return tickets


@route("GET", "/tickets/{id}")
def view_ticket(request: Request) -> Answer:
    """One ticket with description; `include=conversations` gives the oldest ten."""
    wrong = [word for word in request.includes if word not in _VIEW_INCLUDES]
    if wrong:
        raise invalid(problem("include", one_of(list(_VIEW_INCLUDES))))
    ticket = visible(request, request.number())
    return Answer(with_includes(request, ticket, shapes.viewed(ticket), request.includes))


@route("POST", "/tickets")
def create_ticket(request: Request) -> Answer:
    """Open a ticket; a requester known only by mail address becomes a contact."""
    body = request.fields()
    problems = check_create(body, request.helpdesk.world.account)
    if problems:
        raise invalid(*problems)
    return _opened(request, body, {})


@route("POST", "/tickets/outbound_email")
def create_outbound_email(request: Request) -> Answer:
    """A ticket that begins with a mail to the requester; no agent response is stamped."""
    body = {k: v for k, v in request.fields().items() if k != "email_config_id"}
    body.setdefault("status", accounts.CLOSED)
    body.setdefault("priority", 1)
    problems = check_create(body, request.helpdesk.world.account)
    if problems:
        raise invalid(*problems)
    answer = _opened(request, body, {"source": 10, "email_config_id": request.fields().get("email_config_id")})
    world = request.helpdesk.world
    world.mail_requester(world.tickets[answer.body["id"]], "outbound_email")
    return answer


def _opened(request: Request, body: Json, forced: Json) -> Answer:
    world = request.helpdesk.world
    fields = {**normal(body), **forced}
    description = str(fields.pop("description", ""))
    fields["requester_id"] = requester_of(request, fields)
    fields.pop("email", None)
    copies = fields.get("cc_emails") or []
    fields.update({name: list(copies) for name in ("reply_cc_emails", "ticket_cc_emails")})
    fields = {k: v for k, v in fields.items() if v is not None or k in shapes.TICKET_KEYS}
    ticket = request.helpdesk.desk.create(fields, description, Performer("agent", request.agent_id), request.files)
    location = f"{request.base_url}/api/v2/tickets/{ticket.number}"
    world.mail_requester(ticket, "ticket_created")
    return Answer(shapes.viewed(ticket), 201, {"Location": location})


def requester_of(request: Request, fields: Json) -> int | None:
    """The requester a body names, made a contact where it is new."""
    world = request.helpdesk.world
    account = world.account
    if fields.get("requester_id") is not None:
        number: int = fields["requester_id"]
        return number
    address = fields.get("email")
    if address:
        known = account.contact_by_email(address)
        if known is None:
            known = next(
                (a["contact"] | {"id": n} for n, a in account.agents.items() if a["contact"]["email"] == address), None
            )
        if known is not None:
            return int(known["id"])
    for name in ("phone", "twitter_id", "unique_external_id"):
        if fields.get(name):
            found = next((c for c in account.contacts.values() if c.get(name) == fields[name]), None)
            if found is not None:
                return int(found["id"])
    keys = ("name", "phone", "email", "twitter_id", "facebook_id", "unique_external_id")
    made = accounts.new_contact(account, world.now_text, {k: fields[k] for k in keys if fields.get(k)})
    return int(made["id"])


@route("PUT", "/tickets/{id}")
def update_ticket(request: Request) -> Answer:
    """Set the given fields and nothing else; answers the whole ticket."""
    ticket = writable(request, request.number())
    body = request.fields()
    if not body and not request.files:
        raise Refusal(400, {"code": "missing_field", "message": "Request body is empty"})
    world = request.helpdesk.world
    problems = check_update(body, ticket, world.account)
    if problems:
        raise invalid(*problems)
    fields = normal(body)
    if not {"email", "phone", "twitter_id", "facebook_id", "unique_external_id"}.isdisjoint(fields):
        fields["requester_id"] = requester_of(request, fields)
        fields.pop("email", None)
    if request.files:
        fields["attachments"] = request.files
    request.helpdesk.desk.change(ticket, fields, Performer("agent", request.agent_id))
    return Answer(shapes.viewed(ticket))


@route("DELETE", "/tickets/{id}")
def delete_ticket(request: Request) -> Answer:
    """Soft-delete: out of the default list, viewable, restorable."""
    request.helpdesk.desk.hide(writable(request, request.number()), deleted=True)
    return Answer(status=204)


@route("PUT", "/tickets/{id}/restore")
def restore_ticket(request: Request) -> Answer:
    """Take a ticket back from the bin."""
    ticket = visible(request, request.number())
    if not ticket.deleted:
        raise Refusal(404)
    request.helpdesk.desk.hide(ticket, deleted=False)
    return Answer(status=204)


@route("PUT", "/tickets/{id}/spam")
def spam_ticket(request: Request) -> Answer:
    """File a ticket as spam."""
    request.helpdesk.desk.hide(writable(request, request.number()), spam=True)
    return Answer(status=204)


@route("PUT", "/tickets/{id}/unspam")
def unspam_ticket(request: Request) -> Answer:
    """Take a ticket back from spam."""
    request.helpdesk.desk.hide(visible(request, request.number()), spam=False)
    return Answer(status=204)


@route("POST", "/tickets/{id}/watch")
@route("PUT", "/tickets/{id}/unwatch")
def watch_ticket(request: Request) -> Answer:
    """Start or stop watching a ticket."""
    ticket = visible(request, request.number())
    if request.path.endswith("unwatch"):
        ticket.watchers.discard(request.agent_id)
    else:
        ticket.watchers.add(request.agent_id)
    return Answer(status=204)


@route("PUT", "/tickets/merge")
def merge_tickets(request: Request) -> Answer:
    """Merge tickets into a primary one."""
    body = request.fields()
    number, numbers = body.get("primary_id"), body.get("ticket_ids")
    if not isinstance(number, int) or isinstance(number, bool):
        raise invalid(problem("primary_id", "It should be a/an Positive Integer", "datatype_mismatch"))
    if not isinstance(numbers, list) or not all(isinstance(one, int) for one in numbers) or number in numbers:
        raise invalid(problem("ticket_ids", "It should be a/an Array", "datatype_mismatch"))
    primary = writable(request, number)
    others = [writable(request, other) for other in numbers]
    request.helpdesk.desk.merge(primary, others, Performer("agent", request.agent_id))
    return Answer(status=204)


def archived_ticket(request: Request) -> Ticket:
    """A ticket that is archived, within the key's scope."""
    ticket = request.helpdesk.world.tickets.get(request.number())
    if ticket is None or not ticket.archived:
        raise Refusal(404)
    if not in_scope(request, ticket):
        raise denied()
    return ticket


@route("GET", "/tickets/archived/{id}")
def view_archived(request: Request) -> Answer:
    """An archived ticket, read-only."""
    ticket = archived_ticket(request)
    return Answer(with_includes(request, ticket, shapes.viewed(ticket), request.includes))
