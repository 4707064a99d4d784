"""Approvals left beside a state that another process writes: taken up once, and never by a file that is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connector.core.plan_json import plan_to_json
from connector.errors import UsageError
from connector.inbox import Word, leave, record, take_up
from connector.store import open_store
from connector.store.base import SavedPlan, Store
from tests.desk import START, World, action


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty state in memory."""
    opened = open_store(":memory:")
    yield opened
    opened.close()


def _plan() -> tuple[str, dict[str, object]]:
    world = World()
    plan = world.plan(action(world, "set", changes={"priority": "urgent"}))
    return plan.digest, plan_to_json(plan)


def _word(state: str = "approved", *, body: bool = True) -> Word:
    digest, content = _plan()
    return Word(digest, state, "laura", "checked", START, content if body else None)


def test_word_left_is_taken_up_once_with_its_audit(store: Store, tmp_path: Path) -> None:
    """A word travels through the file whole, is recorded with who and why, and its file is gone."""
    state = str(tmp_path / "state.db")
    path = leave(state, _word())
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert take_up(state, store) == 1
    assert take_up(state, store) == 0
    saved = store.plan(_word().digest)
    assert saved is not None
    assert (saved.state, saved.approved_by, saved.reason) == ("approved", "laura", "checked")
    assert saved.expires_at == START + timedelta(hours=24)
    assert [(event.kind, event.body["by"]) for event in store.audit("demo")] == [("plan_approved", "laura")]


def test_later_word_wins(store: Store, tmp_path: Path) -> None:
    """Words are taken up oldest first: a rejection after an approval stands."""
    state = str(tmp_path / "state.db")
    leave(state, _word())
    digest, body = _plan()
    leave(state, Word(digest, "rejected", "jorge", None, START + timedelta(seconds=1), body))
    assert take_up(state, store) == 2
    saved = store.plan(digest)
    assert saved is not None
    assert (saved.state, saved.approved_by) == ("rejected", "jorge")


@pytest.mark.parametrize("state", ["applied", "expired"])
def test_used_plan_is_not_approved_again(store: Store, state: str) -> None:
    """A plan that was used, or whose time is over, can't be brought back."""
    digest, body = _plan()
    with store.transaction():
        store.save_plan(SavedPlan(digest=digest, account="demo", state=state, body=body, saved_at=START))
    with pytest.raises(UsageError, match="used once"):
        record(store, _word())


def test_unknown_digest_is_said(store: Store) -> None:
    """A digest of no saved plan is refused."""
    with pytest.raises(UsageError, match="no saved plan"):
        record(store, _word(body=False))


_SHAPE = {
    "digest": "x" * 64,
    "state": "approved",
    "by": "x",
    "reason": None,
    "at": "2026-03-02T09:00:00Z",
    "body": None,
}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"digest": 1}',
        json.dumps({**_SHAPE, "state": "applied"}).encode(),
        json.dumps({**_SHAPE, "at": "2026-03-02"}).encode(),
        json.dumps({**_SHAPE, "body": {"plan": 1}}).encode(),
        json.dumps(_SHAPE).encode(),
    ],
)
def test_file_that_is_no_approval_is_set_aside(store: Store, tmp_path: Path, content: bytes) -> None:
    """It stops nothing, approves nothing, is kept for a look, and is not tried again."""
    state = str(tmp_path / "state.db")
    good = leave(state, _word())
    bad = good.with_name("0.json")
    bad.write_bytes(content)
    assert take_up(state, store) == 1
    assert bad.with_suffix(".refused").exists()
    assert take_up(state, store) == 0


def test_changed_body_is_refused(store: Store, tmp_path: Path) -> None:
    """A plan that somebody edited in the inbox is not approved."""
    state = str(tmp_path / "state.db")
    path = leave(state, _word())
    path.write_text(path.read_text(encoding="utf-8").replace("urgent", "low"), encoding="utf-8")
    assert take_up(state, store) == 0
    assert store.plan(_word().digest) is None
