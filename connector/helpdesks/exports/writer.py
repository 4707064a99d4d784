"""What an export can't write becomes files: change files to import with C4C's Data Workbench, and a work list.

Every change file has the same columns filled in every row, since an empty cell of an import could clear a field. A
toggle is two files, imported in order. Files are UTF-8, readable by their owner only, and written whole or not at all.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from connector.core.fieldmap import FieldMap
from connector.core.model import EMPTY, Action, Ticket
from connector.errors import ConfigurationError, Refused
from connector.helpdesks.exports.worklist import WorkList, safe

#: Properties of C4C's ServiceRequest by field; a pack's `fields:` goes first.
_C4C = {
    "status": "ServiceRequestUserLifeCycleStatusCode",
    "priority": "ServicePriorityCode",
    "agent": "ProcessorPartyID",
    "group": "ServiceSupportTeamPartyID",
    "subject": "Name",
}
_OTHER = {"status": "Status", "priority": "Priority", "agent": "Agent", "group": "Group", "subject": "Subject"}
#: Columns under which exports may carry C4C's internal key, folded.
_OBJECT_ID = ("objectid", "object id")


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of one step: `columns` are pairs of heading and value; `what` names the file it goes to."""

    step: int
    what: str
    ticket: str
    columns: tuple[tuple[str, str], ...]


def write_changes(
    actions: Iterable[Action],
    tickets: Mapping[str, Ticket],
    out_dir: Path,
    now: datetime,
    *,
    field_map: FieldMap,
    language: str = "en",
    party_ids: Mapping[str, str] = EMPTY,
) -> list[Path]:
    """Write a plan's actions as change files and a work list; returns the files in the order to use them.

    `tickets`: id -> ticket, for the internal key and the subject. `party_ids`: agent or group as rules name it -> the
    id the helpdesk wants; without one such a change stands in the work list only. File names follow from the actions
    alone: the same plan written twice gives the same files.

    Raises ConfigurationError where the folder can't be written.
    """
    planned = sorted(actions, key=lambda action: (action.ticket, action.id))
    if not planned:
        return []
    digest = hashlib.sha256("\n".join(action.id for action in planned).encode()).hexdigest()[:12]
    speak = _Columns(field_map, party_ids)
    rows: list[_Row] = []
    by_hand: dict[str, tuple[str, ...]] = {}
    for action in planned:
        done, left = _rows(action, tickets.get(action.ticket), speak)
        rows.extend(done)
        by_hand[action.id] = left
    written = _write_steps(rows, out_dir, digest)
    work = WorkList(planned, tickets, by_hand, field_map.timezone, language, now)
    for ending, content in ((".csv", work.as_csv()), (".xlsx", work.as_xlsx())):
        written.append(_write(out_dir / f"{digest}-work-list{ending}", content))
    return written


def _rows(action: Action, ticket: Ticket | None, speak: _Columns) -> tuple[list[_Row], tuple[str, ...]]:
    """The import rows of one action, and the fields that only a person can change."""
    key = speak.key(action.ticket, ticket)
    if action.kind == "toggle":
        steps = [str(action.details.get("through", "completed")), str(action.details.get("back", "in_process"))]
        codes = [speak.column("status", word) for word in steps]
        if None in codes:
            return [], ("status",)
        return [
            _Row(step, word, action.ticket, (*key, code))
            for step, (word, code) in enumerate(zip(steps, codes, strict=True), 1)
            if code is not None
        ], ()
    cells: list[tuple[str, str]] = []
    left: list[str] = []
    for name, (_, new) in sorted(action.changes.items()):
        cell = speak.column(name, new)
        if cell is None:
            left.append(name)
        else:
            cells.append(cell)
    if not cells:
        return [], tuple(left)
    what = "-".join(name.removeprefix("custom.") for name in sorted(action.changes) if name not in left)
    return [_Row(3, what, action.ticket, (*key, *cells))], tuple(left)


class _Columns:
    """How this helpdesk's import calls a field and its values."""

    def __init__(self, field_map: FieldMap, party_ids: Mapping[str, str]) -> None:
        self._map = field_map
        self._parties = party_ids
        self._is_c4c = not field_map.helpdesk.startswith("freshdesk")

    def key(self, ticket_id: str, ticket: Ticket | None) -> tuple[tuple[str, str], ...]:
        """The columns that name the ticket: C4C's internal key where the export carries it, and the id."""
        if not self._is_c4c:
            return (("Ticket ID", ticket_id),)
        found = "".join(
            str(value)
            for name, value in (ticket.custom if ticket else {}).items()
            if name.casefold() in _OBJECT_ID and value
        )
        return (("ObjectID", found), ("ID", ticket_id)) if found else (("ID", ticket_id),)

    def column(self, name: str, value: Any) -> tuple[str, str] | None:
        """Heading and written value of a change; None where no import column or code is known for it."""
        heading = self._map.fields.get(name) or (_C4C if self._is_c4c else _OTHER).get(name)
        if heading is None or value is None:
            return None
        spoken = {"status": self._map.statuses, "priority": self._map.priorities, "channel": self._map.channels}
        if name in spoken:
            labels = spoken[name].get(str(value))
            return (heading, str(labels[0])) if labels else None
        if name in {"agent", "group"}:
            party = self._parties.get(str(value)) if self._is_c4c else str(value)
            return (heading, party) if party else None
        if isinstance(value, (list, tuple)):
            return heading, ",".join(str(one) for one in value)
        return heading, str(value)


