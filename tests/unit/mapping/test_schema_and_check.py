"""The schema for editors agrees with the loader; lint warns; plug-ins are found and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from connector.core.rules import priority
from connector.core.spec import RuleKind
from connector.errors import ConfigurationError
from connector.helpdesks.base import Directory
from connector.mapping import registry
from connector.mapping.check import check
from connector.mapping.load import load_texts
from connector.mapping.nodes import Node, compose
from connector.mapping.schema import json_schema
from tests.property.test_mapping_fuzz import PACK
from tests.unit.mapping.test_load import MAP

ROOT = Path(__file__).parents[3]
SAMPLES = sorted(path for path in (ROOT / "mappings").rglob("*.yaml") if "cases" not in path.parts)


def plain(node: Node) -> Any:
    """A tree as JSON-like values."""
    if node.kind == "map":
        return {key.text: plain(value) for key, value in node.items}
    return [plain(child) for child in node.children] if node.kind == "list" else node.value


def _errors(text: str) -> list[str]:
    root, problems = compose(text, "a.yaml")
    assert problems == []
    assert root is not None
    validator = jsonschema.Draft202012Validator(json_schema())
    return [f"{error.json_path}: {error.message[:120]}" for error in validator.iter_errors(plain(root))]


def test_schema_is_a_schema() -> None:
    """It is valid by the 2020-12 meta-schema."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("text", [PACK, MAP], ids=["pack", "map"])
def test_valid_files_satisfy_the_schema(text: str) -> None:
    """What the loader takes, the schema takes."""
    assert _errors(text) == []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sample_packs_satisfy_the_schema(path: Path) -> None:
    """The files of the packs that ship have no error in an editor."""
    assert _errors(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (PACK, "    priority: urgent", "    prioritty: urgent"),
        (PACK, "when: {any_phrase", "when: {any_phrse"),
        (PACK, "priority:\n", "prioridad:\n"),
        (PACK, "urgent", "critical"),
        (PACK, "over: 1h", "ovr: 1h"),
        (PACK, "after: 7d, every", "aftr: 7d, every"),
        (PACK, "cap: 8", "cap: many"),
        (PACK, "cap: 8", "cap: -1"),
        (PACK, "{after: 24h", "{after: 24"),
        (PACK, '"09:00-18:00"', '"9 to 5"'),
        (PACK, "{group: Supervisión}", "{grup: Supervisión}"),
        (PACK, "{group: Supervisión}", "{group: Supervisión, agent: Ana}"),
        (PACK, "- name: amenaza\n    when", "- when"),
        (MAP, "in_process:", "in_progress:"),
        (MAP, "custom.serie: cf", "serie: cf"),
        (MAP, "dates: mdy", "dates: ymd"),
        (MAP, "allow_notifying_status: true", "allow_notifying: true"),
    ],
)
def test_mistakes_fail_in_both(text: str, old: str, new: str) -> None:
    """Unknown keys and wrong values fail the schema as they fail the loader."""
    wrong = text.replace(old, new, 1)
    assert wrong != text
    assert _errors(wrong)
    other = PACK if text == MAP else MAP
    assert load_texts({"a.yaml": wrong, "b.yaml": other}).policy is None


def _objects(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for one in schema for found in _objects(one)]
    if not isinstance(schema, dict):
        return []
    inner = [found for one in schema.values() for found in _objects(one)]
    return [schema, *inner] if isinstance(schema.get("properties"), dict) else inner


def test_every_object_is_closed_and_every_field_explained() -> None:
    """No mapping with declared fields takes others, and each declared field of a record has its sentence."""
    objects = _objects(json_schema())
    assert len(objects) > 10
    for one in objects:
        assert one["additionalProperties"] is False
    when = json_schema()["$defs"]["when"]
    assert all(one["description"].endswith(".") for one in when["properties"].values())
    for kind in registry.rule_kinds().values():
        assert kind.doc
        assert kind.example
        assert all(field.doc.endswith(".") for field in kind.fields)


