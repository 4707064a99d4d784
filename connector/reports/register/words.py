"""The register's words in its languages: headings, tabs, states and causes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connector.reports.register.texts import folded
from connector.reports.words import LANGUAGES

_FOLLOW_UP = re.compile(r"follow-up (\d+)")

#: Headings: their order is the order of the columns.
_HEADINGS: Mapping[str, tuple[str, str, str]] = {
    "ticket": ("Ticket", "Ticket", "Ticket"),
    "customer": ("Customer", "Cliente", "Cliente"),
    "contact": ("Contact", "Contacto", "Contatto"),
    "product": ("Product", "Producto", "Prodotto"),
    "why": ("Reason", "Motivo", "Motivo"),
    "description": ("Detailed description", "Descripción detallada", "Descrizione dettagliata"),
    "when": ("Escalated on", "Escalado el", "Escalato il"),
    "to": ("Escalated to", "Escalado a", "Escalato a"),
    "level": ("Level", "Nivel", "Livello"),
    "kind": ("Kind", "Tipo", "Tipo"),
    "promise": ("Promised by", "Prometido para", "Promesso per"),
    "follow_ups": ("Follow-ups", "Seguimientos", "Solleciti"),
    "state": ("State", "Estado", "Stato"),
    "cause": ("Root cause", "Causa raíz", "Causa principale"),
    "satisfaction": ("Satisfaction", "Satisfacción", "Soddisfazione"),
    "comments": ("Comments", "Comentarios", "Commenti"),
}
_UNMATCHED: Mapping[str, tuple[str, str, str]] = {
    "file": ("File", "Archivo", "File"),
    "tab": ("Tab", "Pestaña", "Scheda"),
    "cell": ("Cell", "Celda", "Cella"),
    "ticket": ("Ticket", "Ticket", "Ticket"),
    "comments": ("What was written", "Lo que se escribió", "Ciò che è stato scritto"),
}
_SUMMARY: Mapping[str, tuple[str, str, str]] = {
    "s_tab": ("Tab", "Pestaña", "Scheda"),
    "s_open": ("Open", "Abiertos", "Aperti"),
    "s_overdue": ("Overdue", "Fuera de plazo", "Fuori termine"),
    "s_closed": ("Closed", "Cerrados", "Chiusi"),
    "s_all": ("All", "Total", "Totale"),
}
_TABLE: Mapping[str, tuple[str, str, str]] = {
    "title": ("Special escalations", "Escalación de casos específicos", "Escalation di casi specifici"),
    "summary": ("Summary", "Resumen", "Riepilogo"),
    "unmatched": ("Unmatched", "Sin correspondencia", "Senza corrispondenza"),
    "total": ("Total", "Total", "Totale"),
    "functional": ("Functional", "Funcional", "Funzionale"),
    "hierarchical": ("Hierarchical", "Jerárquica", "Gerarchica"),
    "other_kind": ("Other escalations", "Otras escalaciones", "Altre escalation"),
    "urgent": ("urgent", "urgente", "urgente"),
    "open": ("open", "abierto", "aperto"),
    "overdue": ("overdue", "fuera de plazo", "fuori termine"),
    "completed": ("completed", "completado", "completato"),
    "closed": ("closed", "cerrado", "chiuso"),
    "gone": ("gone from the helpdesk", "ya no está en el sistema", "non più presente"),
    "kept": ("in time", "en plazo", "nei termini"),
    "late": ("late", "tarde", "in ritardo"),
    "happy": ("satisfied", "satisfecho", "soddisfatto"),
    "neutral": ("neutral", "neutral", "neutro"),
    "unhappy": ("unsatisfied", "insatisfecho", "insoddisfatto"),
    "suggested": ("suggested", "sugerida", "suggerita"),
    "overloaded_agent": ("overloaded agent", "agente saturado", "operatore sovraccarico"),
    "waiting_on_team": ("waiting on another team", "en espera de otro equipo", "in attesa di un altro team"),
    "promise_broken": ("promise not kept", "promesa incumplida", "promessa non mantenuta"),
    "sla_broken": ("SLA broken", "SLA incumplido", "SLA violato"),
    "agent_conduct": ("how the agent behaved", "trato del agente", "comportamento dell'operatore"),
    "agent_skill": ("the agent's skill", "preparación del agente", "preparazione dell'operatore"),
    "other": ("other", "otra", "altra"),
    "account": ("Account", "Cuenta", "Account"),
    "as_of": ("As of", "A fecha de", "Alla data di"),
    "pack": ("Pack", "Paquete", "Pacchetto"),
    "policy": ("Policy (SHA-256)", "Política (SHA-256)", "Regole (SHA-256)"),
    "source": ("Read from", "Leído de", "Letto da"),
    "period": ("Escalated between", "Escalados entre", "Escalati tra"),
    "origin": ("Where this comes from", "De dónde procede", "Da dove proviene"),
    "nothing": ("No case in this tab.", "Ningún caso en esta pestaña.", "Nessun caso in questa scheda."),
    "page": ("Page", "Página", "Pagina"),
    "how": (
        ("Write in the Comments column only (yellow). Sort and filter as you like, save, and hand the file back: your "
         "comments are taken over."),
        ("Escriba solo en la columna Comentarios (amarilla). Ordene y filtre como quiera, guarde y devuelva el "
         "archivo: sus comentarios se recogen."),
        ("Scrivere solo nella colonna Commenti (gialla). Ordinare e filtrare a piacere, salvare e restituire il "
         "file: i commenti vengono ripresi."),
    ),
    "how_unmatched": (
        ("Written by hand in a register, but in no row of a known case. Copy it to the right row; clear the cell to be "
         "rid of it."),
        ("Escrito a mano en un registro, pero en ninguna fila de un caso conocido. Cópielo a la fila que corresponda; "
         "vacíe la celda para quitarlo."),
        ("Scritto a mano in un registro, ma in nessuna riga di un caso noto. Copiarlo nella riga giusta; svuotare la "
         "cella per eliminarlo."),
    ),
}  # fmt: skip

COLUMNS = tuple(_HEADINGS)
UNMATCHED_COLUMNS = tuple(_UNMATCHED)
SUMMARY_COLUMNS = tuple(_SUMMARY)


class Words:
    """Every word of the register in one language. Raises ValueError for a language there is none of."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._at = LANGUAGES.index(language)

    def __call__(self, word: str) -> str:
        return _TABLE[word][self._at]

    def known(self, word: object) -> str:
        """A word of the records in this language; a word nobody translated stays as it is."""
        text = str(word).strip()
        told = _TABLE.get(folded(text).replace(" ", "_"))
        return told[self._at] if told else text

    def heading(self, column: str) -> str:
        """The heading of a tab's column."""
        return _HEADINGS[column][self._at]

    def unmatched_heading(self, column: str) -> str:
        """The heading of a column of the tab with what could not be matched."""
        return _UNMATCHED[column][self._at]

    def summary_heading(self, column: str) -> str:
        """The heading of a column of the summary."""
        return _SUMMARY[column][self._at]

    def follow_up(self, what: str) -> str:
        """`(2)` for `follow-up 2`, under its heading; anything else in this language, or as it is."""
        found = _FOLLOW_UP.fullmatch(what.strip())
        return f"({found[1]})" if found else self.known(what)


