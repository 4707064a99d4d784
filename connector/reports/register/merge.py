"""Takes what supervisors wrote in a register over into the comments: three-way, row by row, and nothing is lost.

An unedited cell changes nothing. An edited one replaces the text it was written from; where the comment changed
meanwhile, both stay, one under the other, each with its file. What belongs to no known case is kept as unmatched.
Pure: where comments are read from and kept is a `Desk`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.records import Escalation
from connector.reports.register.build import Unmatched, local, tab_titles
from connector.reports.register.edited import EditedBook, EditedRow
from connector.reports.register.texts import digest, folded, holds, same, sheet_name, tidy


@dataclass(frozen=True, slots=True)
class Change:
    """One comment, or one unmatched text, that was taken over; `text` is what it is now.

    `how`: `edited`, `added` (an annotation, a column of their own), `conflict` (both texts kept), `cleared`, `kept`
    (an unmatched text, new). `edit` tells this very edit from any other, so that the same file is never taken twice.
    """

    record: str
    ticket: str
    how: str
    before: str
    text: str
    file: str
    place: str
    edit: str
    unmatched: bool = False


@dataclass(slots=True)
class Desk:
    """The comments as they are kept, and what happens to them.

    `find`: a record by id. `of_ticket`: the records of a ticket. `history`: bodies of the audit events of earlier
    merges of a record, oldest first (`file`, `by`, `when`, `edit`). `unmatched`: by id; `dismissed`: ids of those that
    somebody cleared. `trusts_base` is False where no state is kept between registers: the workbooks are all there is.
    """

    find: Callable[[str], Escalation | None]
    of_ticket: Callable[[str], Iterable[Escalation]]
    history: Callable[[Escalation], Sequence[Mapping[str, Any]]]
    zone: ZoneInfo
    unmatched: dict[str, Unmatched] = field(default_factory=dict)
    dismissed: set[str] = field(default_factory=set)
    trusts_base: bool = True
    comments: dict[str, str] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    records: dict[str, Escalation] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    _histories: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def comment(self, record: Escalation) -> str:
        """The comment as it is now."""
        return self.comments.get(record.id, record.comments)

    def knows(self, record: Escalation, edit: str) -> bool:
        """Whether this very edit of this very workbook was taken over before, however the comment went on since."""
        return bool(edit) and (
            any(one.get("edit") == edit for one in self._history(record))
            or any(one.edit == edit and one.record == record.id for one in self.changes)
        )

    def marked(self, record: Escalation) -> str | None:
        """The mark of the file the present comment came from, where that is known."""
        found = self.marks.get(record.id)
        if found is None and (history := self._history(record)):
            last = history[-1]
            found = _mark(str(last.get("file", "")), str(last.get("by", "")), str(last.get("when", "")))
        return found

    def _history(self, record: Escalation) -> Sequence[Mapping[str, Any]]:
        if record.id not in self._histories:
            self._histories[record.id] = list(self.history(record))
        return self._histories[record.id]


def merged(current: str, base: str | None, edited: str, mark: str, whose: str | None = None) -> tuple[str, str]:
    """(the comment from now on, how): `base` is what the workbook was written with, None where that is not known.

    `mark` names the file of the edit, `whose` that of the current text, where known. `how` as in `Change`, or empty.
    """
    if edited == current or same(base, edited):
        return current, ""
    if not edited:
        return ("", "cleared") if same(base, current) else (current, "")
    if not current or same(base, current):
        return edited, "edited"
    if holds(current, edited):
        return current, ""
    if holds(edited, current):
        return edited, "edited"
    part = edited
    if base and edited.startswith(f"{base}\n") and holds(current, base):
        part = edited[len(base) :].strip("\n")
        if holds(current, part):
            return current, ""
    first = f"{whose}\n{current}" if whose and not current.startswith("[") else current
    return f"{first}\n{mark}\n{part}", "conflict"


def merge_book(book: EditedBook, desk: Desk, *, by: str, when: str) -> list[str]:
    """Take one workbook over into the desk. Returns the places of what belongs to no known case, for people.

    `by`: who hands it in; `when`: the instant as text, for the marks.
    """
    mark = _mark(book.file, by, when)
    lost: list[str] = []
    pending: dict[str, list[tuple[Escalation, EditedRow]]] = {}
    for row in book.rows:
        if row.id in desk.unmatched or row.id in desk.dismissed:
            _again(row, desk, book.file, mark)
            continue
        record = _record(row, desk)
        if record is None:
            if _keep(row, desk, book.file):
                lost.append(f"{book.file}: tab '{row.tab}', cell {row.cell}")
        else:
            desk.records[record.id] = record
            pending.setdefault(record.id, []).append((record, row))
    for those in pending.values():
        # A copy of a row that somebody emptied deletes nothing while another row of the case still says something.
        speaks = any(row.comment for _, row in those)
        for record, row in those:
            _take(record, row, desk, book.file, mark, may_clear=not speaks)
    return lost


# --- one row -----------------------------------------------------------------------------------------------------
def _take(record: Escalation, row: EditedRow, desk: Desk, file: str, mark: str, *, may_clear: bool) -> None:
    base = row.base if desk.trusts_base and row.id == record.id else None
    if row.comment is not None and (row.comment or may_clear) and not same(base, row.comment):
        current, edit = desk.comment(record), _edit_id(row.stamp, record.id, base, row.comment)
        after, how = merged(current, base, row.comment, mark, desk.marked(record))
        if how and not desk.knows(record, edit):
            _put(record, row, desk, Change(record.id, record.ticket, how, current, after, file, "", edit), mark)
    for text in row.added:
        current, edit = desk.comment(record), _edit_id(row.stamp, record.id, None, text)
        if not holds(current, text) and not desk.knows(record, edit):
            after = f"{current}\n{text}" if current else text
            _put(record, row, desk, Change(record.id, record.ticket, "added", current, after, file, "", edit), mark)


def _put(record: Escalation, row: EditedRow, desk: Desk, change: Change, mark: str) -> None:
    desk.comments[record.id] = change.text
    desk.marks[record.id] = mark
    desk.changes.append(replace(change, place=f"{row.tab}!{row.cell}"))


def _record(row: EditedRow, desk: Desk) -> Escalation | None:
    """The case of a row: by its id, else by ticket with tab and date, with the date, with the tab, or alone."""
    if row.id:
        found = desk.records.get(row.id) or desk.find(row.id)
        if found is not None and (not row.ticket or found.ticket == row.ticket):
            return found
    ticket = row.ticket.strip().lstrip("#").strip()
    those = list(desk.of_ticket(ticket)) if ticket else []
    dated = [one for one in those if local(one.opened_at, desk.zone) == row.at]
    here = [one for one in those if _stands_in(one, row.tab)]
    both = [one for one in dated if one in here]
    return next((some[0] for some in (both, dated, here, those) if len(some) == 1), None)


def _stands_in(record: Escalation, tab: str) -> bool:
    return folded(tab) in {folded(sheet_name(title, set())) for title in tab_titles(record)}


def _mark(file: str, by: str, when: str) -> str:
    return "[" + " · ".join(tidy(one).replace("\n", " ")[:80] for one in (file, by, when) if one) + "]"


def _edit_id(stamp: str, record: str, base: str | None, text: str) -> str:
    """Empty where the workbook's stamp is lost: then only the texts themselves tell whether they are there already."""
    if not stamp:
        return ""
    return hashlib.sha256("\0".join((stamp, record, base or "", text)).encode("utf-8", "replace")).hexdigest()[:16]


