"""Settles what an earlier death left open in the journal, from each ticket's live state: first thing of every cycle.

Nothing is repeated blindly. An effect that is there is done; one that is not there ends as unsent once the request
can no longer be under way, and may be wanted anew; a ticket left in the toggle's finished status by our own write is
put back; whatever someone else changed stays. A helpdesk that can't be reached leaves the line open for next time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from connector.apply.actions import close, judge_update
from connector.apply.drift import IN_FLIGHT, in_window, others, parse, stamp
from connector.apply.journal import Fenced, sent_at
from connector.apply.steps import Ending, Hands
from connector.apply.tell import FINDABLE, is_left
from connector.apply.toggle import HALFWAY, RESTORABLE, UNSEEN, go_back, interrupted, proof, reopen, set_by_us
from connector.core.model import Outcome, Ticket
from connector.errors import AccountBlocked, HelpdeskError, Refused, StoreError, Unavailable
from connector.store.base import Intent

#: Ways back in as many cycles that the helpdesk acknowledged without effect before they are spaced out.
_BACK_AT_ONCE = 3
#: How long a ticket that can't be found is looked for.
_MISSED_FOR = timedelta(days=7)
#: Deleted tickets and spam are gone for good after this time.
_BIN_EMPTIED = timedelta(days=31)
#: How long answers of before an acknowledged write are waited out: far less where the ticket's own toggle waits for it.
_OLD_ANSWERS_END = timedelta(hours=24)
_OLD_UPDATES_END = timedelta(hours=1)
_log = structlog.get_logger("escalera.recover")


@dataclass(slots=True)
class Recovery:
    """What recovery settled, what it had to leave open, and the error that stopped it, if one did."""

    settled: list[tuple[Intent, Outcome]] = field(default_factory=list)
    left: list[Intent] = field(default_factory=list)
    stopped: HelpdeskError | None = None

    @property
    def tickets(self) -> frozenset[str]:
        """Tickets with an open line: nothing new is planned for them until it is settled."""
        return frozenset(intent.action.ticket for intent in self.left)


def recover(hands: Hands) -> Recovery:
    """Settle every open intent of the account that can be settled now. Raises Fenced and StoreError."""
    found = Recovery()
    for intent in hands.journal.store.open_intents(hands.journal.account):
        if found.stopped is not None:
            found.left.append(intent)
            continue
        try:
            ending = _settle(hands, intent)
        except (Unavailable, AccountBlocked) as error:
            _leave(found, intent, str(error))
            found.stopped = error
            continue
        except (Fenced, StoreError):
            raise
        except Exception as error:  # noqa: BLE001 - one bad line must not keep the others open
            _log.error("an open action could not be looked at", action=intent.id, exc_info=error)
            _leave(found, intent, type(error).__name__)
            continue
        if ending.outcome is Outcome.SENT:
            _leave(found, intent, ending.why)
            found.stopped = ending.stops if isinstance(ending.stops, HelpdeskError) else None
            continue
        row = hands.row(intent.action.ticket)
        ending = replace(ending, observed={**ending.observed, "recovered": True})
        close(hands, ending.intent or intent, ending, before=row.ticket if row else None, point="recovered")
        found.settled.append((intent, ending.outcome))
        _log.warning(
            "recovered", ticket=intent.action.ticket, kind=intent.action.kind, action=intent.id,
            outcome=ending.outcome.value, why=ending.why or None,
        )  # fmt: skip
    return found


def _leave(found: Recovery, intent: Intent, why: str) -> None:
    found.left.append(intent)
    _log.warning("still open", ticket=intent.action.ticket, kind=intent.action.kind, action=intent.id, why=why)


def _settle(hands: Hands, intent: Intent) -> Ending:
    kind = intent.action.kind
    if intent.step == 0 and intent.outcome is Outcome.INTENDED:
        return Ending(Outcome.UNSENT, "it died before anything was sent", intent=intent)
    if kind in ("set", "assign"):
        return _settle_update(hands, intent)
    if kind == "toggle":
        return _settle_toggle(hands, intent)
    if kind in FINDABLE or (kind == "notify" and "note" in intent.observed.get("through", ())):
        return _settle_text(hands, intent)
    return Ending(Outcome.UNKNOWN, "it died while this was under way; not repeated", intent=intent)


def _settle_update(hands: Hands, intent: Intent) -> Ending:
    live = _read(hands, intent)
    if live is None:
        return Ending(Outcome.UNKNOWN, "the ticket can't be read any more", intent=intent)
    row = hands.row(intent.action.ticket)
    if _is_old_answer(intent, live):
        return _unseen(hands, intent, live)
    acknowledged = "acknowledged" in intent.observed
    ending = judge_update(hands, intent, row.ticket if row else live, live, answered=acknowledged)
    if ending.outcome is Outcome.SENT:
        return _not_there(hands, intent, live)
    if ending.stamps and not in_window(live.updated_at, parse(intent.observed.get("server_at"))):
        return replace(ending, stamps=())
    return ending


def _settle_text(hands: Hands, intent: Intent) -> Ending:
    live = _read(hands, intent)
    left = is_left(hands, intent)
    if left is None or live is None:
        return Ending(Outcome.UNKNOWN, "whether the text was left can't be read any more; not repeated", intent=intent)
    if not left:
        return _not_there(hands, intent, live)
    row = hands.row(intent.action.ticket)
    own = (
        row is not None
        and in_window(live.updated_at, parse(intent.observed.get("server_at")))
        and not others(row.ticket, live, ("agent_responded_at", "first_responded_at"))
    )
    return Ending(Outcome.DONE, "", live, intent=intent, stamps=(live.updated_at,) if own else ())


def _settle_toggle(hands: Hands, intent: Intent) -> Ending:
    looks = int(intent.observed.get("looks", 0))
    if looks and _within(intent, hands.journal.now(), min(timedelta(hours=1), timedelta(minutes=2 ** min(looks, 6)))):
        return Ending(Outcome.SENT, "hidden between the two writes; looked for again later", intent=intent)
    live = _read(hands, intent)
    if live is None:
        return Ending(Outcome.UNKNOWN, "the ticket can't be read any more", intent=intent)
    row = hands.row(intent.action.ticket)
    before = row.ticket if row else live
    through, back = str(intent.action.details["through"]), str(intent.action.details["back"])
    if live.status == back and (_is_older_than_mid(intent, live) if intent.step >= 2 else _is_old_answer(intent, live)):
        return _unseen(hands, intent, live)
    hidden = (live.gone in RESTORABLE and live.status == through) or live.gone == "missing"
    if hidden and not _long_ago(intent, live, hands.journal.now()):
        hands.journal.sent(intent, intent.step, looks=int(intent.observed.get("looks", 0)) + 1)
        return Ending(Outcome.SENT, HALFWAY.format(live.gone), intent=intent)
    if live.gone is not None or live.status not in (through, back):
        return interrupted(intent, before, live)
    if live.status == through:
        ours = set_by_us(intent, live)
        if ours and _too_soon(intent, hands.journal.now()):
            return Ending(Outcome.SENT, "the helpdesk does not take the way back; tried again later", intent=intent)
        if ours is None:
            why = f"it is {through}, and nothing tells whether we or someone else did it; look at it by hand"
            return Ending(Outcome.UNKNOWN, why, live, intent=intent)
        return go_back(hands, intent, before, live) if ours else interrupted(intent, before, live)
    if intent.step >= 3:
        return reopen(hands, intent, live)
    if intent.step >= 2 or _passed(intent, live):
        last = parse(intent.observed.get("server_at_back")) or sent_at(intent)
        own = in_window(live.updated_at, last) and not others(before, live, ("status",))
        return proof(intent, live, [live.updated_at] if own else [])
    return _not_there(hands, intent, live)


def _long_ago(intent: Intent, live: Ticket, now: datetime) -> bool:
    kept = _MISSED_FOR if live.gone == "missing" else _BIN_EMPTIED
    return intent.created_at is not None and abs(now - intent.created_at) > kept


def _too_soon(intent: Intent, now: datetime) -> bool:
    """Whether to wait with the next way back: where something undoes each one, they come an hour apart at last."""
    undone = int(intent.observed.get("back_undone", 0)) - _BACK_AT_ONCE
    return undone >= 0 and _within(intent, now, min(timedelta(hours=1), timedelta(minutes=2 ** min(undone, 6))))


def _within(intent: Intent, now: datetime, pause: timedelta) -> bool:
    return intent.updated_at is not None and abs(now - intent.updated_at) < pause


def _is_old_answer(intent: Intent, live: Ticket) -> bool:
    """Whether the ticket is still shown as of before a write that the helpdesk acknowledged."""
    shown = parse(intent.observed.get("acknowledged"))
    return shown is not None and live.gone is None and live.updated_at is not None and live.updated_at <= shown


def _is_older_than_mid(intent: Intent, live: Ticket) -> bool:
    """Whether the ticket is shown as of before it was seen in the toggle's status: no proof of the way back."""
    mid = parse((intent.observed.get("mid") or {}).get("updated_at"))
    return mid is not None and live.gone is None and live.updated_at is not None and live.updated_at < mid


