"""Stars, tildes and exceptions in phrases; letters typed three times; what is quoted or only supposed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core._loose import sample
from connector.core.text import Match, PhraseError, PhraseIndex


def found(phrases: list[str], text: str) -> list[str]:
    """What stands where the phrases are found and count."""
    return [text[match.start : match.end] for match in PhraseIndex({"r": phrases}).find(text) if not match.negated]


@pytest.mark.parametrize(
    ("phrase", "text", "shown"),
    [
        ("demand*", "los DEMANDARÉ mañana", ["DEMANDARÉ"]),
        ("demand*", "demanda, demandas", ["demanda", "demandas"]),
        ("demand*", "una codemanda", []),
        ("acci* legal*", "acciones legales ya", ["acciones legales"]),
        ("acci* legal*", "acción muy legal", []),
        ("indemnización*", "INDEMNIZACIONES", ["INDEMNIZACIONES"]),
        ("l'avvocat*", "sento l’avvocato", ["l’avvocato"]),
        ("no ~ funcion*", "no funciona", ["no funciona"]),
        ("no ~ funcion*", "ya no me ha vuelto a funcionar bien", ["no me ha vuelto a funcionar"]),
        ("no ~ funcion*", "no me ha vuelto nunca a funcionar", []),
        ("no ~ funcion*", "no, gracias, funciona", []),
        ("no ~ funcion*", "no llamé y funciona", []),
        ("no ~ funcion*", "No. No funciona", ["No funciona"]),
        ("pieza* ~ no ~ lleg*", "la pieza que falta no ha llegado", []),
        ("pieza* ~ no ~ lleg*", "las piezas aún no me llegan", ["piezas aún no me llegan"]),
    ],
)
def test_stars_and_tildes(phrase: str, text: str, shown: list[str]) -> None:
    """A star is any ending of its word, a tilde up to four words of the same clause; places are of the original."""
    assert shown == found([phrase], text)


@pytest.mark.parametrize("phrase", ["ur*", "a b*", "~ funciona", "no ~", "no ~ ~ funciona", "C++ demand*", "😡 ~ mal"])
def test_what_can_mean_nothing_is_refused(phrase: str) -> None:
    """Stems of one or two letters, tildes at an end, signs beside either: errors that name the phrase."""
    with pytest.raises(PhraseError) as caught:
        PhraseIndex({"words": [phrase]})
    assert repr(phrase) in str(caught.value)


def test_exceptions_take_away() -> None:
    """What shares a word with an exception does not count, for its own name only; it is shown with its reason."""
    index = PhraseIndex({"legal": ["demand*", "-alta demanda"], "trade": ["demanda"]})
    text = "por la alta demanda no demando"
    assert [("demand*", "excepted"), ("demanda", None), ("demand*", "denied")] == [
        (match.phrase, match.because) for match in index.find(text)
    ]
    assert index.affirmed(text) == {"trade"}
    assert index.names(text) == {"legal", "trade"}
    with pytest.raises(PhraseError, match="minus"):
        PhraseIndex({"legal": ["-alta demanda"]})


@pytest.mark.parametrize(
    ("phrase", "text", "shown"),
    [
        ("urgente", "URGENTEEE!!", ["URGENTEEE"]),
        ("urgente", "urgeeente", ["urgeeente"]),
        ("urgente", "nooo es urgenteee", []),
        ("no ~ funcion*", "nooo funcionaaa", ["nooo funcionaaa"]),
        ("caro", "urgenteee, un carro", []),
        ("www", "www", ["www"]),
        ("xxx", "x", []),
    ],
)
def test_letters_typed_three_times(phrase: str, text: str, shown: list[str]) -> None:
    """Three or more of a letter stand for one; in such a word, and in no other, two may stand for one as well."""
    assert shown == found([phrase], text)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("no es urgente", "denied"),
        ("Si es urgente llame al 01 800", "supposed"),
        ("si no me llaman, es urgente", None),
        ("no sé si es urgente", None),
        ("Se è urgente chiamate", "supposed"),
        ("la mia si è urgente", None),
        ("En caso de algo urgente, marque 1", "supposed"),
        ("Gracias.\n> es urgente\nSaludos", "quoted"),
        ("Gracias.\n\nEl lun., Soporte escribió:\n> es urgente", "quoted"),
        ("Gracias.\n\nEl lun., Soporte escribió:\nes urgente", "quoted"),
        ("Ok.\n-----Mensaje original-----\nes urgente", "quoted"),
        ("> es urgente", None),
        ("-----Mensaje reenviado-----\nes urgente", None),
        ("El lun., Soporte escribió:\n> hola\nes urgente", None),
    ],
)
def test_why_a_match_does_not_count(text: str, because: str | None) -> None:
    """Denied, only supposed, or quoted above or below what is said; a text that is nothing but a quotation is said."""
    index = PhraseIndex({"r": ["urgente"]})
    (match,) = index.find(text)
    at = text.index("urgente")
    assert (because, Match("r", "urgente", at, at + 7, negated=because is not None)) == (match.because, match)
    assert bool(index.affirmed(text)) == (because is None)


_LISTS = {
    "a": ["urgen*", "no ~ funcion*", "-no ~ urgencias", "c++"],
    "b": ["es urgente", "funciona", "demand* ~ ustedes", "-demandar a ustedes"],
}
_SOUP = ["no", "nooo", "es", "urgente", "URGENTEEE", "urgencias", "funciona", "funcionaaa", "me", "ha", "demandar", "a",
    "ustedes", "si", "en caso de", ",", ".", "\n", "\n> ", "y", "c++", "😡", "que", "señor"]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(_SOUP), max_size=30).map(" ".join))
def test_the_fast_ways_agree_with_find(text: str) -> None:
    """names() and affirmed() say what find() says; every place lies inside the text and is not empty."""
    index = PhraseIndex(_LISTS)
    matches = index.find(text)
    assert {match.name for match in matches} == index.names(text)
    assert {match.name for match in matches if not match.negated} == index.affirmed(text)
    assert all(0 <= match.start < match.end <= len(text) for match in matches)


@pytest.mark.parametrize("phrase", ["demand*", "no ~ funcion*", "-alta demanda", "plain words"])
def test_a_sample_holds_its_phrase_and_no_narrower_one(phrase: str) -> None:
    """The text that stands for a phrase in lint is found by it, and not by a phrase that asks for more."""
    assert found([phrase.removeprefix("-")], sample(phrase))
    assert not found(
        ["demanda", "demandar", "no funcion*", "no ~ funciona"], sample(phrase).replace("alta demanda", "")
    )
