"""Conditions on the fields of a ticket that hold texts, tags, and a helpdesk's own (`custom.X`) values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from connector.core.conditions_base import (
    EMPTY_CONDITION,
    IMPOSSIBLE,
    NO,
    UNKNOWN,
    YES,
    Clause,
    equal_key,
    listed,
    shown,
    told,
    untold,
)
from connector.core.meaning import Among, Between, Holding, Meaning
from connector.core.policy import Context, Told
from connector.core.spec import Either, Field, Many, Number, Operator, Record, RuleProblem, Scalar, Text
from connector.core.tri import Tri

#: Texts that are too long or too private to be repeated in a reason.
_UNSAID = frozenset(("subject", "body", "requester", "requester_email", "requester_phone"))

#: Fields with so few values that what they decide is worth keeping for the next ticket with the same.
_FEW = frozenset(("group", "type", "product", "brand", "category", "contract"))


class _TextIs(Clause):
    """The field's text equals one of these, whatever the case and accents."""

    __slots__ = ("_exact", "_field", "_keys", "_wanted")

    def __init__(self, field: str, wanted: tuple[str, ...]) -> None:
        self._field = field
        self._wanted = tuple(dict.fromkeys(wanted))
        self._exact = frozenset(wanted)
        self._keys = frozenset(equal_key(text) for text in wanted)

    @property
    def meaning(self) -> Meaning:
        return Among(self._field, tuple(equal_key(text) for text in self._wanted), self._wanted)

    @property
    def atom(self) -> str | None:
        return self._field if self._field in _FEW else None

    def test(self, ctx: Context) -> Tri:
        ticket = ctx.ticket
        if ticket.unknown and self._field in ticket.unknown:
            return UNKNOWN
        text = getattr(ticket, self._field)
        if not text:
            return UNKNOWN if text is None and self._field in ticket.raw else NO
        if text in self._exact:
            return YES
        return YES if equal_key(text) in self._keys else NO

    def tell(self, ctx: Context) -> Told:
        tri, code, wanted = self.test(ctx), self._field.upper(), list(self._wanted)
        if tri is UNKNOWN:
            return untold(ctx, code, self._field, wanted=wanted)
        text = getattr(ctx.ticket, self._field)
        if not text:
            return told(tri, code, f"{self._field} is empty, not {listed(wanted)}", field=self._field, wanted=wanted)
        if self._field in _UNSAID:
            said = "equals" if tri is YES else "is not"
            return told(tri, code, f"{self._field} {said} {listed(wanted)}", field=self._field, wanted=wanted)
        sentence = f"{self._field} is '{shown(text)}'" + ("" if tri is YES else f", not {listed(wanted)}")
        return told(tri, code, sentence, field=self._field, value=shown(text), wanted=wanted)


class _HasTag(Clause):
    """The ticket has at least one of these tags."""

    __slots__ = ("_keys", "_wanted")

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self._wanted = tuple(dict.fromkeys(wanted))
        self._keys = frozenset(equal_key(text) for text in wanted)

    @property
    def meaning(self) -> Meaning:
        return Holding("tags", tuple(equal_key(text) for text in self._wanted))

    @property
    def atom(self) -> str | None:
        return "tags"

    def test(self, ctx: Context) -> Tri:
        ticket = ctx.ticket
        if ticket.unknown and "tags" in ticket.unknown:
            return UNKNOWN
        for tag in ticket.tags:
            if equal_key(tag) in self._keys:
                return YES
        return NO

    def tell(self, ctx: Context) -> Told:
        tri, wanted = self.test(ctx), list(self._wanted)
        if tri is UNKNOWN:
            return untold(ctx, "TAGS", "tags", wanted=wanted)
        matched = [tag for tag in ctx.ticket.tags if equal_key(tag) in self._keys]
        text = f"the ticket has the tag {listed(matched)}" if matched else f"the ticket has no tag {listed(wanted)}"
        return told(tri, "TAGS", text, field="tags", value=list(ctx.ticket.tags), wanted=wanted)


class _CustomIs(Clause):
    """A custom field equals one of these texts, numbers or flags; a field with several values, one of them does."""

    __slots__ = ("_field", "_wanted")

    def __init__(self, field: str, wanted: tuple[Any, ...]) -> None:
        self._field = field
        self._wanted = wanted

    @property
    def meaning(self) -> Meaning:
        keys = (
            one if isinstance(one, (int, float)) and not isinstance(one, bool) else equal_key(str(one))
            for one in self._wanted
        )
        return Holding(self._field, tuple(keys))

    def test(self, ctx: Context) -> Tri:
        known, value = ctx.value(self._field)
        if known is not YES:
            return known
        for one in value if isinstance(value, (list, tuple)) else (value,):
            for wanted in self._wanted:
                if _same(one, wanted):
                    return YES
        return NO

    def tell(self, ctx: Context) -> Told:
        tri, wanted = self.test(ctx), list(self._wanted)
        known, value = ctx.value(self._field)
        if known is UNKNOWN:
            return untold(ctx, "CUSTOM", self._field, wanted=wanted)
        if known is NO:
            return told(
                tri, "CUSTOM", f"{self._field} is empty, not {listed(wanted)}", field=self._field, wanted=wanted
            )
        text = f"{self._field} is '{shown(value)}'" + ("" if tri is YES else f", not {listed(wanted)}")
        return told(tri, "CUSTOM", text, field=self._field, value=shown(value), wanted=wanted)


