"""Carries out a plan through the journal: the only caller of a helpdesk Writer, with its two helpers beside it.

Each action goes the same way: announce it, re-read the ticket, compare it with what the plan expected, commit that
the request is about to leave, send it once, re-read, and close the journal line with its evidence. What a person or
customer changed meanwhile stays as they left it. docs/failures.md says what happens at each fault.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.apply.drift import moved, others, same, stamp, unmoved, value_of
from connector.apply.journal import Begun, Fenced, Journal, refusal_stands, remembered
from connector.apply.mirroring import absorb, is_stale
from connector.apply.steps import Ending, Hands
from connector.apply.tell import tell
from connector.apply.toggle import toggle
from connector.core.model import EMPTY, Action, Outcome, Plan, Ticket, Verdict
from connector.core.policy import Person
from connector.crashpoints import reach
from connector.errors import AccountBlocked, OutcomeUnknown, Refused, StoreError, Unavailable
from connector.helpdesks.base import Reader, Writer
from connector.notifiers.base import Notifier
from connector.store.base import Intent, Mirrored, Store

#: Consecutive tickets the helpdesk may fail to answer for before the rest of the plan waits for the next cycle.
_PATIENCE = 3
_READS = 3
#: A ticket with a refused action is looked at again so often: other rules may want something of it before that
#: refusal ends.
_REFUSED_LOOKS = timedelta(hours=1)
_BAD_TICKET_RESTS = timedelta(hours=1)
_log = structlog.get_logger("escalera.apply")


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one action in this run. `outcome` is SENT where it is left to the next cycle's recovery.

    `repeated`: it was journalled before, and nothing was done now. `why`: one line for people.
    """

    action: Action
    outcome: Outcome
    why: str = ""
    repeated: bool = False


@dataclass(slots=True)
class Application:
    """The results in order, and the error that stopped the run before its end, if one did."""

    results: list[Applied] = field(default_factory=list)
    stopped: Exception | None = None

    def __iter__(self) -> Iterator[Applied]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)


def chosen(plan: Plan, verdict: Verdict) -> tuple[Action, ...]:
    """The actions a verdict lets through: all but the deferred; of a held plan only the exempt ones."""
    deferred, exempt = frozenset(verdict.deferred), frozenset(verdict.exempt)
    return tuple(action for action in plan.actions if action.id not in deferred and (verdict.go or action.id in exempt))


def apply_plan(
    plan: Plan,
    verdict: Verdict,
    *,
    reader: Reader,
    writer: Writer,
    store: Store,
    now: Callable[[], datetime],
    epoch: int,
    notifiers: Sequence[Notifier] = (),
    people: Mapping[str, Person] = EMPTY,
    window: timedelta | None = None,
    skip_tickets: Collection[str] = (),
    stop: Callable[[], bool] = lambda: False,
) -> Application:
    """Carry out what the verdict lets through. `window`: age of its due instant at which a message expires.

    `stop` is asked before each action: a stop ends after the action in hand. Raises Fenced when another cycle has
    taken over and StoreError when the journal can't be written; in both cases nothing more is sent.
    """
    journal = Journal(store, plan.account, epoch, now)
    hands = Hands(reader, writer, journal, tuple(notifiers), people, window)
    done, failures = Application(), 0
    ended: dict[str, Outcome] = {}
    for action in chosen(plan, verdict):
        if stop():
            break
        if action.ticket in skip_tickets:
            continue
        if action.kind == "toggle" and hands.journal.store.fact(plan.account, "toggling_stopped") is not None:
            ended[action.key] = Outcome.UNSENT
            done.results.append(Applied(action, Outcome.UNSENT, "toggling is stopped for this account"))
            continue
        if not _partner_done(hands, action, ended):
            done.results.append(Applied(action, Outcome.UNSENT, "what it belongs to was not carried out"))
            continue
        try:
            result = perform(hands, plan.digest, action)
        except AccountBlocked as error:
            done.stopped = error
            break
        except Unavailable as error:
            failures += 1
            done.results.append(Applied(action, Outcome.UNSENT, str(error)))
            if failures >= _PATIENCE or error.retry_after:
                done.stopped = error
                break
            continue
        except (Fenced, StoreError):
            raise
        except Exception as error:  # noqa: BLE001 - one bad ticket must not stop the others
            _rest(hands, action, error)
            done.results.append(Applied(action, Outcome.UNKNOWN, f"failed here: {type(error).__name__}"))
            continue
        failures = 0
        ended[action.key] = result.outcome
        done.results.append(result)
        _say(plan.account, result)
    return done


