"""Lint of parts that do not meet: events that never happen, skills nobody has, unmapped fields, hasty follow-ups."""

from __future__ import annotations

from collections.abc import Iterator

from connector.core.conditions_ages import in_words
from connector.core.lint_base import Finding, Subject, situations_of
from connector.core.lint_logic import at_least
from connector.core.policy import Policy
from connector.core.rules._choosing import skilled
from connector.core.rules.assignment import AssignmentRule
from connector.core.rules.keepalive import KeepaliveRule
from connector.core.rules.matrix import MatrixRule
from connector.core.rules.repeat import RepeatRule
from connector.core.rules.sla import SlaRule
from connector.core.rules.typify import TypifyRule

UNMAPPED_FIELD, NOT_IN_ROSTER, NO_LEVEL, TOO_CLOSE, CLOSED_BEFORE = "W112", "W113", "W117", "W120", "W121"
#: A toggle that comes later than this before the helpdesk's own rule is lost with the first cycle that is missed.
_LEAST_MARGIN = 3600
_CUSTOM = "custom."


def dead_events(subject: Subject) -> Iterator[Finding]:
    """Matrices whose levels count from something that never happens in this pack."""
    for rule in subject.policy.rules:
        if not isinstance(rule, MatrixRule):
            continue
        if rule.since == "breach" and not _can_break(subject.policy, rule):
            text = "no level can ever come: no policy under `sla:` breaks a deadline that this matrix counts from"
            hint = f"name it there (`breach: {{matrix: {rule.ref.name}}}`), or count from another event"
            yield Finding(NO_LEVEL, text, hint, rule.ref, field="since")
        if rule.since == "promise" and not _can_promise(subject.policy, rule):
            text = "no level can ever come: no situation it is for has a `promise`"
            yield Finding(
                NO_LEVEL, text, "promise something there, or count from another event", rule.ref, field="since"
            )


def _can_break(policy: Policy, rule: MatrixRule) -> bool:
    """Whether a deadline of any policy names this matrix, or names none, which lets every matrix count from it."""
    for sla in policy.rules:
        if not isinstance(sla, SlaRule):
            continue
        for metric in sla.targets:
            if rule.metrics and metric not in rule.metrics:
                continue
            named = [one.matrix for one in sla.breach if one.matrix and (not one.metrics or metric in one.metrics)]
            if not named or named[0] == rule.ref.name:
                return True
    return False


def _can_promise(policy: Policy, rule: MatrixRule) -> bool:
    return any(
        one.course is not None and one.course.promise is not None
        for one in situations_of(policy)
        if not rule.situations or one.id in rule.situations
    )


def unskilled(subject: Subject) -> Iterator[Finding]:
    """Assignment rules whose skills nobody of the roster has: all goes to the fallback."""
    people = subject.policy.people
    for rule in subject.policy.rules:
        if not isinstance(rule, AssignmentRule) or not rule.skills:
            continue
        asked = [people[key] for key in rule.candidates] if rule.candidates else list(people.values())
        if any(one.kind == "group" and rule.candidates for one in asked):
            continue
        if not any(one.kind == "agent" and skilled(one, rule.skills) for one in asked):
            who = "none of the candidates" if rule.candidates else "no agent under `people:`"
            text = f"{who} has the skills {', '.join(rule.skills)}: everything goes to '{rule.fallback}'"
            there = sorted({skill for one in people.values() for skill in one.skills})
            hint = f"the skills there are: {', '.join(there)}" if there else "write `skills:` beside the agents"
            yield Finding(NOT_IN_ROSTER, text, hint, rule.ref, field="skills", values={"skills": list(rule.skills)})


def unmapped_targets(subject: Subject) -> Iterator[Finding]:
    """Fields of the helpdesk's own that rules link by, copy or set, and that no map knows."""
    maps = tuple(subject.policy.maps.values())
    if not maps:
        return
    provided = {name for one in maps for name in (*one.fields, *one.headings)}
    for rule in subject.policy.rules:
        for name, place in _targets(rule):
            if name.startswith(_CUSTOM) and name not in provided:
                text = f"no helpdesk map knows a field '{name}', so it is neither read nor written"
                hint = f"add {name}: ... to `fields:` or `headings:` of a helpdesk's map"
                yield Finding(UNMAPPED_FIELD, text, hint, rule.ref, field=place, values={"field": name})


def _targets(rule: object) -> Iterator[tuple[str, str]]:
    if isinstance(rule, TypifyRule):
        yield from ((name, "set") for name in rule.values)
    if isinstance(rule, RepeatRule):
        if rule.by.link is not None:
            yield rule.by.link, "link"
        for number, row in enumerate(rule.rows):
            create = row.outcome.create
            for name in () if create is None else (*create.typed, *create.copy):
                yield name, f"table[{number}].create"


def hasty(subject: Subject) -> Iterator[Finding]:
    """Follow-ups with a toggle closer than two toggles may be, and margins that one missed cycle uses up."""
    for rule in subject.policy.rules:
        if not isinstance(rule, KeepaliveRule):
            continue
        if rule.margin.total_seconds() < _LEAST_MARGIN:
            text = (
                f"the toggle comes {rule.margin} before the helpdesk closes the ticket: a cycle that is late or fails "
            )
            text += "comes after it"
            yield Finding(CLOSED_BEFORE, text, "leave an hour at least; 12h is usual", rule.ref, field="autoclose")
        if not rule.by_situation:
            continue
        apart = int(rule.apart.total_seconds())
        for situation in situations_of(subject.policy):
            course = situation.course
            if course is None or not course.toggle or course.follow_up is None or course.follow_up.every is None:
                continue
            every = course.follow_up.every
            if (not rule.situations or situation.id in rule.situations) and at_least(every) < apart:
                text = f"follow-ups come every {every.text}, but two toggles are at least {in_words(apart)} apart"
                hint = f"make `every` longer, or `apart` of '{rule.ref.name}' shorter"
                values = {"apart": apart, "every": every.amount}
                yield Finding(TOO_CLOSE, text, hint, situation.ref, field="follow_up", values=values)
