"""Documents that are small and cost much. `python -m tests.security.bombs`: each in turn, under a limit of memory.

Prints one line of JSON a document: its name, what came of it, its seconds of processor time. A document that is too
much ends in an error of the program's own; anything else is an `escaped` line, or the end of this process.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.plan_json import loads
from connector.core.policy import Person, Unfillable
from connector.errors import EscaleraError
from connector.helpdesks.c4c_export import read_exports
from connector.http.client import HttpClient, HttpOptions
from connector.inbox import take_up
from connector.mapping.load import load_texts
from connector.mapping.oncall import CalendarRota, OnCallError
from connector.reports.register.edited import read_book
from connector.settings import load_settings
from connector.store import open_store
from tests.unit.helpdesks.export_samples import C4C, FRESHDESK, HEAD, csv_text, row, spreadsheetml, xlsx
from tests.unit.raw_server import RawServer, answer
from tests.unit.reports.register_desk import record, state, written

#: Bytes by which the process may grow beyond what it has when everything is loaded.
ROOM = 400 * 1024 * 1024
_PACK = """\
pack: {name: demo, title: Demo, language: es, timezone: America/Mexico_City}
people: {laura: {agent: Laura}}
texts:
  evil: |
    %s
"""
#: Texts of a pack: none is ever longer or slower to fill in than it is written, none reads anything but its values.
TEXTS = (
    "{% for x in range(10**9) %}{{ x }}{% endfor %}", "{{ 'x' * 10**9 }}", "{{ 9**9**9 }}", "{{ range(10**9)|list }}",
    "{{ 'x'|center(10**9) }}", "{{ '%1000000000d' % 1 }}", "{{ '{:>1000000000}'.format(1) }}", "{{ 'a' ~ 'b'*10**8 }}",
    "{{ subject.__class__.__mro__ }}", "{{ ''.__class__.__base__.__subclasses__() }}", "{{ subject|attr('mro') }}",
    "{{ subject['__class__'] }}", "{{ custom.__class__ }}", "{{ custom['__class__']['__mro__'] }}", "{{ custom.x.y }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}", "{{ lipsum.__globals__ }}", "{{ joiner }}",
    "{{ namespace(a=1) }}", "{{ self }}", "{{ self._TemplateReference__context }}", "{{ dict }}", "{{ caller() }}",
    "{{ '{0.__class__}'.format(subject) }}", "{{ subject.format(subject) }}", "{{ subject.upper() }}",
    "{% include '/etc/passwd' %}", "{% import 'os' as os %}", "{% extends 'x' %}", "{% from 'x' import y %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% set x = 'a' %}", "{% set x %}{% endset %}", "{% raw %}",
    "{% call m() %}{% endcall %}", "{% filter upper %}x{% endfilter %}", "{% block a %}{% endblock %}", "{% do 1 %}",
    "{{ subject|map('upper')|list }}", "{{ subject|xmlattr }}", "{{ subject|pprint }}", "{{ subject|tojson }}",
    "{{ subject|replace('a', 'b' * 10**9) }}", "{{ subject|regex_replace('(a+)+$', '') }}", "{{ subject|e|safe }}",
    "{{ subject|truncate(10**10) }}", "{{ subject|default('x' * 10**9) }}", "{{ [1,2,3]|sum }}", "{{ {1: 2} }}",
    "{{ subject is sameas subject }}", "{{ lambda: 0 }}", "{{ subject[0:10**9:1] }}", "{{ true }}{{ loop }}",
    "{{ ('a',) * 10**9 }}", "{{ " + "(" * 5000 + "subject" + ")" * 5000 + " }}", "{% if subject %}" * 500,
    "{{ subject" + "|upper" * 5000 + " }}", "{{ " + "not " * 5000 + "subject }}", "{{ subject ~ " * 3000,
    "{{ " + "-" * 9000 + "1 }}", "{{ 1" + " if 1 else 1" * 1500 + " }}", "{{ " + "9" * 15000 + " }}", "#SUBJECT#" * 200,
    "{{ body }}" * 1900, "{{ subject" + " ~ body" * 150 + " }}", "{{ body|upper|title|lower }}" * 60,
)  # fmt: skip


# --- mapping files ----------------------------------------------------------------------------------------------------
def _pack(text: str) -> Callable[[], object]:
    def read() -> object:
        result = load_texts({"a.yaml": text}, "demo")
        return "taken" if result.policy is not None else _told(result.problems[0].render())

    return read


def _told(text: str) -> str:
    return f"refused: {' '.join(text.split())[:140]}"


def _text(text: str) -> Callable[[], object]:
    """A text that is refused, or filled in with the longest values there are."""

    def read() -> object:
        result = load_texts({"a.yaml": _PACK % text.replace("\n", " ")}, "demo")
        if result.policy is None:
            return _told(result.problems[0].render())
        filled = result.policy.texts["evil"].render({"subject": "a" * 255, "body": "a" * 60_000 + "!", "custom.x": "y"})
        assert len(filled) <= 20_000, len(filled)
        assert "class" not in filled
        return "taken"

    return read


def _yaml() -> Iterator[tuple[str, str]]:
    laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True):
        laughs += f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    yield "yaml: billion laughs", laughs
    merges = "m0: &m0 {k: v}\n"
    for number in range(1, 60):
        merges += f"m{number}: &m{number} {{<<: [{', '.join([f'*m{number - 1}'] * 9)}]}}\n"
    yield "yaml: merge keys upon merge keys", merges
    yield "yaml: an alias of itself", "a: &a [*a, *a]\nb: &b {<<: *b}\n"
    yield "yaml: deep lists", "[" * 100_000
    yield "yaml: deep maps", "{a: " * 50_000
    yield "yaml: deep blocks", "\n".join(f"{'- ' * number}x" for number in range(1, 400))
    yield "yaml: a huge scalar", "pack: " + "x" * 5_000_000
    yield "yaml: a huge number", "pack: " + "9" * 1_000_000
    yield "yaml: a number in base 60", "pack: " + "59:" * 200_000 + "59"
    yield "yaml: a million keys", "".join(f"k{number}: 1\n" for number in range(200_000))
    yield "yaml: objects of Python", "pack: !!python/object/apply:os.system ['touch /tmp/owned']\n"
    yield "yaml: many documents", "---\na: 1\n" * 100_000
    yield "yaml: many anchors", "".join(f"k{number}: &a{number} x\n" for number in range(6_000))
    yield "yaml: a key of a million brackets", "? " + "[" * 30_000


# --- exported files and workbooks --------------------------------------------------------------------------------
def _export(folder: Path, content: bytes) -> Callable[[], object]:
    def read() -> object:
        place = folder / "bomb"
        place.write_bytes(content)
        count = sum(1 for _ in read_exports([place], {"c4c": C4C, "freshdesk": FRESHDESK}).tickets())
        assert count < 100, count
        return "taken"

    return read


def _rezip(book: Path, changes: Mapping[str, Callable[[bytes], bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, changes.get(name, bytes)(old.read(name)))
        for name in changes.keys() - set(old.namelist()):
            new.writestr(name, changes[name](b""))
    return out.getvalue()


def _overlapping() -> bytes:
    """Many names of the directory that all point at the one member."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/workbook.xml", b"<a>" + b" " * 10_000_000 + b"</a>")
        first = book.infolist()[0]
        for number in range(1500):
            other = zipfile.ZipInfo(f"xl/worksheets/sheet{number}.xml")
            for name in ("compress_type", "CRC", "compress_size", "file_size", "header_offset", "flag_bits"):
                setattr(other, name, getattr(first, name))
            book.filelist.append(other)
            book.NameToInfo[other.filename] = other
    return out.getvalue()


