"""The register's records through the life of a ticket: opened, followed up, caused, ended, opened again, rated."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog

from connector import crashpoints
from connector.core.records import REGISTERED, Escalation
from connector.cycle.run import run_cycle
from connector.errors import Unavailable
from connector.helpdesks.base import Rater
from tests.desk import DAY, HOUR, START, World, policy, ticket

BASE = """
pack: {name: test, title: Test, language: en, timezone: UTC, calendar: office}
calendars:
  office: {timezone: UTC, hours: {mon-sun: ["00:00-24:00"]}}
people:
  boss: {agent: "Laura Boss", email: laura@example.com}
  supervision: {group: Supervision}
  parts: {group: Parts}
situations:
  - id: no-parts
    title: No parts
    promise: 10d
    escalate: {at: once, notify: boss, note: It goes up}
    follow_up: {after: 7d, every: 7d, note: Look again}
    toggle: true
    register: {tab: No parts}
keepalive:
  - {name: alive, situations: no-parts, follow_up: situation, autoclose: {after: 14d, margin: 12h}, cap: 9, until: 90d}
"""
CAUSES = """
root_cause:
  - {name: parts owe it, cause: waiting_on_team, when: {tags: parts}, team: parts, hand_over: true,
     note: "#TO# keeps the customer informed", field: custom.root, label: [Waiting for parts]}
  - {name: promise, cause: promise_broken, promise: broken, label: [Not kept]}
"""
MATRIX = """
matrix:
  - name: ladder
    kind: hierarchical
    since: escalated
    levels:
      - {after: 24h, notify: boss, note: Level reached}
"""


def world(*more: str, **values: Any) -> World:
    """One ticket without parts, the base pack and what is added to it."""
    given = {"escalation_type": "no-parts", "customer": "Ana", "body": "x", "group": "Front", "agent": "Eva", **values}
    made = World(ticket(1, **given))
    made.desk.groups.update({"Parts": "51", "Front": "50", "Supervision": "52"})
    made.desk.agents["Eva"] = "8"
    made.account.policy = policy(*more, base=BASE)
    return made


def cycles(made: World, times: int = 3) -> None:
    """Cycles at one instant, until nothing more is wanted."""
    for _ in range(times):
        run_cycle(made.account, now=made.now)


def records(made: World) -> list[Escalation]:
    """All of the account, as they are kept."""
    return list(made.store.escalations("demo"))


def only(made: World) -> Escalation:
    """The one record there is."""
    [one] = records(made)
    return one


def test_a_situation_opens_a_record_with_its_line() -> None:
    """The line of the register, whose id is the action's key; entered once however many cycles follow."""
    made = world()
    cycles(made, 5)
    one = only(made)
    assert one.id == f"situation:no-parts:1:{START.isoformat()}:register"
    assert (one.ticket, one.tab, one.opened_at, one.is_open) == ("1", "No parts", START, True)
    told = {name: one.body[name] for name in ("situation", "customer", "kind", "from", "to")}
    assert told == {
        "situation": "no-parts", "customer": "Ana", "kind": "hierarchical", "from": {"group": "Front", "agent": "Eva"},
        "to": ["boss"],
    }  # fmt: skip
    assert one.body["rule"]["name"] == "no-parts"
    assert list(made.row().memory.extra[REGISTERED]) == [one.id]


def test_a_level_of_a_matrix_opens_a_record_without_a_tab() -> None:
    """Its own record beside the situation's."""
    made = world(MATRIX)
    cycles(made)
    made.desk.advance(DAY)
    cycles(made)
    found = {one.tab: one for one in records(made)}
    assert (len(found), found[None].body["level"], found[None].body["kind"]) == (2, 1, "hierarchical")


def test_follow_ups_are_entered_as_dated_evidence() -> None:
    """Each once, when its note is left; the keep-alive's own toggles in between do not end the escalation."""
    made = world()
    cycles(made)
    for _ in range(15 * 4):
        made.desk.advance(6 * HOUR)
        cycles(made, 2)
    one = only(made)
    assert [each["what"] for each in one.follow_ups] == ["follow-up 1", "follow-up 2"]
    assert [datetime.fromisoformat(each["at"]) for each in one.follow_ups] == [START + 7 * DAY, START + 14 * DAY]
    assert len(made.row().memory.toggles) == 2
    assert one.is_open
    assert not [event for event in made.store.audit("demo") if event.kind.startswith("escalation")]


