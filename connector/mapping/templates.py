"""Texts with placeholders: `#CUSTOMER#` or `{{ customer }}`, conditions and a few filters; bounded by construction.

There are no loops, calls, assignments or attributes in a text, so it takes no more time and space than it is long.
A placeholder without a value makes the text unfillable: it is not sent with a hole in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment

from connector.core.policy import Unfillable
from connector.mapping.nodes import Node
from connector.mapping.problems import Problem, did_you_mean, shown

MAX_TEXT = 20_000
_MAX_NESTING = 40

#: Placeholder -> (name of its value, one documentation line).
PLACEHOLDERS: dict[str, tuple[str, str]] = {
    "TICKET": ("ticket", "the ticket's number"),
    "SUBJECT": ("subject", "its subject"),
    "CUSTOMER": ("customer", "the customer, or who asks where no customer is known"),
    "REQUESTER": ("requester", "the person who asks"),
    "EMAIL": ("requester_email", "that person's e-mail address"),
    "PHONE": ("requester_phone", "that person's phone number"),
    "BRAND": ("brand", "the brand"),
    "PRODUCT": ("product", "the product"),
    "CATEGORY": ("category", "the category"),
    "CONTRACT": ("contract", "the contract"),
    "GROUP": ("group", "the group the ticket is assigned to"),
    "AGENT": ("agent", "the agent the ticket is assigned to"),
    "AGENTFIRSTNAME": ("agent_first_name", "that agent's first name"),
    "PRIORITY": ("priority", "the priority"),
    "STATUS": ("status", "the status"),
    "SITUATION": ("situation", "the title of the situation the ticket is in"),
    "SINCE": ("since", "when it entered that situation"),
    "PROMISE": ("promise", "until when the customer was promised an answer"),
    "EARLIEST": ("promise_least", "the earliest instant of a promised range"),
    "FACTS": ("facts", "what is missing before the case may go up"),
    "TO": ("to", "to whom the case goes up"),
    "NEXT": ("next", "when the next follow-up is"),
    "FIRST": ("first", "the number of the earlier request a customer insists on"),
    "FIRSTSUBJECT": ("first_subject", "the subject of that request"),
    "FOLLOWUP": ("follow_up", "the number of the follow-up ticket of that request"),
    "DEADLINE": ("deadline", "when the answer to that request, or to its follow-up, is due"),
    "DETAIL": ("body", "what the customer wrote or said"),
    "FOUND": ("found", "the words found that are not to be used with customers"),
    "CREATED": ("created_at", "when the ticket was created"),
    "DATE": ("date", "now"),
    "DUE": ("due", "when the step that writes this text was due"),
    "LEVEL": ("level", "the level of the escalation matrix"),
    "NUMBER": ("number", "the number of the follow-up"),
    "COUNT": ("count", "how often the ticket was kept alive, this time included"),
    "CAP": ("cap", "how often that may happen"),
}
VALUES = frozenset(name for name, _ in PLACEHOLDERS.values())

_SIGN = re.compile(r"#([A-Z][A-Z0-9_]{1,30})#")
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.And, nodes.Or,
    nodes.Not, nodes.Compare, nodes.Operand, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Concat, nodes.Keyword,
)  # fmt: skip
_FILTERS = ("upper", "lower", "title", "capitalize", "trim", "default", "truncate")
_TESTS = ("defined", "undefined")


class _Missing(StrictUndefined):
    """A value that is not there: false in a condition, refused in the text."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    env = SandboxedEnvironment(undefined=_Missing, autoescape=False)
    env.globals.clear()
    env.filters = {name: env.filters[name] for name in _FILTERS}
    env.tests = {name: env.tests[name] for name in _TESTS}
    return env


@dataclass(slots=True)
class TextOfPack:
    """One compiled text (`policy.TextTemplate`)."""

    name: str
    _template: Template
    needs: frozenset[str] = frozenset()  # values without which it can't be filled in, whatever its conditions say

    def render(self, values: Mapping[str, Any]) -> str:
        """Fill the placeholders with `values` (by the names of PLACEHOLDERS, and `custom.X`).

        Raises Unfillable where one has no value, or the text would be longer than MAX_TEXT characters.
        """
        filled = {name: value for name, value in values.items() if value is not None and value != ""}
        custom = {name[7:]: value for name, value in filled.items() if name.startswith("custom.")}
        # Of a value longer than any text may be, what could stand in one: so filling in never takes more than it gives.
        plain = {name: str(value)[: MAX_TEXT + 1] for name, value in filled.items() if "." not in name}
        custom = {name: value[: MAX_TEXT + 1] if isinstance(value, str) else value for name, value in custom.items()}
        try:
            text = _up_to(MAX_TEXT, self._template.generate(**plain, custom=custom))
        except (TemplateError, TypeError, ValueError, OverflowError) as error:
            msg = f"text '{self.name}': {shown(str(error), 120)}"
            raise Unfillable(msg) from None
        if len(text) > MAX_TEXT:
            msg = f"text '{self.name}' would have more than {MAX_TEXT} characters, which is the most that is sent"
            raise Unfillable(msg)
        return text.strip("\n")


