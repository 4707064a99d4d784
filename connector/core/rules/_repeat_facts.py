"""The facts of an insistence: its earlier request, a follow-up ticket, their deadlines, and what the pack declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connector.core import kin
from connector.core.conditions_base import equal_key
from connector.core.model import EMPTY, Memory, Reason, Ticket
from connector.core.policy import Condition, Context, Span
from connector.core.rules._common import evidence, iso, reason
from connector.core.rules._deadlines import clock
from connector.core.tri import Tri, all_of, any_of

FIRST, FIRST_DEADLINE, FOLLOW_UP, FOLLOW_UP_DEADLINE = "first", "first_deadline", "follow_up", "follow_up_deadline"
#: The facts every repeat table has, with their values.
BUILT_IN: Mapping[str, tuple[str, ...]] = {
    FIRST: ("unanswered", "answered"),
    FIRST_DEADLINE: ("within", "overdue"),
    FOLLOW_UP: ("none", "unanswered", "answered"),
    FOLLOW_UP_DEADLINE: ("within", "overdue"),
}
_LOST = frozenset(("spam", "deleted", "merged", "missing"))
_ANSWERED_AT = ("resolved_at", "closed_at", "first_responded_at", "agent_responded_at")


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact the pack declares: its values, the condition of each, of which tickets, and what holds where none does."""

    values: tuple[str, ...]
    when: Mapping[str, Condition] = field(default=EMPTY)
    of: tuple[str, ...] = ("insistence",)
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Deadline:
    """When an answer is due: by a field of the ticket, else some time after it was created."""

    field: str = "due_by"
    after: Span | None = None
    calendar: str | None = None

    def of(self, ctx: Context, ticket: Ticket) -> datetime | None:
        """The instant, None where it can't be told."""
        tri, at = _on(ctx, ticket).value(self.field)
        if tri is Tri.YES and isinstance(at, datetime):
            return at
        if tri is Tri.UNKNOWN or self.after is None or ticket.created_at is None:
            return None
        return self.after.after(ticket.created_at, ctx.policy.calendar(self.calendar))

    def told(self, ctx: Context, ticket: Ticket) -> dict[str, object]:
        """For explanations: where the instant of `of` comes from, and what was counted for it."""
        tri, at = _on(ctx, ticket).value(self.field)
        if tri is Tri.YES and isinstance(at, datetime):
            return {"by": self.field, "due": iso(at)}
        due = self.of(ctx, ticket)
        if due is None or self.after is None or ticket.created_at is None:
            return {"by": self.field, "due": None}
        name = self.calendar or ctx.policy.default_calendar
        values = clock(self.after, ticket.created_at, ctx.now, ctx.policy.calendar(name), name, due)
        return {
            "by": f"{self.after.text} after it was created",
            "since": iso(ticket.created_at),
            "due": iso(due),
            **values,
        }


@dataclass(frozen=True, slots=True)
class Matter:
    """What makes two tickets one subject matter: an equal field, or enough words in common."""

    fields: tuple[str, ...] = ("category", "type")
    words: float | None = None
    least: int = 2
    ignored: frozenset[str] = frozenset()
    unsaid: bool = False

    def same(self, ctx: Context, one: Ticket, other: Ticket) -> Tri:
        """YES, NO, or UNKNOWN where the source does not tell what would decide it."""
        if self.unsaid and self._says_nothing(ctx, one):
            return Tri.YES
        answers = [_equal(_on(ctx, one), _on(ctx, other), name) for name in self.fields]
        if self.words is not None:
            answers.append(self._by_words(one, other))
        return any_of(answers)

    def _says_nothing(self, ctx: Context, one: Ticket) -> bool:
        """Whether the insistence tells nothing of its matter, so that any request of the customer fits."""
        there = _on(ctx, one)
        fields = ("subject", "body") if self.words is not None else ()
        if any(name in one.unknown for name in (*self.fields, *fields)):
            return False
        filled = any(there.value(name)[0] is not Tri.NO for name in self.fields)
        return not filled and len(kin.words(one, self.ignored)) < self.least

    def _by_words(self, one: Ticket, other: Ticket) -> Tri:
        mine, theirs = kin.words(one, self.ignored), kin.words(other, self.ignored)
        if len(mine & theirs) >= self.least and kin.overlap(mine, theirs) >= (self.words or 0):
            return Tri.YES
        unread = {"subject", "body"} & (one.unknown | other.unknown)
        return Tri.UNKNOWN if unread else Tri.NO


