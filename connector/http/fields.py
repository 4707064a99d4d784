"""What goes into and comes out of HTTP as text: the base address, the key, numbers, dates and waits in headers."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from connector.errors import ConfigurationError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def checked_base(url: str) -> tuple[str, str, bool]:
    """(base address ending in the API's path, host, whether it is loopback).

    Raises ConfigurationError for an address that would not keep the key secret, or is none.
    """
    parts = urlsplit(url.strip())
    host = parts.hostname or ""
    loopback = host in _LOOPBACK
    if parts.scheme not in {"http", "https"} or not host:
        msg = f"url: {host or 'it'} is no address like https://example.freshdesk.com"
        raise ConfigurationError(msg)
    if parts.username or parts.password or parts.query or parts.fragment:
        msg = f"url of {host}: take out user, key, query and fragment"
        raise ConfigurationError(msg)
    if parts.scheme == "http" and not loopback:
        msg = f"url of {host}: plain http would show the key to the network; use https (http goes to loopback only)"
        raise ConfigurationError(msg)
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith('/api/v2') else path + '/api/v2'}", host, loopback


def checked_key(key: str) -> str:
    """The key without surrounding space. Raises ConfigurationError, without showing it, where it can be none."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or ":" in key or " " in key:
        msg = "the API key is empty or holds characters no key has; store it anew with `escalera login`"
        raise ConfigurationError(msg)
    return key


def number(text: str | None) -> float | None:
    """A header's number, decimal or not; None where it is absent or something else."""
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None  # a header of another kind teaches nothing
    return value if value is not None and 0 <= value < 1e9 else None


def date(text: str | None) -> datetime | None:
    """An HTTP date in UTC; None where it is absent or unreadable."""
    try:
        value = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None  # no Date header we can read: the helpdesk's clock stays as last told
    if value is None:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def retry_after(text: str | None, at: datetime | None) -> float | None:
    """Seconds from either form of the header; None where it is absent or unreadable."""
    seconds = number(text)
    if seconds is None and text:
        until = date(text)
        seconds = (until - at).total_seconds() if until and at else None
    return None if seconds is None else max(0.0, seconds)
