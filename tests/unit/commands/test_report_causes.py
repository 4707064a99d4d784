"""The report on causes: its figures, its forms, and one escalation from its beginning to its rating over a socket."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from connector.core.records import Escalation, caused, ended
from connector.emulator import serve
from connector.reports.causes import GROUPS, Share, causes_json, figures, make_causes
from connector.reports.causes_words import CauseWords
from connector.reports.words import LANGUAGES
from connector.store import open_store
from tests.unit.commands.conftest import KEY, PACK, SEED, Call, Live

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
EVIL = "=cmd|' /C calc'!A0 <script>alert(1)</script>"


def record(number: int, days_ago: float, **body: Any) -> Escalation:
    """An open one of so many days ago."""
    told = {"kind": "functional", "level": 1, "to": ["supervision"], "situation": "no-parts", **body}
    return Escalation(f"i{number}", str(100 + number), None, NOW - timedelta(days=days_ago), told)


def sample() -> list[Escalation]:
    """Four: closed in time, closed late, open and overdue, young."""
    closed = ended(record(1, 40, promise=(NOW - timedelta(days=20)).isoformat()), "closed", NOW - timedelta(days=30))
    late = ended(record(2, 50, kind="hierarchical", level=2), "completed", NOW - timedelta(days=10))
    over = record(3, 31, promise=(NOW - timedelta(days=1)).isoformat(), situation=EVIL, to=[EVIL])
    return [
        replace(
            caused(closed, {"cause": "sla_broken", "by": "set"}, NOW), satisfaction={"word": "happy", "score": 103}
        ),
        replace(caused(late, {"cause": "sla_broken", "by": "suggested"}, NOW), satisfaction={"word": "unhappy"}),
        caused(over, {"cause": "overloaded_agent", "by": "suggested"}, NOW),
        record(4, 2),
    ]


def test_the_figures_are_those_counted_by_hand() -> None:
    """Ten and forty days; of three that can be judged one was closed in thirty; of two promises one was kept."""
    told = figures(sample(), NOW)
    assert (told.count, told.open, told.overdue, told.median_days) == (4, 2, 1, 25.0)
    assert (told.closed_in_time, told.promise_kept) == (Share(1, 3), Share(1, 2))
    assert (told.happy, told.neutral, told.unhappy) == (1, 0, 1)
    report = make_causes("demo", sample(), NOW)
    assert [(line.item, line.figures.count) for line in report.of("cause")] == [
        ("sla_broken", 2), ("-", 1), ("overloaded_agent", 1),
    ]  # fmt: skip
    assert [(one.record.id, one.days) for one in report.overdue] == [("i3", 31)]


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(-1, 60), st.sampled_from(["a", "b", None])), max_size=30))
def test_every_group_counts_every_record(drawn: list[tuple[int, int, str | None]]) -> None:
    """The counts of a group add up to all (of addressees: at least), shares never exceed what they are of."""
    records = []
    for number, (ago, lasted, cause) in enumerate(drawn):
        one = record(number, ago)
        one = caused(one, {"cause": cause}, NOW) if cause else one
        records.append(one if lasted < 0 else ended(one, "closed", one.opened_at + timedelta(days=lasted)))
    report = make_causes("demo", records, NOW)
    for group in GROUPS:
        lines = report.of(group)
        assert sum(line.figures.count for line in lines) == len(records)
        assert sum(line.figures.overdue for line in lines) == report.all.overdue == len(report.overdue)
        for share in (each for line in lines for each in (line.figures.closed_in_time, line.figures.promise_kept)):
            assert 0 <= share.part <= share.whole
    assert causes_json(report) == causes_json(make_causes("demo", records[::-1], NOW))


def test_every_word_is_there_in_every_language() -> None:
    """No language lacks one, and none says the same as another where words differ."""
    told = {language: CauseWords(language) for language in LANGUAGES}
    assert len({one("title") for one in told.values()}) == len(LANGUAGES)
    assert {one.held("cause", "sla_broken") for one in told.values()} == {
        "SLA broken", "plazo (SLA) incumplido", "SLA violato",
    }  # fmt: skip
    assert told["es"].held("where", "sla_broken") == "sla_broken"


# --- the command ------------------------------------------------------------------------------------------------------
@pytest.fixture
def report(call: Call, live: Live) -> Callable[..., Any]:
    """`report causes` of an account whose register holds the sample."""
    store = open_store(live.folder / "state.db")
    with store.transaction():
        for one in sample():
            store.put_escalation("demo", one)
    store.close()

    def run(*more: object) -> Any:
        return call("report", "causes", "--config", live.config, "--now", NOW.isoformat(), *more)

    return run


def test_text_is_the_default_and_speaks_the_packs_language(report: Callable[..., Any]) -> None:
    """Tables a person can read; another language on request; nothing is called."""
    got = report()
    assert (got.code, "Por qué se escalan los casos: demo" in got.out) == (0, True)
    assert "plazo (SLA) incumplido" in got.out
    assert "33.3 % (1/3)" in got.out
    assert "Abiertas más de 30 días:" in got.out
    assert "Why cases go up" in report("--language", "en").out


def test_json_holds_the_words_of_the_records(report: Callable[..., Any]) -> None:
    """And only those opened in the time asked for."""
    told = report("--format", "json").json
    assert told["cause"]["sla_broken"]["satisfaction"] == {"happy": 1, "neutral": 0, "unhappy": 1}
    assert told["all"]["closed_within_30_days"] == {"part": 1, "of": 3, "percent": 33.3}
    assert [one["ticket"] for one in told["overdue"]] == ["103"]
    few = report("--format", "json", "--since", "2026-04-20T00:00:00Z", "--until", "2026-05-20T00:00:00Z").json
    assert (few["all"]["count"], few["overdue"][0]["ticket"]) == (2, "103")


def test_no_form_lets_a_text_act(report: Callable[..., Any], tmp_path: Path) -> None:
    """Formulas are text in CSV and workbook, markup is escaped on the page; each form is the same bytes again."""
    rows = list(csv.reader(io.StringIO(report("--format", "csv").out.removeprefix("\ufeff"))))
    assert any(cell == f"'{EVIL}" for row in rows for cell in row)
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    page = report("--format", "html").out
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    for form in ("xlsx", "html", "csv", "json", "text"):
        paths = [tmp_path / f"{number}.{form}" for number in (1, 2)]
        for path in paths:
            assert report("--format", form, "--out", path).code == 0
            assert path.stat().st_mode & 0o777 == 0o600
        assert paths[0].read_bytes() == paths[1].read_bytes()
    book = openpyxl.load_workbook(tmp_path / "1.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert EVIL in {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    assert len(book.worksheets) == 3


def test_wrong_usage_is_told(report: Callable[..., Any], call: Call, live: Live) -> None:
    """A workbook for the terminal, a time that ends before it begins, exports, and an empty register."""
    assert report("--format", "xlsx").code == 64
    assert report("--since", "2026-04-20T00:00:00Z", "--until", "2026-04-20T00:00:00Z").code == 64
    assert report("--export", live.config, "--mappings", PACK).code == 64
    assert "report dry-run has no form text" in call("report", "--config", live.config, "--format", "text").err
    none = report("--since", "2026-05-31T00:00:00Z")
    assert (none.code, "Ninguna escalación" in none.out) == (0, True)


# --- one escalation, from its beginning to its rating -----------------------------------------------------------------
LIFE = """
pack: {name: life, language: en, timezone: UTC, calendar: office}
calendars:
  office: {hours: {mon-sun: ["00:00-24:00"]}}
