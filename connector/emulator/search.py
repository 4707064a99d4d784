"""`GET /search/tickets`: an index that lags behind the tickets, and the filter language.

Grammar: `field:value`, `field:>value` (at or after), `field:<value` (at or before), AND, OR, parentheses; values are
integers, `'text'`, `'YYYY-MM-DD'`, true, false, null. Field names are case-sensitive.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from connector.emulator import stamps
from connector.emulator.account import CustomField
from connector.emulator.shapes import Json, Ticket

MAX_QUERY = 512
_QUERY = "query"
_INVALID = "Given query is invalid"
ROWS_PER_PAGE = 30
MAX_PAGE = 10
_FIELDS = {
    "agent_id": "responder_id",
    "group_id": "group_id",
    "priority": "priority",
    "status": "status",
    "tag": "tags",
    "type": "type",
    "due_by": "due_by",
    "fr_due_by": "fr_due_by",
    "created_at": "created_at",
    "updated_at": "updated_at",
}
_DATES = frozenset({"due_by", "fr_due_by", "created_at", "updated_at"})
_NUMBERS = frozenset({"agent_id", "group_id", "priority", "status"})
_TOKEN = re.compile(
    r"\s*(?:(?P<paren>[()])|(?P<word>AND|OR)(?![\w:])|(?P<field>\w+)\s*:\s*(?P<mark>[<>]?)\s*"
    r"(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|-?[\w.@+-]+))"
)
_SEARCHABLE_KINDS = frozenset({"custom_text", "custom_number", "custom_checkbox", "custom_dropdown", "custom_date"})

Test = Callable[[Json], bool]


class QueryError(ValueError):
    """A query the helpdesk refuses; `field` names the part at fault."""

    def __init__(self, field: str, message: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.field = field
        self.code = code


class SearchIndex:
    """What the search knows of the tickets: the state some minutes ago."""

    def __init__(self) -> None:
        self._rows: dict[int, Json] = {}
        self._waiting: deque[tuple[int, int, Json | None]] = deque()

    def put(self, ticket: Ticket) -> None:
        """Index a ticket at once."""
        self._rows[ticket.number] = _row(ticket)

    def later(self, ticket: Ticket, now: int, lag: int) -> None:
        """Index a ticket's present state after a lag; a hidden ticket then leaves the index."""
        while self._waiting and self._waiting[0][0] <= now:
            _, number, row = self._waiting.popleft()
            self._take(number, row)
        self._waiting.append((now + lag, ticket.number, _row(ticket) if ticket.listed else None))

    def _take(self, number: int, row: Json | None) -> None:
        if row is None:
            self._rows.pop(number, None)
        else:
            self._rows[number] = row

    def find(self, test: Test, now: int) -> list[int]:
        """Ids of the matching tickets, newest created first."""
        still: deque[tuple[int, int, Json | None]] = deque()
        for visible_at, number, row in self._waiting:
            if visible_at > now:
                still.append((visible_at, number, row))
            else:
                self._take(number, row)
        self._waiting = still
        found = [(row["created_at"], number) for number, row in self._rows.items() if test(row)]
        return [number for _, number in sorted(found, reverse=True)]


def _row(ticket: Ticket) -> Json:
    fields = ticket.fields
    row = {name: fields[name] for name in _FIELDS.values()}
    row["custom_fields"] = fields["custom_fields"].copy()
    row["tags"] = list(fields["tags"] or [])
    return row


def compile_query(text: str, custom: dict[str, CustomField], statuses: list[int]) -> Test:
    """Turn a query, quotes included, into a test of index rows; QueryError as the helpdesk would refuse it."""
    stripped = text.strip()
    if len(stripped) < 2 or not (stripped.startswith('"') and stripped.endswith('"')):
        raise QueryError(_QUERY, "Query should be within double quotes")
    inner = stripped[1:-1]
    if len(inner) > MAX_QUERY:
        raise QueryError(_QUERY, f"Has {len(inner)} characters, it can have maximum of {MAX_QUERY} characters")
    parser = _Parser(list(_tokens(inner)), custom, statuses)
    test = parser.either()
    if parser.at < len(parser.tokens):
        raise QueryError(_QUERY, _INVALID)
    return test


