"""Whatever is written, the chain verifies; whatever is changed, it does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector import audit
from connector.store import AuditEvent, open_store

_TEXTS = st.text(alphabet=st.characters(), max_size=8)
_NAMES = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8)
_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), _TEXTS, st.datetimes(timezones=st.just(UTC)), st.dates(),
    st.decimals(),
)  # fmt: skip
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3), max_leaves=6
)
_WRITTEN = st.lists(
    st.tuples(
        _NAMES,
        st.datetimes(timezones=st.just(UTC)),
        _NAMES,
        st.dictionaries(_TEXTS, _VALUES, max_size=3),
        st.none() | _NAMES,
    ),
    min_size=1,
    max_size=6,
)
Written = list[tuple[str, datetime, str, dict[str, Any], str | None]]


def _chain(written: Written) -> list[AuditEvent]:
    store = open_store(":memory:")
    with store.transaction():
        appended = [store.append_audit(a, at, kind, body, ticket=t) for a, at, kind, body, t in written]
    assert list(store.audit()) == appended
    assert audit.verify(store).ok
    store.close()
    return appended


@given(_WRITTEN)
def test_every_chain_verifies_after_a_journey_through_a_file(written: Written) -> None:
    """Any body, in any language, with lone surrogates and control characters."""
    events = _chain(written)
    exported = "".join(audit.export_jsonl(events)).encode().decode()
    result = audit.verify(exported.split("\n"))
    assert (result.flaw, result.checked) == (None, len(events))
    assert "".join(audit.export_csv(events)).encode().startswith(b"seq,at,account")


@given(_WRITTEN, st.data())
@settings(max_examples=60)
def test_any_change_removal_swap_or_cut_is_found(written: Written, data: st.DataObject) -> None:
    """Against the head kept elsewhere nothing goes unnoticed, and nothing before the flaw is blamed."""
    events = _chain(written)
    head = audit.Head(events[-1].seq, events[-1].hash)
    lines = [line.rstrip("\n") for line in audit.export_jsonl(events)]
    place = data.draw(st.integers(0, len(lines) - 1))
    way = data.draw(st.sampled_from(["change", "remove", "swap", "cut", "double"]))
    tampered = list(lines)
    if way == "change":
        held = json.loads(lines[place])
        key = data.draw(st.sampled_from(sorted(held)))
        held[key] = data.draw(_LEAVES.filter(lambda new: type(new) in {str, int, type(None)} and new != held[key]))
        tampered[place] = audit.canonical_json(held)
    elif way == "remove":
        del tampered[place]
    elif way == "swap":
        other = data.draw(st.integers(0, len(lines) - 1))
        tampered[place], tampered[other] = tampered[other], tampered[place]
        place = min(place, other)
    elif way == "cut":
        del tampered[place:]
    else:
        tampered.insert(place, tampered[place])
        place += 1
    result = audit.verify(tampered, head=head)
    if tampered == lines:
        assert result.ok
    else:
        assert not result.ok
        assert result.seq == place + 1
        assert result.head.seq == place


@given(st.lists(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")), max_size=5))
def test_no_text_whatever_makes_verify_raise(lines: list[str]) -> None:
    """An auditor gets a sentence."""
    result = audit.verify(lines)
    assert result.ok == all(not line.strip() for line in lines)
