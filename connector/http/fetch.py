"""One public text from one address: no key, no cookies, no proxy, and nowhere but where the address says.

The host is resolved once, each of its addresses is judged, and the connection goes to the very address judged, so a
name that changes its mind leads nowhere. Every limit is hard: bytes, seconds, redirects.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import certifi
import urllib3

from connector import __version__
from connector.errors import Unavailable
from connector.http.transport import Deadline, plain_pool, secure_pool

MOST_BYTES = 1024 * 1024
_MOST_REDIRECTS = 3
_CHUNK = 64 * 1024

#: Name and port to the addresses it stands for. Raises OSError.
Resolve = Callable[[str, int], list[str]]


class NotFetched(Unavailable):
    """The text can't be had now; the message names the host, never the address."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """`text` None: not changed since `etag` or `modified` (304)."""

    text: str | None
    etag: str | None = None
    modified: str | None = None


def resolve(host: str, port: int) -> list[str]:
    """The system's own answer, each address once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def fetch_text(
    url: str,
    *,
    private: bool = False,
    timeout: float = 20.0,
    etag: str | None = None,
    modified: str | None = None,
    ask: Resolve = resolve,
) -> Fetched:
    """The text at the address. `private`: it may lead to this machine or a private network. `timeout`: seconds in all.

    Redirects are followed on the same host by the same scheme only. Raises NotFetched.
    """
    parts = urlsplit(url)
    first = parts
    with Deadline(timeout) as end:
        for _ in range(_MOST_REDIRECTS + 1):
            got = _get(parts, private, timeout, end, _conditions(etag, modified), ask)
            if not isinstance(got, str):
                return got
            parts = urlsplit(urljoin(parts.geturl(), got))
            if (parts.scheme, parts.hostname, parts.port) != (first.scheme, first.hostname, first.port):
                msg = f"{first.hostname}: redirects to another host, which is not followed"
                raise NotFetched(msg)
    msg = f"{first.hostname}: redirects more than {_MOST_REDIRECTS} times"
    raise NotFetched(msg)


def _conditions(etag: str | None, modified: str | None) -> dict[str, str]:
    given = {"If-None-Match": etag, "If-Modified-Since": modified}
    return {name: value for name, value in given.items() if value}


def _get(
    parts: SplitResult,
    private: bool,
    timeout: float,
    end: Deadline,
    conditions: dict[str, str],
    ask: Resolve,
) -> Fetched | str:
    """What the address answers, or where it redirects to."""
    host = parts.hostname or ""
    address, port = _judged(parts, private, timeout, ask)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "Host": parts.netloc, "User-Agent": f"escalera/{__version__}", "Accept": "text/calendar, */*;q=0.1",
        "Accept-Encoding": "identity", **conditions,
    }  # fmt: skip
    pool = _pool(parts.scheme, address, port, host, timeout)
    try:
        try:
            answer = pool.urlopen(
                "GET", target, headers=headers, redirect=False, retries=False, preload_content=False,
                assert_same_host=False,
            )  # fmt: skip
            got = _read(host, answer)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            late = f"not whole within {timeout:.0f} s" if end.passed else type(error).__name__
            msg = f"{host}: no calendar came ({late})"
            raise NotFetched(msg) from None
    finally:
        pool.close()
    if end.passed:  # a cut connection may look like the end of the text
        msg = f"{host}: no calendar came (not whole within {timeout:.0f} s)"
        raise NotFetched(msg)
    return got


def _read(host: str, answer: Any) -> Fetched | str:
    location = answer.headers.get("Location")
    if answer.status in {301, 302, 303, 307, 308} and location:
        return str(location)
    if answer.status == 304:
        return Fetched(None)
    if answer.status != 200:
        msg = f"{host}: answered {answer.status}"
        raise NotFetched(msg)
    parts, size = [], 0
    while part := answer.read(_CHUNK, decode_content=False):
        size += len(part)
        if size > MOST_BYTES:
            msg = f"{host}: sent more than {MOST_BYTES} bytes"
            raise NotFetched(msg)
        parts.append(part)
    declared = answer.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) != size:
        msg = f"{host}: sent {size} of {int(declared)} bytes"
        raise NotFetched(msg)
    try:
        text = b"".join(parts).decode("utf-8-sig")
    except UnicodeDecodeError:
        msg = f"{host}: sent something that is no UTF-8 text"
        raise NotFetched(msg) from None
    return Fetched(text, _short(answer.headers.get("ETag")), _short(answer.headers.get("Last-Modified")))


def _short(header: str | None) -> str | None:
    """A header that may be sent back; an overlong one is not worth it."""
    return header if header and len(header) <= 200 and header.isprintable() else None


def _judged(parts: SplitResult, private: bool, timeout: float, ask: Resolve) -> tuple[str, int]:
    """An address of the host that may be called. Raises NotFetched, also where any one of them may not."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = _in_time(lambda: ask(host, port), timeout, host)
    if not found:
        msg = f"{host}: no such host"
        raise NotFetched(msg)
    for one in found:
        at = ipaddress.ip_address(one.partition("%")[0])
        mapped = getattr(at, "ipv4_mapped", None) or at
        if parts.scheme == "http" and not mapped.is_loopback:
            msg = f"{host}: plain http goes to this machine only"
            raise NotFetched(msg)
        if not private and (not mapped.is_global or mapped.is_multicast):
            msg = f"{host}: leads to a private address; [oncall] private_addresses = true allows that"
            raise NotFetched(msg)
    return found[0], port


def _in_time(work: Callable[[], list[str]], timeout: float, host: str) -> list[str]:
    """The resolver has no deadline of its own: it is asked in a thread that nobody waits for longer."""
    found: list[list[str]] = []

    def run() -> None:
        try:
            found.append(work())
        except (OSError, UnicodeError):
            found.append([])

    thread = threading.Thread(target=run, name="escalera-resolve", daemon=True)
    thread.start()
    thread.join(timeout)
    if not found:
        msg = f"{host}: its name was not resolved within {timeout:.0f} s"
        raise NotFetched(msg)
    return found[0]


def _pool(scheme: str, address: str, port: int, host: str, timeout: float) -> Any:
    limits = urllib3.Timeout(connect=min(5.0, timeout), read=timeout)
    if scheme == "http":
        return plain_pool(address, port=port, timeout=limits, maxsize=1)
    trusted = os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
    return secure_pool(
        address, port=port, timeout=limits, maxsize=1, cert_reqs="CERT_REQUIRED", ca_certs=trusted,
        assert_hostname=host, server_hostname=host,
    )  # fmt: skip
