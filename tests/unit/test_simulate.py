"""`escalera simulate`: forty days of the appliance pack equal the written procedure, day by day."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
import structlog

from connector import cli
from connector.errors import UsageError
from connector.mapping.load import load_policy, load_policy_from_texts
from connector.packs import shipped
from connector.simulate import EndlessError, Story, simulate
from connector.store.sqlite import SqliteStore

MX = ZoneInfo("America/Mexico_City")
#: A Monday, 09:00 in Mexico City; the 16th of March 2026 is a public holiday there.
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=MX)

UP = ["assign group None -> Supervisión", "note: escalated", "notify Laura Núñez"]
AT_ONCE = [UP[0], "note: escalated, checklist", UP[2]]
TOGGLE = "toggle in_process -> completed -> in_process"
KEPT = [f"{TOGGLE} (auto-close)"]
#: Parts, labels and letters come from others: the cause that is suggested for the line just entered.
OWED = "register: cause waiting_on_team"
HIGHEST_FROM = {
    None: ["assign group None -> Gerencia", "set priority normal -> urgent", "notify Laura Núñez, Jorge Medina"],
    "Supervisión": [
        "assign group Supervisión -> Gerencia", "set priority normal -> urgent", "notify Laura Núñez, Jorge Medina",
    ],
}  # fmt: skip


def followed(number: int) -> list[str]:
    """What a follow-up with toggle is."""
    return [
        f"{TOGGLE} (follow-up {number})", f"note: follow-up {number}", f"notify Laura Núñez (follow-up {number})",
    ]  # fmt: skip


#: Written by hand from the procedure. Situation -> local instant -> what is done then, in order.
BY_HAND: dict[str, dict[str, list[str]]] = {
    # 72 h promised; up only after them; followed up weekly with toggle.
    "no-diagnosis": {
        "03-02 09:00": ["note: checklist"],
        "03-05 09:00": [*UP, "register: tab Sin diagnóstico", "register: cause promise_broken"],
        "03-09 09:00": followed(1),
        "03-16 09:00": followed(2),
        "03-23 09:00": followed(3),
        "03-30 09:00": followed(4),
        "04-01 09:00": HIGHEST_FROM["Supervisión"],
        "04-06 09:00": followed(5),
    },
    # Up at once; followed up after 13 days, and again after 13 more.
    "no-parts": {
        "03-02 09:00": [*AT_ONCE, "register: tab Sin piezas", OWED],
        "03-15 09:00": followed(1),
        "03-28 09:00": followed(2),
        "04-01 09:00": HIGHEST_FROM["Supervisión"],
        "04-10 09:00": followed(3),
    },
    # Up at once; followed up at 72 h with a note; then kept from closing, 13.5 days after each toggle.
    "no-return-label": {
        "03-02 09:00": [*AT_ONCE, "register: tab Sin guía", OWED],
        "03-05 09:00": followed(1),
        "03-18 21:00": KEPT,
        "04-01 09:00": [*KEPT, *HIGHEST_FROM["Supervisión"]],
    },
    # Inside five business days the deadline is told; outside them it goes up. No follow-up, no toggle but to live.
    "no-return-letter": {
        "03-02 09:00": ["note: checklist, reply"],
        "03-09 09:00": [*UP, "register: tab Sin carta", OWED],
        "03-15 21:00": KEPT,
        "03-29 09:00": KEPT,
        "04-01 09:00": HIGHEST_FROM["Supervisión"],
    },
    # Up at once; followed up at the promise of five business days.
    "no-replacement": {
        "03-02 09:00": [*AT_ONCE, "register: tab Sin reemplazo", OWED],
        "03-09 09:00": followed(1),
        "03-22 21:00": KEPT,
        "04-01 09:00": HIGHEST_FROM["Supervisión"],
        "04-05 09:00": KEPT,
    },
    # The case reaches 25 days on the 27th: up at once.
    "retailer-amazon": {
        "03-02 09:00": ["note: checklist"],
        "03-15 21:00": KEPT,
        "03-27 09:00": [*UP, "register: tab Amazon"],
        "03-29 09:00": KEPT,
        "04-01 09:00": HIGHEST_FROM["Supervisión"],
    },
    # Told at once and urgently; the one who holds the call is reminded every two minutes for half an hour.
    "supervisor-call": {
        "03-02 09:00": [
            "note: escalated, checklist", "notify Laura Núñez URGENT", "register: tab Llamada de supervisor",
        ],
        **{
            f"03-02 09:{minute:02}": [f"notify Laura Núñez URGENT (reminder {minute // 2})"]
            for minute in range(2, 31, 2)
        },
        "03-15 21:00": KEPT,
        "03-29 09:00": KEPT,
        "04-01 09:00": HIGHEST_FROM[None],
    },
    # Those that go up on a condition nobody brought about: the steps, kept alive, and up after 30 days.
    **{
        name: {
            "03-02 09:00": ["note: checklist"],
            "03-15 21:00": KEPT,
            "03-29 09:00": KEPT,
            "04-01 09:00": HIGHEST_FROM[None],
        }
        for name in (
            "returned-damaged", "returned-unrepaired", "regulator-threat", "retailer-return", "injury-or-damage",
        )
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """The verb sets up the process's logging on a stream that is gone after the test."""
    before, handlers = structlog.get_config(), list(logging.getLogger().handlers)
    yield
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


