"""How one helpdesk's codes, labels, fields and column headings map onto the canonical words; data from a pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.core.model import EMPTY


@dataclass(frozen=True, slots=True)
class FieldMap:
    """One `helpdesk:` file of a pack.

    `statuses`, `priorities`, `channels`: canonical word -> the helpdesk's codes or labels in any language, the
    first of which is the one written. `fields`: canonical field or `custom.X` -> the helpdesk's own field name
    (`cf_escalation_type`). `headings`: canonical field or `custom.X` -> column headings of exports, in any
    language. `empty`: texts that mean "nothing" in an export. `timezone`: IANA zone of stamps that carry none.
    `date_order`: `dmy` or `mdy` for dates like 03/04/2026. `autoclose_clock`: the ticket field from which the
    helpdesk's own auto-close rule counts (`status_since`, `updated_at`, ...). `situations`: situation id -> values
    of the escalation field that mean it (the id itself always does). `absent`: ticket field -> what holds where an
    export has no column for it at all (a system without priorities, say), instead of "unknown". `file`: its place
    in the pack, for messages.
    """

    helpdesk: str
    statuses: Mapping[str, tuple[str, ...]] = field(default=EMPTY)
    priorities: Mapping[str, tuple[str, ...]] = field(default=EMPTY)
    channels: Mapping[str, tuple[str, ...]] = field(default=EMPTY)
    fields: Mapping[str, str] = field(default=EMPTY)
    headings: Mapping[str, tuple[str, ...]] = field(default=EMPTY)
    situations: Mapping[str, tuple[str, ...]] = field(default=EMPTY)
    absent: Mapping[str, str] = field(default=EMPTY)
    empty: tuple[str, ...] = ("#", "-", "Not assigned")
    timezone: str = "UTC"
    date_order: str = "dmy"
    autoclose_clock: str = "status_since"
    allow_notifying_status: bool = False
    file: str = ""
