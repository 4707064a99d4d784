"""The only socket: one helpdesk's HTTP API with timeouts, retries, a shared rate budget, size limits and redaction.

Reads are retried (bounded in number and time); a write is sent once, and repeated only where the first one surely had
no effect: a 429, or no connection at all. A write whose answer is lost is `OutcomeUnknown`. The key goes to the
configured host and nowhere else: redirects are not followed, and after the account refused the key no further
request is sent with it for an hour, so that no lockout is ever provoked; then one asks whether that still holds.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exception, wait_exponential_jitter

from connector import __version__
from connector.coats import coats
from connector.errors import AccountBlocked, ConfigurationError, HelpdeskError, OutcomeUnknown, Unavailable
from connector.http import fields
from connector.http.budget import Budget, Lease
from connector.http.errors import BadAnswer, BadCertificate, NotSent, RateLimited, Redirected, Stopped, error_for
from connector.http.transport import Deadline, DeadlineAdapter

_CHUNK = 64 * 1024
_RATE_HEADERS = ("total", "remaining", "used-currentrequest")
#: No dots in a row, no escapes, no second slash: the address below is the one that is called, whatever an id holds.
_PATH = re.compile(r"(/[A-Za-z0-9_~-]+(\.[A-Za-z0-9_~-]+)*)+", re.ASCII)
_NEVER_LEFT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
_log = structlog.get_logger("connector.http.client")


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Limits of the calls; all times in seconds, `largest_body` in bytes after decompression.

    `deadline` bounds one request from connect to last byte, `patience` a call with all its waits and retries.
    `blocked_for`: after the account refused the key, nothing is sent with it for so long.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    deadline: float = 90.0
    patience: float = 600.0
    attempts: int = 6
    largest_body: int = 32 * 1024 * 1024
    blocked_for: float = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: status, decoded JSON (None where there is no body), headers by lower-case name."""

    status: int
    body: Any
    headers: Mapping[str, str]
    at: datetime | None


@dataclass(frozen=True, slots=True)
class _Call:
    """One call as the caller meant it; its name in messages is method and path, never a query value."""

    method: str
    path: str
    url: str
    params: Mapping[str, str | int] | None
    body: Mapping[str, Any] | None
    kind: str
    cost: float
    optional: bool
    began: float

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def shape(self) -> str:
        """What makes calls of one class cost alike: their includes."""
        return str((self.params or {}).get("include", ""))


@dataclass(frozen=True, slots=True)
class _Raw:
    status: int
    headers: Mapping[str, str]
    content: bytes
    broken: str | None


