"""The register as values: tabs in the pack's order, rows of plain texts. No clock: same input, same register."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.model import Plan, Reason
from connector.core.policy import Policy
from connector.core.records import CAUSE, Escalation, caused, opened
from connector.reports.dry_run import Source
from connector.reports.reasons import said
from connector.reports.register.texts import printable, sheet_name, tidy
from connector.reports.register.words import COLUMNS, Words, kind_tabs

DATES = frozenset({"when", "promise"})
#: Two instants shown the same to the minute are the same: spreadsheets keep no more.
_MINUTES = "%Y-%m-%d %H:%M"


@dataclass(frozen=True, slots=True)
class Row:
    """One escalation: column -> text as shown; `dates` holds the same for dates, local and naive."""

    record: Escalation
    cells: Mapping[str, str]
    dates: Mapping[str, datetime]
    overdue: bool


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab. `sheet` is the name a spreadsheet takes, `title` the pack's own."""

    sheet: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """(open, overdue, closed, all); the overdue ones are open too."""
        going = [row for row in self.rows if row.record.is_open]
        overdue = sum(row.overdue for row in going)
        return len(going), overdue, len(self.rows) - len(going), len(self.rows)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A text somebody wrote that belongs to no known case: the file, tab and cell it stood in."""

    id: str
    file: str
    tab: str
    cell: str
    ticket: str
    text: str


@dataclass(frozen=True, slots=True)
class Register:
    """Everything a form of the register shows. `stamp` tells one written workbook from another."""

    account: str
    as_of: datetime
    policy: Policy
    sources: tuple[Source, ...]
    since: datetime | None
    until: datetime | None
    language: str
    summary: str
    tabs: tuple[Tab, ...]
    unmatched_sheet: str
    unmatched: tuple[Unmatched, ...]
    stamp: str = ""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of every date shown."""
        return ZoneInfo(self.policy.timezone)

    def origin(self) -> list[tuple[str, str]]:
        """(what, value): where the register comes from."""
        words, zone = Words(self.language), self.zone
        told = [
            (words("account"), self.account),
            (words("as_of"), f"{local(self.as_of, zone)} ({self.policy.timezone})"),
            (words("pack"), self.policy.name),
            (words("policy"), self.policy.digest),
        ]
        if self.since is not None or self.until is not None:
            ends = [local(at, zone) if at else "…" for at in (self.since, self.until)]
            told.append((words("period"), " – ".join(ends)))
        return [*told, *((f"{words('source')} {one.name}", f"SHA-256 {one.sha256}") for one in self.sources)]


def local(at: datetime, zone: ZoneInfo) -> str:
    """An instant as the register shows it."""
    return at.astimezone(zone).strftime(_MINUTES)


def make_register(
    records: Iterable[Escalation],
    policy: Policy,
    *,
    account: str,
    as_of: datetime,
    language: str,
    sources: Sequence[Source] = (),
    unmatched: Sequence[Unmatched] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> Register:
    """The register of these records as of `as_of` (aware). Without sources, the records' own digest is the source."""
    words, zone = Words(language), ZoneInfo(policy.timezone)
    kept = sorted(records, key=lambda one: (one.opened_at, one.id))
    taken: set[str] = set()
    summary = sheet_name(words("summary"), taken)
    unmatched_sheet = sheet_name(words("unmatched"), taken)
    tabs = tuple(
        Tab(sheet_name(title, taken), title, columns, tuple(_row(one, policy, as_of, words, zone) for one in those))
        for title, columns, those in _sorted_in(kept, policy, words)
    )
    read = tuple(sources) or (Source(account, _digest([_json(one) for one in kept])),)
    register = Register(
        account, as_of, policy, read, since, until, language, summary, tabs, unmatched_sheet, tuple(unmatched)
    )
    return _stamped(register)


def records_of(plan: Plan) -> list[Escalation]:
    """The records that carrying the plan out would begin, with the causes it would add: for exported files."""
    found: dict[str, Escalation] = {}
    for action in plan.actions:
        if action.kind == "register" and action.details.get(CAUSE) is None:
            found.setdefault(action.key, opened(action, plan.now))
    for action in plan.actions:
        if action.kind == "register" and (told := action.details.get(CAUSE)) is not None:
            for one in action.details.get("of", ()):
                if one in found:
                    found[one] = caused(found[one], told, plan.now)
    return list(found.values())


def tab_titles(record: Escalation) -> tuple[str, ...]:
    """The names its tab may have, in whatever language the workbook was written."""
    return (record.tab,) if record.tab else kind_tabs().get(_kind(record), ())


def register_json(register: Register) -> dict[str, Any]:
    """The register's records as they are kept, tab by tab; nothing is translated."""
    return {
        "account": register.account,
        "as_of": register.as_of.isoformat(),
        "pack": register.policy.name,
        "digests": {
            "policy": register.policy.digest,
            "data": [{"source": one.name, "sha256": one.sha256} for one in register.sources],
        },
        "tabs": [
            {
                "tab": tab.title,
                **dict(zip(("open", "overdue", "closed", "all"), tab.counts, strict=True)),
                "escalations": [{**_json(row.record), "overdue": row.overdue} for row in tab.rows],
            }
            for tab in register.tabs
        ],
        "unmatched": [
            {"id": one.id, "file": one.file, "tab": one.tab, "cell": one.cell, "ticket": one.ticket, "text": one.text}
            for one in register.unmatched
        ],
    }


# --- tabs ---------------------------------------------------------------------------------------------------------
def _kind(record: Escalation) -> str:
    kind = record.body.get("kind")
    return str(kind) if kind in ("functional", "hierarchical") else "other_kind"


def _sorted_in(
    records: Sequence[Escalation], policy: Policy, words: Words
) -> list[tuple[str, tuple[str, ...], list[Escalation]]]:
    """(title, columns, records): the pack's tabs in its order, then tabs of older packs by name, then those by kind."""
    known: dict[str, list[Escalation]] = {}
    for situation in policy.situations.values():
        if situation.course is not None and situation.course.tab:
            known.setdefault(situation.course.tab, [])
    older = sorted({one.tab for one in records if one.tab and one.tab not in known})
    known.update((tab, []) for tab in older)
    by_kind: dict[str, list[Escalation]] = {"functional": [], "hierarchical": [], "other_kind": []}
    for one in records:
        (known[one.tab] if one.tab else by_kind[_kind(one)]).append(one)
    plain = tuple(column for column in COLUMNS if column != "why")
    found = [(tab, plain, those) for tab, those in known.items()]
    return found + [(words(kind), COLUMNS, those) for kind, those in by_kind.items() if those]


def _row(record: Escalation, policy: Policy, as_of: datetime, words: Words, zone: ZoneInfo) -> Row:
    body, promise = record.body, _instant(record.body.get("promise"))
    overdue = record.is_open and promise is not None and promise < as_of
    dates = {"when": record.opened_at}
    if promise is not None:
        dates["promise"] = promise
    cells = {
        "ticket": record.ticket,
        "customer": _text(body.get("customer")),
        "contact": "\n".join(_text(body.get(key)) for key in ("phone", "email") if body.get(key)),
        "product": _text(body.get("product")),
        "why": _why(body, words, zone),
        "description": _text(body.get("description")),
        "to": _people(body.get("to"), policy),
        "level": _text(body.get("level")),
        "kind": _kind_words(body, words),
        "follow_ups": "\n".join(_follow_up(one, words, zone) for one in record.follow_ups),
        "state": _state(record, words, zone, overdue=overdue),
        "cause": _cause(record.cause, words),
        "satisfaction": words.known(record.satisfaction["word"]) if record.satisfaction.get("word") else "",
        "comments": record.comments,
        **{name: local(at, zone) for name, at in dates.items()},
    }
    naive = {name: at.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0) for name, at in dates.items()}
    return Row(record, {name: tidy(text) for name, text in cells.items()}, naive, overdue)


