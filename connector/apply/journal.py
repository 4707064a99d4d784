"""The journal: every write is announced before it is sent and closed, with its evidence, in one transaction.

Each transaction first checks the cycle's epoch, so that a worker that was paused and has been replaced can't write a
line any more: it gets `Fenced` and must stop. Rules of the states are in docs/decisions/0006-journal.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connector.apply.drift import parse, stamp
from connector.apply.records import record
from connector.core.guard import recent_writes
from connector.core.model import TOGGLE_WRITES, TOGGLED, Action, Memory, Outcome
from connector.core.records import with_action
from connector.crashpoints import reach
from connector.errors import EscaleraError
from connector.store.base import Intent, Mirrored, Store

#: How an intent may have ended so that the same action may be begun again: nothing of it stands on the ticket.
REOPENABLE = frozenset({Outcome.UNSENT, Outcome.DRIFTED, Outcome.INTERRUPTED})
#: A refused action is not sent again before this: the reason is rarely gone sooner, and each try spends quota.
REFUSAL_STANDS = timedelta(hours=24)
#: Outcomes after which the idempotency key counts as done: repeating could double what may already stand.
_SETTLED = frozenset({Outcome.DONE, Outcome.UNKNOWN, Outcome.INEFFECTIVE, Outcome.EXPIRED})
_DAY = timedelta(hours=24)
_STAMPS_KEPT = 8
_TOGGLES_KEPT = 16


class Fenced(EscaleraError):  # noqa: N818 - a state, not a fault
    """Another cycle of this account has begun: this one must not write any more."""

    retryable = True


def reference(intent_id: str) -> str:
    """The short line that marks a note or message as left by this intent: `Ref. esc-` and 8 hex digits."""
    head = intent_id[:8].lower()
    if len(head) < 8 or any(letter not in "0123456789abcdef" for letter in head):
        head = hashlib.sha256(intent_id.encode()).hexdigest()[:8]
    return f"Ref. esc-{head}"


def refusal_stands(intent: Intent) -> timedelta:
    """How long a refusal stands. A toggle has hours only before the helpdesk closes the ticket: it is tried again after
    one hour, then two, four and so on up to the usual day."""
    if intent.action.kind != "toggle":
        return REFUSAL_STANDS
    return min(REFUSAL_STANDS, timedelta(hours=2 ** min(int(intent.observed.get("attempt", 1)) - 1, 8)))


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer to `Journal.begin`: the intent, and whether it may be carried out now."""

    intent: Intent
    fresh: bool


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of one account during one cycle, written under the epoch that the cycle holds."""

    store: Store
    account: str
    epoch: int
    now: Callable[[], datetime]

    @contextmanager
    def transaction(self, name: str) -> Iterator[None]:
        """One fenced transaction with its crash points. Raises Fenced (and writes nothing) if another cycle began."""
        reach(f"{name}.before")
        with self.store.transaction():
            if not self.store.check_epoch(self.account, self.epoch):
                msg = f"account {self.account}: another cycle has taken over from this one (epoch {self.epoch})"
                raise Fenced(msg)
            yield
            reach(f"{name}.inside")
        reach(f"{name}.after")

    def begin(self, plan: str, action: Action) -> Begun:
        """Announce an action. `fresh` is False where it is journalled already and must not be carried out (again)."""
        at = self.now()
        intent = Intent(
            id=action.id, account=self.account, plan=plan, action=action, outcome=Outcome.INTENDED, created_at=at,
            updated_at=at, epoch=self.epoch,
        )  # fmt: skip
        with self.transaction("intent"):
            if self.store.begin_intent(intent):
                return Begun(intent, fresh=True)
            known = self.store.intent(self.account, action.id)
            if known is None:  # the store said it exists
                msg = f"account {self.account}: the journal lost intent {action.id}"
                raise RuntimeError(msg)
            if not self._may_reopen(known, at):
                return Begun(known, fresh=False)
            observed = {"attempt": int(known.observed.get("attempt", 1)) + 1}
            self.store.update_intent(
                self.account, action.id, outcome=Outcome.INTENDED, step=0, at=at, observed=observed
            )
        reopened = replace(
            known, plan=plan, action=action, outcome=Outcome.INTENDED, step=0, updated_at=at, observed=observed
        )
        return Begun(reopened, fresh=True)

    @staticmethod
    def _may_reopen(known: Intent, at: datetime) -> bool:
        if known.outcome is Outcome.REFUSED:
            return known.updated_at is None or not timedelta(0) <= at - known.updated_at < refusal_stands(known)
        return known.outcome in REOPENABLE

    def sent(self, intent: Intent, step: int, **observed: Any) -> Intent:
        """Commit that step `step` is about to be sent. Only after this may the request leave."""
        at = self.now()
        seen = {**intent.observed, **observed}
        with self.transaction("sent"):
            self.store.update_intent(self.account, intent.id, outcome=Outcome.SENT, step=step, at=at, observed=seen)
        return replace(intent, outcome=Outcome.SENT, step=step, updated_at=at, observed=seen)

    def finish(
        self, intent: Intent, outcome: Outcome, *, row: Mirrored | None, point: str = "outcome",
        facts: Mapping[str, Any] | None = None, **observed: Any,
    ) -> Intent:  # fmt: skip
        """End an intent: outcome, audit event, memory, mirror row, records and account facts in one transaction.

        `row` is the ticket's new mirror row with its memory as it is to stand, or None to leave it as it is.
        """
        at = self.now()
        seen = {**intent.observed, **observed}
        with self.transaction(point):
            self.store.update_intent(self.account, intent.id, outcome=outcome, step=intent.step, at=at, observed=seen)
            self.store.append_audit(
                self.account, at, "outcome", evidence(intent, outcome, seen), ticket=intent.action.ticket
            )
            for name, value in (facts or {}).items():
                self.store.set_fact(self.account, name, value, at)
            if row is not None:
                self.store.put(self.account, [row])
            if outcome is Outcome.DONE:
                record(self.store, self.account, intent.action, row.memory if row is not None else None, at)
        return replace(intent, outcome=outcome, updated_at=at, observed=seen)

    def note(self, kind: str, body: Mapping[str, Any], *, ticket: str | None = None, point: str = "outcome") -> None:
        """Append one audit event in a transaction of its own."""
        with self.transaction(point):
            self.store.append_audit(self.account, self.now(), kind, body, ticket=ticket)


def evidence(intent: Intent, outcome: Outcome, observed: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit keeps of an ended action. Texts appear as their SHA-256 only: they may name a customer."""
    action = intent.action
    rule = action.rule
    body: dict[str, Any] = {
        "outcome": outcome.value,
        "action": action.id,
        "plan": intent.plan,
        "kind": action.kind,
        "key": action.key,
        "rule": {"kind": rule.kind, "name": rule.name, "file": rule.file, "line": rule.line},
        "changes": {name: [_plain(old), _plain(new)] for name, (old, new) in action.changes.items()},
        "step": intent.step,
        "observed": dict(observed),
    }
    if action.to:
        body["to"] = list(action.to)
    if action.text is not None:
        body["text_sha256"] = hashlib.sha256(action.text.encode()).hexdigest()
        body["reference"] = reference(intent.id)
    return body


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    return list(value) if isinstance(value, tuple | frozenset | set) else value


