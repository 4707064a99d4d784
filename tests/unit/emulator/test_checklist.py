"""What a faithful emulator must do, points 1 to 8; each test carries the number of its point."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from connector.emulator.limiter import PLANS, Limiter, cost, kind_of
from tests.unit.emulator.conftest import Client, Json

Start = Callable[..., Client]
_NEW = {"email": "dos@cliente.example", "subject": "s", "description": "d", "status": 2, "priority": 1}
_SINCE_EVER = "/tickets?updated_since=1970-01-01T00:00:00Z"


def test_01_a_wrong_or_missing_key_is_401_with_the_body(start: Start) -> None:
    """401 says invalid_credentials, whatever was wrong with the login."""
    client = start()
    expected = {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."}
    for login in (("wrong", "X"), None):
        client.session.auth = login
        answer = client.get("/tickets")
        assert (401, expected) == (answer.status_code, answer.json())


def test_01_a_key_is_an_agent_with_role_and_scope(start: Start) -> None:
    """Two keys, two agents; only the administrator may list agents, groups, rules and calendars."""
    client = start({"id": 1}, {"id": 2, "responder_id": 3}, {"id": 3, "group_id": 50})
    luis, eva = Client(client.emulator, "luis-key"), Client(client.emulator, "eva-key")
    assert [c.get("/agents/me").json()["contact"]["name"] for c in (client, luis)] == ["Root", "Luis"]
    for path in (
        "/agents",
        "/groups",
        "/roles",
        "/products",
        "/business_hours",
        "/sla_policies",
        "/automations/3/rules",
    ):
        assert client.get(path).status_code == 200, path
        assert luis.get(path).status_code == 403, path
        assert luis.get(path).json()["code"] == "access_denied", path
    assert [row["id"] for row in client.get("/tickets").json()] == [3, 2, 1]
    assert [row["id"] for row in luis.get("/tickets").json()] == [2], "restricted scope: own tickets only"
    assert [row["id"] for row in eva.get("/tickets").json()] == [3], "group scope: own groups' tickets"
    assert luis.get("/tickets/1").status_code == 403
    for one in (luis, eva):
        one.session.close()


def test_02_the_default_window_is_30_days_of_creation(start: Start) -> None:
    """Without updated_since only tickets created in the past 30 days are listed, however fresh their update."""
    old = {"id": 1, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-03-02T08:59:59Z"}
    client = start(old, {"id": 2, "created_at": "2026-02-20T00:00:00Z"})
    assert [row["id"] for row in client.get("/tickets").json()] == [2]
    assert {1, 2} == {row["id"] for row in client.get(_SINCE_EVER).json()}


def test_02_updated_since_is_inclusive_to_the_second(start: Start) -> None:
    """A ticket updated in that very second is listed, one second later it is not; offsets are understood."""
    client = start({"id": 1, "updated_at": "2026-03-01T10:00:00Z", "created_at": "2026-03-01T09:00:00Z"})
    for since, expected in (
        ("2026-03-01T10:00:00Z", [1]),
        ("2026-03-01T10:00:01Z", []),
        ("2026-03-01T11:00:00%2B01:00", [1]),
    ):
        assert expected == [row["id"] for row in client.get(f"/tickets?updated_since={since}").json()], since


def test_02_a_bad_updated_since_is_400_with_the_known_text(start: Start) -> None:
    """The wording clients have been seen to meet."""
    answer = start().get("/tickets?updated_since=yesterday")
    text = "It should be a valid date in the 'combined date and time ISO8601' format"
    assert (400, text) == (answer.status_code, answer.json()["errors"][0]["message"])


def test_03_order_defaults_to_created_at_descending(start: Start) -> None:
    """And every documented order works in both directions."""
    client = start(
        {"id": 1, "created_at": "2026-02-20T00:00:00Z", "updated_at": "2026-03-01T00:00:00Z", "status": 3},
        {"id": 2, "created_at": "2026-02-21T00:00:00Z", "updated_at": "2026-02-21T00:00:00Z", "status": 2},
        {"id": 3, "created_at": "2026-02-19T00:00:00Z", "updated_at": "2026-02-28T00:00:00Z", "status": 8},
    )
    ids = lambda query: [row["id"] for row in client.get(f"/tickets{query}").json()]  # noqa: E731
    assert ids("") == [2, 1, 3]
    assert ids("?order_type=asc") == [3, 1, 2]
    assert ids("?order_by=updated_at") == [1, 3, 2]
    assert ids("?order_by=updated_at&order_type=asc") == [2, 3, 1]
    assert ids("?updated_since=2026-01-01&order_by=updated_at&order_type=asc") == [2, 3, 1]
    assert ids("?updated_since=2026-02-25&order_by=updated_at&order_type=desc") == [1, 3]
    assert ids("?order_by=status&order_type=asc") == [2, 1, 3]


@pytest.mark.parametrize("query", ["per_page=101", "per_page=0", "per_page=x", "page=0", "page=-1", "order_by=subject"])
def test_03_bad_paging_is_refused_not_clamped(start: Start, query: str) -> None:
    """400 names the parameter."""
    answer = start().get(f"/tickets?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] == answer.json()["errors"][0]["field"]


def test_03_status_is_no_list_parameter(start: Start) -> None:
    """An unknown filter is refused, so no client believes it filtered."""
    assert start().get("/tickets?status=2").json()["errors"][0]["code"] == "invalid_field"


def test_03_links_are_absolute_and_absent_on_the_last_page(start: Start) -> None:
    """Following rel=next visits every ticket once and ends."""
    client = start(*({"id": n} for n in range(1, 8)))
    url, seen = f"{client.emulator.url}/api/v2/tickets?per_page=3", []
    for _ in range(9):
        answer = client.session.get(url, timeout=10)
        seen += [row["id"] for row in answer.json()]
        if "next" not in answer.links:
            break
        url = answer.links["next"]["url"]
        assert url.startswith(client.emulator.url)
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_03_page_301_is_400_with_the_recorded_text(start: Start) -> None:
    """Page 300 is allowed."""
    client = start()
    assert client.get("/tickets?page=300").status_code == 200
    answer = client.get("/tickets?page=301")
    text = "You cannot access tickets beyond the 300th page. Please provide a smaller page number."
    expected = {"field": "page", "message": text, "code": "invalid_value"}
    assert (400, expected) == (answer.status_code, answer.json()["errors"][0])


def test_04_description_is_only_there_when_included(start: Start) -> None:
    """And stats, requester and company likewise."""
    client = start({"id": 1, "description": "<p>Hola</p>", "company_id": 70})
    bare = client.get("/tickets").json()[0]
    assert not {"description", "description_text", "stats", "requester", "company"} & set(bare)
    row = client.get("/tickets?include=description,stats,requester,company").json()[0]
    assert (row["description"], row["description_text"]) == ("<p>Hola</p>", "Hola")
    assert len(row["stats"]) == 8
    assert row["requester"]["email"] == "uno@cliente.example"
    assert row["company"]["name"] == "Cocinas SA"


def test_04_a_view_includes_the_oldest_ten_conversations(start: Start) -> None:
    """The other eleven come from the conversations list, page by page."""
    parts = [{"body": f"n{n}", "created_at": f"2026-03-01T00:{n:02}:00Z"} for n in range(21)]
    client = start({"id": 1, "conversations": parts})
    shown = client.get("/tickets/1?include=conversations").json()["conversations"]
    assert [f"n{n}" for n in range(10)] == [part["body"] for part in shown]
    listed = client.get("/tickets/1/conversations?per_page=15&page=2").json()
    assert [f"n{n}" for n in range(15, 21)] == [part["body"] for part in listed]


def test_06_put_refuses_what_is_not_on_the_list(start: Start) -> None:
    """Sending back the fetched ticket fails field by field, and nothing of it is applied."""
    client = start({"id": 1})
    fetched = client.get("/tickets/1").json()
    answer = client.put("/tickets/1", {**fetched, "priority": 4})
    refused = {entry["field"] for entry in answer.json()["errors"] if entry["code"] == "invalid_field"}
    assert answer.status_code == 400
    assert {"id", "created_at", "updated_at", "spam", "is_escalated"} <= refused
    assert not {"priority", "subject", "status", "custom_fields"} & refused
    assert client.state(1)["priority"] == 1


@pytest.mark.parametrize(
    ("body", "field", "code", "text"),
    [
        ({"status": 77}, "status", "invalid_value", "It should be one of these values: '2,3,4,5,6,7,8,9'"),
        ({"priority": 5}, "priority", "invalid_value", "It should be one of these values: '1,2,3,4'"),
        ({"priority": "4"}, "priority", "datatype_mismatch", "It should be one of these values: '1,2,3,4'"),
        ({"subject": 5}, "subject", "datatype_mismatch", "Value set is of type Integer.It should be a/an String"),
        ({"tags": "a"}, "tags", "datatype_mismatch", "Value set is of type String.It should be a/an Array"),
        ({"group_id": 999}, "group_id", "invalid_value", "There is no group matching the given group_id"),
        (
            {"custom_fields": {"cf_no": 1}},
            "custom_fields.cf_no",
            "invalid_field",
            "Unexpected/invalid field in request",
        ),
        (
            {"custom_fields": {"cf_escalated_on": "2026-03-02T09:00:00Z"}},
            "custom_fields.cf_escalated_on",
            "invalid_value",
            "It should be in the 'yyyy-mm-dd' format",
        ),
    ],
)
def test_06_put_validates_values(start: Start, body: Json, field: str, code: str, text: str) -> None:
    """Closed sets, types, unknown people and custom fields, in the API's wording."""
    answer = start({"id": 1}).put("/tickets/1", body)
    assert answer.status_code == 400
    assert [{"field": field, "message": text, "code": code}] == answer.json()["errors"]


