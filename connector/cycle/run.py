"""One cycle of one account: recover, poll, mirror, evaluate, plan, guard, apply, audit; the cursor moves last.

The cost follows what changed or came due, never the number of tickets. A dry run is the same reading and deciding
with no writer and not a single write to the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.apply.actions import Application, Applied, apply_plan
from connector.apply.drift import stamp
from connector.apply.journal import Journal
from connector.apply.recover import recover
from connector.apply.steps import Hands
from connector.core.guard import History, judge, toggles_since
from connector.core.model import Memory, Plan, Verdict
from connector.core.planning import make_plan
from connector.cycle.account import Account, CycleReport
from connector.cycle.gather import Gathered, evaluate_due, gather, poll
from connector.cycle.plans import apply_approved, check_saved, claim_saved, expire, hold
from connector.cycle.ratings import take_ratings
from connector.cycle.rest import rest_overwritten
from connector.cycle.resting import Resting, rest, settled, wake
from connector.cycle.restored import FACT as RESTORED
from connector.cycle.restored import approved as settle_restore
from connector.cycle.restored import cautious, over
from connector.cycle.unread import look_again
from connector.errors import AccountBlocked, HeldError, HelpdeskError, Unavailable, UsageError

__all__ = ["Account", "CycleReport", "apply_saved", "gather", "plan_of", "run_cycle"]

_DAY = timedelta(hours=24)
_POPULATIONS_KEPT = 14
_POPULATION_EVERY = timedelta(hours=6)
_log = structlog.get_logger("escalera.cycle")


@dataclass(frozen=True, slots=True)
class _Run:
    """What the steps of one cycle share. `unsettled`: tickets with an open line in the journal."""

    account: Account
    journal: Journal
    report: CycleReport
    stop: Callable[[], bool]
    unsettled: frozenset[str] = frozenset()

    @property
    def now(self) -> datetime:
        """The instant at which this cycle decides."""
        return self.report.now


def run_cycle(
    account: Account,
    *,
    now: datetime | Callable[[], datetime],
    dry_run: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> CycleReport:
    """Run one cycle. `now`: the clock, or one frozen instant. `stop` is asked between steps; a stop ends in good order.

    Raises Fenced when another cycle of the account has begun, StoreError when the state can't be written,
    AccountBlocked only in a dry run; other faults of the helpdesk are in the report.
    """
    if dry_run:
        return _dry_cycle(account, now() if callable(now) else now)
    run = _begin(account, now, stop)
    found = Gathered(cursor=account.store.cursor(account.name))
    report = run.report
    if not report.blocked and not stop():
        poll(account, run.journal, run.now, found, stop)
        _trouble(report, found.trouble)
        report.changed, report.complete, report.rejected = found.changed, found.complete, found.rejected
        # A helpdesk's clock is known from its answers alone: before this poll it stood where the last cycle ended.
        report.now = max(report.now, run.journal.now())
    if not report.blocked:
        _adopt_policy(run)
        expire(account, run.journal, run.now)
        _settle_approved(run)
        _decide_and_act(run, found)
        if not stop() and report.trouble is None:
            take_ratings(account, run.journal, run.now)
    report.stopped = stop()
    _close(run, found)
    return report


def plan_of(account: Account, found: Gathered, now: datetime, resting: Resting | None = None) -> tuple[Plan, Verdict]:
    """The plan and the guard's verdict on what was gathered, and on what rests with a held plan.

    Where all of it together may go, only what was looked at now is in the plan: the rest must be looked at first.
    """
    plan = make_plan(
        account.policy, account.name, found.evaluations, found.memories, now, complete=found.complete,
        rejected=tuple(found.rejected), population=found.population,
    )  # fmt: skip
    touched = {action.ticket for action in plan.actions}
    past = history(account, {ticket: row.memory for ticket, row in found.rows.items() if ticket in touched}, now)
    whole = plan if resting is None else resting.joined(plan, found.seen)
    verdict = cautious(account, whole, judge(whole, account.limits, past))
    if whole is plan or not verdict.go:
        return whole, verdict
    return plan, cautious(account, plan, judge(plan, account.limits, past))


def history(account: Account, memories: dict[str, Memory], now: datetime) -> History:
    """What the guard must know of the past, of these tickets."""

    def recent(instants: Iterable[datetime]) -> int:
        return sum(1 for at in instants if now - at < _DAY)

    known = account.store.fact(account.name, "populations") or []
    return History(
        writes={ticket: recent(memory.writes) for ticket, memory in memories.items()},
        toggles={ticket: toggles_since(memory, now - _DAY) for ticket, memory in memories.items()},
        populations=tuple(int(number) for _, number in known),
        policy=account.store.fact(account.name, "policy_adopted"),
    )


def apply_saved(
    account: Account, plan: Plan, now: datetime | Callable[[], datetime], *, stop: Callable[[], bool] = lambda: False
) -> list[Applied]:
    """Carry out a plan saved to a file, once. Raises UsageError for one that can't be used here (other account or
    policy, changed, used before) or an account without a writer, HeldError where the guard holds it and no one
    approved it, AccountBlocked and Unavailable where the helpdesk stopped it.
    """
    if account.writer is None:
        msg = f"account '{account.name}' is not written to (`write = false`): its plans can't be applied"
        raise UsageError(msg)
    check_saved(account, plan)
    run = _begin(account, now, stop)
    store, at = account.store, run.now
    known = store.plan(plan.digest)
    approved = known is not None and known.state == "approved"
    verdict = judge(plan, account.limits, _past(account, plan, at), approved)
    if not approved:
        verdict = cautious(account, plan, verdict)
    if not verdict.go:
        hold(account, run.journal, plan, verdict, at)
        msg = f"plan {plan.digest[:12]} is held: " + "; ".join(one.text for one in verdict.holds)
        raise HeldError(msg)
    claim_saved(account, run.journal, plan, verdict, at)
    done = _apply(run, plan, verdict)
    if isinstance(done.stopped, HelpdeskError):
        raise done.stopped
    return done.results


# --- the steps -------------------------------------------------------------------------------------------------------
def _dry_cycle(account: Account, now: datetime) -> CycleReport:
    report = CycleReport(account.name, now, dry_run=True)
    found = gather(account, now)
    report.changed, report.evaluated, report.complete = found.changed, found.evaluated, found.complete
    report.rejected, report.quarantined, report.failed = found.rejected, list(found.failed), found.failed
    report.left = account.store.open_intents(account.name)
    _trouble(report, found.trouble)
    report.plan, report.verdict = plan_of(account, found, now)
    return report


def _begin(account: Account, now: datetime | Callable[[], datetime], stop: Callable[[], bool]) -> _Run:
    """Take the account's epoch, and settle what an earlier death left open."""
    clock = now if callable(now) else lambda: now
    at = clock()
    with account.store.transaction():
        epoch = account.store.take_epoch(account.name, account.holder, at)
    journal = Journal(account.store, account.name, epoch, clock)
    report = CycleReport(account.name, at)
    if account.writer is None:  # nothing can be put right: all of it is left, and shown
        report.left = account.store.open_intents(account.name)
    else:
        hands = Hands(account.reader, account.writer, journal, tuple(account.notifiers), account.policy.people)
        found = recover(hands)
        report.recovered, report.left = found.settled, found.left
        _trouble(report, found.stopped)
    return _Run(account, journal, report, stop, frozenset(intent.action.ticket for intent in report.left))


