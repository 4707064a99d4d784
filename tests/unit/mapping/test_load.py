"""From files to a policy: what it holds, its digest, and that nothing hides anything."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from connector.core.model import Memory, RuleRef, Ticket
from connector.core.policy import Context, Unfillable
from connector.core.tri import Tri
from connector.mapping.calendars import public_holidays
from connector.mapping.load import (
    MappingError,
    load_pack,
    load_policy,
    load_policy_from_texts,
    load_texts,
    pack_texts,
)
from connector.mapping.problems import render
from tests.property.test_mapping_fuzz import PACK

MAP = """\
helpdesk: freshdesk
statuses: {open: [2, Abierto], in_process: En proceso, completed: [Completado, 4]}
fields: {escalation_type: cf_escalation_type, custom.serie: cf_serie}
headings: {id: [Ticket ID, ID], custom.serie: Serie}
situations: {no-parts: ["Sin piezas", 1]}
empty: ["#"]
dates: mdy
autoclose_clock: updated_at
allow_notifying_status: true
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A valid pack in two files, with things beside it that are no policy."""
    (tmp_path / "policy.yaml").write_text(PACK, encoding="utf-8")
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "freshdesk.yaml").write_text(MAP, encoding="utf-8")
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "case.yaml").write_text("][", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("][", encoding="utf-8")
    (tmp_path / ".hidden.yaml").write_text("][", encoding="utf-8")
    return tmp_path


def test_policy_holds_what_the_files_say(pack: Path) -> None:
    """Names, people, maps, calendars, texts, situations and rules, with their places."""
    policy = load_policy(pack)
    assert (policy.name, policy.language, policy.timezone) == ("demo", "es", "America/Mexico_City")
    assert (
        policy.people["supervisora"].kind, policy.people["supervisora"].name, policy.people["supervisora"].ids,
    ) == ("agent", "Laura Núñez", {"freshdesk": "9001"})  # fmt: skip
    mapped = policy.maps["freshdesk"]
    assert mapped.statuses == {
        "open": ("2", "Abierto"),
        "in_process": ("En proceso",),
        "completed": ("Completado", "4"),
    }
    assert (
        mapped.date_order, mapped.autoclose_clock, mapped.allow_notifying_status, mapped.empty,
    ) == ("mdy", "updated_at", True, ("#",))  # fmt: skip
    assert (mapped.timezone, mapped.file) == ("America/Mexico_City", "maps/freshdesk.yaml")
    assert mapped.situations == {"no-parts": ("Sin piezas", "1")}
    assert policy.default_calendar == "mx"
    assert [rule.ref.kind for rule in policy.rules] == [
        "priority", "keepalive", "matrix", "sla", "assignment", *["root_cause"] * 3, "repeat", "typify", "vocabulary",
    ]  # fmt: skip
    assert RuleRef("priority", "amenaza", "policy.yaml", 19) == policy.rules[0].ref
    assert policy.situations["no-parts"].title == "Sin piezas"
    assert policy.index is not None


def test_conditions_of_the_policy_find_their_phrases(pack: Path) -> None:
    """The one index serves the conditions of all rules, and of situations."""
    policy = load_policy(pack)
    ticket = Ticket("1", subject="Voy a PROFECO", body="sin piezas", custom={"n": 2}, status="open",
                    created_at=datetime(2026, 3, 2, 12, tzinfo=UTC))  # fmt: skip
    ctx = Context(policy, ticket, Memory(), datetime(2026, 3, 11, 12, tzinfo=UTC))
    (threat,) = policy.rules[0].conditions()
    detect = policy.situations["no-parts"].detect
    assert detect is not None
    assert Tri.YES is threat.test(ctx)
    assert Tri.YES is detect.test(ctx)


def test_digest_is_of_names_and_bytes(pack: Path) -> None:
    """Same text, same digest, also from kept texts; any policy byte or name changes it, a case does not."""
    digest = load_policy(pack).digest
    assert digest == load_policy_from_texts(pack_texts(pack)).digest
    assert {"policy.yaml", "maps/freshdesk.yaml"} == set(pack_texts(pack))
    (pack / "cases" / "case.yaml").write_text("else", encoding="utf-8")
    assert digest == load_policy(pack).digest
    (pack / "policy.yaml").write_text(PACK + "# a comment\n", encoding="utf-8")
    assert digest != load_policy(pack).digest
    (pack / "policy.yaml").write_bytes(b"\xef\xbb\xbf" + PACK.replace("\n", "\r\n").encode())
    assert load_policy(pack).digest == load_policy_from_texts(pack_texts(pack)).digest


def test_lists_of_several_files_are_joined_in_file_order() -> None:
    """`priority:` in two files is one list; rules follow files, then lines."""
    rule = "priority:\n  - {{name: {}, when: {{status: open}}, priority: low}}\n"
    policy = load_policy_from_texts({"b.yaml": rule.format("b"), "a.yaml": "pack: {name: x}\n" + rule.format("a")})
    assert [rule.ref.name for rule in policy.rules] == ["a", "b"]


def test_problems_of_all_files_are_reported_at_once() -> None:
    """A file that is not YAML, a wrong rule and an unknown person: three files, three problems."""
    texts = {
        "a.yaml": "pack: {name: x}\n",
        "b.yaml": "texts: [\n",
        "c.yaml": "priority:\n  - {name: a, when: {status: opne}, priority: low}\n",
        "d.yaml": "matrix:\n  - {name: b, levels: [{after: 1d, notify: nobody}]}\n",
    }
    result = load_texts(texts)
    assert result.policy is None
    assert [(p.file, p.code) for p in result.problems] == [("b.yaml", "E001"), ("c.yaml", "E021"), ("d.yaml", "E041")]


def test_names_a_broken_file_may_declare_are_not_called_unknown() -> None:
    """A syntax error in the roster does not make every rule that uses it a suspect."""
    texts = {
        "a.yaml": "pack: {name: x}\npeople:\n  jefa: {agent: Laura\n",
        "b.yaml": "matrix:\n  - {name: b, levels: [{after: 1d, notify: [jefa, nobody]}]}\n",
    }
    problems = load_texts(texts).problems
    assert [problem.code for problem in problems] == ["E001", "E041"]
    assert "'nobody'" in problems[1].text


def test_a_disabled_rule_is_checked_and_left_out() -> None:
    """`enabled: false` takes a rule out of the policy, not out of the check."""
    text = "pack: {name: x}\npriority:\n  - {name: a, enabled: false, when: {status: open}, priority: low}\n"
    assert load_policy_from_texts({"a.yaml": text}).rules == ()
    wrong = load_texts({"a.yaml": text.replace("open", "opne")})
    assert [problem.code for problem in wrong.problems] == ["E021"]


def test_a_roster_key_stands_for_its_name() -> None:
    """`group: key` compares with the group's name."""
    text = (
        "pack: {name: x}\npeople: {up: {group: Supervisión}}\n"
        "priority:\n  - {name: a, when: {group: up}, priority: low}\n"
    )
    policy = load_policy_from_texts({"a.yaml": text})
    (clause,) = policy.rules[0].conditions()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert Tri.YES is clause.test(Context(policy, Ticket("1", group="supervision"), Memory(), now))


