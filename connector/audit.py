"""The audit: append-only, hash-chained events. Read, filter, verify, export.

Each event's `hash` is the SHA-256 of the `prev` before it, a newline, and the canonical JSON of the rest (`account`,
`at`, `body`, `kind`, `seq`, `ticket`: keys sorted, no spaces, UTF-8); the first `prev` is 64 zeros. So whoever keeps
one (seq, hash) pair outside the machine can later prove that nothing before it was changed, removed or reordered, and
that nothing after it is missing from the end.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from connector.store.base import AuditEvent, Store
from connector.store.chain import GENESIS, event_hash
from connector.store.codec import canonical_json, instant, instant_text
from connector.store.problems import DamagedRow

__all__ = [
    "CSV_COLUMNS",
    "GENESIS",
    "Filter",
    "Flaw",
    "Head",
    "Verification",
    "canonical_json",
    "export_csv",
    "export_jsonl",
    "jsonl_line",
    "parse_head",
    "read",
    "verify",
]

CSV_COLUMNS = ("seq", "at", "account", "kind", "ticket", "body", "prev", "hash")
# A spreadsheet takes a cell that begins so for a formula; the full-width forms too, in some locales.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


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


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events: of an account, a ticket, some kinds, `since` <= at < `until`, after a seq; at most `limit`."""

    account: str | None = None
    ticket: str | None = None
    kinds: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    after_seq: int = 0
    limit: int | None = None

    def takes(self, event: AuditEvent) -> bool:
        """Whether this event passes (`limit` apart)."""
        return (
            (self.account is None or event.account == self.account)
            and (self.ticket is None or event.ticket == self.ticket)
            and (not self.kinds or event.kind in self.kinds)
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
            and event.seq > self.after_seq
        )


def read(store: Store, wanted: Filter) -> Iterator[AuditEvent]:
    """The store's events that pass the filter, in order, streamed."""
    here = not wanted.kinds and wanted.until is None
    events = store.audit(
        wanted.account,
        since=wanted.since,
        ticket=wanted.ticket,
        after_seq=wanted.after_seq,
        limit=wanted.limit if here else None,
    )
    left = wanted.limit
    for event in events:
        if left is not None and left <= 0:
            return
        if wanted.takes(event):
            left = None if left is None else left - 1
            yield event


# --- export --------------------------------------------------------------------------------------------------------
def jsonl_line(event: AuditEvent) -> str:
    """One event as a line of JSON (canonical, so the line can be hashed and compared), without the line end."""
    return canonical_json(
        {
            "account": event.account,
            "at": instant_text(event.at),
            "body": event.body,
            "hash": event.hash,
            "kind": event.kind,
            "prev": event.prev,
            "seq": event.seq,
            "ticket": event.ticket,
        }
    )


def export_jsonl(events: Iterable[AuditEvent]) -> Iterator[str]:
    """Lines for a UTF-8 file, line ends included; `verify` reads them back."""
    return (jsonl_line(event) + "\n" for event in events)


def export_csv(events: Iterable[AuditEvent]) -> Iterator[str]:
    """Lines for a CSV file (UTF-8, header first, `body` as JSON): a cell a spreadsheet would compute gets a `'`."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")

    def line(cells: Sequence[object]) -> str:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(cells)
        return buffer.getvalue()

    yield line(CSV_COLUMNS)
    for event in events:
        body = canonical_json(event.body)
        ticket = event.ticket or ""
        texts = (event.account, event.kind, ticket, body, event.prev, event.hash)
        yield line([event.seq, instant_text(event.at), *(_inert(text) for text in texts)])


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell


# --- verify --------------------------------------------------------------------------------------------------------
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
    An export must be whole (or whole after `after`): a filtered one has gaps.
    """
    start = after or Head(0, GENESIS)
    heads = [one for one in (head, after) if one is not None]
    if isinstance(source, Iterable):
        return _verify(_events(source), start, heads)
    try:
        # Events appended after the head was read are checked as well, by their links alone.
        heads.insert(0, Head(*source.audit_head()))
    except DamagedRow as error:
        return Verification(0, start, Flaw.UNREADABLE, None, str(error))
    return _verify(source.audit(after_seq=start.seq), start, heads)


def _verify(events: Iterator[AuditEvent], start: Head, heads: Sequence[Head]) -> Verification:
    good = last = start  # `good` is the one before `last`: only its successor proves that `last` was not hashed anew
    known = {one.seq: one.hash for one in heads}
    conflicting = next((one for one in heads if known[one.seq] != one.hash), None)
    if conflicting is not None:
        text = (
            f"event {conflicting.seq} is known by two different hashes: the chain was written anew, or a head is wrong"
        )
        return Verification(0, start, Flaw.CHANGED, conflicting.seq, text)
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
    newest = max(heads, key=lambda one: one.seq, default=last)
    if newest.seq > last.seq:
        text = f"the chain ends at event {last.seq}, but event {newest.seq} was written: the end was cut off"
        return Verification(last.seq - start.seq, last, Flaw.TRUNCATED, last.seq + 1, text)
    return Verification(last.seq - start.seq, last)


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
    if _hash(event) != event.hash:
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


def _hash(event: AuditEvent) -> str | None:
    """The hash this event should have; None where its body can't even be hashed."""
    try:
        return event_hash(
            event.prev, seq=event.seq, at=instant_text(event.at), account=event.account, kind=event.kind,
            ticket=event.ticket, body=event.body,
        )  # fmt: skip
    except (ValueError, TypeError):
        return None


def _events(lines: Iterable[str | AuditEvent]) -> Iterator[AuditEvent]:
    for number, line in enumerate(lines, 1):
        if isinstance(line, AuditEvent):
            yield line
        elif line.strip():
            yield _parse(line, number)


def _parse(line: str, number: int) -> AuditEvent:
    """One exported line. Raises DamagedRow for anything that `jsonl_line` would not have written."""
    try:
        held = json.loads(line, object_pairs_hook=_no_duplicates)
        event = AuditEvent(**{**held, "at": instant(held["at"])})
        right = (
            type(event.seq) is int
            and all(type(text) is str for text in (event.account, event.kind, event.prev, event.hash))
            and (event.ticket is None or type(event.ticket) is str)
            and type(event.body) is dict
            and instant_text(event.at) == held["at"]
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        msg = f"line {number} is no audit event ({type(error).__name__})"
        raise DamagedRow(msg) from error
    if not right:
        msg = f"line {number} is no audit event: a field has another type than was written"
        raise DamagedRow(msg)
    return event


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a key stands twice"
        raise ValueError(msg)
    return found
