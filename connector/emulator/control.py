"""`/_emulator`: move the clock, let people and rules act, read the true state, the log and the outbox, arm faults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from connector.emulator import account as accounts
from connector.emulator import shapes, stamps
from connector.emulator.api_tickets import requester_of
from connector.emulator.exchange import Request
from connector.emulator.shapes import Json, Ticket
from connector.emulator.validation import check_fields, normal
from connector.errors import EscaleraError, UsageError

if TYPE_CHECKING:
    from connector.emulator.helpdesk import Helpdesk

_LONGEST = 20 * 366 * 86400
_EVENT_KEYS = frozenset(
    [
        "ticket",
        "by",
        "set",
        "note",
        "reply",
        "at",
        "spam",
        "delete",
        "restore",
        "merge_into",
        "create",
        "rating",
        "agent",
        "private",
        "notify_emails",
        "comment",
    ]
)
_FIXED = frozenset({"id", "created_at", "updated_at", "spam"})


class _Wrong(Exception):  # noqa: N818 - becomes a 400 with its text
    pass


def serve(helpdesk: Helpdesk, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
    """(status, JSON) of a control request; 400 with {"error": ...} says what was wrong."""
    try:
        given = json.loads(body) if body.strip() else None
    except (ValueError, RecursionError):
        given = body.decode("utf-8", "replace") if path.rstrip("/") == "/faults" else _NO_JSON
    name = path.strip("/").replace("-", "_").replace("/", "_")
    call = _CALLS.get((method, name))
    if call is None:
        known = ", ".join(f"{verb} /_emulator/{word}" for verb, word in _CALLS)
        return 404, {"error": f"no {method} /_emulator/{name} (there are: {known})"}
    if given is _NO_JSON:
        return 400, {"error": "the body is no JSON"}
    try:
        with helpdesk.world.lock:
            if helpdesk.world.clock.kind == "real":
                helpdesk.engine.run_until(helpdesk.world.clock.now())
            return 200, call(helpdesk, given, query)
    except (_Wrong, EscaleraError) as exc:
        return 400, {"error": str(exc)}


_NO_JSON = object()


def _clock(helpdesk: Helpdesk, _given: Any, _query: Json) -> Json:
    return {
        "now": helpdesk.world.now_text,
        "kind": helpdesk.world.clock.kind,
        "next_due": stamps.to_text(helpdesk.engine.next_due()),
    }


def _advance(helpdesk: Helpdesk, given: Any, _query: Json) -> Json:
    seconds = given.get("seconds") if isinstance(given, dict) else given
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= _LONGEST:
        msg = 'advance takes {"seconds": N} with N of 0 or more'
        raise _Wrong(msg)
    ran = helpdesk.engine.advance(int(seconds))
    return {"now": helpdesk.world.now_text, "ran": ran}


def _events(helpdesk: Helpdesk, given: Any, _query: Json) -> Json:
    events = given.get("events") if isinstance(given, dict) and "events" in given else given
    events = events if isinstance(events, list) else [events]
    for event in events:
        _check_event(helpdesk, event)
    return {"now": helpdesk.world.now_text, "events": [apply_event(helpdesk, event) for event in events]}


def _check_event(helpdesk: Helpdesk, event: Any) -> None:
    if not isinstance(event, dict):
        msg = 'an event is an object such as {"ticket": 7, "by": "customer", "reply": "..."}'
        raise _Wrong(msg)
    unknown = sorted(set(event) - _EVENT_KEYS)
    if unknown:
        msg = f"unknown event field(s) {', '.join(unknown)} (known: {', '.join(sorted(_EVENT_KEYS))})"
        raise _Wrong(msg)
    for name in ("ticket", "merge_into", "rating"):
        if event.get(name) is not None and (not isinstance(event[name], int) or isinstance(event[name], bool)):
            msg = f"{name} must be a whole number, not {event[name]!r}"
            raise _Wrong(msg)
    if event.get("notify_emails") is not None and not isinstance(event["notify_emails"], list):
        msg = "notify_emails must be a list of mail addresses"
        raise _Wrong(msg)
    if event.get("by", "agent") not in ("agent", "customer", "automation"):
        msg = f"by must be agent, customer or automation, not {event['by']!r}"
        raise _Wrong(msg)
    if event.get("create") is None and event.get("ticket") not in helpdesk.world.tickets:
        msg = f"there is no ticket {event.get('ticket')!r}"
        raise _Wrong(msg)
    if event.get("merge_into") is not None and event["merge_into"] not in helpdesk.world.tickets:
        msg = f"there is no ticket {event['merge_into']!r} to merge into"
        raise _Wrong(msg)
    for name in ("set", "create"):
        if event.get(name) is not None:
            _fields(helpdesk, event[name])
    if event.get("at") is not None:
        try:
            stamps.to_instant(str(event["at"]))
        except ValueError as exc:
            raise _Wrong(str(exc)) from exc


def _fields(helpdesk: Helpdesk, given: Any) -> Json:
    """The fields of `set` as the ticket holds them: status by code, label or word; custom fields nested or not."""
    account = helpdesk.world.account
    if not isinstance(given, dict):
        msg = "set must be an object of ticket fields"
        raise _Wrong(msg)
    fields: Json = {}
    for name, value in given.items():
        if name.startswith("cf_"):
            fields.setdefault("custom_fields", {})[name] = value
        elif name in _FIXED or (name not in shapes.TICKET_KEYS | shapes.OPTIONAL_TICKET_KEYS and name != "description"):
            msg = f"ticket field {name!r} can't be set"
            raise _Wrong(msg)
        elif name == "custom_fields":
            if not isinstance(value, dict):
                msg = "custom_fields must be an object"
                raise _Wrong(msg)
            fields.setdefault("custom_fields", {}).update(value)
        else:
            fields[name] = value
    if "status" in fields:
        code = account.status_code(str(fields["status"]))
        if code is None:
            msg = f"{fields['status']!r} is no status of this account"
            raise _Wrong(msg)
        fields["status"] = code
    if isinstance(fields.get("priority"), str):
        fields["priority"] = {k.lower(): v for k, v in accounts.PRIORITIES.items()}.get(fields["priority"].lower())
    plain = {name: value for name, value in fields.items() if name != "custom_fields"}
    problems = check_fields(plain, account, frozenset(plain))
    if problems:
        raise _Wrong("; ".join(f"{entry['field']}: {entry['message']}" for entry in problems))
    try:
        return normal(fields)
    except (ValueError, TypeError) as exc:
        raise _Wrong(str(exc)) from exc


def check_edit(helpdesk: Helpdesk, given: Any) -> None:
    """Refuse the fields of a human edit that could not be set; raises UsageError with the reason."""
    try:
        _fields(helpdesk, given)
    except _Wrong as exc:
        msg = f"human_edit: {exc}"
        raise UsageError(msg) from exc


def apply_event(helpdesk: Helpdesk, event: Json) -> Json:
    """Let somebody act now, or at the instant `at`; answers with what the ticket then is."""
    if event.get("at") is not None:
        instant = stamps.to_instant(str(event["at"]))
        if instant > helpdesk.world.now:
            later = {k: v for k, v in event.items() if k != "at"}
            helpdesk.engine.schedule(instant, lambda: _act_later(helpdesk, later))
            return {"ticket": event.get("ticket"), "scheduled": stamps.to_text(instant)}
    ticket = _act(helpdesk, event)
    fields = ticket.fields
    return {"ticket": ticket.number, "status": fields["status"], "updated_at": fields["updated_at"]}


def _act_later(helpdesk: Helpdesk, event: Json) -> None:
    ticket = _act(helpdesk, event)
    helpdesk.engine.record("event", "event", ticket, by=event.get("by", "agent"))


def _agent_id(helpdesk: Helpdesk, given: Any) -> int | None:
    agents = helpdesk.world.account.agents
    if isinstance(given, int):
        return given if given in agents else None
    return next(
        (n for n, a in agents.items() if given and given in {a["contact"]["email"], a["contact"]["name"]}), None
    )


def _act(helpdesk: Helpdesk, event: Json) -> Ticket:
    desk, kind = helpdesk.desk, event.get("by", "agent")
    if event.get("create") is not None:
        return _create(helpdesk, event, kind)
    ticket = helpdesk.world.tickets[event["ticket"]]
    by = helpdesk.performer(kind, ticket.fields["requester_id"], _agent_id(helpdesk, event.get("agent")))
    if event.get("set"):
        desk.change(ticket, _fields(helpdesk, event["set"]), by)
    if event.get("note"):
        if kind == "customer":
            desk.customer_reply(ticket, str(event["note"]), source=2)
        else:
            private = bool(event.get("private", True))
            desk.note(ticket, str(event["note"]), by, private=private, notify_emails=event.get("notify_emails"))
    if event.get("reply"):
        if kind == "customer":
            desk.customer_reply(ticket, str(event["reply"]))
        else:
            desk.reply(ticket, str(event["reply"]), by)
    if event.get("rating") is not None:
        desk.rate(ticket, int(event["rating"]), event.get("comment"))
    if event.get("spam") is not None:
        desk.hide(ticket, spam=bool(event["spam"]))
    if event.get("delete"):
        desk.hide(ticket, deleted=True)
    if event.get("restore"):
        desk.hide(ticket, deleted=False)
    if event.get("merge_into") is not None:
        desk.merge(helpdesk.world.tickets[event["merge_into"]], [ticket], by)
    return ticket


def _create(helpdesk: Helpdesk, event: Json, kind: str) -> Ticket:
    fields = _fields(helpdesk, event["create"])
    description = str(fields.pop("description", "") or event.get("reply") or "")
    number = requester_of(Request(helpdesk, "POST", "/tickets", {}, None, 0, ""), fields)
    fields["requester_id"] = number
    fields.pop("email", None)
    by = helpdesk.performer(kind, number, _agent_id(helpdesk, event.get("agent")))
    return helpdesk.desk.create(fields, description, by)


def _tickets(helpdesk: Helpdesk, _given: Any, query: dict[str, list[str]]) -> list[Json]:
    world = helpdesk.world
    wanted = [int(n) for word in query.get("ids", []) for n in word.split(",") if n.isdecimal()]
    rows = [shapes.whole(world.tickets[n]) for n in wanted if n in world.tickets] if wanted else world.snapshot()
    if "conversations" in ",".join(query.get("include", [])):
        for row in rows:
            row["conversations"] = world.tickets[row["id"]].conversations
    return rows


def _requests(helpdesk: Helpdesk, _given: Any, query: dict[str, list[str]]) -> list[Json]:
    since = query.get("since", ["0"])[-1]
    first = int(since) if since.isdecimal() else 0
    limit = query.get("limit", [""])[-1]
    rows = [entry for entry in helpdesk.world.requests if entry["n"] >= first]
    return rows[: int(limit)] if limit.isdecimal() else rows


def _outbox(helpdesk: Helpdesk, _given: Any, query: dict[str, list[str]]) -> list[Json]:
    since = query.get("since", ["0"])[-1]
    return helpdesk.world.outbox[int(since) if since.isdecimal() else 0 :]


def _runs(helpdesk: Helpdesk, _given: Any, _query: Json) -> list[Json]:
    return helpdesk.world.ran


def _set_faults(helpdesk: Helpdesk, given: Any, _query: Json) -> Json:
    helpdesk.set_faults(given)
    return helpdesk.faults.shown()


def _show_faults(helpdesk: Helpdesk, _given: Any, _query: Json) -> Json:
    return helpdesk.faults.shown()


def _show_settings(helpdesk: Helpdesk, _given: Any, _query: Json) -> Json:
    switches = helpdesk.world.switches
    return {name: getattr(switches, name) for name in switches.__slots__}


def _set_settings(helpdesk: Helpdesk, given: Any, query: Json) -> Json:
    if not isinstance(given, dict):
        msg = "settings must be an object"
        raise _Wrong(msg)
    switches = helpdesk.world.switches
    problems = [f"unknown setting {name!r}" for name in given if name not in switches.__slots__]
    problems += switches.apply(given)
    if problems:
        raise _Wrong("; ".join(problems))
    return _show_settings(helpdesk, None, query)


def _reset(helpdesk: Helpdesk, given: Any, _query: Json) -> Json:
    """Empty the request log, the outbox or both (the default); tickets and clock stay."""
    what = given.get("what") if isinstance(given, dict) else given
    wanted = ["requests", "outbox"] if what is None else what if isinstance(what, list) else [what]
    chosen = {str(word) for word in wanted}
    if chosen & {"requests", "log"}:
        helpdesk.world.requests.clear()
    if "outbox" in chosen:
        helpdesk.world.outbox.clear()
    return {"now": helpdesk.world.now_text}


def _reset_log(helpdesk: Helpdesk, _given: Any, query: Json) -> Json:
    return _reset(helpdesk, "requests", query)


_CALLS: dict[tuple[str, str], Any] = {
    ("GET", "clock"): _clock,
    ("POST", "advance"): _advance,
    ("POST", "events"): _events,
    ("GET", "tickets"): _tickets,
    ("GET", "requests"): _requests,
    ("GET", "outbox"): _outbox,
    ("GET", "runs"): _runs,
    ("POST", "faults"): _set_faults,
    ("GET", "faults"): _show_faults,
    ("GET", "settings"): _show_settings,
    ("POST", "settings"): _set_settings,
    ("POST", "reset"): _reset,
    ("POST", "reset_log"): _reset_log,
    ("DELETE", "requests"): _reset_log,
}
