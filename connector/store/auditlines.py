"""The statements of the audit, once for both databases (`?` marks a value; `{lock}` a row lock where there is one)."""

from __future__ import annotations

HEAD = "SELECT seq, hash FROM audit_head WHERE one = 1"
HEAD_LOCKED = HEAD + "{lock}"
SET_HEAD = "UPDATE audit_head SET seq = ?, hash = ? WHERE one = 1"
APPEND = (
    "INSERT INTO audit (seq, at, account, kind, ticket, body, prev, hash, v, salt, commitment)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
EVENTS = (
    "SELECT seq, at, account, kind, ticket, body, prev, hash, v, salt, commitment, redacted FROM audit WHERE seq > ?"
)
# `+ 0` keeps the planner from walking the whole chain by seq until an instant fits.
FIRST_SINCE = "SELECT min(seq + 0) FROM audit WHERE at >= ?"
HASH_AT = "SELECT hash FROM audit WHERE seq = ?"

SIGNATURE = "SELECT seq, hash, at, began, key_id, signature FROM audit_signature WHERE one = 1"
SET_SIGNATURE = (
    "INSERT INTO audit_signature (one, seq, hash, at, began, key_id, signature) VALUES (1, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, at = excluded.at,"
    " began = excluded.began, key_id = excluded.key_id, signature = excluded.signature"
    # Of two machines the one that saw more of the chain wins.
    " WHERE excluded.seq >= audit_signature.seq"
)

SHELL = "SELECT at, account, kind, hash, v FROM audit WHERE seq = ? AND redacted IS NULL"
REDACT = "UPDATE audit SET body = '', salt = NULL, ticket = NULL, redacted = ? WHERE seq = ? AND redacted IS NULL"
ANCHOR = "SELECT seq, hash FROM audit_anchor WHERE one = 1"
SET_ANCHOR = "UPDATE audit_anchor SET seq = ?, hash = ? WHERE one = 1"
PRUNE = "DELETE FROM audit WHERE seq <= ?"