def test_06_closing_demands_the_closure_fields(start: Start) -> None:
    """A resolve without them is 400 missing_field; with them in the same PUT it passes."""
    field = {
        "name": "cf_root_cause",
        "type": "custom_dropdown",
        "choices": ["parts", "people"],
        "required_for_closure": True,
    }
    client = start({"id": 1}, seed_more={"ticket_fields": [field]})
    wrong = client.put("/tickets/1", {"status": 4})
    expected = {
        "field": "custom_fields.cf_root_cause",
        "message": "It should be one of these values: 'parts,people'",
        "code": "missing_field",
    }
    assert (400, [expected]) == (wrong.status_code, wrong.json()["errors"])
    assert client.put("/tickets/1", {"status": 9}).status_code == 200, "custom statuses demand nothing"
    assert client.put("/tickets/1", {"status": 4, "custom_fields": {"cf_root_cause": "parts"}}).status_code == 200


def test_06_spam_and_deleted_are_405_and_unknown_is_an_empty_404(start: Start) -> None:
    """They leave the list, stay viewable, and come back by restore."""
    client = start({"id": 1}, {"id": 2}, {"id": 3})
    assert client.call("DELETE", "/tickets/1").status_code == 204
    assert client.put("/tickets/2/spam", None).status_code == 204
    for number in (1, 2):
        for method in ("PUT", "DELETE"):
            assert client.call(method, f"/tickets/{number}", json={"priority": 2}).status_code == 405
        assert client.post(f"/tickets/{number}/notes", {"body": "x"}).status_code == 405
    assert [row["id"] for row in client.get("/tickets").json()] == [3]
    assert [(row["id"], row["deleted"]) for row in client.get("/tickets?filter=deleted").json()] == [(1, True)]
    assert [row["id"] for row in client.get("/tickets?filter=spam").json()] == [2]
    assert client.get("/tickets/1").json()["deleted"] is True
    assert client.put("/tickets/1/restore", None).status_code == 204
    assert client.put("/tickets/1", {"priority": 2}).status_code == 200
    answer = client.put("/tickets/999", {"priority": 2})
    assert (answer.status_code, answer.content) == (404, b"")


