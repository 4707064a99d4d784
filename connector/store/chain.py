"""The hash chain of the audit: what is hashed, and how.

Version 2 (all events written since state version 3): the hash covers `prev` and the canonical JSON of `account`, `at`,
`commitment`, `kind`, `seq` and `v`; the commitment is the SHA-256 of a random salt and the canonical JSON of `body` and
`ticket`. Body, ticket and salt can be erased, and the chain still holds; without the salt nobody can find out by
guessing what was erased. Version 1 hashed body and ticket themselves; such events keep verifying under it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from connector.store.codec import canonical_json

#: `prev` of the first event.
GENESIS = "0" * 64
#: The version of the hash formula of newly written events.
VERSION = 2
#: Kinds of events that the chain itself rests on: what was erased, and what was pruned from its beginning.
ERASURE = "erasure"
PRUNED = "audit_pruned"


def event_hash(
    prev: str, *, seq: int, at: str, account: str, kind: str, ticket: str | None, body: Mapping[str, Any]
) -> str:
    """Version 1: SHA-256 (hex) of `prev`, a newline and the canonical JSON of the rest; `at` is the stored text."""
    rest = {"account": account, "at": at, "body": body, "kind": kind, "seq": seq, "ticket": ticket}
    return hashlib.sha256(f"{prev}\n{canonical_json(rest)}".encode()).hexdigest()


def commitment(salt: str, *, ticket: str | None, body: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the salt (hexadecimal text) and the canonical JSON of body and ticket."""
    return hashlib.sha256(f"{salt}{canonical_json({'body': body, 'ticket': ticket})}".encode()).hexdigest()


def sealed_hash(prev: str, *, seq: int, at: str, account: str, kind: str, sealed: str) -> str:
    """Version 2: SHA-256 (hex) of `prev`, a newline and the canonical JSON of the rest; `sealed`: its commitment."""
    rest = {"account": account, "at": at, "commitment": sealed, "kind": kind, "seq": seq, "v": VERSION}
    return hashlib.sha256(f"{prev}\n{canonical_json(rest)}".encode()).hexdigest()


def shell(*, seq: int, version: int, at: str, account: str, kind: str, digest: str) -> str:
    """What an erasure keeps of each erased event: 32 hexadecimal digits over all that stays in its row.

    An erased event of version 1 can't be hashed any more; by this its instant, account and kind still can't be changed.
    """
    return hashlib.sha256(canonical_json([seq, version, at, account, kind, digest]).encode()).hexdigest()[:32]
