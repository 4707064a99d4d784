"""No text whatever makes the loader raise, hang, or accept half a pack."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.mapping.load import load_pack, load_texts
from connector.mapping.problems import render
from connector.mapping.registry import rule_kinds

PACK = """\
pack: {name: demo, title: Demo, language: es, timezone: America/Mexico_City}
calendars:
  mx:
    hours: {mon-fri: ["09:00-18:00"], sat: ["22:00-02:00"]}
    exceptions: {"2026-12-24": ["09:00-13:00"]}
people:
  supervisora: {agent: "Laura Núñez", email: laura@example.com, ids: {freshdesk: "9001"}}
  supervision: {group: Supervisión}
phrases:
  regulador: &r [profeco, procuraduría federal del consumidor]
  todo: *r
texts:
  nota: |
    Caso de #CUSTOMER#
    {% if agent %}por {{ agent | upper }}{% endif %}
situations:
  - {id: no-parts, title: Sin piezas, detect: {any_phrase: [sin piezas], age: 3 business days}}
priority:
  - name: amenaza
    when: {any_phrase: regulador, not: {status: closed}, age: {over: 1h, under: 10d}, custom.n: {at_least: 2}}
    priority: urgent
keepalive:
  - {name: semanal, situations: [no-parts], follow_up: {after: 7d, every: 7d}, cap: 8}
matrix:
  - name: general
    levels:
      - {after: 24h, assign: supervision, notify: [supervisora], note: nota}
sla:
  - name: standard
    first_response: {urgent: 1h, high: 4h, normal: 8h, low: 24h}
    resolution: {urgent: 8h, high: 24h, normal: 3d, low: 5d}
    remind: {before: 30 min, notify: assignee}
    breach: {notify: [assignee, supervisora], priority: high}
assignment:
  - name: billing
    when: {any_phrase: [invoice, payment]}
    candidates: [supervisora]
    by: first
    fallback: supervision
root_cause:
  - {name: carga, cause: overloaded_agent, load: {times_peers: 1.5, least: 10}, field: custom.causa, label: [Carga]}
  - {name: equipo, cause: waiting_on_team, when: {tags: espera}, team: supervision, hand_over: true, note: nota}
  - {name: promesa, cause: promise_broken, promise: broken, sla: broken}
repeat:
  - name: insistence
    when: {any_phrase: [still no answer, second time I ask]}
    window: 180d
    follow_up:
      when: {type: Answer overdue}
    deadline: {field: due_by, after: 10 business days}
    table:
      - if: {first: answered}
        tell: "Read the answer of request #FIRST# to the customer."
      - if: {first: unanswered, first_deadline: within}
        tell: "Request #FIRST# is answered by #DEADLINE#."
      - if: {first: unanswered, first_deadline: overdue, follow_up: none}
        create:
          kind: overdue
          subject: "Answer overdue: #FIRST#"
          body: "#REQUESTER# insists on request #FIRST#."
          type: Answer overdue
      - if: {first: unanswered, first_deadline: overdue, follow_up: [unanswered, answered]}
        escalate: {notify: supervisora}
typify:
  - name: collection of a debt
    when: {any_phrase: [that debt is not mine]}
    set: {type: Complaint, category: Collection}
    group: supervision
    priority: high
    channels: {in_person: email}
vocabulary:
  - name: never said
    never: [there is no supervisor, nothing else can be done]
"""
_WORDS = st.sampled_from([
    "pack", "when", "priority", "name", "any", "all", "not", "age", "under", "3 business days", "72h", "x", "*r", "&r ",
    "~", "[]", "{}", "- ", ": ", "\n", "  ", "#", "'", '"', "|\n", ">",
    "<<: ", "!!int ", "---\n", "%", "@", "\t", "\x00",
    "#CUSTOMER#", "{{ agent }}", "{% if", "}}", "{{ 9**9**9 }}", "9" * 5000, "0x" + "f" * 400, "1e999", "-.inf", ".nan",
    "09:00-18:00", "2026-02-30", "Europe/Rome", "../../etc/passwd", "\ud800", "\ufeff", "\u2028", "\x85", "custom.",
])  # fmt: skip


def _is_sound(texts: dict[str, str]) -> None:
    result = load_texts(texts, "packs/demo")
    errors = [problem for problem in result.problems if not problem.is_warning]
    assert (result.policy is None) == bool(errors)
    assert render(result.problems) or result.policy is not None
    json.dumps([problem.as_json() for problem in result.problems])
    for problem in errors:
        assert problem.line >= 0
        assert problem.line == 0 or problem.col >= 1


def test_the_pack_that_is_mutated_is_valid() -> None:
    """The mutations below start from a pack without problems that uses every kind of value."""
    result = load_texts({"a.yaml": PACK})
    assert render(result.problems) == ""
    assert result.policy is not None
    assert set(rule_kinds()) <= {line.split(":")[0] for line in PACK.splitlines()}


@given(st.text(max_size=400))
@example("{{{{{{")
@example("? ? ? ?")
@example("- " * 500)
@example("[" * 5000)
@example("a: &a [*a, *a]")
@example("\ufeffpack: {name: x}")
@settings(max_examples=100, deadline=None)
def test_any_text(text: str) -> None:
    """Arbitrary text gives a policy or problems, never an exception."""
    _is_sound({"a.yaml": text})


@given(st.lists(_WORDS | st.text(max_size=8), max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_words_of_the_language(words: list[str]) -> None:
    """Pieces of the language in any order give a policy or problems."""
    _is_sound({"a.yaml": "pack: {name: x}\n" + "".join(words), "b.yaml": "".join(reversed(words))})


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_mutation_of_a_valid_pack(data: st.DataObject) -> None:
    """A valid pack with pieces replaced, doubled or cut gives a policy or problems."""
    text = PACK
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 30)))
        text = text[:start] + data.draw(_WORDS | st.text(max_size=5) | st.just(text[start:end] * 2)) + text[end:]
    _is_sound({"a.yaml": text})


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_value_in_any_place(data: st.DataObject) -> None:
    """A value of any type in the place of any other gives problems, never an exception."""
    lines = PACK.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[number].partition(": ")
    value = data.draw(
        st.sampled_from(["", "~", "true", "7", "1.5", "[]", "{}", "[[]]", "{a: b}", "x", "''", "[~, {}, 1]"])
    )
    lines[number] = f"{key}{colon or ': '}{value}"
    _is_sound({"a.yaml": "\n".join(lines)})


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes_in_a_file(tmp_path_factory: object, raw: bytes) -> None:
    """Arbitrary bytes in a file give problems, never an exception."""
    folder = Path(str(tmp_path_factory.mktemp("pack")))  # type: ignore[attr-defined]
    (folder / "a.yaml").write_bytes(b"pack: {name: x}\n" + raw)
    (folder / "b.yaml").write_bytes(raw)
    result = load_pack(folder)
    assert (result.policy is None) == any(not problem.is_warning for problem in result.problems)


@given(st.sampled_from(["{{ ", "{% if ", "#", "("]), st.text(max_size=120))
@settings(max_examples=100, deadline=None)
def test_any_text_template(start: str, text: str) -> None:
    """No text of a pack can make compiling it raise."""
    body = json.dumps(start + text + "{{ customer }}")
    _is_sound({"a.yaml": "pack: {name: x}\ntexts:\n  t: " + body})