class HttpClient:
    """Calls one API below one base address with one key. Threads may share it.

    Raises the errors of `connector.errors` only. `sleep` and `monotonic` stand for the clock; `stop` interrupts waits.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        budget: Budget | None = None,
        options: HttpOptions | None = None,
        sleep: Callable[[float], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        stop: threading.Event | None = None,
    ) -> None:
        self._base, self._host, self._loopback = fields.checked_base(url)
        self._auth = (fields.checked_key(key), "X")
        self._coats = coats(self._auth[0]) or self._auth[:1]
        self.budget = budget if budget is not None else Budget(monotonic=monotonic)
        self._options = options or HttpOptions()
        self._sleeping = sleep
        self._monotonic = monotonic
        self._stop = stop or threading.Event()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []
        self._blocked: tuple[str, float] | None = None
        self._server_time: datetime | None = None

    def __repr__(self) -> str:
        return f"HttpClient({self._host})"

    @property
    def server_time(self) -> datetime | None:
        """The `Date` header (UTC) of the last answer."""
        return self._server_time

    def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        kind: str = "view",
        cost: float = 1.0,
        optional: bool = False,
    ) -> Answer:
        """Read. `kind` is the endpoint class and `cost` the credits guessed, for the budget; `optional` as in
        `http_errors.error_for`. Raises Unavailable, Refused, AccountBlocked."""
        url = self._address(path)
        return self._call(_Call("GET", path, url, params, None, kind, cost, optional, self._monotonic()))

    def send(self, method: str, path: str, body: Mapping[str, Any], *, kind: str) -> Answer:
        """Write by PUT or POST. Raises Unavailable (nothing changed), OutcomeUnknown, Refused, AccountBlocked."""
        url = self._address(path)
        return self._call(_Call(method, path, url, None, body, kind, 1.0, optional=False, began=self._monotonic()))

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()
            self._local = threading.local()

    # --- retries ----------------------------------------------------------------------------------------------------
    def _call(self, call: _Call) -> Answer:
        named, growing = wait_exception(_named_wait), wait_exponential_jitter(1, 30)

        def pause(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome is not None else None
            told = isinstance(error, Unavailable) and error.retry_after is not None
            return named(state) if told else growing(state)

        def enough(state: RetryCallState) -> bool:
            spent = self._monotonic() - call.began + state.upcoming_sleep
            return state.attempt_number >= self._options.attempts or spent > self._options.patience

        retrying = Retrying(
            stop=enough,
            wait=pause,
            retry=retry_if_exception(lambda error: _again(error, write=call.writes)),
            sleep=self._wait,
            reraise=True,
        )
        return retrying(self._once, call)

    def _once(self, call: _Call) -> Answer:
        lease = self._admit(call)
        began = self._monotonic()
        raw = self._exchange(call)
        headers = raw.headers
        total, remaining, used = (fields.number(headers.get(f"x-ratelimit-{n}")) for n in _RATE_HEADERS)
        at = fields.date(headers.get("date"))
        self._server_time = at or self._server_time
        ms = round((self._monotonic() - began) * 1000)
        _log.debug("http", method=call.method, path=call.path, status=raw.status, ms=ms, credits=used, left=remaining)
        retry_after = fields.retry_after(headers.get("retry-after"), at)
        if raw.status == 429:
            retry_after = self.budget.limited(lease, retry_after=retry_after, total=total, remaining=remaining)
            _log.info("rate limited", method=call.method, path=call.path, wait=retry_after, left=remaining)
        else:
            self.budget.answered(lease, total=total, remaining=remaining, used=used)
            retry_after = None if retry_after is None else min(retry_after, self.budget.longest_wait)
        return self._judge(call, raw, at, retry_after)

    def _judge(self, call: _Call, raw: _Raw, at: datetime | None, retry_after: float | None) -> Answer:
        if not 200 <= raw.status < 300:
            error = error_for(
                call.name,
                raw.status,
                # Taken out first: what is cut off later must not be cut in the midst of a key that was sent back.
                _decoded_or_none(self._redacted(raw.content.decode("utf-8", "replace")).encode()),
                write=call.writes,
                optional=call.optional,
                retry_after=retry_after,
                location=urlsplit(raw.headers.get("location", "")).hostname,
            )
            self._heard(raw.status, self._redacted(str(error)) if isinstance(error, AccountBlocked) else None)
            raise type(error)(self._redacted(str(error)), **_extras(error))
        self._heard(raw.status, None)
        problem, decoded = raw.broken, None
        if problem is None and raw.content.strip():
            try:
                decoded = json.loads(raw.content)
            except (ValueError, RecursionError):
                problem = f"{len(raw.content)} bytes that are no JSON"
        if problem is not None:
            msg = f"{call.name}: {raw.status}, but the answer was unreadable ({problem})"
            if call.writes:
                raise OutcomeUnknown(msg)
            raise BadAnswer(msg)
        return Answer(raw.status, decoded, raw.headers, at)

    # --- one request ------------------------------------------------------------------------------------------------
    def _admit(self, call: _Call) -> Lease:
        while True:
            self._heed_block()
            given = self.budget.ask(call.kind, cost=call.cost, key=call.shape)
            if isinstance(given, Lease):
                return given
            if self._monotonic() - call.began + given > self._options.patience:
                msg = f"{call.name}: the rate budget gives no turn within {self._options.patience:.0f} s"
                raise Unavailable(msg, retry_after=given)
            self._wait(given)

    def _heed_block(self) -> None:
        """Send nothing with a refused key; when its time is over, let one call find out whether it is good again."""
        with self._lock:
            if self._blocked is None:
                return
            why, at = self._blocked
            if self._monotonic() - at >= self._options.blocked_for:
                self._blocked = why, self._monotonic()  # other threads wait for what this call finds out
                return
        raise AccountBlocked(why)

    def _heard(self, status: int, refusal: str | None) -> None:
        """Learn from an answer whether the key is refused; one of a helpdesk in trouble leaves that open."""
        with self._lock:
            if refusal is not None:
                self._blocked = refusal, self._monotonic()
            elif self._blocked is not None:
                open_yet = status == 429 or status >= 500
                self._blocked = (self._blocked[0], float("-inf")) if open_yet else None

    def _exchange(self, call: _Call) -> _Raw:
        options, body = self._options, call.body
        with Deadline(options.deadline) as end:
            try:
                response = self._session().request(
                    call.method,
                    call.url,
                    params=call.params,
                    data=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
                    headers=None if body is None else {"Content-Type": "application/json"},
                    auth=self._auth,
                    timeout=(options.connect_timeout, options.read_timeout),
                    allow_redirects=False,
                    stream=True,
                )
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                raise _lost(call, error, options.deadline if end.passed else None) from None
            try:
                content, broken = _read(response, options.largest_body)
            finally:
                response.close()
            if end.passed:
                broken = f"not whole after {options.deadline:.0f} s"
        headers = {name.lower(): value for name, value in response.headers.items()}
        return _Raw(response.status_code, headers, content, broken)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.mount("https://", DeadlineAdapter(max_retries=0))
            session.mount("http://", DeadlineAdapter(max_retries=0))
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))  # the key alone says who asks
            session.headers.update({"Accept": "application/json", "User-Agent": f"escalera/{__version__}"})
            # Over plain http to loopback a proxy from the environment would see the key.
            session.trust_env = not self._loopback
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _address(self, path: str) -> str:
        if not _PATH.fullmatch(path):
            msg = f"{path!r} is no path below {self._host}"
            raise ConfigurationError(msg)
        return self._base + path

    def _wait(self, seconds: float) -> None:
        if self._stop.is_set():
            msg = f"{self._host}: stopping, nothing was sent"
            raise Stopped(msg)
        if self._sleeping is not None:
            self._sleeping(seconds)
        elif self._stop.wait(seconds):
            msg = f"{self._host}: stopping, nothing was sent"
            raise Stopped(msg)

    def _redacted(self, text: str) -> str:
        for coat in self._coats:
            text = text.replace(coat, "(key)")
        return text


def _named_wait(error: BaseException) -> float:
    return (error.retry_after or 0.0) if isinstance(error, Unavailable) else 0.0


def _again(error: BaseException, *, write: bool) -> bool:
    """Whether the same call may be repeated at once by the client itself."""
    if isinstance(error, Redirected | Stopped | BadCertificate):
        return False
    return isinstance(error, RateLimited | NotSent if write else Unavailable)


def _lost(call: _Call, error: Exception, late: float | None) -> HelpdeskError:
    """The error for a request without an answer; `late` is the deadline in seconds where that has cut it."""
    cause: Any = error
    for _ in range(8):  # requests wraps urllib3's errors, which wrap one another
        inner = getattr(cause, "reason", None) or next((a for a in cause.args if isinstance(a, Exception)), None)
        if isinstance(cause, _NEVER_LEFT) or not isinstance(inner, Exception):
            break
        cause = inner
    if "CERTIFICATE_VERIFY_FAILED" in str(cause):
        return BadCertificate(f"{call.name}: the helpdesk's certificate can't be verified; nothing was sent")
    if isinstance(cause, _NEVER_LEFT):
        return NotSent(f"{call.name}: no connection ({type(cause).__name__}); nothing was sent")
    reason = type(cause).__name__ if late is None else f"not whole within {late:.0f} s"
    if call.writes:
        return OutcomeUnknown(f"{call.name}: sent, but no answer came ({reason}); it may or may not have happened")
    return Unavailable(f"{call.name}: no answer ({reason})")


def _read(response: requests.Response, largest: int) -> tuple[bytes, str | None]:
    """The decoded body and, where it could not be read whole, why."""
    parts: list[bytes] = []
    size = 0
    try:
        while part := response.raw.read1(_CHUNK, decode_content=True):
            size += len(part)
            if size > largest:
                return b"", f"more than {largest} bytes"
            parts.append(part)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return b"".join(parts), f"cut off after {size} bytes, {type(error).__name__}"
    return b"".join(parts), None


def _decoded_or_none(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None  # an error answer may be HTML or empty; its status says enough


def _extras(error: HelpdeskError) -> dict[str, Any]:
    return {name: getattr(error, name) for name in ("retry_after", "status", "field") if hasattr(error, name)}
