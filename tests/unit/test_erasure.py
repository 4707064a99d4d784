"""A customer's erasure request, from the verb to the bytes of the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connector import audit
from connector.core.kin import key_of
from connector.core.model import Call, Outcome
from connector.cycle.gather import decide
from connector.cycle.run import run_cycle
from connector.oslock import StateLock
from connector.store import open_store
from connector.store.base import SavedPlan
from tests.contract.store_audit import fill
from tests.contract.store_samples import at, intent, row
from tests.desk import World, ticket
from tests.unit.commands.conftest import Answer, call

__all__ = ["call"]

WHO = ("--by", "dpo", "--reason", "request 17")
#: The customer of the samples, as people, JSON and folded keys write them.
WORDS = (
    "José Ibáñez",
    (key_of("name", "José Ibáñez") or "").partition(":")[2],
    "jose@example.com",
    "0000 0000",
    "no funciona; «ya",
    "ACME",
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A state in which the customer stands everywhere, with a write-ahead log that holds them too."""
    path = tmp_path / "config.toml"
    path.write_text('[[accounts]]\nname = "mx"\nhelpdesk = "freshdesk"\nurl = "https://x.example"\nmappings = "m"\n')
    store = open_store(tmp_path / "state.db")
    fill(store)
    with store.transaction():  # enough rows around them for pages to be freed and used again
        store.put("mx", [row(str(number), 5) for number in range(100, 400)])
    store.close()
    return path


def _found(folder: Path) -> set[str]:
    """Which of the words stand in the bytes of any file of the folder, in any case."""
    raw = b"".join(path.read_bytes() for path in folder.iterdir() if path.name != "config.toml")
    folded = raw.decode("utf-8", "replace").casefold()
    escaped = [word.encode("unicode_escape").decode().casefold() for word in WORDS]
    return {word for word, other in zip(WORDS, escaped, strict=True) if word.casefold() in folded or other in folded}


def test_after_an_erasure_no_byte_of_the_file_tells_the_customer(
    call: Callable[..., Answer], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the customer's key: name, address, number and text are in no file of the state; the chain holds, signed."""
    monkeypatch.setenv("ESCALERA_AUDIT_KEY", "ab" * 32)
    assert _found(config.parent) == set(WORDS)
    answer = call("audit", "redact", "--config", str(config), "--requester", "email:Jose@Example.com", *WHO)
    assert (answer.code, answer.err) == (0, "")
    assert "erased 1 ticket(s) of account mx" in answer.out
    assert _found(config.parent) == set()
    verified = call("audit", "verify", "--config", str(config))
    assert (verified.code, "the chain is whole: 5 events" in verified.out) == (0, True)
    listed = call("audit", "--config", str(config))
    assert "erased: event 5 says when, by whom and why" in listed.out
    store = open_store(config.with_name("state.db"))
    assert store.mirrored("mx", ["2"]) == {"2": row("2", 9)}
    store.close()


def test_erasing_one_ticket_leaves_the_words_of_others(call: Callable[..., Answer], config: Path) -> None:
    """What stands only with that ticket is gone from the bytes; what another event says of the customer stays."""
    assert call("audit", "redact", "--config", str(config), "--ticket", "1042", *WHO).code == 0
    assert _found(config.parent) == {"jose@example.com"}


def test_a_rehearsal_changes_no_byte(call: Callable[..., Answer], config: Path) -> None:
    """It names the tickets."""
    before = config.with_name("state.db").read_bytes()
    answer = call("audit", "redact", "--config", str(config), "--requester", "name:José Ibáñez", "--dry-run")
    assert (answer.code, "would erase 1 ticket(s) of account mx: 1042" in answer.out) == (0, True)
    assert config.with_name("state.db").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--ticket", "1042"], "needs --by NAME and --reason TEXT"),
        (["--ticket", "1042", "--requester", "name:x", *WHO], "either --ticket ID or --requester KEY"),
        ([*WHO], "either --ticket ID or --requester KEY"),
        (["--requester", "jose@example.com", *WHO], "is no key of a customer"),
        (["--ticket", "1042", "--by", "dpo", "--reason", "jose@example.com asked"], "names the customer"),
    ],
)
def test_a_wrong_call_erases_nothing(
    call: Callable[..., Answer], config: Path, arguments: list[str], says: str
) -> None:
    """A sentence and exit code 64."""
    answer = call("audit", "redact", "--config", str(config), *arguments)
    assert (answer.code, says in answer.err) == (64, True)
    assert _found(config.parent) == set(WORDS)


