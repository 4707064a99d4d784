"""What an HTTP status means for the caller: which of the project's errors it becomes, in one line, without secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connector.errors import AccountBlocked, HelpdeskError, OutcomeUnknown, Refused, Unavailable

#: 403 codes that speak of the account or the key, not of one ticket.
_BLOCKING = frozenset(
    {
        "account_suspended",
        "require_feature",
        "password_lockout",
        "password_expired",
        "invalid_credentials",
        "ssl_required",
    }
)
_OF_ONE_FEATURE = frozenset({"require_feature"})
_ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_LONGEST = 300
_LOOKED_AT = 2_000  # characters: masking takes the square of what has no blank in it


class RateLimited(Unavailable):
    """429: too many calls a minute; nothing was changed by this one."""


class NotSent(Unavailable):
    """No connection could be made: the request never left, so nothing was changed."""


class BadCertificate(NotSent):
    """The server's certificate can't be verified: nothing was sent, and trying again at once is pointless."""


class Redirected(Unavailable):
    """The address answers with a redirect, which is never followed with the key."""


class Stopped(Unavailable):
    """A stop was asked for while a call waited its turn; nothing was sent."""


class BadAnswer(Unavailable):
    """The answer was cut off, too large or no JSON."""


def told(body: Any) -> tuple[str | None, str]:
    """(field, one-line text) of an error body in any of the API's three shapes; mail addresses are masked."""
    if not isinstance(body, Mapping):
        return None, ""
    parts, field = [], None
    errors = body.get("errors")
    for entry in errors if isinstance(errors, list) else []:
        if isinstance(entry, Mapping):
            name = entry.get("field")
            field = field or (str(name) if name else None)
            parts.append(f"{name or 'request'}: {entry.get('message') or entry.get('code') or 'refused'}")
    if not parts:
        parts = [str(body[key]) for key in ("code", "message", "description") if body.get(key)]
    whole = "; ".join(parts)
    if len(whole) > _LOOKED_AT:  # a word cut in two might be an address that is no longer known as one
        whole = whole[:_LOOKED_AT].rpartition(" ")[0] or "(a text without end)"
    text = " ".join(_ADDRESS.sub("(address)", whole).split())
    return field, text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def code_of(body: Any) -> str:
    """The API's error code, empty where the body has none."""
    return str(body.get("code") or "") if isinstance(body, Mapping) else ""


def error_for(
    call: str,
    status: int,
    body: Any,
    *,
    write: bool,
    optional: bool = False,
    retry_after: float | None = None,
    location: str | None = None,
) -> HelpdeskError:
    """The error for a status outside 200..299.

    `call` is the method and path. `optional`: a feature the plan lacks refuses this call only, not the account.
    A 5xx on a write leaves open whether it happened; a 429 or 408 does not.
    """
    field, text = told(body)
    tail = f": {text}" if text else ""
    code = code_of(body)
    if status == 401:
        return AccountBlocked(f"{call}: 401, the key is refused{tail}; check it with `escalera login`")
    if status == 403 and code in _BLOCKING and not (optional and code in _OF_ONE_FEATURE):
        return AccountBlocked(f"{call}: 403, the account refuses us{tail}; nothing more is sent with this key")
    if status == 429:
        wait = "" if retry_after is None else f", asked to wait {retry_after:.0f} s"
        return RateLimited(f"{call}: 429, too many calls this minute{wait}", retry_after=retry_after)
    if 300 <= status < 400:
        where = f" to {location}" if location else ""
        return Redirected(f"{call}: {status}, redirected{where}; set `url` to the helpdesk's own address")
    if status in {408, 425}:
        return Unavailable(f"{call}: {status}, not taken this time{tail}", retry_after=retry_after)
    if status >= 500:
        if write:
            return OutcomeUnknown(f"{call}: {status}{tail}; the write may or may not have happened")
        return Unavailable(f"{call}: {status}, the helpdesk is in trouble{tail}", retry_after=retry_after)
    return Refused(f"{call}: {status}, refused{tail}", status=status, field=field)
