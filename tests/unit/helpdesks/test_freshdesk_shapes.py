"""Recorded answers become tickets; odd ones lose what can't be understood and nothing else; nonsense is rejected."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.fieldmap import FieldMap
from connector.core.model import Rejected, Ticket
from connector.errors import Refused
from connector.helpdesks.freshdesk_names import Names, Vocabulary, learn
from connector.helpdesks.freshdesk_shapes import as_html, plain_text, read_note, read_row
from connector.helpdesks.freshdesk_writer import _payload
from connector.http.errors import error_for

ANSWERS = Path(__file__).parent / "answers"
MAP = FieldMap(
    "freshdesk",
    statuses={"open": ("2",), "in_process": ("XYZ  Tést Status",), "completed": ("4",), "closed": ("5",)},
    channels={"social": ("Teléfono", "3")},
    fields={
        "escalation_type": "cf_xyz",
        "escalated_at": "cf_day",
        "custom.number": "cf_new_field",
        "contract": "cf_test_key",
        "brand": "cf_missing",
    },
    timezone="America/Mexico_City",
)


def recorded(name: str) -> Any:
    """One recorded answer."""
    return json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


def words(field_map: FieldMap = MAP, **names: Any) -> Vocabulary:
    """The recorded account's names with a field map."""
    learnt = learn(recorded("ticket_fields"), None, None)
    return Vocabulary(Names(**{**{n: getattr(learnt, n) for n in Names.__slots__}, **names}), field_map)


def read(row: Any, vocabulary: Vocabulary | None = None) -> Ticket:
    """The ticket of a row that must be one."""
    found = read_row(row, vocabulary or words(), "here")
    assert isinstance(found, Ticket), found
    return found


MINIMAL: dict[str, Any] = {
    "id": 1,
    "status": 2,
    "priority": 1,
    "source": 1,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-02T00:00:00Z",
}


def test_names_are_learnt_from_a_recorded_ticket_form() -> None:
    """Statuses with all labels, sources, people and groups by id, custom fields with their types."""
    names = words().names
    assert names.statuses["8"] == ("xyz test status", "xyz test status")
    assert names.sources["13"] == ("Whatsapp",)
    assert names.groups["103000085326"] == "Escalations"
    assert words().directory.agents["Jonsnow"] == "103023007602"
    assert names.fields["cf_test_key"].startswith("custom_")
    assert not names.listed


def test_names_survive_storage() -> None:
    """JSON and back; anything else is no names."""
    names = words().names
    assert Names.of_json(json.loads(json.dumps(names.to_json()))) == names
    for nonsense in (None, [], {}, {"v": 2}, {"v": 1}, "x"):
        assert Names.of_json(nonsense) is None


def test_a_recorded_view_becomes_a_ticket() -> None:
    """Label of a custom status without accent and case, decimals as text, ids beyond 32 bits, names for ids."""
    ticket = read(recorded("ticket_view"))
    assert (ticket.id, ticket.status, ticket.priority, ticket.channel) == ("113", "in_process", "low", "social")
    assert (ticket.group, ticket.agent, ticket.type) == ("Billing", None, "Incident")
    assert ticket.tags == ("mc_tag", "tag2")
    assert ticket.body == "Ticket detail"
    assert ticket.custom["number"] == ticket.custom["new_field"] == "124.0"
    assert ticket.contract == "4444748"
    assert ticket.updated_at == datetime(2022, 10, 25, 7, 57, 19, tzinfo=UTC)
    assert ticket.unknown >= {"status_since", "requester", "brand"}
    assert not ticket.unknown & {"body", "contract", "escalation_type", "customer"}


def test_a_ticket_of_a_2025_account_has_no_promises() -> None:
    """Null promises are empty, not an error."""
    ticket = read(recorded("ticket_2025"))
    assert (ticket.due_by, ticket.first_response_due, ticket.status) == (None, None, "open")


def test_every_row_of_a_recorded_list_is_read() -> None:
    """Whatever keys it carries; list rows have no body."""
    rows = recorded("ticket_list")
    rows = rows if isinstance(rows, list) else next(v for v in rows.values() if isinstance(v, list))
    tickets = [read(row) for row in rows]
    assert [ticket.id for ticket in tickets] == [str(row["id"]) for row in rows]


