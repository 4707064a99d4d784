"""What an admin may write under `repeat:`."""

from __future__ import annotations

from connector.core import kin
from connector.core.model import CHANNELS, PRIORITIES, STATUSES
from connector.core.policy import Span
from connector.core.spec import (
    Duration,
    Field,
    FieldName,
    Flag,
    Many,
    Name,
    Number,
    Phrases,
    Record,
    Scalar,
    Table,
    Text,
    When,
    Word,
)

_DEADLINE = (
    Field("field", FieldName(), "The ticket's field that tells when an answer is due.", default="due_by"),
    Field("after", Duration(), "Where that field is empty: so long after the ticket was created."),
)
_CREATE = (
    Field("kind", Text(), "What kind of follow-up it is; one of a kind for each earlier request.", required=True),
    Field("subject", Name("text"), "Its subject: the name of a text, or the text itself.", required=True),
    Field("body", Name("text"), "Its description.", required=True),
    Field("type", Text(), "Its type, or class of document."),
    Field("category", Text(), "Its category."),
    Field("fields", Table(Scalar(), keys=(), custom=True), "Other fields it gets: `custom.X` -> value."),
    Field("group", Name("group"), "The group that owns it."),
    Field("agent", Name("agent"), "The agent who owns it."),
    Field("status", Word(STATUSES), "Its status.", default="open"),
    Field("priority", Word(PRIORITIES), "Its priority.", default="normal"),
    Field("tags", Many(Text()), "Its tags.", default=()),
    Field(
        "channels",
        Table(Word(CHANNELS), keys=CHANNELS),
        "The channel it gets in place of the insistence's: `{in_person: email}`.",
    ),
    Field("copy", Many(FieldName()), "Fields taken over from the insistence, else from the request.", default=()),
    Field("needs", Many(FieldName()), "Nothing is created while one of these is empty.", default=()),
)
_ESCALATE = (
    Field("assign", Name("assignee"), "The agent or group that takes the insistence over."),
    Field("notify", Many(Name("person")), "Who is told.", default=()),
    Field("priority", Word(PRIORITIES), "The priority it is raised to."),
    Field("note", Name("text"), "A private note: the name of a text, or the text itself."),
)
_ROW = (
    Field("name", Text(), "What the row is called in reasons."),
    Field("if", Table(Many(Text(), least=1)), "Fact -> value or values; facts left out do not matter.", required=True),
    Field("tell", Name("text"), "What the customer is to be told; creates nothing."),
    Field("customer_files", Name("text"), "What is said where the customer files the follow-up; creates nothing."),
    Field("create", Record(_CREATE), "The follow-up ticket to create."),
    Field("escalate", Record(_ESCALATE), "Who takes it over; never together with `create`."),
)
FIELDS = (
    Field("when", When(), "Which tickets insist on an earlier request.", required=True),
    Field("window", Duration(business=False), "How far back the earlier request may lie.", required=True),
    Field(
        "same",
        Record(
            (
                Field("person", Many(Word(kin.PERSON_KEYS)), "How the customer is known.", default=("email", "phone")),
                Field("contract", Flag(), "Whether the same contract means the same customer.", default=True),
                Field(
                    "exclude",
                    Many(Text()),
                    "Addresses, numbers and names that stand for many customers: front desk, call centre.",
                    default=(),
                ),
            )
        ),
        "What makes two tickets one customer's.",
        default={"person": ("email", "phone"), "contract": True, "exclude": ()},
    ),
    Field(
        "matter",
        Record(
            (
                Field("fields", Many(FieldName()), "Any one equal is enough.", default=("category", "type")),
                Field("words", Number(), "Or so large a share of the words in common, 0 to 1."),
                Field("ignore", Phrases(), "Words that say nothing about the matter.", default=()),
                Field(
                    "unsaid", Flag(), "`true`: one that tells no matter insists on the newest request.", default=False
                ),
            )
        ),
        "What makes two tickets one subject matter.",
        default={"fields": ("category", "type"), "words": None, "ignore": ()},
    ),
    Field("link", FieldName(), "A field that names the earlier request; written into created follow-ups too."),
    Field("answered", When(), "When a request counts as answered; else: finished, or replied to by an agent."),
    Field(
        "deadline",
        Record(_DEADLINE),
        "When the answer to a request is due.",
        default={"field": "due_by", "after": None},
    ),
    Field(
        "follow_up",
        Record(
            (
                Field("when", When(), "Which tickets are follow-ups of a request.", required=True),
                Field("deadline", Record(_DEADLINE), "When the answer to one is due; default: as of requests."),
            )
        ),
        "The tickets filed because of an earlier one.",
        required=True,
    ),
    Field("calendar", Name("calendar"), "The calendar in which business spans are counted."),
    Field(
        "facts",
        Table(
            Record(
                (
                    Field("values", Table(When()), "Value -> the condition under which it holds."),
                    Field("otherwise", Text(), "The value where none of them holds; without it: not known."),
                    Field(
                        "of",
                        Many(Word(("insistence", "first", "follow_up")), least=1),
                        "The tickets asked, in this order, until one tells.",
                        default=("insistence",),
                    ),
                )
            )
        ),
        "Further facts, besides `first`, `first_deadline`, `follow_up` and `follow_up_deadline`.",
    ),
    Field(
        "impossible",
        Many(Table(Many(Text(), least=1))),
        "Combinations of facts that can't occur, and that no row has to decide.",
        default=(),
    ),
    Field(
        "table", Many(Record(_ROW), least=1), "The rows; every combination is decided by exactly one.", required=True
    ),
    Field(
        "tell_by",
        Word(("note", "reply")),
        "An agent tells (private note), or a reply is sent.",
        default="note",
    ),
    Field(
        "again",
        Duration(business=False),
        "How often an open insistence is looked at again, for its other tickets may have moved.",
        default=Span(3600, "elapsed", "1h"),
    ),
)

EXAMPLE = """\
repeat:
  - name: insistence
    when: {any_phrase: [still no answer, second time I ask]}
    window: 180d
    follow_up:
      when: {type: Answer overdue}
    deadline: {field: due_by, after: 10 business days}
    table:
      - if: {first: answered}
        tell: "Read the answer of request #FIRST# to the customer."
      - if: {first: unanswered, first_deadline: within}
        tell: "Request #FIRST# is answered by #DEADLINE#."
      - if: {first: unanswered, first_deadline: overdue, follow_up: none}
        create:
          kind: overdue
          subject: "Answer overdue: #FIRST#"
          body: "#REQUESTER# insists on request #FIRST#."
          type: Answer overdue
      - if: {first: unanswered, first_deadline: overdue, follow_up: [unanswered, answered]}
        escalate: {notify: supervisor}
"""
