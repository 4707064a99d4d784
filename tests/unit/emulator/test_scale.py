"""Many tickets: list pages come from sorted indexes, and a reader under writers can find every row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from connector.emulator import stamps
from tests.unit.emulator.conftest import Client

Start = Callable[..., Client]
_COUNT = 12_000
_FEED = "/tickets?order_by=updated_at&order_type=asc&per_page=100"


def test_pages_of_a_large_feed_come_fast(start: Start) -> None:
    """Well above the pace of any plan: a page costs the same at the end of the feed as at its start."""
    first = stamps.to_instant("2026-01-01T00:00:00Z")
    tickets = [
        {"id": n, "updated_at": stamps.to_text(first + n * 60), "created_at": "2026-01-01T00:00:00Z"}
        for n in range(1, _COUNT)
    ]
    client = start(*tickets)
    began = time.perf_counter()
    rows = [
        row["id"]
        for page in range(1, 121)
        for row in client.get(f"{_FEED}&updated_since=2026-01-01&page={page}").json()
    ]
    elapsed = time.perf_counter() - began
    assert list(range(1, _COUNT)) == rows
    assert elapsed < 8, f"{120 / elapsed:.0f} pages a second"


def test_rolling_by_updated_since_finds_all_while_others_write(start: Start) -> None:
    """Ascending with an inclusive boundary loses nothing; the last read equals the true state."""
    client = start(
        *(
            {"id": n, "updated_at": f"2026-03-01T00:{n // 60:02}:{n % 60:02}Z", "created_at": "2026-03-01T00:00:00Z"}
            for n in range(1, 1500)
        ),
        clock="real",
    )
    stop = threading.Event()

    def write() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            client.event(turn * 7 % 1499 + 1, set={"priority": turn % 4 + 1})
            time.sleep(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    mirror: dict[int, str] = {}
    since = "1970-01-01T00:00:00Z"
    for turn in range(60):
        if turn == 30:
            stop.set()
            writer.join()
        rows = client.get(f"{_FEED}&updated_since={since}").json()
        mirror.update({row["id"]: row["updated_at"] for row in rows})
        if turn > 30 and (not rows or rows[-1]["updated_at"] == since):
            break
        page = 2
        while rows and rows[0]["updated_at"] == rows[-1]["updated_at"] and len(rows) == 100:
            rows = client.get(f"{_FEED}&updated_since={since}&page={page}").json()
            mirror.update({row["id"]: row["updated_at"] for row in rows})
            page += 1
        since = rows[-1]["updated_at"] if rows else since
    assert {row["id"]: row["updated_at"] for row in client.control("tickets")} == mirror
