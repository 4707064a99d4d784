"""A run over fifty escalated tickets, killed after the n-th byte of its n-th write, for every n; then the next cycle.

    python -m tests.crash.kill_proxy [--tickets 50] [--every 1] [--first 1] [--last N] [--of request,answer]

    python -m tests.crash.kill_proxy --chain 4 [--tickets 50]

The second form kills every other cycle of one long run, in which each cycle toggles one ticket: hundreds of kills with
a whole cycle after each, in the time of a few dozen of the first. Nothing of the program is used but its command line,
its configuration file and the emulator's HTTP control: the daemon is a process that runs `once` through a proxy; the
proxy kills it with SIGKILL.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.proxy import KillProxy
from tests.soak.centre import AGENTS, COMPLETED, GROUPS, IN_PROCESS
from tests.soak.processes import Desk, Emulator, Said, command, environment

_PACK = """
pack: {name: fifty, title: Fifty, language: en, timezone: UTC, calendar: always}
calendars:
  always: {timezone: UTC, hours: {mon-sun: ["00:00-24:00"]}}
people:
  boss: {agent: "Laura Núñez", email: 9001@contacto.example}
situations:
  - {id: no-diagnosis, title: No diagnosis}
  - {id: stuck, title: Stuck}
priority:
  - name: threat
    when: {any_phrase: [regulator]}
    priority: urgent
keepalive:
  - name: weekly
    situations: [no-diagnosis, stuck]
    follow_up: {after: 7d, every: 7d}
    autoclose: {after: 14d, margin: 12h}
    cap: 4
    until: 60d
    note: Kept alive
matrix:
  - name: ladder
    situations: [stuck]
    since: escalated
    levels:
      - {after: 24h, assign: boss, note: "Escalated to level 1"}
"""
_HELPDESK = """
helpdesk: freshdesk
timezone: UTC
autoclose_clock: status_since
statuses:
  open: [2]
  in_process: [En proceso]
  waiting_customer: [6]
  waiting_other: [3]
  completed: [Completado, 4]
  closed: [5]
