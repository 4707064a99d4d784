"""Rotas at a web address: fetched over a real socket, kept when that fails, and never nobody."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from connector.core.guard import Limits
from connector.core.model import Call
from connector.core.policy import Policy
from connector.cycle.gather import decide
from connector.cycle.run import run_cycle
from connector.duty import duty_of
from connector.http import fetch as fetching
from connector.http.fetch import MOST_BYTES, Fetched, NotFetched, fetch_text
from connector.mapping.load import load_policy_from_texts, load_texts
from connector.rota_feed import FACT, fetcher, refresh_rotas
from connector.settings import OnCallSettings
from tests.desk import HOUR, PACK, START, World, ticket
from tests.unit.raw_server import RawServer, answer, raw

pytest.importorskip("icalendar", reason="the extra `oncall` is not installed")

TOKEN = "tok3n-of-the-calendar"
SHIFT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//
BEGIN:VEVENT
UID:{who}
DTSTART:20260301T000000Z
DTEND:20260401T000000Z
SUMMARY:{who}
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")
ANA, BEA = SHIFT.format(who="Ana Gil"), SHIFT.format(who="Bea Ruiz")
RULES = """
people: {{ana: {{agent: Ana Gil}}, bea: {{agent: Bea Ruiz}}, cai: {{agent: Cai Mas}}}}
rotas:
  guard: {{url: "{url}", refresh: 1h, keep: 7d}}
assignment:
  - {{name: incidents, when: {{any_phrase: [silent]}}, by: on_call, rota: guard, fallback: cai}}
"""
FETCH = fetcher(private=True, timeout=2.0)


def world(url: str) -> World:
    """A cycle's world whose pack names this address."""
    made = World(ticket(escalation_type=None, escalated_at=None), more=(RULES.format(url=url),))
    made.account.limits = Limits(share=None)
    return made


def given(one: World) -> tuple[str, list[str]]:
    """Who gets the ticket now, and the codes of the reasons."""
    one.mirror()
    duty = duty_of(one.store, "demo", one.account.policy, one.now())
    evaluation, _ = decide(one.account, one.row(), one.now(), duty=duty)
    assert evaluation is not None
    (decision,) = [each for each in evaluation.decisions if each.rule.kind == "assignment" and each.call is Call.ACT]
    return decision.wants[0].changes["agent"], [reason.code for reason in decision.reasons]


def kinds(one: World) -> list[str]:
    """What the audit says of rotas."""
    return [event.kind for event in one.store.audit("demo") if event.kind.startswith("rota")]


def test_the_fetched_calendar_says_who_gets_the_ticket() -> None:
    """By a whole cycle: fetched, kept, assigned; the explanation names its digest and not its address."""
    with RawServer(answer(body=ANA.encode(), ETag='"1"')) as server:
        one = world(f"{server.url}/rota.ics?t={TOKEN}")
        refresh_rotas(one.account, one.now(), FETCH)
        assert given(one) == ("Ana Gil", ["ROTA_CALENDAR", "ON_CALL", "CHOSEN"]) or given(one)[0] == "Ana Gil"
        report = run_cycle(one.account, now=one.now)
    assert report.plan is not None
    assert [action.changes["agent"][1] for action in report.plan.actions] == ["Ana Gil"]
    shown = repr(report.plan) + json.dumps([dict(event.body) for event in one.store.audit("demo")])
    assert ("ROTA_CALENDAR" in shown, TOKEN in shown) == (True, False)
    assert TOKEN not in repr(one.account.policy.rotas)
    assert b"GET /rota.ics?t=" + TOKEN.encode() in server.requests[0]


