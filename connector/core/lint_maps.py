"""Lint of policy against the helpdesk maps: toggles that would mail customers, situations that nothing leads to."""

from __future__ import annotations

from collections.abc import Iterator

from connector.core.fieldmap import FieldMap
from connector.core.lint_base import Finding, Subject, situations_of
from connector.core.rules.keepalive import KeepaliveRule

MAILS, UNREACHED = "W124", "W125"


def mailing_toggles(subject: Subject) -> Iterator[Finding]:
    """Keep-alive rules whose passing status mails the customer on one of the pack's helpdesks, which refuses that."""
    for rule in subject.policy.rules:
        if not isinstance(rule, KeepaliveRule):
            continue
        for helpdesk, mapped in subject.policy.maps.items():
            written = next(iter(mapped.statuses.get(rule.through, ())), None)
            mailing = subject.mailing.get(helpdesk, frozenset())
            if written is None or mapped.allow_notifying_status or written.strip().casefold() not in mailing:
                continue
            text = f"on {helpdesk} the toggle would pass through '{written}', which mails the customer: it is refused"
            hint = f"put a custom status first in `statuses: {rule.through}:` of {mapped.file}, "
            hint += "or write allow_notifying_status: true there"
            values = {"helpdesk": helpdesk, "status": written}
            yield Finding(MAILS, text, hint, rule.ref, field="through", values=values)


def unreached(subject: Subject) -> Iterator[Finding]:
    """Situations that no field, tag or detection ever puts a ticket into."""
    maps = tuple(subject.policy.maps.values())
    if not maps or any(_tells(one, field, subject) for one in maps for field in ("escalation_type", "tags")):
        return
    for situation in situations_of(subject.policy):
        if situation.detect is not None and not situation.suggest:
            continue
        what = "`detect:` only suggests it" if situation.detect is not None else "it has no `detect:`"
        text = f"no ticket ever enters situation '{situation.id}': no helpdesk map reads an escalation field or tags, "
        hint = "map `escalation_type` or `tags`, or let it be entered by itself (detection: act)"
        place = "detect" if situation.detect is not None else ""
        yield Finding(UNREACHED, f"{text}and {what}", hint, situation.ref, field=place)


def _tells(mapped: FieldMap, field: str, subject: Subject) -> bool:
    return field in mapped.fields or field in mapped.headings or field in subject.native.get(mapped.helpdesk, ())
