"""Lint of texts and phrases: placeholders that nothing fills, phrases that add nothing or are ruled out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from connector.core.lint_base import Finding, Subject, gate, ground, holders, leaves, named, parts_of, situations_of
from connector.core.lint_logic import folded, swallowed
from connector.core.meaning import Meaning, Opposite, Said, meaning_of
from connector.core.model import RuleRef
from connector.core.policy import Policy, Rule, Situation
from connector.core.rules._common import rank_of
from connector.core.rules.keepalive import KeepaliveRule
from connector.core.rules.matrix import MatrixRule
from connector.core.rules.priority import PriorityRule
from connector.core.rules.root_cause import RootCauseRule
from connector.core.rules.sla import SlaRule
from connector.core.text import except_of

UNFILLABLE, SAYS_NOTHING, RULED_OUT = "W126", "W127", "W128"
#: Values of texts that come from the ticket or the clock, whatever writes the text.
OF_TICKETS = frozenset((
    "ticket", "subject", "customer", "requester", "requester_email", "requester_phone", "brand", "product", "category",
    "contract", "group", "agent", "agent_first_name", "priority", "status", "situation", "since", "created_at", "date",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Use:
    """A text that a rule writes: where it is named, and which values the rule fills in besides the ticket's."""

    ref: RuleRef
    field: str
    text: str
    filled: frozenset[str]


def unfillable(subject: Subject) -> Iterator[Finding]:
    """Texts with a placeholder that no ticket, and not the rule that writes them, can ever fill."""
    policy = subject.policy
    provided = {name for one in policy.maps.values() for name in (*one.fields, *one.headings)}
    for use in _uses(policy):
        needs: frozenset[str] = getattr(policy.texts.get(use.text), "needs", frozenset())
        for name in sorted(needs - OF_TICKETS - use.filled):
            if name.startswith("custom."):
                if name in provided or not policy.maps:
                    continue
                why = f"no helpdesk map gives tickets a field '{name}'"
                hint = f"add {name}: ... to `fields:` or `headings:` of a helpdesk's map, or leave it out of the text"
            else:
                why = f"a {use.ref.kind} rule fills in no '{name}' here"
                hint = "leave it out of the text, or make it conditional ({% if " + name + " %} … {% endif %})"
            text = f"this text can never be filled in, so it is never sent: {why}"
            yield Finding(UNFILLABLE, text, hint, use.ref, field=use.field, values={"placeholder": name})


def _uses(policy: Policy) -> Iterator[_Use]:
    for rule in policy.rules:
        for field, text, filled in _of_rule(rule):
            if text is not None:
                yield _Use(rule.ref, field, text, frozenset(filled))
    for situation in situations_of(policy):
        promise = situation.course.promise if situation.course is not None else None
        always = ["due", *([] if promise is None else ["promise"])]
        always += [] if promise is None or promise.least is None else ["promise_least"]
        for field, text, filled in _of_situation(situation):
            if text is not None:
                yield _Use(situation.ref, field, text, frozenset((*always, *filled)))


_Slot = tuple[str, str | None, Iterable[str]]


def _of_rule(rule: Rule) -> Iterator[_Slot]:
    if isinstance(rule, MatrixRule):
        for number, level in enumerate(rule.levels):
            yield f"levels[{number}].note", level.step.note, ("level", "due")
    elif isinstance(rule, KeepaliveRule):
        yield "note", rule.note, ("due", "number", "count", *(("cap",) if rule.cap is not None else ()))
    elif isinstance(rule, SlaRule):
        for number, reminder in enumerate(rule.remind):
            yield f"remind[{number}].text", reminder.text, ("due",)
        for number, breach in enumerate(rule.breach):
            yield f"breach[{number}].note", breach.step.note, ("level", "due")
    elif isinstance(rule, RootCauseRule):
        yield "note", rule.note, ("to",)


def _of_situation(situation: Situation) -> Iterator[_Slot]:
    course = situation.course
    if course is None:
        return
    yield "checklist", course.checklist, ()
    yield "missing_note", course.missing_note, ("facts",)
    if course.escalate is not None:
        yield "escalate.note", course.escalate.note, ("to",)
    if course.follow_up is not None:
        once = course.follow_up.every is None
        yield "follow_up.note", course.follow_up.note, ("number",) if once else ("number", "next")
    if course.reply is not None:
        yield "reply.text", course.reply.text, ()
    if course.hold is not None:
        yield "hold.note", course.hold.note, ("number",)