def _tokens(text: str) -> Iterator[tuple[str, str, str]]:
    at = 0
    while at < len(text) and text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise QueryError(_QUERY, _INVALID)
        at = found.end()
        if found["paren"] or found["word"]:
            yield (found["paren"] or found["word"], "", "")
        else:
            yield (found["field"], found["mark"], found["value"])


class _Parser:
    def __init__(self, tokens: list[tuple[str, str, str]], custom: dict[str, CustomField], statuses: list[int]) -> None:
        self.tokens = tokens
        self.at = 0
        self.custom = custom
        self.statuses = statuses
        self.depth = 0

    def either(self) -> Test:
        tests = [self.both()]
        while self._takes("OR"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self._takes("AND"):
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def one(self) -> Test:
        if self._takes("("):
            self.depth += 1
            if self.depth > 50:
                raise QueryError(_QUERY, _INVALID)
            inner = self.either()
            if not self._takes(")"):
                raise QueryError(_QUERY, _INVALID)
            self.depth -= 1
            return inner
        if self.at >= len(self.tokens) or not self.tokens[self.at][2]:
            raise QueryError(_QUERY, _INVALID)
        field, mark, value = self.tokens[self.at]
        self.at += 1
        return self._test(field, mark, value)

    def _takes(self, word: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] == (word, "", ""):
            self.at += 1
            return True
        return False

    def _test(self, field: str, mark: str, value: str) -> Test:
        if field in _FIELDS:
            name, kind = _FIELDS[field], "date" if field in _DATES else "number" if field in _NUMBERS else "text"
            read: Callable[[Json], Any] = lambda row: row[name]  # noqa: E731
        else:
            known = self.custom.get(field) or self.custom.get(f"cf_{field}")
            if known is None or known.kind not in _SEARCHABLE_KINDS:
                raise QueryError(field, "Unexpected/invalid field in request", "invalid_field")
            custom_name = known.name
            kind = known.kind.removeprefix("custom_").replace("dropdown", "text")
            read = lambda row: row["custom_fields"].get(custom_name)  # noqa: E731
        if value == "null":
            return lambda row: read(row) in (None, [])
        wanted = self._value(field, kind, value)
        if kind == "date":
            return _date_test(read, mark, wanted)
        if mark == ">":
            return lambda row: read(row) is not None and read(row) >= wanted
        if mark == "<":
            return lambda row: read(row) is not None and read(row) <= wanted
        if field == "tag":
            return lambda row: wanted.lower() in {str(tag).lower() for tag in row["tags"]}
        if kind == "text":
            return lambda row: str(read(row) or "").lower() == wanted.lower()
        return lambda row: read(row) == wanted

    def _value(self, field: str, kind: str, value: str) -> Any:
        quoted = value[:1] in {"'", '"'}
        bare = value[1:-1].replace("\\'", "'").replace('\\"', '"') if quoted else value
        if kind == "date":
            if not stamps.is_day(bare):
                raise QueryError(field, "It should be in the 'YYYY-MM-DD' format", "invalid_value")
            return bare
        if kind == "number":
            if quoted or not re.fullmatch(r"-?\d+", bare):
                raise QueryError(field, "Value set is of type String.It should be a/an Integer", "datatype_mismatch")
            number = int(bare)
            if field == "status" and number not in self.statuses:
                raise QueryError(field, f"It should be one of these values: '{','.join(map(str, self.statuses))}'")
            if field == "priority" and number not in {1, 2, 3, 4}:
                raise QueryError(field, "It should be one of these values: '1,2,3,4'")
            return number
        if kind == "checkbox":
            if bare not in {"true", "false"}:
                raise QueryError(field, "It should be either 'true' or 'false'", "datatype_mismatch")
            return bare == "true"
        if not quoted:
            raise QueryError(field, "Value set is of type Integer.It should be a/an String", "datatype_mismatch")
        return bare


def _date_test(read: Callable[[Json], Any], mark: str, day: str) -> Test:
    first, last = day, f"{day}T23:59:59Z"
    if mark == ">":
        return lambda row: read(row) is not None and read(row) >= first
    if mark == "<":
        return lambda row: read(row) is not None and read(row) <= last
    return lambda row: read(row) is not None and first <= read(row) <= last
