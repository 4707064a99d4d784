"""Rules of kind `vocabulary`: the pack's own texts at load time, agents' replies where the rule says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.core.evaluate import evaluate, remember
from connector.core.model import Call, Decision, Memory, Ticket
from connector.core.policy import Beside, Policy, Reply
from connector.core.rules.vocabulary import VocabularyRule, needs_reply
from connector.mapping.load import load_policy, load_policy_from_texts, load_texts

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
MAPPINGS = Path(__file__).parents[3] / "mappings"
PACK = "pack: {name: p, language: es, timezone: UTC}\n"
RULE = """
vocabulary:
  - name: nunca
    never: [no se puede, no hay supervisor, imposible]
"""
REPLIES = RULE + "    replies: {note: 'La respuesta dice #FOUND#.', within: 24h}\n"
POLICY = load_policy_from_texts({"pack.yaml": PACK, "rules.yaml": REPLIES})


def ticket(**values: object) -> Ticket:
    return Ticket("1", **{"status": "open", "agent_responded_at": NOW - timedelta(hours=1), **values})  # type: ignore[arg-type]


def decide(
    reply: str | None, *, policy: Policy = POLICY, memory: Memory | None = None, now: datetime = NOW, **values: object
) -> Decision:
    beside = Beside(reply=None if reply is None else Reply(reply))
    [decision] = evaluate(policy, ticket(**values), memory or Memory(), now, beside=beside).decisions
    return decision


# --- the pack's texts -------------------------------------------------------------------------------------------------
def told(texts: str, rule: str = RULE) -> list[tuple[str, int, int, str]]:
    pack = PACK + "priority: [{name: x, when: {subject: x}, priority: high}]\n" + rule + texts
    return [(one.code, one.line, one.col, one.text) for one in load_texts({"p.yaml": pack}).problems]


def test_a_text_that_says_it_is_refused_at_the_very_words() -> None:
    """Phrase, rule and text are named; line and column are those of the words, whatever their case and accents."""
    [(code, line, col, text)] = told("texts:\n  saludo: |\n    Hola #CUSTOMER#,\n    hoy NO SE PUEDE reparar.\n")
    assert (code, line, col) == ("E065", 10, 9)
    assert text == "'no se puede' is never to be said to customers by rule 'nunca', in text 'saludo'"


def test_every_place_is_told_and_denied_words_are_not() -> None:
    """Two phrases, two problems; «no es imposible» says the opposite."""
    texts = "texts:\n  a: Hoy no hay supervisor y no se puede.\n  b: Esto no es imposible.\n"
    assert [(line, col) for _, line, col, _ in told(texts)] == [(8, 10), (8, 30)]


@pytest.mark.parametrize(("more", "count"), [("    except: a\n", 1), ("    texts: b\n", 1), ("    texts: [a, b]\n", 2)])
def test_a_rule_may_name_its_texts_or_leave_some_out(more: str, count: int) -> None:
    """What no customer sees may say anything."""
    assert len(told("texts: {a: No se puede., b: No se puede.}\n", RULE + more)) == count


def test_texts_written_in_place_are_held_against_it_too() -> None:
    """The note of a rule, at its place."""
    rule = "keepalive: [{name: k, note: 'Hoy no se puede.'}]\n"
    [(code, line, _, text)] = told(rule)
    assert (code, line) == ("E065", 7)
    assert text.endswith("in a text written in place")


# --- agents' replies --------------------------------------------------------------------------------------------------
def test_replies_are_not_read_unless_the_rule_says_so() -> None:
    """Off by default: no answer about the ticket, and nothing to look up."""
    policy = load_policy_from_texts({"pack.yaml": PACK, "rules.yaml": RULE})
    assert not needs_reply(policy, ticket(), Memory(), NOW)
    assert decide("No se puede", policy=policy).call is Call.NO


def test_a_reply_with_such_words_gets_one_private_note() -> None:
    """The words found are named; once done it is not repeated, nor read again."""
    assert needs_reply(POLICY, ticket(), Memory(), NOW)
    decision = decide("Lo siento: no hay  supervisor, y NO SE PUEDE.")
    [want] = decision.wants
    assert (want.kind, want.text) == ("note", "La respuesta dice «no hay supervisor», «no se puede».")
    assert not want.reaches_customer
    done = Memory(done={want.key: NOW.isoformat()})
    assert decide("No se puede", memory=done).call is Call.NO
    assert not needs_reply(POLICY, ticket(), done, NOW)


def test_a_reply_without_them_is_read_once() -> None:
    """Its instant is remembered; a newer reply is read again."""
    evaluation = evaluate(POLICY, ticket(), Memory(), NOW, beside=Beside(reply=Reply("Con gusto le ayudo.")))
    memory = remember(Memory(), evaluation, NOW)
    assert not needs_reply(POLICY, ticket(), memory, NOW)
    assert needs_reply(POLICY, ticket(agent_responded_at=NOW), memory, NOW)


def test_old_replies_and_unanswered_tickets_are_left_alone() -> None:
    """A note about yesterday's words helps nobody."""
    assert not needs_reply(POLICY, ticket(agent_responded_at=NOW - timedelta(hours=24)), Memory(), NOW)
    assert not needs_reply(POLICY, ticket(agent_responded_at=None), Memory(), NOW)
    assert not needs_reply(POLICY, ticket(status="completed"), Memory(), NOW)
    assert decide(None, agent_responded_at=None).call is Call.NO


def test_a_reply_that_can_not_be_read_is_unknown() -> None:
    """And looked for again; a source without that instant can't tell either."""
    unread = decide(None)
    assert (unread.call, unread.wake_at) == (Call.UNKNOWN, NOW + timedelta(hours=1))
    untold = decide(None, agent_responded_at=None, unknown=frozenset({"agent_responded_at"}))
    assert untold.call is Call.UNKNOWN


# --- the shipped list -------------------------------------------------------------------------------------------------
def _shipped() -> VocabularyRule:
    [rule] = [one for one in load_policy(MAPPINGS / "appliance-mx").rules if isinstance(one, VocabularyRule)]
    return rule


@pytest.mark.parametrize(
    "said",
    [
        "Lamentablemente NO SE PUEDE.",
        "Nadie más puede resolver su caso",
        "Es que no han enviado las refacciones.",
        "Nosotros no generamos guías de envío",
        "En este momento no hay supervisor",
        "Ya no hay nada más que hacer en su caso",
    ],
)
def test_the_shipped_list_knows_the_six_families(said: str) -> None:
    """Each family at least by one of its wordings."""
    assert _shipped().found(said)


@pytest.mark.parametrize(
    "said",
    [
        "Con gusto le paso con mi supervisora.",
        "Su guía llega hoy; las piezas salen mañana.",
        "No se preocupe, lo resolvemos.",
        "No es imposible: lo vemos hoy.",
    ],
)
def test_the_shipped_list_lets_kind_words_pass(said: str) -> None:
    """Negations that promise help are no offence."""
    assert _shipped().found(said) == []


def test_overlapping_phrases_are_told_once_by_the_longest() -> None:
    """One place, one problem."""
    rule = replace(_shipped())
    assert [match.phrase for match in rule.found("ya no hay nada que hacer, no podemos hacer nada más")] == [
        "no hay nada que hacer",
        "no podemos hacer nada",
    ]
