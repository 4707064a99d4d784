"""Tampering with the audit, kind by kind, many random trials each: `python -m tests.crash.tamper [TRIALS]`.

Prints a table and ends with 1 if a single trial was not found. Three ways to find something, in this order: the chain
alone; the signature, for whoever has the key; a head kept elsewhere. The table says which each kind needed.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from connector import audit
from connector.audit.sign import Standing, judge, sign
from connector.store import AuditEvent, open_store
from connector.store.base import Signature
from connector.store.chain import commitment, event_hash, sealed_hash
from connector.store.codec import instant_text

KEY = "0f" * 32
_T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_KINDS = ("outcome", "plan_held", "policy", "quarantined")
_EVENTS = 24
WAYS = ("chain", "key", "head")


@dataclass(slots=True)
class Evidence:
    """What a tamperer may write to: the chain (as events or as exported lines) and the signature beside it."""

    events: list[AuditEvent]
    signature: Signature | None
    lines: list[str] | None = None

    def told(self) -> list[str]:
        """The chain as exported lines."""
        return self.lines if self.lines is not None else list(audit.export_jsonl(self.events))


def write(dice: random.Random, count: int = _EVENTS) -> Evidence:
    """A chain of two accounts, some events erased, signed before its last two events."""
    store = open_store(":memory:")
    store.salt = lambda: f"{dice.getrandbits(128):032x}"  # type: ignore[attr-defined]
    with store.transaction():
        for number in range(count - 3):
            body = {"n": number, "text": dice.choice(["ñandú", "plain", "<b>"]), "outcome": "done"}
            at = _T0 + timedelta(minutes=number)
            ticket = dice.choice([None, "7", "1042"])
            store.append_audit(dice.choice(["mx", "cl"]), at, dice.choice(_KINDS), body, ticket=ticket)
        store.redact_audit("mx", _T0 + timedelta(days=1), [3, 4], {"by": "dpo", "reason": "request 17"})
        head = audit.Head(*store.audit_head())
        signature = sign(KEY, head, _T0 + timedelta(days=1), began=1)
        for number in (1, 2):
            store.append_audit("mx", _T0 + timedelta(days=2), "outcome", {"late": number})
    events = list(store.audit())
    store.close()
    return Evidence(events, signature)


def found_by(made: Evidence, kept: audit.Head) -> str | None:
    """By what a tampered chain is found: `chain`, `key`, `head` (kept elsewhere), or None: not found."""
    lines = made.told()
    result = audit.verify(lines)
    if not result.ok:
        return "chain"
    standing = judge(made.signature, KEY, result.head).standing
    signed = None if made.signature is None else audit.Head(made.signature.seq, made.signature.hash)
    if standing is not Standing.SIGNED or (signed is not None and not audit.verify(lines, head=signed).ok):
        return "key"
    return None if audit.verify(lines, head=kept).ok else "head"


# --- kinds of tampering ----------------------------------------------------------------------------------------------
def _anew(events: list[AuditEvent]) -> list[AuditEvent]:
    """Every event numbered and hashed anew, so that the chain is right in itself."""
    done: list[AuditEvent] = []
    prev = audit.GENESIS
    for seq, event in enumerate(events, 1):
        at, sealed = instant_text(event.at), event.commitment
        if event.v == 1:
            digest = event_hash(
                prev, seq=seq, at=at, account=event.account, kind=event.kind, ticket=event.ticket, body=event.body
            )
        else:
            if event.redacted is None:
                sealed = commitment(event.salt or "", ticket=event.ticket, body=event.body)
            digest = sealed_hash(prev, seq=seq, at=at, account=event.account, kind=event.kind, sealed=sealed or "")
        done.append(replace(event, seq=seq, prev=prev, hash=digest, commitment=sealed))
        prev = digest
    return done


def _unerased(events: list[AuditEvent]) -> list[AuditEvent]:
    """Without the erased events and what names them: else a chain written anew would show by them alone."""
    return [event for event in events if event.redacted is None and event.kind != "erasure"]


def _other(dice: random.Random, event: AuditEvent) -> AuditEvent:
    return dice.choice([
        replace(event, body={**event.body, "outcome": "refused"}, redacted=None, salt=event.salt or "0" * 32),
        replace(event, account="it"),
        replace(event, kind="x"),
        replace(event, at=event.at - timedelta(hours=1)),
    ])  # fmt: skip


def flip_a_byte(dice: random.Random, made: Evidence) -> None:
    """Another character anywhere in any line."""
    lines = made.told()
    place = dice.randrange(len(lines))
    line = lines[place].rstrip("\n")
    at = dice.randrange(len(line))
    letter = dice.choice([one for one in 'aZ09"\\{}[]:,.- é' if one != line[at]])
    lines[place] = f"{line[:at]}{letter}{line[at + 1 :]}\n"
    made.lines = lines


def change_a_field(dice: random.Random, made: Evidence) -> None:
    """Another value of one field of one line, the line right in form."""
    lines = made.told()
    place = dice.randrange(len(lines))
    held = json.loads(lines[place])
    name = dice.choice(sorted(held))
    old = held[name]
    news = [None, 0, 7, "x", "f" * 64, {}, {"n": -1}, "2026-03-02T09:00:30.000000Z", 2, "mx", "cl"]
    held[name] = dice.choice([new for new in news if new != old or type(new) is not type(old)])
    lines[place] = audit.canonical_json(held) + "\n"
    made.lines = lines


def remove(dice: random.Random, made: Evidence) -> None:
    """A line in the middle, or at the beginning."""
    del made.events[dice.randrange(len(made.events) - 1)]


def reorder(dice: random.Random, made: Evidence) -> None:
    """Two lines change places."""
    one, other = dice.sample(range(len(made.events)), 2)
    made.events[one], made.events[other] = made.events[other], made.events[one]


def duplicate(dice: random.Random, made: Evidence) -> None:
    """A line stands twice."""
    made.events.insert(dice.randrange(len(made.events) + 1), dice.choice(made.events))


def insert(dice: random.Random, made: Evidence) -> None:
    """An event that never was, hashed to follow on the one before it."""
    place = dice.randrange(1, len(made.events))
    before = made.events[place - 1]
    body = {"outcome": "done"}
    fake = AuditEvent(before.seq + 1, before.at, "mx", "outcome", "7", body, before.hash, "", v=2, salt="0" * 32)
    sealed = commitment("0" * 32, ticket="7", body=body)
    digest = sealed_hash(
        before.hash, seq=fake.seq, at=instant_text(fake.at), account="mx", kind="outcome", sealed=sealed
    )
    made.events.insert(place, replace(fake, commitment=sealed, hash=digest))


def swap_accounts(dice: random.Random, made: Evidence) -> None:
    """The accounts of two events are exchanged."""
    mine = [n for n, one in enumerate(made.events) if one.account == "mx"]
    theirs = [n for n, one in enumerate(made.events) if one.account == "cl"]
    if not theirs:
        made.events[mine[0]] = replace(made.events[mine[0]], account="cl")
        return
    one, other = dice.choice(mine), dice.choice(theirs)
    made.events[one] = replace(made.events[one], account="cl")
    made.events[other] = replace(made.events[other], account="mx")


def change_times(dice: random.Random, made: Evidence) -> None:
    """From some event on everything happened an hour later."""
    start = dice.randrange(len(made.events))
    moved = [replace(one, at=one.at + timedelta(hours=1)) for one in made.events[start:]]
    made.events[start:] = moved


def empty_an_event(dice: random.Random, made: Evidence) -> None:
    """Body, ticket and salt taken away as an erasure does, without an erasure that names it."""
    plain = [n for n, one in enumerate(made.events) if one.redacted is None and one.kind != "erasure"]
    place = dice.choice(plain)
    by = dice.choice([made.events[-1].seq + dice.randrange(3), made.events[place].seq + 1, _EVENTS - 2])
    made.events[place] = replace(made.events[place], body={}, ticket=None, salt=None, redacted=by)


def fill_an_erased_event(dice: random.Random, made: Evidence) -> None:
    """Something else where the customer's data stood."""
    place = dice.choice([n for n, one in enumerate(made.events) if one.redacted is not None])
    way = dice.choice([{"body": {"outcome": "done"}}, {"ticket": "7"}, {"kind": "x"}, {"salt": "0" * 32}])
    made.events[place] = replace(made.events[place], **way)  # type: ignore[arg-type]