people:
  supervision: {group: Supervisión}
  parts: {group: Resoluciones}
situations:
  - id: no-parts
    title: No parts
    promise: 10d
    escalate: {at: once, to: supervision, note: The case goes up}
    follow_up: {after: 2d, note: Ask for the parts}
    register: {tab: No parts}
root_cause:
  - name: the parts team owes the answer
    cause: waiting_on_team
    when: {tags: parts}
    team: parts
    hand_over: true
    note: "#TO# keeps the customer informed from now on"
"""


def test_an_escalation_lives_and_is_counted(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Escalated, caused, handed over, followed up, closed, rated, counted: all over the socket, by the verbs alone."""
    monkeypatch.setenv("ESCALERA_KEY_DEMO", KEY)
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "pack.yaml").write_text(LIFE, encoding="utf-8")
    maps = (PACK / "freshdesk.yaml").read_text(encoding="utf-8").partition("situations:")[0]
    (pack / "freshdesk.yaml").write_text(maps, encoding="utf-8")
    first = {**SEED["tickets"][0], "tags": ["parts", "esc:no-parts"], "responder_id": 2}  # type: ignore[index]
    with serve({**SEED, "tickets": [first]}, key=KEY) as emulator:
        config = tmp_path / "config.toml"
        config.write_text(
            f'state = "state.db"\n[[accounts]]\nname = "demo"\nhelpdesk = "freshdesk"\nurl = "{emulator.url}"\n'
            f'mappings = "{pack}"\n',
            encoding="utf-8",
        )

        def cycles(times: int = 3) -> None:
            for _ in range(times):
                got = call("once", "--config", config, "--clock", "server")
                assert got.code == 0, got.err

        def event(**what: Any) -> None:
            requests.post(f"{emulator.url}/_emulator/events", json={"ticket": 7, **what}, timeout=10).raise_for_status()

        cycles()
        true = requests.get(
            f"{emulator.url}/_emulator/tickets", params={"ids": 7, "include": "conversations"}, timeout=9
        )
        ticket = true.json()[0]
        assert ticket["group_id"] == 52
        assert any("keeps the customer informed" in one["body_text"] for one in ticket["conversations"])
        emulator.advance(2 * 86400)
        cycles()
        emulator.advance(86400)
        event(by="agent", set={"status": 5})
        cycles(1)
        emulator.advance(7 * 3600)
        event(by="customer", rating=-103, comment="never again")
        cycles(1)
        now = emulator.world.now_text
        told = call("report", "causes", "--config", config, "--now", now, "--format", "json").json
    one = told["cause"]["waiting_on_team"]
    assert (one["count"], one["open"], one["median_days"]) == (1, 0, 3.0)
    assert one["within_promise"] == {"part": 1, "of": 1, "percent": 100.0}
    assert one["satisfaction"] == {"happy": 0, "neutral": 0, "unhappy": 1}
    assert (list(told["where"]), list(told["to"])) == (["No parts"], ["Supervisión"])
    events = call("audit", "--config", config, "--format", "json").json
    kinds = [event["kind"] for event in events]
    assert (kinds.count("escalation_ended"), kinds.count("satisfaction")) == (1, 1)
    assert "never again" not in str(events)
    store = open_store(tmp_path / "state.db", read_only=True)
    [kept] = list(store.escalations("demo"))
    assert [step["what"] for step in kept.follow_ups] == ["follow-up 1"]
    store.close()
