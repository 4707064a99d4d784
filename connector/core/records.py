"""What the register keeps of one escalation, from the day it went up to its outcome, as values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.core.model import EMPTY, Action, Memory

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Escalation:
    """One escalation as the register keeps it. All instants are UTC.

    `id`: the idempotency key of the `register` action, unique in an account. `tab`: the tab of the workbook; None where
    the rule names none (a level of a matrix). `opened_at`: when it was escalated. `body`: JSON-ready, as the action's
    `details` told it (situation, customer, phone, email, product, description, kind, level, from, to, when, why,
    promise, urgent), and the rule under `rule`.

    `cause`: empty, or `{"cause": word, "evidence": {...}, "at": iso, "team": str | None, "by": "suggested" | "set"}`.
    `outcome`: empty while it is open, else `{"state": "completed" | "closed" | "gone", "at": iso,
    "in_promise": bool | None, "days": float}`. `satisfaction`: empty, or `{"word": "happy" | "neutral" | "unhappy",
    "score": int, "at": iso}`. `follow_ups`: dated evidence, each `{"at": iso, "what": "follow-up 2"}`. `comments`: what
    supervisors wrote in the register's comments column.
    """

    id: str
    ticket: str
    tab: str | None
    opened_at: datetime
    body: Mapping[str, Any] = field(default=EMPTY)
    cause: Mapping[str, Any] = field(default=EMPTY)
    outcome: Mapping[str, Any] = field(default=EMPTY)
    satisfaction: Mapping[str, Any] = field(default=EMPTY)
    follow_ups: tuple[Mapping[str, Any], ...] = ()
    comments: str = ""

    @property
    def is_open(self) -> bool:
        """True until its outcome is known."""
        return not self.outcome


# --- what a ticket's memory holds of its records ----------------------------------------------------------------------
#: In `Memory.extra`: id of each record of the ticket -> {"at", "agent", "group", "cause", "set", "ended"}: when and
#: from whom it went up, the cause recorded, how many times a person's own word was taken over, since when it is ended.
REGISTERED = "registered"
#: In a `register` action's details: this is no new escalation but the cause of those named under `of`.
CAUSE = "cause"


def registered(memory: Memory) -> Mapping[str, Mapping[str, Any]]:
    """The ticket's records that are open, by id, in the order in which they were opened."""
    kept: Mapping[str, Mapping[str, Any]] = memory.extra.get(REGISTERED) or EMPTY
    return {id_: entry for id_, entry in kept.items() if not entry.get("ended")}


def with_action(memory: Memory, action: Action, at: datetime) -> Memory:
    """The memory after a `register` action was done at `at`: one record more, or the cause of those it speaks of.

    Records of an earlier episode that have ended are let go when a new one begins: they can't be opened again.
    """
    kept: Mapping[str, Mapping[str, Any]] = memory.extra.get(REGISTERED) or EMPTY
    told = action.details.get(CAUSE)
    if told is None:
        origin = action.details.get("from") or EMPTY
        opened = {
            "at": opened_at(action, at).isoformat(),
            "agent": origin.get("agent"),
            "group": origin.get("group"),
            "cause": None,
            "set": 0,
            "ended": None,
        }
        entries = {**{id_: entry for id_, entry in kept.items() if not entry.get("ended")}, action.key: opened}
    else:
        by_person = told.get("by") == "set"
        entries = {
            id_: {**entry, "cause": told["cause"], "set": entry.get("set", 0) + by_person}
            if id_ in action.details.get("of", ())
            else entry
            for id_, entry in kept.items()
        }
    return replace(memory, extra={**memory.extra, REGISTERED: entries})


def with_end(memory: Memory, ids: Collection[str], at: datetime | None) -> Memory:
    """The memory after these records ended at `at`, or (None) were opened again."""
    kept: Mapping[str, Mapping[str, Any]] = memory.extra.get(REGISTERED) or EMPTY
    ended = None if at is None else at.isoformat()
    entries = {id_: {**entry, "ended": ended} if id_ in ids else entry for id_, entry in kept.items()}
    return replace(memory, extra={**memory.extra, REGISTERED: entries})


# --- a record from its beginning to its end ---------------------------------------------------------------------------
def opened_at(action: Action, at: datetime) -> datetime:
    """When a `register` action's escalation was due, as its details tell it; `at` where they do not."""
    told = action.details.get("when")
    return at if told is None else datetime.fromisoformat(told).astimezone(UTC)


def opened(action: Action, at: datetime) -> Escalation:
    """The record that a `register` action begins."""
    rule = action.rule
    body = {
        **action.details,
        "rule": {"kind": rule.kind, "name": rule.name, "file": rule.file, "line": rule.line},
    }
    return Escalation(action.key, action.ticket, action.details.get("tab"), opened_at(action, at), body)


def caused(record: Escalation, told: Mapping[str, Any], at: datetime) -> Escalation:
    """The record with a cause; what a person set is never replaced by a suggestion."""
    if record.cause.get("by") == "set" and told.get("by") != "set":
        return record
    return replace(record, cause={**told, "at": at.isoformat()})


def followed_up(record: Escalation, what: str, at: datetime) -> Escalation:
    """The record with one more dated piece of evidence; the same one is not entered twice."""
    if any(one.get("what") == what for one in record.follow_ups):
        return record
    return replace(record, follow_ups=(*record.follow_ups, {"at": at.isoformat(), "what": what}))


def ended(record: Escalation, state: str, at: datetime) -> Escalation:
    """The record with its outcome: `state` is `completed`, `closed` or `gone`; `in_promise` where one was given."""
    promise = record.body.get("promise")
    outcome = {
        "state": state,
        "at": at.isoformat(),
        "in_promise": None if promise is None else at <= datetime.fromisoformat(promise),
        "days": round(max(at - record.opened_at, timedelta()) / _DAY, 2),
    }
    return replace(record, outcome=outcome)


def follow_up_of(action: Action) -> str | None:
    """Which follow-up a note is the evidence of; None for any other action."""
    if action.kind != "note":
        return None
    parts = action.details.get("parts")
    if parts is None:  # the note left with a toggle stands under the toggle's own key
        parts = str(action.details.get("with", "")).rpartition(":")[2:]
    number = next((part[1:] for part in parts if part[:1] == "f" and part[1:].isdecimal()), None)
    return None if number is None else f"follow-up {number}"
