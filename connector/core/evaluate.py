"""One ticket against one policy at one instant: every rule's answer, the situation it is in, and when to look again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from connector.core.guard import recent_writes
from connector.core.model import Call, Decision, Evaluation, Memory, Reason, RuleRef, Ticket
from connector.core.policy import NO_DUTY, NOTHING_BESIDE, Beside, Context, Duty, Policy, Rule
from connector.core.rules._common import answer, earliest, fold, iso, reason, situation_named, stopped, unresolved
from connector.core.rules._pauses import observed_pauses
from connector.core.rules.situation import SituationRule, detection
from connector.core.shortlist import shortlist
from connector.core.tri import Tri
from connector.core.worktime import WorkTimeError

_TAG = "esc:"
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
    ctx = Context(policy, _without_own_toggle(ticket, memory), memory, now, duty)
    ctx.beside = beside if related is None else replace(beside, related=tuple(related))
    end = stopped(ticket)
    ctx.brief = brief
    decisions = list(_enter_situation(ctx, detect=end is None))
    if end is None:
        decisions = [_with_course(ctx, told) for told in decisions]
    for told in decisions:
        ctx.learn(told.keeps)
    if brief:
        found = _briefly(ctx, ticket, decisions, end)
        if not any(one.call is Call.UNKNOWN and one.reasons[0].code == _UNUSABLE for one in found.decisions):
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


def _briefly(ctx: Context, ticket: Ticket, decisions: list[Decision], end: Reason | None) -> Evaluation:
    """The rest of an evaluation of which only what must be done, asked or remembered is wanted."""
    known = shortlist(ctx.policy, _asked_later)
    wake = None if end is not None else earliest(*(decision.wake_at for decision in decisions))
    speaking = [decision for decision in decisions if _speaks(decision)]
    for entry in known.resting() if end is not None else known.rules(ctx):
        rule, condition = entry.rule, entry.condition
        if end is not None:
            decision = _resting(ctx, rule, end)
        elif entry.gated and condition is not None and condition.test(ctx) is Tri.NO:
            at = condition.wake(ctx)
            if at is not None and (wake is None or at < wake):
                wake = at
            continue
        else:
            decision = _ask(ctx, rule)
            at = decision.wake_at
            if at is not None and (wake is None or at < wake):
                wake = at
        if _speaks(decision):
            ctx.learn(decision.keeps)
            speaking.append(decision)
    return Evaluation(ticket, tuple(speaking), wake, ctx.situation, ctx.situation_since, ctx.situation_by)


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


def _ask(ctx: Context, rule: Rule) -> Decision:
    try:
        memory = ctx.memory
        decision = rule.decide(ctx)
        if ctx.brief and _speaks(decision):
            # Once more, for its reasons: from what was known before, and not from what was found without reasons.
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


# --- the situation --------------------------------------------------------------------------------------------------
def _enter_situation(ctx: Context, *, detect: bool) -> Iterator[Decision]:
    """Set the situation of `ctx` and yield what there is to say about it."""
    policy, ticket = ctx.policy, ctx.ticket
    if not policy.situations:
        return
    if ticket.escalation_type:
        situation = situation_named(policy, ticket.escalation_type)
        if situation is not None:
            yield _entered(ctx, situation, "field", ticket.escalation_type)
            return
        doubt = unresolved(policy, ticket)
        if doubt is not None:
            yield answer(ctx, _field_ref(policy), Call.UNKNOWN if detect else Call.NO, (doubt,))
    tagged = [tag for tag in ticket.tags if fold(tag).startswith(_TAG)]
    for tag in tagged:
        situation = _by_id(policy, fold(tag).removeprefix(_TAG))
        if situation is not None:
            yield _entered(ctx, situation, "tag", tag)
            return
    for tag in tagged:
        text = f"the tag {tag!r} names no situation of this policy"
        why = reason("SITUATION_UNKNOWN", text, field="tags", value=tag)
        yield answer(ctx, _field_ref(policy), Call.UNKNOWN if detect else Call.NO, (why,))
    if ticket.escalation_type or not detect:
        return
    # All are asked before one is entered, so that what they say does not depend on their order.
    asked = []
    for one in shortlist(policy, _asked_later).detections(ctx) if ctx.brief else policy.situations.values():
        if ctx.brief and one.detect is not None and (one.suggest or one.detect.test(ctx) is Tri.NO):
            at = one.detect.wake(ctx)
            if at is not None:
                yield answer(ctx, one.ref, Call.NO, (), wake_at=at)
        elif one.detect is not None:
            asked.append((one, *detection(ctx, one)))
    first = next((candidate for candidate, enters, _ in asked if enters), None)
    for candidate, _, decision in asked:
        if candidate is first:
            entered = _entered(ctx, candidate.id, "detect", None, decision.reasons)
            yield replace(entered, wake_at=decision.wake_at)
        else:
            yield decision


def _by_id(policy: Policy, folded: str) -> str | None:
    return next((situation for situation in policy.situations if fold(situation) == folded), None)


def _entered(ctx: Context, situation: str, by: str, value: str | None, evidence: tuple[Reason, ...] = ()) -> Decision:
    since = _since(ctx, situation, by)
    ctx.situation, ctx.situation_since, ctx.situation_by = situation, since, by
    if ctx.brief and ctx.policy.situations[situation].course is None:
        return answer(ctx, ctx.policy.situations[situation].ref, Call.NO, ())
    text = f"in situation {situation} since {iso(since)}, known by {by}"
    why = reason("IN_SITUATION", text, situation=situation, since=since, by=by, value=value)
    return answer(ctx, ctx.policy.situations[situation].ref, Call.NO, (why, *evidence))


def _since(ctx: Context, situation: str, by: str) -> datetime:
    """The start of the episode: as the helpdesk tells it, else as remembered, else now, to the second."""
    if ctx.ticket.escalated_at is not None:
        return ctx.ticket.escalated_at
    memory = ctx.memory
    if memory.situation == situation and memory.situation_since is not None:
        return memory.situation_since
    left = memory.extra.get("left")
    if by == "detect" and left is not None and left["situation"] == situation:
        # A detection that goes out and comes back (our own writes may cause that) must not renew caps and ages.
        return datetime.fromisoformat(left["since"])
    return ctx.now.replace(microsecond=0)


def _field_ref(policy: Policy) -> RuleRef:
    """Where the escalation field is mapped: the place to mend a value that means nothing."""
    for field_map in policy.maps.values():
        if "escalation_type" in field_map.fields or "escalation_type" in field_map.headings:
            return RuleRef("situation", "escalation_type", field_map.file, 1)
    first = next(iter(policy.situations.values())).ref
    return RuleRef("situation", "escalation_type", first.file, first.line)


# --- memory ---------------------------------------------------------------------------------------------------------
def remember(memory: Memory, evaluation: Evaluation, now: datetime, policy: str | None = None) -> Memory:
    """The memory with the situation that an evaluation found.

    `policy`: digest of the policy asked. Where it is given it is held from the beginning of an episode to its end;
    without it `memory.policy` stays as it is.
    """
    situation, since = evaluation.situation, evaluation.situation_since
    extra, held = dict(memory.extra), memory.policy
    if stopped(evaluation.ticket) is not None:
        extra.pop("left", None)
    elif situation is None and memory.situation is not None and memory.situation_since is not None:
        extra["left"] = {"situation": memory.situation, "since": iso(memory.situation_since)}
    if policy is not None and situation is None:
        held = None
    elif policy is not None and (situation, since) != (memory.situation, memory.situation_since):
        held = policy
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
        policy=held,
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


def _without_own_toggle(ticket: Ticket, memory: Memory) -> Ticket:
    """The ticket with the `status_since` it would have without our toggles: own writes are not activity."""
    kept: Mapping[str, str] | None = memory.extra.get("status_kept")
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
