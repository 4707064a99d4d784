"""Exported files in, tickets out: the survey of all files together, and the choice of the map that fits them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connector.core.fieldmap import FieldMap
from connector.core.model import Rejected, Ticket
from connector.errors import ConfigurationError, IncompleteError
from connector.helpdesks.exports.headings import Aliases
from connector.helpdesks.exports.merge import IdIndex
from connector.helpdesks.exports.source import Source, sample, sources_of
from connector.helpdesks.exports.tables import Book, Cell, Limits, Line, Sheet, open_book
from connector.helpdesks.exports.values import text_of

_DEFAULT = Limits()


@dataclass(slots=True)
class Export:
    """Exported files, surveyed and ready to stream.

    `complete` is False where a file ends before its end. `field_map` is the map of the pack that fits the files.
    `digest` is the sha256 of the file's bytes, or of the files' digests in order. `rows` counts the ticket rows.
    """

    books: tuple[Book, ...]
    sources: tuple[Source, ...]
    field_map: FieldMap
    digest: str
    _index: IdIndex = field(repr=False)

    @property
    def complete(self) -> bool:
        """Whether every file was read to its end."""
        return all(source.reading.complete for source in self.sources)

    @property
    def rows(self) -> int:
        """Rows that are about a ticket; repeated tickets count each time."""
        return sum(source.rows for source in self.sources)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should know; grows while tickets are read and is whole after the last one."""
        own = [warning for book in self.books for warning in book.warnings]
        return (*own, *(warning for source in self.sources for warning in source.warnings))

    def tickets(self) -> Iterator[Ticket | Rejected]:
        """Every ticket once, with what could not be read beside it; may be called again.

        Raises IncompleteError where a file changed on disk since it was surveyed.
        """
        for number, source in enumerate(self.sources):
            _check(source.book)
            yield from source.tickets(self._index, number)
            _check(source.book)


def _check(book: Book) -> None:
    if not book.unmoved():
        msg = f"{book.path.name}: changed while it was being read; run again once the export is finished"
        raise IncompleteError(msg)


def read_exports(
    paths: Sequence[Path], maps: Mapping[str, FieldMap] | FieldMap, *, limits: Limits = _DEFAULT
) -> Export:
    """Open exports and survey them; tickets are then streamed by `Export.tickets`.

    `maps` are the helpdesk maps of the pack by name, or the one to use. A ticket that stands in several files is taken
    from the one with the newest `updated_at`, else from the later file. Memory: 8 bytes a row of one file, 16 bytes of
    several, and the rows of tickets whose rows are not adjacent (past `limits.rows_in_memory` in a temporary file).

    Raises ConfigurationError for no file, no map, a file that is no table, is unsafe, or fits no map; IncompleteError
    for a file that is missing, empty or damaged.
    """
    candidates = [maps] if isinstance(maps, FieldMap) else list(maps.values())
    if not paths:
        msg = "no export named; give the path of a CSV or XLSX file"
        raise ConfigurationError(msg)
    if not candidates:
        msg = "the pack holds no helpdesk map; add a file with `helpdesk:` and `headings:`"
        raise ConfigurationError(msg)
    aliases = [Aliases(field_map) for field_map in candidates]

    def hint(row: Sequence[Cell]) -> int:
        return max(one.hits(row) for one in aliases)

    books = tuple(open_book(Path(path), limits, hint) for path in paths)
    samples = [[(sheet, sample(sheet, limits)) for sheet in book.sheets] for book in books]
    chosen = _choose(books, samples, aliases, limits)
    index = IdIndex(len(chosen))
    several = len(chosen) > 1
    for number, source in enumerate(chosen):
        source.survey(None if several else index, number)
    if several:
        for number, source in enumerate(chosen):
            source.index(index, number)
    index.close()
    digests = [book.digest for book in books]
    digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode("ascii")).hexdigest()
    return Export(books, tuple(chosen), chosen[0].field_map, digest, index)


def _choose(
    books: Sequence[Book], samples: Sequence[list[tuple[Sheet, list[Line]]]], aliases: Sequence[Aliases], limits: Limits
) -> list[Source]:
    """The sources under the map that fits all files best. Raises ConfigurationError where none does."""
    best: list[Source] = []
    best_score = 0.0
    unfit: Book | None = None
    for one in aliases:
        found: list[Source] = []
        score = 0.0
        for book, sheets in zip(books, samples, strict=True):
            sources = sources_of(book, sheets, one, limits)
            if not sources:
                unfit = book
                break
            found.extend(sources)
            score += max(source.columns.score for source in sources)
        else:
            if not best or score > best_score:
                best, best_score = found, score
    if best:
        return best
    assert unfit is not None
    raise ConfigurationError(_misfit(unfit, samples[list(books).index(unfit)], aliases))


def _misfit(book: Book, samples: list[tuple[Sheet, list[Line]]], aliases: Sequence[Aliases]) -> str:
    rows = [row for _, lines in samples for _, row in lines[:60]]
    if not rows:
        return f"{book.path.name}: holds no rows; export it again"
    widest = max(rows, key=lambda row: (max(one.hits(row) for one in aliases), sum(1 for cell in row if cell != "")))
    texts = [" ".join(text_of(cell).split()) for cell in widest if isinstance(cell, str)]  # in one line
    headings = [text[:60] for text in texts if text][:40]
    near = {guess for one in aliases for guess in one.nearest(headings)}
    guesses = "; ".join(f"{heading!r} may be {field} ({alias!r})" for heading, alias, field in sorted(near)[:5])
    names = ", ".join(one.field_map.file or one.field_map.helpdesk for one in aliases)
    return (
        f"{book.path.name}: no heading row with a ticket id fits {names}; "
        f"headings found: {', '.join(headings) or 'none'}"
        + (f"; did you mean: {guesses}" if guesses else "")
        + "; add the heading of the ticket id under `headings:` / `id:` of that map, and the others likewise"
    )
