"""Where an account's API key comes from: never the configuration file, never a log.

In this order: the environment variable `ESCALERA_KEY_<NAME>`, the systemd credential `escalera-key-<name>` (a file in
`$CREDENTIALS_DIRECTORY`), the system's keyring (service `escalera`). `escalera login` writes to the keyring only.

The key that signs the audit's head is found the same way (`ESCALERA_AUDIT_KEY`, the credential `escalera-audit-key`,
the keyring entry `audit key`), and made in the keyring at its first need.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.errors import ConfigurationError
from connector.logs import keep_out

SERVICE = "escalera"
HINT_SERVICE = "escalera-hint"
_SHORTEST_HINT = 16
#: What an account may be called: it becomes part of the names of variables, files and keyring entries.
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
AUDIT_VARIABLE = "ESCALERA_AUDIT_KEY"
AUDIT_CREDENTIAL = "escalera-audit-key"
#: Not a possible account's name, so no account's key can stand under it.
_AUDIT_ENTRY = "audit key"
_AUDIT_LEAST = 32


def variable(account: str) -> str:
    """The environment variable that may hold an account's key: `ESCALERA_KEY_` and its name in capitals."""
    return "ESCALERA_KEY_" + re.sub(r"[^A-Z0-9]", "_", account.upper())


def credential(account: str) -> str:
    """The name of the systemd credential that may hold an account's key."""
    return f"escalera-key-{account}"


def api_key(account: str, environment: Mapping[str, str] = os.environ) -> str:
    """The account's key. Raises ConfigurationError saying all the ways to provide it."""
    given = environment.get(variable(account))
    if given is not None:
        return _clean(given, f"the environment variable {variable(account)}")
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if folder:
        path = Path(folder) / credential(account)
        if path.is_file():
            return _clean(_read(path), f"the systemd credential {credential(account)}")
    stored = _from_keyring(account)
    if stored is not None:
        return _clean(stored, "the keyring")
    msg = (
        f"no API key for account '{account}': run `escalera login {account}` (keyring), or on a server set "
        f"{variable(account)}, or give the service the systemd credential {credential(account)}"
    )
    raise ConfigurationError(msg)


def hint_secret(account: str, environment: Mapping[str, str] = os.environ) -> str:
    """The secret that proves an account's webhook hints: `ESCALERA_HINT_<NAME>`, the systemd credential
    `escalera-hint-<name>`, or the keyring. Raises ConfigurationError where there is none, or a short one.
    """
    named = "ESCALERA_HINT_" + variable(account).removeprefix("ESCALERA_KEY_")
    credited = f"escalera-hint-{account}"
    folder = environment.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / credited if folder else None
    if named in environment:
        found, where = environment[named], f"the environment variable {named}"
    elif path is not None and path.is_file():
        found, where = _read(path), f"the systemd credential {credited}"
    else:
        found, where = _from_keyring(account, HINT_SERVICE) or "", "the keyring"
    if not found:
        msg = (
            f"no secret for the webhook hints of account '{account}': run `escalera login {account} --hints`, or on a "
            f"server set {named}, or give the service the systemd credential {credited}"
        )
        raise ConfigurationError(msg)
    secret = _clean(found, where)
    if len(secret) < _SHORTEST_HINT:
        msg = f"the hint secret of account '{account}' in {where} is too short: take {_SHORTEST_HINT} signs or more"
        raise ConfigurationError(msg)
    return secret


def audit_key(environment: Mapping[str, str] = os.environ, *, make: bool = False) -> str | None:
    """The key that signs the audit's head, None where there is none. `make`: make one in the keyring if it is safe.

    Raises ConfigurationError for a key that is too short to be one, and where the keyring is locked.
    """
    folder = environment.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / AUDIT_CREDENTIAL if folder else None
    if AUDIT_VARIABLE in environment:
        return _long_enough(environment[AUDIT_VARIABLE], f"the environment variable {AUDIT_VARIABLE}")
    if path is not None and path.is_file():
        return _long_enough(_read(path), f"the systemd credential {AUDIT_CREDENTIAL}")
    try:
        stored = _from_keyring(_AUDIT_ENTRY)
        if stored is None and make and _is_safe(_backend()):
            store_key(_AUDIT_ENTRY, secrets.token_hex(_AUDIT_LEAST))
            # Where two processes make one in the same instant, the one that stands is the key.
            stored = _from_keyring(_AUDIT_ENTRY)
        return None if stored is None else _clean(stored, "the keyring")
    except ConfigurationError as error:
        msg = f"the keyring gives no key for the audit; unlock it, or set {AUDIT_VARIABLE}"
        raise ConfigurationError(msg) from error


def _long_enough(key: str, where: str) -> str:
    key = _clean(key, where)
    if len(key) < _AUDIT_LEAST:
        msg = f"the audit key in {where} has {len(key)} signs; take {_AUDIT_LEAST} or more: `openssl rand -hex 32`"
        raise ConfigurationError(msg)
    return key


def store_key(account: str, key: str, service: str = SERVICE) -> str:
    """Put a key into the keyring; returns the backend's name. Raises ConfigurationError where none is safe."""
    import keyring
    import keyring.errors

    backend = _backend()
    if not _is_safe(backend):
        msg = (
            f"no safe keyring on this machine ({_name(backend)}): set {variable(account)} in the service's environment "
            f"or give it the systemd credential {credential(account)}"
        )
        raise ConfigurationError(msg)
    try:
        keyring.set_password(service, account, _clean(key, "the key"))
    except keyring.errors.KeyringError as error:
        msg = f"the keyring ({_name(backend)}) refused the key: {error}"
        raise ConfigurationError(msg) from error
    return _name(backend)


def _from_keyring(account: str, service: str = SERVICE) -> str | None:
    import keyring
    import keyring.errors

    if not _is_safe(_backend()):
        return None
    try:
        return keyring.get_password(service, account)
    except keyring.errors.KeyringError as error:
        msg = f"the keyring can't be read for account '{account}': {error}; unlock it or set {variable(account)}"
        raise ConfigurationError(msg) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        msg = f"the systemd credential {path} can't be read ({error.strerror})"
        raise ConfigurationError(msg) from error
    except UnicodeDecodeError:
        msg = f"the systemd credential {path} holds no text"
        raise ConfigurationError(msg) from None


def _backend() -> Any:
    """The keyring in use. Raises ConfigurationError where the one the user chose can't be loaded."""
    import keyring

    try:
        return keyring.get_keyring()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        msg = f"the keyring that PYTHON_KEYRING_BACKEND or keyringrc.cfg names can't be loaded: {error}"
        raise ConfigurationError(msg) from error


def _is_safe(backend: Any) -> bool:
    """No plain-text file on disk (keyrings.alt), and not the backend that only says there is none."""
    module = type(backend).__module__
    if module.startswith("keyring.backends.chainer"):
        # It writes into the first of its parts.
        parts = list(backend.backends)
        return bool(parts) and _is_safe(parts[0])
    return not module.startswith(("keyrings.alt", "keyring.backends.fail", "keyring.backends.null"))


def _name(backend: Any) -> str:
    return f"{type(backend).__module__}.{type(backend).__name__}"


def _clean(key: str, where: str) -> str:
    key = key.strip()
    if not key or any(ord(sign) < 33 or ord(sign) > 126 for sign in key):
        msg = f"the API key in {where} is empty or holds spaces or unprintable signs"
        raise ConfigurationError(msg)
    keep_out(key)
    return key
