"""Conditions on what is written in a ticket: whole phrases, whatever the case and accents, aware of negation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connector.core._fold import folding
from connector.core.conditions_base import NO, UNKNOWN, YES, Clause, listed, told
from connector.core.meaning import Every, Meaning, Opposite, Said, Some
from connector.core.policy import Context, Told
from connector.core.spec import Operator, Phrases, Table
from connector.core.text import Match, except_of
from connector.core.tri import Tri

_BOTH = ("subject", "body")
#: Why a match does not count, as it is told.
_NOT_COUNTED = {
    "denied": "negated",
    "supposed": "only supposed",
    "quoted": "in a quoted mail",
    "excepted": "excepted by its list",
}


def list_id(phrases: Sequence[str]) -> str:
    """The id of a phrase list in the policy's index: its content, so that equal lists are searched once."""
    return "\n".join(phrases)


class _Searched(Clause):
    """A phrase list and the texts it is searched in."""

    __slots__ = ("_fields", "_id", "_phrases", "_said")

    def __init__(self, phrases: tuple[str, ...], fields: tuple[str, ...] = _BOTH) -> None:
        self._phrases = tuple(dict.fromkeys(phrases))
        self._id = list_id(self._phrases)
        self._said = tuple(phrase for phrase in self._phrases if except_of(phrase) is None)
        self._fields = fields

    def phrases(self) -> Iterator[tuple[str, Sequence[str]]]:
        yield self._id, self._phrases

    def needs(self) -> frozenset[str] | None:
        return frozenset((self._id,))

    def _affirmed(self, ctx: Context) -> bool:
        """Whether a phrase of the list stands un-negated in one of the texts it is searched in."""
        subject, body = ctx.affirmed()
        return ("subject" in self._fields and self._id in subject) or ("body" in self._fields and self._id in body)

    def _unread(self, ctx: Context) -> list[str]:
        """The texts that the source does not tell."""
        return [field for field in self._fields if field in ctx.ticket.unknown]

    def _no_or_unknown(self, ctx: Context) -> Tri:
        unknown = ctx.ticket.unknown
        if unknown:
            for field in self._fields:
                if field in unknown:
                    return UNKNOWN
        return NO

    def _matches(self, ctx: Context) -> list[tuple[str, Match]]:
        return [(where, match) for where, match in ctx.found(self._id) if where in self._fields]

    def _told(self, ctx: Context, tri: Tri) -> Told:
        matches = self._matches(ctx)
        plain = [(where, match) for where, match in matches if not match.negated]
        parts = [f"'{match.phrase}' in {where} at {match.start}" for where, match in plain[:8]]
        if not plain:
            parts = [f"none of {len(self._said)} phrases in {' or '.join(self._fields)}"]
        parts += [
            f"'{match.phrase}' in {where} at {match.start}, {_NOT_COUNTED[match.because or 'denied']}"
            for where, match in matches
            if match.negated
        ][:8]
        unread = self._unread(ctx)
        if unread:
            parts.append(f"{' and '.join(unread)} unknown")
        shown = [
            {
                "phrase": match.phrase,
                "field": where,
                "start": match.start,
                "end": match.end,
                "negated": match.negated,
                **({"because": match.because} if match.because not in (None, "denied") else {}),
            }
            for where, match in matches[:50]
        ]
        return told(tri, "KEYWORD", "; ".join(parts), matches=shown, fields=list(self._fields), unknown=unread or None)


class _AnyPhrase(_Searched):
    """At least one phrase stands there and is not negated."""

    __slots__ = ()

    @property
    def meaning(self) -> Meaning:
        return Said(self._said, self._fields)

    def test(self, ctx: Context) -> Tri:
        return YES if self._affirmed(ctx) else self._no_or_unknown(ctx)

    def tell(self, ctx: Context) -> Told:
        return self._told(ctx, self.test(ctx))


class _NoPhrase(_AnyPhrase):
    """No phrase stands there un-negated: the opposite of `any_phrase`."""

    __slots__ = ()

    @property
    def meaning(self) -> Meaning:
        return Opposite(Said(self._said, self._fields))

    def test(self, ctx: Context) -> Tri:
        return ~super().test(ctx)

    def needs(self) -> frozenset[str] | None:
        return None


