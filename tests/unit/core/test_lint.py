"""Each check of lint: what it says and where, and the nearest thing that is no mistake."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from connector.core.lint import CHECKS, lint
from connector.core.lint_texts import OF_TICKETS
from connector.core.model import Memory, Ticket
from connector.core.policy import Context
from connector.core.rules._common import _fillings
from connector.mapping.check import check_result
from connector.mapping.load import load_texts
from connector.mapping.problems import CODES, Problem, render
from tests.unit.core.condition_samples import NOW

HEAD = """\
pack: {name: x, language: es, timezone: UTC, calendar: office}
calendars:
  office: {hours: {mon-fri: ["09:00-18:00"]}}
  nights: {hours: {mon-fri: ["18:00-23:00"]}}
people: {ana: {agent: Ana}, eva: {agent: Eva}, ventas: {group: Ventas}, cobros: {group: Cobros}}
situations:
  - {id: no-parts, title: Sin piezas}
  - {id: damaged, title: Dañada}
"""


def _found(rules: str, field_map: str = "", **options: Any) -> list[Problem]:
    files = {"head.yaml": HEAD, "rules.yaml": rules}
    if field_map:
        files["map.yaml"] = field_map
    result = load_texts(files)
    assert render(result.problems) == ""
    return [problem for problem in check_result(result, **options) if problem.code != "W104"]


def _places(found: list[Problem]) -> list[tuple[str, int, int]]:
    return [(problem.code, problem.line, problem.col) for problem in found]


def _priority(*rules: str) -> str:
    return "priority:\n" + "".join(f"  - {{name: r{number}, {rule}}}\n" for number, rule in enumerate(rules))


def _keepalive(*rules: str) -> str:
    return "keepalive:\n" + "".join(f"  - {{name: k{number}, {rule}}}\n" for number, rule in enumerate(rules))


def _matrix(*rules: str) -> str:
    return "matrix:\n" + "".join(f"  - {{name: m{number}, {rule}}}\n" for number, rule in enumerate(rules))


MAP = "helpdesk: export\nstatuses: {open: a, in_process: b, completed: c, closed: d}\nheadings: {tags: T}\n"


# --- conditions -------------------------------------------------------------------------------------------------------
def test_an_impossible_condition_names_the_two_parts() -> None:
    """The finding stands at `when:` and says which two parts exclude each other."""
    (problem,) = _found(_priority("priority: high, when: {age: {under: 4h}, channel: email, in_status: 1d}"))
    assert ("W110", 2, 39) == (problem.code, problem.line, problem.col)
    assert "age under 4h and in_status over 1d exclude each other" in problem.text


def test_finished_tickets_are_never_acted_on() -> None:
    """A condition on completed or closed tickets alone can't hold for a rule; one of several statuses can."""
    (problem,) = _found(_priority("priority: high, when: {status: [completed, closed]}"))
    assert "the rule only acts where status is not completed or closed" in problem.text
    assert [] == _found(_priority("priority: high, when: {status: [open, closed]}"))


def test_an_impossible_branch_is_found_inside_a_good_condition() -> None:
    """The second branch of `any:` can't hold; the first can, so the rule as a whole may."""
    rule = "priority: high, when: {any: [{tags: vip}, {age: {under: 1h}, in_status: 2h}]}"
    (problem,) = _found(_priority(rule))
    assert "branch 2 of `any`" in problem.text


def test_the_rules_own_fields_count() -> None:
    """A keep-alive only concerns tickets in `back:`, a matrix of situations only those in one."""
    codes = [one.code for one in _found(_keepalive("when: {status: waiting_customer}"))]
    assert ["W110"] == codes
    assert ["W110"] == [
        one.code
        for one in _found(
            _matrix("situations: damaged, when: {situation: no-parts}, levels: [{after: 1d, notify: ana}]")
        )
    ]
    assert [] == _found(_keepalive("when: {status: waiting_customer}, back: waiting_customer"))


