"""Watches a mapping folder: a changed one is loaded whole and swapped in, a broken one leaves the old policy alive."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from connector.core.policy import Policy
from connector.cycle.account import Account
from connector.errors import EscaleraError

_log = structlog.get_logger("escalera.reload")
_ENDINGS = frozenset({".yaml", ".yml", ".ics"})

#: Loads a folder: (the policy, its texts by file). Raises an EscaleraError whose text names every problem.
Load = Callable[[Path], tuple[Policy, Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a check found: a new policy, or the problems that kept the old one."""

    policy: Policy | None
    files: Mapping[str, str]
    problems: str | None = None


class MappingWatch:
    """One folder and what was last seen of it: stamps first, for they cost nothing, then the bytes themselves."""

    def __init__(self, folder: Path, load: Load) -> None:
        self.folder = folder
        self._load = load
        self._stamps = self._look()
        self._hash = self._read()

    def check(self, *, force: bool = False) -> Reloaded | None:
        """What changed since the last check; None where nothing did. `force` loads anew in any case.

        A file changed while it is read is seen by its stamp at the next check: the same problem is told once.
        """
        stamps = self._look()
        if stamps == self._stamps and not force:
            return None
        self._stamps = stamps
        content = self._read()
        if content == self._hash and not force:
            return None
        self._hash = content
        try:
            policy, files = self._load(self.folder)
        except EscaleraError as error:
            return Reloaded(None, {}, str(error))
        return Reloaded(policy, files)

    def _paths(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.suffix in _ENDINGS)

    def _look(self) -> tuple[Any, ...]:
        found = []
        for path in self._paths():
            try:
                seen = path.stat()
            except OSError:  # removed this instant: its absence shows in the list next time
                continue
            found.append((str(path), seen.st_mtime_ns, seen.st_size, seen.st_ino))
        return tuple(found)

    def _read(self) -> str:
        digest = hashlib.sha256()
        for path in self._paths():
            try:
                content = path.read_bytes()
            except OSError as error:
                content = f"unreadable: {error.errno}".encode()
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()


def refresh(account: Account, watch: MappingWatch, *, force: bool = False) -> bool:
    """Swap in a changed policy, or keep the old one and say in log and audit why; True where it was swapped."""
    found = watch.check(force=force)
    if found is None:
        return False
    if found.policy is None:
        _log.error("mapping is broken; the old policy stays", account=account.name, problems=found.problems)
        at = account.reader.server_time() or account.clock()
        body = {"folder": str(watch.folder), "kept": account.policy.digest, "problems": found.problems}
        with account.store.transaction():
            account.store.append_audit(account.name, at, "policy_kept", body)
        return False
    if found.policy.digest == account.policy.digest:
        return False
    if account.rebind is not None:
        account.reader, account.writer = account.rebind(found.policy)
    account.policy, account.files = found.policy, found.files
    _log.info("new policy", account=account.name, policy=found.policy.digest)
    return True
