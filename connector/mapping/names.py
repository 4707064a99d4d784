"""The names a pack declares, known before anything that refers to them is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.core.policy import Person


@dataclass(slots=True)
class Names:
    """What the pack declares by name, for everything that refers to it."""

    people: dict[str, Person] = field(default_factory=dict)
    calendars: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    situations: dict[str, str] = field(default_factory=dict)  # id -> title
    phrases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rotas: set[str] = field(default_factory=set)
    rules: dict[str, set[str]] = field(default_factory=lambda: {"assignment": set(), "matrix": set()})
    used: set[tuple[str, str]] = field(default_factory=set)  # (kind, key) of everything referred to
    lost: str = ""  # the text of files that are not YAML: what they may declare is not called unknown

    def may_declare(self, name: str) -> bool:
        """Whether a file that can't be read may declare this name: then its absence is no mistake of its user."""
        return bool(self.lost) and name in self.lost
