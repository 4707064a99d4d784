"""The listener over a raw socket: what it answers, and that no peer can hold, flood or read it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import ConfigurationError, StoreError
from connector.hints import Hints
from connector.vitals import Vitals
from connector.web import listener as listening
from connector.web.app import MOST_BODY, Served
from connector.web.auth import WINDOW, Gate, signature
from connector.web.listener import Listener
from connector.web.metrics import Board
from tests.desk import World

SECRET = "correct-horse-battery"
NOW = 1_770_000_000.0


class Clock:
    """Seconds that stand still until moved."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@dataclass
class Desk:
    """A listener with all it answers from."""

    listener: Listener
    vitals: Vitals
    hints: Hints
    clock: Clock
    trouble: list[Exception]

    def raw(self, sent: bytes, *, patience: float = 10.0) -> bytes:
        """Everything that comes back for these bytes, until the connection ends."""
        host, port = self.listener.url.removeprefix("http://").rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=patience) as line:
            line.sendall(sent)
            got = b""
            try:
                while part := line.recv(65536):
                    got += part
            except ConnectionResetError:
                pass
            return got

    def ask(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> tuple[int, bytes, bytes]:
        """(status, head, body) of one request."""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        head, _, rest = self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body).partition(b"\r\n\r\n")
        return int(head.split()[1]), head, rest

    def hint(
        self, body: bytes = b"{}", *, account: str = "main", at: float = NOW, nonce: str = "a1", **more: str
    ) -> int:
        """The status of a signed hint."""
        headers = {
            "X_Escalera_Timestamp": str(int(at)),
            "X_Escalera_Id": nonce,
            "X_Escalera_Signature": signature(SECRET, str(int(at)), nonce, body),
            **more,
        }
        return self.ask(f"/hints/{account}", "POST", body, **headers)[0]


def serve(stack: ExitStack, way: Any = "hmac") -> Desk:
    """A listener for one account, `main`, on a port of its own."""
    clock, trouble = Clock(), list[Exception]()
    vitals = Vitals(every=60, step_deadline=300, cycle_deadline=3600, monotonic=clock)
    vitals.start(["main"])
    hints = Hints(["main"], pause=15, settle=1, monotonic=clock)

    def probe() -> None:
        if trouble:
            raise trouble[0]

    gate = Gate({"main": SECRET}, way, lambda: NOW)
    board = Board(vitals, lambda: datetime(2026, 3, 2, 9, tzinfo=UTC), lambda: 4096)
    served = Served(vitals, board, probe, hints, gate)
    return Desk(stack.enter_context(Listener(("127.0.0.1", 0), served)), vitals, hints, clock, trouble)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A listener that takes signed hints."""
    with ExitStack() as stack:
        yield serve(stack)


def cycled(desk: Desk, **values: Any) -> None:
    """The account had a cycle."""
    from connector.cycle.account import CycleReport

    account = World().account
    with desk.vitals.cycle("main"):
        desk.clock.at += 2
    desk.vitals.reported(
        CycleReport("main", datetime(2026, 3, 2, 9, tzinfo=UTC), **values), policy=("test", account.policy.digest)
    )


# --- health ----------------------------------------------------------------------------------------------------------
def test_health_is_green_while_the_loop_moves_and_red_once_it_does_not(desk: Desk) -> None:
    """No step for five minutes: 503 and the reason; one step: 200 again."""
    assert desk.ask("/healthz")[0] == 200
    desk.clock.at += 301
    status, _, body = desk.ask("/healthz")
    assert (status, json.loads(body)["why"]) == (503, ["the loop took no step for 301 s (allowed: 300 s)"])
    desk.vitals.step()
    assert desk.ask("/healthz")[0] == 200


def test_a_cycle_longer_than_its_deadline_turns_health_red(desk: Desk) -> None:
    """Although it takes its steps."""
    with desk.vitals.cycle("main"):
        desk.clock.at += 3601
        desk.vitals.step()
        status, _, body = desk.ask("/healthz")
        assert (status, "has taken 3601 s" in body.decode()) == (503, True)
    assert desk.ask("/healthz")[0] == 200


def test_ready_only_after_a_cycle_and_while_the_state_opens(desk: Desk) -> None:
    """Not before the first cycle, not with a state that can't be opened, not with a refused account."""
    assert desk.ask("/readyz")[0] == 503
    desk.trouble.append(StoreError("the path of a customer"))
    with ExitStack() as stack:
        other = serve(stack)
        cycled(other)
        assert other.ask("/readyz")[0] == 200
        other.clock.at += 400
        assert other.ask("/readyz")[0] == 503
        cycled(other, blocked=True)
        other.vitals.rests("main", 3600, blocked=True)
        assert b"refuses" in other.ask("/readyz")[2]
    with ExitStack() as stack:
        broken = serve(stack)
        broken.trouble.append(StoreError("the path of a customer"))
        cycled(broken)
        status, _, body = broken.ask("/readyz")
        assert (status, json.loads(body)["why"]) == (503, ["the state can't be opened"])


