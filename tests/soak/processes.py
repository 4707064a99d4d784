"""The emulator and the daemon as real processes, and the emulator's control over its socket."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests

ROOT = Path(__file__).parents[2]
PACK = ROOT / "mappings" / "appliance-mx"
ACCOUNT = "demo"
KEY = "rehearsal-key"
#: The long form: thousands of processes, a hundred kills, tens of thousands of tickets.
FULL = os.environ.get("ESCALERA_SOAK") == "full"

_START_WITHIN = 60.0


def environment() -> dict[str, str]:
    """The environment of every process of a rehearsal: this source tree, and the account's key.

    Byte code is kept aside: hundreds of starts would else compile the program hundreds of times, where the tests
    themselves run without writing any.
    """
    kept = Path(tempfile.gettempdir()) / f"escalera-tests-{os.getuid()}"
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "PYTHONPATH": str(ROOT),
        "PYTHONPYCACHEPREFIX": str(kept),
        f"ESCALERA_KEY_{ACCOUNT.upper()}": KEY,
        "PYTHONWARNINGS": "default",
    }


@dataclass(frozen=True, slots=True)
class Said:
    """What a finished verb left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the JSON document it is."""
        return json.loads(self.out)


def command(*words: str) -> list[str]:
    """The argument vector of a verb of the daemon."""
    return [sys.executable, str(ROOT / "daemon.py"), *words]


class Emulator:
    """The emulator in a process of its own; a context manager."""

    def __init__(self, folder: Path, seed: Mapping[str, Any], *options: str) -> None:
        place = folder / "seed.json"
        place.write_text(json.dumps(seed), encoding="utf-8")
        self._errors = (folder / "emulator.err").open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            command("emulator", "--port", "0", "--key", KEY, "--seed", str(place), "--clock", "virtual", *options),
            stdout=subprocess.PIPE, stderr=self._errors, text=True, env=environment(), cwd=folder,
        )  # fmt: skip
        self._session = requests.Session()
        self.url = self._ready()

    def _ready(self) -> str:
        said: queue.Queue[str] = queue.Queue()
        assert self._process.stdout is not None
        threading.Thread(target=lambda: said.put(self._process.stdout.readline()), daemon=True).start()  # type: ignore[union-attr]
        try:
            line = said.get(timeout=_START_WITHIN).strip()
        except queue.Empty:
            line = ""
        if not line.startswith("listening on "):
            self.close()
            msg = f"the emulator did not start: {line or Path(self._errors.name).read_text(encoding='utf-8')}"
            raise AssertionError(msg)
        return line.removeprefix("listening on ")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process and wait for it."""
        self._session.close()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    # --- control -----------------------------------------------------------------------------------------------------
    def get(self, name: str) -> Any:
        """A control reading, for example `requests?since=7`."""
        answer = self._session.get(f"{self.url}/_emulator/{name}", timeout=120)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, name: str, body: Any) -> Any:
        """A control order."""
        answer = self._session.post(f"{self.url}/_emulator/{name}", json=body, timeout=120)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance(self, seconds: int) -> list[dict[str, Any]]:
        """Move the clock; what rules and people did on the way."""
        ran: list[dict[str, Any]] = self.post("advance", {"seconds": seconds})["ran"]
        return ran

    def tickets(self) -> dict[int, dict[str, Any]]:
        """The true state of every ticket, by number."""
        return {row["id"]: row for row in self.get("tickets")}


class Desk:
    """A configured daemon in a folder of its own: its verbs as processes."""

    def __init__(self, folder: Path, url: str, *, pack: Path = PACK, more: str = "") -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.state = folder / "state.db"
        self.config.write_text(
            f'state = "state.db"\n{more}\n[[accounts]]\nname = "{ACCOUNT}"\nhelpdesk = "freshdesk"\n'
            f'url = "{url}"\nmappings = "{pack}"\n',
            encoding="utf-8",
        )

    def verb(self, *words: str, within: float = 300.0) -> Said:
        """Run a verb to its end."""
        done = subprocess.run(
            command(words[0], *words[1:], "--config", str(self.config)),
            capture_output=True, text=True, env=environment(), cwd=self.folder, timeout=within, check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    def once(self) -> Said:
        """One cycle by the helpdesk's clock, in a process of its own; 0, or 3 where the guard holds a plan."""
        said = self.verb("once", "--clock", "server", "--format", "json")
        assert said.code in (0, 3), said
        return said

    def check(self, pack: Path) -> Said:
        """`check` on a pack."""
        done = subprocess.run(
            command("check", str(pack)),
            capture_output=True, text=True, env=environment(), cwd=self.folder, check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    def approve_held(self) -> int:
        """Let every plan pass that the guard holds, as an operator would; how many there were."""
        [account] = self.verb("status", "--format", "json").json["accounts"]
        held = [one["plan"] for one in account["held"]]
        for digest in held:
            said = self.verb("approve", digest, "--user", "rehearsal", "--reason", "looked at")
            assert said.code == 0, said
        return len(held)

    def audit_is_whole(self) -> None:
        """The evidence verifies."""
        said = self.verb("audit", "verify")
        assert said.code == 0, said

    @contextlib.contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """`run` as a process that is there to be signalled or killed; its log is appended to `run.log`."""
        with (self.folder / "run.log").open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                command("run", "--config", str(self.config), *words),
                stdout=log, stderr=log, text=True, env=environment(), cwd=self.folder,
            )  # fmt: skip
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                process.wait()

    def log(self) -> str:
        """Everything `run` has logged."""
        return (self.folder / "run.log").read_text(encoding="utf-8")
