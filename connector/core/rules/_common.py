"""What all kinds of rules share: how they say no, whom they concern, and which reasons count as evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.conditions_base import equal_key
from connector.core.model import EMPTY, PRIORITIES, Call, Decision, Memory, Reason, RuleRef, Ticket, Want
from connector.core.policy import Condition, Context, Policy, Told, Unfillable
from connector.core.tri import Tri

#: Rank of a want that raises: above every want that lowers, so that a raise wins where both hold at once.
RAISES = 10
#: Rank of a keep-alive toggle: no other want on the status is as harmless when it is a cycle late.
KEEPS_ALIVE = 100
#: Values of the escalation field whose meaning is remembered; people type what they like.
_NAMES_KEPT = 1000
#: Instants looked at, at most, to find since when a condition holds.
_MOST_LOOKS = 50


def iso(at: datetime) -> str:
    """The instant as ISO 8601 in UTC: the form in keys, expectations and reasons."""
    return at.isoformat() if at.tzinfo is UTC else at.astimezone(UTC).isoformat()


def earliest(*instants: datetime | None) -> datetime | None:
    """The earliest of the instants that are not None; None if there is none."""
    found = None
    for at in instants:
        if at is not None and (found is None or at < found):
            found = at
    return found


def fold(text: str) -> str:
    """The text without case, accents and white space, to compare names and labels people typed."""
    return equal_key(text).replace(" ", "")


def reason(code: str, text: str, **values: Any) -> Reason:
    """A coded reason; instants among the values become ISO text."""
    return Reason(code, text, {name: iso(v) if isinstance(v, datetime) else v for name, v in values.items()})


def answer(
    ctx: Context,
    ref: RuleRef,
    call: Call,
    reasons: Iterable[Reason],
    *,
    wants: Sequence[Want] = (),
    wake_at: datetime | None = None,
    keeps: Mapping[str, Any] = EMPTY,
) -> Decision:
    """A rule's decision on the ticket of `ctx`."""
    return Decision(ctx.ticket.id, ref, call, tuple(reasons), tuple(wants), wake_at, keeps)


_STOPPED: Mapping[str | None, Reason] = {
    "closed": reason("CLOSED", "the ticket is closed", status="closed"),
    "completed": reason("COMPLETED", "the ticket is completed", status="completed"),
}


def stopped(ticket: Ticket) -> Reason | None:
    """Why no rule acts on this ticket at all: gone, closed or completed; None where rules may act."""
    if ticket.gone is not None:
        return reason("GONE", f"the ticket is {ticket.gone} in the helpdesk: it can't be written", gone=ticket.gone)
    return _STOPPED.get(ticket.status)


def evidence(told: Told) -> Iterator[Reason]:
    """The leaves that made the answer what it is: of an `any` that holds, only the branches that hold, and so on."""
    if not told.children:
        yield told.reason
        return
    speaking = [child for child in told.children if child.tri is told.tri]
    for child in speaking or told.children:
        yield from evidence(child)


