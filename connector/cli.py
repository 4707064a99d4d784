"""The command line: one verb, one module under `connector.commands`; errors become one sentence and an exit code.

Exit codes (stable): 0 nothing to do or done, 1 error, 2 changes pending (`plan`), 3 held by the guard, 4 incomplete,
64 wrong usage, 78 configuration.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn, Protocol, cast

from connector import __version__
from connector.errors import ConfigurationError, EscaleraError
from connector.text_hints import did_you_mean, harmless

ERROR = 1
USAGE = 64

#: verb -> (what it does, group of the overview)
VERBS: dict[str, tuple[str, str]] = {
    "check": ("check mapping packs and say every mistake with its line", "admins"),
    "test": ("run the cases of a pack: tickets, an instant, expected actions and non-actions", "admins"),
    "explain": ("why each rule does or does not act on one ticket", "admins"),
    "simulate": ("what a pack does to one ticket of each situation, day by day", "admins"),
    "plan": ("what would be done now, and why; changes nothing", "auditors"),
    "show": ("print a saved plan", "auditors"),
    "report": ("papers for people: what would be done, the register, root causes", "auditors"),
    "audit": ("read, verify or export the evidence", "auditors"),
    "approve": ("approve one held plan, once", "operators"),
    "apply": ("carry out a saved plan, once", "operators"),
    "once": ("run one cycle", "operators"),
    "run": ("run as a service", "operators"),
    "status": ("what the daemon knows, waits for and holds", "operators"),
    "backup": ("copy the state, whole and checked, while the daemon runs", "operators"),
    "restore": ("put a backup into the place of the state", "operators"),
    "login": ("put an account's API key into the keyring", "operators"),
    "init": ("write a first configuration and copy a shipped pack", "operators"),
    "emulator": ("a Freshdesk-compatible server with a virtual clock", "rehearsal"),
    "demo": ("30 days of a contact centre, without and with the daemon", "rehearsal"),
}


class Command(Protocol):
    """What a module under `connector.commands` offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the verb's options."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; return the exit code."""


class Parser(argparse.ArgumentParser):
    """Usage errors exit with 64 (argparse's own 2 means "changes pending"); options are never guessed from a part."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and which call shows the options."""
        self.exit(USAGE, f"{self.prog}: {harmless(message)}; see `{self.prog} --help`\n")


def run(argv: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    code = ERROR
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what the terminal's encoding lacks is escaped, not an error
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _dispatch(list(argv))
        sys.stdout.flush()
    except EscaleraError as error:
        # Only what is wrong with settings and mappings is a list; elsewhere a second line would be somebody else's.
        many = isinstance(error, ConfigurationError)
        return _failed(str(error) if many else str(error).replace("\n", "\\n"), error.exit_code)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader went away (`| head`): not an error; keep the interpreter from complaining at exit.
        _let_go_of_output()
        return 0 if code == ERROR else code
    except OSError as error:
        # A full disk, a folder that may not be entered, a network drive that went away.
        _let_go_of_output()
        return _failed(f"{error.filename or 'a file or stream'}: {error.strerror or error}", ERROR)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else USAGE
    return code


def _let_go_of_output() -> None:
    """Where nothing more can be written: what is left is thrown away, or the interpreter fails at its end (120)."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failed(message: str, code: int) -> int:
    print(f"escalera: {harmless(message)}", file=sys.stderr)
    return code


def parser_for(verb: str) -> argparse.ArgumentParser:
    """The complete parser of one verb."""
    parser = Parser(prog=f"escalera {verb}", description=f"{VERBS[verb][0][0].upper()}{VERBS[verb][0][1:]}.")
    _load(verb).add_arguments(parser)
    return parser


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in {"-h", "--help", "help"}:
        print(_overview())
        return 0 if argv else USAGE
    if argv[0] in {"-V", "--version", "version"}:
        print(f"escalera {__version__}")
        return 0
    verb, rest = argv[0], argv[1:]
    if verb not in VERBS:
        return _failed(f"no verb '{verb}'{did_you_mean(verb, VERBS)}; `escalera --help` lists them", USAGE)
    return _load(verb).run(parser_for(verb).parse_args(rest))


def _load(verb: str) -> Command:
    return cast("Command", importlib.import_module(f"connector.commands.{verb}"))


def _overview() -> str:
    lines = ["escalera VERB [options]: an escalation daemon that stands beside a helpdesk", ""]
    for group in dict.fromkeys(group for _, group in VERBS.values()):
        lines.append(f"{group}:")
        lines += [f"  {verb:<10}{doc}" for verb, (doc, its) in VERBS.items() if its == group]
    lines += ["", "`escalera VERB --help` shows the options. Exit codes: 0 done, 1 error, 2 changes pending,"]
    lines += ["3 held by the guard, 4 incomplete, 64 usage, 78 configuration."]
    return "\n".join(lines)
