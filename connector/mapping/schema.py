"""The JSON Schema (2020-12) of a pack's files, for editors; made from the same declarations as the loader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from connector.core import spec
from connector.core.conditions import OPERATORS
from connector.mapping.declared import CALENDAR, HELPDESK, PACK, PERSON, ROTA, RULE, TOP
from connector.mapping.parse import FIELD_NAMES
from connector.mapping.registry import name_field, rule_kinds
from connector.mapping.shapes import SHAPES

_Schema = dict[str, Any]
_SCALAR: _Schema = {"type": ["string", "number", "boolean"]}
_CUSTOM = r"^custom\.\S.*$"


def json_schema() -> dict[str, Any]:
    """The schema of one file of a pack: either a helpdesk's map (it has `helpdesk:`), or anything else."""
    top: dict[str, _Schema] = {
        "pack": _fields(PACK),
        "calendars": {"type": "object", "additionalProperties": _fields(CALENDAR)},
        "people": {"type": "object", "additionalProperties": _person()},
        "rotas": {"type": "object", "additionalProperties": _fields(ROTA)},
        "phrases": {"type": "object", "additionalProperties": {"$ref": "#/$defs/phrases"}},
        "texts": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
    }
    for key, doc in TOP.items():
        top[key] = {"anyOf": [top[key], {"type": "null"}], "description": doc}
    for key, kind in rule_kinds().items():
        named = name_field(kind)
        common = tuple(spec.Field(named, f.type, f.doc, required=True) if f.name == "name" else f for f in RULE)
        rules: _Schema = {"type": ["array", "null"], "items": _fields((*common, *kind.fields))}
        top[key] = {**rules, "description": kind.doc}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A file of an Escalera pack",
        "if": {"type": "object", "required": ["helpdesk"]},
        "then": {"$ref": "#/$defs/helpdesk"},
        "else": {"type": ["object", "null"], "properties": top, "additionalProperties": False},
        "$defs": {
            "helpdesk": _fields(HELPDESK),
            "when": _when(),
            "phrases": _one_or_list(_SCALAR, 1),
        },
    }


def _when() -> _Schema:
    properties = {
        name: {**_type(one.type), "description": one.doc} for name, one in OPERATORS.items() if name != "custom.X"
    }
    custom = OPERATORS["custom.X"]
    return {
        "type": "object",
        "properties": properties,
        "patternProperties": {_CUSTOM: {**_type(custom.type), "description": custom.doc}},
        "additionalProperties": False,
        "minProperties": 1,
    }


def _person() -> _Schema:
    one_of = [{"required": [kind]} for kind in ("agent", "group", "address")]
    return {**_fields(PERSON), "oneOf": one_of}


def _fields(fields: Iterable[spec.Field]) -> _Schema:
    listed = tuple(fields)
    properties: _Schema = {}
    for one in listed:
        schema = _type(one.type)
        if not one.required:
            schema = {"anyOf": [schema, {"type": "null"}]}
        properties[one.name] = {**schema, "description": one.doc}
        if isinstance(one.default, (str, int, bool)):
            properties[one.name]["default"] = one.default
    required = [one.name for one in listed if one.required]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _one_or_list(schema: _Schema, least: int) -> _Schema:
    return {"anyOf": [schema, {"type": "array", "items": schema, "minItems": least}]}


def _count(of: spec.Count) -> _Schema:
    number = {"type": "integer", "minimum": of.least, "maximum": of.most}
    return {"anyOf": [number, {"const": "unlimited"}]} if of.unlimited else number


def _shaped(of: spec.Shaped) -> _Schema:
    pattern = SHAPES[of.shape].pattern
    return {"type": "string", **({"pattern": f"^\\s*(?:{pattern})\\s*$"} if pattern else {})}


def _table(of: spec.Table) -> _Schema:
    schema: _Schema = {"type": "object", "minProperties": 1}
    if of.keys is None:
        return {**schema, "additionalProperties": _type(of.of)}
    schema |= {"properties": {key: _type(of.of) for key in of.keys}, "additionalProperties": False}
    return {**schema, "patternProperties": {_CUSTOM: _type(of.of)}} if of.custom else schema


_SPAN = r"^\s*(?:[0-9.]+\s*(?:business|working)\s*[A-Za-z]+|(?:[0-9.]+\s*[A-Za-z]+\s*)+)$"
_SCHEMAS: dict[type[Any], Callable[[Any], _Schema]] = {
    spec.Text: lambda _: {**_SCALAR, "minLength": 1},
    spec.Word: lambda of: {"enum": list(of.words)},
    spec.Flag: lambda _: {"type": "boolean"},
    spec.Count: _count,
    spec.Number: lambda _: {"type": "number"},
    spec.Scalar: lambda _: _SCALAR,
    spec.FieldName: lambda _: {"anyOf": [{"enum": list(FIELD_NAMES)}, {"type": "string", "pattern": _CUSTOM}]},
    spec.Shaped: _shaped,
    spec.Duration: lambda _: {"type": "string", "pattern": _SPAN},
    spec.When: lambda _: {"$ref": "#/$defs/when"},
    spec.Phrases: lambda _: {"$ref": "#/$defs/phrases"},
    spec.Name: lambda _: {"type": "string", "minLength": 1},
    spec.Many: lambda of: _one_or_list(_type(of.of), of.least),
    spec.Record: lambda of: _fields(of.fields),
    spec.Table: _table,
    spec.Either: lambda of: {"anyOf": [_type(of.plain), _type(of.record)]},
}


def _type(of: spec.FieldType) -> _Schema:
    return dict(_SCHEMAS[type(of)](of))
