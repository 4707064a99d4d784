"""The kinds of rules there are: modules of `connector.core.rules`, and plug-ins (entry points `escalera.rules`)."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from types import MappingProxyType

import connector.core.rules
from connector.core.spec import RuleKind
from connector.errors import ConfigurationError

GROUP = "escalera.rules"
#: Kinds whose rules stand under another key, or are named by another field, than the usual ones.
_SPECIAL = {"situation": ("situations", "id")}


@lru_cache(maxsize=1)
def rule_kinds() -> Mapping[str, RuleKind]:
    """Every kind by the top-level key under which admins list its rules.

    Raises ConfigurationError for a plug-in that can't be loaded, is no RuleKind, or takes a name that is taken.
    """
    found: dict[str, RuleKind] = {}
    for module in pkgutil.iter_modules(connector.core.rules.__path__):
        if not module.name.startswith("_"):
            kind = importlib.import_module(f"connector.core.rules.{module.name}").KIND
            found[top_key(kind)] = kind
    for point in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        try:
            kind = point.load()
        except (ImportError, AttributeError) as error:
            msg = f"the rule kind '{point.name}' of {point.value} can't be loaded: {error}; remove its package"
            raise ConfigurationError(msg) from error
        if not isinstance(kind, RuleKind):
            msg = f"the plug-in {point.value} offers '{point.name}', which is no RuleKind; remove its package"
            raise ConfigurationError(msg)
        if top_key(kind) in found:
            msg = f"the rule kind '{kind.name}' of {point.value} is there already; remove its package"
            raise ConfigurationError(msg)
        found[top_key(kind)] = kind
    return MappingProxyType(found)


def top_key(kind: RuleKind) -> str:
    """The top-level key of a kind: `situations` for situations, else its name."""
    return _SPECIAL.get(kind.name, (kind.name, "name"))[0]


def name_field(kind: RuleKind) -> str:
    """The field that names a rule: `id` for situations, else `name`."""
    return _SPECIAL.get(kind.name, (kind.name, "name"))[1]