def test_06_create_answers_201_with_location_and_makes_the_contact(start: Start) -> None:
    """Required fields are named when missing; a new address becomes a contact, a known one is found."""
    client = start()
    answer = client.post("/tickets", {"status": 2, "priority": 1})
    assert {"requester_id", "subject", "description"} == {entry["field"] for entry in answer.json()["errors"]}
    made = client.post("/tickets", {**_NEW, "name": "Dos"})
    assert made.status_code == 201
    assert f"{client.emulator.url}/api/v2/tickets/{made.json()['id']}" == made.headers["Location"]
    again = client.post("/tickets", {**_NEW, "email": "DOS@cliente.example"})
    assert made.json()["requester_id"] == again.json()["requester_id"]
    assert client.get(f"/contacts/{made.json()['requester_id']}").json()["name"] == "Dos"


def test_06_content_negotiation(start: Start) -> None:
    """A foreign Accept is 406, a body that is no JSON kind 415, broken JSON 400; unknown paths 404, verbs 405."""
    client = start({"id": 1})
    assert client.get("/tickets", headers={"Accept": "text/html"}).status_code == 406
    assert client.call("PUT", "/tickets/1", data={"priority": 2}).status_code == 415
    broken = client.call("PUT", "/tickets/1", data="{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["code"]) == (400, "invalid_json")
    assert client.get("/nowhere").status_code == 404
    assert client.call("DELETE", "/ticket_fields").status_code == 405


def test_07_limits_total_and_sub_limits_follow_the_plan_table() -> None:
    """A sub-limit refuses with credits left in the total, which no header shows."""
    clock = [0.0]
    limiter = Limiter(PLANS["growth"], wall=lambda: clock[0])
    verdicts = [limiter.charge(1, "tickets_list", 0) for _ in range(21)]
    assert [verdict.allowed for verdict in verdicts] == [True] * 20 + [False]
    assert (verdicts[-1].remaining, verdicts[-1].retry_after) == (180, 60)
    assert all(limiter.charge(1, None, 0).allowed for _ in range(180))
    assert not limiter.charge(1, None, 0).allowed, "the total of 200 is spent"
    clock[0] = 45.0
    assert limiter.charge(1, None, 0).retry_after == 15
    clock[0] = 60.0
    assert limiter.charge(1, "tickets_list", 0).allowed, "a new minute"
    assert [(p.total, p.create, p.update, p.tickets_list) for p in (PLANS["enterprise"], PLANS["pro"])] == [
        (700, 280, 280, 200),
        (400, 160, 160, 100),
    ]


def test_07_an_advance_of_the_emulated_clock_opens_a_new_window(start: Start) -> None:
    """So a script may run month after month cycle by cycle, and a waiting client still gets through by waiting."""
    client = start(plan="growth")
    answers = [client.get("/tickets").status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]
    client.advance(hours=1)
    assert client.get("/tickets").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "includes", "expected"),
    [
        ("GET", "/tickets", [], 1),
        ("GET", "/tickets", ["stats"], 3),
        ("GET", "/tickets", ["stats", "description", "requester"], 7),
        ("GET", "/tickets/5", ["conversations"], 2),
        ("GET", "/tickets/5", ["conversations", "stats"], 3),
        ("PUT", "/tickets/5", [], 1),
    ],
)
def test_07_includes_cost_credits(method: str, path: str, includes: list[str], expected: int) -> None:
    """Two more for each include of a list, one more for each of a view."""
    assert expected == cost(method, path, includes)
    assert ("update" if method == "PUT" else "tickets_list" if path == "/tickets" else None) == kind_of(method, path)