@pytest.mark.parametrize(
    ("card", "phone"),
    [
        ({"phone": "5551234567", "mobile": "5559999999"}, "5551234567"),
        ({"phone": None, "mobile": "5559999999"}, "5559999999"),
        ({"phone": "", "mobile": None}, None),
    ],
)
def test_who_has_only_a_mobile_phone_is_reached_there(card: dict[str, Any], phone: str | None) -> None:
    """The number in the phone field, else the mobile one; without either it is known that there is none."""
    ticket = read({**MINIMAL, "requester": {"name": "Ana", **card}})
    assert ticket.requester_phone == phone
    assert "requester_phone" not in ticket.unknown


def test_days_of_custom_dates_begin_in_the_maps_zone() -> None:
    """A bare date is that day's start in Mexico, in UTC."""
    row = {**MINIMAL, "custom_fields": {"cf_day": "2026-01-15", "cf_xyz": "Sin diagnóstico"}}
    ticket = read(row, words(fields={"cf_day": "custom_date", "cf_xyz": "custom_text"}))
    assert ticket.escalated_at == datetime(2026, 1, 15, 6, tzinfo=UTC)
    assert ticket.escalation_type == "Sin diagnóstico"


def test_an_unreadable_custom_date_is_unknown_and_kept() -> None:
    """It is neither empty nor a reason to drop the ticket."""
    ticket = read({**MINIMAL, "custom_fields": {"cf_day": "mañana"}})
    assert "escalated_at" in ticket.unknown
    assert ticket.raw["escalated_at"] == "mañana"


def test_a_field_the_account_has_but_the_form_has_not_is_empty() -> None:
    """One the account has not is unknown."""
    ticket = read({**MINIMAL, "custom_fields": {}}, words(fields={"cf_xyz": "custom_text"}))
    assert ticket.escalation_type is None
    assert "escalation_type" not in ticket.unknown
    assert "escalated_at" in ticket.unknown


def test_stats_give_the_clocks_and_missing_ones_are_unknown() -> None:
    """Documented accounts show three of the eight; a status that never changed began with the ticket."""
    full = read(
        {**MINIMAL, "stats": {"status_updated_at": None, "requester_responded_at": "2026-01-02T03:04:05+05:30"}}
    )
    assert full.status_since == full.created_at
    assert full.customer_responded_at == datetime(2026, 1, 1, 21, 34, 5, tzinfo=UTC)
    assert full.unknown >= {"agent_responded_at", "closed_at"}


def test_withheld_tweets_have_no_known_text() -> None:
    """A keyword is not absent because it may not be shown."""
    ticket = read({**MINIMAL, "source": 5, "subject": "View the message on Twitter", "description_text": "hola"})
    assert ticket.unknown & {"subject", "body"} == {"subject"}


@pytest.mark.parametrize(("flag", "gone"), [("deleted", "deleted"), ("spam", "spam"), ("archived", "archived")])
def test_flags_tell_a_ticket_that_cannot_be_written(flag: str, gone: str) -> None:
    """Each by its own name; false means nothing."""
    assert read({**MINIMAL, flag: True}).gone == gone
    assert read({**MINIMAL, flag: False}).gone is None


def test_people_unknown_to_the_directory_have_no_name_but_keep_their_id() -> None:
    """So a rule on names is unsure rather than wrong."""
    ticket = read({**MINIMAL, "responder_id": 5, "group_id": None})
    assert (ticket.agent, ticket.raw["agent"], ticket.group) == (None, "5", None)
    assert "group" not in ticket.raw


@pytest.mark.parametrize(
    "row",
    [None, 7, "x", [], {}, {"id": "1"}, {"id": 0}, {"id": True}, {**MINIMAL, "updated_at": None},
     {**MINIMAL, "updated_at": "soon"}, {**MINIMAL, "created_at": 12}],
)  # fmt: skip
def test_what_is_no_ticket_is_rejected_with_its_place(row: Any) -> None:
    """And a reason, never an exception."""
    rejected = read_row(row, words(), "page 3 row 17")
    assert isinstance(rejected, Rejected)
    assert rejected.place == "page 3 row 17"
    assert rejected.problem


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


_KEYS = (
    *MINIMAL,
    *["stats", "custom_fields", "tags", "requester", "company", "subject", "description", "description_text", "due_by"],
)


@settings(max_examples=150, deadline=None)
@given(changes=st.dictionaries(st.sampled_from([*_KEYS, "responder_id", "group_id", "type", "spam"]), _json))
def test_no_json_whatever_makes_reading_raise(changes: dict[str, Any]) -> None:
    """A ticket or a rejection, in every case."""
    assert isinstance(read_row({**MINIMAL, **changes}, words(), "here"), Ticket | Rejected)


