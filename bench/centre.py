"""A synthetic contact centre: 50 rules of mixed kinds with 500 phrases, and Spanish tickets; the same for one seed.

The rules are said once, as values, and written out as a pack of the mapping language and for each peer.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connector.core.model import Ticket
from connector.core.policy import Policy
from connector.mapping.load import load_policy_from_texts

NOW = datetime(2026, 3, 11, 17, 0, tzinfo=UTC)
CYCLE = timedelta(minutes=5)
LISTS, PHRASES = 25, 500
#: `mixed`: five kinds of rules, deadlines and assignment included; `three`: priorities, levels and keep-alive alone.
MIXES = ("mixed", "three")
SITUATIONS = ("sin-diagnostico", "sin-piezas", "sin-guia", "reemplazo", "regulador", "lesion")

_NOUNS = (
    "lavadora", "refrigerador", "estufa", "secadora", "microondas", "garantía", "factura", "técnico", "visita",
    "pieza", "guía", "reembolso", "cargo", "contrato", "pedido", "entrega", "tienda", "folio", "llamada", "correo",
    "supervisor", "gerente", "abogado", "demanda", "denuncia", "prensa", "noticiero", "fuga", "humo", "chispa",
    "incendio", "quemadura", "lesión", "cable", "motor", "compresor", "tarjeta", "manguera", "puerta", "sello",
    "perilla", "sensor", "termostato",
)  # fmt: skip
_ADJECTIVES = (
    "rota", "quemada", "dañada", "perdida", "vencida", "cancelada", "duplicada", "atrasada", "incompleta",
    "equivocada", "defectuosa", "peligrosa", "mojada", "oxidada", "golpeada", "abierta", "faltante", "pendiente",
    "rechazada", "injusta",
)  # fmt: skip
_SENTENCES = (
    "Buenas tardes, les escribo porque compré el equipo el mes pasado y desde la semana pasada hace un ruido fuerte.",
    "Ya llamé dos veces y me dijeron que enviarían a una persona, pero no ha venido nadie a mi domicilio.",
    "Quisiera saber cuándo pueden agendar la revisión, porque en las mañanas no me encuentro en casa.",
    "Adjunto fotografías y el comprobante de compra para que puedan revisar el caso con su área.",
    "También probé lo que dice el manual y el problema continúa igual que antes.",
    "Quedo pendiente de su respuesta y agradezco mucho la atención prestada.",
    "El número de serie está en la etiqueta posterior y lo escribí en el formulario de la página.",
    "Mi esposa habló ayer con una señorita muy amable que nos dio este número de seguimiento.",
    "En la tienda me comentaron que ustedes son quienes deben resolverlo y no ellos.",
    "Vivo en un tercer piso sin elevador, favor de considerarlo para el traslado del aparato.",
    "No es la primera vez que nos sucede y sinceramente esperábamos otra cosa de la marca.",
    "Saludos cordiales de parte de toda mi familia, esperamos una pronta solución.",
)
_SUBJECTS = ("Consulta sobre mi equipo", "Seguimiento de caso", "Problema con el servicio", "Solicitud de revisión")
_GROUPS = ("Soporte", "Cobranza", "Logística", "Taller", "Ventas")
_AGENTS = ("Ana Ruiz", "Luis Paz", "Eva Gil", "Juan Sol")
_CHANNELS = ("email", "portal", "phone", "chat", "twitter", "facebook")
_WORKING = (("open", 30), ("in_process", 30), ("waiting_customer", 12), ("waiting_other", 8))
_FINISHED = (("completed", 12), ("closed", 8))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, for every engine: None asks for nothing. `hours`: at least so long since `clock`."""

    name: str
    kind: str
    phrases: str | None = None
    statuses: tuple[str, ...] | None = None
    channels: tuple[str, ...] | None = None
    priorities: tuple[str, ...] | None = None
    group: str | None = None
    tag: str | None = None
    situation: str | None = None
    clock: str = "age"
    hours: int | None = None


def phrase_lists(seed: int) -> dict[str, list[str]]:
    """25 lists of 20 phrases of two or three words."""
    chance = random.Random(seed)
    made: set[str] = set()
    while len(made) < PHRASES:
        noun, adjective, other = chance.choice(_NOUNS), chance.choice(_ADJECTIVES), chance.choice(_NOUNS)
        made.add(chance.choice((f"{noun} {adjective}", f"{noun} de {other}", f"{noun} {adjective} de {other}")))
    ordered = sorted(made)
    chance.shuffle(ordered)
    size = PHRASES // LISTS
    return {f"lista{n}": ordered[n * size : (n + 1) * size] for n in range(LISTS)}


