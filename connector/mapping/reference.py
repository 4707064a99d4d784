"""The reference of the mapping language as Markdown, made from the declarations; a test keeps the docs equal to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from connector.core import spec
from connector.core.conditions import OPERATORS
from connector.core.model import CHANNELS, PRIORITIES, STATUSES
from connector.mapping.declared import CALENDAR, HELPDESK, PACK, PERSON, ROTA, RULE, TOP
from connector.mapping.problems import CODES
from connector.mapping.registry import name_field, rule_kinds
from connector.mapping.templates import PLACEHOLDERS

BEGIN = "<!-- reference: begin (made by connector.mapping.reference; edit the declarations instead) -->"
END = "<!-- reference: end -->"


def reference() -> str:
    """The whole reference: top-level keys, conditions, rule kinds, helpdesk maps, placeholders, messages."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    kinds = rule_kinds()
    yield "### Top-level keys"
    yield from _table(("key", "what it holds"), ((f"`{key}`", doc) for key, doc in TOP.items()))
    yield from _table(("list of rules", "what they do"), ((f"`{key}`", kind.doc) for key, kind in kinds.items()))
    yield "### Conditions (`when:`)"
    rows = ((f"`{name}`", one.doc, f"`{one.example}`", _words(one.type)) for name, one in OPERATORS.items())
    yield from _table(("key", "holds where", "example", "value"), rows)
    for title, fields in (
        ("`pack:`", PACK),
        ("`calendars:`, each", CALENDAR),
        ("`people:`, each", PERSON),
        ("`rotas:`, each", ROTA),
        ("Helpdesk map (a file with `helpdesk:`)", HELPDESK),
    ):
        yield f"### {title}"
        yield from _field_table(fields)
    for key, kind in kinds.items():
        named = name_field(kind)
        yield f"### `{key}:`, each rule"
        yield kind.doc
        yield ""
        common = tuple(spec.Field(named, f.type, f.doc, required=True) if f.name == "name" else f for f in RULE)
        yield from _field_table((*common, *kind.fields))
        yield "```yaml"
        yield kind.example.rstrip()
        yield "```"
        yield ""
    yield "### Words"
    words = (("status", STATUSES), ("priority", PRIORITIES), ("channel", CHANNELS))
    yield from _table(
        ("field", "its words"), ((f"`{name}`", ", ".join(f"`{w}`" for w in some)) for name, some in words)
    )
    yield "### Placeholders of texts"
    rows3 = ((f"`#{sign}#`", f"`{{{{ {value} }}}}`", doc) for sign, (value, doc) in PLACEHOLDERS.items())
    yield from _table(("placeholder", "in conditions and filters", "stands for"), rows3)
    yield "### Messages"
    yield from _table(("code", "what is wrong"), ((f"`{code}`", words) for code, words in CODES.items()))


def _field_table(fields: Iterable[spec.Field]) -> Iterator[str]:
    yield from _table(("field", "meaning", "value", "default"), _field_rows(fields, ""))


def _field_rows(fields: Iterable[spec.Field], prefix: str) -> Iterator[tuple[str, ...]]:
    for one in fields:
        default = "**required**" if one.required else _default(one.default)
        yield f"`{prefix}{one.name}`", one.doc, _words(one.type), default
        inner: Any = one.type
        while isinstance(inner, spec.Many):
            inner = inner.of
        if isinstance(inner, spec.Record):
            yield from _field_rows(inner.fields, f"{prefix}{one.name}.")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield ""
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def _default(value: Any) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        return ", ".join(f"`{name}: {getattr(one, 'text', one)}`" for name, one in value.items())
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{getattr(value, 'text', value)}`"


def _name(of: spec.Name) -> str:
    people = {"person": "people", "assignee": "people", "agent": "people", "group": "people"}
    place = {**people, "assignment": "assignment", "matrix": "matrix"}.get(of.of, f"{of.of}s")
    words = "".join(f", or `{word}`" for word in of.words)
    inline = ", or the text itself" if of.of == "text" else ""
    return f"name under `{place}:`{words}{inline}"


_WORDS: dict[type[Any], Callable[[Any], str]] = {
    spec.Text: lambda _: "text",
    spec.Word: lambda of: ", ".join(f"`{word}`" for word in of.words) if len(of.words) < 7 else "one of its words",
    spec.Flag: lambda _: "`true` or `false`",
    spec.Count: lambda of: "whole number" + (" or `unlimited`" if of.unlimited else ""),
    spec.Number: lambda _: "number",
    spec.Scalar: lambda _: "text, number, `true` or `false`",
    spec.FieldName: lambda _: "ticket field or `custom.X`",
    spec.Shaped: lambda of: {
        "hours": '`"09:00-18:00"`',
        "day": "date",
        "date": "date",
        "dates": "date, or first/last",
    }.get(of.shape, of.shape),
    spec.Duration: lambda of: "time" + ("" if of.business else " (not business time)"),
    spec.When: lambda _: "condition",
    spec.Phrases: lambda _: "phrase, list of phrases, or name of a list",
    spec.Name: _name,
    spec.Many: lambda of: f"{_words(of.of)}, or a list",
    spec.Record: lambda of: "mapping of " + ", ".join(f"`{one.name}`" for one in of.fields),
    spec.Table: lambda of: f"mapping to {_words(of.of)}",
    spec.Either: lambda of: f"{_words(of.plain)}; or {_words(of.record)}",
}


def _words(of: spec.FieldType) -> str:
    return _WORDS[type(of)](of)
