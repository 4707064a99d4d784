"""A Freshdesk account for tests: the emulator on a loopback socket, and the real reader and writer against it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connector.core.fieldmap import FieldMap
from connector.emulator import Emulator, serve
from connector.helpdesks.freshdesk import open_freshdesk
from connector.http.budget import Budget
from connector.http.client import HttpOptions
from tests.contract.helpdesk_contract import NOW

STATUSES = {"8": ["En proceso", "En trabajo"], "9": ["Completado", "En trabajo"], "10": ["Raro", "Raro"]}
FIELD_MAP = FieldMap(
    "freshdesk",
    statuses={
        "open": ("2", "Open", "Abierto"),
        "in_process": ("En proceso",),
        "waiting_customer": ("3", "6"),
        "waiting_other": ("7",),
        "completed": ("Completado", "4"),
        "closed": ("5", "Closed"),
    },
    fields={"escalation_type": "cf_escalation_type", "escalated_at": "cf_escalated_on", "custom.serie": "cf_serie"},
    timezone="America/Mexico_City",
    file="freshdesk.yaml",
)
CODES = {"open": 2, "in_process": 8, "waiting_customer": 3, "completed": 9, "closed": 5}
PRIORITIES = {"low": 1, "normal": 2, "high": 3, "urgent": 4}
LAURA, SUPERVISION = 9001, 5001


def stamp(at: Any) -> str:
    """An instant as the API writes it."""
    return str(at.strftime("%Y-%m-%dT%H:%M:%SZ"))


def ticket(number: int, **given: Any) -> dict[str, Any]:
    """A ticket of the seed."""
    return {
        "id": number,
        "subject": f"caso {number}",
        "description": f"<p>texto {number}</p>",
        "status": 8 if number % 2 else 2,
        "priority": 1 if number % 2 else 2,
        "source": 1,
        "created_at": stamp(NOW - timedelta(days=60)),
        "updated_at": stamp(NOW - timedelta(hours=1, seconds=number)),
        **given,
    }


def seed(tickets: list[dict[str, Any]], **given: Any) -> dict[str, Any]:
    """An account with custom statuses, an administrator, an agent, a group and the fields the map names."""
    return {
        "now": stamp(NOW),
        "statuses": STATUSES,
        "agents": [
            {"id": 9000, "name": "Escalera", "email": "bot@example.com", "role": "admin"},
            {"id": LAURA, "name": "Laura Núñez", "email": "laura@example.com", "api_key": "plain-agent"},
        ],
        "groups": [{"id": SUPERVISION, "name": "Supervisión", "agent_ids": [LAURA]}],
        "ticket_fields": [
            {"name": "cf_escalation_type", "label": "Tipo de escalación", "type": "custom_text"},
            {"name": "cf_escalated_on", "label": "Escalado el", "type": "custom_date"},
            {"name": "cf_serie", "label": "Serie", "type": "custom_text"},
        ],
        "tickets": tickets,
        **given,
    }


class FreshdeskDesk:
    """`world_seconds` is virtual: sleeping moves the emulator's clock and its rate window, so nothing really waits."""

    def __init__(
        self,
        given: dict[str, Any] | None = None,
        *,
        key: str = "key",
        plan: str = "unlimited",
        field_map: FieldMap = FIELD_MAP,
        leave_free: float = 0.25,
        attempts: int = 6,
        include: tuple[str, ...] = ("stats", "description"),
        companies: bool = False,
    ) -> None:
        self.emulator: Emulator = serve(given or seed([ticket(n) for n in range(1, 251)]), plan=plan)
        self.seconds = 0.0
        self.slept: list[float] = []
        self.emulator.helpdesk.limiter._wall = lambda: self.seconds
        self.budget = Budget(monotonic=lambda: self.seconds, leave_free=leave_free)
        self.reader, self.writer = open_freshdesk(
            "demo",
            self.emulator.url,
            key,
            field_map,
            include=include,
            companies=companies,
            budget=self.budget,
            options=HttpOptions(attempts=attempts, read_timeout=5, deadline=10),
            sleep=self.sleep,
            monotonic=lambda: self.seconds,
        )

    def close(self) -> None:
        self.reader.close()
        self.emulator.stop()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        before = int(self.seconds)
        self.seconds += seconds
        self.emulator.advance(int(self.seconds) - before)

    def advance(self, seconds: int) -> None:
        self.seconds += seconds
        self.emulator.advance(seconds)

    def event(self, ticket_id: str, by: str, **what: Any) -> None:
        from connector.emulator.control import apply_event

        with self.emulator.world.lock:
            apply_event(self.emulator.helpdesk, {"ticket": int(ticket_id), "by": by, **what})

    def customer_reply(self, ticket_id: str) -> None:
        self.event(ticket_id, "customer", reply="¿Y mi caso?")

    def agent_edit(self, ticket_id: str, **changes: Any) -> None:
        fields: dict[str, Any] = {}
        for name, value in changes.items():
            fields[name] = {"status": CODES, "priority": PRIORITIES}.get(name, {}).get(value, value)
            if name == "tags":
                fields[name] = list(value)
        self.event(ticket_id, "agent", set=fields)

    def hide(self, ticket_id: str, how: str) -> None:
        self.event(ticket_id, "agent", **({"spam": True} if how == "spam" else {"delete": True}))

    def refuse_next_write(self) -> None:
        self.emulator.helpdesk.set_faults("429:times=6,on=PUT,retry_after=1")

    def lose_next_answer(self) -> None:
        self.emulator.helpdesk.set_faults("drop_answer:times=1,on=POST")

    def truth(self) -> dict[str, tuple[str, str]]:
        status, priority = ({v: k for k, v in codes.items()} for codes in (CODES, PRIORITIES))
        return {
            str(n): (status[t.fields["status"]], priority[t.fields["priority"]])
            for n, t in self.emulator.world.tickets.items()
            if t.listed
        }

    def requests(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        """The emulator's request log, filtered."""
        return [r for r in self.emulator.world.requests if r["method"].startswith(method) and path in r["path"]]
