"""Ticket, Memory and Action to JSON text and back, exactly; instants as text that sorts as time does.

Fields that hold their default are left out, so a mirrored ticket costs what it says and no more. Values of custom
fields may be anything a helpdesk or an export yields: what JSON has no word for is written as an object with one key
that begins with `$` (`{"$date": "2026-01-31"}`), so it comes back with its own type.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from connector.core.model import EMPTY, Action, Memory, Reason, RuleRef, Ticket
from connector.store.problems import DamagedRow

_T = TypeVar("_T")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_dumps_sorted = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True).encode


# --- instants ------------------------------------------------------------------------------------------------------
def instant_text(at: datetime) -> str:
    """An aware instant as 27 characters of UTC (`2026-01-31T09:30:00.000000Z`): text order is time order.

    Raises ValueError for a naive datetime: its instant is not known.
    """
    if at.tzinfo is not UTC:
        if at.utcoffset() is None:
            msg = f"{at!r} has no time zone: only aware datetimes are stored"
            raise ValueError(msg)
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:26] + "Z"


def instant(text: str) -> datetime:
    """The instant of `instant_text`, in UTC. Raises ValueError for other text."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is not UTC:
        if at.utcoffset() is None:
            msg = f"{text!r} has no time zone"
            raise ValueError(msg)
        at = at.astimezone(UTC)
    return at


def maybe_text(at: datetime | None) -> str | None:
    """`instant_text`, None for None."""
    return None if at is None else instant_text(at)


def maybe_instant(text: str | None) -> datetime | None:
    """`instant`, None for None."""
    return None if text is None else instant(text)


# --- JSON text -----------------------------------------------------------------------------------------------------
def _encodable(text: str) -> str:
    """JSON text without lone surrogates (they become JSON escapes): UTF-8, and so every database, can hold it."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text


def storable(value: str | None) -> str | None:
    """A copy for a plain column: what no database can hold is replaced there; the JSON beside it keeps the original."""
    if value is None or (value.isascii() and "\x00" not in value):
        return value
    return value.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")


def canonical_json(value: Any) -> str:
    """The one JSON text of a JSON-ready value: keys sorted, no spaces, UTF-8 characters as they are.

    Raises ValueError for NaN and infinities, TypeError for what is not JSON; `jsonable` makes anything ready.
    """
    return _encodable(_dumps_sorted(value))


def jsonable(value: Any) -> Any:
    """Anything as plain JSON values, for evidence: instants as UTC text, sets sorted, unknown kinds as their text.

    The result survives `canonical_json` and back unchanged, so a hash over it can be checked for ever.
    """
    plain = _plain(value)
    return json.loads(canonical_json(plain))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        return instant_text(value) if value.utcoffset() is not None else value.isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item) for item in value), key=canonical_json)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value)


# --- values of any type ----------------------------------------------------------------------------------------------
_SCALARS = frozenset({str, int, bool, type(None)})


def pack(value: Any) -> Any:
    """A value as JSON-ready tagged form; `unpack` gives it back with its type. Raises TypeError for other types."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is list:
        return [pack(item) for item in value]
    if kind is tuple:
        return {"$tuple": [pack(item) for item in value]}
    if kind is datetime:
        return {"$instant": instant_text(value)} if value.utcoffset() is not None else {"$local": value.isoformat()}
    if isinstance(value, Mapping):
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: pack(item) for key, item in value.items()}
        return {"$map": [[pack(key), pack(item)] for key, item in value.items()]}
    if isinstance(value, Enum):
        return pack(value.value)
    for type_, tag, write in _WRITERS:
        if isinstance(value, type_):
            return {tag: write(value)}
    # Subclasses of the plain types (a scalar that knows its line in a file, say) are stored as what they stand for.
    for plain, simplify in _PLAIN_FORMS:
        if isinstance(value, plain):
            return pack(simplify(value))
    msg = f"a value of type {kind.__name__} can't be stored"
    raise TypeError(msg)


_WRITERS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (date, "$date", date.isoformat),
    (time, "$time", time.isoformat),
    (timedelta, "$span", lambda span: [span.days, span.seconds, span.microseconds]),
    (Decimal, "$decimal", str),
    (frozenset, "$frozenset", lambda items: sorted((pack(item) for item in items), key=canonical_json)),
    (set, "$set", lambda items: sorted((pack(item) for item in items), key=canonical_json)),
)
_PLAIN_FORMS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int),
    (float, float),
    (list, list),
    (tuple, tuple),
)
_READERS: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$tuple": lambda items: tuple(unpack(item) for item in items),
    "$instant": instant,
    "$local": datetime.fromisoformat,
    "$map": lambda pairs: {unpack(key): unpack(item) for key, item in pairs},
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$span": lambda parts: timedelta(*parts),
    "$decimal": Decimal,
    "$frozenset": lambda items: frozenset(unpack(item) for item in items),
    "$set": lambda items: {unpack(item) for item in items},
}


def unpack(value: Any) -> Any:
    """The value that `pack` was given. Raises ValueError for a tag it does not know."""
    kind = type(value)
    if kind is list:
        return [unpack(item) for item in value]
    if kind is not dict:
        return value
    if len(value) == 1:
        [(tag, inner)] = value.items()
        if tag.startswith("$"):
            reader = _READERS.get(tag)
            if reader is None:
                msg = f"unknown kind of value {tag!r}"
                raise ValueError(msg)
            return reader(inner)
    return {key: unpack(item) for key, item in value.items()}


def dump_value(value: Any) -> str:
    """Any storable value as JSON text; `load_value` gives it back exactly."""
    return _encodable(_dumps(pack(value)))


