"""`demo-report.html`: one self-contained page for a supervisor who has never seen the tool."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector import __version__
from connector.demo.figures import by_situation, figures, lost_by_day, mail_causes
from connector.demo.record import Case, Closing, Deed, Demonstration, Told
from connector.demo.words import Words

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)")


def render(
    demo: Demonstration, *, language: str = "en", timezone: str = "America/Mexico_City", register: str | None = None
) -> str:
    """The page as HTML text. Times are shown in `timezone`; every text of a ticket is escaped.

    `register`: the name of the workbook that lies beside the page.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    page = _Page(demo, Words(language), ZoneInfo(timezone))
    environment = Environment(
        loader=PackageLoader("connector.demo"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(at=page.at, day=page.day, readable=page.readable)
    return environment.get_template("report.html.j2").render(
        demo=demo, t=page.words, zone=timezone, version=__version__, figure={one.key: one for one in figures(demo)},
        rows=figures(demo), value=page.value, promises=page.promises(), chart=page.chart(), stories=page.stories(),
        situations=by_situation(demo), mails=mail_causes(demo), kept=page.kept(), closings=page.closings,
        case=page.case, change=page.change, title_of=page.title_of, register=register,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One day of the chart, in the units of its view box. `before`: total of the days before; `new`: of this day."""

    number: int
    x: float
    width: float
    top: float
    middle: float
    label: str
    new: int
    total: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart: columns, grid lines as (y, label), the foot line, and the points of the other life."""

    width: int
    height: int
    foot: float
    columns: tuple[Column, ...]
    grid: tuple[tuple[float, int], ...]
    line: str
    end_without: int
    end_with: int


@dataclass(frozen=True, slots=True)
class Step:
    """One dated step of a story. `kind`: of the action, or `held`."""

    at: datetime
    kind: str
    what: str
    rule: str = ""
    place: str = ""
    reasons: tuple[str, ...] = ()
    extra: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """One ticket's story; `case` None where the run has no ticket of that kind."""

    kind: str
    case: Case | None
    lost_on: datetime | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A ticket kept alive: how often, first and last, and the newest toggle's rule and reasons."""

    case: Case
    times: int
    first: datetime
    last: datetime
    deed: Deed


class _Page:
    def __init__(self, demo: Demonstration, words: Words, zone: ZoneInfo) -> None:
        self.demo = demo
        self.words = words
        self._zone = zone

    # --- how values are shown ------------------------------------------------------------------------------------
    def at(self, instant: datetime) -> str:
        return instant.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")

    def day(self, instant: datetime) -> str:
        return instant.astimezone(self._zone).strftime("%Y-%m-%d")

    def readable(self, text: str) -> str:
        """A reason with its instants in the reader's own time."""
        return _INSTANT.sub(lambda found: self.at(datetime.fromisoformat(found[0])), text)

    def value(self, value: int | str | None) -> str:
        if value is None:
            return "–"
        return self.words.named("value", value) if isinstance(value, str) else str(value)

    def change(self, deed: Deed | Told) -> str:
        if deed.kind == "toggle":
            return self.words("did_toggle")
        return "; ".join(f"{_word(old)} → {_word(new)}" for _, old, new in deed.changes)

    def title_of(self, situation: str | None) -> str:
        return self.demo.situations.get(situation or "", situation or "–")

    def case(self, number: int) -> Case:
        found = self.demo.guarded.cases.get(number) or self.demo.without.cases.get(number)
        return found or Case(number, "", "", None, None)

    # --- the parts -----------------------------------------------------------------------------------------------
    def promises(self) -> list[tuple[str, bool]]:
        life = self.demo.guarded
        over = self.demo.over_cap()
        return [
            (self.words("promise_lost"), not life.lost),
            (self.words("promise_completed"), not life.left_completed),
            (self.words("promise_mail"), not life.mailed_by_toggle),
            (self.words("promise_cap"), not over),
            (self.words("promise_audit"), life.audit_sound),
            (self.words("promise_trouble"), not life.troubles),
        ]

    def chart(self) -> Chart:
        width, height, left, foot, head = 960, 300, 46.0, 262.0, 18.0
        days = lost_by_day(self.demo)
        total = sum(new for _, new, _ in days)
        other = sum(new for _, _, new in days)
        step = _nice(max(total, other, 1))
        scale = (foot - head) / (step * -(-max(total, other, 1) // step))
        slot = (width - left - 10) / len(days)
        columns, points, so_far, guarded = [], [], 0, 0
        for number, (begin, new, also) in enumerate(days, start=1):
            before, so_far, guarded = so_far, so_far + new, guarded + also
            label = self.words("chart_day", day=number, date=self.day(begin), new=new, total=so_far, other=guarded)
            x = left + (number - 1) * slot
            columns.append(
                Column(number, round(x + slot * 0.12, 1), round(slot * 0.76, 1), round(foot - so_far * scale, 1),
                       round(foot - before * scale, 1), label, new, so_far)
            )  # fmt: skip
            points.append(f"{x + slot / 2:.1f},{foot - guarded * scale:.1f}")
        grid = tuple((round(foot - at * scale, 1), at) for at in range(0, max(total, other, 1) + step, step))
        grid = tuple(line for line in grid if line[0] >= head - 1)
        return Chart(width, height, foot, tuple(columns), grid, " ".join(points), total, other)

    def closings(self, closings: Iterable[Closing]) -> list[tuple[Case, Closing]]:
        return [(self.case(one.ticket), one) for one in sorted(closings, key=lambda one: (one.at, one.ticket))]

    def kept(self) -> list[Kept]:
        by_ticket: dict[int, list[Deed]] = {}
        for deed in self.demo.guarded.toggles:
            by_ticket.setdefault(deed.ticket, []).append(deed)
        return [
            Kept(self.case(number), len(made), made[0].at, made[-1].at, made[-1])
            for number, made in sorted(by_ticket.items())
        ]

    # --- stories -------------------------------------------------------------------------------------------------
    def stories(self) -> list[Story]:
        life = self.demo.guarded
        held = sorted({number for plan in life.held for number in plan.tickets})
        candidates: list[tuple[str, Sequence[int]]] = [
            ("toggle", [deed.ticket for deed in life.toggles]),
            ("set", [deed.ticket for deed in life.prioritised]),
            ("assign", [deed.ticket for deed in life.reassigned]),
            ("held", held),
        ]
        told, taken = [], set[int]()
        for kind, numbers in candidates:
            number = self._telling(kind, numbers, taken)
            if number is None:
                told.append(Story(kind, None, None, ()))
                continue
            taken.add(number)
            lost = next((one.at for one in self.demo.without.lost if one.ticket == number), None)
            told.append(Story(kind, self.case(number), lost, tuple(self._steps(number))))
        return told

    def _telling(self, kind: str, numbers: Sequence[int], taken: set[int]) -> int | None:
        """The ticket that tells this kind best: most of that kind, few other lines, the lowest number."""
        free = sorted(set(numbers) - taken)
        lost = {one.ticket for one in self.demo.without.lost}

        def weight(number: int) -> tuple[bool, int, int]:
            lines = [line.kind for line in self.demo.guarded.audit if line.ticket == number]
            own = lines.count(kind)
            return (number not in lost, abs(len(lines) - 5), -own)

        return min(free, key=lambda number: (*weight(number), number), default=None)

    def _steps(self, number: int) -> list[Step]:
        life = self.demo.guarded
        reasons: dict[tuple[datetime, str, str], tuple[str, ...]] = {}
        known = ""
        for deed in life.deeds:
            if deed.ticket == number:
                said = tuple(text for _, text in deed.reasons if text != known)  # the situation is told once
                known = next((text for code, text in deed.reasons if code == "IN_SITUATION"), known)
                reasons.setdefault((deed.at.replace(microsecond=0), deed.kind, deed.rule), said)
        steps = [
            Step(plan.at, "held", self.words("did_held", user=plan.approved_by), extra=plan.digest[:12])
            for plan in life.held
            if number in plan.tickets
        ]
        for line in life.audit:
            if line.ticket == number:
                evidence = dict(line.evidence)
                extra = ""
                if "clock_after" in evidence:
                    moved = " → ".join(evidence[name] for name in ("clock_before", "clock_after") if name in evidence)
                    extra = f"{self.words('clock')}: {self.readable(moved)}"
                found = reasons.get((line.at.replace(microsecond=0), line.kind, line.rule), ())
                steps.append(Step(line.at, line.kind, self._did(line), line.rule, line.place, found, extra))
        return sorted(steps, key=lambda step: step.at)

    def _did(self, line: Told) -> str:
        if line.kind == "toggle":
            text = self.words("did_toggle")
        elif line.kind == "notify":
            text = self.words("did_notify")
        elif line.kind in ("set", "assign"):
            text = f"{self.words(f'did_{line.kind}')}: {self.change(line)}"
        else:
            text = f"{self.words('did_other')}: {line.kind}"
        if line.outcome not in ("", "done"):
            text += f" ({self.words.named('outcome', line.outcome)})"
        return text


def _word(value: Any) -> str:
    return "–" if value is None else str(value).replace("_", " ")


def _nice(most: int) -> int:
    """A round step that divides the axis into about five."""
    steps = (factor * 10**power for power in range(7) for factor in (1, 2, 5))
    return next((step for step in steps if step * 5 >= most), most)
