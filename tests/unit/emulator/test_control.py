"""The control API: clock, events, true state, logs; and the automations that answer creations and updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.unit.emulator.conftest import NOW, Client, Json

Start = Callable[..., Client]


def test_virtual_time_moves_only_by_advance(start: Start) -> None:
    """Requests cost no time: two writes may bear the same second."""
    client = start({"id": 1})
    stamps = [client.put("/tickets/1", {"priority": n}).json()["updated_at"] for n in (2, 3)]
    assert stamps == [NOW, NOW]
    assert client.advance(hours=1)["now"] == "2026-03-02T10:00:00Z"
    assert {"now": "2026-03-02T10:00:00Z", "kind": "virtual"}.items() <= client.control("clock").items()


def test_real_time_moves_by_itself_and_can_be_pushed(start: Start) -> None:
    """The wall clock, plus whatever was advanced; due work runs without a request."""
    client = start({"id": 1, "status": 8}, clock="real", autoclose="8=14d")
    before = client.control("clock")["now"]
    assert before > NOW
    assert client.advance(days=15)["now"] > before
    assert client.state(1)["status"] == 5


def test_events_by_each_performer(start: Start) -> None:
    """Set, note and reply as an agent, the customer or a rule would; the answers tell what the ticket then is."""
    client = start({"id": 7, "status": 8})
    client.advance(seconds=10)
    assert client.event(7, set={"status": "Completado"})["events"] == [
        {"ticket": 7, "status": 9, "updated_at": "2026-03-02T09:00:10Z"}
    ]
    client.event(7, note="interna")
    client.event(7, reply="respuesta")
    client.event(7, "customer", reply="gracias")
    client.event(7, "automation", set={"priority": "urgent", "cf_escalation_type": "no-parts", "tags": ["x"]})
    state = client.state(7)
    assert (
        state["status"],
        state["priority"],
        state["tags"],
        state["custom_fields"]["cf_escalation_type"],
    ) == (2, 4, ["x"], "no-parts")
    parts = client.get("/tickets/7/conversations").json()
    assert [(part["private"], part["incoming"]) for part in parts] == [(True, False), (False, False), (False, True)]
    assert parts[2]["user_id"] == 90
    assert state["stats"]["first_responded_at"] == state["stats"]["agent_responded_at"] == "2026-03-02T09:00:10Z"
    assert state["conversations_count"] == 3


def test_a_list_of_events_in_one_call(start: Start) -> None:
    """All are checked before the first is applied."""
    client = start({"id": 1}, {"id": 2}, {"id": 3})
    client.control("events", [{"ticket": 1, "by": "agent", "spam": True}, {"ticket": 2, "by": "agent", "delete": True}])
    assert [row["id"] for row in client.get("/tickets").json()] == [3]
    wrong = [{"ticket": 3, "by": "agent", "set": {"priority": 4}}, {"ticket": 99, "by": "agent", "note": "x"}]
    answer = requests.post(f"{client.emulator.url}/_emulator/events", json=wrong, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, "there is no ticket 99")
    assert client.state(3)["priority"] == 1


def test_events_can_be_scheduled(start: Start) -> None:
    """`at` in the future: it happens at that instant while the clock is advanced, and is told in `ran`."""
    client = start({"id": 1, "status": 8})
    client.event(1, "customer", reply="¿novedades?", at="2026-03-02T12:34:56Z")
    assert client.state(1)["status"] == 8
    ran = client.advance(hours=5)["ran"]
    assert [(entry["at"], entry["rule"], entry["ticket"]) for entry in ran] == [("2026-03-02T12:34:56Z", "event", 1)]
    assert (client.state(1)["updated_at"], client.state(1)["status"]) == ("2026-03-02T12:34:56Z", 2)


def test_merging_by_event(start: Start) -> None:
    """The merged ticket is closed for good: both sides bump, writes to it are refused."""
    client = start({"id": 1}, {"id": 2})
    client.advance(seconds=5)
    client.event(2, merge_into=1)
    assert (client.state(2)["status"], client.state(2)["merged_into"]) == (5, 1)
    assert [client.state(n)["updated_at"] for n in (1, 2)] == ["2026-03-02T09:00:05Z"] * 2
    assert client.put("/tickets/2", {"status": 2}).status_code == 403


def test_new_tickets_by_event(start: Start) -> None:
    """A customer's new ticket, with the contact made."""
    client = start()
    body = {"subject": "nuevo", "description": "ayuda", "email": "tres@cliente.example", "source": 1}
    made = client.event(None, "customer", create=body)["events"][0]["ticket"]
    assert tuple(client.state(made)[name] for name in ("subject", "status", "source")) == ("nuevo", 2, 1)
    assert [(mail["to"], mail["cause"]) for mail in client.mails()] == [("tres@cliente.example", "ticket_received")]


