"""Small helps for messages to people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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
