"""The closed vocabulary of the mapping language: which fields a rule kind has, of which type, and what each means.

Rule kinds, conditions and helpdesk maps declare themselves with these values; the loader, the JSON Schema for editors,
the documentation and lint all follow from the declarations, so there is one truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.core.policy import RuleBuilder


@dataclass(frozen=True, slots=True)
class Text:
    """A text; parsed to `str`, never empty. `roster`: a key of the pack's roster of this kind stands for its name."""

    roster: str | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a closed list; parsed to `str`."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """`true` or `false`; parsed to `bool` (`yes`, `no`, `on`, `off` stay words and are refused with a hint)."""


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number; parsed to `int`, or None for `unlimited` where that is allowed."""

    least: int = 0
    most: int = 1_000_000
    unlimited: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A number, whole or not; parsed to `int` or `float`."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, a number or `true`/`false`; parsed to `str`, `int`, `float` or `bool`."""


@dataclass(frozen=True, slots=True)
class FieldName:
    """The name of a ticket field (`model.TEXT_FIELDS`, words, times, `tags`) or `custom.X`; parsed to `str`."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """A text of a certain shape; parsed to `str`.

    `shape` is one of `hours` (`09:00-18:00`), `day` (`2026-12-24` or `12-31`), `date`,
    `dates` (`2026-08-03/2026-08-14`, both included), `timezone`, `email`.
    """

    shape: str


@dataclass(frozen=True, slots=True)
class Duration:
    """`72h`, `14d`, `30 min`, `5 business days`, `8 business hours`; parsed to `policy.Span`."""

    business: bool = True  # whether business spans are allowed


@dataclass(frozen=True, slots=True)
class When:
    """A condition in the `when:` grammar; parsed to `policy.Condition`."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """A phrase or a list of phrases, or the name of a list under `phrases:`; parsed to `tuple[str, ...]`."""


@dataclass(frozen=True, slots=True)
class Name:
    """The name of something declared elsewhere in the pack, checked to exist; parsed to `str`.

    `of` is one of `person`, `assignee` (agent or group), `group`, `agent`, `calendar`, `text`, `situation`, `rota`,
    `assignment` or `matrix` (a rule of that kind). `words` may be written besides. Where a text is meant, one with
    a space or a line break in it may be written in place: it gets a name of its own.
    """

    of: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Many:
    """One value or a list of values of a type; parsed to `tuple`."""

    of: FieldType
    least: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with these fields; parsed to `dict` with defaults filled in."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping from free keys, or keys of a closed list, to values of one type; parsed to `dict`.

    `custom`: keys `custom.<anything>` are allowed besides.
    """

    of: FieldType
    keys: tuple[str, ...] | None = None
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """Either a plain value (or list), or a mapping of fields where a mapping is written; parsed to what it was."""

    plain: FieldType
    record: Record


FieldType = (
    Text | Word | Flag | Count | Number | Scalar | FieldName | Shaped | Duration | When | Phrases | Name | Many
    | Record | Table | Either
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One key an admin may write: its name, type, one documentation line, and what holds where it is left out."""

    name: str
    type: FieldType
    doc: str
    required: bool = False
    default: Any = None


class RuleProblem(ValueError):  # noqa: N818
    """Raised by a rule builder for values that are each well-formed but make no sense together.

    `field` names the key to point at (None: the rule itself), `code` the message code. `also`: keys the text speaks of
    besides; their lines are told. `beside`: further problems of the same rule, so that all are told at once.
    """

    def __init__(
        self,
        code: str,
        text: str,
        field: str | None = None,
        *,
        also: tuple[str, ...] = (),
        beside: tuple[RuleProblem, ...] = (),
    ) -> None:
        super().__init__(text)
        self.code = code
        self.field = field
        self.also = also
        self.beside = beside


@dataclass(frozen=True, slots=True)
class RuleKind:
    """A kind of rule: the top-level key under which admins list its rules, and everything known of it.

    Every rule of every kind also has `name` (required, unique in its kind) and `enabled` (default true).
    A module `connector/core/rules/<kind>.py` exposes one as `KIND`; nothing else registers it.
    """

    name: str
    doc: str
    fields: tuple[Field, ...]
    build: RuleBuilder
    example: str


@dataclass(frozen=True, slots=True)
class Operator:
    """One key of the `when:` grammar: its value's type, one documentation line, an example, and how to build it."""

    name: str
    type: FieldType
    doc: str
    example: str
    build: Callable[[str, Any], Any]


def defaults(fields: tuple[Field, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values with the defaults of the fields left out."""
    return {field.name: given.get(field.name, field.default) for field in fields}