def test_calendar_has_holidays_additions_removals_and_exceptions() -> None:
    """Public holidays are closed, your own too, those removed are open, and an exception has hours of its own."""
    text = """\
pack: {name: x, timezone: UTC}
calendars:
  mx:
    hours: {mon-fri: ["09:00-18:00"], "sat,sun": ["22:00-02:00"]}
    holidays: {country: MX, add: ["2026-12-24", "12-31"], remove: ["2026-02-02"]}
    exceptions: {"2026-12-24": ["09:00-13:00"], "2026-12-23": []}
"""
    calendar = load_policy_from_texts({"a.yaml": text}).calendar("mx")

    def at(day: str, hour: int) -> bool:
        return calendar.is_open(datetime.fromisoformat(f"{day}T{hour:02}:30:00+00:00"))

    assert date(2026, 9, 16) in public_holidays("MX", None)
    assert [
        at("2026-09-16", 10),
        at("2026-02-02", 10),
        at("2026-12-31", 10),
        at("2030-12-31", 10),
    ] == [False, True, False, False]
    assert [at("2026-12-24", 10), at("2026-12-24", 14), at("2026-12-23", 10)] == [True, False, False]
    assert [at("2026-03-14", 23), at("2026-03-15", 1), at("2026-03-14", 10)] == [True, True, False]


