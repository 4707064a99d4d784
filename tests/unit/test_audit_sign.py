"""The signed head: what the signer signs, what it refuses to sign over, where its key comes from."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest

from connector import audit
from connector.audit.sign import Signer, Standing, is_authentic, key_id, verify_signed
from connector.cycle.run import run_cycle
from connector.errors import ConfigurationError
from connector.secrets import audit_key
from connector.store import Store, open_store
from tests.desk import World, ticket
from tests.unit.commands.conftest import Answer, call
from tests.unit.test_audit import rehashed
from tests.unit.test_secrets import Drawer, Locked, PlaintextFile

__all__ = ["call"]

KEY = "5a" * 32


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world on a file, its account signing."""
    one = World(ticket(1, body="regulator"), path=str(tmp_path / "state.db"))
    one.account.signer = Signer(lambda: KEY)
    yield one
    one.store.close()


def _without_triggers(path: Path) -> sqlite3.Connection:
    raw = sqlite3.connect(path)
    for name in ("audit_no_update", "audit_no_delete"):
        raw.execute(f"DROP TRIGGER {name}")
    raw.commit()
    return raw


def _write_anew(path: Path) -> None:
    """Change the first event and hash every one anew: the whole chain is right in itself."""
    store = open_store(path, read_only=True)
    events, anew, prev = list(store.audit()), [], audit.GENESIS
    store.close()
    from dataclasses import replace

    for event in events:
        body = {"policy": "another"} if event.seq == 1 else event.body
        anew.append(rehashed(replace(event, prev=prev, body=body)))
        prev = anew[-1].hash
    raw = _without_triggers(path)
    for one in anew:
        values = (audit.canonical_json(one.body), one.prev, one.hash, one.commitment, one.seq)
        raw.execute("UPDATE audit SET body = ?, prev = ?, hash = ?, commitment = ? WHERE seq = ?", values)
    raw.execute("UPDATE audit_head SET hash = ?", (prev,))
    raw.commit()
    raw.close()


def test_a_cycle_that_wrote_events_leaves_its_head_signed(world: World) -> None:
    """In its last transaction; one that wrote none leaves the signature as it is."""
    run_cycle(world.account, now=world.now)
    signature = world.store.audit_signature()
    assert signature is not None
    assert (signature.seq, signature.hash) == world.store.audit_head()
    assert is_authentic(KEY, signature)
    assert not is_authentic("00" * 32, signature)
    run_cycle(world.account, now=world.now)
    head = world.store.audit_head()
    again = world.store.audit_signature()
    assert again is not None
    assert (again.seq, again.began) == (head[0], signature.began)
    assert verify_signed(world.store, KEY)[1].standing is Standing.SIGNED


def test_a_chain_written_anew_is_found_and_never_signed_over(world: World, tmp_path: Path) -> None:
    """Neither by the process that signed before nor by a new one: the wrong signature stays as evidence."""
    run_cycle(world.account, now=world.now)
    before = world.store.audit_signature()
    _write_anew(tmp_path / "state.db")
    assert audit.verify(world.store).ok, "right in itself, so only the signature can tell"
    result, signed = verify_signed(world.store, KEY)
    assert (result.flaw, signed.standing) == (audit.Flaw.CHANGED, Standing.SIGNED)
    world.desk.put(ticket(2, body="regulator"))
    for signer in (world.account.signer, Signer(lambda: KEY)):
        world.account.signer = signer
        run_cycle(world.account, now=world.now)
        assert world.store.audit_signature() == before
    assert not verify_signed(world.store, KEY)[0].ok


@pytest.mark.parametrize("way", ["taken away", "made up", "cut with the end"])
def test_a_process_that_signed_notices_what_happens_to_its_signature(world: World, tmp_path: Path, way: str) -> None:
    """While it runs it knows what it signed last."""
    run_cycle(world.account, now=world.now)
    assert world.account.signer is not None
    raw = _without_triggers(tmp_path / "state.db")
    if way == "taken away":
        raw.execute("DELETE FROM audit_signature")
    elif way == "made up":
        raw.execute("UPDATE audit_signature SET signature = ?", ("0" * 64,))
    else:
        raw.execute("DELETE FROM audit WHERE seq > 1")
        raw.execute("UPDATE audit_head SET seq = 1, hash = (SELECT hash FROM audit WHERE seq = 1)")
        raw.execute("UPDATE audit_signature SET seq = 1, hash = (SELECT hash FROM audit WHERE seq = 1)")
    raw.commit()
    raw.close()
    with world.store.transaction():
        assert not world.account.signer.sign(world.store, world.now())


def test_a_broken_chain_is_not_signed_for_the_first_time(world: World, tmp_path: Path) -> None:
    """Signing must not make good what was bad."""
    world.account.signer = None
    run_cycle(world.account, now=world.now)
    raw = _without_triggers(tmp_path / "state.db")
    raw.execute("UPDATE audit SET kind = 'x' WHERE seq = 1")
    raw.commit()
    raw.close()
    with world.store.transaction():
        assert not Signer(lambda: KEY).sign(world.store, world.now())
    assert world.store.audit_signature() is None


