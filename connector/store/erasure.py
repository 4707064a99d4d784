"""Erasing one customer, and pruning what is old: what goes, and what the daemon's safety needs and therefore stays.

What stays of an erased ticket: its number, status, clocks and staff; idempotency keys and outcomes of what was done on
it; counts. What goes: every text, name, address, number, custom field, reason and value. Everything inside one
transaction; `Store.scrub` afterwards takes the old bytes out of the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from connector.core.model import EMPTY, Action, Memory, Ticket
from connector.store import eraselines as lines
from connector.store.auditsql import AuditRows
from connector.store.base import Erasure
from connector.store.chain import ERASURE, PRUNED
from connector.store.codec import (
    dump_action,
    dump_memory,
    dump_ticket,
    dump_value,
    instant_text,
    load_action,
    load_memory,
    load_ticket,
    load_value,
)

#: What stands where a customer's word stood.
MASK = "[erased]"
_TEXTS = (
    "subject", "body", "customer", "requester", "requester_email", "requester_phone", "contract",
)  # fmt: skip
#: Fields of a ticket whose values name no customer: they may stay where they were written down.
_STAFF_FIELDS = frozenset({"status", "priority", "group", "agent", "type", "tags", "channel", "escalation_type"})
_RAW = frozenset({"status", "priority", "channel", "type", "group", "agent"})
_DETAILS = frozenset(
    {"through", "back", "cap", "count", "with", "private", "notice", "closes", "level", "situation", "tab"}
)
_OBSERVED = frozenset({
    "attempt", "server_at", "updated_at", "already", "registered", "recovered", "delivered", "through", "created",
    # statuses, stamps and counts by which the recovery finds back what is still open
    "at", "acknowledged", "before", "mid", "clock", "server_at_back", "server_at_reopen", "back_undone", "looks",
})  # fmt: skip
_RECORD = frozenset({"situation", "kind", "level", "from", "to", "when", "promise", "urgent", "rule"})
_CAUSE = frozenset({"cause", "at", "team", "by"})
_PAGE = 500


class ErasureRows(AuditRows):
    """`tickets_of`, `erase` and the `prune_…` of `Store`."""

    def tickets_of(self, account: str, key: str) -> list[str]:
        """See `Store.tickets_of`."""
        column = lines.KEY_COLUMNS.get(key.partition(":")[0])
        if column is None:
            msg = f"{key!r} is no key of a customer: write {', '.join(f'{kind}:…' for kind in lines.KEY_COLUMNS)}"
            raise ValueError(msg)
        return [row[0] for row in self._read(lines.TICKETS_OF.format(column=column), (account, key))]

    def erase(
        self, account: str, tickets: Collection[str], words: Collection[str], at: datetime, *, by: str, reason: str
    ) -> Erasure:
        """See `Store.erase`."""
        self._check_inside()
        chosen = sorted(set(tickets))
        marks = _Words(words)
        found = {
            "tickets": self._erase_tickets(account, chosen),
            "intents": self._erase_intents(account, chosen),
            "escalations": self._erase_escalations(account, chosen),
            "plans": self._erase_plans(account, frozenset(chosen), marks, at),
            "masked": self._mask(account, marks),
        }
        seqs = self._events_of(account, chosen, marks)
        body = {"by": by, "reason": reason, "erased": dict(found)}
        event, events = self.redact_audit(account, at, seqs, body)
        return Erasure(event.seq, tuple(chosen), {**found, "events": events})

    # --- by ticket -----------------------------------------------------------------------------------------------
    def _erase_tickets(self, account: str, chosen: Iterable[str]) -> int:
        count = 0
        for number in chosen:
            for ticket, memory in self._read(lines.TICKET, (account, number)):
                what = f"ticket {number} of {account}"
                held, kept = bare_ticket(load_ticket(ticket, what)), bare_memory(load_memory(memory, what))
                count += self._write(lines.SET_TICKET, (dump_ticket(held), dump_memory(kept), account, number))
        return count

    def _erase_intents(self, account: str, chosen: Iterable[str]) -> int:
        count = 0
        for number in chosen:
            for id_, action, observed in self._read(lines.INTENTS, (account, number)):
                what = f"intent {id_} of {account}"
                seen = load_value(observed, what)
                kept = {name: value for name, value in seen.items() if name in _OBSERVED}
                bare = dump_action(bare_action(load_action(action, what)))
                count += self._write(lines.SET_INTENT, (bare, dump_value(kept), account, id_))
        return count

    def _erase_escalations(self, account: str, chosen: Iterable[str]) -> int:
        count = 0
        for number in chosen:
            for id_, body, cause in self._read(lines.ESCALATIONS, (account, number)):
                what = f"escalation {id_} of {account}"
                bare = {name: value for name, value in load_value(body, what).items() if name in _RECORD}
                why = {name: value for name, value in load_value(cause, what).items() if name in _CAUSE}
                values = (dump_value(bare), dump_value(why), dump_value(""), account, id_)
                count += self._write(lines.SET_ESCALATION, values)
        return count

    # --- by word -------------------------------------------------------------------------------------------------
    def _erase_plans(self, account: str, chosen: frozenset[str], marks: _Words, at: datetime) -> int:
        """Plans that name one of the tickets, or hold one of the words, lose their bodies; waiting ones expire."""
        count = 0
        for digest, body in self._read(lines.PLANS, (account,)):
            held = load_value(body, f"plan {digest}")
            named = {one.get("ticket") for part in _parts(held) for one in part if isinstance(one, Mapping)}
            if named & chosen or marks.stand_in(body):
                empty = dump_value({"erased": instant_text(at)})
                count += self._write(lines.EMPTY_PLAN, (empty, digest))
        return count

    def _mask(self, account: str, marks: _Words) -> int:
        """The words, wherever else they stand: in other people's tickets, in memories, outcomes and facts."""
        if not marks:
            return 0
        count = 0
        for select, update in lines.MASKED:
            for row in self._read(select, (account,)):
                key, texts = row[0], row[1:]
                if any(marks.stand_in(text) for text in texts):
                    count += self._write(update, (*(marks.masked(text) for text in texts), account, key))
        return count

    def _events_of(self, account: str, chosen: Collection[str], marks: _Words) -> list[int]:
        found: set[int] = set()
        for number in chosen:
            found.update(row[0] for row in self._read(lines.EVENTS_OF_TICKET, (account, number)))
        after = 0
        while marks and (rows := self._read(lines.EVENT_TEXTS, (account, after, _PAGE))):
            # What the chain rests on stays, whatever it says: its reason is written by staff.
            found.update(row[0] for row in rows if row[1] not in (ERASURE, PRUNED) and marks.stand_in(row[2]))
            after = rows[-1][0]
        return sorted(found)

    # --- pruning -------------------------------------------------------------------------------------------------
    def prune_plans(self, account: str, at: datetime, before: datetime) -> int:
        """See `Store.prune_plans`."""
        empty = dump_value({"pruned": instant_text(at)})
        return self._write(lines.PRUNE_PLANS, (empty, account, instant_text(before), _EMPTY_PLAN_LENGTH))

    def prune_intents(self, account: str, before: datetime) -> int:
        """See `Store.prune_intents`."""
        text = instant_text(before)
        return self._write(lines.PRUNE_INTENTS, (account, text, text))

    def prune_tickets(self, account: str, before: datetime) -> int:
        """See `Store.prune_tickets`."""
        return self._write(lines.PRUNE_TICKETS, (account, instant_text(before)))


