"""The figures of the demonstration, once for the table, the JSON and the report: a key, and its value in each life."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.demo.record import Case, Closing, Deed, Demonstration, Held, Life, Mail, tickets

Value = int | str | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: `key` names its words in the catalogue; None where it has no meaning in that life."""

    key: str
    without: Value
    guarded: Value


#: A person, or the helpdesk, was first.
_DRIFTED = ("drifted", "interrupted")
#: Outcomes that have a figure of their own.
_NAMED = (*_DRIFTED, "refused", "expired")


def figures(demo: Demonstration) -> list[Figure]:
    """All figures in the order in which they are told."""
    first, second = _of(demo.without), _of(demo.guarded)
    own = set(first) - _DAEMON_ONLY
    return [Figure(key, first[key] if key in own else None, second[key]) for key in second]


#: What has no meaning where no daemon runs.
_DAEMON_ONLY = frozenset(
    {
        "kept", "toggles", "most_toggles", "cap", "left_completed", "prioritised", "reassigned", "notified",
        "held_plans", "held_actions", "approvals", "drifted", "refused", "expired", "unsettled", "mailed_by_toggle",
        "audit_events", "audit_chain", "cycles", "reads", "writes",
    }
)  # fmt: skip


def _of(life: Life) -> dict[str, Value]:
    drifted = [deed for deed in life.refused if deed.outcome in _DRIFTED]
    values: dict[str, Value] = {
        "lost": len(tickets(life.lost)),
        "closed_rightly": len(tickets(life.closed_rightly)),
        "kept": len(tickets(life.toggles)),
        "toggles": len(life.toggles),
        "most_toggles": life.most_toggles,
        "cap": life.cap,
        "left_completed": len(life.left_completed),
        "prioritised": len(tickets(life.prioritised)),
        "reassigned": len(tickets(life.reassigned)),
        "notified": len(tickets(life.notified)),
        "held_plans": len(life.held),
        "held_actions": sum(held.actions for held in life.held),
        "approvals": sum(1 for held in life.held if held.approved_by),
        "drifted": len(drifted),
        "refused": sum(1 for deed in life.refused if deed.outcome == "refused"),
        "expired": sum(1 for deed in life.refused if deed.outcome == "expired"),
        "unsettled": sum(1 for deed in life.refused if deed.outcome not in _NAMED),
        "mailed_by_toggle": len(life.mailed_by_toggle),
        "mails_customers": len(life.mails_to(customers=True)),
        "mails_staff": len(life.mails_to(customers=False)),
        "audit_events": life.audit_events,
        "audit_chain": "sound" if life.audit_sound else "broken",
        "cycles": life.cycles,
        "reads": life.reads,
        "writes": life.writes,
    }
    return values


def mail_causes(demo: Demonstration) -> list[tuple[str, bool, int, int]]:
    """(cause, to a customer, how many without, how many with), customers first, by cause."""

    def counted(life: Life) -> Counter[tuple[str, bool]]:
        return Counter((mail.cause, mail.to_customer) for mail in life.mails)

    first, second = counted(demo.without), counted(demo.guarded)
    keys = sorted({*first, *second}, key=lambda key: (not key[1], key[0]))
    return [(cause, customer, first[cause, customer], second[cause, customer]) for cause, customer in keys]


@dataclass(frozen=True, slots=True)
class Row:
    """What happened to the tickets of one situation (`situation` None: under no escalation)."""

    situation: str | None
    title: str
    tickets: int
    lost_without: int
    lost_with: int
    kept: int
    toggles: int
    prioritised: int
    reassigned: int
    notified: int