def test_texts_are_filled_or_refused() -> None:
    """Placeholders in both forms, conditions and filters; a hole refuses the text."""
    text = """\
pack: {name: x}
texts:
  both: "#CUSTOMER# {{ brand | upper }}{% if agent %} {{ agent }}{% endif %} {{ custom.serie | default('-') }}"
"""
    template = load_policy_from_texts({"a.yaml": text}).texts["both"]
    assert template.render({"customer": "Ana", "brand": "acme", "agent": None}) == "Ana ACME -"
    assert template.render({"customer": "Ana", "brand": "acme", "agent": "Eva", "custom.serie": 7}) == "Ana ACME Eva 7"
    for missing in ({"brand": "acme"}, {"customer": "", "brand": "acme"}):
        with pytest.raises(Unfillable, match="customer"):
            template.render(missing)
    assert template.render({"customer": "{{ 7 }}", "brand": "acme"}) == "{{ 7 }} ACME -"


def test_a_text_longer_than_a_note_is_not_sent() -> None:
    """Values can't blow a text up without limit."""
    template = load_policy_from_texts({"a.yaml": "pack: {name: x}\ntexts: {t: '#CUSTOMER#'}\n"}).texts["t"]
    with pytest.raises(Unfillable, match="20000"):
        template.render({"customer": "x" * 30_000})


@pytest.mark.parametrize(
    "body",
    ["{{ 9**9**9 }}", "{{ 'a' * 99999999 }}", "{% for a in custom %}{% endfor %}", "{{ ''.__class__ }}",
     "{% set a = 1 %}",
     "{{ customer.upper() }}", "{% include 'x' %}", "{{ '%99999999d' % 1 }}", "{{ custom['a']['b'] }}", "{{ [1,2] }}",
     "{{ '('" + "(" * 300 + "}}", "{% if a %}" * 300, "{{ customer|replace('a','b') }}"],
)  # fmt: skip
def test_texts_have_no_loops_calls_or_arithmetic(body: str) -> None:
    """Whatever could take time or reach beyond the values is refused when the pack is loaded."""
    result = load_texts({"a.yaml": "pack: {name: x}\ntexts:\n  t: |\n    " + body})
    assert {"E029"} <= {problem.code for problem in result.problems} <= {"E029", "E046"}


def test_an_inline_note_is_compiled() -> None:
    """Where a text's name may stand, a text may, and its mistakes are found too."""
    note = "pack: {{name: x}}\nmatrix:\n  - {{name: a, levels: [{{after: 1d, note: 'Caso {}'}}]}}\n"
    policy = load_policy_from_texts({"a.yaml": note.format("#TICKET#")})
    assert [text.render({"ticket": "7"}) for text in policy.texts.values()] == ["Caso 7"]
    assert [problem.code for problem in load_texts({"a.yaml": note.format("#TIKET#")}).problems] == ["E046"]


def test_missing_folder_and_empty_folder_are_problems(tmp_path: Path) -> None:
    """No folder, no files and only comments are told, not raised."""
    assert [problem.code for problem in load_pack(tmp_path / "none").problems] == ["E010"]
    assert [problem.code for problem in load_pack(tmp_path).problems] == ["E010"]
    (tmp_path / "a.yaml").write_text("# nothing\n")
    with pytest.raises(MappingError, match="holds no policy"):
        load_policy(tmp_path)


def test_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    """A file that can't be opened is named; the rest is still checked."""
    (tmp_path / "a.yaml").symlink_to(tmp_path / "gone.yaml")
    (tmp_path / "b.yaml").write_text("pack: {name: x, langage: es}\n")
    assert [problem.code for problem in load_pack(tmp_path).problems] == ["E008", "E031"]


def test_a_single_file_is_a_pack(tmp_path: Path) -> None:
    """A file may be named instead of its folder, and its messages name it as it is found."""
    path = tmp_path / "a.yaml"
    path.write_text("pack: {name: x, langage: es}\n")
    assert render(load_pack(path).problems).startswith(f"{path}:1:17  E031")


def test_a_large_pack_loads_quickly() -> None:
    """500 rules with phrases load within a wide bound, so that nothing in the loader is quadratic in the rules."""
    import time

    rules = "".join(
        f"  - {{name: r{n}, when: {{any_phrase: [frase {n}, otra {n}], status: open, age: 1d}}, priority: high}}\n"
        for n in range(500)
    )
    start = time.perf_counter()
    policy = load_policy_from_texts({"a.yaml": "pack: {name: x}\npriority:\n" + rules})
    assert len(policy.rules) == 500
    assert timedelta(seconds=time.perf_counter() - start) < timedelta(seconds=20)
