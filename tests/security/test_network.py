"""No request, and no key, leaves for another host or path, whatever an id, an answer or the environment says."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.core.fieldmap import FieldMap
from connector.errors import ConfigurationError, EscaleraError, Unavailable
from connector.helpdesks.freshdesk import FreshdeskReader
from connector.helpdesks.freshdesk_writer import FreshdeskWriter
from connector.http.client import HttpClient, HttpOptions
from connector.http.transport import DeadlineAdapter
from connector.mapping.load import load_policy
from tests.unit.raw_server import RawServer, answer, raw

ROOT = Path(__file__).parents[2]
KEY = "k3y-that-Must-not-leave-7f1c"
BASIC = base64.b64encode(f"{KEY}:X".encode())
IDS = (
    "../agents/me", "../../x", "..", ".", "1/../../agents", "1/conversations", "%2e%2e/agents", "1%2F..%2Fagents",
    "1?include=x", "1#x", "@evil.example", "//evil.example/", "1\r\nHost: evil.example", "1 ", "１２", "", "1\x00",
    "http://evil.example/1", "\\\\evil.example\\1", "1;x=y",
)  # fmt: skip


@cache
def _names() -> FieldMap:
    return load_policy(ROOT / "mappings/appliance-mx").maps["freshdesk"]


def client(url: str, **options: Any) -> HttpClient:
    """One that waits for nothing."""
    given = {"connect_timeout": 2, "read_timeout": 2, "deadline": 5, "attempts": 2, **options}
    return HttpClient(url, KEY, options=HttpOptions(**given), sleep=lambda _: None)


@pytest.mark.parametrize("ticket", IDS)
def test_a_ticket_id_is_a_number_or_no_request_at_all(ticket: str) -> None:
    """Reading such a ticket finds none; writing to it is refused; the helpdesk is not asked either way."""
    with RawServer(answer()) as server:
        api = client(server.url)
        reader = FreshdeskReader("demo", api, _names())
        writer = FreshdeskWriter(api, reader.vocabulary, lambda: None)
        assert reader.ticket(ticket).gone == "missing"
        assert list(reader.notes(ticket)) == []
        for write in (
            lambda: writer.add_note(ticket, "x"),
            lambda: writer.reply(ticket, "x"),
            lambda: writer.update(ticket, {"priority": "high"}),
        ):
            with pytest.raises(EscaleraError):
                write()
        assert server.requests == []


@pytest.mark.parametrize(
    "path",
    [
        *(f"/tickets/{one}" for one in ("..", ".", "%2e%2e", "%2e%2e/a", "1/../2", "1//2", "1/", "1?x", "1 2", "ñ")),
        "", "/", "//evil.example/x", "https://evil.example/", "/x\n", "/x\tb", "/x;y", "/x\\y", "/...",
    ],
)  # fmt: skip
def test_the_client_itself_calls_plain_paths_only(path: str) -> None:
    """Also for whoever writes another reader: what urllib would resolve, unquote or split is refused."""
    with RawServer(answer()) as server:
        with pytest.raises(ConfigurationError):
            client(server.url).get(path)
        assert server.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["{other}/api/v2/x", "//{host}/x", "http://desk.example@{host}/", "/elsewhere"])
def test_a_redirect_is_an_error_wherever_it_leads(status: int, where: str) -> None:
    """To another port, another host by any spelling, or another path of the same one; the key goes nowhere."""
    with RawServer(answer()) as other:
        target = where.format(other=other.url, host=other.url.removeprefix("http://"))
        with RawServer(answer(status, Location=target)) as server:
            for call in (
                lambda api: api.get("/x"),
                lambda api: api.send("PUT", "/x", {}, kind="other"),
            ):
                with pytest.raises(Unavailable, match="redirected"):
                    call(client(server.url))
            assert len(server.requests) == 2
            assert all(one.split()[1] == b"/api/v2/x" for one in server.requests)
        assert other.requests == []


def test_the_next_page_is_counted_never_followed() -> None:
    """`Link: <elsewhere>; rel="next"` is not read: pages are asked for by number, below the configured address."""
    with RawServer(answer()) as other:
        link = f'<{other.url}/api/v2/tickets?page=2>; rel="next"'
        with RawServer(answer(body=b"[]", Link=link)) as server:
            api = client(server.url)
            reader = FreshdeskReader("demo", api, _names())
            list(reader.changed(None))
            assert server.requests
        assert other.requests == []


# --- the environment --------------------------------------------------------------------------------------------------
def test_a_netrc_file_does_not_replace_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """requests reads ~/.netrc by itself; what we send is the account's key, to any host."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine desk.example login evil password evil\ndefault login evil password evil\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    sent: list[requests.PreparedRequest] = []

    def send(_self: Any, request: requests.PreparedRequest, **_more: Any) -> requests.Response:
        sent.append(request)
        raise requests.ConnectionError

    monkeypatch.setattr(DeadlineAdapter, "send", send)
    with pytest.raises(Unavailable):
        client("https://desk.example").get("/x")
    assert {one.headers["Authorization"] for one in sent} == {f"Basic {BASIC.decode()}"}
    assert {one.url for one in sent} == {"https://desk.example/api/v2/x"}