def by_situation(demo: Demonstration) -> list[Row]:
    """One row for each situation of the pack that any ticket is in, by its id."""
    life = demo.guarded
    situation_of = {number: case.situation for number, case in life.cases.items()}

    def among(records: Iterable[Deed | Closing], wanted: str) -> list[int]:
        return [number for number in tickets(records) if situation_of.get(number) == wanted]

    rows = []
    for situation, title in sorted(demo.situations.items()):
        members = [number for number, own in situation_of.items() if own == situation]
        if members:
            rows.append(
                Row(
                    situation,
                    title,
                    len(members),
                    len({one.ticket for one in demo.without.lost if one.situation == situation}),
                    len({one.ticket for one in life.lost if one.situation == situation}),
                    len(among(life.toggles, situation)),
                    sum(1 for deed in life.toggles if situation_of.get(deed.ticket) == situation),
                    len(among(life.prioritised, situation)),
                    len(among(life.reassigned, situation)),
                    len(among(life.notified, situation)),
                )
            )
    return rows


def lost_by_day(demo: Demonstration) -> list[tuple[datetime, int, int]]:
    """(day's beginning, escalated tickets first lost that day without, with), one row for each day lived."""

    def firsts(life: Life) -> Counter[int]:
        seen: dict[int, datetime] = {}
        for one in life.lost:
            seen.setdefault(one.ticket, one.at)
        # A day reaches up to and including its last full hour, as the cycle of that hour belongs to it.
        return Counter((at - life.start - timedelta(seconds=1)) // timedelta(days=1) for at in seen.values())

    without, guarded = firsts(demo.without), firsts(demo.guarded)
    start = demo.without.start
    return [(start + timedelta(days=day), without[day], guarded[day]) for day in range(demo.days)]


# --- JSON -----------------------------------------------------------------------------------------------------------
def as_json(demo: Demonstration) -> dict[str, Any]:
    """Everything for scripts: figures, situations, mails, and each list with rule, place and reasons."""
    life = demo.guarded
    return {
        "pack": demo.pack,
        "days": demo.days,
        "start": demo.without.start.isoformat(),
        "end": demo.without.end.isoformat(),
        "broken": demo.broken(),
        "figures": {one.key: {"without": one.without, "with": one.guarded} for one in figures(demo)},
        "by_situation": [
            {name: getattr(row, name) for name in Row.__slots__ if name != "title"} for row in by_situation(demo)
        ],
        "lost_by_day": [
            {"day": day.isoformat(), "without": first, "with": second} for day, first, second in lost_by_day(demo)
        ],
        "mails": [
            {"cause": cause, "to": "customer" if customer else "staff", "without": first, "with": second}
            for cause, customer, first, second in mail_causes(demo)
        ],
        "auto_closed": {
            "without": [_closing(one, demo.without.cases) for one in demo.without.closings],
            "with": [_closing(one, life.cases) for one in life.closings],
        },
        "actions": [_deed(deed) for deed in life.deeds],
        "held": [_held(held) for held in life.held],
        "mailed_by_toggle": [_mail(mail) for mail in life.mailed_by_toggle],
    }


def _closing(one: Closing, cases: dict[int, Case]) -> dict[str, Any]:
    return {
        "at": one.at.isoformat(),
        "ticket": str(one.ticket),
        "situation": one.situation,
        "subject": cases[one.ticket].subject,
    }


def _deed(deed: Deed) -> dict[str, Any]:
    return {
        "at": deed.at.isoformat(),
        "ticket": str(deed.ticket),
        "kind": deed.kind,
        "outcome": deed.outcome,
        "rule": {"name": deed.rule, "file": deed.file, "line": deed.line},
        "changes": {name: [old, new] for name, old, new in deed.changes},
        "to": list(deed.to),
        "reasons": [{"code": code, "text": text} for code, text in deed.reasons],
        "why": deed.why or None,
    }


def _held(held: Held) -> dict[str, Any]:
    return {
        "at": held.at.isoformat(),
        "plan": held.digest,
        "actions": held.actions,
        "tickets": [str(number) for number in held.tickets],
        "limits": list(held.limits),
        "reasons": list(held.reasons),
        "approved_by": held.approved_by,
    }


def _mail(mail: Mail) -> dict[str, Any]:
    return {"at": mail.at.isoformat(), "ticket": str(mail.ticket), "to": mail.to, "cause": mail.cause}
