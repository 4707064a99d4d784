"""The demonstration's page in a real browser: it shows its figures, loads nothing, and fits wide and narrow windows."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from connector.demo.record import Case, Closing, Deed, Demonstration, Life, Told
from connector.demo.report import render
from connector.demo.seed import START

pytestmark = pytest.mark.browser

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def _chromium() -> str:
    found = next((path for path in map(shutil.which, _NAMES) if path), None)
    if found is None:
        pytest.skip(f"no browser on this machine (looked for {', '.join(_NAMES)})")
    return found


def _call(folder: Path, page: Path, *options: str) -> str:
    profile = folder / "profile"
    command = [_chromium(), *_QUIET, f"--user-data-dir={profile}", *options, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return done.stdout


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page with long words and hostile text, as a file."""
    start, end = START, START + timedelta(days=30)
    cases = {
        number: Case(
            number, f"Cafetera <img src=x onerror=alert(1)> {'muy' * 30} {number}", "Ana", "no-diagnosis", "in_process"
        )
        for number in range(1001, 1041)
    }
    without = Life("without", start, end, cases=dict(cases))
    without.closings = [
        Closing(start + timedelta(hours=7 * at), number, "no-diagnosis") for at, number in enumerate(cases)
    ]
    life = Life("with", start, end, cases=dict(cases), cycles=721, audit_events=40)
    change = (("status", "in_process", "completed"),)
    why = (("AUTOCLOSE_DUE", "the helpdesk would close it at 2026-03-04T18:00:00+00:00"),)
    for number in cases:
        life.deeds.append(Deed(start, number, "toggle", "done", "semanal", "keepalive.yaml", 6, why, change, cap=8))
        life.audit.append(Told(number, start, number, "toggle", "done", "semanal", "keepalive.yaml:6", change, ()))
    demo = Demonstration("appliance-mx", 30, without, life, {"no-diagnosis": "Sin diagnóstico"})
    path = tmp_path / "page.html"
    path.write_text(render(demo), encoding="utf-8")
    return path


def test_the_browser_shows_both_lives(tmp_path: Path, page: Path) -> None:
    """The document as the browser understands it holds the figures, and no element made from ticket text."""
    shown = _call(tmp_path, page, "--dump-dom")
    assert 'id="lost-without">40<' in shown
    assert 'id="lost-with">0<' in shown
    assert "<img" not in shown
    assert shown.count("<details") == shown.count("</details>") > 5


@pytest.mark.parametrize("width", [1280, 520])
def test_it_fits_the_window(tmp_path: Path, page: Path, width: int) -> None:
    """Nothing sticks out sideways: wide tables scroll inside their own frame. All lists are open, as when printed."""
    text = page.read_text(encoding="utf-8").replace("<details ", "<details open ")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    probe = "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth</script></body>"
    probed = tmp_path / "probed.html"
    probed.write_text(text.replace("</body>", probe), encoding="utf-8")
    shown = _call(tmp_path, probed, f"--window-size={width},900", "--dump-dom")
    found = re.search(r"<title>(\d+) of (\d+)</title>", shown)
    assert found is not None
    assert int(found[1]) <= int(found[2])


@pytest.mark.parametrize("width", [1280, 520])
def test_it_can_be_pictured(tmp_path: Path, page: Path, width: int) -> None:
    """A screenshot of the asked size that is not an empty sheet."""
    picture = tmp_path / "page.png"
    _call(tmp_path, page, f"--window-size={width},1600", f"--screenshot={picture}")
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert struct.unpack(">II", content[16:24]) == (width, 1600)
    assert len(content) > 40_000
