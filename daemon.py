"""Entry point of the escalation daemon: hands the command line to connector.cli."""

import sys


def main() -> int:
    """Run the command line given in sys.argv; return the exit code of the contract (0, 1, 2, 3, 4, 64, 78)."""
    from connector.cli import run
    from connector.logs import tell_faults

    tell_faults()
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