def remembered(
    memory: Memory,
    action: Action,
    outcome: Outcome,
    at: datetime,
    *,
    step: int,
    stamps: Sequence[datetime | None] = (),
    clock: datetime | None = None,
) -> Memory:
    """The memory of a ticket after an action of it ended: key, own values, toggle, own write, own stamps.

    `clock`: from when the helpdesk's auto-close counts now. A toggle that recovery settles late counts from then, not
    from its settling: a later instant would let the helpdesk close the ticket first.
    """
    done, ours, toggles = dict(memory.done), dict(memory.ours), memory.toggles
    human, extra = dict(memory.human), dict(memory.extra)
    if outcome in _SETTLED:
        done[action.key] = at.isoformat()
    if outcome is Outcome.DONE and action.kind in ("set", "assign") and step:
        for name, (_, new) in action.changes.items():
            ours[name] = _plain(new)
            human.pop(name, None)
    if outcome is Outcome.DONE and action.kind == "toggle":
        toggles = (*toggles, at if clock is None else min(at, clock))
        number, count = action.details.get("number", 0), action.details.get("count", 0)
        extra[TOGGLED] = {"key": action.key, "due": stamp(action.due), "number": number, "count": count}
    if step and action.kind == "toggle":
        extra[TOGGLE_WRITES] = [*extra.get(TOGGLE_WRITES, ()), at.isoformat()][-_TOGGLES_KEPT:]
    writes = recent_writes(memory, at)
    if step and counts_as_write(action):
        writes = (*writes, at)
    texts = [text for text in (stamp(seen) for seen in stamps) if text is not None]
    own = tuple(dict.fromkeys((*memory.own_updated_at, *texts)))[-_STAMPS_KEPT:]
    memory = replace(
        memory, done=done, ours=ours, human=human, toggles=toggles, writes=writes, own_updated_at=own, extra=extra
    )
    return with_action(memory, action, at) if outcome is Outcome.DONE and action.kind == "register" else memory


def counts_as_write(action: Action) -> bool:
    """Whether the guard counts an action among its ticket's writes: as `connector.core.guard` does for a plan.

    A toggle counts once, its note with it; messages to staff and the guard's own notice do not count.
    """
    if action.kind in ("notify", "register") or action.details.get("notice"):
        return False
    return action.details.get("with") is None


def sent_at(intent: Intent) -> datetime | None:
    """When the last step was sent, by the helpdesk's clock where it tells one, else by ours."""
    return parse(intent.observed.get("server_at")) or intent.updated_at