def test_a_proxy_of_the_environment_sees_a_tunnel_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY is obeyed, as networks need it, by CONNECT: what goes through is the helpdesk's TLS alone."""
    with RawServer(raw(b"HTTP/1.1 200 Connection established\r\n\r\n")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://user:pass@"))
        for name in ("NO_PROXY", "no_proxy", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(Unavailable):
            client("https://desk.example").get("/tickets/7", {"email": "ana@example.com"})
        seen = b"".join(proxy.requests)
    assert seen.startswith(b"CONNECT desk.example:443 ")
    for secret in (KEY.encode(), BASIC, b"tickets", b"ana@example.com"):
        assert secret not in seen


def test_a_proxy_that_answers_in_the_helpdesks_place_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the helpdesk's certificate nothing is sent through the tunnel."""
    with RawServer(raw(b"HTTP/1.1 200 ok\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(Unavailable):
            client("https://desk.example").get("/x")
        assert BASIC not in b"".join(proxy.requests)


@pytest.mark.parametrize(
    "url",
    [
        f"https://{KEY}:X@desk.example", f"https://{KEY}@desk.example", "https://desk.example/?key=1",
        "http://desk.example", "http://127.0.0.1.evil.example", "http://localhost@evil.example", "file:///etc/passwd",
        "https://", "https://desk.example#x", "http://[::ffff:8.8.8.8]/",
    ],
)  # fmt: skip
def test_an_address_with_a_key_in_it_or_without_protection_is_refused_unshown(url: str) -> None:
    """User names and queries in addresses end up in logs and histories; plain http goes to loopback only."""
    with pytest.raises(ConfigurationError) as refused:
        client(url)
    assert KEY not in str(refused.value)


def _get(api: HttpClient) -> object:
    return api.get("/x")


def test_no_cookie_of_the_helpdesk_is_kept() -> None:
    """A session cookie would let a request act as someone else than the key's owner."""
    call: Callable[[HttpClient], object] = _get
    with RawServer(answer(Set_Cookie="session=evil; Path=/"), answer()) as server:
        api = client(server.url)
        call(api)
        call(api)
        assert b"evil" not in server.requests[1]


def test_a_handshake_that_drips_in_cannot_hold_a_call_beyond_its_deadline() -> None:
    """Each byte of a TLS greeting would start the socket's own timeout anew."""
    stop = threading.Event()

    def drip(listener: socket.socket) -> None:
        line, _ = listener.accept()
        with line, contextlib.suppress(OSError):
            for sent in (b"\x16\x03\x03\x40\x00", *[b"\x00"] * 100):
                line.sendall(sent)
                if stop.wait(0.1):
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        began = time.monotonic()
        with pytest.raises(Unavailable, match="not whole within"):
            client(f"https://127.0.0.1:{listener.getsockname()[1]}", deadline=0.6, attempts=1).get("/x")
        took = time.monotonic() - began
        stop.set()
        thread.join(5)
    assert took < 4
