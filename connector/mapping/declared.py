"""What a pack may declare besides rules: the fields of `pack:`, `calendars:`, `people:` and of a helpdesk's map."""

from __future__ import annotations

from connector.core.fieldmap import FieldMap
from connector.core.model import CHANNELS, PRIORITIES, STATUSES, TEXT_FIELDS, TIME_FIELDS, WORD_FIELDS
from connector.core.spec import Duration, Field, Flag, Many, Name, Record, Shaped, Table, Text, Word

_MAP = FieldMap("")

PACK = (
    Field("name", Text(), "The pack's short name, as in its folder.", required=True),
    Field("title", Text(), "What people call it."),
    Field("language", Text(), "The language of its texts: `es`, `it`, `en` …", default="es"),
    Field("timezone", Shaped("timezone"), "The time zone people there live in.", default="UTC"),
    Field("calendar", Name("calendar"), "The calendar that counts business time unless a rule names another."),
)

CALENDAR = (
    Field("timezone", Shaped("timezone"), "The time zone of the opening hours; default: the pack's."),
    Field(
        "hours",
        Table(Many(Shaped("hours"))),
        "Opening hours by day: `mon` … `sun`, ranges (`mon-fri`) and lists (`mon,wed`); they may cross midnight.",
        required=True,
    ),
    Field(
        "holidays",
        Record(
            (
                Field(
                    "country", Text(), "Two-letter code of the country whose public holidays count: `MX`, `CL`, `IT` …"
                ),
                Field("subdivision", Text(), "A state or region with holidays of its own, by its code."),
                Field("add", Many(Shaped("day")), "Further days: `2026-12-24`, or `12-24` for every year."),
                Field("remove", Many(Shaped("day")), "Public holidays on which you do work."),
            )
        ),
        "Days without hours: a country's public holidays (2015 to 2040) and your own.",
    ),
    Field("exceptions", Table(Many(Shaped("hours"))), "Hours of one date, in place of all others: `2026-12-24`."),
)

PERSON = (
    Field("agent", Text(), "An agent, by the name the helpdesk shows."),
    Field("group", Text(), "A group, by the name the helpdesk shows."),
    Field("address", Shaped("email"), "Somebody outside the helpdesk, by e-mail address."),
    Field("email", Shaped("email"), "Where notifications go."),
    Field(
        "ids", Table(Text()), 'The helpdesk\'s own id, by helpdesk, where names are not enough: `{freshdesk: "9001"}`.'
    ),
    Field("skills", Many(Text()), "What an agent can do, for assignment rules that ask for it.", default=()),
    Field("hours", Name("calendar"), "The calendar of an agent's shifts; left out: always there."),
    Field(
        "out_of_office",
        Many(Shaped("dates")),
        "Days on which an agent is not there: `2026-08-03`, or `2026-08-03/2026-08-14`, both included.",
        default=(),
    ),
)

ROTA = (
    Field("file", Text(), "The iCalendar file (`.ics`) inside the pack that says who is on call when."),
    Field("url", Text(), "Or the `https` address at which that calendar stands; one of `file` and `url`."),
    Field("refresh", Duration(business=False), "With `url`: how often it is fetched anew; default: `1h`."),
    Field(
        "keep",
        Duration(business=False),
        "With `url`: how long the last good calendar counts while it can't be fetched; default: `7d`.",
    ),
    Field("timezone", Shaped("timezone"), "The zone of times in the file that carry none; default: the pack's."),
)

TICKET_FIELDS = ("id", *WORD_FIELDS, *TEXT_FIELDS, *TIME_FIELDS, "tags")
_CODES = Many(Text(), least=1)

HELPDESK = (
    Field("helpdesk", Text(), "`freshdesk`, `c4c`, or any name you like for an export.", required=True),
    Field("timezone", Shaped("timezone"), "The zone of dates that carry none; default: the pack's."),
    Field(
        "statuses",
        Table(_CODES, keys=STATUSES),
        "Canonical status -> the helpdesk's codes or labels; the first is the one that is written.",
    ),
    Field("priorities", Table(_CODES, keys=PRIORITIES), "Canonical priority -> codes or labels."),
    Field("channels", Table(_CODES, keys=CHANNELS), "Canonical channel -> codes or labels."),
    Field(
        "fields",
        Table(Text(), keys=TICKET_FIELDS, custom=True),
        "Ticket field or `custom.X` -> the helpdesk's own field name.",
    ),
    Field(
        "headings",
        Table(_CODES, keys=TICKET_FIELDS, custom=True),
        "Ticket field or `custom.X` -> column headings of its exports, whatever the case, accents and spaces.",
    ),
    Field("situations", Table(_CODES), "Situation -> values of the escalation field that mean it, besides its id."),
    Field(
        "absent",
        Record(
            (
                Field("status", Word(STATUSES), "The status of every ticket."),
                Field("priority", Word(PRIORITIES), "The priority of every ticket."),
                Field("channel", Word(CHANNELS), "The channel of every ticket."),
                *(Field(name, Text(), f"The {name.replace('_', ' ')} of every ticket.") for name in TEXT_FIELDS),
            )
        ),
        'What holds where an export has no column for a field, instead of "unknown": `{priority: normal}`.',
    ),
    Field("empty", Many(Text()), "Texts that mean nothing is there.", default=_MAP.empty),
    Field("dates", Word(("dmy", "mdy")), "How 03/04/2026 is meant.", default=_MAP.date_order),
    Field(
        "autoclose_clock",
        Word(TIME_FIELDS),
        "The time from which the helpdesk's own auto-close rule counts.",
        default=_MAP.autoclose_clock,
    ),
    Field(
        "allow_notifying_status",
        Flag(),
        "`true` allows writing statuses that mail the customer or close for good.",
        default=False,
    ),
)

#: Top-level keys of a pack's files besides the rule kinds', with their documentation.
TOP = {
    "pack": "The pack itself; exactly one file has it.",
    "calendars": "Opening hours and holidays by name.",
    "people": "The roster: agents, groups and outside addresses by the key that rules use.",
    "rotas": "Who is on call when, by name: turns in iCalendar files of the pack.",
    "phrases": "Named lists of phrases, usable wherever phrases are.",
    "texts": "Named texts in the pack's language, with placeholders.",
}

RULE = (
    Field("name", Text(), "What the rule is called, in reports and messages; once in its kind.", required=True),
    Field("enabled", Flag(), "`false` leaves the rule out; it is still checked.", default=True),
)
