"""The twenty traps a Freshdesk sync daemon must survive, each a test against the emulator over a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests

from connector.core.fieldmap import FieldMap
from connector.errors import OutcomeUnknown, Refused, Unavailable
from connector.helpdesks.freshdesk_shapes import STATS
from tests.contract.freshdesk_desk import FIELD_MAP, LAURA, FreshdeskDesk, seed, stamp, ticket
from tests.contract.helpdesk_contract import NOW, Seen

MakeDesk = Callable[..., FreshdeskDesk]


@pytest.fixture
def make() -> Iterator[MakeDesk]:
    made: list[FreshdeskDesk] = []

    def build(*tickets: dict[str, Any], settings: dict[str, Any] | None = None, **options: Any) -> FreshdeskDesk:
        given = seed(list(tickets), **({"settings": settings} if settings else {}))
        made.append(FreshdeskDesk(given, **options))
        return made[-1]

    yield build
    for desk in made:
        desk.close()


def puts(desk: FreshdeskDesk) -> list[dict[str, Any]]:
    """The bodies of all PUTs."""
    return [r["body"] if isinstance(r["body"], dict) else json.loads(r["body"]) for r in desk.requests("PUT")]


def test_trap_01_listing_without_updated_since_hides_old_tickets(make: MakeDesk) -> None:
    """The plain list shows no ticket created more than 30 days ago; the feed asks since 1970 and shows it."""
    desk = make(ticket(1, created_at=stamp(NOW - timedelta(days=400)), updated_at=stamp(NOW - timedelta(days=399))))
    plain = requests.get(desk.emulator.url + "/api/v2/tickets", auth=("key", "X"), timeout=5)
    assert plain.json() == []
    seen = Seen({})
    assert seen.sync(desk.reader) == ["1"]
    assert all("updated_since=" in request["path"] for request in desk.requests("GET", "/tickets?")[1:])


def test_trap_02_page_301_is_never_asked_for(make: MakeDesk) -> None:
    """31,000 tickets, many to a second: all are read, by pages 1 to 300 alone."""
    rows = [
        {"id": n, "updated_at": stamp(NOW - timedelta(days=9) + timedelta(seconds=n // 700))} for n in range(1, 31_001)
    ]
    desk = make(*rows)
    seen = Seen({})
    seen.sync(desk.reader)
    assert len(seen.tickets) == 31_000
    pages = [int(r["path"].split("&page=")[1].split("&")[0]) for r in desk.requests("GET", "/tickets?")]
    assert max(pages) <= 300
    assert {request["status"] for request in desk.requests()} == {200}


def test_trap_03_rows_of_the_boundary_second_are_neither_lost_nor_doubled(make: MakeDesk) -> None:
    """250 tickets in one second; another one changes in that very second after it was read."""
    desk = make(*[ticket(n, updated_at=stamp(NOW)) for n in range(1, 251)])
    seen = Seen({})
    came = seen.sync(desk.reader)
    assert sorted(came) == sorted(set(came))
    desk.agent_edit("9", priority="urgent")  # the emulator's clock stands still: the stamp is the same
    assert seen.sync(desk.reader) == ["9"]
    assert seen.states() == desk.truth()


@pytest.mark.parametrize("same_second", [False, True])
def test_trap_04_rows_shifted_by_writers_while_paging_are_not_skipped(make: MakeDesk, same_second: bool) -> None:
    """Each page read, a ticket of a page already read changes and the rows behind it move up."""
    desk = make(
        *[ticket(n, updated_at=stamp(NOW - timedelta(seconds=900 if same_second else n))) for n in range(1, 801)]
    )
    seen = Seen({})
    for number, batch in enumerate(desk.reader.changed(None), 1):
        seen.take(batch)
        desk.advance(1)
        for at in range(3):
            desk.agent_edit(str(800 - 90 * (number % 8) - at), priority="urgent")
        if number > 30:
            break
    seen.sync(desk.reader)
    assert seen.states() == desk.truth()


def test_trap_05_a_sync_killed_after_any_page_resumes_without_a_gap(make: MakeDesk) -> None:
    """Every cursor handed out is tried as the place of death."""
    desk = make(*[ticket(n, updated_at=stamp(NOW - timedelta(seconds=n // 60))) for n in range(1, 601)])
    batches = list(desk.reader.changed(None))
    for died_after in range(1, len(batches)):
        seen = Seen({})
        for batch in batches[:died_after]:
            seen.take(batch)
        seen.sync(desk.reader)
        assert seen.states() == desk.truth()


def test_trap_06_vanished_tickets_are_found_and_refuse_writes(make: MakeDesk) -> None:
    """Deleted and spam leave the feed: they are listed apart, read as gone; unknown and merged ones are missing."""
    desk = make(*[ticket(n) for n in range(1, 7)])
    seen = Seen({})
    seen.sync(desk.reader)
    desk.hide("1", "deleted")
    desk.hide("2", "spam")
    desk.event("3", "agent", merge_into=4)
    assert {t.id: t.gone for t in desk.reader.vanished()} == {"1": "deleted", "2": "spam"}
    assert (desk.reader.ticket("1").gone, desk.reader.ticket("2").gone) == ("deleted", "spam")
    assert desk.reader.ticket("777").gone == "missing"
    for number, status in (("1", 405), ("2", 405), ("3", 403), ("777", 404)):
        with pytest.raises(Refused) as caught:
            desk.writer.update(number, {"priority": "high"})
        assert caught.value.status == status
    desk.writer.update("5", {"priority": "high"})


def test_trap_07_own_writes_come_back_with_the_stamp_a_reread_shows(make: MakeDesk) -> None:
    """So the journal can know its own echo."""
    desk = make(ticket(1))
    seen = Seen({})
    seen.sync(desk.reader)
    for write in (lambda: desk.writer.update("1", {"priority": "high"}), lambda: desk.writer.add_note("1", "nota")):
        desk.advance(60)
        write()
        stamp_read = desk.reader.ticket("1").updated_at
        assert seen.sync(desk.reader) == ["1"]
        assert seen.tickets["1"].updated_at == stamp_read


def test_trap_08_a_humans_edit_of_other_fields_survives_our_write(make: MakeDesk) -> None:
    """No ETag: only changed keys go out, and a re-read right before shows the edit by its stamp."""
    desk = make(ticket(1))
    before = desk.reader.ticket("1")
    desk.advance(10)
    desk.agent_edit("1", status="waiting_customer", tags=("vip",), subject="otro asunto")
    again = desk.reader.ticket("1")
    assert again.updated_at != before.updated_at
    desk.writer.update("1", {"priority": "urgent"})
    after = desk.reader.ticket("1")
    assert (after.status, after.tags, after.subject, after.priority) == (
        "waiting_customer",
        ("vip",),
        "otro asunto",
        "urgent",
    )


def test_trap_09_a_put_carries_changed_keys_only_and_never_the_fetched_object(make: MakeDesk) -> None:
    """What the API does not let anyone set is refused before it is sent."""
    desk = make(ticket(1))
    desk.writer.update("1", {"priority": "urgent", "custom.serie": "A-1", "agent": "Laura Núñez"})
    assert puts(desk) == [{"priority": 4, "custom_fields": {"cf_serie": "A-1"}, "responder_id": LAURA}]
    for name in ("updated_at", "created_at", "id", "requester", "spam"):
        with pytest.raises(Refused):
            desk.writer.update("1", {name: "x"})
    desk.writer.update("1", {})
    assert len(desk.requests("PUT")) == 1


def test_trap_10_a_lost_answer_between_the_two_toggle_puts_is_unknown_and_not_repeated(make: MakeDesk) -> None:
    """The write has happened: only a re-read tells, and it does."""
    desk = make(ticket(1))
    desk.emulator.helpdesk.set_faults("drop_answer:times=1,on=PUT")
    with pytest.raises(OutcomeUnknown):
        desk.writer.update("1", {"status": "completed"})
    assert len(desk.requests("PUT")) == 1
    assert desk.reader.ticket("1").status == "completed"


def test_trap_11_a_customer_reply_mid_toggle_shows_as_open_before_the_second_put(make: MakeDesk) -> None:
    """The re-read between the two PUTs sees that the status is no longer ours."""
    desk = make(ticket(1))
    desk.writer.update("1", {"status": "completed"})
    desk.customer_reply("1")
    between = desk.reader.ticket("1")
    assert between.status == "open"
    assert between.customer_responded_at == between.updated_at


def test_trap_12_statuses_that_mail_the_customer_are_refused_unless_the_map_allows(make: MakeDesk) -> None:
    """4 and 5, by word or as the mapped code of `completed`; nothing is sent, nobody is mailed."""
    mapped = replace(FIELD_MAP, statuses={**FIELD_MAP.statuses, "completed": ("4",)})
    for field_map, word in ((FIELD_MAP, "closed"), (mapped, "completed")):
        desk = make(ticket(1, requester_id=70, email="ana@example.com"), field_map=field_map)
        desk.reader.connect()
        assert "mails the customer" in (desk.writer.refuses("1", {"status": word}) or "")
        with pytest.raises(Refused):
            desk.writer.update("1", {"status": word})
        assert desk.requests("PUT") == []
        assert desk.emulator.world.outbox == []
    allowed = make(ticket(1), field_map=replace(mapped, allow_notifying_status=True))
    allowed.writer.update("1", {"status": "completed"})
    assert puts(allowed) == [{"status": 4}]


def test_trap_12b_the_custom_completed_status_mails_nobody(make: MakeDesk) -> None:
    """A whole toggle by custom statuses leaves the outbox empty."""
    desk = make(ticket(1, requester_id=70, email="ana@example.com"))
    desk.writer.update("1", {"status": "completed"})
    desk.writer.update("1", {"status": "in_process"})
    assert puts(desk) == [{"status": 9}, {"status": 8}]
    assert desk.emulator.world.outbox == []


def test_trap_13_unknown_status_and_source_numbers_are_kept_and_never_crash(make: MakeDesk) -> None:
    """An unmapped code has no word, keeps its number and label, and stops nothing."""
    desk = make(ticket(1, status=10, source=22), ticket(2, source=17), ticket(3, source=13), ticket(4))
    with desk.emulator.world.lock:
        desk.emulator.world.tickets[4].fields.update(status=47, source=99, priority=9)
    seen = Seen({})
    seen.sync(desk.reader)
    odd, strange = seen.tickets["1"], seen.tickets["4"]
    assert (odd.status, odd.raw["status"], odd.raw["status_label"]) == (None, "10", "Raro")
    assert [seen.tickets[n].channel for n in "123"] == ["sms", "instagram", "whatsapp"]
    assert (strange.status, strange.channel, strange.priority) == (None, None, None)
    assert (strange.raw["status"], strange.raw["channel"], strange.raw["priority"]) == ("47", "99", "9")


def test_trap_14_a_429_with_credits_left_is_waited_out_and_never_latches(make: MakeDesk) -> None:
    """Growth lets 20 lists a minute: the header says otherwise, and the sync still ends by itself."""
    desk = make(*[ticket(n, updated_at=stamp(NOW - timedelta(seconds=n))) for n in range(1, 4001)], plan="growth")
    desk.emulator.helpdesk.set_faults("429:times=1,on_nth=3,retry_after=900")
    seen = Seen({})
    seen.sync(desk.reader)
    refused = [r for r in desk.requests() if r["status"] == 429]
    assert len(seen.tickets) == 4000
    assert 1 <= len(refused) <= 3
    assert max(desk.slept) <= 120
    desk.advance(61)
    assert seen.sync(desk.reader) == []


def test_trap_15_the_cost_of_includes_is_learnt_and_paid(make: MakeDesk) -> None:
    """List rows with stats and description cost 5 credits; the share of others is left in every minute."""
    desk = make(*[ticket(n, updated_at=stamp(NOW - timedelta(seconds=n))) for n in range(1, 6001)], plan="pro")
    Seen({}).sync(desk.reader)
    assert desk.budget.learnt().limited == 0
    listed = desk.requests("GET", "/tickets?")
    assert all("include=stats%2Cdescription" in request["path"] for request in listed)
    assert desk.seconds >= (len(listed) * 5 - 400 * 0.75) / (400 * 0.75) * 60 * 0.9


@pytest.mark.parametrize("headers", ["decimal", "absent"])
def test_trap_16_decimal_or_absent_rate_headers_are_lived_with(make: MakeDesk, headers: str) -> None:
    """No plan table is built in: what is not told is learnt from 429s."""
    desk = make(*[ticket(n, updated_at=stamp(NOW - timedelta(seconds=n))) for n in range(1, 3001)], plan="growth")
    desk.emulator.helpdesk.set_faults(f"headers={headers}")
    seen = Seen({})
    seen.sync(desk.reader)
    assert len(seen.tickets) == 3000
    assert desk.budget.learnt().total == (200.0 if headers == "decimal" else None)
    assert sum(r["status"] == 429 for r in desk.requests()) <= 5


def test_trap_17_the_search_is_never_asked(make: MakeDesk) -> None:
    """It lags, ends after 300 rows and knows only days: no part of reading or writing uses it."""
    desk = make(*[ticket(n) for n in range(1, 5)])
    desk.reader.connect()
    Seen({}).sync(desk.reader)
    desk.agent_edit("1", priority="urgent")
    assert desk.reader.ticket("1").priority == "urgent"  # at once, though the index is minutes behind
    desk.writer.update("1", {"priority": "low"})
    desk.reader.notes("1")
    list(desk.reader.vanished())
    assert desk.requests("", "/search") == []


def test_trap_18_due_by_may_be_null_is_never_written_and_never_taken_from_a_put(make: MakeDesk) -> None:
    """The answer of a PUT is stale on newer accounts; seconds later a re-read shows the promise."""
    desk = make(ticket(1, due_by=None, fr_due_by=None), settings={"stale_due_by": True})
    assert desk.reader.ticket("1").due_by is None
    made = desk.writer.create({"subject": "x", "requester_email": "ana@example.com", "priority": "low"})
    desk.advance(30)
    first = desk.reader.ticket(made).due_by
    desk.writer.update(made, {"priority": "urgent"})
    desk.advance(30)
    second = desk.reader.ticket(made).due_by
    assert first is not None
    assert second is not None
    assert second < first
    with pytest.raises(Refused):
        desk.writer.update(made, {"due_by": "2026-04-01T00:00:00Z"})
    assert all("due_by" not in body for body in puts(desk))


def test_trap_19_a_rule_that_undoes_our_change_is_seen_by_the_reread(make: MakeDesk) -> None:
    """Nothing is believed because we wrote it: flapping can be detected."""
    desk = make(ticket(1))
    desk.writer.update("1", {"priority": "urgent"})
    desk.event("1", "automation", set={"priority": 1})
    seen = Seen({})
    seen.sync(desk.reader)
    assert desk.reader.ticket("1").priority == "low"
    assert seen.tickets["1"].priority == "low"


def test_trap_20_null_arrays_archived_tickets_and_restricted_keys_are_told_not_tripped_over(make: MakeDesk) -> None:
    """A key without rights still works on what it sees, by names from the ticket form, and says what it lacks."""
    desk = make(ticket(1), ticket(2), key="plain-agent")
    with desk.emulator.world.lock:
        desk.emulator.world.tickets[1].fields.update(tags=None, cc_emails=None, custom_fields=None)
        desk.emulator.world.tickets[2].archived = True
        desk.emulator.world.reindex(desk.emulator.world.tickets[2])
    full = desk.reader.connect()
    assert full.scope == "global"
    assert any("may not list agents" in warning for warning in full.warnings)
    assert desk.reader.directory().agents["Laura Núñez"] == str(LAURA)
    assert desk.reader.ticket("1").tags == ()
    assert desk.reader.ticket("2").gone in {"missing", "archived"}
    seen = Seen({})
    seen.sync(desk.reader)
    assert list(seen.tickets) == ["1"]
    assert seen.tickets["1"].escalation_type is None


def test_a_restricted_key_is_warned_of_at_connection(make: MakeDesk) -> None:
    """A partial view that looks whole is the worst of them."""
    given = seed([ticket(1)])
    given["agents"][1]["ticket_scope"] = 3
    desk = FreshdeskDesk(given, key="plain-agent")
    try:
        connection = desk.reader.connect()
        assert connection.scope == "restricted"
        assert any("tickets outside it are not seen" in warning for warning in connection.warnings)
    finally:
        desk.close()


def test_without_stats_and_description_their_fields_are_unknown_not_empty(make: MakeDesk) -> None:
    """Cheaper pages know less, and say so."""
    desk = make(ticket(1), include=())
    seen = Seen({})
    seen.sync(desk.reader)
    assert seen.tickets["1"].unknown >= {*STATS, "body", "autoclose_clock", "requester"}
    single = desk.reader.ticket("1")
    assert (single.body, single.status_since is not None) == ("texto 1", True)
    assert not single.unknown & {*STATS, "body", "autoclose_clock"}


def test_the_clock_of_the_auto_close_rule_is_the_one_the_map_names(make: MakeDesk) -> None:
    """Any ticket clock, or any of the stats by its own name."""
    for name, expected in (("updated_at", "updated_at"), ("status_since", "status_since")):
        desk = make(ticket(1), field_map=FieldMap("freshdesk", autoclose_clock=name))
        read = desk.reader.ticket("1")
        assert read.autoclose_clock == getattr(read, expected)
    desk = make(ticket(1), field_map=FieldMap("freshdesk", autoclose_clock="no_such_clock"))
    assert "autoclose_clock" in desk.reader.ticket("1").unknown


def test_a_list_of_agents_that_repeats_its_page_is_not_asked_for_a_thousand_times(make: MakeDesk) -> None:
    """Two requests tell it; the names known so far stay."""
    desk = make(ticket(1))
    agents = [{"id": 9000 + n, "contact": {"name": f"A{n}", "email": f"a{n}@x.example"}} for n in range(100)]
    with desk.emulator.world.lock:
        for one in agents:
            desk.emulator.world.account.agents[one["id"]] = {**one, "group_ids": [], "ticket_scope": 1}
    desk.emulator.helpdesk.set_faults("repeat_page:on=GET /agents")
    with pytest.raises(Unavailable, match="page 2 is page 1 again"):
        desk.reader.connect()
    assert len(desk.requests("GET", "/agents?")) == 2
