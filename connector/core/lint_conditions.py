"""Lint of conditions: those that can never hold, and those that ask for what no map, roster or account can tell."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from connector.core.conditions_base import equal_key
from connector.core.lint_base import FINISHED, Finding, Holder, Subject, ground, holders, leaves, parts_of
from connector.core.lint_logic import Reading
from connector.core.meaning import Among, Between, Elapsed, Every, Holding, Meaning, Opposite, Present, Said, Some
from connector.core.meaning import Unanswered as CustomerLast
from connector.core.model import RuleRef

NEVER_HOLDS, UNMAPPED_WORD, UNMAPPED_FIELD, NOT_IN_ROSTER = "W110", "W111", "W112", "W113"
NOT_IN_ACCOUNT = "W102"
_WORD_TABLES = {"status": "statuses", "priority": "priorities", "channel": "channels"}


def impossible(subject: Subject) -> Iterator[Finding]:
    """Conditions that no ticket can ever meet, and branches of `any:` that can't."""
    reading = subject.reading
    rules = {rule.ref: rule for rule in subject.policy.rules}
    for holder in holders(subject.policy):
        first: tuple[Meaning, ...] = ()  # other conditions may be asked of other tickets
        if holder.field == "detect":
            first = (Opposite(Among("status", FINISHED)),)
        elif holder.field == "when":
            first = ground(rules[holder.ref])
        if reading.impossible(*first):
            continue  # the rule's own fields exclude each other: said where they are compared
        if reading.impossible(*first, holder.meaning):
            why = _why(reading, first, holder.meaning)
            yield _never(holder, f"this condition can never hold: {why}", "mend it, or delete the rule")
            continue
        for number, branch in _branches(holder.meaning):
            if reading.impossible(*first, branch):
                why = _why(reading, first, branch)
                text = f"branch {number} of `any` can never hold: {why}"
                yield _never(holder, text, "mend the branch, or delete it")


def _never(holder: Holder, text: str, hint: str) -> Finding:
    return Finding(NEVER_HOLDS, text, hint, holder.ref, field=holder.field)


def _branches(meaning: Meaning) -> Iterator[tuple[int, Meaning]]:
    if isinstance(meaning, Some):
        yield from enumerate(meaning.parts, 1)
    if isinstance(meaning, (Every, Some)):
        for part in meaning.parts:
            yield from _branches(part)


def _why(reading: Reading, first: Sequence[Meaning], meaning: Meaning) -> str:
    """The two parts that exclude each other, in words; the whole where no two alone do."""
    parts = list(parts_of(meaning))
    for left, right in itertools.combinations(parts, 2):
        if reading.impossible(left, right):
            return f"{in_words(left)} and {in_words(right)} exclude each other"
    for part in parts:
        for given in first:
            if reading.impossible(part, given):
                return f"{in_words(part)}, but the rule only acts where {in_words(given)}"
    return "its parts exclude each other"


def in_words(meaning: Meaning) -> str:
    """A condition as it may stand in a message."""
    if isinstance(meaning, Opposite) and isinstance(meaning.part, Among):
        return _short(f"{meaning.part.field} is not {_listed(meaning.part.shown or meaning.part.values)}")
    if isinstance(meaning, Opposite):
        return f"not ({in_words(meaning.part)})"
    if isinstance(meaning, (Every, Some)):
        joint = " and " if isinstance(meaning, Every) else " or "
        return _short(joint.join(in_words(part) for part in meaning.parts))
    if isinstance(meaning, Among):
        return _short(f"{meaning.field} is {_listed(meaning.shown or meaning.values)}")
    if isinstance(meaning, Holding):
        return _short(f"{meaning.field} has {_listed(meaning.values)}")
    if isinstance(meaning, Said):
        return _short(f"the text says {_listed(meaning.phrases)}")
    if isinstance(meaning, Elapsed):
        ends = [f"over {meaning.over.text}"] if meaning.over else []
        ends += [f"under {meaning.under.text}"] if meaning.under else []
        return f"{meaning.clock} {' and '.join(ends)}"
    if isinstance(meaning, Between):
        return f"{meaning.field} is {meaning.least:g} to {meaning.most:g}"
    if isinstance(meaning, Present):
        return f"{', '.join(meaning.fields)} filled"
    return "unanswered" if isinstance(meaning, CustomerLast) else "a further condition"