# --- phrases ----------------------------------------------------------------------------------------------------------
def phrases(subject: Subject) -> Iterator[Finding]:
    """Phrases that add nothing to their list."""
    for name, listed in subject.phrases.items():
        yield from _in_list(listed, list_of=("phrases", name))
    lists = [frozenset(one for one in listed if not except_of(one)) for listed in subject.phrases.values()]
    for holder in holders(subject.policy):
        for leaf, _ in leaves(holder.meaning):
            if isinstance(leaf, Said):
                known = frozenset().union(*(one for one in lists if one <= frozenset(leaf.phrases)))
                own = tuple(phrase for phrase in leaf.phrases if phrase not in known)
                yield from _in_list(own, rule=holder.ref, field=holder.field)
                yield from _beside_lists(own, known, holder.ref, holder.field)


def _in_list(
    listed: tuple[str, ...], *, rule: RuleRef | None = None, list_of: tuple[str, str] | None = None, field: str = ""
) -> Iterator[Finding]:
    first: dict[tuple[str, str], str] = {}
    for number, phrase in enumerate(listed):
        place = f"{number}" if list_of is not None else field
        same = first.setdefault(folded(phrase), phrase)
        others = frozenset(other for other in listed if other != phrase and folded(other) != folded(phrase))
        inside = swallowed(phrase, others) if same == phrase else same
        if inside is not None:
            yield _needless(phrase, inside, same != phrase, rule, list_of, place)


def _beside_lists(own: tuple[str, ...], known: frozenset[str], ref: RuleRef, field: str) -> Iterator[Finding]:
    """Phrases written in place beside named lists that hold the same, or one that is part of it."""
    for phrase in own:
        inside = swallowed(phrase, known)
        if inside is not None:
            yield _needless(phrase, inside, folded(phrase) == folded(inside), ref, None, field)


def _needless(
    phrase: str, inside: str, same: bool, rule: RuleRef | None, list_of: tuple[str, str] | None, field: str
) -> Finding:
    why = f"is the same to the search as '{inside}'" if same else f"is only found where '{inside}' is found as well"
    values: Mapping[str, str] = {"phrase": phrase, "by": inside}
    return Finding(SAYS_NOTHING, f"'{phrase}' {why}: it adds nothing", "leave it out", rule, list_of, field, values)


# --- phrases beside other conditions ----------------------------------------------------------------------------------
def ruled_out(subject: Subject) -> Iterator[Finding]:
    """Phrases that the rest of their own condition rules out, though others of their list may still be said."""
    reading = subject.reading
    for holder in holders(subject.policy):
        for rest, said in _said_beside(holder.meaning):
            excluded = any(isinstance(part, Opposite) for part in rest)
            if not excluded or len(said.phrases) < 2 or reading.impossible(*rest, said):
                continue
            for phrase in said.phrases:
                if reading.impossible(*rest, Said((phrase,), said.fields)):
                    text = f"'{phrase}' is ruled out by the rest of this condition: it never makes it hold"
                    values = {"phrase": phrase}
                    yield Finding(RULED_OUT, text, "leave it out", holder.ref, field=holder.field, values=values)


def outdone(subject: Subject) -> Iterator[Finding]:
    """Phrases of a rule that change nothing, because wherever they are found another rule does the same or more."""
    reading = subject.reading
    rules = [rule for rule in subject.policy.rules if isinstance(rule, PriorityRule) and not rule.lower]
    for rule in rules:
        for other in rules:
            if (
                rank_of(other.priority) < rank_of(rule.priority)
                or other is rule
                or reading.implies(gate(rule), gate(other))
            ):
                continue
            equal = other.priority == rule.priority
            theirs = frozenset(phrase for _, listed in other.when.phrases() for phrase in listed)
            for rest, said in _said_beside(meaning_of(rule.when)):
                for phrase in said.phrases:
                    inside = swallowed(phrase, theirs)
                    if inside is None or (equal and phrase in theirs and rules.index(other) > rules.index(rule)):
                        continue
                    if reading.implies([*ground(rule), *rest, Said((phrase,), said.fields)], gate(other)):
                        text = f"'{phrase}' adds nothing here: wherever it is found, {named(other.ref)} holds by "
                        text += f"'{inside}' and sets priority {other.priority}"
                        values = {"phrase": phrase, "by": other.ref.name}
                        yield Finding(SAYS_NOTHING, text, "leave it out here", rule.ref, field="when", values=values)


def _said_beside(meaning: Meaning) -> Iterator[tuple[tuple[Meaning, ...], Said]]:
    """(the other parts, the phrases) for each list of phrases that must be said."""
    parts = tuple(parts_of(meaning))
    for number, part in enumerate(parts):
        if isinstance(part, Said):
            yield (*parts[:number], *parts[number + 1 :]), part
