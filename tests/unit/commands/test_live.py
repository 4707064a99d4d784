"""The verbs on a configured account: a helpdesk on a real socket, a real state, and the real program as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from connector.oslock import StateLock
from tests.unit.commands.conftest import KEY, NOW, PACK, ROOT, Call, Live


def test_plan_only_reads(call: Call, live: Live) -> None:
    """`plan` ends with 2, sends only GET requests and leaves no state behind."""
    got = call("plan", "--config", live.config, "--clock", "server", "--format", "json")
    assert got.code == 2
    assert [(one["ticket"], one["kind"]) for one in got.json["actions"]] == [("7", "set")]
    assert live.methods == {"GET"}
    assert not (live.folder / "state.db").exists()


def test_once_acts_once_and_everything_about_it_can_be_read(call: Call, live: Live) -> None:
    """One cycle sets the priority; the next has nothing to do; status, audit and its chain tell of it."""
    first = call("once", "--config", live.config, "--clock", "server", "--format", "json")
    assert (first.code, first.json["outcomes"]) == (0, {"done": 1})
    second = call("once", "--config", live.config, "--clock", "server")
    assert (second.code, "nothing to do" in second.out) == (0, True)
    assert "PUT" in live.methods

    status = call("status", "--config", live.config, "--now", NOW, "--format", "json")
    assert status.code == 0
    (account,) = status.json["accounts"]
    assert (account["account"], account["tickets_open"], account["needs_a_person"]) == ("demo", 2, [])
    assert "account demo: 2 open tickets" in call("status", "--config", live.config, "--now", NOW).out

    events = call("audit", "--config", live.config, "--format", "json").json
    assert {"policy", "outcome"} <= {one["kind"] for one in events}
    assert all(
        one["ticket"] == "7" for one in call("audit", "--config", live.config, "--ticket", "7", "--format", "json").json
    )
    verified = call("audit", "verify", "--config", live.config, "--format", "json")
    assert (verified.code, verified.json["ok"]) == (0, True)


def test_exported_audit_verifies_and_a_change_in_it_is_found(call: Call, live: Live, tmp_path: Path) -> None:
    """The export verifies by itself and against a head; one changed byte is found with its event."""
    call("once", "--config", live.config, "--clock", "server")
    out = tmp_path / "audit.jsonl"
    assert call("audit", "export", "--config", live.config, "--format", "jsonl", "--out", out).code == 0
    assert out.stat().st_mode & 0o777 == 0o600
    whole = call("audit", "verify", "--file", out, "--format", "json")
    assert (whole.code, whole.json["ok"]) == (0, True)
    assert call("audit", "verify", "--file", out, "--head", whole.json["head"]).code == 0
    lines = out.read_text(encoding="utf-8").splitlines(keepends=True)
    out.write_text("".join(lines[:-1]), encoding="utf-8")
    assert call("audit", "verify", "--file", out, "--head", whole.json["head"]).code == 1
    out.write_text("".join(lines).replace("urgent", "normal", 1), encoding="utf-8")
    assert call("audit", "verify", "--file", out).code == 1
    out.write_bytes(b"\xff\xfe\x00nonsense\n")
    broken = call("audit", "verify", "--file", out)
    assert (broken.code, "THE CHAIN IS BROKEN" in broken.out) == (1, True)
    assert call("audit", "verify", "--file", out, "--head", "abc").code == 64


def test_explain_of_a_live_ticket(call: Call, live: Live) -> None:
    """`explain` asks the helpdesk for the one ticket; one that is not there is one line and 64."""
    told = call("explain", "7", "--config", live.config, "--clock", "server", "--format", "json")
    assert told.code == 0
    assert {one["call"] for one in told.json["rules"]} >= {"act", "no"}
    missing = call("explain", "4711", "--config", live.config, "--clock", "server")
    assert (missing.code, missing.err) == (64, "escalera: ticket 4711 is not in account 'demo'\n")


def test_saved_plan_is_applied_once(call: Call, live: Live, tmp_path: Path) -> None:
    """A saved plan is carried out once; a second time it is refused."""
    saved = tmp_path / "plan.json"
    assert call("plan", "--config", live.config, "--clock", "server", "--out", saved).code == 2
    done = call("apply", saved, "--config", live.config, "--clock", "server", "--format", "json")
    assert (done.code, [one["outcome"] for one in done.json["results"]]) == (0, ["done"])
    again = call("apply", saved, "--config", live.config, "--clock", "server")
    assert again.code == 64
    assert "once" in again.err


def test_drifted_ticket_is_left_alone_and_reported(call: Call, live: Live, tmp_path: Path) -> None:
    """A ticket a person changed after the plan was made is reported as drifted and not written."""
    saved = tmp_path / "plan.json"
    call("plan", "--config", live.config, "--clock", "server", "--out", saved)
    live.emulator.advance(60)
    event = {"ticket": 7, "by": "agent", "set": {"priority": 3}}
    assert requests.post(f"{live.emulator.url}/_emulator/events", json=event, timeout=10).status_code == 200
    done = call("apply", saved, "--config", live.config, "--clock", "server", "--format", "json")
    assert [one["outcome"] for one in done.json["results"]] == ["drifted"]
    assert done.code == 0


def _held(call: Call, live: Live) -> str:
    live.config.write_text(live.config.read_text(encoding="utf-8") + "[limits]\nactions = 0\n", encoding="utf-8")
    got = call("once", "--config", live.config, "--clock", "server", "--format", "json")
    assert got.code == 3
    return str(got.json["held"])


def test_held_plan_is_shown_approved_and_carried_out_once(call: Call, live: Live) -> None:
    """The guard holds; a person approves with name and reason; the next cycle carries it out, and only it."""
    digest = _held(call, live)
    shown = call("show", digest[:12], "--config", live.config)
    assert (shown.code, "state: held" in shown.out) == (0, True)
    assert call("status", "--config", live.config, "--now", NOW).code == 1
    word = call("approve", digest[:12], "--config", live.config, "--user", "laura", "--reason", "checked", "--now", NOW)
    assert (word.code, "approved by laura" in word.out) == (0, True)
    done = call("once", "--config", live.config, "--clock", "server", "--format", "json")
    assert done.json["outcomes"] == {"done": 1}
    events = call("audit", "--config", live.config, "--kind", "plan_approved", "--format", "json").json
    assert [(one["body"]["by"], one["body"]["reason"]) for one in events] == [("laura", "checked")]
    used = call("approve", digest[:12], "--config", live.config)
    assert (used.code, "used once" in used.err) == (64, True)


def test_approval_beside_a_running_daemon_goes_through_the_inbox(call: Call, live: Live) -> None:
    """While another process holds the state the word is left beside it; that process's next cycle takes it up."""
    digest = _held(call, live)
    with StateLock(live.folder / "state.db"):
        unknown = call("approve", "0123456789abcdef", "--config", live.config)
        assert (unknown.code, "no saved plan" in unknown.err) == (64, True)
        left = call("approve", digest[:12], "--config", live.config, "--user", "laura", "--now", NOW)
        assert (left.code, "left for its next cycle" in left.out) == (0, True)
        assert len(list((live.folder / "state.db.inbox").glob("*.json"))) == 1
        busy = call("once", "--config", live.config)
        assert busy.code == 1
        assert f"pid {os.getpid()}" in busy.err
    done = call("once", "--config", live.config, "--clock", "server", "--format", "json")
    assert done.json["outcomes"] == {"done": 1}
    assert list((live.folder / "state.db.inbox").glob("*.json")) == []