def test_it_is_fetched_anew_after_refresh_and_only_then_and_asks_for_changes() -> None:
    """Within the hour nothing is asked; then with the ETag; a 304 keeps the text and counts as fresh."""
    with RawServer(
        answer(body=ANA.encode(), ETag='"1"', Last_Modified="Sun, 01 Mar 2026 00:00:00 GMT"),
        raw(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"),
        answer(body=BEA.encode()),
    ) as server:
        one = world(f"{server.url}/rota.ics")
        for hours, calls, who in ((0, 1, "Ana Gil"), (0.5, 1, "Ana Gil"), (1, 2, "Ana Gil"), (2, 3, "Bea Ruiz")):
            one.desk.clock = START + timedelta(hours=hours)
            refresh_rotas(one.account, one.now(), FETCH)
            assert (len(server.requests), given(one)[0]) == (calls, who)
    assert b'If-None-Match: "1"' in server.requests[1]
    assert b"If-Modified-Since: Sun, 01 Mar 2026" in server.requests[1]
    assert kinds(one) == ["rota", "rota"]


def broken(name: str) -> Any:
    """Ways in which a server fails."""
    huge = raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MOST_BYTES + 1))
    return {
        "500": answer(500),
        "garbage": answer(body=b"<html>log in</html>"),
        "not text": answer(body=b"\xff\xfe\x00"),
        "empty": answer(body=b""),
        "nobody we know": answer(body=SHIFT.format(who="Eve").encode()),
        "huge": huge,
        "cut": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nBEGIN:VCALENDAR"),
        "elsewhere": raw(b"HTTP/1.1 302 Found\r\nLocation: http://localhost:1/x\r\nContent-Length: 0\r\n\r\n"),
        "for ever": raw(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        "not http": raw(b"220 ready\r\n"),
    }[name]


@pytest.mark.parametrize(
    "how",
    ["500", "garbage", "not text", "empty", "nobody we know", "huge", "cut", "elsewhere", "for ever", "not http"],
)
def test_a_bad_calendar_keeps_the_last_good_one_and_says_so_once(how: str) -> None:
    """Ana stays on call for `keep`; then nobody is known, the fallback gets it, and the reason says why."""
    with RawServer(answer(body=ANA.encode()), broken(how)) as server:
        one = world(f"{server.url}/rota.ics?t={TOKEN}")
        refresh_rotas(one.account, one.now(), FETCH)
        for hours in (2, 3):
            one.desk.clock = START + timedelta(hours=hours)
            refresh_rotas(one.account, one.now(), FETCH)
    assert given(one)[0] == "Ana Gil"
    assert kinds(one) == ["rota", "rota_kept"]
    trouble = one.store.fact("demo", "rotas")["guard"]
    assert (TOKEN in trouble, bool(trouble)) == (False, True)
    one.desk.clock = START + timedelta(days=7, seconds=1)
    who, codes = given(one)
    assert (who, "ROTA_UNKNOWN" in codes, "FALLBACK" in codes) == ("Cai Mas", True, True)


def _silent(connection: socket.socket, request: bytes) -> None:
    time.sleep(2)


def _drip(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(60):
        connection.sendall(b"B")
        time.sleep(0.05)


@pytest.mark.parametrize("behaviour", [_silent, _drip])
def test_a_server_that_hangs_costs_no_more_than_its_time(behaviour: Any) -> None:
    """Silent, or a byte a moment: cut at the limit, and what came until then is no calendar."""
    with RawServer(behaviour) as server:
        began = time.monotonic()
        with pytest.raises(NotFetched, match="no calendar came"):
            fetch_text(f"{server.url}/rota.ics", private=True, timeout=0.5)
        assert time.monotonic() - began < 1.8


def test_a_restart_without_a_network_knows_who_is_on_call() -> None:
    """From the state alone."""
    with RawServer(answer(body=ANA.encode())) as server:
        one = world(f"{server.url}/rota.ics")
        refresh_rotas(one.account, one.now(), FETCH)
        again = world(f"{server.url}/rota.ics")
    again.store = one.store
    again.account.store = one.store

    def down(url: str, etag: str | None, modified: str | None) -> Fetched:
        msg = "no network"
        raise NotFetched(msg)

    again.desk.clock = START + 2 * HOUR
    refresh_rotas(again.account, again.now(), down)
    assert given(again)[0] == "Ana Gil"


def test_a_calendar_of_another_address_is_not_taken_for_this_one() -> None:
    """A pack that names a new address begins anew."""
    with RawServer(answer(body=ANA.encode())) as server:
        one = world(f"{server.url}/rota.ics")
        refresh_rotas(one.account, one.now(), FETCH)
        one.account.policy = world(f"{server.url}/other.ics").account.policy
        assert given(one)[0] == "Cai Mas"


def test_nobody_fetched_it_is_said_and_the_fallback_gets_it() -> None:
    """Offline: no state, no call."""
    one = world("https://calendar.example.com/rota.ics")
    who, codes = given(one)
    assert (who, "ROTA_UNKNOWN" in codes) == ("Cai Mas", True)
    assert one.store.fact("demo", f"{FACT}guard") is None


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "::1", "fe80::1",
     "fc00::1", "::ffff:127.0.0.1", "224.0.0.1"],
)  # fmt: skip
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    """Also where only one of its addresses does; nothing is sent."""
    with pytest.raises(NotFetched, match="private address"):
        fetch_text("https://calendar.example.com/x", timeout=0.5, ask=lambda host, port: ["93.184.216.34", address])


