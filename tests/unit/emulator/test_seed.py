"""Seed files: partial objects are filled, everything wrong is reported at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.emulator import SeedError, World, serve
from connector.emulator.account import ticket_fields
from connector.emulator.validation import check_fields
from tests.unit.emulator.conftest import NOW, Client, Json

Start = Callable[..., Client]


def world(**more: Any) -> World:
    return World.from_seed({"now": NOW, **more}, key="k")


def test_an_empty_ticket_is_filled() -> None:
    """Id, requester, stamps, promises and stats all fit together."""
    made = world(tickets=[{}, {"status": 3, "updated_at": "2026-03-01T00:00:00+01:00"}])
    first, second = made.tickets[1], made.tickets[2]
    assert [first.fields["created_at"], first.fields["updated_at"], first.stats["status_updated_at"]] == [NOW, NOW, NOW]
    assert made.account.person(first.fields["requester_id"]) is not None
    assert first.fields["due_by"] == "2026-03-07T09:00:00Z", "lowest priority: five days"
    assert [
        second.fields["created_at"],
        second.stats["status_updated_at"],
        second.stats["pending_since"],
    ] == ["2026-02-28T23:00:00Z"] * 3


def test_a_null_due_by_stays_null() -> None:
    """As on accounts made after August 2025; a promise already broken is marked escalated."""
    made = world(tickets=[{"due_by": None}, {"created_at": "2026-01-01", "updated_at": NOW}])
    assert (made.tickets[1].fields["due_by"], made.tickets[1].fields["is_escalated"]) == (None, False)
    assert made.tickets[2].fields["is_escalated"] is True


@pytest.mark.parametrize(
    "statuses",
    [
        {"8": ["En proceso", "Being processed"], "9": ["Completado", "Done"]},
        {"8": "En proceso", "9": "Completado"},
        {"En proceso": 8, "Completado": 9},
        {"En proceso": "in_process", "Completado": "completed"},
        {"8": {"label": "En proceso", "canonical": "in_process"}, "9": {"name": "Completado"}},
        [{"id": 8, "label": "En proceso"}, {"id": 9, "name": "Completado"}],
    ],
)
def test_statuses_may_be_written_in_any_form(statuses: Any) -> None:
    """Code to labels, code to label, label to code, label to canonical word; tickets may use label or code."""
    made = world(statuses=statuses, tickets=[{"status": "en proceso"}, {"status": 9}])
    assert (made.account.statuses[8][0], made.account.statuses[9][0]) == ("En proceso", "Completado")
    assert [made.tickets[n].fields["status"] for n in (1, 2)] == [8, 9]
    assert [made.account.status_code(word) for word in ("in_process", "completed")] == [8, 9]
    assert {2, 3, 4, 5, 6, 7, 8, 9} == set(made.account.statuses)


def test_what_agents_see_names_a_status_before_what_customers_see() -> None:
    """Customers may be shown `En proceso` for several statuses; the word means the one agents call so."""
    account = world(
        statuses={"7": ["En espera", "En proceso"], "8": ["En proceso", "x"], "9": ["Completado", "En proceso"]}
    ).account
    assert [account.status_code(word) for word in ("in_process", "En proceso", "EN_PROCESO", "x")] == [8, 8, 8, 8]
    assert [account.status_code(word) for word in ("open", "Being processed", "completed", "nirvana")] == [
        2,
        2,
        9,
        None,
    ]


def test_custom_fields_are_declared_by_use() -> None:
    """With the narrowest type; every ticket then shows every field, and the shipped packs' two are always there."""
    values = {"cf_num": 5, "cf_dec": 1.5, "cf_day": "2026-03-01", "cf_flag": True, "cf_text": "x", "cf_blank": None}
    made = world(tickets=[{"custom_fields": values}, {}])
    kinds = {name: field.kind for name, field in made.account.custom_fields.items()}
    assert kinds == {
        "cf_num": "custom_number",
        "cf_dec": "custom_decimal",
        "cf_day": "custom_date",
        "cf_flag": "custom_checkbox",
        "cf_text": "custom_text",
        "cf_blank": "custom_text",
        "cf_escalation_type": "custom_text",
        "cf_escalated_on": "custom_date",
    }
    assert set(kinds) == set(made.tickets[2].fields["custom_fields"])


def test_requesters_are_found_or_made() -> None:
    """By address, by embedded card, by id; the same address is the same contact."""
    made = world(
        contacts=[{"id": 90, "email": "uno@cliente.example"}],
        tickets=[
            {"email": "UNO@cliente.example"},
            {"requester": {"name": "Dos", "email": "dos@cliente.example"}},
            {"requester": {"email": "dos@cliente.example"}},
            {"requester_id": 4711},
        ],
    )
    numbers = [made.tickets[n].fields["requester_id"] for n in (1, 2, 3, 4)]
    assert (numbers[0], numbers[3]) == (90, 4711)
    assert numbers[1] == numbers[2]
    assert made.account.contacts[numbers[1]]["name"] == "Dos"