class _AllPhrases(_Searched):
    """Every phrase stands in one of the texts, un-negated. Phrases that fold together are one."""

    __slots__ = ()

    def __init__(self, phrases: tuple[str, ...], fields: tuple[str, ...] = _BOTH) -> None:
        fold = folding(fold_enye=False, inside_identifiers=False)
        different = {
            (except_of(phrase), phrase.count("*"), phrase.count("~"), fold.fold(phrase), fold.signed(phrase)[0]): phrase
            for phrase in reversed(phrases)
        }
        super().__init__(tuple(reversed(different.values())), fields)

    @property
    def meaning(self) -> Meaning:
        return Every(tuple(Said((phrase,), self._fields) for phrase in self._said))

    def test(self, ctx: Context) -> Tri:
        if self._affirmed(ctx) and self._missing(ctx.found(self._id)) == ():
            return YES
        return self._no_or_unknown(ctx)

    def _missing(self, found: Sequence[tuple[str, Match]]) -> tuple[str, ...]:
        there = {match.phrase for where, match in found if not match.negated and where in self._fields}
        return tuple(phrase for phrase in self._said if phrase not in there)

    def tell(self, ctx: Context) -> Told:
        tri = self.test(ctx)
        answer = self._told(ctx, tri)
        missing = self._missing(ctx.found(self._id))
        if not missing:
            return answer
        text = f"{answer.reason.text}; missing: {listed(missing)}"
        return told(tri, "KEYWORD", text, **{**answer.reason.values, "answer": None, "missing": list(missing)})


class _AnyPhraseIn(Clause):
    """At least one phrase stands un-negated in the text it is meant for."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[_AnyPhrase]) -> None:
        self._parts = tuple(parts)

    @property
    def meaning(self) -> Meaning:
        return Some(tuple(part.meaning for part in self._parts))

    def test(self, ctx: Context) -> Tri:
        result = NO
        for part in self._parts:
            answer = part.test(ctx)
            if answer is YES:
                return answer
            if answer is UNKNOWN:
                result = answer
        return result

    def tell(self, ctx: Context) -> Told:
        children = tuple(part.tell(ctx) for part in self._parts)
        text = "; ".join(child.reason.text for child in children)
        return Told(self.test(ctx), told(self.test(ctx), "KEYWORD", text).reason, children)

    def phrases(self) -> Iterator[tuple[str, Sequence[str]]]:
        for part in self._parts:
            yield from part.phrases()

    def needs(self) -> frozenset[str] | None:
        return frozenset(name for part in self._parts for name, _ in part.phrases())


def _in_fields(value: Mapping[str, tuple[str, ...]]) -> Clause:
    parts = [_AnyPhrase(phrases, (field,)) for field, phrases in value.items()]
    return parts[0] if len(parts) == 1 else _AnyPhraseIn(parts)


OPERATORS = (
    Operator(
        "any_phrase",
        Phrases(),
        "At least one of these phrases stands in subject or body as whole words and is not negated.",
        "any_phrase: [no funciona, dejó de funcionar]",
        lambda _, value: _AnyPhrase(value),
    ),
    Operator(
        "all_phrases",
        Phrases(),
        "Every one of these phrases stands in subject or body and is not negated.",
        "all_phrases: [reembolso, abogado]",
        lambda _, value: _AllPhrases(value),
    ),
    Operator(
        "no_phrase",
        Phrases(),
        "None of these phrases stands in subject or body, other than negated (the opposite of `any_phrase`).",
        "no_phrase: [gracias, resuelto]",
        lambda _, value: _NoPhrase(value),
    ),
    Operator(
        "any_phrase_in",
        Table(Phrases(), keys=_BOTH),
        "At least one of these phrases stands in the text it is listed under: `subject` or `body`.",
        "any_phrase_in: {subject: [urgente]}",
        lambda _, value: _in_fields(value),
    ),
)
