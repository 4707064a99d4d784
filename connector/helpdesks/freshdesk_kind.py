"""The kind `freshdesk`: any account that speaks Freshdesk's API v2."""

from __future__ import annotations

from functools import cache

from connector.core.fieldmap import FieldMap
from connector.errors import ConfigurationError
from connector.helpdesks.base import HelpdeskKind, Opening, Reader, Writer
from connector.helpdesks.freshdesk import open_freshdesk
from connector.http.budget import Budget
from connector.http.client import HttpOptions


def _open(opening: Opening) -> tuple[Reader, Writer | None]:
    if opening.url is None:
        msg = f"account '{opening.name}': helpdesk 'freshdesk' needs `url`"
        raise ConfigurationError(msg)
    return open_freshdesk(
        opening.name,
        opening.url,
        opening.key(),
        _map(opening),
        include=("stats", "description", *(("requester",) if opening.customer else ())),
        companies=opening.customer,
        budget=_budget(opening.name, opening.url, opening.leave_free, opening.per_minute),
        stop=opening.stop,
        options=HttpOptions(
            connect_timeout=opening.connect_timeout, read_timeout=opening.read_timeout, deadline=opening.deadline
        ),
    )


@cache
def _budget(_name: str, _url: str, leave_free: float, per_minute: int | None) -> Budget:
    """One budget an account and process: an account opened anew (after a policy change) keeps what it learnt."""
    return Budget(leave_free=leave_free, cap=per_minute)


def _map(opening: Opening) -> FieldMap:
    if opening.kind in opening.maps:
        return opening.maps[opening.kind]
    known = ", ".join(opening.maps) or "none"
    msg = (
        f"account '{opening.name}': its pack has no file with `helpdesk: {opening.kind}` (it maps: {known});"
        " see docs/mapping-language.md"
    )
    raise ConfigurationError(msg)


KIND = HelpdeskKind(
    names=("freshdesk",),
    doc="An account reached by Freshdesk's API v2, or anything compatible with it.",
    open=_open,
)
