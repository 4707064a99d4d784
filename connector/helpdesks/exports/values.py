"""The values of cells: texts, nothing, ids, numbers, words and instants, as exports and spreadsheets write them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from connector.helpdesks.exports.tables import Cell
from connector.helpdesks.exports.xlsx_rows import serial_date
from connector.helpdesks.exports.zones import zone_of

#: What means "nothing" in any export, besides the pack's own `empty:`.
NOTHING = ("", "#", "-", "Not assigned")
#: What a spreadsheet shows for a failed formula, in English, Spanish and Italian.
_ERRORS = frozenset(
    ["#ref!", "#n/a", "#value!", "#div/0!", "#name?", "#null!", "#num!", "#spill!", "#calc!", "#n/d", "#rif!",
     "#valore!", "#nome?", "#nullo!", "#¡ref!", "#¡valor!", "#¡div/0!", "#¿nombre?", "#¡nulo!", "#¡num!",
     "#getting_data"]
)  # fmt: skip
_SPACES = re.compile(r"\s+")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:([.,' ])\d{3})(?:\1\d{3})*")
_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d{0,14})(?:[.,]\d{1,10})?")
_GROUPED_DECIMAL = re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:,\d{3})+\.\d+|(?:\.\d{3})+,\d+)")
_KEPT_TEXT = re.compile(r'="([^"]*)"')


@lru_cache(maxsize=16_384)
def fold(text: str) -> str:
    """A label to compare by: no accents, case, double spaces, line breaks or invisible signs."""
    if text.isascii():
        return " ".join(text.split()).lower()
    plain = "".join(
        sign
        for sign in unicodedata.normalize("NFKD", text)
        if not unicodedata.combining(sign) and unicodedata.category(sign) != "Cf"
    )
    return _SPACES.sub(" ", plain).strip().casefold()


@lru_cache(maxsize=16_384)
def fold_heading(text: str) -> str:
    """A heading to compare by: as `fold`, and without punctuation (`N.º de ticket` is `no de ticket`)."""
    plain = "".join(sign if sign.isalnum() else " " for sign in fold(text))
    return _SPACES.sub(" ", plain).strip()


def text_of(cell: Cell) -> str:
    """A cell as text: a whole number without its `.0`, a date in ISO, `="007"` as 007, blanks at the ends dropped."""
    if isinstance(cell, str):
        text = cell.strip(" \t\r\n\v\f\u00a0\u202f\ufeff\u200b\x1a")
        if text.startswith('="'):
            kept = _KEPT_TEXT.fullmatch(text)
            return kept[1] if kept else text
        return text
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return cell.isoformat(sep=" ")


def is_error(text: str) -> bool:
    """Whether a text is what a spreadsheet shows for a failed formula."""
    return text.startswith("#") and len(text) > 3 and text.casefold() in _ERRORS


def ticket_id(cell: Cell) -> str:
    """A ticket's id as written, but `1042.0`, `1,042` and `1.042` are 1042; leading zeros stay."""
    text = text_of(cell)
    if text.isdigit():
        return text
    text = text.lstrip("'")
    if _GROUPED.fullmatch(text):
        return re.sub(r"\D", "", text)
    whole = text.removesuffix(".0")
    return whole if whole is not text and whole.isdigit() else text


def number_or_text(text: str) -> str | int | float:
    """A number where the text is plainly one, thousands separators dropped; else the text.

    Texts with leading zeros and more than 15 digits are codes, not numbers. One separator before exactly three digits
    is a thousands separator.
    """
    if not text or text[-1] not in "0123456789":
        return text
    if text.isdigit() and text.isascii():
        return int(text) if len(text) < 16 and (text[0] != "0" or text == "0") else text
    if _GROUPED.fullmatch(text):
        return int(re.sub(r"[^\d-]", "", text))
    if _GROUPED_DECIMAL.fullmatch(text):
        mark = "." if text.rfind(".") > text.rfind(",") else ","
        return float(text.replace("," if mark == "." else ".", "").replace(mark, "."))
    if _NUMBER.fullmatch(text):
        if "," not in text and "." not in text:
            return int(text)
        value = float(text.replace(",", "."))
        return value if "," in text or repr(value) == text else text  # 1.10 may be a version
    return text


def words_of(spoken: Mapping[str, Iterable[str]], canonical: Iterable[str]) -> dict[str, str]:
    """Folded code or label -> canonical word; the canonical words always mean themselves."""
    words: dict[str, str] = {}
    for word, labels in spoken.items():
        for label in labels:
            words.setdefault(fold(str(label)), word)
    for word in canonical:
        words.setdefault(word, word)
        words.setdefault(word.replace("_", " "), word)
    return words


def word_of(text: str, words: Mapping[str, str]) -> str | None:
    """The canonical word for a code (`2`, `02`) or label, None where the map knows none."""
    word = words.get(text) or words.get(fold(text))
    if word is None and text.isdigit():
        word = words.get(text.lstrip("0") or "0")
    return word


