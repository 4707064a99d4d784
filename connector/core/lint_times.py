"""Lint of stretches of time: levels and keep-alives that can never come, bounds that cut what they should carry."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from connector.core.conditions_ages import in_words
from connector.core.lint_base import Finding, Subject, gate, situations_of
from connector.core.lint_logic import at_least, bounds, words
from connector.core.meaning import Among
from connector.core.model import PRIORITIES
from connector.core.policy import Policy, Situation, Span
from connector.core.rules import keepalive
from connector.core.rules.keepalive import KeepaliveRule
from connector.core.rules.matrix import MatrixRule
from connector.core.rules.sla import SlaRule
from connector.core.worktime import WorkTimeError

NO_LEVEL, NO_TOGGLE, NO_CAP, TOO_CLOSE, CLOSED_BEFORE, NO_REMINDER, NEVER_OPEN = (
    "W117", "W118", "W119", "W120", "W121", "W122", "W123",
)  # fmt: skip
_CLOCKS = {
    "created": "age",
    "status": "in_status",
    "agent_reply": "since_agent_reply",
    "customer_reply": "since_customer_reply",
    "escalated": "in_situation",
}
_DAY = 86_400


# --- levels -----------------------------------------------------------------------------------------------------------
def dead_levels(subject: Subject) -> Iterator[Finding]:
    """Levels of a matrix that no ticket ever reaches."""
    for rule in subject.policy.rules:
        if isinstance(rule, MatrixRule):
            for number in range(1, len(rule.levels) + 1):
                why = _unreached(subject, rule, number)
                if why is not None:
                    text, hint = why
                    place = f"levels[{number - 1}].after"
                    yield Finding(NO_LEVEL, text, hint, rule.ref, field=place, values={"level": number})


def _unreached(subject: Subject, rule: MatrixRule, number: int) -> tuple[str, str] | None:
    """Why no ticket reaches the level, and the way out; None where one may."""
    if any(level == number for _, level in rule.start):
        return None
    level, last = rule.levels[number - 1], number == len(rule.levels)
    within, cases = rule.close_within, subject.reading.cases(*gate(rule))
    if not last and within is not None and _not_after(within, level.after):
        text = f"level {number} ({level.after.text}) can never come: after `close_within` ({within.text}) only the last"
        return f"{text} level is due", "make the level earlier, or `close_within` longer"
    for later in rule.levels[number:]:
        if later.after.unit != level.after.unit and _not_after(later.after, level.after):
            text = f"level {number} ({level.after.text}) can never come: a higher level ({later.after.text}) is always"
            return f"{text} due by then", "put the levels in the order in which they are due"
    if not cases or (last and within is not None):
        return None
    priorities = frozenset().union(*(words(case, "priority") for case in cases)) or frozenset(PRIORITIES)
    deepest = max(rule.depth.get(one, len(rule.levels)) for one in priorities)
    if number > deepest:
        text = f"level {number} can never come: `depth` lets these tickets reach level {deepest} at most"
        return text, "give a priority more depth, start tickets there (`start:`), or delete the level"
    clock = _CLOCKS.get(rule.since)
    if clock is None:
        return None
    most = max(bounds(case, clock)[1] for case in cases)
    if not math.isinf(most) and most <= at_least(level.after):
        text = f"level {number} ({level.after.text} since {rule.since}) can never come: `when` no longer holds by then"
        return text, f"lift the limit on `{clock}`, or make the level earlier"
    return None


def _not_after(span: Span, other: Span) -> bool:
    """Whether the span is certainly over when the other is."""
    if span.unit == other.unit:
        return span.amount <= other.amount
    return not span.is_business and span.amount <= at_least(other)


# --- keep-alive -------------------------------------------------------------------------------------------------------
def dead_keepalives(subject: Subject) -> Iterator[Finding]:
    """Keep-alive rules that never toggle, that toggle without bound, or that can't keep their own cadence."""
    for rule in subject.policy.rules:
        if not isinstance(rule, KeepaliveRule):
            continue
        if rule.cap == 0:
            text = "`cap: 0` means not one toggle: this rule never keeps anything alive"
            yield Finding(
                NO_TOGGLE, text, "write how many toggles are allowed, or delete the rule", rule.ref, field="cap"
            )
        elif rule.cap is None:
            text = "`cap: unlimited` sets no end to the toggles of one escalation but its age (`until`)"
            yield Finding(NO_CAP, text, "write a number", rule.ref, field="cap")
        yield from _first_toggle(subject.policy, rule)
        if rule.every is not None and rule.every.is_business:
            step = rule.every.amount * (_DAY if rule.every.unit == "business_days" else 1)
            apart = int(rule.apart.total_seconds())
            if apart > step:
                text = f"follow-ups come every {rule.every.text}, but two toggles are at least {in_words(apart)} apart"
                hint = "make `apart` shorter, or `every` longer"
                yield Finding(TOO_CLOSE, text, hint, rule.ref, field="apart", values={"apart": apart, "every": step})


