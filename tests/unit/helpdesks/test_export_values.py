"""Values: nothing, ids, numbers, words, and instants in every dress an export knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connector.errors import ConfigurationError
from connector.helpdesks.exports.values import Clock, Unreadable, fold, number_or_text, ticket_id
from tests.unit.helpdesks.export_samples import C4C, HEAD, csv_text, one, read, row, save

_MEXICO = ZoneInfo("America/Mexico_City")


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-05-10T09:00:00Z", "2026-05-10 09:00"),
        ("2026-05-10 09:00:00 Z", "2026-05-10 09:00"),
        ("2026-05-10T09:00:00-03:00", "2026-05-10 12:00"),
        ("2026-05-10 09:00:00+0200", "2026-05-10 07:00"),
        ("2026-05-10T09:00:00.123Z", "2026-05-10 09:00:00.123"),
        ("2026-05-10 09:00:00", "2026-05-10 15:00"),
        ("2026-05-10 09:00", "2026-05-10 15:00"),
        ("2026-05-10", "2026-05-10 06:00"),
        ("10.05.2026", "2026-05-10 06:00"),
        ("10.05.2026 09:00:00", "2026-05-10 15:00"),
        ("10.05.2026 09:00:00 AUSACT", "2026-05-09 23:00"),
        ("10.01.2026 09:00:00 AUSACT", "2026-01-09 22:00"),
        ("10.05.2026 09:00:00 CSTMEX", "2026-05-10 15:00"),
        ("10.05.2026 09:00:00 CST", "2026-05-10 14:00"),
        ("10.01.2026 09:00:00 CST", "2026-01-10 15:00"),
        ("10.05.2026 09:00:00 CET", "2026-05-10 07:00"),
        ("10.05.2026 09:00:00 UTC", "2026-05-10 09:00"),
        ("10.05.2026 09:00:00 UTC-5", "2026-05-10 14:00"),
        ("10.05.2026 09:00:00 Europe/Rome", "2026-05-10 07:00"),
        ("2026-05-10 09:00:00 (CET)", "2026-05-10 07:00"),
        ("10/05/2026 9:05", "2026-05-10 15:05"),
        ("10/05/26 9:05", "2026-05-10 15:05"),
        ("10-05-2026 21:05:07", "2026-05-11 03:05:07"),
        ("10/05/2026 9:05 PM", "2026-05-11 03:05"),
        ("10/05/2026 12:05 a. m.", "2026-05-10 06:05"),
        ("10/05/2026 12:05:00 p.\u00a0m.", "2026-05-10 18:05"),
        ("10/05/2026, 09:05:00\u202fpm", "2026-05-11 03:05"),
        ("10.05.2026 24:00:00", "2026-05-11 06:00"),
        ("46152.375", "2026-05-10 15:00"),
        ("20260510", "2026-05-10 06:00"),
        ("20260510090000", "2026-05-10 15:00"),
    ],
)
def test_every_form_of_an_instant(written: str, expected: str) -> None:
    """Times without a zone are the map's; the rest says its own."""
    assert _utc(expected) == Clock(_MEXICO).instant(written, "dmy")


@pytest.mark.parametrize("written", ["00.00.0000", "00.00.0000 00:00:00", "31.12.9999", "9999-12-31"])
def test_saps_initial_and_endless_dates_are_empty(written: str) -> None:
    """They mean not set, and for ever."""
    assert None is Clock(ZoneInfo("America/Mexico_City")).instant(written, "dmy")


