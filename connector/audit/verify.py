"""Whether a chain of audit events holds: nothing changed, removed, reordered, or written anew up to a known head."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from connector.audit.events import parsed
from connector.store.base import AuditEvent, Store
from connector.store.chain import ERASURE, GENESIS, PRUNED, VERSION, commitment, event_hash, sealed_hash, shell
from connector.store.codec import instant_text
from connector.store.problems import DamagedRow


@dataclass(frozen=True, slots=True)
class Head:
    """The newest event one knows of: its seq and hash; (0, 64 zeros) before the first."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


class Flaw(StrEnum):
    """What is wrong with a chain."""

    CHANGED = "changed"  # an event does not say any more what was hashed
    REMOVED = "removed"  # an event is missing, later ones are there
    REORDERED = "reordered"  # an event stands where it does not belong, or twice
    TRUNCATED = "truncated"  # the end is missing
    UNREADABLE = "unreadable"  # a line or row is no audit event at all


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of `verify`: `flaw` is None for a good chain; else `seq` is the first bad event, `text` a sentence.

    `checked` counts the good events before it; `head` is the last of them.
    """

    checked: int
    head: Head
    flaw: Flaw | None = None
    seq: int | None = None
    text: str = ""

    @property
    def ok(self) -> bool:
        """True where the whole chain holds."""
        return self.flaw is None


def parse_head(text: str) -> Head:
    """`SEQ:HASH` as `str(Head)` writes it. Raises ValueError for other text."""
    seq, mark, digest = text.strip().partition(":")
    digest = digest.lower()
    if not mark or not (seq.isascii() and seq.isdigit()) or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        msg = f"a head is a number, a colon and 64 hexadecimal digits, not {text.strip()[:80]!r}"
        raise ValueError(msg)
    return Head(int(seq), digest)


def verify(
    source: Store | Iterable[str | AuditEvent], *, head: Head | None = None, after: Head | None = None
) -> Verification:
    """Check the whole chain of a store, of exported JSONL lines, or of events; nothing is raised for a bad chain.

    `head`: a (seq, hash) kept elsewhere; without it the missing end of an export can't be noticed. A store is also
    held against the head it keeps beside the chain. `after`: check only what follows on an event already trusted.
    An export must be whole (or whole after `after`): a filtered one has gaps. A chain whose beginning was pruned is
    whole where an event of it says up to which one.
    """
    start = after or Head(0, GENESIS)
    heads = [one for one in (head, after) if one is not None]
    if isinstance(source, Iterable):
        watched = _Watched(parsed(source))
        begin = start if after is not None else watched.beginning()
    else:
        try:
            # Events appended after the head was read are checked as well, by their links alone.
            heads.insert(0, Head(*source.audit_head()))
            begin = start if after is not None else Head(*source.audit_anchor())
        except DamagedRow as error:
            return Verification(0, start, Flaw.UNREADABLE, None, str(error))
        watched = _Watched(source.audit(after_seq=begin.seq))
    if begin != start:
        heads.append(begin)
    found = _verify(watched, begin, [one for one in heads if one.seq >= begin.seq])
    if begin == start or watched.says_pruned(begin):
        return found
    if watched.lowest == 1:
        text = f"event {begin.seq + 1} stands where event 1 belongs, which comes later"
        return Verification(0, start, Flaw.REORDERED, 1, text)
    gap = "event 1 is" if begin.seq == 1 else f"events 1 to {begin.seq} are"
    text = f"{gap} missing before event {begin.seq + 1}, and no event says that the beginning was pruned"
    return Verification(0, start, Flaw.REMOVED, 1, text)


class _Watched(Iterator[AuditEvent]):
    """The events, and what was seen among them of a pruned beginning."""

    def __init__(self, events: Iterator[AuditEvent]) -> None:
        self._events = events
        self._first: list[AuditEvent | DamagedRow] = []
        self._pruned: set[Head] = set()
        self.lowest: int | None = None

    def __next__(self) -> AuditEvent:
        event = self._first.pop() if self._first else next(self._events)
        if isinstance(event, DamagedRow):
            raise event
        self.lowest = event.seq if self.lowest is None else min(self.lowest, event.seq)
        if event.kind == PRUNED:
            through, digest = event.body.get("through"), event.body.get("hash")
            if type(through) is int and type(digest) is str:
                self._pruned.add(Head(through, digest))
        return event

    def beginning(self) -> Head:
        """What the first event follows on: nothing, or one that was pruned."""
        try:
            event = next(self._events, None)
        except DamagedRow as error:
            self._first = [error]
            return Head(0, GENESIS)
        if event is None:
            return Head(0, GENESIS)
        self._first = [event]
        return Head(event.seq - 1, event.prev) if event.seq > 1 else Head(0, GENESIS)

    def says_pruned(self, begin: Head) -> bool:
        """Whether an event says that the chain begins after `begin`; reads on to the end."""
        while True:
            try:
                if next(self, None) is None:
                    return begin in self._pruned
            except DamagedRow:
                return begin in self._pruned


@dataclass(slots=True)
class _Erased:
    """Erased events met so far whose `erasure` event is still to come: its seq -> their seq -> (shell, head before)."""

    waiting: dict[int, dict[int, tuple[str, Head]]] = field(default_factory=dict)

    def meet(self, event: AuditEvent) -> tuple[int, Head] | None:
        """Take note of an event; the first erased one that the `erasure` event just met does not name, if any."""
        if event.redacted is not None:
            kept = shell(
                seq=event.seq, version=event.v, at=instant_text(event.at), account=event.account, kind=event.kind,
                digest=event.hash,
            )  # fmt: skip
            self.waiting.setdefault(event.redacted, {})[event.seq] = (kept, Head(event.seq - 1, event.prev))
        named = event.body.get("events") if event.kind == ERASURE else None
        for seq, (kept, before) in self.waiting.pop(event.seq, {}).items():
            if not isinstance(named, Mapping) or named.get(str(seq)) != kept:
                return seq, before
        return None

    def left(self) -> tuple[int, Head, int] | None:
        """The first erased event whose `erasure` event never came: its seq, the head before it, and that event."""
        found = [(seq, before, by) for by, them in self.waiting.items() for seq, (_, before) in them.items()]
        return min(found, default=None, key=lambda one: one[0])


def _verify(events: Iterator[AuditEvent], start: Head, heads: Sequence[Head]) -> Verification:
    good = last = start  # `good` is the one before `last`: only its successor proves that `last` was not hashed anew
    known = {one.seq: one.hash for one in heads}
    conflicting = next((one for one in heads if known[one.seq] != one.hash), None)
    if conflicting is not None:
        text = (
            f"event {conflicting.seq} is known by two different hashes: the chain was written anew, or a head is wrong"
        )
        return Verification(0, start, Flaw.CHANGED, conflicting.seq, text)
    erased = _Erased()
    while True:
        try:
            event = next(events, None)
        except DamagedRow as error:
            return Verification(last.seq - start.seq, last, Flaw.UNREADABLE, last.seq + 1, str(error))
        if event is None:
            break
        flaw = _judge(event, last, events, known)
        if flaw is not None:
            sound = last if flaw[1] > last.seq else good
            return Verification(sound.seq - start.seq, sound, *flaw)
        good, last = last, Head(event.seq, event.hash)
        unnamed = erased.meet(event)
        if unnamed is not None:
            return _unproven(start, unnamed[0], unnamed[1], event.seq)
    newest = max(heads, key=lambda one: one.seq, default=last)
    if newest.seq > last.seq:
        text = f"the chain ends at event {last.seq}, but event {newest.seq} was written: the end was cut off"
        return Verification(last.seq - start.seq, last, Flaw.TRUNCATED, last.seq + 1, text)
    left = erased.left()
    return Verification(last.seq - start.seq, last) if left is None else _unproven(start, *left)


def _unproven(start: Head, seq: int, before: Head, by: int) -> Verification:
    text = f"event {seq} was emptied, and event {by}, which is said to have erased it, does not say so"
    return Verification(seq - 1 - start.seq, before, Flaw.CHANGED, seq, text)


def _judge(
    event: AuditEvent, last: Head, rest: Iterator[AuditEvent], known: Mapping[int, str]
) -> tuple[Flaw, int, str] | None:
    """What is wrong with this event after `last`, if anything; may read on to tell one flaw from another."""
    expected = last.seq + 1
    if event.seq < expected:
        return Flaw.REORDERED, expected, f"event {event.seq} stands again, or late, where event {expected} belongs"
    if event.seq > expected:
        if _appears(expected, rest):
            return (
                Flaw.REORDERED,
                expected,
                f"event {event.seq} stands where event {expected} belongs, which comes later",
            )
        gap = f"event {expected} is" if event.seq == expected + 1 else f"events {expected} to {event.seq - 1} are"
        return Flaw.REMOVED, expected, f"{gap} missing before event {event.seq}"
    if not hash_fits(event):
        return (
            Flaw.CHANGED,
            event.seq,
            f"event {event.seq} does not match its hash: it was changed after it was written",
        )
    kept = known.get(event.seq)
    if event.prev == last.hash:
        if kept in (None, event.hash):
            return None
        text = f"event {event.seq} has another hash than the head that was kept: the chain was written anew"
        return Flaw.CHANGED, event.seq, text
    # Both events are right in themselves, so one of them was hashed anew; a kept head or the next event knows which.
    successor = _next_readable(rest)
    follows = successor is not None and successor.seq == event.seq + 1 and successor.prev == event.hash
    if (follows if kept is None else kept == event.hash) and last.seq > 0 and last.seq not in known:
        text = f"event {last.seq} was changed and hashed anew: event {event.seq} follows on another one"
        return Flaw.CHANGED, last.seq, text
    return (
        Flaw.CHANGED,
        event.seq,
        f"event {event.seq} does not follow on event {last.seq}: it was changed and hashed anew",
    )


def _appears(seq: int, events: Iterator[AuditEvent]) -> bool:
    try:
        return any(event.seq == seq for event in events)
    except DamagedRow:
        return False


def _next_readable(events: Iterator[AuditEvent]) -> AuditEvent | None:
    try:
        return next(events, None)
    except DamagedRow:
        return None


def hash_fits(event: AuditEvent) -> bool:
    """Whether an event says what was hashed: by the formula of its version, its commitment included.

    An erased event of version 1 has nothing left to be hashed: its links and its `erasure` event alone stand for it.
    """
    try:
        at = instant_text(event.at)
        if event.redacted is not None:
            empty = not event.body and event.ticket is None and event.salt is None and event.redacted > event.seq
            if not empty:
                return False
            if event.v == 1:
                return event.commitment is None
        if event.v == 1:
            plain = event.salt is None and event.commitment is None
            return plain and event.hash == event_hash(
                event.prev, seq=event.seq, at=at, account=event.account, kind=event.kind, ticket=event.ticket,
                body=event.body,
            )  # fmt: skip
        if event.v != VERSION or event.commitment is None:
            return False
        if event.redacted is None and (
            event.salt is None or event.commitment != commitment(event.salt, ticket=event.ticket, body=event.body)
        ):
            return False
        return event.hash == sealed_hash(
            event.prev, seq=event.seq, at=at, account=event.account, kind=event.kind, sealed=event.commitment
        )
    except (ValueError, TypeError):
        return False
