"""The commonest reasons in the languages of the reports; every other one stays in the words in which it was said.

A sentence is made of a reason's own values, never of its English text; where one of them lacks it stays as it was said.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.model import Reason
from connector.localtimes import localised

#: Code -> (Spanish, Italian).
_SAID: Mapping[str, tuple[str, str]] = {
    "IN_SITUATION": ("en la situación {situation} desde el {since}", "nella situazione {situation} dal {since}"),
    "PROMISE": ("se prometió una respuesta hasta el {due} ({promised})", "risposta promessa entro {due} ({promised})"),
    "ESCALATE": ("el caso sube, desde el {due}", "il caso sale, dal {due}"),
    "LATER": ("lo siguiente no toca antes del {next}", "il passo successivo non prima di {next}"),
    "ASSIGN": ("{field} pasa de {current} a {wanted}", "{field} passa da {current} a {wanted}"),
    "RAISE": ("la prioridad pasa de {priority} a {wanted}", "la priorità passa da {priority} a {wanted}"),
    "FOLLOW_UP_DUE": ("el seguimiento {number} tocaba el {due}", "il sollecito {number} era dovuto il {due}"),
    "FOLLOW_UP_LATER": ("el primer seguimiento toca el {next}", "il primo sollecito è il {next}"),
    "TOGGLES": ("escalación mantenida viva hasta el {until}, tope {cap}", "tenuta viva fino al {until}, massimo {cap}"),
    "AUTOCLOSE_DUE": ("el sistema lo cerraría el {closes}", "il sistema lo chiuderebbe il {closes}"),
    "AUTOCLOSE_LATER": ("el sistema lo cerraría el {closes}", "il sistema lo chiuderebbe il {closes}"),
    "LEVEL_DUE": (
        "el nivel {level} tocaba {after} después del {since}: el {due}",
        "il livello {level} era dovuto {after} dopo {since}: {due}",
    ),
    "LIFTED": (
        "el nivel {level} toca ya, antes de {after} desde el {since}",
        "il livello {level} è dovuto subito, prima di {after} dal {since}",
    ),
    "NOT_CLOSED": (
        "sin cerrar {close_within} después del {since}: el nivel {level} tocaba el {due}",
        "non chiuso {close_within} dopo {since}: il livello {level} era dovuto {due}",
    ),
    "PASSED": ("el nivel {level} se salta y no se recupera", "il livello {level} viene saltato e non si recupera"),
    "BREACH": ("plazo incumplido: terminaba el {due}", "termine non rispettato: scadeva il {due}"),
    "ON_CALL": ("{person} está de guardia según {rota}", "{person} è di turno secondo {rota}"),
    "ASSIGNEE_NOBODY": (
        "nadie tiene el ticket: no hay responsable a quien avisar",
        "nessuno ha il ticket: non c'è un incaricato da avvisare",
    ),
    "DEADLINE_BROKEN": ("plazo incumplido el {breached} ({target})", "termine non rispettato il {breached} ({target})"),
    "DEADLINE_LATER": ("el plazo termina el {due} ({target})", "il termine è il {due} ({target})"),
    "REMINDER_DUE": ("aviso {before} antes del plazo del {due}", "promemoria {before} prima del termine {due}"),
}  # fmt: skip
_LANGUAGES = {"es": 0, "it": 1}
_MATCH = {"es": "«{phrase}» en {field}, posición {start}", "it": "«{phrase}» in {field}, posizione {start}"}


def said(reason: Reason, language: str, zone: ZoneInfo) -> str:
    """The reason in that language where there are words for it, with its instants on the office's clock."""
    return localised(_words(reason, language), zone)


def _words(reason: Reason, language: str) -> str:
    number = _LANGUAGES.get(language)
    if number is None:
        return reason.text
    if reason.code == "KEYWORD":
        matches = [one for one in reason.values.get("matches", ()) if not one["negated"]]
        return "; ".join(_MATCH[language].format(**one) for one in matches[:8]) or reason.text
    told = _SAID.get("LIFTED" if reason.code == "LEVEL_DUE" and reason.values.get("lifted") else reason.code)
    if told is None or not _names(told[number]) <= set(reason.values):
        return reason.text
    return told[number].format(**{name: _plain(value) for name, value in reason.values.items()})


def _names(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def _plain(value: Any) -> str:
    return "–" if value is None else str(value)
