"""The store's contract in plain SQL; `sqlite.py` and `postgres.py` bring the connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.core import kin
from connector.core.model import Memory, Outcome, Ticket
from connector.errors import StoreError
from connector.store import sql
from connector.store.base import Intent, Mirrored, SavedPlan
from connector.store.codec import (
    dump_action,
    dump_memory,
    dump_ticket,
    dump_value,
    instant,
    instant_text,
    load_action,
    load_memory,
    load_ticket,
    load_value,
    maybe_instant,
    maybe_text,
    reading,
    storable,
)
from connector.store.erasure import ErasureRows
from connector.store.problems import DamagedRow
from connector.store.records import EscalationRows
from connector.store.transactions import Row

_KEYS = (*kin.PERSON_KEYS, "contract")  # what `related` finds a customer's tickets by, in the order of the columns
_CHUNK = 500  # ids in one IN (…)
_PAGE = 500  # rows of one page of a streamed read


def _marks(count: int) -> str:
    return ", ".join("?" * count)


class SqlStore(EscalationRows, ErasureRows):
    """Everything but the connections."""

    # --- mirror --------------------------------------------------------------------------------------------------
    def cursor(self, account: str) -> str | None:
        """See `Store.cursor`."""
        rows = self._read(sql.CURSOR, (account,))
        return rows[0][0] if rows else None

    def set_cursor(self, account: str, cursor: str, at: datetime) -> None:
        """See `Store.set_cursor`."""
        self._write(sql.SET_CURSOR, (account, cursor, instant_text(at)))

    def forget_cursor(self, account: str) -> None:
        """See `Store.forget_cursor`."""
        self._write(sql.REMOVE_CURSOR, (account,))

    def mirrored(self, account: str, ticket_ids: Sequence[str]) -> dict[str, Mirrored]:
        """See `Store.mirrored`."""
        found: dict[str, Mirrored] = {}
        ids = list(dict.fromkeys(ticket_ids))
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            rows = self._read(sql.MIRRORED.format(marks=_marks(len(chunk))), (account, *chunk))
            found.update((row[0], self._mirrored(account, row)) for row in rows)
        return found

    def put(self, account: str, rows: Sequence[Mirrored]) -> None:
        """See `Store.put`; of two rows for one ticket the later one holds."""
        self._check_inside()
        if not rows:
            return
        newest = {row.ticket.id: row for row in rows}
        # Always in the same order, so that two machines that write the same tickets can't wait for each other.
        ids = sorted(newest)
        self._write(sql.ADD_OPEN, (account, 0))
        open_before = 0
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            open_before += self._read(sql.OPEN_AMONG.format(marks=_marks(len(chunk))), (account, *chunk))[0][0]
        written = [_ticket_row(account, newest[ticket]) for ticket in ids]
        self._write_many(sql.PUT, written)
        open_now = sum(row.ticket.is_open for row in newest.values())
        if open_now != open_before:
            self._write(sql.ADD_OPEN, (account, open_now - open_before))

    def due(self, account: str, now: datetime, *, limit: int) -> list[Mirrored]:
        """See `Store.due`."""
        rows = self._read(sql.DUE, (account, instant_text(now), limit))
        found = []
        for row in rows:
            try:
                found.append(self._mirrored(account, row))
            except DamagedRow as error:
                self._damaged.setdefault(account, {})[row[0]] = str(error)
                if len(rows) == limit == len(self._damaged[account]):
                    raise  # nothing but damage: behind it, sound tickets would wait for ever
        return found

    def damaged(self, account: str) -> Mapping[str, str]:
        """See `Store.damaged`."""
        return dict(self._damaged.get(account, {}))

    def next_wake(self, account: str) -> datetime | None:
        """See `Store.next_wake`."""
        rows = self._read(sql.NEXT_WAKE, (account,))
        with reading(f"the next instant of {account}"):
            return instant(rows[0][0]) if rows else None

    def wake_all(self, account: str, at: datetime, *, only_open: bool = True) -> int:
        """See `Store.wake_all`; a ticket that is due before `at` keeps its instant and is counted."""
        text = instant_text(at)
        return self._write(sql.WAKE_OPEN if only_open else sql.WAKE_ALL, (text, text, account))

    def open_count(self, account: str) -> int:
        """See `Store.open_count`."""
        rows = self._read(sql.OPEN_COUNT, (account,))
        return int(rows[0][0]) if rows else 0

    def loads(self, account: str) -> dict[str, int]:
        """See `Store.loads`."""
        return {row[0]: int(row[1]) for row in self._read(sql.LOADS, (account,))}

    def scan(self, account: str, *, only_open: bool = False) -> Iterator[Mirrored]:
        """See `Store.scan`; read page by page, so what is written meanwhile may show further on."""
        statement, last = sql.SCAN_OPEN if only_open else sql.SCAN, ""
        while rows := self._read(statement, (account, last, _PAGE)):
            for row in rows:
                yield self._mirrored(account, row)
            last = rows[-1][0]

    def related(
        self, account: str, *, requester: str | None, contract: str | None, since: datetime, limit: int
    ) -> list[Ticket]:
        """See `Store.related`."""
        found: dict[str, Ticket] = {}
        for key in (requester, contract):
            if key is not None:
                statement = sql.RELATED.format(column=_keystorable(key))
                rows = self._read(statement, (account, storable(key), instant_text(since), limit))
                found.update((row[0], load_ticket(row[1], f"ticket {row[0]} of {account}")) for row in rows)
        newest = sorted(found.values(), key=lambda one: (maybe_text(one.created_at) or "", one.id), reverse=True)
        return newest[:limit]

    def _mirrored(self, account: str, row: Row) -> Mirrored:
        what = f"ticket {row[0]} of {account}"
        with reading(what):
            return Mirrored(
                load_ticket(row[1], what), load_memory(row[2], f"the memory of {what}"), maybe_instant(row[3])
            )

    # --- journal -------------------------------------------------------------------------------------------------
    def begin_intent(self, intent: Intent) -> bool:
        """See `Store.begin_intent`. Raises ValueError for an intent without `created_at`."""
        if intent.created_at is None:
            msg = f"intent {intent.id} has no created_at"
            raise ValueError(msg)
        created = instant_text(intent.created_at)
        row = (
            intent.account, intent.id, intent.plan, intent.outcome.value, intent.step, intent.epoch, created,
            maybe_text(intent.updated_at) or created, dump_action(intent.action), dump_value(intent.observed),
            intent.action.ticket, intent.action.kind,
        )  # fmt: skip
        return self._write(sql.BEGIN_INTENT, row) == 1

    def update_intent(
        self, account: str, intent_id: str, *, outcome: Outcome, step: int, at: datetime, observed: Mapping[str, Any]
    ) -> None:
        """See `Store.update_intent`. Raises StoreError where no such intent is journalled."""
        row = (outcome.value, step, instant_text(at), dump_value(observed), account, intent_id)
        if self._write(sql.UPDATE_INTENT, row) != 1:
            self._failed = True
            msg = f"{self.where}: intent {intent_id} of {account} is not in the journal, so it can't be moved on"
            raise StoreError(msg)

    def intent(self, account: str, intent_id: str) -> Intent | None:
        """See `Store.intent`."""
        rows = self._read(sql.INTENT, (account, intent_id))
        return _intent(rows[0]) if rows else None

    def open_intents(self, account: str) -> list[Intent]:
        """See `Store.open_intents`."""
        return [_intent(row) for row in self._read(sql.OPEN_INTENTS, (account,))]

    def intents(self, account: str, *, since: datetime, ticket: str | None = None) -> list[Intent]:
        """See `Store.intents`."""
        if ticket is None:
            rows = self._read(sql.INTENTS, (account, instant_text(since)))
        else:
            rows = self._read(sql.INTENTS_OF_TICKET, (account, ticket, instant_text(since)))
        return [_intent(row) for row in rows]

    # --- plans, policies, facts ----------------------------------------------------------------------------------
    def save_plan(self, plan: SavedPlan) -> None:
        """See `Store.save_plan`."""
        row = (
            plan.digest, plan.account, plan.state, instant_text(plan.saved_at), maybe_text(plan.expires_at),
            plan.approved_by, plan.reason, dump_value(plan.body),
        )  # fmt: skip
        self._write(sql.SAVE_PLAN, row)

    def plan(self, digest: str, *, body: bool = True) -> SavedPlan | None:
        """See `Store.plan`. Raises StoreError where a beginning fits two plans."""
        rows = self._read(sql.PLAN if body else sql.PLAN_HEAD, (digest,))
        if not rows and len(digest) >= 8 and digest.isascii() and digest.isalnum():
            rows = self._read(sql.PLANS_BY_BEGINNING, (digest, digest[:-1] + chr(ord(digest[-1]) + 1)))
            if len(rows) > 1:
                msg = f"more than one saved plan begins with {digest}: give more of its {len(rows[0][0])} characters"
                raise StoreError(msg)
        return _plan(rows[0]) if rows else None

    def plans(self, account: str | None = None, *, state: str | None = None, bodies: bool = True) -> list[SavedPlan]:
        """See `Store.plans`."""
        wanted = {column: value for column, value in (("account", account), ("state", state)) if value is not None}
        where = " WHERE " + " AND ".join(f"{column} = ?" for column in wanted) if wanted else ""
        statement = sql.PLANS if bodies else sql.PLAN_HEADS
        return [_plan(row) for row in self._read(statement.format(where=where), tuple(wanted.values()))]

    def claim_plan(self, digest: str, at: datetime, *, states: Sequence[str]) -> bool:
        """See `Store.claim_plan`; a plan that expired by `at` can't be claimed."""
        if not states:
            return False
        text = instant_text(at)
        return self._write(sql.CLAIM_PLAN.format(marks=_marks(len(states))), (text, digest, text, *states)) == 1

    def save_policy(self, digest: str, body: Mapping[str, Any], at: datetime) -> None:
        """See `Store.save_policy`."""
        self._write(sql.SAVE_POLICY, (digest, instant_text(at), dump_value(body)))

    def policy(self, digest: str) -> Mapping[str, Any] | None:
        """See `Store.policy`."""
        rows = self._read(sql.POLICY, (digest,))
        if not rows:
            return None
        body: Mapping[str, Any] = load_value(rows[0][0], f"policy {digest}")
        return body

    def fact(self, account: str, name: str) -> Any:
        """See `Store.fact`."""
        rows = self._read(sql.FACT, (account, name))
        return load_value(rows[0][0], f"fact {name} of {account}") if rows else None

    def set_fact(self, account: str, name: str, value: Any, at: datetime) -> None:
        """See `Store.set_fact`."""
        if value is None:
            self._write(sql.REMOVE_FACT, (account, name))
        else:
            self._write(sql.SET_FACT, (account, name, dump_value(value), instant_text(at)))

    # --- lease ---------------------------------------------------------------------------------------------------
    def take_epoch(self, account: str, holder: str, at: datetime) -> int:
        """See `Store.take_epoch`."""
        return int(self._write_returning(sql.TAKE_EPOCH, (account, holder, instant_text(at)))[0][0])

    def check_epoch(self, account: str, epoch: int) -> bool:
        """See `Store.check_epoch`; the row stays locked to the end of the transaction."""
        rows = self._write_returning(sql.EPOCH.format(lock=self._LOCK), (account,))
        return bool(rows) and rows[0][0] == epoch


