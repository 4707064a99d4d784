"""Small helps for messages to people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint like "; did you mean 'priority'?", or nothing where no known word is near."""
    close = difflib.get_close_matches(word.lower(), {name.lower(): name for name in known}, n=1, cutoff=0.6)
    names = {name.lower(): name for name in known}
    return f"; did you mean '{names[close[0]]}'?" if close else ""
