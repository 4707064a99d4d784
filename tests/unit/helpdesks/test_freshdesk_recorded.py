"""The connector over https against recorded answers, replayed without a socket: what is asked, and with what."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import responses
from responses import matchers

from connector.core.fieldmap import FieldMap
from connector.errors import AccountBlocked, Refused, Unavailable
from connector.helpdesks.freshdesk import FreshdeskReader, FreshdeskWriter, open_freshdesk

ANSWERS = Path(__file__).parent / "answers"
API = "https://example.freshdesk.com/api/v2"
KEY = "a-secret-key"
MAP = FieldMap(
    "freshdesk",
    statuses={"open": ("2",), "in_process": ("8",), "completed": ("4",), "closed": ("5",)},
    priorities={"low": ("1",), "normal": ("2",), "high": ("3",), "urgent": ("4",)},
)
Desk = tuple[FreshdeskReader, FreshdeskWriter]


def recorded(name: str) -> str:
    """The text of one recorded answer."""
    return (ANSWERS / f"{name}.json").read_text(encoding="utf-8")


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    """Answers by address; anything else is a connection error."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def desk(wire: responses.RequestsMock) -> Desk:
    """An account whose key may not list agents and groups, as most keys may not."""
    me = {"id": 7, "ticket_scope": 1, "contact": {"name": "Daemon"}}
    wire.get(f"{API}/agents/me", json=me)
    wire.get(f"{API}/ticket_fields", body=recorded("ticket_fields"), content_type="application/json")
    for path in ("agents", "groups"):
        wire.get(f"{API}/{path}", json={"code": "access_denied", "message": "no"}, status=403)
    return open_freshdesk("demo", "https://example.freshdesk.com", KEY, MAP, sleep=lambda _: None)


def test_the_feed_asks_for_all_since_1970_in_ascending_order_and_reads_recorded_rows(
    wire: responses.RequestsMock, desk: Desk
) -> None:
    """The recorded list becomes tickets; the question carries the order, the page size and the key, nothing else."""
    expected = {
        "updated_since": "1970-01-01T00:00:00Z", "order_by": "updated_at", "order_type": "asc", "per_page": "100",
        "page": "1", "include": "stats,description",
    }  # fmt: skip
    rows = json.loads(recorded("ticket_list"))
    asked = wire.get(f"{API}/tickets", json=rows, match=[matchers.query_param_matcher(expected)])
    batches = list(desk[0].changed(None))
    read = {ticket.id for batch in batches for ticket in batch.tickets}
    assert read == {str(row["id"]) for row in rows}
    assert not [one for batch in batches for one in batch.rejected]
    assert asked.call_count == 1
    sent = wire.calls[-1].request.headers
    assert sent["Authorization"] == "Basic " + base64.b64encode(f"{KEY}:X".encode()).decode()


def test_a_wrong_key_is_asked_once_and_never_again(wire: responses.RequestsMock) -> None:
    """Repeated wrong log-ins lock the agent out, so the client latches; the key stands in no message."""
    told = {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."}
    wire.get(f"{API}/agents/me", json=told, status=401)
    reader, _ = open_freshdesk("demo", "https://example.freshdesk.com", KEY, MAP, sleep=lambda _: None)
    for _ in range(3):
        with pytest.raises(AccountBlocked) as caught:
            reader.connect()
        assert KEY not in str(caught.value)
    assert len(wire.calls) == 1


def test_a_redirect_never_carries_the_key_to_another_host(wire: responses.RequestsMock) -> None:
    """Neither followed nor taken for an answer."""
    wire.get(f"{API}/agents/me", status=302, headers={"Location": "https://evil.example/api/v2/agents/me"})
    stolen = wire.get("https://evil.example/api/v2/agents/me", json={"id": 1})
    reader, _ = open_freshdesk("demo", "https://example.freshdesk.com", KEY, MAP, sleep=lambda _: None)
    with pytest.raises(Unavailable):
        reader.connect()
    assert stolen.call_count == 0


def test_a_write_sends_the_changed_key_alone_and_its_refusal_names_the_field(
    wire: responses.RequestsMock, desk: Desk
) -> None:
    """PUT with one key; the recorded refusal becomes Refused with status and field, and is not tried again."""
    reader, writer = desk
    reader.connect()
    put = wire.put(
        f"{API}/tickets/7", body=recorded("invalid_status"), status=400, content_type="application/json",
        match=[matchers.json_params_matcher({"status": 8})],
    )  # fmt: skip
    with pytest.raises(Refused) as caught:
        writer.update("7", {"status": "in_process"})
    assert (caught.value.status, caught.value.field) == (400, "status")
    assert put.call_count == 1
