"""Whatever holds customers' words is its owner's alone: files, folders, links, other users' files, names that climb."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.errors import ConfigurationError, EscaleraError, StoreError
from connector.inbox import Word, leave, take_up
from connector.mapping.load import MappingError, load_policy, load_texts, pack_texts
from connector.notifiers import build as build_notifier
from connector.notifiers.base import Message
from connector.oslock import StateLock
from connector.private_files import open_private
from connector.settings import load_settings
from connector.store import open_store
from tests.desk import START, World, action
from tests.unit.commands.conftest import NOW, PACK, ROWS, SEED, write_export
from tests.unit.reports.register_desk import record, state, written
from tests.unit.test_inbox import _plan

ROOT = Path(__file__).parents[2]
NOBODY = 65534
Write = Callable[[Path], object]


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _wide(folder: Path) -> list[str]:
    """Everything below the folder that anyone but its owner may read, write or enter."""
    return [
        f"{path.relative_to(folder)} {stat.S_IMODE(path.lstat().st_mode):o}"
        for path in sorted(folder.rglob("*"))
        if stat.S_IMODE(path.lstat().st_mode) & 0o077
    ]


def test_everything_a_life_leaves_behind_is_private_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State, its log and lock, backup, restore, plans, reports, registers, exports, inbox: 0600, folders 0700."""
    from connector import cli
    from connector.emulator import serve

    monkeypatch.setenv("ESCALERA_KEY_DEMO", "k-1234567890")
    monkeypatch.setenv("ESCALERA_AUDIT_KEY", "a" * 40)
    made = tmp_path / "made"
    made.mkdir(mode=0o700)
    given = tmp_path / "given"
    given.mkdir()
    export = write_export(given / "export.csv", *ROWS)
    config = given / "config.toml"
    with serve(SEED, key="k-1234567890") as emulator, _umask(0):
        config.write_text(
            f'state = "{made}/state.db"\n[[accounts]]\nname = "demo"\nhelpdesk = "freshdesk"\nurl = "{emulator.url}"\n'
            f'mappings = "{PACK}"\n'
        )
        live = ("--config", str(config))
        offline = ("--export", str(export), "--mappings", str(PACK), "--now", NOW)
        for words in (
            ("plan", *offline, "--out", f"{made}/offline.plan"),
            ("plan", *offline, "--changes", f"{made}/changes"),
            ("once", *live, "--clock", "server"),
            ("plan", *live, "--clock", "server", "--out", f"{made}/live.plan"),
            ("report", "dry-run", *offline, "--out", f"{made}/report.html"),
            ("report", "dry-run", *offline, "--format", "xlsx", "--out", f"{made}/report.xlsx"),
            ("report", "register", *live, "--out", f"{made}/register.xlsx"),
            ("report", "causes", *live, "--format", "csv", "--out", f"{made}/causes.csv"),
            ("audit", "export", *live, "--out", f"{made}/evidence"),
            ("backup", *live, "--out", f"{made}/backup.db"),
            ("restore", *live, f"{made}/backup.db"),
        ):
            assert cli.run([*words]) in (0, 2, 3), words
        leave(f"{made}/state.db", Word(*_approved()))
        store = open_store(f"{made}/state.db")
        with StateLock(f"{made}/state.db"), store.transaction():
            store.set_fact("demo", "x", 1, START)
            assert (made / "state.db-wal").exists()
            assert _wide(made) == []
        store.close()
    assert len(list(made.rglob("*"))) >= 15


def _approved() -> tuple[Any, ...]:
    digest, body = _plan()
    return digest, "approved", "laura", "checked", START, body


# --- what others put in our way -------------------------------------------------------------------------------------
def _report(path: Path) -> None:
    from connector.commands._private_file import write_private

    write_private(path, b"customers")


def _outbox(path: Path) -> None:
    told = build_notifier("outbox", {"path": str(path)}, reader=None, writer=None).send(
        Message(key="k", to=("laura",), subject="s", text="customers", ticket="1")
    )
    if not told.delivered:
        raise StoreError(str(told.error))


