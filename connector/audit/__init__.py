"""The audit: append-only, hash-chained events. Read, filter, verify, sign, export.

`connector.store.chain` says what each event's hash covers. Whoever keeps one (seq, hash) pair outside the machine can
later prove that nothing before it was changed, removed or reordered, and that nothing after it is missing from the end;
the signed head (`connector.audit.sign`) proves the same to whoever holds the key.
"""

from __future__ import annotations

from connector.audit.events import (
    CSV_COLUMNS,
    Filter,
    event_json,
    export_csv,
    export_jsonl,
    jsonl_line,
    read,
)
from connector.audit.verify import Flaw, Head, Verification, parse_head, verify
from connector.store.chain import GENESIS
from connector.store.codec import canonical_json

__all__ = [
    "CSV_COLUMNS",
    "GENESIS",
    "Filter",
    "Flaw",
    "Head",
    "Verification",
    "canonical_json",
    "event_json",
    "export_csv",
    "export_jsonl",
    "jsonl_line",
    "parse_head",
    "read",
    "verify",
]
