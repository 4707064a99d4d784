"""Conditions on the three words every ticket has (status, priority, channel), on situations and on empty fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connector.core.conditions_base import NO, UNKNOWN, YES, Clause, listed, told, untold
from connector.core.meaning import Among, Meaning, Opposite, Present
from connector.core.meaning import Unanswered as UnansweredMeaning
from connector.core.model import CHANNELS, PRIORITIES, STATUSES
from connector.core.policy import Context, Told
from connector.core.rules._common import unresolved
from connector.core.spec import FieldName, Flag, Many, Name, Operator, Word
from connector.core.tri import Tri

ANY, NONE = "any", "none"


class _WordIs(Clause):
    """The field's canonical word is one of these."""

    __slots__ = ("_field", "_set", "_words")

    def __init__(self, field: str, words: tuple[str, ...]) -> None:
        self._field = field
        self._words = tuple(dict.fromkeys(words))
        self._set = frozenset(words)

    @property
    def meaning(self) -> Meaning:
        return Among(self._field, self._words)

    def test(self, ctx: Context) -> Tri:
        ticket = ctx.ticket
        if ticket.unknown and self._field in ticket.unknown:
            return UNKNOWN
        word = getattr(ticket, self._field)
        if word in self._set:
            return YES
        if word is None and self._field in ticket.raw:
            return UNKNOWN
        return NO

    @property
    def atom(self) -> str | None:
        return self._field

    def tell(self, ctx: Context) -> Told:
        tri, code = self.test(ctx), self._field.upper()
        wanted = list(self._words)
        if tri is UNKNOWN:
            return untold(ctx, code, self._field, wanted=wanted)
        word = getattr(ctx.ticket, self._field)
        if word is None:
            return told(tri, code, f"{self._field} is empty, not {listed(wanted)}", field=self._field, wanted=wanted)
        text = f"{self._field} is '{word}'" + ("" if tri is YES else f", not {listed(wanted)}")
        raw = ctx.ticket.raw.get(self._field)
        return told(tri, code, text, field=self._field, value=word, raw=raw, wanted=wanted)


class _InSituation(Clause):
    """The ticket is in one of these situations, in any, or in none."""

    __slots__ = ("_any", "_ids", "_none", "_wanted")

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self._wanted = tuple(dict.fromkeys(wanted))
        self._any, self._none = ANY in wanted, NONE in wanted
        self._ids = frozenset(wanted) - {ANY, NONE}

    @property
    def meaning(self) -> Meaning:
        return Among("situation", self._wanted)

    def test(self, ctx: Context) -> Tri:
        situation = ctx.situation
        if situation is not None:
            return YES if self._any or situation in self._ids else NO
        if unresolved(ctx.policy, ctx.ticket) is not None:
            return YES if self._any and self._none else UNKNOWN
        return YES if self._none else NO

    def tell(self, ctx: Context) -> Told:
        tri, wanted = self.test(ctx), list(self._wanted)
        if ctx.situation is not None:
            text = f"the ticket is in situation '{ctx.situation}'" + (
                f" (by {ctx.situation_by})" if ctx.situation_by else ""
            )
            if tri is not YES:
                text += f", not {listed(wanted)}"
            since = ctx.situation_since.isoformat() if ctx.situation_since else None
            by = ctx.situation_by
            return told(tri, "SITUATION", text, situation=ctx.situation, by=by, since=since, wanted=wanted)
        if tri is UNKNOWN:
            doubt = unresolved(ctx.policy, ctx.ticket)
            text = doubt.text if doubt is not None else "whether the ticket is in a situation is unknown"
            return told(tri, "SITUATION", text, wanted=wanted)
        return told(tri, "SITUATION", "the ticket is in no situation", wanted=wanted)