def _ticket_row(account: str, row: Mirrored) -> Row:
    ticket: Ticket = row.ticket
    memory: Memory = row.memory
    keys = kin.keys(ticket, _KEYS)
    return (
        account, ticket.id, storable(ticket.status), storable(ticket.priority), storable(ticket.channel),
        storable(ticket.group), storable(ticket.agent), storable(ticket.escalation_type), maybe_text(ticket.created_at),
        maybe_text(ticket.updated_at), int(ticket.is_open), storable(ticket.gone), maybe_text(row.wake_at),
        dump_ticket(ticket), dump_memory(memory), *(storable(keys.get(kind)) for kind in _KEYS),
    )  # fmt: skip


def _keystorable(key: str) -> str:
    kind = key.partition(":")[0]
    if kind not in _KEYS:
        msg = f"{kind!r} is no kind of key of a customer: use {', '.join(_KEYS)}"
        raise ValueError(msg)
    return f"{kind}_key"


def _intent(row: Row) -> Intent:
    account, id_, plan, outcome, step, epoch, created, updated, action, observed = row
    what = f"intent {id_} of {account}"
    with reading(what):
        return Intent(
            id=id_, account=account, plan=plan, action=load_action(action, what), outcome=Outcome(outcome), step=step,
            created_at=instant(created), updated_at=instant(updated), observed=load_value(observed, what), epoch=epoch,
        )  # fmt: skip


def _plan(row: Row) -> SavedPlan:
    digest, account, state, saved, expires, approved_by, reason, body = row
    with reading(f"plan {digest}"):
        loaded = load_value(body, f"plan {digest}")
        return SavedPlan(digest, account, state, loaded, instant(saved), maybe_instant(expires), approved_by, reason)
