"""Faults on purpose. A spec is text, `ITEM;ITEM;...` with `ITEM = name[=value][:param=value,param=value...]`, or the
same as JSON: a list of such texts or of objects `{"fault": name, "value": ..., param: ...}`, or {"faults": [...]}.

A new spec replaces the old one; one that starts with `+` (or {"add": true, ...}) is added; an empty one clears.
"""

from __future__ import annotations

import fnmatch
import random
import re
from dataclasses import dataclass, field
from typing import Any

from connector.emulator.shapes import Json
from connector.emulator.spoil import SHAPE_NAMES
from connector.errors import UsageError

# Faults of single requests: when they act, and what they do.
BEFORE, AFTER = "before", "after"
_REQUEST_FAULTS: dict[str, tuple[str, str]] = {
    "reset": (BEFORE, "the connection is reset, nothing has happened"),
    "delay": (BEFORE, "the request waits `seconds` (1) before it is served"),
    "drop_answer": (AFTER, "the effect is applied, then the connection is cut"),
    "slow": (AFTER, "the body comes at `bytes_per_s` (50)"),
    "truncate": (AFTER, "half the body comes, then the connection closes; clean=1 makes it a whole, broken JSON"),
    "length": (AFTER, "Content-Length is `by` (10) bytes too long, or too short where it is negative"),
    "chunk_cut": (AFTER, "the body comes in chunks and ends in the middle of one"),
    "shape": (AFTER, "the JSON gets a shape nobody expects: `as`"),
    "gzip_bomb": (AFTER, "a small compressed body that unpacks to `mb` (64) megabytes"),
    "huge": (AFTER, "a body of `mb` (40) megabytes"),
    "repeat_page": (AFTER, "every list page is the first one seen, again and again"),
    "old_answer": (AFTER, "a ticket is shown as it was before its last change"),
    "undo": (AFTER, "an automation sets back at once what a write changed; `seconds` later where given"),
    "duplicate_rows": (BEFORE, "list pages after the first begin with the last row of the page before"),
    "skip_rows": (BEFORE, "list pages after the first leave out their first row"),
    "human_edit": (AFTER, "after a ticket is read, or written where `on` says so, somebody acts on it"),
}
# Faults of the whole server: a value, in force until replaced.
_STANDING = {
    "skew": "seconds the Date header is ahead of the clock",
    "date": "the Date header: `present`, `absent`, `garbage`",
    "date_jump": "the Date header is by turns right, so many seconds ahead, and as many behind",
    "headers": "rate headers `integer`, `decimal`, `negative`, `garbage` or `absent`",
    "stale": "write answers carry the old due_by, recalculated seconds later",
    "scope": "every key's ticket scope becomes this (default 3, restricted)",
    "revoke_key_after": "after so many answered requests every key is refused",
    "lockout_after": "after so many bad logins in a row the agent is locked out",
    "noise": "credits a minute that other apps use",
    "search_lag": "seconds the search index is behind",
    "same_value_put": "ignored, touches or restarts",
    "seed": "seed of the dice behind every rate",
}
_STATUS = re.compile(r"(html)?(200|30[1278]|[45]\d\d)")
_PARAMS = frozenset(
    [
        "on",
        "rate",
        "times",
        "after",
        "every",
        "on_nth",
        "retry_after",
        "html",
        "bytes_per_s",
        "bytes",
        "seconds",
        "clean",
        "ticket",
        "set",
        "note",
        "reply",
        "customer",
        "message",
        "code",
        "location",
        "by",
        "as",
        "mb",
        "sent",
        "spam",
        "delete",
        "archive",
        "merge_into",
    ]
)
_COUNTS = frozenset({"times", "after", "every", "on_nth", "mb", "merge_into"})
_CHOICES = {
    "headers": ("integer", "decimal", "negative", "garbage", "absent"),
    "same_value_put": ("ignored", "touches", "restarts"),
    "date": ("present", "absent", "garbage"),
}


class FaultSpecError(UsageError):
    """A fault spec can't be read; the message names every reason."""


