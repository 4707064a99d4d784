"""JSON texts of the store: exact both ways, compact, and never silently wrong."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.model import Action, Memory, Ticket
from connector.store import DamagedRow, codec
from tests.contract.store_samples import CUSTOM_VALUES, FULL_ACTION, FULL_MEMORY, FULL_TICKET, MINIMAL_ACTION

_TEXTS = st.text(alphabet=st.characters(), max_size=12)  # surrogates included
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), _TEXTS, st.decimals(allow_nan=False),
    st.dates(), st.times(), st.timedeltas(), st.datetimes(), st.datetimes(timezones=st.just(UTC)),
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(_TEXTS, st.integers(), st.just("$date")), inner, max_size=3),
        st.frozensets(st.one_of(st.integers(), _TEXTS), max_size=3),
    ),
    max_leaves=8,
)


def _typed(value: object) -> object:
    """A value with its types spelt out, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return {(type(key), key): _typed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [_typed(item) for item in value]
    return type(value), value


def _joined(text: str) -> str:
    """JSON has no way to keep the two halves of a surrogate pair apart; all other text survives."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@given(_VALUES)
def test_any_value_comes_back_with_its_types(value: object) -> None:
    """Whatever a field may hold; the text is UTF-8 and free of NUL, as every database wants it."""
    text = codec.dump_value(value)
    text.encode()
    assert "\x00" not in text
    back = codec.load_value(text, "a value")
    assert repr(_typed(back)) == repr(_typed(codec.unpack(json.loads(json.dumps(codec.pack(value))))))
    if _joined(repr(value)) == repr(value):
        assert codec.dump_value(back) == text


@pytest.mark.parametrize("name", list(CUSTOM_VALUES))
def test_a_custom_value_comes_back(name: str) -> None:
    """One by one, so a failure names the type."""
    value = CUSTOM_VALUES[name]
    back = codec.load_value(codec.dump_value(value), "a value")
    assert _typed(back) == _typed(value)


def test_a_float_that_is_no_number_comes_back() -> None:
    """NaN is not equal to itself, so it has its own test."""
    assert str(codec.load_value(codec.dump_value([float("nan")]), "x")) == "[nan]"


@pytest.mark.parametrize(
    ("dump", "load", "sample"),
    [
        (codec.dump_ticket, codec.load_ticket, FULL_TICKET),
        (codec.dump_ticket, codec.load_ticket, Ticket(id="1")),
        (codec.dump_memory, codec.load_memory, FULL_MEMORY),
        (codec.dump_memory, codec.load_memory, Memory()),
        (codec.dump_action, codec.load_action, FULL_ACTION),
        (codec.dump_action, codec.load_action, MINIMAL_ACTION),
    ],
)
def test_dataclasses_come_back_equal_and_typed(dump: object, load: object, sample: object) -> None:
    """Equal, and each field of the same type: a tuple stays a tuple."""
    back = load(dump(sample))  # type: ignore[operator]
    assert back == sample
    for one in fields(sample):  # type: ignore[arg-type]
        held = getattr(sample, one.name)
        if not isinstance(held, datetime) and held is not one.default:
            assert type(getattr(back, one.name)) is type(held), one.name


def test_defaults_cost_nothing() -> None:
    """Only what is set is written."""
    assert codec.dump_memory(Memory()) == "{}"
    assert codec.dump_ticket(Ticket(id="7", status="open")) == '{"id":"7","status":"open"}'
    assert codec.dump_ticket(Ticket(id="7", subject="")) == '{"id":"7","subject":""}'


def test_instants_are_utc_text_of_one_width() -> None:
    """27 characters, whatever zone they came in; the instant is the same."""
    local = datetime(2026, 7, 1, 0, 30, tzinfo=ZoneInfo("America/Mexico_City"))
    assert codec.instant_text(local) == "2026-07-01T06:30:00.000000Z"
    assert codec.instant(codec.instant_text(local)) == local
    assert codec.instant("2026-07-01T00:30:00-06:00").tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(timezone(timedelta(hours=5)))))
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    """So an index on text is an index on time."""
    try:
        texts = codec.instant_text(one), codec.instant_text(other)
    except OverflowError:  # before year 1 in UTC
        return
    assert {len(text) for text in texts} == {27}
    assert (texts[0] < texts[1]) == (one < other)


@pytest.mark.parametrize("wrong", [datetime(2026, 1, 1), "2026-01-01T00:00:00"])
def test_a_time_without_zone_is_refused(wrong: datetime | str) -> None:
    """Its instant is not known: guessing would move a deadline."""
    with pytest.raises(ValueError, match="no time zone"):
        codec.instant_text(wrong) if isinstance(wrong, datetime) else codec.instant(wrong)


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[]", "null", "{}", '{"id":"1","newer":1}', '{"id":"1","created_at":"yesterday"}',
     '{"id":"1","custom":{"a":{"$newer":1}}}', '{"id":"1","created_at":"2026-01-01T00:00:00"}'],
)  # fmt: skip
def test_a_damaged_ticket_is_named_not_guessed(text: str) -> None:
    """A field or a tag of a newer version is an error too: dropping it would lose it at the next write."""
    with pytest.raises(DamagedRow, match="ticket 7 of mx in the state database is not readable"):
        codec.load_ticket(text, "ticket 7 of mx")


def test_a_type_nobody_can_read_back_is_refused_when_written() -> None:
    """Not when it is needed."""
    with pytest.raises(TypeError, match="object can't be stored"):
        codec.dump_value({"a": object()})


def test_subclasses_of_plain_types_are_stored_as_what_they_stand_for() -> None:
    """An enum word, or a text that knows its line in a file."""

    class Word(StrEnum):
        OPEN = "open"

    class Located(str):
        __slots__ = ("line",)

    assert codec.dump_value([Word.OPEN, Located("x")]) == '["open","x"]'


def test_canonical_json_is_one_text_for_one_value() -> None:
    """Sorted keys, no spaces, characters as they are, lone surrogates escaped."""
    assert codec.canonical_json({"b": [1, True, None], "a": "ñ\n\ud800"}) == '{"a":"ñ\\n\\ud800","b":[1,true,null]}'
    with pytest.raises(ValueError):
        codec.canonical_json(float("nan"))


@given(_VALUES)
def test_anything_made_jsonable_hashes_the_same_for_ever(value: object) -> None:
    """What is read back from the audit must give the text that was hashed."""
    plain = codec.jsonable({"value": value})
    text = codec.canonical_json(plain)
    assert codec.canonical_json(json.loads(text)) == text
    assert codec.jsonable(plain) == plain


def test_jsonable_writes_evidence_people_can_read() -> None:
    """Instants in UTC, sets sorted, the rest as text."""
    value = {"at": datetime(2026, 1, 1, tzinfo=UTC), "set": {"b", "a"}, "day": date(2026, 1, 1), 3: (1, float("inf"))}
    assert codec.jsonable(value) == {
        "at": "2026-01-01T00:00:00.000000Z", "set": ["a", "b"], "day": "2026-01-01", "3": [1, "inf"],
    }  # fmt: skip


def test_every_field_has_a_codec() -> None:
    """A new field of another type must get one before it can be lost."""
    for class_ in (Ticket, Memory, Action):
        assert len(codec._table(class_)) == len(fields(class_))