def test_a_running_daemon_must_be_stopped_first(call: Callable[..., Answer], config: Path) -> None:
    """The file is written anew, so nobody else may hold it."""
    with StateLock(config.with_name("state.db")):
        answer = call("audit", "redact", "--config", str(config), "--ticket", "1042", *WHO)
    assert (answer.code, "stop that one first" in answer.err) == (64, True)
    assert _found(config.parent) == set(WORDS)


def test_an_action_under_way_is_settled_first(call: Callable[..., Answer], config: Path) -> None:
    """Erasing what recovery needs could do it twice."""
    store = open_store(config.with_name("state.db"))
    with store.transaction():
        store.begin_intent(intent("open", ticket="1042"))
    store.close()
    answer = call("audit", "redact", "--config", str(config), "--ticket", "1042", *WHO)
    assert (answer.code, "run `escalera once`, then erase" in answer.err) == (64, True)


def test_copies_beside_the_state_are_named(call: Callable[..., Answer], config: Path) -> None:
    """They are not touched: a person decides."""
    config.with_name("state.db.v1.bak").write_bytes(b"old")
    answer = call("audit", "redact", "--config", str(config), "--ticket", "1042", *WHO)
    assert f"may still hold it: {config.with_name('state.db.v1.bak')}" in answer.out


def test_an_erased_plan_is_shown_as_such(call: Callable[..., Answer], config: Path) -> None:
    """And a pruned one."""
    assert call("audit", "redact", "--config", str(config), "--ticket", "1042", *WHO).code == 0
    answer = call("show", "d" * 64, "--config", str(config))
    assert (answer.code, "was erased; what is kept of it: state: expired" in answer.err) == (64, True)
    store = open_store(config.with_name("state.db"))
    with store.transaction():
        store.save_plan(SavedPlan("f" * 64, "mx", "applied", {"plan": "x" * 99}, at(0)))
        store.prune_plans("mx", at(9), at(5))
    store.close()
    assert "was pruned" in call("show", "f" * 64, "--config", str(config)).err


def test_a_ticket_still_open_is_not_acted_on_blindly_nor_twice(tmp_path: Path) -> None:
    """What was erased is unknown to its rules until the feed brings it again; nothing is done a second time."""
    world = World(ticket(1, body="regulator", requester_email="ana@example.com"), path=str(tmp_path / "state.db"))
    run_cycle(world.account, now=world.now)
    assert world.desk.get("1").priority == "urgent"
    with world.store.transaction():
        world.store.erase("demo", ["1"], ["ana@example.com"], world.now(), by="dpo", reason="17")
    world.store.scrub()
    kept = world.row().ticket
    assert (kept.body, kept.requester_email, {"body", "requester_email"} <= kept.unknown) == (None, None, True)
    evaluation, _ = decide(world.account, world.row(), world.now())
    assert evaluation is not None
    assert {one.call for one in evaluation.decisions} == {Call.UNKNOWN}
    for _ in range(2):
        world.desk.agent_note("1", "hello")
        world.desk.advance(timedelta(minutes=5))
        report = run_cycle(world.account, now=world.now)
        assert (report.acted, report.counts()) == (0, {})
    assert world.row().ticket.body == "regulator"
    assert [event.redacted is not None for event in world.store.audit() if event.kind == "outcome"] == [True]
    assert audit.verify(world.store).ok
    world.store.close()


def test_ended_intents_keep_their_keys(tmp_path: Path) -> None:
    """Beginning one of them again is refused, as before."""
    store = open_store(tmp_path / "state.db")
    done = replace(intent("a", ticket="7"), outcome=Outcome.DONE)
    with store.transaction():
        store.put("mx", [row("7")])
        store.begin_intent(done)
        store.erase("mx", ["7"], [], at(1), by="dpo", reason="17")
        assert store.begin_intent(done) is False
    store.close()
