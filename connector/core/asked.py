"""What a policy asks of a ticket that a helpdesk tells only at a price: who it is that asks."""

from __future__ import annotations

from collections.abc import Iterator

from connector.core.lint_base import holders, leaves, situations_of
from connector.core.meaning import Opaque, Present
from connector.core.policy import Policy

#: Fields that tell of the customer.
OF_CUSTOMER = frozenset({"customer", "requester", "requester_email", "requester_phone"})
_LINKING = "repeat"


def asks_for_customer(policy: Policy) -> bool:
    """Whether any rule, text or register of the policy looks at who asks. A condition that can't be read may."""
    return any(True for _ in _askers(policy))


def _askers(policy: Policy) -> Iterator[str]:
    for situation in situations_of(policy):
        course = situation.course
        if course is None:
            continue
        if course.tab is not None or any(OF_CUSTOMER & set(fact.fields) for fact in course.facts):
            yield situation.id
    for text in policy.texts.values():
        if OF_CUSTOMER & getattr(text, "needs", frozenset()):
            yield text.name
    yield from (rule.ref.name for rule in policy.rules if rule.ref.kind == _LINKING)
    for holder in holders(policy):
        for leaf, _ in leaves(holder.meaning):
            fields = leaf.fields if isinstance(leaf, Present) else (getattr(leaf, "field", None),)
            if isinstance(leaf, Opaque) or OF_CUSTOMER & {name for name in fields if name is not None}:
                yield holder.ref.name
