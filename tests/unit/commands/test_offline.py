"""`plan`, `explain`, `check`, `test`, `report` and `init` without any account."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from connector.commands._common import instant
from tests.unit.commands.conftest import NOW, PACK, Call, write_export

ESC = "no-diagnosis;03.03.2026 09:30:00;"


def _row(number: int, subject: str = "Nada", tail: str = ";;") -> str:
    dates = "20.02.2026 10:00:00;09.03.2026 10:00:00"
    return f"{number};{subject};texto;En proceso;Normal;Correo;{dates};{tail}"


# --- plan -------------------------------------------------------------------------------------------------------------
def test_plan_text_names_ticket_rule_place_and_reason(call: Call, export: Path) -> None:
    """A pending change ends with 2 and is told with rule, file:line and reason."""
    got = call("plan", "--export", export, "--mappings", PACK, "--now", NOW)
    assert got.code == 2
    for words in ("1001  set: priority: normal -> urgent", "priorities.yaml:4", "KEYWORD", "'profeco' in body"):
        assert words in got.out


def test_plan_json_is_the_contract(call: Call, export: Path) -> None:
    """Every key of the contract is there with its type, and rule and evidence are right."""
    plan = call("plan", "--export", export, "--mappings", PACK, "--now", NOW, "--format", "json").json
    assert {"plan", "policy", "account", "now", "complete", "actions", "verdict", "unknown", "rejected"} <= plan.keys()
    assert plan["now"] == "2026-03-10T15:00:00+00:00"
    assert plan["complete"] is True
    assert plan["verdict"]["go"] is True
    assert plan["verdict"]["holds"] == []
    raised = next(one for one in plan["actions"] if one["kind"] == "set")
    assert raised["ticket"] == "1001"
    assert raised["changes"] == {"priority": ["normal", "urgent"]}
    assert raised["rule"] == {
        "kind": "priority", "name": "amenaza con el regulador", "file": "priorities.yaml", "line": 4,
    }  # fmt: skip
    assert raised["reasons"][0]["code"] == "KEYWORD"
    assert raised["expected"]["status"] == "in_process"
    assert raised["expected"]["updated_at"] == "2026-03-09T16:00:00+00:00"


def test_plan_is_deterministic(call: Call, export: Path) -> None:
    """The same data, policy and instant give the same document."""
    argv = ("plan", "--export", export, "--mappings", PACK, "--now", NOW, "--format", "json")
    assert call(*argv).out == call(*argv).out


def test_plan_nothing_to_do(call: Call, tmp_path: Path) -> None:
    """No action: exit code 0."""
    quiet = write_export(tmp_path / "quiet.csv", _row(1))
    got = call("plan", "--export", quiet, "--mappings", PACK, "--now", NOW)
    assert (got.code, "nothing to do" in got.out) == (0, True)


def test_plan_held(call: Call, tmp_path: Path) -> None:
    """Too many at once: exit code 3, with the numbers."""
    many = write_export(tmp_path / "many.csv", *(_row(n, "Cafetera no funciona") for n in range(1, 31)))
    got = call("plan", "--export", many, "--mappings", PACK, "--now", NOW)
    assert got.code == 3
    assert "HELD by the guard (per_rule)" in got.out
    assert "30 actions, allowed 20" in got.out


def test_plan_incomplete(call: Call, tmp_path: Path) -> None:
    """A file cut short in the middle is not read whole: 4, or refused with 4; never taken for the whole."""
    import zipfile

    book = tmp_path / "cut.xlsx"
    with zipfile.ZipFile(book, "w") as parts:
        parts.writestr("[Content_Types].xml", "x" * 5000)
    book.write_bytes(book.read_bytes()[:-40])
    got = call("plan", "--export", book, "--mappings", PACK, "--now", NOW)
    assert got.code in {4, 78}
    assert "Traceback" not in got.err


def test_plan_reports_rejected_rows_and_goes_on(call: Call, tmp_path: Path) -> None:
    """A row without a number is told with its place; its neighbour is still decided."""
    rows = write_export(tmp_path / "bad.csv", ";sin número;x;En proceso;Normal;Correo;;;;;", _row(5, "no funciona"))
    plan = call("plan", "--export", rows, "--mappings", PACK, "--now", NOW, "--format", "json").json
    assert [one["ticket"] for one in plan["actions"]] == ["5"]
    assert plan["rejected"][0]["place"].startswith("bad.csv:2")


def test_saved_plan_is_private_and_shown_again(call: Call, export: Path, tmp_path: Path) -> None:
    """`plan --out` writes a file for its owner alone; `show` prints the very same plan."""
    out = tmp_path / "plan.json"
    made = call("plan", "--export", export, "--mappings", PACK, "--now", NOW, "--format", "json", "--out", out)
    assert out.stat().st_mode & 0o777 == 0o600
    assert call("show", out, "--format", "json").json == made.json
    assert "amenaza con el regulador" in call("show", out).out


def test_changed_saved_plan_is_refused(call: Call, export: Path, tmp_path: Path) -> None:
    """A saved plan somebody edited is not shown as if it were whole."""
    out = tmp_path / "plan.json"
    call("plan", "--export", export, "--mappings", PACK, "--now", NOW, "--out", out)
    out.write_text(out.read_text(encoding="utf-8").replace('"urgent"', '"low"'), encoding="utf-8")
    got = call("show", out)
    assert got.code != 0
    assert "was changed after it was made" in got.err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("plan", "--export", "missing.csv", "--mappings", str(PACK)), "no such file: missing.csv"),
        (("plan", "--export", str(PACK / "pack.yaml")), "--export needs --mappings"),
        (("plan", "--mappings", str(PACK)), "--mappings goes with --export"),
        (("plan", "--now", "yesterday"), "'yesterday' is not an ISO 8601 instant"),
        (("plan", "--now", "2026-03-10T09:00:00"), "has no offset"),
        (("plan", "--now", "0001-01-01T00:00:00+14:00"), "outside the years"),
        (("plan", "--now", "9999-12-31T23:59:59-14:00"), "outside the years"),
        (("plan", "--nwo", NOW), "unrecognized arguments"),
        (("plan", "--exp", "x.csv"), "unrecognized arguments"),
        (("plan", "--format", "xml"), "invalid choice"),
        (("explain",), "required: TICKET"),
        (("paln",), "did you mean 'plan'?"),
        (("check", "no-such-pack"), "no such file: no-such-pack"),
        (("show", "abc"), ""),
    ],
)
def test_wrong_usage_is_64_in_one_line(
    call: Call, argv: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each wrong call ends with 64 (78 where a configuration is needed) and says what is wrong."""
    monkeypatch.chdir(tmp_path)
    got = call(*argv)
    assert got.code == (78 if argv[0] == "show" else 64)
    assert said in got.err
    assert got.err.count("\n") == 1
    assert got.out == ""


