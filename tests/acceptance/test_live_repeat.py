"""Repeat complaints lived through: the eight rows against a real socket, over days, started anew for each cycle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.live import Centre

PACK = Path("mappings/gas-utility-cl")
NOW = "2026-03-02T12:00:00Z"  # Monday, 09:00 in Santiago
LATER, PAST = "2026-03-04T21:00:00Z", "2026-02-27T21:00:00Z"
SILENCE = "No he tenido respuesta a mi reclamo por el cobro excesivo en la cuenta"
UNHAPPY = "No estoy de acuerdo con la respuesta por el cobro excesivo en la cuenta"
SUPERVISION, OWNERS = 5001, 5002
IN_PERSON, PHONE, EMAIL = 101, 3, 1
SUPERVISOR = "marcela.rojas@contacto.example"
_RESOLVED = {"status": 4, "stats": {"resolved_at": "2026-02-20T15:00:00Z"}}


@dataclass(frozen=True)
class Story:
    """A customer: the request, a follow-up where there is one, what the insistence says, and what is to come of it."""

    name: str
    first: dict[str, Any]
    says: str
    follow_up: dict[str, Any] | None = None
    line: str = "Envasado"
    channel: int = PHONE
    note: str | None = None
    creates: str | None = None
    goes_up: bool = False


_WAITS, _LATE = {"status": 2, "due_by": LATER}, {"status": 2, "due_by": PAST}
_ANSWERED = {**_RESOLVED, "due_by": PAST}
STORIES = (
    Story("fila 1", _WAITS, SILENCE, note="a más tardar el 2026-03-04 18:00"),
    Story("fila 2", _ANSWERED, SILENCE, note="ya respondió"),
    Story("fila 3, medidor", _LATE, SILENCE, line="Medidor", note="sucursal virtual"),
    Story("fila 3, envasado", _LATE, SILENCE, channel=IN_PERSON, creates="Respuesta fuera de plazo"),
    Story("fila 4, medidor", _ANSWERED, UNHAPPY, line="Medidor", note="inconformidad en la respuesta"),
    Story("fila 4, granel", _ANSWERED, UNHAPPY, line="Granel", creates="Inconformidad en la respuesta"),
    Story("fila 5", _ANSWERED, SILENCE, _WAITS, note="(seguimiento"),
    Story("fila 6", _LATE, SILENCE, _ANSWERED, note="pasa a supervisión", goes_up=True),
    Story("fila 7", _LATE, SILENCE, _LATE, note="pasa a supervisión", goes_up=True),
    Story("fila 8", _ANSWERED, UNHAPPY, _ANSWERED, note="pasa a supervisión", goes_up=True),
)


def _seed() -> dict[str, Any]:
    tickets: list[dict[str, Any]] = []
    for n, story in enumerate(STORIES, 1):
        common = {"requester_id": 800 + n, "source": PHONE, "updated_at": "2026-02-26T12:00:00Z"}
        fields = {"cf_linea": story.line, "cf_contrato": f"C-{n}"}
        tickets.append({
            "id": 100 + n, "subject": "Cobro excesivo en la cuenta", "created_at": "2026-02-10T12:00:00Z",
            "custom_fields": fields, **common, **story.first,
        })  # fmt: skip
        if story.follow_up is not None:
            tickets.append({
                "id": 200 + n, "subject": f"Respuesta fuera de plazo: requerimiento {100 + n}", "tags": ["seguimiento"],
                "created_at": "2026-02-18T12:00:00Z", "custom_fields": {**fields, "cf_ticket_anterior": str(100 + n)},
                **common, **story.follow_up,
            })  # fmt: skip
    # Others' tickets, so that the centre is one of some size.
    tickets += [{"id": 400 + n, "subject": "Consulta", "created_at": NOW, "updated_at": NOW} for n in range(80)]
    return {
        "now": NOW,
        "statuses": {"8": "En proceso", "9": "Completado"},
        "sources": {str(IN_PERSON): "Presencial"},
        "types": ["Reclamo", "Insistencia"],
        "agents": [
            {"id": 9000, "name": "Escalera", "email": "bot@contacto.example", "role": "admin"},
            {"id": 9001, "name": "Marcela Rojas", "email": SUPERVISOR},
        ],
        "groups": [{"id": SUPERVISION, "name": "Supervisión"}, {"id": OWNERS, "name": "Gestión de Clientes"}],
        "contacts": [
            {"id": 800 + n, "name": f"Cliente {n}", "email": f"c{n}@cliente.example", "mobile": f"+56 9 8765 43{n:02}"}
            for n in range(1, len(STORIES) + 1)
        ],
        "ticket_fields": [
            {"name": name, "label": name, "type": "custom_text"}
            for name in (
                "cf_categoria", "cf_contrato", "cf_linea", "cf_ticket_anterior",
                "cf_categoria_1", "cf_categoria_2", "cf_categoria_3",
            )
        ],
        "tickets": tickets,
    }  # fmt: skip


def _insists(centre: Centre, n: int, says: str = "", **fields: Any) -> int:
    """A customer calls again; an agent writes it down."""
    story = STORIES[n - 1]
    return centre.act(
        by="agent",
        create={
            "requester_id": 800 + n, "subject": "Insistencia", "source": story.channel, "status": 8, "priority": 1,
            "description": says or story.says, **fields,
        },
    )  # fmt: skip


@dataclass
class Lived:
    """Four days of the centre, and what stood there after the first: by story."""

    centre: Centre
    insistences: dict[str, int]
    created: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    groups: dict[str, int | None] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    again: dict[str, int] = field(default_factory=dict)
    before: set[int] = field(default_factory=set)

    def follow_ups(self, n: int) -> list[int]:
        """Tickets of a customer that nobody but the daemon wrote."""
        ours = self.centre.numbers() - self.before - set(self.insistences.values()) - set(self.again.values())
        return sorted(number for number in ours if self.centre.ticket(number)["requester_id"] == 800 + n)

    def remember(self) -> None:
        """What stands there now."""
        outbox = self.centre.emulator.world.outbox
        for n, story in enumerate(STORIES, 1):
            number = self.insistences[story.name]
            self.created[story.name] = [self.centre.ticket(one) for one in self.follow_ups(n)]
            self.texts[story.name] = [self.centre.emulator.world.tickets[one].description for one in self.follow_ups(n)]
            self.notes[story.name] = self.centre.notes(number)
            self.groups[story.name] = self.centre.ticket(number)["group_id"]
            self.told[story.name] = sum(mail["ticket"] == number and mail["to"] == SUPERVISOR for mail in outbox)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Monday to Friday: everybody insists on Monday; the daemon is started anew for each cycle."""
    centre = Centre(tmp_path_factory.mktemp("live"), _seed(), PACK)
    begin = datetime.fromisoformat(NOW)
    try:
        centre.cycle()
        before = centre.numbers()
        life = Lived(centre, {story.name: _insists(centre, n) for n, story in enumerate(STORIES, 1)}, before=before)
        _let(centre, begin + timedelta(hours=12))
        life.remember()
        # An agent answers the follow-up about the bulk customer's unhappiness, and marks a metered one for filing.
        centre.act(ticket=life.follow_ups(6)[0], by="agent", reply="Revisamos su cuenta.", set={"status": 4})
        centre.act(ticket=life.insistences["fila 4, medidor"], by="agent", set={"tags": ["crear-seguimiento"]})
        _let(centre, begin + timedelta(hours=36))
        life.groups["fila 4, granel, martes"] = centre.ticket(life.insistences["fila 4, granel"])["group_id"]
        # Both customers with a follow-up insist again: one waits for an answer, one rejects the answer.
        life.again = {"fila 3, envasado": _insists(centre, 4), "fila 4, granel": _insists(centre, 6)}
        _let(centre, begin + timedelta(hours=44))
        life.notes["otra vez"] = centre.notes(life.again["fila 3, envasado"])
        _let(centre, begin + timedelta(days=4))
        yield life
    finally:
        centre.close()


