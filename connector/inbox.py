"""Approvals for a state another process is writing: left as files beside it, taken up by that process's next cycle.

SQLite before 3.51.3 can damage a database in WAL mode that two processes write at once, so only the holder of the state
lock writes. Whoever may write into the folder of the state may approve: guard it like the state itself.
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
from connector.store.base import SavedPlan, Store

_STANDS = timedelta(hours=24)
_LARGEST = 64 * 1024 * 1024
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
    folder = _folder(state)
    text = json.dumps({
        "digest": word.digest, "state": word.state, "by": word.by, "reason": word.reason, "at": word.at.isoformat(),
        "body": word.body,
    })  # fmt: skip
    final = folder / f"{word.at:%Y%m%dT%H%M%S%f}-{word.digest[:12]}.json"
    part = final.with_suffix(".part")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.rename(final)
    except OSError as error:
        msg = f"{folder}: the approval can't be left there ({error.strerror})"
        raise StoreError(msg) from error
    return final


def take_up(state: str, store: Store) -> int:
    """Record every word left beside the state, oldest first; what can't be recorded is said and set aside."""
    taken = 0
    for path in _waiting(state):
        try:
            word = _read(path)
            record(store, word)
        except (EscaleraError, ValueError, KeyError, TypeError, OSError) as error:
            _log.error("an approval can't be taken up; it is set aside", file=str(path), why=str(error))
            with contextlib.suppress(OSError):
                path.rename(path.with_suffix(".refused"))
            continue
        _log.info("approval taken up", plan=word.digest[:12], state=word.state, by=word.by)
        path.unlink(missing_ok=True)
        taken += 1
    return taken


def _waiting(state: str) -> Iterator[Path]:
    folder = _folder(state)
    if folder.is_dir():
        yield from sorted(folder.glob("*.json"))


def _read(path: Path) -> Word:
    if path.stat().st_size > _LARGEST:
        msg = f"larger than {_LARGEST} bytes"
        raise ValueError(msg)
    content = json.loads(path.read_text(encoding="utf-8"))
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
