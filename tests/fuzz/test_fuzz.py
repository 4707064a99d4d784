"""A short form of the long runs: the first inputs of every target, and that a finding would be seen."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import run, targets
from tests.fuzz.run import feed
from tests.fuzz.targets import TARGETS, Target

_COUNTS = {
    "answers": 250, "cursors": 500, "exports": 120, "mappings": 120, "plans": 200, "hints": 60, "inbox": 60,
    "config": 40,
    "cases": 25, "seeds": 60, "rotas": 60, "books": 30,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_damaged_input_ends_in_an_answer_or_an_error_of_ours(name: str) -> None:
    """No traceback, no hang over a second, no growth over 200 MB; some is refused, so the damage is real."""
    tally = feed(name, seed=7, count=_COUNTS[name])
    assert [] == tally.findings
    assert tally.inputs == _COUNTS[name]
    # A cursor that says nothing is no error: the feed then begins anew.
    assert (tally.taken < tally.inputs) == (name != "cursors")


def test_the_same_seed_gives_the_same_inputs() -> None:
    """A finding can be found again."""
    for name in TARGETS:
        assert list(targets.inputs(name, 3, 5)) == list(targets.inputs(name, 3, 5))


def test_a_fault_a_hang_and_their_inputs_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run sees an exception that is not ours, and an input that takes too long."""

    def read(content: bytes) -> bool:
        if content == b"loop":
            while True:
                pass
        raise KeyError(content)

    monkeypatch.setattr(run, "LONGEST", 0.05)
    for content, expected in ((b"loop", "processor time"), (b"boom", "KeyError")):
        monkeypatch.setitem(dict_of_targets(), "broken", Target(lambda rng, c=content: c, read))  # type: ignore[misc]
        tally = feed("broken", seed=1, count=1)
        assert [content] == [found for found, _ in tally.findings]
        assert expected in tally.findings[0][1]


def dict_of_targets() -> dict[str, Target]:
    """The targets, to be added to."""
    assert isinstance(TARGETS, dict)
    return TARGETS


def test_damage_leaves_the_seed_as_it_is() -> None:
    """JSON seeds are shared by all inputs of a target."""
    seed = targets._bodies()["/tickets/2025"]
    before = repr(seed)
    for number in range(200):
        targets.damage_json(seed, random.Random(number))
    assert before == repr(seed)