@dataclass(slots=True)
class Fault:
    """One armed fault of single requests."""

    name: str
    stage: str
    params: Json
    matched: int = 0
    fired: int = 0

    def strikes(self, method: str, path: str, dice: random.Random, body: Any = None) -> bool:
        """Whether it acts on this request; counts the match either way. `body`: what the request brings, decoded."""
        if not _matches(str(self.params.get("on", "*")), method, path):
            return False
        if self.name in ("human_edit", "undo") and not self._meets_ticket(method, path):
            return False
        if "sent" in self.params and not _carries(body, _edit(self.params["sent"])):
            return False
        self.matched += 1
        if self.matched <= int(self.params.get("after", 0)):
            return False
        if "times" in self.params and self.fired >= int(self.params["times"]):
            return False
        if "on_nth" in self.params and self.matched != int(self.params["on_nth"]):
            return False
        if "every" in self.params and self.matched % int(self.params["every"]):
            return False
        if "rate" in self.params and dice.random() >= float(self.params["rate"]):
            return False
        self.fired += 1
        return True

    def _meets_ticket(self, method: str, path: str) -> bool:
        found = re.fullmatch(r"/tickets/(\d+)", path)
        wanted = str(self.params.get("ticket", "*"))
        if self.name == "human_edit" and "on" in self.params and path == "/tickets":
            return True
        usual = "PUT" if self.name == "undo" else "GET"
        return (method == usual or "on" in self.params) and found is not None and wanted in {"*", found[1]}


def _carries(body: Any, wanted: Json) -> bool:
    return isinstance(body, dict) and all(body.get(name) == value for name, value in wanted.items())


def _matches(pattern: str, method: str, path: str) -> bool:
    verb, _, glob = pattern.strip().rpartition(" ")
    glob = glob.removeprefix("/api/v2")
    if glob.isalpha() and glob.isupper():  # a bare method such as `on=PUT`
        return glob == method
    return verb.strip().upper() in {"", "*", method} and (glob == "*" or fnmatch.fnmatchcase(path, glob))


@dataclass(slots=True)
class Faults:
    """All faults in force."""

    armed: list[Fault] = field(default_factory=list)
    standing: Json = field(default_factory=dict)
    dice: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - repeatable on purpose

    def strike(self, stage: str, method: str, path: str, body: Any = None) -> list[Fault]:
        """The faults that act on this request at this stage."""
        return [fault for fault in self.armed if fault.stage == stage and fault.strikes(method, path, self.dice, body)]

    def wants(self, name: str) -> bool:
        """Whether a fault of this name is armed."""
        return any(fault.name == name for fault in self.armed)

    def replace(self, spec: Any) -> None:
        """Read a spec and put it in force; FaultSpecError names every problem and leaves the old one in force."""
        add, items = _items(spec)
        problems: list[str] = []
        armed: list[Fault] = []
        standing: Json = {}
        for name, value, params in items:
            if name in _STANDING:
                _read_standing(name, value, standing, problems)
            else:
                _read(name, params, armed, problems)
        if problems:
            msg = f"fault spec: {'; '.join(problems)}"
            raise FaultSpecError(msg)
        self.armed = [*self.armed, *armed] if add else armed
        self.standing = {**self.standing, **standing} if add else standing
        if "seed" in standing or not add:
            self.dice = random.Random(self.standing.get("seed", 0))  # noqa: S311

    def shown(self) -> Json:
        """What is in force, with counts, for the control API."""
        armed = [{"fault": f.name, **f.params, "matched": f.matched, "fired": f.fired} for f in self.armed]
        return {"faults": armed, "standing": dict(self.standing)}


def _items(spec: Any) -> tuple[bool, list[tuple[str, Any, Json]]]:
    if spec is None:
        return False, []
    if isinstance(spec, str):
        add = spec.lstrip().startswith("+")
        return add, [
            _text_item(part) for part in spec.strip().lstrip("+").split(";") if part.strip() not in {"", "none"}
        ]
    if isinstance(spec, list):
        return False, [item for one in spec for item in _items(one)[1]]
    if isinstance(spec, dict):
        add = bool(spec.get("add"))
        for name in ("faults", "spec"):
            if name in spec:
                return add, _items(spec[name])[1]
        if "fault" in spec:
            params = {k: v for k, v in spec.items() if k not in {"fault", "value", "add"}}
            return add, [(str(spec["fault"]), spec.get("value"), params)]
        named = [(name, value) for name, value in spec.items() if name != "add"]
        return add, [(name, None, value) if isinstance(value, dict) else (name, value, {}) for name, value in named]
    msg = f"fault spec: must be text, a list or an object, not {type(spec).__name__}"
    raise FaultSpecError(msg)


