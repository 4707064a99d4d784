"""Tells people through Apprise: mail, chat and push services, each named by one address. Extra `notify`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from connector.errors import ConfigurationError
from connector.helpdesks.base import Reader, Writer
from connector.notifiers.base import Delivery, Message, Notifier, NotifierKind

_log = logging.getLogger("escalera.notifiers.apprise")


class Apprise:
    """Sends to every configured service. Apprise says only yes or no, so a "no" may have reached some of them.

    Addresses of services hold secrets: they never stand in an error or in a log line.
    """

    name = "apprise"

    def __init__(self, urls: tuple[str, ...], module: ModuleType) -> None:
        self._services = module.Apprise()
        self._count = len(urls)
        bad = [str(number) for number, url in enumerate(urls, start=1) if not self._services.add(url)]
        if bad:
            msg = f"notifier 'apprise': address number {', '.join(bad)} of {len(urls)} is no Apprise address"
            raise ConfigurationError(msg)

    def send(self, message: Message) -> Delivery:
        """Hand the message to all services at once."""
        try:
            delivered = bool(self._services.notify(title=message.subject, body=_body(message)))
        except Exception as error:  # noqa: BLE001 - a hundred plugins, any of which may raise
            _log.warning("apprise failed: %s", type(error).__name__)
            return Delivery(delivered=False, uncertain=True, error=f"Apprise failed: {type(error).__name__}")
        if delivered:
            return Delivery(delivered=True)
        if self._count == 1:
            return Delivery(delivered=False, retryable=True, error="the service did not take the message")
        return Delivery(delivered=False, uncertain=True, error=f"one of {self._count} services did not take it")


def _body(message: Message) -> str:
    return f"{', '.join(message.to)}\n\n{message.text}" if message.to else message.text


def _build(options: Mapping[str, Any], reader: Reader | None, writer: Writer | None) -> Notifier:  # noqa: ARG001
    urls = options.get("urls")
    if isinstance(urls, str):
        urls = [urls]
    if not isinstance(urls, list | tuple) or not urls or not all(isinstance(url, str) for url in urls):
        msg = "notifier 'apprise': `urls` must be a list of Apprise addresses"
        raise ConfigurationError(msg)
    try:
        module = import_module("apprise")
    except ImportError as error:
        msg = "notifier 'apprise' needs the library of that name: pip install 'escalera[notify]'"
        raise ConfigurationError(msg) from error
    return Apprise(tuple(urls), module)


KIND = NotifierKind(
    name="apprise",
    doc="Mail, chat and push services through Apprise.",
    options={"urls": "Apprise addresses; they hold secrets, so they come from the keyring or the environment"},
    build=_build,
)
