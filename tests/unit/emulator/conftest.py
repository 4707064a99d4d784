"""A running emulator and a plain client for it, over a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from connector.emulator import Emulator, serve

Json = dict[str, Any]
NOW = "2026-03-02T09:00:00Z"


class Client:
    """Calls the API with a key, and the control API without."""

    def __init__(self, emulator: Emulator, key: str = "admin-key") -> None:
        self.emulator = emulator
        self.session = requests.Session()
        self.session.auth = (key, "X")

    def call(self, method: str, path: str, **given: Any) -> requests.Response:
        return self.session.request(method, f"{self.emulator.url}/api/v2{path}", timeout=20, **given)

    def get(self, path: str, **given: Any) -> requests.Response:
        return self.call("GET", path, **given)

    def put(self, path: str, body: Any) -> requests.Response:
        return self.call("PUT", path, json=body)

    def post(self, path: str, body: Any) -> requests.Response:
        return self.call("POST", path, json=body)

    def control(self, name: str, body: Any = None) -> Any:
        url = f"{self.emulator.url}/_emulator/{name}"
        answer = requests.get(url, timeout=20) if body is None else requests.post(url, json=body, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance(self, **span: float) -> Json:
        units = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
        shown: Json = self.control("advance", {"seconds": sum(units[name] * n for name, n in span.items())})
        return shown

    def event(self, ticket: int | None, by: str = "agent", **given: Any) -> Json:
        shown: Json = self.control("events", {"ticket": ticket, "by": by, **given})
        return shown

    def state(self, ticket: int) -> Json:
        """The true state of one ticket."""
        found: Json = self.control(f"tickets?ids={ticket}")[0]
        return found

    def mails(self, *causes: str) -> list[Json]:
        """The outbox, narrowed to causes."""
        return [mail for mail in self.control("outbox") if not causes or mail["cause"] in causes]


def seed(*tickets: Json, **more: Any) -> Json:
    """A seed at NOW with an administrator, two agents, a group, a customer and these tickets."""
    return {
        "now": NOW,
        "statuses": {"8": ["En proceso", "Being processed"], "9": ["Completado", "Done"]},
        "agents": [
            {"id": 1, "contact": {"name": "Root", "email": "root@desk.example"}, "role": "admin"},
            {"id": 2, "contact": {"name": "Ana", "email": "ana@desk.example"}, "api_key": "ana-key", "ticket_scope": 1},
            {
                "id": 3,
                "contact": {"name": "Luis", "email": "luis@desk.example"},
                "api_key": "luis-key",
                "ticket_scope": 3,
            },
            {"id": 4, "contact": {"name": "Eva", "email": "eva@desk.example"}, "api_key": "eva-key", "ticket_scope": 2},
        ],
        "groups": [
            {"id": 50, "name": "Soporte", "agent_ids": [2, 4]},
            {"id": 51, "name": "Supervisión", "agent_ids": [3]},
        ],
        "companies": [{"id": 70, "name": "Cocinas SA"}],
        "contacts": [{"id": 90, "name": "Cliente Uno", "email": "uno@cliente.example", "company_id": 70}],
        "products": [{"id": 60, "name": "Hornos"}],
        "tickets": [{"requester_id": 90, "subject": "no funciona", **ticket} for ticket in tickets],
        **more,
    }


@pytest.fixture
def start() -> Iterator[Callable[..., Client]]:
    """Start emulators and hand out clients; all are stopped at the end."""
    running: list[Client] = []

    def begin(*tickets: Json, seed_more: Json | None = None, whole: Json | None = None, **options: Any) -> Client:
        options.setdefault("key", "admin-key")
        client = Client(serve(whole if whole is not None else seed(*tickets, **(seed_more or {})), **options))
        running.append(client)
        return client

    yield begin
    for client in running:
        client.session.close()
        client.emulator.stop()
