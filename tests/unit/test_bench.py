"""The benchmarks run, at sizes at which nothing is measured; their figures are never asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import centre, cycle, decide
from connector.core.evaluate import evaluate
from connector.core.model import Call, Memory


@pytest.mark.parametrize(("mix", "kinds"), [("mixed", 5), ("three", 3)])
def test_the_synthetic_centre_is_what_the_figures_say(mix: str, kinds: int) -> None:
    """50 rules of five kinds or of three, 500 phrases, bodies of about 600 characters; the same for a seed."""
    policy = centre.policy(1, mix)
    rules = [rule for rule in policy.rules if rule.ref.kind != "situation"]
    assert kinds == len({rule.ref.kind for rule in rules})
    assert (50, centre.PHRASES) == (len(rules), len(policy.index or ()))
    tickets = list(centre.tickets(200, 1))
    assert tickets == list(centre.tickets(200, 1))
    assert 450 < sum(len(ticket.body or "") for ticket in tickets) / 200 < 650
    found = [evaluate(policy, ticket, Memory(), centre.NOW, brief=True) for ticket in tickets]
    acting = [one for each in found for one in each.decisions if one.call is Call.ACT]
    assert acting
    assert all(one.reasons and one.wants for one in acting)
    assert sum(each.wake_at is not None for each in found) > 100


@pytest.mark.parametrize("mix", centre.MIXES)
def test_peers_answer_as_the_closures_do(mix: str) -> None:
    """What is compared does the same work: zen-engine, where it is installed, says the same of every ticket."""
    pytest.importorskip("zen")
    judge = decide.matcher_and_closures(1, mix)
    for peer in (decide.zen_table(1, mix), decide.zen_expressions(1, mix)):
        assert decide._differing(peer, judge, list(centre.tickets(60, 1))) == 0


def test_decide_prints_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """`bench.decide` prints a table, or the same as JSON."""
    decide.main(["--tickets", "30", "--sample", "10", "--rounds", "1", "--json"])
    assert "escalera" in json.loads(capsys.readouterr().out)["engines"]
    decide.main(["--tickets", "30", "--sample", "10", "--rounds", "1"])
    assert "tickets/s" in capsys.readouterr().out


def test_a_cycle_sees_what_changed_and_what_is_due(tmp_path: Path) -> None:
    """One turn of `bench.cycle` looks at exactly the changed and the due tickets, wherever they are in the mirror."""
    path = str(tmp_path / "state.db")
    cycle.fill(path, 300, 1)
    for turn in range(2):
        one = cycle.one_cycle(path, 300, turn, changed=20, due=10, seed=1)
        assert (20, 30) == (one["changed"], one["evaluated"])
