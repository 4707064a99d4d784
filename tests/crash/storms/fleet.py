"""Many storms, each measured against quiet times in the same world."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from tests.crash.storms.gates import GATES
from tests.crash.storms.sea import HEADER, Crossing, Storm, cross

_quiet: dict[tuple[str, int, str], int] = {}


def weathered(storm: Storm, *, calm: int = 30) -> Crossing:
    """The storm, compared with its own quiet twin: the same world, the same people, no fault."""
    twin = (getattr(storm.arrange, "__name__", ""), storm.hours, f"{calm}")
    if twin not in _quiet:
        _quiet[twin] = cross(replace(storm, faults=(), excused=(), must=""), calm=calm).requests
    result = cross(storm, calm=calm)
    result.quiet = _quiet[twin]
    if result.requests > storm.most * result.quiet:
        result.problems.append(f"{result.requests} requests where quiet times need {result.quiet}")
    return result


def table(storms: Iterable[Storm], *, gates: bool, say: Callable[[str], None]) -> int:
    """Live through all of them; 1 where anything broke."""
    say(HEADER)
    sunk = count = 0
    for storm in storms:
        result = weathered(storm)
        count += 1
        say(result.line())
        for problem in result.problems:
            say(f"    {problem}")
        sunk += bool(result.problems)
    for gate in GATES if gates else ():
        problems = gate.knock()
        count += 1
        say(f"{gate.name:48} {'':6} {1:6} {0:8} {'':5} {0:6}  {'SUNK' if problems else 'survived':9} {gate.says}")
        for problem in problems:
            say(f"    {problem}")
        sunk += bool(problems)
    say(f"{count} storms, {sunk} sunk")
    return 1 if sunk else 0