@pytest.mark.parametrize(
    ("days", "status", "state", "kept"), [(3, "completed", "completed", True), (12, "closed", "closed", False)]
)
def test_a_finished_ticket_ends_its_record(days: int, status: str, state: str, kept: bool) -> None:
    """With the day, the promise, and how long it took; the audit tells it once."""
    made = world()
    cycles(made)
    made.desk.advance(days * DAY)
    made.desk.agent_edit("1", status=status)
    made.desk.advance(60)
    cycles(made)
    outcome = only(made).outcome
    assert (outcome["state"], outcome["in_promise"], outcome["days"]) == (state, kept, float(days))
    assert datetime.fromisoformat(outcome["at"]) == START + days * DAY
    assert [event.kind for event in made.store.audit("demo")].count("escalation_ended") == 1


def test_a_ticket_that_is_gone_ends_its_record() -> None:
    """Deleted in the helpdesk: the state says so."""
    made = world()
    cycles(made)
    made.desk.remove("1")
    with made.store.transaction():
        row = made.row()
        made.store.put("demo", [type(row)(made.desk.get("1"), row.memory, made.now())])
    cycles(made)
    assert only(made).outcome["state"] == "gone"


def test_a_ticket_opened_again_opens_its_record_again() -> None:
    """The customer answers after the end: one record goes on, and it ends at its last end."""
    made = world()
    cycles(made)
    made.desk.advance(2 * DAY)
    made.desk.agent_edit("1", status="completed")
    cycles(made)
    made.desk.advance(DAY)
    made.desk.customer_reply("1", "still broken")
    cycles(made)
    assert only(made).is_open
    made.desk.advance(DAY)
    made.desk.agent_edit("1", status="completed")
    cycles(made)
    assert only(made).outcome["days"] == 4.0
    told = [event.kind for event in made.store.audit("demo") if event.kind.startswith("escalation")]
    assert told == ["escalation_ended", "escalation_reopened", "escalation_ended"]


def test_a_new_episode_has_a_record_of_its_own() -> None:
    """Ended, then escalated anew: the first one stays ended."""
    made = world()
    cycles(made)
    made.desk.advance(DAY)
    made.desk.agent_edit("1", status="completed")
    cycles(made)
    made.desk.advance(5 * DAY)
    made.desk.agent_edit("1", status="in_process", escalated_at=made.now())
    cycles(made)
    first, second = records(made)
    assert (first.outcome["state"], second.is_open, second.opened_at) == ("completed", True, START + 6 * DAY)
    assert list(made.row().memory.extra[REGISTERED]) == [second.id]


def test_a_cause_is_suggested_once_and_the_team_that_owes_gets_the_case() -> None:
    """Suggestion, hand-over and note, once; a person who then moves the ticket is not fought."""
    made = world(CAUSES, tags=("parts",))
    cycles(made)
    one = only(made)
    assert {name: one.cause[name] for name in ("cause", "by", "team")} == {
        "cause": "waiting_on_team", "by": "suggested", "team": "parts",
    }  # fmt: skip
    assert one.cause["evidence"]["rule"] == "parts owe it"
    assert made.desk.get("1").group == "Parts"
    notes = [each.text for each in made.desk.reader().notes("1")]
    assert sum("Parts keeps the customer informed" in text for text in notes) == 1
    made.desk.advance(HOUR)
    made.desk.agent_edit("1", group="Front")
    cycles(made)
    made.desk.advance(DAY)
    cycles(made)
    assert made.desk.get("1").group == "Front"
    assert only(made) == one


def test_a_cause_that_time_brings_comes_with_it() -> None:
    """Nothing to suggest until the promise has passed; then at that very instant."""
    made = world(CAUSES)
    cycles(made)
    made.desk.advance(10 * DAY - timedelta(seconds=1))
    cycles(made)
    assert only(made).cause == {}
    made.desk.advance(1)
    cycles(made)
    assert (only(made).cause["cause"], only(made).cause["evidence"]["promise"]) == (
        "promise_broken", (START + 10 * DAY).isoformat(),
    )  # fmt: skip


def test_what_a_person_sets_goes_before_a_suggestion_and_follows_them() -> None:
    """Set before: no suggestion. Changed: the record follows, each time. Unknown words are `other`."""
    made = world(CAUSES, tags=("parts",), custom={"root": None})
    cycles(made)
    assert only(made).cause["by"] == "suggested"
    told = []
    for value in ("Not kept", "Waiting for parts", "Not kept", "Something else"):
        made.desk.advance(HOUR)
        made.desk.agent_edit("1", custom={"root": value})
        cycles(made)
        told.append((only(made).cause["cause"], only(made).cause["by"], only(made).cause["evidence"]["value"]))
    assert told == [
        ("promise_broken", "set", "Not kept"),
        ("waiting_on_team", "set", "Waiting for parts"),
        ("promise_broken", "set", "Not kept"),
        ("other", "set", "Something else"),
    ]
    made.desk.advance(HOUR)
    made.desk.agent_edit("1", custom={"root": None})
    cycles(made)
    assert only(made).cause["by"] == "set"


