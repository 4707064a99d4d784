"""Rotas at a web address: fetched when their time has come, kept in the state, read from there alone.

The last good text of a calendar is a fact of the account, so a restart without a network knows who is on call. What
can't be fetched or read leaves the last good one in force until `keep` is over; then nobody is known to be on call,
rules fall back as they state, and log, audit and `escalera status` say why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.apply.drift import parse, stamp
from connector.core.policy import FetchedRota, Policy, Shift
from connector.cycle.account import Account
from connector.errors import EscaleraError
from connector.http.fetch import Fetched, fetch_text
from connector.mapping.oncall import CalendarRota, OnCallError, WebRota
from connector.store.base import Store

#: Beginning of the account facts that keep a rota's calendar; its name follows.
FACT = "rota:"
#: After a failure the next attempt waits as long as since the last good one, within these bounds.
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(minutes=15)
_log = structlog.get_logger("escalera.rota")

#: (address, etag, last modified) to what stands there. Raises EscaleraError.
Fetch = Callable[[str, str | None, str | None], Fetched]

_parsed: dict[tuple[str, str, str], CalendarRota] = {}
_MOST_PARSED = 32


def remote_rotas(policy: Policy) -> dict[str, WebRota]:
    """The policy's rotas at a web address, by name."""
    return {name: rota for name, rota in policy.rotas.items() if isinstance(rota, WebRota)}


def fetcher(*, private: bool, timeout: float) -> Fetch:
    """How calendars are fetched for real."""
    return lambda url, etag, modified: fetch_text(url, private=private, timeout=timeout, etag=etag, modified=modified)


def refresh_rotas(account: Account, now: datetime, fetch: Fetch) -> None:
    """Fetch each rota whose time has come, and keep what came. Raises StoreError alone; what fails is said and kept."""
    for name, rota in remote_rotas(account.policy).items():
        kept = _kept(account.store, account.name, name, rota)
        if kept and now < (parse(kept.get("next_at")) or now):
            continue
        _refresh(account, name, rota, kept, now, fetch)


def fetched_rotas(
    store: Store, account: str, policy: Policy, now: datetime
) -> tuple[Mapping[str, tuple[Shift, ...]], Mapping[str, FetchedRota]]:
    """(the shifts that cover the instant by rota, which calendars those are from), from the state alone."""
    shifts: dict[str, tuple[Shift, ...]] = {}
    fetched: dict[str, FetchedRota] = {}
    for name, rota in remote_rotas(policy).items():
        kept = _kept(store, account, name, rota)
        at, text = parse(kept.get("fetched_at")), kept.get("text")
        shifts[name] = ()
        if at is None or text is None:
            why = f"no calendar has come yet{_because(kept)}"
            fetched[name] = FetchedRota(lost=why)
        elif now - at > rota.keep:
            why = f"its last good calendar is of {stamp(at)}, longer ago than `keep` allows{_because(kept)}"
            fetched[name] = FetchedRota(kept["digest"], at, why)
        else:
            try:
                shifts[name] = _read(rota, text, kept["digest"], policy).at(now)
                fetched[name] = FetchedRota(kept["digest"], at)
            except OnCallError as error:  # the roster changed under the calendar
                fetched[name] = FetchedRota(kept["digest"], at, f"its calendar can't be used: {error}")
    return shifts, fetched


def _refresh(account: Account, name: str, rota: WebRota, kept: Mapping[str, Any], now: datetime, fetch: Fetch) -> None:
    told = dict(kept)
    trouble = None
    try:
        got = fetch(rota.url, kept.get("etag"), kept.get("modified"))
        if got.text is not None:
            digest = hashlib.sha256(got.text.encode()).hexdigest()
            _read(rota, got.text, digest, account.policy)
            told = {"text": got.text, "digest": digest, "etag": got.etag, "modified": got.modified}
        elif not kept.get("text"):
            trouble = f"{rota.host}: says that nothing changed, and nothing came before"
    except EscaleraError as error:
        trouble = str(error)
    except Exception as error:  # noqa: BLE001 - whatever a calendar from outside makes the libraries raise
        trouble = f"{rota.host}: its calendar can't be read ({type(error).__name__})"
    told["source"] = _source(rota)
    told["trouble"] = trouble
    if trouble is None:
        told["fetched_at"], told["next_at"] = stamp(now), stamp(now + rota.refresh)
    else:
        since = now - (parse(kept.get("failed_at")) or now)
        told["failed_at"] = kept.get("failed_at") or stamp(now)
        told["next_at"] = stamp(now + min(max(since, _SOONEST), _LATEST, max(rota.refresh, _SOONEST)))
    if trouble is None:
        told.pop("failed_at", None)
    _keep(account, name, kept, told, now)


def _keep(account: Account, name: str, before: Mapping[str, Any], told: dict[str, Any], now: datetime) -> None:
    """Write the fact; a new text, a new trouble and its end are audited once each."""
    store, trouble = account.store, told["trouble"]
    news: tuple[str, dict[str, Any]] | None = None
    if trouble is not None and before.get("trouble") is None:
        until = told.get("fetched_at")
        news = "rota_kept" if until else "rota_lost", {"rota": name, "why": trouble, "calendar_of": until}
        _log.error("the calendar of a rota can't be had", account=account.name, rota=name, why=trouble, kept=until)
    elif trouble is None and (before.get("digest") != told.get("digest") or before.get("trouble") is not None):
        news = "rota", {"rota": name, "digest": told["digest"], "before": before.get("digest")}
        _log.info("new calendar of a rota", account=account.name, rota=name, digest=told["digest"][:12])
    troubles = dict(store.fact(account.name, "rotas") or {})
    troubles.pop(name, None)
    if trouble is not None:
        troubles[name] = trouble
    with store.transaction():
        store.set_fact(account.name, FACT + name, told, now)
        store.set_fact(account.name, "rotas", troubles or None, now)
        if news is not None:
            store.append_audit(account.name, now, *news)


def _kept(store: Store, account: str, name: str, rota: WebRota) -> Mapping[str, Any]:
    """What is kept of the rota; nothing where it was fetched from another address."""
    kept = store.fact(account, FACT + name)
    return kept if isinstance(kept, dict) and kept.get("source") == _source(rota) else {}


def _source(rota: WebRota) -> str:
    """Tells addresses apart without showing them."""
    return hashlib.sha256(rota.url.encode()).hexdigest()[:16]


def _read(rota: WebRota, text: str, digest: str, policy: Policy) -> CalendarRota:
    key = (digest, rota.zone.key, policy.digest)
    found = _parsed.get(key)
    if found is None:
        found = rota.read(text)
        if len(_parsed) >= _MOST_PARSED:
            _parsed.clear()
        _parsed[key] = found
    return found


def _because(kept: Mapping[str, Any]) -> str:
    return f" ({kept['trouble']})" if kept.get("trouble") else ""
