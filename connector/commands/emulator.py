"""`escalera emulator`: a stateful Freshdesk-compatible server on loopback."""

from __future__ import annotations

from connector.emulator import add_arguments
from connector.emulator import run_command as run

__all__ = ["add_arguments", "run"]