_EMPTY_PLAN_LENGTH = 60  # characters; no plan with an action is so short, and no emptied one longer


def _parts(body: Any) -> Iterable[Iterable[Any]]:
    return [body.get(name) or () for name in ("actions", "unknown", "rejected")] if isinstance(body, Mapping) else ()


def bare_ticket(ticket: Ticket) -> Ticket:
    """A ticket without its customer. What went is `unknown`, so no rule takes it for empty."""
    gone = [name for name in _TEXTS if getattr(ticket, name) is not None]
    gone += [f"custom.{name}" for name in ticket.custom]
    raw = {name: value for name, value in ticket.raw.items() if name in _RAW}
    nothing: dict[str, Any] = dict.fromkeys(_TEXTS)
    return replace(ticket, **nothing, custom=EMPTY, raw=raw, unknown=ticket.unknown | frozenset(gone))


def bare_memory(memory: Memory) -> Memory:
    """A memory without values a customer may be named in."""
    ours, human = ({n: v for n, v in held.items() if n in _STAFF_FIELDS} for held in (memory.ours, memory.human))
    return replace(memory, ours=ours, human=human)


def bare_action(action: Action) -> Action:
    """An action with what idempotency and evidence need: id, ticket, kind, rule, key, staff's values."""
    changes = {name: pair for name, pair in action.changes.items() if name in _STAFF_FIELDS}
    details = {name: value for name, value in action.details.items() if name in _DETAILS}
    return Action(
        id=action.id, ticket=action.ticket, kind=action.kind, rule=action.rule, key=action.key, changes=changes,
        due=action.due, reaches_customer=action.reaches_customer, details=details,
    )  # fmt: skip


class _Words:
    """Words to find and mask in stored text, however JSON writes them and in whatever case."""

    def __init__(self, words: Collection[str]) -> None:
        plain = {word.strip() for word in words if len(word.strip()) >= _SHORTEST}
        self._plain = sorted(plain, key=lambda one: (-len(one), one))
        self._folded = [json.dumps(word, ensure_ascii=False)[1:-1].casefold() for word in self._plain]

    def __bool__(self) -> bool:
        return bool(self._plain)

    def stand_in(self, text: str | None) -> bool:
        """Whether one of the words stands in a text of the database."""
        folded = "" if text is None else text.casefold()
        return any(word in folded for word in self._folded)

    def masked(self, text: str | None) -> str | None:
        """JSON text with the words masked in every string of it; plain text likewise."""
        if text is None or not self.stand_in(text):
            return text
        try:
            value = json.loads(text)
        except ValueError:
            return self._without(text)
        return json.dumps(_walk(value, self._without), ensure_ascii=False, separators=(",", ":"))

    def _without(self, text: str) -> str:
        for word in self._plain:
            at = text.casefold().find(word.casefold())
            while at >= 0:
                # Folding may change lengths (ß); then the whole text goes rather than a part of the word staying.
                if len(text.casefold()) != len(text):
                    return MASK
                text = text[:at] + MASK + text[at + len(word) :]
                at = text.casefold().find(word.casefold(), at + len(MASK))
        return text


#: Shorter words stand in too much that has nothing to do with the customer.
_SHORTEST = 5


def _walk(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [_walk(item, mask) for item in value]
    if isinstance(value, dict):
        return {mask(name): _walk(item, mask) for name, item in value.items()}
    return value
