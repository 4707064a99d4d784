"""The configuration file: read, checked as a whole, and explained where it is wrong.

Sources, later ones winning: the TOML file, then environment variables `ESCALERA_<SECTION>__<KEY>`
(`ESCALERA_LOOP__EVERY=30s`). Secrets never stand in the file: see `connector.secrets`.
"""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from connector.core.guard import Limits
from connector.errors import ConfigurationError
from connector.secrets import variable
from connector.sections import (
    LOOPBACK,
    AccountSettings,
    HttpSettings,
    LogSettings,
    LoopSettings,
    NotifySettings,
    OnCallSettings,
    PathText,
    RetentionSettings,
    WebSettings,
    span_seconds,
)
from connector.text_hints import did_you_mean

__all__ = ["LOOPBACK", "AccountSettings", "Settings", "load_settings", "span_seconds"]

_SECRET_WORDS = re.compile(r"(key|password|passwd|passphrase|token|secret|credential)s?$")
_WHERE_FROM = "the environment"
#: Signs of a configuration file: a hundred times what any has.
_LONGEST = 200_000


class Settings(BaseSettings):
    """The whole configuration, checked. `base` is the folder of the file; relative paths count from there."""

    model_config = SettingsConfigDict(
        env_prefix="ESCALERA_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    state: PathText = "state.db"
    accounts: tuple[AccountSettings, ...] = Field(min_length=1)
    loop: LoopSettings = LoopSettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    notify: NotifySettings = NotifySettings()
    web: WebSettings = WebSettings()
    oncall: OnCallSettings = OnCallSettings()
    retention: RetentionSettings = RetentionSettings()
    limits: dict[str, Any] = Field(default_factory=dict)
    base: Path = Path()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the names are those of pydantic-settings
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which comes in as init values."""
        return env_settings, init_settings

    @field_validator("accounts")
    @classmethod
    def _distinct(cls, value: tuple[AccountSettings, ...]) -> tuple[AccountSettings, ...]:
        names = [account.name for account in value]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            msg = f"two accounts are named {', '.join(doubled)}; names tell states and keys apart"
            raise ValueError(msg)
        by_variable: dict[str, list[str]] = {}
        for name in names:
            by_variable.setdefault(variable(name), []).append(name)
        for shared, alike in by_variable.items():
            if len(alike) > 1:
                msg = f"accounts {' and '.join(alike)} would share the key in {shared}; give one another name"
                raise ValueError(msg)
        return value

    @field_validator("limits")
    @classmethod
    def _known_limits(cls, value: dict[str, Any]) -> dict[str, Any]:
        return {name: _limit(name, given) for name, given in value.items()}

    def guard_limits(self) -> Limits:
        """The guard's limits: the defaults with what the file changes."""
        return dataclasses.replace(Limits(), **self.limits)

    def unlimited(self) -> list[str]:
        """Names of limits set to `unlimited`, to warn about at every start."""
        return sorted(name for name, value in self.limits.items() if value is None)

    def state_path(self) -> str:
        """The state database: a PostgreSQL URL as it is, a file resolved against the configuration's folder."""
        return self.state if "://" in self.state else str(self.resolve(self.state))

    def state_shown(self) -> str:
        """The same for messages: without a password."""
        return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", self.state_path())

    def resolve(self, path: str) -> Path:
        """A path of the file, counted from the file's own folder."""
        return self.base / Path(path).expanduser()

    def account(self, name: str | None) -> AccountSettings:
        """The named account, or the only one. Raises ConfigurationError."""
        if name is None:
            if len(self.accounts) == 1:
                return self.accounts[0]
            known = ", ".join(account.name for account in self.accounts)
            msg = f"several accounts are configured ({known}): say which with --account NAME"
            raise ConfigurationError(msg)
        for account in self.accounts:
            if account.name == name:
                return account
        msg = f"no account '{name}' in the configuration{did_you_mean(name, [a.name for a in self.accounts])}"
        raise ConfigurationError(msg)


def _limit(name: str, given: object) -> int | float | None:
    known = {field.name: str(field.type) for field in dataclasses.fields(Limits)}
    if name not in known:
        msg = f"unknown limit '{name}'{did_you_mean(name, known)}"
        raise ValueError(msg)
    if given == "unlimited":
        return None
    if isinstance(given, str) and re.fullmatch(r"\d{1,9}(\.\d{1,6})?", given, re.ASCII):
        given = float(given) if "." in given else int(given)  # as an environment variable has it
    whole = known[name].startswith("int")
    number = not isinstance(given, bool) and isinstance(given, int if whole else int | float)
    if not number or not 0 <= given < 1e9:  # type: ignore[operator]
        kind = "a whole number" if whole else "a number"
        msg = f"limit '{name}' must be {kind} from 0 (none at all) up, or \"unlimited\""
        raise ValueError(msg)
    if name in _SHARES and given > 1:  # type: ignore[operator]
        msg = f"limit '{name}' is a share: from 0 to 1, so 20 % is 0.2"
        raise ValueError(msg)
    return cast("int | float", given)


#: Limits that are a share of the open tickets.
_SHARES = frozenset({"share", "population"})


def load_settings(path: Path) -> Settings:
    """Read and check a configuration file. Raises ConfigurationError naming every problem at once."""
    if path.is_dir():
        msg = f"{path}: is a folder; name the file in it, for example {path / 'config.toml'}"
        raise ConfigurationError(msg)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        msg = f"{path}: can't be read ({error.strerror}); `escalera init` writes a first one"
        raise ConfigurationError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8"
        raise ConfigurationError(msg) from error
    if len(text) > _LONGEST:
        msg = f"{path}: has {len(text)} signs, a configuration at most {_LONGEST}; is it the right file?"
        raise ConfigurationError(msg)
    try:
        content = tomllib.loads(text)
        found = list(_secrets_in(content))
    except tomllib.TOMLDecodeError as error:
        msg = f"{path}: is not TOML: {error}"
        raise ConfigurationError(msg) from error
    except ValueError:
        msg = f"{path}: holds a number of thousands of digits, or a date that is none"
        raise ConfigurationError(msg) from None
    except RecursionError:
        msg = f"{path}: holds lists or tables that are nested too deep"
        raise ConfigurationError(msg) from None
    problems = [_move_secret(path, text, place) for place in found]
    if re.search(r"://[^/@]*:[^/@]*@", str(content.get("state", ""))):
        problems.append(
            f"{path}:{_line(text, ('state',))}: 'state' carries a password, and this file is no place for one: keep it "
            "in ~/.pgpass or PGPASSWORD, or give the whole address in the environment variable ESCALERA_STATE"
        )
    if problems:
        raise ConfigurationError("\n".join(problems))
    if "base" in content:
        msg = f"{path}:{_line(text, ('base',))}: unknown setting 'base'"
        raise ConfigurationError(msg)
    try:
        settings = Settings(**content)
    except SettingsError as error:
        msg = f"a variable ESCALERA_… of {_WHERE_FROM} can't be read: {error}"
        raise ConfigurationError(msg) from None
    except ValidationError as error:
        lines = [_sentence(path, text, problem) for problem in error.errors(include_url=False, include_input=False)]
        raise ConfigurationError("\n".join(lines)) from None
    return settings.model_copy(update={"base": path.resolve().parent})


def _secrets_in(content: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found: list[tuple[str | int, ...]] = []
    if isinstance(content, dict):
        for key, value in content.items():
            if isinstance(value, str) and _SECRET_WORDS.search(str(key).lower()):
                found.append((*at, str(key)))
            found.extend(_secrets_in(value, (*at, str(key))))
    elif isinstance(content, list):
        for number, value in enumerate(content):
            found.extend(_secrets_in(value, (*at, number)))
    return found


def _move_secret(path: Path, text: str, place: tuple[str | int, ...]) -> str:
    return (
        f"{path}:{_line(text, place)}: '{_dotted(place)}' looks like a secret, and this file is no place for one: "
        "run `escalera login ACCOUNT` to put it into the keyring (on a server: the environment variable "
        "ESCALERA_KEY_<NAME> or a systemd credential), then delete this line and renew the key if others could read it"
    )


def _sentence(path: Path, text: str, problem: Any) -> str:
    place = tuple(problem["loc"])
    where = f"{path}:{_line(text, place)}"
    name = _dotted(place) or "the file"
    overruled = _overruled(place)
    if overruled is not None:
        where = f"{_WHERE_FROM}, {overruled}"
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown setting '{name}'{did_you_mean(str(place[-1]), _known(place[:-1]))}"
    if problem["type"] == "missing":
        return f"{where}: '{name}' is missing; config.example.toml shows every setting"
    return f"{where}: '{name}': {problem['msg'].removeprefix('Value error, ')}"


def _overruled(place: tuple[str | int, ...]) -> str | None:
    """The environment variable that a setting came from, where one is set."""
    words = [str(part).upper() for part in place if isinstance(part, str)]
    names = ("ESCALERA_" + "__".join(words[:depth]) for depth in range(len(words), 0, -1))
    present = {name.upper() for name in os.environ}
    return next((name for name in names if name in present), None)


def _known(place: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in place:
        if part == "accounts":
            model = AccountSettings
        elif isinstance(part, str):
            annotation = model.model_fields[part].annotation if part in model.model_fields else None
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                model = annotation
    return [name for name in model.model_fields if name != "base"]


def _dotted(place: tuple[str | int, ...]) -> str:
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _line(text: str, place: tuple[str | int, ...]) -> int:
    """The 1-based line on which the innermost key of `place` stands, as well as a plain scan can tell."""
    lines = text.splitlines()
    start, position = 0, list(place)
    if len(position) > 1 and isinstance(position[1], int):
        heads = [number for number, line in enumerate(lines) if line.strip().startswith(f"[[{position[0]}]]")]
        start = heads[position[1]] if position[1] < len(heads) else 0
    elif len(position) > 1:
        start = next((n for n, line in enumerate(lines) if line.strip().startswith(f"[{position[0]}]")), 0)
    last = next((str(part) for part in reversed(position) if isinstance(part, str)), "")
    for number in range(start, len(lines)):
        if re.match(rf"""\s*["']?{re.escape(last)}["']?\s*=""", lines[number]):
            return number + 1
    return start + 1
