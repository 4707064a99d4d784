"""What a row of a repeat table has done: told, created, escalated; each once for its earlier request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.core.model import EMPTY, Reason, Ticket, Want
from connector.core.policy import Context
from connector.core.rules._common import (
    RAISES,
    done_reason,
    fold,
    human_since,
    iso,
    rank_of,
    reason,
    why_not_priority,
    written,
)
from connector.core.tri import Tri

#: What a new ticket takes over from the one it is created for, where it is known.
_REQUESTER = ("requester", "requester_email", "requester_phone")


@dataclass(frozen=True, slots=True)
class Create:
    """A follow-up ticket: its kind (one of a kind for each earlier request), texts and typification."""

    kind: str
    subject: str
    body: str
    typed: Mapping[str, Any] = field(default=EMPTY)
    channels: Mapping[str, str] = field(default=EMPTY)
    copy: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Escalate:
    """Who takes the insistence over, who is told, and how urgent it becomes."""

    assign: str | None = None
    notify: tuple[str, ...] = ()
    priority: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row decides. `tell` and `customer_files` name texts; rows with equal outcomes agree."""

    tell: str | None = None
    customer_files: str | None = None
    create: Create | None = None
    escalate: Escalate | None = None

    def words(self) -> str:
        """The outcome in a few words, for reasons."""
        parts = [
            *(["tell"] if self.tell else []),
            *(["the customer files it"] if self.customer_files else []),
            *([f"create {self.create.kind!r}"] if self.create else []),
            *(["escalate"] if self.escalate else []),
        ]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Case:
    """An insistence with its earlier request and follow-up, as far as they are known.

    `earlier`: an insistence on the same request that came before this one and is still open. `row`: the row in words,
    `since` when it was first seen to hold.
    """

    rule: str
    first: Ticket
    follow_up: Ticket | None
    deadline: datetime | None
    earlier: Ticket | None
    row: str
    by: str
    link: str | None
    since: datetime
    body: str | None = None

    def values(self) -> dict[str, Any]:
        """What texts may say of it."""
        return {
            "body": self.body,
            "first": self.first.id,
            "first_subject": self.first.subject,
            "follow_up": self.follow_up.id if self.follow_up else None,
            "deadline": self.deadline,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """One step: a want, or why there is none. `stuck`: it should be done and can't; people must be told."""

    want: Want | None
    why: Reason
    stuck: bool = False


def parts(ctx: Context, case: Case, outcome: Outcome) -> Iterator[Part]:
    """Every step of an outcome, in order."""
    for name, text in (("tell", outcome.tell), ("files", outcome.customer_files)):
        if text is not None:
            yield _tell(ctx, case, name, text)
    if outcome.create is not None:
        yield _create(ctx, case, outcome.create)
    if outcome.escalate is not None:
        yield from _escalate(ctx, case, outcome.escalate)


def _key(ctx: Context, case: Case, part: str) -> str:
    return f"repeat:{case.rule}:{ctx.ticket.id}:{case.first.id}:{part}"


def _tell(ctx: Context, case: Case, name: str, text: str) -> Part:
    # A text written in place is named by its place, which moves with every edit; the row's facts do not.
    key = _key(ctx, case, f"{name}:{case.row if ':' in text else text}")
    if key in ctx.memory.done:
        return Part(None, done_reason(key, ctx.memory))
    filled, problem = written(ctx, text, **case.values())
    if filled is None:
        return Part(None, problem or reason("TEXT_UNFILLABLE", f"text {text!r} can't be filled in"), stuck=True)
    why = reason("TELL", f"the customer is told about request {case.first.id}", first=case.first.id, by=case.by)
    if case.by == "reply":
        return Part(Want("reply", key, text=filled, due=case.since, reaches_customer=True), why)
    return Part(Want("note", key, text=filled, due=case.since, details={"private": True}), why)


# --- a follow-up ticket ---------------------------------------------------------------------------------------------
def _create(ctx: Context, case: Case, create: Create) -> Part:
    key = f"repeat:{case.first.id}:create:{create.kind}"
    if key in ctx.memory.done:
        return Part(None, done_reason(key, ctx.memory))
    if key in ctx.beside.done:
        text = f"a follow-up of kind {create.kind!r} was created for request {case.first.id} already"
        return Part(None, reason("CREATED_BEFORE", text, first=case.first.id, key=key))
    if case.earlier is not None:
        text = f"insistence {case.earlier.id} on the same request came before and is still open: it creates the ticket"
        return Part(None, reason("EARLIER_INSISTENCE", text, first=case.first.id, ticket=case.earlier.id))
    missing = [name for name in create.needs if ctx.value(name)[0] is not Tri.YES]
    if missing:
        text = f"no follow-up is created without {', '.join(missing)}: ask the customer and write it into the ticket"
        return Part(None, reason("FACTS_MISSING", text, missing=missing), stuck=True)
    if ctx.value("channel")[0] is Tri.UNKNOWN:
        text = "the channel is not known, so the channel of the follow-up can't be told"
        return Part(None, reason("CHANNEL_UNKNOWN", text, raw=ctx.ticket.raw.get("channel")), stuck=True)
    texts = {}
    for name, text in (("subject", create.subject), ("body", create.body)):
        filled, problem = written(ctx, text, **case.values())
        if filled is None:
            return Part(None, problem or reason("TEXT_UNFILLABLE", f"{name} can't be filled in"), stuck=True)
        texts[name] = filled
    texts["subject"] = " ".join(texts["subject"].split())
    owners = {name: ctx.policy.people[create.typed[name]].name for name in ("group", "agent") if name in create.typed}
    fields = {**texts, **_taken(ctx, case, create), **create.typed, **owners}
    words = f"a follow-up of kind {create.kind!r} is created for request {case.first.id}"
    why = reason("CREATE", words, first=case.first.id, kind=create.kind)
    details = {"first": case.first.id, "kind": create.kind}
    return Part(Want("create", key, fields, due=case.since, details=details), why)


def _taken(ctx: Context, case: Case, create: Create) -> dict[str, Any]:
    """What the new ticket takes over: who asks, the channel by its rule, fields to copy, the link to the first."""
    taken: dict[str, Any] = {}
    for name in (*_REQUESTER, *create.copy):
        tri, value = ctx.value(name)
        if tri is not Tri.YES and name in create.copy:
            tri, value = Context(ctx.policy, case.first, ctx.memory, ctx.now).value(name)
        if tri is Tri.YES:
            taken[name] = value
    channel = ctx.ticket.channel
    if channel is not None:
        taken["channel"] = create.channels.get(channel, channel)
    if case.link is not None:
        taken[case.link] = case.first.id
    return taken


# --- an escalation --------------------------------------------------------------------------------------------------
def _escalate(ctx: Context, case: Case, escalate: Escalate) -> Iterator[Part]:
    text: str | None = None
    problem: Reason | None = None
    if escalate.note is not None:
        text, problem = written(ctx, escalate.note, **case.values())
    steps = {
        "assign": escalate.assign is not None,
        "priority": escalate.priority is not None,
        "note": escalate.note is not None,
        "notify": bool(escalate.notify),
    }
    for name, wanted in steps.items():
        if not wanted:
            continue
        key = _key(ctx, case, f"escalate:{name}")
        if key in ctx.memory.done:
            yield Part(None, done_reason(key, ctx.memory))
        elif name == "assign":
            yield _assign(ctx, case, escalate, key)
        elif name == "priority":
            yield _raise(ctx, case, escalate, key)
        elif name == "note":
            yield _note(case, key, text, problem)
        else:
            why = reason("NOTIFY", f"{', '.join(escalate.notify)} told", to=list(escalate.notify))
            yield Part(Want("notify", key, text=text, to=escalate.notify, due=case.since), why)


def _note(case: Case, key: str, text: str | None, problem: Reason | None) -> Part:
    if text is None:
        return Part(None, problem or reason("TEXT_UNFILLABLE", "the note can't be filled in"), stuck=True)
    why = reason("NOTE", "a private note says why it is escalated")
    return Part(Want("note", key, text=text, due=case.since, details={"private": True}), why)


def _assign(ctx: Context, case: Case, escalate: Escalate, key: str) -> Part:
    person = ctx.policy.people[escalate.assign or ""]
    name = person.kind
    tri, current = ctx.value(name)
    if tri is Tri.UNKNOWN:
        text = f"the {name} is not known, so it can't be told whether it is {person.name} already"
        return Part(None, reason("ASSIGNEE_UNKNOWN", text, field=name), stuck=True)
    values = {"field": name, "current": current, "wanted": person.name}
    by_id = ctx.ticket.raw.get(name) in set(person.ids.values())
    if by_id or (current is not None and fold(current) == fold(person.name)):
        return Part(None, reason("ALREADY", f"the {name} is {person.name} already", **values))
    if name in ctx.memory.human:
        since = human_since(ctx.memory, name)
        if since is None or since >= case.since:
            text = f"someone set the {name} to {current} after the escalation was due; it is not fought over"
            return Part(None, reason("HUMAN_SET", text, **values, since=None if since is None else iso(since)))
    if ctx.memory.ours.get(name) is not None and fold(str(ctx.memory.ours[name])) == fold(person.name):
        text = f"the {name} was set to {person.name} before and is {current} again; it is not fought over"
        return Part(None, reason("CHANGED_BACK", text, **values))
    why = reason("ASSIGN", f"the {name} becomes {person.name}", **values)
    want = Want("assign", key, {name: person.name}, to=(person.key,), due=case.since, details={"first": case.first.id})
    return Part(want, why)


def _raise(ctx: Context, case: Case, escalate: Escalate, key: str) -> Part:
    wanted = escalate.priority or ""
    refusal = why_not_priority(ctx, wanted)
    if refusal is not None:
        return Part(None, refusal[1])
    current = ctx.ticket.priority
    why = reason("RAISE", f"priority {current or 'none'} becomes {wanted}", priority=current, wanted=wanted)
    return Part(Want("set", key, {"priority": wanted}, due=case.since, rank=RAISES + rank_of(wanted)), why)
