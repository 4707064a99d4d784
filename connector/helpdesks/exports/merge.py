"""Rows of one ticket made into one ticket, and the compact index that finds repeated tickets in flat memory."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import blake2b

from connector.core.model import Rejected, Ticket
from connector.helpdesks.exports.rows import Draft, RowReader, as_instant
from connector.helpdesks.exports.spool import RowFile
from connector.helpdesks.exports.tables import Line

#: Fields in which two rows of one ticket must not contradict each other: the ticket's field becomes unknown.
_MUST_AGREE = ("status", "priority", "escalation_type", "escalated_at", "status_since")
_BUCKETS = 1024
_NO_STAMP = -(2**62)


def merge(ticket: str, drafts: Sequence[Draft], rows: RowReader, where: str) -> Iterator[Ticket | Rejected]:
    """One ticket from its rows, after the problems found in them.

    Of rows with different `updated_at` only the newest count (rows without one always do); then the first value that
    is not empty wins, field by field. A contradiction in status, priority or an escalation field makes it unknown.
    """
    for draft in drafts:
        for column, text in draft.problems:
            yield Rejected(f"{where}:{draft.line}{':' + column if column else ''}", ticket, text)
    kept = _newest(drafts)
    first = kept[0]
    values, raw, custom, unknown = first.values, first.raw, first.custom, first.unknown
    if len(kept) > 1:
        contradicted: set[str] = set()
        for name in _MUST_AGREE:
            said = {draft.values.get(name) or draft.raw.get(name): draft.line for draft in reversed(kept)}
            said.pop(None, None)
            if len(said) > 1:
                lines = " and ".join(str(line) for line in sorted(said.values())[:2])
                yield Rejected(
                    f"{where}:{first.line}", ticket, f"rows {lines} contradict each other in {name}; it is unknown"
                )
                contradicted.add(name)
        unknown |= contradicted
        for draft in kept[1:]:
            for name, value in draft.values.items():
                if values.get(name) is None and name not in draft.unknown:
                    values[name] = value
            for name, text in draft.raw.items():
                raw.setdefault(name, text)
            for name, value in draft.custom.items():
                if custom.get(name) is None:
                    custom[name] = value
            unknown |= {name for name in draft.unknown if values.get(name) is None}
        unknown -= {name for name in unknown if values.get(name) is not None and name not in contradicted}
        for name in unknown:
            values.pop(name, None)
    rows.derive(first)
    yield Ticket(
        id=ticket, custom=custom, raw=raw, unknown=rows.missing | unknown if unknown else rows.missing,
        place=f"{where}:{first.line}", **values,
    )  # fmt: skip


def _newest(drafts: Sequence[Draft]) -> Sequence[Draft]:
    if len(drafts) == 1:
        return drafts
    stamps = [as_instant(draft.values.get("updated_at")) for draft in drafts]
    known = [stamp for stamp in stamps if stamp is not None]
    if not known:
        return drafts
    newest = max(known)
    return [draft for draft, stamp in zip(drafts, stamps, strict=True) if stamp is None or stamp == newest]


def _hash(ticket: str) -> int:
    return int.from_bytes(blake2b(ticket.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class IdIndex:
    """How often each ticket stands in each source, and which source tells it newest, in 8 to 16 bytes a row.

    Ids are kept as 64-bit hashes: among ten million tickets two share one with a chance of three in a million, and the
    rows are still told apart by their ids wherever they are merged. Only the choice between sources rests on the hash.
    """

    def __init__(self, sources: int) -> None:
        self._hashes = [[array("Q") for _ in range(_BUCKETS)] for _ in range(sources)]
        self._stamps = [[array("q") for _ in range(_BUCKETS)] for _ in range(sources)] if sources > 1 else []
        self._repeats: list[list[tuple[array[int], array[int]]]] = []
        self._older: list[list[array[int]]] = []
        self.repeated = [0] * sources

    def add(self, source: int, ticket: str, stamp: datetime | None = None) -> None:
        """One run of adjacent rows about a ticket."""
        code = _hash(ticket)
        bucket = code % _BUCKETS
        self._hashes[source][bucket].append(code)
        if self._stamps:
            self._stamps[source][bucket].append(int(stamp.timestamp() * 1000) if stamp else _NO_STAMP)

    def close(self) -> None:
        """Work out repeats and winners, and let go of the rest."""
        for source, buckets in enumerate(self._hashes):
            found = []
            for bucket in buckets:
                counts: dict[int, int] = {}
                for code in bucket:
                    counts[code] = counts.get(code, 0) + 1
                many = sorted(code for code, times in counts.items() if times > 1)
                found.append((array("Q", many), array("L", [counts[code] for code in many])))
                self.repeated[source] += len(many)
            self._repeats.append(found)
        if self._stamps:
            self._older = [[array("Q") for _ in range(_BUCKETS)] for _ in self._hashes]
            for place in range(_BUCKETS):
                self._settle(place)
        self._hashes, self._stamps = [], []

    def _settle(self, bucket: int) -> None:
        """Note for each source the ids that another one tells newer: a later stamp, else a later source."""
        winners: dict[int, tuple[int, int]] = {}
        lost: list[list[int]] = [[] for _ in self._hashes]
        for source in range(len(self._hashes)):
            best: dict[int, int] = {}
            for code, stamp in zip(self._hashes[source][bucket], self._stamps[source][bucket], strict=True):
                best[code] = max(stamp, best.get(code, _NO_STAMP))
            for code, stamp in best.items():
                before = winners.get(code)
                if before is not None and _NO_STAMP < stamp < before[1]:
                    lost[source].append(code)
                    continue
                if before is not None:
                    lost[before[0]].append(code)
                winners[code] = source, stamp
        for source, codes in enumerate(lost):
            self._older[source][bucket] = array("Q", sorted(codes))

    def runs(self, source: int, ticket: str) -> int:
        """In how many separate places of the source the ticket stands."""
        if not self.repeated[source]:
            return 1
        code = _hash(ticket)
        codes, counts = self._repeats[source][code % _BUCKETS]
        place = bisect_left(codes, code)
        return counts[place] if place < len(codes) and codes[place] == code else 1

    def is_older(self, source: int, ticket: str) -> bool:
        """Whether another source tells this ticket newer."""
        if not self._older:
            return False
        code = _hash(ticket)
        codes = self._older[source][code % _BUCKETS]
        place = bisect_left(codes, code)
        return place < len(codes) and codes[place] == code


class Scattered:
    """Rows of tickets whose rows are not adjacent, until the last has come; past a bound they wait in a file."""

    def __init__(self, in_memory: int) -> None:
        self._bound = in_memory
        self._held = 0
        self._file: RowFile | None = None
        self._rows: dict[str, list[Line | int]] = {}
        self._left: dict[str, int] = {}

    def add(self, ticket: str, runs: int, rows: Sequence[Line]) -> list[Line] | None:
        """Keep these rows; all rows of the ticket once the last of its `runs` is there."""
        kept = self._rows.setdefault(ticket, [])
        left = self._left.get(ticket, runs) - 1
        if left <= 0:
            self._left.pop(ticket, None)
            return [*self._load(self._rows.pop(ticket)), *rows]
        self._left[ticket] = left
        for row in rows:
            if self._held < self._bound:
                kept.append(row)
                self._held += 1
            else:
                if self._file is None:
                    self._file = RowFile()
                kept.append(self._file.add(row))
        return None

    def rest(self) -> Iterator[tuple[str, list[Line]]]:
        """Tickets still waiting when the source ended."""
        while self._rows:
            ticket = next(iter(self._rows))
            yield ticket, list(self._load(self._rows.pop(ticket)))

    def close(self) -> None:
        """Drop everything."""
        self._rows.clear()
        if self._file is not None:
            self._file.close()

    def _load(self, rows: Sequence[Line | int]) -> Iterator[Line]:
        for row in rows:
            if not isinstance(row, int):
                self._held -= 1
                yield row
            elif self._file is not None:
                yield self._file.at(row)
