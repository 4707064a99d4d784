"""`/api/v2/search/tickets`: 30 rows a page, ten pages, from an index that lags."""

from __future__ import annotations

from connector.emulator import search, shapes
from connector.emulator.api_tickets import with_includes
from connector.emulator.exchange import Answer, Request, in_scope, invalid, paging, problem, route


@route("GET", "/search/tickets")
def search_tickets(request: Request) -> Answer:
    """Tickets by query: 30 a page, 10 pages, as the index knew them some minutes ago; no archived ones."""
    world = request.helpdesk.world
    page, _ = paging(request, usual=search.ROWS_PER_PAGE)
    if page > search.MAX_PAGE:
        raise invalid(problem("page", f"It should be a Positive Integer less than or equal to {search.MAX_PAGE}"))
    if request.one("include") is not None:
        raise invalid(problem("include", "Unexpected/invalid field in request", "invalid_field"))
    query = request.one("query")
    if query is None:
        raise invalid(problem("query", "Missing mandatory parameter", "missing_field"))
    try:
        test = search.compile_query(query, world.account.custom_fields, list(world.account.statuses))
    except search.QueryError as exc:
        raise invalid(problem(exc.field, str(exc), exc.code)) from exc
    found = [world.tickets[number] for number in world.search.find(test, world.now)]
    found = [ticket for ticket in found if in_scope(request, ticket)]
    first = (page - 1) * search.ROWS_PER_PAGE
    rows = [
        with_includes(request, ticket, shapes.list_row(ticket), ["description"])
        for ticket in found[first : first + search.ROWS_PER_PAGE]
    ]
    return Answer({"results": rows, "total": len(found)})
