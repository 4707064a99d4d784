"""The account around the tickets: people, groups, codes, fields, rules; and the stock account used without a seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.emulator import shapes
from connector.emulator.shapes import Json

if TYPE_CHECKING:
    from connector.emulator.rules import Rule

OPEN, PENDING, RESOLVED, CLOSED = 2, 3, 4, 5
STOCK_STATUSES: dict[int, list[str]] = {
    2: ["Open", "Being Processed"],
    3: ["Pending", "Awaiting your Reply"],
    4: ["Resolved", "This ticket has been Resolved"],
    5: ["Closed", "This ticket has been Closed"],
    6: ["Waiting on Customer", "Awaiting your Reply"],
    7: ["Waiting on Third Party", "Being Processed"],
}
PRIORITIES = {"Low": 1, "Medium": 2, "High": 3, "Urgent": 4}
SOURCES = {
    "Email": 1,
    "Portal": 2,
    "Phone": 3,
    "Forum": 4,
    "Twitter": 5,
    "Facebook": 6,
    "Chat": 7,
    "MobiHelp": 8,
    "Feedback Widget": 9,
    "Outbound Email": 10,
    "Ecommerce": 11,
    "Bot": 12,
    "Whatsapp": 13,
}
ALL_SOURCES = tuple(range(1, 23))  # 14..22 exist on live accounts though /ticket_fields does not list them
FIRST_OWN_SOURCE = 101  # sources an account made for itself are counted from here
TYPES = ["Question", "Incident", "Problem", "Feature Request", "Refund"]
SHIPPED_CUSTOM_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("cf_escalation_type", "Tipo de escalación", "custom_text"),
    ("cf_escalated_on", "Escalado el", "custom_date"),
)
FIRST_ID = 67013400001


@dataclass(slots=True)
class CustomField:
    """One custom ticket field: name with its `cf_` prefix, label, type as `/ticket_fields` gives it, choices."""

    name: str
    label: str
    kind: str
    choices: list[str] = field(default_factory=list)
    required_for_agents: bool = False
    required_for_closure: bool = False


@dataclass(slots=True)
class Account:
    """Everything a seed describes except the tickets themselves."""

    now: int
    statuses: dict[int, list[str]] = field(default_factory=lambda: {k: list(v) for k, v in STOCK_STATUSES.items()})
    canonical: dict[str, int] = field(default_factory=dict)
    agents: dict[int, Json] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    admins: set[int] = field(default_factory=set)
    groups: dict[int, Json] = field(default_factory=dict)
    contacts: dict[int, Json] = field(default_factory=dict)
    companies: dict[int, Json] = field(default_factory=dict)
    products: dict[int, Json] = field(default_factory=dict)
    own_sources: dict[str, int] = field(default_factory=dict)
    types: list[str] = field(default_factory=lambda: list(TYPES))
    custom_fields: dict[str, CustomField] = field(default_factory=dict)
    required_for_closure: set[str] = field(default_factory=set)
    business_hours: list[Json] = field(default_factory=list)
    sla_policies: list[Json] = field(default_factory=list)
    automations: dict[int, list[Rule]] = field(default_factory=lambda: {1: [], 3: [], 4: []})
    settings: Json = field(default_factory=dict)
    language: str = "es"
    next_id: int = FIRST_ID

    def new_id(self) -> int:
        """The next free id for anything but tickets; wider than 32 bits, as on live accounts."""
        number = self.next_id
        self.next_id += 1
        return number

    def contact_by_email(self, address: str) -> Json | None:
        """The contact with this mail address, case-insensitively."""
        wanted = address.lower()
        for person in self.contacts.values():
            if (person["email"] or "").lower() == wanted:
                return person
        return None

    def person(self, number: int | None) -> Json | None:
        """A requester by id: a contact, or an agent (agents may ask for help too) in a contact's shape."""
        if number is None:
            return None
        found = self.contacts.get(number)
        if found is not None:
            return found
        worker = self.agents.get(number)
        return {"id": number, **worker["contact"]} if worker else None

    def status_code(self, word: str) -> int | None:
        """A status by code, by label in any language it is shown in, or by canonical word such as `in_process`."""
        folded = _fold(word)
        if folded.isdigit() and int(folded) in self.statuses:
            return int(folded)
        for code, labels in self.statuses.items():
            if folded == _fold(labels[0]):
                return code
        if folded in self.canonical:
            return self.canonical[folded]
        for code, labels in self.statuses.items():
            if folded in {_fold(label) for label in labels[1:]}:
                return code
        known = _WORDS.get(folded, frozenset())
        agents_see = (code for code, labels in self.statuses.items() if _fold(labels[0]) in known)
        customers_see = (c for c, labels in self.statuses.items() if any(_fold(label) in known for label in labels))
        return next(agents_see, None) or next(customers_see, None)


