"""Ways to reach a helpdesk, found by walking this package: a module that exposes `KIND` is one, and nothing else is.

A third party ships one as an entry point in the group `escalera.helpdesks` that names such a module's `KIND`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from connector.errors import ConfigurationError
from connector.helpdesks.base import HelpdeskKind

_GROUP = "escalera.helpdesks"


@cache
def kinds() -> Mapping[str, HelpdeskKind]:
    """Every kind by the words that mean it: this package's own, then installed plugins, which can't replace them."""
    found: dict[str, HelpdeskKind] = {}
    for module in sorted(iter_modules(__path__), key=lambda one: one.name):
        if module.name.endswith("_kind"):
            kind = import_module(f"{__name__}.{module.name}").KIND
            found.update(dict.fromkeys(kind.names, kind))
    for entry in sorted(entry_points(group=_GROUP), key=lambda one: one.name):
        kind = entry.load()
        if isinstance(kind, HelpdeskKind):
            for name in kind.names:
                found.setdefault(name, kind)
    return found


def kind_of(name: str) -> HelpdeskKind:
    """The kind a setting means. Raises ConfigurationError naming the known ones."""
    kind = kinds().get(name)
    if kind is None:
        msg = f"no helpdesk is called '{name}'; there are {', '.join(sorted(kinds()))}"
        raise ConfigurationError(msg)
    return kind
