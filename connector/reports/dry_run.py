"""What a dry run would do, as values and as JSON: the plan, the guard's word, and the digests of policy and data.

Nothing here reads a clock: the same plan, tickets and digests give the same report, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.model import Action, Plan, Ticket, Verdict
from connector.core.plan_json import action_to_json, plan_to_json
from connector.core.policy import Policy
from connector.errors import UsageError

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """Something the tickets were read from: its name and the SHA-256 of its bytes (hexadecimal)."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Row:
    """One action, ready to be shown. `state` is `now`, `held`, `later` or `exempt`; times are local text."""

    action: Action
    subject: str
    place: str
    state: str
    changes: tuple[tuple[str, tuple[str, ...]], ...]
    due: str
    expected: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a form of the report shows."""

    plan: Plan
    verdict: Verdict
    policy: Policy
    sources: tuple[Source, ...]
    rows: tuple[Row, ...]
    zone: ZoneInfo

    @property
    def as_of(self) -> str:
        """The instant of the decision, in the pack's time zone."""
        return _local(self.plan.now, self.zone)

    @property
    def touched(self) -> int:
        """How many tickets the plan touches."""
        return len({action.ticket for action in self.plan.actions})

    def by_rule(self) -> list[tuple[str, str, str, str, int]]:
        """(kind of rule, name, place, kind of action, number), most frequent first."""
        found = Counter(
            (one.rule.kind, one.rule.name, f"{one.rule.file}:{one.rule.line}", one.kind) for one in self.plan.actions
        )
        return [(*key, count) for key, count in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))]

    def undecided(self) -> list[tuple[str, str, str, int, str]]:
        """(rule, code, sentence, number of tickets, one of them), most frequent first."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for unsure in self.plan.unknown:
            rule = f"{unsure.rule.kind} '{unsure.rule.name}' ({unsure.rule.file}:{unsure.rule.line})"
            for reason in unsure.reasons:
                found.setdefault((rule, reason.code, reason.text), []).append(unsure.ticket)
        ordered = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
        return [(*key, len(tickets), tickets[0]) for key, tickets in ordered]


def make_report(
    plan: Plan, verdict: Verdict, policy: Policy, tickets: Mapping[str, Ticket], sources: Sequence[Source]
) -> Report:
    """The report on a plan. `tickets`: those known by id, for their subjects and places."""
    zone = ZoneInfo(policy.timezone)
    later, exempt = set(verdict.deferred), set(verdict.exempt)

    def state(action: Action) -> str:
        if action.id in later:
            return "later"
        if verdict.go:
            return "now"
        return "exempt" if action.id in exempt else "held"

    rows = tuple(_row(action, tickets.get(action.ticket), state(action), zone) for action in plan.actions)
    return Report(plan, verdict, policy, tuple(sources), rows, zone)


def report_json(report: Report) -> dict[str, Any]:
    """The plan's contract, and the digests of policy and data beside it."""
    return {
        **plan_to_json(report.plan, report.verdict),
        "pack": report.policy.name,
        "digests": {
            "policy": report.plan.policy,
            "data": [{"source": one.name, "sha256": one.sha256} for one in report.sources],
        },
    }


def file_sources(paths: Iterable[Path]) -> list[Source]:
    """Files by name with the digest of their bytes. Raises UsageError for one that can't be read."""
    found = []
    for path in paths:
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            msg = f"{path}: can't be read ({error.strerror})"
            raise UsageError(msg) from error
        found.append(Source(path.name, digest.hexdigest()))
    return found


def account_source(plan: Plan) -> Source:
    """An account as a source: the digest of what its tickets looked like where the plan touches or doubts them."""
    seen = {
        "expected": [[one.ticket, action_to_json(one)["expected"]] for one in plan.actions],
        "unknown": sorted({one.ticket for one in plan.unknown}),
        "rejected": [[one.place, one.problem] for one in plan.rejected],
        "population": plan.population,
    }
    text = json.dumps(seen, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return Source(plan.account, hashlib.sha256(text.encode()).hexdigest())


def _row(action: Action, ticket: Ticket | None, state: str, zone: ZoneInfo) -> Row:
    shown = action_to_json(action)
    changes = tuple((name, tuple(_word(value) for value in values)) for name, values in shown["changes"].items())
    return Row(
        action=action,
        subject=(ticket.subject or "") if ticket is not None else "",
        place=ticket.place if ticket is not None else "",
        state=state,
        changes=changes,
        due=_local(action.due, zone) if action.due is not None else "",
        expected=tuple((name, _word(value)) for name, value in sorted(shown["expected"].items())),
    )


def _word(value: Any) -> str:
    if value is None:
        return "–"
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %z")
