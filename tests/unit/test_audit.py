"""The audit chain: what verify() finds, what a filter lets through, what an export holds."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connector import audit
from connector.audit import Filter, Flaw, Head, verify
from connector.store import AuditEvent, Store, open_store
from connector.store.chain import commitment, sealed_hash
from connector.store.codec import instant_text
from tests.contract.store_samples import at

COUNT = 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state with COUNT audit events over two accounts."""
    return tmp_path / "state.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """The store on it."""
    one = open_store(path)
    with one.transaction():
        for number in range(COUNT):
            one.append_audit(
                "cl" if number % 2 else "mx", at(number), "set" if number % 3 else "hold", {"n": number, "día": "ñ"},
                ticket=str(number % 4),
            )  # fmt: skip
    yield one
    one.close()


@pytest.fixture
def events(store: Store) -> list[AuditEvent]:
    """The events."""
    return list(store.audit())


def rehashed(event: AuditEvent) -> AuditEvent:
    """An event whose own hash is right for what it says."""
    sealed = commitment(event.salt or "", ticket=event.ticket, body=event.body)
    digest = sealed_hash(
        event.prev, seq=event.seq, at=instant_text(event.at), account=event.account, kind=event.kind, sealed=sealed
    )
    return replace(event, commitment=sealed, hash=digest)


def test_a_good_chain_holds_as_store_events_and_export(store: Store, events: list[AuditEvent]) -> None:
    """The same head from all three; an empty chain is good too."""
    expected = audit.Verification(COUNT, Head(COUNT, events[-1].hash))
    assert verify(store) == verify(events) == verify(audit.export_jsonl(events)) == expected
    assert verify(store, head=Head(COUNT, events[-1].hash)).ok
    assert verify(store, head=Head(3, events[2].hash)).ok
    assert verify([]) == audit.Verification(0, Head(0, audit.GENESIS))


def _plain(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_the_hash_can_be_computed_by_anyone(store: Store, events: list[AuditEvent]) -> None:
    """From the exported lines with nothing of ours: json, sorted keys, SHA-256."""
    prev = "0" * 64
    for line in audit.export_jsonl(events):
        held = json.loads(line)
        inner = _plain({key: held[key] for key in ("body", "ticket")})
        assert held["commitment"] == hashlib.sha256(f"{held['salt']}{inner}".encode()).hexdigest()
        rest = _plain({key: held[key] for key in ("account", "at", "commitment", "kind", "seq", "v")})
        assert held["prev"] == prev
        prev = hashlib.sha256(f"{prev}\n{rest}".encode()).hexdigest()
        assert held["hash"] == prev


def test_what_follows_a_trusted_event_can_be_checked_alone(store: Store, events: list[AuditEvent]) -> None:
    """`after` a kept head; one that does not fit is found."""
    result = verify(store, after=Head(7, events[6].hash))
    assert (result.ok, result.checked, result.head.seq) == (True, 3, COUNT)
    wrong = verify(store, after=Head(7, "f" * 64))
    assert (wrong.flaw, wrong.seq) == (Flaw.CHANGED, 8)
    assert verify(events[7:], after=Head(7, events[6].hash)).ok


@pytest.mark.parametrize(
    ("tamper", "flaw", "seq"),
    [
        (lambda e: [*e[:4], replace(e[4], body={"n": 99}), *e[5:]], Flaw.CHANGED, 5),
        (lambda e: [*e[:4], replace(e[4], account="cl"), *e[5:]], Flaw.CHANGED, 5),
        (lambda e: [*e[:4], replace(e[4], at=at(99)), *e[5:]], Flaw.CHANGED, 5),
        (lambda e: [*e[:4], replace(e[4], ticket=None), *e[5:]], Flaw.CHANGED, 5),
        (lambda e: [*e[:4], replace(e[4], hash="0" * 64), *e[5:]], Flaw.CHANGED, 5),
        (lambda e: [*e[:4], rehashed(replace(e[4], body={"n": 99})), *e[5:]], Flaw.CHANGED, 5),
        (lambda e: [rehashed(replace(e[0], prev="1" * 64)), *e[1:]], Flaw.CHANGED, 1),
        (lambda e: [*e[:4], *e[5:]], Flaw.REMOVED, 5),
        (lambda e: e[2:], Flaw.REMOVED, 1),
        (lambda e: [*e[:4], *(replace(one, seq=one.seq - 1) for one in e[5:])], Flaw.CHANGED, 5),
        (lambda e: [*e[:3], e[4], e[3], *e[5:]], Flaw.REORDERED, 4),
        (lambda e: [*e[:5], e[2], *e[5:]], Flaw.REORDERED, 6),
        (lambda e: list(reversed(e)), Flaw.REORDERED, 1),
    ],
)
def test_a_tampered_chain_names_the_first_bad_event(
    events: list[AuditEvent], tamper: Callable[[list[AuditEvent]], list[AuditEvent]], flaw: Flaw, seq: int
) -> None:
    """Changed, hashed anew, removed, renumbered, swapped, doubled; as events and as exported lines."""
    for source in (tamper(events), list(audit.export_jsonl(tamper(events)))):
        result = verify(source)
        assert (result.flaw, result.seq, result.checked) == (flaw, seq, seq - 1)
        assert result.head == Head(seq - 1, events[seq - 2].hash if seq > 1 else audit.GENESIS)
        assert str(seq) in result.text


def test_a_kept_head_tells_which_of_the_last_two_was_hashed_anew(events: list[AuditEvent]) -> None:
    """Without it nothing follows that could tell, and the later one is named."""
    tampered = [*events[:8], rehashed(replace(events[8], body={"n": 99})), events[9]]
    assert (verify(tampered).flaw, verify(tampered).seq) == (Flaw.CHANGED, 10)
    assert verify(tampered, head=Head(10, events[9].hash)).seq == 9


def test_a_cut_end_shows_against_a_head_only(events: list[AuditEvent]) -> None:
    """Which is why operators keep one elsewhere."""
    head = Head(COUNT, events[-1].hash)
    assert verify(events[:7]).ok
    result = verify(events[:7], head=head)
    assert (result.flaw, result.seq, result.checked) == (Flaw.TRUNCATED, 8, 7)
    assert verify([], head=head).seq == 1


def test_a_chain_written_anew_shows_against_a_head(events: list[AuditEvent]) -> None:
    """All hashes are right in themselves, the kept one is another."""
    anew, prev = [], audit.GENESIS
    for event in events:
        anew.append(rehashed(replace(event, prev=prev, body={"n": -1} if event.seq == 3 else event.body)))
        prev = anew[-1].hash
    assert verify(anew).ok
    result = verify(anew, head=Head(7, events[6].hash))
    assert (result.flaw, result.seq) == (Flaw.CHANGED, 7)
    assert "written anew" in result.text


def test_the_store_is_held_against_its_own_head_and_the_kept_one(store: Store, path: Path) -> None:
    """Rows cut off behind the store's back; the head set back as well."""
    head = Head(*store.audit_head())
    person = sqlite3.connect(path)
    person.execute("DROP TRIGGER audit_no_delete")
    person.execute("DELETE FROM audit WHERE seq > 8")
    person.commit()
    assert (verify(store).flaw, verify(store).seq) == (Flaw.TRUNCATED, 9)
    person.execute("UPDATE audit_head SET seq = 8, hash = (SELECT hash FROM audit WHERE seq = 8)")
    person.commit()
    assert verify(store).ok
    assert (verify(store, head=head).flaw, verify(store, head=head).seq) == (Flaw.TRUNCATED, 9)
    clash = verify(store, head=Head(8, "e" * 64))
    assert (clash.flaw, clash.seq) == (Flaw.CHANGED, 8)
    person.execute("DELETE FROM audit_head")
    person.commit()
    person.close()
    assert verify(store).flaw is Flaw.UNREADABLE


