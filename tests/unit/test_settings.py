"""The configuration file: every mistake in one go with its line, no secret in it, and the shipped example complete."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from connector.core.guard import Limits
from connector.errors import ConfigurationError
from connector.settings import AccountSettings, Settings, load_settings, span_seconds

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.toml"
LEAST = """\
state = "state.db"
[[accounts]]
name = "demo"
helpdesk = "freshdesk"
url = "https://example.freshdesk.com"
mappings = "mappings/appliance-mx"
"""


def _load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path)


def _refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, text)
    assert caught.value.exit_code == 78
    return str(caught.value)


def test_the_least_that_works(tmp_path: Path) -> None:
    """The configuration of the contract loads, the rest holds its defaults; paths count from the file's folder."""
    settings = _load(tmp_path, LEAST)
    assert settings.guard_limits() == Limits()
    assert settings.loop.every == 60.0
    assert settings.state_path() == str(tmp_path / "state.db")
    assert settings.resolve(settings.accounts[0].mappings) == tmp_path / "mappings/appliance-mx"
    assert settings.account(None).name == "demo"


def test_every_problem_at_once_with_its_line(tmp_path: Path) -> None:
    """Several mistakes in several tables are all named, each with its own line and what was meant."""
    text = (
        LEAST
        + '[loop]\nevrey = "60s"\n'
        + '[http]\nleave_free = 1.5\nread_timeout = 0\n[limits]\nper_rul = 3\n[log]\nlevel = "loud"\n'
    )
    told = _refused(tmp_path, text)
    for line, words in ((8, "did you mean 'every'?"), (10, "leave_free"), (11, "read_timeout"), (15, "level")):
        assert re.search(rf"config\.toml:{line}: .*{re.escape(words)}", told), (line, words, told)
    assert "unknown limit 'per_rul'; did you mean 'per_rule'?" in told


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('api_key = "s3cr3t-value"', "looks like a secret"),
        ('"api-key" = "s3cr3t-value"', "looks like a secret"),
        ('token = "s3cr3t-value"', "looks like a secret"),
        ('password = "s3cr3t-value"', "looks like a secret"),
        ('freshdesk_apikey = "s3cr3t-value"', "looks like a secret"),
    ],
)
def test_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path, line: str, words: str) -> None:
    """A key in the file: its line, how to move it, and never its value."""
    told = _refused(tmp_path, LEAST + line + "\n")
    assert "config.toml:7:" in told
    assert words in told
    assert "escalera login" in told
    assert "s3cr3t-value" not in told


def test_secret_inside_an_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """Also where it hides in an account's address or in the state's."""
    for old, new in (
        ("https://example", "https://s3cr3t-value:X@example"),
        ("freshdesk.com", "freshdesk.com/?k=s3cr3t-value"),
        ("state.db", "postgresql://me:s3cr3t-value@db/escalera"),
    ):
        told = _refused(tmp_path, LEAST.replace(old, new, 1))
        assert "s3cr3t-value" not in told


def test_state_password_from_the_environment_is_taken_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ESCALERA_STATE may carry the whole address; what is shown of it has no password."""
    monkeypatch.setenv("ESCALERA_STATE", "postgresql://me:s3cr3t-value@db/escalera")
    settings = _load(tmp_path, LEAST)
    assert settings.state_path() == "postgresql://me:s3cr3t-value@db/escalera"
    assert settings.state_shown() == "postgresql://me:***@db/escalera"


def test_plain_http_is_for_loopback_only(tmp_path: Path) -> None:
    """http is refused for any address but this machine's own."""
    assert "plain http" in _refused(tmp_path, LEAST.replace("https://example.freshdesk.com", "http://desk.example"))
    assert _load(tmp_path, LEAST.replace("https://example.freshdesk.com", "http://127.0.0.1:8080/"))


@pytest.mark.parametrize("name", ["a b", "a/b", "../x", "demo\\n", "ñ", ""])
def test_account_names_are_safe_in_file_names_and_variables(tmp_path: Path, name: str) -> None:
    """A name becomes part of variables and files: nothing but letters, digits, dot, underscore and dash."""
    assert "name" in _refused(tmp_path, LEAST.replace('"demo"', f'"{name}"'))


def test_two_accounts_never_share_a_key(tmp_path: Path) -> None:
    """Names that give the same environment variable would send one account's key to another's helpdesk: refused."""
    second = LEAST[LEAST.index("[[") :]
    told = _refused(tmp_path, LEAST.replace('"demo"', '"a-b"') + second.replace('"demo"', '"a.b"'))
    assert "ESCALERA_KEY_A_B" in told
    assert "two accounts are named demo" in _refused(tmp_path, LEAST + second)


