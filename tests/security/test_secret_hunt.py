"""A whole life with marked secrets and a marked customer; then everything it said and left behind is searched for them.

The API key, the hint secret and the audit key are looked for as they are and in the coats they travel in. Where the
operator put them themselves, the environment of the process, is the one place where they may stand: /proc/PID/environ
can be read by that user alone. The state holds customers' words, as it must; logs and the listener's answers hold none.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from connector import cli
from connector.emulator import serve
from connector.http.client import HttpClient
from connector.inbox import leave
from connector.web.auth import signature
from tests.security.test_files import _approved
from tests.unit.commands.conftest import PACK, SEED
from tests.unit.raw_server import RawServer, answer, raw, reset

ROOT = Path(__file__).parents[2]
KEY = "hUnt/K3y+7f1c=%41~9e"
HINT = "hUnt.Hint+Secret/2b8d=%42"
AUDIT = "hUnt-Audit-K3y/" + "5a" * 16
NAME, MAIL, WORDS = "Zenobia Quetzalcoatl", "zenobia.q@hunt.example", "mi palabra secretisima es girasol"
ENVIRONMENT = {"ESCALERA_KEY_DEMO": KEY, "ESCALERA_HINT_DEMO": HINT, "ESCALERA_AUDIT_KEY": AUDIT}


def coats(secret: str) -> set[bytes]:
    """The secret as it is, and as it is sent, quoted, printed as hex, or packed with what stands beside it."""
    whole = secret.encode()
    packed = {base64.b64encode(whole).rstrip(b"="), base64.b64encode(whole + b":X").rstrip(b"=")}
    return {whole, quote(secret, safe="").encode(), quote(secret).encode(), whole.hex().encode(), *packed} | {
        json.dumps(secret).strip('"').encode(), repr(secret).strip("'").encode()
    }  # fmt: skip


@dataclass
class Found:
    """Everything said and left behind: where, and the bytes."""

    said: dict[str, bytes] = field(default_factory=dict)
    logs: dict[str, bytes] = field(default_factory=dict)

    def hunt(self, secret: str, places: dict[str, bytes]) -> list[str]:
        """The places where the secret stands in any coat."""
        return [f"{place}: {coat!r}" for place, content in places.items() for coat in coats(secret) if coat in content]

    def files(self, folder: Path) -> None:
        """All files of the folder but the configuration, and of workbooks and databases what they hold."""
        import zipfile

        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.name == "config.toml":
                continue
            self.said[str(path.relative_to(folder))] = path.read_bytes()
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as book:
                    self.said |= {f"{path.name}!{name}": book.read(name) for name in book.namelist()}


def _echo(status: int) -> Callable[[socket.socket, bytes], None]:
    """A helpdesk that sends back what it was sent, key and all."""

    def send(connection: socket.socket, request: bytes) -> None:
        told = request.decode("latin-1")
        body = json.dumps({"code": "x", "message": f"{told} {KEY} {NAME}", "errors": [{"field": KEY, "message": told}]})
        answer(status, body.encode(), X_Echo=KEY, Set_Cookie=f"k={quote(KEY)}")(connection, request)

    return send


BEHAVIOURS = {
    "401": _echo(401), "403": _echo(403), "400": _echo(400), "404": _echo(404), "500": _echo(500),
    "echo": _echo(200), "reset": reset, "garbage": raw(KEY.encode() + b"\r\n\r\n"),
    "redirect": answer(302, Location=f"http://{quote(KEY)}:X@127.0.0.1:1/{quote(KEY)}?k={quote(KEY)}"),
}  # fmt: skip


def _config(folder: Path, url: str, *, web: str = "off", form: str = "json", within: str = "5s") -> Path:
    place = folder / "config.toml"
    place.write_text(
        f'state = "state.db"\n[[accounts]]\nname = "demo"\nhelpdesk = "freshdesk"\nurl = "{url}"\nmappings = "{PACK}"\n'
        f'[log]\nlevel = "debug"\nformat = "{form}"\n[web]\nlisten = "{web}"\n'
        f'hints = "{"hmac" if web != "off" else "off"}"\n'
        f'[http]\ndeadline = "{within}"\n'
    )
    return place


def _seed() -> dict[str, Any]:
    mine = {**SEED["tickets"][0], "subject": WORDS, "description": f"{WORDS} Profeco {NAME} {MAIL}"}  # type: ignore[index]
    return {**SEED, "contacts": [{"id": 90, "name": NAME, "email": MAIL}], "tickets": [mine, *SEED["tickets"][1:]]}  # type: ignore[index]


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def _call(found: Found, name: str, *words: object) -> int:
    """One command line in this process; what it printed and logged is kept."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run([str(word) for word in words])
    name = f"{len(found.said)} {name}"
    found.said[f"{name} stdout"] = out.getvalue().encode("utf-8", "surrogatepass")
    found.logs[f"{name} stderr"] = err.getvalue().encode("utf-8", "surrogatepass")
    return code


