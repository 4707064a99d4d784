"""Agents, groups, contacts, companies, roles. All but `agents/me`, contacts and companies need an administrator."""

from __future__ import annotations

from connector.emulator import account as accounts
from connector.emulator import shapes, stamps
from connector.emulator.exchange import (
    Answer,
    Refusal,
    Request,
    denied,
    invalid,
    page_of,
    paging,
    problem,
    route,
    scope_of,
)
from connector.emulator.search import MAX_PAGE, ROWS_PER_PAGE
from connector.emulator.shapes import Json
from connector.emulator.validation import mismatch

_ONLY_IN_VIEW = frozenset({"group_ids", "role_ids", "skill_ids"})
_CONTACT_KEYS = frozenset(
    [
        "name",
        "email",
        "phone",
        "mobile",
        "twitter_id",
        "unique_external_id",
        "other_emails",
        "company_id",
        "view_all_tickets",
        "other_companies",
        "address",
        "avatar",
        "custom_fields",
        "description",
        "job_title",
        "language",
        "tags",
        "time_zone",
        "lookup_parameter",
    ]
)


def admin(request: Request) -> None:
    """Refuse anybody but an administrator."""
    if not request.is_admin:
        raise denied()


def _agent_row(worker: Json) -> Json:
    return {k: v for k, v in worker.items() if k not in _ONLY_IN_VIEW}


@route("GET", "/agents")
def list_agents(request: Request) -> Answer:
    """All agents, without their groups; filters email, mobile, phone, state."""
    admin(request)
    rows = list(request.helpdesk.world.account.agents.values())
    for name in ("email", "mobile", "phone"):
        wanted = request.one(name)
        if wanted is not None:
            rows = [worker for worker in rows if str(worker["contact"].get(name) or "").lower() == wanted.lower()]
    state = request.one("state")
    if state in {"fulltime", "occasional"}:
        rows = [worker for worker in rows if worker["occasional"] == (state == "occasional")]
    return page_of(request, [_agent_row(worker) for worker in rows])


@route("GET", "/agents/me")
def view_me(request: Request) -> Answer:
    """The key's own agent; the one agents endpoint everybody may use."""
    return Answer({**request.helpdesk.world.account.agents[request.agent_id], "ticket_scope": scope_of(request)})


@route("GET", "/agents/autocomplete")
def autocomplete_agents(request: Request) -> Answer:
    """Agents whose name or address begins with a term."""
    term = (request.one("term") or "").lower()
    found = [
        {"id": number, "name": worker["contact"]["name"], "email": worker["contact"]["email"]}
        for number, worker in request.helpdesk.world.account.agents.items()
        if term and (worker["contact"]["name"].lower().startswith(term) or worker["contact"]["email"].startswith(term))
    ]
    return Answer(found)


@route("GET", "/agents/{id}")
def view_agent(request: Request) -> Answer:
    """One agent with group_ids."""
    admin(request)
    return Answer(_found(request.helpdesk.world.account.agents, request))


def _found(those: dict[int, Json], request: Request) -> Json:
    entry = those.get(request.number())
    if entry is None or entry.get("deleted"):
        raise Refusal(404)
    return entry


@route("PUT", "/agents/{id}")
def update_agent(request: Request) -> Answer:
    """Change an agent's settings."""
    admin(request)
    worker = _found(request.helpdesk.world.account.agents, request)
    problems = _wrong_types(request.fields())
    if problems:
        raise invalid(*problems)
    for name, value in request.fields().items():
        if name in worker and name not in {"id", "contact", "created_at", "updated_at"}:
            worker[name] = value
        elif name in worker["contact"]:
            worker["contact"][name] = value
        else:
            raise invalid(problem(name, "Unexpected/invalid field in request", "invalid_field"))
    worker["updated_at"] = request.helpdesk.world.now_text
    return Answer(worker)


@route("GET", "/groups")
def list_groups(request: Request) -> Answer:
    """All groups, without their agents."""
    admin(request)
    rows = [{k: v for k, v in g.items() if k != "agent_ids"} for g in request.helpdesk.world.account.groups.values()]
    return page_of(request, rows)


@route("GET", "/admin/groups")
def list_admin_groups(request: Request) -> Answer:
    """All groups with their agents."""
    admin(request)
    return page_of(request, list(request.helpdesk.world.account.groups.values()))


@route("GET", "/groups/{id}")
@route("GET", "/admin/groups/{id}")
def view_group(request: Request) -> Answer:
    """One group with agent_ids."""
    admin(request)
    return Answer(_found(request.helpdesk.world.account.groups, request))


