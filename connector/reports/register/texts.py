"""How texts of the register are made comparable: a workbook comes back from another program, never byte for byte."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
#: What a sheet's name may not hold in a spreadsheet program.
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f]")
#: What no XML document may hold: controls, halves of pairs, and two that are no signs.
_NO_XML = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_LONGEST_NAME = 31
_HASHED = "#sha256:"


def printable(text: str) -> str:
    """Without the signs that no spreadsheet's file may hold: controls, halves of pairs, the two that are no signs."""
    return _NO_XML.sub("", text)


def tidy(text: str) -> str:
    """A text as it is kept: one kind of line break, no controls, no space at the ends of lines or of the whole."""
    lines = printable(_BREAKS.sub("\n", text)).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


def digest(text: str) -> str:
    """SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def as_base(text: str, longest: int) -> str:
    """What stands in the workbook for the comment at its writing: the text, or its digest where it is too long."""
    return text if units(text) <= longest and not text.startswith(_HASHED) else _HASHED + digest(text)


def same(base: str | None, text: str) -> bool:
    """Whether this tidy text is the one that stood there at the writing; `base` as `as_base` made it."""
    if base is None:
        return False
    return base == text or (base.startswith(_HASHED) and base == _HASHED + digest(text))


def units(text: str) -> int:
    """Length as spreadsheets count it: in UTF-16 units."""
    return len(text) + sum(ord(sign) > 0xFFFF for sign in text)


def pieces(text: str, longest: int) -> list[str]:
    """The text cut into parts of at most `longest` units; joined they are the text again. At least one part."""
    found, start, length = [], 0, 0
    for at, sign in enumerate(text):
        size = 2 if ord(sign) > 0xFFFF else 1
        # A part never begins or ends with a break or a space: programs may trim them there.
        if length + size > longest or (length > longest - 200 and not sign.isspace() and not text[at - 1].isspace()):
            found.append(text[start:at])
            start, length = at, 0
        length += size
    return [*found, text[start:]]


def holds(text: str, part: str) -> bool:
    """Whether the lines of `part` stand in `text` one after the other."""
    if not part:
        return True
    lines, wanted = text.split("\n"), part.split("\n")
    return any(lines[at : at + len(wanted)] == wanted for at in range(len(lines) - len(wanted) + 1))


def folded(text: str) -> str:
    """For comparing headings and names of tabs: without case, accents and signs."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        "".join(sign if sign.isalnum() else " " for sign in plain if not unicodedata.combining(sign)).split()
    )


def sheet_name(wanted: str, taken: set[str]) -> str:
    """A name every spreadsheet program takes for a sheet, like the one wanted; `taken` (folded case) is added to."""
    clean = " ".join(printable(_FORBIDDEN.sub(" ", wanted)).split()).strip("'") or "-"
    if clean.casefold() == "history":  # reserved by Excel in every language
        clean = "History -"
    for number in range(1, len(taken) + 2):
        suffix = "" if number == 1 else f" ({number})"
        name = _cut(clean, _LONGEST_NAME - len(suffix)).rstrip(" '") + suffix
        if name.casefold() not in taken:
            break
    taken.add(name.casefold())
    return name


def _cut(text: str, longest: int) -> str:
    while units(text) > longest:
        text = text[:-1]
    return text
