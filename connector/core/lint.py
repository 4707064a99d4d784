"""Lint: what is well-formed and will load, but is surely not meant. Pure; a new check is one more entry in `CHECKS`.

Every check only says what is certain from the policy itself: where a condition can't be compared, it says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.core import lint_conditions, lint_maps, lint_rules, lint_sense, lint_texts, lint_times
from connector.core.lint_base import Check, Finding, Subject
from connector.core.model import EMPTY
from connector.core.policy import Policy

__all__ = ["CHECKS", "Finding", "lint"]

#: Every check, in the order in which its findings are told.
CHECKS: tuple[Check, ...] = (
    lint_conditions.impossible,
    lint_conditions.unmapped,
    lint_conditions.strangers,
    lint_rules.needless,
    lint_rules.two_wants,
    lint_rules.looser_bounds,
    lint_times.dead_levels,
    lint_times.dead_keepalives,
    lint_times.closed_before,
    lint_times.late_reminders,
    lint_times.never_open,
    lint_maps.mailing_toggles,
    lint_maps.unreached,
    lint_texts.unfillable,
    lint_texts.phrases,
    lint_texts.ruled_out,
    lint_texts.outdone,
    lint_sense.dead_events,
    lint_sense.unskilled,
    lint_sense.unmapped_targets,
    lint_sense.hasty,
)


def lint(
    policy: Policy,
    *,
    phrases: Mapping[str, tuple[str, ...]] = EMPTY,
    native: Mapping[str, frozenset[str]] = EMPTY,
    mailing: Mapping[str, frozenset[str]] = EMPTY,
    account: Mapping[str, frozenset[str]] = EMPTY,
    years: Sequence[int] = (),
) -> tuple[Finding, ...]:
    """Everything found in a policy, each once.

    `phrases`: the pack's named phrase lists, so that a list is told of once. By helpdesk, `native`: the fields tickets
    have without any map; `mailing`: the codes and labels (in small letters) of statuses that mail customers.
    `account`: `group` and `agent` -> the names that the live account knows, where it could be asked. `years`: those in
    which every calendar must open at least once.
    """
    subject = Subject(policy, phrases, native, mailing, account, tuple(years))
    found = [finding for check in CHECKS for finding in check(subject)]
    return tuple({(one.code, one.rule, one.named, one.field, one.text): one for one in found}.values())
