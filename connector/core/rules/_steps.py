"""What a step of an escalation does: assign, raise the priority, leave a note, tell people, write the register.

Shared by the levels of a matrix and by what a broken promise sets off. Each part has an idempotency key of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from connector.core.model import EMPTY, PRIORITIES, Call, Reason, Ticket, Want
from connector.core.policy import Context, Person
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
from connector.core.spec import Duration, Either, Field, Many, Name, Record, Word
from connector.core.tri import Tri

#: In `notify:`, whoever the ticket is assigned to.
ASSIGNEE = "assignee"
PARTS = ("assign", "priority", "note", "notify", "register")
KINDS = ("functional", "hierarchical")
#: Kind of the rules that choose a person.
CHOOSING = "assignment"
_DESCRIBED = 500  # characters of the description in the register

TO = Many(Name("person", words=(ASSIGNEE,)))
_CHOSEN = Record((Field("by", Name(CHOOSING), "The assignment rule that chooses the person.", required=True),))
ASSIGN = Either(
    Name("person"),
    _CHOSEN,
)
#: The same without addresses outside the helpdesk.
HAND_TO = Either(Name("assignee"), _CHOSEN)
STEP_FIELDS = (
    Field("assign", ASSIGN, "The agent or group that gets the ticket, or the assignment rule that chooses one."),
    Field("notify", TO, "Who is told; `assignee` is whoever has the ticket.", default=()),
    Field("priority", Word(PRIORITIES), "The priority the ticket is raised to."),
    Field("note", Name("text"), "A private note: the name of a text, or the text itself."),
    Field(
        "kind",
        Word(KINDS),
        "To those who have the means (`functional`) or to someone senior (`hierarchical`); it is then recorded.",
    ),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom an assignment rule chose: a roster key, or None where that can't be told; why, and what to remember."""

    person: str | None
    reasons: tuple[Reason, ...]
    details: Mapping[str, Any] = field(default=EMPTY)
    keeps: Mapping[str, Any] = field(default=EMPTY)


@runtime_checkable
class Chooser(Protocol):
    """A rule that chooses a person."""

    def choose(self, ctx: Context, key: str) -> Choice:
        """The person for what `key` names; the same one again until that is done."""
        ...


def handed_to(given: Any) -> tuple[str | None, str | None]:
    """(a roster key, an assignment rule) of a parsed `ASSIGN` or `HAND_TO`: one of them, or neither where left out."""
    return (None, str(given["by"])) if isinstance(given, Mapping) else (given, None)