def downgrade(dice: random.Random, made: Evidence) -> None:
    """An event is given out as one of the older hash formula, which an erasure leaves without a hash."""
    place = dice.randrange(len(made.events) - 1)
    one = made.events[place]
    at = instant_text(one.at)
    digest = event_hash(
        one.prev, seq=one.seq, at=at, account=one.account, kind=one.kind, ticket=one.ticket, body=one.body
    )
    made.events[place] = replace(one, v=1, salt=None, commitment=None, hash=dice.choice([one.hash, digest]))


def cut_the_beginning(dice: random.Random, made: Evidence) -> None:
    """As if it had been pruned; no event says so."""
    del made.events[: dice.randrange(1, len(made.events) - 3)]


def cut_unsigned_end(_: random.Random, made: Evidence) -> None:
    """The events after the newest signature go."""
    del made.events[-2:]


def cut_the_end(dice: random.Random, made: Evidence) -> None:
    """The end goes, the signed event with it."""
    del made.events[dice.randrange(1, len(made.events) - 2) :]


def cut_the_end_and_the_signature(dice: random.Random, made: Evidence) -> None:
    """The end goes, and the signature too."""
    cut_the_end(dice, made)
    made.signature = None


def cut_and_set_back(dice: random.Random, made: Evidence) -> None:
    """The end goes, and the signature is moved to the new end."""
    cut_the_end(dice, made)
    last = made.events[-1]
    assert made.signature is not None
    made.signature = replace(made.signature, seq=last.seq, hash=last.hash)