def _up_to(most: int, parts: Iterable[str]) -> str:
    """The parts as one text, no further than to the first sign too many."""
    taken: list[str] = []
    size = 0
    for part in parts:
        taken.append(part)
        size += len(part)
        if size > most:
            break
    return "".join(taken)


def compile_text(name: str, node: Node) -> tuple[TextOfPack | None, list[Problem]]:
    """The text of a node, or None and everything that is wrong with it, each at its place."""
    text = node.text
    if len(text) > MAX_TEXT:
        words = f"the text '{shown(name)}' has {len(text)} characters; at most {MAX_TEXT} are sent"
        return None, [node.problem("E029", words)]
    if max(text.count(sign) for sign in ("(", "[", "{%", "|", "~")) > _MAX_NESTING * 5 or _deep(text):
        return None, [node.problem("E029", f"the text '{shown(name)}' has too many conditions or brackets")]
    problems = [
        node.problem_at(
            found.group(),
            "E046",
            f"unknown placeholder '{found.group()}' in text '{shown(name)}'",
            did_you_mean(found[1], PLACEHOLDERS, most=0) or "see `#CUSTOMER#`, `#TICKET#` … in the documentation",
        )
        for found in _SIGN.finditer(text)
        if found[1] not in PLACEHOLDERS
    ]
    readable = _SIGN.sub(_as_expression, text)
    env = _environment()
    try:
        tree = env.parse(readable)
        problems += _forbidden(tree, name, node)
        if problems:
            return None, problems
        return TextOfPack(name, env.from_string(tree), frozenset(_needs(tree))), []
    except TemplateSyntaxError as error:
        problems.append(_syntax(error, name, node))
    except (TemplateError, ValueError, SyntaxError, RecursionError, MemoryError, OverflowError, TypeError) as error:
        words = f"the text '{shown(name)}' can't be read: {shown(str(error) or type(error).__name__, 120)}"
        problems.append(node.problem("E029", words))
    return None, problems


def _needs(part: nodes.Node) -> Iterator[str]:
    """The values written out unconditionally: not those inside or asked by a condition, or with a default."""
    if isinstance(part, (nodes.If, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Test)):
        return
    if isinstance(part, nodes.Filter) and part.name == "default":
        return
    if isinstance(part, nodes.Getattr):
        yield f"custom.{part.attr}"
    elif isinstance(part, nodes.Getitem) and isinstance(part.arg, nodes.Const):
        yield f"custom.{part.arg.value}"
    elif isinstance(part, nodes.Name):
        yield part.name
    else:
        for child in part.iter_child_nodes():
            yield from _needs(child)


def _as_expression(found: re.Match[str]) -> str:
    return "{{ " + PLACEHOLDERS[found[1]][0] + " }}" if found[1] in PLACEHOLDERS else found.group()


def _deep(text: str) -> bool:
    depth = most = 0
    for found in re.finditer(r"[(\[]|[)\]]|{%-?\+?\s*(?:if|endif)", text):
        depth += -1 if found.group() in (")", "]") or found.group().endswith("endif") else 1
        most = max(most, depth)
    return most > _MAX_NESTING


def _forbidden(tree: nodes.Template, name: str, node: Node) -> Iterator[Problem]:
    for part in tree.find_all(nodes.Node):
        if isinstance(part, (nodes.Getattr, nodes.Getitem)):
            if isinstance(part.node, nodes.Name) and part.node.name == "custom" and _is_key(part):
                continue
            yield _refuse("only `custom.X` may have a dot or brackets", name, node)
        elif isinstance(part, nodes.Name):
            if part.name not in VALUES and part.name != "custom":
                words = f"unknown placeholder '{shown(part.name)}' in text '{shown(name)}'"
                hint = did_you_mean(part.name, VALUES, most=0) or "see the list of placeholders in the documentation"
                yield node.problem_at(part.name, "E046", words, hint)
        elif isinstance(part, nodes.Filter) and part.name not in _FILTERS:
            hint = did_you_mean(part.name, _FILTERS)
            yield node.problem_at(
                part.name, "E029", f"unknown filter '{shown(part.name)}' in text '{shown(name)}'", hint
            )
        elif isinstance(part, nodes.Test) and part.name not in _TESTS:
            yield _refuse(f"the test '{shown(part.name)}' is not known", name, node)
        elif not isinstance(part, _ALLOWED):
            yield _refuse(f"'{type(part).__name__.lower()}' is not possible in a text", name, node)


def _is_key(part: nodes.Getattr | nodes.Getitem) -> bool:
    return isinstance(part, nodes.Getattr) or (isinstance(part.arg, nodes.Const) and isinstance(part.arg.value, str))


def _refuse(why: str, name: str, node: Node) -> Problem:
    return node.problem("E029", f"{why}, in text '{shown(name)}'", "use placeholders, `if`, and the filters listed")


def _syntax(error: TemplateSyntaxError, name: str, node: Node) -> Problem:
    line = node.line + (error.lineno if node.style in ("|", ">") else 0)
    words = f"the text '{shown(name)}' can't be read: {shown(error.message or 'syntax error', 120)}"
    source = node.source.line(line)
    if line == node.line or not source.strip():
        return node.problem("E029", words)
    indent = len(source) - len(source.lstrip())
    return node.source.problem("E029", line, indent + 1, words, "", len(source.strip()))
