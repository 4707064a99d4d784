"""The listener's settings and secrets: off by default, at home by default, and no secret that could be guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import ConfigurationError
from connector.secrets import hint_secret
from connector.sections import WebSettings
from connector.settings import load_settings
from connector.vitals import Vitals
from connector.web.start import hints_for, listening

LEAST = '[[accounts]]\nname = "demo"\nhelpdesk = "freshdesk"\nurl = "https://example.freshdesk.com"\nmappings = "m"\n'


def config(folder: Path, web: str) -> Path:
    """The least configuration with a `[web]` table."""
    path = folder / "config.toml"
    path.write_text(f"{LEAST}[web]\n{web}\n")
    return path


def test_it_is_off_unless_asked_for() -> None:
    """No listener, no hints."""
    assert (WebSettings().listen, WebSettings().hints, WebSettings().allow_remote) == ("off", "off", False)


@pytest.mark.parametrize("address", ["0.0.0.0:8787", "[::]:8787", "192.168.1.5:80", "desk.example.com:80"])
def test_an_address_others_reach_needs_a_word_of_its_own(tmp_path: Path, address: str) -> None:
    """Refused with the way out; with it, accepted."""
    with pytest.raises(ConfigurationError, match="reverse proxy with TLS"):
        load_settings(config(tmp_path, f'listen = "{address}"'))
    settings = load_settings(config(tmp_path, f'listen = "{address}"\nallow_remote = true'))
    assert settings.web.loopback is False


@pytest.mark.parametrize("address", ["8787", "127.0.0.1", "127.0.0.1:99999", "http://127.0.0.1:1", "a b:1", ":8787"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    """With an example of one."""
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1:8787"):
        load_settings(config(tmp_path, f'listen = "{address}"'))


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0", "localhost:0", "127.0.0.9:0"])
def test_loopback_addresses_are_accepted(tmp_path: Path, address: str) -> None:
    """By number or name."""
    assert load_settings(config(tmp_path, f'listen = "{address}"')).web.loopback is True


def test_hints_need_a_secret_and_say_where_to_put_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None: all the ways to provide it. A short one: refused, and not shown."""
    settings = load_settings(config(tmp_path, 'listen = "127.0.0.1:0"\nhints = "hmac"'))
    hints = hints_for(settings, ["demo"], lambda: None)
    monkeypatch.setattr("connector.secrets._from_keyring", lambda account, service="": None)
    with pytest.raises(ConfigurationError, match="escalera login demo --hints"):
        listening(settings, Vitals(), hints, ["demo"])
    monkeypatch.setenv("ESCALERA_HINT_DEMO", "short-one")
    with pytest.raises(ConfigurationError, match="too short") as told:
        listening(settings, Vitals(), hints, ["demo"])
    assert "short-one" not in str(told.value)


def test_the_secret_comes_from_the_environment_or_a_credential(tmp_path: Path) -> None:
    """In that order."""
    (tmp_path / "escalera-hint-desk.a").write_text("from-the-credential\n")
    given = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert hint_secret("desk.a", given) == "from-the-credential"
    assert hint_secret("desk.a", {**given, "ESCALERA_HINT_DESK_A": "from-the-environment"}) == "from-the-environment"


def test_a_listener_that_is_off_is_nothing_at_all(tmp_path: Path) -> None:
    """No thread, no socket, no library."""
    settings = load_settings(config(tmp_path, 'hints = "hmac"'))
    assert hints_for(settings, ["demo"], lambda: None) is None
    with listening(settings, Vitals(), None, ["demo"]) as found:
        assert found is None
