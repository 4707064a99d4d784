"""Seeded damage: to bytes, to text by the words of its language, and to JSON by its structure."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from typing import Any

#: Bytes that readers have stumbled over before: ends, marks, control signs, halves of a character.
_BYTES = (
    b"", b"\x00", b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b[2J", b"\r", b"\n", b"\r\n", b"\t", b'"',
    b",", b";", b"=cmd|' /C calc'!A0", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xae", b"\xc2\x85",
    b"9" * 400, b"-1", b"1e999", b"NaN", b"{" * 200, b"[" * 200, b"<!ENTITY a 'b'>", b"2026-02-30", b"24:00", b"\\",
    b"%s%n", b"{{7*7}}",
)  # fmt: skip
#: Values of every type JSON has, at their edges.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, -(10**40), 0.1, 1e308, -0.0, "", " ", "a", "0", "null", "\x00",
    "\ud800", "\u202e", "ñ" * 300, "x" * 70_000, "2026-11-23", "2026-11-23T10:00:00Z", "2026-13-45T99:99:99Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999+14:00", "2026-11-23T10:00:00+99:00", "http://x/", "<script>",
    "=1+1", [], {}, [None], [[]], {"a": None}, {"id": 1}, [{"id": None}], {"": ""}, [1] * 50,
)  # fmt: skip


def damage_bytes(seed: bytes, rng: random.Random) -> bytes:
    """The seed with a few pieces overwritten, inserted, removed, doubled or swapped, perhaps cut short."""
    content = bytearray(seed)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content) + 1)
        match rng.randrange(6):
            case 0:
                piece = rng.choice(_BYTES)
                content[at : at + len(piece)] = piece
            case 1:
                content[at:at] = rng.choice(_BYTES)
            case 2:
                del content[at : at + rng.randint(1, 40)]
            case 3:
                content[at:at] = content[at : at + rng.randint(1, 60)] * rng.randint(1, 3)
            case 4 if content:
                at = min(at, len(content) - 1)
                content[at] ^= 1 << rng.randrange(8)
            case _:
                other = rng.randrange(len(content) + 1)
                content[at:at] = content[other : other + rng.randint(1, 40)]
    if rng.random() < 0.1:
        del content[rng.randrange(len(content) + 1) :]
    return bytes(content)


def damage_text(seed: str, words: Sequence[str], rng: random.Random) -> bytes:
    """The seed with words of its language put in, taken out or exchanged, as UTF-8 (lone halves kept)."""
    text = seed
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice((0, 0, 1, 3, 10, 40)))
        text = text[:start] + rng.choice(words) + text[end:]
    return text.encode("utf-8", "surrogatepass")


def damage_json(body: Any, rng: random.Random) -> Any:
    """The value with a few of its parts replaced, removed, doubled or renamed; the given value stays as it is."""
    damaged = copy.deepcopy(body)
    for _ in range(rng.randint(1, 4)):
        damaged = _damaged_once(damaged, rng)
    return damaged


def _damaged_once(body: Any, rng: random.Random) -> Any:
    holder, key = None, None
    at = body
    while isinstance(at, dict | list) and at and (holder is None or rng.random() < 0.8):
        holder = at
        key = rng.choice(list(at)) if isinstance(at, dict) else rng.randrange(len(at))
        at = at[key]
    if holder is None:
        return _value(rng)
    match rng.randrange(5):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[rng.choice(("id", "status", "", "x", "__class__", str(key) + "s"))] = holder.pop(key)
        case 2 if isinstance(holder, list):
            holder.extend(copy.deepcopy(at) for _ in range(rng.choice((1, 2, 40))))
        case 3:
            holder[key] = [at] if rng.random() < 0.5 else {"id": at}
        case _:
            holder[key] = _value(rng)
    return body


def _value(rng: random.Random) -> Any:
    return copy.deepcopy(rng.choice(VALUES))
