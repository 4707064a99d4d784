"""Finding phrases in what people write: whole words, whatever the case, accents, spacing or typography.

What folds together and what does not, and when a phrase counts as negated, is explained in docs/text-matching.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import ahocorasick

from connector.core._fold import Word, folding, is_word
from connector.core._loose import Loose, LooseError, is_loose, loose
from connector.core._loose import excepted as except_of
from connector.core._loose import sample as sample_of
from connector.core._negation import (
    DENIES_AFTER,
    DENIES_BEFORE,
    LOOKS_BACK,
    REACH_AHEAD,
    REACH_BACK,
    ends_clause,
    has_negator,
    is_negated,
)
from connector.core._spoken import SUPPOSES, SUPPOSES_BACK, is_supposed, quoted
from connector.errors import ConfigurationError

__all__ = ["Match", "PhraseError", "PhraseIndex", "except_of", "sample_of"]

_NO_NAMES: Final[frozenset[str]] = frozenset()
#: Folded characters in which LOOKS_BACK words nearly always stand; where they do not, the text itself is asked.
_NEAR: Final = 96
_LONGEST_ANSWER: Final = max(map(len, DENIES_AFTER)) + 1
#: A letter typed three times or more stands for one ("URGENTEEE"), and so, in such a text, may one typed twice.
_THRICE: Final = re.compile(r"([^\W\d_])\1\1+")
_TWICE: Final = re.compile(r"([^\W\d_])\1+")
_STRETCHED_WORD: Final = re.compile(r"[^ ]*([^\W\d_])\1\1[^ ]*")


class PhraseError(ConfigurationError, ValueError):
    """A phrase can't be searched for: a mistake of the mapping file."""


@dataclass(frozen=True, slots=True)
class Match:
    """One phrase found in a text.

    `name` and `phrase` are as given to the index; `text[start:end]` is what was found, in characters of the original
    text; `negated` says that it does not count, `because` why: it is `denied` ("no es urgente"), only `supposed` ("si
    es urgente"), `quoted` from an earlier mail, or `excepted` by its own list.
    """

    name: str
    phrase: str
    start: int
    end: int
    negated: bool
    because: str | None = field(default=None, compare=False)


class _Entry(NamedTuple):
    """One phrase of one name. `key` holds its folded words, `signed` its folding with signs where signs matter."""

    name: str
    phrase: str
    key: str
    signed: str | None
    negates: bool
    loose: Loose | None = None
    excepts: bool = False

    def same(self, other: _Entry) -> bool:
        """Whether both are found in the same places, for the same name."""
        mine, theirs = self.loose and self.loose.pattern, other.loose and other.loose.pattern
        return (self.name, self.signed, self.excepts, mine) == (other.name, other.signed, other.excepts, theirs)


class _Hit(NamedTuple):
    """What the automaton returns for one folded text. `simple`: nothing but phrases as they stand."""

    names: frozenset[str]
    plain: tuple[_Entry, ...]
    signed: tuple[_Entry, ...]
    loose: tuple[_Entry, ...]
    simple: bool
    negates: bool
    width: int


_STRETCH: Final = _Hit(_NO_NAMES, (), (), (), simple=False, negates=False, width=0)