def _write_steps(rows: Sequence[_Row], out_dir: Path, digest: str) -> list[Path]:
    """One file per step, purpose and set of columns; the two steps of a toggle come first, next to each other."""
    groups: dict[tuple[str, ...], list[_Row]] = {}
    for row in rows:
        groups.setdefault((f"{row.step:02}", row.what, *(heading for heading, _ in row.columns)), []).append(row)
    # Steps of one toggle keep one number each, however many sets of columns there are.
    written: list[Path] = []
    number = 0
    for step in sorted({key[0] for key in groups}):
        for (_, what, *headings), members in sorted(item for item in groups.items() if item[0][0] == step):
            number = int(step) if int(step) < 3 else max(number + 1, 3)
            stem = (
                f"{number:02}-{digest}-{''.join(sign if sign.isalnum() or sign in '_-' else '_' for sign in what)[:60]}"
            )
            path = out_dir / f"{stem}.csv"
            twin = 2
            while path in written:
                path = out_dir / f"{stem}-{twin}.csv"
                twin += 1
            written.append(_write(path, _csv(headings, [[value for _, value in row.columns] for row in members])))
    return written


def _csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([safe(value.replace("\x00", "")) for value in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def _write(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all, readable by its owner only."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)  # made with mode 0600
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as exc:
        msg = f"{path}: can't be written ({exc.strerror or type(exc).__name__}); name a folder that can"
        raise ConfigurationError(msg) from exc
    return path


class ExportWriter:
    """The Writer of an account that has no API: each update becomes a row of a change file, at once.

    `batch` (a plan's digest, say) is part of the file names. The n-th status a ticket gets within one batch goes to the
    n-th step, so a toggle sent as two updates is two files. Notes and replies can't be imported: they are refused.
    """

    def __init__(
        self, out_dir: Path, field_map: FieldMap, *, batch: str = "changes", party_ids: Mapping[str, str] = EMPTY,
        ticket: Callable[[str], Ticket | None] | None = None,
    ) -> None:  # fmt: skip
        self._out = out_dir
        self._batch = batch
        self._speak = _Columns(field_map, party_ids)
        self._ticket = ticket
        self._rows: list[_Row] = []
        self._steps: dict[str, int] = {}
        self.files: list[Path] = []

    def update(self, ticket_id: str, changes: Mapping[str, Any]) -> None:
        """Add a row to a change file. Raises Refused for what no import column is known for."""
        why = self.refuses(ticket_id, changes)
        if why is not None:
            raise Refused(why)
        key = self._speak.key(ticket_id, self._ticket(ticket_id) if self._ticket else None)
        cells = [cell for name, value in sorted(changes.items()) if (cell := self._speak.column(name, value))]
        step, what = 3, "-".join(name.removeprefix("custom.") for name in sorted(changes))
        if "status" in changes:
            step = self._steps.get(ticket_id, 0) + 1
            if step > 2:
                msg = f"ticket {ticket_id}: a third status in one batch of change files; import these first"
                raise Refused(msg)
            what = str(changes["status"])
        rows = [*self._rows, _Row(step, what, ticket_id, (*key, *cells))]
        self.files = _write_steps(rows, self._out, self._batch)
        self._rows = rows
        if "status" in changes:
            self._steps[ticket_id] = step

    def add_note(self, ticket_id: str, text: str, *, notify: Sequence[str] = ()) -> None:  # noqa: ARG002
        """Always raises Refused: notes can't be imported; they stand in the work list."""
        msg = f"ticket {ticket_id}: an export can't take a note; it stands in the work list"
        raise Refused(msg)

    def reply(self, ticket_id: str, text: str) -> None:  # noqa: ARG002
        """Always raises Refused: replies can't be imported; they stand in the work list."""
        msg = f"ticket {ticket_id}: an export can't send a reply; it stands in the work list"
        raise Refused(msg)

    def create(self, fields: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Always raises Refused: the id of a ticket made by import is not known."""
        msg = "an export can't create a ticket; it stands in the work list"
        raise Refused(msg)

    def refuses(self, ticket_id: str, changes: Mapping[str, Any]) -> str | None:
        """Why this update can't stand in a change file, or None."""
        for name, value in changes.items():
            if self._speak.column(name, value) is None:
                return (
                    f"ticket {ticket_id}: no import column or code is known for {name}; see `fields:` of the pack's map"
                )
        return None
