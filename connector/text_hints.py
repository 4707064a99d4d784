"""Small helps for messages to people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: Signs that terminals obey, and marks that break lines or reorder what is shown; a line feed and a tab are none.
_STEERING = (
    *range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
)  # fmt: skip
_CALMED = dict.fromkeys(_STEERING, "\ufffd")
_ESCAPED = {code: f"\\u{code:04x}" for code in _STEERING}


def calm(value: object) -> object:
    """A text without signs that steer, each replaced by a visible one; anything but a text as it is."""
    return value.translate(_CALMED) if type(value) is str else value


def calm_json(document: str) -> str:
    """A JSON document that says the same, its steering signs escaped (JSON lets them through inside strings)."""
    return document.translate(_ESCAPED)


def harmless(text: str) -> str:
    """Text made harmless for a terminal: control signs, escape sequences and reordering marks become visible."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else _visible(ord(sign)) for sign in text)


def _visible(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint like "; did you mean 'priority'?", or nothing where no known word is near."""
    close = difflib.get_close_matches(word.lower(), {name.lower(): name for name in known}, n=1, cutoff=0.6)
    names = {name.lower(): name for name in known}
    return f"; did you mean '{names[close[0]]}'?" if close else ""
