"""Fault specs: what each does on the wire, and how a bad one is refused."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable

import pytest
import requests

from connector.emulator import FaultSpecError
from connector.emulator.faults import Faults
from tests.unit.emulator.conftest import Client

Start = Callable[..., Client]


def test_status_faults_act_before_the_effect(start: Start) -> None:
    """A 500 on the first PUT leaves the ticket alone; the second passes."""
    client = start({"id": 1}, faults="500:on=PUT /tickets/*,times=1")
    assert client.put("/tickets/1", {"priority": 4}).status_code == 500
    assert client.state(1)["priority"] == 1
    assert client.put("/tickets/1", {"priority": 4}).status_code == 200


def test_a_429_says_when_to_come_back(start: Start) -> None:
    """retry_after is passed on."""
    answer = start(faults="429:retry_after=2").get("/tickets")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")


def test_a_gateway_answers_html(start: Start) -> None:
    """html502 is no JSON."""
    answer = start(faults="html502").get("/tickets")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


def test_reset_happens_before_the_effect(start: Start) -> None:
    """after=1 spares the first request."""
    client = start({"id": 1}, faults="reset:on=PUT,after=1")
    assert client.put("/tickets/1", {"priority": 2}).status_code == 200
    with pytest.raises(requests.ConnectionError):
        client.put("/tickets/1", {"priority": 4})
    assert client.state(1)["priority"] == 2


def test_truncate_breaks_the_body_or_the_json(start: Start) -> None:
    """Either fewer bytes than announced, or as many as announced that are no JSON."""
    client = start({"id": 1}, faults="truncate:times=1")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        client.get("/tickets")
    client.control("faults", "truncate:clean=1")
    answer = client.get("/tickets")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


def test_slow_drips_the_body(start: Start) -> None:
    """The answer is whole, and takes as long as its size says."""
    client = start(faults="slow:bytes_per_s=1000")
    began = time.monotonic()
    answer = client.get("/agents/me")
    assert time.monotonic() - began >= 0.8 * len(answer.content) / 1000
    assert answer.json()["contact"]["name"] == "Root"


def test_duplicate_and_skipped_rows_across_pages(start: Start) -> None:
    """Rows shift between two pages as they do while others write."""
    client = start(*({"id": n} for n in range(1, 7)), faults="duplicate_rows:times=1,after=1")
    pages = [[row["id"] for row in client.get(f"/tickets?per_page=3&page={page}").json()] for page in (1, 2)]
    assert pages == [[6, 5, 4], [4, 3, 2]]
    client.control("faults", "skip_rows")
    assert [row["id"] for row in client.get("/tickets?per_page=3&page=2").json()] == [2, 1]


def test_skew_moves_the_date_header_only(start: Start) -> None:
    """The clock itself is not moved."""
    client = start(faults="skew=3600")
    assert "10:00:00" in client.get("/tickets").headers["Date"]
    assert client.control("clock")["now"] == "2026-03-02T09:00:00Z"


def test_scope_and_key_can_be_taken_away(start: Start) -> None:
    """scope hides tickets silently; revoke_key_after ends in 401; lockout_after in 403 password_lockout."""
    client = start({"id": 1}, faults="scope")
    assert client.get("/tickets").json() == []
    client.control("faults", "revoke_key_after=2")
    assert [client.get("/tickets").status_code for _ in range(3)] == [200, 200, 401]
    client.control("faults", "lockout_after=2")
    client.session.auth = ("wrong", "X")
    assert [client.get("/tickets").status_code for _ in range(3)] == [401, 401, 403]
    assert client.get("/tickets").json()["code"] == "password_lockout"


def test_rates_are_repeatable(start: Start) -> None:
    """The same seed gives the same answers, another seed others."""

    def answers(spec: str) -> list[int]:
        client = start(faults=spec)
        return [client.get("/agents/me").status_code for _ in range(40)]

    first = answers("503:rate=0.3;seed=7")
    assert first == answers("503:rate=0.3;seed=7")
    assert first != answers("503:rate=0.3;seed=8")
    assert 3 <= first.count(503) <= 24


def test_same_value_put_by_switch(start: Start) -> None:
    """Ignored at first; `touches` bumps updated_at; `restarts` moves status_updated_at as well."""
    client = start({"id": 1, "status": 8})
    moved = []
    for spec in ("", "same_value_put=touches", "same_value_put=restarts"):
        client.control("faults", spec)
        client.advance(minutes=1)
        client.put("/tickets/1", {"status": 8})
        state = client.state(1)
        now = client.control("clock")["now"]
        moved.append((state["updated_at"] == now, state["stats"]["status_updated_at"] == now))
    assert moved == [(False, False), (True, False), (True, True)]


@pytest.mark.parametrize(
    "spec",
    [
        "500:on=PUT /tickets/*,times=2;skew=60",
        ["500:on=PUT /tickets/*,times=2", "skew=60"],
        [{"fault": "500", "on": "PUT /tickets/*", "times": 2}, {"fault": "skew", "value": 60}],
        {"faults": [{"fault": "500", "on": "PUT /tickets/*", "times": 2}, "skew=60"]},
        {"500": {"on": "PUT /tickets/*", "times": 2}, "skew": 60},
        {"spec": "500:on=PUT /tickets/*,times=2;skew=60"},
    ],
)
def test_text_and_json_mean_the_same(spec: object) -> None:
    """Every way to write a spec arms the same faults."""
    faults = Faults()
    faults.replace(spec)
    assert [(f.name, f.params["on"], int(f.params["times"])) for f in faults.armed] == [("500", "PUT /tickets/*", 2)]
    assert faults.standing == {"skew": 60}


def test_a_new_spec_replaces_a_plus_adds_and_an_empty_one_clears() -> None:
    """What is in force is always visible from the last specs."""
    faults = Faults()
    faults.replace("500;skew=5")
    faults.replace("+503")
    assert [fault.name for fault in faults.armed] == ["500", "503"]
    faults.replace("reset")
    assert ([fault.name for fault in faults.armed], faults.standing) == (["reset"], {})
    faults.replace("")
    assert faults.armed == []


def test_a_bad_spec_names_every_mistake_and_changes_nothing() -> None:
    """All at once."""
    faults = Faults()
    faults.replace("500")
    with pytest.raises(FaultSpecError) as caught:
        faults.replace("boom;429:rate=2;reset:times=x;headers=roman;skew=soon")
    for word in ("boom", "rate", "times", "headers", "skew"):
        assert word in str(caught.value)
    assert (caught.value.exit_code, [fault.name for fault in faults.armed]) == (64, ["500"])


def test_a_cut_connection_leaves_the_server_serving(start: Start) -> None:
    """Half a request, then a hang-up, harms nobody else."""
    client = start()
    raw = http.client.HTTPConnection("127.0.0.1", client.emulator.port, timeout=5)
    raw.putrequest("POST", "/api/v2/tickets")
    raw.putheader("Content-Length", "100")
    raw.endheaders()
    raw.send(b"{")
    raw.close()
    assert client.get("/agents/me").status_code == 200


@pytest.mark.parametrize(
    ("spec", "status", "header"),
    [
        ("302:location=https://elsewhere.example/x", 302, ("Location", "https://elsewhere.example/x")),
        ("429:retry_after=date+30", 429, ("Retry-After", "Mon, 02 Mar 2026 09:00:30 GMT")),
        ("429:retry_after=-5", 429, ("Retry-After", "-5")),
        ("html200", 200, ("Content-Type", "text/html")),
        ("date=garbage", 200, ("Date", "the day after tomorrow")),
        ("headers=negative", 200, ("X-RateLimit-Used-CurrentRequest", "-2")),
    ],
)
def test_odd_statuses_and_headers(start: Start, spec: str, status: int, header: tuple[str, str]) -> None:
    """What a gateway, a proxy or a broken clock may send."""
    answer = start({"id": 1}, faults=spec).get("/tickets", allow_redirects=False)
    assert (answer.status_code, answer.headers[header[0]]) == (status, header[1])


@pytest.mark.parametrize(
    ("shape", "first"),
    [
        ("swapped", {"tickets": [1]}), ("null", None), ("text", "ok"), ("number", 7), ("nothing", "empty"),
        ("nulls", [{"id": None}]), ("texts", [{"id": "1"}]), ("huge", [{"id": 10**60}]), ("lists", [{"id": [1]}]),
    ],
)  # fmt: skip
def test_json_of_another_shape(start: Start, shape: str, first: object) -> None:
    """The effect stands; only the answer is spoilt."""
    client = start({"id": 1}, faults=f"shape:as={shape}")
    text = client.get("/tickets").text
    body = json.loads(text) if text else "empty"
    if isinstance(body, list):
        body = [{"id": body[0]["id"]}]
    elif isinstance(body, dict):
        body = {"tickets": [row["id"] for row in body["tickets"]]}
    assert body == first


def test_bodies_that_lie_about_their_length(start: Start) -> None:
    """Too long, too short, cut in the middle of a chunk, or unpacking to thousands of times their size."""
    client = start({"id": 1}, faults="length:by=20")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        client.get("/tickets")
    client.control("faults", "length:by=-20")
    with pytest.raises(ValueError):
        json.loads(client.get("/tickets").text)
    client.control("faults", "chunk_cut")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        client.get("/tickets")
    client.control("faults", "gzip_bomb:mb=2")
    answer = client.get("/tickets")
    assert (int(answer.headers["Content-Length"]) < 20_000, len(answer.content) > 2_000_000) == (True, True)
    client.control("faults", "huge:mb=2")
    assert len(client.get("/tickets").content) > 2_000_000


def test_old_answers_and_repeated_pages(start: Start) -> None:
    """A ticket as of before its last change; a list whose pages are all the first one."""
    client = start(*({"id": n} for n in range(1, 5)), faults="old_answer;repeat_page:on=GET /tickets")
    assert client.get("/tickets/1").json()["priority"] == 1
    client.put("/tickets/1", {"priority": 4})
    assert client.get("/tickets/1").json()["priority"] == 1
    assert client.state(1)["priority"] == 4
    pages = [[row["id"] for row in client.get(f"/tickets?per_page=2&page={page}").json()] for page in (1, 2)]
    assert pages[0] == pages[1]


def test_somebody_acts_right_after_a_write(start: Start) -> None:
    """`sent` picks the write; deleted, archived, merged or undone by an automation."""
    client = start(*({"id": n} for n in range(1, 4)), faults="human_edit:on=PUT /tickets/*,sent=priority:4,delete=1")
    client.put("/tickets/1", {"priority": 2})
    assert client.state(1)["deleted"] is False
    client.put("/tickets/1", {"priority": 4})
    assert (client.state(1)["deleted"], client.state(1)["priority"]) == (True, 4)
    client.control("faults", "undo:seconds=60")
    client.put("/tickets/2", {"priority": 4})
    assert client.state(2)["priority"] == 4
    client.advance(minutes=2)
    assert client.state(2)["priority"] == 1
    client.control("faults", "human_edit:on=GET /tickets,ticket=3,set=priority:3")
    client.get("/tickets")
    assert client.state(3)["priority"] == 3


def test_the_date_jumps_and_the_scope_shows(start: Start) -> None:
    """By turns right, ahead and behind; the agent's own record tells the scope in force."""
    client = start({"id": 1}, faults="date_jump=3600;scope=3")
    hours = {client.get("/tickets").headers["Date"][17:19] for _ in range(3)}
    assert hours == {"08", "09", "10"}
    assert client.get("/agents/me").json()["ticket_scope"] == 3


@pytest.mark.parametrize("spec", ["shape", "shape:as=round", "length:by=x", "date=late", "headers=odd", "418x"])
def test_a_bad_item_is_refused(spec: str) -> None:
    """With what it may be."""
    with pytest.raises(FaultSpecError, match="fault spec"):
        Faults().replace(spec)
