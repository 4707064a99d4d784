"""The account's own settings: fields, products, roles, calendars, SLA policies, automations, languages."""

from __future__ import annotations

from connector.emulator import account as accounts
from connector.emulator import stamps
from connector.emulator.api_people import admin
from connector.emulator.exchange import Answer, Refusal, Request, page_of, route
from connector.emulator.shapes import Json

_ROLES = (
    ("Account Administrator", "Has complete control over the help desk including access to billing."),
    ("Administrator", "Can configure all features through the Admin tab, but is restricted from billing."),
    ("Supervisor", "Can perform all agent related activities and access reports."),
    ("Agent", "Can log, view, reply, update and resolve tickets and manage contacts."),
)


def _long_ago(request: Request) -> str:
    return stamps.to_text(request.helpdesk.world.account.now - 90 * 86400)


@route("GET", "/ticket_fields")
def list_ticket_fields(request: Request) -> Answer:
    """Every ticket field; `?type=` narrows to one type. The choices' shape differs by type."""
    rows = accounts.ticket_fields(request.helpdesk.world.account, _long_ago(request))
    wanted = request.one("type")
    return Answer([row for row in rows if wanted is None or row["type"] == wanted])


@route("GET", "/admin/ticket_fields")
def list_admin_ticket_fields(request: Request) -> Answer:
    """Every ticket field, for administrators."""
    admin(request)
    return Answer(accounts.ticket_fields(request.helpdesk.world.account, _long_ago(request)))


@route("GET", "/products")
def list_products(request: Request) -> Answer:
    """All products."""
    admin(request)
    return page_of(request, list(request.helpdesk.world.account.products.values()))


@route("GET", "/products/{id}")
def view_product(request: Request) -> Answer:
    """One product."""
    admin(request)
    product = request.helpdesk.world.account.products.get(request.number())
    if product is None:
        raise Refusal(404)
    return Answer(product)


def _roles(request: Request) -> list[Json]:
    at = _long_ago(request)
    return [
        {
            "id": accounts.FIRST_ID - 100 + n,
            "name": name,
            "description": text,
            "default": True,
            "agent_type": 1,
            "created_at": at,
            "updated_at": at,
        }
        for n, (name, text) in enumerate(_ROLES)
    ]


@route("GET", "/roles")
def list_roles(request: Request) -> Answer:
    """All roles."""
    admin(request)
    return page_of(request, _roles(request))


@route("GET", "/roles/{id}")
def view_role(request: Request) -> Answer:
    """One role."""
    admin(request)
    for role in _roles(request):
        if role["id"] == request.number():
            return Answer(role)
    raise Refusal(404)


@route("GET", "/business_hours")
def list_business_hours(request: Request) -> Answer:
    """The calendars, with Rails zone names."""
    admin(request)
    return page_of(request, request.helpdesk.world.account.business_hours)


@route("GET", "/business_hours/{id}")
def view_business_hours(request: Request) -> Answer:
    """One calendar."""
    admin(request)
    for calendar in request.helpdesk.world.account.business_hours:
        if calendar.get("id") == request.number():
            return Answer(calendar)
    raise Refusal(404)


@route("GET", "/sla_policies")
def list_sla_policies(request: Request) -> Answer:
    """The SLA policies, targets in seconds."""
    admin(request)
    return page_of(request, request.helpdesk.world.account.sla_policies)


@route("GET", "/automations/{kind_id}/rules")
def list_rules(request: Request) -> Answer:
    """The rules of one type: 1 creation, 3 hourly, 4 update."""
    admin(request)
    rules = request.helpdesk.world.account.automations.get(request.number("kind_id"))
    if rules is None:
        raise Refusal(404)
    return page_of(request, [rule.raw for rule in rules])


@route("GET", "/automations/{kind_id}/rules/{id}")
def view_rule(request: Request) -> Answer:
    """One rule."""
    admin(request)
    for rule in request.helpdesk.world.account.automations.get(request.number("kind_id"), []):
        if rule.id == request.number():
            return Answer(rule.raw)
    raise Refusal(404)


@route("GET", "/settings/helpdesk")
def view_settings(request: Request) -> Answer:
    """The languages of the helpdesk."""
    language = request.helpdesk.world.account.language
    return Answer(
        {
            "primary_language": language,
            "supported_languages": [],
            "portal_languages": [],
            "help_widget_languages": {},
        }
    )


@route("GET", "/account")
def view_account(request: Request) -> Answer:
    """The account itself."""
    admin(request)
    helpdesk = request.helpdesk
    return Answer(
        {
            "organisation_name": "Escalera demo",
            "account_name": "Escalera demo",
            "account_domain": request.base_url.partition("://")[2],
            "tier_type": helpdesk.plan_name,
            "timezone": "Mexico City",
            "data_center": "us-east-1",
            "total_agents": {"full_time": len(helpdesk.world.account.agents), "occasional": 0},
            "hipaa_compliant": False,
        }
    )


@route("GET", "/email_configs")
@route("GET", "/scenario_automations")
@route("GET", "/canned_response_folders")
def empty_lists(request: Request) -> Answer:
    """Lists an account may have but this one has not filled."""
    return page_of(request, [])
