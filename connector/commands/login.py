"""`escalera login ACCOUNT`: put an account's API key into the system's keyring."""

from __future__ import annotations

import argparse
import getpass
import re
import sys

from connector.commands._common import say
from connector.errors import UsageError
from connector.secrets import HINT_SERVICE, NAME, SERVICE, store_key, variable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("account", metavar="ACCOUNT", help="the account's name in the configuration")
    parser.add_argument(
        "--stdin", action="store_true", help="read the key from standard input instead of asking for it"
    )
    parser.add_argument(
        "--hints", action="store_true", help="store the secret that proves webhook hints (docs/hints.md), not the key"
    )
    parser.epilog = (
        f"On a server without a keyring set {variable('NAME')} or use a systemd credential; see docs/operators.md."
    )


def run(args: argparse.Namespace) -> int:
    """Ask for the key without showing it, and store it."""
    if not re.fullmatch(NAME, args.account):
        msg = f"'{args.account}' can't be an account's name: letters, digits, '.', '_' and '-' make one"
        raise UsageError(msg)
    what = "hint secret" if args.hints else "API key"
    if args.stdin:
        try:
            key = sys.stdin.readline()
        except UnicodeDecodeError:
            msg = "standard input holds no text; pass the key alone, as one line"
            raise UsageError(msg) from None
    elif sys.stdin.isatty():
        try:
            key = getpass.getpass(f"{what} of account '{args.account}' (not shown): ")
        except EOFError:
            msg = "no key was given; nothing was stored"
            raise UsageError(msg) from None
    else:
        msg = "standard input is no terminal to ask on; pass the key with --stdin"
        raise UsageError(msg)
    backend = store_key(args.account, key, HINT_SERVICE if args.hints else SERVICE)
    say(f"{'hint secret' if args.hints else 'key'} of account '{args.account}' stored in {backend}")
    return 0
