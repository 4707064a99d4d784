"""Reasons in the language of a report: from their own values, on the office's clock, or as they were said."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from connector.core.model import Reason
from connector.reports.reasons import said

MX = ZoneInfo("America/Mexico_City")
PROMISE = Reason(
    "PROMISE", "an answer is promised by 2026-09-21T23:30:00+00:00 (5 business days)",
    {"due": "2026-09-21T23:30:00+00:00", "promised": "5 business days"},
)  # fmt: skip


def test_a_known_reason_is_said_in_the_report_s_language() -> None:
    """The sentence is the language's, its instant the office's."""
    assert said(PROMISE, "es", MX) == "se prometió una respuesta hasta el 2026-09-21 17:30:00 -0600 (5 business days)"
    assert said(PROMISE, "it", MX) == "risposta promessa entro 2026-09-21 17:30:00 -0600 (5 business days)"
    assert said(PROMISE, "en", MX) == "an answer is promised by 2026-09-21 17:30:00 -0600 (5 business days)"


def test_one_without_its_values_or_without_words_stays_as_it_was_said() -> None:
    """Nothing is made up: a code with other values, and one nobody translated."""
    assert said(Reason("IN_SITUATION", "46 h since", {"start": "x"}), "es", MX) == "46 h since"
    assert said(Reason("STRANGE", "a b c"), "it", MX) == "a b c"


def test_matched_phrases_are_told_with_their_place() -> None:
    """Phrase, text and offset; denied ones are no reason to act."""
    matches = [
        {"phrase": "profeco", "field": "body", "start": 8, "end": 15, "negated": False},
        {"phrase": "urgente", "field": "body", "start": 20, "end": 27, "negated": True},
    ]
    assert said(Reason("KEYWORD", "x", {"matches": matches}), "es", MX) == "«profeco» en body, posición 8"
    assert said(Reason("KEYWORD", "none of 3", {"matches": []}), "es", MX) == "none of 3"


def test_a_level_lifted_at_once_is_not_said_to_be_overdue() -> None:
    """It is due now, before its time has passed: the sentence of a level that was due would be false."""
    values = {"level": 3, "after": "2h", "since": "2026-09-14T15:30:00+00:00", "due": "2026-09-14T17:30:00+00:00"}
    due, lifted = (Reason("LEVEL_DUE", "…", {**values, "lifted": flag}) for flag in (False, True))
    assert said(due, "es", MX).startswith("el nivel 3 tocaba 2h después del 2026-09-14 09:30:00 -0600")
    assert said(lifted, "es", MX) == "el nivel 3 toca ya, antes de 2h desde el 2026-09-14 09:30:00 -0600"
    assert said(lifted, "it", MX) == "il livello 3 è dovuto subito, prima di 2h dal 2026-09-14 09:30:00 -0600"
