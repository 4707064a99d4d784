"""What lint looks at and what it says: a policy with what is known beside it, and findings with code and place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as member
from typing import Any

from connector.core.lint_logic import Reading
from connector.core.meaning import Among, Every, Meaning, Opposite, Some, meaning_of
from connector.core.model import EMPTY, STATUSES, RuleRef
from connector.core.policy import Condition, Policy, Rule, Situation

#: Statuses in which no rule acts on a ticket.
FINISHED = ("completed", "closed")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing lint found. `rule` says where it stands, or `named`: (kind, name) of something else that is declared.

    `field` is the path inside, as in `levels[2].after`; `values` are the figures the text is made of.
    """

    code: str
    text: str
    hint: str
    rule: RuleRef | None = None
    named: tuple[str, str] | None = None
    field: str = ""
    values: Mapping[str, Any] = member(default=EMPTY)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is linted, with what `lint` was told of it besides: see there."""

    policy: Policy
    phrases: Mapping[str, tuple[str, ...]] = member(default=EMPTY)
    native: Mapping[str, frozenset[str]] = member(default=EMPTY)
    mailing: Mapping[str, frozenset[str]] = member(default=EMPTY)
    account: Mapping[str, frozenset[str]] = member(default=EMPTY)
    years: tuple[int, ...] = ()

    @property
    def reading(self) -> Reading:
        """Takes conditions of this policy apart."""
        return Reading(self.policy.situations)


#: One room of lint.
Check = Callable[[Subject], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Holder:
    """A condition with the rule it stands in, and the key under which it is written there."""

    ref: RuleRef
    field: str
    condition: Condition

    @property
    def meaning(self) -> Meaning:
        """What it says."""
        return meaning_of(self.condition)


def situations_of(policy: Policy) -> tuple[Situation, ...]:
    """The situations in the order in which they are recognised."""
    return tuple(policy.situations.values())


def holders(policy: Policy) -> Iterator[Holder]:
    """Every condition of the policy, each once."""
    seen: set[int] = set()
    for situation in situations_of(policy):
        if situation.detect is not None:
            seen.add(id(situation.detect))
            yield Holder(situation.ref, "detect", situation.detect)
        for condition in situation.course.conditions() if situation.course is not None else ():
            seen.add(id(condition))
            yield Holder(situation.ref, "", condition)
    for rule in policy.rules:
        own = getattr(rule, "when", None)
        for condition in rule.conditions():
            if id(condition) not in seen:
                seen.add(id(condition))
                yield Holder(rule.ref, "when" if condition is own else "", condition)


def ground(rule: Rule) -> tuple[Meaning, ...]:
    """What must hold besides `when:` before the rule acts: the ticket is not finished, and in one of the situations."""
    told: list[Meaning] = [Opposite(Among("status", FINISHED))]
    situations = tuple(getattr(rule, "situations", ()) or ())
    if situations:
        told.append(Among("situation", situations))
    elif rule.ref.kind == "keepalive" or getattr(rule, "since", None) == "escalated":
        told.append(Among("situation", ("any",)))
    back = getattr(rule, "back", None)
    if rule.ref.kind == "keepalive" and back in STATUSES:
        told.append(Among("status", (back,)))
    return tuple(told)


def gate(rule: Rule) -> tuple[Meaning, ...]:
    """Everything that must hold before the rule acts."""
    own = getattr(rule, "when", None)
    return ground(rule) if own is None else (*ground(rule), meaning_of(own))


def leaves(meaning: Meaning, *, holds: bool = True) -> Iterator[tuple[Meaning, bool]]:
    """(leaf, whether it is asked for as it stands or as its opposite) of everything inside."""
    if isinstance(meaning, (Every, Some)):
        for part in meaning.parts:
            yield from leaves(part, holds=holds)
    elif isinstance(meaning, Opposite):
        yield from leaves(meaning.part, holds=not holds)
    else:
        yield meaning, holds


def parts_of(meaning: Meaning) -> Iterator[Meaning]:
    """What must hold together, taken out of every `all:`."""
    if isinstance(meaning, Every):
        for part in meaning.parts:
            yield from parts_of(part)
    else:
        yield meaning


def named(ref: RuleRef) -> str:
    """`'name' (file:line)`: another rule, as a message tells it."""
    return f"'{ref.name}' ({ref.file}:{ref.line})"
