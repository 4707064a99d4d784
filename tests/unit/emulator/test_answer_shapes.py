"""The emulator's objects have the keys and types of answers recorded on live accounts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.emulator.conftest import Client, Json

_ANSWERS = Path(__file__).parent / "answers"
# Present on some live accounts or rows only: shared ownership, linked tickets, fields the publisher's client added.
_SOMETIMES = {"internal_agent_id", "internal_group_id", "association_type", "associated_tickets_list", "priority_name"}
_TEXT_OR_NUMBER = {"mobile", "phone"}


def recorded(name: str) -> Any:
    return json.loads((_ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


def kinds(value: Any) -> str:
    """A value's JSON type; null fits every type."""
    return {bool: "flag", int: "number", float: "number", str: "text", list: "list", dict: "object"}.get(
        type(value), "null"
    )


def same_shape(expected: Json, actual: Json, *, but: frozenset[str] | set[str] = frozenset()) -> None:
    """Every recorded key is there, with a value of the same JSON type wherever neither is null."""
    missing = set(expected) - set(actual) - _SOMETIMES - but
    assert set() == missing
    for name in (set(expected) & set(actual)) - but - _TEXT_OR_NUMBER:
        want, have = kinds(expected[name]), kinds(actual[name])
        assert want == have or "null" in {want, have}, name


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    conversations = [
        {"body": "<div>This is a private note</div>", "private": True, "source": 2, "user_id": 2},
        {"body": "<div>This is a reply</div>", "user_id": 2, "to_emails": ["uno@cliente.example"]},
    ]
    return start({"id": 1, "description": "<div>Ticket detail</div>", "company_id": 70, "conversations": conversations})


def test_a_listed_ticket_has_the_recorded_keys(client: Client) -> None:
    """List rows match, and like the recorded ones carry no description."""
    row = client.get("/tickets").json()[0]
    for expected in recorded("rapid7_get_tickets_no_parameters"):
        same_shape(expected, row)
    assert "description" not in row
    assert "description_text" not in row


def test_stats_have_the_recorded_eight_keys(client: Client) -> None:
    """include=stats gives the eight stamps live accounts give, though three are documented."""
    row = client.get("/tickets?include=stats").json()[0]
    expected = recorded("rapid7_get_tickets_with_stats")[0]
    assert set(expected["stats"]) == set(row["stats"])
    same_shape(expected, row)


def test_a_viewed_ticket_has_the_recorded_keys(client: Client) -> None:
    """GET of one ticket matches the 2022 and the 2025 account."""
    shown = client.get("/tickets/1?include=conversations").json()
    same_shape(recorded("rapid7_get_ticket_by_id"), shown)
    same_shape(recorded("ticket_2025_account_new_sla"), shown)


def test_a_created_and_an_updated_ticket_have_the_recorded_keys(client: Client) -> None:
    """Write answers are whole tickets."""
    body = {"email": "dos@cliente.example", "subject": "s", "description": "<div>d</div>", "status": 2, "priority": 3}
    same_shape(recorded("rapid7_create_ticket_few_parameters"), client.post("/tickets", body).json())
    same_shape(recorded("rapid7_update_ticket_few_parameters"), client.put("/tickets/1", {"priority": 2}).json())


def test_ticket_fields_have_the_recorded_keys_and_choice_shapes(client: Client) -> None:
    """Each field type's choices have the recorded shape: labels by code, codes by label, or a list."""
    actual = {entry["name"]: entry for entry in client.get("/ticket_fields").json()}
    for expected in recorded("rapid7_get_ticket_fields"):
        entry = actual.get(expected["name"])
        if entry is None:
            assert expected["name"].startswith(("cf_", "internal_")), expected["name"]
            continue
        same_shape(expected, entry, but={"portal_cc", "portal_cc_to"})
        assert kinds(expected.get("choices")) == kinds(entry.get("choices")), expected["name"]
    statuses = client.get("/ticket_fields?type=default_status").json()
    assert statuses[0]["choices"]["8"] == ["En proceso", "Being processed"]
    assert len(statuses) == 1


def test_errors_have_the_recorded_texts(client: Client) -> None:
    """Validation answers equal the recorded ones but for the account's own status list."""
    expected = recorded("rapid7_filter_tickets_error")
    expected["errors"][0]["message"] = "It should be one of these values: '2,3,4,5,6,7,8,9'"
    assert expected == client.put("/tickets/1", {"status": 42}).json()
    assert recorded("rapid7_get_tickets_invalid_company_id") == client.get("/tickets?company_id=4711").json()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("pyfd_agent_1", "/agents/me"),
        ("pyfd_agent_1", "/agents/2"),
        ("pyfd_group_1", "/groups/50"),
        ("pyfd_roles", "/roles"),
        ("pyfd_groups", "/groups"),
        ("pyfd_companies", "/companies"),
        ("pyfd_contacts", "/contacts"),
        ("pyfd_conversations", "/tickets/1/conversations"),
    ],
)
def test_people_and_conversations_have_the_recorded_keys(client: Client, name: str, path: str) -> None:
    """Agents, groups, roles, companies, contacts and conversations match what a public client's samples hold."""
    sample, answer = recorded(name), client.get(path).json()
    first, shown = (sample[0], answer[0]) if isinstance(sample, list) else (sample, answer)
    gone_since = {"customer_id", "deleted", "external_id", "fb_profile_id", "helpdesk_agent", "custom_field"}
    roles_only = (
        {"business_hour_id", "escalate_to", "unassigned_for", "auto_ticket_assign"} if "roles" in name else set()
    )
    same_shape(first, shown, but=gone_since | roles_only | {"auto_ticket_assign"})


def test_a_list_of_groups_hides_agents_and_a_list_of_agents_hides_groups(client: Client) -> None:
    """agent_ids and group_ids are only in the single views."""
    assert "agent_ids" not in client.get("/groups").json()[0]
    assert client.get("/groups/50").json()["agent_ids"] == [2, 4]
    assert "group_ids" not in client.get("/agents").json()[0]
    assert client.get("/agents/2").json()["group_ids"] == [50]


def test_notes_and_replies_have_the_recorded_keys(client: Client) -> None:
    """The answers of both writes match."""
    same_shape(recorded("pyfd_note_1"), client.post("/tickets/1/notes", {"body": "n"}).json())
    same_shape(recorded("pyfd_reply_1"), client.post("/tickets/1/reply", {"body": "r"}).json())
