"""Repeated tickets: in one file, scattered over it, and over several files."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import ConfigurationError, IncompleteError
from connector.helpdesks.c4c_export import Limits, read_exports
from connector.helpdesks.exports.merge import IdIndex
from tests.unit.helpdesks.export_samples import C4C, HEAD, csv_text, read, row, save


@pytest.mark.parametrize("in_memory", [20_000, 2], ids=["in memory", "in a file"])
@pytest.mark.parametrize("order", [(1, 1, 2), (1, 2, 1)], ids=["adjacent", "scattered"])
def test_rows_of_one_ticket_become_one_ticket(tmp_path: Path, order: tuple[int, ...], in_memory: int) -> None:
    """The first value that is not empty wins, whether the rows are adjacent or not, in memory or in a file."""
    rows = [
        [*row(number, subject=f"{'#' if place == 0 else 'A'}"), "" if place == 0 else f"P{place}"]
        for place, number in enumerate(order)
    ]
    rows += [[*row(number), ""] for number in (*range(10, 30), *range(10, 30))]
    _, tickets, rejected = read(
        save(tmp_path, csv_text([[*HEAD, "Item"], *rows])), limits=Limits(rows_in_memory=in_memory)
    )
    found = {ticket.id: ticket for ticket in tickets}
    assert (len(tickets), len(found), rejected) == (22, 22, [])
    assert ("A", f"P{max(place for place, number in enumerate(order) if number == 1)}", "export.csv:2") == (
        found["1"].subject, found["1"].custom["Item"], found["1"].place,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field"),
    [({"status": "Completado"}, "status"), ({"priority": "Baja"}, "priority"), ({"status": "YJ"}, "status")],
)
def test_rows_that_contradict_each_other_make_the_field_unknown(
    tmp_path: Path, change: dict[str, str], field: str
) -> None:
    """The ticket is kept, the field is unknown, and both rows are named."""
    _, (ticket,), (note,) = read(save(tmp_path, csv_text([HEAD, row(), row(**change)])))
    assert field in ticket.unknown
    assert None is getattr(ticket, field)
    assert (note.ticket, note.place) == ("1042", "export.csv:2")
    assert f"rows 2 and 3 contradict each other in {field}" in note.problem


def test_of_rows_with_different_updates_the_newest_counts(tmp_path: Path) -> None:
    """A history in one file is no contradiction."""
    old = row(status="Abierto", updated="01.05.2026 10:00:00")
    _, (ticket,), rejected = read(save(tmp_path, csv_text([HEAD, old, row(), old])))
    assert (ticket.status, rejected, ticket.place) == ("in_process", [], "export.csv:3")


def test_over_several_files_the_newest_update_wins_else_the_later_file(tmp_path: Path) -> None:
    """Whatever the order of the files; each ticket comes once."""
    new = save(tmp_path, csv_text([HEAD, row(1), row(2), row(3, updated="#"), row(4)]), "new.csv")
    old = save(
        tmp_path,
        csv_text(
            [
                HEAD,
                row(1, status="Abierto", updated="01.05.2026"),
                row(2, status="Abierto"),
                row(3, status="Abierto"),
                row(5),
            ]
        ),
        "old.csv",
    )
    for order in ([new, old], [old, new]):
        export, tickets, rejected = read(order)
        found = {ticket.id: ticket.place.split(":")[0] for ticket in tickets}
        later = order[1].name
        assert {"1": "new.csv", "2": later, "3": later, "4": "new.csv", "5": "old.csv"} == found
        assert (len(tickets), rejected, export.rows) == (5, [], 8)


def test_three_files_never_lose_a_ticket() -> None:
    """Stamps that are partly missing can't make every file the older one."""
    from datetime import UTC, datetime

    index = IdIndex(3)
    for source, stamp in enumerate([datetime(2026, 5, 5, tzinfo=UTC), None, datetime(2026, 5, 3, tzinfo=UTC)]):
        index.add(source, "7", stamp)
    index.close()
    assert [index.is_older(source, "7") for source in range(3)] == [True, True, False]


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    """One file: its sha256. Several: of their digests in order."""
    import hashlib

    one = save(tmp_path, csv_text([HEAD, row(1)]), "1.csv")
    two = save(tmp_path, csv_text([HEAD, row(2)]), "2.csv")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (one, two)]
    assert digests[0] == read_exports([one], C4C).digest
    assert hashlib.sha256("".join(digests).encode()).hexdigest() == read_exports([one, two], C4C).digest


def test_tickets_may_be_read_twice_and_a_changed_file_is_not_trusted(tmp_path: Path) -> None:
    """The stream starts anew at each call; a file that moved under it is an error, not half a truth."""
    path = save(tmp_path, csv_text([HEAD, row(1)]))
    export = read_exports([path], C4C)
    assert list(export.tickets()) == list(export.tickets())
    save(tmp_path, csv_text([HEAD, row(1), row(2)]))
    with pytest.raises(IncompleteError, match="changed while it was being read"):
        list(export.tickets())


def test_nothing_to_read_and_no_map_are_configuration_errors(tmp_path: Path) -> None:
    """Both say what is missing."""
    with pytest.raises(ConfigurationError, match="no export named"):
        read_exports([], C4C)
    with pytest.raises(ConfigurationError, match="no helpdesk map"):
        read_exports([save(tmp_path, csv_text([HEAD]))], {})