def test_no_secret_and_no_customer_in_what_the_verbs_say_and_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every verb, every error the helpdesk can answer with, every report, the evidence, a backup, a fault in a rule."""
    found = Found()
    with serve(_seed(), key=KEY) as emulator:
        config = _config(tmp_path, emulator.url)
        live = ("--config", config)
        for words in (
            ("plan", *live, "--clock", "server", "--out", tmp_path / "saved.plan"),
            ("once", *live, "--clock", "server"),
            ("once", *live, "--clock", "server", "--format", "json"),
            ("explain", "7", *live, "--clock", "server", "--format", "json"),
            ("show", tmp_path / "saved.plan"),
            ("status", *live, "--format", "json"),
            ("report", "dry-run", *live, "--clock", "server", "--out", tmp_path / "report.html"),
            ("report", "dry-run", *live, "--clock", "server", "--format", "xlsx", "--out", tmp_path / "report.xlsx"),
            ("report", "register", *live, "--out", tmp_path / "register.xlsx"),
            ("report", "causes", *live, "--format", "json"),
            ("audit", "list", *live, "--format", "json"),
            ("audit", "verify", *live),
            ("audit", "export", *live, "--out", tmp_path / "evidence"),
            ("backup", *live, "--out", tmp_path / "backup.db"),
        ):
            assert _call(found, " ".join(map(str, words[:2])), *words) in (0, 2, 3), words
        leave(str(tmp_path / "state.db"), _word())
        asked = {"ticket": 7, "by": "customer", "reply": WORDS}
        assert requests.post(f"{emulator.url}/_emulator/events", json=asked, timeout=10).ok

        def crash(*_: object, **__: object) -> None:
            msg = f"{KEY} {AUDIT} {NAME} {MAIL} {WORDS}"
            raise RuntimeError(msg)

        with monkeypatch.context() as patch:
            patch.setattr("connector.cycle.gather.decide", crash)
            for form in ("json", "console"):
                config = _config(tmp_path, emulator.url, form=form)
                _call(found, f"once {form}, a rule that crashes", "once", "--config", config, "--clock", "server")
    assert b"RuntimeError" in b"".join(found.logs.values()), "the fault was to be logged"
    monkeypatch.setattr(HttpClient, "_wait", lambda *_: None)  # between attempts nothing is said
    for name, behaviour in BEHAVIOURS.items():
        with RawServer(behaviour) as server:
            code = _call(found, f"once, {name}", "once", "--config", _config(tmp_path, server.url))
            assert code != 0, name
    with RawServer(raw(b"no TLS here")) as server:
        _call(
            found,
            "once, TLS",
            "once",
            "--config",
            _config(tmp_path, server.url.replace("http:", "https:"), within="0.3s"),
        )
    found.files(tmp_path)
    assert {"state.db", "saved.plan", "backup.db", "evidence/audit.csv", "register.xlsx"} <= set(found.said)
    assert _standing(found) == []
    assert [one for word in (NAME, MAIL, WORDS) for one in found.hunt(word, found.logs)] == []


def _word() -> Any:
    from connector.inbox import Word

    return Word(*_approved())


def _standing(found: Found) -> list[str]:
    everywhere = {**found.said, **found.logs}
    return [one for secret in (KEY, HINT, AUDIT) for one in found.hunt(secret, everywhere)]


# --- the daemon as a process ------------------------------------------------------------------------------------------
@contextlib.contextmanager
def _daemon(config: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "run.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "daemon.py"), "run", "--config", str(config), "--clock", "server",
             "--every", "1s"],
            stdout=log, stderr=log, cwd=folder, env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(20)


def _url(folder: Path) -> str:
    for _ in range(300):
        told = re.search(r'"url": "(http://[^"]+)"', (folder / "run.log").read_text())
        if told:
            return told[1]
        time.sleep(0.1)
    raise AssertionError((folder / "run.log").read_text())


def _ask(url: str, body: bytes | None = None, **headers: str) -> bytes:
    request = urllib.request.Request(url, body, {k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as got:
            return bytes(str(got.headers), "latin-1") + got.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return bytes(str(refused.headers), "latin-1") + refused.read()


def test_no_secret_and_no_customer_in_the_running_daemon(tmp_path: Path) -> None:
    """Its log, its command line, its files while it runs, the write-ahead log too, and what its listener answers."""
    found = Found()
    with serve(_seed(), key=KEY) as emulator:
        config = _config(tmp_path, emulator.url, web="127.0.0.1:0")
        with _daemon(config, tmp_path) as process:
            base = _url(tmp_path)
            stamp = str(int(time.time()))
            hint = json.dumps({"ticket": 7, "subject": WORDS, "secret": HINT}).encode()
            signed = {
                "X_Escalera_Timestamp": stamp, "X_Escalera_Id": "1", "Content_Type": "application/json",
                "X_Escalera_Signature": signature(HINT, stamp, "1", hint),
            }  # fmt: skip
            found.logs["a hint"] = _ask(f"{base}/hints/demo", hint, **signed)
            assert b'"taken"' in found.logs["a hint"]
            found.logs["a wrong hint"] = _ask(f"{base}/hints/demo", hint, X_Escalera_Secret=HINT)
            found.logs["a strange hint"] = _ask(f"{base}/hints/{quote(NAME)}?key={quote(KEY)}", hint)
            for _ in range(100):
                if b'"event": "cycle"' in (tmp_path / "run.log").read_bytes():
                    break
                time.sleep(0.1)
            for page in ("healthz", "readyz", "metrics", quote(HINT), f"?key={quote(KEY)}"):
                found.logs[page] = _ask(f"{base}/{page}")
            for path in Path("/proc").glob(f"{process.pid}/task/*/c*"):
                if path.name in {"cmdline", "children", "comm"}:
                    found.said[str(path)] = path.read_bytes()
            found.said["cmdline"] = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            assert (tmp_path / "state.db-wal").exists()
            found.files(tmp_path)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    found.files(tmp_path)
    found.logs["run.log"] = found.said["run.log"]
    assert b"daemon.py" in found.said["cmdline"]
    assert b"escalera_up" in found.logs["metrics"]
    assert _standing(found) == []
    assert [one for word in (NAME, MAIL, WORDS) for one in found.hunt(word, found.logs)] == []


def test_a_fault_that_ends_the_process_tells_no_secret(tmp_path: Path) -> None:
    """Not by Python's own traceback, whose last line is the message, in any thread; its places stand."""
    code = (
        "import sys, threading, daemon\nfrom connector import cli, secrets\n"
        f"def fail(*_):\n    secrets.api_key('demo')\n    raise KeyError({KEY + NAME!r})\n"
        "def both(*_):\n    one = threading.Thread(target=fail)\n    one.start()\n    one.join()\n    fail()\n"
        "cli.run = both\nsys.exit(daemon.main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        cwd=ROOT,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1
    assert done.stderr.count(b"KeyError") == 2
    assert b"in fail" in done.stderr
    assert NAME.encode() not in done.stderr
    assert Found().hunt(KEY, {"stderr": done.stderr}) == []


def test_the_hunt_finds_what_is_there() -> None:
    """A search that finds nothing proves something only where it would find it."""
    for coat in coats(KEY):
        assert Found().hunt(KEY, {"x": b"abc " + coat + b" def"})
