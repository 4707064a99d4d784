"""What is wrong with a mapping: coded, placed, with a way out; collected all at once, printed for admins."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from connector.errors import ConfigurationError

_ADDRESS = re.compile(r"(https?://[^/?\s\"']+[/?])([^\s\"',}]+)")

#: Every code that can be printed, with what it stands for; the documentation's table is made from it.
CODES: dict[str, str] = {
    "E001": "the file is not YAML (or not UTF-8 text)",
    "E002": "a key stands twice",
    "E003": "a mapping is needed here",
    "E004": "a file holds more than one YAML document",
    "E005": "an alias (`*name`) has no anchor, or contains itself",
    "E006": "a YAML feature the mapping language does not have (tags, merge keys, keys that are not words)",
    "E007": "the file is too large, too deep, or grows too much by its aliases",
    "E008": "a file can't be read",
    "E010": "the pack's folder does not exist or holds no policy",
    "E011": "`pack:` is missing or stands twice",
    "E012": "a name stands twice",
    "E013": "a top-level key that is none",
    "E014": "a plug-in's rule kind can't be loaded",
    "E021": "a word that is not in the list",
    "E022": "not a stretch of time",
    "E023": "not a number, or out of its range",
    "E024": "not `true` or `false`",
    "E025": "not a text",
    "E026": "a phrase that can't be searched for",
    "E027": "not a list, or a list too short",
    "E028": "not opening hours, a date, a time zone or a country",
    "E029": "a text whose placeholders or conditions can't be read",
    "E031": "an unknown field",
    "E032": "a field is missing",
    "E033": "an empty condition",
    "E041": "an unknown person",
    "E042": "an unknown calendar, or none where business time is counted",
    "E043": "an unknown text",
    "E044": "an unknown situation",
    "E045": "an unknown phrase list",
    "E046": "an unknown placeholder in a text",
    "E047": "an unknown ticket field",
    "E048": "one code, label or heading is mapped onto two words",
    "E049": "an unknown rota, or an unknown rule of the kind that is meant",
    "E050": "values that are each well-formed but make no sense together",
    "E051": "a rule that would leave tickets in a wrong state",
    "E052": "stretches of time that do not fit together",
    "E053": "levels that are out of order, or do nothing",
    "E054": "a level that does not exist",
    "E055": "a reminder that comes too late or before the start, or a breach that does nothing",
    "E056": "an assignment with nobody to choose from",
    "E061": "a combination of facts that no row of a table decides",
    "E062": "a combination of facts that two rows of a table decide",
    "E063": "a row of a table for combinations that can't occur",
    "E064": "a fact or a value of a table that is not declared, or too many combinations",
    "E065": "a text of the pack says what is never to be said to customers",
    "E066": "an on-call file that is missing or can't be used",
    "W101": "a status of the mapping is not known to the account",
    "W102": "a person or group of the mapping is not known to the account",
    "W103": "a name that stands twice in the account",
    "W104": "something declared and never used",
    "W106": "a helpdesk map without statuses",
    "W110": "a condition, or a branch of `any:`, that can never hold",
    "W111": "a status, priority or channel that no helpdesk map maps",
    "W112": "a custom field that no helpdesk map gives tickets",
    "W113": "a group or agent that is not in the roster",
    "W114": "a rule that never changes anything, because of another one",
    "W115": "two rules that can want different values for one field at once",
    "W116": "keep-alive rules that hold at once with different bounds",
    "W117": "a level that no ticket ever reaches",
    "W118": "a keep-alive rule that never toggles",
    "W119": "a keep-alive rule without a cap",
    "W120": "follow-ups closer together than two toggles may be",
    "W121": "something that comes only after the helpdesk has closed the ticket",
    "W122": "a reminder that never comes",
    "W123": "a calendar without opening hours in a coming year",
    "W124": "a toggle through a status that mails customers",
    "W125": "a situation that no ticket ever enters",
    "W126": "a text that can never be filled in",
    "W127": "a phrase that adds nothing to its list",
    "W128": "a phrase that the rest of its condition rules out",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake or warning. `line` and `col` are 1-based (0: the file as a whole); `length` is for the carets.

    `file` is relative to the pack; `root` is how the pack was named, for printing. `source` is the line itself.
    """

    code: str
    file: str
    line: int
    col: int
    text: str
    hint: str = ""
    length: int = 1
    source: str = ""
    root: str = ""

    @property
    def is_warning(self) -> bool:
        """True for lint (`W…`), which does not keep a pack from being used."""
        return self.code.startswith("W")

    @property
    def place(self) -> str:
        """`folder/file.yaml:14:9`, as editors and terminals make it clickable."""
        path = "/".join(part for part in (self.root.rstrip("/"), self.file) if part) or "."
        return f"{path}:{self.line}:{self.col}" if self.line else path

    def as_json(self) -> dict[str, Any]:
        """The problem as JSON-ready values."""
        return {
            "code": self.code,
            "severity": "warning" if self.is_warning else "error",
            "file": self.file,
            "line": self.line,
            "col": self.col,
            "length": self.length,
            "text": self.text,
            "hint": self.hint,
        }

    def render(self) -> str:
        """The problem with its source line, carets under the mistake, and the hint beside them."""
        head = f"{_printable(self.place)}  {self.code} {_printable(self.text)}"
        hint = _printable(self.hint)
        if not self.line or not self.source.strip():
            return f"{head}\n      {hint}" if hint else head
        source, col = _window(_veiled(self.source), self.col)
        pad = "".join("\t" if char == "\t" else " " for char in source[: col - 1])
        carets = "^" * max(1, min(self.length, len(source) - col + 1))
        under = f"{'':5} | {pad}{carets}" + (f"  {hint}" if hint else "")
        return f"{head}\n{self.line:5} | {_printable(source)}\n{under}"


class MappingError(ConfigurationError):
    """A pack has problems; `problems` holds all of them. The message prints them as `escalera check` does."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(render(self.problems))


def render(problems: Iterable[Problem]) -> str:
    """All problems as text, in the order of files and lines."""
    return "\n".join(problem.render() for problem in in_order(problems))


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sorted by file, line and column, each once."""
    return sorted(dict.fromkeys(problems), key=lambda one: (one.file, one.line, one.col, one.code, one.text))


def did_you_mean(word: str, options: Iterable[str], *, most: int = 14) -> str:
    """A hint for a word that is none of the options: the nearest one, else the options where they are few."""
    words = list(dict.fromkeys(options))
    by_key = {option.casefold(): option for option in reversed(words)}
    near = difflib.get_close_matches(word[:200].casefold(), by_key, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{by_key[near[0]]}'?"
    if words and len(words) <= most:
        return "one of: " + ", ".join(words)
    return ""


def shown(text: str, most: int = 60) -> str:
    """A value as it may stand in a message: on one line and short."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\t" else "�" for char in text)


def _veiled(source: str) -> str:
    """A line as it may stand in a log: what follows the host of an address, which may be a token, as so many stars."""
    return _ADDRESS.sub(lambda found: found[1] + "*" * len(found[2]), source)


def _window(source: str, col: int, width: int = 160) -> tuple[str, int]:
    """At most `width` characters of a long line around the column, and the column in them."""
    if len(source) <= width:
        return source, min(col, len(source) + 1)
    start = max(0, min(col - width // 2, len(source) - width))
    return source[start : start + width], min(col, len(source) + 1) - start