def test_metrics_are_prometheus_text_with_every_figure(desk: Desk) -> None:
    """The library's own parser reads them; the names the alerts use are there."""
    from prometheus_client.parser import text_string_to_metric_families

    cycled(desk)
    desk.hint()
    status, head, body = desk.ask("/metrics")
    found = {family.name: family for family in text_string_to_metric_families(body.decode())}
    assert (status, b"text/plain" in head) == (200, True)
    wanted = "lag_seconds due held unknown rejected deferred missed quarantined open_intents read_whole state_bytes"
    wanted += (
        " policy_info build_info cycle_seconds last_cycle_timestamp_seconds up heartbeat_age_seconds hints blocked"
    )
    assert {f"escalera_{name}" for name in wanted.split()} - set(found) == set()
    counts = {
        one.labels["le"]: one.value for one in found["escalera_cycle_seconds"].samples if one.name.endswith("_bucket")
    }
    assert (counts["1.0"], counts["2.5"], counts["+Inf"]) == (0, 1, 1)


# --- manners ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path", ["/", "/hints", "/hints/main/x", "/healthz/", "/..%2f..%2fetc/passwd", "/docs", "/%00"]
)
def test_an_unknown_page_is_404_and_not_named(desk: Desk, path: str) -> None:
    """Fixed words, no echo."""
    status, _, body = desk.ask(path)
    assert (status, body) == (404, b"no such page\n")


def test_every_answer_is_safe_to_show_and_names_no_server(desk: Desk) -> None:
    """Security headers on all, also on errors; no banner; the connection ends."""
    for path in ("/healthz", "/nowhere", "/metrics", "/hints/main"):
        head = desk.ask(path)[1].lower()
        assert b"server:" not in head
        for words in (
            b"x-content-type-options: nosniff",
            b"default-src 'none'",
            b"cache-control: no-store",
            b"connection: close",
        ):
            assert words in head, (path, words)


def test_a_method_that_is_none_of_its_is_405(desk: Desk) -> None:
    """GET a hint, POST health."""
    assert desk.ask("/hints/main")[0] == 405
    assert desk.ask("/healthz", "DELETE")[0] == 405


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"A" * 70_000, b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000],
)  # fmt: skip
def test_garbage_is_refused_without_echo(desk: Desk, garbage: bytes) -> None:
    """400 or a cut; then it serves on."""
    got = desk.raw(garbage if garbage.endswith(b"\n") else garbage + b"\r\n\r\n")
    assert got == b"" or b" 400 " in got.split(b"\r\n")[0]
    assert b"AAAA" not in got
    assert desk.ask("/healthz")[0] == 200


