"""Seed files: the account and its tickets in the API's own shapes, partial objects welcome.

Every problem of a file is collected and reported at once (`SeedError`, exit code 78).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from connector.emulator import account as accounts
from connector.emulator import shapes, stamps
from connector.emulator.account import Account
from connector.emulator.rules import read_rules
from connector.emulator.seed_tickets import read_tickets
from connector.emulator.seed_types import misfits
from connector.emulator.shapes import Json, Ticket
from connector.errors import ConfigurationError

_KNOWN = frozenset(
    [
        "now",
        "statuses",
        "sources",
        "agents",
        "groups",
        "contacts",
        "companies",
        "products",
        "tickets",
        "automations",
        "ticket_fields",
        "fields",
        "settings",
        "business_hours",
        "sla_policies",
        "types",
        "language",
    ]
)
_FIELD_KINDS = frozenset(
    [
        "custom_text",
        "custom_paragraph",
        "custom_number",
        "custom_decimal",
        "custom_checkbox",
        "custom_date",
        "custom_dropdown",
        "nested_field",
    ]
)


class SeedError(ConfigurationError):
    """A seed can't be used; `problems` holds every reason."""

    def __init__(self, source: str, problems: list[str]) -> None:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"seed {source} has {len(problems)} problem(s), mend them and start again:{listed}")
        self.problems = problems