@dataclass(frozen=True, slots=True)
class Step:
    """What is done, as an admin wrote it. `by` names an assignment rule, in place of `assign`."""

    assign: str | None = None
    by: str | None = None
    notify: tuple[str, ...] = ()
    priority: str | None = None
    note: str | None = None
    kind: str | None = None

    @staticmethod
    def of(given: Mapping[str, Any]) -> Step:
        """The step of parsed values of `STEP_FIELDS`."""
        assign, by = handed_to(given.get("assign"))
        return Step(
            assign,
            by,
            tuple(given.get("notify") or ()),
            given.get("priority"),
            given.get("note"),
            given.get("kind"),
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be done."""
        return not (self.assign or self.by or self.notify or self.priority or self.note)


@dataclass(frozen=True, slots=True)
class Part:
    """One thing a step does: wanted now, or why not."""

    want: Want | None
    reasons: tuple[Reason, ...] = ()
    unknown: bool = False
    keeps: Mapping[str, Any] = field(default=EMPTY)


@dataclass(frozen=True, slots=True)
class Taking:
    """A step being taken: under which keys, since when due, at which level, why; `values` fill the texts."""

    key: Callable[[str], str]
    due: datetime
    level: int
    why: Reason
    values: Mapping[str, Any] = field(default=EMPTY)
    details: Mapping[str, Any] = field(default=EMPTY)
    record: Mapping[str, Any] = field(default=EMPTY)


def parts_of(ctx: Context, step: Step, taking: Taking) -> Iterator[Part]:
    """Every part of the step, in a fixed order; done ones say so and want nothing."""
    makers: dict[str, Callable[..., Part] | None] = {
        "assign": _assign if step.assign or step.by else None,
        "priority": _raise if step.priority else None,
        "note": _note if step.note else None,
        "notify": _notify if step.notify else None,
        "register": _register if step.kind else None,
    }
    assigned = step.assign
    for name, make in makers.items():
        if make is None:
            continue
        key = taking.key(name)
        if key in ctx.memory.done:
            yield Part(None, (done_reason(key, ctx.memory),), keeps=forget_choice(ctx, key))
            continue
        part = _register(ctx, step, taking, key, assigned) if make is _register else make(ctx, step, taking, key)
        if name == "assign" and part.want is not None:
            assigned = part.want.to[0]
        yield part


# --- assigning ------------------------------------------------------------------------------------------------------
def _chosen(key: str) -> str:
    return f"chosen:{key}"


def kept_choice(ctx: Context, key: str) -> str | None:
    """Whom was chosen for this key before, while that is not done."""
    kept = ctx.memory.extra.get(_chosen(key))
    return kept if isinstance(kept, str) else None


def keep_choice(key: str, person: str) -> dict[str, Any]:
    """What to keep of a choice."""
    return {_chosen(key): person}


def forget_choice(ctx: Context, key: str) -> dict[str, Any]:
    """What to keep of a choice once it is carried out: nothing."""
    return {_chosen(key): None} if _chosen(key) in ctx.memory.extra else {}


def chooser(ctx: Context, name: str) -> Chooser | None:
    """The assignment rule of this name."""
    for rule in ctx.policy.rules:
        if rule.ref.kind == CHOOSING and rule.ref.name == name and isinstance(rule, Chooser):
            return rule
    return None


def chosen_by(ctx: Context, name: str, key: str) -> Choice:
    """Whom the assignment rule of this name chooses for what `key` names; nobody where there is no such rule."""
    rule = chooser(ctx, name)
    if rule is None:
        text = f"there is no assignment rule {name!r} that is enabled, so nobody is chosen"
        return Choice(None, (reason("NO_CHOOSER", text, rule=name),))
    return rule.choose(ctx, key)


def _assign(ctx: Context, step: Step, taking: Taking, key: str) -> Part:
    details: dict[str, Any] = {"level": taking.level, **taking.details}
    if step.by is None:
        return assign_to(ctx, ctx.policy.people[step.assign or ""], key, taking.due, taking.level, details)
    choice = chosen_by(ctx, step.by, key)
    if choice.person is None:
        return Part(None, choice.reasons, unknown=True)
    person = ctx.policy.people[choice.person]
    part = assign_to(ctx, person, key, taking.due, taking.level, {**details, **choice.details})
    keeps = choice.keeps if part.want is not None else {}
    return Part(part.want, (*choice.reasons, *part.reasons), part.unknown, keeps)


def holds(ctx: Context, person: Person) -> bool:
    """Whether the ticket is this agent's or group's already: by name whatever its spelling, or by the helpdesk's id."""
    if person.kind not in ("agent", "group"):
        return False
    current = getattr(ctx.ticket, person.kind)
    by_id = ctx.ticket.raw.get(person.kind) in set(person.ids.values())
    return by_id or (current is not None and fold(current) == fold(person.name))


def assign_to(ctx: Context, person: Person, key: str, at: datetime, rank: int, details: Mapping[str, Any]) -> Part:
    """The ticket to this person, unless it is so already or a human set it since `at`."""
    if person.kind not in ("agent", "group"):
        text = f"{person.key} is an address outside the helpdesk: no ticket can be assigned to it"
        return Part(None, (reason("NOT_ASSIGNABLE", text, to=person.key),))
    name = person.kind
    tri, current = ctx.value(name)
    if tri is Tri.UNKNOWN and not holds(ctx, person):
        text = f"the {name} is not known, so it can't be told whether it is {person.name} already"
        return Part(None, (reason("ASSIGNEE_UNKNOWN", text, field=name),), unknown=True)
    values = {"field": name, "current": current, "wanted": person.name}
    if holds(ctx, person):
        return Part(None, (reason("ALREADY", f"the {name} is {person.name} already", **values),))
    if name in ctx.memory.human:
        since = human_since(ctx.memory, name)
        if since is None or since >= at:
            text = f"someone set the {name} to {current} after the level was due; it is not fought over"
            return Part(None, (reason("HUMAN_SET", text, **values, human=ctx.memory.human[name], since=since),))
    ours = ctx.memory.ours.get(name)
    if ours is not None and fold(str(ours)) == fold(person.name):
        text = f"the {name} was set to {person.name} before and is {current} again; it is not fought over"
        return Part(None, (reason("CHANGED_BACK", text, **values, ours=ours),))
    why = reason("ASSIGN", f"the {name} becomes {person.name}", **values)
    want = Want("assign", key, {name: person.name}, to=(person.key,), due=at, rank=rank, details=details)
    return Part(want, (why,))


# --- the other parts ------------------------------------------------------------------------------------------------
def _raise(ctx: Context, step: Step, taking: Taking, key: str) -> Part:
    assert step.priority is not None
    refusal = why_not_priority(ctx, step.priority)
    if refusal is not None:
        return Part(None, (refusal[1],), unknown=refusal[0] is Call.UNKNOWN)
    current, rank = ctx.ticket.priority, RAISES + rank_of(step.priority)
    text = f"priority {current or 'none'} becomes {step.priority}"
    details = {"level": taking.level, **taking.details}
    want = Want("set", key, {"priority": step.priority}, due=taking.due, rank=rank, details=details)
    return Part(want, (reason("RAISE", text, priority=current, wanted=step.priority),))


def _note(ctx: Context, step: Step, taking: Taking, key: str) -> Part:
    text, problem = written(ctx, step.note or "", level=taking.level, due=taking.due, **taking.values)
    if text is None:
        return Part(None, () if problem is None else (problem,))
    details = {"private": True, "level": taking.level, **taking.details}
    return Part(Want("note", key, text=text, due=taking.due, details=details))


def _notify(ctx: Context, step: Step, taking: Taking, key: str) -> Part:
    to, why = addressees(ctx, step.notify)
    if not to:
        return Part(None, why)
    values = {"level": taking.level, "due": taking.due, **taking.values}
    text = written(ctx, step.note, **values)[0] if step.note else None
    details = {"level": taking.level, **taking.details}
    return Part(Want("notify", key, text=text, to=to, due=taking.due, details=details), why)


def _register(ctx: Context, step: Step, taking: Taking, key: str, assigned: str | None) -> Part:
    """The record of one escalation: of which kind, to which level, from whom to whom, when and why."""
    to = (assigned,) if assigned else addressees(ctx, step.notify)[0]
    details = {
        **of_customer(ctx.ticket),
        "kind": step.kind,
        "level": taking.level,
        "from": {"group": ctx.ticket.group, "agent": ctx.ticket.agent},
        "to": list(to),
        "by": step.by,
        "when": iso(taking.due),
        "why": taking.why.text,
        "because": {"code": taking.why.code, "values": _scalars(taking.why)},
        **taking.details,
        **taking.record,
    }
    return Part(Want("register", key, to=to, due=taking.due, details=details))


def _scalars(why: Reason) -> dict[str, Any]:
    return {name: value for name, value in why.values.items() if isinstance(value, str | int | bool)}


def of_customer(ticket: Ticket) -> dict[str, str | None]:
    """What a record of the register tells of the customer and the case."""
    described = ticket.body or ticket.subject
    return {
        "customer": ticket.customer or ticket.requester,
        "phone": ticket.requester_phone,
        "email": ticket.requester_email,
        "product": ticket.product,
        "description": None if described is None else described[:_DESCRIBED],
    }


# --- who is told ----------------------------------------------------------------------------------------------------
def addressees(ctx: Context, to: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Reason, ...]]:
    """The roster keys of `notify:`, with the ticket's own agent or else group for `assignee`; why it is nobody."""
    found: list[str] = []
    for one in to:
        if one != ASSIGNEE:
            found.append(one)
            continue
        key, why = _assignee(ctx)
        if key is None:
            return tuple(dict.fromkeys([*found, *(each for each in to if each != ASSIGNEE)])), (why,)
        found.append(key)
    return tuple(dict.fromkeys(found)), ()


def _assignee(ctx: Context) -> tuple[str | None, Reason]:
    nobody = reason("ASSIGNEE_NOBODY", "nobody has the ticket, so there is no assignee to tell")
    for kind in ("agent", "group"):
        tri, current = ctx.value(kind)
        if tri is Tri.NO:
            continue
        for person in ctx.policy.people.values():
            if person.kind == kind and holds(ctx, person):
                return person.key, nobody
        if tri is Tri.UNKNOWN:
            text = f"the {kind} is not known, so the assignee can't be told"
            return None, reason("ASSIGNEE_UNKNOWN", text, field=kind)
        if kind == "agent":
            # Somebody has it whom the roster does not list: telling the whole group instead would be somebody else.
            text = f"the assignee {current} is not under `people:`, so there is no address; add them"
            return None, reason("ASSIGNEE_NOT_LISTED", text, agent=current)
    return None, nobody


def span_fields(doc: str) -> tuple[Field, ...]:
    """One span for each priority."""
    return tuple(Field(priority, Duration(), doc) for priority in reversed(PRIORITIES))
