"""Answers spoilt on their way out: JSON of the wrong shape, bombs, floods, old versions. The effect stands by then."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import cache
from typing import Any

#: What `shape:as=...` may make of an answer's JSON.
SHAPES: dict[str, Callable[[Any], Any]] = {
    "swapped": lambda body: {"tickets": body} if isinstance(body, list) else [body],
    "null": lambda _body: None,
    "text": lambda _body: "ok",
    "number": lambda _body: 7,
    "nulls": lambda body: _each(body, lambda _value: None),
    "texts": lambda body: _each(body, lambda value: str(value) if _is_number(value) else value),
    "numbers": lambda body: _each(body, lambda value: 1 if isinstance(value, str) else value),
    "huge": lambda body: _each(body, lambda value: 10**60 if _is_number(value) else value),
    "nan": lambda body: _each(body, lambda value: float("nan") if _is_number(value) else value),
    "lists": lambda body: _each(body, lambda value: [value]),
    "rows": lambda body: [None, 7, "row", [], {}, True] if isinstance(body, list) else {},
}
_BYTES: dict[str, Callable[[bytes], bytes]] = {
    "deep": lambda _payload: b"[" * 100_000,
    "digits": lambda _payload: b'[{"id": ' + b"9" * 100_000 + b"}]",
    "nothing": lambda _payload: b"",
    "bom": lambda payload: b"\xff\xfe" + payload,
}
SHAPE_NAMES = (*SHAPES, *_BYTES)
_MEGABYTE = 1024 * 1024


def shaped(payload: bytes, name: str) -> bytes:
    """An answer's bytes in one of SHAPE_NAMES; what is no JSON comes back as it was."""
    if name in _BYTES:
        return _BYTES[name](payload)
    try:
        body = json.loads(payload)
    except ValueError:
        return payload
    return json.dumps(SHAPES[name](body), separators=(",", ":")).encode()


@cache
def bomb(megabytes: int) -> bytes:
    """Gzip that unpacks to so many megabytes: about a thousandth of it on the wire."""
    return gzip.compress(b"[" + b" " * (megabytes * _MEGABYTE) + b"]", compresslevel=9)


@cache
def flood(megabytes: int) -> bytes:
    """So many megabytes of JSON."""
    return b"[" + b" " * (megabytes * _MEGABYTE) + b"]"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _each(body: Any, change: Callable[[Any], Any]) -> Any:
    """The JSON with every value of every object changed; the objects themselves stay."""
    if isinstance(body, list):
        return [_each(part, change) for part in body]
    if isinstance(body, dict):
        return {
            name: _each(value, change) if isinstance(value, dict) else change(value) for name, value in body.items()
        }
    return change(body)
