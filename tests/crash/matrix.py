"""The crash matrix: a whole cycle with every kind of action, killed or cut at each named point, then recovered.

`python -m tests.crash.matrix` prints it as a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector import crashpoints
from connector.audit import verify
from connector.core.guard import Limits
from connector.cycle.run import run_cycle
from connector.errors import OutcomeUnknown, Unavailable
from tests.desk import DAY, HOUR, PACK, World, policy, ticket

#: One ticket that wants everything at once: a toggle with its note, a priority, an agent, a note, a message.
BASE = PACK.replace("    cap: 4\n", "    cap: 4\n    note: Kept alive\n")
LADDER = """
matrix:
  - name: ladder
    situations: [no-diagnosis]
    since: escalated
    levels:
      - {after: 24h, assign: boss, notify: [boss], note: "Escalated to level 1"}
"""

#: `error after`: the helpdesk says that nothing was changed, and it was.
FAULTS = ("killed", "cut before", "answer lost", "error after")
#: Where recovery itself is killed, after a first death at each of these points.
FIRST_DEATHS = ("write.through.after", "write.back.after", "write.update.after", "write.note.after", "sent.after")
SECOND_DEATHS = (
    "recovered.before", "recovered.inside", "recovered.after", "sent.before", "sent.inside", "sent.after",
    "write.back.before", "write.back.after",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A fault at the `hit`-th time a point is reached (`killed`; `then`: again there), or at the `hit`-th write."""

    fault: str
    point: str
    hit: int
    then: str | None = None

    def __str__(self) -> str:
        return f"{self.fault}-{self.point}-{self.hit}{'-' + self.then if self.then else ''}".replace(" ", "_")


def world() -> World:
    """Eight days into an escalation, everything due."""
    made = World(ticket(1, subject="I will call the regulator"))
    made.account.policy = policy(LADDER, base=BASE)
    made.account.limits = Limits(share=None, per_ticket=None)
    made.desk.advance(8 * DAY)
    return made


def cases() -> Iterator[Case]:
    """Every point as often as a clean run reaches it, and every write with each fault of the network."""
    made = world()
    reached: Counter[str] = Counter()
    crashpoints.watch(lambda point: reached.update([point]))
    try:
        settle(made)
    finally:
        crashpoints.disarm()
    for point, count in sorted(reached.items()):
        for hit in range(1, count + 1):
            yield Case("killed", point, hit)
    for first in FIRST_DEATHS:
        for second in SECOND_DEATHS:
            yield Case("killed twice", first, 1, second)
    for number, written in enumerate(made.desk.written, start=1):
        for fault in FAULTS[1:]:
            yield Case(fault, written.kind, number)


def settle(made: World) -> None:
    """Cycles until nothing is left to do, some minutes apart."""
    for _ in range(4):
        run_cycle(made.account, now=made.now)
        made.desk.advance(300)


def run(case: Case) -> list[str]:
    """What is wrong after the fault, a restart and a few cycles; empty where every promise held."""
    made = world()
    if case.fault.startswith("killed"):
        if not _died(made, case.point, case.hit):
            return [f"{case.point} was not reached {case.hit} times"]
        if case.then is not None:
            made.desk.advance(200)
            _died(made, case.then, 1)  # a recovery that needs no such step does not die
    else:
        _arm_network(made, case)
        run_cycle(made.account, now=made.now)
    made.desk.before_write = made.desk.after_write = None
    made.desk.advance(200)
    settle(made)
    return list(_broken(made))


def _died(made: World, point: str, hit: int) -> bool:
    crashpoints.arm(point, at=hit)
    try:
        settle(made)
    except crashpoints.Crash:
        return True
    finally:
        crashpoints.disarm()
    return False


def _arm_network(made: World, case: Case) -> None:
    seen = 0

    def hook(kind: str, number: str, values: Mapping[str, Any]) -> None:
        nonlocal seen
        seen += 1
        if seen == case.hit:
            msg = f"{case.fault} (test)"
            raise OutcomeUnknown(msg) if case.fault == "answer lost" else Unavailable(msg)

    if case.fault == "cut before":
        made.desk.before_write = hook
    else:
        made.desk.after_write = hook


def _broken(made: World) -> Iterator[str]:
    one = made.desk.get("1")
    statuses = Counter(str(done.values["status"]) for done in made.desk.written if "status" in done.values)
    if one.status != "in_process":
        yield f"left in {one.status}"
    if one.priority != "urgent":
        yield f"priority is {one.priority}"
    if one.agent != "Laura Boss":
        yield f"agent is {one.agent}"
    if statuses["completed"] != 1:
        yield f"{statuses['completed']} times through"
    if one.autoclose_clock is None or made.now() - one.autoclose_clock > 2 * HOUR:
        yield "the auto-close clock was not restarted"
    texts = Counter(note.text for note in made.desk.notes_of("1"))
    doubled = [text for text, count in texts.items() if count > 1]
    if doubled:
        yield f"doubled: {doubled}"
    if not any("level 1" in text for text in texts):
        yield "the note of level 1 is missing"
    told = len(made.outbox.messages)
    unknown = any(kind == "unknown" for _, kind in made.outcomes())
    if told > 1 or (told == 0 and not unknown):
        yield f"{told} messages"
    if made.store.open_intents("demo"):
        yield "the journal has open lines"
    if not verify(made.store).ok:
        yield "the audit chain is broken"
    ended = {event.body["action"] for event in made.store.audit("demo") if event.kind == "outcome"}
    journalled = {intent.id for intent in made.store.intents("demo", since=made.now() - 30 * DAY)}
    if journalled - ended:
        yield "an outcome is missing from the audit"


def main() -> int:
    """Print the matrix; 1 where anything broke."""
    table: dict[tuple[str, str], list[bool]] = {}
    broken = 0
    for case in cases():
        problems = run(case)
        broken += bool(problems)
        table.setdefault((case.fault, f"{case.point} {case.then or ''}"), []).append(not problems)
        for problem in problems:
            print(f"FAILED {case}: {problem}")
    for (fault, point), results in sorted(table.items()):
        print(f"{fault:12} {point:42} {sum(results):3} of {len(results):3} held")
    print(f"{sum(len(results) for results in table.values())} cases, {broken} failures")
    return 1 if broken else 0


if __name__ == "__main__":
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    raise SystemExit(main())
