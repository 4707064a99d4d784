"""The keep-alive toggle: through a finished status and back, so that the helpdesk's auto-close clock starts anew.

The most dangerous action: between its two writes the ticket looks finished. So each step is journalled before it is
sent, the status is put back only while it still is the one we set, whatever goes wrong after the first write does not
end the attempt before everything safe was tried to get back, and what could not be settled stays open in the journal
as the first thing the next cycle repairs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from connector.apply.drift import in_window, others, parse, stamp, unmoved
from connector.apply.journal import sent_at
from connector.apply.steps import Ending, Hands
from connector.core.model import Outcome, Ticket
from connector.crashpoints import reach
from connector.errors import AccountBlocked, HelpdeskError, OutcomeUnknown, Refused, Unavailable
from connector.store.base import Intent

_TRIES = 3
#: A ticket hidden in these ways may be shown again by a person, and would then stand in the toggle's status.
RESTORABLE = frozenset({"deleted", "spam"})
HALFWAY = "{} between the two writes; put back should it be shown again"
UNSEEN = "acknowledged, but the ticket is still shown as it was before"


def toggle(hands: Hands, intent: Intent, before: Ticket) -> Ending:
    """Both writes of a toggle on a ticket just read. Never raises a helpdesk's error: see `Ending.stops`."""
    action = intent.action
    through, back = _ways(intent)
    if before.status != back:
        return Ending(Outcome.DRIFTED, f"status is {before.status}, not {back}", before, intent=intent)
    intent = hands.journal.sent(
        intent, 1, server_at=hands.server_at(), at=stamp(hands.journal.now()), before=_sight(before),
        clock=stamp(before.autoclose_clock),
    )  # fmt: skip
    answered, trouble = True, None
    reach("write.through.before")
    try:
        hands.writer.update(action.ticket, {"status": through})
    except AccountBlocked as error:
        return Ending(Outcome.UNSENT, str(error), before, intent=replace(intent, step=0), stops=error)
    except Refused as error:
        return Ending(Outcome.REFUSED, str(error), before, intent=replace(intent, step=0))
    except Unavailable as error:  # says that nothing was changed: looked at all the same, for a toggle can't be half
        trouble = error
    except OutcomeUnknown:
        answered = False
    reach("write.through.after")
    mid = _read(hands, intent, unlike=before if answered and trouble is None else None)
    if isinstance(mid, Ending):
        return mid
    if mid.status == back and trouble is not None:
        return Ending(Outcome.UNSENT, str(trouble), mid, intent=replace(intent, step=0), stops=trouble)
    if mid.status == back and answered and unmoved(before, mid):
        # A write was acknowledged and the ticket is shown as of before it: nobody changed it back, it is an old answer.
        intent = hands.journal.sent(intent, 1, acknowledged=stamp(before.updated_at))
        return Ending(Outcome.SENT, f"{UNSEEN}; recovery goes on trying", mid, intent=intent)
    if mid.status == back and not answered:
        return Ending(Outcome.SENT, "the answer was lost and no effect is seen yet", mid, intent=intent)
    if (mid.gone in RESTORABLE and mid.status == through) or (mid.gone == "missing" and trouble is None):
        return Ending(Outcome.SENT, HALFWAY.format(mid.gone), mid, intent=intent)
    if mid.gone is not None or mid.status != through or not (answered or set_by_us(intent, mid)):
        return interrupted(intent, before, mid)
    return go_back(hands, intent, before, mid)


def go_back(hands: Hands, intent: Intent, before: Ticket, mid: Ticket) -> Ending:
    """The second write, from a ticket seen in `through`, then the proof. Used by recovery too."""
    action = intent.action
    through, back = _ways(intent)
    own = not others(before, mid, ("status",))
    seen: list[datetime | None] = [mid.updated_at] if own else []
    # How often the helpdesk acknowledged the way back and did not take it: recovery asks less and less often.
    refused = int(intent.observed.get("back_undone", 0))
    intent = hands.journal.sent(intent, 2, server_at_back=hands.server_at(), mid=_sight(mid), back_undone=refused + 1)
    trouble: HelpdeskError | None = None
    after = mid
    for _ in range(_TRIES):
        trouble = None
        reach("write.back.before")
        try:
            hands.writer.update(action.ticket, {"status": back})
        except HelpdeskError as error:
            trouble = error
        reach("write.back.after")
        read = _read(hands, intent)
        if isinstance(read, Ending):
            return read
        after = read
        if after.gone is not None or after.status != through or isinstance(trouble, AccountBlocked):
            break
    if after.gone is None and after.status != through and _older(after, mid):
        return Ending(Outcome.SENT, f"{UNSEEN}; recovery goes on trying", after, intent=intent)
    if after.gone is None and after.status == through:
        why = f"still {through}: {trouble or 'the helpdesk did not take the way back'}; recovery goes on trying"
        stops = trouble if isinstance(trouble, AccountBlocked) else None
        if trouble is not None:
            intent = hands.journal.sent(intent, 2, back_undone=refused)
        return Ending(Outcome.SENT, why, after, intent=intent, stops=stops)
    if (after.gone in RESTORABLE and after.status == through) or (after.gone == "missing" and trouble is not None):
        return Ending(Outcome.SENT, HALFWAY.format(after.gone), after, intent=intent)
    if after.gone is not None or after.status != back:
        return interrupted(intent, mid, after)
    if _replied(mid, after):
        return reopen(hands, intent, after)
    if own and not others(mid, after, ("status",)):  # within one second both writes carry one stamp
        seen.append(after.updated_at)
    return proof(intent, after, seen)


