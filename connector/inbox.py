"""Approvals and registers for a state another process is writing: left as files beside it, taken up by its next cycle.

SQLite before 3.51.3 can damage a database in WAL mode that two processes write at once, so only the holder of the state
lock writes. Whoever may write into the folder of the state may approve: guard it like the state itself. Nothing is
taken from a folder that others may write into, through a link, or from a file of another user's.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from connector.core.plan_json import plan_from_json
from connector.errors import EscaleraError, StoreError, UsageError
from connector.private_files import read_own, shared_folder
from connector.reports.register.keep import KIND, Handed, from_json, take_over, to_json
from connector.store.base import SavedPlan, Store

_STANDS = timedelta(hours=24)
_LARGEST = 64 * 1024 * 1024
#: What a file that is none of ours can make reading it raise.
_BROKEN = (ValueError, LookupError, ArithmeticError, TypeError, AttributeError, OSError, RecursionError)
_log = structlog.get_logger("escalera.inbox")


@dataclass(frozen=True, slots=True)
class Word:
    """A person's word on one plan: `state` is `approved` or `rejected`, `body` the plan where the state may lack it."""

    digest: str
    state: str
    by: str
    reason: str | None
    at: datetime
    body: dict[str, Any] | None = None


def record(store: Store, word: Word) -> SavedPlan:
    """Write a person's word into the state, with its audit event. Raises UsageError for a used or unknown plan."""
    known = store.plan(word.digest)
    if known is None and word.body is not None:
        plan = plan_from_json(word.body)
        known = SavedPlan(
            digest=plan.digest, account=plan.account, state="held", body=word.body, saved_at=word.at,
            expires_at=max(plan.now, word.at) + _STANDS,
        )  # fmt: skip
    if known is None:
        waiting = ", ".join(one.digest[:12] for one in store.plans(state="held")) or "none"
        msg = f"no saved plan '{word.digest}': give its file, or at least 8 characters of its digest (held: {waiting})"
        raise UsageError(msg)
    if known.state not in {"held", "approved", "rejected"}:
        msg = f"plan {known.digest[:12]} is {known.state}; a plan is used once: make a new one"
        raise UsageError(msg)
    saved = replace(known, state=word.state, approved_by=word.by, reason=word.reason or known.reason)
    body = {"plan": saved.digest, "by": word.by, "reason": word.reason}
    with store.transaction():
        store.save_plan(saved)
        store.append_audit(saved.account, word.at, f"plan_{word.state}", body)
    return saved


def leave(state: str, word: Word) -> Path:
    """Leave a word for the process that holds the state. Raises StoreError where the folder can't be written."""
    content = {
        "digest": word.digest, "state": word.state, "by": word.by, "reason": word.reason, "at": word.at.isoformat(),
        "body": word.body,
    }  # fmt: skip
    return _left(state, f"{word.at:%Y%m%dT%H%M%S%f}-{word.digest[:12]}", content)


def leave_register(state: str, handed: Handed) -> Path:
    """Leave registers that came back for the process that holds the state. Raises StoreError, also for too much."""
    content = to_json(handed)
    name = f"{handed.at:%Y%m%dT%H%M%S%f}-register-{handed.books[0].sha256[:12] if handed.books else 'none'}"
    return _left(state, name, content)


def _left(state: str, name: str, content: dict[str, Any]) -> Path:
    folder = _folder(state)
    text = json.dumps(content)
    if len(text) > _LARGEST:
        msg = f"{len(text)} bytes are more than the {_LARGEST} that may be left for the daemon: hand in fewer at a time"
        raise StoreError(msg)
    final = folder / f"{name}.json"
    part = final.with_suffix(".part")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        open_to = shared_folder(folder)
        if open_to is not None:
            msg = f"{folder} {open_to}: nothing is left where others could put words into people's mouths"
            raise StoreError(msg)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.rename(final)
    except OSError as error:
        msg = f"{folder}: nothing can be left there ({error.strerror})"
        raise StoreError(msg) from error
    return final


def take_up(state: str, store: Store) -> int:
    """Record everything left beside the state, oldest first; what can't be recorded is said and set aside."""
    taken = 0
    for path in _waiting(state):
        try:
            content = _content(path)
            if content.get("kind") == KIND:
                handed = from_json(content)
                told = take_over(store, handed).told()
                _log.info("register taken up", account=handed.account, by=handed.by, what=told)
            else:
                word = _word(content)
                record(store, word)
                _log.info("approval taken up", plan=word.digest[:12], state=word.state, by=word.by)
        except (EscaleraError, *_BROKEN) as error:
            _log.error("what was left can't be taken up; it is set aside", file=str(path), why=str(error))
            with contextlib.suppress(OSError):
                path.rename(path.with_suffix(".refused"))
            continue
        path.unlink(missing_ok=True)
        taken += 1
    return taken


def _waiting(state: str) -> Iterator[Path]:
    folder = _folder(state)
    if not folder.is_dir():
        return
    open_to = shared_folder(folder)
    if open_to is not None:
        _log.error("what was left is not taken up: who left it can't be told", folder=str(folder), why=open_to)
        return
    yield from sorted(folder.glob("*.json"))


def _content(path: Path) -> dict[str, Any]:
    content = json.loads(read_own(path, _LARGEST))
    if not isinstance(content, dict):
        msg = "is no approval"
        raise TypeError(msg)
    return content


def _word(content: dict[str, Any]) -> Word:
    at = datetime.fromisoformat(content["at"])
    if content["state"] not in {"approved", "rejected"} or at.tzinfo is None:
        msg = "is no approval"
        raise ValueError(msg)
    reason = content["reason"]
    return Word(
        str(content["digest"]),
        content["state"],
        str(content["by"]),
        str(reason) if reason else None,
        at,
        content["body"],
    )


def _folder(state: str) -> Path:
    return Path(f"{state}.inbox")
