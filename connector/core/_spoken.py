"""What stands in a text without being said by its writer now: quoted earlier mail, and what is only supposed.

"> urgente" repeats somebody else, "en caso de urgencia llame al ..." and "si es urgente" announce nothing. Both are
closed rules; docs/text-matching.md has examples.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from connector.core._fold import Word
from connector.core._negation import ends_clause

_QUOTED_LINE: Final = re.compile(r"^[ \t]*>[^\n]*", re.MULTILINE)
#: The line above an earlier mail. A forwarded mail is not one: it is what the writer wants to be read.
_ABOVE: Final = re.compile(
    r"^[^\n]*\b(?:escribi[oó]|ha scritto|wrote)\s*:[ \t]*\r?$"
    r"|^[ \t]*-{2,}[ \t]*(?:mensaje original|messaggio originale|original message)\b[^\n]*",
    re.MULTILINE | re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W_]")

_REACH: Final = 5
#: What supposes, and the verbs with which it does: "si es urgente", but not "si è rotta"; "se è urgente", not "se es".
_IF: Final = {
    "si": frozenset(["es", "sea", "fuera", "fuese", "hay", "hubiera", "hubiese", "tiene", "tienes", "tienen"]),
    "se": frozenset(["e", "fosse", "sia", "ha", "hai", "avete", "c", "ce"]),
    "if": frozenset(["is", "its", "s", "you", "have"]),
}
_JOINS: Final = frozenset(("y", "o", "pero", "solo", "e", "ma", "and", "or", "but"))
_IS: Final = frozenset(("ser", "essere", "being")).union(*_IF.values())
_CARRIES: Final = frozenset(
    [
        "un",
        "una",
        "uno",
        "algo",
        "muy",
        "realmente",
        "davvero",
        "really",
        "very",
        "a",
        "an",
        "alguna",
        "algun",
        "cualquier",
        "qualsiasi",
        "extrema",
        "verdadera",
        "it",
        "molto",
        "caso",
        "tema",
        "asunto",
        "consulta",
        "solicitud",
        "situacion",
        "richiesta",
        "situazione",
        "problema",
        "request",
        "su",
        "tu",
        "vuestro",
        "vuestra",
        "la",
        "el",
        "il",
        "sua",
        "suo",
        "tua",
        "tuo",
        "vostra",
        "vostro",
        "your",
    ]
)
_OF: Final = frozenset(("de", "di", "d", "of"))
_CASE: Final = frozenset(("caso", "casos", "case"))
_IN: Final = frozenset(("en", "in", "para"))
_FOR: Final = frozenset(("para", "per", "for"))
_NOTICES: Final = frozenset(("urgencias", "emergencias", "urgenze", "emergenze", "emergencies"))

#: One of these stands among the SUPPOSES_BACK words before a phrase that is only supposed.
SUPPOSES: Final = _IF.keys() | _CASE | _FOR
SUPPOSES_BACK: Final = _REACH + 1


def quoted(text: str) -> list[tuple[int, int]]:
    """The ranges of a text that repeat an earlier mail; none where all of it does, since then that is the message."""
    if "\n" not in text:
        return []
    ranges = [found.span() for found in _QUOTED_LINE.finditer(text)]
    above = _ABOVE.search(text)
    if above is not None:
        below = text[above.end() :].lstrip()
        ranges.append((above.start(), above.end() if below[:1] in {"", ">"} else len(text)))
    if not ranges:
        return []
    own = list(text)
    for start, end in ranges:
        own[start:end] = " " * (end - start)
    return ranges if _WORD.search("".join(own)) else []


def is_supposed(text: str, words: Sequence[Word], first: int) -> bool:
    """Whether the phrase that begins at this word is only supposed: "si es urgente", "in caso di urgenza"."""
    at, verb = first - 1, ""
    while at >= 0 and first - at <= _REACH and not ends_clause(text, words, at):
        word = words[at].text
        if word in _IF:
            return verb in _IF[word] and _begins(text, words, at)
        if word in _OF and at >= 1 and words[at - 1].text in _CASE:
            return at == 1 or words[at - 2].text in _IN or ends_clause(text, words, at - 2)
        if word in _FOR:
            return words[first].text in _NOTICES and _begins(text, words, at)
        if word in _IS:
            verb = word
        elif word not in _CARRIES and word not in {"le", "las", "los"}:
            return False
        at -= 1
    return False


def _begins(text: str, words: Sequence[Word], at: int) -> bool:
    return at == 0 or ends_clause(text, words, at - 1) or words[at - 1].text in _JOINS
