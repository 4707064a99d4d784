"""Headings: aliases, folding, pairs, choice of the map."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from connector.core.fieldmap import FieldMap
from connector.errors import ConfigurationError
from connector.helpdesks.c4c_export import read_exports
from tests.unit.helpdesks.export_samples import C4C, FRESHDESK, HEAD, csv_text, one, read, row, save


@pytest.mark.parametrize(
    "heading",
    [
        "Tipo de escalación",
        "TIPO DE ESCALACION",
        unicodedata.normalize("NFD", "Tipo de escalación"),
        "Tipo\u00a0de  escalación",
        "Tipo de\nescalación",
        " Tipo de escalación: ",
        "Tipo-de-escalación",
    ],
)
def test_headings_match_whatever_their_dress(tmp_path: Path, heading: str) -> None:
    """Accents, case, spaces, punctuation, line breaks and decomposed letters make no difference."""
    ticket = one(save(tmp_path, csv_text([[*HEAD, heading], [*row(), "Sin partes"]])))
    assert ticket.escalation_type == "Sin partes"


def test_a_code_and_its_text_are_one_field_blank_heading(tmp_path: Path) -> None:
    """A blank heading at the right belongs to the left one: the code decides a word, the text names a person."""
    head = ["Ticket ID", "Status", "", "Assigned To", "", "Service Level", ""]
    ticket = one(save(tmp_path, csv_text([head, ["7", "2", "In Process", "8000123", "Laura Núñez", "SL1", "Oro"]])))
    assert (ticket.status, ticket.raw["status"], ticket.agent) == ("in_process", "2", "Laura Núñez")
    assert ticket.custom["Service Level"] == "Oro"


def test_a_code_and_its_text_are_one_field_duplicate_heading(tmp_path: Path) -> None:
    """The same for a heading that stands twice, when only one of the two is known to the map."""
    head = ["Ticket ID", "Status", "Status", "Priority", "Priority"]
    ticket = one(save(tmp_path, csv_text([head, ["7", "YX", "En proceso", "#", "Not assigned"]])))
    assert (ticket.status, ticket.priority) == ("in_process", None)
    assert "priority" not in ticket.raw
    assert "priority" not in ticket.unknown


def test_a_code_that_contradicts_its_text_is_unknown(tmp_path: Path) -> None:
    """Neither is believed: the status is not mapped, both are kept, and the row is told."""
    _, (ticket,), (note,) = read(save(tmp_path, csv_text([["Ticket ID", "Status", ""], ["7", "2", "Completed"]])))
    assert (ticket.status, ticket.raw["status"]) == (None, "2 / Completed")
    assert (note.place, note.ticket) == ("export.csv:2:status", "7")


def test_ticket_and_ticket_id_together(tmp_path: Path) -> None:
    """The id is the column whose values can be ids, whatever the order of aliases; the other stays readable."""
    swapped = replace(C4C, headings={**C4C.headings, "id": ("Ticket", "Ticket ID")})
    ticket = one(
        save(tmp_path, csv_text([["Ticket", "Ticket ID", "Status"], ["No enciende la placa", "7", "2"]])), swapped
    )
    assert (ticket.id, ticket.custom["Ticket"]) == ("7", "No enciende la placa")


def test_the_text_beside_an_id_is_the_subject(tmp_path: Path) -> None:
    """C4C's paired ticket column gives id and subject."""
    ticket = one(save(tmp_path, csv_text([["Ticket", "", "Status"], ["7", "No enciende", "2"]])))
    assert (ticket.id, ticket.subject) == ("7", "No enciende")


def test_unmapped_columns_are_kept_as_custom_fields(tmp_path: Path) -> None:
    """An admin may use any column of the export by its heading as written; a mapped custom field by its name."""
    head = [*HEAD, "Country/Region", "Serial ID", "Monto", "Country/Region"]
    ticket = one(save(tmp_path, csv_text([head, [*row(), "MX", "00017", "1,234.50", "x"]])))
    assert dict(ticket.custom) == {"Country/Region": "MX", "serie": "00017", "Monto": 1234.5, "Country/Region (2)": "x"}


def test_columns_that_are_missing_are_unknown_and_empty_cells_are_empty(tmp_path: Path) -> None:
    """Unknown is not empty."""
    ticket = one(save(tmp_path, csv_text([[*HEAD, "Asignado a"], [*row(), "Sin asignar"]])))
    assert None is ticket.agent
    assert "agent" not in ticket.unknown
    assert {"group", "tags", "escalation_type", "escalated_at", "body"} <= ticket.unknown
    assert not {"status", "updated_at", "id", "autoclose_clock"} & ticket.unknown


def test_a_field_map_of_the_helpdesk_names_headings_too(tmp_path: Path) -> None:
    """`fields:` (the helpdesk's own field names) serve as headings."""
    mapped = replace(C4C, fields={"escalation_type": "zEscalationType_KUT"})
    ticket = one(save(tmp_path, csv_text([[*HEAD, "zEscalationType_KUT"], [*row(), "1"]])), mapped)
    assert ticket.escalation_type == "1"


def test_a_map_without_headings_serves_by_common_english_names(tmp_path: Path) -> None:
    """Freshdesk's own headings and the canonical names need no alias."""
    bare = FieldMap("x", statuses={"open": ("Open",)})
    ticket = one(save(tmp_path, "id,subject,status,created_at\n1,a,Open,2026-01-01 10:00:00\n"), bare)
    assert (
        ticket.id,
        ticket.subject,
        ticket.status,
        ticket.created_at and ticket.created_at.year,
    ) == ("1", "a", "open", 2026)


def test_the_map_that_fits_best_is_chosen(tmp_path: Path) -> None:
    """By headings, and where these fit both by the codes and labels below them."""
    maps = {"freshdesk": FRESHDESK, "c4c": C4C}
    assert C4C is read(save(tmp_path, csv_text([HEAD, row()])), maps)[0].field_map
    head = ["Ticket ID", "Subject", "Status", "Priority", "Created time"]
    theirs = save(tmp_path, csv_text([head, ["1", "a", "Pending", "Medium", "2026-01-01 10:00:00"]]), "f.csv")
    assert FRESHDESK is read(theirs, maps)[0].field_map
    assert read(theirs, maps)[1][0].status == "waiting_customer"


def test_one_heading_may_serve_two_fields_if_the_map_says_so(tmp_path: Path) -> None:
    """`Modificado el` as both the update and the start of the status."""
    twice = replace(C4C, headings={**C4C.headings, "status_since": ("Modificado el",)})
    ticket = one(save(tmp_path, csv_text([HEAD, row()])), twice)
    assert ticket.updated_at == ticket.status_since
    assert None is not ticket.status_since


def test_a_heading_with_line_breaks_does_not_break_the_message(tmp_path: Path) -> None:
    """A quote that is never closed makes a whole file one heading: the error stays one line."""
    path = tmp_path / "export.csv"
    path.write_text('"Asunto\nEstado, x\nuno","b"\n1,2\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="headings found: Asunto Estado, x uno, b") as caught:
        read_exports([path], C4C)
    assert "\n" not in str(caught.value)
