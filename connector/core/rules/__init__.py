"""The kinds of rules, found by walking this package: a module that exposes `KIND` is a kind, and nothing else is.

A third party ships a kind as an entry point in the group `escalera.rules` that names such a module's `KIND`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from types import MappingProxyType

from connector.core.spec import RuleKind

_GROUP = "escalera.rules"


@cache
def kinds() -> Mapping[str, RuleKind]:
    """Every rule kind by its name, in alphabetical order of names.

    Raises TypeError for a module or plugin whose `KIND` is no `RuleKind`, ValueError for a name that stands twice.
    """
    found: dict[str, RuleKind] = {}
    modules = [name for _, name, _ in iter_modules(__path__) if not name.startswith("_")]
    declared = [(name, getattr(import_module(f"{__name__}.{name}"), "KIND", None)) for name in modules]
    declared += [(entry.value, entry.load()) for entry in entry_points(group=_GROUP)]
    for place, kind in declared:
        if not isinstance(kind, RuleKind):
            msg = f"{place} declares no rule kind: its KIND is {type(kind).__name__}, wanted spec.RuleKind"
            raise TypeError(msg)
        if kind.name in found:
            msg = f"rule kind {kind.name!r} is declared twice, the second time by {place}; rename one of them"
            raise ValueError(msg)
        found[kind.name] = kind
    return MappingProxyType(dict(sorted(found.items())))
