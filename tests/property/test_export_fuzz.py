"""No bytes whatever make the export connector raise anything but its own errors; what it reads it reads faithfully."""

from __future__ import annotations

import csv
import io
import string
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.model import Rejected, Ticket
from connector.errors import ConfigurationError, IncompleteError
from connector.helpdesks.c4c_export import Limits, read_exports
from connector.helpdesks.exports.values import Clock, Unreadable
from tests.unit.helpdesks.export_samples import C4C, FRESHDESK, HEAD, csv_text, row, spreadsheetml, xlsx

_LIMITS = Limits(xml_depth=32, rows=2_000, line_chars=20_000)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A place for one file at a time."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(scope="module")
def seeds(folder: Path) -> dict[str, bytes]:
    """Sound files of every format, to be damaged."""
    rows = [HEAD, *(row(number, subject=f"Asunto {number}, «ñ»") for number in range(20))]
    text = csv_text(rows)
    return {
        "csv": text.encode(),
        "utf-16": text.encode("utf-16"),
        "xls": spreadsheetml(rows).encode(),
        "xlsx": xlsx(folder / "seed.xlsx", rows).read_bytes(),
    }


def _try(path: Path, content: bytes) -> list[Ticket | Rejected]:
    """Read the bytes under two maps; only the connector's own errors may come."""
    path.write_bytes(content)
    try:
        export = read_exports([path], {"c4c": C4C, "freshdesk": FRESHDESK}, limits=_LIMITS)
        found = list(export.tickets())
    except (ConfigurationError, IncompleteError) as exc:
        if "\n" in str(exc):
            raise AssertionError("an error of more than one line") from exc
        return []
    ids = [one.id for one in found if isinstance(one, Ticket)]
    assert len(set(ids)) == len(ids)
    return found


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=600))
def test_any_bytes(folder: Path, content: bytes) -> None:
    """Garbage is an error or a table, never a traceback."""
    _try(folder / "fuzz", content)


@settings(max_examples=100, deadline=None)
@given(
    lines=st.lists(st.text(alphabet=string.printable + "ñé\u00a0\x00\u2028\ufeff#;|,\"'", max_size=60), max_size=12),
    delimiter=st.sampled_from(",;\t|"),
)
def test_any_text_under_sound_headings(folder: Path, lines: list[str], delimiter: str) -> None:
    """Rows of any text are tickets, rejected or skipped."""
    _try(folder / "fuzz", (delimiter.join(HEAD) + "\n" + "\n".join(lines)).encode())


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(["csv", "utf-16", "xls", "xlsx"]),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12)), max_size=4),
    end=st.floats(0, 1),
)
def test_damaged_files_of_every_format(
    folder: Path, seeds: dict[str, bytes], kind: str, cuts: list[tuple[float, bytes]], end: float
) -> None:
    """Bytes overwritten, files cut: an error, an incomplete export or whole tickets, never a traceback."""
    content = bytearray(seeds[kind])
    for place, patch in cuts:
        at = int(place * len(content))
        content[at : at + len(patch)] = patch
    _try(folder / "fuzz", bytes(content[: int(end * len(content)) + 1]))


_CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cf", "Zs", "Zl", "Zp"]), min_size=1, max_size=20
)


@settings(max_examples=100, deadline=None)
@given(
    subjects=st.lists(
        st.one_of(_CELL, st.text(alphabet="ab ,;|\t\"'\n=é", min_size=1, max_size=30)).map(lambda text: f"x{text}x"),
        min_size=1, max_size=15,
    ),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    preamble=st.lists(st.sampled_from(["", "Report", "Created by: L", "Status: all"]), max_size=6),
)  # fmt: skip
def test_texts_survive_any_dialect(
    folder: Path, subjects: list[str], delimiter: str, encoding: str, preamble: list[str]
) -> None:
    """What was written is read, whatever delimiter, encoding and preamble the export has."""
    text = "".join(line + "\r\n" for line in preamble)
    text += csv_text([HEAD, *(row(number, subject=subject) for number, subject in enumerate(subjects))], delimiter)
    path = folder / "dialect.csv"
    path.write_bytes(text.encode(encoding))
    export = read_exports([path], C4C)
    found = list(export.tickets())
    assert subjects == [one.subject for one in found if isinstance(one, Ticket)]
    assert export.complete


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(1, 400))
def test_a_cut_csv_never_invents_a_ticket(folder: Path, cut: int) -> None:
    """Whatever is left of a cut file holds only rows of the whole one, or says that it is not complete."""
    text = csv_text([HEAD, *(row(number, subject=f'"{number}", cortado') for number in range(100, 105))])
    path = folder / "cut.csv"
    path.write_text(text[: max(len(text) - cut, 1)], newline="")
    try:
        export = read_exports([path], C4C)
    except (ConfigurationError, IncompleteError):
        return
    tickets = [one for one in export.tickets() if isinstance(one, Ticket)]
    assert [str(number) for number in range(100, 100 + len(tickets))] == [ticket.id for ticket in tickets]
    whole = next(csv.reader(io.StringIO(text.splitlines()[1])))
    for ticket in tickets[:-1]:
        assert whole[2] == ticket.raw["status"]


_ZONE = ZoneInfo("America/Santiago")
_FORMS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%d-%m-%Y %I:%M:%S %p",
    "%Y%m%d%H%M%S",
)


@settings(max_examples=100, deadline=None)
@given(
    at=st.datetimes(datetime(2001, 1, 1), datetime(2037, 1, 1)).map(lambda at: at.replace(microsecond=0)),
    form=st.sampled_from(_FORMS),
)
def test_every_form_of_a_date_reads_back(at: datetime, form: str) -> None:
    """A local time written in any supported form is the same instant."""
    expected = at.replace(tzinfo=_ZONE).astimezone(UTC)
    assert expected == Clock(_ZONE).instant(at.strftime(form), "dmy")
    assert expected == Clock(_ZONE).instant((at - datetime(1899, 12, 30)) / timedelta(days=1), "dmy")


@settings(max_examples=100, deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=40), st.from_regex(r"\A\d{1,4}[./-]\d{1,2}[./-]\d{1,4}( \d{1,2}:\d\d)?( [A-Z+0-9]{1,6})?\Z")
    )
)
def test_any_text_as_a_date(text: str) -> None:
    """An instant in UTC, nothing, or Unreadable."""
    try:
        at = Clock(_ZONE).instant(text, "dmy")
    except Unreadable:
        return
    assert at is None or at.utcoffset() == timedelta(0)
