"""`escalera test`: cases hold or are told with what came instead; mistakes in them have lines; unproven rules show."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.commands.conftest import PACK, Call

POLICY = """\
pack: {name: small, language: en, timezone: America/Mexico_City}
people:
  ana: {agent: Ana}
situations:
  - {id: parts, title: Parts, detect: {any_phrase: [no parts]}}
priority:
  - {name: urgent words, when: {any_phrase: [urgent]}, priority: high}
"""
CASE = "  - {{name: {name}, now: 2026-03-03T11:00:00-06:00, ticket: {{subject: {subject}}}, {rest}}}\n"


def _pack(tmp_path: Path, *cases: str) -> Path:
    pack = tmp_path / "pack"
    (pack / "cases").mkdir(parents=True, exist_ok=True)
    (pack / "pack.yaml").write_text(POLICY, encoding="utf-8")
    (pack / "cases" / "all.yaml").write_text("cases:\n" + "".join(cases), encoding="utf-8")
    return pack


def _case(name: str, subject: str, rest: str) -> str:
    return CASE.format(name=name, subject=subject, rest=rest)


FIRES = _case("fires", "It is urgent", "expect: {kind: set, rule: urgent words, changes: {priority: [normal, high]}}")
STILL = _case("still", "Thanks", "never: {rule: urgent words}")
SEEN = _case("seen", "There are no parts", "expect: {kind: suggest, rule: parts}, situation: none")
UNSEEN = _case("unseen", "Thanks", "never: {kind: suggest, rule: parts}")


def test_shipped_pack_proves_every_rule_both_ways(call: Call) -> None:
    """Every rule of the shipped pack has a case in which it acts and one in which it must not; all hold."""
    got = call("test", "--strict", PACK, "--format", "json")
    assert got.code == 0
    (ran,) = got.json
    assert ran["uncovered"] == []
    assert len(ran["cases"]) >= 80
    assert all(case["holds"] for case in ran["cases"])
    situations = {one for case in ran["cases"] for one in case["covers"] if one.startswith("A.")}
    assert len(situations) >= 13


def test_cases_hold(call: Call, tmp_path: Path) -> None:
    """All hold and all is covered: 0, also when strict."""
    got = call("test", "--strict", _pack(tmp_path, FIRES, STILL, SEEN, UNSEEN))
    assert (got.code, got.out.count("\n")) == (0, 1)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (_case("x", "Thanks", "expect: {kind: set}"), "nothing came that fits kind set"),
        (_case("x", "It is urgent", "never: {kind: set}"), "must not come"),
        (_case("x", "It is urgent", "only: true"), "`only`: set"),
        (_case("x", "It is urgent", "expect: {rule: urgent words, changes: {priority: urgent}}"), "nothing came"),
        (_case("x", "It is urgent", "expect: [{kind: set}, {kind: set}]"), "nothing came"),
        (_case("x", "It is urgent", "expect: {kind: set, due: 1d ago}"), "nothing came"),
        (_case("x", "It is urgent", "expect: {kind: set, reason: NO_SUCH}"), "nothing came"),
        (_case("x", "Thanks", "situation: parts"), "the situation is none, not parts"),
        (_case("x", "Thanks", "unknown: {rule: urgent words}"), "no rule was unable to tell"),
    ],
)
def test_case_that_does_not_hold(call: Call, tmp_path: Path, case: str, said: str) -> None:
    """Each way of failing ends with 1 and says what came instead."""
    got = call("test", _pack(tmp_path, case))
    assert got.code == 1
    assert said in got.out
    assert "cases/all.yaml:2  x" in got.out


def test_breaking_a_rule_breaks_its_cases(call: Call, tmp_path: Path) -> None:
    """The shipped cases notice an edit: a changed span and a changed priority both fail."""
    for file, old, new in (
        ("situations.yaml", "follow_up: {after: 7d,", "follow_up: {after: 8d,"),
        ("matrix.yaml", "after: 30d", "after: 31d"),
        ("priorities.yaml", "any_phrase: regulador\n    priority: urgent", "any_phrase: regulador\n    priority: high"),
    ):
        pack = tmp_path / file / "pack"
        shutil.copytree(PACK, pack)
        text = (pack / file).read_text(encoding="utf-8")
        assert old in text
        (pack / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        assert call("test", pack).code == 1, file


def test_unproven_rules_are_warnings_unless_strict(call: Call, tmp_path: Path) -> None:
    """A rule without a firing or without a non-firing case is named; only --strict fails for it."""
    pack = _pack(tmp_path, FIRES, SEEN, UNSEEN)
    got = call("test", pack)
    assert got.code == 0
    assert "priority 'urgent words': no case in which it does not" in got.out
    assert call("test", "--strict", pack).code == 1


def test_every_mistake_in_cases_has_its_line(call: Call, tmp_path: Path) -> None:
    """Unknown keys, rules, words, people and instants: all at once, placed, with what was meant; exit code 78."""
    pack = _pack(
        tmp_path,
        _case("a", "x", "expct: {kind: set}"),
        _case("b", "x", "never: {rule: urgnt words}"),
        _case("c", "x", "never: {kind: sett}"),
        _case("d", "x", "expect: {kind: notify, to: anna}"),
        _case("e", "x", "situation: part"),
        "  - {name: f, now: yesterday, ticket: {subject: x}, only: true}\n",
        "  - {name: g, now: 2026-03-03T11:00:00-06:00, ticket: {created_at: 3 fortnights ago}, only: true}\n",
        _case("h", "x", "covers: [A]"),
        _case("h2", "x", "never: [{}]"),
        _case("a2", "x", "only: true"),
        _case("a2", "x", "only: true"),
    )
    got = call("test", pack)
    assert got.code == 78
    for line, words in (
        (2, "unknown field 'expct'"), (3, "did you mean 'urgent words'?"), (4, "'sett'"), (5, "did you mean 'ana'?"),
        (6, "did you mean 'parts'?"), (7, "'yesterday' is not an instant"), (8, "'3 fortnights ago'"),
        (9, "expects nothing"), (10, "empty"), (12, "stands in line 11 already"),
    ):  # fmt: skip
        assert any(f"cases/all.yaml:{line}:" in one and words in one for one in _paragraphs(got.err)), (line, got.err)


def _paragraphs(text: str) -> list[str]:
    """Each problem with its lines of source and hint."""
    found: list[str] = []
    for line in text.splitlines():
        if "cases/all.yaml:" in line:
            found.append("")
        if found:
            found[-1] += line + "\n"
    return found


@pytest.mark.parametrize(
    "text", ["", "cases:", "cases: x", "- a", "cases: [1]", "][", "case: []", "cases: [{}]", "a: &x [*x]"]
)
def test_files_that_are_no_cases(call: Call, tmp_path: Path, text: str) -> None:
    """Whatever stands in a file of cases: a sentence, or nothing to run; never a traceback."""
    pack = _pack(tmp_path)
    (pack / "cases" / "all.yaml").write_text(text, encoding="utf-8")
    assert call("test", pack).code in {0, 78}
    (pack / "cases" / "all.yaml").write_bytes(b"\xff\xfe\x00")
    assert call("test", pack).code == 78


def test_instants_in_the_packs_zone_and_as_ages(call: Call, tmp_path: Path) -> None:
    """A local time counts in the pack's zone, an age counts back from now."""
    ticket = "ticket: {subject: It is urgent, created_at: 1h ago}"
    pack = _pack(
        tmp_path,
        f"  - {{name: a, now: 2026-03-03 11:00, {ticket}, expect: {{kind: set, due: 2026-03-03T17:00:00Z}}}}\n",
    )
    assert call("test", pack).code == 0
