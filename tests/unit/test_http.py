"""The only socket: what it sends where, what it believes, what it repeats, how long it waits, what it never shows."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from connector.errors import AccountBlocked, ConfigurationError, EscaleraError, OutcomeUnknown, Refused, Unavailable
from connector.http.client import HttpClient, HttpOptions
from connector.http.errors import told
from tests.unit.raw_server import Behaviour, RawServer, answer, raw, reset

KEY = "secretKEY0123456789"
JSON = b"Content-Type: application/json\r\n"


class Clock:
    """Virtual time: sleeping moves it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def client(url: str, clock: Clock | None = None, **options: float) -> HttpClient:
    clock = clock or Clock()
    given = {"connect_timeout": 2, "read_timeout": 2, "deadline": 5, **options}
    return HttpClient(url, KEY, options=HttpOptions(**given), sleep=clock.sleep, monotonic=lambda: clock.now)  # type: ignore[arg-type]


def caught(call: Callable[[], object]) -> EscaleraError:
    with pytest.raises(EscaleraError) as error:
        call()
    return error.value


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


# --- the address and the key ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "url",
    [
        "http://example.freshdesk.com",
        "ftp://example.freshdesk.com",
        "example.freshdesk.com",
        "https://key:X@example.freshdesk.com",
        "https://example.freshdesk.com/?a=1",
        "http://127.0.0.1.evil.example",
        "",
    ],
)
def test_an_address_that_would_leak_the_key_is_refused(url: str) -> None:
    """Plain http goes to loopback only, credentials and queries have no place in an address."""
    with pytest.raises(ConfigurationError):
        HttpClient(url, KEY)


@pytest.mark.parametrize("key", ["", "  ", "a b", "a:b", "a\nb", "clé"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    """The message never repeats it."""
    with pytest.raises(ConfigurationError) as error:
        HttpClient("https://example.freshdesk.com", key)
    assert not key.strip() or key not in str(error.value)


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "https://evil.example/", "tickets", "/a/../../b", "/a?b=c", "/a@b"]
)
def test_a_path_cannot_lead_to_another_host(path: str) -> None:
    """Whatever a ticket id may hold."""
    with RawServer(answer()) as server:
        with pytest.raises(ConfigurationError):
            client(server.url).get(path)
        assert server.requests == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_not_repeated(status: int) -> None:
    """The key never travels to where a redirect points."""
    with RawServer(answer()) as other, RawServer(answer(status, Location=other.url + "/api/v2/x?k=1")) as server:
        error = caught(lambda: client(server.url).get("/x"))
        assert isinstance(error, Unavailable)
        assert "k=1" not in str(error)
        assert (len(server.requests), len(other.requests)) == (1, 0)


