"""Every storm by name. docs/failures.md has one row for each, and says what the daemon does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.crash.storms.sea import Storm, restore
from tests.soak.centre import CLOSED, START, iso

_HALFWAY = "human_edit:on=PUT /tickets/*,sent=status:9,times=99"
EVERYTHING = (
    "429:rate=0.05,retry_after=9;500:rate=0.05;html502:rate=0.05;reset:rate=0.05;drop_answer:rate=0.05;"
    "truncate:rate=0.03;html200:rate=0.03;shape:as=nulls,rate=0.02;shape:as=texts,rate=0.02;old_answer:rate=0.05;"
    "chunk_cut:rate=0.02;length:rate=0.02;headers=garbage;skew=1800"
)
_SENSELESS = ("-5", "99999999999", "soon", "1e309", "nan", "date+99999999")
_ARCHIVED = "human_edit:on=PUT /tickets/*,sent=status:9,archive=1,on_nth=2"
_REREAD = "human_edit:ticket=*,times=99"
#: The way back of a toggle is written until it is seen to have taken: more than once where the helpdesk hides that.
_BACK_TWICE = ("status was sent although it was 8 already",)


def _crowd(seed: dict[str, Any]) -> None:
    """Three pages of tickets that were all closed within one second: the list can't be read in one piece."""
    at = iso(START - timedelta(days=3))
    for number in range(5001, 5261):
        seed["tickets"].append(
            {
                "id": number, "subject": "Consulta general de producto", "description": "Pregunta por un accesorio.",
                "status": CLOSED, "priority": 2, "source": 2, "requester_id": 5001, "group_id": 7001,
                "created_at": at, "updated_at": at, "stats": {"status_updated_at": at},
            }
        )  # fmt: skip