class PhraseIndex:
    """Many phrases, searched in one pass over a text.

    `phrases` maps a name (a rule, a word list) to its phrases; several names may hold the same phrase. A word may end
    in a star (`demand*`: any ending), a tilde stands for up to four words (`no ~ funciona`), a minus in front excepts
    what shares a word with the phrase (`-alta demanda`). `fold_enye` makes ñ equal to n; `inside_identifiers` lets an
    underscore separate words, so that `pago` is found in `pago_total`. Raises PhraseError (a ValueError) for a phrase
    without any letter, digit or meaningful sign, for a star or tilde that can mean nothing, and for a name that has
    nothing but exceptions.
    """

    __slots__ = ("_automaton", "_excepts", "_folding", "_sign_only", "_size")

    def __init__(
        self, phrases: Mapping[str, Iterable[str]], *, fold_enye: bool = False, inside_identifiers: bool = False
    ) -> None:
        self._folding = folding(fold_enye=fold_enye, inside_identifiers=inside_identifiers)
        by_key: dict[str, list[_Entry]] = {}
        for entry in self._read(phrases):
            known = by_key.setdefault(_searched(entry), [])
            if not any(map(entry.same, known)):
                known.append(entry)
        self._size = sum(map(len, by_key.values()))
        self._excepts = any(entry.excepts for entries in by_key.values() for entry in entries)
        self._sign_only: tuple[_Entry, ...] = tuple(by_key.pop("", ()))
        self._automaton = ahocorasick.Automaton()
        for key, entries in by_key.items():
            self._automaton.add_word(key, _hit(key, entries))
        if by_key:
            words = {word for key in by_key for word in key.split()}
            words.update(*(entry.loose.words for all_of in by_key.values() for entry in all_of if entry.loose))
            for letters in {one for word in words for one in _stretched(word)} - by_key.keys():
                self._automaton.add_word(letters, _STRETCH)
            self._automaton.make_automaton()

    def __len__(self) -> int:
        """How many different phrases are searched for, counted per name."""
        return self._size

    def find(self, text: str) -> list[Match]:
        """All occurrences of all phrases, also overlapping ones, by start, then end, then order of the phrases."""
        folded = self._folding.fold(text)
        signed = list(self._sign_only)
        hits = [hit for _, hit in self._automaton.iter(folded)] if len(self._automaton) else []
        for hit in hits:
            signed.extend(entry for entry in hit.signed if entry not in signed)
        if not hits and not signed:
            return []
        earlier = quoted(text)
        found = [*self._word_matches(text, folded, earlier, stretched=_STRETCH in hits)]
        if signed:
            found += self._signed_matches(text, earlier, signed)
        if self._excepts:
            found = _without_excepted(found)
        matches = [match for _, match in found]
        matches.sort(key=lambda match: (match.start, match.end))
        return matches

    def names(self, text: str) -> frozenset[str]:
        """The names with at least one match, negated or not: what find() reports, without where. The fast way."""
        found: frozenset[str] = _NO_NAMES
        simple = not self._sign_only
        if simple and len(self._automaton):
            for _, hit in self._automaton.iter(self._folding.fold(text)):
                found |= hit.names
                simple = simple and hit.simple
        return found if simple else frozenset(match.name for match in self.find(text))

    def affirmed(self, text: str) -> frozenset[str]:
        """The names with at least one match that is not negated: what find() would say, in one scan of most texts.

        Where a phrase stands, only a word that may deny it, near enough to do so, makes the text be read more closely.
        """
        if self._sign_only or not len(self._automaton):
            return frozenset(match.name for match in self.find(text) if not match.negated)
        folded = self._folding.fold(text)
        hits = [*self._automaton.iter(folded)]
        if not hits:
            return _NO_NAMES
        if not all(hit.simple for _, hit in hits) or ("\n" in text and quoted(text)):
            return frozenset(match.name for match in self.find(text) if not match.negated)
        found: set[str] = set()
        for end, hit in hits:
            if not hit.names <= found and (
                hit.negates or not _may_not_count(folded, end, hit.width) or self._affirms(text, folded, end, hit)
            ):
                found |= hit.names
        return frozenset(found)

    def _affirms(self, text: str, folded: str, end: int, hit: _Hit) -> bool:
        """Whether the phrase found at this end of the folded text counts: its neighbourhood is looked at."""
        start = end - hit.width + 2
        first = folded.count(" ", 0, start) - 1
        before = max(0, first - REACH_BACK)
        at, last = first - before, first - before + folded.count(" ", start, end)
        earlier = folded[:start].rsplit(" ", at + 1)[0]  # what stands before the first word that is looked at
        letters = len(earlier) - earlier.count(" ")
        near = self._folding.words_from(text, before, before + last + 1 + REACH_AHEAD, letters)
        return not is_negated(text, near, at, last) and not is_supposed(text, near, at)

    def _read(self, phrases: Mapping[str, Iterable[str]]) -> Iterator[_Entry]:
        for name, listed in phrases.items():
            if isinstance(listed, str):
                msg = f"phrases of {name!r}: a single text was given; write a list of phrases"
                raise PhraseError(msg)
            only_excepts = False
            for number, phrase in enumerate(listed):
                entry = self._entry(name, phrase)
                only_excepts = entry.excepts and (only_excepts or not number)
                yield entry
            if only_excepts:
                msg = f"phrases of {name!r}: all of them begin with a minus, so nothing could ever be found"
                raise PhraseError(msg)

    def _entry(self, name: str, phrase: str) -> _Entry:
        if not isinstance(phrase, str):
            msg = f"phrases of {name!r}: {phrase!r} is not text; put it in quotes"
            raise PhraseError(msg)
        wanted = except_of(phrase)
        excepts, wanted = wanted is not None, phrase if wanted is None else wanted
        key = self._folding.fold(wanted).strip()
        stream = self._folding.signed(wanted)[0].strip()
        signs = any(char != " " and not is_word(char) for char in stream)
        if not key and not signs:
            msg = f"phrases of {name!r}: {phrase!r} holds no letter or digit, so it could never be found"
            raise PhraseError(msg)
        opened = None
        if key and is_loose(wanted):
            try:
                opened = loose(wanted, self._folding.fold)
            except LooseError as bad:
                msg = f"phrases of {name!r}: {phrase!r}: {bad}"
                raise PhraseError(msg) from None
            if signs:
                msg = f"phrases of {name!r}: {phrase!r}: a phrase with a sign like + # % can't have a * or ~ as well"
                raise PhraseError(msg)
        negates = has_negator(key.split() if opened is None else opened.words)
        return _Entry(name, phrase, key, stream if signs else None, negates, opened, excepts)

    def _word_matches(
        self, text: str, folded: str, earlier: Sequence[tuple[int, int]], *, stretched: bool
    ) -> Iterator[tuple[_Entry, Match]]:
        """The matches of phrases without signs; few as they are in most texts, only the words around them are made."""
        views = [_as_it_is, _thrice, _twice] if stretched else [_as_it_is]
        seen: set[tuple[_Entry, int, int]] = set()
        for shortened in views:
            view = shortened(folded)
            for entry, start, end in self._spans(view):
                near, at, last = self._neighbourhood(text, view, start, end)
                place = (entry, near[at].start, near[last].end)
                if place in seen:
                    continue
                if stretched:
                    near = [Word(shortened(word.text), word.start, word.end) for word in near]
                if entry.loose and entry.loose.gaps and any(ends_clause(text, near, one) for one in range(at, last)):
                    continue
                seen.add(place)
                yield entry, _match(entry, text, near, (at, last), place[1:], earlier)

    def _spans(self, folded: str) -> Iterator[tuple[_Entry, int, int]]:
        """(entry, start of its first word, end of its last one) of each occurrence in a folded text."""
        tried: set[_Entry] = set()
        for end, hit in self._automaton.iter(folded) if len(self._automaton) else ():
            for entry in hit.plain:
                yield entry, end - hit.width + 2, end
            for entry in hit.loose:
                if entry not in tried and entry.loose is not None:
                    tried.add(entry)
                    for first, past in entry.loose.spans(folded):
                        yield entry, first, past

    def _neighbourhood(self, text: str, folded: str, start: int, end: int) -> tuple[list[Word], int, int]:
        """(the words around a stretch of the folded text, which of them are its first and its last)."""
        first = folded.count(" ", 0, start) - 1
        length = folded.count(" ", start, end)
        before = max(0, first - REACH_BACK)
        near = self._folding.words_from(text, before, first + length + 1 + REACH_AHEAD)
        return near, first - before, first - before + length

    def _signed_matches(
        self, text: str, earlier: Sequence[tuple[int, int]], signed: Sequence[_Entry]
    ) -> Iterator[tuple[_Entry, Match]]:
        words = self._folding.words(text)
        stream, origins = self._folding.signed(text)
        for entry in signed:
            for first, last in _occurrences(entry, stream):
                start, end = origins[first][0], origins[last - 1][1]
                inside = [number for number, word in enumerate(words) if word.start < end and word.end > start]
                span = (inside[0], inside[-1]) if inside else None
                yield entry, _match(entry, text, words, span, (start, end), earlier)


