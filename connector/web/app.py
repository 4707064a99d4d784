"""What the listener answers. Every answer is fixed words and figures: nothing a caller sends comes back."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from connector.errors import EscaleraError
from connector.hints import Hints
from connector.vitals import Vitals
from connector.web.auth import Gate, Given, Proof
from connector.web.metrics import Board

#: Bytes of a hint's body.
MOST_BODY = 64 * 1024
_BODY_SECONDS = 5.0
_PROBE_SECONDS = 5.0
_MOST_AGE_ROUNDS = 3
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"connection", b"close"),
)
_ANSWERS: dict[Proof, tuple[int, str]] = {
    Proof.BAD: (401, "not proven"),
    Proof.STALE: (401, "the time stamp is not of now"),
    Proof.REPEATED: (409, "seen before"),
    Proof.BUSY: (429, "too many"),
}
_log = structlog.get_logger("escalera.web")

_Message = MutableMapping[str, Any]
_Asgi = Callable[[_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Served:
    """What there is to answer from. `probe` opens the state for reading and raises where it can't.

    `hints` and `gate` are None where no hints are taken in.
    """

    vitals: Vitals
    board: Board
    probe: Callable[[], None]
    hints: Hints | None = None
    gate: Gate | None = None


def build_app(served: Served) -> _Asgi:
    """The application: four addresses, safe headers on every answer, and one sentence for whatever goes wrong."""
    pages = _Pages(served)
    routes = [
        Route("/healthz", pages.health, methods=["GET"]),
        Route("/readyz", pages.ready, methods=["GET"]),
        Route("/metrics", pages.metrics, methods=["GET"]),
    ]
    if served.hints is not None and served.gate is not None:
        routes.append(Route("/hints/{account}", pages.hint, methods=["POST"]))
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused})
    app.router.redirect_slashes = False
    return _guarded(app)


class _Pages:
    def __init__(self, served: Served) -> None:
        self._served = served
        self._state = _Probe(served.probe)

    async def health(self, _request: Request) -> Response:
        """The process lives and its loop is moving."""
        return _verdict("alive", self._served.vitals.stuck())

    async def ready(self, _request: Request) -> Response:
        """It can do its work: the state opens, every account has a policy, is let in, and was looked at lately."""
        vitals = self._served.vitals
        why = [*vitals.stuck(), *(f"account {name}: no heartbeat" for name in vitals.silent())]
        accounts = vitals.accounts()
        if not accounts:
            why.append("the loop has not begun")
        for one in accounts:
            if one.blocked:
                why.append(f"account {one.name}: the helpdesk refuses it")
            elif one.last_cycle is None:
                why.append(f"account {one.name}: no cycle has ended yet")
            elif one.began_mono is None and vitals.age(one) > _MOST_AGE_ROUNDS * vitals.every + 60 + _rest(one):
                why.append(f"account {one.name}: its last cycle is too old")
            elif one.troubled:
                why.append(f"account {one.name}: the helpdesk stopped the last cycle")
            if one.last_cycle is not None and one.policy is None:
                why.append(f"account {one.name}: no policy")
        if not await asyncio.to_thread(self._state.opens):
            why.append("the state can't be opened")
        return _verdict("ready", why)

    async def metrics(self, _request: Request) -> Response:
        """Figures for Prometheus."""
        return Response(self._served.board.text(), media_type="text/plain; version=0.0.4")

    async def hint(self, request: Request) -> Response:
        """Somebody says that an account changed. Proven, it brings the next look forward; it is never believed."""
        hints, gate = self._served.hints, self._served.gate
        if hints is None or gate is None:
            raise HTTPException(404)
        account = request.path_params["account"]
        told = request.headers.get
        body = await _body(request)
        given = Given(
            account, body, told("x-escalera-timestamp"), told("x-escalera-id"), told("x-escalera-signature"),
            told("x-escalera-secret"),
        )  # fmt: skip
        proof = gate.check(given)
        if proof is not Proof.GOOD:
            status, words = _ANSWERS[proof]
            self._count(account if proof is not Proof.BAD else "", proof.value)
            raise HTTPException(status, words)
        if not _is_json(body):
            self._count(account, "bad_json")
            raise HTTPException(400, "the body is not JSON")
        first = hints.hint(account)
        self._count(account, "taken" if first else "joined")
        return JSONResponse({"hint": "taken"}, status_code=202)

    def _count(self, account: str, answer: str) -> None:
        self._served.board.hints[account, answer] += 1


class _Probe:
    """Asks whether the state opens, at most once in a while, whoever asks however often."""

    def __init__(self, probe: Callable[[], None]) -> None:
        self._probe = probe
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._good = False

    def opens(self) -> bool:
        """The answer, at most five seconds old."""
        with self._lock:
            if time.monotonic() - self._asked >= _PROBE_SECONDS:
                try:
                    self._probe()
                except (EscaleraError, OSError) as error:
                    _log.error("the state can't be opened", why=str(error))
                    self._good = False
                else:
                    self._good = True
                self._asked = time.monotonic()
            return self._good


def _rest(one: Any) -> float:
    """How long after its last turn an account rests on purpose."""
    return float(max(0.0, one.rest_until_mono - one.heard_mono))


def _verdict(word: str, why: list[str]) -> Response:
    return JSONResponse({word: not why, "why": why}, status_code=503 if why else 200)


async def _body(request: Request) -> bytes:
    """The whole body. Raises HTTPException: too large (413), too slow (408), gone (400)."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared[:12]) > MOST_BODY:
        raise HTTPException(413, "too large")
    parts, size = [], 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > MOST_BODY:
                    raise HTTPException(413, "too large")
                parts.append(part)
    except TimeoutError:
        raise HTTPException(408, "too slow") from None
    except ClientDisconnect:
        raise HTTPException(400, "cut off") from None
    return b"".join(parts)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


async def _refused(_request: Request, error: Exception) -> Response:
    """One fixed word or two; never what was asked."""
    if not isinstance(error, HTTPException):
        return PlainTextResponse("failed\n", status_code=500)
    words = {404: "no such page", 405: "not this method"}.get(error.status_code, error.detail)
    return PlainTextResponse(f"{words}\n", status_code=error.status_code, headers=error.headers)


def _guarded(app: Starlette) -> _Asgi:
    """Safe headers on every answer; a fault of ours is logged by its kind and answered with 500."""

    async def outer(scope: _Message, receive: Any, send: Any) -> None:
        begun = False

        async def answer(message: _Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            await app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - a fault of one answer must not show, nor end the listener
            _log.error("an answer failed", kind=type(error).__name__)
            if not begun:
                await PlainTextResponse("failed\n", status_code=500)(scope, receive, answer)

    return outer
