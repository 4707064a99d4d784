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
from connector.notifiers.base import Delivery, Message
from tests.crash.wishes import WISHES, Small
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

#: `cut before`: no connection. `answer lost`: the effect is there, the connection broke. `500 after`: the effect is
#: there, the answer is an error that leaves it open. `false refusal`: the helpdesk says that nothing was changed, and
#: it was; no helpdesk may do that, and of a new ticket it could not be found out.
FAULTS = ("killed", "cut before", "answer lost", "500 after", "false refusal")
_HONEST = FAULTS[1:4]
#: Where recovery itself is killed, after a first death at each of these points.
FIRST_DEATHS = ("write.through.after", "write.back.after", "write.update.after", "write.note.after", "sent.after")
SECOND_DEATHS = (
    "recovered.before", "recovered.inside", "recovered.after", "sent.before", "sent.inside", "sent.after",
    "write.back.before", "write.back.after",
)  # fmt: skip
#: The small worlds: each kind of action alone, with what goes with it, after an approval, and with a customer between.
RIGS = (
    *WISHES, "everything, held", "toggle, answered", "toggle+note, answered",
)  # fmt: skip
#: Points at which something of an action may stand on the ticket: there it matters what happens before the restart.
ACTING = ("write.", "sent.", "intent.", "outcome.")


@dataclass(frozen=True, slots=True)
class Case:
    """A fault at the `hit`-th time a point is reached (`killed`; `then`: again there), or at the `hit`-th write."""

    fault: str
    point: str
    hit: int
    then: str | None = None
    rig: str = ""
    meanwhile: str = ""

    def __str__(self) -> str:
        parts = (self.rig, self.fault, self.point, str(self.hit), self.then, self.meanwhile)
        return "-".join(part for part in parts if part).replace(" ", "_")


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
    for rig in RIGS:
        yield from _small_cases(rig)
    for number, written in enumerate(made.desk.written, start=1):
        for fault in FAULTS[1:]:
            yield Case(fault, written.kind, number)


def _small(rig: str, path: str = ":memory:") -> Small:
    kind, _, more = rig.partition(", ")
    return Small(kind, held=more == "held", answered=more == "answered", path=path)


def _small_cases(rig: str) -> Iterator[Case]:
    """Every point a clean run of one kind of action reaches, every write with each fault; again with people about."""
    made = _small(rig)
    reached: Counter[str] = Counter()
    crashpoints.watch(lambda point: reached.update([point]))
    try:
        made.settle()
    finally:
        crashpoints.disarm()
    for point, count in sorted(reached.items()):
        many = count if point.startswith(("write", "sent", "intent", "outcome", "claimed", "held")) else min(count, 2)
        for hit in range(1, many + 1):
            yield Case("killed", point, hit, rig=rig)
        if point.startswith(ACTING) and not made.answered:
            for who in ("edit", "reply"):
                yield Case("killed", point, 1, rig=rig, meanwhile=who)
            for then in SECOND_DEATHS:
                yield Case("killed twice", point, 1, then, rig=rig)
    for number, written in enumerate(made.world.desk.written, start=1):
        for fault in _HONEST:
            yield Case(fault, written.kind, number, rig=rig)
    if any(want.kind == "notify" for want in made.wants):
        for fault in _HONEST:
            yield Case(fault, "notify", 0, rig=rig)


def run_small(case: Case, path: str = ":memory:") -> list[str]:
    """What is wrong after a fault in a small world, a restart and a few cycles. `path`: where its state is kept."""
    made = _small(case.rig, path)
    if case.fault.startswith("killed"):
        if not _died_small(made, case.point, case.hit):
            return [f"{case.point} was not reached {case.hit} times"]
        if case.meanwhile:
            made.meddle(case.meanwhile)
        if case.then is not None:
            made.world.desk.advance(200)
            _died_small(made, case.then, 1)
    else:
        if case.point == "notify":
            _cut_messages(made, case.fault)
        else:
            _arm_network(made.world, case)
        made.settle(2)
        if case.point == "notify":
            made.world.account.notifiers = [made.world.outbox]
        elif not made.answered:
            made.world.desk.before_write = made.world.desk.after_write = None
    made.world.account.waiting = None  # a restart knows only what is in the state
    made.world.desk.advance(200)
    made.settle()
    try:
        return list(made.broken())
    finally:
        made.world.store.close()


def _died_small(made: Small, point: str, hit: int) -> bool:
    crashpoints.arm(point, at=hit)
    try:
        made.settle()
    except crashpoints.Crash:
        return True
    finally:
        crashpoints.disarm()
    return False


def _cut_messages(made: Small, fault: str) -> None:
    """A notifier whose first message meets a fault."""
    told = made.world.outbox
    done: list[str] = []

    class Faulty:
        name = told.name

        def send(self, message: Message) -> Delivery:
            if done:
                return told.send(message)
            done.append(message.key)
            if fault == "cut before":
                return Delivery(delivered=False, retryable=True, error="cut (test)")
            told.send(message)
            return Delivery(delivered=False, uncertain=True, error=f"{fault} (test)")

    made.world.account.notifiers = [Faulty()]


def settle(made: World) -> None:
    """Cycles until nothing is left to do, some minutes apart."""
    for _ in range(4):
        run_cycle(made.account, now=made.now)
        made.desk.advance(300)


def run(case: Case) -> list[str]:
    """What is wrong after the fault, a restart and a few cycles; empty where every promise held."""
    if case.rig:
        return run_small(case)
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

    people = made.desk.after_write

    def hook(kind: str, number: str, values: Mapping[str, Any]) -> None:
        nonlocal seen
        seen += 1
        if people is not None and case.fault != "cut before":
            people(kind, number, values)
        if seen == case.hit:
            msg = f"{case.fault} (test)"
            raise OutcomeUnknown(msg) if case.fault in ("answer lost", "500 after") else Unavailable(msg)

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
    for missing in ("level 1", "Kept alive"):
        if not any(missing in text for text in texts):
            yield f"the note {missing!r} is missing"
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
    table: dict[tuple[str, str, str], list[bool]] = {}
    broken = 0
    for case in cases():
        problems = run(case)
        broken += bool(problems)
        fault = f"{case.fault}, {case.meanwhile}" if case.meanwhile else case.fault
        table.setdefault((case.rig or "ladder", fault, case.point), []).append(not problems)
        for problem in problems:
            print(f"FAILED {case}: {problem}")
    for (rig, fault, point), results in sorted(table.items()):
        print(f"{rig:18} {fault:14} {point:24} {sum(results):3} of {len(results):3} held")
    print(f"{sum(len(results) for results in table.values())} cases, {broken} failures")
    return 1 if broken else 0


if __name__ == "__main__":
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    raise SystemExit(main())
