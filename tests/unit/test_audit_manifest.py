"""Exports for auditors: what the manifest says, what its check finds, and what it can't."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector import audit
from connector.audit.manifest import write_export
from connector.audit.manifest_check import check_manifest
from connector.audit.sign import Signer, Standing
from connector.store import Store, open_store
from tests.contract.store_samples import at
from tests.unit.commands.conftest import Answer, call

__all__ = ["call"]

KEY = "3c" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Twelve events of two accounts, one erased, signed."""
    one = open_store(tmp_path / "state.db")
    with one.transaction():
        one.append_audit("mx", at(0), "policy", {"policy": "p" * 64})
        for number in range(1, 11):
            account, kind = "cl" if number % 2 else "mx", "outcome" if number % 3 else "plan_held"
            one.append_audit(account, at(number), kind, {"n": number, "who": "=José"}, ticket=str(number % 4))
        one.redact_audit("mx", at(11), [4], {"by": "dpo", "reason": "request 17"})
        Signer(lambda: KEY).sign(one, at(12))
    yield one
    one.close()


def _export(store: Store, out: Path, key: str | None = KEY, **wanted: Any) -> dict[str, Any]:
    out.mkdir(exist_ok=True)
    return write_export(store, audit.Filter(**wanted), out, at=at(20), key=key)


def test_the_manifest_says_what_the_export_holds(store: Store, tmp_path: Path) -> None:
    """Account, filter, first and last, counts, head, signature, digests; files for their owner alone."""
    out = tmp_path / "evidence"
    made = _export(store, out)
    assert sorted(path.name for path in out.iterdir()) == ["audit.csv", "audit.jsonl", "manifest.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}
    assert json.loads((out / "manifest.json").read_text("utf-8")) == made
    shown = {
        name: made[name] for name in ("events", "redacted", "first_seq", "last_seq", "accounts", "policies", "whole")
    }
    assert shown == {
        "events": 12, "redacted": 1, "first_seq": 1, "last_seq": 12, "accounts": ["cl", "mx"],
        "policies": ["p" * 64], "whole": True,
    }  # fmt: skip
    assert (made["from"], made["to"]) == ("2026-01-05T09:30:00.000000Z", "2026-01-05T09:41:00.000000Z")
    assert made["head"] == str(audit.Head(*store.audit_head()))
    assert made["signature"]["seq"] == 12
    assert KEY not in json.dumps(made)
    found = check_manifest(out / "manifest.json", KEY)
    assert (found.ok, found.events, found.notes) == (True, 12, [])
    assert found.signed is not None
    assert found.signed.standing is Standing.SIGNED
    without = check_manifest(out / "manifest.json", None)
    assert (without.ok, without.signed.standing if without.signed else None) == (True, Standing.UNCHECKED)


@pytest.mark.parametrize(
    "wanted",
    [
        {"account": "cl"}, {"kinds": ("plan_held",)}, {"since": at(3), "until": at(7)}, {"ticket": "2"},
        {"account": "mx", "kinds": ("outcome",), "limit": 2}, {"account": "nobody"}, {"after_seq": 10},
    ],
)  # fmt: skip
def test_a_filtered_export_proves_its_events_and_their_places(
    store: Store, tmp_path: Path, wanted: dict[str, Any]
) -> None:
    """By the chain without bodies beside it, which tells nothing of the other events' tickets."""
    out = tmp_path / "evidence"
    made = _export(store, out, **wanted)
    found = check_manifest(out / "manifest.json", KEY)
    assert (found.problems, found.events) == ([], made["events"])
    assert bool(found.notes) == bool({"ticket", "limit"} & set(wanted))
    links = (out / "chain.jsonl").read_text("utf-8")
    assert links.count("\n") == 12
    assert "José" not in links
    assert '"ticket"' not in links


def _lines(out: Path, name: str, change: Callable[[list[str]], None], *, sums: bool) -> None:
    """Change a file's lines; `sums`: and its SHA-256 in the manifest, as someone who takes trouble would."""
    import hashlib

    path = out / name
    lines = path.read_text("utf-8").splitlines(keepends=True)
    change(lines)
    path.write_text("".join(lines), "utf-8")
    if sums:
        body = json.loads((out / "manifest.json").read_text("utf-8"))
        raw = path.read_bytes()
        body["files"][name] |= {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
        body["seal"] = None
        (out / "manifest.json").write_text(json.dumps(body), "utf-8")


def _swap(lines: list[str]) -> None:
    lines[0], lines[1] = lines[1], lines[0]


_CHANGES: list[Callable[[list[str]], None]] = [
    lambda lines: lines.__delitem__(1),
    lambda lines: lines.__delitem__(-1),
    lambda lines: lines.append(lines[0]),
    lambda lines: lines.__setitem__(0, lines[0].replace("outcome", "outcomf").replace("policy", "polity")),
    lambda lines: lines.__setitem__(0, "not json\n"),
    lambda lines: lines.clear(),
    _swap,
]


@pytest.mark.parametrize("sums", [False, True])
@pytest.mark.parametrize("change", range(len(_CHANGES)))
@pytest.mark.parametrize(("wanted", "name"), [({}, "audit.jsonl"), ({"account": "cl"}, "audit.jsonl"),
                                              ({"account": "cl"}, "chain.jsonl")])  # fmt: skip
def test_a_changed_export_is_found(
    store: Store, tmp_path: Path, wanted: dict[str, Any], name: str, change: int, sums: bool
) -> None:
    """By its SHA-256, and where that was mended too, by the chain."""
    out = tmp_path / "evidence"
    _export(store, out, **wanted)
    _lines(out, name, _CHANGES[change], sums=sums)
    found = check_manifest(out / "manifest.json", KEY)
    assert not found.ok
    assert found.problems


@pytest.mark.parametrize(
    "change",
    [
        {"events": 11}, {"head": f"12:{'0' * 64}"}, {"anchor": f"1:{'0' * 64}"}, {"policies": []}, {"accounts": ["mx"]},
        {"made_at": "2020"}, {"whole": False}, {"from": None}, {"signature": None},
    ],
)  # fmt: skip
def test_a_changed_manifest_is_found_by_whoever_has_the_key(
    store: Store, tmp_path: Path, change: dict[str, Any]
) -> None:
    """It is sealed; without a key the sums and the chain still hold what they hold."""
    out = tmp_path / "evidence"
    _export(store, out)
    path = out / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    assert not check_manifest(path, KEY).ok


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "{" * 5000, '{"files": {"../x": {}}}', "null", "x" * 2_000_000, '{"filter": 3}']
)
def test_what_is_no_manifest_gets_a_sentence(tmp_path: Path, text: str) -> None:
    """Never a traceback."""
    path = tmp_path / "manifest.json"
    path.write_text(text)
    found = check_manifest(path, None)
    assert (found.ok, len(found.problems)) == (False, 1)
    assert not check_manifest(tmp_path / "none.json", None).ok