def test_environment_wins_over_the_file_and_is_named_when_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable overrides one setting, keys are no settings, and a bad one is named itself."""
    monkeypatch.setenv("ESCALERA_KEY_DEMO", "not-a-setting")
    monkeypatch.setenv("ESCALERA_LOOP__EVERY", "30s")
    monkeypatch.setenv("ESCALERA_LIMITS__ACTIONS", "7")
    settings = _load(tmp_path, LEAST)
    assert (settings.loop.every, settings.loop.jitter, settings.guard_limits().actions) == (30.0, 5.0, 7)
    monkeypatch.setenv("ESCALERA_LOOP__EVERY", "soon")
    assert "ESCALERA_LOOP__EVERY" in _refused(tmp_path, LEAST)
    monkeypatch.setenv("ESCALERA_LOOP__EVERY", "30s")
    monkeypatch.setenv("ESCALERA_ACCOUNTS", "not json")
    assert "environment" in _refused(tmp_path, LEAST)


def test_environment_can_not_move_the_folder_paths_count_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`base` is no setting, neither in the file nor in the environment."""
    monkeypatch.setenv("ESCALERA_BASE", "/elsewhere")
    assert _load(tmp_path, LEAST).base == tmp_path
    assert "unknown setting 'base'" in _refused(tmp_path, 'base = "/x"\n' + LEAST)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("actions = -1", "from 0"), ("actions = 2.5", "whole number"), ("actions = nan", "whole number"),
        ("share = nan", "from 0"), ("share = inf", "from 0"), ("share = 20", "0.2"), ("actions = true", "whole number"),
        ('actions = "lots"', "whole number"),
    ],
)  # fmt: skip
def test_limits_are_checked(tmp_path: Path, limit: str, words: str) -> None:
    """A limit that is no number, no share, or endless by accident is refused."""
    assert words in _refused(tmp_path, LEAST + f"[limits]\n{limit}\n")


def test_unlimited_is_said_and_zero_is_none(tmp_path: Path) -> None:
    """`unlimited` switches a limit off and is listed for the warning; 0 means none at all."""
    settings = _load(tmp_path, LEAST + '[limits]\nactions = "unlimited"\nper_rule = 0\n')
    assert settings.unlimited() == ["actions"]
    assert (settings.guard_limits().actions, settings.guard_limits().per_rule) == (None, 0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("5 min", 300), ("1h", 3600), ("2d", 172800), ("250ms", 0.25), ("90", 90), (7, 7)],
)
def test_spans(text: object, seconds: float) -> None:
    """Spans of time as people write them; a plain number is one of seconds."""
    assert span_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "-5s", "1 fortnight", "inf", "nan", float("inf"), float("nan"), True, "400d", None]
)
def test_spans_that_are_none(text: object) -> None:
    """Anything else is refused, endless times too."""
    with pytest.raises(ValueError, match=r"time span|between"):
        span_seconds(text)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff\xfe", "not UTF-8"), (b"a = ", "not TOML"), (b"", "accounts"), (b'state = "a\\u0000b"', "control signs")],
)
def test_files_that_are_none(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that is no configuration is one sentence, not a traceback."""
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=words):
        load_settings(path)
    with pytest.raises(ConfigurationError, match="is a folder"):
        load_settings(tmp_path)


# --- config.example.toml ----------------------------------------------------------------------------------------------
def _uncommented() -> str:
    """The example with its commented settings (not its sentences) switched on."""
    return re.sub(r"^# (?=(\[\[?\w+\]\]?|\w+ = .*)$)", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_example_loads_and_holds_the_defaults() -> None:
    """The example as shipped is the configuration one gets by leaving all of it out, but for its account."""
    settings = load_settings(EXAMPLE)
    for name, field in Settings.model_fields.items():
        if name not in {"accounts", "base", "limits"}:
            assert getattr(settings, name) == field.get_default(call_default_factory=True), name
    assert settings.guard_limits() == Limits()


def test_example_shows_every_setting() -> None:
    """Every setting there is stands in the example, with its default where it has one."""
    shown = tomllib.loads(_uncommented())
    assert set(shown) == set(Settings.model_fields) - {"base"}
    for name, field in Settings.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            assert set(shown[name]) == set(model.model_fields), name
    assert {key for account in shown["accounts"] for key in account} == set(AccountSettings.model_fields)


def test_example_shows_every_limit_with_its_default_and_a_sentence() -> None:
    """Every limit of the guard is listed with its default; a comment stands before each."""
    text = _uncommented()
    assert tomllib.loads(text)["limits"] == dataclasses.asdict(Limits())
    lines = text[text.index("[limits]") :].splitlines()
    for number, line in enumerate(lines):
        if re.match(r"\w+ = ", line):
            assert lines[number - 1].startswith("# "), line