def _past(account: Account, plan: Plan, now: datetime) -> History:
    rows = account.store.mirrored(account.name, [action.ticket for action in plan.actions])
    return history(account, {ticket: row.memory for ticket, row in rows.items()}, now)


def _settle_approved(run: _Run) -> None:
    account = run.account

    def act(plan: Plan) -> Application:
        return _apply(run, plan, judge(plan, account.limits, _past(account, plan, run.now), approved=True))

    for application in apply_approved(account, run.journal, run.now, act, stop=run.stop):
        settle_restore(account, run.journal, run.now)
        run.report.applied.extend(application.results)
        _trouble(run.report, application.stopped)


def _decide_and_act(run: _Run, found: Gathered) -> None:
    account, journal, report = run.account, run.journal, run.report
    no_toggles = account.store.fact(account.name, "toggling_stopped") is not None
    resting = settled(account, journal, run.now)
    evaluate_due(
        account, journal, run.now, found, unsettled=run.unsettled, no_toggles=no_toggles, stop=run.stop, resting=resting
    )
    found.population = account.store.open_count(account.name)
    report.evaluated = found.evaluated
    report.quarantined, report.failed = list(found.failed), found.failed
    report.plan, report.verdict = plan, verdict = plan_of(account, found, run.now, resting)
    if not verdict.go:
        report.held, report.announced = hold(account, journal, plan, verdict, run.now, resting)
        if report.held is not None:
            rest(account, journal, report.held, plan, verdict, found.rows.values(), run.now)
    elif resting.plan is not None:
        wake(account, journal, resting, run.now)
    if account.writer is None or report.blocked or run.stop():
        return
    done = _apply(run, plan, verdict)
    report.applied.extend(done.results)
    _trouble(report, done.stopped)
    if done.stopped is None:
        hands = Hands(account.reader, account.writer, journal, (), account.policy.people)
        report.quarantined += rest_overwritten(hands, account, plan, verdict, run.now)


