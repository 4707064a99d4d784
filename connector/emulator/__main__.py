"""`python -m connector.emulator`: the emulator without the rest of the command line."""

import argparse
import sys

from connector.emulator.command import add_arguments, run_command


def main() -> int:
    """Read sys.argv and serve; returns the exit code (64 for wrong usage, 78 for a bad seed)."""
    parser = argparse.ArgumentParser(prog="python -m connector.emulator", description="Freshdesk-compatible emulator")
    add_arguments(parser)
    try:
        args = parser.parse_args()
    except SystemExit as exc:
        return 64 if exc.code else 0
    return run_command(args)


if __name__ == "__main__":
    sys.exit(main())
