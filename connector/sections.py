"""The sections of the configuration file: names, types, defaults and what each value must be."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from connector.secrets import NAME

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SPAN = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|sec|min|m|h|d|)\s*", re.ASCII)
_SPAN_SECONDS = {"ms": 0.001, "s": 1, "sec": 1, "": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_LONGEST = 366 * 86400.0
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def span_seconds(value: object) -> float:
    """`60s`, `5 min`, `1h`, `2d` as elapsed seconds; a plain number is one of seconds. Raises ValueError."""
    seconds = None
    if isinstance(value, str):
        found = _SPAN.fullmatch(value)
        seconds = float(found[1]) * _SPAN_SECONDS[found[2]] if found else None
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    if seconds is None:
        msg = f"{value!r} is not a time span; write for example 60s, 5 min, 1h or 2d"
        raise ValueError(msg)
    if not 0 <= seconds <= _LONGEST:
        msg = f"{value!r} is not between nothing and a year"
        raise ValueError(msg)
    return seconds


def _plain_path(value: str) -> str:
    if not value.strip() or _CONTROL.search(value):
        msg = "must be a path, without line breaks or other control signs"
        raise ValueError(msg)
    return value


Seconds = Annotated[float, BeforeValidator(span_seconds)]
Wait = Annotated[float, BeforeValidator(span_seconds), Field(gt=0)]
PathText = Annotated[str, AfterValidator(_plain_path)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AccountSettings(Section):
    """One `[[accounts]]` table."""

    name: str = Field(pattern=rf"^{NAME}$")  # to the Rust engine `$` is the very end, and \Z an error
    helpdesk: Literal["freshdesk", "c4c-export", "freshdesk-export"]
    url: str | None = None
    path: PathText | None = None
    out: PathText | None = None
    mappings: PathText
    write: bool = True

    @field_validator("url")
    @classmethod
    def _safe_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable or re.search(r'[\s"\\<>\x00-\x1f\x7f]', value):
            msg = "must be an address like https://example.freshdesk.com"
            raise ValueError(msg)
        if parts.query or parts.fragment:
            msg = "must end before '?' or '#'; a key does not belong into an address: run `escalera login NAME`"
            raise ValueError(msg)
        if parts.username or parts.password:
            msg = "carries a user name or key; take it out and run `escalera login NAME`"
            raise ValueError(msg)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            msg = "plain http would show the key to the network; use https (http is allowed to loopback only)"
            raise ValueError(msg)
        return value.rstrip("/")

    @model_validator(mode="after")
    def _reachable(self) -> AccountSettings:
        if self.helpdesk == "freshdesk" and not self.url:
            msg = f"account '{self.name}': helpdesk 'freshdesk' needs `url`"
            raise ValueError(msg)
        if self.helpdesk != "freshdesk" and not self.path:
            msg = f"account '{self.name}': helpdesk '{self.helpdesk}' needs `path` (a file, a folder or a pattern)"
            raise ValueError(msg)
        return self


class LoopSettings(Section):
    """`[loop]`: how often a cycle runs."""

    every: Seconds = 60.0
    jitter: Seconds = 5.0
    step_deadline: Wait = 300.0
    cycle_deadline: Wait = 3600.0
    missed_after: Wait = 900.0


class HttpSettings(Section):
    """`[http]`: manners towards the helpdesk."""

    leave_free: float = Field(default=0.25, ge=0, lt=1)
    per_minute: int | None = Field(default=None, ge=1)
    connect_timeout: Wait = 5.0
    read_timeout: Wait = 30.0
    deadline: Wait = 120.0


class LogSettings(Section):
    """`[log]`: structured lines on standard error."""

    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"
    customer_text: bool = False


class NotifySettings(Section):
    """`[notify]`: where messages to staff go besides notes on the ticket. Addresses name no secret."""

    note: bool = True
    window: Seconds = 3 * 86400.0


class WebSettings(Section):
    """`[web]`: the small HTTP listener inside `escalera run`. `listen`: "off", or an address and a port."""

    listen: str = "off"
    allow_remote: bool = False
    hints: Literal["off", "hmac", "header"] = "off"
    hint_pause: Wait = 15.0

    @field_validator("listen")
    @classmethod
    def _address(cls, value: str) -> str:
        if value == "off":
            return value
        host, colon, port = value.rpartition(":")
        number = int(port) if re.fullmatch(r"\d{1,5}", port, re.ASCII) else 65536
        if not colon or not re.fullmatch(r"\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+", host) or number > 65535:
            msg = 'must be "off" or an address with a port, like "127.0.0.1:8787" or "[::1]:8787"'
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _at_home(self) -> WebSettings:
        if self.listen != "off" and not self.loopback and not self.allow_remote:
            msg = (
                f"'{self.listen}' can be reached by other machines, and whoever reaches it may read the metrics: put a "
                "reverse proxy with TLS before a loopback address, or say allow_remote = true"
            )
            raise ValueError(msg)
        return self

    @property
    def address(self) -> tuple[str, int]:
        """(host, port); only where `listen` is not off."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the listener."""
        host = self.address[0]
        return host in LOOPBACK or re.fullmatch(r"127(\.\d{1,3}){3}", host, re.ASCII) is not None


def _kept_for(value: object) -> float | None:
    """`unlimited` as None, else a span of at least a day in seconds. Raises ValueError."""
    if value is None or value == "unlimited":
        return None
    days = re.fullmatch(r"\s*(\d{1,5})\s*d\s*", value, re.ASCII) if isinstance(value, str) else None
    seconds = int(days[1]) * 86400.0 if days else span_seconds(value)
    if seconds < 86400:
        msg = f'{value!r} is less than a day; write for example 400d, or "unlimited"'
        raise ValueError(msg)
    return seconds


KeptFor = Annotated[float | None, BeforeValidator(_kept_for)]


class RetentionSettings(Section):
    """`[retention]`: how long each kind of row is kept, in seconds; None is unlimited."""

    audit: KeptFor = None
    journal: KeptFor = 400 * 86400.0
    plans: KeptFor = 30 * 86400.0
    tickets: KeptFor = 400 * 86400.0


class OnCallSettings(Section):
    """`[oncall]`: how the calendars of rotas with a `url` are fetched."""

    private_addresses: bool = False
    timeout: Wait = 20.0