def _unseen(hands: Hands, intent: Intent, live: Ticket) -> Ending:
    """Wait for an answer of after the write, for a while; what it did is then unknown, and said."""
    wait, told = (_OLD_ANSWERS_END, "a day") if intent.action.kind == "toggle" else (_OLD_UPDATES_END, "an hour")
    if _within(intent, hands.journal.now(), wait):
        return Ending(Outcome.SENT, UNSEEN, intent=intent)
    return Ending(Outcome.UNKNOWN, f"{UNSEEN} for {told}; look at it by hand", live, intent=intent)


def _passed(intent: Intent, live: Ticket) -> bool:
    """Whether the ticket's status changed since our first write was announced, though it is `back` again."""
    clock = parse(intent.observed.get("clock"))
    since = parse((intent.observed.get("before") or {}).get("status_since"))
    moved_clock = clock is not None and live.autoclose_clock is not None and live.autoclose_clock > clock
    return moved_clock or (since is not None and live.status_since is not None and live.status_since > since)


def _not_there(hands: Hands, intent: Intent, live: Ticket) -> Ending:
    """No effect is seen: unsent, unless the request may still be on its way (a frozen worker, a slow proxy)."""
    if _under_way(intent, hands.journal.now()):
        return Ending(Outcome.SENT, "no effect is seen; the request may still be on its way", intent=intent)
    return Ending(Outcome.UNSENT, "it was never carried out", live, intent=replace(intent, step=0))


def _under_way(intent: Intent, now: datetime) -> bool:
    if intent.updated_at is None:
        return False
    return abs(now - intent.updated_at) < IN_FLIGHT


def _read(hands: Hands, intent: Intent) -> Ticket | None:
    """The ticket now; None where this ticket can't be read for good. Raises Unavailable, AccountBlocked."""
    try:
        return hands.reader.ticket(intent.action.ticket)
    except Refused as error:
        _log.warning("can't be read", ticket=intent.action.ticket, why=str(error), at=stamp(hands.journal.now()))
        return None
