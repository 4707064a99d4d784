"""`escalera simulate`: what a pack does to one ticket of each situation, day by day, when nobody acts."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.commands import _common as common
from connector.errors import UsageError
from connector.packs import shipped
from connector.text_hints import did_you_mean

_MOST_DAYS = 366
#: A Monday, at the opening of an office: the same for everyone who leaves out `--start`.
_MONDAY = datetime(2026, 3, 2, 9, 0)  # noqa: DTZ001 - the zone is the pack's


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--pack", metavar="NAME|DIR", default="appliance-mx", help="a shipped pack, or a folder")
    parser.add_argument("--days", metavar="N", type=_days, default=40, help="how far the clock runs (default 40)")
    parser.add_argument(
        "--situation", metavar="ID", nargs="+", action="extend", default=[], help="only these (default: all)"
    )
    parser.add_argument(
        "--start",
        metavar="ISO",
        type=common.instant,
        help="when the tickets are escalated (default: Monday 2026-03-02, 09:00 in the pack's time zone)",
    )
    parser.add_argument("--tag", metavar="TAG", action="append", default=[], help="a tag every ticket carries")
    parser.add_argument("--helpdesk", metavar="NAME", help="whose map tells from when the auto-close counts")
    common.add_format(parser)
    parser.epilog = (
        "The daemon's own decisions and writes, on a helpdesk in memory that closes a ticket after 14 days in process; "
        "nothing real is touched. Exit code: 0, or 1 where the helpdesk closed a ticket by itself."
    )


def run(args: argparse.Namespace) -> int:
    """Simulate and print."""
    from connector import logs
    from connector.mapping.load import load_policy
    from connector.simulate import simulate

    logs.set_up(fmt="console", level="error")
    policy = load_policy(_folder(args.pack))
    zone = ZoneInfo(policy.timezone)
    start = args.start or _MONDAY.replace(tzinfo=zone)
    stories = simulate(
        policy, start, args.days, situations=tuple(dict.fromkeys(args.situation)), helpdesk=args.helpdesk, tags=args.tag
    )
    if args.format == "json":
        common.print_json(_json(policy.name, policy.digest, start, args.days, zone, stories))
    else:
        common.say(f"{policy.name}: {args.days} days from {_local(start, zone)} ({policy.timezone}), nobody acts")
        for story in stories:
            _print(story, zone)
    return 1 if any(story.closed for story in stories) else 0


def _folder(pack: str) -> Path:
    packs = shipped()
    if pack in packs:
        return packs[pack]
    if Path(pack).is_dir():
        return Path(pack)
    msg = f"no pack '{pack}'{did_you_mean(pack, packs)}; give a folder, or one of: {', '.join(packs)}"
    raise UsageError(msg)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST_DAYS:
        msg = f"'{text}' is no number of days from 1 to {_MOST_DAYS}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _print(story: Any, zone: ZoneInfo) -> None:
    common.say("", f"{story.situation}: {story.title}")
    for event in story.events:
        outcome = "" if event.outcome == "done" else f" [{event.outcome}]"
        common.say(f"  {_local(event.at, zone)}  {_after(event.after):>10}  {event.what}{outcome}")
        if event.kind in ("note", "reply"):
            common.say(*(f"{'':35}| {line}" for line in (event.text or "").splitlines()))
    if not story.events:
        common.say("  nothing is done")
    for line in story.unknown:
        common.say(f"  can't tell: {line}")
    common.say(f"  at most {story.writes} writes on the ticket in any 24 hours")


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%a %Y-%m-%d %H:%M")


def _after(after: timedelta) -> str:
    hours, minutes = divmod(after.seconds // 60, 60)
    return f"+{after.days}d {hours:02}:{minutes:02}"


def _json(name: str, digest: str, start: datetime, days: int, zone: ZoneInfo, stories: list[Any]) -> dict[str, Any]:
    return {
        "pack": name,
        "policy": digest,
        "start": start.astimezone(zone).isoformat(),
        "days": days,
        "situations": [
            {
                "id": story.situation,
                "title": story.title,
                "closed": None if story.closed is None else story.closed.astimezone(zone).isoformat(),
                "most_writes_in_24h": story.writes,
                "unknown": list(story.unknown),
                "events": [
                    {
                        "at": event.at.astimezone(zone).isoformat(),
                        "after_seconds": int(event.after.total_seconds()),
                        "kind": event.kind,
                        "what": event.what,
                        "rule": event.rule or None,
                        "outcome": event.outcome,
                        "to": list(event.to),
                        "text": event.text,
                        "details": dict(event.details),
                    }
                    for event in story.events
                ],
            }
            for story in stories
        ],
    }