def test_words_and_fields_no_map_gives() -> None:
    """Words and custom fields are asked of all maps together; a map without that table says nothing of it."""
    rule = "priority: high, when: {status: [open, waiting_other], custom.n: 1, channel: twitter}"
    assert [("W111", 2), ("W112", 2)] == [(one.code, one.line) for one in _found(_priority(rule), MAP)]
    assert [] == _found(_priority(rule))
    assert [] == _found(_priority("priority: high, when: {not: {status: waiting_other}}"), MAP)


def test_absent_fields_are_known() -> None:
    """What a map says of a missing column counts as mapped."""
    field_map = MAP + "channels: {email: m}\nabsent: {channel: phone}\n"
    assert [] == _found(_priority("priority: high, when: {channel: phone}"), field_map)


def test_strangers_to_the_roster() -> None:
    """A group that is not in the roster is named as it was written; spelling without accents is the same name."""
    (problem,) = _found(_priority("priority: high, when: {group: [VENTAS, cobros, Ventäs Norte]}"))
    assert "'Ventäs Norte'" in problem.text
    assert "W113" == problem.code


# --- rules beside each other ------------------------------------------------------------------------------------------
def test_a_shadowed_priority() -> None:
    """The narrower and weaker rule is needless wherever it stands; the narrower and stronger one is not."""
    weak = "priority: high, when: {any_phrase: [roto], channel: email}"
    strong = "priority: urgent, when: {any_phrase: [roto]}"
    assert [("W114", 2, 12)] == _places(_found(_priority(weak, strong)))
    assert [("W114", 3)] == [(one.code, one.line) for one in _found(_priority(strong, weak))]
    narrow = "priority: urgent, when: {any_phrase: [roto], channel: email}"
    assert [] == _found(_priority("priority: high, when: {any_phrase: [roto]}", narrow))


def test_of_two_equal_rules_the_later_is_needless() -> None:
    """Only one of them is told of, naming the other and its place."""
    rule = "priority: high, when: {tags: vip}"
    (problem,) = _found(_priority(rule, rule))
    assert 3 == problem.line
    assert "'r0' (rules.yaml:2)" in problem.text


def test_situations_that_an_earlier_one_takes() -> None:
    """Of detections that act, the first wins; one that only suggests takes nothing away."""
    rules = "situations:\n  - {id: a, title: A, detection: %s, detect: {any_phrase: [piezas]}}\n"
    rules += "  - {id: b, title: B, detection: act, detect: {any_phrase: [sin piezas, piezas]}, }\n"
    found = _found(rules % "act")
    assert [] == [one for one in found if one.code == "W114"]
    narrower = rules.replace("[sin piezas, piezas]", "[hay piezas]")
    assert ["W114"] == [one.code for one in _found(narrower % "act")]
    assert [] == _found(narrower % "suggest")


def test_deadlines_that_an_earlier_policy_takes() -> None:
    """The first policy that fits holds: a later, narrower one never does, an earlier one does."""
    wide = "{name: wide, first_response: 4h, breach: {notify: ana}}"
    narrow = "{name: narrow, when: {channel: phone}, first_response: 1h, breach: {notify: ana}}"
    assert [("W114", 3)] == [(one.code, one.line) for one in _found(f"sla:\n  - {wide}\n  - {narrow}\n")]
    assert [] == _found(f"sla:\n  - {narrow}\n  - {wide}\n")


def test_raising_and_lowering_at_once() -> None:
    """A rule that lowers conflicts with one that raises unless their conditions exclude each other."""
    raises = "priority: urgent, when: {any_phrase: [roto]}"
    assert ["W115"] == [one.code for one in _found(_priority(raises, "priority: low, lower: true, when: {tags: spam}"))]
    apart = "priority: low, lower: true, when: {no_phrase: [roto]}"
    assert [] == _found(_priority(raises, apart))
    assert [] == _found(_priority(raises, "priority: high, when: {tags: spam}"))