def load_value(text: str, what: str) -> Any:
    """The value of `dump_value`. Raises DamagedRow, naming `what`, for anything else."""
    return _load(text, what, unpack)


def load_json(text: str, what: str) -> Any:
    """Plain JSON without tags. Raises DamagedRow, naming `what`, for anything else."""
    return _load(text, what, lambda value: value)


# --- dataclasses -----------------------------------------------------------------------------------------------------
class _Field(NamedTuple):
    name: str
    default: Any
    write: Callable[[Any], Any] | None
    read: Callable[[Any], Any] | None


def _pack_map(value: Mapping[str, Any]) -> Any:
    return pack(value)


def _instants(value: Iterable[datetime]) -> list[str]:
    return [instant_text(at) for at in value]


def _read_instants(value: Iterable[str]) -> tuple[datetime, ...]:
    return tuple(instant(text) for text in value)


def _write_rule(rule: RuleRef) -> list[Any]:
    return [rule.kind, rule.name, rule.file, rule.line]


def _write_reasons(reasons: Iterable[Reason]) -> list[list[Any]]:
    return [[reason.code, reason.text, pack(reason.values)] for reason in reasons]


def _read_reasons(rows: Iterable[list[Any]]) -> tuple[Reason, ...]:
    return tuple(Reason(code, text, unpack(values) or EMPTY) for code, text, values in rows)


def _write_changes(changes: Mapping[str, tuple[Any, Any]]) -> list[list[Any]]:
    return [[name, pack(old), pack(new)] for name, (old, new) in changes.items()]


def _read_changes(rows: Iterable[list[Any]]) -> dict[str, tuple[Any, Any]]:
    return {name: (unpack(old), unpack(new)) for name, old, new in rows}


#: By the annotation of a field: how it is written and read; an annotation not named here is a scalar.
_CODECS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "datetime | None": (instant_text, instant),
    "tuple[str, ...]": (list, tuple),
    "tuple[datetime, ...]": (_instants, _read_instants),
    "frozenset[str]": (sorted, frozenset),
    "Mapping[str, Any]": (_pack_map, unpack),
    "Mapping[str, str]": (_pack_map, unpack),
    "Mapping[str, tuple[Any, Any]]": (_write_changes, _read_changes),
    "tuple[Reason, ...]": (_write_reasons, _read_reasons),
    "RuleRef": (_write_rule, lambda parts: RuleRef(*parts)),
}
_PLAIN_KINDS = frozenset({"str", "str | None", "bool"})


def _table(class_: type) -> tuple[_Field, ...]:
    table = []
    for one in fields(class_):
        kind = str(one.type)
        if kind not in _PLAIN_KINDS and kind not in _CODECS:
            msg = f"{class_.__name__}.{one.name}: no way to store a {kind} is known to connector/store/codec.py"
            raise TypeError(msg)
        default = one.default if one.default is not MISSING else MISSING
        table.append(_Field(one.name, default, *_CODECS.get(kind, (None, None))))
    return tuple(table)


_TICKET, _MEMORY, _ACTION = _table(Ticket), _table(Memory), _table(Action)
_READ_TICKET, _READ_MEMORY, _READ_ACTION = (
    {one.name: one.read for one in table} for table in (_TICKET, _MEMORY, _ACTION)
)


def _dump(value: Any, table: tuple[_Field, ...]) -> str:
    written: dict[str, Any] = {}
    for name, default, write, _ in table:
        held = getattr(value, name)
        if held is default or held is None or held == default:
            if held is None and default is not None:
                written[name] = None
            continue
        written[name] = held if write is None else write(held)
    return _encodable(_dumps(written))


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Whatever a row that is not ours makes of us, as one sentence. Raises DamagedRow."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        msg = (
            f"{what} in the state database is not readable ({type(error).__name__}): the row was changed by something"
            " else or written by a newer version; restore a backup or update the program"
        )
        raise DamagedRow(msg) from error


def _load(text: str, what: str, build: Callable[[Any], _T]) -> _T:
    with reading(what):
        return build(json.loads(text))


#: Fields that earlier versions wrote and none has any more: read over, not taken for damage.
_RETIRED: Mapping[type, frozenset[str]] = {Memory: frozenset({"policy"})}


def _build(class_: type[_T], readers: Mapping[str, Callable[[Any], Any] | None]) -> Callable[[dict[str, Any]], _T]:
    retired = _RETIRED.get(class_, frozenset())

    def build(written: dict[str, Any]) -> _T:
        values = {}
        for name, held in written.items():
            if name in retired:
                continue
            read = readers[name]
            values[name] = held if read is None or held is None else read(held)
        return class_(**values)

    return build


_build_ticket = _build(Ticket, _READ_TICKET)
_build_memory = _build(Memory, _READ_MEMORY)
_build_action = _build(Action, _READ_ACTION)


def dump_ticket(ticket: Ticket) -> str:
    """A ticket as JSON text."""
    return _dump(ticket, _TICKET)


def load_ticket(text: str, what: str = "a ticket") -> Ticket:
    """The ticket of `dump_ticket`. Raises DamagedRow."""
    return _load(text, what, _build_ticket)


def dump_memory(memory: Memory) -> str:
    """A memory as JSON text (`{}` for an empty one)."""
    return _dump(memory, _MEMORY)


def load_memory(text: str, what: str = "a memory") -> Memory:
    """The memory of `dump_memory`. Raises DamagedRow."""
    return _load(text, what, _build_memory)


def dump_action(action: Action) -> str:
    """An action as JSON text."""
    return _dump(action, _ACTION)


def load_action(text: str, what: str = "an action") -> Action:
    """The action of `dump_action`. Raises DamagedRow."""
    return _load(text, what, _build_action)
