"""One ticket against one policy at one instant: every rule's answer, the situation it is in, and when to look again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from connector.core._entering import entering
from connector.core.conditions_base import FOREVER
from connector.core.guard import recent_writes
from connector.core.model import Call, Decision, Evaluation, Memory, Reason, Ticket
from connector.core.policy import NO_DUTY, NOTHING_BESIDE, Beside, Context, Duty, Policy, Rule
from connector.core.rules._common import answer, earliest, iso, reason, stopped
from connector.core.rules._pauses import observed_pauses
from connector.core.rules.situation import SituationRule
from connector.core.shortlist import Shortlist, shortlist
from connector.core.tri import Tri
from connector.core.worktime import WorkTimeError

_UNUSABLE = "TIME_UNUSABLE"
#: How long what was done in an episode that has ended is still remembered, should the episode come back.
_DONE_KEPT = timedelta(days=90)
#: Kinds whose idempotency keys carry the start of an episode.
_EPISODIC = ("keepalive:", "matrix:", "situation:", "sla:")
#: Kinds asked before all others: what they keep (a breach, say) is what the others count from.
_FIRST = frozenset({"sla"})
_ANCHORS = ("created_at", "status_since", "agent_responded_at", "customer_responded_at", "escalated_at")
#: Fields a human may set and a rule may want to set; times and texts of the customer are no such fields.
_WATCHED = ("status", "priority", "group", "agent", "type", "category", "product", "escalation_type")


class Seen(Protocol):
    """A ticket as it was last seen, with what was remembered of it then."""

    @property
    def ticket(self) -> Ticket:
        """The ticket."""
        ...

    @property
    def memory(self) -> Memory:
        """What was remembered of it."""
        ...


def evaluate(
    policy: Policy,
    ticket: Ticket,
    memory: Memory,
    now: datetime,
    duty: Duty = NO_DUTY,
    *,
    related: Sequence[Ticket] | None = None,
    beside: Beside = NOTHING_BESIDE,
    brief: bool = False,
) -> Evaluation:
    """All rules' answers for the ticket at `now`, first what was found about its situation.

    `duty`: loads, turns and shifts of the account's people, for assignment; without it who is least loaded is UNKNOWN.
    `related`: other tickets of the same customer, for repeat rules (None: nobody looked); `beside`: those and what else
    was looked up. `wake_at` is the earliest of the decisions' own; a decision that acts is due again at once, until it
    is carried out. `brief`: only the decisions that act, can't be told or have something to be remembered, each as it
    is in full; `wake_at` counts the others too.
    """
    extra = memory.extra
    ctx = Context(policy, _without_own_toggle(ticket, extra) if extra else ticket, memory, now, duty)
    if related is not None:
        beside = replace(beside, related=tuple(related))
    ctx.beside, ctx.brief = beside, brief
    end = stopped(ticket)
    known = shortlist(policy, _asked_later) if brief else None
    decisions = entering(ctx, known, detect=end is None) if policy.situations else []
    if end is None and decisions:
        decisions = [_with_course(ctx, told) for told in decisions]
    for told in decisions:
        ctx.learn(told.keeps)
    if known is not None:
        found = _briefly(ctx, known, ticket, decisions, end)
        doubts = (one.reasons[0].code for one in found.decisions if one.call is Call.UNKNOWN)
        if not found.decisions or _UNUSABLE not in doubts:
            return found
        # An instant that can't be counted with may be that of a condition which several rules share: all are asked.
        full = evaluate(policy, ticket, memory, now, duty, beside=ctx.beside)
        return replace(full, decisions=tuple(one for one in full.decisions if _speaks(one)))
    for rule in _asking_order(policy.rules):
        if rule.ref.kind == "situation":
            continue  # asked above, in the order in which a situation is recognised
        decision = _resting(ctx, rule, end) if end is not None else _ask(ctx, rule)
        ctx.learn(decision.keeps)
        decisions.append(decision)
    wake = None if end is not None else earliest(*(decision.wake_at for decision in decisions))
    return Evaluation(ticket, tuple(decisions), wake, ctx.situation, ctx.situation_since, ctx.situation_by)


def _briefly(
    ctx: Context, known: Shortlist, ticket: Ticket, decisions: list[Decision], end: Reason | None
) -> Evaluation:
    """The rest of an evaluation of which only what must be done, asked or remembered is wanted."""
    speaking = [decision for decision in decisions if _speaks(decision)]
    wake = FOREVER
    if end is None:
        for decision in decisions:
            wake = _sooner(wake, decision.wake_at)
        for lot in known.lots(ctx):
            if lot.quiet is not None:
                try:
                    at = lot.quiet(ctx)
                except (WorkTimeError, OverflowError):
                    at = None  # the rules themselves are asked, and say why
                if at is not None:
                    wake = min(wake, at)
                    continue
            for entry in lot.entries:
                decision = _ask(ctx, entry.rule, brief=not entry.telling)
                wake = _sooner(wake, decision.wake_at)
                if _speaks(decision):
                    ctx.learn(decision.keeps)
                    speaking.append(decision)
    elif observed_pauses(ctx):
        for entry in known.resting():
            decision = _resting(ctx, entry.rule, end)
            if _speaks(decision):
                ctx.learn(decision.keeps)
                speaking.append(decision)
    until = None if end is not None or wake is FOREVER else wake
    return Evaluation(ticket, tuple(speaking), until, ctx.situation, ctx.situation_since, ctx.situation_by)


def _sooner(wake: datetime, at: datetime | None) -> datetime:
    return wake if at is None or at >= wake else at


def _asked_later(policy: Policy) -> Iterator[Rule]:
    """The rules that are asked once the situation is known, in that order."""
    return (rule for rule in _asking_order(policy.rules) if rule.ref.kind != "situation")


def _speaks(decision: Decision) -> bool:
    return decision.call is Call.ACT or decision.call is Call.UNKNOWN or bool(decision.keeps)


def _asking_order(rules: tuple[Rule, ...]) -> Iterator[Rule]:
    """The rules in their order, those first from whose findings the others count."""
    first = [rule for rule in rules if rule.ref.kind in _FIRST]
    yield from first
    yield from rules if not first else (rule for rule in rules if rule.ref.kind not in _FIRST)


def _with_course(ctx: Context, told: Decision) -> Decision:
    """What the situation that was entered wants done, after the reasons for its being entered."""
    if ctx.situation is None or (told.rule.kind, told.rule.name) != ("situation", ctx.situation):
        return told
    situation = ctx.policy.situations[ctx.situation]
    if situation.course is None:
        return told
    decision = _ask(ctx, SituationRule(situation.ref, situation))
    wake = earliest(told.wake_at, decision.wake_at)
    return replace(decision, reasons=(*told.reasons, *decision.reasons), wake_at=wake)


def _resting(ctx: Context, rule: Rule, end: Reason) -> Decision:
    """No rule acts on a finished ticket; how long it rests there is still remembered, should it be opened again."""
    decision = answer(ctx, rule.ref, Call.NO, (end,))
    return replace(decision, keeps=observed_pauses(ctx)) if rule.ref.kind == "sla" else decision


def _ask(ctx: Context, rule: Rule, *, brief: bool = True) -> Decision:
    """The rule's answer; where all is told briefly, with its reasons only if it speaks, or if `brief` is not wanted."""
    try:
        memory = ctx.memory
        decision = rule.decide(ctx) if brief or not ctx.brief else None
        if decision is None or (ctx.brief and _speaks(decision)):
            # For its reasons: from what was known before, and not from what was found without reasons.
            shared, ctx.brief, ctx.memory, ctx.shared = ctx.shared, False, memory, {}
            try:
                decision = rule.decide(ctx)
            finally:
                ctx.brief, ctx.shared = True, shared
    except (WorkTimeError, OverflowError) as problem:
        # A stamp far outside every calendar (1900, 9999) is a fault of the ticket, and no reason to stop the others.
        text = f"an instant of the ticket can't be counted with: {problem}"
        return answer(ctx, rule.ref, Call.UNKNOWN, (reason(_UNUSABLE, text),))
    if decision.call is not Call.ACT:
        return decision
    tri, _ = ctx.value("status")
    if tri is Tri.UNKNOWN:
        # The status might be a finished one, and finished tickets are never written to.
        raw = ctx.ticket.raw.get("status")
        seen = "the source does not tell the status" if raw is None else f"status {raw!r} is mapped to no word"
        text = f"{seen}, so it can't be told whether the ticket is still open; map it in the helpdesk's file"
        why = reason("STATUS_UNKNOWN", text, field="status", raw=raw)
        return replace(decision, call=Call.UNKNOWN, reasons=(*decision.reasons, why), wants=())
    return replace(decision, wake_at=ctx.now)


