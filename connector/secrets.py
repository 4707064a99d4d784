"""Where an account's API key comes from: never the configuration file, never a log.

In this order: the environment variable `ESCALERA_KEY_<NAME>`, the systemd credential `escalera-key-<name>` (a file in
`$CREDENTIALS_DIRECTORY`), the system's keyring (service `escalera`). `escalera login` writes to the keyring only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.errors import ConfigurationError

SERVICE = "escalera"
#: What an account may be called: it becomes part of the names of variables, files and keyring entries.
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


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


def store_key(account: str, key: str) -> str:
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
        keyring.set_password(SERVICE, account, _clean(key, "the key"))
    except keyring.errors.KeyringError as error:
        msg = f"the keyring ({_name(backend)}) refused the key: {error}"
        raise ConfigurationError(msg) from error
    return _name(backend)


def _from_keyring(account: str) -> str | None:
    import keyring
    import keyring.errors

    if not _is_safe(_backend()):
        return None
    try:
        return keyring.get_password(SERVICE, account)
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
    return key
