"""Reading a cycle's tickets and deciding on them: into the store as it goes, or over it without touching it.

The live way streams: each batch of the feed is one transaction that makes its tickets due, so a death anywhere loses
nothing, and tickets are evaluated page by page by the index. The dry way keeps what the feed brings in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

import structlog

from connector.apply.drift import is_own_stamp, others, stamp
from connector.apply.journal import Fenced, Journal
from connector.apply.mirroring import absorb, is_stale, is_unchanged
from connector.beside import Lookup
from connector.core.evaluate import evaluate, remember
from connector.core.model import Call, Decision, Evaluation, Memory, Rejected, Ticket
from connector.core.policy import NO_DUTY, Duty
from connector.core.rules.assignment import advanced
from connector.cycle.account import Account
from connector.cycle.records import Turn, keep, turn_of
from connector.cycle.resting import Resting, waiting
from connector.cycle.unread import UNREAD, Unread
from connector.duty import TURNS, duty_of
from connector.errors import AccountBlocked, HelpdeskError, StoreError
from connector.store.base import Mirrored
from connector.store.problems import DamagedRow

#: A ticket on which evaluation failed rests this long.
BAD_TICKET_RESTS = timedelta(hours=1)
#: What still has something to be done stays due: from the next instant on, so that paging comes to an end.
_TICK = timedelta(seconds=1)
_REJECTED_KEPT = 1000
#: In `Memory.extra` of a ticket that rests because it had too many own writes: its keep-alive goes on meanwhile.
OVERWRITTEN = "overwritten"
_log = structlog.get_logger("escalera.cycle")


@dataclass(slots=True)
class Gathered:
    """What one cycle found: evaluations that want something or can't tell, with the rows they rest on.

    `seen`: all tickets looked at. `cursor`: where the feed stands, to be stored when all else is. `population`: open
    tickets known. `failed`: tickets whose evaluation failed. `trouble`: what stopped the reading; `complete` is False
    then.
    """

    evaluations: list[Evaluation] = field(default_factory=list)
    rows: dict[str, Mirrored] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    rejected: list[Rejected] = field(default_factory=list)
    cursor: str | None = None
    complete: bool = True
    changed: int = 0
    evaluated: int = 0
    population: int = 0
    failed: list[str] = field(default_factory=list)
    trouble: HelpdeskError | None = None

    @property
    def memories(self) -> Mapping[str, Memory]:
        """What is remembered of each ticket that was kept."""
        return {ticket: row.memory for ticket, row in self.rows.items()}

    def keep(self, evaluation: Evaluation, row: Mirrored) -> None:
        """Keep an evaluation for the plan; answers that want nothing are let go to keep a large cycle small."""
        speaking = tuple(one for one in evaluation.decisions if one.call in (Call.ACT, Call.UNKNOWN))
        self.evaluations.append(replace(evaluation, decisions=speaking))
        self.rows[row.ticket.id] = row

    def reject(self, found: Iterable[Rejected]) -> None:
        """Keep records that could not be read, up to a bound."""
        self.rejected.extend(islice(found, max(0, _REJECTED_KEPT - len(self.rejected))))


def wants_something(evaluation: Evaluation) -> bool:
    """Whether any rule wants something done now."""
    return any(decision.call is Call.ACT and decision.wants for decision in evaluation.decisions)


def poll(account: Account, journal: Journal, now: datetime, found: Gathered, stop: Callable[[], bool]) -> None:
    """Mirror everything the feed brings, batch by batch; each changed ticket becomes due. Raises Fenced, StoreError.

    A batch's cursor is stored with the batch after it, and the last one at the end of the cycle: a death in between
    reads one batch again, which changes nothing.
    """
    store, unread = account.store, Unread.of(account)
    unread.look(account, journal, now)
    found.cursor = unread.start(store.cursor(account.name), now)
    again: list[Ticket] = []
    try:
        for batch in account.reader.changed(found.cursor):
            rows = list(_fresh_rows(account, batch.tickets, now))
            unread.met(batch.rejected, found.cursor, now)
            with journal.transaction("mirror"):
                store.put(account.name, rows)
                if found.cursor is not None:
                    store.set_cursor(account.name, found.cursor, now)
                _keep_unread(account, unread, now)
            found.cursor = batch.cursor
            unread.past(batch.cursor)
            found.changed += len(rows)
            found.reject(batch.rejected)
            found.complete = found.complete and batch.complete
            if stop():
                break
        unread.whole(complete=found.complete and not stop())
        unread.read(account, now, again)
    except HelpdeskError as error:
        found.complete = False
        found.trouble = error
        _log.warning("reading stopped", account=account.name, why=str(error))
    rows = list(_fresh_rows(account, again, now))
    found.changed += len(rows)
    if rows or unread.kept() is not None:
        with journal.transaction("mirror"):
            store.put(account.name, rows)
            _keep_unread(account, unread, now)


def _keep_unread(account: Account, unread: Unread, now: datetime) -> None:
    kept = unread.kept()
    if kept is not None:
        account.store.set_fact(account.name, UNREAD, kept, now)
        unread.stored(kept)


def _mirrored(account: Account, ids: list[str]) -> tuple[dict[str, Mirrored], frozenset[str]]:
    """The mirrored tickets, and those whose rows can't be read: found one by one where the state is damaged."""
    store, name = account.store, account.name
    try:
        return store.mirrored(name, ids), frozenset()
    except DamagedRow:
        found, damaged = dict[str, Mirrored](), set[str]()
        for number in ids:
            try:
                found |= store.mirrored(name, [number])
            except DamagedRow as error:
                damaged.add(number)
                _log.error("a ticket's row is damaged: it is left alone", account=name, ticket=number, why=str(error))
        return found, frozenset(damaged)


