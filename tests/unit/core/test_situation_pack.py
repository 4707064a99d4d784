"""The situations of the shipped appliance pack: words, writes, and that its cases notice every changed figure."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.apply.journal import counts_as_write
from connector.cases import read_cases
from connector.cases_run import run_case
from connector.core.conditions_base import equal_key
from connector.core.evaluate import evaluate
from connector.core.guard import History, Limits, judge
from connector.core.model import Memory, Ticket
from connector.core.planning import make_plan
from connector.mapping.load import load_policy
from connector.packs import shipped

PACK = shipped()["appliance-mx"]
#: What is never said to a customer: in meaning, the list of the source procedure.
NEVER = (
    "no se puede", "no podemos", "nadie más", "no hay nadie", "no ha mandado", "no han mandado", "no creamos",
    "no hay supervisor", "no hay nada más", "nada más que hacer", "imposible",
)  # fmt: skip
START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)

#: A figure or addressee of the pack -> another one.
MUTATIONS = [
    ("situations.yaml", "no-diagnosis", "promise: 72h", "promise: 71h"),
    ("situations.yaml", "no-diagnosis", "promise: 72h", "promise: 73h"),
    ("situations.yaml", "no-diagnosis", "after: 7d", "after: 6d"),
    ("situations.yaml", "no-diagnosis", "every: 7d", "every: 6d"),
    ("situations.yaml", "no-diagnosis", "toggle: true", "toggle: false"),
    ("situations.yaml", "no-diagnosis", "at: promise", "at: once"),
    ("situations.yaml", "no-diagnosis", "to: supervision", "to: gerencia"),
    ("situations.yaml", "no-parts", "after: 13d", "after: 12d"),
    ("situations.yaml", "no-parts", "every: 13d", "every: 12d"),
    ("situations.yaml", "no-parts", "least: 15d", "least: 14d"),
    ("situations.yaml", "no-parts", "most: 20d", "most: 21d"),
    ("situations.yaml", "no-parts", "notify: supervisora", "notify: gerente"),
    ("situations.yaml", "no-return-label", "promise: 72h", "promise: 71h"),
    ("situations.yaml", "no-return-label", "after: 72h", "after: 71h"),
    ("situations.yaml", "no-return-letter", "5 business days", "4 business days"),
    ("situations.yaml", "no-replacement", "5 business days", "6 business days"),
    ("situations.yaml", "no-replacement", "toggle: true", "toggle: false"),
    ("situations.yaml", "regulator-threat", "promise: 72h", "promise: 71h"),
    ("situations.yaml", "retailer-amazon", "when: {age: 25d}", "when: {age: 24d}"),
    ("situations.yaml", "injury-or-damage", "most: 5 business days", "most: 6 business days"),
    ("situations.yaml", "injury-or-damage", "least: 3 business days", "least: 2 business days"),
    ("situations.yaml", "injury-or-damage", "mode: draft", "mode: send"),
    ("situations.yaml", "supervisor-call", "every: 2 min", "every: 3 min"),
    ("situations.yaml", "supervisor-call", "until: 30 min", "until: 32 min"),
    ("keepalive.yaml", "", "margin: 12h", "margin: 11h"),
    ("keepalive.yaml", "", "cap: 8", "cap: 7"),
    ("keepalive.yaml", "", "until: 60d", "until: 59d"),
    ("matrix.yaml", "", "after: 30d", "after: 29d"),
    ("matrix.yaml", "", "assign: gerencia", "assign: supervision"),
]


def test_no_text_holds_a_word_never_used_with_customers() -> None:
    """In every text of the pack, whatever its case and accents."""
    written = equal_key((PACK / "textos.yaml").read_text(encoding="utf-8"))
    body = " ".join(line for line in written.splitlines())
    assert [words for words in NEVER if equal_key(words) in body] == []


def test_the_injury_template_says_what_it_must() -> None:
    """Thanks, regret, the right department, 3 to 5 business days, and not to throw the product away."""
    template = load_policy(PACK).texts["plantilla-lesion"]
    text = template.render({"customer": "Eva", "brand": "Acme", "agent_first_name": "Luis"})
    for words in ("Eva", "Acme", "Luis", "agradecemos", "Sentimos", "departamento", "3 a 5 días hábiles", "no lo tire"):
        assert words in text


@pytest.mark.parametrize("days", [0, 3, 7, 13, 14, 27, 30])
def test_no_instant_wants_more_writes_than_the_guard_allows(days: int) -> None:
    """Seen for the first time after so many days, with every condition met: nothing is put off for another day."""
    policy = load_policy(PACK)
    tags = (
        "centro-se-niega", "otro-centro", "resolucion-ofrecida", "amenaza-sigue", "distribuidor-se-niega",
        "pide-compensacion",
    )  # fmt: skip
    now = START + timedelta(days=days)
    for name in policy.situations:
        ticket = Ticket(
            id="1", status="in_process", priority="normal", channel="phone", body="Me urge", customer="Eva",
            agent="Luis P",
            brand="Acme", tags=tags, escalation_type=name, escalated_at=START, created_at=START - timedelta(days=25),
            status_since=START, updated_at=START,
        )  # fmt: skip
        found = evaluate(policy, ticket, Memory(), now)
        plan = make_plan(policy, "a", [found], {}, now, complete=True, rejected=(), population=100)
        assert judge(plan, Limits(), History()).deferred == (), name
        assert sum(1 for one in plan.actions if counts_as_write(one)) <= 3, name


@pytest.mark.parametrize(("file", "section", "old", "new"), MUTATIONS)
def test_a_changed_figure_fails_a_case(tmp_path: Path, file: str, section: str, old: str, new: str) -> None:
    """The pack's own cases notice it."""
    pack = tmp_path / "pack"
    shutil.copytree(PACK, pack)
    path = pack / file
    text = path.read_text(encoding="utf-8")
    start = text.index(f"- id: {section}\n") if section else 0
    place = text.index(old, start)
    following = re.compile(r"\n  - id: ").search(text, start + 1)
    assert not section or following is None or place < following.start(), f"{old!r} is not in {section}"
    path.write_text(text[:place] + new + text[place + len(old) :], encoding="utf-8")
    policy = load_policy(pack)
    assert any(run_case(policy, case).failures for case in read_cases(pack, policy))
