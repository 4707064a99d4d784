"""What all conditions share: the answers of a leaf, its reasons, and the exact search for the next change in time."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from connector.core.meaning import Meaning, Opaque
from connector.core.model import Reason
from connector.core.policy import Context, Told
from connector.core.tri import Tri

#: Message codes of conditions that say nothing, or can never hold.
EMPTY_CONDITION, IMPOSSIBLE = "E033", "E050"

#: The answers under short names: looking a member up in its enum costs as much as a whole simple condition.
YES, NO, UNKNOWN = Tri.YES, Tri.NO, Tri.UNKNOWN

#: The instant that never comes: until when a NO lasts that time alone does not change.
FOREVER = datetime.max.replace(tzinfo=UTC)

_SHOWN = 80


class Clause(ABC):
    """A condition of this grammar. Implements `policy.Condition` and adds `moments`, from which `wake` follows."""

    __slots__ = ()

    #: Whether time alone can change the answer.
    timed = False

    @abstractmethod
    def test(self, ctx: Context) -> Tri:
        """The answer alone: the fast path."""

    @abstractmethod
    def tell(self, ctx: Context) -> Told:
        """The same answer with every reason."""

    def moments(self, ctx: Context) -> Iterator[datetime]:  # noqa: ARG002 - most clauses do not depend on time
        """Every instant at which time alone changes the answer of a leaf inside, past ones too, in no order."""
        return iter(())

    def phrases(self) -> Iterator[tuple[str, Sequence[str]]]:
        """(phrase list id, phrases) of every phrase list inside."""
        return iter(())

    @property
    def meaning(self) -> Meaning:
        """What it says, as a value for lint."""
        return Opaque(self)

    @property
    def atom(self) -> str | None:
        """The one field of few values (a status, a group, tags) that alone decides it; None where it looks at more."""
        return None

    def atoms(self) -> Iterator[Clause]:
        """The clauses inside that are decided by one such field."""
        if self.atom is not None:
            yield self

    def left(self, answers: Mapping[Clause, Tri]) -> Clause | Tri:
        """What is left to be asked where these atoms have answered: the answer itself, or a clause that gives it."""
        return answers.get(self, self)

    def shut(self, ctx: Context) -> datetime | None:
        """Until when the answer is NO (FOREVER: whatever time passes); None where it is not NO. `test`, then `wake`."""
        if self.test(ctx) is not NO:
            return None
        at = self.wake(ctx) if self.timed else None
        return FOREVER if at is None else at

    def needs(self) -> frozenset[str] | None:
        """Phrase lists of which one must be affirmed for more than a NO, where both texts are known; None: of none."""
        return None

    def wake(self, ctx: Context) -> datetime | None:
        """The next instant after `ctx.now` at which time alone changes the answer; None: never.

        Exact: between two moments no leaf changes, so the first moment whose answer differs is the instant.
        """
        if not self.timed:
            return None
        later = sorted({moment for moment in self.moments(ctx) if moment > ctx.now})
        if not later:
            return None
        answer = self.test(ctx)
        return next((moment for moment in later if self.test(ctx.at(moment)) is not answer), None)


class _Never(Clause):
    """Holds for no ticket: the condition of a rule that acts on none by itself."""

    __slots__ = ()

    def test(self, ctx: Context) -> Tri:  # noqa: ARG002
        return NO

    def left(self, answers: Mapping[Clause, Tri]) -> Clause | Tri:  # noqa: ARG002
        return NO

    def tell(self, ctx: Context) -> Told:  # noqa: ARG002
        return told(NO, "NEVER", "it acts on no ticket by itself")


NEVER = _Never()


def told(tri: Tri, code: str, text: str, **values: Any) -> Told:
    """A leaf's answer with its one reason; values that are None are left out."""
    kept = {name: value for name, value in values.items() if value is not None}
    return Told(tri, Reason(code, text, {"answer": tri.value, **kept}))


def untold(ctx: Context, code: str, field: str, **values: Any) -> Told:
    """UNKNOWN because a field is: not told by the source, or a code that no word is mapped onto."""
    raw = ctx.ticket.raw.get(field)
    if raw is not None and field not in ctx.ticket.unknown:
        text = f"{field} is unknown: the helpdesk map has no word for '{shown(raw)}'"
        return told(Tri.UNKNOWN, code, text, field=field, raw=raw, **values)
    return told(Tri.UNKNOWN, code, f"{field} is unknown: the source does not tell it", field=field, **values)


def shown(value: object) -> str:
    """A value as it may stand in a sentence: on one line and short."""
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def listed(values: Sequence[object]) -> str:
    """`'a'`, or `one of 'a', 'b'`; the long ones cut short."""
    some = ", ".join(f"'{shown(value)}'" for value in values[:8])
    more = f" and {len(values) - 8} more" if len(values) > 8 else ""
    return some if len(values) == 1 else f"one of {some}{more}"


def equal_key(text: str) -> str:
    """Texts that differ only in case, accents, width or spacing have the same key; ñ and n do not."""
    return _short_key(text) if len(text) <= 120 else _key(text)


def _key(text: str) -> str:
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    kept = [
        char
        for place, char in enumerate(folded)
        if (char == "\u0303" and place and folded[place - 1] == "n") or unicodedata.category(char) not in ("Mn", "Cf")
    ]
    return " ".join("".join(kept).split())


_short_key = lru_cache(maxsize=8192)(_key)
