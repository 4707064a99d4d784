"""`run --clock server --every 1s`: a month passes while the daemon goes round, its mappings break and are mended."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.soak.life import Life, life
from tests.soak.processes import FULL, PACK

pytestmark = pytest.mark.soak
_STEP = timedelta(hours=6)
_DAYS = 30 if FULL else 4
_PATIENCE = 60.0


def _wait(true: Callable[[], object], what: str, seconds: float = _PATIENCE) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def _cycles(one: Life) -> int:
    return one.desk.log().count('"event": "cycle"')


def _whole_cycle(one: Life) -> None:
    """Wait for the end of a cycle that began after now, then judge what was sent."""
    had = _cycles(one)
    _wait(lambda: _cycles(one) > had, "a cycle")
    # The one that has just ended may have polled before time moved on; what it left due is done by the next.
    for request in one.requests():
        one.laws.request(request)
    one.laws.seen(one.emulator.tickets())


def _settle(one: Life) -> None:
    """Two whole cycles: now nothing may stand in the toggle's status, and no customer was written to."""
    _whole_cycle(one)
    _whole_cycle(one)
    for number, row in one.emulator.tickets().items():
        one.laws.left(number, row)


def _pass_time(one: Life, span: timedelta) -> None:
    """As `Life.pass_time`, with the daemon at work: its own writes are told from people's by the request log."""
    one.people(one.now + span)
    one.now += span
    one.laws.hour(one.emulator.advance(int(span.total_seconds())), one.emulator.tickets(), one.now)


def test_a_daemon_goes_round_through_the_month(tmp_path: Path) -> None:
    """The laws hold; SIGTERM ends it cleanly at once, and its evidence is whole."""
    with (
        life(tmp_path, 11, 24, _DAYS, more="[loop]\njitter = 0") as one,
        one.desk.running("--clock", "server", "--every", "1s") as daemon,
    ):
        _wait(lambda: (tmp_path / "run.log").exists() and _cycles(one) > 0, "the first cycle")
        _settle(one)
        steps = int(timedelta(days=_DAYS) / _STEP)
        for step in range(steps):
            _pass_time(one, _STEP)
            _whole_cycle(one)
            if step % 4 == 3:
                _settle(one)
        _settle(one)
        caused = {mail["cause"] for mail in one.emulator.get("outbox") if mail["audience"] == "requester"}
        asked = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(20) == 0
        assert time.monotonic() - asked < 5
        assert caused <= {"reply", "closed", "autoclose", "ticket_received", "resolved", "csat"}
        assert one.laws.toggles
        print(f"{sum(map(len, one.laws.toggles.values()))} toggles, {len(one.laws.closings)} closed")
        one.end(_DAYS)


def test_a_broken_mapping_leaves_the_old_policy_and_a_mended_one_is_taken_up(tmp_path: Path) -> None:
    """Five mistakes dropped in while it runs: all are said, the old policy stays; mended and SIGHUP are taken up."""
    pack = tmp_path / "pack"
    shutil.copytree(PACK, pack)
    rules = pack / "priorities.yaml"
    good = rules.read_text(encoding="utf-8")
    with life(tmp_path, 12, 12, 2, pack=pack) as one, one.desk.running("--clock", "server", "--every", "1s") as daemon:
        _wait(lambda: (tmp_path / "run.log").exists() and _cycles(one) > 0, "the first cycle")
        before = _policy(one)
        rules.write_text(good + _FIVE_MISTAKES, encoding="utf-8")
        checked = one.desk.check(pack)
        _wait(lambda: "the old policy stays" in one.desk.log(), "the broken mapping to be seen")
        _settle(one)
        assert _policy(one) == before
        kept = [event for event in one.desk.verb("audit", "--format", "json").json if event["kind"] == "policy_kept"]
        assert len(kept) == 1
        assert all(word in str(kept[0]["body"]) for word in _MISTAKEN)
        assert checked.code == 78
        assert all(word in checked.out + checked.err for word in _MISTAKEN)

        rules.write_text(good.replace("priority: high", "priority: urgent", 1), encoding="utf-8")
        _wait(lambda: _policy(one) != before, "the mended mapping to be taken up")
        had = one.desk.log().count("asked to reload")
        daemon.send_signal(signal.SIGHUP)
        _wait(lambda: one.desk.log().count("asked to reload") > had, "SIGHUP to be heard")
        _settle(one)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(10) == 0
        one.end(2)


def _policy(one: Life) -> str:
    policy: str = one.desk.verb("status", "--format", "json").json["accounts"][0]["policy"]
    return policy


_MISTAKEN = ("prioritty", "urgentt", "chanel", "no-such-list", "emial")
_FIVE_MISTAKES = """\
  - name: primera
    when: {any_phrase: urgencia}
    prioritty: urgent
  - name: segunda
    when: {any_phrase: urgencia}
    priority: urgentt
  - name: tercera
    when: {chanel: email}
    priority: high
  - name: cuarta
    when: {any_phrase: no-such-list}
    priority: high
  - name: quinta
    when: {channel: emial}
    priority: high
"""