def test_a_slow_sender_is_cut_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers, or a body, in drips: the connection ends at its time, and others are served meanwhile."""
    monkeypatch.setattr(listening, "MOST_SECONDS", 0.5)
    host, port = desk.listener.url.removeprefix("http://").rsplit(":", 1)
    for begin in (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ",
        b"POST /hints/main HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=5) as line:
            line.sendall(begin)
            began = time.monotonic()
            assert desk.ask("/healthz")[0] == 200
            ended = False
            while time.monotonic() - began < 5 and not ended:
                try:
                    line.sendall(b"a")
                    line.settimeout(0.1)
                    ended = line.recv(1024) == b""
                except TimeoutError:
                    continue
                except OSError:
                    ended = True
            assert (ended, time.monotonic() - began < 4) == (True, True)


def test_silent_connections_do_not_keep_others_out(desk: Desk) -> None:
    """More than it holds at once: the oldest go, and health is answered still."""
    host, port = desk.listener.url.removeprefix("http://").rsplit(":", 1)
    with ExitStack() as stack:
        lines = [
            stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
            for _ in range(listening.MOST_CONNECTIONS + 20)
        ]
        assert desk.ask("/healthz")[0] == 200
        assert lines[0].recv(1) == b""


def test_a_taken_port_is_one_clear_sentence(desk: Desk) -> None:
    """Which address, and what may be wrong."""
    port = int(desk.listener.url.rsplit(":", 1)[1])
    with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port} can't be listened on"):
        Listener(("127.0.0.1", port), Served(desk.vitals, Board(desk.vitals, lambda: datetime.now(UTC)), lambda: None))


# --- hints ------------------------------------------------------------------------------------------------------------
def test_a_signed_hint_brings_the_next_look_forward(desk: Desk) -> None:
    """202; due after it settled; its words are nowhere."""
    assert desk.hint(b'{"ticket": "secret words"}') == 202
    assert desk.hints.due("main") is False
    desk.clock.at += 1
    assert desk.hints.due("main") is True
    assert b"secret words" not in desk.ask("/metrics")[2]


def test_only_the_right_proof_is_taken(desk: Desk) -> None:
    """Wrong signature, another body, another id, no header, an unknown account: 401, all alike; nothing is due."""
    body = b"{}"
    good = signature(SECRET, str(int(NOW)), "a1", body)
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
    stamped = {"X_Escalera_Timestamp": str(int(NOW)), "X_Escalera_Id": "a1"}
    answers = [
        desk.ask("/hints/main", "POST", body, **stamped, X_Escalera_Signature=wrong),
        desk.ask("/hints/main", "POST", b"[]", **stamped, X_Escalera_Signature=good),
        desk.ask("/hints/main", "POST", body, **{**stamped, "X_Escalera_Id": "a2"}, X_Escalera_Signature=good),
        desk.ask("/hints/other", "POST", body, **stamped, X_Escalera_Signature=good),
        desk.ask("/hints/main", "POST", body, X_Escalera_Secret=SECRET),
        desk.ask("/hints/main", "POST", body),
    ]  # fmt: skip
    assert {(status, text) for status, _, text in answers} == {(401, b"not proven\n")}
    assert desk.hints.wait() is None


def test_a_replayed_hint_is_refused(desk: Desk) -> None:
    """The same again: 409. Signed five minutes ago or in five minutes: 401."""
    assert [desk.hint(), desk.hint(), desk.hint(nonce="b")] == [202, 409, 202]
    assert [desk.hint(at=NOW - WINDOW - 1, nonce="c"), desk.hint(at=NOW + WINDOW + 1, nonce="d")] == [401, 401]
    assert desk.hint(at=NOW - WINDOW + 1, nonce="e") == 202


@pytest.mark.parametrize("body", [b"", b"no json", b"{", b"[" * 50_000, b"\xff\xfe"])
def test_a_body_that_is_no_json_is_400_without_echo(desk: Desk, body: bytes) -> None:
    """Even well signed, and however deeply nested."""
    headers = {
        "X_Escalera_Timestamp": str(int(NOW)), "X_Escalera_Signature": signature(SECRET, str(int(NOW)), "", body)
    }  # fmt: skip
    status, _, text = desk.ask("/hints/main", "POST", body, **headers)
    assert (status, text, desk.hints.wait()) == (400, b"the body is not JSON\n", None)


def test_a_large_body_is_refused_before_it_is_read(desk: Desk) -> None:
    """413 by its declared length, and by its real one where it comes in chunks."""
    declared = desk.raw(f"POST /hints/main HTTP/1.1\r\nHost: x\r\nContent-Length: {MOST_BODY + 1}\r\n\r\n".encode())
    assert b" 413 " in declared.split(b"\r\n")[0]
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    chunked = b"POST /hints/main HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 2 + b"0\r\n\r\n"
    got = desk.raw(chunked)
    assert got == b"" or b" 413 " in got.split(b"\r\n")[0]
    assert desk.hints.wait() is None


def test_a_constant_secret_is_enough_where_it_is_allowed() -> None:
    """For helpdesks that can't sign; a wrong or empty one is not."""
    with ExitStack() as stack:
        desk = serve(stack, "header")
        assert desk.ask("/hints/main", "POST", b"{}", X_Escalera_Secret=SECRET)[0] == 202
        assert desk.ask("/hints/main", "POST", b"{}", X_Escalera_Secret=SECRET + "x")[0] == 401
        assert desk.ask("/hints/main", "POST", b"{}")[0] == 401
        assert desk.hint(nonce="z") == 401


def test_a_storm_of_hints_costs_one_look() -> None:
    """Ten thousand within a pause bring one look forward, the ones that come meanwhile a second one after it."""
    clock = Clock()
    woken: list[float] = []
    hints = Hints(["main"], pause=15, settle=1, monotonic=clock, wake=lambda: woken.append(clock.at))
    looks = 0
    for _ in range(10_000):
        hints.hint("main")
        clock.at += 0.001
        if hints.due("main"):
            hints.answered("main")
            looks += 1
    assert (looks, len(woken)) == (1, 2)
    clock.at += 15
    assert hints.due("main") is True
