"""Laws of phrase search that hold for any text whatever."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core._fold import Folding
from connector.core.text import PhraseIndex

PHRASES = {
    "broken": ["no funciona", "funciona el pago", "pago", "sin luz"],
    "urgent": ["urgente", "urgenza", "año", "prisa"],
    "signs": ["C++", "C#", ".NET", "24/7", "100%", "y/o", "😡", "#", "@pago"],
    "other": ["straße", "срочно", "緊急", "l'ordine", "wi-fi", "pago_total"],
}
INDEX = PhraseIndex(PHRASES)
INDEXES = [
    PhraseIndex(PHRASES, fold_enye=enye, inside_identifiers=inside)
    for enye in (False, True)
    for inside in (False, True)
]
FOLDINGS = [Folding(fold_enye=enye, inside_identifiers=inside) for enye in (False, True) for inside in (False, True)]

# Any code point at all, lone surrogates included, mixed with the pieces the phrases are made of.
anything = st.text(st.characters(), max_size=40)
latin = st.text(st.characters(max_codepoint=255), max_size=40)
WORDS = [
    "no",
    "funciona",
    "el",
    "pago",
    "urgente",
    "es",
    "è",
    "e'",
    "año",
    "an\u0303o",
    "nada",
    "sin",
    "que",
    "t",
    "isn't",
]
SIGNED = [
    "C++",
    "C",
    "24/7",
    "24",
    "/",
    "%",
    "100",
    "100%",
    ".NET",
    "😡",
    "_",
    "__pago",
    "pago_total",
    "ß",
    "ＮＯ",
    "’",
]
OTHER = ["\u00ad", "\u200b", "\u0301", "-", "‑", "\n", "\n\n", ", ", ". ", "?", "¿", ":", "\ud800", "\0", "\x01"]
pieces = st.sampled_from([*WORDS, *SIGNED, *OTHER, " ", " ", " "])
texts = st.one_of(anything, latin, st.lists(st.one_of(pieces, pieces, anything), max_size=25).map("".join))


@settings(max_examples=300, deadline=None)
@given(texts)
def test_no_text_raises_and_offsets_are_sound(text: str) -> None:
    """find() never fails; every match lies inside the text, is not empty, and holds its phrase when looked at alone."""
    for match in INDEX.find(text):
        assert 0 <= match.start < match.end <= len(text)
        alone = {(found.name, found.phrase) for found in INDEX.find(text[match.start : match.end])}
        assert (match.name, match.phrase) in alone


@settings(max_examples=300, deadline=None)
@given(texts)
def test_names_agree_with_find(text: str) -> None:
    """The fast path reports exactly the names find() reports, with every option."""
    for index in INDEXES:
        found = index.find(text)
        assert {match.name for match in found} == index.names(text)
        assert {match.name for match in found if not match.negated} == index.affirmed(text)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_words_with_places_are_the_folded_words(text: str) -> None:
    """The slow fold that knows places and the fast one that does not agree, on the Latin path and the general one."""
    for folding in FOLDINGS:
        words = folding.words(text)
        assert [word.text for word in words] == folding.fold(text).split()
        assert words == folding._words_any(text)
        assert folding.fold(text) == folding._fold_any(text)
        for side in ([word.start for word in words], [word.end for word in words]):
            assert side == sorted(side)
        assert all(0 <= word.start < word.end <= len(text) for word in words)


@settings(max_examples=200, deadline=None)
@given(texts)
def test_folding_is_stable(text: str) -> None:
    """Folding what was folded changes nothing."""
    for folding in FOLDINGS:
        folded = folding.fold(text)
        assert folded == folding.fold(folded)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(categories=["L", "N", "Z", "P"], max_codepoint=0x24F), max_size=40))
def test_normal_form_and_case_do_not_matter(text: str) -> None:
    """Composed or decomposed, the text folds to the same words; so do capitals."""
    for folding in FOLDINGS:
        folded = folding.fold(text)
        assert folded == folding.fold(unicodedata.normalize("NFD", text))
        assert folded == folding.fold(unicodedata.normalize("NFC", text))
        assert folded == folding.fold(text.casefold())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["no", "funciona", "el", "pago", "x", "urgente", "sin", "luz", "pagos"]), max_size=12))
def test_matches_are_those_of_brute_force(words: list[str]) -> None:
    """On plain words, every phrase is found at every place where its words stand in a row, and nowhere else."""
    expected = set()
    for name in ("broken", "urgent"):
        for phrase in PHRASES[name]:
            wanted = phrase.split()
            for at in range(len(words) - len(wanted) + 1):
                if words[at : at + len(wanted)] == wanted:
                    expected.add((phrase, len(" ".join([*words[:at], ""]))))
    assert expected == {(match.phrase, match.start) for match in INDEX.find(" ".join(words))}


@settings(max_examples=100, deadline=None)
@given(st.lists(anything, min_size=1, max_size=4), texts)
def test_any_phrase_is_refused_or_found_in_itself(phrases: list[str], text: str) -> None:
    """A phrase is either a PhraseError (a ValueError) or matches its own text."""
    for phrase in phrases:
        try:
            index = PhraseIndex({"rule": [phrase]})
        except ValueError:
            continue
        assert index.names(phrase) == {"rule"}
        index.find(text)


@settings(max_examples=200, deadline=None)
@given(texts, texts)
def test_other_sentences_do_not_negate(before: str, after: str) -> None:
    """Whatever stands in the paragraphs around a sentence, the sentence alone decides about negation."""
    for sentence, negated in (("Es urgente.", False), ("No es urgente.", True)):
        text = f"{before}\n\n.{sentence}\n\n.{after}"
        place = text.index(sentence, len(before))
        found = [m for m in INDEX.find(text) if m.phrase == "urgente" and place <= m.start < place + len(sentence)]
        assert [negated] == [match.negated for match in found]


PLAIN = PhraseIndex({name: PHRASES[name] for name in ("broken", "urgent")} | {"care": ["servicio técnico", "no urge"]})
SOUP = [
    "no", "non", "es", "è", "nunca", "ha", "sido", "más", "urgente", "prisa", "creo", "que", "mi", "caso", "sea", "sin",
    "nada", "ninguna", "poca", "dejó", "de", "ser", "lejos", "isn't", "né", "para", "tengo", "urgenza", "servicio",
    "técnico", "lavadora", "ya", "llamé", "por", "¿", "?", ",", ".", ": no", "\n", "_año", "pago", "luz", "a" * 120,
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(SOUP), max_size=80).map(" ".join))
def test_affirmed_agrees_with_find_however_long_the_text(text: str) -> None:
    """Looking only at a phrase's neighbourhood says what reading the whole text says: near, far and at the edges."""
    assert {match.name for match in PLAIN.find(text) if not match.negated} == PLAIN.affirmed(text)
    for folding in FOLDINGS:
        words = folding.words(text)
        assert words[3:9] == folding.words_from(text, 3, 9)