def _as_it_is(folded: str) -> str:
    return folded


def _thrice(folded: str) -> str:
    """Folded text with one letter where three or more were typed."""
    return _THRICE.sub(r"\1", folded)


def _twice(folded: str) -> str:
    """Folded text in which words with a letter typed three times have no letter twice."""
    return _STRETCHED_WORD.sub(lambda word: _TWICE.sub(r"\1", word[0]), folded)


def _searched(entry: _Entry) -> str:
    """What the automaton looks for; nothing for phrases made of signs alone."""
    if entry.loose is not None:
        return entry.loose.anchor
    return f" {entry.key} " if entry.key else ""


def _stretched(word: str) -> Iterator[str]:
    """How a word of a phrase begins where one of its letters was typed three times: the sign to look closer."""
    for number, letter in enumerate(word):
        if letter.isalpha():
            yield f" {word[:number]}{letter * 3}"


def _hit(key: str, entries: Sequence[_Entry]) -> _Hit:
    plain = tuple(entry for entry in entries if entry.signed is None and entry.loose is None)
    return _Hit(
        names=frozenset(entry.name for entry in plain),
        plain=plain,
        signed=tuple(entry for entry in entries if entry.signed is not None),
        loose=tuple(entry for entry in entries if entry.loose is not None),
        simple=len(plain) == len(entries) and not any(entry.excepts for entry in entries),
        negates=entries[0].negates,
        width=len(key),
    )