def load_seed(path: Path) -> Json:
    """Read a seed file; SeedError when it can't be read or is no JSON object."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise SeedError(str(path), [f"can't be read: {reason}"]) from exc
    try:
        read = json.loads(text)
    except json.JSONDecodeError as exc:
        raise SeedError(str(path), [f"line {exc.lineno} column {exc.colno}: {exc.msg}"]) from exc
    except RecursionError as exc:
        raise SeedError(str(path), ["nested too deeply to be a seed"]) from exc
    if not isinstance(read, dict):
        raise SeedError(str(path), ['must be a JSON object such as {"tickets": [...]}'])
    return read


def read_seed(seed: Json | None, *, key: str | None, source: str = "given") -> tuple[Account, list[Ticket]]:
    """Build the account and the tickets of a seed; None means the stock account.

    `key` is the first administrator's API key. Raises SeedError with every problem found.
    """
    given = accounts.stock_seed() if seed is None else seed
    reader = _Reader(given)
    account = reader.account(key)
    tickets = read_tickets(given.get("tickets") or [], account, reader.problems)
    if reader.problems:
        raise SeedError(source, reader.problems)
    return account, tickets


class _Reader:
    def __init__(self, seed: Json) -> None:
        self.seed = seed
        self.problems: list[str] = []

    def account(self, key: str | None) -> Account:
        self.problems += [f"unknown key {name!r}" for name in self.seed if name not in _KNOWN]
        account = Account(now=self._now())
        account.next_id = max([accounts.FIRST_ID, *self._ids()]) + 1000
        at = stamps.to_text(account.now - 90 * 86400)
        self._statuses(account)
        self._sources(account)
        self._people(account, at)
        self._keys(account, key)
        self._fields(account)
        self._rules(account, at)
        settings = self.seed.get("settings") or {}
        if isinstance(settings, dict):
            account.settings = dict(settings)
        else:
            self.problems.append("settings: must be an object")
        types = self.seed.get("types")
        if isinstance(types, list):
            account.types = [str(word) for word in types]
        account.language = str(self.seed.get("language") or "es")
        return account

    def _now(self) -> int:
        given = self.seed.get("now")
        if given is None:
            return int(time.time())
        try:
            now = int(given) if isinstance(given, int) else stamps.to_instant(str(given))
        except ValueError as exc:
            self.problems.append(f"now: {exc}")
            return int(time.time())
        if not 86400 * 366 <= now < 86400 * 366 * 229:
            self.problems.append("now: lies outside the years 1971 to 2199")
            return int(time.time())
        return now

    def _ids(self) -> list[int]:
        numbers = []
        for part in ("agents", "groups", "contacts", "companies", "products"):
            for entry in self._list(part, quiet=True):
                number = entry.get("id")
                if isinstance(number, int) and not isinstance(number, bool):
                    numbers.append(number)
        return numbers

    def _list(self, part: str, *, quiet: bool = False) -> list[Json]:
        given = self.seed.get(part)
        if given is None:
            return []
        if not isinstance(given, list):
            if not quiet:
                self.problems.append(f"{part}: must be a list")
            return []
        if not quiet:
            self.problems += [
                f"{part}[{n}]: must be an object" for n, entry in enumerate(given) if not isinstance(entry, dict)
            ]
        fitting = []
        for n, entry in enumerate(given):
            wrong = misfits(f"{part}[{n}]", entry) if isinstance(entry, dict) else ["no object"]
            if not wrong:
                fitting.append(entry)
            elif not quiet and isinstance(entry, dict):
                self.problems += wrong
        return fitting

    def _statuses(self, account: Account) -> None:
        given = self.seed.get("statuses")
        if given is None:
            return
        if isinstance(given, list):
            given = {
                str(e.get("id") or e.get("value")): e.get("label") or e.get("name")
                for e in given
                if isinstance(e, dict)
            }
        if not isinstance(given, dict):
            self.problems.append('statuses: must be an object such as {"8": ["En proceso", "Being processed"]}')
            return
        pending: list[tuple[str, Any]] = []
        for name, value in given.items():
            word = str(name)
            if word.isdigit():
                self._coded_status(account, int(word), value)
            elif isinstance(value, int) and not isinstance(value, bool):
                account.statuses[value] = [word, word]
            elif isinstance(value, str) and value.isdigit():
                account.statuses[int(value)] = [word, word]
            else:
                pending.append((word, value))
        for word, value in pending:  # label -> canonical word: takes the next free code, or the label's present one
            code = account.status_code(word) or max(7, *account.statuses) + 1
            account.statuses.setdefault(code, [word, word])
            if isinstance(value, str):
                account.canonical[value.strip().lower()] = code
            elif value is not None:
                self.problems.append(f"statuses: {word!r} must map to a code or a canonical word, not {value!r}")

    def _sources(self, account: Account) -> None:
        given = self.seed.get("sources")
        if given is None:
            return
        if not isinstance(given, dict):
            self.problems.append('sources: must be an object such as {"101": "In person"}')
            return
        for code, label in given.items():
            if str(code).isdecimal() and int(code) >= accounts.FIRST_OWN_SOURCE and isinstance(label, str) and label:
                account.own_sources[label] = int(code)
            else:
                low = accounts.FIRST_OWN_SOURCE
                self.problems.append(f"sources: {code!r} to {label!r} is no code from {low} on with its label")

    def _coded_status(self, account: Account, code: int, value: Any) -> None:
        if code < 2:
            self.problems.append(f"statuses: code {code} is below 2, the first code of the API")
        elif isinstance(value, str) and value:
            account.statuses[code] = [value, value]
        elif isinstance(value, list) and value and all(isinstance(label, str) for label in value):
            account.statuses[code] = [*value, value[0]][: max(2, len(value))]
        elif isinstance(value, dict):
            label = str(value.get("label") or value.get("name") or code)
            account.statuses[code] = [label, str(value.get("customer_label") or label)]
            canonical = value.get("canonical") or value.get("means")
            if isinstance(canonical, str):
                account.canonical[canonical] = code
        else:
            self.problems.append(f"statuses: {code} must be a label or a list of labels, not {value!r}")

    def _numbered(self, part: str, account: Account, make: Callable[[int, Json], None]) -> None:
        seen: set[int] = set()
        for n, entry in enumerate(self._list(part)):
            number = entry.get("id")
            if number is None:
                number = account.new_id()
            if not isinstance(number, int) or isinstance(number, bool):
                self.problems.append(f"{part}[{n}].id: must be a whole number, not {number!r}")
                continue
            if number in seen:
                self.problems.append(f"{part}[{n}].id: {number} is used twice")
                continue
            seen.add(number)
            make(number, {k: v for k, v in entry.items() if k != "id"})

    def _people(self, account: Account, at: str) -> None:
        def add_group(number: int, given: Json) -> None:
            name = str(given.pop("name", None) or f"Group {number}")
            account.groups[number] = shapes.group(number, name, at, **given)

        def add_agent(number: int, given: Json) -> None:
            card = given.pop("contact", None) or {}
            if not isinstance(card, dict):
                self.problems.append(f"agents: {number}: contact must be an object")
                card = {}
            name = str(card.get("name") or given.pop("name", None) or f"Agent {number}")
            address = str(card.get("email") or given.pop("email", None) or f"agent{number}@helpdesk.example")
            key = given.pop("api_key", None)
            role = given.pop("role", None)
            made = shapes.agent(number, name, address, at, **given, contact={**card, "name": name, "email": address})
            account.agents[number] = made
            if key is not None:
                account.keys[str(key)] = number
            if role in {"admin", "administrator", "account_admin"}:
                account.admins.add(number)

        def add_contact(number: int, given: Json) -> None:
            accounts.new_contact(account, at, {"id": number, **given})

        def add_company(number: int, given: Json) -> None:
            name = str(given.pop("name", None) or f"Company {number}")
            account.companies[number] = shapes.company(number, name, at, **given)

        def add_product(number: int, given: Json) -> None:
            name = str(given.pop("name", None) or f"Product {number}")
            account.products[number] = accounts.catalogue_entry(number, name, at, **given)

        self._numbered("groups", account, add_group)
        self._numbered("agents", account, add_agent)
        self._numbered("companies", account, add_company)
        self._numbered("contacts", account, add_contact)
        self._numbered("products", account, add_product)
        self._membership(account)

    def _membership(self, account: Account) -> None:
        """Membership may be written at either end; both ends show it afterwards."""
        for number, entry in account.groups.items():
            for member in list(entry["agent_ids"] or []):
                if member not in account.agents:
                    self.problems.append(f"groups: {entry['name']}: agent {member} is not among the agents")
                elif number not in account.agents[member]["group_ids"]:
                    account.agents[member]["group_ids"].append(number)
        for number, worker in account.agents.items():
            for home in list(worker["group_ids"] or []):
                if home not in account.groups:
                    self.problems.append(f"agents: {worker['contact']['name']}: group {home} is not among the groups")
                elif number not in account.groups[home]["agent_ids"]:
                    account.groups[home]["agent_ids"].append(number)

    def _keys(self, account: Account, key: str | None) -> None:
        if not account.agents:
            stock = accounts.stock_seed()["agents"][0]
            at = stamps.to_text(account.now)
            account.agents[stock["id"]] = shapes.agent(stock["id"], "Administración", "admin@demo.example", at)
        if not account.admins:
            account.admins.add(next(iter(account.agents)))
        if len(account.agents) == 1:  # somebody else must be there to act as a human beside the key's own agent
            number = account.new_id()
            at = stamps.to_text(account.now)
            account.agents[number] = shapes.agent(number, "Otra persona", "persona@helpdesk.example", at)
        if key is not None:
            account.keys[key] = next(n for n in account.agents if n in account.admins)

    def _fields(self, account: Account) -> None:
        for n, entry in enumerate([*self._list("ticket_fields"), *self._list("fields")]):
            name = entry.get("name")
            if not isinstance(name, str) or not name:
                self.problems.append(f"ticket_fields[{n}].name: missing")
                continue
            if entry.get("default") or str(entry.get("type") or "").startswith("default_"):
                if entry.get("required_for_closure"):
                    account.required_for_closure.add(name)
                continue
            kind = str(entry.get("type") or "custom_text")
            if kind not in _FIELD_KINDS:
                known = ", ".join(sorted(_FIELD_KINDS))
                self.problems.append(f"ticket_fields[{n}].type: {kind!r} is none of {known}")
                continue
            choices = entry.get("choices") or []
            account.custom_fields[name] = accounts.CustomField(
                name,
                str(entry.get("label") or name),
                kind,
                [str(choice) for choice in choices],
                required_for_agents=bool(entry.get("required_for_agents")),
                required_for_closure=bool(entry.get("required_for_closure")),
            )

    def _rules(self, account: Account, at: str) -> None:
        account.sla_policies = self._list("sla_policies") or [accounts.default_sla(account.new_id(), at)]
        account.business_hours = self._list("business_hours") or [accounts.default_business_hours(account.new_id(), at)]
        account.automations = read_rules(self.seed.get("automations"), account, self.problems)
