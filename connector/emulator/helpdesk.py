"""The emulated helpdesk behind its socket: from method, target, headers and body to answer, log line and faults."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
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
from connector.emulator.spoil import bomb, flood, shaped
from connector.emulator.world import Performer, World

_API = "/api/v2"
_CONTROL = "/_emulator"
_LOGIN_NEEDED = {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."}
_HTML = "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center><hr>nginx</body></html>"
_SHIFTS = {"duplicate_rows": -1, "skip_rows": 1}
_RATE_FORMS: dict[str, Callable[[int], str]] = {
    "integer": str,
    "decimal": lambda number: f"{number}.0",
    "negative": lambda number: str(-number - 1),
    "garbage": lambda _number: "plenty",
}
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
        self._shown: dict[str, list[bytes]] = {}

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
            self._shown.clear()
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
        written = self._before_write(arrival, entry["body"])
        try:
            for fault in before:
                _answer_fault(fault, self.world.now + int(self.faults.standing.get("skew", 0)))
            answer = self._routed(arrival, entry, before) if verdict.allowed else _too_many(verdict.retry_after)
        except Refusal as refusal:
            answer = Answer(refusal.body, refusal.status, refusal.headers)
        entry["status"] = answer.status
        self._answered += 1
        reply = _as_reply(answer, reply_headers)
        reply.faults = self._after(arrival, answer, entry["body"], written)
        self._spoil(reply, arrival)
        names = [fault.name for fault in reply.faults]
        entry["fault"] = ",".join([*(n for n in [entry["fault"]] if n), *names]) or None
        return reply

    def _headers(self, verdict: limiter.Verdict) -> dict[str, str]:
        headers = {
            **self._date(),
            "X-Freshdesk-Api-Version": "latest=v2; requested=v2",
            "X-Request-Id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(self.world.requests_seen))),
            "Cache-Control": "must-revalidate, no-cache, no-store, private, max-age=0",
        }
        form = self.faults.standing.get("headers", "integer")
        if form != "absent":
            shown = _RATE_FORMS[form]
            headers["X-RateLimit-Total"] = shown(verdict.total)
            headers["X-RateLimit-Remaining"] = shown(verdict.remaining)
            headers["X-RateLimit-Used-CurrentRequest"] = shown(verdict.used)
        return headers

    def _date(self) -> dict[str, str]:
        standing = self.faults.standing
        if standing.get("date") == "absent":
            return {}
        if standing.get("date") == "garbage":
            return {"Date": "the day after tomorrow"}
        turn = (0, 1, -1)[self.world.requests_seen % 3]
        ahead = int(standing.get("skew", 0)) + turn * int(standing.get("date_jump", 0))
        return {"Date": stamps.http_date(self.world.now + ahead)}

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

    def _before_write(self, arrival: _Arrival, body: Any) -> Json:
        """What the fields a write is about to change hold now, where an `undo` may want them back."""
        number = arrival.short.rpartition("/")[2]
        if arrival.method != "PUT" or not number.isdecimal() or int(number) not in self.world.tickets:
            return {}
        held = self.world.tickets[int(number)].fields
        return {name: held[name] for name in body if name in held} if isinstance(body, dict) else {}

    def _after(self, arrival: _Arrival, answer: Answer, body: Any, written: Json) -> list[Fault]:
        """Faults once the effect is there: somebody who acts at once, and what befalls the answer on its way."""
        outgoing = []
        for fault in self.faults.strike(AFTER, arrival.method, arrival.short, body):
            if fault.name not in ("human_edit", "undo"):
                outgoing.append(fault)
                continue
            number = self._meant(arrival.short, fault)
            if answer.status != 200 or number not in self.world.tickets:
                continue
            if fault.name == "human_edit":
                self._human_edit(number, fault.params)
            elif written:
                later = stamps.to_text(self.world.now + int(float(fault.params.get("seconds", 0))))
                control.apply_event(self, {"ticket": number, "by": "automation", "set": written, "at": later})
        return outgoing

    def _meant(self, path: str, fault: Fault) -> int:
        """The ticket a fault acts on: the request's own; of a list the named one, or the one that rested longest."""
        own = path.rpartition("/")[2]
        if own.isdecimal():
            return int(own)
        wanted = str(fault.params.get("ticket", "*"))
        return int(wanted) if wanted.isdecimal() else self.world.updated[0][1] if self.world.updated else 0

    def _human_edit(self, number: int, params: Json) -> None:
        event: Json = {name: params[name] for name in ("set", "note", "reply") if params.get(name)}
        event |= {name: True for name in ("spam", "delete") if params.get(name)}
        if params.get("merge_into") is not None:
            event["merge_into"] = int(params["merge_into"])
        control.apply_event(self, {"ticket": number, "by": params.get("by", "agent"), **event})
        if params.get("archive"):
            self.desk.archive(self.world.tickets[number])

    def _spoil(self, reply: Reply, arrival: _Arrival) -> None:
        """Put another body in an answer's place, as its faults say."""
        names = {fault.name: fault.params for fault in reply.faults}
        ticket = re.fullmatch(r"/tickets/\d+", arrival.short)
        wanted = "old_answer" if ticket else "repeat_page"
        if arrival.method == "GET" and reply.status == 200 and self.faults.wants(wanted):
            seen = self._shown.setdefault(arrival.short, [])
            if not seen or (ticket and seen[-1] != reply.payload):
                seen[:] = [*seen[-1:], reply.payload]
            if wanted in names:
                reply.payload = seen[0]
        if "shape" in names and reply.payload:
            reply.payload = shaped(reply.payload, str(names["shape"]["as"]))
        if "huge" in names:
            reply.payload = flood(int(names["huge"].get("mb", 40)))
        if "gzip_bomb" in names:
            reply.payload = bomb(int(names["gzip_bomb"].get("mb", 64)))
            reply.headers["Content-Encoding"] = "gzip"

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


def _answer_fault(fault: Fault, now: int) -> None:
    """Refuse the request as a status fault says: JSON, or an HTML page such as gateways send."""
    name = fault.name
    if name in {"delay", "reset", *_SHIFTS}:
        return
    as_html = name.startswith("html") or "html" in fault.params
    status = int(name.removeprefix("html"))
    headers = {}
    wait = fault.params.get("retry_after")
    if wait is not None and str(wait) != "none":
        dated = re.fullmatch(r"date([-+]\d{1,9})", str(wait))
        headers["Retry-After"] = stamps.http_date(now + int(dated[1])) if dated else str(wait)
    elif status == 429 and wait is None:
        headers["Retry-After"] = "1"
    if fault.params.get("location"):
        raise Refusal(status, None, {**headers, "Location": str(fault.params["location"])})
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
    if answer.status == 204 or (answer.body is None and answer.status >= 300):
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
