"""Holds the pack's own texts against its `vocabulary` rules: what is never to be said stands in none of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connector.core.policy import Rule
from connector.core.rules.vocabulary import VocabularyRule
from connector.mapping.nodes import Node
from connector.mapping.problems import Problem, shown

_SAID = "E065"


def wording(rules: Sequence[Rule], texts: Mapping[str, Node]) -> Iterator[Problem]:
    """A problem at each place of a text that has such words, naming the phrase and the rule."""
    for rule in rules:
        if not isinstance(rule, VocabularyRule):
            continue
        for name, node in texts.items():
            if not rule.concerns(name) or not node.is_scalar:
                continue
            for match in rule.found(node.text):
                # A phrase that goes over a line's end is found in the file by its first line.
                words = node.text[match.start : match.end].splitlines()[0].strip()
                text = f"'{shown(match.phrase)}' is never to be said to customers by rule '{shown(rule.ref.name)}'"
                place = "a text written in place" if ":" in name else f"text '{shown(name)}'"
                hint = "say it otherwise, or name the text under `except` if no customer sees it"
                yield node.problem_at(words, _SAID, f"{text}, in {place}", hint)
