"""A stateful Freshdesk-compatible helpdesk for demo, rehearsal and tests: clock, automations, outbox, faults."""

from connector.emulator.command import add_arguments, run_command
from connector.emulator.faults import FaultSpecError
from connector.emulator.seed import SeedError
from connector.emulator.server import Emulator, serve
from connector.emulator.world import World

__all__ = ["Emulator", "FaultSpecError", "SeedError", "World", "add_arguments", "run_command", "serve"]
