"""What folds together in a phrase search, what stays apart, and where in the text a match is."""

import pytest

from connector.core.text import Match, PhraseError, PhraseIndex
from connector.errors import ConfigurationError


def matches(phrase: str, text: str, **options: bool) -> bool:
    """Whether the phrase is found, by find() and by names() alike."""
    index = PhraseIndex({"rule": [phrase]}, **options)
    found = bool(index.find(text))
    assert found == bool(index.names(text))
    return found


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("no funciona", "No  funciona."),
        ("no funciona", "NO\nFUNCIONA!!"),
        ("no funciona", "no\u00a0funciona"),
        ("no funciona", "no funcio\u200bna"),
        ("no funciona", "no fun\u00adciona"),
        ("no funciona", "\ufeffno funciona"),
        ("no funciona", "no\u2003funciona"),
        ("no funciona", "«no funciona»"),
        ("¡No funciona!", "no funciona"),
        ("facturación", "FACTURACION pendiente"),
        ("facturación", "la facturacio\u0301n"),
        ("facturacio\u0301n", "la facturación"),
        ("año", "un AÑO"),
        ("año", "un an\u0303o"),
        ("AN\u0303O", "un año"),
        ("C++", "uso C++ aquí"),
        ("C++", "uso c++."),
        ("C++", "(C++)"),
        ("C++", "C/C++, Java"),
        ("c#", "uso C# aquí"),
        (".NET", "la versión .net 8"),
        (".NET", ".NET"),
        ("24/7", "soporte 24/7."),
        ("24/7", "soporte 24 / 7"),
        ("100%", "al 100%!"),
        ("100%", "al 100 %"),
        ("y/o", "pieza y/o guía"),
        ("AT&T", "con at&t"),
        ("@tienda", "hola @Tienda!"),
        ("😡", "pésimo 😡😡"),
        ("❤️", "gracias ❤"),
        ("perché", "PERCHE' non"),
        ("perché", "perchè"),
        ("perche'", "perché"),
        ("l'ordine", "L’ordine 5"),
        ("l'ordine", "l`ordine"),
        ("l'ordine", "lʼordine"),
        ("wi-fi", "WI‑FI"),
        ("wi-fi", "wi–fi"),
        ("wi-fi", "wi fi"),
        ("STRASSE", "straße"),
        ("straße", "STRASSE"),
        ("café", "ＣＡＦÉ"),
        ("oeuvre", "ŒUVRE"),
        ("lodz", "Łódź"),
        ("istanbul", "İSTANBUL"),
        ("oficina", "oﬁcina"),
        ("urgente", "𝐮𝐫𝐠𝐞𝐧𝐭𝐞"),
        ("urgente", "_urgente_ y __urgente__"),
        ("urgente", "*urgente*"),
        ("urgente", "#urgente"),
        ("pago", "¿pago?"),
        ("pago", "un😀pago😀aquí"),
        ("marca", "Marca™"),
        ("срочно", "СРОЧНО!"),
        ("ёлка", "елка"),
        ("επειγον", "ΕΠΕΊΓΟΝ"),
        ("عاجل", "عَاجِل"),
        ("緊急", "「緊急」"),
        ("ガ", "カ\u3099"),
    ],
)
def test_found(phrase: str, text: str) -> None:
    """Case, accents, width, spacing, punctuation and invisible characters do not matter."""
    assert matches(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("no funciona", "no funcionaba"),
        ("no funciona", "no me funciona"),
        ("año", "ano"),
        ("ano", "año"),
        ("ano", "an\u0303o"),
        ("caña", "cana"),
        ("C++", "uso C aquí"),
        ("C++", "C++11"),
        ("C++", "C+++"),
        ("C#", "uso C aquí"),
        (".NET", "la net"),
        (".NET", "fin.net"),
        (".NET", "Fin. Net"),
        ("24/7", "el 24 7"),
        ("24/7", "124/7"),
        ("24/7", "24/71"),
        ("100%", "100"),
        ("100%", "1100%"),
        ("y/o", "y o"),
        ("@tienda", "yo@tienda.mx"),
        ("😡", "😀"),
        ("pago", "pago_total"),
        ("pago", "mi_pago"),
        ("pago", "pagos"),
        ("pago", "prepago"),
        ("pago", "pago2"),
        ("no", "pedido nº 5"),
        ("no", "№ 5"),
        ("カ", "ガ"),
        ("緊急", "緊急時"),
    ],
)
def test_not_found(phrase: str, text: str) -> None:
    """Other words, ñ against n, signs that make another word, and parts of identifiers are not matches."""
    assert not matches(phrase, text)


