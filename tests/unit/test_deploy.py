"""What `deploy/` ships, run as far as this machine allows: the unit, its notify protocol, the image, the alerts."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from connector.emulator import serve
from connector.store import open_store
from connector.store.sqlite import APPLICATION_ID
from connector.store.versions import shipped
from tests.unit.commands.conftest import KEY, PACK, SEED

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "escalera.service"
IMAGE = ROOT / "deploy" / "Containerfile"


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def _config(folder: Path, url: str, more: str = "") -> Path:
    config = folder / "config.toml"
    account = f'name = "demo"\nhelpdesk = "freshdesk"\nurl = "{url}"\nmappings = "{PACK}"\n'
    config.write_text(f'state = "state.db"\n[[accounts]]\n{account}{more}')
    return config


# --- the unit ---------------------------------------------------------------------------------------------------------
def test_the_units_exposure_is_what_the_guide_says() -> None:
    """`systemd-analyze security` gives 1.2 or less, and the guide names the figure."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not on this machine")
    got = subprocess.run(
        [tool, "security", "--offline=true", "--threshold=12", str(UNIT)], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for escalera\.service: ([\d.]+)", got.stdout)
    assert found, got.stdout + got.stderr
    assert float(found[1]) <= 1.2
    assert got.returncode == 0
    assert f"exposure level {found[1]}" in (ROOT / "docs" / "operators.md").read_text()


@contextmanager
def _service(config: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """The daemon as systemd starts it: with a socket that hears what it says."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(f"{short}/notify")
        line.settimeout(20)
        own = {"PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": f"{short}/notify", "ESCALERA_KEY_DEMO": KEY}
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "daemon.py"), "run", "--config", str(config), "--every", "1s"],
            env={**os.environ, **own, **environment},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process, line
        finally:
            process.kill()
            process.wait(10)


def _hear(line: socket.socket, seconds: float) -> list[tuple[float, str]]:
    told, until = [], time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        line.settimeout(left)
        try:
            told.append((time.monotonic(), line.recv(256).decode()))
        except TimeoutError:
            break
    return told


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_real_daemon_tells_systemd_all_it_should_and_a_hung_helpdesk_silences_it(tmp_path: Path) -> None:
    """READY, WATCHDOG at half its period, STATUS, STOPPING; the listener is red while a call hangs, and only then."""
    port = _free_port()
    more = f'[web]\nlisten = "127.0.0.1:{port}"\n[loop]\nstep_deadline = "1500ms"\n'
    with serve(SEED, key=KEY) as emulator, _service(
        _config(tmp_path, emulator.url, more), WATCHDOG_USEC="1000000"
    ) as (process, line):  # fmt: skip
        first = line.recv(256).decode()
        told = _hear(line, 3)
        beats = [at for at, one in told if one == "WATCHDOG=1"]
        assert first == "READY=1"
        assert len(beats) >= 3
        assert any(one.startswith("STATUS=last cycle of demo") for _, one in told)
        assert (_status(f"http://127.0.0.1:{port}/healthz"), _status(f"http://127.0.0.1:{port}/readyz")) == (200, 200)
        assert b"escalera_lag_seconds" in requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).content
        requests.post(f"{emulator.url}/_emulator/faults", json={"faults": ["delay:seconds=5,times=1"]}, timeout=10)
        time.sleep(2.9)
        _hear(line, 0.2)
        assert _status(f"http://127.0.0.1:{port}/healthz") == 503
        assert "WATCHDOG=1" not in [one for _, one in _hear(line, 0.8)]
        deadline = time.monotonic() + 15
        while _status(f"http://127.0.0.1:{port}/healthz") != 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert "WATCHDOG=1" in [one for _, one in _hear(line, 2)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert [one for _, one in _hear(line, 1)][-1] == "STOPPING=1"


def test_a_missing_extra_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`[web] listen` without the libraries: exit 78 and how to get them."""
    from connector.errors import ConfigurationError
    from connector.settings import load_settings
    from connector.vitals import Vitals
    from connector.web.start import listening

    settings = load_settings(_config(tmp_path, "http://127.0.0.1:9", '[web]\nlisten = "127.0.0.1:0"\n'))
    for module in [name for name in sys.modules if name.startswith(("uvicorn", "connector.web.listener"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'escalera\[web\]'"):
        listening(settings, Vitals(), None, ["demo"])


# --- the image --------------------------------------------------------------------------------------------------------
def _steps() -> list[tuple[str, str]]:
    """(instruction, rest) of the container file, continued lines joined."""
    text = re.sub(r"\\\n", " ", IMAGE.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def test_the_image_runs_as_nobody_special_and_installs_only_what_is_pinned() -> None:
    """Known instructions alone; a user that is not root before the entry point; hashes; one volume; no secret."""
    steps = _steps()
    known = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in steps} <= known
    last = steps[max(n for n, (word, _) in enumerate(steps) if word == "FROM") :]
    (user,) = [rest for word, rest in last if word == "USER"]
    assert user.split(":")[0].isdigit()
    assert int(user.split(":")[0]) > 0
    assert [word for word, _ in last].index("USER") < [word for word, _ in last].index("ENTRYPOINT")
    installs = [rest for word, rest in steps if word == "RUN" and "pip" in rest]
    assert all("--require-hashes" in rest or "--no-deps" in rest for rest in installs)
    assert [rest for word, rest in last if word == "VOLUME"] == ['["/var/lib/escalera"]']
    assert all(re.search(r":\d+\.\d+", rest) for word, rest in steps if word == "FROM")
    assert not re.search(r"(?i)(key|password|token)\s*=", IMAGE.read_text())
    for source in (rest.split()[0] for word, rest in steps if word == "COPY" and "--from" not in rest):
        assert (ROOT / source).exists()


def test_the_installed_wheel_runs_unprivileged_with_nothing_writable_but_its_state() -> None:
    """The image's own steps by hand: the wheel, a user that owns nothing, one folder to write into."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        pytest.skip("dropping privileges needs root and setpriv")
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("the wheel is built by hatchling, which is not installed")
    work = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        work.chmod(0o755)
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(work)], cwd=ROOT, check=True,
            capture_output=True, timeout=120,
        )  # fmt: skip
        installed, state = work / "installed", work / "state"
        with zipfile.ZipFile(next(work.glob("*.whl"))) as wheel:
            wheel.extractall(installed)
        subprocess.run(["chmod", "-R", "a+rX,go-w", str(installed)], check=True)
        state.mkdir()
        os.chown(state, 65534, 65534)
        state.chmod(0o700)
        with serve(SEED, key=KEY) as emulator:
            config = work / "config.toml"
            config.write_text(
                f'[[accounts]]\nname = "demo"\nhelpdesk = "freshdesk"\nurl = "{emulator.url}"\n'
                f'mappings = "{installed}/connector/_packs/appliance-mx"\n'
            )
            config.chmod(0o644)
            # Everything but the state is read-only, where the machine lets us mount; else ownership alone forbids.
            mount = (
                f"mount --make-rprivate / && mount --bind {state} {state} && mount -o remount,bind,ro / "
                f"&& mount -o remount,bind,rw {state}"
            )
            drop = f"exec {setpriv} --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all"
            can = subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False).returncode == 0
            program = f'"{sys.executable}" -c "import sys, daemon; sys.exit(daemon.main())"'
            call = f"{program} once --config {config} --clock server"
            shell = f"{mount} && {drop} {call}" if can else f"{drop} {call}"
            got = subprocess.run(
                ["unshare", "-m", "sh", "-c", shell] if can else ["sh", "-c", shell], cwd=state, capture_output=True,
                text=True, timeout=120, check=False,
                env={
                    "PYTHONPATH": str(installed), "ESCALERA_KEY_DEMO": KEY, "ESCALERA_STATE": f"{state}/state.db",
                    "HOME": "/nonexistent", "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1",
                },
            )  # fmt: skip
        assert got.returncode in {0, 3}, got.stdout + got.stderr
        made = [path for path in work.rglob("*") if path.stat().st_uid == 65534 and path != state]
        assert made
        assert all(path.is_relative_to(state) for path in made)
        assert {oct(path.stat().st_mode & 0o077) for path in made if path.is_file()} == {"0o0"}
    finally:
        shutil.rmtree(work, ignore_errors=True)


# --- alerts -----------------------------------------------------------------------------------------------------------
def test_every_alert_asks_for_figures_that_exist(tmp_path: Path) -> None:
    """Each metric named in the rules is one the daemon exports; promtool agrees where it is installed."""
    from connector.vitals import Vitals
    from connector.web.metrics import Board

    vitals = Vitals()
    vitals.start(["demo"])
    board = Board(vitals, lambda: datetime.now(UTC))
    known = set(re.findall(r"^# TYPE (\w+)", board.text().decode(), re.MULTILINE)) | {"up"}
    rules: Any = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        named = set(re.findall(r"\b(escalera_\w+)", rule["expr"]))
        assert named or rule["expr"].startswith("up{")
        assert named - known == set(), rule["alert"]
        assert {"severity"} == set(rule["labels"])
        assert rule["annotations"]["summary"]
    promtool = shutil.which("promtool")
    if promtool:
        subprocess.run([promtool, "check", "rules", str(ROOT / "deploy" / "alerts.yml")], check=True, timeout=60)


# --- upgrade and rollback ---------------------------------------------------------------------------------------------
def _first_schema(path: Path) -> None:
    """A state as the first release made it, with an account's fact in it."""
    first = shipped("sqlite")[0]
    with sqlite3.connect(path) as made:
        for statement in first.statements():
            made.execute(statement)
        made.execute(f"PRAGMA user_version = {first.number}")
        made.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    made.close()


def test_a_state_of_the_first_schema_is_taken_over_by_the_program(tmp_path: Path) -> None:
    """Opened, it is brought forward, with a backup beside it that still has its old version."""
    path = tmp_path / "state.db"
    _first_schema(path)
    store = open_store(path)
    with store.transaction():
        store.set_fact("demo", "policy", "abc", datetime(2026, 3, 2, tzinfo=UTC))
    assert store.fact("demo", "policy") == "abc"
    store.close()
    with sqlite3.connect(path) as looked:
        assert looked.execute("PRAGMA user_version").fetchone() == (len(shipped("sqlite")),)
    looked.close()
    backups = [one for one in tmp_path.glob("state.db.*") if not one.name.endswith(("-wal", "-shm"))]
    if len(shipped("sqlite")) > 1:
        assert backups
        with sqlite3.connect(backups[0]) as old:
            assert old.execute("PRAGMA user_version").fetchone() == (1,)
        old.close()


def test_an_older_program_refuses_a_newer_state_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence with both versions and the way back; exit 1; nothing is changed."""
    from connector import cli

    config = _config(tmp_path, "http://127.0.0.1:9")
    open_store(tmp_path / "state.db").close()
    with sqlite3.connect(tmp_path / "state.db") as newer:
        newer.execute("PRAGMA user_version = 9999")
    newer.close()
    before = (tmp_path / "state.db").read_bytes()
    code = cli.run(["status", "--config", str(config)])
    told = capsys.readouterr().err
    assert (code, "version 9999" in told, "restore the backup" in told) == (1, True, True)
    assert (tmp_path / "state.db").read_bytes() == before
