"""Words that try to be more than words, wherever they are shown, and how to tell that one of them succeeded."""

from __future__ import annotations

import html.parser
import io
import json
import re
import unicodedata
import zipfile
from xml.etree import ElementTree as ET

MARK = "FORGED"
#: Each tries one kind of place: terminals, logs, tables, pages, Markdown, templates, figures, mail headers, YAML.
PIECES = (
    f"\x1b]0;{MARK}\x07", f"\x1b]8;;https://evil.example/\x1b\\{MARK}\x1b]8;;\x1b\\", "\x1b[2J\x1b[1;1H",
    "\x9b31m\x9d0;x\x9c",
    f"\r{MARK} plan 0: nothing to do", f"\n{MARK}: HELD by nobody", f"\r\nBcc: {MARK}@evil.example", f"\x0b{MARK}\x0c",
    f"\u2028{MARK}\u2029", "\u202efdp.exe\u202c", "\u2066\u2067\u2069\u200f\u061c", "\x85", "\x08\x08\x08\x7f", "\x00",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)",
    "</td></table><iframe src=//evil>",
    "javascript:alert(1)", "[x](javascript:alert(1))", "![x](http://evil.example/x)", "&lt;script&gt;",
    "=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", '=HYPERLINK("http://evil.example/")',
    "{{ 7*7 }}#CUSTOMER#{% for x in y %}", f'"}}\n{{"event": "{MARK}"}}', f'",escalera_up{{x="1"}} 1\n{MARK} 1',
    "%s%n%(x)s{0}",
    f"x: y\n- {MARK}: !!python/object:os.system", "\ud83d", "'; DROP TABLE tickets; --", "../../etc/passwd",
)  # fmt: skip
_STEER = frozenset("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def steering(text: str, allowed: str = "\n\t") -> set[str]:
    """The signs in a text that a terminal would obey, or that reorder what is shown."""
    return {
        sign for sign in set(text) if sign not in allowed and (unicodedata.category(sign) == "Cc" or sign in _STEER)
    }


def forged_lines(text: str) -> list[str]:
    """Lines that a ticket began by itself."""
    return [
        line for line in re.split(r"[\n\r]", text) if line.lstrip("'\"} ").startswith((MARK, f'{{"event": "{MARK}'))
    ]


class _Page(html.parser.HTMLParser):
    """Collects what a page could do."""

    ACTIVE = frozenset({"script", "iframe", "object", "embed", "form", "link", "base", "img", "svg"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.ACTIVE:
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (name in {"href", "src", "action"} and not (value or "").startswith("#")):
                self.found.append(f"{tag} {name}={value}")


def active(page: str) -> list[str]:
    """What a page would run, load or lead to."""
    found = _Page()
    found.feed(page)
    found.close()
    return found.found


def formulas(book: bytes) -> list[str]:
    """Cells that a workbook would compute, and addresses it leads to."""
    found = []
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        for name in parts.namelist():
            content = parts.read(name)
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                tree = ET.fromstring(content)
                found += [str(one.tag) for one in tree.iter() if str(one.tag).endswith(("}f", "}hyperlink"))]
            if name.endswith(".rels") and b'TargetMode="External"' in content:
                found.append(name)
    return found


def computing(table: str) -> list[str]:
    """Cells of a text table that a spreadsheet takes for a formula."""
    import csv

    rows = csv.reader(io.StringIO(table.removeprefix("\ufeff")))
    return [
        cell
        for row in rows
        for cell in row
        if cell.strip().startswith(("=", "+", "@")) or re.match(r"\s*-\D|\s*-\d+[+*]", cell)
    ]


def documents(text: str) -> list[object]:
    """The JSON documents of a text, one a line or one in all. Raises ValueError where it is something else."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
