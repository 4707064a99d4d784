"""The hash chain of the audit: what is hashed, and how."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from connector.store.codec import canonical_json

#: `prev` of the first event.
GENESIS = "0" * 64


def event_hash(
    prev: str, *, seq: int, at: str, account: str, kind: str, ticket: str | None, body: Mapping[str, Any]
) -> str:
    """SHA-256 (hex) of `prev`, a newline and the canonical JSON of the rest; `at` is the stored text of the instant."""
    rest = {"account": account, "at": at, "body": body, "kind": kind, "seq": seq, "ticket": ticket}
    return hashlib.sha256(f"{prev}\n{canonical_json(rest)}".encode()).hexdigest()