def _match(
    entry: _Entry,
    text: str,
    words: Sequence[Word],
    span: tuple[int, int] | None,
    place: tuple[int, int],
    earlier: Sequence[tuple[int, int]],
) -> Match:
    """The match of a phrase at `place`, made of the words of `span`, with the reason why it does not count."""
    because = None
    if any(start <= place[0] and place[1] <= end for start, end in earlier):
        because = "quoted"
    elif span is not None and not entry.negates:
        if is_negated(text, words, *span):
            because = "denied"
        elif is_supposed(text, words, span[0]):
            because = "supposed"
    return Match(entry.name, entry.phrase, *place, negated=because is not None, because=because)


def _without_excepted(found: Sequence[tuple[_Entry, Match]]) -> list[tuple[_Entry, Match]]:
    """The matches without the exceptions themselves; what shares a word with one of its own list does not count."""
    away = [match for entry, match in found if entry.excepts]
    kept = []
    for entry, match in found:
        if entry.excepts:
            continue
        away_with = any(match.name == one.name and one.start < match.end and match.start < one.end for one in away)
        kept.append((entry, replace(match, negated=True, because="excepted") if away_with else match))
    return kept


def _may_not_count(folded: str, end: int, width: int) -> bool:
    """Whether a word stands near the phrase that ends here that could deny it: the cheap test, never wrongly no."""
    if folded[end + 1 : end + 1 + _LONGEST_ANSWER].partition(" ")[0] in DENIES_AFTER:
        return True
    start = end - width + 1
    cut = max(0, start - _NEAR)
    before = folded[cut:start].split(" ")[1:]  # the first may be a part of a word, or nothing
    if len(before) < LOOKS_BACK and cut:
        return True
    return not (DENIES_BEFORE.isdisjoint(before[-LOOKS_BACK:]) and SUPPOSES.isdisjoint(before[-SUPPOSES_BACK:]))


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
