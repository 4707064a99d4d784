"""`report register` as a person calls it: written from a state or an export, edited, handed back, also to a daemon."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest

from connector.inbox import take_up
from connector.oslock import StateLock
from connector.store import open_store
from tests.unit.commands.conftest import NOW, Call, write_export
from tests.unit.reports.register_desk import ACCOUNT, PACK, comments, edit, record, say, unmatched
from tests.unit.reports.register_desk import NOW as AT

WHEN = "2026-03-10T09:00:00-06:00"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """The little pack as a folder."""
    folder = tmp_path / "pack"
    folder.mkdir()
    for name, text in PACK.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def config(tmp_path: Path, pack: Path) -> Path:
    """A configured account with three escalations in its state."""
    store = open_store(str(tmp_path / "state.db"))
    with store.transaction():
        for number in range(1, 4):
            store.put_escalation(ACCOUNT, record(number))
    store.close()
    path = tmp_path / "config.toml"
    path.write_text(
        f'state = "state.db"\n[[accounts]]\nname = "{ACCOUNT}"\nhelpdesk = "freshdesk"\n'
        f'url = "https://example.freshdesk.com"\nmappings = "{pack}"\n',
        encoding="utf-8",
    )
    return path


def _state(config: Path) -> tuple[dict[str, str], list[str]]:
    store = open_store(str(config.parent / "state.db"), read_only=True)
    try:
        return comments(store), unmatched(store)
    finally:
        store.close()


@pytest.mark.parametrize("form", ["xlsx", "html", "csv", "json"])
def test_the_same_state_and_instant_give_the_same_file(call: Call, config: Path, tmp_path: Path, form: str) -> None:
    """Every form is written for its owner only, twice alike, without calling the helpdesk."""
    files = [tmp_path / f"{number}.{form}" for number in range(2)]
    for file in files:
        got = call("report", "register", "--config", config, "--format", form, "--out", file, "--now", WHEN)
        assert (got.code, "3 escalations in 3 tabs" in got.err) == (0, True), got.err
        assert file.stat().st_mode & 0o777 == 0o600
    assert files[0].read_bytes() == files[1].read_bytes()


def test_written_edited_and_handed_back(call: Call, config: Path, tmp_path: Path) -> None:
    """The way round: out, edited, merged with a word on what belongs nowhere, and the new workbook has it all."""
    out, new = tmp_path / "ana.xlsx", tmp_path / "new.xlsx"
    assert call("report", "register", "--config", config, "--out", out, "--now", WHEN).code == 0

    def hands(book: object) -> None:
        say(t1002="Hablé con el centro.")(book)
        book.create_sheet("Notas")["C4"] = "pendiente"  # type: ignore[attr-defined]

    edit(out, hands)
    got = call("report", "register", "--config", config, "--merge", out, "--by", "ana", "--out", new, "--now", WHEN)
    assert got.code == 0
    assert "ana.xlsx: tab 'Notas', cell C4: belongs to no known case" in got.err
    assert "1 comment taken over (1 unmatched)" in got.err
    assert _state(config) == ({"1002": "Hablé con el centro."}, ["pendiente"])
    assert openpyxl.load_workbook(new).sheetnames[-1] == "Sin correspondencia"
    events = call("audit", "--config", config, "--ticket", "1002", "--format", "json").json
    assert [(one["kind"], one["body"]["by"]) for one in events] == [("register_comment", "ana")]
    again = call("report", "register", "--config", config, "--merge", out, "--now", WHEN)
    assert (again.code, "0 comments taken over" in again.err) == (0, True)


def test_while_a_daemon_holds_the_state_the_comments_wait_for_it(call: Call, config: Path, tmp_path: Path) -> None:
    """Nothing is written beside the daemon; the new workbook shows them already; the next cycle takes them up once."""
    out, new, state = tmp_path / "a.xlsx", tmp_path / "new.xlsx", str(tmp_path / "state.db")
    call("report", "register", "--config", config, "--out", out, "--now", WHEN)
    edit(out, say(t1001="espera"))
    with StateLock(state):
        got = call("report", "register", "--config", config, "--merge", out, "--out", new, "--now", WHEN)
        assert (got.code, "left for its next cycle" in got.err) == (0, True)
        assert _state(config)[0] == {}
        page = openpyxl.load_workbook(new)["Sin diagnóstico"]
        assert "espera" in [cell.value for row in page for cell in row]
        (left,) = (tmp_path / "state.db.inbox").glob("*.json")
        assert left.stat().st_mode & 0o777 == 0o600
        store = open_store(state)
        assert (take_up(state, store), take_up(state, store)) == (1, 0)
        assert comments(store) == {"1001": "espera"}
        (event,) = [one for one in store.audit(ACCOUNT) if one.kind == "register_comment"]
        assert event.at == AT
        store.close()


def test_a_register_left_that_is_none_is_set_aside(config: Path, tmp_path: Path) -> None:
    """A torn or foreign file in the inbox stops nothing and is kept under another name."""
    folder = tmp_path / "state.db.inbox"
    folder.mkdir()
    for number, text in enumerate(('{"kind": "register"}', '{"kind": "register", "at": "x"', "[]")):
        (folder / f"{number}.json").write_text(text, encoding="utf-8")
    store = open_store(str(tmp_path / "state.db"))
    assert take_up(str(tmp_path / "state.db"), store) == 0
    assert len(list(folder.glob("*.refused"))) == 3
    store.close()


def test_a_file_that_is_no_register_changes_nothing(call: Call, config: Path, tmp_path: Path) -> None:
    """One line, no traceback, no new workbook, and good files beside it are not taken over either."""
    out, bad = tmp_path / "a.xlsx", tmp_path / "bad.xlsx"
    call("report", "register", "--config", config, "--out", out, "--now", WHEN)
    edit(out, say(t1001="hola"))
    bad.write_bytes(b"not a workbook")
    got = call("report", "register", "--config", config, "--merge", out, "--merge", bad, "--out", tmp_path / "n.xlsx")
    assert (got.code, "bad.xlsx: is no workbook" in got.err, "Traceback" in got.err) == (78, True, False)
    assert (_state(config), (tmp_path / "n.xlsx").exists()) == (({}, []), False)


def test_period_and_language(call: Call, config: Path) -> None:
    """`--since` and `--until` choose by the instant of escalation; the words come in the language asked for."""
    since = (AT - timedelta(days=9) + timedelta(hours=2)).isoformat()
    until = (AT - timedelta(days=9) + timedelta(hours=3)).isoformat()
    got = call(
        "report", "register", "--config", config, "--format", "json", "--since", since, "--until", until, "--now", WHEN
    )
    assert [one["ticket"] for one in got.json["tabs"][0]["escalations"]] == ["1002"]
    page = call("report", "register", "--config", config, "--format", "html", "--language", "it", "--now", WHEN).out
    assert "Descrizione dettagliata" in page


def test_exported_files_keep_their_comments_from_register_to_register(call: Call, pack: Path, tmp_path: Path) -> None:
    """Without any state: the records come from the plan, the comments from the workbook handed in with them."""
    maps = Path(__file__).parents[3] / "mappings" / "appliance-mx"
    data = write_export(
        tmp_path / "data.csv",
        "1;No enciende;Sin diagnóstico;En proceso;Normal;Correo;20.02.2026 10:00:00;09.03.2026 10:00:00;no-diagnosis;"
        "03.03.2026 09:30:00;",
    )  # fmt: skip
    source = ("--export", data, "--mappings", maps, "--now", NOW)
    first, second, third = (tmp_path / f"{name}.xlsx" for name in ("first", "second", "third"))
    assert call("report", "register", *source, "--out", first).code == 0
    edit(first, say(t1="del primero"))
    assert call("report", "register", *source, "--merge", first, "--out", second).code == 0
    edit(second, say(t1="del primero\ny del segundo"))
    got = call("report", "register", *source, "--merge", first, "--merge", second, "--out", third)
    assert got.code == 0
    texts = [cell.value for page in openpyxl.load_workbook(third) for row in page for cell in row]
    assert "del primero\ny del segundo" in texts
    refused = call("report", "register", *source, "--merge", first)
    assert (refused.code, "name the new one with --out" in refused.err) == (64, True)