def _apply(run: _Run, plan: Plan, verdict: Verdict) -> Application:
    account = run.account
    if account.writer is None:
        return Application()
    done = apply_plan(
        plan, verdict, reader=account.reader, writer=account.writer, store=account.store, now=run.journal.now,
        epoch=run.journal.epoch, notifiers=account.notifiers, people=account.policy.people, window=account.window,
        skip_tickets=run.unsettled, stop=run.stop,
    )  # fmt: skip
    look_again(account, run.journal, done.results, run.now)
    return done


def _adopt_policy(run: _Run) -> None:
    """A policy not seen before: keep its texts as evidence and make every open ticket due under it."""
    account, store, now = run.account, run.account.store, run.now
    digest, known = account.policy.digest, store.fact(account.name, "policy")
    if known == digest:
        return
    with run.journal.transaction("evaluated"):
        store.save_policy(digest, {"name": account.policy.name, "files": dict(account.files)}, now)
        woken = store.wake_all(account.name, now)
        store.set_fact(account.name, "policy", digest, now)
        body = {"policy": digest, "before": known, "tickets": woken}
        store.append_audit(account.name, now, "policy", body)
    run.report.policy_changed = known is not None
    _log.info("policy", account=account.name, policy=digest, before=known, tickets=woken)


def _trouble(report: CycleReport, error: Exception | None) -> None:
    """Note what stopped a step; a block of the whole account is said loudly."""
    if error is None:
        return
    report.trouble = str(error)
    if isinstance(error, AccountBlocked):
        report.blocked = True
        _log.critical("the helpdesk refuses this account; nothing more is sent", account=report.account, why=str(error))
    if isinstance(error, Unavailable) and error.retry_after is not None:
        report.retry_after = max(error.retry_after, report.retry_after or 0.0)


def _close(run: _Run, found: Gathered) -> None:
    """The last transaction: the feed's cursor, what the guard remembers, and the heartbeat."""
    account, report, now = run.account, run.report, run.now
    store, name = account.store, account.name
    known: list[Any] = store.fact(name, "populations") or []
    newest = datetime.fromisoformat(known[-1][0]) if known else None
    facts: dict[str, Any] = {"cycle": _heartbeat(report)}
    damaged = store.damaged(name)
    if damaged:
        _log.error("rows of the state are damaged: their tickets are left alone", account=name, tickets=sorted(damaged))
        facts["cycle"]["damaged"] = sorted(damaged)
    read_whole = report.complete and not report.stopped and report.trouble is None
    if read_whole and report.plan is not None and (newest is None or abs(now - newest) >= _POPULATION_EVERY):
        facts["populations"] = [*known, [stamp(now), report.plan.population]][-_POPULATIONS_KEPT:]
    adopted = report.verdict is not None and report.verdict.go and read_whole
    if adopted and store.fact(name, "policy_adopted") != account.policy.digest:
        facts["policy_adopted"] = account.policy.digest
    if over(account, report):
        facts[RESTORED] = None
    with run.journal.transaction("closing"):
        for fact, value in facts.items():
            store.set_fact(name, fact, value, now)
        if report.blocked:
            store.append_audit(name, now, "blocked", {"why": report.trouble})
        if found.cursor is not None:
            store.set_cursor(name, found.cursor, now)
        if account.signer is not None:
            account.signer.sign(store, now)
    _log.info(
        "cycle", account=name, changed=report.changed, evaluated=report.evaluated,
        planned=len(report.plan.actions) if report.plan else 0, complete=report.complete, held=report.held,
        recovered=len(report.recovered) or None, left=len(report.left) or None, trouble=report.trouble,
        **report.counts(),
    )  # fmt: skip


def _heartbeat(report: CycleReport) -> dict[str, Any]:
    """What `status` shows of the last cycle."""
    plan = report.plan
    return {
        "at": stamp(report.now),
        "changed": report.changed,
        "evaluated": report.evaluated,
        "complete": report.complete,
        "planned": len(plan.actions) if plan else 0,
        "unknown": len(plan.unknown) if plan else 0,
        "population": plan.population if plan else None,
        "outcomes": report.counts(),
        "held": report.held,
        "deferred": len(report.verdict.deferred) if report.verdict else 0,
        "left_open": [intent.action.ticket for intent in report.left],
        "quarantined": report.quarantined,
        "rejected": len(report.rejected),
        "trouble": report.trouble,
        "blocked": report.blocked,
        "stopped": report.stopped,
    }
