"""The words of the report on causes in its languages; names of people, tabs and rules stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

from connector.reports.words import LANGUAGES

_TABLE: Mapping[str, tuple[str, str, str]] = {
    "title": ("Why cases go up", "Por qué se escalan los casos", "Perché i casi vengono scalati"),
    "account": ("Account", "Cuenta", "Account"),
    "as_of": ("As of", "A fecha de", "Alla data di"),
    "period": ("Escalated between", "Escalados entre", "Scalati tra"),
    "always": ("(any time)", "(siempre)", "(sempre)"),
    "group": ("By", "Por", "Per"),
    "item": ("What", "Qué", "Che cosa"),
    "all": ("All", "Todos", "Tutti"),
    "count": ("Escalations", "Escalaciones", "Escalation"),
    "open": ("Open", "Abiertas", "Aperte"),
    "overdue": ("Open for more than 30 days", "Abiertas más de 30 días", "Aperte da oltre 30 giorni"),
    "median_days": ("Median days to outcome", "Mediana de días hasta el desenlace", "Mediana dei giorni all'esito"),
    "closed_in_time": ("Closed within 30 days", "Cerradas en 30 días", "Chiuse entro 30 giorni"),
    "promise_kept": ("Within the promise", "Dentro de lo prometido", "Entro la promessa"),
    "happy": ("Satisfied", "Satisfechos", "Soddisfatti"),
    "neutral": ("Neutral", "Neutrales", "Neutri"),
    "unhappy": ("Unsatisfied", "Insatisfechos", "Insoddisfatti"),
    "by_cause": ("Root cause", "Causa raíz", "Causa principale"),
    "by_kind": ("Kind", "Tipo", "Tipo"),
    "by_level": ("Level", "Nivel", "Livello"),
    "by_where": ("Situation", "Situación", "Situazione"),
    "by_to": ("Escalated to", "Escalado a", "Scalato a"),
    "ticket": ("Ticket", "Ticket", "Ticket"),
    "opened_at": ("Escalated on", "Escalado el", "Scalato il"),
    "days": ("Days", "Días", "Giorni"),
    "where": ("Situation", "Situación", "Situazione"),
    "cause": ("Root cause", "Causa raíz", "Causa principale"),
    "state": ("Outcome", "Desenlace", "Esito"),
    "satisfaction": ("Satisfaction", "Satisfacción", "Soddisfazione"),
    "by": ("Told by", "Según", "Secondo"),
    "records": ("Every escalation", "Cada escalación", "Ogni escalation"),
    "nothing": (
        "No escalation stands in the register for this time.", "Ninguna escalación en el registro en este periodo.",
        "Nessuna escalation nel registro in questo periodo.",
    ),
    "figures": ("Figures", "Cifras", "Cifre"),
}  # fmt: skip

#: The words that records hold.
_HELD: Mapping[str, tuple[str, str, str]] = {
    "overloaded_agent": ("overloaded agent", "agente con exceso de carga", "operatore sovraccarico"),
    "waiting_on_team": ("waiting on another team", "en espera de otro equipo", "in attesa di un altro team"),
    "promise_broken": ("promise not kept", "promesa incumplida", "promessa non mantenuta"),
    "sla_broken": ("SLA broken", "plazo (SLA) incumplido", "SLA violato"),
    "agent_conduct": ("conduct of the agent", "trato del agente", "comportamento dell'operatore"),
    "agent_skill": ("skill of the agent", "preparación del agente", "competenza dell'operatore"),
    "other": ("other", "otra", "altra"),
    "-": ("(not told)", "(sin indicar)", "(non indicata)"),
    "functional": ("functional", "funcional", "funzionale"),
    "hierarchical": ("hierarchical", "jerárquica", "gerarchica"),
    "completed": ("completed", "completado", "completato"),
    "closed": ("closed", "cerrado", "chiuso"),
    "gone": ("gone from the helpdesk", "ya no está en el sistema", "non più presente"),
    "open": ("open", "abierto", "aperto"),
    "happy": ("satisfied", "satisfecho", "soddisfatto"),
    "neutral": ("neutral", "neutral", "neutro"),
    "unhappy": ("unsatisfied", "insatisfecho", "insoddisfatto"),
    "suggested": ("suggested", "sugerida", "suggerita"),
    "set": ("set by a person", "elegida por una persona", "scelta da una persona"),
}


class CauseWords:
    """Every word of the report in one language. Raises ValueError for a language there is none of."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._at = LANGUAGES.index(language)

    def __call__(self, word: str) -> str:
        return _TABLE[word][self._at]

    def held(self, group: str, word: str) -> str:
        """A word that records hold, of a group whose words are ours; names stay as they are."""
        told = _HELD.get(word) if group in ("cause", "kind", "state", "satisfaction", "by") or word == "-" else None
        return told[self._at] if told else word
