"""The command: one line when ready, a clean stop, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

_ROOT = Path(__file__).parents[3]


def launch(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "connector.emulator", *options]
    env = {**os.environ, "PYTHONPATH": str(_ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=_ROOT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_one_line_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """Exactly `listening on http://127.0.0.1:N`, flushed; the signal ends it with 0 though a client is connected."""
    seed = tmp_path / "seed.json"
    seed.write_text(
        json.dumps({"now": "2026-03-02T09:00:00Z", "statuses": {"8": "En proceso"}, "tickets": [{"status": 8}]})
    )
    options = (
        "--key",
        "K",
        "--seed",
        str(seed),
        "--plan",
        "pro",
        "--clock",
        "virtual",
        "--autoclose",
        "in_process=14d",
    )
    process = launch("--port", "0", *options, "--faults", "skew=0")
    try:
        assert process.stdout is not None
        line = process.stdout.readline().rstrip("\n")
        found = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)", line)
        assert found, line
        with requests.Session() as session:
            session.auth = ("K", "X")
            answer = session.get(f"{found[1]}/api/v2/tickets", timeout=10)
            assert (answer.headers["X-RateLimit-Total"], len(answer.json())) == ("400", 1)
            process.send_signal(number)
            out, err = process.communicate(timeout=15)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--port", "0"], 64, "--key"),
        (["--key", "K", "--plan", "gold"], 64, "gold"),
        (["--key", "K", "--autoclose", "Nirvana=14d,8=soon"], 64, "Nirvana"),
        (["--key", "K", "--faults", "boom"], 64, "boom"),
        (["--key", "K", "--seed", "nowhere.json"], 78, "nowhere.json"),
        (["--key", "K", "--port", "99999"], 64, "99999"),
    ],
)
def test_wrong_use_ends_with_a_reason_and_no_traceback(options: list[str], code: int, words: str) -> None:
    """64 for usage, 78 for a seed."""
    process = launch(*options)
    out, err = process.communicate(timeout=15)
    assert (code, "") == (process.returncode, out)
    assert words in err
    assert "Traceback" not in err
