"""Helpdesk maps: a file with `helpdesk:` becomes a FieldMap."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from connector.core.fieldmap import FieldMap
from connector.mapping.declared import HELPDESK
from connector.mapping.nodes import Node
from connector.mapping.parse import Parser
from connector.mapping.problems import did_you_mean, shown


def read_map(parser: Parser, node: Node, timezone: str) -> FieldMap | None:
    """The map of one file, or None after keeping every problem."""
    name = node.get("helpdesk")
    parser.what = f"helpdesk map '{shown(name.text)}'" if name is not None and name.text else "this helpdesk map"
    values = parser.record(node, HELPDESK)
    before = len(parser.problems)
    for section in ("statuses", "priorities", "channels"):
        _apart(parser, node.get(section), _code_key, section)
    _apart(parser, node.get("headings"), _heading_key, "headings")
    situations = node.get("situations")
    for key, _ in situations.items if situations is not None else ():
        if key.text not in parser.names.situations:
            hint = did_you_mean(key.text, parser.names.situations) or "declare it under `situations:`"
            parser.wrong(key, "E044", f"unknown situation '{shown(key.text)}' in {parser.what}", hint)
    _apart(parser, situations, _code_key, "situations")
    if values is None or len(parser.problems) > before:
        return None
    return FieldMap(
        helpdesk=values["helpdesk"],
        statuses=values["statuses"] or {},
        priorities=values["priorities"] or {},
        channels=values["channels"] or {},
        fields=values["fields"] or {},
        headings=values["headings"] or {},
        situations=values["situations"] or {},
        absent={name: value for name, value in (values["absent"] or {}).items() if value is not None},
        empty=values["empty"],
        timezone=values["timezone"] or timezone,
        date_order=values["dates"],
        autoclose_clock=values["autoclose_clock"],
        allow_notifying_status=values["allow_notifying_status"],
        file=node.source.file,
    )


def _apart(parser: Parser, table: Node | None, key_of: Callable[[str], str], section: str) -> None:
    """Report a code, label or heading that stands under two words: it could mean either."""
    seen: dict[str, tuple[str, Node]] = {}
    for word, codes in table.items if table is not None and table.kind == "map" else ():
        for code in codes.children if codes.kind == "list" else [codes]:
            if not code.is_scalar or not code.text:
                continue
            first = seen.setdefault(key_of(code.text), (word.text, code))
            if first[0] != word.text:
                text = f"'{shown(code.text)}' under `{section}` means '{word.text}' here"
                text += f" and '{first[0]}' at {first[1].line}:{first[1].col}"
                parser.wrong(code, "E048", text, "keep one of them")


def _code_key(text: str) -> str:
    """Codes and labels are told apart without case and outer spaces."""
    return text.strip().casefold()


def _heading_key(text: str) -> str:
    """Headings are told apart without case, accents and spaces, as they are matched."""
    folded = unicodedata.normalize("NFD", text.casefold())
    return "".join(char for char in folded if not unicodedata.combining(char) and not char.isspace())
