"""One ticket, one kind of action, and what each promise says of it: the small worlds of the crash matrix.

A world's policy has one rule that wants fixed things until they are done; everything else is the daemon's own cycle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from connector.audit import verify
from connector.core.guard import Limits
from connector.core.model import Call, Decision, Reason, RuleRef, Want
from connector.core.policy import Condition, Context, Policy
from connector.cycle.run import run_cycle
from connector.inbox import Word, record
from tests.desk import DAY, World, policy, ticket

_REF = RuleRef("test", "wishes", "wishes.yaml", 3)
_TOGGLE = {"through": "completed", "back": "in_process", "cap": 4, "count": 0}


@dataclass(frozen=True, slots=True)
class Wishes:
    """A rule that wants these things of ticket 1 until each is done; a field that a person set is left to them."""

    wants: Sequence[Want]
    ref: RuleRef = _REF

    def decide(self, ctx: Context) -> Decision:
        done, human = ctx.memory.done, ctx.memory.human
        if ctx.ticket.id != "1":
            return Decision(ctx.ticket.id, self.ref, Call.NO, (Reason("OTHER", "wanted of the first ticket alone"),))
        open_ones = [want for want in self.wants if want.key not in done]
        left = tuple(
            replace(want, due=ctx.now)
            for want in open_ones
            if want.kind == "create" or not any(name in human for name in want.changes if name != "status")
        )
        if ctx.ticket.status != "in_process":  # a toggle is wanted of no other; what goes with it comes later
            left = tuple(one for one in left if one.kind != "toggle" and one.details.get("with") != "k:toggle")
        if not left:
            return Decision(ctx.ticket.id, self.ref, Call.NO, (Reason("DONE", "nothing is wanted"),))
        return Decision(ctx.ticket.id, self.ref, Call.ACT, (Reason("WANTED", "still to be done"),), left)

    def conditions(self) -> Iterator[Condition]:
        return iter(())


WISHES: Mapping[str, tuple[Want, ...]] = {
    "set": (Want("set", "k:set", {"priority": "urgent"}),),
    "assign": (Want("assign", "k:assign", {"agent": "Laura Boss"}, to=("boss",)),),
    "note": (Want("note", "k:note", text="Looked at", details={"private": True}),),
    "reply": (Want("reply", "k:reply", text="We are on it", reaches_customer=True),),
    "create": (Want("create", "k:create", {"subject": "Follow-up of 1"}),),
    "notify": (Want("notify", "k:notify", text="Look at 1", to=("boss",)),),
    "register": (Want("register", "k:register", details={"situation": "no-diagnosis"}),),
    "toggle": (Want("toggle", "k:toggle", {"status": "in_process"}, details=_TOGGLE),),
    "toggle+note": (
        Want("toggle", "k:toggle", {"status": "in_process"}, details=_TOGGLE),
        Want("note", "k:toggle:note", text="Kept alive", details={"private": True, "with": "k:toggle"}),
    ),
    "assign+note": (
        Want("assign", "k:assign", {"agent": "Laura Boss"}, to=("boss",)),
        Want("note", "k:assign:note", text="Assigned", details={"private": True, "with": "k:assign"}),
    ),
    "everything": (
        Want("toggle", "k:toggle", {"status": "in_process"}, details=_TOGGLE),
        Want("set", "k:set", {"priority": "urgent"}),
        Want("assign", "k:assign", {"agent": "Laura Boss"}, to=("boss",)),
        Want("note", "k:note", text="Looked at", details={"private": True}),
        Want("reply", "k:reply", text="We are on it", reaches_customer=True),
        Want("create", "k:create", {"subject": "Follow-up of 1"}),
        Want("notify", "k:notify", text="Look at 1", to=("boss",)),
        Want("register", "k:register", details={"situation": "no-diagnosis"}),
    ),
}  # fmt: skip


@dataclass(slots=True)
class Small:
    """A world with its wishes. `held`: the guard holds every plan, and a person approves it between two cycles."""

    kind: str
    held: bool = False
    answered: bool = False
    path: str = ":memory:"
    world: World = field(init=False)
    people: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = World(ticket(1), path=self.path)
        self.world.account.policy = wishing(self.kind)
        limit = 0 if self.held else None
        self.world.account.limits = Limits(
            actions=limit, share=None, per_rule=None, per_ticket=None, customer_facing=None
        )
        self.world.desk.advance(DAY)
        if self.answered:
            self.world.desk.after_write = self._answer

    @property
    def wants(self) -> tuple[Want, ...]:
        """What is wanted."""
        return WISHES[self.kind]

    def _answer(self, kind: str, number: str, values: Mapping[str, Any]) -> None:
        """The customer answers in the instant before the way back, which hides the reopening."""
        if values.get("status") == "completed" and "answered" not in self.people:
            self.people.append("answered")
            reached = self.world.desk.before_write

            def before(kind: str, number: str, values: Mapping[str, Any]) -> None:
                self.world.desk.before_write = reached
                self.world.desk.advance(2)
                self.world.desk.customer_reply(number, "hello")
                if reached is not None:
                    reached(kind, number, values)

            self.world.desk.before_write = before

    def meddle(self, who: str) -> None:
        """What a person or the customer does between a death and the restart."""
        self.people.append(who)
        self.world.desk.advance(20)
        if who == "edit":
            self.world.desk.agent_edit("1", priority="high")
        elif who == "reply":
            self.world.desk.customer_reply("1", "hello")

    def settle(self, cycles: int = 5) -> None:
        """Cycles some minutes apart; whoever approves plans approves what waits."""
        for _ in range(cycles):
            run_cycle(self.world.account, now=self.world.now)
            self.world.desk.advance(200)
            for saved in self.world.store.plans("demo", state="held"):
                record(self.world.store, Word(saved.digest, "approved", "ana", "fine", self.world.now()))

    # --- what must hold ----------------------------------------------------------------------------------------------
    def broken(self) -> Iterator[str]:
        """What is wrong in the end."""
        yield from self._evidence()
        reported = {
            event.body["kind"] for event in self.world.store.audit("demo")
            if event.kind == "outcome" and event.body["outcome"] == "unknown"
        }  # fmt: skip
        one = self.world.desk.get("1")
        if one.status == "completed":
            yield "left in completed"
        for want in self.wants:
            times = self._times(want)
            if times > 1:
                yield f"{want.kind} was written {times} times"
            elif times == 0 and want.kind not in reported and not self._excused(want):
                yield f"{want.kind} was not done, and nobody is told"
        if "edit" in self.people and one.priority not in ("high", "urgent"):
            yield f"a person's priority became {one.priority}"
        if "reply" in self.people and one.status != "open":
            yield f"a customer's reopening became {one.status}"

    def _excused(self, want: Want) -> bool:
        """Whether people who acted meanwhile may have made the wish void."""
        if want.kind == "toggle" or want.details.get("with") == "k:toggle":
            return bool({"reply", "answered"} & set(self.people))
        return want.kind == "set" and "edit" in self.people

    def _times(self, want: Want) -> int:
        """How often the helpdesk or the people have it, as they see it."""
        desk, written = self.world.desk, self.world.desk.written
        counts: dict[str, Callable[[], int]] = {
            "set": lambda: sum(one.values.get("priority") == "urgent" for one in written),
            "assign": lambda: sum("agent" in one.values for one in written),
            "toggle": lambda: sum(one.values.get("status") == "completed" for one in written),
            "note": lambda: _standing(self.world, want),
            "reply": lambda: _standing(self.world, want),
            "create": lambda: len(desk.all()) - 1,
            "notify": lambda: len(self.world.outbox.messages),
            "register": lambda: sum(
                event.body["kind"] == "register" and event.body["outcome"] == "done"
                for event in self.world.store.audit("demo") if event.kind == "outcome"
            ),
        }  # fmt: skip
        return counts[want.kind]()

    def _evidence(self) -> Iterator[str]:
        store = self.world.store
        if store.open_intents("demo"):
            yield "the journal has open lines"
        if not verify(store).ok:
            yield "the audit chain is broken"
        ended = {event.body["action"] for event in store.audit("demo") if event.kind == "outcome"}
        journalled = {intent.id for intent in store.intents("demo", since=self.world.now() - timedelta(days=900))}
        if journalled - ended:
            yield "an outcome is missing from the audit"
        done = Counter(
            event.body["key"] for event in store.audit("demo")
            if event.kind == "outcome" and event.body["outcome"] == "done"
        )  # fmt: skip
        yield from (f"{key} was done {times} times" for key, times in done.items() if times > 1)


def _standing(world: World, want: Want) -> int:
    return sum(note.text.startswith(want.text or "") for note in world.desk.notes_of("1"))


def wishing(kind: str) -> Policy:
    """The policy of one small world."""
    return replace(policy(), rules=(Wishes(WISHES[kind]),), digest=f"{kind:x<64}")