def _saved_plan(path: Path) -> None:
    from connector.commands.plan import _save

    world = World()
    _save(path, world.plan(action(world, "set", changes={"priority": "urgent"})), None)


def _lock(path: Path) -> None:
    with StateLock(str(path).removesuffix(".lock")):
        pass


WRITES: list[Write] = [_report, _saved_plan, _outbox, _lock]


@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_written_through_a_link(write: Write, tmp_path: Path) -> None:
    """Someone with a share of the folder can't choose which of our files is overwritten, nor read along."""
    mine = tmp_path / "precious"
    mine.write_text("as it was")
    place = tmp_path / "out.lock"
    place.symlink_to(mine)
    with pytest.raises(EscaleraError):
        write(place)
    assert mine.read_text() == "as it was"
    place.unlink()
    place.symlink_to(tmp_path / "not-there")
    with pytest.raises(EscaleraError):
        write(place)
    assert not (tmp_path / "not-there").exists()


@pytest.mark.parametrize("write", WRITES[:3])
def test_nothing_is_written_into_a_file_of_another_user(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner could read it, whatever its mode."""
    place = tmp_path / "out"
    place.write_text("theirs")
    owner = place.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(EscaleraError, match="another user"):
        write(place)
    assert place.read_text() == "theirs"


@pytest.mark.parametrize("write", WRITES[:3])
def test_a_file_that_others_could_read_is_narrowed(write: Write, tmp_path: Path) -> None:
    """Also where it stood there before, 0666."""
    place = tmp_path / "out"
    place.touch()
    place.chmod(0o666)
    write(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_open_streams_are_written_as_they_are(tmp_path: Path) -> None:
    """`--out /dev/stdout` is a link, too, and meant."""
    out = tmp_path / "out"
    code = "from connector.commands._private_file import write_private; from pathlib import Path;"
    code += "write_private(Path('/dev/stdout'), b'told')"
    with out.open("wb") as stream:
        subprocess.run([sys.executable, "-c", code], stdout=stream, cwd=ROOT, check=True)
    assert out.read_bytes() == b"told"
    os.close(open_private("/dev/null"))


# --- the state ------------------------------------------------------------------------------------------------------
def test_a_state_that_others_could_read_is_narrowed_when_the_daemon_opens_it(tmp_path: Path) -> None:
    """A copy put there by hand, 0644, with its log."""
    place = tmp_path / "state.db"
    open_store(place).close()
    place.chmod(0o644)
    open_store(place).close()
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_a_state_of_another_user_is_not_worked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner could change journal and plans under the daemon."""
    place = tmp_path / "state.db"
    open_store(place).close()
    os.chown(place, NOBODY, -1) if os.geteuid() == 0 else monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY - 1)
    with pytest.raises(StoreError, match="another user"):
        open_store(place)


# --- the inbox ------------------------------------------------------------------------------------------------------
def _left(tmp_path: Path) -> tuple[str, Path]:
    state = str(tmp_path / "state.db")
    return state, leave(state, Word(*_approved()))


def _taken(state: str) -> int:
    store = open_store(":memory:")
    try:
        return take_up(state, store)
    finally:
        store.close()


def test_the_word_of_another_user_is_no_approval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that neither the daemon's user nor the folder's owner made is set aside unread."""
    state, path = _left(tmp_path)
    real = os.fstat

    def elses(handle: int) -> os.stat_result:
        found = real(handle)
        return os.stat_result((*found[:4], found.st_uid + 7, *found[5:])) if stat.S_ISREG(found.st_mode) else found

    monkeypatch.setattr("connector.private_files.os.fstat", elses)
    assert _taken(state) == 0
    assert path.with_suffix(".refused").exists()


def test_a_link_in_the_inbox_is_not_followed(tmp_path: Path) -> None:
    """Nor is a pipe waited for."""
    state, path = _left(tmp_path)
    aside = tmp_path / "elsewhere.json"
    path.rename(aside)
    path.symlink_to(aside)
    os.mkfifo(path.with_name("pipe.json"))
    assert _taken(state) == 0
    assert aside.exists()


@pytest.mark.parametrize("way", ["writable", "link"])
def test_an_inbox_that_others_can_fill_is_neither_read_nor_filled(way: str, tmp_path: Path) -> None:
    """Who wrote what is in it can't be told."""
    state, path = _left(tmp_path)
    if way == "writable":
        path.parent.chmod(0o777)
    else:
        path.parent.rename(tmp_path / "theirs")
        path.parent.symlink_to(tmp_path / "theirs")
    assert _taken(state) == 0
    with pytest.raises(StoreError):
        leave(state, Word(*_approved()[:4], START + timedelta(seconds=1), None))
    assert path.exists()