def _let(centre: Centre, until: datetime) -> None:
    for _ in centre.live(until, every=timedelta(hours=12)):
        pass


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_each_row_has_its_outcome_and_only_that(lived: Lived, story: Story) -> None:
    """One note where something is told; one ticket where one is to be created; supervision where it goes up."""
    notes = lived.notes[story.name]
    assert len(lived.created[story.name]) == (1 if story.creates else 0)
    assert lived.groups[story.name] == (SUPERVISION if story.goes_up else None)
    assert lived.told[story.name] == (1 if story.goes_up else 0)
    if story.creates:  # what was filed is told with its deadline
        follow_up = lived.created[story.name][0]["id"]
        assert [f"(seguimiento {follow_up})" in note for note in notes] == [True]
        return
    # A message to the supervisor is a note that mails her.
    assert len(notes) == (2 if story.goes_up else 1), notes
    assert any((story.note or "") in note for note in notes), notes


@pytest.mark.parametrize("story", [one for one in STORIES if one.creates], ids=lambda story: story.name)
def test_a_follow_up_is_typified_as_the_source_says(lived: Lived, story: Story) -> None:
    """Category, owner, priority, class, status, channel (in person becomes e-mail), who asks, contract and line."""
    [made], n = lived.created[story.name], STORIES.index(story) + 1
    assert made["subject"] == f"{story.creates}: requerimiento {100 + n}"
    assert (made["group_id"], made["priority"], made["type"], made["status"]) == (OWNERS, 3, "Reclamo", 2)
    assert made["source"] == (EMAIL if story.channel == IN_PERSON else PHONE)
    assert made["requester_id"] == 800 + n
    assert made["tags"] == ["seguimiento"]
    given = made["custom_fields"]
    assert given["cf_categoria"] == story.creates
    assert (given["cf_linea"], given["cf_contrato"]) == (story.line, f"C-{n}")
    assert given["cf_ticket_anterior"] == str(100 + n)
    [text] = lived.texts[story.name]
    for told in (f"Nombre: Cliente {n}", f"c{n}@cliente.example", "Teléfono: +56 9 8765", story.says):
        assert told in text


