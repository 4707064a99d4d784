"""`python -m tests.crash.storms [WORD ...]`: live through every storm (or those whose name has a WORD); the table."""

from __future__ import annotations

import sys

from tests.crash.storms.catalogue import STORMS
from tests.crash.storms.fleet import table


def main(words: list[str]) -> int:
    """Print the table; 1 where anything was lost."""
    chosen = [storm for storm in STORMS if not words or any(word in storm.name for word in words)]
    return table(chosen, gates=not words or "tls" in words, say=print)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
