"""The words of the demonstration in English, Spanish and Italian: one file each under `catalogue/`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "es", "it")


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Language -> key -> words."""
    folder = files("connector.demo").joinpath("catalogue")
    return {
        language: tomllib.loads(folder.joinpath(f"{language}.toml").read_text(encoding="utf-8"))
        for language in LANGUAGES
    }


class Words:
    """One language: `words("tile_kept_more", toggles=3)`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._words = catalogue()[language]

    def __call__(self, key: str, **values: Any) -> str:
        """The words of a key, filled in. Raises KeyError for one that is not in the catalogue."""
        return self._words[key].format(**values) if values else self._words[key]

    def named(self, family: str, name: str) -> str:
        """The words for a name the helpdesk or the program uses (`cause`, `outcome`), or the name itself."""
        return self._words.get(f"{family}_{name}", name.replace("_", " "))