def test_text_goes_out_escaped_and_comes_back_plain() -> None:
    """Nothing a customer wrote becomes markup in a note."""
    text = 'a < b & "c"\n<script>alert(1)</script>'
    assert "<script>" not in as_html(text)
    assert plain_text(as_html(text)) == text


def test_a_conversation_without_text_falls_back_to_its_markup() -> None:
    """`body_text` is missing on some."""
    note = read_note({"id": 9, "body": "<p>hola<br>mundo</p>", "incoming": True, "private": False})
    assert (note.text, note.incoming, note.private, note.created_at) == ("hola\nmundo", True, False, None)


# --- writing --------------------------------------------------------------------------------------------------------
TWINS = {"agents": {"1": "Ana Ruiz", "2": "Ana Ruíz", "3": "Luis"}, "emails": {"ana@example.com": "2"}}


def test_changes_become_just_the_keys_of_the_api() -> None:
    """Codes and ids for words and names, `custom_fields` for custom ones, days for instants."""
    vocabulary = words(**TWINS, fields={"cf_day": "custom_date", "cf_xyz": "custom_text"})
    changes = {
        "status": "in_process",
        "priority": "urgent",
        "agent": "ANA@example.com",
        "group": "escalations",
        "tags": ("a", "b"),
        "escalated_at": datetime(2026, 1, 15, 3, tzinfo=UTC),
        "escalation_type": "no-parts",
        "custom.xyz": "no-parts",
    }
    assert _payload(changes, vocabulary, "1") == {
        "status": 8,
        "priority": 4,
        "responder_id": 2,
        "group_id": 103000085326,
        "tags": ["a", "b"],
        "custom_fields": {"cf_day": "2026-01-14", "cf_xyz": "no-parts"},
    }
    assert _payload({"custom.day": date(2026, 1, 2), "agent": None}, vocabulary, "1") == {
        "custom_fields": {"cf_day": "2026-01-02"},
        "responder_id": None,
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"agent": "ana ruiz"}, "2 agents are called so (1, 2); write the id"),
        ({"agent": "Nadie"}, "no agent is called so"),
        ({"agent": "77"}, "no agent has the id 77"),
        ({"agent": "x@example.com"}, "no agent has this e-mail"),
        ({"status": "waiting_other"}, "names no code or label"),
        ({"status": "open-ish"}, "names no code or label"),
        ({"status": "completed"}, "mails the customer"),
        ({"custom.nowhere": "1"}, "no field for custom.nowhere"),
        ({"brand": "x"}, "no field for brand"),
        ({"requester_email": "a@b.c"}, "not mapped"),
        ({"product": "Nothing"}, "no product"),
    ],
)
def test_what_cannot_be_said_unambiguously_is_refused_with_the_reason(changes: dict[str, Any], said: str) -> None:
    """Before anything is sent; with what to do."""
    with pytest.raises(Refused) as caught:
        _payload(changes, words(**TWINS), "1042")
    assert said in str(caught.value)
    assert "1042" in str(caught.value)


def test_an_exact_name_wins_over_one_that_differs_by_an_accent() -> None:
    """Two people may be told apart by it."""
    assert _payload({"agent": "Ana Ruíz"}, words(**TWINS), "1") == {"responder_id": 2}


def test_warnings_name_what_map_and_account_disagree_on() -> None:
    """All at connection, none later."""
    field_map = FieldMap(
        "freshdesk",
        statuses={"completed": ("4",), "in_process": ("En proceso",)},
        fields={"escalation_type": "cf_nowhere"},
        file="freshdesk.yaml",
    )
    said = list(words(field_map).warnings())
    assert len(said) == 3
    assert all(line.startswith("freshdesk.yaml: ") for line in said)


def test_a_recorded_refusal_tells_field_and_allowed_values() -> None:
    """The helpdesk's own words reach the operator."""
    error = error_for("PUT /tickets/1", 400, recorded("invalid_status"), write=True)
    assert isinstance(error, Refused)
    assert error.field == "status"
    assert "It should be one of these values: '2,3,4,5,6,7,8'" in str(error)


@pytest.mark.parametrize("number", [10**18, 10**60, 0, -1, True, "7", None, 7.0])
def test_a_number_no_ticket_can_have_makes_no_ticket(number: Any) -> None:
    """The API's numbers have 64 bits; a garbled answer must not become a ticket that is there for ever."""
    row = {"id": number, "status": 2, "created_at": "2026-03-01T09:00:00Z", "updated_at": "2026-03-01T09:00:00Z"}
    assert isinstance(read_row(row, words(), "here"), Rejected)