def test_a_deadline_that_passes_turns_row_1_into_row_3(lived: Lived) -> None:
    """The customer was told Wednesday; on Wednesday evening the follow-up is filed, once, whatever is started anew."""
    number = lived.insistences["fila 1"]
    assert "a más tardar el 2026-03-04 18:00" in lived.centre.notes(number)[0]
    [filed] = lived.follow_ups(1)
    assert lived.centre.ticket(filed)["created_at"] >= LATER


def test_who_insists_again_gets_the_follow_ups_deadline_and_no_second_ticket(lived: Lived) -> None:
    """Row 5 for the second call; when the follow-up is overdue both calls are the supervisor's (row 7)."""
    [filed] = lived.follow_ups(4)
    assert [f"(seguimiento {filed})" in note for note in lived.notes["otra vez"]] == [True]
    for number in (lived.insistences["fila 3, envasado"], lived.again["fila 3, envasado"]):
        assert lived.centre.ticket(number)["group_id"] == SUPERVISION


def test_an_answered_follow_up_goes_up_only_when_the_customer_speaks_again(lived: Lived) -> None:
    """The first call was before the answer and rests; the second rejects it: row 8. Neither files anything."""
    assert lived.groups["fila 4, granel, martes"] is None
    assert lived.centre.ticket(lived.again["fila 4, granel"])["group_id"] == SUPERVISION
    assert len(lived.follow_ups(6)) == 1


def test_a_metered_customers_follow_up_is_filed_when_an_agent_says_so(lived: Lived) -> None:
    """The newer rule, by the tag."""
    [filed] = lived.follow_ups(5)
    assert lived.centre.ticket(filed)["custom_fields"]["cf_categoria"] == "Inconformidad en la respuesta"
    assert lived.follow_ups(3) == []


def test_nothing_was_repeated_refused_or_left_unknown(lived: Lived) -> None:
    """Over all cycles: every action once, all of them done, and no cycle in trouble."""
    ended = [(one.action.ticket, one.action.key) for report in lived.centre.reports for one in report.applied]
    assert len(ended) == len(set(ended))
    outcomes = {one.outcome.value for report in lived.centre.reports for one in report.applied}
    assert outcomes == {"done"}
    assert not any(report.trouble or report.quarantined for report in lived.centre.reports)
