"""Notes, replies, messages to staff, new tickets and register lines: what can't be undone and must never come twice.

Each text ends in a short reference line. It is how a re-read finds out, after a crash or a lost answer, whether the
text was left: what is there is done, what is not there may be wanted anew, and where that can't be established the
outcome is UNKNOWN, reported and not repeated.
"""

from __future__ import annotations

from dataclasses import replace

from connector.apply.drift import others
from connector.apply.journal import reference
from connector.apply.steps import Ending, Hands
from connector.core.model import Action, Outcome, Ticket
from connector.crashpoints import reach
from connector.errors import AccountBlocked, OutcomeUnknown, Refused, Unavailable
from connector.notifiers.base import Delivery, Message, Notifier
from connector.store.base import Intent

#: Action kinds whose text stands on the ticket, where a re-read can find it.
FINDABLE = frozenset({"note", "reply"})


def tell(hands: Hands, intent: Intent, before: Ticket) -> Ending:
    """Carry out a `note`, `reply`, `notify`, `create` or `register` on a ticket just read."""
    kind = intent.action.kind
    if kind == "register":
        return Ending(Outcome.DONE, "", before, intent=intent, observed={"registered": True})
    if kind == "notify":
        return _notify(hands, intent, before)
    if kind == "create":
        return _create(hands, intent, before)
    return _text(hands, intent, before)


def signed(intent: Intent) -> str:
    """The action's text with its reference line."""
    return f"{(intent.action.text or '').rstrip()}\n\n{reference(intent.id)}"


def is_left(hands: Hands, intent: Intent) -> bool | None:
    """Whether the text of this intent stands on the ticket; None where its notes can't be read for good.

    Raises Unavailable and AccountBlocked: then it may be asked again later.
    """
    mark = reference(intent.id)
    try:
        return any(mark in note.text for note in hands.reader.notes(intent.action.ticket))
    except Refused:
        return None


def _text(hands: Hands, intent: Intent, before: Ticket) -> Ending:
    action = intent.action
    if not (action.text or "").strip():
        return Ending(Outcome.REFUSED, "there is no text to leave", before, intent=intent)
    try:
        if is_left(hands, intent):
            seen = {"already": True}
            return Ending(Outcome.DONE, "found on the ticket already", before, intent=intent, observed=seen)
    except (Unavailable, AccountBlocked) as error:
        return Ending(Outcome.UNSENT, str(error), before, intent=intent, stops=error)
    intent = hands.journal.sent(intent, 1, server_at=hands.server_at())
    reach(f"write.{action.kind}.before")
    try:
        if action.kind == "reply":
            hands.writer.reply(action.ticket, signed(intent))
        else:
            hands.writer.add_note(action.ticket, signed(intent), notify=_agents(hands, action))
    except (Unavailable, AccountBlocked) as error:
        return Ending(Outcome.UNSENT, str(error), before, intent=replace(intent, step=0), stops=error)
    except Refused as error:
        return Ending(Outcome.REFUSED, str(error), before, intent=replace(intent, step=0))
    except OutcomeUnknown as error:
        reach(f"write.{action.kind}.after")
        return _after_lost(hands, intent, before, error)
    reach(f"write.{action.kind}.after")
    return _verified(hands, intent, before)


def _verified(hands: Hands, intent: Intent, before: Ticket) -> Ending:
    """DONE: the helpdesk acknowledged the text. The re-read only learns whether the stamp is ours alone."""
    try:
        after = hands.reader.ticket(intent.action.ticket)
    except (Unavailable, Refused, AccountBlocked) as error:
        stops = None if isinstance(error, Refused) else error
        return Ending(Outcome.DONE, "", before, intent=intent, observed={"reread": str(error)}, stops=stops)
    replied = frozenset({"agent_responded_at", "first_responded_at"}) if intent.action.kind == "reply" else frozenset()
    own = () if others(before, after, replied) else (after.updated_at,)
    return Ending(Outcome.DONE, "", after, intent=intent, stamps=own)


