"""An account whose helpdesk is a file, several, or a watched folder of exports; each is read once, oldest first."""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from connector.core.fieldmap import FieldMap
from connector.core.model import Rejected, Ticket
from connector.errors import ConfigurationError, EscaleraError, IncompleteError, Unavailable
from connector.helpdesks.base import Batch, Connection, Directory, Note
from connector.helpdesks.exports.read import Export, read_exports
from connector.helpdesks.exports.tables import Limits

#: What `helpdesk =` of an account may say for this reader.
KINDS = ("c4c-export", "freshdesk-export")
_ENDINGS = frozenset([".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".xml"])
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".download", ".filepart", ".opdownload", "~")
_BATCH = 1_000

#: (size in bytes, modification time in ns) of a file.
_Stamp = tuple[int, int]


class ExportReader:
    """Reads exports as an account. Never writes.

    `path`: a file, a folder or a pattern such as `exports/*.csv`. `clock` tells the present (aware); a file counts as
    finished once its size and modification time have stood still for `settle` seconds. The cursor holds the digests of
    the files already read, with size and time, so that an idle cycle opens no file.
    """

    def __init__(
        self,
        name: str,
        path: str | Path,
        maps: Mapping[str, FieldMap] | FieldMap,
        *,
        clock: Callable[[], datetime],
        settle: float = 5.0,
        limits: Limits | None = None,
    ) -> None:
        self.name = name
        self._path = str(path)
        self._maps = maps
        self._clock = clock
        self._settle = settle
        self._limits = limits or Limits()
        self._watched: dict[Path, tuple[_Stamp, datetime]] = {}
        self.warnings: tuple[str, ...] = ()

    def connect(self) -> Connection:
        """Check that the path is there. Raises Unavailable where it is not."""
        found = self._files()
        warnings = () if found else (f"{self._path}: no export there yet",)
        return Connection("", "exported files", "global", warnings)

    def directory(self) -> Directory:
        """An export names no agents or groups beyond its rows: nothing."""
        return Directory()

    def server_time(self) -> datetime | None:
        """An export has no clock: None."""
        return None

    def changed(self, cursor: str | None) -> Iterator[Batch]:
        """Tickets of every finished file not read yet, oldest file first; the cursor moves with a file's last batch.

        A file that can't be read becomes one Rejected, an incomplete batch, and is tried again next time; its
        neighbours are read. Raises Unavailable where the path is gone.
        """
        seen = _seen(cursor)
        present = self._files()
        before = dict(seen)
        # A file that left the folder is forgotten: the cursor grows with the folder, not with the years.
        names = {path.name for path in present}
        seen = {digest: entry for digest, entry in seen.items() if entry[0] in names}
        position = cursor if seen == before and cursor is not None else _cursor(seen)
        told = False
        for path in present:
            stamp = _stamp(path)
            if stamp is None or not self._settled(path, stamp) or [path.name, *stamp] in seen.values():
                continue
            told = True
            try:
                export = read_exports([path], self._maps, limits=self._limits)
                if export.digest in seen:
                    seen[export.digest] = [path.name, *stamp]
                    position = _cursor(seen)
                    yield Batch((), (), position, complete=export.complete)
                    continue
                for batch in self._batches(export, position):
                    if batch.cursor:
                        yield batch
                        continue
                    seen[export.digest] = [path.name, *stamp]
                    position = _cursor(seen)
                    yield Batch(batch.tickets, batch.rejected, position, complete=batch.complete)
            except (ConfigurationError, IncompleteError) as exc:
                yield Batch((), (Rejected(path.name, None, str(exc)),), position, complete=False)
        if not told:
            yield Batch((), (), position)

    def ticket(self, ticket_id: str) -> Ticket:
        """The ticket as the newest finished file that holds it tells it; one `missing` where none does.

        Reads files from the newest back until it is found, at the cost of a whole file each. Raises Unavailable.
        """
        for path in reversed(self._files()):
            stamp = _stamp(path)
            if stamp is None or not self._settled(path, stamp):
                continue
            try:
                export = read_exports([path], self._maps, limits=self._limits)
                for found in export.tickets():
                    if isinstance(found, Ticket) and found.id == ticket_id:
                        return found
            except (ConfigurationError, IncompleteError) as exc:
                msg = f"ticket {ticket_id}: {exc}"
                raise Unavailable(msg) from exc
        return Ticket(id=ticket_id, gone="missing")

    def notes(self, ticket_id: str) -> Sequence[Note]:  # noqa: ARG002 - the contract's own signature
        """Exports carry no notes: none."""
        return ()

    def _batches(self, export: Export, position: str) -> Iterator[Batch]:
        """Batches under the old cursor; the last has an empty one, for the caller to fill."""
        tickets: list[Ticket] = []
        rejected: list[Rejected] = []
        for found in export.tickets():
            if len(tickets) + len(rejected) >= _BATCH:
                yield Batch(tuple(tickets), tuple(rejected), position, complete=export.complete)
                tickets, rejected = [], []
            if isinstance(found, Ticket):
                tickets.append(found)
            else:
                rejected.append(found)
        self.warnings = export.warnings
        yield Batch(tuple(tickets), tuple(rejected), "", complete=export.complete)

    def _files(self) -> list[Path]:
        """The exports under the path, oldest first by modification time, then by name."""
        path = Path(self._path)
        if glob.has_magic(self._path) and not path.exists():
            found = [Path(name) for name in glob.glob(self._path, recursive=True)]  # noqa: PTH207 - an absolute pattern
            found = [one for one in found if _is_export(one)]
        elif path.is_dir():
            try:
                found = [one for one in path.iterdir() if one.suffix.lower() in _ENDINGS and _is_export(one)]
            except OSError as exc:
                msg = f"{self._path}: can't be listed ({exc.strerror}); check its permissions"
                raise Unavailable(msg) from exc
        elif path.exists():
            found = [path]
        else:
            msg = f"{self._path}: is not there; check `path` of account {self.name!r} and that its disk is mounted"
            raise Unavailable(msg)
        stamps = {one: stamp for one in found if (stamp := _stamp(one)) is not None}
        return sorted(stamps, key=lambda one: (stamps[one][1], one.name))

    def _settled(self, path: Path, stamp: _Stamp) -> bool:
        """Whether the file has stood still long enough, by its own time or by what was watched."""
        now = self._clock()
        before = self._watched.get(path)
        if before is None or before[0] != stamp:
            self._watched[path] = before = (stamp, now)
        if now.timestamp() - stamp[1] / 1e9 >= self._settle:
            return True
        return (now - before[1]).total_seconds() >= self._settle


def _is_export(path: Path) -> bool:
    name = path.name.lower()
    return path.is_file() and not name.startswith((".", "~$")) and not name.endswith(_UNFINISHED)


def _stamp(path: Path) -> _Stamp | None:
    try:
        seen = path.stat()
    except OSError:
        return None  # it left the folder meanwhile
    return seen.st_size, seen.st_mtime_ns


def _cursor(seen: Mapping[str, Sequence[object]]) -> str:
    return json.dumps({"read": dict(seen)}, sort_keys=True, separators=(",", ":"))


def _seen(cursor: str | None) -> dict[str, list[object]]:
    """Digest -> [name, size, time]. Raises EscaleraError for a cursor that this reader did not write."""
    if not cursor:
        return {}
    try:
        entries = json.loads(cursor)["read"]
        return {str(digest): [str(entry[0]), int(entry[1]), int(entry[2])] for digest, entry in entries.items()}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as exc:
        msg = "the stored cursor of this account is not one of exported files; was `helpdesk` of the account changed?"
        raise EscaleraError(msg) from exc
