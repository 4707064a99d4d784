"""Everything that can be said of a pack: its problems and what lint finds, also against a live account."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from connector.core.conditions_base import equal_key
from connector.core.fieldmap import FieldMap
from connector.core.lint import Finding, lint
from connector.core.policy import Person, Policy
from connector.helpdesks.base import Directory
from connector.helpdesks.freshdesk_names import NOTIFYING
from connector.mapping.assemble import Assembly
from connector.mapping.load import LoadResult, load_pack
from connector.mapping.nodes import Node
from connector.mapping.parse import find
from connector.mapping.problems import Problem, did_you_mean, in_order, shown

_USED = {
    "person": "person '{}' is in no rule",
    "text": "text '{}' is in no rule",
    "phrases": "phrase list '{}' is in no condition",
}
#: Fields that tickets of a helpdesk have without being mapped, as far as lint asks for them.
_NATIVE = {"freshdesk": frozenset(("tags",))}
#: The codes and default labels of statuses that mail the customer.
_MAILING = {"freshdesk": frozenset((*NOTIFYING, "resolved", "closed"))}


def check(
    path: str | os.PathLike[str],
    directory: Directory | None = None,
    helpdesk: str | None = None,
    *,
    year: int | None = None,
) -> list[Problem]:
    """All problems and warnings of a pack, by place. Raises nothing for whatever the files hold.

    `directory` is what the account knows; the pack's map for `helpdesk` (its only one if None) and its people are
    compared with it. `year`: calendars must open in it and in the next one; None asks nothing of them.
    """
    return check_result(load_pack(path), directory, helpdesk, year=year)


def check_result(
    result: LoadResult, directory: Directory | None = None, helpdesk: str | None = None, *, year: int | None = None
) -> list[Problem]:
    """The same for a pack that is loaded already."""
    found = list(result.problems)
    if result.assembly is not None:
        found += _unused(result.assembly)
        found += _maps(result.assembly)
        if directory is not None:
            found += _people(result.assembly, directory, helpdesk)
            found += _statuses(result.assembly, directory, helpdesk)
        if result.policy is not None:
            found += _lint(result.assembly, result.policy, directory, year)
    return in_order(found)


def _lint(work: Assembly, policy: Policy, directory: Directory | None, year: int | None) -> Iterator[Problem]:
    mailing, account = dict(_MAILING), dict[str, frozenset[str]]()
    if directory is not None:
        labels = {label.casefold() for code in NOTIFYING for label in directory.statuses.get(code, ())}
        mailing["freshdesk"] |= labels
        account = {"group": frozenset(directory.groups), "agent": frozenset(directory.agents)}
    years = () if year is None else (year, year + 1)
    for finding in lint(
        policy, phrases=work.names.phrases, native=_NATIVE, mailing=mailing, account=account, years=years
    ):
        yield _place(work, finding).problem(finding.code, finding.text, finding.hint)


def _place(work: Assembly, finding: Finding) -> Node:
    """Where a finding stands: the key inside the rule it speaks of, else the name of what it speaks of."""
    named = finding.named if finding.named is not None else ("", "")
    if finding.rule is not None:
        named = (finding.rule.kind, finding.rule.name)
    return find(work.held[named], finding.field) if finding.field else work.declared[named]


def _unused(work: Assembly) -> Iterator[Problem]:
    if any(not problem.is_warning for problem in work.problems):
        return  # a rule with a mistake may be the one that uses it
    asked = {equal_key(skill) for rule in work.rules for skill in getattr(rule, "skills", ())}
    skilled = {key for key, one in work.names.people.items() if asked & {equal_key(skill) for skill in one.skills}}
    for (kind, name), node in work.declared.items():
        if kind == "person" and name in skilled:
            continue  # chosen by what they can do, not by name
        if kind in _USED and (kind, name) not in work.names.used:
            yield node.problem("W104", _USED[kind].format(shown(name)), "use it, or delete it")


def _maps(work: Assembly) -> Iterator[Problem]:
    for name, root in work.map_nodes.items():
        if root.get("statuses") is None:
            place = root.key("helpdesk") or root
            text = f"the helpdesk map '{shown(name)}' maps no statuses, so every status is unknown"
            yield place.problem("W106", text, "add statuses: {open: [...], closed: [...]}")


def _people(work: Assembly, directory: Directory, helpdesk: str | None) -> Iterator[Problem]:
    maps = [helpdesk] if helpdesk is not None else list(work.map_nodes)
    for key, person in work.names.people.items():
        node = work.declared["person", key]
        if person.kind == "address" or any(name in person.ids for name in maps):
            continue
        yield from _person(person, node, directory)


def _person(person: Person, node: Node, directory: Directory) -> Iterator[Problem]:
    known = directory.agents if person.kind == "agent" else directory.groups
    by_mail = person.kind == "agent" and person.email is not None and person.email.lower() in directory.emails
    if person.name in directory.ambiguous and not by_mail:
        text = f"the account has two {person.kind}s called '{shown(person.name)}'"
        yield node.problem("W103", text, "add ids: {<helpdesk>: ...}")
    elif person.name not in known and not by_mail:
        text = f"the account has no {person.kind} '{shown(person.name)}'"
        yield node.problem("W102", text, did_you_mean(person.name, known))


def _statuses(work: Assembly, directory: Directory, helpdesk: str | None) -> Iterator[Problem]:
    labels = {label.casefold() for labels in directory.statuses.values() for label in labels}
    labels |= {code.casefold() for code in directory.statuses}
    written = [label for labels in directory.statuses.values() for label in labels]
    if not labels:
        return
    for mapped in _chosen(work.maps.values(), helpdesk):
        statuses = work.map_nodes[mapped.helpdesk].get("statuses")
        for word, codes in statuses.items if statuses is not None else ():
            nodes = codes.children if codes.kind == "list" else [codes]
            if not any(node.text.strip().casefold() in labels for node in nodes):
                text = f"the account knows none of the statuses mapped onto '{word.text}'"
                yield word.problem("W101", text, did_you_mean(nodes[0].text, written))


def _chosen(maps: Iterable[FieldMap], helpdesk: str | None) -> list[FieldMap]:
    listed = list(maps)
    if helpdesk is not None:
        return [one for one in listed if one.helpdesk == helpdesk]
    return listed if len(listed) == 1 else []