# --- what belongs to no case -------------------------------------------------------------------------------------
def _keep(row: EditedRow, desk: Desk, file: str) -> bool:
    """Keep a row's words as unmatched; False where there are none, or they are kept already."""
    text = tidy("\n".join(part for part in (*row.others, *row.added, row.comment or "") if part))
    text = text or (row.ticket if row.comment is not None and not row.base else "")
    if not text:
        return False
    own = digest(f"unmatched\0{row.ticket}\0{text}")[:24]
    if own in desk.unmatched or own in desk.dismissed:
        return False
    desk.unmatched[own] = Unmatched(own, file, row.tab, row.cell, row.ticket, text)
    desk.changes.append(Change(own, row.ticket, "kept", "", text, file, f"{row.tab}!{row.cell}", "", unmatched=True))
    return True


def _again(row: EditedRow, desk: Desk, file: str, mark: str) -> None:
    """A row of the tab of unmatched texts: edited there, or cleared because somebody has dealt with it."""
    known = desk.unmatched.get(row.id or "")
    current = known.text if known is not None else ""
    text, how = current, ""
    if row.comment is not None:
        text, how = merged(current, row.base, row.comment, mark)
    for one in row.added:
        if not holds(text, one):
            text, how = (f"{text}\n{one}" if text else one), how or "added"
    if not how or row.id is None:
        return
    if text:
        place = known or Unmatched(row.id, file, row.tab, row.cell, row.ticket, text)
        desk.unmatched[row.id] = Unmatched(row.id, place.file, place.tab, place.cell, place.ticket, text)
        desk.dismissed.discard(row.id)
    else:
        desk.unmatched.pop(row.id, None)
        desk.dismissed.add(row.id)
    place_text = f"{row.tab}!{row.cell}"
    desk.changes.append(Change(row.id, row.ticket, how, current, text, file, place_text, "", unmatched=True))