def perform(hands: Hands, plan: str, action: Action) -> Applied:
    """Carry out one action through the journal. Raises what stops the run (AccountBlocked, Unavailable, Fenced)."""
    begun = hands.journal.begin(plan, action)
    if not begun.fresh:
        return _repeated(hands, begun)
    intent = begun.intent
    if _expired(hands, action):
        return _close(hands, intent, Ending(Outcome.EXPIRED, "its window had passed"))
    problem = _refusal(hands, action)
    if problem is not None:
        return _close(hands, intent, Ending(Outcome.REFUSED, problem))
    try:
        ticket = hands.reader.ticket(action.ticket)
    except Refused as error:
        return _close(hands, intent, Ending(Outcome.REFUSED, f"can't be read: {error}"))
    except (Unavailable, AccountBlocked) as error:
        _close(hands, intent, Ending(Outcome.UNSENT, str(error)))
        raise
    if ticket.gone is not None:
        # A ticket that can't be found may only be hidden for a while: it is looked for again, and wanted anew then.
        outcome = Outcome.UNSENT if ticket.gone == "missing" else Outcome.REFUSED
        gone = Ending(outcome, f"gone: {ticket.gone}", ticket, observed={"gone": ticket.gone})
        return _close(hands, intent, gone)
    row = hands.row(action.ticket)
    ending = _already(action, ticket, hands)
    if ending is None:
        drift = moved(action, ticket, row.memory) if row is not None else moved(action, ticket, hands.blank)
        if drift:
            why = "the ticket moved: " + ", ".join(sorted(drift))
            ending = Ending(Outcome.DRIFTED, why, ticket, observed={"drift": drift})
        else:
            ending = _send(hands, intent, ticket)
    stopping = ending.stops
    result = _close(hands, ending.intent or intent, ending, before=ticket)
    if stopping is not None:
        raise stopping
    return result


def _partner_done(hands: Hands, action: Action, ended: Mapping[str, Outcome]) -> bool:
    """Whether what this action goes with (a note with its toggle) is done; True where it goes with nothing."""
    partner = action.details.get("with")
    if partner is None:
        return True
    if partner in ended:
        return ended[partner] is Outcome.DONE
    row = hands.row(action.ticket)
    return row is not None and partner in row.memory.done


def _send(hands: Hands, intent: Intent, ticket: Ticket) -> Ending:
    kind = intent.action.kind
    if kind in ("set", "assign"):
        return _update(hands, intent, ticket)
    if kind == "toggle":
        return toggle(hands, intent, ticket)
    return tell(hands, intent, ticket)


def _update(hands: Hands, intent: Intent, before: Ticket) -> Ending:
    """One PUT of the changed fields alone, verified by a re-read."""
    action = intent.action
    news = {name: new for name, (_, new) in action.changes.items()}
    intent = hands.journal.sent(intent, 1, server_at=hands.server_at())
    answered = True
    reach("write.update.before")
    try:
        hands.writer.update(action.ticket, news)
    except Unavailable as error:
        return Ending(Outcome.UNSENT, str(error), before, intent=replace(intent, step=0), stops=error)
    except AccountBlocked as error:
        return Ending(Outcome.UNSENT, str(error), before, intent=replace(intent, step=0), stops=error)
    except Refused as error:
        return Ending(Outcome.REFUSED, str(error), before, intent=replace(intent, step=0))
    except OutcomeUnknown:
        answered = False
    reach("write.update.after")
    try:
        after = _seen_after(hands, intent, before, answered=answered)
    except (Unavailable, Refused, AccountBlocked) as error:
        why = f"sent, not verified yet: {error}"
        return Ending(Outcome.SENT, why, intent=intent, stops=None if isinstance(error, Refused) else error)
    ending = judge_update(hands, intent, before, after, answered=answered)
    if ending.outcome is Outcome.INEFFECTIVE and unmoved(before, after):
        # Acknowledged, and shown as of before it: an old answer proves nothing. Recovery looks again.
        intent = hands.journal.sent(intent, 1, acknowledged=stamp(before.updated_at))
        return Ending(Outcome.SENT, "acknowledged, but the ticket is still shown as it was before", intent=intent)
    return ending