_DATE = re.compile(
    r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})"
    r"(?:[ T,]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?(?:\s*([ap])\.?\s?m\.?)?)?"
    r"(?:\s*\(?([+-]\d{1,2}:?\d{2}|[A-Za-z][\w+/:-]*)\)?)?",
    re.IGNORECASE,
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d))?")
_SERIAL = re.compile(r"[2-9]\d{4}(?:[.,]\d+)?")
_ODD_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u200e": None, "\u200f": None})


class Unreadable(ValueError):  # noqa: N818 - what it is
    """A text that is no date, or a date whose order of day and month can't be known."""


class Clock:
    """Reads instants of one file: local times are in `zone`, slash dates in the order found for their column.

    `unknown_zones` collects zone codes that are in no table; their times were read in `zone`.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._seen: dict[tuple[str, str], datetime | None] = {}
        self.unknown_zones: set[str] = set()

    def instant(self, cell: Cell, order: str) -> datetime | None:
        """The instant in UTC; None for SAP's initial and endless dates. `order`: `dmy`, `mdy`, or `` for neither.

        A date alone is the start of that day. In a repeated hour the first is meant; an hour that was skipped is read
        with the offset before the switch. Raises Unreadable.
        """
        if isinstance(cell, str):
            key = (cell, order)
            if key in self._seen:
                return self._seen[key]
            at = self._read(cell.translate(_ODD_BLANKS).strip(), order)
            if len(self._seen) >= 8_192:
                self._seen.clear()
            self._seen[key] = at
            return at
        if isinstance(cell, float):
            found = serial_date(cell) if math.isfinite(cell) and cell >= 20_000 else None
            if found is None:
                msg = "is a number, not a date"
                raise Unreadable(msg)
            return self._utc(found, None)
        return self._utc(cell, None)

    def _read(self, text: str, order: str) -> datetime | None:
        if text[4:5] == "-" and text[:4].isdigit():
            try:
                return self._utc(datetime.fromisoformat(text.replace(" Z", "Z")), None)
            except ValueError:
                pass  # a form beyond ISO 8601 (zone code, 24:00): the pattern below
        if _SERIAL.fullmatch(text):
            return self.instant(float(text.replace(",", ".")), order)
        compact = _COMPACT.fullmatch(text)
        if compact is not None:
            return self._build([int(part or 0) for part in compact.groups()], None)
        found = _DATE.fullmatch(text)
        if found is None:
            msg = "is no date this tool can read"
            raise Unreadable(msg)
        first, mark, second, third, hour, minute, second_of_minute, half, zone = found.groups()
        if len(first) == 4:
            year, month, day = int(first), int(second), int(third)
        else:
            if len(third) not in {2, 4}:
                msg = "is a date without a year"
                raise Unreadable(msg)
            year = int(third) if len(third) == 4 else 2000 + int(third)
            if mark == ".":
                order = "dmy"
            if not order:
                msg = "is a date whose order of day and month this column leaves open"
                raise Unreadable(msg)
            day, month = (int(first), int(second)) if order == "dmy" else (int(second), int(first))
        hours = int(hour or 0)
        if half:
            if not 1 <= hours <= 12:
                msg = "is a time with an hour beyond twelve and a half of the day"
                raise Unreadable(msg)
            hours = hours % 12 + (12 if half in "pP" else 0)
        return self._build([year, month, day, hours, int(minute or 0), int(second_of_minute or 0)], zone)

    def _build(self, parts: list[int], code: str | None) -> datetime | None:
        year, month, day, hour, minute, second = parts
        if year == 0 or (day == 0 and month == 0):
            return None  # SAP's "not set"
        extra = timedelta(0)
        if hour == 24 and minute == 0 and second == 0:
            hour, extra = 0, timedelta(days=1)
        try:
            at = datetime(year, month, day, hour, minute, second) + extra  # noqa: DTZ001 - local, zone added below
        except (ValueError, OverflowError) as exc:
            msg = "is a day that no calendar has"
            raise Unreadable(msg) from exc
        return self._utc(at, code)

    def _utc(self, at: datetime, code: str | None) -> datetime | None:
        if at.year == 9999:
            return None  # "for ever"
        zone: tzinfo | None = at.tzinfo
        if zone is None and code:
            zone = zone_of(code)
            if zone is None:
                self.unknown_zones.add(code)
        try:
            return at.replace(tzinfo=zone or self._zone).astimezone(UTC)
        except (OverflowError, ValueError) as exc:
            msg = "lies outside the years a clock can show"
            raise Unreadable(msg) from exc


def slash_evidence(text: str) -> str:
    """Which order of day and month a date like 13/05/2026 proves: `dmy`, `mdy`, or `` where it fits both or neither."""
    found = _DATE.match(text)
    if found is None or found[2] == "." or len(found[1]) > 2:
        return ""
    first, second = int(found[1]), int(found[3])
    if first > 12 >= second:
        return "dmy"
    return "mdy" if second > 12 >= first else ""


def looks_like_date(text: str) -> bool:
    """Whether a text may be shown in a message: date signs only, so never a customer's words."""
    return 0 < len(text) <= 32 and sum(sign.isalpha() for sign in text) <= 8 and any(sign.isdigit() for sign in text)
