"""Structured logs on standard error: one line an event, no secret ever, customers' words only where asked for."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal, TextIO

import structlog

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
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_HIDDEN = "[redacted]"


class Redactor:
    """A structlog processor that takes known secrets, credentials in addresses and headers, and control signs out."""

    def __init__(self, secrets: Iterable[str] = (), *, customer_text: bool = False) -> None:
        self._secrets: set[str] = set()
        self._customer_text = customer_text
        for secret in secrets:
            self.hide(secret)

    def hide(self, secret: str) -> None:
        """From now on this value is redacted wherever it appears. Very short ones are no secrets."""
        if len(secret) >= 4:
            self._secrets.add(secret)

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Redact one event, nested values included."""
        for key in list(event):
            event[key] = self._value(str(key), event[key])
        return event

    def text(self, text: str) -> str:
        """One text, redacted; escape sequences of terminals become visible question marks."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
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
            return self.text(f"{type(value).__name__}: {value}")
        return value


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
        structlog.processors.format_exc_info,
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


def _drop_empty(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in [key for key, value in event.items() if value is None]:
        del event[key]
    return event


def _unwrap(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(logger, method, event)
