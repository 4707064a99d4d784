"""Finding phrases in what people write: whole words, whatever the case, accents, spacing or typography.

What folds together and what does not, and when a phrase counts as negated, is explained in docs/text-matching.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import ahocorasick

from connector.core._fold import Word, folding, is_word
from connector.core._negation import (
    DENIES_AFTER,
    DENIES_BEFORE,
    LOOKS_BACK,
    REACH_AHEAD,
    REACH_BACK,
    has_negator,
    is_negated,
)
from connector.errors import ConfigurationError

__all__ = ["Match", "PhraseError", "PhraseIndex"]

_NO_NAMES: Final[frozenset[str]] = frozenset()
#: Folded characters in which LOOKS_BACK words nearly always stand; where they do not, the text itself is asked.
_NEAR: Final = 96
_LONGEST_ANSWER: Final = max(map(len, DENIES_AFTER)) + 1


class PhraseError(ConfigurationError, ValueError):
    """A phrase can't be searched for: a mistake of the mapping file."""


@dataclass(frozen=True, slots=True)
class Match:
    """One phrase found in a text.

    `name` and `phrase` are as given to the index; `text[start:end]` is what was found, in characters of the original
    text; `negated` says that the text denies the phrase ("no es urgente").
    """

    name: str
    phrase: str
    start: int
    end: int
    negated: bool


class _Entry(NamedTuple):
    """One phrase of one name. `key` holds its folded words, `signed` its folding with signs where signs matter."""

    name: str
    phrase: str
    key: str
    signed: str | None
    negates: bool


class _Hit(NamedTuple):
    """What the automaton returns for one folded phrase."""

    names: frozenset[str]
    plain: tuple[_Entry, ...]
    signed: tuple[_Entry, ...]
    length: int
    negates: bool
    width: int