_WORDS: dict[str, frozenset[str]] = {
    "open": frozenset({"open", "abierto", "aperto", "nuevo"}),
    "in_process": frozenset({"en_proceso", "in_process", "in_progress", "in_lavorazione", "en_curso"}),
    "completed": frozenset({"completado", "completed", "completato", "terminado"}),
    "waiting_customer": frozenset({"waiting_on_customer", "pending", "esperando_al_cliente", "in_attesa_del_cliente"}),
    "waiting_other": frozenset({"waiting_on_third_party", "esperando_a_terceros"}),
    "closed": frozenset({"closed", "cerrado", "chiuso"}),
}


def _fold(word: str) -> str:
    return "_".join(word.strip().lower().replace("-", " ").split()).replace("__", "_")


def canonical_words() -> frozenset[str]:
    """The canonical status words a seed or `--autoclose` may use."""
    return frozenset(_WORDS)


def default_sla(number: int, at: str) -> Json:
    """The stock SLA policy: targets in seconds per priority, elapsed time."""
    targets = {1: (86400, 432000), 2: (43200, 259200), 3: (14400, 172800), 4: (3600, 43200)}
    return {
        "id": number,
        "name": "Default SLA Policy",
        "description": "default policy",
        "active": True,
        "sla_target": {
            f"priority_{code}": {
                "respond_within": respond,
                "resolve_within": resolve,
                "next_respond_within": None,
                "business_hours": False,
                "escalation_enabled": True,
            }
            for code, (respond, resolve) in targets.items()
        },
        "applicable_to": {},
        "is_default": True,
        "position": 1,
        "created_at": at,
        "updated_at": at,
        "escalation": {"response": None, "resolution": {"level_1": {"escalation_time": 0, "agent_ids": [-1]}}},
    }


def default_business_hours(number: int, at: str) -> Json:
    """Office hours with a Rails zone name and the short time form live accounts answer."""
    day = {"start_time": "8:00 am", "end_time": "5:00 pm"}
    names = ("monday", "tuesday", "wednesday", "thursday", "friday")
    return {
        "id": number,
        "name": "Default",
        "description": "Default Business Calendar",
        "is_default": True,
        "time_zone": "Mexico City",
        "business_hours": {name: dict(day) for name in names},
        "created_at": at,
        "updated_at": at,
    }


