"""`vocabulary`: words never to be used with customers, in the pack's own texts and in what agents answer in public.

The pack's texts are checked when it is loaded (`mapping.wording`). Agents' replies are looked at only where the rule
says so; what is found becomes a private note to the agent, never a message to anyone else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.core.conditions_base import NEVER
from connector.core.model import Call, Decision, Memory, RuleRef, Ticket, Want
from connector.core.policy import Condition, Context, Policy, Span
from connector.core.rules._common import answer, done_reason, gate, iso, reason, written
from connector.core.spec import Duration, Field, Many, Name, Phrases, Record, RuleKind, When, defaults
from connector.core.text import Match, PhraseIndex
from connector.core.tri import Tri

_DAY = Span(86_400, "elapsed", "24h")


@dataclass(frozen=True, slots=True)
class VocabularyRule:
    """One rule under `vocabulary:`. `texts` (empty: all) without `excepted` are the pack's texts it is about.

    `note` is None where agents' replies are not looked at.
    """

    ref: RuleRef
    never: tuple[str, ...]
    index: PhraseIndex
    texts: tuple[str, ...]
    excepted: tuple[str, ...]
    when: Condition | None
    note: str | None
    within: timedelta

    def conditions(self) -> Iterator[Condition]:
        """The condition on tickets whose replies are looked at."""
        if self.when is not None:
            yield self.when

    def found(self, text: str) -> list[Match]:
        """The phrases that stand in a text and are not denied there, the longest of those that overlap."""
        matches = [match for match in self.index.find(text) if not match.negated]
        kept: list[Match] = []
        for match in sorted(matches, key=lambda one: (one.start - one.end, one.start)):
            if all(match.end <= other.start or match.start >= other.end for other in kept):
                kept.append(match)
        return sorted(kept, key=lambda one: one.start)

    def concerns(self, text: str) -> bool:
        """Whether the pack's text of this name is one it is about."""
        return text not in self.excepted and (not self.texts or text in self.texts)

    def unread(self, ticket: Ticket, memory: Memory, now: datetime) -> bool:
        """Whether the last public reply must be read for this rule: new enough, and not looked at before."""
        at = ticket.agent_responded_at
        if self.note is None or at is None or now - at >= self.within:
            return False
        return memory.extra.get(self._name) != iso(at) and self._key(ticket, at) not in memory.done

    def only_for(self) -> tuple[tuple[str, ...] | None, Condition | None]:
        """Whom it concerns: about all other tickets, and where replies are not read, it need not be asked."""
        return None, NEVER if self.note is None else self.when

    def decide(self, ctx: Context) -> Decision:
        """ACT with one private note for a reply that has such words; each reply is looked at once."""
        if self.note is None:
            why = reason("REPLIES_NOT_CHECKED", "this rule is about the pack's own texts; agents' replies are not read")
            return answer(ctx, self.ref, Call.NO, (why,))
        told = gate(ctx, None, self.when)
        if told.tri is not Tri.YES:
            return answer(ctx, self.ref, told.call, told.reasons, wake_at=told.wake_at)
        tri, at = ctx.value("agent_responded_at")
        if tri is not Tri.YES:
            code = "REPLY_UNKNOWN" if tri is Tri.UNKNOWN else "NO_REPLY"
            text = "when an agent last replied is not known" if tri is Tri.UNKNOWN else "no agent has replied"
            call = Call.UNKNOWN if tri is Tri.UNKNOWN else Call.NO
            return answer(ctx, self.ref, call, (*told.reasons, reason(code, text)))
        key = self._key(ctx.ticket, at)
        if key in ctx.memory.done:
            return answer(ctx, self.ref, Call.NO, (*told.reasons, done_reason(key, ctx.memory)))
        if not self.unread(ctx.ticket, ctx.memory, ctx.now):
            why = reason("REPLY_SEEN", f"the reply of {iso(at)} was looked at, or is too old for a note", at=at)
            return answer(ctx, self.ref, Call.NO, (*told.reasons, why))
        return self._look(ctx, at, key)

    def _look(self, ctx: Context, at: datetime, key: str) -> Decision:
        reply = ctx.beside.reply
        if reply is None:
            why = reason("REPLY_UNREAD", f"the reply of {iso(at)} could not be read", at=at)
            return answer(ctx, self.ref, Call.UNKNOWN, (why,), wake_at=ctx.now + timedelta(hours=1))
        matches = self.found(reply.text)
        if not matches:
            why = reason("WORDS_FINE", f"the reply of {iso(at)} has none of {len(self.never)} phrases", at=at)
            return Decision(ctx.ticket.id, self.ref, Call.NO, (why,), keeps={self._name: iso(at)})
        said = list(dict.fromkeys(match.phrase for match in matches))
        places = [{"phrase": match.phrase, "start": match.start, "end": match.end} for match in matches]
        why = reason("WORDS_FOUND", f"the reply of {iso(at)} says {_listed(said)}", at=at, matches=places)
        text, problem = written(ctx, self.note or "", found=_listed(said))
        if text is None:
            return answer(ctx, self.ref, Call.UNKNOWN, (why, *(() if problem is None else (problem,))))
        want = Want("note", key, text=text, due=at, details={"private": True})
        return answer(ctx, self.ref, Call.ACT, (why,), wants=(want,))

    @property
    def _name(self) -> str:
        return f"vocabulary:{self.ref.name}"

    def _key(self, ticket: Ticket, at: datetime) -> str:
        return f"vocabulary:{self.ref.name}:{ticket.id}:{iso(at)}"


def needs_reply(policy: Policy, ticket: Ticket, memory: Memory, now: datetime) -> bool:
    """Whether the last public reply of an agent must be read before the ticket is decided on."""
    if not ticket.is_open or ticket.status == "completed":
        return False
    return any(isinstance(rule, VocabularyRule) and rule.unread(ticket, memory, now) for rule in policy.rules)


def _listed(phrases: Sequence[str]) -> str:
    return ", ".join(f"«{phrase}»" for phrase in phrases)


FIELDS = (
    Field("never", Phrases(), "The words never to be used with customers.", required=True),
    Field("texts", Many(Name("text")), "The pack's texts it is about; left out: all of them.", default=()),
    Field("except", Many(Name("text")), "Texts that no customer ever sees.", default=()),
    Field(
        "replies",
        Record(
            (
                Field("note", Name("text"), "The private note to the agent, `#FOUND#` in it.", required=True),
                Field("within", Duration(business=False), "Older replies are not looked at.", default=_DAY),
                Field("when", When(), "Only replies on tickets for which this holds."),
            )
        ),
        "Agents' public replies are looked at too; left out: they are not read.",
    ),
)


def _build(ref: RuleRef, values: Mapping[str, Any]) -> VocabularyRule:
    given = defaults(FIELDS, values)
    replies = given["replies"] or {}
    within = replies.get("within") or _DAY
    never = tuple(given["never"])
    return VocabularyRule(
        ref=ref,
        never=never,
        index=PhraseIndex({"never": never}),
        texts=tuple(given["texts"] or ()),
        excepted=tuple(given["except"] or ()),
        when=replies.get("when"),
        note=replies.get("note"),
        within=timedelta(seconds=within.amount),
    )


KIND = RuleKind(
    name="vocabulary",
    doc="Words never to be used with customers: refused in the pack's own texts, told to agents who reply with them.",
    fields=FIELDS,
    build=_build,
    example="""\
vocabulary:
  - name: never said
    never: [there is no supervisor, nothing else can be done]
""",
)
