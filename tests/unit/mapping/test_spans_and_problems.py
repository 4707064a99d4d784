"""Stretches of time, and how problems are printed."""

from __future__ import annotations

import pytest

from connector.core.policy import Span
from connector.errors import ConfigurationError
from connector.mapping.problems import CODES, MappingError, Problem, did_you_mean, in_order
from connector.mapping.spans import SpanError, read_span

SPANS = [
    ("72h", 259_200, "elapsed"),
    ("14d", 1_209_600, "elapsed"),
    ("30 min", 1_800, "elapsed"),
    ("1d 12h", 129_600, "elapsed"),
    ("2 Weeks", 1_209_600, "elapsed"),
    ("1.5h", 5_400, "elapsed"),
    ("0h", 0, "elapsed"),
    ("5 business days", 5, "business_days"),
    ("1 business day", 1, "business_days"),
    ("8 working hours", 28_800, "business_seconds"),
    ("0.5 business hours", 1_800, "business_seconds"),
]


@pytest.mark.parametrize(("text", "amount", "unit"), SPANS)
def test_span(text: str, amount: int, unit: str) -> None:
    """Elapsed and business time in the ways people write them."""
    assert Span(amount, unit, " ".join(text.split())) == read_span(text)  # type: ignore[arg-type]


_NO_SPANS = (
    "", "72", "3m", "2 months", "1y", "soon", "-3d", "3d!", "1.5 business days", "9" * 30 + "d", "2 business weeks",
    "0.0001s", "200 years", "999999999d", "h", "5 business",
)  # fmt: skip


@pytest.mark.parametrize("text", _NO_SPANS)
def test_no_span(text: str) -> None:
    """What could mean two things, or nothing, is refused with a way out."""
    with pytest.raises(SpanError) as caught:
        read_span(text)
    assert str(caught.value)
    assert caught.value.hint


def test_a_problem_is_printed_with_line_carets_and_hint() -> None:
    """The form that the documentation promises, to the character."""
    source = "        prioritty: urgent"
    text = "unknown field 'prioritty' in rule 'regulator threat'"
    problem = Problem(
        "E031", "priorities.yaml", 14, 9, text, "did you mean 'priority'?", 9, source, "mappings/appliance-mx"
    )
    expected = (
        "mappings/appliance-mx/priorities.yaml:14:9  E031 unknown field 'prioritty' in rule 'regulator threat'\n"
        "   14 |         prioritty: urgent\n"
        "      |         ^^^^^^^^^  did you mean 'priority'?"
    )
    assert expected == problem.render()


def test_problems_are_sorted_and_not_doubled() -> None:
    """By file, line and column; the same problem once."""
    one, two = Problem("E031", "b", 1, 1, "x"), Problem("E031", "a", 9, 1, "x")
    assert [two, one] == in_order([one, two, one])


def test_mapping_error_carries_all_problems() -> None:
    """The error is one of configuration (exit code 78) and prints every problem."""
    problems = [Problem("E031", "a", line, 1, f"problem {line}") for line in (1, 2)]
    error = MappingError(problems)
    assert isinstance(error, ConfigurationError)
    assert error.exit_code == 78
    assert tuple(problems) == error.problems
    assert "problem 1" in str(error)
    assert "problem 2" in str(error)


def test_json_form_is_complete() -> None:
    """The JSON form has the place, the code, the severity and both texts."""
    problem = Problem("W104", "a.yaml", 3, 5, "unused", "delete it", 4)
    place = {"file": "a.yaml", "line": 3, "col": 5, "length": 4}
    expected = {"code": "W104", "severity": "warning", **place, "text": "unused", "hint": "delete it"}
    assert expected == problem.as_json()


def test_tabs_and_control_characters_do_not_move_the_carets() -> None:
    """The carets stand under the mistake whatever stands before it."""
    shown = Problem("E025", "a", 1, 3, "x", "", 1, "\ta\x07b").render().splitlines()
    assert shown[1] == "    1 | \ta�b"
    assert shown[2] == "      | \t ^"


def test_did_you_mean() -> None:
    """The nearest word; else the words where they are few; else nothing."""
    assert did_you_mean("PRIORITI", ["Priority", "status"]) == "did you mean 'Priority'?"
    assert did_you_mean("zzz", ["a", "b"]) == "one of: a, b"
    assert did_you_mean("zzz", [str(number) for number in range(50)]) == ""
    assert did_you_mean("x", []) == ""


def test_codes_are_documented() -> None:
    """Every code in the sources of the loader and of the rules is in the table."""
    import re
    from pathlib import Path

    root = Path(__file__).parents[3] / "connector"
    files = [
        *(root / "mapping").glob("*.py"),
        *(root / "core").glob("conditions*.py"),
        *(root / "core/rules").glob("*.py"),
    ]
    used = {code for file in files for code in re.findall(r'"([EW][0-9]{3})"', file.read_text(encoding="utf-8"))}
    assert used == set(CODES)
