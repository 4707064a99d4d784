"""Which situation a ticket is in, and since when: by the mapped field, by a tag, or by a `detect:` of the pack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from connector.core.model import Call, Decision, Reason, RuleRef
from connector.core.policy import Context, Policy
from connector.core.rules._common import answer, fold, iso, reason, situation_named, unresolved
from connector.core.rules.situation import detection
from connector.core.shortlist import Shortlist
from connector.core.tri import Tri

_TAG = "esc:"


def entering(ctx: Context, known: Shortlist | None, *, detect: bool) -> list[Decision]:
    """Set the situation of `ctx`; what there is to say about it. `known`: the shortlist, where all is told briefly."""
    ticket = ctx.ticket
    signs = ticket.tags or ticket.escalation_type or ticket.unknown
    if known is not None and not signs and not (detect and known.detections(ctx)):
        return []  # what nearly all tickets are: in none
    return list(_entering(ctx, known, detect=detect))


def _entering(ctx: Context, known: Shortlist | None, *, detect: bool) -> Iterator[Decision]:
    policy, ticket = ctx.policy, ctx.ticket
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
    for one in known.detections(ctx) if known is not None else policy.situations.values():
        if known is not None and one.detect is not None and (one.suggest or one.detect.test(ctx) is Tri.NO):
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