def test_a_proxy_of_the_environment_never_sees_the_key_of_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http through a proxy would show it."""
    with RawServer(answer(500)) as proxy, RawServer(answer(body=b'{"a": 1}')) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert client(server.url).get("/x").body == {"a": 1}
        assert proxy.requests == []


def test_requests_carry_what_the_api_asks_for() -> None:
    """Basic auth with the key, JSON both ways, the path below /api/v2."""
    with RawServer(answer(body=b'{"ok": true}')) as server:
        api = client(server.url)
        api.get("/tickets", {"page": 2})
        api.send("PUT", "/tickets/1", {"subject": "ñ"}, kind="update")
    first, second = server.requests
    assert first.startswith(b"GET /api/v2/tickets?page=2 HTTP/1.1")
    assert b"Accept: application/json" in first
    assert b"Authorization: Basic " in first
    assert b"Content-Type: application/json" in second
    assert second.endswith('{"subject": "ñ"}'.encode())


# --- what is shown --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "behaviour",
    [
        answer(400, b'{"errors":[{"field":"email","message":"no contact ana@example.com ' + KEY.encode() + b'"}]}'),
        answer(401, b'{"code":"invalid_credentials","message":"' + KEY.encode() + b'"}'),
        answer(500, KEY.encode()),
        reset,
        raw(b"nonsense\r\n\r\n"),
    ],
)
def test_no_message_or_log_shows_key_or_customer(behaviour: Behaviour) -> None:
    """Not even where the server sends them back."""
    with RawServer(behaviour) as server, capture_logs() as logs:
        api = client(server.url, attempts=1)
        error = caught(lambda: api.get("/search", {"query": "ana@example.com"}))
    for text in (str(error), repr(error), repr(error.__cause__), str(logs), repr(api)):
        assert KEY not in text
        assert "ana@example.com" not in text


def test_each_call_is_logged_with_method_path_status_time_and_credits() -> None:
    """And without its query."""
    with RawServer(answer(X_RateLimit_Used_CurrentRequest="3")) as server, capture_logs() as logs:
        client(server.url).get("/tickets", {"email": "ana@example.com"})
    (entry,) = [log for log in logs if log["event"] == "http"]
    assert (entry["method"], entry["path"], entry["status"], entry["credits"]) == ("GET", "/tickets", 200, 3.0)
    assert "ms" in entry


# --- what statuses mean ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "body", "field"),
    [
        (400, b'{"description":"Validation failed","errors":[{"field":"status","message":"no","code":"x"}]}', "status"),
        (403, b'{"code":"access_denied","message":"You are not authorized to perform this action."}', None),
        (404, b"", None),
        (405, b"<html>", None),
        (409, b'"text"', None),
        (422, b"[1]", None),
    ],
)
def test_refusals_of_one_ticket_name_status_and_field(status: int, body: bytes, field: str | None) -> None:
    """Sent once; the client goes on afterwards."""
    with RawServer(answer(status, body), answer(body=b"[]")) as server:
        api = client(server.url)
        error = caught(lambda: api.send("PUT", "/tickets/7", {"status": 99}, kind="update"))
        assert isinstance(error, Refused)
        assert (error.status, error.field) == (status, field)
        assert "PUT /tickets/7" in str(error)
        assert api.get("/tickets").body == []
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "invalid_credentials"),
        (401, ""),
        (403, "account_suspended"),
        (403, "require_feature"),
        (403, "password_lockout"),
        (403, "password_expired"),
    ],
)
def test_after_the_account_refused_the_key_nothing_more_is_sent_with_it(status: int, code: str) -> None:
    """Repeated bad logins would lock the agent out."""
    with RawServer(answer(status, b'{"code":"%s"}' % code.encode()), answer()) as server:
        api = client(server.url)
        for _ in range(5):
            assert isinstance(caught(lambda: api.get("/tickets")), AccountBlocked)
            assert isinstance(caught(lambda: api.send("PUT", "/tickets/1", {}, kind="update")), AccountBlocked)
        assert len(server.requests) == 1


def test_a_refused_key_is_tried_again_after_an_hour_by_one_call() -> None:
    """Restored, it works without a restart; still refused, one call an hour feeds no lockout."""
    refusal = answer(401, b'{"code":"invalid_credentials"}')
    clock = Clock()
    with RawServer(refusal, refusal, answer(503), answer()) as server:
        api = client(server.url, clock, attempts=1)
        assert isinstance(caught(lambda: api.get("/tickets")), AccountBlocked)
        clock.now += 3599
        assert isinstance(caught(lambda: api.get("/tickets")), AccountBlocked)
        assert len(server.requests) == 1
        clock.now += 2
        assert isinstance(caught(lambda: api.get("/tickets")), AccountBlocked)
        assert isinstance(caught(lambda: api.get("/tickets")), AccountBlocked)
        assert len(server.requests) == 2
        clock.now += 3601
        assert isinstance(caught(lambda: api.get("/tickets")), Unavailable)  # tells nothing of the key
        assert api.get("/tickets").body == {}
        assert api.get("/tickets").body == {}
        assert len(server.requests) == 5


def test_a_feature_the_plan_lacks_blocks_an_optional_call_only() -> None:
    """A small plan without a list of groups is no blocked account."""
    with RawServer(answer(403, b'{"code":"require_feature"}'), answer(body=b"[]")) as server:
        api = client(server.url)
        assert isinstance(caught(lambda: api.get("/groups", optional=True)), Refused)
        assert api.get("/tickets").body == []


# --- repeating ------------------------------------------------------------------------------------------------------
_TRUNCATED = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\n[1, 2")


@pytest.mark.parametrize(
    "behaviour",
    [
        answer(500),
        answer(502, b"<html>"),
        answer(503),
        answer(200, b"{not json"),
        answer(200, b"[" * 100_000),
        answer(200, b"\xff\xfe"),
        reset,
        raw(b""),
        _TRUNCATED,
    ],
)
def test_a_read_is_repeated_until_it_succeeds(behaviour: Behaviour) -> None:
    """Server trouble, resets, cut and unreadable answers alike."""
    clock = Clock()
    with RawServer(behaviour, behaviour, answer(body=b'{"ok": 1}')) as server:
        assert client(server.url, clock).get("/x").body == {"ok": 1}
        assert len(server.requests) == 3
    assert len(clock.slept) == 2
    assert 1 <= clock.slept[0] <= 2
    assert clock.slept[1] > clock.slept[0]


def test_a_read_is_not_repeated_for_ever() -> None:
    """Bounded in number; the last trouble is told."""
    with RawServer(answer(503)) as server:
        assert isinstance(caught(lambda: client(server.url, attempts=3).get("/x")), Unavailable)
        assert len(server.requests) == 3


def test_repeating_ends_when_patience_does() -> None:
    """Bounded in time: a wait that would outlast it is not begun."""
    clock = Clock()
    with RawServer(answer(503, Retry_After="100")) as server:
        caught(lambda: client(server.url, clock, patience=150, attempts=50).get("/x"))
        assert len(server.requests) == 2
    assert sum(clock.slept) <= 150


@pytest.mark.parametrize(
    "behaviour", [answer(500), answer(502), answer(504), answer(200, b"{cut"), reset, raw(b""), _TRUNCATED]
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_write_without_a_clear_answer_is_sent_once_and_unknown(behaviour: Behaviour, method: str) -> None:
    """It may have happened: only a re-read can tell."""
    with RawServer(behaviour, answer()) as server:
        error = caught(lambda: client(server.url).send(method, "/tickets/1/notes", {"body": "x"}, kind="other"))
        assert isinstance(error, OutcomeUnknown)
        assert len(server.requests) == 1


def test_a_write_refused_for_the_rate_is_repeated_because_it_did_not_happen() -> None:
    """After the wait the helpdesk named."""
    clock = Clock()
    with RawServer(answer(429, b"slow down", Retry_After="7"), answer()) as server:
        client(server.url, clock).send("PUT", "/tickets/1", {}, kind="update")
        assert len(server.requests) == 2
    assert sum(clock.slept) == pytest.approx(7, abs=0.01)


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_connection_never_made_means_nothing_changed(method: str) -> None:
    """Unavailable also for a write: the request never left."""
    clock = Clock()
    api = client(closed_port(), clock, attempts=3)
    error = caught(lambda: api.get("/x") if method == "GET" else api.send("PUT", "/x", {}, kind="update"))
    assert isinstance(error, Unavailable)
    assert len(clock.slept) == 2


# --- time and size --------------------------------------------------------------------------------------------------
def _slow(where: str, stop: threading.Event) -> Behaviour:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n"
    drops = [head[i : i + 1] for i in range(len(head))] if where == "head" else [head, *[b" "] * 400]
    return raw(*drops, pause=0.1, stop=stop)


@pytest.mark.parametrize("where", ["head", "body"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_bytes_dripping_in_cannot_hold_a_call_beyond_its_deadline(where: str, method: str) -> None:
    """Every single byte is well within the read timeout."""
    stop = threading.Event()
    with RawServer(_slow(where, stop)) as server:
        api = client(server.url, deadline=0.5, attempts=1)
        start = time.monotonic()
        error = caught(lambda: api.get("/x") if method == "GET" else api.send("PUT", "/x", {}, kind="update"))
        stop.set()
    assert time.monotonic() - start < 2
    assert isinstance(error, Unavailable if method == "GET" else OutcomeUnknown)


def test_silence_ends_with_the_read_timeout() -> None:
    """A server that accepts and says nothing."""
    stop = threading.Event()
    with RawServer(raw(b"", pause=5, stop=stop)) as server:
        start = time.monotonic()
        error = caught(lambda: client(server.url, read_timeout=0.3, attempts=1).get("/x"))
        stop.set()
    assert time.monotonic() - start < 2
    assert isinstance(error, Unavailable)


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_too_large_is_given_up(packed: bool) -> None:
    """Counted after decompression, so a bomb does not fill the memory."""
    body = b'"' + b"a" * 3_000_000 + b'"'
    sent = answer(body=gzip.compress(body), Content_Encoding="gzip") if packed else answer(body=body)
    with RawServer(sent) as server:
        error = caught(lambda: client(server.url, largest_body=100_000, attempts=1).get("/x"))
    assert isinstance(error, Unavailable)
    assert "100000 bytes" in str(error)


def test_compressed_answers_are_read_whole() -> None:
    """The limit on size does not harm honest compression."""
    body = b"[" + b"1," * 200_000 + b"1]"
    with RawServer(answer(body=gzip.compress(body), Content_Encoding="gzip")) as server:
        assert len(client(server.url).get("/x").body) == 200_001


def test_a_stop_ends_every_wait_at_once_and_sends_nothing_more() -> None:
    """A graceful stop must not sit out a Retry-After."""
    stop = threading.Event()
    with RawServer(answer(429, Retry_After="100")) as server:
        api = HttpClient(server.url, KEY, stop=stop)
        threading.Timer(0.2, stop.set).start()
        start = time.monotonic()
        assert isinstance(caught(lambda: api.get("/x")), Unavailable)
        assert time.monotonic() - start < 3
        assert len(server.requests) == 1


def test_the_servers_clock_is_its_date_header() -> None:
    """In UTC; an unreadable one changes nothing."""
    with RawServer(answer(Date="Mon, 02 Mar 2026 15:00:00 GMT"), answer(Date="yesterday")) as server:
        api = client(server.url)
        assert api.server_time is None
        api.get("/x")
        assert api.server_time == datetime(2026, 3, 2, 15, tzinfo=UTC)
        api.get("/x")
        assert api.server_time == datetime(2026, 3, 2, 15, tzinfo=UTC)


def test_retry_after_may_be_a_date() -> None:
    """Counted from the answer's own Date, not from our clock."""
    clock = Clock()
    dates = {"Date": "Mon, 02 Mar 2026 15:00:00 GMT", "Retry_After": "Mon, 02 Mar 2026 15:00:09 GMT"}
    with RawServer(answer(429, **dates), answer()) as server:
        client(server.url, clock).get("/x")
    assert sum(clock.slept) == pytest.approx(9, abs=0.01)


def test_an_endless_word_in_an_error_costs_no_time_and_addresses_stay_masked() -> None:
    """A hostile answer of seventy thousand letters is told in an instant; a cut never bares half an address."""
    began = time.process_time()
    assert told({"message": "x" * 70_000}) == (None, "(a text without end)")
    assert time.process_time() - began < 0.5
    _, text = told({"message": ("w " * 100) + "ana@example.com " * 200})
    assert "ana" not in text
    assert len(text) <= 300