@pytest.mark.parametrize(
    ("name", "body", "word"),
    [
        ("events", {"ticket": 1, "by": "ghost"}, "ghost"),
        ("events", {"ticket": 1, "sett": {}}, "sett"),
        ("events", {"ticket": 1, "set": {"status": "Nirvana"}}, "Nirvana"),
        ("events", {"ticket": 1, "set": {"id": 5}}, "'id'"),
        ("events", {"ticket": 1, "at": "soon", "note": "x"}, "soon"),
        ("events", "x", "object"),
        ("advance", {"seconds": -1}, "seconds"),
        ("advance", {"seconds": "x"}, "seconds"),
        ("faults", "boom", "boom"),
        ("settings", {"search_lag": "x"}, "search_lag"),
        ("settings", {"colour": 1}, "colour"),
    ],
)
def test_wrong_control_calls_are_400_with_the_reason(start: Start, name: str, body: Any, word: str) -> None:
    """And change nothing."""
    client = start({"id": 1})
    answer = requests.post(f"{client.emulator.url}/_emulator/{name}", json=body, timeout=10)
    assert answer.status_code == 400
    assert word in answer.json()["error"]
    assert NOW == client.state(1)["updated_at"] == client.control("clock")["now"]


def test_the_true_state_shows_what_the_api_hides(start: Start) -> None:
    """Deleted, spam, archived and closed tickets with stats, description and conversation count."""
    client = start(
        {"id": 1, "deleted": True},
        {"id": 2, "spam": True},
        {"id": 3, "status": 5, "archived": True, "description": "d"},
    )
    rows = client.control("tickets")
    assert [(r["id"], r["deleted"], r["spam"]) for r in rows] == [(1, True, False), (2, False, True), (3, False, False)]
    assert {"stats", "description", "conversations_count", "archived", "custom_fields"} <= set(rows[2])


def test_the_request_log(start: Start) -> None:
    """Every API call in order with instant, method, path with query, status and body; control calls are not in it."""
    client = start({"id": 1})
    client.get("/tickets?page=1")
    client.put("/tickets/1", {"priority": 3})
    client.control("clock")
    log = client.control("requests")
    assert [tuple(entry[name] for name in ("instant", "method", "path", "status", "body")) for entry in log] == [
        (NOW, "GET", "/api/v2/tickets?page=1", 200, None),
        (NOW, "PUT", "/api/v2/tickets/1", 200, {"priority": 3}),
    ]
    assert [entry["n"] for entry in client.control("requests?since=1")] == [1]
    client.control("reset", {})
    assert client.control("requests") == []
    client.get("/tickets")
    assert [entry["n"] for entry in client.control("requests")] == [2], "numbers go on"


def _rule(kind: int, name: str, **more: Any) -> Json:
    return {"type": kind, "name": name, "active": True, **more}


