"""One ticket's explanation: every rule's answer with its clocks, for people in their own time zone, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.conditions_ages import in_hours, in_words
from connector.core.model import Call, Evaluation, Reason
from connector.core.policy import Policy
from connector.localtimes import localised

#: Values of a clock that are told in lines of their own.
_CLOCK = (
    "calendar", "calendar_name", "counted", "counted_seconds", "counted_more", "counted_earlier", "ahead",
    "ahead_seconds", "ahead_more", "pauses", "business_seconds",
)  # fmt: skip
_APART = frozenset((*_CLOCK, "levels", "clocks"))


def explanation_lines(evaluation: Evaluation, now: datetime, policy: Policy) -> Iterator[str]:
    """Every rule's answer for one ticket: why it acts, waits, does not, or cannot tell. Times in the pack's zone."""
    zone, ticket = ZoneInfo(policy.timezone), evaluation.ticket
    facts = {name: getattr(ticket, name) for name in ("status", "priority", "channel", "group")}
    yield f"ticket {ticket.id} ({ticket.place}) as of {_at(now, zone)}"
    yield f"  policy {policy.name} {policy.digest[:12]}, times of {policy.timezone}"
    nothing = {name: "unknown" if name in ticket.unknown else "(none)" for name in facts}
    yield "  " + ", ".join(f"{name} {value or nothing[name]}" for name, value in facts.items())
    if evaluation.situation:
        since = f" since {_at(evaluation.situation_since, zone)}" if evaluation.situation_since else ""
        yield f"  situation {evaluation.situation}{since}, recognised by {evaluation.situation_by}"
    if ticket.unknown:
        yield f"  not told by the source: {', '.join(sorted(ticket.unknown))}"
    for decision in evaluation.decisions:
        yield ""
        rule = decision.rule
        yield f"{decision.call.value.upper():<8}{rule.kind} '{rule.name}'  {rule.file}:{rule.line}"
        for reason in decision.reasons:
            yield from _reason_lines(reason, zone)
        for want in decision.wants:
            due = f" due {_at(want.due, zone)}" if want.due is not None else ""
            yield f"    wants {want.kind} {dict(want.changes) or ''} {' '.join(want.to)}".rstrip() + due
        if decision.call is Call.ACT:
            yield "    next look at once, until it is carried out"
        elif decision.wake_at is not None:
            yield f"    next look {_at(decision.wake_at, zone)}"
    yield ""
    wake = _at(evaluation.wake_at, zone) if evaluation.wake_at else "none"
    yield f"next instant at which time alone can change anything: {wake}"


def _reason_lines(reason: Reason, zone: ZoneInfo) -> Iterator[str]:
    values = reason.values
    plain = {name: _plain(value) for name, value in values.items() if name not in _APART}
    shown = "  {" + ", ".join(f"{name}={value}" for name, value in plain.items()) + "}" if plain else ""
    yield "    - " + localised(f"{reason.code}: {reason.text}{shown}", zone)
    yield from _clock_lines(values, zone)
    for level in values.get("levels", ()):
        yield f"        level {level['level']} after {level['after']}: {localised(level['due'], zone)}"
    for name, clock in values.get("clocks", {}).items():
        due = localised(clock["due"], zone) if clock["due"] else "unknown"
        yield f"        {name} {clock['ticket']} is due {due}, by {clock['by']}"
        yield from _clock_lines(clock, zone)


def _clock_lines(values: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    """The calendar a clock runs by, each stretch counted, the pauses left out, and what is still to be counted."""
    if values.get("calendar"):
        name = values.get("calendar_name")
        yield f"        calendar {f'{name} ' if name else ''}{str(values['calendar'])[:12]}"
    if "counted" in values:
        seconds = values.get("counted_seconds", values.get("business_seconds"))
        total = "" if seconds is None else f" {_amount(seconds, values)}"
        shown = _stretches(values["counted"], zone) or "nothing yet"
        yield f"        counted{total}: {shown}{_more(values, 'counted')}"
    if values.get("pauses"):
        yield f"        not counted, paused: {_stretches(values['pauses'], zone)}"
    if values.get("ahead"):
        total = _amount(values["ahead_seconds"], values)
        yield f"        still to count {total}: {_stretches(values['ahead'], zone)}{_more(values, 'ahead')}"


def _amount(seconds: float, values: Mapping[str, Any]) -> str:
    """Business time in hours: a day of it is no 24 hours. Elapsed time in days."""
    if not values.get("calendar_name"):
        return in_words(seconds)
    return in_hours(seconds)


def _more(values: Mapping[str, Any], name: str) -> str:
    later, earlier = values.get(f"{name}_more"), values.get(f"{name}_earlier")
    return f" and {later} more" if later else f" and {earlier} before" if earlier else ""


def _stretches(found: Sequence[Sequence[str]], zone: ZoneInfo) -> str:
    """`2026-09-11 17:30 to 18:00, 2026-09-14 09:00 to 18:00`: the day is said once where both ends share it."""
    told = []
    for begin, end in found:
        since, until = (datetime.fromisoformat(each).astimezone(zone) for each in (begin, end))
        same = since.date() == until.date()
        told.append(f"{_short(since)} to {_clock_time(until) if same else _short(until)}")
    return ", ".join(told)


def _short(at: datetime) -> str:
    return f"{at:%a %Y-%m-%d} {_clock_time(at)}"


def _clock_time(at: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def evaluation_json(evaluation: Evaluation, now: datetime, policy: Policy) -> dict[str, Any]:
    """The same, JSON-ready; times ISO 8601 with offset."""
    ticket = evaluation.ticket
    return {
        "ticket": ticket.id,
        "place": ticket.place,
        "now": now.isoformat(),
        "pack": policy.name,
        "policy": policy.digest,
        "timezone": policy.timezone,
        "situation": evaluation.situation,
        "situation_since": _iso(evaluation.situation_since),
        "situation_by": evaluation.situation_by,
        "unknown": sorted(ticket.unknown),
        "wake_at": _iso(evaluation.wake_at),
        "rules": [
            {
                "rule": {"kind": d.rule.kind, "name": d.rule.name, "file": d.rule.file, "line": d.rule.line},
                "call": d.call.value,
                "reasons": [{"code": r.code, "text": r.text, "values": _plain(r.values)} for r in d.reasons],
                "wants": [
                    {
                        "kind": w.kind,
                        "key": w.key,
                        "changes": _plain(w.changes),
                        "to": list(w.to),
                        "text": w.text,
                        "due": _iso(w.due),
                    }
                    for w in d.wants
                ],
                "wake_at": _iso(d.wake_at),
            }
            for d in evaluation.decisions
        ],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "items"):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return value


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _at(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %z")
