"""Structured logs on standard error: one line an event, no secret ever, customers' words only where asked for.

Every secret the process reads is told here (`keep_out`), and hidden as it is and in the coats it travels in. A fault of
the program is logged with its kind and its places; what its message says may be a ticket's words, so that is told only
where those are asked for.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any, Literal, TextIO

import structlog

from connector.coats import coats
from connector.errors import EscaleraError

#: Event keys whose values are customers' words or personal; kept only with `customer_text`.
CUSTOMER_KEYS = frozenset(
    {"subject", "body", "text", "customer", "requester", "requester_email", "requester_phone", "reply", "note"}
)
_SECRET_KEYS = re.compile(
    r"(^|_)(api_?key|key_?value|password|passwd|token|secret|authorization|cookie)$", re.IGNORECASE
)
_CREDENTIALS = re.compile(
    r"(?P<scheme>\b(?:basic|bearer)\s+)[A-Za-z0-9+/=._~-]{8,}|(?P<url>[a-z][a-z0-9+.-]*://)[^/\s:@]+(?::[^/\s@]*)?@",
    re.IGNORECASE,
)
#: Control signs, and the marks that reorder or break what is shown; lines end only where the log ends them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_HIDDEN = "[redacted]"
_kept_out: set[str] = set()


def keep_out(secret: str) -> None:
    """From now on this secret of the process stands in no log line, whoever set the log up and whenever."""
    _kept_out.update(coats(secret))


def without_secrets(text: str, more: Iterable[str] = ()) -> str:
    """The text without any secret the process has read, and without those of `more`."""
    for secret in sorted({*_kept_out, *more}, key=len, reverse=True):  # the longer coat before what it holds
        text = text.replace(secret, _HIDDEN)
    return text


class Redactor:
    """A structlog processor that takes known secrets, credentials in addresses and headers, and control signs out."""

    def __init__(self, secrets: Iterable[str] = (), *, customer_text: bool = False) -> None:
        self._secrets: set[str] = set()
        self._customer_text = customer_text
        for secret in secrets:
            self.hide(secret)

    def hide(self, secret: str) -> None:
        """From now on this value is redacted wherever it appears. Very short ones are no secrets."""
        self._secrets.update(coats(secret))

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Redact one event, nested values included."""
        for key in list(event):
            event[key] = self._value(str(key), event[key])
        if isinstance(event.get("event"), str):
            event["event"] = event["event"].replace("\n", " ")  # on a console it stands without quotes
        return event

    def text(self, text: str) -> str:
        """One text, redacted; escape sequences of terminals become visible question marks."""
        text = without_secrets(text, self._secrets)
        text = _CREDENTIALS.sub(lambda found: (found["scheme"] or found["url"] or "") + _HIDDEN, text)
        return _CONTROL.sub("?", text)

    def _value(self, key: str, value: Any) -> Any:
        if _SECRET_KEYS.search(key) and value is not None:
            return _HIDDEN
        if key in CUSTOMER_KEYS and not self._customer_text and value is not None:
            return f"[{len(value)} characters]" if isinstance(value, str) else _HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {name: self._value(str(name), inner) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", inner) for inner in value]
        if isinstance(value, BaseException):
            return self.text(_named(value, customer_text=self._customer_text))
        return value


def told_fault(error: BaseException, *, customer_text: bool = False) -> str:
    """A fault with its causes and places, the innermost last; what it says only where it is sure to be harmless."""
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(seen) < 10:
        seen.add(id(current))
        frames = traceback.extract_tb(current.__traceback__, limit=-12)
        part = [f"  {Path(one.filename).name}:{one.lineno} in {one.name}" for one in frames]
        lines[:0] = [*part, _named(current, customer_text=customer_text)]
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n".join(lines)


def tell_faults() -> None:
    """Let a fault that ends the process, or a thread of it, be told so too: Python's own way shows what it says."""
    sys.excepthook = lambda _kind, error, _trace: _show(error)
    threading.excepthook = lambda given: _show(given.exc_value) if given.exc_value is not None else None


def _show(error: BaseException) -> None:
    if isinstance(error, KeyboardInterrupt):
        return
    print(without_secrets(told_fault(error)), file=sys.stderr)
    print("escalera: a fault of the program itself; please report it with the lines above", file=sys.stderr)


def _named(error: BaseException, *, customer_text: bool) -> str:
    """The error's kind, and its words where they are ours, or may be shown."""
    own = isinstance(error, EscaleraError)
    said = str(error) if own or customer_text else getattr(error, "strerror", None) or ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def set_up(
    *,
    fmt: Literal["json", "console"] = "json",
    level: Literal["debug", "info", "warning", "error"] = "info",
    customer_text: bool = False,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> Redactor:
    """Configure all logging of the process, the libraries' own included. Returns the redactor, to hide more secrets."""
    redactor = Redactor(secrets, customer_text=customer_text)
    out = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _drop_empty,
        _FaultTeller(customer_text),
        redactor,
    ]
    last: Any
    if fmt == "json":
        last = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        last = structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_unwrap, last]))
    root = logging.getLogger()
    for old in list(root.handlers):
        if getattr(old, "_escalera", False):
            root.removeHandler(old)
    handler._escalera = True  # type: ignore[attr-defined] # noqa: SLF001 - our own mark on our own handler
    root.addHandler(handler)
    # Libraries (urllib3, schedule) speak only where something is wrong: their debug lines name addresses.
    root.setLevel(max(threshold, logging.WARNING))
    return redactor


class _FaultTeller:
    """Puts a fault in the place of `exc_info`."""

    def __init__(self, customer_text: bool) -> None:
        self._customer_text = customer_text

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        given = event.pop("exc_info", None)
        if given is True:
            given = sys.exc_info()
        error = given[1] if isinstance(given, tuple) else given
        if isinstance(error, BaseException):
            event["exception"] = told_fault(error, customer_text=self._customer_text)
        return event


def _drop_empty(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in [key for key, value in event.items() if value is None]:
        del event[key]
    return event


def _unwrap(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(logger, method, event)