def held_since(ctx: Context, base: datetime, when: Condition | None) -> datetime:
    """The first instant from `base` on at which the condition holds for the ticket as it is now; else now."""
    at: datetime | None = base
    for _ in range(_MOST_LOOKS):
        if when is None or at is None or at > ctx.now:
            break
        then = ctx.at(at)
        if when.test(then) is Tri.YES:
            return at
        at = when.wake(then)
    return base if when is None else ctx.now.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a rule concerns a ticket: YES, NO or UNKNOWN, why, and when time alone could change that."""

    tri: Tri
    reasons: tuple[Reason, ...]
    wake_at: datetime | None = None

    @property
    def call(self) -> Call:
        """What the rule says where the gate is not open."""
        return Call.UNKNOWN if self.tri is Tri.UNKNOWN else Call.NO


def gate(ctx: Context, situations: Sequence[str] | None, when: Condition | None) -> Gate:
    """Whether the ticket is in one of the situations and `when` holds.

    `situations`: None asks for no situation, an empty sequence for any situation at all.
    """
    if ctx.brief:
        return _brief_gate(ctx, situations, when)
    reasons: list[Reason] = []
    tri = Tri.YES
    if situations is not None:
        tri, why = _in_situation(ctx, situations)
        reasons.append(why)
        if tri is Tri.NO:
            return Gate(tri, tuple(reasons))
    if when is None:
        return Gate(tri, tuple(reasons))
    told = when.tell(ctx)
    if told.tri is Tri.NO:
        return Gate(Tri.NO, tuple(evidence(told)), when.wake(ctx))
    return Gate(tri if tri is Tri.UNKNOWN else told.tri, (*reasons, *evidence(told)), when.wake(ctx))


_OPEN, _SHUT, _IN_DOUBT = Gate(Tri.YES, ()), Gate(Tri.NO, ()), Gate(Tri.UNKNOWN, ())


def _brief_gate(ctx: Context, situations: Sequence[str] | None, when: Condition | None) -> Gate:
    """The same gate without its reasons."""
    gates = _OPEN
    if situations is not None:
        if ctx.situation is None:
            if unresolved(ctx.policy, ctx.ticket) is None:
                return _SHUT
            gates = _IN_DOUBT
        elif situations and ctx.situation not in situations:
            return _SHUT
    if when is None:
        return gates
    tri, wake = when.test(ctx), when.wake(ctx)
    if wake is not None:
        return Gate(tri if tri is Tri.NO or gates is _OPEN else Tri.UNKNOWN, (), wake)
    if tri is Tri.NO:
        return _SHUT
    return _IN_DOUBT if tri is Tri.UNKNOWN else gates


def _in_situation(ctx: Context, situations: Sequence[str]) -> tuple[Tri, Reason]:
    if ctx.situation is None:
        doubt = unresolved(ctx.policy, ctx.ticket)
        if doubt is not None:
            return Tri.UNKNOWN, doubt
        return Tri.NO, reason("NOT_IN_SITUATION", "the ticket is in no situation", wanted=list(situations))
    since = ctx.situation_since or ctx.now
    if situations and ctx.situation not in situations:
        text = f"the ticket is in situation {ctx.situation}, which this rule does not concern"
        return Tri.NO, reason("OTHER_SITUATION", text, situation=ctx.situation, wanted=list(situations))
    text = f"in situation {ctx.situation} since {iso(since)}, known by {ctx.situation_by}"
    return Tri.YES, reason("IN_SITUATION", text, situation=ctx.situation, since=since, by=ctx.situation_by)


def situation_named(policy: Policy, value: str) -> str | None:
    """The situation that a value of the escalation field means: its id, its title, or an alias of any map.

    Compared without case, accents and white space. None where it means none, or more than one.
    """
    known: dict[str, str | None] = policy.memo.setdefault("situations named", {})
    if value not in known:
        if len(known) >= _NAMES_KEPT:
            known.clear()
        known[value] = _situation_named(policy, value)
    return known[value]


def _situation_named(policy: Policy, value: str) -> str | None:
    wanted = fold(value)
    for situation in policy.situations:
        if fold(situation) == wanted:
            return situation
    meant = {
        situation
        for field_map in policy.maps.values()
        for situation, aliases in field_map.situations.items()
        if situation in policy.situations and any(fold(alias) == wanted for alias in aliases)
    }
    meant |= {situation.id for situation in policy.situations.values() if fold(situation.title) == wanted}
    return meant.pop() if len(meant) == 1 else None


def unresolved(policy: Policy, ticket: Ticket) -> Reason | None:
    """Why it can't be told whether the ticket is in a situation, from its escalation field; None where it can."""
    value = ticket.escalation_type
    if value:
        if situation_named(policy, value) is not None:
            return None
        text = (
            f"the escalation field says {value!r}, which is no situation of this policy; "
            "add it to `situations:` of the helpdesk's map"
        )
        return reason("SITUATION_UNKNOWN", text, field="escalation_type", value=value)
    maps = policy.maps.values()
    for field in ("escalation_type", "tags"):
        mapped = not maps or any(field in each.fields or field in each.headings for each in maps)
        if mapped and field in ticket.unknown:
            text = f"the source does not tell {field}, so whether the ticket is escalated is not known"
            return reason("SITUATION_UNREADABLE", text, field=field, value=None)
        if mapped and maps:
            return None  # the pack's own sign of a situation is known to be empty; a tag is only the second sign
    return None


# --- priority -------------------------------------------------------------------------------------------------------
def rank_of(priority: str | None) -> int:
    """0 for a ticket without a priority, else 1 (low) to 4 (urgent)."""
    return 0 if priority is None else PRIORITIES.index(priority) + 1