def stock_seed() -> Json:
    """The seed used when none is given: a small Spanish-speaking contact centre the shipped packs work on."""
    agents: list[Json] = [
        {"id": 67013400101, "contact": {"name": "Administración", "email": "admin@demo.example"}, "role": "admin"},
        {"id": 67013400102, "contact": {"name": "Lucía Torres", "email": "lucia@demo.example"}},
        {"id": 67013400103, "contact": {"name": "Diego Ramos", "email": "diego@demo.example"}},
        {"id": 67013400104, "contact": {"name": "Carmen Ruiz", "email": "supervisor@demo.example"}},
    ]
    groups: list[Json] = [
        {"id": 67013400201, "name": "Soporte", "agent_ids": [67013400102, 67013400103]},
        {"id": 67013400202, "name": "Supervisión", "agent_ids": [67013400104]},
    ]
    people = [("Ana López", "ana"), ("Bruno Díaz", "bruno"), ("Clara Peña", "clara")]
    contacts: list[Json] = [
        {"id": 67013400301 + n, "name": name, "email": f"{short}@cliente.example"}
        for n, (name, short) in enumerate(people)
    ]
    return {
        "statuses": {"8": ["En proceso", "En proceso"], "9": ["Completado", "Completado"]},
        "agents": agents,
        "groups": groups,
        "contacts": contacts,
        "products": [{"id": 67013400401, "name": "Electrodomésticos"}],
        "tickets": [],
    }


def catalogue_entry(number: int, name: str, at: str, /, **given: Any) -> Json:
    """A product as `GET /products` shows it."""
    shown: Json = {
        "id": number,
        "name": name,
        "description": None,
        "primary_email": None,
        "created_at": at,
        "updated_at": at,
    }
    shown.update(given)
    return shown


def ticket_fields(account: Account, at: str) -> list[Json]:
    """`GET /ticket_fields`: each type with choices in its own real shape."""
    rows: list[tuple[str, str, str, bool, Any]] = [
        ("requester", "Search a requester", "default_requester", True, None),
        ("subject", "Subject", "default_subject", True, None),
        ("ticket_type", "Type", "default_ticket_type", False, list(account.types)),
        ("source", "Source", "default_source", False, SOURCES | account.own_sources),
        ("status", "Status", "default_status", True, {str(k): v[:2] for k, v in account.statuses.items()}),
        ("priority", "Priority", "default_priority", True, dict(PRIORITIES)),
        ("group", "Group", "default_group", False, {g["name"]: g["id"] for g in account.groups.values()}),
        ("agent", "Agent", "default_agent", False, {a["contact"]["name"]: a["id"] for a in account.agents.values()}),
        ("product", "Product", "default_product", False, {p["name"]: p["id"] for p in account.products.values()}),
        ("description", "Description", "default_description", True, None),
        ("company", "Company", "default_company", False, None),
    ]
    shown = [
        _field_entry(n, name, label, kind, at, default=True, agents=required, choices=choices)
        | {"required_for_closure": name in account.required_for_closure}
        for n, (name, label, kind, required, choices) in enumerate(rows, start=1)
    ]
    for n, made in enumerate(account.custom_fields.values(), start=len(shown) + 1):
        choices = list(made.choices) if made.kind == "custom_dropdown" else None
        agents = made.required_for_agents
        entry = _field_entry(n, made.name, made.label, made.kind, at, default=False, agents=agents, choices=choices)
        shown.append(entry | {"required_for_closure": made.required_for_closure})
    return shown


def _field_entry(
    position: int, name: str, label: str, kind: str, at: str, *, default: bool, agents: bool, choices: Any
) -> Json:
    entry: Json = {
        "id": FIRST_ID - 1000 + position,
        "name": name,
        "label": label,
        "description": f"Ticket {label.lower()}" if default else None,
        "position": position,
        "required_for_closure": False,
        "required_for_agents": agents,
        "type": kind,
        "default": default,
        "customers_can_edit": False,
        "customers_can_filter": False,
        "label_for_customers": label,
        "required_for_customers": False,
        "displayed_to_customers": False,
        "created_at": at,
        "updated_at": at,
    }
    if choices is not None:
        entry["choices"] = choices
    return entry


def new_contact(account: Account, at: str, given: Json) -> Json:
    """Add a contact to the account and return it; unknown keys of `given` are kept."""
    fields = dict(given)
    number = fields.pop("id", None) or account.new_id()
    address = fields.pop("email", None)
    name = fields.pop("name", None) or (address.split("@")[0] if address else f"Contact {number}")
    made = shapes.contact(number, name, address, at, **fields)
    account.contacts[number] = made
    return made