_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(12))
_EVIL = (
    ("entities upon entities", f"<!DOCTYPE x [{_LAUGHS}]>", "&l11;"),
    ("an external entity", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', "&e;"),
    ("an external definition", '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">', "x"),
    ("entities that double", '<!DOCTYPE x [<!ENTITY e "' + "e" * 100_000 + '">]>', "&e;" * 50_000),
)


def _spoilt(content: bytes, doctype: str, use: str) -> bytes:
    text = content.decode()
    head, _, rest = text.partition("?>")
    return f"{head}?>{doctype}{rest.replace('No enciende', use, 1)}".encode()


def _books(folder: Path) -> Iterator[tuple[str, Path, Callable[[Path, bytes], Callable[[], object]], str]]:
    """(word, a sound book, who reads it, the part of it that holds its cells)"""
    rows = [HEAD, *(row(number, subject="No enciende") for number in range(3))]
    sheet = "xl/worksheets/sheet1.xml"
    yield "xlsx export", xlsx(folder / "sound.xlsx", rows), lambda _, content: _export(folder, content), sheet
    yield "register", written(state(record(1), record(2)), folder / "register.xlsx"), _edited, sheet


def _edited(folder: Path, content: bytes) -> Callable[[], object]:
    def read() -> object:
        place = folder / "edited.xlsx"
        place.write_bytes(content)
        assert len(read_book(place).rows) < 1000
        return "taken"

    return read


def _workbooks(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    for word, book, reader, sheet in _books(folder):
        with zipfile.ZipFile(book) as sound:
            cells = sound.read(sheet)
        for name, doctype, use in _EVIL:
            spoilt = lambda old, d=doctype, u=use: _spoilt(old, d, u)  # noqa: E731
            yield f"{word}: {name}", reader(folder, _rezip(book, {sheet: spoilt, "xl/sharedStrings.xml": spoilt}))
        blank = lambda old: old.replace(b"<sheetData>", b"<sheetData>" + b" " * 12_000_000)  # noqa: E731
        yield f"{word}: a ratio of a thousand", reader(folder, _rezip(book, {sheet: blank}))
        deep = lambda old: old.replace(b"<sheetData>", b"<sheetData>" + b"<row>" * 200_000)  # noqa: E731
        yield f"{word}: a deep sheet", reader(folder, _rezip(book, {sheet: deep}))
        wide = lambda old: old.replace(b'r="A2"', b'r="XFD1048576"')  # noqa: E731
        yield f"{word}: a cell at the far corner", reader(folder, _rezip(book, {sheet: wide}))
        far = lambda _: b'<externalLink xmlns="x"><file href="http://127.0.0.1:1/"/></externalLink>'  # noqa: E731
        yield (
            f"{word}: a link to another book",
            reader(folder, _rezip(book, {"xl/externalLinks/externalLink1.xml": far})),
        )
        nested = lambda _: _rezip(book, {sheet: blank})  # noqa: B023, E731
        yield f"{word}: a book in the book", reader(folder, _rezip(book, {"xl/embeddings/book.xlsx": nested}))
        yield f"{word}: cut in half", reader(folder, book.read_bytes()[: book.stat().st_size // 2])
        yield f"{word}: members on top of one another", reader(folder, _overlapping())
        assert cells
    soft = spreadsheetml([HEAD, row(1)])
    for name, doctype, use in _EVIL:
        yield f"xml export: {name}", _export(folder, _spoilt(soft.encode(), doctype, use))
    yield "xml export: deep", _export(folder, soft.replace("<Row>", "<Row>" * 200_000, 1).encode())
    line = csv_text([HEAD, row(1, subject="x" * 8_000_000)])
    yield "csv export: a line of 8 million signs", _export(folder, line.encode())
    yield "csv export: an open quote", _export(folder, (csv_text([HEAD, row(1)]) + '2,"' + "x\n" * 500_000).encode())
    yield "csv export: a million columns", _export(folder, (",".join(HEAD) + "," * 1_000_000 + "\n1\n").encode())


# --- everything else -------------------------------------------------------------------------------------------------
def _packed(body: bytes, encoding: str = "gzip") -> Callable[[], object]:
    import gzip

    def read() -> object:
        content = body
        for _ in encoding.split(","):
            content = gzip.compress(content, 9)
        with RawServer(answer(200, content, Content_Encoding=encoding)) as server:
            HttpClient(server.url, "k" * 20, options=HttpOptions(attempts=1, patience=1)).get("/x")
        return "taken"

    return read


def _config(folder: Path, text: str) -> Callable[[], object]:
    def read() -> object:
        place = folder / "config.toml"
        place.write_text(text)
        load_settings(place)
        return "taken"

    return read


def _inbox(folder: Path, content: str) -> Callable[[], object]:
    def read() -> object:
        inbox = folder / "state.db.inbox"
        inbox.mkdir(mode=0o700, exist_ok=True)
        (inbox / "x.json").write_text(content)
        store = open_store(":memory:")
        try:
            taken = take_up(str(folder / "state.db"), store)
        finally:
            store.close()
        return "taken" if taken else "refused: set aside"

    return read


_PEOPLE = {"laura": Person("laura", "agent", "Laura")}


def _rota(more: str, *, start: str = "20200101", repeated: int = 1, first: str = "") -> Callable[[], object]:
    shifts = "".join(
        f"BEGIN:VEVENT\r\nUID:{number}\r\nSUMMARY:laura\r\nDTSTART:{start}T000000Z\r\nDTEND:{start}T010000Z\r\n"
        f"{more}\r\nEND:VEVENT\r\n"
        for number in range(repeated)
    )
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{first}{shifts}END:VCALENDAR\r\n"

    def read() -> object:
        try:
            rota = CalendarRota(text, ZoneInfo("UTC"), _PEOPLE)
            rota.at(datetime(2026, 11, 23, 12, 30, tzinfo=UTC))
        except OnCallError as error:
            return _told(str(error))
        return "taken"

    return read


def documents(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every document with what reads it."""
    for number, text in enumerate(TEXTS):
        yield f"text {number}: {text[:40]}", _text(text)
    for name, text in _yaml():
        yield name, _pack(text)
    yield from _workbooks(folder)
    yield "answer: much of nothing", _packed(b"\0" * 40_000_000)
    yield "answer: packed twice", _packed(b"\0" * 40_000_000, "gzip,gzip")
    yield "answer: deep", _packed(b"[" * 2_000_000)
    yield "answer: a number of a million digits", _packed(b"9" * 1_000_000)
    yield "plan: deep", lambda: loads(b'{"a":' * 200_000)
    yield "plan: a number of a million digits", lambda: loads(b'{"plan": ' + b"9" * 1_000_000 + b"}")
    yield "inbox: deep", _inbox(folder, '{"a":' * 200_000)
    yield "inbox: a number of a million digits", _inbox(folder, '{"digest": ' + "9" * 1_000_000 + "}")
    yield "inbox: no object", _inbox(folder, "[" * 10)
    yield "config: deep", _config(folder, "a = " + "[" * 100_000)
    yield "config: deep tables", _config(folder, "[" + ".".join("a" * 20_000) + "]\n")
    yield "config: a number of a million digits", _config(folder, "a = " + "9" * 100_000)
    seconds = ",".join(map(str, range(60)))
    for rule in (
        "FREQ=SECONDLY", "FREQ=SECONDLY;COUNT=999999999", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=999999999", f"FREQ=MINUTELY;BYSECOND={seconds}", "RRULE:FREQ=SECONDLY", "",
        f"FREQ=DAILY;BYMINUTE={seconds};BYSECOND={seconds}", "FREQ=DAILY;FREQ=SECONDLY", "INTERVAL=0;FREQ=DAILY",
        "FREQ=HOURLY;UNTIL=99991231T000000Z", "FREQ=YEARLY;BYSETPOS=-366",
    ):  # fmt: skip
        yield f"rota: {rule[:40]}", _rota(f"RRULE:{rule}")
    yield "rota: every hour since the year 1", _rota("RRULE:FREQ=HOURLY", start="00010101")
    yield "rota: every hour, a hundred times", _rota("RRULE:FREQ=HOURLY", repeated=100)
    for rule in ("SECONDLY", "DAILY;INTERVAL=0"):
        change = f"DTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ={rule}\r\n"
        clock = f"BEGIN:VTIMEZONE\r\nTZID:Odd/Odd\r\nBEGIN:STANDARD\r\n{change}END:STANDARD\r\nEND:VTIMEZONE\r\n"
        yield f"rota: a time zone that changes {rule}", _rota("RDATE;TZID=Odd/Odd:20261123T120000", first=clock)
    yield "rota: exceptions by the second", _rota("RRULE:FREQ=DAILY\r\nEXRULE:FREQ=SECONDLY")
    yield "rota: many extra days", _rota("\r\n".join(["RDATE:20261123T120000Z"] * 5_000))
    yield "rota: deep", _rota("BEGIN:VEVENT\r\n" * 20_000)


def main() -> int:
    """Read them all."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    only = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="escalera-bombs-") as place:
        for name, read in documents(Path(place)):
            if only and not any(word in name for word in only):
                continue
            began = time.process_time()
            _print(name, _outcome(read), began)
    return 0


def _outcome(read: Callable[[], object]) -> str:
    own = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (own + ROOM, resource.RLIM_INFINITY))
    try:
        return str(read())
    except (EscaleraError, Unfillable) as error:
        return _told(f"{type(error).__name__}: {error}")
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
        import traceback

        return f"escaped: {type(error).__name__}: {str(error)[:100]} {traceback.format_exc(limit=-3)[-400:]}"
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _print(name: str, came: str, began: float) -> None:
    seconds: Any = round(time.process_time() - began, 3)
    print(json.dumps({"name": name, "came": came, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