def test_no_verb_shows_the_overview(call: Call) -> None:
    """Without a verb the overview is printed and the call counts as wrong usage."""
    got = call()
    assert (got.code, "check mapping packs" in got.out) == (64, True)
    assert call("--help").code == 0
    assert call("--version").out.startswith("escalera ")


def test_missing_configuration_says_what_to_do(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No config.toml: 78, and the command that writes one."""
    monkeypatch.chdir(tmp_path)
    for verb in ("plan", "once", "run", "status", "check", "audit", "report"):
        got = call(verb)
        assert got.code == 78, verb
        assert "escalera init" in got.err


def test_broken_pack_names_every_problem(call: Call, export: Path, tmp_path: Path) -> None:
    """`plan` with a broken pack: 78 and all problems, not the first alone."""
    pack = tmp_path / "pack"
    shutil.copytree(PACK, pack)
    rules = pack / "priorities.yaml"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("priority: urgent", "prioritty: urgent"), encoding="utf-8")
    got = call("plan", "--export", export, "--mappings", pack, "--now", NOW)
    assert got.code == 78
    assert got.err.count("E031") == text.count("priority: urgent")
    assert "did you mean 'priority'?" in got.err


def test_escape_sequences_of_tickets_never_reach_the_terminal(call: Call, tmp_path: Path) -> None:
    """Control signs in a ticket's texts and numbers are shown, not obeyed; in JSON they are escaped."""
    evil = write_export(tmp_path / "evil.csv", _row(6, "no funciona \x1b]0;owned\x07 \x9b31m"), _row(7, "no funciona"))
    for form in ("text", "json"):
        got = call("plan", "--export", evil, "--mappings", PACK, "--now", NOW, "--format", form)
        assert not {"\x1b", "\x07", "\x9b"} & set(got.out + got.err)
    got = call("explain", "6\x1b[2J", "--export", evil, "--mappings", PACK, "--now", NOW)
    assert got.code == 64
    assert "\x1b" not in got.err
    assert "\x1b" not in call("\x1b[2J").err
    assert "\x1b" not in call("plan", "--\x1b[2J").err


# --- explain ----------------------------------------------------------------------------------------------------------
def test_explain_gives_every_rules_answer(call: Call, export: Path) -> None:
    """Each rule of the pack answers, also "no", with reasons and place; text and JSON agree."""
    argv = ("explain", "1001", "--export", export, "--mappings", PACK, "--now", NOW)
    told = call(*argv, "--format", "json").json
    calls = {one["rule"]["name"]: one["call"] for one in told["rules"]}
    assert calls["amenaza con el regulador"] == "act"
    assert calls["queja pública en redes"] == "no"
    assert calls["ningún caso escalado se cierra solo"] == "wait"
    assert told["situation"] == "no-diagnosis"
    assert all(one["reasons"] and one["rule"]["line"] > 0 for one in told["rules"])
    text = call(*argv).out
    assert all(name in text for name in calls)


def test_explain_of_an_unknown_ticket(call: Call, export: Path) -> None:
    """A ticket that is in no file is said so."""
    got = call("explain", "4711", "--export", export, "--mappings", PACK, "--now", NOW)
    assert (got.code, "ticket 4711 is not in export.csv" in got.err) == (64, True)


# --- check ------------------------------------------------------------------------------------------------------------
FIVE = """\
pack: {name: five, language: es, timezone: America/Mexico_City}
priority:
  - name: one
    when: {chanel: email}
    priority: urgent
  - name: two
    when: {any_phrase: [hola]}
    priority: urgentísimo
  - name: three
    when: {age: 3 fortnights}
    priority: high
matrix:
  - name: four
    levels:
      - {after: 24h, assign: nobody}
keepalive:
  - name: five
    situation: no-parts
"""


def test_check_reports_five_mistakes_with_line_and_column(call: Call, tmp_path: Path) -> None:
    """All five, each with its own line and column, in text and in JSON."""
    pack = tmp_path / "five"
    pack.mkdir()
    (pack / "pack.yaml").write_text(FIVE, encoding="utf-8")
    got = call("check", pack, "--format", "json")
    assert got.code == 78
    found = [(one["line"], one["col"]) for one in got.json[str(pack)] if one["severity"] == "error"]
    assert found == [(4, 12), (8, 15), (10, 17), (15, 30), (18, 5)]
    text = call("check", pack)
    assert text.code == 78
    assert all(f"pack.yaml:{line}:{col}" in text.out for line, col in found)
    assert "5 mistakes" in text.out


def test_check_of_a_good_pack(call: Call) -> None:
    """The shipped pack has no mistakes."""
    got = call("check", PACK)
    assert (got.code, "no mistakes" in got.out) == (0, True)


def test_schema_is_a_json_schema(call: Call) -> None:
    """`check --schema` prints a valid schema that the shipped pack's files satisfy in shape."""
    import jsonschema

    schema = call("check", "--schema").json
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"priority", "matrix", "keepalive"} <= schema["else"]["properties"].keys()