def test_a_pruned_chain_is_exported_and_checked_from_its_anchor(store: Store, tmp_path: Path) -> None:
    """Whole and filtered."""
    with store.transaction():
        assert store.prune_audit("mx", at(30), at(4)) == 4
    for number, wanted in enumerate(({}, {"account": "cl"})):
        out = tmp_path / f"evidence{number}"
        _export(store, out, **wanted)
        assert check_manifest(out / "manifest.json", KEY).problems == []


def test_the_verb_writes_and_checks(
    store: Store, call: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into a file or a folder; 0 holds, 1 wrong, 4 where the signature can't be checked."""
    config = tmp_path / "config.toml"
    config.write_text('[[accounts]]\nname = "mx"\nhelpdesk = "freshdesk"\nurl = "https://x.example"\nmappings = "m"\n')
    monkeypatch.setenv("ESCALERA_AUDIT_KEY", KEY)
    base = ("--config", str(config))
    assert call("audit", "export", *base, "--out", str(tmp_path / "all")).code == 0
    answer = call("audit", "export", *base, "--account", "mx", "--out", str(tmp_path / "mx.csv"), "--format", "csv")
    assert (answer.code, "wrote 7 events: mx.csv" in answer.out) == (0, True)
    whole, table = tmp_path / "all" / "manifest.json", tmp_path / "mx.csv.manifest.json"
    answer = call("audit", "verify", "--manifest", str(whole))
    assert (answer.code, "the export holds: 12 events" in answer.out) == (0, True)
    answer = call("audit", "verify", "--manifest", str(table), "--format", "json")
    assert (answer.code, answer.json["ok"], answer.json["notes"]) == (
        0, True, ["only the CSV's SHA-256 was checked: the chain is checked on lines of JSON"],
    )  # fmt: skip
    assert call("audit", "verify", "--manifest", str(whole), "--head", f"12:{'0' * 64}").code == 1
    monkeypatch.delenv("ESCALERA_AUDIT_KEY")
    assert call("audit", "verify", "--manifest", str(whole)).code == 4
    (tmp_path / "mx.csv").write_text("seq\n")
    assert call("audit", "verify", "--manifest", str(table)).code == 1
    assert call("audit", "export", *base, "--out", str(tmp_path / "no" / "such" / "x.jsonl")).code == 64