# --- memory ---------------------------------------------------------------------------------------------------------
def remember(memory: Memory, evaluation: Evaluation, now: datetime) -> Memory:
    """The memory with the situation that an evaluation found, and what its decisions keep: promises among it."""
    situation, since = evaluation.situation, evaluation.situation_since
    extra = dict(memory.extra)
    if stopped(evaluation.ticket) is not None:
        extra.pop("left", None)
    elif situation is None and memory.situation is not None and memory.situation_since is not None:
        extra["left"] = {"situation": memory.situation, "since": iso(memory.situation_since)}
    for decision in evaluation.decisions:
        for name, value in decision.keeps.items():
            if value is None:
                extra.pop(name, None)
            else:
                extra[name] = value
    return replace(
        memory,
        first_seen=memory.first_seen or now,
        situation=situation,
        situation_since=since,
        extra=extra if extra != memory.extra else memory.extra,
    )


def observe(before: Seen | None, after: Ticket, now: datetime, own: bool) -> Memory:
    """The memory of a ticket after it was read anew.

    Notices values that someone else set while the daemon watched: `human[field]`, and when, in `extra["human_at"]`.
    `own`: the difference to `before` is known to be the daemon's own write. Own writes older than 24 h, and what was
    done in episodes long ended, are forgotten. A ticket seen for the first time has no history: nothing is human.
    """
    if before is None:
        return Memory(first_seen=now)
    memory = before.memory
    extra, human = dict(memory.extra), dict(memory.human)
    human_at = dict(extra.get("human_at", {}))
    for field, value in _changed(before.ticket, after):
        if own or (field in memory.ours and memory.ours[field] == value):
            human.pop(field, None)
            human_at.pop(field, None)
        else:
            human[field] = value
            human_at[field] = iso(now)
    if human_at or "human_at" in extra:
        extra["human_at"] = human_at
    _keep_status_clock(extra, before.ticket, after, own=own)
    writes = recent_writes(memory, now)
    done = _still_done(memory, after, now)
    return replace(memory, human=human, writes=writes, done=done, extra=extra, first_seen=memory.first_seen or now)


