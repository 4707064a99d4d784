"""The audit as values: which events, read as a stream, written as lines of JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.store.base import AuditEvent, Store
from connector.store.codec import canonical_json, instant, instant_text
from connector.store.problems import DamagedRow

CSV_COLUMNS = ("seq", "at", "account", "kind", "ticket", "body", "prev", "hash", "v", "salt", "commitment", "redacted")
# A spreadsheet takes a cell that begins so for a formula; the full-width forms too, in some locales.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


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

    @property
    def whole(self) -> bool:
        """True where nothing is left out."""
        return self == Filter()


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
    return canonical_json(event_json(event))


def event_json(event: AuditEvent) -> dict[str, Any]:
    """One event, JSON-ready. Version 2 adds `v`, `salt` and `commitment`; an erased event adds `redacted`."""
    held: dict[str, Any] = {
        "account": event.account,
        "at": instant_text(event.at),
        "body": event.body,
        "hash": event.hash,
        "kind": event.kind,
        "prev": event.prev,
        "seq": event.seq,
        "ticket": event.ticket,
    }
    if event.v != 1:
        held |= {"v": event.v, "salt": event.salt, "commitment": event.commitment}
    if event.redacted is not None:
        held["redacted"] = event.redacted
    return held


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
        more = (event.v, event.salt or "", event.commitment or "", event.redacted or "")
        yield line([event.seq, instant_text(event.at), *(_inert(text) for text in texts), *more])


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell


# --- reading back ----------------------------------------------------------------------------------------------------
def parsed(lines: Iterable[str | AuditEvent]) -> Iterator[AuditEvent]:
    """Exported lines (or events) as events. Raises DamagedRow for anything that `jsonl_line` would not have written."""
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
            and type(event.v) is int
            and (event.redacted is None or type(event.redacted) is int)
            and all(type(text) is str for text in (event.account, event.kind, event.prev, event.hash))
            and all(text is None or type(text) is str for text in (event.ticket, event.salt, event.commitment))
            and type(event.body) is dict
            and jsonl_line(event) == line.strip("\r\n")
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        msg = f"line {number} is no audit event ({type(error).__name__})"
        raise DamagedRow(msg) from error
    if not right:
        msg = f"line {number} is no audit event: it does not stand as it was written"
        raise DamagedRow(msg)
    return event


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a key stands twice"
        raise ValueError(msg)
    return found
