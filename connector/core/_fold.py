"""Folding: the form in which a text and a phrase are compared, and the way back to the original characters.

Case, accents, width and typography fall away; what distinguishes words stays. A folded text is its words, each with one
space before and after, so that a whole phrase is simply a substring. docs/text-matching.md explains the choices.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

_TILDE: Final = "\u0303"
# Marks below this combining class are parts of letters (nukta, kana voicing, virama); those above are accents.
_FIRST_ACCENT_CLASS: Final = 10
# Letters that carry a stroke or ligature instead of an accent, so that no Unicode decomposition loosens it; and signs
# whose decomposition would invent a word: "Nº 5" is no "no", "Marca™" is no "marcatm".
_SPECIAL: Final = {
    "ı": "i",
    "ł": "l",
    "ø": "o",
    "đ": "d",
    "æ": "ae",
    "œ": "oe",
    "º": " ",
    "ª": " ",
    "№": "n ",
    "™": " ",
    "℠": " ",
}
# Invisible although Unicode does not call them format characters (Cf): variation selectors, joiners, fillers.
_INVISIBLE: Final = frozenset(
    map(chr, [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0])
) | frozenset(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0x1F3FB, 0x1F400)]))
# Signs that make a phrase another one (C++, C#, 24/7, 100%, AT&T, @shop); with currency signs and emoji.
_SIGNS: Final = frozenset("+±×#%/&@")
_APOSTROPHES: Final = range(0x02B9, 0x02D0)  # modifier letters that people type as apostrophes
_TABLE_LIMIT: Final = 20_000
_EDGE_UNDERSCORES: Final = re.compile(r"(?<![^ ])_+|_+(?![^ ])")
_LATIN_WORD: Final = re.compile(rb"[^ ]+")
_LEADING_DOT: Final = re.compile(r"(?<![^ ])\.(?=\w)")
_TIGHT_SIGNS: Final = re.compile(r" *([/%]) *")


class Word(NamedTuple):
    """One folded word and the half-open range of original characters it was made of."""

    text: str
    start: int
    end: int


#: What a named tuple is made with, without the detour over its fields.
_new_word: Final = tuple.__new__
#: Spaces after a word, of which one is usual, up to which a text is split at spaces.
_MOST_SPACES: Final = 4


def is_word(char: str) -> bool:
    """Whether a folded character is part of a word: letter, digit, underscore or a mark that belongs to its letter."""
    return char == "_" or unicodedata.category(char)[0] in "LNM"


class _Table(dict[int, str]):
    """A translation table that fills itself, bounded so that no text can make it grow without end."""

    def __init__(self, *, fold_enye: bool, inside_identifiers: bool, signs: bool) -> None:
        super().__init__()
        self._fold_enye = fold_enye
        self._underscore = " " if inside_identifiers else "_"
        self._signs = signs

    def __missing__(self, code: int) -> str:
        folded = self._fold(chr(code))
        if len(self) < _TABLE_LIMIT:
            self[code] = folded
        return folded

    def _fold(self, char: str) -> str:
        if char == "_":
            return self._underscore
        if char in _INVISIBLE or unicodedata.category(char) == "Cf":
            return ""
        if char in _SPECIAL:
            return _SPECIAL[char]
        folded: list[str] = []
        for part in unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold()):
            kind = unicodedata.category(part)
            if part == _TILDE and folded and folded[-1] == "n" and not self._fold_enye:
                folded[-1] = "ñ"
            elif kind[0] == "M":
                if unicodedata.combining(part) < _FIRST_ACCENT_CLASS and kind != "Me" and part not in _INVISIBLE:
                    folded.append(part)
            elif kind[0] in "LN":
                folded.append(" " if ord(part) in _APOSTROPHES else _SPECIAL.get(part, part))
            elif kind != "Cf":
                keep = self._signs and (part in _SIGNS or part == "." or kind in {"Sc", "So"})
                folded.append(part if keep else " ")
        return "".join(folded)


class Folding:
    """One way of folding; texts and phrases must go through the same one."""

    def __init__(self, *, fold_enye: bool = False, inside_identifiers: bool = False) -> None:
        self._fold_enye = fold_enye
        self._table = _Table(fold_enye=fold_enye, inside_identifiers=inside_identifiers, signs=False)
        self._signed_table = _Table(fold_enye=fold_enye, inside_identifiers=inside_identifiers, signs=True)
        # The fast path: most texts are Latin-1 and nearly all of its characters fold to one of them. A NUL marks the
        # few that do not (ß, æ, ...): such a text takes the general path. Where places
        # count, a 1 stands for a dropped character.
        folded = [self._table[code] for code in range(256)]
        self._bytes = bytes(ord(text) if len(text) == 1 and ord(text) < 256 else 0 for text in folded)
        self._dropped = bytes(code for code, text in enumerate(folded) if not text)
        self._marked = bytes(1 if code in self._dropped else to for code, to in enumerate(self._bytes))

    def fold(self, text: str) -> str:
        """All words with single spaces between and around them; one space for a text without words."""
        try:
            folded = text.encode("latin-1").translate(self._marked).decode("latin-1")
        except UnicodeEncodeError:
            return self._fold_any(text)
        if "\0" in folded:
            return self._fold_any(text)
        if "\1" in folded:
            folded = folded.replace("\1", "")
        while "  " in folded:  # cheaper than to split and join all words
            folded = folded.replace("  ", " ")
        folded = folded.strip(" ")
        return self._spaced(folded) if "_" in folded or not folded else f" {folded} "

    def words(self, text: str) -> list[Word]:
        """The words of fold(text), with the characters each one came from."""
        try:
            raw = text.encode("latin-1").translate(self._marked)
        except UnicodeEncodeError:
            return self._words_any(text)
        if b"\0" in raw:
            return self._words_any(text)
        words = []
        for match in _LATIN_WORD.finditer(raw):
            folded = match[0].replace(b"\1", b"").strip(b"_")
            if folded:
                start = match.end() - len(match[0].lstrip(b"_\1"))
                words.append(Word(folded.decode("latin-1"), start, match.start() + len(match[0].rstrip(b"_\1"))))
        return words

    def words_from(self, text: str, first: int, last: int, letters: int | None = None) -> list[Word]:
        """words(text)[first:last]; for most texts without making the other ones.

        `letters`: how many characters other than spaces stand before the first of them in fold(text), where known.
        """
        try:
            raw = text.encode("latin-1").translate(self._marked)
        except UnicodeEncodeError:
            raw = b"\0"
        if b"\0" in raw or b"\1" in raw or b"_" in raw:
            return self.words(text)[first:last]
        found = None if letters is None else _next_words(raw, letters + first, letters, last - first)
        if found is None:
            matches = islice(_LATIN_WORD.finditer(raw), first, last)
            found = [Word(match[0].decode("latin-1"), match.start(), match.end()) for match in matches]
        return found

    def _words_any(self, text: str) -> list[Word]:
        words = []
        chars: list[str] = []
        origins: list[tuple[int, int]] = []
        for folded, start, end in [*self._pieces(text, self._table), (" ", len(text), len(text))]:
            for char in folded:
                if char != " ":
                    chars.append(char)
                    origins.append((start, end))
                elif chars:
                    word = "".join(chars)
                    first = len(word) - len(word.lstrip("_"))
                    last = len(word.rstrip("_")) - 1
                    if last >= 0:
                        words.append(Word(word[first : last + 1], origins[first][0], origins[last][1]))
                    chars, origins = [], []
            if not folded and origins and start == origins[-1][1] and unicodedata.category(text[start])[0] == "M":
                origins[-1] = (origins[-1][0], end)  # an accent typed after its letter belongs to it
        return words

    def signed(self, text: str) -> tuple[str, list[tuple[int, int]]]:
        """The text folded with its signs kept, and for each folded character the range it came from.

        Spaces around / and % go (100 % is 100%); a full stop stays only before a word and after a space (.NET).
        """
        chars: list[str] = [" "]
        origins: list[tuple[int, int]] = [(0, 0)]
        for folded, start, end in [*self._pieces(text, self._signed_table), (" ", len(text), len(text))]:
            for char in folded:
                if char != " " or chars[-1] != " ":
                    chars.append(char)
                    origins.append((start, end))
        joined = "".join(chars)
        dots = {match.start() for match in _LEADING_DOT.finditer(joined)}
        joined = "".join(" " if char == "." and n not in dots else char for n, char in enumerate(joined))
        keep = [n for n, char in enumerate(joined) if char != " " or n == 0 or joined[n - 1] != " "]
        joined = "".join(joined[n] for n in keep)
        loose = {
            n
            for match in _TIGHT_SIGNS.finditer(joined)
            for n in range(match.start(), match.end())
            if joined[n] == " " and (match[1] == "/" or n < match.start(1))
        }
        tight = [n for n in range(len(joined)) if n not in loose]
        return "".join(joined[n] for n in tight), [origins[keep[n]] for n in tight]

    def _fold_any(self, text: str) -> str:
        if _TILDE in text and not self._fold_enye:
            text = text.replace("n" + _TILDE, "ñ").replace("N" + _TILDE, "Ñ")
        return self._spaced(text.translate(self._table))

    @staticmethod
    def _spaced(joined: str) -> str:
        if "_" in joined:
            joined = _EDGE_UNDERSCORES.sub(" ", joined)
        if "  " in joined or joined[:1] == " " or joined[-1:] == " ":
            joined = " ".join(joined.split())
        return f" {joined} " if joined else " "

    def _pieces(self, text: str, table: _Table) -> list[tuple[str, int, int]]:
        """(folded, start, end) of each character; an n and its own tilde are one."""
        pieces = []
        at = 0
        while at < len(text):
            two = not self._fold_enye and text[at] in "nN" and text[at + 1 : at + 2] == _TILDE
            end = at + 1 + two
            pieces.append(("ñ" if two else table[ord(text[at])], at, end))
            at = end
        return pieces


def _next_words(raw: bytes, at: int, letters: int, count: int) -> list[Word] | None:
    """The `count` words after so many letters of a text in which a word is what stands between spaces.

    `at`: not behind the first of them. None where more spaces stand between the words than anybody types.
    """
    reached = -1
    while at != reached:  # as many characters as there are letters, and the spaces among them
        reached, at = at, letters + raw.count(b" ", 0, at)
    most = _MOST_SPACES * count
    parts = raw[at:].decode("latin-1").split(" ", most)
    if len(parts) > most:
        parts.pop()  # the rest of the text
    words = []
    for part in parts:
        end = at + len(part)
        if part:
            words.append(_new_word(Word, (part, at, end)))
            if len(words) == count:
                return words
        at = end + 1
    return None if len(parts) == most else words


@lru_cache(maxsize=4)
def folding(*, fold_enye: bool, inside_identifiers: bool) -> Folding:
    """The one Folding of its kind: making its tables costs more than all phrases of a list, and they never change."""
    return Folding(fold_enye=fold_enye, inside_identifiers=inside_identifiers)
