"""The phrase lists of the shipped packs beside a naive list of stems, on labelled Spanish and Italian tickets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from connector.core.text import PhraseIndex

_HERE = Path(__file__).parent / "labelled"
_MAPPINGS = Path(__file__).parents[3] / "mappings"

#: Label -> the lists (pack, name) that are about it.
LISTS: Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]] = {
    "spanish": {
        "R": (("appliance-mx", "regulador"),),
        "L": (("appliance-mx", "accion-legal"),),
        "I": (("appliance-mx", "lesion-o-dano"),),
        "U": (("appliance-mx", "urgencia"),),
        "S": (("appliance-mx", "pide-supervisor"),),
        "N": (("appliance-mx", "no-funciona"),),
        "P": (("appliance-mx", "sin-piezas"),),
        "D": (("appliance-mx", "llego-con-dano"),),
        "Q": (("saas-vendor", "queja-publica"),),
        "X": (("gas-utility-cl", "insistencia"), ("gas-utility-cl", "sin-respuesta")),
    },
    "italian": {
        "R": (("four-levels", "autorita"),),
        "L": (("four-levels", "vie-legali"),),
        "I": (("four-levels", "lesione"),),
        "U": (("four-levels", "urgenza"),),
        "S": (("four-levels", "chiede-supervisore"),),
        "N": (("four-levels", "tema-tecnico"),),
        "Q": (("four-levels", "reclamo-pubblico"), ("four-levels", "stampa")),
        "X": (("four-levels", "insistenza"),),
    },
}
#: What somebody would write who thinks of stems only.
STEMS = {
    "spanish": {
        "R": "profeco|sernac|procuradur*|consumidor*|regulador*|condusef",
        "L": "demand*|abogad*|denunci*|legal*|indemniz*|compens*|juici*",
        "I": "lesion*|herid*|quem*|lastim*|descarga*|explot*|incendi*|humo",
        "U": "urg*|emergencia*|inmediat*|antes posible|cuanto antes",
        "S": "supervisor*|gerente*|jefe*|encargad*|superior*|responsable*",
        "N": "no funcion*|no sirv*|no prend*|no enciend*|descompuest*|fall*|averi*|no arranc*|no calient*",
        "P": "pieza*|refaccion*|repuesto*",
        "D": "dañad*|golpead*|roto*|rota*|rayad*|abollad*",
        "Q": "publi*|redes*|twitter|facebook|instagram|tiktok|reseña*|viral*|prensa|noticiero*|estafa*|vergüenza",
        "X": "segunda vez|tercera vez|otra vez|de nuevo|insist*|reiter*|nuevamente|reclamo anterior",
    },
    "italian": {
        "R": "agcm|antitrust|codacons|altroconsumo|consumator*|consob|garante|associazion*|autorit*",
        "L": "avvocat*|legal*|denunc*|querel*|risarc*|tribunal*|causa",
        "I": "ferit*|ustion*|bruciat*|scossa|lesion*|incendi*|fumo|esplos*|infortun*",
        "U": "urg*|subito|immediat*|prima possibile|emergenz*",
        "S": "responsabil*|supervisor*|superior*|capo|dirigent*|direttor*",
        "N": "non funzion*|guast*|rott*|non si accend*|non parte|non scald*|difett*|in panne",
        "Q": "social|recension*|pubblic*|giornal*|facebook|striscia",
        "X": "second* volta|terza volta|di nuovo|ancora|reclam*|sollecit*",
    },
}
CASES = [(language, label) for language, labels in LISTS.items() for label in labels]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One labelled ticket; `held_out` where lists are never improved by it."""

    labels: frozenset[str]
    text: str
    held_out: bool


@dataclass(frozen=True, slots=True)
class Score:
    """Texts found rightly, wrongly, and missed."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of what was found that is right; 1 where nothing was found."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of what there is that was found."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


@cache
def tickets(language: str) -> tuple[Labelled, ...]:
    """All labelled tickets of a language."""
    lines = (_HERE / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    split = [line.split("\t") for line in lines]
    return tuple(
        Labelled(frozenset(labels.split(",")), text.replace("\\n", "\n"), number % 3 == 2)
        for number, (labels, text) in enumerate(split)
    )


@cache
def _pack_lists(pack: str) -> dict[str, list[str]]:
    read: dict[str, dict[str, list[str]]] = yaml.safe_load((_MAPPINGS / pack / "phrases.yaml").read_text("utf-8"))
    return read["phrases"]


def matcher(language: str, label: str) -> Callable[[str], bool]:
    """Whether the packs' lists of a label find it in a text, un-negated."""
    phrases = [phrase for pack, name in LISTS[language][label] for phrase in _pack_lists(pack)[name]]
    index = PhraseIndex({label: phrases})
    return lambda text: bool(index.affirmed(text))


def naive(language: str, label: str) -> Callable[[str], bool]:
    """The stems of a label as a regular expression."""
    parts = (re.escape(stem).replace(r"\*", r"\w*") for stem in STEMS[language][label].split("|"))
    pattern = re.compile(rf"\b(?:{'|'.join(parts)})\b", re.IGNORECASE)
    return lambda text: bool(pattern.search(text))


def score(found: Callable[[str], bool], language: str, label: str, *, held_out: bool) -> Score:
    """How well a label is found in one part of a language's tickets."""
    part = [one for one in tickets(language) if one.held_out == held_out]
    marks = [(label in one.labels, found(one.text)) for one in part]
    return Score(marks.count((True, True)), marks.count((False, True)), marks.count((True, False)))


@pytest.mark.parametrize("held_out", [False, True], ids=["looked at", "held out"])
@pytest.mark.parametrize(("language", "label"), CASES)
def test_at_least_as_good_as_stems(language: str, label: str, *, held_out: bool) -> None:
    """Of each label the packs' lists find at least the share that stems find, and at least as much of it is right."""
    ours = score(matcher(language, label), language, label, held_out=held_out)
    stems = score(naive(language, label), language, label, held_out=held_out)
    assert ours.right + ours.missed > 0
    assert ours.precision >= stems.precision, (ours, stems)
    assert ours.recall >= stems.recall, (ours, stems)


@pytest.mark.parametrize("language", list(LISTS))
def test_negated_urgency_never_counts(language: str) -> None:
    """A text that says that it is not urgent is not urgent; stems take nearly all of them for urgent."""
    denying = [one.text for one in tickets(language) if "-u" in one.labels]
    assert len(denying) >= 15
    assert [text for text in denying if matcher(language, "U")(text)] == []
    assert sum(naive(language, "U")(text) for text in denying) > len(denying) / 2


def test_the_corpus_is_large_and_mixed() -> None:
    """At least 300 Spanish and 150 Italian tickets, a third of them held out, many of them without any label."""
    for language, least in (("spanish", 300), ("italian", 150)):
        found = tickets(language)
        assert len(found) >= least
        assert len({one.text for one in found}) == len(found)
        assert sum(one.held_out for one in found) == len(found) // 3
        assert sum(one.labels <= {"-", "-u"} for one in found) >= len(found) // 5