def proof(intent: Intent, after: Ticket, stamps: list[datetime | None]) -> Ending:
    """DONE where the auto-close clock moved on, INEFFECTIVE (and no more toggles for the account) where it did not."""
    old, new = parse(intent.observed.get("clock")), after.autoclose_clock
    observed = {"clock_before": stamp(old), "clock_after": stamp(new)}
    if old is not None and new is not None and new <= old:
        why = (
            f"the auto-close clock did not move ({stamp(new)}); no more toggles for this account until an operator has "
            "looked at what that clock counts from"
        )
        stopped = {"ticket": after.id, "action": intent.action.id, "clock": stamp(new), "at": stamp(after.updated_at)}
        return Ending(
            Outcome.INEFFECTIVE, why, after, intent=intent, stamps=stamps, observed=observed,
            facts={"toggling_stopped": stopped},
        )  # fmt: skip
    known = old is not None and new is not None
    why = "" if known else "the auto-close clock is not known, so its restart is not proven"
    return Ending(Outcome.DONE, why, after, intent=intent, stamps=stamps, observed=observed)


def interrupted(intent: Intent, before: Ticket, after: Ticket) -> Ending:
    """Someone else changed the ticket between our writes: it stays as they left it."""
    what = f"gone: {after.gone}" if after.gone is not None else f"status is now {after.status}"
    observed = {"status": after.status, "gone": after.gone, "others": others(before, after, ("status",))}
    why = f"someone else changed it meanwhile: {what}"
    return Ending(Outcome.INTERRUPTED, why, after, intent=intent, observed=observed)


def set_by_us(intent: Intent, ticket: Ticket) -> bool | None:
    """Whether it was our first write that brought the ticket into `through`; None where nothing can tell.

    The helpdesk's own stamp of the last status change must lie in the time during which our request was under way: by
    its own clock, or by ours where the one its answers tell is not the one it stamps by.
    """
    clocks = [parse(intent.observed.get("server_at")) or sent_at(intent), parse(intent.observed.get("at"))]
    mid = intent.observed.get("mid")
    if mid is not None and mid.get("status_since") is not None and ticket.status_since is not None:
        return parse(mid["status_since"]) == ticket.status_since
    if ticket.status_since is not None:
        return any(in_window(ticket.status_since, sent) for sent in clocks)
    return True if any(in_window(ticket.updated_at, sent) for sent in clocks) else None


def reopen(hands: Hands, intent: Intent, after: Ticket) -> Ending:
    """A customer answered in the instant before our second write, which hid the reopening: give it back to them."""
    if hands.writer.refuses(intent.action.ticket, {"status": "open"}) is None:
        intent = hands.journal.sent(intent, 3, server_at_reopen=hands.server_at())
        reach("write.reopen.before")
        try:
            hands.writer.update(intent.action.ticket, {"status": "open"})
        except (Unavailable, AccountBlocked, OutcomeUnknown) as error:
            why = f"the customer answered meanwhile and reopening failed: {error}; recovery goes on trying"
            stops = None if isinstance(error, OutcomeUnknown) else error
            return Ending(Outcome.SENT, why, after, intent=intent, stops=stops)
        except HelpdeskError as error:
            why = f"the customer answered meanwhile and reopening failed: {error}"
            seen = {"customer_replied": True}
            return Ending(Outcome.INTERRUPTED, why, after, intent=intent, observed=seen)
        reach("write.reopen.after")
        again = _read(hands, intent)
        after = after if isinstance(again, Ending) else again
    why = "the customer answered between the two writes; their reopening stands"
    return Ending(Outcome.INTERRUPTED, why, after, intent=intent, observed={"customer_replied": True})


def _older(one: Ticket, other: Ticket) -> bool:
    return one.updated_at is not None and other.updated_at is not None and one.updated_at < other.updated_at


def _replied(mid: Ticket, after: Ticket) -> bool:
    if after.customer_responded_at is None:
        return False
    return mid.customer_responded_at is None or after.customer_responded_at > mid.customer_responded_at


def _read(hands: Hands, intent: Intent, *, unlike: Ticket | None = None) -> Ticket | Ending:
    """The ticket now, tried a few times: without it no further write is safe. An Ending that stays open otherwise.

    `unlike`: the ticket of before an acknowledged write; an answer that shows no later one is asked for again.
    """
    problem: HelpdeskError | None = None
    old: Ticket | None = None
    for _ in range(_TRIES):
        try:
            read = hands.reader.ticket(intent.action.ticket)
            if unlike is None or not (read.status == unlike.status and unmoved(unlike, read)):
                return read
            old = read
        except (Unavailable, Refused, AccountBlocked) as error:
            problem = error
            if isinstance(error, AccountBlocked):
                break
    if old is not None:
        return old
    why = f"step {intent.step} was sent and the ticket can't be read: {problem}; recovery goes on trying"
    stops = None if isinstance(problem, Refused) else problem
    return Ending(Outcome.SENT, why, intent=intent, stops=stops)


def _ways(intent: Intent) -> tuple[str, str]:
    details = intent.action.details
    return str(details["through"]), str(details["back"])


def _sight(ticket: Ticket) -> dict[str, Any]:
    """What of a ticket recovery needs to tell our writes from others'."""
    return {
        "status": ticket.status,
        "updated_at": stamp(ticket.updated_at),
        "status_since": stamp(ticket.status_since),
        "customer_responded_at": stamp(ticket.customer_responded_at),
    }