def rules(mix: str = "mixed") -> list[Rule]:
    """50 rules. `three`: 24 by phrases, 8 by fields and clocks (kind priority), 12 of levels (matrix), 6 of keep-alive.
    `mixed`: six by phrases and two ladders fewer, and 4 policies of deadlines (sla) and 4 of assignment instead.
    """
    made = _three()
    if mix == "mixed":
        left_out = {*(f"frases {n}" for n in range(18, 24)), "niveles lista 3", "niveles lista 14"}
        made = [one for one in made if one.name not in left_out] + [
            Rule("plazos cobranza", "sla", group="Cobranza"),
            Rule("plazos redes", "sla", channels=("twitter", "facebook")),
            Rule("plazos lista 20", "sla", phrases="lista20"),
            Rule("plazos generales", "sla"),
            Rule("temas lista 18", "assignment", phrases="lista18"),
            Rule("temas lista 19", "assignment", phrases="lista19", channels=("email", "portal")),
            Rule("temas lista 21", "assignment", phrases="lista21", statuses=("open",)),
            Rule("taller", "assignment", group="Taller", statuses=("open",)),
        ]
    return made


def _three() -> list[Rule]:
    made = [
        Rule(
            f"frases {n}",
            "priority",
            phrases=f"lista{n}",
            statuses=("open", "in_process") if n % 3 == 0 else None,
            channels=("email", "twitter", "facebook") if n % 4 == 1 else None,
            hours=24 * (n % 5) if n % 2 else None,
        )
        for n in range(24)
    ]
    made += [
        Rule("redes", "priority", channels=("twitter", "facebook"), hours=4),
        Rule("chat", "priority", channels=("chat",), priorities=("low", "normal"), hours=1),
        Rule("vip", "priority", tag="vip", priorities=("low", "normal")),
        Rule("taller lento", "priority", group="Taller", statuses=("in_process",), clock="in_status", hours=240),
        Rule("cobranza", "priority", group="Cobranza", clock="age", hours=360),
        Rule("sin contestar", "priority", statuses=("open",), clock="since_customer_reply", hours=480),
        Rule("proveedor", "priority", statuses=("waiting_other",), clock="in_status", hours=336),
        Rule("viejos", "priority", priorities=("low",), clock="age", hours=696),
    ]
    made += [Rule(f"niveles {name}", "matrix", situation=name) for name in SITUATIONS[:4]]
    made += [Rule(f"niveles lista {n}", "matrix", phrases=f"lista{n}", statuses=("open",)) for n in (3, 9, 14, 24)]
    made += [
        Rule("niveles redes", "matrix", channels=("twitter", "facebook")),
        Rule("niveles taller", "matrix", group="Taller", statuses=("in_process",)),
        Rule("niveles urgentes", "matrix", priorities=("urgent",)),
        Rule("escalera general", "matrix"),
    ]
    made += [Rule(f"vivo {name}", "keepalive", situation=name) for name in SITUATIONS]
    return made


def pack(seed: int, mix: str = "mixed") -> str:
    """The rules as one file of the mapping language."""
    listed = phrase_lists(seed)
    lines = [
        "pack: {name: bench, title: Centro sintético, language: es, timezone: America/Mexico_City, calendar: mx}",
        "calendars:",
        '  mx: {timezone: America/Mexico_City, hours: {mon-fri: ["09:00-18:00"]}, holidays: {country: MX}}',
        "people:",
        "  supervision: {group: Supervisión, email: supervision@example.com}",
        "  gerencia: {group: Gerencia, email: gerencia@example.com}",
        "  turno: {agent: Ana Ruiz, email: ana@example.com}",
        "  relevo: {agent: Luis Paz, email: luis@example.com}",
        "phrases:",
        *(f"  {name}: [{', '.join(phrases)}]" for name, phrases in listed.items()),
        "situations:",
        *(f"  - {{id: {name}, title: {name.replace('-', ' ')}}}" for name in SITUATIONS[:4]),
        "  - {id: regulador, title: Regulador, detect: {any_phrase: lista23}}",
        "  - {id: lesion, title: Lesión, detect: {all: [{any_phrase: lista22}, {channel: phone}]}, detection: act}",
    ]
    for kind in ("priority", "sla", "matrix", "keepalive", "assignment"):
        of_kind = [each for each in rules(mix) if each.kind == kind]
        if of_kind:
            lines.append(f"{kind}:")
        for one in of_kind:
            lines += _written(one)
    return "\n".join(lines) + "\n"