def test_an_update_rule_undoes_a_write(start: Start) -> None:
    """Performer agent: a PUT by key triggers it, its own write does not; the API lists it with a count."""
    undo = _rule(
        4,
        "keep low",
        performer={"type": 1},
        events=[{"field_name": "priority", "from": "--", "to": 4}],
        actions=[{"field_name": "priority", "value": 1}],
    )
    client = start({"id": 1}, seed_more={"automations": [undo]})
    assert client.put("/tickets/1", {"priority": 4}).json()["priority"] == 1
    assert client.put("/tickets/1", {"priority": 3}).json()["priority"] == 3
    client.event(1, "automation", set={"priority": 4})
    assert client.state(1)["priority"] == 4
    shown = client.get("/automations/4/rules").json()[0]
    assert (shown["name"], shown["affected_tickets_count"]) == ("keep low", 1)
    assert [entry["rule"] for entry in client.control("runs")] == ["keep low"]


def test_only_the_first_creation_rule_that_holds_runs(start: Start) -> None:
    """By contains, in order of position; the setting makes all run."""
    urgent = {"field_name": "subject", "operator": "contains", "value": ["no funciona"]}
    rules = [
        _rule(
            1,
            "other",
            conditions=[{"field_name": "subject", "operator": "contains", "value": "factura"}],
            actions=[{"field_name": "priority", "value": 2}],
        ),
        _rule(
            1,
            "broken",
            conditions=[urgent],
            actions=[{"field_name": "priority", "value": 4}, {"field_name": "group_id", "value": 50}],
        ),
        _rule(1, "all", actions=[{"field_name": "add_tag", "value": "seen"}]),
    ]
    body = {"requester_id": 90, "subject": "Mi horno NO FUNCIONA", "description": "d", "status": 2, "priority": 1}
    made = start(seed_more={"automations": rules}).post("/tickets", body).json()
    assert (made["priority"], made["group_id"], made["tags"]) == (4, 50, [])
    cascading = start(seed_more={"automations": rules, "settings": {"cascading_creation_rules": True}})
    assert cascading.post("/tickets", body).json()["tags"] == ["seen"]


def test_rules_mail_agents_and_groups_and_leave_notes(start: Start) -> None:
    """Each mail names the rule; a note of a rule says so in automation_id."""
    actions = [
        {"field_name": "send_email_to_agent", "email_to": [-1]},
        {"field_name": "send_email_to_group", "email_to": [51]},
        {"field_name": "add_note", "comment": "revisar"},
    ]
    rules = [_rule(4, "tell", id=700, events=[{"field_name": "status", "to": "Completado"}], actions=actions)]
    client = start({"id": 1, "responder_id": 2}, seed_more={"automations": rules})
    client.put("/tickets/1", {"status": 9})
    assert [mail["to"] for mail in client.mails("automation")] == ["ana@desk.example", "luis@desk.example"]
    assert [part["automation_id"] for part in client.get("/tickets/1/conversations").json()] == [700]


def test_attachments_by_multipart(start: Start) -> None:
    """Name and size are kept, typed fields, lists and custom fields are read."""
    client = start({"id": 1})
    fields = {
        "email": "a@b.example",
        "subject": "s",
        "description": "d",
        "status": "2",
        "priority": "3",
        "tags[]": ["a", "b"],
    }
    fields["custom_fields[cf_escalation_type]"] = "no-parts"  # type: ignore[assignment]
    answer = client.call(
        "POST", "/tickets", data=fields, files=[("attachments[]", ("foto.png", b"12345", "image/png"))]
    )
    made = answer.json()
    assert answer.status_code == 201, answer.text
    assert [(one["name"], one["size"]) for one in made["attachments"]] == [("foto.png", 5)]
    assert (made["priority"], made["tags"], made["custom_fields"]["cf_escalation_type"]) == (3, ["a", "b"], "no-parts")
    note = client.call(
        "POST", "/tickets/1/notes", data={"body": "x", "private": "false"}, files=[("attachments[]", ("a.txt", b"1"))]
    )
    assert (note.json()["private"], len(note.json()["attachments"])) == (False, 1)
