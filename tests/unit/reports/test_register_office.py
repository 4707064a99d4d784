"""The register opened, edited and saved by LibreOffice itself comes back whole; skipped where there is none."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.unit.reports.register_desk import comments, give_back, record, state, unmatched, written

SCRIPT = Path(__file__).parent / "office" / "edit.py"
TAB = "Sin diagnóstico"
_SAID = "Llamé: respondió Núñez, «mañana».\nSegunda línea — ¡urgente! 😀\n\nCuarta, con =1+1 y 'comillas'"


def _office() -> tuple[str, str]:
    """(soffice, a Python with `uno`), or the reason to skip."""
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        pytest.skip("LibreOffice is not on this machine (apt package libreoffice-calc)")
    for python in ("/usr/bin/python3", shutil.which("python3") or ""):
        if python and subprocess.run([python, "-c", "import uno"], capture_output=True, check=False).returncode == 0:
            return office, python
    pytest.skip("no Python with LibreOffice's uno is on this machine (apt package python3-uno)")


def _by_hand(folder: Path, source: Path, target: Path, edits: list[list[object]]) -> None:
    office, python = _office()
    steps = folder / "edits.json"
    steps.write_text(json.dumps(edits), encoding="utf-8")
    pipe = f"escalera-{os.getpid()}-{folder.name}"
    running = subprocess.Popen(
        [office, f"-env:UserInstallation={(folder / 'office').as_uri()}", "--headless", "--norestore", "--nologo",
         f"--accept=pipe,name={pipe};urp;"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        subprocess.run(
            [python, str(SCRIPT), pipe, str(source), str(target), str(steps)], check=True, timeout=120,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        )  # fmt: skip
        running.wait(timeout=30)
    finally:
        # The office is a script that starts the program: all of its own session goes.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def test_edited_and_saved_by_libreoffice_no_comment_is_lost(tmp_path: Path) -> None:
    """Comments, a note, sorted rows, an own column and a row typed by hand survive, saved as .xlsx and as .ods."""
    records = [*(record(n, comments=f"estaba {n}\nsegunda") for n in range(1, 6)), record(9, tab="Profeco")]
    edits: list[list[object]] = [
        [TAB, "Comentarios", 2, _SAID],
        [TAB, "Comentarios", 4, ""],
        ["note", TAB, "E4", "nota al margen\nen dos líneas"],
        ["sort", TAB],
        ["insert", "Profeco", 5],
        ["Profeco", "Comentarios", 2, "Profeco avisada"],
        [TAB, "Ticket", 12, "7777"],
        [TAB, "Comentarios", 12, "de nadie"],
    ]
    _by_hand(tmp_path, written(state(*records), tmp_path / "register.xlsx"), tmp_path / "saved", edits)
    for suffix in ("xlsx", "ods"):
        store, target = state(*records), tmp_path / f"saved.{suffix}"
        taken = give_back(store, target)
        assert comments(store) == {
            "1001": _SAID,
            "1002": "estaba 2\nsegunda\nCliente: nota al margen\nen dos líneas",
            "1004": "estaba 4\nsegunda",
            "1005": "estaba 5\nsegunda",
            "1009": "Profeco avisada",
        }, suffix
        assert (unmatched(store), len(taken.lost)) == (["de nadie"], 1)
        assert give_back(store, target).changes == ()