STORMS: tuple[Storm, ...] = (
    # --- too much, in trouble -------------------------------------------------------------------------------------
    Storm("429 with a wait in seconds", ("429:rate=0.4,retry_after=7",)),
    Storm("429 with an HTTP date", ("429:rate=0.4,retry_after=date+20", "429:rate=0.4,retry_after=date-86400")),
    Storm("429 without Retry-After", ("429:rate=0.4,retry_after=none",)),
    Storm(
        "429 with a senseless wait",
        tuple(f"429:rate=0.4,retry_after={wait}" for wait in _SENSELESS),
    ),
    Storm("429 to every request", ("429:retry_after=30",)),
    Storm("500", ("500:rate=0.3",)),
    Storm("502 and 504 with a gateway's page", ("html502:rate=0.2;html504:rate=0.2",)),
    Storm("503 with and without a wait", ("503:rate=0.2,retry_after=60;503:rate=0.2,retry_after=none",)),
    Storm("403 or 404 to single reads", ("404:on=GET /tickets/*,rate=0.4", "403:on=GET /tickets/*,rate=0.4")),
    Storm("403 to single writes", ("403:on=PUT /tickets/*,rate=0.4",)),
    # --- the wire ---------------------------------------------------------------------------------------------------
    Storm("reset before the request was taken", ("reset:rate=0.3",)),
    Storm("answer lost after the effect", ("drop_answer:rate=0.3",)),
    Storm("body that drips", ("slow:bytes_per_s=20,rate=0.05",)),
    Storm("body cut off", ("truncate:rate=0.3",)),
    Storm("wrong Content-Length", ("length:by=25,rate=0.3", "length:by=-25,rate=0.3")),
    Storm("chunked body cut off", ("chunk_cut:rate=0.3",)),
    Storm("redirects in mid-run", tuple(f"{code}:rate=0.3,location=https://elsewhere.example/" for code in (302, 307))),
    # --- answers nobody expects -------------------------------------------------------------------------------------
    Storm("page in place of an answer", ("html200:rate=0.3",)),
    Storm("broken JSON", ("truncate:clean=1,rate=0.3", "shape:as=bom,rate=0.3")),
    Storm("empty answer", ("shape:as=nothing,rate=0.3",)),
    Storm("object for a list", ("shape:as=swapped,rate=0.3",)),
    Storm("null, text or number for JSON", tuple(f"shape:as={one},rate=0.3" for one in ("null", "text", "number"))),
    Storm("null fields", ("shape:as=nulls,rate=0.3",)),
    Storm("numbers as text", ("shape:as=texts,rate=0.3",)),
    Storm("text as numbers", ("shape:as=numbers,rate=0.3",)),
    Storm("huge numbers and NaN", tuple(f"shape:as={one},rate=0.3" for one in ("huge", "nan", "digits"))),
    Storm("rows that are no tickets", ("shape:as=rows,rate=0.3", "shape:as=lists,rate=0.3")),
    Storm("nesting without end", ("shape:as=deep,rate=0.3",)),
    Storm("gzip bomb", ("gzip_bomb:rate=0.1",)),
    Storm("huge body", ("huge:rate=0.1",)),
    # --- lists that move, old answers -------------------------------------------------------------------------------
    Storm(
        "rows doubled and shifting between pages",
        ("duplicate_rows;human_edit:on=GET /tickets,set=priority:3,times=40",), arrange=_crowd, hours=3,
    ),
    Storm("page repeated for ever", ("repeat_page",), arrange=_crowd, hours=3, most=12),
    Storm("old answer after a write", ("old_answer:rate=0.5",), excused=_BACK_TWICE),
    # --- clocks and headers -----------------------------------------------------------------------------------------
    Storm("clock an hour ahead", ("skew=3600",)),
    Storm("clock an hour behind", ("skew=-3600",)),
    Storm("clock an hour ahead, and ours follows it", ("skew=3600",), clock="server"),
    Storm("clock that jumps", ("date_jump=3600",)),
    Storm("clock that jumps, and ours follows it", ("date_jump=3600",), clock="server"),
    Storm("no Date", ("date=absent", "date=garbage")),
    Storm("senseless rate headers", ("headers=absent", "headers=decimal", "headers=negative", "headers=garbage")),
    # --- the account ------------------------------------------------------------------------------------------------
    Storm("key revoked and restored", ("revoke_key_after=12",), must="the key is refused"),
    Storm("locked out", ("revoke_key_after=12;lockout_after=1",), must="the helpdesk refuses this account"),
    Storm("scope taken away and given back", ("scope=3",), must="sees other tickets than before"),
    # --- others act meanwhile ---------------------------------------------------------------------------------------
    Storm(
        "person edits between re-read and write",
        (f"{_REREAD},set=priority:1,rate=0.3", f"{_REREAD},set=status:6,rate=0.3"),
    ),
    Storm("person edits between a toggle's writes", (f"{_HALFWAY},set=priority:1",)),
    Storm("customer replies between a toggle's writes", (f"{_HALFWAY},by=customer,reply=gracias",)),
    Storm(
        "ticket deleted, spam, merged or archived before a write",
        tuple(f"{_REREAD},{what},rate=0.15" for what in ("delete=1", "spam=1", "merge_into=1001", "archive=1")),
        after=restore,
    ),
    Storm(
        "ticket deleted or spam between a toggle's writes",
        (f"{_HALFWAY},delete=1,every=2;{_HALFWAY},spam=1,every=3",), after=restore,
    ),
    Storm(
        "ticket merged or archived between a toggle's writes",
        ("human_edit:on=PUT /tickets/*,sent=status:9,merge_into=1001,times=1;" + _ARCHIVED,),
        excused=("is still open in the journal",),
    ),
    Storm("automation undoes a write at once", ("undo",), excused=_BACK_TWICE),
    Storm("automation undoes a write later", ("undo:seconds=900",)),
    Storm("automation undoes the way back", ("undo:sent=status:8",), excused=_BACK_TWICE),
    # --- everything -------------------------------------------------------------------------------------------------
    Storm(
        "every fault at once",
        (EVERYTHING,),
        excused=_BACK_TWICE,
    ),
    Storm("outage longer than the auto-close", ("503:retry_after=none",), hours=20, excused=("auto-closed under",)),
)  # fmt: skip

#: Those of the short form: of each kind the ones that reach the most of the program.
SHORT = frozenset(
    {
        "429 with a senseless wait", "huge numbers and NaN", "old answer after a write", "key revoked and restored",
        "scope taken away and given back", "ticket deleted or spam between a toggle's writes", "every fault at once",
    }
)  # fmt: skip