@pytest.mark.parametrize(
    "written",
    [
        "mañana",
        "30.02.2026",
        "10.05.2026 25:00",
        "10.05",
        "10/05/2026 13:05 PM",
        "1",
        "12:30",
        "64:00:00",
        "2026-13-01",
    ],
)
def test_what_is_no_date_is_unreadable(written: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(Unreadable):
        Clock(_MEXICO).instant(written, "dmy")


def test_hours_that_a_switch_repeats_or_skips() -> None:
    """In a repeated hour the first is meant; a skipped hour is read with the offset before the switch."""
    clock = Clock(ZoneInfo("Europe/Rome"))
    assert _utc("2026-10-25 00:30") == clock.instant("25.10.2026 02:30:00", "dmy")
    assert _utc("2026-03-29 01:30") == clock.instant("29.03.2026 02:30:00", "dmy")
    assert _utc("2026-10-24 22:00") == clock.instant("25.10.2026", "dmy")


def test_an_unknown_zone_code_is_read_in_the_maps_zone_with_one_warning(tmp_path: Path) -> None:
    """Told once, not once a row."""
    rows = [row(n, updated="10.05.2026 09:00:00 XYZZY") for n in range(5)]
    export, tickets, _ = read(save(tmp_path, csv_text([HEAD, *rows])))
    assert _utc("2026-05-10 15:00") == tickets[0].updated_at
    assert sum("XYZZY" in warning for warning in export.warnings) == 1


def test_a_column_that_contradicts_the_declared_order_is_read_the_other_way(tmp_path: Path) -> None:
    """Month-first values under a day-first map: the whole column, and its silent neighbour, with a warning."""
    rows = [
        row(1, created="03/04/2026 9:00", updated="05/06/2026 9:00"),
        row(2, created="03/14/2026 9:00", updated="05/07/2026 9:00"),
    ]
    export, tickets, rejected = read(save(tmp_path, csv_text([HEAD, *rows])))
    assert rejected == []
    assert [_utc("2026-03-04 15:00"), _utc("2026-03-14 15:00")] == [ticket.created_at for ticket in tickets]
    assert _utc("2026-05-06 15:00") == tickets[0].updated_at
    assert sum("mdy" in warning for warning in export.warnings) == 2


def test_a_column_that_proves_both_orders_is_unknown(tmp_path: Path) -> None:
    """Neither order is guessed; the ticket is kept and the auto-close clock that hangs on it is unknown too."""
    rows = [row(1, updated="13/04/2026 9:00"), row(2, updated="03/14/2026 9:00"), row(3, updated="2026-03-14 09:00")]
    export, tickets, rejected = read(save(tmp_path, csv_text([HEAD, *rows])))
    assert [ticket.id for ticket in tickets] == ["1", "2", "3"]
    assert {"updated_at", "autoclose_clock"} <= tickets[0].unknown
    assert "updated_at" not in tickets[2].unknown
    assert [one.place for one in rejected] == ["export.csv:2:Modificado el", "export.csv:3:Modificado el"]
    assert any("both orders" in warning for warning in export.warnings)


def test_month_first_when_the_map_says_so(tmp_path: Path) -> None:
    """`dates: mdy`."""
    mdy = replace(C4C, date_order="mdy")
    assert (
        _utc("2026-05-10 15:00")
        == one(save(tmp_path, csv_text([HEAD, row(updated="05/10/2026 9:00")])), mdy).updated_at
    )


def test_an_unreadable_date_is_unknown_and_told_without_customer_text(tmp_path: Path) -> None:
    """File, line and column are named; a text that is no date is not repeated."""
    secret = "llámame al 555 1234 por favor"
    _, (ticket,), (note,) = read(save(tmp_path, csv_text([HEAD, row(created=secret)])))
    assert (note.place, note.ticket) == ("export.csv:2:Creado el", "1042")
    assert secret not in note.problem
    assert "created_at" in ticket.unknown
    assert None is ticket.created_at


def test_many_unreadable_dates_are_counted_not_listed(tmp_path: Path) -> None:
    """A whole bad column gives a hundred notes and one count; every ticket is kept."""
    export, tickets, rejected = read(
        save(tmp_path, csv_text([HEAD, *(row(n, created="32.13.2026") for n in range(500))]))
    )
    assert (len(tickets), len(rejected)) == (500, 100)
    assert any("500" in warning for warning in export.warnings)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1042", "1042"),
        ("1,042", "1042"),
        ("1.042", "1042"),
        ("1.234.567", "1234567"),
        (1042.0, "1042"),
        ("1042.0", "1042"),
        ("0000005197", "0000005197"),
        ("SR-12", "SR-12"),
        (" 7 ", "7"),
        ('="00123"', "00123"),
        ("'00123", "00123"),
        ("\u00a08\u200b", "8"),
    ],
)
def test_ids(cell: str | float, expected: str) -> None:
    """Thousands separators and float tails go; leading zeros stay."""
    assert expected == ticket_id(cell)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12),
        ("-3", -3),
        ("1,234", 1234),
        ("1.234", 1234),
        ("1,234.50", 1234.5),
        ("1.234,50", 1234.5),
        ("12,5", 12.5),
        ("0.125", 0.125),
        ("1.10", "1.10"),
        ("007", "007"),
        ("0", 0),
        ("1234567890123456", "1234567890123456"),
        ("12a", "12a"),
        ("5 5", "5 5"),
        ("+52 55 1234 5678", "+52 55 1234 5678"),
        ("10.05.2026", "10.05.2026"),
        ("1,23,456", "1,23,456"),
    ],
)
def test_numbers_of_custom_columns(text: str, expected: object) -> None:
    """Plain and grouped numbers are numbers; codes, telephones and dates stay texts."""
    assert (expected, type(expected)) == (number_or_text(text), type(number_or_text(text)))


@pytest.mark.parametrize(
    "label", ["en proceso", "EN PROCESO", "2", "02", "In  Process", "En\u00a0proceso", "in_process"]
)
def test_statuses_by_code_or_label(tmp_path: Path, label: str) -> None:
    """In any language, case and spacing; what was written is kept."""
    ticket = one(save(tmp_path, csv_text([HEAD, row(status=label)])))
    assert ticket.status == "in_process"
    assert fold(label) == fold(ticket.raw["status"])


def test_an_unmapped_status_is_none_and_kept_raw(tmp_path: Path) -> None:
    """The core sees UNKNOWN, never a guess."""
    ticket = one(save(tmp_path, csv_text([HEAD, row(status="En revisión externa")])))
    assert (ticket.status, ticket.raw["status"]) == (None, "En revisión externa")


@pytest.mark.parametrize(
    "nothing", ["", "#", "-", "Not assigned", "NOT ASSIGNED", "Sin asignar", " # ", "#REF!", "#N/D"]
)
def test_nothing(tmp_path: Path, nothing: str) -> None:
    """All ways to say nothing are known to be empty; a spreadsheet's error counts as nothing."""
    ticket = one(save(tmp_path, csv_text([[*HEAD, "Asignado a"], [*row(subject=nothing), nothing]])))
    assert (ticket.subject, ticket.agent) == (None, None)
    assert not {"subject", "agent"} & ticket.unknown


def test_tags_and_the_chosen_auto_close_clock(tmp_path: Path) -> None:
    """Tags are split; the clock is the field the map names."""
    mapped = replace(C4C, autoclose_clock="created_at")
    ticket = one(save(tmp_path, csv_text([[*HEAD, "Tags"], [*row(), "vip, esc:no-parts;x"]])), mapped)
    assert ticket.tags == ("vip", "esc:no-parts", "x")
    assert ticket.created_at == ticket.autoclose_clock


def test_a_zone_that_does_not_exist_is_a_configuration_error(tmp_path: Path) -> None:
    """Named with the map's file."""
    with pytest.raises(ConfigurationError, match=r"c4c\.yaml: no time zone 'Mexico'"):
        one(save(tmp_path, csv_text([HEAD, row()])), replace(C4C, timezone="Mexico"))
