"""Who asks is asked for exactly where a policy looks at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.core.asked import asks_for_customer
from connector.core.policy import Policy
from connector.mapping.load import load_policy, load_policy_from_texts

_PACK = "pack: {name: prueba, language: es, timezone: America/Mexico_City}\n"
_RULE = "priority:\n  - name: uno\n    when: {%s}\n    priority: urgent\n"


def _policy(**files: str) -> Policy:
    return load_policy_from_texts({"pack.yaml": _PACK} | {f"{name}.yaml": text for name, text in files.items()})


@pytest.mark.parametrize(
    ("when", "asked"),
    [
        ("channel: email", False),
        ("any_phrase: [urgente]", False),
        ("customer: Tienda Sol", True),
        ("requester_email: ana@example.com", True),
        ("any: [{channel: phone}, {not: {requester: Ana}}]", True),
        ("empty: [customer]", True),
        ("empty: [product]", False),
    ],
)
def test_a_condition_asks_where_it_names_who_asks_however_deep(when: str, *, asked: bool) -> None:
    """Also under `any` and `not`, and where only the presence is looked at."""
    assert asked == asks_for_customer(_policy(rules=_RULE % when))


def test_an_empty_policy_asks_for_nothing() -> None:
    """No rules, no texts: list pages stay at their lowest price."""
    assert not asks_for_customer(_policy())


@pytest.mark.parametrize(("text", "asked"), [("Hola #CUSTOMER#", True), ("Hola", False), ("{{ subject }}", False)])
def test_a_text_asks_where_its_placeholder_needs_it(text: str, *, asked: bool) -> None:
    """A greeting by name needs the name."""
    assert asked == asks_for_customer(_policy(texts=f'texts:\n  saludo: "{text}"\n'))


@pytest.mark.parametrize(
    ("pack", "why"),
    [
        ("appliance-mx", "its register has a column for the customer"),
        ("gas-utility-cl", "an insistence is linked by who asks"),
        ("saas-vendor", "its rules name customers"),
    ],
)
def test_the_shipped_packs_that_look_at_who_asks_ask(pack: str, why: str) -> None:
    """One reason each is enough."""
    assert asks_for_customer(load_policy(Path("mappings") / pack)), why
