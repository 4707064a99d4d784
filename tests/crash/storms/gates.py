"""Doors that must stay shut: certificates that prove nothing, redirects to another host, a port nobody listens on.

Each is knocked at by `escalera once` as a process of its own: it must end with one clear sentence, and nothing, the key
least of all, may have been sent.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connector.emulator import serve
from connector.emulator.server import Emulator
from tests.crash.storms.ship import AUTOCLOSE
from tests.soak.processes import KEY, Desk, command, environment
from tests.unit.raw_server import RawServer, answer

#: Of this machine, yet none of the addresses for which the daemon leaves the environment's trust aside.
_HOST = "127.0.0.2"
_SEED = {"now": "2026-03-02T15:00:00Z", "statuses": {"8": "En proceso", "9": "Completado"}, "tickets": [{"id": 7}]}


@dataclass(frozen=True, slots=True)
class Gate:
    """One door. `says`: words of the sentence the process must end with. `try_it`: what is wrong, line by line."""

    name: str
    says: str
    code: int
    try_it: Callable[[Gate, Path], Iterator[str]]

    def knock(self) -> list[str]:
        """What is wrong after one try; empty where the door stayed shut."""
        with tempfile.TemporaryDirectory() as folder:
            return list(self.try_it(self, Path(folder)))


# --- certificates -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Paper:
    """A certificate to be made: for which host, until when (days from now), and signed by whom."""

    host: str = _HOST
    days: int = 30
    signed: bool = True


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(folder: Path, paper: _Paper) -> tuple[Path, Path]:
    """(certificate with its key, authority) as files."""
    now = dt.datetime.now(dt.UTC)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def made(subject: str, issuer: str, public: ec.EllipticCurvePublicKey, until: int) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer))
        builder = builder.public_key(public).serial_number(x509.random_serial_number())
        return builder.not_valid_before(now - dt.timedelta(days=60)).not_valid_after(now + dt.timedelta(days=until))

    root = made("Storm CA", "Storm CA", authority_key.public_key(), 60)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = root.add_extension(identifier, critical=False).sign(authority_key, hashes.SHA256())
    issuer = "Storm CA" if paper.signed else "desk"
    try:
        host: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(paper.host))
    except ValueError:
        host = x509.DNSName(paper.host)
    leaf = made("desk", issuer, key.public_key(), paper.days)
    leaf = leaf.add_extension(x509.SubjectAlternativeName([host]), critical=False)
    signed = leaf.sign(authority_key if paper.signed else key, hashes.SHA256())
    chain, trusted = folder / "desk.pem", folder / "ca.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    trusted.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return chain, trusted


@contextlib.contextmanager
def _over_tls(chain: Path) -> Iterator[Emulator]:
    """The emulator behind TLS."""
    with serve(dict(_SEED), key=KEY, autoclose=[AUTOCLOSE[1]], host=_HOST) as emulator:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        listener = emulator._listener
        listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
        yield emulator


def _tls(paper: _Paper) -> Callable[[Gate, Path], Iterator[str]]:
    def try_it(gate: Gate, folder: Path) -> Iterator[str]:
        chain, trusted = _certificate(folder, paper)
        with _over_tls(chain) as emulator:
            url = f"https://{_HOST}:{emulator.port}"
            yield from _knock(gate, Desk(folder, url), REQUESTS_CA_BUNDLE=str(trusted))
            if gate.code and emulator.world.requests_seen:
                yield f"{emulator.world.requests_seen} requests were sent"
            if not gate.code and not emulator.world.requests_seen:
                yield "nothing was asked"

    return try_it


# --- other ways to lead astray ----------------------------------------------------------------------------------------
def _redirect(gate: Gate, folder: Path) -> Iterator[str]:
    for status in (301, 302, 307, 308):
        with RawServer(answer()) as elsewhere, serve(dict(_SEED), key=KEY) as emulator:
            emulator.helpdesk.set_faults(f"{status}:location={elsewhere.url}/api/v2/agents/me")
            yield from _knock(gate, Desk(folder, emulator.url))
            if elsewhere.requests:
                yield f"{status}: the redirect was followed"
            if emulator.world.requests_seen > 1:
                yield f"{status}: asked {emulator.world.requests_seen} times"


def _refused(gate: Gate, folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    yield from _knock(gate, Desk(folder, f"http://127.0.0.1:{port}"))


def _knock(gate: Gate, desk: Desk, **more: str) -> Iterator[str]:
    done = subprocess.run(
        [*command("once", "--config", str(desk.config)), "--clock", "server"], capture_output=True, text=True,
        env={**environment(), **more, "no_proxy": "*"}, cwd=desk.folder, timeout=240, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    if done.returncode != gate.code:
        yield f"exit code {done.returncode}, not {gate.code}: {said[-600:]}"
    if gate.says not in said:
        yield f"{gate.says!r} is not said: {said[-600:]}"
    if "Traceback" in said:
        yield f"a traceback: {said[-1500:]}"
    for path in desk.folder.iterdir():
        if path.is_file() and KEY.encode() in path.read_bytes():
            yield f"{path.name} holds the key"
    if KEY in said:
        yield "the key was said"


GATES = (
    Gate("tls: a certificate of its own making", "certificate can't be verified", 1, _tls(_Paper(signed=False))),
    Gate("tls: a certificate for another host", "certificate can't be verified", 1, _tls(_Paper("other.example"))),
    Gate("tls: a certificate that has expired", "certificate can't be verified", 1, _tls(_Paper(days=-1))),
    Gate("tls: a certificate that is right", "cycle", 0, _tls(_Paper())),
    Gate("redirect to another host", "redirected to 127.0.0.1", 1, _redirect),
    Gate("nobody listens", "no connection", 1, _refused),
)
