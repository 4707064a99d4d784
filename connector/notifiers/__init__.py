"""Ways to tell people, found by walking this package: a module that exposes `KIND` is one, and nothing else is.

A third party ships one as an entry point in the group `escalera.notifiers` that names such a module's `KIND`.
Notifiers never know the state database; only `connector.apply.actions` sends through them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any

from connector.errors import ConfigurationError
from connector.helpdesks.base import Reader, Writer
from connector.notifiers.base import Delivery, Message, Notifier, NotifierKind

__all__ = ["Delivery", "Message", "Notifier", "NotifierKind", "build", "kinds"]

_GROUP = "escalera.notifiers"


@cache
def kinds() -> Mapping[str, NotifierKind]:
    """Every kind of notifier by name: this package's own, then installed plugins, which can't replace them."""
    found: dict[str, NotifierKind] = {}
    for module in sorted(iter_modules(__path__), key=lambda one: one.name):
        kind = getattr(import_module(f"{__name__}.{module.name}"), "KIND", None)
        if isinstance(kind, NotifierKind):
            found[kind.name] = kind
    for entry in sorted(entry_points(group=_GROUP), key=lambda one: one.name):
        kind = entry.load()
        if isinstance(kind, NotifierKind):
            found.setdefault(kind.name, kind)
    return found


def build(
    name: str, options: Mapping[str, Any], *, reader: Reader | None = None, writer: Writer | None = None
) -> Notifier:
    """Build the named notifier from its options. Raises ConfigurationError with what is wrong, all at once."""
    kind = kinds().get(name)
    if kind is None:
        msg = f"no way to tell people is called '{name}'; there are {', '.join(sorted(kinds()))}"
        raise ConfigurationError(msg)
    unknown = sorted(set(options) - set(kind.options))
    if unknown:
        known = ", ".join(sorted(kind.options)) or "none"
        msg = f"notifier '{name}' has no option {', '.join(unknown)}; it has: {known}"
        raise ConfigurationError(msg)
    return kind.build(options, reader, writer)
