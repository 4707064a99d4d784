"""The register's records of escalations in plain SQL: the part of the store's contract that `Escalation` is kept by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from connector.core.records import Escalation
from connector.store import sql
from connector.store.codec import dump_value, instant, instant_text, load_value
from connector.store.problems import DamagedRow
from connector.store.transactions import Row, Transactional

_PAGE = 500  # rows of one page of a streamed read
_BEFORE_ALL = ("", "")  # (opened_at, id) before every row


class EscalationRows(Transactional):
    """`put_escalation`, `escalation` and `escalations` of `Store`."""

    def put_escalation(self, account: str, escalation: Escalation) -> None:
        """See `Store.put_escalation`."""
        row = (
            account, escalation.id, escalation.ticket, escalation.tab, instant_text(escalation.opened_at),
            int(escalation.is_open), dump_value(escalation.body), dump_value(escalation.cause),
            dump_value(escalation.outcome), dump_value(escalation.satisfaction), dump_value(escalation.follow_ups),
            dump_value(escalation.comments),
        )  # fmt: skip
        self._write(sql.PUT_ESCALATION, row)

    def escalation(self, account: str, escalation_id: str) -> Escalation | None:
        """See `Store.escalation`."""
        # Read to be written back: two writers of one PostgreSQL must not undo each other's part of a record.
        rows = self._read(sql.ESCALATION + (self._LOCK if self._inside else ""), (account, escalation_id))
        return _escalation(account, rows[0]) if rows else None

    def escalations(
        self, account: str, *, since: datetime | None = None, until: datetime | None = None,
        ticket: str | None = None, open_only: bool = False,
    ) -> Iterator[Escalation]:  # fmt: skip
        """See `Store.escalations`; read page by page, so what is written meanwhile may show further on."""
        statement = sql.ESCALATIONS
        filters: list[str] = []
        for clause, value in (
            ("opened_at >= ?", None if since is None else instant_text(since)),
            ("opened_at < ?", None if until is None else instant_text(until)),
            ("ticket = ?", ticket),
        ):
            if value is not None:
                statement, filters = f"{statement} AND {clause}", [*filters, value]
        statement += f"{' AND is_open = 1' if open_only else ''} ORDER BY opened_at, id LIMIT ?"
        last = _BEFORE_ALL
        while rows := self._read(statement, (account, *last, *filters, _PAGE)):
            for row in rows:
                yield _escalation(account, row)
            if len(rows) < _PAGE:
                return
            last = (rows[-1][3], rows[-1][0])


def _escalation(account: str, row: Row) -> Escalation:
    id_, ticket, tab, opened, body, cause, outcome, satisfaction, follow_ups, comments = row
    what = f"escalation {id_} of {account}"
    try:
        opened_at = instant(opened)
    except ValueError as error:
        msg = f"{what}: {opened!r} is not an instant: the row was changed by something else"
        raise DamagedRow(msg) from error
    return Escalation(
        id=id_, ticket=ticket, tab=tab, opened_at=opened_at, body=load_value(body, what), cause=load_value(cause, what),
        outcome=load_value(outcome, what), satisfaction=load_value(satisfaction, what),
        follow_ups=tuple(load_value(follow_ups, what)), comments=load_value(comments, what),
    )  # fmt: skip
