"""Puts an account together from the configuration: helpdesk, state, policy, limits, notifiers. The composition root."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from connector import logs
from connector.audit.sign import Signer
from connector.core.asked import asks_for_customer
from connector.core.policy import Policy
from connector.cycle.run import Account
from connector.errors import ConfigurationError
from connector.helpdesks import kind_of
from connector.helpdesks.base import Opening, Reader, Writer
from connector.mapping.load import load_policy, pack_texts
from connector.notifiers import build as build_notifier
from connector.oslock import StateLock
from connector.secrets import api_key
from connector.settings import AccountSettings, Settings, load_settings
from connector.store.base import Store
from connector.store.opening import open_store

_SKEW = 60.0
_DIRECTORY = "directory"
_log = structlog.get_logger("escalera.wiring")


def wall_clock() -> datetime:
    """Now, in UTC, by this machine."""
    return datetime.now(UTC)


def load_mappings(folder: Path) -> tuple[Policy, Mapping[str, str]]:
    """A pack's policy and its texts. Raises ConfigurationError with every problem."""
    return load_policy(folder), pack_texts(folder)


@contextlib.contextmanager
def opened(
    config: Path, name: str | None, *, read_only: bool = False, log: bool = True
) -> Iterator[tuple[Account, Settings]]:
    """One configured account, open. `read_only`: no writer, a state that is only read, no lock.

    Raises ConfigurationError, StoreError; StateLocked where another process works on the state.
    """
    settings = load_settings(config)
    chosen = settings.account(name)
    if log:
        start_logging(settings)
    with contextlib.ExitStack() as stack:
        if not read_only and "://" not in settings.state:
            stack.enter_context(StateLock(settings.state_path()))
        store = open_state(settings, read_only=read_only)
        stack.callback(store.close)
        yield open_account(settings, chosen, store, write=not read_only), settings


def start_logging(settings: Settings) -> logs.Redactor:
    """Log as configured; warn of every limit that is switched off."""
    redactor = logs.set_up(fmt=settings.log.format, level=settings.log.level, customer_text=settings.log.customer_text)
    if settings.unlimited():
        _log.warning("limits are switched off", limits=settings.unlimited())
    return redactor


def open_state(settings: Settings, *, read_only: bool = False) -> Store:
    """The state database; for reading alone, an empty one in memory where none was made yet."""
    place = settings.state_path()
    if read_only and "://" not in place and not Path(place).exists():
        return open_store(":memory:")
    return open_store(place, read_only=read_only)


def open_account(
    settings: Settings,
    chosen: AccountSettings,
    store: Store,
    *,
    write: bool = True,
    clock: Callable[[], datetime] = wall_clock,
    key: Callable[[], str] | None = None,
    stop: threading.Event | None = None,
) -> Account:
    """One account with its reader, and its writer where it may be written to. Nothing is called yet.

    `key`: where its API key comes from; left out, from the environment or the keyring (`connector.secrets`).
    `stop`: set where waits for the helpdesk must end at once.
    """
    policy, files = load_mappings(settings.resolve(chosen.mappings))
    may_write = write and chosen.write

    def connect(policy: Policy) -> tuple[Reader, Writer | None]:
        reader, writer = kind_of(chosen.helpdesk).open(_opening(settings, chosen, policy, clock, key, stop))
        _recall_directory(reader, store, chosen.name)
        return reader, writer if may_write else None

    reader, writer = connect(policy)
    notifiers = []
    if settings.notify.note and writer is not None:
        notifiers.append(build_notifier("note", {}, reader=reader, writer=writer))

    return Account(
        name=chosen.name, reader=reader, store=store, policy=policy, limits=settings.guard_limits(), writer=writer,
        notifiers=tuple(notifiers), files=files, clock=clock, rebind=connect,
        window=timedelta(seconds=settings.notify.window), signer=Signer() if write else None,
    )  # fmt: skip


def _opening(
    settings: Settings,
    chosen: AccountSettings,
    policy: Policy,
    clock: Callable[[], datetime],
    key: Callable[[], str] | None,
    stop: threading.Event | None,
) -> Opening:
    http = settings.http
    path = str(settings.resolve(chosen.path)) if chosen.path else None
    return Opening(
        name=chosen.name, kind=chosen.helpdesk, maps=policy.maps, key=key or (lambda: api_key(chosen.name)),
        clock=clock, stop=stop, url=chosen.url, path=path, leave_free=http.leave_free, per_minute=http.per_minute,
        connect_timeout=http.connect_timeout, read_timeout=http.read_timeout, deadline=http.deadline,
        customer=asks_for_customer(policy),
    )  # fmt: skip


# --- what a short-lived process keeps for the next one ----------------------------------------------------------------
def _recall_directory(reader: Reader, store: Store, account: str) -> None:
    """Names learnt by an earlier process, where this kind of reader keeps any: saves calls at every start."""
    load = getattr(reader, "load_directory_cache", None)
    if load is not None:
        load(store.fact(account, _DIRECTORY))


def keep_directory(account: Account, at: datetime) -> None:
    """Keep the names the reader learnt, for the next process."""
    learnt = getattr(account.reader, "directory_cache", lambda: None)()
    if learnt is not None and learnt != account.store.fact(account.name, _DIRECTORY):
        with account.store.transaction():
            account.store.set_fact(account.name, _DIRECTORY, learnt, at)


# --- the present ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _ServerClock:
    """The helpdesk's own clock as of its last answer; asks for one where there was none yet."""

    reader: Reader

    def __call__(self) -> datetime:
        at = self.reader.server_time()
        if at is None:
            self.reader.connect()
            at = self.reader.server_time()
        if at is None:
            msg = "the helpdesk tells no time; use --clock local"
            raise ConfigurationError(msg)
        return at


def clock_of(account: Account, clock: str) -> Callable[[], datetime]:
    """The helpdesk's clock, or this machine's; calls nothing yet, so a daemon may start while a helpdesk is down."""
    return _ServerClock(account.reader) if clock == "server" else account.clock


def present(account: Account, frozen: datetime | None, clock: str) -> Callable[[], datetime]:
    """The clock a verb decides by: a frozen instant, the helpdesk's own, or this machine's.

    Connects first, so that the key is checked and the helpdesk's clock known; warns of what the connection tells and
    of clocks more than a minute apart. Raises AccountBlocked, Unavailable, ConfigurationError.
    """
    told = account.reader.connect()
    for warning in told.warnings:
        _log.warning(warning, account=account.name)
    if frozen is not None:
        return lambda: frozen
    if clock == "server":
        return _ServerClock(account.reader)
    server = account.reader.server_time()
    if server is not None and abs((server - wall_clock()).total_seconds()) > _SKEW:
        _log.warning(
            "the clocks differ by more than a minute; this machine's counts (--clock server for the helpdesk's)",
            account=account.name, server=server.isoformat(), machine=wall_clock().isoformat(),
        )  # fmt: skip
    return account.clock