@pytest.mark.parametrize("column", ["body", "at"])
def test_a_row_that_can_not_be_read_is_named(store: Store, path: Path, column: str) -> None:
    """Not an exception: the auditor gets the seq."""
    person = sqlite3.connect(path)
    person.execute("DROP TRIGGER audit_no_update")
    person.execute(f"UPDATE audit SET {column} = 'x' WHERE seq = 4")
    person.commit()
    person.close()
    result = verify(store)
    assert (result.flaw, result.seq, result.checked) == (Flaw.UNREADABLE, 4, 3)
    assert "audit event 4" in result.text


@pytest.mark.parametrize(
    "change",
    [
        lambda line: "not json\n",
        lambda line: "[]\n",
        lambda line: "{}\n",
        lambda line: line.replace('"seq":4', '"seq":4.0'),
        lambda line: line.replace('"seq":4', '"seq":"4"'),
        lambda line: line.replace('"n":3', '"n":3,"n":3'),
        lambda line: line.replace(".000000Z", "Z"),
        lambda line: line.replace('"kind":"hold"', '"kind":"hold","kind":"hold"'),
        lambda line: line.replace('"kind":"hold"', '"kind":null'),
        lambda line: line.replace('"kind":"hold"', '"kind":"hold","more":1'),
        lambda line: "[" * 100_000 + "\n",
    ],
)
def test_a_line_that_was_not_exported_so_is_named(events: list[AuditEvent], change: Callable[[str], str]) -> None:
    """Also one whose hash would still fit, such as a doubled key that other readers take differently."""
    lines = list(audit.export_jsonl(events))
    changed = change(lines[3])
    assert changed != lines[3]
    result = verify([*lines[:3], changed, *lines[4:]])
    assert (result.flaw, result.seq, result.checked) == (Flaw.UNREADABLE, 4, 3)
    assert "line 4" in result.text