def _changed(before: Ticket, after: Ticket) -> Iterator[tuple[str, Any]]:
    """(field, new value) of each watched field that is known both times and differs; the raw code where unmapped."""
    unknown = before.unknown | after.unknown
    for field in _WATCHED:
        old, new = getattr(before, field), getattr(after, field)
        if field in unknown:
            continue
        if old != new:
            yield field, new if new is not None else after.raw.get(field)
        elif old is None and before.raw.get(field) != after.raw.get(field):
            yield field, after.raw.get(field)
    if "custom" in unknown:
        return
    for name in sorted(before.custom.keys() & after.custom.keys()):
        field = f"custom.{name}"
        if field not in unknown and before.custom[name] != after.custom[name]:
            yield field, after.custom[name]


def _keep_status_clock(extra: dict[str, Any], before: Ticket, after: Ticket, *, own: bool) -> None:
    """Remember from when the status really counts where an own toggle moved its stamp but not the status."""
    kept = extra.get("status_kept")
    old, new = (None if ticket.status_since is None else iso(ticket.status_since) for ticket in (before, after))
    if old == new:
        return
    extra.pop("status_kept", None)
    if own and before.status == after.status and old is not None and new is not None:
        extra["status_kept"] = {"shown": new, "since": kept["since"] if kept and kept["shown"] == old else old}


def _without_own_toggle(ticket: Ticket, extra: Mapping[str, Any]) -> Ticket:
    """The ticket with the `status_since` it would have without our toggles: own writes are not activity."""
    kept: Mapping[str, str] | None = extra.get("status_kept")
    if kept is None or ticket.status_since is None or iso(ticket.status_since) != kept["shown"]:
        return ticket
    return replace(ticket, status_since=datetime.fromisoformat(kept["since"]))


def _still_done(memory: Memory, ticket: Ticket, now: datetime) -> Mapping[str, str]:
    """The done keys without those of episodes that ended long ago."""
    if not memory.done:
        return memory.done
    anchors = [getattr(ticket, name) for name in _ANCHORS]
    marks = [f":{iso(at)}:" for at in (*anchors, memory.situation_since) if at is not None]
    left = memory.extra.get("left")
    if left is not None:
        marks.append(f":{left['since']}:")
    kept = {
        key: at
        for key, at in memory.done.items()
        if not key.startswith(_EPISODIC)
        or now - datetime.fromisoformat(at) < _DONE_KEPT
        or any(mark in key for mark in marks)
    }
    return kept if len(kept) != len(memory.done) else memory.done