def _seen_after(hands: Hands, intent: Intent, before: Ticket, *, answered: bool) -> Ticket:
    """The ticket after a write; asked for again, a few times, while an acknowledged one is not to be seen at all."""
    after = hands.reader.ticket(intent.action.ticket)
    for _ in range(_READS - 1):
        if not answered or not unmoved(before, after) or _already(intent.action, after, hands) is not None:
            break
        after = hands.reader.ticket(intent.action.ticket)
    return after


def judge_update(hands: Hands, intent: Intent, before: Ticket, after: Ticket, *, answered: bool) -> Ending:
    """What a re-read after a `set` or `assign` proves. `answered`: the helpdesk acknowledged the write."""
    action = intent.action
    if after.gone is not None:
        return Ending(Outcome.INTERRUPTED, f"gone meanwhile: {after.gone}", after, intent=intent)
    directory = hands.directory(action.changes)
    there = {name: same(name, value_of(after, name), new, directory) for name, (_, new) in action.changes.items()}
    old = {name: same(name, value_of(after, name), was, directory) for name, (was, _) in action.changes.items()}
    strangers = others(before, after, frozenset(action.changes))
    observed = {"updated_at": stamp(after.updated_at), **({"others": strangers} if strangers else {})}
    if all(there.values()):
        own = () if strangers else (after.updated_at,)
        return Ending(Outcome.DONE, "", after, intent=intent, stamps=own, observed=observed)
    if all(old.values()):
        if answered:
            why = "acknowledged, and undone at once by the helpdesk; left alone from now on"
            return Ending(Outcome.INEFFECTIVE, why, after, intent=intent, observed=observed)
        return Ending(Outcome.SENT, "the answer was lost and no effect is seen yet", after, intent=intent)
    other = ", ".join(name for name, found in there.items() if not found)
    return Ending(
        Outcome.INTERRUPTED, f"someone else changed {other} at the same time", after, intent=intent, observed=observed
    )


def _already(action: Action, ticket: Ticket, hands: Hands) -> Ending | None:
    """DONE without a write where the ticket has all the wanted values: someone else has set them."""
    if action.kind not in ("set", "assign") or not action.changes:
        return None
    directory = hands.directory(action.changes)
    if all(same(name, value_of(ticket, name), new, directory) for name, (_, new) in action.changes.items()):
        return Ending(Outcome.DONE, "already so", ticket, observed={"already": True})
    return None


def _expired(hands: Hands, action: Action) -> bool:
    """Whether a message comes too late: counted from when it was due, or from when the ticket was first seen.

    What was overdue already at first sight is news to people; what came due during a downtime is not.
    """
    if hands.window is None or action.due is None or action.kind not in ("notify", "reply"):
        return False
    row = hands.row(action.ticket)
    first_seen = row.memory.first_seen if row is not None else None
    known_since = action.due if first_seen is None else max(action.due, first_seen)
    return hands.journal.now() - known_since > hands.window


def _refusal(hands: Hands, action: Action) -> str | None:
    """Why the helpdesk would refuse this action, known without asking it."""
    if action.kind == "create":
        return None  # `refuses` speaks of updates
    if action.kind == "toggle":
        steps = [{"status": action.details[step]} for step in ("through", "back")]
    else:
        steps = [{name: new for name, (_, new) in action.changes.items()}] if action.changes else []
    for changes in steps:
        problem = hands.writer.refuses(action.ticket, changes)
        if problem is not None:
            return problem
    return None


def _close(hands: Hands, intent: Intent, ending: Ending, *, before: Ticket | None = None) -> Applied:
    """End the journal line with memory and mirror, unless the ending leaves it open for recovery."""
    action = intent.action
    if ending.outcome is not Outcome.SENT:
        close(hands, intent, ending, before=before)
    return Applied(action, ending.outcome, ending.why)


