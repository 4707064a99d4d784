"""`plan --changes`: only what the guard lets through becomes files for people to import."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.cli import run

ROOT = Path(__file__).parents[3]
_HEAD = "Ticket ID;Subject;Status;Priority;Origin;Created On;Changed On;Escalation Type;Escalated On\n"
_CASE = "{};Sin noticias;In Process;Normal;E-Mail;01.03.2026 10:00:00;02.03.2026 10:00:00;{};02.03.2026 10:00:00\n"
_THREAT = "{};Voy a Profeco;In Process;Normal;E-Mail;01.03.2026 10:00:00;02.03.2026 10:00:00;#;#\n"


def _written(tmp_path: Path, text: str) -> tuple[int, str]:
    export, out = tmp_path / "a.csv", tmp_path / "out"
    export.write_text(_HEAD + text, encoding="utf-8")
    pack = str(ROOT / "mappings" / "appliance-mx")
    now = "2026-03-09T16:00:00+00:00"
    code = run(["plan", "--export", str(export), "--mappings", pack, "--now", now, "--changes", str(out)])
    return code, "".join(path.read_text(encoding="utf-8") for path in sorted(out.glob("*.csv")))


def test_of_a_held_plan_only_keep_alive_is_handed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight raised priorities are held for a person; the toggle that must not wait is written, and why is said."""
    rows = _CASE.format(1, "no-diagnosis") + "".join(_THREAT.format(number) for number in range(2, 10))
    code, text = _written(tmp_path, rows)
    assert code == 3
    assert "Completed" in text or ",5" in text
    assert "ServicePriorityCode" not in text
    assert "held actions are never handed over unseen" in capsys.readouterr().err


def test_what_passes_is_handed_over(tmp_path: Path) -> None:
    """One raised priority passes the guard and stands in a change file."""
    code, text = _written(tmp_path, _THREAT.format(2))
    assert code == 2
    assert "ServicePriorityCode" in text