def test_rejected_plan_is_not_asked_about_again(call: Call, live: Live) -> None:
    """`approve --reject` keeps the plan from passing."""
    digest = _held(call, live)
    word = call("approve", digest[:12], "--config", live.config, "--reject", "--user", "laura", "--now", NOW)
    assert (word.code, "rejected by laura" in word.out) == (0, True)
    call("once", "--config", live.config, "--clock", "server")
    assert "PUT" not in live.methods


def test_wrong_key_is_one_sentence_without_the_key(call: Call, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused key: exit code 1, what to do, and the key itself nowhere."""
    monkeypatch.setenv("ESCALERA_KEY_DEMO", "wrong-key-123456")
    got = call("plan", "--config", live.config)
    assert got.code == 1
    assert "Traceback" not in got.err
    assert "wrong-key-123456" not in got.err + got.out


def test_check_live_compares_people_and_statuses(call: Call, live: Live) -> None:
    """`check --live` asks the account: its own people and statuses are found."""
    got = call("check", "--live", "--config", live.config, "--format", "json")
    assert got.code == 0
    assert [one["code"] for one in got.json[str(PACK)] if one["code"] in {"W102", "W103"}] == []


def test_report_of_a_live_account(call: Call, live: Live, tmp_path: Path) -> None:
    """`report` on an account reads only, and names the plan it is about."""
    out = tmp_path / "report.html"
    got = call("report", "--config", live.config, "--clock", "server", "--out", out, "--language", "es")
    assert got.code == 0
    assert "Qué se haría" in out.read_text(encoding="utf-8")
    assert live.methods == {"GET"}


def test_several_accounts_ask_which(call: Call, live: Live) -> None:
    """With two accounts a verb for one asks which, and takes --account."""
    text = live.config.read_text(encoding="utf-8")
    live.config.write_text(text + text[text.index("[[") :].replace('"demo"', '"other"'), encoding="utf-8")
    got = call("plan", "--config", live.config)
    assert (got.code, "demo, other" in got.err) == (78, True)
    assert call("plan", "--config", live.config, "--account", "demo", "--clock", "server").code == 2
    wrong = call("plan", "--config", live.config, "--account", "dmeo")
    assert (wrong.code, "did you mean 'demo'?" in wrong.err) == (78, True)
    both = call("status", "--config", live.config, "--format", "json")
    assert [one["account"] for one in both.json["accounts"]] == ["demo", "other"]


# --- as a process -----------------------------------------------------------------------------------------------------
def _program(live: Live, *argv: str, **more: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "ESCALERA_KEY_DEMO": KEY, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "daemon.py"), *argv], cwd=live.folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_run_acts_and_stops_in_good_order(live: Live) -> None:
    """`run` as a process: it acts, ends with 0 on SIGTERM, and shows no key in its log."""
    process = _program(live, "run", "--clock", "server", "--every", "1s")
    try:
        deadline = time.monotonic() + 30
        while "PUT" not in live.methods and time.monotonic() < deadline:
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "PUT" in live.methods
    assert KEY not in out + err
    assert all(json.loads(line) for line in err.splitlines() if line.startswith("{"))


def test_program_prints_json_alone_on_standard_output(live: Live) -> None:
    """Log lines go to standard error: standard output is one JSON document."""
    process = _program(live, "plan", "--clock", "server", "--format", "json")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert json.loads(out)["account"] == "demo"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_terminal_without_unicode_gets_an_answer_too(live: Live, encoding: str) -> None:
    """Where the terminal's encoding lacks a letter it is escaped; nothing fails."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT), "ESCALERA_KEY_DEMO": KEY}
    for form in ("text", "json"):
        argv = [sys.executable, str(ROOT / "daemon.py"), "plan", "--clock", "server", "--format", form]
        got = subprocess.run(argv, cwd=live.folder, env=environment, capture_output=True, timeout=60, check=False)
        assert got.returncode == 2, got.stderr
        if form == "json":
            assert json.loads(got.stdout.decode(encoding))["actions"][0]["rule"]["name"] == "amenaza con el regulador"


def test_reader_that_goes_away_is_no_error(live: Live) -> None:
    """`| head -0` and a full disk: no traceback."""
    shell = f"{sys.executable} {ROOT / 'daemon.py'} audit --config {live.config} list | head -c 0"
    got = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in got.stderr
    full = subprocess.run(
        ["bash", "-c", f"{sys.executable} {ROOT / 'daemon.py'} --help > /dev/full"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert full.returncode == 1
    assert "Traceback" not in full.stderr
    assert "No space left" in full.stderr
