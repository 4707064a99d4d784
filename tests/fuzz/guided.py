"""The same targets under atheris, which keeps inputs that reach new code. Only with `pip install atheris`."""

from __future__ import annotations

import random
import sys


def main(argv: list[str]) -> None:
    """Fuzz one target: its name is the first argument, the rest are libFuzzer's own."""
    import atheris

    with atheris.instrument_imports(include=["connector"]):
        from tests.fuzz.targets import TARGETS, attempt

    name, rest = argv[1], argv[2:]
    make = TARGETS[name].make

    def one(content: bytes) -> None:
        if len(content) >= 8:  # what atheris draws decides which damage is done: so inputs stay close to sound ones
            attempt(name, make(random.Random(content)))

    atheris.Setup([sys.argv[0], *rest], one)
    atheris.Fuzz()