@dataclass(frozen=True, slots=True)
class Linking:
    """How an insistence finds its earlier request among the tickets of its customer."""

    insists: Condition
    is_follow_up: Condition
    person: tuple[str, ...]
    contract: bool
    exclude: frozenset[str]
    matter: Matter
    window: timedelta
    link: str | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of keys by which a customer is known."""
        return (*self.person, *(("contract",) if self.contract else ()))

    def keys(self, ticket: Ticket) -> dict[str, str]:
        """What the ticket tells of its customer, proxy accounts left out."""
        return {kind: key for kind, key in kin.keys(ticket, self.kinds).items() if key not in self.exclude}


@dataclass(frozen=True, slots=True)
class Found:
    """The tickets of an insistence. `unsure`: why the earlier request, or whether there is a follow-up, is unknown."""

    first: Ticket | None = None
    follow_up: Ticket | None = None
    earlier: Ticket | None = None
    unsure: Reason | None = None
    follow_up_known: bool = True
    reasons: tuple[Reason, ...] = ()


def _on(ctx: Context, ticket: Ticket) -> Context:
    """Another ticket looked at under the same policy, at the same instant."""
    return ctx if ticket is ctx.ticket else Context(ctx.policy, ticket, Memory(), ctx.now)


def _equal(one: Context, other: Context, name: str) -> Tri:
    (mine, left), (theirs, right) = one.value(name), other.value(name)
    if mine is Tri.YES and theirs is Tri.YES:
        return Tri.of(equal_key(str(left)) == equal_key(str(right)))
    return all_of((mine, theirs))


# --- the tickets ----------------------------------------------------------------------------------------------------
def find(ctx: Context, by: Linking, related: Sequence[Ticket]) -> Found:
    """The earlier request, its newest follow-up, and an earlier open insistence on it, among the related tickets."""
    known = by.keys(ctx.ticket)
    if not known:
        unread = kin.unknown_fields(ctx.ticket, by.kinds)
        if unread:
            text = f"the source does not tell {' and '.join(unread)}, so the customer's earlier tickets can't be found"
            return Found(unsure=reason("CUSTOMER_UNKNOWN", text, fields=list(unread)))
        why = "nothing on the ticket tells whose it is, proxy accounts left out"
        return Found(reasons=(reason("NO_CUSTOMER", why),))
    kindred = [one for one in related if _is_kin(ctx, by, one, set(known.values()))]
    link = _linked(ctx, by)
    if link is not None:
        first = next((one for one in kindred if one.id == link), None)
        if first is None:
            text = f"the ticket names request {link}, which is none of this customer's tickets in the window"
            return Found(unsure=reason("LINK_NOT_FOUND", text, first=link))
        found = reason("FIRST_LINKED", f"the ticket names request {link}", first=link)
    else:
        answer = _first(ctx, by, kindred)
        if isinstance(answer, Reason):
            sure = answer.code == "NO_EARLIER"
            return Found(reasons=(answer,)) if sure else Found(unsure=answer)
        first = answer
        text = f"it insists on request {first.id}: same customer, same subject matter"
        found = reason("FIRST_FOUND", text, first=first.id, created=first.created_at)
    follow_up, sure = _follow_up(ctx, by, first, kindred)
    return Found(first, follow_up, _earlier(ctx, by, first, kindred), None, sure, (found,))


def _is_kin(ctx: Context, by: Linking, one: Ticket, known: set[str]) -> bool:
    if one.id == ctx.ticket.id or one.gone in _LOST or one.created_at is None:
        return False
    begin = (ctx.ticket.created_at or ctx.now) - by.window
    return one.created_at >= begin and not known.isdisjoint(by.keys(one).values())


def _linked(ctx: Context, by: Linking) -> str | None:
    if by.link is None:
        return None
    tri, value = ctx.value(by.link)
    return str(value).strip().lstrip("#") or None if tri is Tri.YES else None


def _age(ticket: Ticket) -> tuple[datetime, tuple[int, str]]:
    assert ticket.created_at is not None
    return ticket.created_at, (len(ticket.id), ticket.id)


def _before(ctx: Context, one: Ticket) -> bool:
    mine = ctx.ticket
    return mine.created_at is None or _age(one) < (mine.created_at, (len(mine.id), mine.id))


def _first(ctx: Context, by: Linking, kindred: Sequence[Ticket]) -> Ticket | Reason:
    """The newest earlier request on the same matter, or why there is none or it can't be told."""
    for one in sorted((one for one in kindred if _before(ctx, one)), key=_age, reverse=True):
        there = _on(ctx, one)
        other_kind = any_of((by.is_follow_up.test(there), by.insists.test(there)))
        fits = all_of((~other_kind, by.matter.same(ctx, ctx.ticket, one)))
        if fits is Tri.YES:
            return one
        if fits is Tri.UNKNOWN:
            text = f"whether it insists on request {one.id} can't be told: the source says too little"
            return reason("FIRST_UNSURE", text, ticket=one.id)
    return reason("NO_EARLIER", "the customer has no earlier request on the same matter", looked_at=len(kindred))


