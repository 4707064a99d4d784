"""The audit in plain SQL: append, read, sign, erase, prune. The chain's formula is in `chain.py`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from connector.errors import StoreError
from connector.store import auditlines as lines
from connector.store.base import AuditEvent, Signature
from connector.store.chain import ERASURE, PRUNED, VERSION, commitment, sealed_hash, shell
from connector.store.codec import canonical_json, instant, instant_text, jsonable, load_json, storable
from connector.store.problems import DamagedRow
from connector.store.transactions import Row, Transactional

_PAGE = 500  # rows of one page of a streamed read
_SALT_BYTES = 16


def _fresh_salt() -> str:
    return secrets.token_hex(_SALT_BYTES)


class AuditRows(Transactional):
    """What `Store` says of the audit."""

    #: Where the salt of each event comes from: hexadecimal text nobody can guess. Tests may put their own there.
    salt: Callable[[], str] = staticmethod(_fresh_salt)

    def append_audit(
        self, account: str, at: datetime, kind: str, body: Mapping[str, Any], *, ticket: str | None = None
    ) -> AuditEvent:
        """See `Store.append_audit`; the event returned holds the body as plain JSON values, as it is kept."""
        last, prev = self._write_returning(lines.HEAD_LOCKED.format(lock=self._LOCK), ())[0]
        seq, at_text, plain, salt = last + 1, instant_text(at), jsonable(body), self.salt()
        ticket = storable(ticket)
        sealed = commitment(salt, ticket=ticket, body=plain)
        digest = sealed_hash(prev, seq=seq, at=at_text, account=account, kind=kind, sealed=sealed)
        text = canonical_json(plain)
        self._write(lines.APPEND, (seq, at_text, account, kind, ticket, text, prev, digest, VERSION, salt, sealed))
        self._write(lines.SET_HEAD, (seq, digest))
        return AuditEvent(
            seq, instant(at_text), account, kind, ticket, plain, prev, digest, v=VERSION, salt=salt, commitment=sealed
        )

    def audit_head(self) -> tuple[int, str]:
        """See `Store.audit_head`."""
        rows = self._read(lines.HEAD)
        if not rows:
            msg = f"{self.where}: the head of the audit is missing: restore a backup"
            raise DamagedRow(msg)
        return rows[0][0], rows[0][1]

    def audit_anchor(self) -> tuple[int, str]:
        """See `Store.audit_anchor`."""
        rows = self._read(lines.ANCHOR)
        if not rows:
            msg = f"{self.where}: the anchor of the audit is missing: restore a backup"
            raise DamagedRow(msg)
        return rows[0][0], rows[0][1]

    def audit(
        self, account: str | None = None, *, since: datetime | None = None, ticket: str | None = None,
        after_seq: int = 0, limit: int | None = None,
    ) -> Iterator[AuditEvent]:  # fmt: skip
        """See `Store.audit`. Raises DamagedRow at an event that can't be read."""
        statement, filters = lines.EVENTS, []
        if since is not None:
            # `at` follows `seq` but for clocks that were set back: start at the first, and check each.
            first = self._read(lines.FIRST_SINCE, (instant_text(since),))[0][0]
            if first is None:
                return
            after_seq = max(after_seq, first - 1)
            statement, filters = statement + " AND at >= ?", [instant_text(since)]
        for column, wanted in (("account", account), ("ticket", ticket)):
            if wanted is not None:
                statement, filters = f"{statement} AND {column} = ?", [*filters, wanted]
        statement += " ORDER BY seq LIMIT ?"
        left = limit
        while left is None or left > 0:
            page = _PAGE if left is None else min(left, _PAGE)
            rows = self._read(statement, (after_seq, *filters, page))
            for row in rows:
                yield _event(row)
            if len(rows) < page:
                return
            after_seq, left = rows[-1][0], None if left is None else left - len(rows)

    # --- the signed head -----------------------------------------------------------------------------------------
    def audit_signature(self) -> Signature | None:
        """See `Store.audit_signature`. Raises DamagedRow."""
        rows = self._read(lines.SIGNATURE)
        if not rows:
            return None
        seq, digest, at, began, key, signed = rows[0]
        try:
            return Signature(seq, digest, instant(at), began, key, signed)
        except ValueError as error:
            msg = f"{self.where}: the audit's signature is not readable: it was changed by something else"
            raise DamagedRow(msg) from error

    def sign_audit(self, signature: Signature) -> None:
        """See `Store.sign_audit`."""
        one = signature
        self._write(lines.SET_SIGNATURE, (one.seq, one.hash, instant_text(one.at), one.began, one.key, one.signature))

    # --- erase and prune -----------------------------------------------------------------------------------------
    def redact_audit(
        self, account: str, at: datetime, seqs: Collection[int], body: Mapping[str, Any]
    ) -> tuple[AuditEvent, int]:
        """See `Store.redact_audit`."""
        shells: dict[str, str] = {}
        chosen = []
        for seq in sorted(seqs):
            rows = self._read(lines.SHELL, (seq,))
            if rows:
                moment, owner, kind, digest, version = rows[0]
                shells[str(seq)] = shell(
                    seq=seq, version=version, at=moment, account=owner, kind=kind, digest=digest
                )  # fmt: skip
                chosen.append(seq)
        event = self.append_audit(account, at, ERASURE, {**body, "events": shells})
        for seq in chosen:
            self._write(lines.REDACT, (event.seq, seq))
        return event, len(chosen)

    def prune_audit(self, account: str, at: datetime, before: datetime) -> int:
        """See `Store.prune_audit`."""
        anchor, _ = self.audit_anchor()
        first_kept = self._read(lines.FIRST_SINCE, (instant_text(before),))[0][0]
        head, _ = self.audit_head()
        through = head if first_kept is None else first_kept - 1
        signature = self.audit_signature()
        if signature is not None:
            through = min(through, signature.seq)
        if through <= anchor:
            return 0
        rows = self._read(lines.HASH_AT, (through,))
        if not rows:
            msg = f"{self.where}: audit event {through} is missing, so the chain can't be pruned up to it: verify it"
            raise StoreError(msg)
        digest = rows[0][0]
        gone = through - anchor
        self.append_audit(account, at, PRUNED, {"through": through, "hash": digest, "events": gone, "before": before})
        self._write(lines.SET_ANCHOR, (through, digest))
        self._write(lines.PRUNE, (through,))
        return gone


def _event(row: Row) -> AuditEvent:
    seq, at, account, kind, ticket, body, prev, digest, version, salt, sealed, redacted = row
    what = f"audit event {seq}"
    try:
        moment = instant(at)
    except ValueError as error:
        msg = f"{what}: {at!r} is not an instant: the row was changed by something else"
        raise DamagedRow(msg) from error
    held = {} if redacted is not None and body == "" else load_json(body, what)
    if type(held) is not dict:
        msg = f"{what}: its body is no object: the row was changed by something else"
        raise DamagedRow(msg)
    return AuditEvent(
        seq, moment, account, kind, ticket, held, prev, digest, v=version, salt=salt, commitment=sealed,
        redacted=redacted,
    )  # fmt: skip