def test_options() -> None:
    """Each option lifts exactly its own rule, for phrases and texts alike."""
    assert matches("año", "ano", fold_enye=True)
    assert matches("ano", "an\u0303o", fold_enye=True)
    assert matches("pago", "pago_total", inside_identifiers=True)
    assert matches("pago_total", "pago total", inside_identifiers=True)
    assert not matches("pago", "pago_total", fold_enye=True)
    assert matches("pago_total", "el campo PAGO_TOTAL")


def test_overlapping_phrases_are_all_found() -> None:
    """Phrases inside and across each other are all reported, by start, then end."""
    index = PhraseIndex({"a": ["pago", "no funciona"], "b": ["funciona el pago"]})
    assert [
        Match("a", "no funciona", 0, 11, negated=False),
        Match("b", "funciona el pago", 3, 19, negated=True),
        Match("a", "pago", 15, 19, negated=False),
    ] == index.find("no funciona el pago")
    assert len(index) == 3


@pytest.mark.parametrize(
    ("phrase", "text", "shown"),
    [
        ("facturación", "la FACTURACIO\u0301N, ya", "FACTURACIO\u0301N"),
        ("café", "un ＣＡＦÉ.", "ＣＡＦÉ"),
        ("cafe", "un cafe\u0301\u0323 bueno", "cafe\u0301\u0323"),
        ("no funciona", "¡No\n\t funcio\u200bna!", "No\n\t funcio\u200bna"),
        ("strasse", "in der Straße 5", "Straße"),
        ("C++", "uso (C++) aquí", "C++"),
        ("100%", "al 100 %.", "100 %"),
        ("24/7", "😀 soporte 24 / 7", "24 / 7"),
        (".net", "hola .NET!", ".NET"),
        ("urgente", "es __urgente__", "urgente"),
        ("año", "un an\u0303o", "an\u0303o"),
        ("ordine", "l’ordine 5", "ordine"),
        ("😡", "qué 😡!", "😡"),
    ],
)
def test_offsets_are_of_the_original_text(phrase: str, text: str, shown: str) -> None:
    """text[start:end] is what the customer wrote, accents and invisible characters included."""
    (match,) = PhraseIndex({"rule": [phrase]}).find(text)
    assert text[match.start : match.end] == shown


def test_names_and_affirmed() -> None:
    """names() reports all names found, affirmed() those with a match that is not negated."""
    index = PhraseIndex({"urgent": ["urgente", "emergencia"], "broken": ["no funciona"], "lang": ["C++"]})
    text = "no es urgente, no funciona mi C++"
    assert index.names(text) == {"urgent", "broken", "lang"}
    assert index.affirmed(text) == {"broken", "lang"}
    assert index.affirmed("no es urgente, es una emergencia") == {"urgent"}
    assert index.names("nada") == frozenset()


def test_same_phrase_under_two_names_and_twice_under_one() -> None:
    """Both names are reported; spellings of one name that fold together are one phrase, the first."""
    index = PhraseIndex({"a": ["perché", "perche'"], "b": ["PERCHÉ"]})
    assert [(match.name, match.phrase) for match in index.find("perchè")] == [("a", "perché"), ("b", "PERCHÉ")]


def test_signed_phrase_can_be_negated() -> None:
    """Phrases with signs follow the same negation rule; an emoji alone is never negated."""
    assert [match.negated for match in PhraseIndex({"r": ["24/7"]}).find("no es 24/7")] == [True]
    assert [match.negated for match in PhraseIndex({"r": ["24/7"]}).find("no funciona, 24/7")] == [False]
    assert [match.negated for match in PhraseIndex({"r": ["😡"]}).find("no 😡")] == [False]


@pytest.mark.parametrize("phrase", ["", "   ", "...", "¿?", "\u200b", "-", "\u0301", "__", "'"])
def test_phrase_that_could_never_be_found_is_refused(phrase: str) -> None:
    """A phrase without letter, digit or meaningful sign is an error that names it and its list."""
    with pytest.raises(PhraseError) as caught:
        PhraseIndex({"greetings": ["hola", phrase]})
    assert repr(phrase) in str(caught.value)
    assert "'greetings'" in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, ConfigurationError)


@pytest.mark.parametrize("listed", ["no funciona", [5], [None], [False]])
def test_phrases_of_the_wrong_type_are_refused(listed: object) -> None:
    """A bare text instead of a list, and YAML's numbers and booleans, are errors instead of odd matches."""
    with pytest.raises(PhraseError, match="'words'"):
        PhraseIndex({"words": listed})  # type: ignore[dict-item]


def test_empty_index_finds_nothing() -> None:
    """No phrases, no matches, no error."""
    for index in (PhraseIndex({}), PhraseIndex({"none": []})):
        assert index.find("no funciona") == []
        assert index.names("no funciona") == frozenset()
        assert len(index) == 0