class _CustomBetween(Clause):
    """A custom field is a number within these limits; a value that is no number is UNKNOWN."""

    __slots__ = ("_field", "_least", "_most")

    def __init__(self, field: str, least: float | None, most: float | None) -> None:
        self._field = field
        self._least = -math.inf if least is None else least
        self._most = math.inf if most is None else most

    @property
    def meaning(self) -> Meaning:
        return Between(self._field, self._least, self._most)

    def test(self, ctx: Context) -> Tri:
        known, value = ctx.value(self._field)
        if known is not YES:
            return known
        number = _number(value)
        return UNKNOWN if number is None else Tri.of(self._least <= number <= self._most)

    def tell(self, ctx: Context) -> Told:
        tri = self.test(ctx)
        known, value = ctx.value(self._field)
        limits: dict[str, Any] = {
            "at_least": None if math.isinf(self._least) else self._least,
            "at_most": None if math.isinf(self._most) else self._most,
        }
        if known is UNKNOWN:
            return untold(ctx, "CUSTOM", self._field, **limits)
        wanted = " and ".join(
            f"{name.replace('_', ' ')} {limit}" for name, limit in limits.items() if limit is not None
        )
        said = "empty" if known is NO else f"'{shown(value)}'"
        text = (
            f"{self._field} is {said}"
            + {
                YES: f", {wanted}",
                NO: f", not {wanted}",
                UNKNOWN: ", which is no number",
            }[tri]
        )
        return told(tri, "CUSTOM", text, field=self._field, value=None if value is None else shown(value), **limits)


def _same(value: object, wanted: object) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return equal_key(str(value)) == equal_key(str(wanted))
    if isinstance(wanted, (int, float)):
        return _number(value) == wanted
    return equal_key(str(value)) == equal_key(str(wanted))


def _number(value: object) -> float | None:
    """The value as a number; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _custom(name: str, value: tuple[Any, ...] | Mapping[str, Any]) -> Clause:
    if not isinstance(value, Mapping):
        return _CustomIs(name, value)
    least, most = value["at_least"], value["at_most"]
    if least is None and most is None:
        msg = f"'{name}' compares with nothing: write `at_least:` or `at_most:`"
        raise RuleProblem(EMPTY_CONDITION, msg, name)
    if least is not None and most is not None and least > most:
        msg = f"'{name}' can never hold: {least} is more than {most}"
        raise RuleProblem(IMPOSSIBLE, msg, name)
    return _CustomBetween(name, least, most)


_TEXTS = {
    "type": ("Reclamo", "The ticket's type"),
    "group": ("[Cobranza, Ventas]", "The group the ticket is assigned to (a name, or a key of `people:`)"),
    "agent": ("Laura Núñez", "The agent the ticket is assigned to (a name, or a key of `people:`)"),
    "product": ("Lavadora", "The product"),
    "brand": ("Acme", "The brand"),
    "category": ("Entrega", "The category"),
    "customer": ("Tienda Sol", "The customer (company or account)"),
    "requester": ("Ana Pérez", "The name of the person who asks"),
    "requester_email": ("ana@example.com", "The e-mail address of the person who asks"),
    "subject": ("Sin asunto", "The whole subject (for words inside it use `any_phrase`)"),
    "body": ("ok", "The whole description (for words inside it use `any_phrase`)"),
    "contract": ("Premium", "The contract"),
    "escalation_type": ("Sin diagnóstico", "The value of the field that says what kind of escalation this is"),
}


def _operators() -> Iterator[Operator]:
    for name, (example, doc) in _TEXTS.items():
        of = Text(roster=name) if name in ("group", "agent") else Text()
        full = f"{doc} equals one of these texts, whatever the case and accents."
        yield Operator(name, Many(of, least=1), full, f"{name}: {example}", _TextIs)
    yield Operator(
        "tags",
        Many(Text(), least=1),
        "The ticket has at least one of these tags.",
        "tags: [vip, prensa]",
        lambda _, value: _HasTag(value),
    )


OPERATORS = tuple(_operators())

#: `custom.X` for any X: one operator, registered under its pattern.
CUSTOM = Operator(
    "custom.X",
    Either(
        Many(Scalar(), least=1),
        Record(
            (
                Field("at_least", Number(), "The smallest number that holds."),
                Field("at_most", Number(), "The greatest number that holds."),
            )
        ),
    ),
    "The custom field X equals one of these texts, numbers or flags, or is a number within limits.",
    "custom.attempts: {at_least: 3}",
    _custom,
)