def _follow_up(ctx: Context, by: Linking, first: Ticket, kindred: Sequence[Ticket]) -> tuple[Ticket | None, bool]:
    """(the newest follow-up of the request, whether that is sure)."""
    for one in sorted((one for one in kindred if _age(one) > _age(first)), key=_age, reverse=True):
        there = _on(ctx, one)
        tri = by.is_follow_up.test(there)
        linked = _linked(there, by)
        if tri is Tri.NO or (linked is not None and linked != first.id):
            continue
        return (one, True) if tri is Tri.YES else (None, False)
    return None, True


def _earlier(ctx: Context, by: Linking, first: Ticket, kindred: Sequence[Ticket]) -> Ticket | None:
    """The oldest open insistence on the same request before this one."""
    for one in sorted((one for one in kindred if _before(ctx, one) and _age(one) > _age(first)), key=_age):
        there = _on(ctx, one)
        if one.gone is None and one.status not in ("completed", "closed") and by.insists.test(there) is Tri.YES:
            linked = _linked(there, by)
            same = by.matter.same(ctx, one, first) if linked is None else Tri.of(linked == first.id)
            if by.is_follow_up.test(there) is Tri.NO and same is Tri.YES:
                return one
    return None


# --- the facts ------------------------------------------------------------------------------------------------------
def answered(ctx: Context, ticket: Ticket, when: Condition | None) -> Tri:
    """Whether a request was answered: by the pack's condition, else once finished or replied to by an agent."""
    there = _on(ctx, ticket)
    if when is not None:
        return when.test(there)
    tri, status = there.value("status")
    finished = tri if tri is Tri.UNKNOWN else Tri.of(status in ("completed", "closed"))
    return any_of((finished, *(there.value(name)[0] for name in _ANSWERED_AT)))


def unread_since(ctx: Context, found: Found, when: Condition | None) -> bool:
    """Whether the follow-up was both filed and answered after the customer last spoke on the insistence: what was said
    then can't be about that answer."""
    filed, spoke = found.follow_up, ctx.ticket.customer_responded_at
    if filed is None or filed.created_at is None or ctx.ticket.created_at is None:
        return False
    later = _age(filed) > _age(ctx.ticket) and (spoke is None or filed.created_at > spoke)
    return later and answered(ctx, filed, when) is Tri.YES


def built_in(
    ctx: Context, found: Found, when: Condition | None, deadline: Deadline, follow_up_deadline: Deadline
) -> Iterator[tuple[str, tuple[str, ...], datetime | None]]:
    """(fact, its possible values, the instant at which time alone changes it) for the facts of every table."""
    assert found.first is not None
    for fact, at_fact, ticket, due in (
        (FIRST, FIRST_DEADLINE, found.first, deadline),
        (FOLLOW_UP, FOLLOW_UP_DEADLINE, found.follow_up, follow_up_deadline),
    ):
        if ticket is None:
            yield fact, ("none",) if found.follow_up_known else BUILT_IN[fact], None
            continue
        tri = answered(ctx, ticket, when)
        both = ("unanswered", "answered")
        yield fact, both if tri is Tri.UNKNOWN else ("answered",) if tri is Tri.YES else ("unanswered",), None
        at = due.of(ctx, ticket)
        if at is None:
            yield at_fact, BUILT_IN[at_fact], None
        else:
            yield at_fact, ("within",) if ctx.now < at else ("overdue",), at if ctx.now < at else None


def declared(ctx: Context, found: Found, fact: Fact) -> tuple[tuple[str, ...], tuple[Reason, ...], datetime | None]:
    """(possible values, evidence, next instant) of a declared fact: of the first ticket asked that tells it.

    The values exclude each other, so one that holds is the value; two that hold can't be told apart.
    """
    reasons: list[Reason] = []
    wakes: list[datetime] = []
    maybe: set[str] = set()
    for whose in fact.of if fact.when else ():
        ticket = {"insistence": ctx.ticket, "first": found.first, "follow_up": found.follow_up}[whose]
        if ticket is None:
            continue
        there = _on(ctx, ticket)
        told = {value: when.tell(there) for value, when in fact.when.items()}
        wakes += [at for at in (when.wake(there) for when in fact.when.values()) if at is not None]
        yes = tuple(value for value, one in told.items() if one.tri is Tri.YES)
        if yes:
            reasons += [each for value in yes for each in evidence(told[value])]
            return yes, tuple(reasons), min(wakes, default=None)
        maybe |= {value for value, one in told.items() if one.tri is Tri.UNKNOWN}
    left = fact.values
    if fact.otherwise is not None:
        left = tuple(value for value in left if value in maybe or value == fact.otherwise)
    return left, tuple(reasons), min(wakes, default=None)
