"""The register and the state: comments taken over in one transaction with their evidence, or left for the daemon.

The audit keeps who, which file, which case and the SHA-256 of the text, never the text itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.records import Escalation
from connector.errors import ConfigurationError
from connector.reports.register.build import Unmatched, local
from connector.reports.register.edited import EditedBook, EditedRow
from connector.reports.register.merge import Change, Desk, merge_book
from connector.reports.register.texts import digest
from connector.store.base import Store

#: What the inbox beside a state knows such a file by.
KIND = "register"
FACT = "register_unmatched"
_COMMENT = "register_comment"
_UNMATCHED = "register_unmatched"


@dataclass(frozen=True, slots=True)
class Handed:
    """Workbooks handed in for an account: by whom, when, and in which time zone their dates are."""

    account: str
    by: str
    at: datetime
    zone: str
    books: tuple[EditedBook, ...]

    @property
    def when(self) -> str:
        """The instant as marks in comments show it."""
        return local(self.at, ZoneInfo(self.zone))

    def checked(self) -> Handed:
        """Itself. Raises ConfigurationError where a workbook says it is of another account."""
        for book in self.books:
            if book.account not in (None, self.account):
                msg = (
                    f"{book.file}: is the register of account '{book.account}', not of '{self.account}'; nothing was "
                    "taken over (name the account with --account)"
                )
                raise ConfigurationError(msg)
        return self


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of workbooks handed in: every change, and where text stood that belongs to no known case."""

    changes: tuple[Change, ...]
    lost: tuple[str, ...]

    def told(self) -> str:
        """One line for people."""
        count = sum(not one.unmatched for one in self.changes)
        conflicts = sum(one.how == "conflict" for one in self.changes)
        cleared = sum(one.how == "cleared" for one in self.changes)
        more = [f"{conflicts} with both texts kept"] if conflicts else []
        more += [f"{cleared} cleared"] if cleared else []
        more += [f"{len(self.lost)} unmatched"] if self.lost else []
        return f"{count} {'comment' if count == 1 else 'comments'} taken over" + (
            f" ({', '.join(more)})" if more else ""
        )


def take_over(store: Store, handed: Handed) -> Taken:
    """Take workbooks over into the state: all of them, or after an error nothing."""
    handed.checked()
    with store.transaction():
        desk = desk_of(store, handed.account, handed.zone)
        taken = merge_all(desk, handed)
        changed = dict.fromkeys(one.record for one in taken.changes if not one.unmatched)
        for record_id in changed:
            record = store.escalation(handed.account, record_id)
            if record is not None:
                store.put_escalation(handed.account, replace(record, comments=desk.comments[record_id]))
        for change in taken.changes:
            kind = _UNMATCHED if change.unmatched else _COMMENT
            store.append_audit(handed.account, handed.at, kind, _body(change, handed), ticket=change.ticket or None)
        if any(one.unmatched for one in taken.changes):
            kept = {"kept": [asdict(one) for one in desk.unmatched.values()], "dismissed": sorted(desk.dismissed)}
            store.set_fact(handed.account, FACT, kept, handed.at)
    return taken


def merge_all(desk: Desk, handed: Handed) -> Taken:
    """Merge every workbook into the desk, in the order given."""
    lost = [one for book in handed.books for one in merge_book(book, desk, by=handed.by, when=handed.when)]
    return Taken(tuple(desk.changes), tuple(lost))


def desk_of(store: Store, account: str, zone: str) -> Desk:
    """The comments of an account as its state keeps them."""

    def history(record: Escalation) -> Sequence[Mapping[str, Any]]:
        events = store.audit(account, ticket=record.ticket)
        return [one.body for one in events if one.kind == _COMMENT and one.body.get("record") == record.id]

    unmatched, dismissed = unmatched_of(store, account)
    return Desk(
        find=lambda record: store.escalation(account, record),
        of_ticket=lambda ticket: store.escalations(account, ticket=ticket),
        history=history, zone=ZoneInfo(zone), unmatched=unmatched, dismissed=dismissed,
    )  # fmt: skip


def desk_of_records(records: Iterable[Escalation], zone: str) -> Desk:
    """Records of a plan over exported files: no state remembers their comments, so the workbooks are all there is."""
    by_id = {one.id: one for one in records}
    by_ticket: dict[str, list[Escalation]] = {}
    for one in by_id.values():
        by_ticket.setdefault(one.ticket, []).append(one)
    return Desk(
        find=by_id.get, of_ticket=lambda ticket: by_ticket.get(ticket, ()), history=lambda _record: (),
        zone=ZoneInfo(zone), trusts_base=False,
    )  # fmt: skip


def unmatched_of(store: Store, account: str) -> tuple[dict[str, Unmatched], set[str]]:
    """(the kept texts that belong to no known case, ids of those somebody cleared)."""
    fact = store.fact(account, FACT) or {}
    kept = [Unmatched(**one) for one in fact.get("kept", ())]
    return {one.id: one for one in kept}, set(fact.get("dismissed", ()))


def commented(records: Iterable[Escalation], desk: Desk) -> Iterator[Escalation]:
    """The records with their comments as the desk has them."""
    for record in records:
        yield replace(record, comments=desk.comment(record))


def _body(change: Change, handed: Handed) -> dict[str, Any]:
    return {
        "entry" if change.unmatched else "record": change.record, "by": handed.by, "file": change.file,
        "place": change.place, "how": change.how, "sha256": digest(change.text), "was": digest(change.before),
        "edit": change.edit, "when": handed.when,
    }  # fmt: skip


# --- left for the process that holds the state ----------------------------------------------------------------------
def to_json(handed: Handed) -> dict[str, Any]:
    """Workbooks handed in, for the inbox beside a state that another process writes."""
    return {
        "kind": KIND, "account": handed.account, "by": handed.by, "at": handed.at.isoformat(), "zone": handed.zone,
        "books": [asdict(book) for book in handed.books],
    }  # fmt: skip


def from_json(content: Mapping[str, Any]) -> Handed:
    """The other way. Raises KeyError, TypeError, ValueError for what is none."""
    at = datetime.fromisoformat(content["at"])
    if content.get("kind") != KIND or at.tzinfo is None:
        msg = "is no register"
        raise ValueError(msg)
    books = tuple(
        EditedBook(one["file"], one["sha256"], one["account"], tuple(_row(row) for row in one["rows"]))
        for one in content["books"]
    )
    ZoneInfo(str(content["zone"]))
    return Handed(str(content["account"]), str(content["by"]), at, str(content["zone"]), books)


def _row(told: Mapping[str, Any]) -> EditedRow:
    lists = {name: tuple(str(one) for one in told[name]) for name in ("added", "others")}
    return EditedRow(**{**told, **lists})