def test_heads_are_written_and_read(events: list[AuditEvent]) -> None:
    """`SEQ:HASH`; anything else is an error."""
    head = Head(10, events[-1].hash)
    assert audit.parse_head(f" {head}\n") == head
    for wrong in ("", "10", "10:abc", f"x:{'0' * 64}", f"10:{'g' * 64}", f"-1:{'0' * 64}", f"²:{'0' * 64}"):
        with pytest.raises(ValueError, match="64 hexadecimal"):
            audit.parse_head(wrong)


def test_filters(store: Store) -> None:
    """Each alone and together; the limit counts what passes."""

    def numbers(**wanted: object) -> list[int]:
        return [event.body["n"] for event in audit.read(store, Filter(**wanted))]  # type: ignore[arg-type]

    assert numbers() == list(range(COUNT))
    assert numbers(account="cl") == [1, 3, 5, 7, 9]
    assert numbers(ticket="2") == [2, 6]
    assert numbers(kinds=("hold",)) == [0, 3, 6, 9]
    assert numbers(since=at(3), until=at(6)) == [3, 4, 5]
    assert numbers(kinds=("hold",), limit=2) == [0, 3]
    assert numbers(after_seq=8) == [8, 9]
    assert numbers(limit=0) == numbers(kinds=("none",)) == []
    assert numbers(account="mx", kinds=("hold", "set"), since=at(1), limit=2) == [2, 4]


def test_csv_cells_are_no_formulas(store: Store) -> None:
    """What a spreadsheet would compute begins with an apostrophe; everything else is as it was."""
    with store.transaction():
        store.append_audit("=1+1", at(1), "@SUM(A1)", {"s": '=cmd|"x"'}, ticket=' \t-1,"a"\n')
    text = "".join(audit.export_csv(store.audit(after_seq=COUNT)))
    header, cells = csv.reader(io.StringIO(text, newline=""))
    [event] = store.audit(after_seq=COUNT)
    assert tuple(header) == audit.CSV_COLUMNS
    assert cells == [
        "11", "2026-01-05T09:31:00.000000Z", "'=1+1", "'@SUM(A1)", '\' \t-1,"a"\n', '{"s":"=cmd|\\"x\\""}',
        event.prev, event.hash, "2", event.salt, event.commitment, "",
    ]  # fmt: skip
