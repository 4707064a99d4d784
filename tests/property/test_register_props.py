"""Whatever supervisors do to their copies of a register, every word they typed is in the next one."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import openpyxl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.reports.register.edited import read_book
from connector.reports.register.texts import tidy
from tests.unit.reports.register_desk import (
    ACCOUNT,
    columns,
    everything,
    give_back,
    record,
    rows,
    state,
    written,
)

_TABS = ("Sin diagnóstico", "Profeco", None)
_SIGNS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])
_LINES = st.lists(st.text(_SIGNS, min_size=1, max_size=12), min_size=1, max_size=3).map("\n".join)
#: A text typed by a person: never blank, no formula (openpyxl would write one), none of the format's own escapes.
_TEXT = _LINES.filter(lambda text: bool(tidy(text)) and not text.startswith("=") and "_x" not in text)
_STEP = st.one_of(
    st.tuples(st.just("comment"), st.integers(0, 5), _TEXT),
    st.tuples(st.just("append"), st.integers(0, 5), _TEXT),
    st.tuples(st.just("own column"), st.integers(0, 5), _TEXT),
    st.tuples(st.just("hand"), st.integers(0, 9), _TEXT),
    st.tuples(st.just("swap"), st.integers(0, 5), st.integers(0, 5)),
    st.tuples(st.just("swap visible"), st.integers(0, 5), st.integers(0, 5)),
    st.tuples(st.just("delete"), st.integers(0, 5), st.none()),
    st.tuples(st.just("move"), st.integers(0, 5), st.none()),
    st.tuples(st.just("copy tab"), st.none(), st.none()),
    st.tuples(st.just("insert column"), st.integers(4, 9), st.none()),
    st.tuples(st.just("strip columns"), st.none(), st.none()),
    st.tuples(st.just("strip row"), st.none(), st.none()),
    st.tuples(st.just("rename"), st.none(), st.none()),
)


class _Supervisor:
    """Edits a copy; `lost` keeps the lines they took out themselves again, by deleting or typing over."""

    def __init__(self, content: bytes) -> None:
        self.book = openpyxl.load_workbook(io.BytesIO(content))
        self.page = self.book["Sin diagnóstico"]
        self.keys = columns(self.page)
        self.rows = rows(self.page)

    def typed(self) -> list[str]:
        """Every text that stands in the copy now and was typed by this person."""
        found = []
        for page in self.book:
            for line in page.iter_rows(values_only=True):
                found += [tidy(cell) for cell in line if isinstance(cell, str) and "«" in cell]
        return found

    def do(self, step: tuple[str, Any, Any]) -> None:
        """One deed; those that the copy does not allow any more are left out."""
        what, first, second = step
        if what in ("comment", "append", "own column", "delete", "move", "swap", "swap visible"):
            if not self.rows:
                return
            row = self.rows[first % len(self.rows)]
        at = self.keys["comments"]
        if what == "comment":
            self.page.cell(row, at).value = f"«{second}»"
        elif what == "append":
            self.page.cell(row, at).value = f"{self.page.cell(row, at).value or ''}\n«{second}»"
        elif what == "own column":
            self.page.cell(row, self.page.max_column + 1).value = f"«{second}»"
        elif what == "hand":
            row = self.page.max_row + 2
            self.page.cell(row, self.keys["ticket"]).value = 1000 + first
            self.page.cell(row, at).value = f"«{second}»"
        elif what in ("swap", "swap visible"):
            other, start = self.rows[second % len(self.rows)], 1 if what == "swap" else self.keys["ticket"]
            for column in range(start, self.page.max_column + 1):
                one, two = self.page.cell(row, column), self.page.cell(other, column)
                one.value, two.value = two.value, one.value
        elif what == "delete":
            self.page.delete_rows(row)
            self.rows = [each - (each > row) for each in self.rows if each != row]
        elif what == "move":
            target = self.book["Amazon"]
            below = target.max_row + 1
            for column in range(1, self.page.max_column + 1):
                target.cell(below, column).value = self.page.cell(row, column).value
            self.do(("delete", first, None))
        else:
            self._whole(what, first)

    def _whole(self, what: str, first: Any) -> None:
        if what == "copy tab":
            self.book.copy_worksheet(self.page)
        elif what == "rename":
            self.page.title = "Mis casos"
            self.page.cell(2, self.keys["comments"]).value = "Notas"
        elif what == "insert column":
            self.page.insert_cols(first)
            self.keys = {name: at + (at >= first) for name, at in self.keys.items()}
        elif what == "strip columns" and self.keys["ticket"] == 4:
            self.page.delete_cols(1, 3)
            self.keys = {name: at - 3 for name, at in self.keys.items()}
        elif what == "strip row" and "comments" in str(self.page.cell(1, self.keys["comments"]).value):
            self.page.delete_rows(1)
            self.rows = [each - 1 for each in self.rows]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    told=st.lists(st.tuples(st.sampled_from(_TABS), st.one_of(st.just(""), _TEXT)), min_size=1, max_size=5),
    people=st.lists(st.lists(_STEP, max_size=6), min_size=1, max_size=3),
    order=st.randoms(use_true_random=False),
)
def test_every_word_typed_is_in_the_next_register(
    told: list[tuple[str | None, str]], people: list[list[tuple[str, Any, Any]]], order: Any
) -> None:
    """Any records, any edits of several copies, handed back in any order: all that was left standing is there, once."""
    store = state(*(record(number, tab=tab, comments=tidy(text)) for number, (tab, text) in enumerate(told)))
    with tempfile.TemporaryDirectory() as folder:
        clean = written(store, Path(folder) / "clean.xlsx")
        files, typed = [], []
        for number, steps in enumerate(people):
            person = _Supervisor(clean.read_bytes())
            for step in steps:
                person.do(step)
            typed += person.typed()
            files.append(Path(folder) / f"{number}.xlsx")
            person.book.save(files[-1])
        order.shuffle(files)
        for path in files:
            give_back(store, path)
        shown = everything(store)
        for text in typed:
            for line in text.split("\n"):
                assert line in shown
        head = store.audit_head()
        for path in files:
            assert give_back(store, path).changes == ()
        assert (store.audit_head(), everything(store)) == (head, shown)
        assert read_book(written(store, clean)).account == ACCOUNT
        assert give_back(store, clean).changes == ()
