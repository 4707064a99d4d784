"""A request as the routes see it, an answer as they give it, and the refusals of the API in their recorded forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.emulator.shapes import Json, Ticket

if TYPE_CHECKING:
    from connector.emulator.helpdesk import Helpdesk


@dataclass(slots=True)
class Request:
    """One request to `/api/v2`, already authenticated. `files` are attachments of a multipart body.

    `shift` moves the rows of list pages after the first, as rows do when others write between two pages.
    """

    helpdesk: Helpdesk
    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    agent_id: int
    base_url: str
    args: dict[str, str] = field(default_factory=dict)
    files: list[Json] = field(default_factory=list)
    shift: int = 0

    def one(self, name: str) -> str | None:
        """A query parameter; the last one where it is given twice."""
        values = self.query.get(name)
        return values[-1] if values else None

    def number(self, name: str = "id") -> int:
        """A numeric part of the path."""
        return int(self.args[name])

    @property
    def includes(self) -> list[str]:
        """The words of `include=`."""
        return [word.strip() for word in (self.one("include") or "").split(",") if word.strip()]

    @property
    def is_admin(self) -> bool:
        """Whether the key belongs to an administrator."""
        return self.agent_id in self.helpdesk.world.account.admins

    def fields(self) -> Json:
        """The body as an object; refused when it is none."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise Refusal(400, {"code": "invalid_json", "message": "Request body has invalid json format"})
        return self.body


@dataclass(slots=True)
class Answer:
    """What goes back: a JSON value (or nothing), a status and headers beyond the usual ones."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - an answer, no fault of ours
    """An answer other than success; body None means an empty one, as for unknown ids."""

    def __init__(self, status: int, body: Json | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}


def problem(name: str, message: str, code: str = "invalid_value") -> Json:
    """One entry of a validation answer."""
    return {"field": name, "message": message, "code": code}


def invalid(*problems: Json) -> Refusal:
    """The 400 that lists what is wrong with which field."""
    return Refusal(400, {"description": "Validation failed", "errors": list(problems)})


def denied() -> Refusal:
    """403: the key's agent may not."""
    return Refusal(403, {"code": "access_denied", "message": "You are not authorized to perform this action."})


def one_of(values: list[Any]) -> str:
    """The text the API uses for a value outside a closed set."""
    return f"It should be one of these values: '{','.join(map(str, values))}'"


Route = Callable[[Request], Answer]
_ROUTES: list[tuple[str, re.Pattern[str], Route]] = []


def route(method: str, template: str) -> Callable[[Route], Route]:
    """Register a route; `{id}` stands for digits, `{word}` for anything without a slash."""
    pattern = re.sub(
        r"\{(\w+)\}",
        lambda m: rf"(?P<{m[1]}>[0-9]{{1,18}})" if m[1].endswith("id") else rf"(?P<{m[1]}>[^/]+)",
        template,
    )
    compiled = re.compile(pattern)

    def register(function: Route) -> Route:
        _ROUTES.append((method, compiled, function))
        return function

    return register


def resolve(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route for a request; 404 for an unknown path, 405 for a known path with another method."""
    allowed: list[str] = []
    for verb, pattern, function in _ROUTES:
        found = pattern.fullmatch(path)
        if found is None:
            continue
        if verb == method:
            return function, found.groupdict()
        allowed.append(verb)
    if allowed:
        body = {"message": f"{method} method is not allowed. It should be one of these method(s): {', '.join(allowed)}"}
        raise Refusal(405, body, {"Allow": ", ".join(allowed)})
    raise Refusal(404)


def visible(request: Request, number: int) -> Ticket:
    """A ticket the key may see; 404 with an empty body when there is none, 403 outside its scope."""
    ticket = request.helpdesk.world.tickets.get(number)
    if ticket is None or ticket.archived:
        raise Refusal(404)
    if not in_scope(request, ticket):
        raise denied()
    return ticket


def writable(request: Request, number: int) -> Ticket:
    """A ticket that may be changed; 405 on spam and deleted ones, 403 on merged ones."""
    ticket = visible(request, number)
    if ticket.deleted or ticket.spam:
        raise Refusal(405, None, {"Allow": "GET"})
    if ticket.merged_into is not None:
        raise denied()
    return ticket


def scope_of(request: Request) -> int:
    """The key's ticket scope: 1 all, 2 own groups, 3 own tickets only."""
    forced = request.helpdesk.faults.standing.get("scope")
    worker = request.helpdesk.world.account.agents[request.agent_id]
    return int(forced if forced is not None else worker.get("ticket_scope") or 1)


def in_scope(request: Request, ticket: Ticket) -> bool:
    """Whether the key's agent may see the ticket at all."""
    scope = scope_of(request)
    if scope == 1:
        return True
    if ticket.fields["responder_id"] == request.agent_id:
        return True
    groups = request.helpdesk.world.account.agents[request.agent_id].get("group_ids") or []
    return scope == 2 and ticket.fields["group_id"] in groups


def paging(request: Request, *, most: int = 100, usual: int = 30) -> tuple[int, int]:
    """(page, per_page); a bad value is refused, never clamped."""
    problems = []
    numbers = []
    for name, default, limit in (("page", 1, None), ("per_page", usual, most)):
        text = request.one(name)
        if text is None:
            numbers.append(default)
        elif not re.fullmatch(r"[0-9]{1,9}", text):
            kind = "Positive Integer" if limit is None else f"Positive Integer less than or equal to {limit}"
            problems.append(problem(name, f"It should be a/an {kind}", "datatype_mismatch"))
        elif int(text) < 1 or (limit is not None and int(text) > limit):
            kind = "a Positive Integer" if limit is None else f"a Positive Integer less than or equal to {limit}"
            problems.append(problem(name, f"It should be {kind}", "invalid_value"))
        else:
            numbers.append(int(text))
    if problems:
        raise invalid(*problems)
    return numbers[0], numbers[1]


def page_of(request: Request, rows: list[Any], **options: int) -> Answer:
    """One page of rows with its Link header."""
    page, per_page = paging(request, **options)
    first = (page - 1) * per_page
    return Answer(rows[first : first + per_page], headers=next_link(request, page, len(rows) > first + per_page))


def next_link(request: Request, page: int, more: bool) -> dict[str, str]:
    """The absolute Link header; none on the last page."""
    if not more:
        return {}
    from urllib.parse import urlencode

    pairs = [(k, v[-1]) for k, v in request.query.items() if k != "page"]
    query = urlencode([*pairs, ("page", page + 1)])
    return {"Link": f'<{request.base_url}/api/v2{request.path}?{query}>; rel="next"'}
