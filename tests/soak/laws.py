"""What must hold in every hour of a rehearsal, judged by the helpdesk's own truth: tickets, request log, outbox."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.soak.centre import CLOSED, COMPLETED, IN_PROCESS
from tests.soak.processes import ACCOUNT

CAP = 8
APART = timedelta(hours=24)
#: A day less than the 60 for which a ticket is kept alive: the field tells the day only, in the account's zone.
SURELY_KEPT = timedelta(days=59)
SURELY_GIVEN_UP = timedelta(days=61)
_UPDATE = re.compile(r"/api/v2/tickets/(\d+)$")
_NOTE = re.compile(r"/api/v2/tickets/(\d+)/notes$")
_HUMAN_FIELDS = ("priority", "responder_id", "group_id")
_REFERENCE = re.compile(r"esc-[0-9a-f]{8}")

Rows = Mapping[int, Mapping[str, Any]]


def instant(text: str) -> datetime:
    """An instant of the helpdesk."""
    return datetime.fromisoformat(text).astimezone(UTC)


def escalated(row: Mapping[str, Any]) -> bool:
    """Whether a ticket is under escalation: by its field or its tag, and neither spam nor deleted."""
    by_tag = any(str(tag).startswith("esc:") for tag in row["tags"])
    named = row["custom_fields"].get("cf_escalation_type") or by_tag
    return bool(named) and not row.get("spam") and not row.get("deleted")


def escalated_on(row: Mapping[str, Any]) -> datetime | None:
    """The day of the escalation as the helpdesk tells it, None where it does not."""
    day = row["custom_fields"].get("cf_escalated_on")
    return datetime.fromisoformat(f"{day}T06:00:00+00:00") if day else None


@dataclass(slots=True)
class Laws:
    """The running record of one rehearsal; `broken` says each breach in one line."""

    state: Path
    broken: list[str] = field(default_factory=list)
    toggles: dict[int, list[datetime]] = field(default_factory=dict)
    closings: list[int] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    rows: Rows = field(default_factory=dict)
    _humans: dict[tuple[int, str], tuple[Any, datetime]] = field(default_factory=dict)
    _kept: dict[int, datetime] = field(default_factory=dict)
    _touched: set[int] = field(default_factory=set)

    # --- between two cycles ------------------------------------------------------------------------------------------
    def hour(self, ran: Iterable[Mapping[str, Any]], rows: Rows, now: datetime) -> None:
        """What people and the helpdesk did since the last cycle."""
        for entry in ran:
            if entry["type"] == "autoclose":
                self._closed(int(entry["ticket"]), rows, instant(entry["at"]))
            elif entry["type"] == "event":
                self._touched.add(int(entry["ticket"]))
        for number, row in rows.items():
            known = self.rows.get(number)
            for name in (*_HUMAN_FIELDS, "status"):
                if known is not None and known[name] != row[name]:
                    self._humans[number, name] = (row[name], now)
        self.rows = rows

    def _closed(self, number: int, rows: Rows, at: datetime) -> None:
        row, since = rows[number], self._kept.get(number)
        self.closings.append(number)
        if since is None or not escalated(row):
            return
        start = escalated_on(row) or since
        if at - start < SURELY_KEPT and len(self.toggles.get(number, ())) < CAP:
            self.broken.append(f"{at:%m-%d %H:%M} ticket {number} was auto-closed under escalation since {start:%m-%d}")

    # --- a cycle -----------------------------------------------------------------------------------------------------
    def cycle(self, requests: Iterable[Mapping[str, Any]], mails: Iterable[Mapping[str, Any]], rows: Rows) -> None:
        """What one cycle did while time stood still: its requests, the mails they caused, the state it left."""
        before: dict[int, dict[str, Any]] = {number: dict(row) for number, row in self.rows.items()}
        for request in requests:
            self.request(request, before)
        for mail in mails:
            if mail["audience"] == "requester":
                self.broken.append(f"ticket {mail['ticket']}: the daemon caused a customer mail ({mail['cause']})")
        for number, row in rows.items():
            self.left(number, row)
        self.seen(rows)

    def left(self, number: int, row: Mapping[str, Any]) -> None:
        """A ticket as a cycle left it: in the toggle's status only where a person put it there."""
        if row["status"] == COMPLETED and self._humans.get((number, "status"), (None,))[0] != COMPLETED:
            known = self.rows.get(number)
            if known is None or known["status"] != COMPLETED or number in self.toggles:
                self.broken.append(f"ticket {number} was left in Completado")

    def seen(self, rows: Rows) -> None:
        """The daemon has seen these tickets."""
        self.rows = rows
        for number, row in rows.items():
            if row["status"] == IN_PROCESS and escalated(row):
                self._kept.setdefault(number, instant(row["updated_at"]))
            elif not escalated(row):
                self._kept.pop(number, None)

    def request(self, request: Mapping[str, Any], before: dict[int, dict[str, Any]] | None = None) -> None:
        """One request of the daemon. `before`: the tickets as they were, where nobody else acted meanwhile."""
        method, path, at = request["method"], request["path"].partition("?")[0], instant(request["instant"])
        self.counted[f"{method} {re.sub('[0-9]+', 'N', path.removeprefix('/api/v2'))} {request['status']}"] += 1
        if method == "GET":
            return
        found = _UPDATE.search(path)
        if method == "PUT" and found and request["status"] == 200:
            number, body = int(found[1]), _body(request["body"])
            if before is not None:
                self._only_changes(number, body, before[number])
                before[number].update(body)
            self._no_fight(number, body, at)
            if body.get("status") == COMPLETED:
                self._toggled(number, at)
        elif not (method == "POST" and _NOTE.search(path)) and not (method == "PUT" and found):
            self.broken.append(f"{at:%m-%d %H:%M} unforeseen request {method} {path}")

    def _only_changes(self, number: int, body: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        for name, value in body.items():
            if name != "custom_fields" and row.get(name) == value:
                self.broken.append(f"ticket {number}: {name} was sent although it was {value!r} already")

    def _no_fight(self, number: int, body: Mapping[str, Any], at: datetime) -> None:
        for name in _HUMAN_FIELDS:
            value, when = self._humans.get((number, name), (None, None))
            if name not in body or when is None or body[name] == value:
                continue
            if name != "priority" and self._later_level(number, when):
                continue
            self.broken.append(
                f"{at:%m-%d %H:%M} ticket {number}: a person's {name} {value!r} of {when:%m-%d %H:%M} "
                f"was overwritten with {body[name]!r}"
            )

    def _later_level(self, number: int, when: datetime) -> bool:
        """Whether the last assignment of the ticket was due only after the person's edit: a level of its own."""
        with sqlite3.connect(f"file:{self.state}?mode=ro", uri=True) as connection:
            row = connection.execute(
                "SELECT action FROM intents WHERE account = ? AND ticket = ? AND kind = 'assign' "
                "ORDER BY updated_at DESC",
                (ACCOUNT, str(number)),
            ).fetchone()
        connection.close()
        return row is not None and instant(json.loads(row[0])["due"]) > when - timedelta(hours=1)

    def _toggled(self, number: int, at: datetime) -> None:
        earlier = self.toggles.setdefault(number, [])
        if earlier and at - earlier[-1] < APART:
            self.broken.append(f"{at:%m-%d %H:%M} ticket {number}: toggled {at - earlier[-1]} after the last time")
        earlier.append(at)
        if len(earlier) > CAP:
            self.broken.append(f"{at:%m-%d %H:%M} ticket {number}: toggle number {len(earlier)}, cap {CAP}")
        row = self.rows[number]
        start = escalated_on(row)
        if not escalated(row):
            self.broken.append(f"{at:%m-%d %H:%M} ticket {number}: toggled without an escalation")
        if start is not None and at - start > SURELY_GIVEN_UP:
            self.broken.append(f"{at:%m-%d %H:%M} ticket {number}: kept alive {at - start} after its escalation")

    # --- the end -----------------------------------------------------------------------------------------------------
    def end(self, rows: Rows, seed: Mapping[str, Any], *, days: int) -> None:
        """At the end: no note twice, and what was escalated too long ago was let go."""
        for number, row in rows.items():
            references = Counter(
                reference
                for part in row.get("conversations", ())
                for reference in _REFERENCE.findall(str(part["body_text"]))
            )
            self.broken += [
                f"ticket {number}: note {reference} stands {count} times"
                for reference, count in references.items()
                if count > 1
            ]
        for one in seed["tickets"]:
            number, start = one["id"], escalated_on({"custom_fields": one.get("custom_fields") or {}})
            gone = start is not None and instant(seed["now"]) - start > SURELY_GIVEN_UP
            if gone and days > 15 and number not in self._touched and rows[number]["status"] != CLOSED:
                self.broken.append(f"ticket {number}, escalated {start:%Y-%m-%d}, was kept alive")


def _body(body: Any) -> Mapping[str, Any]:
    return body if isinstance(body, Mapping) else json.loads(body)
