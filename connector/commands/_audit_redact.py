"""`escalera audit redact`: erase a customer from the state on request; the chain of the audit stays whole."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connector.commands import _common as common
from connector.core import kin
from connector.errors import UsageError
from connector.settings import Settings
from connector.store.base import Store

_FIELDS = {"email": "requester_email", "phone": "requester_phone", "name": "requester", "contract": "contract"}
_SHORTEST = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what only `redact` takes."""
    group = parser.add_argument_group("redact: erase a customer; the daemon must be stopped")
    group.add_argument("--requester", metavar="KEY", help="erase a customer: email:…, phone:…, name:… or contract:…")
    group.add_argument("--by", metavar="NAME", help="who erases; kept in the audit")
    group.add_argument("--reason", metavar="TEXT", help="why, without the customer's name; kept in the audit")
    group.add_argument("--dry-run", action="store_true", help="say what would be erased, change nothing")


@dataclass(frozen=True, slots=True)
class _Target:
    """What is to be erased: the account's tickets, and words to be masked wherever they stand."""

    account: str
    tickets: tuple[str, ...]
    words: tuple[str, ...]


def run(args: argparse.Namespace) -> int:
    """Find the tickets, erase, and take the old bytes out of the file."""
    from connector.settings import load_settings
    from connector.wiring import open_state

    if (args.ticket is None) == (args.requester is None):
        msg = "redact needs either --ticket ID or --requester KEY"
        raise UsageError(msg)
    if not args.dry_run and not (args.by and args.reason):
        msg = "redact needs --by NAME and --reason TEXT: both are kept in the audit"
        raise UsageError(msg)
    settings = load_settings(args.config)
    account = settings.account(args.account).name
    if args.dry_run:
        store = open_state(settings, read_only=True)
        try:
            target = _target(store, account, args)
        finally:
            store.close()
        common.say(f"would erase {len(target.tickets)} ticket(s) of account {account}: {_listed(target.tickets)}")
        return 0
    with _alone(settings):
        store = open_state(settings)
        try:
            _erase(store, _target(store, account, args), args, args.now or common.wall_clock())
        finally:
            store.close()
    common.say(*_beside(settings))
    return 0


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """The state for this process alone. Raises UsageError while a daemon runs on it."""
    from connector.oslock import StateLock, StateLocked

    if "://" in settings.state:
        yield
        return
    lock = StateLock(settings.state_path())
    try:
        lock.acquire()
    except StateLocked as error:
        msg = f"{error}; an erasure writes the whole file anew, so it needs the state for itself"
        raise UsageError(msg) from None
    try:
        yield
    finally:
        lock.release()


def _target(store: Store, account: str, args: argparse.Namespace) -> _Target:
    if args.ticket is not None:
        chosen, words = [args.ticket], set[str]()
    else:
        try:
            chosen, words = _customer(store, account, args.requester)
        except ValueError as error:
            msg = f"--requester: {error}"
            raise UsageError(msg) from None
    open_ones = {intent.action.ticket for intent in store.open_intents(account)}
    unsettled = sorted(open_ones.intersection(chosen))
    if unsettled:
        msg = (
            f"ticket {_listed(unsettled)} has an action that is not settled, and erasing it could do it twice: run"
            " `escalera once`, then erase"
        )
        raise UsageError(msg)
    if args.reason:
        _check_reason(store, account, chosen, words, args.reason)
    return _Target(account, tuple(chosen), tuple(sorted(words)))


def _customer(store: Store, account: str, given: str) -> tuple[list[str], set[str]]:
    """The tickets of a customer, and every word the state knows that customer by. Raises ValueError."""
    kind, mark, value = given.partition(":")
    key = kin.key_of(kind, value) if mark and kind in _FIELDS else None
    if key is None:
        msg = f"{given!r} is no key of a customer: write {', '.join(f'{one}:…' for one in _FIELDS)}"
        raise ValueError(msg)
    chosen = store.tickets_of(account, key)
    words = {value.strip(), key.partition(":")[2]}
    for row in store.mirrored(account, chosen).values():
        for field, name in _FIELDS.items():
            text = getattr(row.ticket, name)
            # A first name alone stands in too much; a contract may be shared by a whole company.
            if text and field != "contract" and (field != "name" or " " in text.strip()):
                words |= {text.strip(), (kin.key_of(field, text) or "").partition(":")[2]}
    return chosen, {word for word in words if len(word) >= _SHORTEST}


def _check_reason(store: Store, account: str, chosen: Iterable[str], words: Iterable[str], reason: str) -> None:
    """The reason stays for ever: it must not name whom it erases."""
    told = set(words)
    for row in store.mirrored(account, list(chosen)).values():
        told |= {text for name in _FIELDS.values() if (text := getattr(row.ticket, name))}
    if any(word.casefold() in reason.casefold() for word in told if len(word) >= _SHORTEST):
        msg = "--reason names the customer, and it stays in the audit: write for example the number of the request"
        raise UsageError(msg)


def _erase(store: Store, target: _Target, args: argparse.Namespace, at: datetime) -> None:
    from connector.audit.sign import Signer
    from connector.secrets import audit_key

    with store.transaction():
        done = store.erase(target.account, target.tickets, target.words, at, by=args.by, reason=args.reason)
        Signer(audit_key).sign(store, at)
    store.scrub()
    counts = ", ".join(f"{count} {name}" for name, count in done.counts.items())
    common.say(f"erased {len(done.tickets)} ticket(s) of account {target.account}: {counts} (audit event {done.seq})")
    rows = store.mirrored(target.account, target.tickets).values()
    if any(row.ticket.is_open for row in rows):
        common.say("some are open: what the helpdesk still holds of them is mirrored again when they change there")


def _beside(settings: Settings) -> list[str]:
    """Copies that were made of the state before, and still hold what was erased."""
    if "://" in settings.state:
        return ["the server's own log and backups keep what they have: see to them there"]
    state = Path(settings.state_path())
    known = [
        path
        for path in sorted(state.parent.glob(f"{state.name}*"))
        if path.name.endswith((".bak", ".inbox")) or ".before-restore" in path.name
    ]
    return [f"may still hold it: {path}" for path in known]


def _listed(ids: Iterable[str]) -> str:
    found = list(ids)
    return ", ".join(found[:20]) + (f" and {len(found) - 20} more" if len(found) > 20 else "") or "none"