@pytest.fixture
def disarmed() -> Iterator[None]:
    """No crash point stays armed."""
    yield
    crashpoints.disarm()


@pytest.mark.parametrize("point", ["intent.after", "outcome.inside", "outcome.after", "evaluated.inside"])
@pytest.mark.usefixtures("disarmed")
def test_a_death_anywhere_leaves_one_record_whole(point: str) -> None:
    """Record, journal and memory go together: after any death the next cycles lead to the same end."""
    for hit in range(1, 7):
        made = world(CAUSES, tags=("parts",))
        crashpoints.arm(point, at=hit)
        with contextlib.suppress(crashpoints.Crash):
            cycles(made, 4)
        crashpoints.disarm()
        made.desk.advance(2)  # what still wants something is due a moment later
        cycles(made, 4)
        one = only(made)
        assert (one.cause["cause"], one.is_open, made.desk.get("1").group) == ("waiting_on_team", True, "Parts"), hit
        assert list(made.row().memory.extra[REGISTERED]) == [one.id]


# --- satisfaction -----------------------------------------------------------------------------------------------------
def rated(made: World) -> list[dict[str, Any]]:
    """What the records hold of ratings."""
    return [dict(one.satisfaction) for one in records(made)]


def test_a_rating_lands_in_the_record_and_in_the_audit() -> None:
    """Score, word and instant; nothing the customer wrote."""
    made = world()
    assert isinstance(made.account.reader, Rater)
    cycles(made)
    made.desk.advance(DAY)
    rating = made.desk.rate("1", 3)
    cycles(made)
    assert rated(made) == [{"word": "unhappy", "score": 3, "at": rating.at.isoformat()}]
    [event] = [event for event in made.store.audit("demo") if event.kind == "satisfaction"]
    assert event.body == {"escalations": [only(made).id], **rated(made)[0]}
    made.desk.advance(DAY)
    cycles(made)
    assert len([event for event in made.store.audit("demo") if event.kind == "satisfaction"]) == 1


def test_ratings_are_asked_for_seldom_and_only_while_a_record_waits() -> None:
    """Not without records, then once in six hours, and no more once all are rated or too old."""
    made = world(escalation_type=None, escalated_at=None)
    asked: list[datetime] = []
    given = made.desk.given

    def counting(since: datetime) -> Iterator[Any]:
        asked.append(made.now())
        return given(since)

    made.desk.given = counting  # type: ignore[method-assign]
    cycles(made)
    assert asked == []
    made.desk.agent_edit("1", escalation_type="no-parts", escalated_at=made.now())
    for _ in range(24):
        cycles(made, 1)
        made.desk.advance(HOUR)
    assert len(asked) == 4
    made.desk.rate("1", 1)
    for _ in range(24):
        cycles(made, 1)
        made.desk.advance(HOUR)
    assert len(asked) == 5


def test_a_rating_long_after_the_end_is_about_something_else() -> None:
    """Thirty days; one before that counts, and a later one replaces it."""
    made = world()
    cycles(made)
    made.desk.advance(DAY)
    made.desk.agent_edit("1", status="closed")
    cycles(made)
    made.desk.advance(29 * DAY)
    made.desk.rate("1", 2)
    cycles(made)
    assert rated(made)[0]["word"] == "neutral"
    late = world()
    cycles(late)
    late.desk.advance(DAY)
    late.desk.agent_edit("1", status="closed")
    cycles(late)
    late.desk.advance(31 * DAY)
    late.desk.rate("1", 2)
    cycles(late)
    assert rated(late) == [{}]


def test_a_helpdesk_without_surveys_or_with_a_fault_stops_nothing() -> None:
    """The cycle ends well; that there are no surveys is said once."""
    made = world()
    made.desk.surveys = False
    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            cycles(made, 1)
            made.desk.advance(7 * HOUR)
    assert len([one for one in logs if "no satisfaction ratings" in one["event"]]) == 1
    assert made.store.fact("demo", "ratings")["available"] is False

    faults: list[Exception] = [Unavailable("later"), ZeroDivisionError("a bug")]

    def broken(_since: datetime) -> Iterator[Any]:
        raise faults.pop()

    made.desk.given = broken  # type: ignore[method-assign]
    for left in (1, 0):
        made.desk.advance(7 * HOUR)
        report = run_cycle(made.account, now=made.now)
        assert (report.trouble, len(faults)) == (None, left)
