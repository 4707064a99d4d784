"""When a text denies a phrase: a small rule over word tables, for Spanish, Italian and English together.

From the phrase the rule walks left, word by word, at most _WINDOW words and never over punctuation. It may step only
over words listed here, which carry no content of their own (copulas, "have", "need", "I think", adverbs, articles,
pronouns); any other word ends the walk, because then the negator belongs to that word: in "no funciona es urgente" it
is the machine that is denied. If the walk meets a negator, the phrase is negated. Unsure means not negated: a missed
escalation costs more than one too many. Tables hold folded words; docs/text-matching.md has examples of each case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from connector.core._fold import Word
from connector.core._negation_words import (
    ACTION,
    AFTER_EVER,
    ANSWER_NO,
    ANSWER_VERB,
    BLOCKED,
    CAME,
    CAN,
    CONDITION,
    CONTRACTED,
    COPULA,
    ENDED,
    EVER,
    FOCUS,
    GO,
    HAVE,
    INFINITE,
    INTENSE,
    LACKS,
    LEVEL_NO,
    LIGHT,
    LINK,
    LITTLE,
    MANNER,
    MODAL,
    NEED,
    NEED_NOUN,
    NEGATORS,
    NO_ONE,
    NOTHING,
    OPINION,
    PARTICIPLES,
    PLAIN,
    QUESTION_LEAD,
    REFLEXIVE,
    REQUEST,
    STEP,
    TO,
    TOPIC,
    WHY,
    WITHOUT,
)

_WINDOW: Final = 8
_TAIL: Final = 3

#: A phrase may only be denied where one of these stands among the LOOKS_BACK words before it, or right after it.
DENIES_BEFORE: Final = NEGATORS | NOTHING | NO_ONE | LITTLE | {"t", "ne", *(one for one, _ in ENDED | LACKS)}
DENIES_AFTER: Final = ANSWER_NO | LEVEL_NO
LOOKS_BACK: Final = _WINDOW
#: No more words than these are ever looked at, before the phrase (a negator, and one that rules it) and after it.
REACH_BACK: Final = 2 * _WINDOW + _TAIL + 1
REACH_AHEAD: Final = 2 * _TAIL + 2

_EMOJI: Final = "\u2190-\u2bff\U0001f000-\U0001faff"
_BREAK: Final = re.compile(rf"[.,;:!?¿¡()\[\]{{}}<>=/|•…{_EMOJI}]|\s[-–—]+(?:\s|$)|[–—]|\n\s*\n|\n\s*[-–—*+]|\r\s*\r")
_ASKS: Final = re.compile(r"[\s\"”»'’*_!]*\?")
_QUOTE_ONLY: Final = re.compile(r"[’'´`]")


def has_negator(words: Iterable[str]) -> bool:
    """Whether a phrase holds a negator itself; such a phrase is never reported as negated (see docs)."""
    return any(word in NEGATORS or word in NOTHING for word in words)


def is_negated(text: str, words: Sequence[Word], first: int, last: int) -> bool:
    """Whether `text` denies the phrase made of its words `first` to `last`."""
    return _Walk(text, words).denies(first, last)


def ends_clause(text: str, words: Sequence[Word], at: int) -> bool:
    """Whether something between this word and the next one ends a clause."""
    return _Walk(text, words).broken(at)


class _Walk:
    """One look at one phrase in one text."""

    __slots__ = ("_text", "_words")

    def __init__(self, text: str, words: Sequence[Word]) -> None:
        self._text = text
        self._words = words

    def denies(self, first: int, last: int) -> bool:
        """The rule: a negator on the left that reaches the phrase, or a "no" that answers it on the right."""
        at = self._negator_before(first)
        if at is not None and not self._doubled(at) and not self._asked(at, last):
            return True
        return self._answered_no(last)

    def _negator_before(self, first: int) -> int | None:
        """The number of the negator whose scope holds the phrase, None without one."""
        verb = ""  # the kind of the finite verb (or "infinite") the walk has passed last
        linked = False  # "que" since that verb
        wants = ""  # "topic" or "request": a noun that still needs its verb
        nothing: int | None = None  # a "nothing" whose verb is still looked for
        subject = False  # a noun that stands before its verb, in a clause of its own
        intense = acts = False
        at = first - 1
        while at >= 0 and first - at <= _WINDOW and not self.broken(at):
            word, following = self._words[at].text, self._words[at + 1].text
            if (word, following) in BLOCKED:
                return None
            negator = self._negator(at)
            if negator is not None:
                if word in LITTLE and not self._is_little(at):
                    return None
                if word in EVER and (intense or self._folded(at - 1) in AFTER_EVER):
                    return None
                if subject or wants == "request":
                    return None
                if word in WITHOUT and (wants or (verb not in {"", "infinite"} and not linked)):
                    return None
                if not (word in NO_ONE and verb not in {"", "infinite"}):
                    return negator
            if (word, following) in ENDED and verb == "infinite":
                return at if self._negator(at - 1) is None else None
            if (word, following) in LACKS and (word != "altro" or self._folded(at - 1) in {"tutt", "tutto"}):
                return at
            if word in NOTHING or word in NO_ONE:
                if acts:
                    return None  # "no hay nadie que responda urgente"
                nothing = at
            elif word in LINK:
                linked, subject = True, False
            elif word in INFINITE or word in ACTION or word in STEP:
                if verb and not linked:
                    return None
                verb, linked, acts = "infinite", False, acts or word in ACTION
                wants = "" if word in STEP else wants
            elif kind := self._verb(at, first):
                if subject or (acts and word in CAN):
                    return None
                if verb not in {"", "infinite"} and not linked and kind != "opinion":
                    return None
                if linked and kind in {"have", "modal"} and verb != "infinite":
                    return None  # "tiene que ser" is one verb, "hay que es" is nothing
                if nothing is not None:
                    return nothing
                if wants and kind not in {"need", "copula", "opinion"}:
                    return None
                if wants == "request" and kind != "need":
                    return None
                verb, linked, wants = kind, False, ""
            elif word in NEED_NOUN:
                wants = ""
            elif word in TOPIC or word in REQUEST:
                if wants:
                    return None
                if (
                    verb
                ):  # the subject of its clause, which "que" ties to the negator: "no creo que mi caso sea urgente"
                    subject = True
                    at -= 1
                    continue
                wants = "topic" if word in TOPIC else "request"
            elif not self._light(at):
                return None
            intense = intense or word in INTENSE
            at -= 1
        clause_start = at < 0 or self.broken(at)
        return nothing if clause_start else None

    def _verb(self, at: int, first: int) -> str:
        """The kind of verb this word is here, "" for none."""
        word = self._words[at].text
        if word == "e":
            return "copula" if self._accented(at) or self._folded(at - 1) in PLAIN | {"c", "ce"} else ""
        if word in COPULA:
            return "copula"
        if word in CAME:
            return "copula" if self._words[first].text.endswith(PARTICIPLES) else ""
        if word in NEED:
            return "need"
        if word in OPINION:
            return "opinion"
        if word in HAVE:
            return "have"
        if word in MODAL:
            # "no puede ser urgente", "no puedo pagar"; not "no puedo, urgente" typed without the comma
            between = [other.text for other in self._words[at + 1 : first + 1]]
            reaches = any(other in INFINITE | ACTION | STEP for other in between) or between[-1].endswith(
                ("ar", "er", "ir", "re")
            )
            return "modal" if reaches else ""
        return "modal" if word in GO and self._folded(at + 1) in TO else ""

    def _light(self, at: int) -> bool:
        word = self._words[at].text
        if word in REFLEXIVE:
            return self._folded(at + 1) in REFLEXIVE[word] and not (word == "se" and self._accented(at))
        return word in LIGHT or (word.endswith(MANNER) and word not in FOCUS)

    def _negator(self, at: int) -> int | None:
        """The number of the word where the negator at `at` begins, None if there is none."""
        word = self._words[at].text
        if word == "t" and self._folded(at - 1) in CONTRACTED and _QUOTE_ONLY.fullmatch(self._gap(at - 1)):
            return at - 1
        if word == "ne":  # "né urgente" denies, "me ne serve uno urgente" does not
            return at if self._accented(at) else None
        return at if word in NEGATORS or word in LITTLE else None

    def _is_little(self, at: int) -> bool:
        """Whether "little" denies: "poca prisa", "es poco urgente"; not "un poco urgente", "hace poco", "a poco"."""
        before = self._folded(at - 1)
        return (
            at == 0 or self.broken(at - 1) or before in COPULA | HAVE | OPINION | {"muy", "molto", "e", "con", "very"}
        )

    def _doubled(self, at: int) -> bool:
        """Two plain negators, one ruling the other, deny nothing: "no es que no sea urgente"."""
        if self._words[at].text not in PLAIN | CONTRACTED:
            return False
        linked = False
        back = at - 1
        while back >= 0 and at - back <= _WINDOW and not self.broken(back):
            word = self._words[back].text
            if word == "t" or word in PLAIN:
                return linked
            linked = linked or word in LINK or word in OPINION
            if not (word in LINK or self._verb(back, at) or word in NEED_NOUN or self._light(back)):
                return False
            back -= 1
        return False

    def _asked(self, at: int, last: int) -> bool:
        """A question does not deny, unless it says "if": "¿no es urgente?", "por que no es urgente para ustedes?"."""
        if self._folded(at - 1) in CONDITION and not self.broken(at - 1):
            return False
        if self._folded(at - 1) == "que" and self._folded(at - 2) in {"por", "como"} and not self.broken(at - 1):
            return True
        begin, why = at, False
        while begin > 0 and not self.broken(begin - 1) and at - begin < _TAIL:
            begin -= 1
            why = why or self._words[begin].text in {"why", "whys"}
        if why:
            return True
        lead = [word.text for word in self._words[begin:at]]
        whole = begin == 0 or self.broken(begin - 1)
        if not whole or not all(word in QUESTION_LEAD | WHY for word in lead):
            return False
        end = last
        while end - last < _TAIL and end + 1 < len(self._words) and not self.broken(end):
            end += 1
        return bool(_ASKS.match(self._gap(end)))

    def _answered_no(self, last: int) -> bool:
        """A denial that follows: "Urgente: no", "¿urgente? No, gracias", "prisa ninguna", "urgente no es"."""
        if last + 1 >= len(self._words) or self._words[last + 1].text not in DENIES_AFTER:
            return False
        if self._words[last + 1].text in LEVEL_NO:
            return self._gap(last).strip() in {":", "="} and self._closed(last + 1)
        gap, word = self._gap(last), self._words[last + 1].text
        ends = self._closed(last + 1)
        if self.broken(last):
            return (
                gap.strip() in {":", "=", "?", "?:", ":-", "? -", "("} and ends and not _ASKS.match(self._gap(last + 1))
            )
        if word in {"no", "non"}:
            end = last + 1
            while end + 1 < len(self._words) and end - last <= _TAIL and self._words[end + 1].text in ANSWER_VERB:
                end += 1
            return last + 1 < end and self._closed(end) and not _ASKS.match(self._gap(end))
        return ends

    def _closed(self, at: int) -> bool:
        """Whether the clause or line ends after this word."""
        return at + 1 >= len(self._words) or self.broken(at) or "\n" in self._gap(at)

    def _folded(self, at: int) -> str:
        return self._words[at].text if 0 <= at < len(self._words) else ""

    def _gap(self, at: int) -> str:
        """What is written between this word and the next one; before the first word and after the last one too."""
        start = self._words[at].end if at >= 0 else 0
        return self._text[start : self._words[at + 1].start if at + 1 < len(self._words) else len(self._text)]

    def broken(self, at: int) -> bool:
        """Whether something between this word and the next one ends a clause.

        A single line break does when the next line begins like a sentence; mail programs wrap lines anywhere.
        """
        gap = self._gap(at)
        if gap in {" ", "'", "-"}:
            return False
        if _BREAK.search(gap):
            return True
        follow = self._words[at + 1] if at + 1 < len(self._words) else None
        if "\n" not in gap or follow is None:
            return False
        shown = self._text[follow.start : follow.end]
        return shown[:1].isupper() and not shown.isupper()

    def _accented(self, at: int) -> bool:
        """Whether the word was written with an accent on its vowel, or with the apostrophe that stands for it (e')."""
        word = self._words[at]
        shown = self._text[word.start : word.end]
        return not shown.isascii() or bool(_QUOTE_ONLY.match(self._gap(at)))