@cache
def stories() -> dict[str, Story]:
    """Forty days of the pack."""
    return {one.situation: one for one in simulate(load_policy(shipped()["appliance-mx"]), MONDAY, 40)}


def dated(story: Story) -> dict[str, list[str]]:
    """What was done, by local instant, in order."""
    found: dict[str, list[str]] = {}
    for event in story.events:
        assert event.outcome == "done", event
        found.setdefault(event.at.astimezone(MX).strftime("%m-%d %H:%M"), []).append(event.what)
    return found


def test_every_situation_is_written_by_hand() -> None:
    """No situation of the pack is left out of the comparison."""
    assert set(stories()) == set(BY_HAND)


@pytest.mark.parametrize("situation", BY_HAND)
def test_forty_days_equal_the_procedure(situation: str) -> None:
    """Each note, follow-up, toggle, assignment and escalation at its instant, and nothing besides."""
    assert dated(stories()[situation]) == BY_HAND[situation]


@pytest.mark.parametrize("situation", BY_HAND)
def test_nothing_is_unknown_closed_or_hurried(situation: str) -> None:
    """No rule is unable to tell, the helpdesk closes nothing, and no ticket gets more than 3 writes in a day."""
    story = stories()[situation]
    assert (story.unknown, story.closed) == ((), None)
    assert story.writes <= 3


def test_every_note_of_escalation_and_follow_up_carries_its_date() -> None:
    """The evidence: the local date of the day it was written."""
    for story in stories().values():
        for event in story.events:
            if event.kind == "note" and event.what != "note: checklist" and "reply" not in event.what:
                assert f"[{event.at.astimezone(MX):%Y-%m-%d}]" in (event.text or "")


def test_it_is_kept_alive_until_sixty_days_and_not_beyond() -> None:
    """The auto-close never comes before `until`; past it the helpdesk's own rule has its way."""
    policy = load_policy(shipped()["appliance-mx"])
    (long,) = simulate(policy, MONDAY, 90, situations=["returned-damaged"])
    assert long.closed is not None
    assert long.closed - MONDAY > timedelta(days=60)
    assert max(one.after for one in long.events if one.kind == "toggle") < timedelta(days=60)


