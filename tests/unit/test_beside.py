"""What is looked up beside a ticket, and a whole life of insistences on one request, cycle by cycle."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from connector.beside import Lookup
from connector.core.model import Memory, Ticket
from connector.cycle.run import gather, run_cycle
from connector.errors import Unavailable
from connector.mapping.load import load_policy_from_texts
from tests.desk import DAY, HOUR, START, World
from tests.unit.core.test_repeat import first as request
from tests.unit.core.test_repeat import insists, texts

REPLIES = "vocabulary: [{name: never, never: [no se puede], replies: {note: 'It says #FOUND#.'}}]\n"


def world(*tickets: Ticket, more: str = "") -> World:
    """A helpdesk with these tickets under the repeat pack."""
    one = World(*tickets)
    one.account.policy = load_policy_from_texts({**texts(), "more.yaml": more} if more else texts())
    one.desk.groups.update(Customers="77", Supervision="78")
    return one


def old(**values: Any) -> Ticket:
    """A request twenty days old and overdue."""
    return request(status="open", created_at=START - 20 * DAY, due_by=START - DAY, **values)


def new(number: str = "20", hours: float = 5) -> Ticket:
    """An insistence some hours old."""
    return replace(insists(), id=number, created_at=START - timedelta(hours=hours))


def created(one: World) -> list[dict[str, Any]]:
    return [dict(each.values) for each in one.desk.written if each.kind == "create"]


# --- the look-up ----------------------------------------------------------------------------------------------------
def test_only_an_insistence_is_looked_up_and_what_was_done_on_its_kin_is_told() -> None:
    """By any of its keys; other customers' tickets stay out; keys of other kinds of rules too."""
    one = world(old(), new("20"), new("18", 9), replace(old(), id="11", requester_email="eva@example.com"))
    one.mirror()
    row = replace(one.row("18"), memory=Memory(done={"repeat:10:create:overdue": "x", "priority:a": "y"}))
    with one.store.transaction():
        one.store.put("demo", [row])
    found = Lookup("demo", one.store).of(one.account.policy, new("20"), Memory(), START)
    assert found.related is not None
    assert sorted(ticket.id for ticket in found.related) == ["10", "18"]
    assert found.done == {"repeat:10:create:overdue"}
    assert Lookup("demo", one.store).of(one.account.policy, old(), Memory(), START).related is None


def test_a_dry_run_finds_what_is_not_mirrored_yet() -> None:
    """The first one, over an empty state, decides as the cycle after it."""
    one = world(old(), new())
    dry = gather(one.account, START)
    [wanted] = [want for each in dry.evaluations for decision in each.decisions for want in decision.wants]
    assert wanted.key == "repeat:10:create:overdue"
    assert list(one.store.scan("demo")) == []


def test_replies_are_read_only_where_a_rule_asks_and_a_failed_read_is_not_an_empty_one() -> None:
    """The newest public reply of an agent; notes and customers' words are none."""
    answered = ticket_with_reply(START)
    one = world(answered, more=REPLIES)
    one.desk.agent_reply("1", "Claro que sí.")
    one.desk.agent_note("1", "no se puede")
    one.desk.customer_reply("1", "¿no se puede?")
    look = Lookup("demo", one.store, one.account.reader)
    found = look.of(one.account.policy, answered, Memory(), START)
    assert found.reply is not None
    assert found.reply.text == "Claro que sí."
    assert look.of(one.account.policy, replace(answered, agent_responded_at=None), Memory(), START).reply is None

    class Broken:
        def notes(self, ticket_id: str) -> Any:
            msg = f"{ticket_id}: down"
            raise Unavailable(msg)

    broken = Lookup("demo", one.store, Broken())  # type: ignore[arg-type]
    assert broken.of(one.account.policy, answered, Memory(), START).reply is None


def ticket_with_reply(at: Any) -> Ticket:
    """A ticket that an agent answered just now."""
    return Ticket("1", status="open", created_at=at - DAY, updated_at=at, agent_responded_at=at, body="hello")


# --- a whole life ---------------------------------------------------------------------------------------------------
def test_two_insistences_make_one_follow_up_and_the_next_goes_up_when_it_is_overdue() -> None:
    """In one cycle, in later ones, and after the first insistence was closed: one follow-up, then the supervisor."""
    one = world(old(), new("20", 5), new("21", 4))
    run_cycle(one.account, now=one.now)
    assert [each["custom.first"] for each in created(one)] == ["10"]
    for _ in range(6):
        one.desk.advance(HOUR)
        run_cycle(one.account, now=one.now)
    assert len(created(one)) == 1
    one.desk.agent_edit("20", status="closed")
    for _ in range(30):
        one.desk.advance(DAY)
        run_cycle(one.account, now=one.now)
    assert len(created(one)) == 1
    assert one.desk.all()["21"].group == "Supervision"
