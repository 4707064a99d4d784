"""The other tickets of a customer among exported files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connector import offline_kin
from connector.core.model import Rejected, Ticket
from connector.mapping.load import load_policy_from_texts
from connector.offline import decide_exports
from connector.offline_kin import Kindred
from tests.unit.core.test_repeat import NOW, PACK, POLICY, first, insists, texts

MAP = """
helpdesk: sheet
statuses: {open: [Open], in_process: [Doing]}
headings:
  {id: [ID], status: [Status], body: [Text], subject: [Subject], tags: [Tags], requester_email: [Mail], type: [Type],
   created_at: [Created], due_by: [Due], channel: [Channel], priority: [Priority], category: [Category],
   requester_phone: [Phone], contract: [Contract], resolved_at: [Resolved], closed_at: [Closed],
   first_responded_at: [First], agent_responded_at: [Reply]}
channels: {phone: [Phone]}
priorities: {normal: [Normal]}
"""
SHEET = """\
ID,Status,Text,Subject,Tags,Mail,Type,Created,Due,Channel,Priority,Category,Phone,Contract,Resolved,Closed,First,Reply
10,Doing,,The amount of my invoice,,ana@example.com,,2026-02-28T10:00:00Z,2026-03-10T10:00:00Z,Phone,Normal,,,,,,,
20,Open,Still no answer about the invoice amount,,bottled,ANA@example.com,,2026-03-15T10:00:00Z,,Phone,Normal,,,,,,,
30,Open,Still no answer about the invoice amount,,bottled,eva@example.com,,2026-03-15T10:00:00Z,,Phone,Normal,,,,,,,
"""


def test_an_export_is_searched_for_its_own_related_tickets(tmp_path: Path) -> None:
    """The insistence whose request stands in the same file gets its follow-up; the other none."""
    path = tmp_path / "tickets.csv"
    path.write_text(SHEET, encoding="utf-8")
    policy = load_policy_from_texts({**texts(), "sheet.yaml": MAP})
    plan = decide_exports([path], policy, NOW).plan
    assert [(action.ticket, action.kind) for action in plan.actions] == [("20", "create")]
    assert plan.actions[0].changes["subject"] == (None, "Overdue: 10")


def _counted(tickets: list[Ticket | Rejected], reads: list[int]) -> Iterator[Ticket | Rejected]:
    reads.append(1)
    yield from tickets


def test_packs_without_such_rules_read_nothing_more() -> None:
    """And with them, two more times, or one where nobody insists."""
    reads: list[int] = []
    bare = load_policy_from_texts({"pack.yaml": PACK})
    Kindred(lambda: _counted([insists()], reads), bare, NOW)
    assert len(reads) == 0
    Kindred(lambda: _counted([first()], reads), POLICY, NOW)
    assert len(reads) == 1
    Kindred(lambda: _counted([insists(), first(), Rejected("a.csv:3", None, "bad")], reads), POLICY, NOW)
    assert len(reads) == 3


def test_related_tickets_are_found_by_key_and_never_the_ticket_itself() -> None:
    """Those that do not insist ask for none."""
    other = Ticket("9", requester_email="eva@example.com", created_at=NOW - timedelta(days=9))
    kindred = Kindred(lambda: iter([insists(), first(), other]), POLICY, NOW)
    assert kindred.of(insists()).related == (first(),)
    assert kindred.of(first()).related is None


def test_too_many_are_not_half_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is known, and it is said."""
    monkeypatch.setattr(offline_kin, "MOST", 1)
    kindred = Kindred(lambda: iter([insists(), first()]), POLICY, NOW)
    assert (kindred.too_many, kindred.of(insists()).related) == (True, None)
