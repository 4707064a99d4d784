"""`escalera init`: a first configuration, and a shipped pack to edit."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from connector.commands import _common as common
from connector.errors import UsageError
from connector.packs import shipped
from connector.secrets import variable
from connector.text_hints import did_you_mean

_CONFIG = """\
# What is left out holds its default; config.example.toml of the project shows every setting.
state = "state.db"

[[accounts]]
name = "{name}"
helpdesk = "freshdesk"
url = "{url}"
mappings = "mappings/{pack}"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("folder", metavar="DIR", type=Path, nargs="?", default=Path(), help="where (default: here)")
    parser.add_argument("--pack", metavar="NAME", default="appliance-mx", help=f"one of: {', '.join(shipped())}")
    parser.add_argument("--url", metavar="URL", default="https://example.freshdesk.com", help="the account's address")
    parser.add_argument("--name", metavar="NAME", default="main", help="a name of your own for the account")


def run(args: argparse.Namespace) -> int:
    """Write what is not there yet; nothing is ever overwritten."""
    from pydantic import ValidationError

    from connector.mapping.schema import json_schema
    from connector.settings import AccountSettings

    packs = shipped()
    try:
        AccountSettings(name=args.name, helpdesk="freshdesk", url=args.url, mappings="mappings")
    except ValidationError as error:
        wrong = "; ".join(
            f"--{place}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors() for place in one["loc"]
        )
        raise UsageError(wrong) from None
    if args.pack not in packs:
        msg = f"no shipped pack '{args.pack}'{did_you_mean(args.pack, packs)}; there are: {', '.join(packs)}"
        raise UsageError(msg)
    config, pack = args.folder / "config.toml", args.folder / "mappings" / args.pack
    there = [str(path) for path in (config, pack) if path.exists()]
    if there:
        msg = f"{' and '.join(there)} {'exist' if len(there) > 1 else 'exists'} already; nothing was written"
        raise UsageError(msg)
    try:
        shutil.copytree(packs[args.pack], pack)
        schema = pack.parent / "schema.json"
        if not schema.exists():
            schema.write_text(json.dumps(json_schema(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        config.write_text(_CONFIG.format(name=args.name, url=args.url, pack=args.pack), encoding="utf-8")
    except OSError as error:
        msg = f"{args.folder}: can't be written ({error.strerror or error})"
        raise UsageError(msg) from error
    common.say(
        f"wrote {config} and {pack}",
        f"next: put the key away with `escalera login {args.name}` (or set {variable(args.name)}),",
        f"look at what the pack says with `escalera check {pack}`, and see what would be done with",
        f"`escalera plan --config {config}`: it changes nothing",
    )
    return 0