def _first_toggle(policy: Policy, rule: KeepaliveRule) -> Iterator[Finding]:
    until, closes = rule.until.total_seconds(), (rule.autoclose - rule.margin).total_seconds()
    hint = "make `until` longer"
    firsts: list[tuple[str, Span]] = [] if rule.after is None else [("", rule.after)]
    if rule.by_situation:
        firsts = [(f" of situation '{one.id}'", span) for one, span in _followed(policy, rule)]
    for whose, after in firsts:
        if until <= at_least(after):
            text = f"`until` ({_days(rule.until)}) is over before the first follow-up{whose} ({after.text}): none comes"
            yield Finding(NO_TOGGLE, text, hint, rule.ref, field="until", values={"until": until})
    if not firsts and until <= closes:
        text = f"`until` ({_days(rule.until)}) is over before the helpdesk's clock asks for a toggle "
        text += f"({_days(rule.autoclose - rule.margin)}): none ever comes"
        yield Finding(NO_TOGGLE, text, hint, rule.ref, field="until", values={"until": until})


def _followed(policy: Policy, rule: KeepaliveRule) -> Iterator[tuple[Situation, Span]]:
    """The situations whose follow-ups the rule takes over, each with the first of them."""
    for situation in situations_of(policy):
        course = situation.course
        if course is None or not course.toggle or course.follow_up is None:
            continue
        first = course.follow_up.after or (course.promise.most if course.promise is not None else None)
        if first is not None and (not rule.situations or situation.id in rule.situations):
            yield situation, first


def _days(span: timedelta) -> str:
    days, rest = divmod(int(span.total_seconds()), _DAY)
    return f"{days}d" if not rest else f"{days}d {rest // 3600}h" if days else f"{rest // 3600}h"


# --- the helpdesk's own clock -----------------------------------------------------------------------------------------
def closed_before(subject: Subject) -> Iterator[Finding]:
    """Promises, follow-ups and levels that come when the helpdesk has closed the ticket, because nothing keeps it."""
    policy, reading = subject.policy, subject.reading
    keeping = [rule for rule in policy.rules if isinstance(rule, KeepaliveRule) and rule.cap != 0]
    window = min((rule.autoclose for rule in keeping), default=_default_window())
    for situation in situations_of(policy):
        if any(not reading.impossible(*gate(rule), Among("situation", (situation.id,))) for rule in keeping):
            continue
        course = situation.course
        spans = [] if course is None else [("promise", course.promise.most if course.promise else None)]
        if course is not None and course.follow_up is not None:
            spans.append(("follow_up", course.follow_up.after))
        for field, span in spans:
            if span is not None and at_least(span) > window.total_seconds():
                text = f"`{field}` ({span.text}) is longer than the {_days(window)} after which the helpdesk closes a "
                text += "waiting ticket, and no keep-alive rule concerns this situation"
                values = {"seconds": span.amount, "closes": window.total_seconds()}
                yield Finding(CLOSED_BEFORE, text, _KEEP, situation.ref, field=field, values=values)
        for rule in policy.rules if keeping else ():
            if isinstance(rule, MatrixRule) and rule.since == "escalated" and situation.id in rule.situations:
                yield from _late_levels(rule, situation, window)


_KEEP = "add a rule under `keepalive:` for it"


def _late_levels(rule: MatrixRule, situation: Situation, window: timedelta) -> Iterator[Finding]:
    for number, level in enumerate(rule.levels):
        if at_least(level.after) > window.total_seconds():
            text = f"level {number + 1} ({level.after.text}) comes later than the {_days(window)} after which the "
            text += f"helpdesk closes a waiting ticket, and no keep-alive rule concerns situation '{situation.id}'"
            place = f"levels[{number}].after"
            yield Finding(CLOSED_BEFORE, text, _KEEP, rule.ref, field=place, values={"situation": situation.id})


def _default_window() -> timedelta:
    """What an auto-close is taken to be where no keep-alive rule says it."""
    default = next(field.default for field in keepalive.FIELDS if field.name == "autoclose")
    return timedelta(seconds=default["after"].amount)


# --- reminders --------------------------------------------------------------------------------------------------------
def late_reminders(subject: Subject) -> Iterator[Finding]:
    """Reminders that never come, because a deadline is no longer away than they are meant to come before it."""
    for rule in subject.policy.rules:
        if not isinstance(rule, SlaRule):
            continue
        for number, reminder in enumerate(rule.remind):
            for metric, targets in rule.targets.items():
                if reminder.metrics and metric not in reminder.metrics:
                    continue
                by_priority = {"": targets} if isinstance(targets, Span) else targets
                short = {name: one for name, one in by_priority.items() if one and _not_after(one, reminder.before)}
                if short:
                    shown = ", ".join(f"{name} {span.text}".strip() for name, span in short.items())
                    text = f"the reminder {reminder.before.text} before the deadline never comes for `{metric}` "
                    text += f"({shown}): the deadline is no longer away than that when its clock begins"
                    hint = "remind later, or name the `metrics:` it is for"
                    place = f"remind[{number}].before"
                    yield Finding(NO_REMINDER, text, hint, rule.ref, field=place, values={"metric": metric})


# --- calendars --------------------------------------------------------------------------------------------------------
def never_open(subject: Subject) -> Iterator[Finding]:
    """Calendars that do not open once in one of the years asked about."""
    for name, calendar in subject.policy.calendars.items():
        for year in subject.years:
            start, end = (datetime(one, 1, 1, tzinfo=UTC) for one in (year, year + 1))
            try:
                opens = calendar.next_open(start) < end
            except WorkTimeError:
                opens = False
            if not opens:
                text = f"calendar '{name}' has no opening hours in {year}: no business time passes in it"
                hint = "correct its `hours:`, `holidays:` or `exceptions:`"
                yield Finding(NEVER_OPEN, text, hint, named=("calendar", name), values={"year": year})
                break