def _after_lost(hands: Hands, intent: Intent, before: Ticket, error: OutcomeUnknown) -> Ending:
    try:
        left = is_left(hands, intent)
    except (Unavailable, AccountBlocked) as problem:
        return Ending(Outcome.SENT, f"{error}; its notes can't be read: {problem}", intent=intent, stops=problem)
    if left is None:
        return Ending(Outcome.UNKNOWN, f"{error}; its notes can't be read; not repeated", before, intent=intent)
    if left:
        return _verified(hands, intent, before)
    return Ending(Outcome.SENT, f"{error}; not on the ticket yet", intent=intent)


def _agents(hands: Hands, action: Action) -> tuple[str, ...]:
    """The addresses of `to` that are agents of this account: a helpdesk refuses to mail a note to anyone else."""
    if not action.to:
        return ()
    known = hands.reader.directory().emails
    return tuple(address for address in hands.addresses(action.to) if address.lower() in known)


def _notify(hands: Hands, intent: Intent, before: Ticket) -> Ending:
    """One message through every configured notifier; done where at least one delivered it."""
    action = intent.action
    if not hands.notifiers:
        return Ending(Outcome.REFUSED, "no way to tell people is configured", before, intent=intent)
    subject = f"Ticket {action.ticket}: {action.rule.name}"
    message = Message(
        key=intent.id,
        to=hands.addresses(action.to),
        subject=subject,
        text=signed(intent) if action.text else f"{subject}\n\n{reference(intent.id)}",
        ticket=action.ticket,
    )
    intent = hands.journal.sent(intent, 1, server_at=hands.server_at(), through=[one.name for one in hands.notifiers])
    deliveries: dict[str, Delivery] = {}
    for notifier in hands.notifiers:
        reach("write.notify.before")
        deliveries[notifier.name] = _deliver(notifier, message)
        reach("write.notify.after")
    errors = {name: delivery.error for name, delivery in deliveries.items() if not delivery.delivered}
    observed = {"delivered": sorted(set(deliveries) - set(errors)), "failed": errors}
    if observed["delivered"]:
        return replace(_verified(hands, intent, before), observed=observed)
    why = "; ".join(f"{name}: {error}" for name, error in errors.items())
    if all(delivery.retryable for delivery in deliveries.values()):
        return Ending(Outcome.UNSENT, why, before, intent=replace(intent, step=0), observed=observed)
    if any(delivery.uncertain for delivery in deliveries.values()):
        left = _left_or_unsure(hands, intent)
        outcome = {True: Outcome.DONE, False: Outcome.SENT, None: Outcome.UNKNOWN}[left]
        return Ending(outcome, why, before, intent=intent, observed=observed)
    return Ending(Outcome.REFUSED, why, before, intent=replace(intent, step=0), observed=observed)


def _left_or_unsure(hands: Hands, intent: Intent) -> bool | None:
    try:
        return is_left(hands, intent)
    except (Unavailable, AccountBlocked):
        return None


def _deliver(notifier: Notifier, message: Message) -> Delivery:
    """A notifier promises not to raise; one that does is treated as one whose answer was lost."""
    try:
        return notifier.send(message)
    except Exception as error:  # noqa: BLE001 - others may ship notifiers
        return Delivery(delivered=False, uncertain=True, error=f"failed here: {type(error).__name__}")


def _create(hands: Hands, intent: Intent, before: Ticket) -> Ending:
    action = intent.action
    fields = {name: new for name, (_, new) in action.changes.items()}
    intent = hands.journal.sent(intent, 1, server_at=hands.server_at())
    reach("write.create.before")
    try:
        created = hands.writer.create(fields)
    except (Unavailable, AccountBlocked) as error:
        return Ending(Outcome.UNSENT, str(error), before, intent=replace(intent, step=0), stops=error)
    except Refused as error:
        return Ending(Outcome.REFUSED, str(error), before, intent=replace(intent, step=0))
    except OutcomeUnknown as error:
        return Ending(Outcome.UNKNOWN, f"{error}; not repeated", before, intent=intent)
    reach("write.create.after")
    return Ending(Outcome.DONE, "", before, intent=intent, observed={"created": created})
