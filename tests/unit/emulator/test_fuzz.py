"""Whatever a client sends, the helpdesk answers it and goes on."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.emulator import World
from connector.emulator.faults import Faults, FaultSpecError
from connector.emulator.helpdesk import Helpdesk
from connector.emulator.search import QueryError, compile_query
from tests.unit.emulator.conftest import seed

_LOGIN = "Basic " + base64.b64encode(b"admin-key:X").decode()
_TICKET_KEYS = (
    "status priority source subject description requester_id email tags custom_fields responder_id group_id due_by type"
    " cc_emails body private notify_emails incoming user_id ids properties bulk_action reply ratings default_question"
    " time_spent primary_id ticket_ids name product_id parent_id feedback structured_body message_parts"
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 95) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_TICKET_KEYS.split()) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=10,
)
_PATHS = st.sampled_from(
    [
        "/tickets",
        "/tickets/1",
        "/tickets/1/notes",
        "/tickets/1/reply",
        "/tickets/1/time_entries",
        "/tickets/1/satisfaction_ratings",
        "/tickets/bulk_update",
        "/tickets/merge",
        "/tickets/outbound_email",
        "/contacts",
        "/contacts/90",
        "/companies",
        "/companies/70",
        "/agents/2",
    ]
)
_WORDS = st.sampled_from(
    [
        "status",
        "priority",
        "tag",
        "created_at",
        ":",
        ":>",
        ":<",
        "2",
        "'a'",
        "'2026-03-01'",
        "null",
        "AND",
        "OR",
        "(",
        ")",
        " ",
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["POST", "PUT"]), _PATHS, _JSON), min_size=1, max_size=6))
def test_any_json_body_gets_a_proper_answer(calls: list[tuple[str, str, Any]]) -> None:
    """2xx or 4xx with a body that is JSON, and the tickets can still be listed afterwards."""
    helpdesk = Helpdesk(World.from_seed(seed({"id": 1}, {"id": 2}), key="admin-key"))
    headers = {"Authorization": _LOGIN, "Content-Type": "application/json"}
    for method, path, body in [*calls, ("GET", "/tickets?include=stats,requester,company,description", None)]:
        payload = b"" if method == "GET" else json.dumps(body).encode()
        reply = helpdesk.respond(method, f"/api/v2{path}", headers, payload, origin="http://x")
        assert 200 <= reply.status < 500
        assert not reply.payload or json.loads(reply.payload) is not None
    assert reply.status == 200


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.text(max_size=30))
def test_any_bytes_and_headers_get_a_proper_answer(body: bytes, word: str) -> None:
    """Broken JSON, broken multipart, odd content types and logins, odd paths and queries."""
    helpdesk = Helpdesk(World.from_seed(seed({"id": 1}), key="admin-key"))
    for kind in ("application/json", "multipart/form-data; boundary=x", word):
        for login in (_LOGIN, word):
            headers = {"Authorization": login, "Content-Type": kind, "Accept": "*/*"}
            for method, path in (
                ("POST", "/api/v2/tickets"),
                ("GET", f"/api/v2/tickets?page={word}"),
                ("PUT", f"/api/v2/{word}"),
            ):
                assert 200 <= helpdesk.respond(method, path, headers, body, origin="http://x").status < 500


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["events", "advance", "faults", "settings", "reset"]), _JSON)
def test_any_control_body_gets_a_proper_answer(name: str, body: Any) -> None:
    """200 or 400 with a reason."""
    helpdesk = Helpdesk(World.from_seed(seed({"id": 1}), key="admin-key"))
    given_body = {"ticket": 1, "by": "agent", "set": body} if name == "events" and isinstance(body, dict) else body
    reply = helpdesk.respond("POST", f"/_emulator/{name}", {}, json.dumps(given_body).encode(), origin="http://x")
    assert reply.status in {200, 400}


@settings(max_examples=100, deadline=None)
@given(st.lists(_WORDS | st.text(max_size=3), max_size=9).map("".join))
def test_any_query_is_read_or_refused(text: str) -> None:
    """Nothing but QueryError ever comes out of the query language."""
    try:
        compile_query(f'"{text}"', {}, [2, 3, 4, 5])
    except QueryError as exc:
        assert exc.field is not None  # noqa: PT017


@settings(max_examples=100, deadline=None)
@given(_JSON | st.text(alphabet="abc0459:=,;+*/ resthml", max_size=30))
def test_any_fault_spec_is_read_or_refused(spec: Any) -> None:
    """Nothing but FaultSpecError ever comes out of the grammar."""
    faults = Faults()
    try:
        faults.replace(spec)
    except FaultSpecError:
        assert faults.armed == []
