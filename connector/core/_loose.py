"""Phrases that leave something open: `demand*`, `no ~ funcion*`, and `-alta demanda`, which takes away.

A star after at least three letters stands for any ending of the word. A tilde stands for up to four words of the same
clause. A minus in front makes an exception of its list: what shares a word with it does not count. Everything is
compared in folded form; docs/text-matching.md tells admins the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

STAR, GAP, EXCEPT = "*", "~", "-"
#: Letters that a word must have before its star, and the most words that a tilde may stand for.
LEAST_STEM: Final = 3
MOST_BETWEEN: Final = 4
#: A tilde never reaches over these: what follows them is another thought.
_OTHER_CLAUSE: Final = (
    "y", "pero", "porque", "que", "aunque", "cuando", "donde", "pues", "como", "ma", "che", "perche", "quando", "dove",
    "and", "but", "because", "that", "when", "where",
)  # fmt: skip
_BETWEEN: Final = rf"(?: (?!(?:{'|'.join(_OTHER_CLAUSE)}) )[^ ]+){{0,{MOST_BETWEEN}}}? "
_ANY_WORD_PART: Final = "zq"


class LooseError(ValueError):
    """A star, tilde or minus stands where it can mean nothing."""


@dataclass(frozen=True, slots=True)
class Loose:
    """A phrase with something open. `anchor` is folded text that stands in every text in which the phrase does."""

    anchor: str
    pattern: re.Pattern[str]
    gaps: bool
    words: tuple[str, ...]

    def spans(self, folded: str) -> Iterator[tuple[int, int]]:
        """(first, past the last) character of each occurrence in a folded text, by start; they may overlap."""
        found = self.pattern.search(folded)
        while found is not None:
            yield found.start(), found.end()
            found = self.pattern.search(folded, found.start() + 1)


def excepted(phrase: str) -> str | None:
    """The phrase after its minus; None for a phrase that is no exception."""
    stripped = phrase.strip()
    if stripped[:1] != EXCEPT or not stripped[1:2].strip() or stripped[1] == EXCEPT:
        return None
    return stripped[1:]


def is_loose(phrase: str) -> bool:
    """Whether a star or tilde in the phrase leaves something open."""
    tokens = unicodedata.normalize("NFC", phrase).split()
    return GAP in tokens or any(token[-2:-1].isalnum() for token in tokens if token.endswith(STAR))


def loose(phrase: str, fold: Callable[[str], str]) -> Loose:
    """The phrase compiled. Raises LooseError where a star or tilde can mean nothing."""
    parts: list[str] = []  # folded words, a stem with its star, tildes
    for token in phrase.split():
        if token == GAP:
            if not parts or parts[-1] == GAP:
                msg = "a ~ stands between two words"
                raise LooseError(msg)
            parts.append(GAP)
            continue
        folded = fold(token.removesuffix(STAR)).split()
        if token.endswith(STAR) and folded:
            if sum(char.isalpha() for char in folded[-1]) < LEAST_STEM:
                msg = f"before a * stand at least {LEAST_STEM} letters of the word, or too much would be found"
                raise LooseError(msg)
            folded[-1] += STAR
        parts += folded
    if parts[-1] == GAP:
        msg = "a ~ stands between two words"
        raise LooseError(msg)
    return Loose(
        max(_literals(parts), key=len),
        re.compile(_pattern(parts)),
        GAP in parts,
        tuple(part.removesuffix(STAR) for part in parts if part != GAP),
    )


def _literals(parts: list[str]) -> Iterator[str]:
    """The stretches of folded text without anything open, with the spaces around them."""
    run = ""
    for part in [*parts, GAP]:
        if part == GAP:
            if run:
                yield run + " "
            run = ""
        elif part.endswith(STAR):
            yield f"{run} {part[:-1]}"
            run = ""
        else:
            run += f" {part}"


def _pattern(parts: list[str]) -> str:
    written = "(?<= )"
    glue = ""
    for part in parts:
        if part == GAP:
            glue = _BETWEEN
            continue
        written += glue + (f"{re.escape(part[:-1])}[^ ]*" if part.endswith(STAR) else re.escape(part))
        glue = " "
    return written + "(?= )"


def sample(phrase: str) -> str:
    """A text in which the phrase stands, and no phrase that asks for more: for comparing phrases with one another."""
    text = excepted(phrase) or phrase
    if not is_loose(text):
        return text
    tokens = (_ANY_WORD_PART if token == GAP else token for token in text.split())
    return " ".join(token[:-1] + _ANY_WORD_PART if token.endswith(STAR) else token for token in tokens)