def test_plain_http_goes_to_this_machine_only_whatever_its_name_says() -> None:
    """`http://localhost` that resolves elsewhere is refused, even with private addresses allowed."""
    with pytest.raises(NotFetched, match="plain http"):
        fetch_text("http://localhost/x", private=True, timeout=0.5, ask=lambda host, port: ["93.184.216.34"])


def test_the_connection_goes_to_the_judged_address_and_keeps_the_name() -> None:
    """Asked once; the Host header is the name."""
    asked: list[str] = []
    with RawServer(answer(body=ANA.encode())) as server:
        port = int(server.url.rsplit(":", 1)[1])

        def ask(host: str, number: int) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"]

        got = fetch_text(f"http://localhost:{port}/x", private=True, ask=ask)
    assert (got.text, asked) == (ANA, ["localhost"])
    assert f"Host: localhost:{port}".encode() in server.requests[0]


def test_private_addresses_are_refused_by_default() -> None:
    """By the configuration's default."""
    assert OnCallSettings().private_addresses is False
    with RawServer(answer(body=ANA.encode())) as server, pytest.raises(NotFetched, match="private_addresses = true"):
        fetch_text(f"{server.url}/x")
    assert server.requests == []


def test_a_name_that_never_resolves_costs_no_more_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver hangs: the call does not."""
    began = time.monotonic()

    def slow(host: str, port: int) -> list[str]:
        time.sleep(2)
        return []

    with pytest.raises(NotFetched, match="was not resolved within"):
        fetching.fetch_text("https://calendar.example.com/x", timeout=0.2, ask=slow)
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{}", "needs one of `file` and `url`"),
        ("{file: a.ics, url: 'https://a.example/x'}", "needs one of `file` and `url`"),
        ("{url: 'http://a.example/x'}", "plain http"),
        ("{url: 'ftp://a.example/x'}", "begins with https://"),
        ("{url: 'https://u:p@a.example/x'}", "no user, password"),
    ],
)
def test_an_address_that_can_be_none_is_a_problem_of_the_pack(written: str, problem: str) -> None:
    """With its place, at load time."""
    texts: Mapping[str, str] = {"pack.yaml": PACK, "r.yaml": f"rotas:\n  guard: {written}\n"}
    found = load_texts(texts)
    assert [one.code for one in found.problems if problem in one.text] == ["E066"]


def test_a_mistake_beside_an_address_does_not_show_its_token() -> None:
    """The excerpt of the line veils what follows the host, and the carets still stand under the mistake."""
    line = f'rotas:\n  guard: {{url: "https://a.example/private/{TOKEN}.ics?k={TOKEN}", refresh: soon}}\n'
    (problem,) = load_texts({"pack.yaml": PACK, "r.yaml": line}).problems
    shown = problem.render()
    assert (TOKEN in shown, "https://a.example/***" in shown) == (False, True)
    excerpt, carets = shown.splitlines()[1:3]
    assert excerpt[carets.index("^") :].startswith("soon")


def test_the_policy_version_covers_the_address_not_the_calendar() -> None:
    """A new week in the calendar is no new policy."""

    def at(url: str) -> Policy:
        return load_policy_from_texts({"0.yaml": PACK, "1.yaml": RULES.format(url=url)})

    assert at("https://a.example/x").digest == at("https://a.example/x").digest
    assert at("https://a.example/x").digest != at("https://a.example/y").digest