priorities: {low: [1], normal: [2], high: [3], urgent: [4]}
channels: {email: [1], portal: [2], phone: [3]}
fields: {escalation_type: cf_escalation_type, escalated_at: cf_escalated_on}
"""
_ONE_A_CYCLE = """[limits]
actions = "unlimited"
per_rule = "unlimited"
share = "unlimited"
per_ticket = "unlimited"
toggles = 1
toggle_grace = 0
"""
_UNBOUND = """[limits]
actions = "unlimited"
per_rule = "unlimited"
share = "unlimited"
per_ticket = "unlimited"
toggles = "unlimited"
"""
#: The evidence is verified after every so many trials: a process of its own each time.
_EVIDENCE_EACH = 10
_UPDATE = re.compile(r"/api/v2/tickets/(\d+)$")
_REFERENCE = re.compile(r"esc-[0-9a-f]{8}")


def seed(count: int) -> dict[str, Any]:
    """`count` tickets in process, escalated eight days ago: one in three threatens, one in five is stuck."""
    tickets = [
        {
            "id": 1000 + number, "subject": "The unit makes a noise",
            "description": "I will call the regulator" if number % 3 == 0 else "It goes on and on",
            "status": IN_PROCESS, "priority": 2, "source": 1, "requester_id": 5001, "responder_id": 9003,
            "group_id": 7001, "created_at": "2026-02-20T09:00:00Z", "updated_at": "2026-02-22T09:00:00Z",
            "stats": {"status_updated_at": "2026-02-22T09:00:00Z"},
            "custom_fields": {
                "cf_escalation_type": "stuck" if number % 5 == 0 else "no-diagnosis", "cf_escalated_on": "2026-02-22",
            },
        }
        for number in range(1, count + 1)
    ]  # fmt: skip
    return {
        "now": "2026-03-02T15:00:00Z",
        "statuses": {
            str(IN_PROCESS): ["En proceso", "En proceso"],
            str(COMPLETED): ["Completado", "En proceso"],
        },
        "agents": [
            {
                "id": number, "contact": {"name": name, "email": f"{number}@contacto.example"},
                "role": "admin" if number == 9001 else "agent", "group_ids": list(GROUPS),
            }
            for number, name in AGENTS.items()
        ],
        "groups": [{"id": number, "name": name} for number, name in GROUPS.items()],
        "contacts": [{"id": 5001, "name": "Ana", "email": "ana@correo.example"}],
        "tickets": tickets,
    }  # fmt: skip


@dataclass(slots=True)
class Trial:
    """One n: what was cut, and what was wrong afterwards."""

    number: int
    of: str
    struck: str | None = None
    writes: int = 0
    broken: list[str] = field(default_factory=list)


def pack(folder: Path) -> Path:
    """The mapping folder of the rehearsal."""
    made = folder / "pack"
    made.mkdir()
    (made / "pack.yaml").write_text(_PACK, encoding="utf-8")
    (made / "freshdesk.yaml").write_text(_HELPDESK, encoding="utf-8")
    return made


def trial(count: int, number: int, of: str) -> Trial:
    """Kill a run of `count` tickets after the n-th byte of its n-th write, or of its answer; then judge."""
    one = Trial(number, of)
    folder = Path(tempfile.mkdtemp(prefix="escalera-kill-"))
    try:
        with Emulator(folder, seed(count), "--autoclose", f"{IN_PROCESS}=14d") as emulator:
            port = int(emulator.url.rpartition(":")[2])
            mappings = pack(folder)
            running: list[subprocess.Popen[str]] = []
            answer = of == "answer"
            with KillProxy(
                port, lambda: running[0].send_signal(signal.SIGKILL), write=number, byte=number, answer=answer
            ) as proxy:
                struck_desk = Desk(folder, f"http://127.0.0.1:{proxy.port}", pack=mappings, more=_UNBOUND)
                running.append(_started(struck_desk))
                running[0].wait(300)
                if running[0].returncode < 0:
                    proxy.done.wait(10)
                one.struck, one.writes = proxy.struck, proxy.writes
            if running[0].returncode not in (0, -9):
                one.broken.append(f"the run ended with {running[0].returncode}")
            desk = Desk(folder, emulator.url, pack=mappings, more=_UNBOUND)
            _next_cycles(one, emulator, desk)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return one


def chain(count: int, offset: int) -> list[Trial]:
    """One run of `count` tickets, an action or two a cycle; every other cycle is killed at its `offset`-th write.

    The byte is the number of the write in the whole run; request and answer take turns.
    """
    trials: list[Trial] = []
    folder, written = Path(tempfile.mkdtemp(prefix="escalera-kill-")), 0
    try:
        with Emulator(folder, seed(count), "--autoclose", f"{IN_PROCESS}=14d") as emulator:
            port, mappings = int(emulator.url.rpartition(":")[2]), pack(folder)
            while True:
                one = Trial(written + offset, "answer" if len(trials) % 2 else "request")
                _chained(one, port, folder, mappings, offset)
                written += one.writes
                desk = Desk(folder, emulator.url, pack=mappings, more=_ONE_A_CYCLE)
                if one.writes == 0:  # nothing is left to do
                    _next_cycles(one, emulator, desk, evidence=True)
                    return [*trials, one]
                _cycle(one, desk, "the next cycle")
                one.broken += [f"after the next cycle: {what}" for what in (*_left(emulator), *_doubled(emulator))]
                emulator.advance(150)
                trials.append(one)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _chained(one: Trial, port: int, folder: Path, mappings: Path, offset: int) -> None:
    running: list[subprocess.Popen[str]] = []

    def strike() -> None:
        running[0].send_signal(signal.SIGKILL)

    with KillProxy(port, strike, write=offset, byte=one.number, answer=one.of == "answer") as proxy:
        running.append(_started(Desk(folder, f"http://127.0.0.1:{proxy.port}", pack=mappings, more=_ONE_A_CYCLE)))
        running[0].wait(300)
        if running[0].returncode < 0:
            proxy.done.wait(10)
        one.struck, one.writes = proxy.struck, proxy.writes


def _started(desk: Desk) -> subprocess.Popen[str]:
    with (desk.folder / "once.log").open("w", encoding="utf-8") as log:
        return subprocess.Popen(
            command("once", "--clock", "server", "--config", str(desk.config)),
            stdout=log, stderr=log, text=True, env=environment(), cwd=desk.folder,
        )  # fmt: skip


def _next_cycles(one: Trial, emulator: Emulator, desk: Desk, *, evidence: bool = False) -> None:
    """The next cycle at once, which may leave nothing half done; then one some minutes later, which ends it all."""
    _cycle(one, desk, "the next cycle")
    one.broken += [f"after the next cycle: {what}" for what in _left(emulator)]
    emulator.advance(200)
    _cycle(one, desk, "a later cycle")
    one.broken += [f"at the end: {what}" for what in (*_left(emulator), *_doubled(emulator), *_missing(emulator))]
    if one.number % _EVIDENCE_EACH and not evidence:
        return
    whole = desk.verb("audit", "verify")
    if whole.code != 0:
        one.broken.append(f"the evidence does not verify: {whole.out}{whole.err}")
    status = desk.verb("status", "--format", "json")
    if status.json["accounts"][0]["not_settled"]:
        one.broken.append("something is not settled")


def _cycle(one: Trial, desk: Desk, which: str) -> None:
    said: Said = desk.verb("once", "--clock", "server", "--format", "json")
    if said.code != 0:
        one.broken.append(f"{which} ended with {said.code}: {said.err[-300:]}")


def _left(emulator: Emulator) -> Iterator[str]:
    left = [number for number, row in emulator.tickets().items() if row["status"] == COMPLETED]
    if left:
        yield f"left in Completado: {left}"


def _doubled(emulator: Emulator) -> Iterator[str]:
    for row in emulator.get("tickets?include=conversations"):
        texts = [str(part["body_text"]) for part in row.get("conversations", ())]
        marks = Counter(mark for text in texts for mark in _REFERENCE.findall(text))
        bodies = Counter(text.partition("Ref. esc-")[0].strip() for text in texts)
        for what, times in (*marks.items(), *bodies.items()):
            if times > 1:
                yield f"ticket {row['id']}: {what!r} stands {times} times"
    through = Counter(
        found[1]
        for request in emulator.get("requests?since=0")
        if request["method"] == "PUT" and request["status"] == 200 and (found := _UPDATE.search(request["path"]))
        and '"status": 9' in _text(request["body"])
    )  # fmt: skip
    yield from (f"ticket {number} went {times} times through" for number, times in through.items() if times > 1)


def _missing(emulator: Emulator) -> Iterator[str]:
    """What the run was there to do, done on every ticket."""
    for row in emulator.get("tickets?include=conversations"):
        said = " ".join(str(part["body_text"]) for part in row.get("conversations", ()))
        stuck = int(row["id"]) % 1000 % 5 == 0
        done = {
            "the note of the toggle": "Kept alive" in said,
            "the note of the level": ("Escalated to level 1" in said) == stuck,
            "its agent": row["responder_id"] == (9001 if stuck else 9003),
            "its priority": row["priority"] == (4 if int(row["id"]) % 1000 % 3 == 0 else 2),
            "its status": row["status"] == IN_PROCESS,
        }
        yield from (f"ticket {row['id']} lacks {what}" for what, there in done.items() if not there)


def _text(body: Any) -> str:
    return json.dumps(json.loads(body) if isinstance(body, str) and body else body)


def _chains(count: int, lives: int) -> int:
    began, trials = time.monotonic(), list[Trial]()
    for offset in range(1, lives + 1):
        found = chain(count, offset)
        trials += found
        for one in found:
            for what in one.broken:
                print(f"FAILED run {offset}, write {one.number}, of the {one.of} ({one.struck}): {what}", flush=True)
        kills = sum(one.struck is not None for one in found)
        print(f"run {offset}: {kills} kills, {sum(one.writes for one in found)} writes through the proxy", flush=True)
    kills, broken = sum(one.struck is not None for one in trials), sum(bool(one.broken) for one in trials)
    print(f"{kills} kills in {time.monotonic() - began:.0f} s: {broken} failures")
    return 1 if broken else 0


def main() -> int:
    """Every n of both kinds; 1 where anything was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=50)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--last", type=int, default=0, help="0: the last write of a run that nothing disturbs")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--of", default="request,answer")
    parser.add_argument(
        "--chain", type=int, default=0, help="so many long runs, each killed at another write of its cycles"
    )
    asked = parser.parse_args()
    if asked.chain:
        return _chains(asked.tickets, asked.chain)
    clean = trial(asked.tickets, 0, "request")
    last = asked.last or clean.writes
    print(f"{asked.tickets} tickets, {clean.writes} writes in a run that nothing disturbs", flush=True)
    trials, began = [clean], time.monotonic()
    for of in asked.of.split(","):
        for number in range(asked.first, last + 1, asked.every):
            one = trial(asked.tickets, number, of)
            if one.struck is None:
                one.broken.append("the daemon was not killed")
            trials.append(one)
            for what in one.broken:
                print(f"FAILED n={number} of the {of} ({one.struck}): {what}", flush=True)
    kills = sum(one.struck is not None for one in trials)
    broken = sum(bool(one.broken) for one in trials)
    print(f"{kills} kills in {time.monotonic() - began:.0f} s: {broken} failures")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