def test_two_matrices_on_one_ticket() -> None:
    """Only assignees of one kind, at levels due at one instant, from the same event, are a conflict."""
    one = "when: {tags: vip}, levels: [{after: 1h, assign: ana}, {after: 1d, assign: ana}]"
    both = _found(_matrix(one, "when: {tags: prensa}, levels: [{after: 2h, assign: eva}]"))
    assert [("W115", 3)] == [(problem.code, problem.line) for problem in both]
    assert [] == _found(_matrix(one, "when: {tags: prensa}, levels: [{after: 2h, assign: ventas}]"))
    assert [] == _found(_matrix(one, "when: {tags: prensa}, since: status, levels: [{after: 2h, assign: eva}]"))
    assert [] == _found(_matrix(one, "when: {not: {tags: vip}}, levels: [{after: 2h, assign: eva}]"))
    assert [] == _found(_matrix(one, "when: {tags: prensa}, levels: [{after: 2h, notify: eva}]"))


def test_keepalives_that_overlap() -> None:
    """Different bounds on one ticket are told of; the same bounds, or other situations, are not."""
    narrow = "situations: no-parts, follow_up: {after: 7d}"
    assert ["W116"] == [one.code for one in _found(_keepalive(f"{narrow}, cap: 3", "cap: 8"))]
    assert [] == _found(_keepalive(f"{narrow}, cap: 8", "cap: 8"))
    assert [] == _found(_keepalive(f"{narrow}, cap: 3", "situations: damaged, cap: 8"))


# --- time -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("matrix", "column"),
    [
        ("depth: {low: 1, normal: 1, high: 1, urgent: 1}, LEVELS", True),
        ("depth: {low: 1, normal: 1, high: 1}, LEVELS", False),
        ("depth: {low: 1, urgent: 2}, when: {priority: low}, LEVELS", True),
        ("depth: {low: 1, normal: 1, high: 1, urgent: 1}, start: [{when: {tags: vip}, level: 2}], LEVELS", False),
        ("depth: {low: 1, normal: 1, high: 1, urgent: 1}, close_within: 30d, LEVELS", False),
        ("when: {age: {under: 72h}}, LEVELS", True),
        ("when: {age: {under: 73h}}, LEVELS", False),
        ("when: {in_status: {under: 72h}}, LEVELS", False),
        ("since: status, when: {in_status: {under: 72h}}, LEVELS", True),
        ("when: {any: [{age: {under: 72h}}, {tags: vip}]}, LEVELS", False),
    ],
)
def test_levels_that_are_never_reached(matrix: str, column: bool) -> None:
    """Depth and limits of `when:` cut a level off only where no priority, start or branch reaches it."""
    levels = "levels: [{after: 1d, notify: ana}, {after: 72h, notify: eva}]"
    found = _found(_matrix(matrix.replace("LEVELS", levels)))
    assert (["W117"] if column else []) == [one.code for one in found]
    assert all(one.text.startswith("level 2 ") for one in found)


def test_levels_that_a_higher_one_overtakes() -> None:
    """Five business days take at least four days, so a level after four days is always due first; after 5d it isn't."""
    levels = "levels: [{{after: 5 business days, notify: ana}}, {{after: {}, notify: eva}}]"
    assert ["W117"] == [one.code for one in _found(_matrix(levels.format("4d")))]
    assert [] == _found(_matrix(levels.format("5d")))


def test_a_level_after_close_within() -> None:
    """From `close_within` on only the last level counts."""
    levels = "levels: [{{after: 1d, notify: ana}}, {{after: {}, notify: ana}}, {{after: 60d, notify: eva}}]"
    assert ["W117"] == [one.code for one in _found(_matrix("close_within: 30d, " + levels.format("30d")))]
    assert [] == _found(_matrix("close_within: 30d, " + levels.format("29d")))