class _Filled(Clause):
    """Every one of these fields has a value (`filled`), or at least one has none (`empty`): each other's opposite."""

    __slots__ = ("_fields", "_filled")

    def __init__(self, fields: tuple[str, ...], *, filled: bool) -> None:
        self._fields = tuple(dict.fromkeys(fields))
        self._filled = filled

    @property
    def meaning(self) -> Meaning:
        present = Present(self._fields)
        return present if self._filled else Opposite(present)

    def test(self, ctx: Context) -> Tri:
        result = YES
        for field in self._fields:
            known, _ = ctx.value(field)
            if known is NO:
                result = NO
                break
            if known is UNKNOWN:
                result = UNKNOWN
        return result if self._filled else ~result

    def tell(self, ctx: Context) -> Told:
        tri = self.test(ctx)
        states: dict[Tri, list[str]] = {YES: [], NO: [], UNKNOWN: []}
        for field in self._fields:
            states[ctx.value(field)[0]].append(field)
        words = ((NO, "empty"), (UNKNOWN, "unknown"), (YES, "filled"))
        text = "; ".join(f"{word}: {', '.join(states[state])}" for state, word in words if states[state])
        code = "FILLED" if self._filled else "EMPTY"
        return told(tri, code, text, **{word: states[state] or None for state, word in words})


class _Unanswered(Clause):
    """The customer's last word is later than the agent's; the first word is the ticket itself."""

    __slots__ = ("_wanted",)

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted

    @property
    def meaning(self) -> Meaning:
        return UnansweredMeaning() if self._wanted else Opposite(UnansweredMeaning())

    def test(self, ctx: Context) -> Tri:
        answer = self._answer(ctx)
        return answer if self._wanted else ~answer

    def _answer(self, ctx: Context) -> Tri:
        agent_known, agent = ctx.value("agent_responded_at")
        if agent_known is UNKNOWN:
            return UNKNOWN
        if agent is None:
            return YES
        customer_known, customer = ctx.value("customer_responded_at")
        if customer_known is UNKNOWN:
            return UNKNOWN
        return YES if customer is not None and customer > agent else NO

    def tell(self, ctx: Context) -> Told:
        instants: dict[str, Any] = {}
        parts = []
        for who in ("agent", "customer"):
            known, at = ctx.value(f"{who}_responded_at")
            instants[f"{who}_responded_at"] = at.isoformat() if at is not None else None
            last = "is unknown" if known is UNKNOWN else f"was at {at.isoformat()}" if at else "was never"
            parts.append(f"the {who}'s last reply {last}")
        return told(self.test(ctx), "UNANSWERED", "; ".join(parts), wanted=self._wanted, **instants)


def _operators() -> Iterator[Operator]:
    words = (
        ("status", STATUSES, "open", "The ticket's status is one of these."),
        ("priority", PRIORITIES, "[low, normal]", "The ticket's priority is one of these."),
        ("channel", CHANNELS, "[twitter, facebook]", "The channel the ticket came by is one of these."),
    )
    for name, choice, example, doc in words:
        yield Operator(name, Many(Word(choice), least=1), doc, f"{name}: {example}", _WordIs)
    yield Operator(
        "situation",
        Many(Name("situation", words=(ANY, NONE)), least=1),
        "The ticket is in one of these situations; `any`: in some situation; `none`: in no situation.",
        "situation: any",
        lambda _, value: _InSituation(value),
    )
    yield Operator(
        "unanswered",
        Flag(),
        "`true`: the customer's last word is later than the agent's, or no agent ever replied; `false`: the opposite.",
        "unanswered: true",
        lambda _, value: _Unanswered(wanted=value),
    )
    yield Operator(
        "empty",
        Many(FieldName(), least=1),
        "At least one of these fields is known to be empty (the opposite of `filled`).",
        "empty: [customer, product]",
        lambda _, value: _Filled(value, filled=False),
    )
    yield Operator(
        "filled",
        Many(FieldName(), least=1),
        "Every one of these fields has a value.",
        "filled: [customer, product]",
        lambda _, value: _Filled(value, filled=True),
    )


OPERATORS = tuple(_operators())
