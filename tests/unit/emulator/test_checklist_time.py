"""What a faithful emulator must do, points 5 and 9 to 16: search, replies, rules, mails, faults, ageing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.unit.emulator.conftest import Client, Json

Start = Callable[..., Client]


def found(client: Client, query: str, page: int = 1) -> list[int]:
    """Ids a search finds, in its order."""
    answer = client.get("/search/tickets", params={"query": f'"{query}"', "page": page})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["results"]]


def test_05_search_speaks_the_filter_language(start: Start) -> None:
    """AND, OR, parentheses, :>, :<, null, tags, dates and custom fields; newest created first."""
    client = start(
        {"id": 1, "status": 8, "priority": 4, "tags": ["VIP"], "created_at": "2026-02-20T10:00:00Z"},
        {"id": 2, "status": 2, "priority": 1, "responder_id": 2, "created_at": "2026-02-21T23:00:00Z"},
        {"id": 3, "status": 8, "group_id": 50, "created_at": "2026-02-22T10:00:00Z", "type": "Incident"},
        {
            "id": 4,
            "status": 5,
            "created_at": "2026-02-23T10:00:00Z",
            "custom_fields": {"cf_escalation_type": "no-parts"},
        },
    )
    for query, expected in (
        ("status:8", [3, 1]),
        ("status:8 AND priority:4", [1]),
        ("priority:>4 OR agent_id:2", [2, 1]),
        ("(status:2 OR status:5) AND priority:<1", [4, 2]),
        ("tag:'vip'", [1]),
        ("group_id:50", [3]),
        ("type:'Incident'", [3]),
        ("agent_id:null AND group_id:null", [4, 1]),
        ("created_at:'2026-02-21'", [2]),
        ("created_at:>'2026-02-21' AND created_at:<'2026-02-22'", [3, 2]),
        ("cf_escalation_type:'no-parts'", [4]),
        ("escalation_type:'no-parts'", [4]),
    ):
        assert expected == found(client, query), query


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status:8", "query"),  # no quotes
        ('"Status:8"', "Status"),
        ('"requester_id:90"', "requester_id"),
        ('"status:99"', "status"),
        ("\"status:'8'\"", "status"),
        ("\"created_at:>'2026-02-21T10:00:00Z'\"", "created_at"),
        ('"status:8 AND"', "query"),
        ('"(status:8"', "query"),
        ('"tag:' + "'" + "x" * 510 + "'" + '"', "query"),
    ],
)
def test_05_search_refuses_bad_queries(start: Start, query: str, field: str) -> None:
    """Quotes are needed, names are case-sensitive, dates have day precision, 512 characters are the most."""
    answer = start({"id": 1}).get("/search/tickets", params={"query": query})
    assert (400, field) == (answer.status_code, answer.json()["errors"][0]["field"])


def test_05_search_gives_300_rows_at_most(start: Start) -> None:
    """30 a page whatever is asked, page 10 is the last, total counts all."""
    client = start(*({"id": n, "status": 8} for n in range(1, 312)))
    answer = client.get("/search/tickets", params={"query": '"status:8"'}).json()
    assert (answer["total"], len(answer["results"])) == (311, 30)
    assert len(found(client, "status:8", page=10)) == 30
    assert client.get("/search/tickets", params={"query": '"status:8"', "page": 11}).status_code == 400


def test_05_search_lags_and_leaves_out_archived_tickets(start: Start) -> None:
    """A change shows after the lag on the emulated clock, three minutes unless set."""
    client = start({"id": 1, "status": 2}, {"id": 2, "status": 5, "archived": True})
    client.put("/tickets/1", {"status": 8})
    assert [found(client, "status:2"), found(client, "status:8")] == [[1], []]
    client.advance(minutes=3)
    assert [found(client, f"status:{code}") for code in (2, 8, 5)] == [[], [1], []]
    client.control("settings", {"search_lag": 0})
    client.put("/tickets/1", {"status": 9})
    assert found(client, "status:9") == [1]


@pytest.mark.parametrize("status", [3, 4, 5, 6, 8, 9])
def test_09_a_customer_reply_opens_any_status(start: Start, status: int) -> None:
    """Custom statuses and Closed too; the stats say so, and the agent is mailed."""
    client = start({"id": 1, "status": status, "responder_id": 2, "updated_at": "2026-02-27T00:00:00Z"})
    client.advance(seconds=30)
    client.event(1, "customer", reply="sigue sin funcionar")
    state = client.state(1)
    at = "2026-03-02T09:00:30Z"
    assert state["status"] == 2
    stats = state["stats"]
    assert [at, at, at] == [stats["requester_responded_at"], stats["reopened_at"], stats["status_updated_at"]]
    assert [stats["resolved_at"], stats["closed_at"], stats["pending_since"]] == [None, None, None]
    assert [mail["to"] for mail in client.mails("requester_replied")] == ["ana@desk.example"]
    assert client.get("/tickets/1/conversations").json()[0]["incoming"] is True


def rule(kind: int, name: str, conditions: list[Json], *actions: Json, **more: object) -> Json:
    sets = [{"name": "condition_set_1", "match_type": "all", "properties": conditions}] if conditions else []
    return {"type": kind, "name": name, "active": True, "conditions": sets, "actions": list(actions), **more}


_STALE = [
    {"field_name": "status", "operator": "is", "value": 3},
    {"field_name": "pending_since", "operator": "greater_than", "value": 6},
]
_TAG = {"field_name": "add_tag", "value": "stale"}
_MAIL = {"field_name": "send_email_to_requester"}


def test_10_hourly_rules_fire_each_hour_until_bounded(start: Start) -> None:
    """A rule with only a lower bound mails every hour; with an upper bound once."""
    bounded = [*_STALE, {"field_name": "pending_since", "operator": "less_than", "value": 7}]
    rules = [rule(3, "nag", _STALE, _MAIL), rule(3, "nag once", bounded, _MAIL)]
    client = start({"id": 1, "status": 3, "updated_at": "2026-03-02T08:30:00Z"}, seed_more={"automations": rules})
    ran = [entry for entry in client.advance(hours=11)["ran"] if entry["type"] == "hourly"]
    assert [entry["at"] for entry in ran if entry["rule"] == "nag once"] == ["2026-03-02T15:00:00Z"]
    assert [f"2026-03-02T{hour}:00:00Z" for hour in range(15, 21)] == [e["at"] for e in ran if e["rule"] == "nag"]
    assert len(client.mails("automation")) == 7


def test_10_hourly_rules_skip_tickets_idle_for_30_days(start: Start) -> None:
    """The idle ticket is left alone until somebody touches it."""
    rules = [rule(3, "tag", _STALE, _TAG)]
    old = {"status": 3, "created_at": "2026-01-01T00:00:00Z"}
    client = start(
        {"id": 1, **old, "updated_at": "2026-01-20T00:00:00Z"},
        {"id": 2, **old, "updated_at": "2026-02-10T00:00:00Z"},
        seed_more={"automations": rules},
    )
    client.advance(hours=1)
    assert [client.state(n)["tags"] for n in (1, 2)] == [[], ["stale"]]
    client.event(1, note="mirando")
    client.advance(hours=1)
    assert client.state(1)["tags"] == ["stale"]


@pytest.mark.parametrize("word", ["8", "En proceso", "en_proceso", "In lavorazione", "in_process"])
def test_10_autoclose_after_14_days_in_a_status(start: Start, word: str) -> None:
    """At a full hour, on stats.status_updated_at, by code, label in any language or canonical word; it mails."""
    more = {"statuses": {"8": ["En proceso", "En curso", "In lavorazione"], "9": "Completado"}}
    moved = {"stats": {"status_updated_at": "2026-02-18T10:15:00Z"}, "status": 8, "updated_at": "2026-03-02T08:00:00Z"}
    client = start({"id": 1, **moved}, {"id": 2, "status": 9}, seed_more=more, autoclose=f"{word}=14d")
    assert [entry for entry in client.advance(hours=49)["ran"] if entry["rule"] == "autoclose"] == []
    ran = client.advance(hours=1)["ran"]
    assert [(e["at"], e["ticket"]) for e in ran if e["rule"] == "autoclose"] == [("2026-03-04T11:00:00Z", 1)]
    state = client.state(1)
    assert (state["status"], state["stats"]["closed_at"]) == (5, "2026-03-04T11:00:00Z")
    expected = {"to": "uno@cliente.example", "cause": "autoclose", "ticket": 1}
    assert [expected] == [{k: mail[k] for k in expected} for mail in client.mails()]


def test_10_a_toggle_resets_the_autoclose_clock_and_mails_nobody(start: Start) -> None:
    """En proceso -> Completado -> En proceso moves status_updated_at; a same-value PUT does not."""
    client = start({"id": 1, "status": 8}, {"id": 2, "status": 8}, {"id": 3, "status": 8}, autoclose="in_process=14d")
    client.advance(days=10)
    for status in (9, 8):
        assert client.put("/tickets/1", {"status": status}).status_code == 200
    assert client.put("/tickets/2", {"status": 8}).status_code == 200
    client.event(3, note="nota")
    client.advance(days=5)
    assert [client.state(n)["status"] for n in (1, 2, 3)] == [8, 5, 5]
    assert {"autoclose"} == {mail["cause"] for mail in client.mails()}
    client.advance(days=9)
    assert client.state(1)["status"] == 5, "fourteen days after the toggle"


def test_10_autoclose_on_another_clock(start: Start) -> None:
    """Measured on updated_at a note keeps the ticket alive."""
    client = start(
        {"id": 1, "status": 8},
        {"id": 2, "status": 8},
        autoclose="8=14d@updated_at",
        seed_more={"settings": {"sla": False}},
    )
    client.advance(days=10)
    client.event(1, note="nota")
    client.advance(days=5)
    assert [client.state(n)["status"] for n in (1, 2)] == [8, 5]


def test_10_the_sla_job_comes_late_and_bumps_updated_at(start: Start) -> None:
    """Seconds to minutes after due_by, the same each run, and not for a ticket that waits for the customer."""
    due = {"due_by": "2026-03-02T12:00:00Z", "responder_id": 2, "updated_at": "2026-03-01T00:00:00Z"}
    client = start({"id": 1, **due}, {"id": 2, **due, "status": 3}, {"id": 3, **due, "status": 4})
    ran = client.advance(hours=4)["ran"]
    assert [(entry["rule"], entry["ticket"]) for entry in ran] == [("sla_resolution", 1)]
    assert "2026-03-02T12:00:30Z" <= ran[0]["at"] <= "2026-03-02T12:12:05Z"
    assert [client.state(n)["is_escalated"] for n in (1, 2, 3)] == [True, False, False]
    assert ran[0]["at"] == client.state(1)["updated_at"]
    again = start({"id": 1, **due}).advance(hours=4)["ran"]
    assert ran[0]["at"] == again[0]["at"]


def test_11_due_by_is_stale_in_the_put_answer_of_new_accounts(start: Start) -> None:
    """With the switch the answer carries the old promise and the true one appears seconds later."""
    client = start({"id": 1, "priority": 1, "created_at": "2026-03-02T00:00:00Z"}, faults="stale")
    before = client.get("/tickets/1").json()["due_by"]
    assert before == client.put("/tickets/1", {"priority": 4}).json()["due_by"]
    client.advance(seconds=5)
    assert client.get("/tickets/1").json()["due_by"] == "2026-03-02T12:00:00Z"
    made = {"requester_id": 90, "subject": "s", "description": "d", "status": 2, "priority": 1}
    assert client.post("/tickets", made).json()["due_by"] is None


def test_11_a_manual_due_by_is_pinned(start: Start) -> None:
    """After due_by was set by hand a change of priority leaves it."""
    client = start({"id": 1})
    client.put("/tickets/1", {"due_by": "2026-04-01T10:00:00+02:00"})
    client.put("/tickets/1", {"priority": 4})
    assert client.state(1)["due_by"] == "2026-04-01T08:00:00Z"


def test_12_bulk_update_is_a_job(start: Start) -> None:
    """in_progress, then completed; no result per ticket; skip_close_notification keeps the customer unmailed."""
    client = start({"id": 1}, {"id": 2}, {"id": 3})
    action = {"ids": [1, 2, 99], "properties": {"status": 5, "skip_close_notification": True}}
    answer = client.post("/tickets/bulk_update", {"bulk_action": action})
    assert answer.json()["href"].endswith(f"/api/v2/jobs/{answer.json()['job_id']}")
    job = f"/jobs/{answer.json()['job_id']}"
    assert [client.get(job).json()["status"] for _ in range(2)] == ["in_progress", "completed"]
    assert [client.state(n)["status"] for n in (1, 2, 3)] == [5, 5, 2]
    assert client.mails("closed") == []


def test_12_a_slow_job_works_at_its_own_time(start: Start) -> None:
    """With job_seconds the effect comes on the emulated clock, not with the answer."""
    client = start({"id": 1}, seed_more={"settings": {"job_seconds": 60}})
    name = client.post("/tickets/bulk_update", {"bulk_action": {"ids": [1], "properties": {"priority": 4}}}).json()[
        "job_id"
    ]
    assert (client.get(f"/jobs/{name}").json()["status"], client.state(1)["priority"]) == ("in_progress", 1)
    client.advance(minutes=1)
    assert (client.get(f"/jobs/{name}").json()["status"], client.state(1)["priority"]) == ("completed", 4)


def test_13_the_outbox_tells_who_would_have_been_mailed(start: Start) -> None:
    """Replies, resolve with survey, close, assignment and note notifications; custom statuses and notes are silent."""
    client = start({"id": 1})
    for body in ({"status": 8}, {"status": 9}, {"priority": 4}):
        client.put("/tickets/1", body)
    client.post("/tickets/1/notes", {"body": "interna"})
    assert client.mails() == []
    client.put("/tickets/1", {"responder_id": 2})
    client.post("/tickets/1/notes", {"body": "mira", "notify_emails": ["luis@desk.example"]})
    client.post("/tickets/1/reply", {"body": "hola"})
    client.put("/tickets/1", {"status": 4})
    client.put("/tickets/1", {"status": 5})
    assert [(mail["to"], mail["cause"]) for mail in client.mails()] == [
        ("ana@desk.example", "assigned"),
        ("luis@desk.example", "note_notification"),
        ("uno@cliente.example", "reply"),
        ("uno@cliente.example", "resolved"),
        ("uno@cliente.example", "csat"),
        ("uno@cliente.example", "closed"),
    ]


def test_14_an_applied_put_whose_answer_is_lost(start: Start) -> None:
    """The effect is there, the client sees a broken connection, the log says which fault it was."""
    client = start({"id": 1}, faults="drop_answer:on=PUT /tickets/*,times=1")
    with pytest.raises(requests.ConnectionError):
        client.put("/tickets/1", {"priority": 4})
    assert client.state(1)["priority"] == 4
    assert [(e["method"], e["fault"]) for e in client.control("requests") if e["method"] == "PUT"] == [
        ("PUT", "drop_answer")
    ]
    assert client.put("/tickets/1", {"priority": 3}).status_code == 200


def test_15_a_human_edits_between_get_and_put(start: Start) -> None:
    """The GET shows the old state; right after it somebody else has changed the ticket."""
    client = start({"id": 1}, faults="human_edit:ticket=1,set=status:3+priority:2")
    assert client.get("/tickets/1").json()["status"] == 2
    assert tuple(client.get("/tickets/1").json()[name] for name in ("status", "priority")) == (3, 2)


def test_16_closed_tickets_are_archived_after_120_days(start: Start) -> None:
    """Then they are listed nowhere, read-only, viewable under /archived; a reply opens a new ticket."""
    client = start(
        {"id": 1, "status": 5, "updated_at": "2025-11-03T00:00:00Z", "description": "d"}, {"id": 2, "status": 5}
    )
    ran = client.advance(days=1)["ran"]
    assert [(entry["rule"], entry["ticket"], entry["at"]) for entry in ran] == [("archive", 1, "2026-03-03T00:00:00Z")]
    assert [row["id"] for row in client.get("/tickets?updated_since=1970-01-01").json()] == [2]
    assert [client.get("/tickets/1").status_code, client.put("/tickets/1", {"status": 2}).status_code] == [404, 404]
    shown = client.get("/tickets/archived/1").json()
    assert (shown["description"], shown["archived"]) == ("d", True)
    assert client.get("/tickets/archived/1/conversations").status_code == 200
    client.event(1, "customer", reply="otra vez")
    assert (client.state(1)["status"], client.state(3)["status"]) == (5, 2)