class PhraseIndex:
    """Many phrases, searched in one pass over a text.

    `phrases` maps a name (a rule, a word list) to its phrases; several names may hold the same phrase. `fold_enye`
    makes ñ equal to n; `inside_identifiers` lets an underscore separate words, so that `pago` is found in `pago_total`.
    Raises PhraseError (a ValueError) for a phrase without any letter, digit or meaningful sign, naming it.
    """

    __slots__ = ("_automaton", "_folding", "_sign_only", "_size")

    def __init__(
        self, phrases: Mapping[str, Iterable[str]], *, fold_enye: bool = False, inside_identifiers: bool = False
    ) -> None:
        self._folding = folding(fold_enye=fold_enye, inside_identifiers=inside_identifiers)
        by_key: dict[str, list[_Entry]] = {}
        for entry in self._read(phrases):
            known = by_key.setdefault(entry.key, [])
            if all((entry.name, entry.signed) != (other.name, other.signed) for other in known):
                known.append(entry)
        self._size = sum(map(len, by_key.values()))
        self._sign_only: tuple[_Entry, ...] = tuple(by_key.pop("", ()))
        self._automaton = ahocorasick.Automaton()
        for key, entries in by_key.items():
            plain = tuple(entry for entry in entries if entry.signed is None)
            hit = _Hit(
                names=frozenset(entry.name for entry in plain),
                plain=plain,
                signed=tuple(entry for entry in entries if entry.signed is not None),
                length=key.count(" ") + 1,
                negates=entries[0].negates,
                width=len(key) + 2,
            )
            self._automaton.add_word(f" {key} ", hit)
        if by_key:
            self._automaton.make_automaton()

    def __len__(self) -> int:
        """How many different phrases are searched for, counted per name."""
        return self._size

    def find(self, text: str) -> list[Match]:
        """All occurrences of all phrases, also overlapping ones, by start, then end, then order of the phrases."""
        signed = self._candidates(text)
        if signed is None:
            return []
        if not signed:
            found = [*self._near_matches(text)]
        else:
            words = self._folding.words(text)
            found = [*self._plain_matches(text, words), *self._signed_matches(text, words, signed)]
        found.sort(key=lambda match: (match.start, match.end))
        return found

    def names(self, text: str) -> frozenset[str]:
        """The names with at least one match, negated or not: what find() reports, without where. The fast way."""
        found: frozenset[str] = _NO_NAMES
        signed: list[_Entry] = list(self._sign_only)
        for hit in self._hits(self._folding.fold(text)):
            found |= hit.names
            if hit.signed:
                signed.extend(hit.signed)
        if signed:
            stream, _ = self._folding.signed(text)
            found |= {entry.name for entry in signed if any(True for _ in _occurrences(entry, stream))}
        return found

    def affirmed(self, text: str) -> frozenset[str]:
        """The names with at least one match that is not negated: what find() would say, in one scan of most texts.

        Where a phrase stands, only a word that may deny it, near enough to do so, makes the text be read more closely.
        """
        folded = self._folding.fold(text)
        hits = [*self._automaton.iter(folded)] if len(self._automaton) else []
        if not hits and not self._sign_only:
            return _NO_NAMES
        if self._sign_only or any(hit.signed for _, hit in hits):
            return frozenset(match.name for match in self.find(text) if not match.negated)
        found: set[str] = set()
        for end, hit in hits:
            if not hit.names <= found and (
                hit.negates or not _may_be_denied(folded, end, hit.width) or self._affirms(text, folded, end, hit)
            ):
                found |= hit.names
        return frozenset(found)

    def _affirms(self, text: str, folded: str, end: int, hit: _Hit) -> bool:
        """Whether the phrase found at this end of the folded text is not negated: its neighbourhood is looked at."""
        first, before, near = self._neighbourhood(text, folded, end, hit)
        return not is_negated(text, near, first - before, first - before + hit.length - 1)

    def _read(self, phrases: Mapping[str, Iterable[str]]) -> Iterator[_Entry]:
        for name, listed in phrases.items():
            if isinstance(listed, str):
                msg = f"phrases of {name!r}: a single text was given; write a list of phrases"
                raise PhraseError(msg)
            for phrase in listed:
                if not isinstance(phrase, str):
                    msg = f"phrases of {name!r}: {phrase!r} is not text; put it in quotes"
                    raise PhraseError(msg)
                key = self._folding.fold(phrase).strip()
                stream = self._folding.signed(phrase)[0].strip()
                signs = any(char != " " and not is_word(char) for char in stream)
                if not key and not signs:
                    msg = f"phrases of {name!r}: {phrase!r} holds no letter or digit, so it could never be found"
                    raise PhraseError(msg)
                yield _Entry(name, phrase, key, stream if signs else None, has_negator(key.split()))

    def _hits(self, folded: str) -> Iterator[_Hit]:
        if len(self._automaton):
            for _, hit in self._automaton.iter(folded):
                yield hit

    def _candidates(self, text: str) -> list[_Entry] | None:
        """The phrases with signs that may occur, None when nothing at all can: the cheap test before the exact work."""
        signed = list(self._sign_only)
        any_hit = False
        for hit in self._hits(self._folding.fold(text)):
            any_hit = True
            signed.extend(entry for entry in hit.signed if entry not in signed)
        return signed if any_hit or signed else None

    def _near_matches(self, text: str) -> Iterator[Match]:
        """The matches of phrases without signs; few as they are in most texts, only the words around them are made."""
        folded = self._folding.fold(text)
        for end, hit in self._automaton.iter(folded):
            first, before, near = self._neighbourhood(text, folded, end, hit)
            at, last = first - before, first - before + hit.length - 1
            negated = not hit.negates and _may_be_denied(folded, end, hit.width) and is_negated(text, near, at, last)
            for entry in hit.plain:
                yield Match(entry.name, entry.phrase, near[at].start, near[last].end, negated)

    def _neighbourhood(self, text: str, folded: str, end: int, hit: _Hit) -> tuple[int, int, list[Word]]:
        """(number of the first word of what was found, number of the first word given, the words around it)."""
        first = folded.count(" ", 0, end - hit.width + 1)
        before = max(0, first - REACH_BACK)
        return first, before, self._folding.words_from(text, before, first + hit.length + REACH_AHEAD)

    def _plain_matches(self, text: str, words: Sequence[Word]) -> Iterator[Match]:
        if not len(self._automaton):
            return
        ends = {}  # place of the space after each word -> the word's number
        parts = [" "]
        length = 1
        for number, word in enumerate(words):
            length += len(word.text) + 1
            ends[length - 1] = number
            parts += (word.text, " ")
        for at, hit in self._automaton.iter("".join(parts)):
            last = ends[at]
            first = last - hit.length + 1
            for entry in hit.plain:
                negated = not entry.negates and is_negated(text, words, first, last)
                yield Match(entry.name, entry.phrase, words[first].start, words[last].end, negated)

    def _signed_matches(self, text: str, words: Sequence[Word], signed: Sequence[_Entry]) -> Iterator[Match]:
        if not signed:
            return
        stream, origins = self._folding.signed(text)
        for entry in signed:
            for first, last in _occurrences(entry, stream):
                start, end = origins[first][0], origins[last - 1][1]
                inside = [number for number, word in enumerate(words) if word.start < end and word.end > start]
                negated = bool(inside) and not entry.negates and is_negated(text, words, inside[0], inside[-1])
                yield Match(entry.name, entry.phrase, start, end, negated)


def _may_be_denied(folded: str, end: int, width: int) -> bool:
    """Whether a word stands near the phrase that ends here that could deny it: the cheap test, never wrongly no."""
    if folded[end + 1 : end + 1 + _LONGEST_ANSWER].partition(" ")[0] in DENIES_AFTER:
        return True
    start = end - width + 1
    cut = max(0, start - _NEAR)
    before = folded[cut:start].split(" ")[1:]  # the first may be a part of a word, or nothing
    if len(before) < LOOKS_BACK and cut:
        return True
    return not DENIES_BEFORE.isdisjoint(before[-LOOKS_BACK:])


def _occurrences(entry: _Entry, stream: str) -> Iterator[tuple[int, int]]:
    """Where a phrase with signs stands as a whole: C++ is neither in C+++ nor in C++11, .NET not in a.net."""
    wanted = entry.signed or ""
    at = stream.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        before, after = stream[at - 1 : at] or " ", stream[end : end + 1] or " "
        if not entry.key or (
            not is_word(before) and not is_word(after) and before != wanted[0] and after != wanted[-1]
        ):
            yield at, end
        at = stream.find(wanted, at + 1)
