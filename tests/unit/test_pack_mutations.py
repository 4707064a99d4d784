"""Every figure of a shipped pack is proved by its cases: changed by one, at least one case no longer holds.

A figure is a stretch of time, a whole number, or somebody who is told or gets the ticket, in any rule of the pack. A
change after which the pack no longer loads counts as noticed: `escalera check` reports it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from connector.cases import Case, read_cases
from connector.cases_run import run_case
from connector.core.policy import Person, Policy
from connector.mapping.load import load_policy_from_texts, load_texts, pack_texts
from connector.mapping.nodes import Node, compose
from connector.mapping.registry import rule_kinds
from connector.mapping.spans import SpanError, read_span

PACKS = sorted(path.parent for path in (Path(__file__).parents[2] / "mappings").glob("*/pack.yaml"))
#: Seconds that all mutants of one pack may take.
BOUND = 60.0
#: Keys whose values are people of the roster.
_ADDRESSEES = frozenset(("assign", "notify", "to", "candidates", "fallback"))
_NUMBER = re.compile(r"[0-9]+")
_WHOLE = re.compile(r"[0-9]{1,6}")
_DECIMAL = re.compile(r"([0-9]+\.)([0-9])")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One value of one file, at its place, and what stands there instead."""

    file: str
    line: int
    col: int
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.col}  {self.old} -> {self.new}"

    def applied(self, texts: Mapping[str, str]) -> dict[str, str]:
        """The pack's texts with this one change."""
        lines = texts[self.file].split("\n")
        line, start = lines[self.line - 1], self.col - 1
        assert line[start : start + len(self.old)] == self.old
        lines[self.line - 1] = line[:start] + self.new + line[start + len(self.old) :]
        return {**texts, self.file: "\n".join(lines)}


def mutants(texts: Mapping[str, str], people: Mapping[str, Person]) -> Iterator[Mutant]:
    """Every figure in every rule of the pack, changed by one; every addressee, changed to somebody else."""
    for file, text in texts.items():
        root, _ = compose(text, file)
        if root is None or root.key("helpdesk") is not None:
            continue
        for key, value in root.items:
            if key.text in rule_kinds():
                for rule in value.children:
                    enabled = rule.get("enabled")
                    if enabled is None or enabled.value is not False:
                        yield from _inside(file, rule, "", people)


def _inside(file: str, node: Node, key: str, people: Mapping[str, Person]) -> Iterator[Mutant]:
    for name, value in node.items:
        owner = (
            key == "create" and name.text == "group"
        )  # of a ticket that is created; elsewhere `group` is a condition
        yield from _inside(file, value, "assign" if owner else name.text, people)
    for child in node.children:
        yield from _inside(file, child, key, people)
    if node.is_scalar and not node.style:
        new = _other_person(node.text, people) if key in _ADDRESSEES and node.text in people else _other_figure(node)
        if new is not None:
            yield Mutant(file, node.line, node.col, node.text, new)


def _other_person(key: str, people: Mapping[str, Person]) -> str | None:
    """The key of somebody else: of the same kind where there is one, and never somebody of the same name."""
    others = [one for one in people.values() if one.key != key and one.kind != "address"]
    others.sort(key=lambda one: (one.kind != people[key].kind, one.key))
    return others[0].key if others else None


def _other_figure(node: Node) -> str | None:
    if _WHOLE.fullmatch(node.text):
        return str(int(node.text) - 1) if int(node.text) > 1 else str(int(node.text) + 1)
    decimal = _DECIMAL.fullmatch(node.text)
    if decimal is not None:
        return decimal[1] + str(int(decimal[2]) - 1 if int(decimal[2]) > 1 else int(decimal[2]) + 1)
    if not _NUMBER.match(node.text):
        return None
    try:
        read_span(node.text)
    except SpanError:
        return None
    return _NUMBER.sub(lambda found: str(int(found[0]) - 1 if int(found[0]) > 1 else int(found[0]) + 1), node.text, 1)


def noticed(mutant: Mutant, texts: Mapping[str, str], cases: list[Case]) -> bool:
    """Whether a case no longer holds under the changed pack, or it no longer loads."""
    policy: Policy | None = load_texts(mutant.applied(texts)).policy
    return policy is None or any(run_case(policy, case).failures for case in cases)


@pytest.mark.parametrize("pack", PACKS, ids=lambda path: path.name)
def test_every_figure_is_proved_by_a_case(pack: Path) -> None:
    """No figure of the pack can be changed by one, and nobody exchanged, without a case that fails."""
    texts = pack_texts(pack)
    policy = load_policy_from_texts(texts)
    cases = read_cases(pack, policy)
    assert not [case.name for case in cases if run_case(policy, case).failures]
    begun = time.monotonic()
    different = dict.fromkeys(
        mutants(texts, policy.people)
    )  # an aliased value stands in several rules, and once in a file
    survivors = [str(mutant) for mutant in different if not noticed(mutant, texts, cases)]
    assert not survivors, f"{len(survivors)} changes of {pack.name} are noticed by no case:\n" + "\n".join(survivors)
    assert time.monotonic() - begun <= BOUND


def test_a_figure_that_no_case_proves_is_found() -> None:
    """The check itself works: without cases every mutant survives; figures, spans and people are all among them."""
    texts = {
        "a.yaml": "pack: {name: x}\npeople: {ana: {agent: Ana}, eva: {agent: Eva}, out: {address: a@b.org}}\n"
        "matrix:\n  - name: m3\n    depth: {low: 1}\n    levels:\n      - {after: 72h, notify: [ana]}\n"
        "      - {after: 5 business days, assign: eva}\ncalendars: {c: {hours: {mon: '09:00-10:00'}}}\n"
    }
    policy = load_policy_from_texts(texts)
    found = list(mutants(texts, policy.people))
    assert {("1", "2"), ("72h", "71h"), ("ana", "eva"), ("5 business days", "4 business days"), ("eva", "ana")} == {
        (one.old, one.new) for one in found
    }
    assert not any(noticed(mutant, texts, []) for mutant in found)
