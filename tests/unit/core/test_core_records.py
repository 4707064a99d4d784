"""Records as values: how one begins, what is added to it, how it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connector.core.model import Action, Memory, RuleRef
from connector.core.records import (
    REGISTERED,
    Escalation,
    caused,
    ended,
    follow_up_of,
    followed_up,
    opened,
    registered,
    with_action,
    with_end,
)

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RULE = RuleRef("situation", "no-parts", "s.yaml", 3)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def register(key: str = "k:register", **details: object) -> Action:
    """A `register` action."""
    return Action("a1", "7", "register", RULE, key, details=details)


def test_a_record_tells_what_the_action_told() -> None:
    """Tab, instant and body; without an instant of its own the present one counts."""
    one = opened(register(tab="T", when="2026-03-01T10:00:00+01:00", kind="functional"), T0)
    assert (one.id, one.ticket, one.tab) == ("k:register", "7", "T")
    assert one.opened_at == datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    assert one.body["rule"] == {"kind": "situation", "name": "no-parts", "file": "s.yaml", "line": 3}
    assert opened(register(), T0).opened_at == T0


@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=900)), st.timedeltas(timedelta(0), timedelta(days=900)))
def test_an_outcome_tells_days_and_promise(start: datetime, promised: timedelta, lasted: timedelta) -> None:
    """The promise is kept to the microsecond; days never fall below zero."""
    one = Escalation("i", "7", None, start, {"promise": (start + promised).isoformat()})
    outcome = ended(one, "closed", start + lasted).outcome
    assert outcome["in_promise"] is (lasted <= promised)
    assert abs(outcome["days"] - lasted / timedelta(days=1)) <= 0.005 + 1e-9
    assert ended(one, "gone", start - timedelta(days=1)).outcome["days"] == 0
    assert ended(Escalation("i", "7", None, start), "closed", start + lasted).outcome["in_promise"] is None


def test_a_suggestion_never_replaces_what_a_person_set() -> None:
    """A person replaces anything, a suggestion only suggestions."""
    one = Escalation("i", "7", None, T0)
    person, hint = {"cause": "other", "by": "set"}, {"cause": "sla_broken", "by": "suggested"}
    assert caused(caused(one, person, T0), hint, T0).cause["cause"] == "other"
    assert caused(caused(one, hint, T0), person, T0).cause == {**person, "at": T0.isoformat()}


def test_the_same_follow_up_is_entered_once() -> None:
    """Note and toggle of one follow-up are one piece of evidence."""
    one = followed_up(followed_up(Escalation("i", "7", None, T0), "follow-up 1", T0), "follow-up 1", T0)
    assert one.follow_ups == ({"at": T0.isoformat(), "what": "follow-up 1"},)


def test_which_note_is_a_follow_up() -> None:
    """By its parts, or by the toggle it goes with; no other action is one."""

    def note(**details: object) -> Action:
        return Action("a", "7", "note", RULE, "k", details=details)

    assert follow_up_of(note(parts=["escalated", "f12"])) == "follow-up 12"
    assert follow_up_of(note(**{"with": "keepalive:a:7:2026-03-02T09:00:00+00:00:f3"})) == "follow-up 3"
    assert follow_up_of(note(**{"with": "keepalive:a:7:2026-03-02T09:00:00+00:00:c2026-03-02T09:00:00+00:00"})) is None
    assert follow_up_of(note(parts=["facts", "checklist"])) is None
    assert follow_up_of(note()) is None
    assert follow_up_of(register(parts=["f1"])) is None


def test_memory_follows_a_record_from_its_beginning_to_its_end() -> None:
    """Opened, caused, ended, opened again; what has ended goes when something new begins."""
    memory = with_action(Memory(), register(**{"from": {"agent": "Eva", "group": None}}), T0)
    assert registered(memory)["k:register"]["agent"] == "Eva"
    told = register("c", cause={"cause": "other", "by": "set"}, of=["k:register", "gone"])
    memory = with_action(memory, told, T0)
    assert (registered(memory)["k:register"]["cause"], registered(memory)["k:register"]["set"]) == ("other", 1)
    over = with_end(memory, ["k:register"], T0)
    assert (registered(over), registered(with_end(over, ["k:register"], None))) == ({}, registered(memory))
    assert list(with_action(over, register("second"), T0).extra[REGISTERED]) == ["second"]
    assert list(with_action(memory, register("second"), T0).extra[REGISTERED]) == ["k:register", "second"]
