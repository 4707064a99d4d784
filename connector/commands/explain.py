"""`escalera explain TICKET`: for every rule, why it acts, waits, does not, or cannot tell."""

from __future__ import annotations

import argparse

from connector.commands import _common as common
from connector.commands._explain_text import evaluation_json, explanation_lines
from connector.commands.plan import add_sources, needed_pack
from connector.core.evaluate import evaluate
from connector.core.model import Memory
from connector.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("ticket", metavar="TICKET", help="the ticket's number")
    add_sources(parser)
    common.add_format(parser)


def run(args: argparse.Namespace) -> int:
    """Explain one ticket of an export or of a configured account."""
    if args.export:
        from connector.mapping.load import load_policy
        from connector.offline import find_ticket, related_in

        policy = load_policy(needed_pack(args))
        now = args.now or common.wall_clock()
        ticket = find_ticket(common.existing(args.export), policy, args.ticket)
        beside = related_in(common.existing(args.export), policy, ticket, now)
        evaluation = evaluate(policy, ticket, Memory(), now, beside=beside)
    else:
        from connector.beside import Lookup
        from connector.duty import duty_of
        from connector.wiring import opened, present

        with opened(args.config, args.account, read_only=True) as (account, _settings):
            clock = present(account, args.now, args.clock)
            ticket = account.reader.ticket(args.ticket)
            if ticket.gone == "missing":
                msg = f"ticket {args.ticket} is not in account '{account.name}'"
                raise UsageError(msg)
            now = clock()
            row = account.store.mirrored(account.name, [args.ticket]).get(args.ticket)
            memory = row.memory if row is not None else Memory()
            policy = account.policy
            beside = Lookup(account.name, account.store, account.reader).of(policy, ticket, memory, now)
            duty = duty_of(account.store, account.name, policy, now)
            evaluation = evaluate(policy, ticket, memory, now, duty=duty, beside=beside)
    if args.format == "json":
        common.print_json(evaluation_json(evaluation, now, policy))
    else:
        common.say(*explanation_lines(evaluation, now, policy))
    return 0