def _fresh_rows(account: Account, tickets: Iterable[Ticket], now: datetime) -> Iterator[Mirrored]:
    """Rows of the tickets that really changed, due now. An echo of an own write is known by its stamp."""
    newest = {ticket.id: ticket for ticket in tickets}
    known, damaged = _mirrored(account, list(newest))
    for ticket in newest.values():
        if ticket.id in damaged:
            continue  # what was done on it is not known any more: it is left alone until the state is put right
        row = known.get(ticket.id)
        if row is not None and (is_unchanged(row.ticket, ticket) or is_stale(row.ticket, ticket)):
            continue
        # With our stamp, yet with more in it than our write explains: somebody else wrote within the same second.
        echo = row is not None and is_own_stamp(ticket.updated_at, row.memory) and not others(row.ticket, ticket, ())
        stamps = (ticket.updated_at,) if echo else ()
        yield absorb(row, None, ticket, now, wake_at=now, stamps=stamps)


def evaluate_due(
    account: Account,
    journal: Journal,
    now: datetime,
    found: Gathered,
    *,
    unsettled: Collection[str],
    no_toggles: bool,
    stop: Callable[[], bool],
    resting: Resting,
) -> None:
    """Evaluate every due ticket, page by page; each page's answers are one transaction. Raises Fenced, StoreError.

    Tickets of `unsettled` have an open line in the journal: they wait. What wants something stays due. What is looked
    at is struck from `resting`.
    """
    store = account.store
    acting: list[Mirrored] = []
    duty = duty_of(store, account.name, account.policy, now)
    while not stop():
        page = store.due(account.name, now, limit=account.page)
        if not page:
            break
        out, failed, turns = [], [], duty.turn
        looked_at: list[str] = []
        records: list[Turn] = []
        for row in page:
            if row.ticket.id in unsettled:
                out.append(replace(row, wake_at=now + _TICK))
                continue
            looked_at.append(row.ticket.id)
            try:
                evaluation, settled = decide(account, row, now, no_toggles=no_toggles, duty=duty)
            except (Fenced, StoreError):
                raise
            except Exception as error:  # noqa: BLE001 - one bad ticket must not stop the others
                _log.error("ticket rests: it could not be evaluated", ticket=row.ticket.id, exc_info=error)
                failed.append((row.ticket.id, type(error).__name__))
                memory = replace(row.memory, quarantined_until=now + BAD_TICKET_RESTS)
                out.append(replace(row, memory=memory, wake_at=now + BAD_TICKET_RESTS))
                continue
            turn = turn_of(store, account.name, settled, now)
            if turn is not None:
                settled = turn.row
                records.append(turn)
            found.evaluated += 1
            if evaluation is not None:
                duty = advanced(duty, evaluation)
                found.keep(evaluation, settled)
                if wants_something(evaluation):
                    acting.append(replace(settled, wake_at=now))
                    settled = replace(settled, wake_at=now + _TICK)
            out.append(settled)
        with journal.transaction("evaluated"):
            store.put(account.name, out)
            resting.looked_at(account, looked_at, now)
            for turn in records:
                keep(store, account.name, turn, now)
            if duty.turn != turns:
                store.set_fact(account.name, TURNS, dict(duty.turn), now)
            for ticket, error_name in failed:
                body = {"error": error_name, "until": stamp(now + BAD_TICKET_RESTS)}
                store.append_audit(account.name, now, "quarantined", body, ticket=ticket)
        found.seen.update(looked_at)
        found.failed.extend(ticket for ticket, _ in failed)
    if acting:
        with journal.transaction("evaluated"):
            store.put(account.name, acting)


