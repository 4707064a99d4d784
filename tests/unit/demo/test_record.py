"""The promises of the demonstration: each broken one is said, and only then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.demo.figures import as_json, by_situation, figures, lost_by_day, mail_causes
from connector.demo.record import Case, Closing, Demonstration, Mail
from connector.demo.run import shipped_pack
from connector.demo.situations import escalated_as
from connector.errors import ConfigurationError
from connector.mapping.load import load_policy


def test_a_good_run_breaks_no_promise(made: Demonstration) -> None:
    """The hand-made run keeps all of them."""
    assert made.broken() == []


def test_an_escalated_ticket_closed_with_the_daemon_is_said(made: Demonstration) -> None:
    """The first promise."""
    made.guarded.closings.append(Closing(made.guarded.end, 8, "regulator-threat"))
    assert made.broken() == ["with the daemon the helpdesk closed escalated tickets by itself: 8"]


def test_a_ticket_left_in_completed_is_said(made: Demonstration) -> None:
    """Only one that was toggled: people may complete tickets."""
    made.guarded.cases[8] = replace(made.guarded.cases[8], status="completed")
    assert made.broken() == []
    made.guarded.cases[7] = replace(made.guarded.cases[7], status="completed")
    assert made.broken() == ["a toggle left tickets in completed: 7"]


def test_a_mail_by_a_toggle_is_said(made: Demonstration) -> None:
    """To a customer, that is; staff may be mailed."""
    mail = Mail(made.guarded.start, 7, "x@y.example", "resolved", to_customer=False, by_daemon=True, by_toggle=True)
    made.guarded.mails.append(mail)
    assert made.broken() == []
    made.guarded.mails.append(replace(mail, to_customer=True))
    assert made.broken() == ["a toggle mailed customers of tickets: 7"]


def test_a_cap_passed_is_said(made: Demonstration) -> None:
    """Eight are allowed, the ninth is one too many."""
    made.guarded.deeds.extend([made.guarded.deeds[0]] * 7)
    assert made.broken() == []
    made.guarded.deeds.append(made.guarded.deeds[0])
    assert made.broken() == ["tickets were toggled more often than the cap allows: 7"]


def test_a_broken_chain_and_a_troubled_cycle_are_said(made: Demonstration) -> None:
    """With the words of what found them."""
    made.guarded.audit_sound, made.guarded.audit_says = False, "event 3 was changed"
    made.guarded.troubles.append("2026-03-02 16:00: timeout")
    assert made.broken() == [
        "the audit chain does not verify: event 3 was changed",
        "a cycle met trouble: 2026-03-02 16:00: timeout",
    ]


def test_many_tickets_are_named_in_part(made: Demonstration) -> None:
    """The first ten, and how many more."""
    made.guarded.closings.extend(Closing(made.guarded.end, number, "x") for number in range(20, 32))
    assert made.broken()[0].endswith(": 20, 21, 22, 23, 24, 25, 26, 27, 28, 29 and 2 more")


def test_figures_count_tickets_once(made: Demonstration) -> None:
    """A ticket lost twice, reopened in between, is one lost ticket."""
    made.without.closings.append(Closing(made.without.end, 7, "no-diagnosis"))
    found = {one.key: (one.without, one.guarded) for one in figures(made)}
    assert found["lost"] == (1, 0)
    assert found["closed_rightly"] == (1, 1)
    assert found["toggles"] == (None, 1)
    assert found["drifted"] == (None, 1)
    assert found["held_actions"] == (None, 3)
    assert found["mails_customers"] == (1, 1)


def test_the_days_add_up_to_the_lost(lived: Demonstration) -> None:
    """The chart and the headline tell the same."""
    days = lost_by_day(lived)
    assert len(days) == lived.days
    lost = {one.ticket for one in lived.without.lost}
    assert sum(new for _, new, _ in days) == len(lost) == sum(row.lost_without for row in by_situation(lived))


def test_the_last_hour_belongs_to_the_last_day(made: Demonstration) -> None:
    """A ticket closed at the very end is in the chart."""
    made.without.closings = [Closing(made.without.end, 7, "no-diagnosis")]
    assert [new for _, new, _ in lost_by_day(made)] == [0, 1]


def test_mails_are_counted_by_cause_customers_first(made: Demonstration) -> None:
    """Both lives side by side."""
    assert mail_causes(made) == [("autoclose", True, 1, 1), ("note_notification", False, 0, 1)]


def test_the_json_names_rule_place_and_reasons(made: Demonstration) -> None:
    """Each action with the line that made it."""
    action = as_json(made)["actions"][0]
    assert action["rule"] == {"name": "semanal", "file": "keepalive.yaml", "line": 6}
    assert [reason["code"] for reason in action["reasons"]] == ["FOLLOW_UP_DUE"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"custom_fields": {"cf_escalation_type": "no-parts"}}, "no-parts"),
        ({"custom_fields": {"cf_escalation_type": "Sin piezas para la reparación"}}, "no-parts"),
        ({"custom_fields": {"cf_escalation_type": "something else"}}, None),
        ({"custom_fields": {}, "tags": ["vip", "esc:no-diagnosis"]}, "no-diagnosis"),
        ({"custom_fields": {"cf_escalation_type": "no-parts"}, "tags": ["esc:no-diagnosis"]}, "no-parts"),
        ({"custom_fields": {"cf_escalation_type": None}, "tags": ["esc:nothing"]}, None),
        ({}, None),
    ],
)
def test_what_is_under_escalation(row: dict[str, object], expected: str | None) -> None:
    """The mapped field first, then a tag; what the pack does not know is no escalation."""
    assert escalated_as(load_policy(shipped_pack()), row) == expected


def test_a_missing_pack_says_which_there_are() -> None:
    """So a broken installation is told from a wrong name."""
    with pytest.raises(ConfigurationError, match=r"'no-such-pack' is missing .*appliance-mx"):
        shipped_pack("no-such-pack")


def test_a_case_is_a_plain_value() -> None:
    """Records compare by value, so reruns can be held against each other."""
    assert Case(1, "a", "b", None, "open") == Case(1, "a", "b", None, "open")