@pytest.mark.parametrize(
    ("rule", "codes"),
    [
        ("cap: 0", ["W118"]),
        ("cap: 1", []),
        ("cap: unlimited", ["W119"]),
        ("follow_up: {after: 7d}, until: 7d", ["W118"]),
        ("follow_up: {after: 7d}, until: 8d", []),
        ("until: 324h", ["W118"]),
        ("until: 325h", []),
        ("follow_up: {after: 1d, every: 1 business day}, apart: 25h", ["W120"]),
        ("follow_up: {after: 1d, every: 1 business day}, apart: 24h", []),
        ("follow_up: {after: 1d, every: 8 business hours}", ["W120"]),
    ],
)
def test_keepalives_that_can_not_do_their_work(rule: str, codes: list[str]) -> None:
    """At the edge of each bound: one step before it a finding, at it none."""
    assert codes == [one.code for one in _found(_keepalive(rule))]


def test_what_comes_after_the_auto_close() -> None:
    """A promise beyond the helpdesk's clock needs a keep-alive; fourteen days or fewer do not."""
    promise = "situations:\n  - {{id: parts, title: Piezas, promise: {}}}\n"
    assert [("W121", 2)] == [(one.code, one.line) for one in _found(promise.format("15d"))]
    assert [] == _found(promise.format("14d"))
    assert [] == _found(promise.format("15d") + _keepalive("situations: parts"))
    assert ["W121"] == [one.code for one in _found(promise.format("15d") + _keepalive("situations: damaged"))]


def test_levels_after_the_auto_close() -> None:
    """A level counted from the escalation is lost likewise, where the pack keeps other situations alive."""
    levels = "situations: no-parts, since: escalated, levels: [{after: 30d, notify: ana}]"
    assert ["W121"] == [one.code for one in _found(_matrix(levels) + _keepalive("situations: damaged"))]
    assert [] == _found(_matrix(levels) + _keepalive("situations: no-parts"))
    assert [] == _found(_matrix(levels))


def test_reminders_that_never_come() -> None:
    """A target of an hour has no reminder an hour before; one second more has."""
    rule = "sla:\n  - name: s\n    first_response: {{urgent: {}, low: 8h}}\n    remind: [{{before: 1h, notify: ana}}]\n"
    rule += "    breach: {{notify: ana}}\n"
    (problem,) = _found(rule.format("1h"))
    assert ("W122", 4, 15) == (problem.code, problem.line, problem.col)
    assert [] == _found(rule.format("3601s"))


def test_calendars_are_only_asked_about_given_years() -> None:
    """A calendar without a free day in 2027 and 2028 is told of where those years are asked about, not otherwise."""
    first = date(2027, 1, 1)
    days = [(first + timedelta(days=number)).isoformat() for number in range(366)]
    listed = ", ".join(f'"{day}"' for day in days)
    rules = f"calendars:\n  first: {{hours: {{mon-sun: ['09:00-10:00']}}, holidays: {{add: [{listed}]}}}}\n"
    assert [("W123", 2)] == [(one.code, one.line) for one in _found(rules, year=2026)]
    assert [] == _found(rules, year=2028)
    assert [] == _found(rules)


# --- maps and texts ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("helpdesk", "completed", "codes"),
    [
        ("freshdesk", "[4, Done]", ["W124"]),
        ("freshdesk", "[Resolved, Done]", ["W124"]),
        ("freshdesk", "[Done, 4]", []),
        ("freshdesk", "[4, Done]\nallow_notifying_status: true", []),
        ("c4c", "[4, Done]", []),
    ],
)
def test_toggles_that_mail(helpdesk: str, completed: str, codes: list[str]) -> None:
    """Only the first code counts, only on the helpdesk whose code it is, only where it is not allowed."""
    field_map = f"helpdesk: {helpdesk}\nheadings: {{tags: T}}\nstatuses:\n  in_process: b\n  completed: {completed}\n"
    assert codes == [one.code for one in _found(_keepalive("cap: 8"), field_map)]


def test_situations_out_of_reach() -> None:
    """Without a field or tags only a detection that acts leads into a situation."""
    blind = MAP.replace("headings: {tags: T}", "headings: {id: N}")
    assert ["W125", "W125"] == [one.code for one in _found("", blind)]
    assert [] == _found("", MAP)
    assert [] == _found("", blind.replace("export", "freshdesk"))


def _text(text: str, rule: str = "note: t") -> str:
    return f"texts: {{t: '{text}'}}\n{_keepalive(rule)}"


