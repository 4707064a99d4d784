"""What is under escalation: the one place where the demonstration asks it, in the words of the pack it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.core.policy import Policy
from connector.core.rules._common import situation_named

_TAG = "esc:"


def escalated_as(policy: Policy, row: Mapping[str, Any]) -> str | None:
    """The situation a ticket is escalated in, None where it is not. `row`: the ticket in the helpdesk API's own shape.

    As the daemon reads it: first the mapped custom field, then a tag `esc:<id>`. What a `detect:` condition only
    suggests is no escalation yet.
    """
    name = policy.maps["freshdesk"].fields.get("escalation_type", "")
    value = (row.get("custom_fields") or {}).get(name)
    if value:
        return situation_named(policy, str(value))
    for tag in row.get("tags") or []:
        if str(tag).lower().startswith(_TAG):
            named = situation_named(policy, str(tag)[len(_TAG) :])
            if named is not None:
                return named
    return None