def test_07_rate_headers_and_429(start: Start) -> None:
    """Headers count down by cost; the 429 carries Retry-After in seconds; invalid requests count as well."""
    client = start(plan="trial")
    answer = client.get("/tickets?include=stats")
    shown = [answer.headers[f"X-RateLimit-{name}"] for name in ("Total", "Remaining", "Used-CurrentRequest")]
    assert shown == ["50", "47", "3"]
    for _ in range(47):
        assert client.get("/nowhere").status_code == 404
    refused = client.get("/agents/me")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_07_decimals_absence_noise_and_a_429_that_is_no_json(start: Start) -> None:
    """The forms seen on odd accounts, each by a switch."""
    client = start(plan="trial", faults="headers=decimal;noise=40")
    headers = client.get("/tickets").headers
    assert [headers["X-RateLimit-Total"], headers["X-RateLimit-Remaining"]] == ["50.0", "9.0"], "another app spent 40"
    client.control("faults", "headers=absent")
    assert not [name for name in client.get("/tickets").headers if name.lower().startswith("x-ratelimit")]
    client.control("faults", "html429:retry_after=none")
    refused = client.get("/tickets")
    assert (refused.status_code, refused.headers["Content-Type"]) == (429, "text/html")
    assert "Retry-After" not in refused.headers


def test_08_who_bumps_updated_at(start: Start) -> None:
    """Notes, replies and ratings do; time entries don't."""
    client = start({"id": 1})

    def bumped(act: Callable[[], Any]) -> bool:
        before = client.state(1)["updated_at"]
        client.advance(minutes=1)
        answer = act()
        assert answer.status_code == 201, answer.text
        return bool(client.state(1)["updated_at"] > before)

    assert bumped(lambda: client.post("/tickets/1/notes", {"body": "interna"}))
    assert bumped(lambda: client.post("/tickets/1/reply", {"body": "hola"}))
    assert bumped(lambda: client.post("/tickets/1/satisfaction_ratings", {"ratings": {"default_question": 103}}))
    assert not bumped(lambda: client.post("/tickets/1/time_entries", {"time_spent": "01:30", "note": "llamada"}))
    assert client.get("/tickets/1/time_entries").json()[0]["time_spent_in_seconds"] == 5400


def test_every_answer_carries_date_version_and_request_id(start: Start) -> None:
    """Date is the emulated clock's; ids differ."""
    client = start()
    first, second = client.get("/tickets"), client.get("/nowhere")
    assert "Mon, 02 Mar 2026 09:00:00 GMT" == first.headers["Date"] == second.headers["Date"]
    assert second.headers["X-Freshdesk-Api-Version"] == "latest=v2; requested=v2"
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f-]{36}", first.headers["x-request-id"])


def test_stamps_are_utc_seconds_and_blanks_are_null(start: Start) -> None:
    """A seed's offset is turned to UTC; fields nobody filled are null, not missing."""
    row = start({"id": 1, "created_at": "2026-03-02T01:30:00-06:00"}).get("/tickets").json()[0]
    assert row["created_at"] == "2026-03-02T07:30:00Z"
    assert row["group_id"] is None
    assert time.strptime(row["updated_at"], "%Y-%m-%dT%H:%M:%SZ")
