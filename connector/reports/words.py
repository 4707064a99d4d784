"""The words of the dry-run report in its languages; what rules and reasons say stays as they said it."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "es", "it")

_TABLE: Mapping[str, tuple[str, str, str]] = {
    "title": ("What would be done", "Qué se haría", "Che cosa verrebbe fatto"),
    "subtitle": (
        "Dry run: nothing was changed.", "Simulación: no se cambió nada.", "Simulazione: nulla è stato modificato.",
    ),
    "account": ("Account", "Cuenta", "Account"),
    "as_of": ("As of", "A fecha de", "Alla data di"),
    "policy": ("Policy", "Política", "Regole"),
    "pack": ("Pack", "Paquete", "Pacchetto"),
    "data": ("Data", "Datos", "Dati"),
    "digest": ("SHA-256", "SHA-256", "SHA-256"),
    "plan": ("Plan", "Plan", "Piano"),
    "actions": ("actions", "acciones", "azioni"),
    "tickets": ("tickets touched", "tickets afectados", "ticket toccati"),
    "open": ("open tickets", "tickets abiertos", "ticket aperti"),
    "undecided": ("not decided", "sin decidir", "non decisi"),
    "unreadable": ("not readable", "ilegibles", "illeggibili"),
    "verdict": ("Guard", "Guardia", "Controllo"),
    "go": ("may go", "puede seguir", "può procedere"),
    "held": ("held", "retenido", "trattenuto"),
    "later": ("later", "después", "più tardi"),
    "now": ("now", "ahora", "adesso"),
    "exempt": ("goes on", "sigue", "prosegue"),
    "incomplete": (
        "The data was not read whole: nothing may rest on what is absent.",
        "Los datos no se leyeron completos: nada puede apoyarse en lo que falta.",
        "I dati non sono stati letti per intero: nulla può basarsi su ciò che manca.",
    ),
    "by_rule": ("By rule", "Por regla", "Per regola"),
    "rule": ("Rule", "Regla", "Regola"),
    "kind": ("Kind", "Tipo", "Tipo"),
    "place": ("Where it stands", "Dónde está", "Dove si trova"),
    "ticket": ("Ticket", "Ticket", "Ticket"),
    "subject": ("Subject", "Asunto", "Oggetto"),
    "action": ("Action", "Acción", "Azione"),
    "change": ("Change", "Cambio", "Modifica"),
    "to": ("To", "A", "A"),
    "due": ("Due since", "Pendiente desde", "Dovuta da"),
    "state": ("State", "Estado", "Stato"),
    "why": ("Why", "Por qué", "Perché"),
    "text": ("Text", "Texto", "Testo"),
    "expected": ("Expected to find", "Se espera encontrar", "Ci si aspetta di trovare"),
    "source": ("Read at", "Leído en", "Letto in"),
    "id": ("Id", "Id", "Id"),
    "every_action": ("Every action", "Cada acción", "Ogni azione"),
    "nothing": ("Nothing is to be done.", "No hay nada que hacer.", "Non c'è nulla da fare."),
    "not_decided": (
        "Not decided, because a fact is not known", "Sin decidir, porque falta un dato",
        "Non deciso, perché manca un dato",
    ),
    "not_readable": ("Rows that could not be read", "Filas que no se pudieron leer", "Righe che non si leggono"),
    "problem": ("Problem", "Problema", "Problema"),
    "count": ("Number", "Cantidad", "Numero"),
    "example": ("For example", "Por ejemplo", "Per esempio"),
    "more": ("more, in the JSON form", "más, en la forma JSON", "altri, nella forma JSON"),
    "set": ("set", "fijar", "imposta"),
    "toggle": ("keep alive", "mantener vivo", "mantieni vivo"),
    "assign": ("assign", "asignar", "assegna"),
    "note": ("private note", "nota privada", "nota privata"),
    "reply": ("reply to the customer", "respuesta al cliente", "risposta al cliente"),
    "create": ("new ticket", "ticket nuevo", "nuovo ticket"),
    "notify": ("notify", "avisar", "avvisa"),
    "register": ("register", "registrar", "registra"),
    "none": ("(none)", "(ninguno)", "(nessuno)"),
    "evidence": (
        "The same data, policy and instant give this very document, byte for byte.",
        "Los mismos datos, política e instante dan este mismo documento, byte por byte.",
        "Gli stessi dati, regole e istante danno questo stesso documento, byte per byte.",
    ),
}  # fmt: skip


def words(language: str) -> dict[str, str]:
    """Every word of the report in one language. Raises ValueError for a language there is none of."""
    column = LANGUAGES.index(language)
    return {key: told[column] for key, told in _TABLE.items()}