# --- init -------------------------------------------------------------------------------------------------------------
def test_init_writes_what_then_works(call: Call, tmp_path: Path) -> None:
    """A first configuration with its pack: both load, and nothing is overwritten the second time."""
    got = call("init", tmp_path / "new", "--name", "demo", "--url", "http://127.0.0.1:8080")
    assert got.code == 0
    assert "ESCALERA_KEY_DEMO" in got.out
    assert call("check", "--config", tmp_path / "new" / "config.toml").code == 0
    assert json.loads((tmp_path / "new" / "mappings" / "schema.json").read_text(encoding="utf-8"))["$schema"]
    again = call("init", tmp_path / "new")
    assert (again.code, "nothing was written" in again.err) == (64, True)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--pack", "aplliance-mx", "did you mean 'appliance-mx'?"),
        ("--url", "http://desk.example.com", "plain http"),
        ("--url", 'https://a.example/"\nkey = "x', "must be an address"),
        ("--name", 'a"b', "--name"),
    ],
)
def test_init_refuses_what_would_not_load(call: Call, tmp_path: Path, option: str, value: str, said: str) -> None:
    """A value that would make a broken or unsafe file is refused before anything is written."""
    got = call("init", tmp_path / "x", option, value)
    assert (got.code, said in got.err) == (64, True)
    assert not (tmp_path / "x").exists()


def test_instant_is_utc() -> None:
    """An instant is kept in UTC whatever its offset."""
    assert instant("2026-03-10T09:00:00-06:00").isoformat() == "2026-03-10T15:00:00+00:00"
    assert instant("2026-03-10T09:00:00Z").isoformat() == "2026-03-10T09:00:00+00:00"