def test_a_new_key_signs_on_and_an_empty_chain_is_not_signed(world: World) -> None:
    """`began` stays; the old key is not asked for again."""
    signer = Signer(lambda: KEY)
    with world.store.transaction():
        assert not signer.sign(world.store, world.now())
        world.store.append_audit("demo", world.now(), "k", {})
        assert signer.sign(world.store, world.now())
    with world.store.transaction():
        world.store.append_audit("demo", world.now(), "k", {})
        assert Signer(lambda: "77" * 32).sign(world.store, world.now())
    signature = world.store.audit_signature()
    assert signature is not None
    assert (signature.key, signature.began, signature.seq) == (key_id("77" * 32), 1, 2)


def test_without_a_key_the_daemon_runs_and_says_so_once(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No keyring, or a locked one: a warning, no signature, no error."""
    said = []

    def locked() -> str | None:
        said.append("asked")
        msg = "the keyring is locked"
        raise ConfigurationError(msg)

    for find in (lambda: None, locked):
        world.account.signer = Signer(find)
        run_cycle(world.account, now=world.now)
        run_cycle(world.account, now=world.now)
    assert said == ["asked"]
    assert world.store.audit_signature() is None
    assert verify_signed(world.store, None)[1].standing is Standing.UNSIGNED


# --- the key ---------------------------------------------------------------------------------------------------------
def test_the_key_comes_from_the_environment_a_credential_or_the_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this order; it is made in the keyring at its first need, and only where asked."""
    drawer = Drawer()
    monkeypatch.setattr(keyring, "get_keyring", lambda: drawer)
    monkeypatch.setattr(keyring, "get_password", drawer.get_password)
    monkeypatch.setattr(keyring, "set_password", drawer.set_password)
    (tmp_path / "escalera-audit-key").write_text("c" * 40 + "\n")
    folder = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert audit_key({**folder, "ESCALERA_AUDIT_KEY": "e" * 40}) == "e" * 40
    assert audit_key(folder) == "c" * 40
    assert audit_key({}) is None
    made = audit_key({}, make=True)
    assert made is not None
    assert len(made) == 64
    assert audit_key({}) == audit_key({}, make=True) == made
    assert list(drawer.kept) == [("escalera", "audit key")]


def test_a_bad_key_is_an_error_and_an_unsafe_keyring_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too short to be one; a plain file is no keyring; a locked one says what to do."""
    with pytest.raises(ConfigurationError, match="has 5 signs"):
        audit_key({"ESCALERA_AUDIT_KEY": "short"})
    unsafe = type("Keyring", (PlaintextFile,), {"__module__": "keyrings.alt.file"})()
    monkeypatch.setattr(keyring, "get_keyring", lambda: unsafe)
    assert audit_key({}, make=True) is None
    locked = Locked()
    monkeypatch.setattr(keyring, "get_keyring", lambda: locked)
    monkeypatch.setattr(keyring, "get_password", locked.get_password)
    with pytest.raises(ConfigurationError, match="unlock it, or set ESCALERA_AUDIT_KEY"):
        audit_key({})


# --- the verb --------------------------------------------------------------------------------------------------------
@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a state that holds three events."""
    path = tmp_path / "config.toml"
    path.write_text('[[accounts]]\nname = "demo"\nhelpdesk = "freshdesk"\nurl = "https://x.example"\nmappings = "m"\n')
    return path


@pytest.fixture
def store(config: Path) -> Iterator[Store]:
    """Its state."""
    from tests.desk import START

    one = open_store(config.with_name("state.db"))
    with one.transaction():
        for number in range(3):
            one.append_audit("demo", START, "k", {"n": number}, ticket="7")
    yield one
    one.close()


def test_verify_says_what_the_signature_is_worth(
    call: Callable[..., Answer], config: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 unsigned and no key, 4 unsigned with a key, 0 signed, 4 signed and no key, 1 wrong."""
    from tests.desk import START

    def verify() -> Answer:
        return call("audit", "verify", "--config", str(config))

    assert (verify().code, "is not signed" in verify().out) == (0, True)
    monkeypatch.setenv("ESCALERA_AUDIT_KEY", KEY)
    assert verify().code == 4
    with store.transaction():
        Signer(lambda: KEY).sign(store, START)
    answer = verify()
    assert (answer.code, f"signed by key {key_id(KEY)}" in answer.out) == (0, True)
    with store.transaction():
        store.append_audit("demo", START, "k", {})
    assert "1 event(s) after it are not signed yet" in verify().out
    head = call("audit", "head", "--config", str(config))
    assert head.out.splitlines()[0] == str(audit.Head(*store.audit_head()))
    kept = head.out.splitlines()[1]
    assert call("audit", "verify", "--config", str(config), "--head", kept).code == 0
    assert KEY not in head.out + answer.out
    monkeypatch.delenv("ESCALERA_AUDIT_KEY")
    assert (verify().code, "no key is here to check it with" in verify().out) == (4, True)
    monkeypatch.setenv("ESCALERA_AUDIT_KEY", "11" * 32)
    assert (verify().code, "another one" in verify().out) == (4, True)
    raw = sqlite3.connect(config.with_name("state.db"))
    raw.execute("UPDATE audit_signature SET at = '2027-01-01T00:00:00.000000Z'")
    raw.commit()
    raw.close()
    monkeypatch.setenv("ESCALERA_AUDIT_KEY", KEY)
    assert (verify().code, "THE SIGNATURE IS WRONG" in verify().out) == (1, True)


def test_the_key_stands_nowhere_in_the_state(world: World, tmp_path: Path) -> None:
    """Nor in what is beside it."""
    run_cycle(world.account, now=world.now)
    assert [path for path in tmp_path.iterdir() if KEY.encode() in path.read_bytes()] == []