@route("GET", "/contacts")
def list_contacts(request: Request) -> Answer:
    """Contacts; filters email, mobile, phone, company_id, state, updated_since (or _updated_since)."""
    rows = list(request.helpdesk.world.account.contacts.values())
    if request.one("state") == "deleted":
        rows = [person for person in rows if person.get("deleted")]
    else:
        rows = [person for person in rows if not person.get("deleted")]
    for name in ("email", "mobile", "phone", "company_id", "unique_external_id"):
        wanted = request.one(name)
        if wanted is not None:
            rows = [person for person in rows if str(person.get(name) or "").lower() == wanted.lower()]
    since = request.one("updated_since") or request.one("_updated_since")
    if since is not None:
        try:
            floor = stamps.to_instant(since)
        except ValueError:
            text = "It should be a valid date in the 'combined date and time ISO8601' format"
            raise invalid(problem("updated_since", text)) from None
        rows = [person for person in rows if stamps.to_instant(str(person["updated_at"])) >= floor]
    return page_of(request, rows)


@route("GET", "/contacts/autocomplete")
def autocomplete_contacts(request: Request) -> Answer:
    """Contacts whose name begins with a term: a plain list."""
    term = (request.one("term") or "").lower()
    found = [
        {"id": person["id"], "name": person["name"]}
        for person in request.helpdesk.world.account.contacts.values()
        if term and person["name"].lower().startswith(term) and not person.get("deleted")
    ]
    return Answer(found)


@route("GET", "/contacts/{id}")
def view_contact(request: Request) -> Answer:
    """One contact."""
    return Answer(_contact(request))


def _contact(request: Request, *, deleted: bool = False) -> Json:
    person = request.helpdesk.world.account.contacts.get(request.number())
    if person is None or (person.get("deleted") and not deleted):
        raise Refusal(404)
    return person


def _checked_contact(request: Request, present: Json | None) -> Json:
    fields = request.fields()
    account = request.helpdesk.world.account
    problems = [
        problem(n, "Unexpected/invalid field in request", "invalid_field") for n in fields if n not in _CONTACT_KEYS
    ]
    if present is None and not fields.get("name"):
        problems.append(problem("name", "It should be a/an String", "missing_field"))
    reachable = ("email", "phone", "mobile", "twitter_id", "unique_external_id")
    if present is None and not any(fields.get(name) for name in reachable):
        text = f"Please fill at least 1 of the {', '.join(reachable)} fields"
        problems.append(problem("email", text, "missing_field"))
    problems += _wrong_types(fields)
    if isinstance(fields.get("email"), str):
        known = account.contact_by_email(fields["email"])
        if known is not None and known is not present:
            problems.append(
                {
                    **problem("email", "It should be a unique value", "duplicate_value"),
                    "additional_info": {"user_id": known["id"]},
                }
            )
    if problems:
        refusal = invalid(*problems)
        refusal.status = 409 if any(entry["code"] == "duplicate_value" for entry in problems) else 400
        raise refusal
    return fields


def _wrong_types(fields: Json) -> list[Json]:
    """Texts that are none, lists that are none: so that nothing odd is kept and shown later."""
    kinds: dict[type, tuple[str, tuple[str, ...]]] = {
        str: (
            "String",
            ("name", "email", "phone", "mobile", "address", "description", "job_title", "language", "note"),
        ),
        list: ("Array", ("tags", "other_emails", "other_companies", "domains", "group_ids", "role_ids")),
        dict: ("key/value pair", ("custom_fields",)),
        bool: ("Boolean", ("view_all_tickets", "occasional", "available", "active")),
    }
    return [
        mismatch(name, fields[name], word)
        for kind, (word, names) in kinds.items()
        for name in names
        if fields.get(name) is not None and not isinstance(fields[name], kind)
    ]


@route("POST", "/contacts")
def create_contact(request: Request) -> Answer:
    """A new contact."""
    world = request.helpdesk.world
    made = accounts.new_contact(world.account, world.now_text, _checked_contact(request, None))
    return Answer(made, 201, {"Location": f"{request.base_url}/api/v2/contacts/{made['id']}"})


@route("PUT", "/contacts/{id}")
def update_contact(request: Request) -> Answer:
    """Change a contact."""
    person = _contact(request)
    person.update(_checked_contact(request, person))
    person["updated_at"] = request.helpdesk.world.now_text
    return Answer(person)