def write_anew(dice: random.Random, made: Evidence) -> None:
    """One event changed and the whole chain hashed anew, in every place right in itself."""
    events = _unerased(made.events)
    place = dice.randrange(len(events) - 4)
    events[place] = _other(dice, events[place])
    made.events = _anew(events)


def write_anew_and_sign_with_another_key(dice: random.Random, made: Evidence) -> None:
    """Likewise, signed by someone who has not the key."""
    write_anew(dice, made)
    last = made.events[-1]
    made.signature = sign("ab" * 32, audit.Head(last.seq, last.hash), last.at, began=1)


def edit_the_signature(dice: random.Random, made: Evidence) -> None:
    """Another value of one of its fields."""
    assert made.signature is not None
    one = made.signature
    made.signature = dice.choice([
        replace(one, seq=one.seq - 1, hash=made.events[one.seq - 2].hash),
        replace(one, hash="f" * 64),
        replace(one, at=one.at + timedelta(days=1)),
        replace(one, began=one.began + 1),
        replace(one, key="0" * 16),
        replace(one, signature=f"{int(one.signature, 16) ^ (1 << dice.randrange(256)):064x}"),
    ])  # fmt: skip


def put_back_an_old_state(dice: random.Random, made: Evidence) -> None:
    """An old copy of the whole state, with the signature it had then: right in itself, but not the newest."""
    end = dice.randrange(8, len(made.events) - 3)
    made.events = made.events[:end]
    erased = [n for n, one in enumerate(made.events) if one.redacted is not None]
    for place in erased:  # the erasure came later: they were still whole
        one = made.events[place]
        body, salt = {"n": place}, "1" * 32
        made.events[place] = replace(one, redacted=None, body=body, salt=salt)
    made.events = _anew(made.events) if erased else made.events
    last = made.events[-1]
    made.signature = sign(KEY, audit.Head(last.seq, last.hash), last.at, began=1)


Tamper = Callable[[random.Random, Evidence], None]
#: Kind -> the weakest way that must find every trial of it.
KINDS: dict[Tamper, str] = {
    flip_a_byte: "chain",
    change_a_field: "chain",
    remove: "chain",
    reorder: "chain",
    duplicate: "chain",
    insert: "chain",
    swap_accounts: "chain",
    change_times: "chain",
    empty_an_event: "chain",
    fill_an_erased_event: "chain",
    downgrade: "chain",
    cut_the_beginning: "chain",
    cut_unsigned_end: "head",
    cut_the_end: "key",
    cut_the_end_and_the_signature: "key",
    cut_and_set_back: "key",
    write_anew: "key",
    write_anew_and_sign_with_another_key: "key",
    edit_the_signature: "key",
    put_back_an_old_state: "head",
}


@dataclass(slots=True)
class Tally:
    """The trials of one kind, by what found them; None: not found."""

    ways: Counter[str | None] = field(default_factory=Counter)

    @property
    def missed(self) -> int:
        """Trials that nothing found."""
        return self.ways[None]

    def within(self, weakest: str) -> bool:
        """Whether all were found, by this way or a stronger one."""
        allowed = WAYS[: WAYS.index(weakest) + 1]
        return all(way in allowed for way, count in self.ways.items() if count)


def trials(kind: Tamper, count: int, seed: int = 1) -> Tally:
    """So many random trials of one kind of tampering."""
    dice, tally = random.Random(f"{seed}:{kind.__name__}"), Tally()
    original = write(dice)
    for number in range(count):
        if number and number % 50 == 0:
            original = write(dice)
        last = original.events[-1]
        made = Evidence(list(original.events), original.signature)
        kind(dice, made)
        tally.ways[found_by(made, audit.Head(last.seq, last.hash))] += 1
    return tally


def main(count: int = 500) -> int:
    """Print the table; 1 if anything was missed, or needed more than its row allows."""
    started, bad = time.monotonic(), 0
    print(f"{'kind of tampering':40}{'trials':>8}{'chain':>8}{'key':>8}{'head':>8}{'missed':>8}")
    for kind, weakest in KINDS.items():
        tally = trials(kind, count)
        bad += not tally.within(weakest)
        ways = "".join(f"{tally.ways[way]:>8}" for way in WAYS)
        print(f"{kind.__name__.replace('_', ' '):40}{sum(tally.ways.values()):>8}{ways}{tally.missed:>8}")
    total = count * len(KINDS)
    print(f"{total} trials in {time.monotonic() - started:.1f} s: {'EVERY ONE FOUND' if not bad else 'NOT ALL FOUND'}")
    print("chain: found in the chain itself; key: by the signature; head: only against a head kept elsewhere")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:2])))