def test_texts_that_nothing_fills() -> None:
    """Placeholders are held against the rule that writes the text; conditions and defaults make them optional."""
    assert [("W126", 3)] == [(one.code, one.line) for one in _found(_text("nivel #LEVEL#"))]
    assert [] == _found(_text("{% if level %}nivel {{ level }}{% endif %}"))
    assert [] == _found(_text('nivel {{ level | default("ninguno") }}'))
    assert [] == _found(_text("#COUNT# de #CAP#, #TICKET#"))
    endless = _found(_text("#CAP#", "note: t, cap: unlimited"))
    assert {"W119", "W126"} == {one.code for one in endless}


def test_texts_with_custom_fields() -> None:
    """A custom field in a text must come from some map, where the pack has maps."""
    custom = _text("serie {{ custom.serie }}")
    assert ["W126"] == [one.code for one in _found(custom, MAP)]
    assert [] == _found(custom, MAP.replace("{tags: T}", "{tags: T, custom.serie: S}"))
    assert [] == _found(custom)


def test_the_values_of_tickets_are_all_known() -> None:
    """Lint's list of values that tickets fill is the one that rules use, and `date`."""
    rules = load_texts({"head.yaml": HEAD}).policy
    assert rules is not None
    ctx = Context(rules, Ticket("1"), Memory(), NOW)
    assert OF_TICKETS == {*_fillings(ctx), "date"}


def test_phrases_that_add_nothing() -> None:
    """Within a named list the phrase itself is pointed at; lists joined in a rule are compared with what it adds."""
    lists = "phrases:\n  prisa:\n    - urgente\n    - muy urgente\n    - URGENTE\n    - urgentemente\n"
    found = _found(lists + _priority("priority: high, when: {any_phrase: prisa}"))
    assert [("W127", 4, 7), ("W127", 5, 7)] == _places(found)
    added = "phrases:\n  prisa: [urgente]\n" + _priority(
        "priority: high, when: {any_phrase: [prisa, es urgente, roto]}"
    )
    assert [("W127", 4)] == [(one.code, one.line) for one in _found(added)]


def test_phrases_that_another_rule_outdoes() -> None:
    """A phrase that contains one of a stronger rule changes nothing; one that contains a weaker rule's does."""
    strong = "priority: urgent, when: {any_phrase: [peligro]}"
    weak = "priority: high, when: {any_phrase: [hay peligro, roto]}"
    (problem,) = _found(_priority(strong, weak))
    assert ("W127", 3) == (problem.code, problem.line)
    swapped = _priority(strong.replace("urgent", "normal"), weak)
    assert [] == _found(swapped)


def test_phrases_ruled_out() -> None:
    """A phrase that holds a forbidden one is told of, the rest of its list is not."""
    rule = "priority: high, when: {any_phrase: [caso urgente, roto], no_phrase: [urgente]}"
    (problem,) = _found(_priority(rule))
    assert "W128" == problem.code
    assert "'caso urgente'" in problem.text


# --- the whole --------------------------------------------------------------------------------------------------------
def test_lint_is_silent_and_pure_on_an_empty_policy() -> None:
    """A pack without rules has no finding, twice the same; every check is asked."""
    policy = load_texts({"head.yaml": HEAD}).policy
    assert policy is not None
    assert () == lint(policy) == lint(policy)
    assert len(set(CHECKS)) == len(CHECKS)


def test_every_finding_has_a_way_out_and_a_known_code() -> None:
    """No finding without a hint, no code that the table of codes lacks."""
    rules = _priority(
        "priority: high, when: {status: closed}", "priority: high, when: {tags: a}", "priority: low, when: {tags: a}"
    )
    found = _found(rules + _keepalive("cap: 0", "cap: unlimited"))
    assert len(found) >= 4
    assert all(one.hint and one.code in CODES and one.is_warning and one.line for one in found)


def test_disabled_rules_are_not_linted() -> None:
    """What is switched off can do no harm."""
    assert [] == _found(_priority("enabled: false, priority: high, when: {status: closed}"))
