"""What docs/state.md says of the state is so."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from connector.store import open_store
from tests.contract.store_samples import row

REPOSITORY = Path(__file__).parents[3]
GUIDE = (REPOSITORY / "docs" / "state.md").read_text(encoding="utf-8")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state with one ticket of the account the guide names."""
    path = tmp_path / "state.db"
    store = open_store(path)
    with store.transaction():
        store.put("demo", [row("7", 5)])
    store.close()
    return path


def test_every_table_is_explained(path: Path) -> None:
    """And none that is not there."""
    raw = sqlite3.connect(path)
    tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    raw.close()
    section = GUIDE.partition("## What\n")[2].partition("## How large")[0]
    explained = {
        name for line in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", line)
    }
    assert explained == tables


def test_the_queries_of_the_guide_run(path: Path) -> None:
    """The look at the tickets, and the backup."""
    [query] = re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL)
    [backup] = re.findall(r'"(VACUUM INTO .*?)"', GUIDE)
    raw = sqlite3.connect(path)
    assert raw.execute(query).fetchall() == [("7", "in_process", None, None, "2026-01-05T09:35:00.000000Z")]
    raw.execute(backup.replace("backup.db", str(path.with_name("backup.db"))))
    raw.close()
    copy = open_store(path.with_name("backup.db"))
    assert copy.mirrored("demo", ["7"]) == {"7": row("7", 5)}
    copy.close()


def test_the_sentences_of_the_guide_are_the_programs() -> None:
    """The part before an ellipsis or a number, as it stands in the source."""
    folder = REPOSITORY / "connector" / "store"
    source = "".join(one.read_text(encoding="utf-8") for one in sorted(folder.glob("*.py")))
    section = GUIDE.partition("## When it says")[2]
    sentences = re.findall(r"^\| `(.*?)`", section, re.MULTILINE)
    assert len(sentences) == 6
    for sentence in sentences:
        for part in re.split(r" … | N | M\b", sentence):
            assert part in source, part