def why_not_priority(ctx: Context, wanted: str, *, lower: bool = False) -> tuple[Call, Reason] | None:
    """Why the priority is not set to `wanted` now; None where it may be.

    Only ever raises unless `lower`; a value that someone else set while the daemon watched is not fought over.
    """
    tri, current = ctx.value("priority")
    if tri is Tri.UNKNOWN:
        raw = ctx.ticket.raw.get("priority")
        seen = "the source does not tell the priority" if raw is None else f"priority {raw!r} is mapped to no word"
        return Call.UNKNOWN, reason("PRIORITY_UNKNOWN", f"{seen}, so it can't be compared", field="priority", raw=raw)
    values = {"priority": current, "wanted": wanted}
    if current == wanted or (rank_of(current) > rank_of(wanted) and not lower):
        return Call.NO, reason("ALREADY", f"the priority is {current} already, wanted {wanted}", **values)
    memory = ctx.memory
    if "priority" in memory.human:
        text = f"someone set the priority to {memory.human['priority']} while it was watched; it is not fought over"
        return Call.NO, reason("HUMAN_SET", text, **values, human=memory.human["priority"])
    ours = memory.ours.get("priority")
    if ours is not None and ours != current:
        text = f"it was set to {ours} before and is {current} again; it is not fought over"
        return Call.NO, reason("CHANGED_BACK", text, **values, ours=ours)
    if ours is not None and rank_of(current) > rank_of(wanted):
        return Call.NO, reason("RAISED_BY_POLICY", f"this policy itself raised it to {ours}", **values, ours=ours)
    return None


# --- memory ---------------------------------------------------------------------------------------------------------
def human_since(memory: Memory, field: str) -> datetime | None:
    """When someone else was last seen to set this field; None where that is not known."""
    at = memory.extra.get("human_at", {}).get(field)
    return None if at is None else datetime.fromisoformat(at)


def done_reason(key: str, memory: Memory) -> Reason:
    """The reason of a want that was carried out before."""
    return reason("DONE", f"done at {memory.done[key]}; it is not repeated", key=key, at=memory.done[key])


# --- texts ----------------------------------------------------------------------------------------------------------
def written(ctx: Context, text: str, **more: Any) -> tuple[str | None, Reason | None]:
    """(the pack's text of that name, or the text itself, filled in; None), or (None, why it can't be filled in).

    Fills in the ticket's text fields under their own names, `ticket` (its id), `agent_first_name`, `priority`,
    `status`, `situation` (its title), `since`, `date` (today) and what the rule adds; instants are shown in the
    policy's time zone as `2026-03-04 09:00`.
    """
    template = ctx.policy.texts.get(text)
    if template is None:
        return text, None
    zone = ZoneInfo(ctx.policy.timezone)
    # Today, not this minute: a plan that waits for approval must not become another one each cycle.
    values = {**_fillings(ctx), "date": ctx.now.astimezone(zone).strftime("%Y-%m-%d"), **more}
    shown = {
        name: value.astimezone(zone).strftime("%Y-%m-%d %H:%M") if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    try:
        return template.render(shown), None
    except Unfillable as problem:
        return None, reason("TEXT_UNFILLABLE", f"text {text!r} can't be filled in: {problem}", name=text)


def _fillings(ctx: Context) -> dict[str, Any]:
    ticket = ctx.ticket
    situation = ctx.policy.situations.get(ctx.situation or "")
    values: dict[str, Any] = {
        "ticket": ticket.id,
        "subject": ticket.subject,
        "customer": ticket.customer or ticket.requester,
        "requester": ticket.requester,
        "requester_email": ticket.requester_email,
        "requester_phone": ticket.requester_phone,
        "brand": ticket.brand,
        "product": ticket.product,
        "category": ticket.category,
        "contract": ticket.contract,
        "group": ticket.group,
        "agent": ticket.agent,
        "agent_first_name": ticket.agent.split()[0] if ticket.agent and ticket.agent.strip() else None,
        "priority": ticket.priority,
        "status": ticket.status,
        "situation": situation.title if situation else None,
        "since": ctx.situation_since,
        "created_at": ticket.created_at,
    }
    values.update({f"custom.{name}": value for name, value in ticket.custom.items()})
    return values