def close(
    hands: Hands, intent: Intent, ending: Ending, *, before: Ticket | None = None, point: str = "outcome"
) -> None:
    """Commit an ending: outcome, audit, memory, mirror row and facts, in one transaction."""
    action, at = intent.action, hands.journal.now()
    row = hands.row(action.ticket)
    # What the plan wanted is looked at again at once: after a write for the next step, after a drift for a new answer.
    wake = at + _REFUSED_LOOKS if ending.outcome is Outcome.REFUSED and ending.ticket is None else at
    stamps = ending.stamps
    fresh = ending.ticket is not None and not (row is not None and is_stale(row.ticket, ending.ticket))
    if ending.ticket is not None and fresh:
        ours = ending.outcome is Outcome.DONE and intent.step > 0 and action.kind in ("set", "assign")
        explained = {name: value_of(ending.ticket, name) for name in action.changes} if ours else {}
        row = absorb(row, before, ending.ticket, at, wake_at=wake, stamps=stamps, explained=explained)
    elif row is not None:
        row = replace(row, wake_at=wake)
    if row is not None:
        clock = ending.ticket.autoclose_clock if ending.ticket is not None else None
        memory = remembered(row.memory, action, ending.outcome, at, step=intent.step, stamps=stamps, clock=clock)
        row = Mirrored(row.ticket, memory, row.wake_at)
    observed = dict(ending.observed)
    if ending.why:
        observed["why"] = ending.why
    hands.journal.finish(intent, ending.outcome, row=row, point=point, facts=ending.facts, **observed)


def _repeated(hands: Hands, begun: Begun) -> Applied:
    """An action that is journalled already: nothing is sent; a refused one sleeps until it may be tried again."""
    intent = begun.intent
    row = hands.row(intent.action.ticket)
    if row is not None and intent.outcome is Outcome.REFUSED and intent.updated_at is not None:
        wake = min(intent.updated_at + refusal_stands(intent), hands.journal.now() + _REFUSED_LOOKS)
        with hands.journal.transaction("outcome"):
            hands.journal.store.put(hands.journal.account, [replace(row, wake_at=wake)])
    elif row is not None and intent.outcome in (Outcome.DONE, Outcome.UNKNOWN, Outcome.INEFFECTIVE, Outcome.EXPIRED):
        at = hands.journal.now()
        memory = replace(row.memory, done={**row.memory.done, intent.action.key: at.isoformat()})
        with hands.journal.transaction("outcome"):
            hands.journal.store.put(hands.journal.account, [replace(row, memory=memory, wake_at=at)])
    return Applied(intent.action, intent.outcome, "journalled before; not repeated", repeated=True)


def _rest(hands: Hands, action: Action, error: Exception) -> None:
    """Leave a ticket alone for an hour after an unforeseen failure, and say so in the audit."""
    at = hands.journal.now()
    until = at + _BAD_TICKET_RESTS
    row = hands.row(action.ticket)
    body: dict[str, Any] = {"error": type(error).__name__, "action": action.id, "until": stamp(until)}
    _log.error("ticket rests after a failure", ticket=action.ticket, action=action.id, exc_info=error)
    with hands.journal.transaction("outcome"):
        hands.journal.store.append_audit(hands.journal.account, at, "quarantined", body, ticket=action.ticket)
        if row is not None:
            memory = replace(row.memory, quarantined_until=until)
            hands.journal.store.put(hands.journal.account, [Mirrored(row.ticket, memory, until)])


def _say(account: str, result: Applied) -> None:
    action = result.action
    loud = result.outcome in (Outcome.INEFFECTIVE, Outcome.UNKNOWN, Outcome.SENT, Outcome.REFUSED)
    (_log.warning if loud else _log.info)(
        "acted", account=account, ticket=action.ticket, kind=action.kind, outcome=result.outcome.value,
        rule=f"{action.rule.kind}/{action.rule.name}", place=f"{action.rule.file}:{action.rule.line}",
        action=action.id, why=result.why or None, repeated=result.repeated or None,
    )  # fmt: skip