def _written(one: Rule) -> Iterator[str]:
    yield f"  - name: {one.name}"
    parts = {
        "any_phrase": one.phrases,
        "status": one.statuses and f"[{', '.join(one.statuses)}]",
        "channel": one.channels and f"[{', '.join(one.channels)}]",
        "priority": one.priorities and f"[{', '.join(one.priorities)}]",
        "group": one.group,
        "tags": one.tag,
        one.clock: None if one.hours is None else f"{one.hours}h",
    }
    inside = ", ".join(f"{name}: {value}" for name, value in parts.items() if value is not None)
    if inside:
        yield f"    when: {{{inside}}}"
    if one.situation:
        yield f"    situations: [{one.situation}]"
    if one.kind == "priority":
        yield "    priority: urgent"
    elif one.kind == "sla":
        yield "    first_response: 120 business hours"
        yield "    resolution: {low: 45 business days, normal: 400 business hours, high: 65d, urgent: 65d}"
        yield "    remind: [{before: 2 business hours, notify: supervision}]"
        yield "    breach: [{notify: gerencia}]"
    elif one.kind == "assignment":
        yield "    candidates: [turno, relevo]"
        yield "    by: first"
        yield "    fallback: supervision"
    elif one.kind == "keepalive":
        yield "    follow_up: {after: 7d, every: 7d}"
    else:
        yield f"    since: {'escalated' if one.situation else 'created'}"
        yield "    depth: {low: 2, normal: 3, high: 4, urgent: 4}"
        yield "    levels:"
        yield "      - {after: 9 business days, assign: supervision}"
        yield "      - {after: 12 business days, priority: high}"
        yield "      - {after: 15 business days, assign: gerencia, notify: [gerencia]}"
        yield "      - {after: 20 business days, priority: urgent}"


def policy(seed: int, mix: str = "mixed") -> Policy:
    """The pack, loaded as any pack is."""
    return load_policy_from_texts({"bench.yaml": pack(seed, mix)}, "bench")


def tickets(count: int, seed: int, *, open_only: bool = False) -> Iterator[Ticket]:
    """Tickets with a body of about 600 characters: one in four says a listed phrase, one in five of those denies it,
    one in twelve is in a situation, one in five is finished.
    """
    chance = random.Random(seed + 1)
    said = [phrase for phrases in phrase_lists(seed).values() for phrase in phrases]
    statuses, weights = zip(*(_WORKING if open_only else (*_WORKING, *_FINISHED)), strict=True)
    for number in range(count):
        sentences = chance.sample(_SENTENCES, 6)
        says = chance.random() < 0.25
        if says:
            denied = "No hay " if chance.random() < 0.2 else chance.choice(("Ahora tengo ", "Me preocupa la "))
            sentences.insert(chance.randrange(6), f"{denied}{chance.choice(said)} desde hace días.")
        created = NOW - timedelta(days=min(60.0, chance.expovariate(1 / 2.5)))
        changed = created + (NOW - created) * chance.random()
        channel = chance.choices(_CHANNELS, (50, 20, 15, 9, 3, 3))[0]
        raised = (
            says or channel in _CHANNELS[3:]
        ) and chance.random() < 0.9  # what the rules wanted of most of them was done before
        escalated = chance.random() < 1 / 12
        answered = changed if chance.random() < 0.7 else None
        yield Ticket(
            str(number + 1),
            status=chance.choices(statuses, weights)[0],
            priority="urgent" if raised else chance.choices(("low", "normal", "high"), (20, 60, 20))[0],
            channel=channel,
            subject=chance.choice(_SUBJECTS),
            body=" ".join(sentences),
            tags=("vip",) if chance.random() < 0.01 else (),
            group=chance.choice(_GROUPS),
            agent=None if chance.random() < 0.05 else chance.choice(_AGENTS),
            requester=f"Cliente {number % 997}",
            escalation_type=chance.choice(SITUATIONS[:4]) if escalated else None,
            created_at=created,
            updated_at=changed,
            status_since=changed,
            first_responded_at=answered,
            agent_responded_at=answered,
            customer_responded_at=created,
            escalated_at=changed if escalated else None,
            autoclose_clock=changed,
        )