def test_without_keepalive_the_helpdesk_closes_it() -> None:
    """The simulated helpdesk has teeth: 14 days in process and it is closed."""
    policy = load_policy_from_texts(
        {"a.yaml": "pack: {name: t, language: en, timezone: UTC}\nsituations:\n  - {id: s, title: S}\n"}
    )
    (story,) = simulate(policy, MONDAY, 40)
    assert story.closed == MONDAY + timedelta(days=14)
    assert [one.kind for one in story.events] == ["closed"]


def test_tags_bring_a_condition_about() -> None:
    """With the agents' tag the case goes up at once."""
    policy = load_policy(shipped()["appliance-mx"])
    (story,) = simulate(policy, MONDAY, 1, situations=["injury-or-damage"], tags=["pide-compensacion"])
    assert dated(story) == {
        "03-02 09:00": [
            "assign group None -> Supervisión", "note: escalated, checklist, reply", "notify Laura Núñez URGENT",
            "register: tab Lesión o daño",
        ]
    }  # fmt: skip


def test_it_is_deterministic() -> None:
    """The same policy and start give the same story."""
    policy = load_policy(shipped()["appliance-mx"])
    names = ["no-parts"]
    assert simulate(policy, MONDAY, 20, situations=names) == simulate(policy, MONDAY, 20, situations=names)


def test_a_clock_change_moves_no_elapsed_span() -> None:
    """Across Chile's change of April 2026, 7 days are still 168 hours."""
    policy = load_policy(shipped()["appliance-mx"])
    start = datetime(2026, 4, 2, 12, 0, tzinfo=ZoneInfo("America/Santiago"))
    (story,) = simulate(policy, start, 8, situations=["no-diagnosis"])
    toggle = next(one for one in story.events if one.kind == "toggle")
    assert toggle.at.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=168)


def test_an_unknown_situation_is_named_with_a_hint() -> None:
    with pytest.raises(UsageError, match="did you mean 'no-parts'"):
        simulate(load_policy(shipped()["appliance-mx"]), MONDAY, 1, situations=["no-part"])


def test_what_is_due_again_and_again_ends_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticket that stays due without anything being done must not spin for ever."""
    policy = load_policy_from_texts(
        {"a.yaml": "pack: {name: t, language: en, timezone: UTC}\nsituations:\n  - {id: s, title: S}\n"}
    )
    monkeypatch.setattr(SqliteStore, "next_wake", lambda _store, _account: MONDAY)
    with pytest.raises(EndlessError, match="situation 's': the ticket is due again and again"):
        simulate(policy, MONDAY, 1)


# --- the verb ---------------------------------------------------------------------------------------------------------
def test_the_verb_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Times carry the pack's offset; the default start is that Monday."""
    code = cli.run(
        ["simulate", "--pack", "appliance-mx", "--situation", "no-diagnosis", "--days", "8", "--format", "json"]
    )
    shown = json.loads(capsys.readouterr().out)
    assert (code, shown["start"], shown["days"]) == (0, "2026-03-02T09:00:00-06:00", 8)
    (story,) = shown["situations"]
    assert [one["at"] for one in story["events"] if one["kind"] == "toggle"] == ["2026-03-09T09:00:00-06:00"]


def test_the_verb_prints_a_dated_sequence(capsys: pytest.CaptureFixture[str]) -> None:
    """Weekday, local time, time since the start, what, and the text of notes."""
    assert cli.run(["simulate", "--situation", "no-diagnosis", "--days", "4"]) == 0
    out = capsys.readouterr().out
    assert "Thu 2026-03-05 09:00   +3d 00:00  assign group None -> Supervisión" in out
    assert "| [2026-03-05] Caso 1 escalado a Supervisión" in out


@pytest.mark.parametrize(
    ("argv", "words"), [(["--pack", "aplliance-mx"], "did you mean 'appliance-mx'"), (["--days", "0"], "1 to 366")]
)
def test_the_verb_refuses_what_it_does_not_know(
    capsys: pytest.CaptureFixture[str], argv: list[str], words: str
) -> None:
    assert cli.run(["simulate", *argv]) == 64
    assert words in capsys.readouterr().err