def _listed(values: Sequence[object]) -> str:
    some = " or ".join(str(value) for value in values[:4])
    return some if len(values) <= 4 else f"{some} or {len(values) - 4} more"


def _short(text: str, most: int = 100) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


# --- what maps and rosters can tell ---------------------------------------------------------------------------------
def unmapped(subject: Subject) -> Iterator[Finding]:
    """Words of statuses, priorities and channels, and custom fields, that no helpdesk map gives a ticket."""
    maps = tuple(subject.policy.maps.values())
    if not maps:
        return
    known: Mapping[str, frozenset[str]] = {
        field: frozenset(word for one in maps for word in getattr(one, table))
        | {one.absent[field] for one in maps if field in one.absent}
        for field, table in _WORD_TABLES.items()
    }
    provided = {name for one in maps for name in (*one.fields, *one.headings)}
    for holder in holders(subject.policy):
        said: set[str] = set()
        for leaf, holds in leaves(holder.meaning):
            if isinstance(leaf, Among) and leaf.field in known and holds and known[leaf.field]:
                yield from _unknown_words(holder, leaf, known[leaf.field], said)
            for name in _fields(leaf):
                if name.startswith("custom.") and name not in provided and name not in said:
                    said.add(name)
                    text = f"no helpdesk map gives tickets a field '{name}', so this can't be told of any ticket"
                    hint = f"add {name}: ... to `fields:` or `headings:` of a helpdesk's map"
                    yield Finding(UNMAPPED_FIELD, text, hint, holder.ref, field=holder.field, values={"field": name})
    for rule in subject.policy.rules:
        for field in ("through", "back"):
            word = getattr(rule, field, None)
            if rule.ref.kind == "keepalive" and word not in known["status"] and known["status"]:
                yield _word(rule.ref, field, "status", str(word))


def _unknown_words(holder: Holder, leaf: Among, known: frozenset[str], said: set[str]) -> Iterator[Finding]:
    for word in leaf.values:
        if word not in known and word not in said:
            said.add(word)
            yield _word(holder.ref, holder.field, leaf.field, word)


def _word(ref: RuleRef, field: str, what: str, word: str) -> Finding:
    text = f"no helpdesk map has anything for {what} '{word}', so no ticket is ever in it"
    if what != "status":
        text = f"no helpdesk map has anything for {what} '{word}', so no ticket ever has it"
    hint = f"map it under `{_WORD_TABLES[what]}:`, or leave it out here"
    return Finding(UNMAPPED_WORD, text, hint, ref, field=field, values={what: word})


def _fields(leaf: Meaning) -> tuple[str, ...]:
    if isinstance(leaf, Present):
        return leaf.fields
    return (leaf.field,) if isinstance(leaf, (Holding, Between)) else ()


def strangers(subject: Subject) -> Iterator[Finding]:
    """Groups and agents that a condition names, and neither the account nor, without one, the pack's roster has."""
    people = subject.policy.people.values()
    for kind in ("group", "agent"):
        roster = {equal_key(person.name) for person in people if person.kind == kind}
        account = {equal_key(name) for name in subject.account.get(kind, ())}
        if not (account or roster):
            continue
        for holder in holders(subject.policy):
            for leaf, _ in leaves(holder.meaning):
                if not isinstance(leaf, Among) or leaf.field != kind:
                    continue
                for key, name in zip(leaf.values, leaf.shown or leaf.values, strict=True):
                    if key in account or (key in roster and not account):
                        continue
                    code, text = NOT_IN_ROSTER, f"the roster has no {kind} '{name}', which this condition names"
                    hint = f'add it to `people:` ({{{kind}: "{name}"}}) and name it here by its key'
                    if account:
                        code, text = NOT_IN_ACCOUNT, f"the account has no {kind} '{name}', which this condition names"
                        hint = "correct the name, or leave it out"
                    yield Finding(code, text, hint, holder.ref, field=holder.field, values={kind: name})
