"""The emulated helpdesk behind its socket: from method, target, headers and body to answer, log line and faults."""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from connector.emulator import (
    api_account,  # noqa: F401 - registers its routes
    api_conversations,  # noqa: F401
    api_people,  # noqa: F401
    api_search,  # noqa: F401
    api_tickets,  # noqa: F401
    control,
    limiter,
    stamps,
)
from connector.emulator.desk import Desk
from connector.emulator.engine import AutoClose, Engine
from connector.emulator.exchange import Answer, Refusal, Request, denied, resolve
from connector.emulator.faults import AFTER, BEFORE, Fault, Faults
from connector.emulator.limiter import PLANS, Limiter
from connector.emulator.multipart import read_multipart
from connector.emulator.shapes import Json
from connector.emulator.world import Performer, World

_API = "/api/v2"
_CONTROL = "/_emulator"
_LOGIN_NEEDED = {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."}
_HTML = "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center><hr>nginx</body></html>"
_SHIFTS = {"duplicate_rows": -1, "skip_rows": 1}
_TOO_MANY = {"message": "You have exceeded the limit of requests per minute"}


@dataclass(slots=True)
class Reply:
    """What the socket sends: status, headers, bytes, and the faults that act on the way out."""

    status: int
    headers: dict[str, str]
    payload: bytes = b""
    faults: list[Fault] = field(default_factory=list)
    reset: bool = False


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One request as it came in; header names in Title-Case, `short` is the path below /api/v2."""

    method: str
    target: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    origin: str

    @property
    def short(self) -> str:
        return self.path.removeprefix(_API)

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)


class Helpdesk:
    """A world with its automations, limits and faults, answering requests. Safe for many threads."""

    def __init__(self, world: World, *, plan: str = "unlimited", autoclose: list[AutoClose] | None = None) -> None:
        self.world = world
        self.plan_name = plan
        self.desk = Desk(world)
        self.engine = Engine(world, self.desk, autoclose)
        self.limiter = Limiter(PLANS[plan])
        self.faults = Faults()
        self._answered = 0
        self._bad_logins = 0

    def set_faults(self, spec: Any) -> None:
        """Put a fault spec in force, with the account switches it names."""
        with self.world.lock:
            trial = Faults()
            trial.replace(spec)
            for fault in trial.armed:
                if fault.name == "human_edit":
                    control.check_edit(self, fault.params["set"])
            self.faults.replace(spec)
            standing = self.faults.standing
            self.limiter.noise = int(standing.get("noise", 0))
            self._answered = self._bad_logins = 0
            usual = {"stale_due_by": False, "search_lag": 180, "same_value_put": "ignored"}
            usual |= {name: self.world.account.settings[name] for name in usual if name in self.world.account.settings}
            asked = {"stale_due_by" if name == "stale" else name: value for name, value in standing.items()}
            self.world.switches.apply({name: asked.get(name, value) for name, value in usual.items()})

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes, *, origin: str) -> Reply:
        """Answer one request; header names in Title-Case; `origin` is the address the client sees, such as http://127.0.0.1:8080."""
        path = unquote(urlsplit(target).path)
        if path == _CONTROL or path.startswith(f"{_CONTROL}/"):
            return self._control(method, path.removeprefix(_CONTROL), target, body)
        arrival = _Arrival(method, target, path, headers, body, origin)
        with self.world.lock:
            before = self.faults.strike(BEFORE, method, arrival.short)
        for fault in before:
            if fault.name == "delay":
                time.sleep(float(fault.params.get("seconds", 1)))
        with self.world.lock:
            if self.world.clock.kind == "real":
                self.engine.run_until(self.world.clock.now())
            return self._served(arrival, before)

    def _served(self, arrival: _Arrival, before: list[Fault]) -> Reply:
        entry: Json = {
            "instant": self.world.now_text,
            "method": arrival.method,
            "path": arrival.target,
            "status": None,
            "body": _loggable(arrival.body, arrival.headers.get("Content-Type") or ""),
            "fault": ",".join(fault.name for fault in before if fault.name != "delay") or None,
        }
        self.world.log_request(entry)
        if any(fault.name == "reset" for fault in before):
            return Reply(0, {}, reset=True)
        words = [word for word in (arrival.query.get("include") or [""])[-1].split(",") if word]
        credits_wanted = limiter.cost(arrival.method, arrival.short, words)
        kind = limiter.kind_of(arrival.method, arrival.short)
        verdict = self.limiter.charge(credits_wanted, kind, self.world.now)
        reply_headers = self._headers(verdict)
        try:
            for fault in before:
                _answer_fault(fault)
            answer = self._routed(arrival, entry, before) if verdict.allowed else _too_many(verdict.retry_after)
        except Refusal as refusal:
            answer = Answer(refusal.body, refusal.status, refusal.headers)
        entry["status"] = answer.status
        self._answered += 1
        reply = _as_reply(answer, reply_headers)
        reply.faults = self._after(arrival.method, arrival.short, answer)
        names = [fault.name for fault in reply.faults]
        entry["fault"] = ",".join([*(n for n in [entry["fault"]] if n), *names]) or None
        return reply

    def _headers(self, verdict: limiter.Verdict) -> dict[str, str]:
        headers = {
            "Date": stamps.http_date(self.world.now + int(self.faults.standing.get("skew", 0))),
            "X-Freshdesk-Api-Version": "latest=v2; requested=v2",
            "X-Request-Id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(self.world.requests_seen))),
            "Cache-Control": "must-revalidate, no-cache, no-store, private, max-age=0",
        }
        form = self.faults.standing.get("headers", "integer")
        if form != "absent":
            suffix = ".0" if form == "decimal" else ""
            headers["X-RateLimit-Total"] = f"{verdict.total}{suffix}"
            headers["X-RateLimit-Remaining"] = f"{verdict.remaining}{suffix}"
            headers["X-RateLimit-Used-CurrentRequest"] = f"{verdict.used}{suffix}"
        return headers

    def _routed(self, arrival: _Arrival, entry: Json, before: list[Fault]) -> Answer:
        agent_id = self._agent(arrival.headers.get("Authorization") or "")
        entry["agent"] = agent_id
        if not arrival.path.startswith(f"{_API}/"):
            raise Refusal(404)
        accept = arrival.headers.get("Accept") or "*/*"
        if not any(kind in accept for kind in ("json", "*/*", "application/*")):
            raise Refusal(406)
        short = arrival.short if arrival.short == "/" else arrival.short.rstrip("/")
        function, args = resolve(arrival.method, short)
        request = Request(self, arrival.method, short, arrival.query, None, agent_id, arrival.origin, args)
        request.shift = sum(_SHIFTS.get(fault.name, 0) for fault in before)
        if arrival.method in {"POST", "PUT"} and arrival.body:
            self._read_body(request, arrival.headers.get("Content-Type") or "", arrival.body)
        return function(request)

    def _read_body(self, request: Request, content_type: str, body: bytes) -> None:
        kind = content_type.partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            request.body, files = read_multipart(content_type, body)
            request.files = [self._attachment(given) for given in files]
            return
        if kind != "application/json":
            raise Refusal(415, {"message": f"Content-Type header is set to {kind}. It should be application/json"})
        try:
            request.body = json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise Refusal(400, {"code": "invalid_json", "message": "Request body has invalid json format"}) from exc

    def _attachment(self, given: Json) -> Json:
        number, now = self.world.new_part_id(), self.world.now_text
        url = f"https://attachments.example/{number}/{given['name']}"
        return {"id": number, **given, "attachment_url": url, "created_at": now, "updated_at": now}

    def _agent(self, authorization: str) -> int:
        """The agent behind the key; every refusal says no more than the live service does."""
        scheme, _, coded = authorization.partition(" ")
        key = ""
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(coded, validate=True).decode("utf-8", "replace").partition(":")[0]
            except (binascii.Error, ValueError):
                key = ""
        standing = self.faults.standing
        lockout = standing.get("lockout_after")
        if lockout is not None and self._bad_logins >= lockout:
            raise Refusal(403, {"code": "password_lockout", "message": "Your account has been locked out."})
        agent_id = self.world.account.keys.get(key)
        revoked = standing.get("revoke_key_after")
        if agent_id is None or (revoked is not None and self._answered >= revoked):
            self._bad_logins += 1
            raise Refusal(401, dict(_LOGIN_NEEDED))
        self._bad_logins = 0
        if self.world.account.agents[agent_id].get("deactivated"):
            raise denied()
        return agent_id

    def _after(self, method: str, path: str, answer: Answer) -> list[Fault]:
        """Faults once the effect is there: a human who edits at once, and what befalls the answer on its way."""
        outgoing = []
        for fault in self.faults.strike(AFTER, method, path):
            if fault.name == "human_edit":
                number = int(path.rpartition("/")[2])
                if answer.status == 200 and number in self.world.tickets:
                    self._human_edit(number, fault.params)
            else:
                outgoing.append(fault)
        return outgoing

    def _human_edit(self, number: int, params: Json) -> None:
        event = {name: params[name] for name in ("set", "note", "reply") if params.get(name)}
        control.apply_event(self, {"ticket": number, "by": params.get("by", "agent"), **event})

    def _control(self, method: str, path: str, target: str, body: bytes) -> Reply:
        status, shown = control.serve(self, method, path, parse_qs(urlsplit(target).query), body)
        headers = {"Date": stamps.http_date(self.world.now)}
        return _as_reply(Answer(shown, status), headers)

    def other_agent(self, but: int | None = None) -> int:
        """An agent other than the one behind a key, for edits by humans; the same one where there is no other."""
        agents = list(self.world.account.agents)
        keyed = set(self.world.account.keys.values())
        main = next(iter(self.world.account.admins))
        free = [n for n in agents if n not in keyed] + [n for n in agents if n != main]
        return next((n for n in free if n != but), agents[0])

    def performer(self, kind: str, ticket_requester: int | None, agent: int | None = None) -> Performer:
        """Who an event is by."""
        if kind == "customer":
            return Performer("customer", ticket_requester)
        if kind == "automation":
            return Performer("automation", rule="event")
        return Performer("agent", agent if agent is not None else self.other_agent())


def _answer_fault(fault: Fault) -> None:
    """Refuse the request as a status fault says: JSON, or an HTML page such as gateways send."""
    name = fault.name
    if name in {"delay", "reset", *_SHIFTS}:
        return
    as_html = name.startswith("html") or "html" in fault.params
    status = int(name.removeprefix("html"))
    headers = {}
    wait = fault.params.get("retry_after")
    if wait is not None and str(wait) != "none":
        headers["Retry-After"] = str(wait)
    elif status == 429 and wait is None:
        headers["Retry-After"] = "1"
    if as_html:
        raise Refusal(status, {"html": _HTML.format(status=status)}, {**headers, "Content-Type": "text/html"})
    if status == 429:
        raise Refusal(status, dict(_TOO_MANY), headers)
    code = str(fault.params.get("code", "internal_error"))
    text = str(fault.params.get("message", "We're sorry, but something went wrong."))
    raise Refusal(status, {"code": code, "message": text}, headers)


def _too_many(wait: int) -> Answer:
    return Answer(dict(_TOO_MANY), 429, {"Retry-After": str(wait)})


def _as_reply(answer: Answer, headers: dict[str, str]) -> Reply:
    headers = {**headers, **answer.headers}
    if answer.status == 204 or (answer.body is None and answer.status >= 400):
        return Reply(answer.status, headers)
    if headers.get("Content-Type") == "text/html":
        return Reply(answer.status, headers, str(answer.body["html"]).encode())
    headers["Content-Type"] = "application/json; charset=utf-8"
    return Reply(answer.status, headers, json.dumps(answer.body, separators=(",", ":")).encode())


def _loggable(body: bytes, content_type: str) -> Any:
    if not body:
        return None
    if content_type.startswith("multipart/"):
        return f"<multipart, {len(body)} bytes>"
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
