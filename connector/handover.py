"""Accounts that can only be read: what would be written becomes files for people, once a plan.

An export shows only later whether the files were imported. So what was handed over is remembered as done under its
idempotency key, not as an effect: the auto-close safety, which rests on the clock the next export shows, still acts.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from connector.apply.actions import chosen as let_through
from connector.core.fieldmap import FieldMap
from connector.core.policy import Policy
from connector.cycle.run import Account, CycleReport
from connector.helpdesks import kind_of
from connector.helpdesks.c4c_export import write_changes
from connector.settings import Settings


def hand_over(account: Account, settings: Settings, report: CycleReport) -> list[Path]:
    """Write the change files and the work list of a cycle's plan; [] where there is nothing to hand over.

    Raises ConfigurationError where the folder can't be written.
    """
    chosen = settings.account(account.name)
    if not kind_of(chosen.helpdesk).by_file or report.plan is None or report.verdict is None or not chosen.out:
        return []
    actions = let_through(report.plan, report.verdict)
    if not actions or not chosen.write:
        return []
    rows = account.store.mirrored(account.name, [one.ticket for one in actions])
    tickets = {ticket: row.ticket for ticket, row in rows.items()}
    files = write_changes(
        actions, tickets, settings.resolve(chosen.out), report.now,
        field_map=_map(account, chosen.helpdesk), language=account.policy.language, party_ids=party_ids(account.policy),
    )  # fmt: skip
    with account.store.transaction():
        for action in actions:
            row = rows[action.ticket]
            done = {**row.memory.done, action.key: report.now.isoformat()}
            ours = dict(row.memory.ours)
            if action.kind != "toggle":
                # Else a rule that this one outranked would have its turn while the export shows the old value.
                ours.update({name: new for name, (_, new) in action.changes.items()})
            rows[action.ticket] = replace(row, memory=replace(row.memory, done=done, ours=ours))
            body = {"plan": report.plan.digest, "action": action.id, "kind": action.kind, "rule": action.rule.name}
            account.store.append_audit(account.name, report.now, "handed_over", body, ticket=action.ticket)
        account.store.put(account.name, list(rows.values()))
    return files


def party_ids(policy: Policy, helpdesk: str = "c4c") -> dict[str, str]:
    """Roster key or name -> the id the helpdesk itself wants, for those who have one in the pack."""
    known = [(person, person.ids[helpdesk]) for person in policy.people.values() if helpdesk in person.ids]
    return {name: number for person, number in known for name in (person.key, person.name)}


def _map(account: Account, helpdesk: str) -> FieldMap:
    maps = account.policy.maps
    return maps.get(helpdesk.removesuffix("-export")) or next(iter(maps.values()))