# --- names that climb -----------------------------------------------------------------------------------------------
CLIMBING = ("../../x", "..", "a/b", "/etc/passwd", "a\\b", "", ".hidden", "a\x00b", "x\n[web]", "ñ", "a" * 65, "$HOME")


@pytest.mark.parametrize("name", CLIMBING)
def test_an_accounts_name_leads_nowhere(name: str, tmp_path: Path) -> None:
    """It becomes part of names of files, variables and keyring entries."""
    import json

    config = tmp_path / "config.toml"
    config.write_text(
        f'[[accounts]]\nname = {json.dumps(name)}\nhelpdesk = "freshdesk"\nurl = "https://d.example"\nmappings = "m"\n'
    )
    with pytest.raises(ConfigurationError):
        load_settings(config)


def test_a_pack_reads_its_own_files_only(tmp_path: Path) -> None:
    """A calendar or a text file named by a path that climbs, or by a link that leads out, is a mistake of the pack."""
    outside = tmp_path / "outside.ics"
    outside.write_text("BEGIN:VCALENDAR\nEND:VCALENDAR\n")
    pack = tmp_path / "pack"
    pack.mkdir()
    for file in ("../outside.ics", str(outside), "/etc/passwd", "sub/../../outside.ics"):
        texts = {"people.yaml": f"people:\n  rotas:\n    r:\n      calendar: {file}\n"}
        result = load_texts(texts, str(pack))
        assert result.policy is None
        assert "root:" not in " ".join(problem.render() for problem in result.problems)
    assert load_policy(PACK)


@pytest.mark.parametrize("way", ["link", "pipe", "folder"])
def test_a_file_of_a_pack_is_a_plain_one_inside_it(way: str, tmp_path: Path) -> None:
    """Whoever may write a pack does not get to read, in messages or the state, what the daemon's user may read."""
    pack = tmp_path / "pack"
    shutil.copytree(PACK, pack, ignore=shutil.ignore_patterns("cases"))
    secret = tmp_path / "credential"
    secret.write_text("top-secret-word: [\n")
    match way:
        case "link":
            (pack / "more.yaml").symlink_to(secret)
        case "pipe":
            os.mkfifo(pack / "more.yaml")
        case _:
            (pack / "more.yaml").symlink_to("/proc/self/environ")
    with pytest.raises(MappingError) as refused:
        load_policy(pack)
    assert "top-secret-word" not in str(refused.value)
    assert [(one.code, one.file) for one in refused.value.problems] == [("E008", "more.yaml")]
    with pytest.raises(MappingError):
        pack_texts(pack)


def test_a_pack_of_links_within_it_is_read(tmp_path: Path) -> None:
    """Container platforms mount their settings so: each file a link into a dated folder beside it."""
    shutil.copytree(PACK, tmp_path / "..dated")
    (tmp_path / "..data").symlink_to("..dated")
    for one in (tmp_path / "..data").glob("*.yaml"):
        (tmp_path / one.name).symlink_to(f"..data/{one.name}")
    assert load_policy(tmp_path).rules


def test_tabs_of_the_register_are_names_in_a_workbook_never_files(tmp_path: Path) -> None:
    """A tab named like a path makes a workbook and nothing else."""
    place = written(state(record(1, tab="../../x"), record(2, tab="/etc/passwd")), tmp_path / "register.xlsx")
    with zipfile.ZipFile(place) as book:
        assert [name for name in book.namelist() if ".." in name or name.startswith("/") or "passwd" in name] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["register.xlsx"]
