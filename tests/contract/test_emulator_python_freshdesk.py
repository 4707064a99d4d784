"""The emulator answers a client that others wrote: the unmodified PyPI package python-freshdesk over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.emulator import Emulator, serve

api_module = pytest.importorskip("freshdesk.v2.api")
errors = pytest.importorskip("freshdesk.v2.errors")

_SEED = {
    "now": "2026-03-02T09:00:00Z",
    "statuses": {"8": ["En proceso", "Being processed"], "9": ["Completado", "Done"]},
    "agents": [
        {"id": 1, "contact": {"name": "Root", "email": "root@desk.example"}, "role": "admin"},
        {"id": 2, "contact": {"name": "Ana", "email": "ana@desk.example"}, "api_key": "ana-key"},
    ],
    "groups": [{"id": 50, "name": "Soporte", "agent_ids": [1, 2]}],
    "companies": [{"id": 70, "name": "Cocinas SA"}],
    "contacts": [{"id": 90, "name": "Cliente Uno", "email": "uno@cliente.example", "company_id": 70}],
    "tickets": [
        {
            "id": n,
            "requester_id": 90,
            "subject": f"ticket {n}",
            "status": 8 if n % 2 else 2,
            "responder_id": None if n % 3 else 1,
            "conversations": [{"body": "hola", "incoming": True, "user_id": 90}] if n == 1 else [],
            "created_at": f"2026-02-{1 + n % 27:02}T10:00:00Z",
        }
        for n in range(1, 231)
    ],
}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with serve(_SEED, key="admin-key") as running:
        yield running


def client_for(emulator: Emulator, key: str = "admin-key") -> Any:
    """The package insists on a freshdesk.com domain and https; its prefix is pointed at the socket afterwards."""
    client = api_module.API("escalera.freshdesk.com", key)
    client._api_prefix = f"{emulator.url}/api/v2/"
    return client


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Any]:
    made = client_for(emulator)
    yield made
    made._session.close()


def test_lists_page_until_the_end(client: Any) -> None:
    """All tickets, the new and my open ones, and those updated since an instant (sent twice by this client)."""
    assert len(client.tickets.list_tickets(filter_name=None)) == 230
    mine = client.tickets.list_new_and_my_open_tickets()
    assert {"open"} == {ticket.status for ticket in mine}
    assert len(mine) == 115
    recent = client.tickets.list_tickets(filter_name=None, updated_since="2026-02-20T10:00:00Z")
    assert {f"2026-02-{day}" for day in range(20, 28)} == {str(ticket.updated_at)[:10] for ticket in recent}
    assert len(client.tickets.list_tickets(filter_name=None, page=2, per_page=10)) == 10


def test_views_a_ticket_with_includes(client: Any) -> None:
    """Custom statuses, stats, requester, company and conversations reach the model."""
    ticket = client.tickets.get_ticket(1, "stats", "conversations", "requester", "company")
    assert (ticket.status, ticket.priority, ticket.source) == ("status_8", "low", "portal")
    assert (ticket.requester["email"], ticket.conversations[0]["body_text"]) == ("uno@cliente.example", "hola")
    assert len(ticket.stats) == 8


def test_creates_and_updates(client: Any, tmp_path: Path) -> None:
    """Plain, with an attachment, as an outbound mail; then changed, deleted and listed as deleted."""
    made = client.tickets.create_ticket("nuevo", email="dos@cliente.example", description="d", tags=["a", "b"])
    assert (made.id, made.tags, made.status) == (231, ["a", "b"], "open")
    photo = tmp_path / "foto.txt"
    photo.write_text("hola")
    custom = {"cf_escalation_type": "no-parts"}
    with_file = client.tickets.create_ticket(
        "con foto",
        email="dos@cliente.example",
        description="d",
        attachments=[str(photo)],
        tags=["x"],
        custom_fields=custom,
    )
    assert (with_file.attachments[0]["name"], with_file.attachments[0]["size"], with_file.tags) == (
        "foto.txt",
        4,
        ["x"],
    )
    assert made.requester_id == with_file.requester_id
    changed = client.tickets.update_ticket(231, priority=4, status=9, tags=["c"])
    assert (changed.priority, changed.status, changed.tags) == ("urgent", "status_9", ["c"])
    mail = client.tickets.create_outbound_email("aviso", "texto", "tres@cliente.example", 5)
    assert mail.id == 233
    client.tickets.delete_ticket(231)
    assert [ticket.id for ticket in client.tickets.list_deleted_tickets()] == [231]


def test_notes_replies_and_conversations(client: Any, emulator: Emulator) -> None:
    """A note is private unless said; a reply mails the requester."""
    assert client.comments.create_note(2, "interna").private is True
    assert client.comments.create_note(2, "pública", private=False).source == "note"
    assert client.comments.create_reply(2, "<b>hola</b>").source == "reply"
    assert [comment.body_text for comment in client.comments.list_comments(2)] == ["interna", "pública", "hola"]
    assert [(mail["to"], mail["cause"]) for mail in emulator.world.outbox] == [("uno@cliente.example", "reply")]


def test_searches(client: Any) -> None:
    """115 hits over four pages; a bad query is a bad request."""
    assert len(client.tickets.filter_tickets("status:8")) == 115
    assert [contact.id // 90 for contact in client.contacts.filter_contacts("email:'uno@cliente.example'")] == [1]
    with pytest.raises(errors.FreshdeskBadRequest, match="invalid_field"):
        client.tickets.filter_tickets("colour:8")


def test_people(client: Any) -> None:
    """Agents, groups, contacts, companies, roles and fields."""
    assert [str(agent) for agent in client.agents.list_agents()] == ["Root", "Ana"]
    assert [str(agent) for agent in client.agents.list_agents(email="ana@desk.example")] == ["Ana"]
    assert str(client.agents.currently_authenticated_agent()) == "Root"
    assert client.agents.get_agent(2).group_ids == [50]
    assert [str(group) for group in client.groups.list_groups()] == ["Soporte"]
    assert client.groups.get_group(50).agent_ids == [1, 2]
    assert str(client.contacts.get_contact(90)) == "Cliente Uno"
    made = client.contacts.create_contact(name="Nueva", email="nueva@cliente.example")
    assert str(client.contacts.update_contact(made.id, name="Renombrada")) == "Renombrada"
    assert len(client.contacts.list_contacts()) == 2
    client.contacts.soft_delete_contact(made.id)
    assert len(client.contacts.list_contacts()) == 1
    assert [str(company) for company in client.companies.list_companies()] == ["Cocinas SA"]
    assert str(client.companies.get_company(70)) == "Cocinas SA"
    assert len(client.roles.list_roles()) == 4
    fields = {field.name: field for field in client.ticket_fields.list_ticket_fields()}
    assert {"8", "9"} <= set(fields["status"].choices)
    assert len(client.ticket_fields.list_ticket_fields(type="default_priority")) == 1
    assert client.time_entries.list_time_entries(1) == []


def test_errors_reach_the_package_as_its_own(client: Any, emulator: Emulator) -> None:
    """400, 401, 403, 404, 429 and 502 each become the class it has for them."""
    with pytest.raises(errors.FreshdeskBadRequest, match="It should be one of these values"):
        client.tickets.update_ticket(1, status=77)
    with pytest.raises(errors.FreshdeskNotFound):
        client.tickets.get_ticket(9999)
    stranger, ana = client_for(emulator, "wrong"), client_for(emulator, "ana-key")
    with pytest.raises(errors.FreshdeskUnauthorized, match="You have to be logged in"):
        stranger.tickets.get_ticket(1)
    with pytest.raises(errors.FreshdeskAccessDenied):
        ana.agents.list_agents()
    emulator.helpdesk.set_faults("429:retry_after=7,times=1;html502:after=1")
    with pytest.raises(errors.FreshdeskRateLimited, match="7 seconds"):
        client.tickets.get_ticket(1)
    with pytest.raises(errors.FreshdeskServerError, match="502"):
        client.tickets.get_ticket(1)
    for one in (stranger, ana):
        one._session.close()