def decide(
    account: Account,
    row: Mirrored,
    now: datetime,
    *,
    no_toggles: bool = False,
    lookup: Lookup | None = None,
    duty: Duty = NO_DUTY,
) -> tuple[Evaluation | None, Mirrored]:
    """The evaluation of one ticket, where it wants something or can't tell, and the row as it is to stand.

    `lookup`: where its customer's other tickets are found, where they are not all in the mirror yet. `duty`: loads and
    turns of the account's people, for assignment.
    """
    memory = row.memory
    if row.ticket.gone is not None:
        return None, replace(row, wake_at=None)
    until = memory.quarantined_until
    if until is not None and until <= now:
        until, memory = None, replace(memory, quarantined_until=None)
    if until is not None and not memory.extra.get(OVERWRITTEN):
        return None, replace(row, wake_at=until)
    policy = account.policy
    lookup = lookup or Lookup(account.name, account.store, account.reader)
    beside = lookup.of(policy, row.ticket, memory, now)
    # While a ticket rests, the instants of the rules that are silent count too: only then are all of them asked.
    evaluation = evaluate(policy, row.ticket, memory, now, duty=duty, beside=beside, brief=until is None)
    memory = remember(memory, evaluation, now)
    wake = evaluation.wake_at
    if until is not None:
        evaluation = replace(evaluation, decisions=tuple(_only_toggles(one) for one in evaluation.decisions))
        calm = (one.wake_at for one in evaluation.decisions if one.call is not Call.ACT and one.wake_at is not None)
        wake = min((at for at in calm if at > now), default=until)
        wake = min(wake, until)
    settled = Mirrored(row.ticket, memory, None if wake is None else max(wake, now + _TICK))
    if no_toggles:
        evaluation = replace(evaluation, decisions=tuple(_without_toggles(one) for one in evaluation.decisions))
    if any(decision.call in (Call.ACT, Call.UNKNOWN) for decision in evaluation.decisions):
        return evaluation, settled
    return None, settled


def _without_toggles(decision: Decision) -> Decision:
    """The decision without toggles and what goes with them: toggling is stopped for the account."""
    keys = {want.key for want in decision.wants if want.kind == "toggle"}
    if not keys:
        return decision
    wants = tuple(want for want in decision.wants if want.key not in keys and want.details.get("with") not in keys)
    return replace(decision, wants=wants, call=Call.ACT if wants else Call.WAIT)


def _only_toggles(decision: Decision) -> Decision:
    """The decision with its toggles, and what goes with them, alone: the ticket rests from all else."""
    keys = {want.key for want in decision.wants if want.kind == "toggle"}
    wants = tuple(want for want in decision.wants if want.key in keys or want.details.get("with") in keys)
    if decision.call is not Call.ACT or len(wants) == len(decision.wants):
        return decision
    # Its own instant is now, for it wants to act now; while it rests that instant means nothing.
    return replace(decision, wants=wants, call=Call.ACT if wants else Call.WAIT, wake_at=None)


def gather(account: Account, now: datetime) -> Gathered:
    """The same reading and deciding without a single write: the feed laid over the mirror, in memory.

    Where the policy is not the one the store knows, every open ticket is looked at, as the next cycle would.
    """
    found = Gathered(cursor=account.store.cursor(account.name))
    store, overlay = account.store, dict[str, Mirrored]()
    opened = 0
    try:
        for batch in account.reader.changed(found.cursor):
            found.cursor = batch.cursor
            found.reject(batch.rejected)
            found.complete = found.complete and batch.complete
            known = store.mirrored(account.name, [ticket.id for ticket in batch.tickets if ticket.id not in overlay])
            for row in _fresh_rows(account, batch.tickets, now):
                mirrored = known.get(row.ticket.id)
                before = overlay.get(row.ticket.id, mirrored)
                overlay[row.ticket.id] = row
                opened += row.ticket.is_open - (before is not None and before.ticket.is_open)
    except AccountBlocked:
        raise
    except HelpdeskError as error:
        found.complete = False
        found.trouble = error
    found.changed = len(overlay)
    found.population = store.open_count(account.name) + opened
    no_toggles = store.fact(account.name, "toggling_stopped") is not None
    unsettled = {intent.action.ticket for intent in store.open_intents(account.name)}
    lookup = Lookup(account.name, account.store, account.reader, overlay)
    duty = duty_of(store, account.name, account.policy, now)
    for row in _dry_rows(account, overlay, now):
        if row.ticket.id in unsettled:
            continue
        try:
            evaluation, settled = decide(account, row, now, no_toggles=no_toggles, lookup=lookup, duty=duty)
        except Exception as error:  # noqa: BLE001 - reported, as the live cycle would
            _log.error("ticket could not be evaluated", ticket=row.ticket.id, exc_info=error)
            found.failed.append(row.ticket.id)
            continue
        found.evaluated += 1
        if evaluation is not None:
            duty = advanced(duty, evaluation)
            found.keep(evaluation, settled)
    return found


def _dry_rows(account: Account, overlay: Mapping[str, Mirrored], now: datetime) -> Iterator[Mirrored]:
    yield from overlay.values()
    if account.store.fact(account.name, "policy") != account.policy.digest:
        stored: Iterable[Mirrored] = account.store.scan(account.name, only_open=True)
    else:
        stored = account.store.due(account.name, now, limit=max(account.page, 10_000_000))
    due: set[str] = set()
    for row in stored:
        due.add(row.ticket.id)
        if row.ticket.id not in overlay:
            yield row
    # Tickets of a held plan rest in a live cycle, which weighs what they wanted; here they are simply looked at again.
    resting = [ticket for ticket in waiting(account, now).tickets() if ticket not in due and ticket not in overlay]
    yield from account.store.mirrored(account.name, resting).values()
