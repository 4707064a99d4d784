"""Deciding on exported files alone: no account, no state, no network. What `plan`, `explain` and `report` rest on.

Rows are streamed; only tickets on which a rule acts, or cannot tell, are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from connector.core.evaluate import evaluate
from connector.core.guard import History, Limits, judge
from connector.core.model import Call, Evaluation, Memory, Plan, Rejected, Ticket, Verdict
from connector.core.planning import make_plan
from connector.core.policy import Beside, Policy
from connector.errors import UsageError
from connector.helpdesks.c4c_export import Export, read_exports
from connector.offline_kin import MOST, Kindred

_NOTHING = Memory()
#: Tickets kept that only could not be decided, and rows kept that could not be read; more are counted, not listed.
_UNSURE_KEPT = 10_000
_REJECTED_KEPT = 10_000


@dataclass(slots=True)
class Offline:
    """What exported files and a policy say as of one instant. `tickets` holds those the plan touches, by id."""

    policy: Policy
    export: Export
    plan: Plan
    verdict: Verdict
    tickets: dict[str, Ticket] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """By the contract: 4 not read whole, 3 held, 2 changes pending, 0 nothing to do."""
        if not self.plan.complete:
            return 4
        if not self.verdict.go:
            return 3
        return 2 if self.plan.actions else 0


def decide_exports(
    files: Sequence[Path], policy: Policy, now: datetime, *, account: str = "export", limits: Limits | None = None
) -> Offline:
    """Plan what the policy would do with exported tickets at `now` (aware).

    Raises ConfigurationError for a file that is no usable export or fits no map of the pack, IncompleteError for a
    damaged one; single bad rows are in the plan's `rejected`.
    """
    export = read_exports(files, policy.maps)
    kindred = Kindred(export.tickets, policy, now)
    kept: list[Evaluation] = []
    tickets: dict[str, Ticket] = {}
    rejected: list[Rejected] = []
    population = unsure = unreadable = 0
    for entry in export.tickets():
        if isinstance(entry, Rejected):
            unreadable += 1
            if len(rejected) < _REJECTED_KEPT:
                rejected.append(entry)
            continue
        population += entry.is_open
        evaluation = evaluate(policy, entry, _NOTHING, now, beside=kindred.of(entry), brief=True)
        speaking = tuple(one for one in evaluation.decisions if one.call in (Call.ACT, Call.UNKNOWN))
        acts = any(one.call is Call.ACT for one in speaking)
        unsure += not acts and bool(speaking)
        if acts or (speaking and unsure <= _UNSURE_KEPT):
            kept.append(replace(evaluation, decisions=speaking))
            tickets[entry.id] = entry
    plan = make_plan(
        policy, account, kept, {}, now, complete=export.complete, rejected=tuple(rejected), population=population
    )
    verdict = judge(plan, limits or Limits(), History())
    warnings = list(export.warnings)
    if kindred.too_many:
        warnings.append(f"more than {MOST} tickets of customers who insist: repeat rules can't tell; split the export")
    if unsure > _UNSURE_KEPT:
        warnings.append(f"{unsure} tickets could not be decided; the first {_UNSURE_KEPT} are listed")
    if unreadable > _REJECTED_KEPT:
        warnings.append(f"{unreadable} rows could not be read; the first {_REJECTED_KEPT} are listed")
    return Offline(policy, export, plan, verdict, tickets, tuple(warnings))


def find_ticket(files: Sequence[Path], policy: Policy, ticket_id: str) -> Ticket:
    """One ticket of the exports. Raises UsageError where it is in none of them, or was rejected."""
    reasons: list[str] = []
    for entry in read_exports(files, policy.maps).tickets():
        if isinstance(entry, Ticket):
            if entry.id == ticket_id:
                return entry
        elif entry.ticket == ticket_id:
            reasons.append(f"{entry.place}: {entry.problem}")
    names = ", ".join(path.name for path in files)
    why = f" ({'; '.join(reasons)})" if reasons else ""
    msg = f"ticket {ticket_id} is not in {names}{why}"
    raise UsageError(msg)


def related_in(files: Sequence[Path], policy: Policy, ticket: Ticket, now: datetime) -> Beside:
    """The other tickets of one ticket's customer in the exports, where a repeat rule may ask for them."""
    return Kindred(read_exports(files, policy.maps).tickets, policy, now).of(ticket)