@route("DELETE", "/contacts/{id}")
@route("PUT", "/contacts/{id}/restore")
@route("DELETE", "/contacts/{id}/hard_delete")
def remove_contact(request: Request) -> Answer:
    """Delete a contact softly or for good, or take it back."""
    person = _contact(request, deleted=True)
    if request.path.endswith("hard_delete"):
        del request.helpdesk.world.account.contacts[person["id"]]
    elif request.path.endswith("restore"):
        person.pop("deleted", None)
    else:
        person["deleted"] = True
    return Answer(status=204)


@route("GET", "/companies")
def list_companies(request: Request) -> Answer:
    """All companies."""
    rows = list(request.helpdesk.world.account.companies.values())
    since = request.one("updated_since") or request.one("_updated_since")
    if since is not None:
        rows = [firm for firm in rows if str(firm["updated_at"]) >= since]
    return page_of(request, rows)


@route("GET", "/companies/autocomplete")
def autocomplete_companies(request: Request) -> Answer:
    """Companies whose name begins with a word: an object with one list."""
    word = (request.one("name") or "").lower()
    those = request.helpdesk.world.account.companies.values()
    return Answer(
        {"companies": [{"id": f["id"], "name": f["name"]} for f in those if f["name"].lower().startswith(word)]}
    )


@route("GET", "/companies/{id}")
def view_company(request: Request) -> Answer:
    """One company."""
    return Answer(_found(request.helpdesk.world.account.companies, request))


@route("POST", "/companies")
def create_company(request: Request) -> Answer:
    """A new company; its name is unique."""
    world = request.helpdesk.world
    fields = dict(request.fields())
    name = fields.pop("name", None)
    if not isinstance(name, str) or not name:
        raise invalid(problem("name", "It should be a/an String", "missing_field"))
    if any(firm["name"].lower() == name.lower() for firm in world.account.companies.values()):
        refusal = invalid(problem("name", "It should be a unique value", "duplicate_value"))
        refusal.status = 409
        raise refusal
    problems = _wrong_types(fields)
    if problems:
        raise invalid(*problems)
    number = world.account.new_id()
    world.account.companies[number] = shapes.company(number, name, world.now_text, **fields)
    location = f"{request.base_url}/api/v2/companies/{number}"
    return Answer(world.account.companies[number], 201, {"Location": location})


@route("PUT", "/companies/{id}")
def update_company(request: Request) -> Answer:
    """Change a company."""
    firm = _found(request.helpdesk.world.account.companies, request)
    problems = _wrong_types(request.fields())
    if problems:
        raise invalid(*problems)
    firm.update({k: v for k, v in request.fields().items() if k in firm and k not in {"id", "created_at"}})
    firm["name"] = firm["name"] or f"Company {firm['id']}"
    firm["updated_at"] = request.helpdesk.world.now_text
    return Answer(firm)


@route("DELETE", "/companies/{id}")
def delete_company(request: Request) -> Answer:
    """Remove a company."""
    firm = _found(request.helpdesk.world.account.companies, request)
    del request.helpdesk.world.account.companies[firm["id"]]
    return Answer(status=204)


@route("GET", "/search/contacts")
@route("GET", "/search/companies")
def search_people(request: Request) -> Answer:
    """Contacts or companies by one `field:'value'` pair or several joined by AND."""
    account = request.helpdesk.world.account
    query = (request.one("query") or "").strip()
    page, _ = paging(request)
    if len(query) < 2 or not (query.startswith('"') and query.endswith('"')):
        raise invalid(problem("query", "Query should be within double quotes"))
    if page > MAX_PAGE:
        raise invalid(problem("page", f"It should be a Positive Integer less than or equal to {MAX_PAGE}"))
    rows = list((account.contacts if request.path.endswith("contacts") else account.companies).values())
    for part in query[1:-1].split(" AND "):
        name, colon, value = part.strip().strip("()").partition(":")
        if not colon:
            raise invalid(problem("query", "Given query is invalid"))
        wanted = value.strip().strip("'").lower()
        rows = [row for row in rows if _shown(row, name.strip()) == wanted or (wanted == "null" and not row.get(name))]
    first = (page - 1) * ROWS_PER_PAGE
    return Answer({"results": rows[first : first + ROWS_PER_PAGE], "total": len(rows)})


def _shown(row: Json, name: str) -> str:
    value = row.get(name, (row.get("custom_fields") or {}).get(name))
    return str(value).lower() if value is not None else ""