def _text_item(text: str) -> tuple[str, Any, Json]:
    head, _, tail = text.strip().partition(":")
    name, _, value = head.partition("=")
    params: Json = {}
    for part in tail.split(","):
        key, equals, given = part.partition("=")
        if key.strip():
            params[key.strip()] = given.strip() if equals else "1"
    return name.strip(), value.strip() or None, params


def _read(name: str, params: Json, armed: list[Fault], problems: list[str]) -> None:
    status = _STATUS.fullmatch(name)
    if status is None and name not in _REQUEST_FAULTS:
        known = ", ".join([*_REQUEST_FAULTS, *_STANDING, "a status such as 500 or 429", "html502"])
        problems.append(f"unknown fault {name!r} (known: {known})")
        return
    unknown = sorted(set(params) - _PARAMS)
    if unknown:
        problems.append(f"{name}: unknown parameter(s) {', '.join(unknown)}")
    uncounted = [key for key in sorted(_COUNTS & params.keys()) if not str(params[key]).isdecimal()]
    problems += [f"{name}: {key} must be a whole number, not {params[key]!r}" for key in uncounted]
    if "rate" in params and not _share(params["rate"]):
        problems.append(f"{name}: rate must lie between 0 and 1, not {params['rate']!r}")
    if name == "slow" and not str(params.get("bytes_per_s", 50)).isdecimal():
        problems.append(f"slow: bytes_per_s must be a whole number, not {params['bytes_per_s']!r}")
    if "bytes" in params and not str(params["bytes"]).isdecimal():
        problems.append(f"{name}: bytes must be a whole number, not {params['bytes']!r}")
    if "seconds" in params and not re.fullmatch(r"\d{1,6}(\.\d+)?", str(params["seconds"])):
        problems.append(f"{name}: seconds must be a number of 0 or more, not {params['seconds']!r}")
    if name == "shape" and params.get("as") not in SHAPE_NAMES:
        problems.append(f"shape: as must be one of {', '.join(SHAPE_NAMES)}, not {params.get('as')!r}")
    if name == "length" and not re.fullmatch(r"[-+]?\d{1,9}", str(params.get("by", 10))):
        problems.append(f"length: by must be a whole number, not {params['by']!r}")
    if name == "human_edit":
        params = {"times": 1, **params, "set": _edit(params.get("set"))}
    stage = BEFORE if status is not None else _REQUEST_FAULTS[name][0]
    armed.append(Fault(name, stage, params))


def _read_standing(name: str, value: Any, standing: Json, problems: list[str]) -> None:
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            problems.append(f"{name} must be one of {', '.join(sorted(_CHOICES[name]))}, not {value!r}")
        standing[name] = value
    elif name == "stale":
        standing[name] = str(value).lower() not in {"0", "false", "off"}
    else:
        default = {"scope": 3}.get(name)
        given = default if value is None else value
        if not re.fullmatch(r"-?\d+", str(given)):
            problems.append(f"{name} must be a whole number, not {given!r}")
            return
        standing[name] = int(str(given))


def _share(value: Any) -> bool:
    try:
        return 0 <= float(value) <= 1
    except (TypeError, ValueError):
        return False


def _edit(given: Any) -> Json:
    """The fields of a human edit: an object, or text such as `status:2+priority:4`."""
    if isinstance(given, dict):
        return given
    fields: Json = {}
    for part in str(given or "").split("+"):
        name, colon, value = part.partition(":")
        if colon:
            fields[name.strip()] = int(value) if re.fullmatch(r"-?\d+", value.strip()) else value.strip()
    return fields
