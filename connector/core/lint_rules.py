"""Lint of rules beside each other: what one makes needless, and where two want different things of one ticket."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from connector.core.lint_base import Finding, Subject, gate, named, situations_of
from connector.core.lint_logic import Reading, at_least
from connector.core.meaning import meaning_of
from connector.core.policy import Policy, Rule, Span
from connector.core.rules._common import rank_of
from connector.core.rules.assignment import AssignmentRule
from connector.core.rules.keepalive import KeepaliveRule
from connector.core.rules.matrix import Level, MatrixRule
from connector.core.rules.priority import PriorityRule
from connector.core.rules.sla import SlaRule

NEEDLESS, TWO_WANTS, LOOSER_BOUNDS = "W114", "W115", "W116"
_BOUNDS = ("autoclose", "margin", "through", "cap", "until", "apart")
_SAME = ("since", "calendar", "depth", "levels", "close_within", "metrics")

_Kind = TypeVar("_Kind", bound=Rule)


def _of(policy: Policy, kind: type[_Kind]) -> list[_Kind]:
    return [rule for rule in policy.rules if isinstance(rule, kind)]


# --- needless rules -------------------------------------------------------------------------------------------------
def needless(subject: Subject) -> Iterator[Finding]:
    """Rules that never change anything, because another one, wherever they hold, does the same or more."""
    policy, reading = subject.policy, subject.reading
    yield from _covered(reading, _of(policy, PriorityRule), _outdoes, "sets the same priority, or a higher one")
    yield from _covered(reading, _of(policy, MatrixRule), _same_levels, "has the same levels")
    yield from _covered(reading, _of(policy, KeepaliveRule), _keeps_as_much, "keeps them alive just so")
    yield from _covered(reading, _of(policy, SlaRule), _always, "comes first and is the policy that holds")
    yield from _covered(reading, _of(policy, AssignmentRule), partial(_takes, policy), "gives the ticket away first")
    acting = [one for one in situations_of(policy) if one.detect is not None and not one.suggest]
    for earlier, later in itertools.combinations(acting, 2):
        assert earlier.detect is not None
        assert later.detect is not None
        if reading.implies([meaning_of(later.detect)], [meaning_of(earlier.detect)]):
            text = f"whatever `detect` recognises here, situation {named(earlier.ref)} has taken before"
            hint = "move it above that situation, or make that one narrower"
            yield Finding(NEEDLESS, text, hint, later.ref, field="detect", values={"by": earlier.id})


def _covered(
    reading: Reading, rules: list[_Kind], outdoes: Callable[[_Kind, _Kind], bool], what: str
) -> Iterator[Finding]:
    """Each rule that another outdoes wherever it holds; of two that outdo each other, the later one."""
    first_holds = bool(rules) and isinstance(rules[0], (SlaRule, AssignmentRule))
    for number, rule in enumerate(rules):
        for other_number, other in enumerate(rules):
            if other is rule or (first_holds and other_number > number) or not outdoes(other, rule):
                continue
            if not reading.implies(gate(rule), gate(other)):
                continue
            mutual = outdoes(rule, other) and reading.implies(gate(other), gate(rule))
            if mutual and other_number > number:
                continue
            text = f"wherever this rule holds, so does {named(other.ref)}, which {what}: it never changes anything"
            hint = "delete it, or make one of the conditions narrower"
            yield Finding(NEEDLESS, text, hint, rule.ref, values={"by": other.ref.name})
            break


def _outdoes(other: PriorityRule, rule: PriorityRule) -> bool:
    if rule.lower:
        return other.lower and other.priority == rule.priority
    return not other.lower and rank_of(other.priority) >= rank_of(rule.priority)


def _always(_other: SlaRule, _rule: SlaRule) -> bool:
    return True


def _takes(policy: Policy, other: AssignmentRule, rule: AssignmentRule) -> bool:
    """Whether what the other sets (agent or group) is all that the rule could set. Rules without topics only serve."""
    if any(one.when is None and not one.situations for one in (other, rule)):
        return False
    kinds = [{policy.people[key].kind for key in (*one.candidates, one.fallback)} for one in (other, rule)]
    return kinds[0] == kinds[1] and len(kinds[0]) == 1 and bool(other.candidates) and bool(rule.candidates)


def _same_levels(other: MatrixRule, rule: MatrixRule) -> bool:
    starts = [[(meaning_of(condition), level) for condition, level in one.start] for one in (other, rule)]
    return starts[0] == starts[1] and all(getattr(other, name) == getattr(rule, name) for name in _SAME)


def _keeps_as_much(other: KeepaliveRule, rule: KeepaliveRule) -> bool:
    followed = rule.after is not None or rule.by_situation
    names = (*_BOUNDS, "back", *(("after", "every", "calendar", "by_situation") if followed else ()))
    return rule.note in (None, other.note) and all(getattr(other, name) == getattr(rule, name) for name in names)


# --- two values for one field -----------------------------------------------------------------------------------------
def two_wants(subject: Subject) -> Iterator[Finding]:
    """Two rules that can hold for one ticket and want different values of one of its fields."""
    policy, reading = subject.policy, subject.reading
    for first, second in itertools.combinations(_of(policy, PriorityRule), 2):
        if first.priority == second.priority or not (first.lower or second.lower):
            continue  # of two that raise, the higher wins: that is meant
        if not reading.impossible(*gate(first), *gate(second)):
            text = f"this rule sets priority {second.priority} and {named(first.ref)} sets {first.priority}, "
            text += "and nothing keeps a ticket from meeting both conditions"
            hint = "make one of the conditions exclude the other (not: ...)"
            yield Finding(TWO_WANTS, text, hint, second.ref, values={"field": "priority", "other": first.ref.name})
    for one, other in itertools.combinations(_of(policy, MatrixRule), 2):
        if not _one_event(policy, one, other) or reading.impossible(*gate(one), *gate(other)):
            continue
        clash = next(_clashes(policy, one, other), None)
        if clash is None:
            continue
        field, mine, theirs, number = clash
        text = f"level {number} gives the {field} to '{mine}' while {named(one.ref)} gives it to '{theirs}', "
        text += "and nothing keeps a ticket from meeting both conditions"
        hint = "make one of the conditions or `situations` exclude the other"
        place = f"levels[{number - 1}].assign"
        yield Finding(TWO_WANTS, text, hint, other.ref, field=place, values={"field": field, "other": one.ref.name})


def _one_event(policy: Policy, one: MatrixRule, other: MatrixRule) -> bool:
    """Whether both may count from one instant. A breach leads to the matrix it names, or to all that ask for it."""
    if one.since != other.since:
        return False
    if one.since != "breach":
        return True
    for sla in _of(policy, SlaRule):
        for metric in sla.targets:
            names = [each.matrix for each in sla.breach if not each.metrics or metric in each.metrics]
            if not any(names) and all(not rule.metrics or metric in rule.metrics for rule in (one, other)):
                return True
    return False


def _clashes(policy: Policy, one: MatrixRule, other: MatrixRule) -> Iterator[tuple[str, str, str, int]]:
    """(field, assignee by `other`, assignee by `one`, level of `other`) where both have a level due at one instant."""
    for number, level in enumerate(other.levels):
        for place, rival in enumerate(one.levels):
            if not _overlap(level.after, _end(other.levels, number), rival.after, _end(one.levels, place)):
                continue
            mine, theirs = policy.people.get(level.step.assign or ""), policy.people.get(rival.step.assign or "")
            if mine is not None and theirs is not None and mine.kind == theirs.kind and mine.name != theirs.name:
                yield mine.kind, mine.name, theirs.name, number + 1


def _end(levels: tuple[Level, ...], number: int) -> Span | None:
    return levels[number + 1].after if number + 1 < len(levels) else None


def _overlap(start: Span, end: Span | None, other_start: Span, other_end: Span | None) -> bool:
    """Whether two levels are the highest due at one instant; spans in different kinds of time may always be."""
    return not (_over_before(end, other_start) or _over_before(other_end, start))


def _over_before(end: Span | None, start: Span) -> bool:
    if end is None:
        return False
    if end.unit == start.unit:
        return end.amount <= start.amount
    return not end.is_business and end.amount <= at_least(start)


# --- keep-alive -------------------------------------------------------------------------------------------------------
def looser_bounds(subject: Subject) -> Iterator[Finding]:
    """Keep-alive rules that hold for one ticket at once with different bounds: the looser ones win."""
    reading = subject.reading
    for first, second in itertools.combinations(_of(subject.policy, KeepaliveRule), 2):
        different = [name for name in _BOUNDS if getattr(first, name) != getattr(second, name)]
        if not different or reading.impossible(*gate(first), *gate(second)):
            continue
        text = f"this rule and {named(first.ref)} can hold for one ticket, with different {_joined(different)}; "
        text += "each toggles by its own, so the looser bound is the one that counts"
        hint = "write the same bounds in both, or let their `situations` exclude each other"
        yield Finding(
            LOOSER_BOUNDS, text, hint, second.ref, values={"different": tuple(different), "other": first.ref.name}
        )


def _joined(names: list[str]) -> str:
    shown = [f"`{'autoclose' if name == 'margin' else name}`" for name in names]
    return " and ".join(dict.fromkeys(shown))
