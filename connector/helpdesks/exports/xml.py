"""XML read safely and as a stream: no document type, no entities, bounded depth and bounded text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO
from xml.parsers import expat

_CHUNK = 1 << 16


class UnsafeXml(ValueError):  # noqa: N818 - what it is, not a fault of ours
    """The XML has a document type, nests too deeply or holds a text too long."""


class BrokenXml(ValueError):  # noqa: N818
    """The XML ends too early or is not well formed from here on."""


Attributes = dict[str, str]


def local(name: str) -> str:
    """An element's or attribute's name without its prefix."""
    return name.rpartition(":")[2] if ":" in name else name


class Scanner:
    """Feeds a byte stream to a parser; `start`, `end` and `text` are called with local names.

    Without a `depth` names come as written and their depth is the caller's to check: half the time on large sheets.
    Raises UnsafeXml as soon as something forbidden is met, BrokenXml at the first error.
    """

    def __init__(
        self,
        start: Callable[[str, Attributes], None],
        end: Callable[[str], None],
        text: Callable[[str], None],
        *,
        depth: int | None,
    ) -> None:
        self._start, self._end = start, end
        self._depth, self._deepest = 0, depth or 0
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._open if depth else start
        parser.EndElementHandler = self._close if depth else end
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self._parser = parser

    def _open(self, name: str, attributes: Attributes) -> None:
        self._depth += 1
        if self._depth > self._deepest:
            msg = f"elements nest deeper than {self._deepest}"
            raise UnsafeXml(msg)
        self._start(name.rpartition(":")[2] if ":" in name else name, attributes)

    def _close(self, name: str) -> None:
        self._depth -= 1
        self._end(name.rpartition(":")[2] if ":" in name else name)

    def _doctype(self, *_: object) -> None:
        msg = "a document type or entity is declared"
        raise UnsafeXml(msg)

    def feed(self, stream: IO[bytes]) -> Iterator[None]:
        """Parse chunk by chunk; yields after each, so that the caller hands on what was found."""
        try:
            while chunk := stream.read(_CHUNK):
                self._parser.Parse(chunk, False)
                yield
            self._parser.Parse(b"", True)
        except expat.ExpatError as exc:
            msg = f"not well formed at line {exc.lineno}"
            raise BrokenXml(msg) from exc
        except (LookupError, ValueError) as exc:
            if isinstance(exc, UnsafeXml):
                raise
            msg = f"can't be decoded ({exc})"
            raise BrokenXml(msg) from exc


def scan(path: Path, scanner: Scanner) -> Iterator[None]:
    """Feed a whole file."""
    with path.open("rb") as stream:
        yield from scanner.feed(stream)
