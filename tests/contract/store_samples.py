"""Tickets, actions and intents for the tests of the store."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

from connector.core.model import Action, Memory, Outcome, Reason, RuleRef, Ticket
from connector.store.base import Intent, Mirrored, SavedPlan

T0 = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """`minutes` after the tests' own midday."""
    return T0 + timedelta(minutes=minutes)


#: Values of every type a helpdesk's field or a spreadsheet's cell may yield.
CUSTOM_VALUES = {
    "text": "Máquina — «no funciona»\n\t\x00 \U0001f600 \ud83d",
    "empty": "",
    "none": None,
    "yes": True,
    "no": False,
    "number": 42,
    "large": 2**80,
    "negative": -7,
    "fraction": 0.1,
    "infinite": float("inf"),
    "money": Decimal("1234.50"),
    "day": date(2026, 2, 28),
    "hour": time(9, 30),
    "span": timedelta(days=3, seconds=5, microseconds=7),
    "instant": datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC),
    "local": datetime(2026, 1, 31, 23, 59, 59),
    "list": [1, "two", None, [3.5]],
    "pair": ("a", ("b", 1)),
    "set": {"x", "y"},
    "frozen": frozenset({1, 2}),
    "nested": {"deep": {"deeper": [("t",), {"$date": "not a tag but a key"}]}},
    "tagged": {"$tuple": [1, 2]},
    "odd keys": {1: "one", None: "none", (1, 2): "pair"},
}

FULL_TICKET = Ticket(
    id="1042",
    status="in_process",
    priority="high",
    channel="whatsapp",
    subject="",
    body="Mi licuadora no funciona; «ya llamé» tres veces.",
    type="Reclamo",
    tags=("esc:no-parts", "vip"),
    group="Supervisión",
    agent="Laura Núñez",
    product="Licuadora",
    brand="Marca",
    category="Reparación",
    customer="ACME",
    requester="José Ibáñez",
    requester_email="jose@example.com",
    requester_phone="+52 55 0000 0000",
    contract="C-1",
    escalation_type="no-parts",
    custom=CUSTOM_VALUES,
    created_at=at(-10_000),
    updated_at=datetime(2026, 1, 5, 3, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-6))),
    status_since=at(-5_000),
    agent_responded_at=at(-4_000),
    customer_responded_at=at(-3_000),
    first_responded_at=at(-9_000),
    resolved_at=at(-2_000),
    closed_at=at(-1_000),
    due_by=at(1_000),
    first_response_due=at(500),
    escalated_at=at(-4_500),
    autoclose_clock=at(-5_000),
    gone="archived",
    raw={"status": "En proceso", "priority": "3"},
    unknown=frozenset({"contract", "custom.serie"}),
    place="export.csv:17",
)

FULL_MEMORY = Memory(
    first_seen=at(-10_000),
    situation="no-parts",
    situation_since=at(-4_500),
    done={"keepalive:1042:1": "2026-01-05T09:30:00Z"},
    toggles=(at(-100), at(-50)),
    ours={"priority": "high", "tags": ("a", "b")},
    human={"agent": "Laura Núñez", "group": None},
    writes=(at(-5), at(-3)),
    own_updated_at=("2026-01-05T09:29:00Z",),
    quarantined_until=at(60),
    extra={"flaps": 2, "when": at(1)},
)

FULL_ACTION = Action(
    id="a-1",
    ticket="1042",
    kind="toggle",
    rule=RuleRef("keepalive", "seguimiento semanal", "keepalive.yaml", 12),
    key="keepalive:1042:1",
    changes={"priority": ("normal", "high"), "tags": (("a",), ("a", "b")), "custom.cf_n": (None, 3)},
    text="Nota",
    to=("supervisora",),
    due=at(-1),
    reasons=(Reason("AUTOCLOSE", "closes in 12 h", {"clock": at(-5_000), "left": 0.5}), Reason("PLAIN", "so")),
    expected={"status": "in_process", "updated_at": "2026-01-05T09:29:00Z", "tags": ("a",)},
    reaches_customer=True,
    details={"through": "completed", "back": "in_process", "cap": 8},
)

MINIMAL_ACTION = Action(id="a-0", ticket="7", kind="note", rule=RuleRef("matrix", "m", "m.yaml", 1), key="k")


def ticket(id_: str, *, status: str | None = "in_process", gone: str | None = None, body: str = "hola") -> Ticket:
    """A small ticket."""
    return Ticket(id=id_, status=status, gone=gone, subject="No funciona", body=body, updated_at=T0, created_at=T0)


def row(id_: str, wake: float | None = None, *, status: str | None = "in_process", gone: str | None = None) -> Mirrored:
    """A small ticket, to be looked at again at minute `wake`."""
    return Mirrored(ticket(id_, status=status, gone=gone), Memory(first_seen=T0), None if wake is None else at(wake))


def intent(
    id_: str, *, minute: float = 0, ticket: str = "7", account: str = "mx", outcome: Outcome = Outcome.INTENDED
) -> Intent:
    """An intent journalled at that minute."""
    action = Action(id=id_, ticket=ticket, kind="set", rule=RuleRef("priority", "p", "p.yaml", 3), key=f"k:{id_}")
    return Intent(
        id=id_, account=account, plan="p" * 64, action=action, outcome=outcome, created_at=at(minute),
        updated_at=at(minute), epoch=1,
    )  # fmt: skip


def plan(digest: str, *, minute: float = 0, account: str = "mx", state: str = "held") -> SavedPlan:
    """A saved plan that expires two hours after it was saved."""
    return SavedPlan(digest, account, state, {"actions": [1, ("a", "b")]}, at(minute), at(minute + 120))