def test_conversations_are_embedded() -> None:
    """Oldest first, with ids, text and the requester as writer of incoming ones."""
    parts = [
        {"body": "<b>dos</b>", "created_at": "2026-03-01T11:00:00Z", "incoming": True},
        {"body": "uno", "created_at": "2026-03-01T10:00:00Z"},
    ]
    ticket = world(tickets=[{"conversations": parts, "requester_id": 90}]).tickets[1]
    assert [(part["body_text"], part["user_id"]) for part in ticket.conversations] == [("uno", None), ("dos", 90)]


def test_every_problem_of_a_seed_is_named() -> None:
    """One error, all reasons, exit code 78."""
    bad = {
        "now": "soon",
        "statuses": {"8": 5},
        "colour": "red",
        "groups": [{"id": 50, "name": "S", "agent_ids": [999]}],
        "tickets": [
            {"id": 1, "status": 77},
            {"id": 1},
            {"id": 3, "priority": 9, "colour": 1, "created_at": "yesterday"},
            {"id": 4, "responder_id": 5, "group_id": 51},
            "ticket",
        ],
        "automations": [{"type": 2, "actions": []}],
        "ticket_fields": [{"name": "cf_x", "type": "magic"}],
    }
    with pytest.raises(SeedError) as caught:
        World.from_seed(bad, key="k", source="bad.json")
    text = str(caught.value)
    for word in (
        "bad.json",
        "now: 'soon'",
        "statuses: 8",
        "unknown key 'colour'",
        "agent 999",
        "ticket 1.status: 77",
        "ticket 1: the id is used twice",
        "ticket 3.priority: 9",
        "ticket 3: unknown field 'colour'",
        "ticket 3.created_at: 'yesterday'",
        "ticket 4.responder_id: 5",
        "ticket 4.group_id: 51",
        "tickets[4]: must be an object",
        "automations[0].type: 2",
        "'magic'",
    ):
        assert word in text, word
    assert (caught.value.exit_code, len(caught.value.problems)) == (78, 14)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"tickets": [}', "\x00"])
def test_a_file_that_is_no_seed_is_refused(tmp_path: Path, text: str) -> None:
    """With its path, and line and column where it is broken JSON."""
    path = tmp_path / "seed.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SeedError, match=r"seed\.json"):
        serve(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """As an error of the configuration, not a traceback."""
    with pytest.raises(SeedError, match="No such file"):
        serve(tmp_path / "none.json")


_KEYS = st.sampled_from(
    [
        "id",
        "status",
        "name",
        "type",
        "requester_id",
        "requester",
        "email",
        "contact",
        "custom_fields",
        "cf_x",
        "tags",
        "conversations",
        "stats",
        "agent_ids",
        "group_ids",
        "due_by",
        "created_at",
        "updated_at",
        "priority",
        "source",
        "conditions",
        "actions",
        "properties",
        "field_name",
        "operator",
        "value",
        "responder_id",
        "group_id",
        "subject",
        "description",
        "body",
        "label",
        "choices",
        "sla",
        "cc_emails",
        "attachments",
        "position",
        "role",
        "api_key",
    ]
)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 99)
    | st.text(max_size=8)
    | st.sampled_from(["2026-03-01", "id", "status"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_PARTS = st.sampled_from(
    [
        "now",
        "statuses",
        "agents",
        "groups",
        "contacts",
        "companies",
        "tickets",
        "automations",
        "settings",
        "ticket_fields",
        "sla_policies",
        "products",
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(_PARTS, _JSON, max_size=5))
def test_no_json_whatever_makes_it_break(seed: Json) -> None:
    """A seed is used or refused with reasons; nothing else ever happens."""
    try:
        made = World.from_seed(json.loads(json.dumps(seed)), key="k")
        outcome = made.account.keys["k"] in made.account.agents
    except SeedError as exc:
        outcome = bool(exc.problems)
    assert outcome


def test_the_stock_account_runs_the_shipped_packs(start: Start) -> None:
    """Without a seed there are people, groups, the two custom statuses and the two custom fields."""
    client = Client(serve(key="admin-key"))
    try:
        fields = {entry["name"]: entry for entry in client.get("/ticket_fields").json()}
        assert [fields["status"]["choices"][code][0] for code in ("8", "9")] == ["En proceso", "Completado"]
        assert {"cf_escalation_type", "cf_escalated_on"} <= set(fields)
        assert "Supervisión" in fields["group"]["choices"]
        assert client.get("/agents/me").json()["contact"]["email"]
    finally:
        client.session.close()
        client.emulator.stop()


def test_channels_of_the_accounts_own_are_shown_and_may_be_set() -> None:
    """Codes from 101 on, declared in the seed; what is no such code is a problem, said with the others."""
    made = world(sources={"101": "Presencial"}, tickets=[{"source": "Presencial"}])
    account = made.account
    assert made.tickets[1].fields["source"] == 101
    [shown] = [one for one in ticket_fields(account, "2026-03-02T09:00:00Z") if one["type"] == "default_source"]
    assert shown["choices"]["Presencial"] == 101
    assert check_fields({"source": 101}, account, frozenset({"source"})) == []
    assert check_fields({"source": 102}, account, frozenset({"source"})) != []
    for wrong in (["Presencial"], {"7": "Presencial"}, {"101": ""}, {"x": "Presencial"}):
        with pytest.raises(SeedError, match="sources"):
            world(sources=wrong)