def _why(body: Mapping[str, Any], words: Words, zone: ZoneInfo) -> str:
    """Why it went up, in the reader's words where the record tells the reason's values."""
    because = body.get("because")
    known = because if isinstance(because, Mapping) else {}
    values = known.get("values")
    told = Reason(str(known.get("code")), _text(body.get("why")), values if isinstance(values, Mapping) else {})
    return printable(said(told, words.language, zone))


def _text(value: object) -> str:
    return "" if value is None else printable(str(value))


def _instant(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def _people(keys: object, policy: Policy) -> str:
    found = [str(key) for key in (keys if isinstance(keys, list | tuple) else [keys] if keys else [])]
    return "\n".join(policy.people[key].name if key in policy.people else key for key in found)


def _kind_words(body: Mapping[str, Any], words: Words) -> str:
    kind = words.known(body["kind"]) if body.get("kind") else ""
    return f"{kind}, {words('urgent')}" if body.get("urgent") else kind


def _follow_up(one: Mapping[str, Any], words: Words, zone: ZoneInfo) -> str:
    at = _instant(one.get("at"))
    what = words.follow_up(str(one.get("what") or ""))
    return f"{at.astimezone(zone):%Y-%m-%d} {what}" if at else what


def _state(record: Escalation, words: Words, zone: ZoneInfo, *, overdue: bool) -> str:
    outcome = record.outcome
    if not outcome:
        return f"{words('open')}, {words('overdue')}" if overdue else words("open")
    at, kept = _instant(outcome.get("at")), outcome.get("in_promise")
    told = [words.known(outcome.get("state", "closed"))]
    if kept is not None:
        told.append(words("kept") if kept else words("late"))
    return ", ".join(told) + (f"\n{local(at, zone)}" if at else "")


def _cause(cause: Mapping[str, Any], words: Words) -> str:
    if not cause.get("cause"):
        return ""
    told = words.known(cause["cause"])
    if cause.get("team"):
        told += f": {cause['team']}"
    return f"{told} ({words('suggested')})" if cause.get("by") == "suggested" else told


# --- digests --------------------------------------------------------------------------------------------------------
def _json(record: Escalation) -> dict[str, Any]:
    return {
        "id": record.id, "ticket": record.ticket, "tab": record.tab, "opened_at": record.opened_at.isoformat(),
        "body": _plain(record.body), "cause": _plain(record.cause), "outcome": _plain(record.outcome),
        "satisfaction": _plain(record.satisfaction), "follow_ups": [_plain(one) for one in record.follow_ups],
        "comments": record.comments,
    }  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _stamped(register: Register) -> Register:
    shown = [register.origin(), [[row.record.id, *row.cells.items()] for tab in register.tabs for row in tab.rows]]
    return replace(register, stamp=_digest([shown, [one.id for one in register.unmatched]])[:12])
