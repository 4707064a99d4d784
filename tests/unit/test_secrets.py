"""Where keys come from, in which order, and that none is ever shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from connector.errors import ConfigurationError
from connector.secrets import api_key, store_key
from tests.unit.commands.conftest import Answer, call

__all__ = ["call"]


class Drawer(KeyringBackend):
    """A keyring in memory."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Locked(Drawer):
    """A keyring that nobody unlocked."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("locked")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise keyring.errors.KeyringLocked("locked")


class PlaintextFile(Drawer):
    """Stands for keyrings.alt, which writes keys into a file as they are."""

    __module__ = "keyrings.alt.file"


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    """The keyring in use is one in memory."""
    before, backend = keyring.get_keyring(), Drawer()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


def test_order_environment_credential_keyring(drawer: Drawer, tmp_path: Path) -> None:
    """The environment wins over the systemd credential, that over the keyring."""
    drawer.kept["escalera", "my-desk"] = "from-keyring"
    (tmp_path / "escalera-key-my-desk").write_text("from-credential\n", encoding="utf-8")
    environment = {"ESCALERA_KEY_MY_DESK": "from-environment", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert api_key("my-desk", environment) == "from-environment"
    del environment["ESCALERA_KEY_MY_DESK"]
    assert api_key("my-desk", environment) == "from-credential"
    assert api_key("my-desk", {}) == "from-keyring"


def test_no_key_says_every_way(drawer: Drawer) -> None:
    """Without a key all three ways are named, with the very names to use."""
    with pytest.raises(ConfigurationError) as caught:
        api_key("my-desk", {})
    for words in ("escalera login my-desk", "ESCALERA_KEY_MY_DESK", "escalera-key-my-desk"):
        assert words in str(caught.value)


@pytest.mark.parametrize("key", ["", "   ", "two words", "tab\there", "ñandú", "a\x1b[2J"])
def test_key_that_is_none(drawer: Drawer, key: str) -> None:
    """An empty or unprintable key is refused where it stands, and not repeated."""
    with pytest.raises(ConfigurationError, match="ESCALERA_KEY_X is empty or holds") as caught:
        api_key("x", {"ESCALERA_KEY_X": key})
    assert not key.strip() or key not in str(caught.value)


def test_unreadable_credential_is_one_sentence(tmp_path: Path) -> None:
    """A credential that is no text is said so."""
    (tmp_path / "escalera-key-x").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="holds no text"):
        api_key("x", {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_locked_keyring_is_one_sentence() -> None:
    """A locked keyring is said with the way around it."""
    before = keyring.get_keyring()
    keyring.set_keyring(Locked())
    try:
        with pytest.raises(ConfigurationError, match="unlock it or set ESCALERA_KEY_X"):
            api_key("x", {})
        with pytest.raises(ConfigurationError, match="refused the key"):
            store_key("x", "abc")
    finally:
        keyring.set_keyring(before)


def test_plaintext_file_is_no_keyring() -> None:
    """A backend that writes keys into a plain file is neither written nor read."""
    before, backend = keyring.get_keyring(), PlaintextFile()
    backend.kept["escalera", "x"] = "abc"
    keyring.set_keyring(backend)
    try:
        with pytest.raises(ConfigurationError, match="no safe keyring"):
            store_key("x", "abc")
        with pytest.raises(ConfigurationError, match="no API key"):
            api_key("x", {})
    finally:
        keyring.set_keyring(before)


# --- login ------------------------------------------------------------------------------------------------------------
def _piped(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text), encoding="utf-8"))


def test_login_stores_what_is_piped_and_shows_nothing(drawer: Drawer, call, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """`login --stdin` puts the line into the keyring; the key is in no output."""
    _piped(monkeypatch, b"correct-horse\n")
    got: Answer = call("login", "demo", "--stdin")
    assert got.code == 0
    assert drawer.kept == {("escalera", "demo"): "correct-horse"}
    assert "correct-horse" not in got.out + got.err


@pytest.mark.parametrize(
    ("argv", "text", "code"),
    [
        (("login", "demo"), b"key\n", 64),
        (("login", "demo", "--stdin"), b"\n", 78),
        (("login", "demo", "--stdin"), b"\xff\xfe\n", 64),
        (("login", "../demo", "--stdin"), b"key\n", 64),
    ],
)
def test_login_that_can_not_be(drawer: Drawer, call, monkeypatch, argv, text, code) -> None:  # type: ignore[no-untyped-def]
    """No terminal, no key, no text, no name: one sentence, nothing stored."""
    _piped(monkeypatch, text)
    got: Answer = call(*argv)
    assert (got.code, got.err.count("\n"), drawer.kept) == (code, 1, {})