def test_check_warns_of_what_is_never_used(tmp_path: Path) -> None:
    """Unused people, texts and phrase lists are warnings at their place; the pack is still good."""
    (tmp_path / "a.yaml").write_text(
        "pack: {name: x}\npeople: {a: {agent: Ana}}\ntexts: {t: hola}\nphrases: {p: [hola]}\n", encoding="utf-8"
    )
    problems = check(tmp_path)
    assert [(problem.code, problem.line) for problem in problems] == [("W104", 2), ("W104", 3), ("W104", 4)]
    assert all(problem.is_warning for problem in problems)


def test_check_is_silent_on_a_used_pack(tmp_path: Path) -> None:
    """Everything used in some rule: no warning."""
    text = PACK.replace("  todo: *r\n", "").replace("custom.n:", "custom.serie:")
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(MAP, encoding="utf-8")
    assert check(tmp_path) == []


def test_check_against_an_account(tmp_path: Path) -> None:
    """People and statuses the account does not know, or knows twice, are warnings with did-you-mean."""
    (tmp_path / "a.yaml").write_text(
        "pack: {name: x}\npeople:\n  a: {agent: Laura Nunes}\n  b: {group: Ventas}\n"
        "  c: {agent: Eva, email: EVA@x.org}\n"
        "  d: {address: out@x.org}\n  e: {agent: Zoe, ids: {freshdesk: '5'}}\n"
        "matrix:\n  - {name: m, levels: [{after: 1d, notify: [a, b, c, d, e]}]}\n",
        encoding="utf-8",
    )
    (tmp_path / "b.yaml").write_text(
        "helpdesk: freshdesk\nstatuses: {open: [2, Abierto], in_process: En procesos, closed: [Cerrado, 5]}\n",
        encoding="utf-8",
    )
    directory = Directory(
        agents={"Laura Núñez": "1"},
        groups={"Ventas": "2"},
        emails={"eva@x.org": "3"},
        statuses={"2": ("Open", "Abierto"), "5": ("Closed",), "6": ("En proceso",)},
        ambiguous=frozenset({"Ventas"}),
    )
    found = check(tmp_path, directory)
    assert [(problem.code, problem.line) for problem in found] == [("W102", 3), ("W103", 4), ("W101", 2)]
    assert found[0].hint == "did you mean 'Laura Núñez'?"
    assert found[2].hint == "did you mean 'En proceso'?"


def test_a_map_without_statuses_is_a_warning(tmp_path: Path) -> None:
    """Without statuses every ticket's status is unknown; that is said."""
    (tmp_path / "a.yaml").write_text("pack: {name: x}\n")
    (tmp_path / "b.yaml").write_text("helpdesk: x\n")
    assert [problem.code for problem in check(tmp_path)] == ["W106"]


class _Point:
    value = "some.package:KIND"

    def __init__(self, name: str, loaded: object) -> None:
        self.name = name
        self._loaded = loaded

    def load(self) -> object:
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretends that packages with these entry points are installed."""

    def install(*points: _Point) -> None:
        monkeypatch.setattr(registry, "entry_points", lambda group: points)
        registry.rule_kinds.cache_clear()

    yield install
    registry.rule_kinds.cache_clear()


def test_a_plug_in_adds_a_kind(plug_in: Any) -> None:
    """A kind from another package is loaded, checked and in the schema like our own."""
    plug_in(_Point("sirena", RuleKind("sirena", "A kind.", priority.FIELDS, priority.KIND.build, "sirena: []\n")))
    text = "pack: {name: x}\nsirena:\n  - {name: a, when: {status: open}, priority: low}\n"
    result = load_texts({"a.yaml": text})
    assert result.policy is not None
    assert [rule.ref.kind for rule in result.policy.rules] == ["sirena"]
    assert _errors(text) == []


@pytest.mark.parametrize("loaded", [ImportError("gone"), object(), priority.KIND])
def test_a_broken_plug_in_is_an_error_with_its_name(plug_in: Any, loaded: object) -> None:
    """One that can't be imported, is no kind, or takes a taken name is reported, not raised, when a pack is loaded."""
    plug_in(_Point("sirena", loaded))
    with pytest.raises(ConfigurationError, match=r"some\.package"):
        registry.rule_kinds()
    assert [problem.code for problem in load_texts({"a.yaml": "pack: {name: x}\n"}).problems] == ["E014"]
