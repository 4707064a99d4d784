"""The shipped lists beside another author's stems, on another author's tickets (`labelled/judged_*.tsv`)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from connector.core.text import PhraseIndex

_HERE = Path(__file__).parent / "labelled"
_MAPPINGS = Path(__file__).parents[3] / "mappings"

#: Label -> (pack, lists that a rule asks together), and the author's stems: a regular expression on folded text.
LABELS = {
    "spanish": {
        "R": ("appliance-mx", ("regulador",), r"profeco|sernac|consumidor|omic\b|procuraduria|regulador|\bsec\b"),
        "L": (
            "appliance-mx",
            ("accion-legal",),
            r"demand|abogad|legal|indemni|denunci|compens|judicial|tribunal",
        ),
        "I": (
            "appliance-mx",
            ("lesion-o-dano",),
            r"lesion|herid|quem|lastim|explot|incendi|\bdano|intoxic|inund",
        ),
        "S": ("appliance-mx", ("pide-supervisor",), r"supervisor|gerente|encargad|responsabl|superior|\bjefe"),
        "U": ("appliance-mx", ("urgencia",), r"\burg|emergencia|inmediat|prisa"),
        "P": ("appliance-mx", ("sin-piezas",), r"piezas|refaccion|repuesto|recambio"),
        "G": ("appliance-mx", ("sin-diagnostico",), r"diagnostic"),
        "T": ("appliance-mx", ("sin-guia",), r"\bguia|etiqueta"),
        "D": ("appliance-mx", ("llego-con-dano",), r"danad|golpead|\brot[ao]|rayad|aboll|quebrad"),
        "V": (
            "appliance-mx",
            ("devuelta-sin-reparar",),
            r"sin repar|sin arregl|misma falla|mismo problema|sigue igual|regres\w+ igual",
        ),
        "N": (
            "appliance-mx",
            ("no-funciona",),
            r"no funcion|no sirve|no prende|no enciende|descompuest|averi|estrope",
        ),
        "X": (
            "gas-utility-cl",
            ("insistencia", "sin-respuesta", "inconforme-respuesta"),
            r"reclam|insist|reiter|sin respuesta|otra vez|nadie",
        ),
        "Q": ("saas-vendor", ("queja-publica",), r"redes|facebook|twitter|tiktok|instagram|prensa|resena|viral"),
        "B": ("saas-vendor", ("finanzas",), r"factur|cobr|cargo|pago|reembols|boleta"),
    },
    "italian": {
        "R": ("four-levels", ("autorita",), r"codacons|antitrust|consumator|agcm|regolator"),
        "L": ("four-levels", ("vie-legali",), r"avvocat|legal|risarci|denunci|causa|indennizz|tribunal"),
        "I": ("four-levels", ("lesione",), r"ustion|ferit|brucia|fuoco|danni|allag|scossa|fatt\w male"),
        "S": ("four-levels", ("chiede-supervisore",), r"supervisor|responsabile|superiore|direttore|\bcapo"),
        "U": ("four-levels", ("urgenza",), r"\burg|emergenz|fretta|al piu presto"),
        "N": ("four-levels", ("tema-tecnico",), r"guast|non funzion|non si accend|\brott[oa]"),
        "X": ("four-levels", ("insistenza",), r"reclam|sollecit|risposta|volta"),
        "Q": (
            "four-levels",
            ("reclamo-pubblico", "stampa"),
            r"social|facebook|instagram|recension|giornal|stampa",
        ),
        "B": ("four-levels", ("tema-amministrativo",), r"fattur|addebit|rimbors|bollett"),
    },
}
CASES = [(language, label) for language, labels in LABELS.items() for label in labels]


@cache
def tickets(language: str) -> tuple[tuple[frozenset[str], str], ...]:
    """All tickets of a language with their labels."""
    lines = (_HERE / f"judged_{language}.tsv").read_text(encoding="utf-8").splitlines()
    split = [line.split("\t") for line in lines]
    return tuple((frozenset(labels.split(",")), text.replace("\\n", "\n")) for labels, text in split)


@cache
def ours(language: str, label: str) -> Callable[[str], bool]:
    """Whether the lists of a label find it in a text, un-negated."""
    pack, names, _ = LABELS[language][label]
    lists = yaml.safe_load((_MAPPINGS / pack / "phrases.yaml").read_text("utf-8"))["phrases"]
    index = PhraseIndex({label: [phrase for name in names for phrase in lists[name]]})
    return lambda text: bool(index.affirmed(text))


def stems(language: str, label: str) -> Callable[[str], bool]:
    """Whether the stems of a label stand in a text, whatever its case and accents."""
    pattern = re.compile(LABELS[language][label][2])
    return lambda text: bool(pattern.search("".join(_plain(text))))


def _plain(text: str) -> Iterator[str]:
    return (char for char in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(char))


def figures(found: Callable[[str], bool], language: str, label: str) -> tuple[float, float]:
    """Precision and recall."""
    marks = [(label in labels, found(text)) for labels, text in tickets(language)]
    right = marks.count((True, True))
    return right / max(1, right + marks.count((False, True))), right / (right + marks.count((True, False)))


@pytest.mark.parametrize(("language", "label"), CASES)
def test_at_least_as_good_as_the_judges_stems(language: str, label: str) -> None:
    """Precision and recall of the lists reach those of the stems."""
    precision, recall = figures(ours(language, label), language, label)
    least_precision, least_recall = figures(stems(language, label), language, label)
    assert precision >= least_precision
    assert recall >= least_recall


@pytest.mark.parametrize("language", list(LABELS))
def test_no_denied_urgency_counts(language: str) -> None:
    """A text that denies urgency is never urgent."""
    denying = [text for labels, text in tickets(language) if "-u" in labels]
    assert len(denying) >= 10
    assert [text for text in denying if ours(language, "U")(text)] == []