#: Folded heading, in any language -> column. Where two tabs use one word, the tabs of cases come first.
HEADINGS: Mapping[str, str] = {
    folded(one): column for table in (_UNMATCHED, _HEADINGS) for column, told in table.items() for one in told
}
_LONGEST_HEADING = 60
_NUMBERED = re.compile(r"(.+?) (\d+)")


def column_of(heading: str) -> str | None:
    """The column a heading names in any of the languages; `comments 2` for the second part of the comments."""
    if len(heading) > _LONGEST_HEADING:
        return None
    text = folded(heading)
    found = HEADINGS.get(text)
    if found is None and (numbered := _NUMBERED.fullmatch(text)) and HEADINGS.get(numbered[1]) == "comments":
        return f"comments {numbered[2]}"
    return found


def kind_tabs() -> Mapping[str, tuple[str, ...]]:
    """Kind of escalation -> the names its tab has in the languages."""
    return {kind: _TABLE[kind] for kind in ("functional", "hierarchical", "other_kind")}


#: Folded texts of ours that are no words of a person: title, hints, headings of the summary.
OURS = frozenset(
    folded(one)
    for told in (*_SUMMARY.values(), *(_TABLE[word] for word in ("title", "how", "nothing", "origin", "how_unmatched")))
    for one in told
)
_ORIGIN = {
    word: frozenset(folded(one) for one in _TABLE[word])
    for word in ("account", "as_of", "pack", "policy", "period", "source")
}
_VALUES = {
    "account": re.compile(r"\S+"), "pack": re.compile(r"\S+"), "policy": re.compile(r"[0-9a-f]{64}"),
    "as_of": re.compile(r"[\d: -]{16} \([\w/+-]+\)"), "period": re.compile(r"[\d: –…-]+"),
    "source": re.compile(r"SHA-256 [0-9a-f]{64}"),
}  # fmt: skip


def is_origin(what: str, value: str) -> bool:
    """Whether a line of two cells is one of those that tell where a register comes from."""
    name = folded(what)
    for word, told in _ORIGIN.items():
        named = any(name.startswith(one) for one in told) if word == "source" else name in told
        if named and _VALUES[word].fullmatch(value):
            return True
    return False
