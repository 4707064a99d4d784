"""When a text denies a phrase: a small rule over word tables, for Spanish, Italian and English together.

From the phrase the rule walks left, word by word, at most _WINDOW words and never over punctuation. It may step only
over words listed here, which carry no content of their own (copulas, "have", "need", "I think", adverbs, articles,
pronouns); any other word ends the walk, because then the negator belongs to that word: in "no funciona es urgente" it
is the machine that is denied. If the walk meets a negator, the phrase is negated. Unsure means not negated: a missed
escalation costs more than one too many. Tables hold folded words; docs/text-matching.md has examples of each case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from connector.core._fold import Word

_WINDOW: Final = 8


def _table(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Negators by themselves. The plain ones cancel each other when one rules the other ("no es que no sea urgente").
_PLAIN: Final = _table("""
    no non not noo nooo noooo nn tampoco cannot isnt arent wasnt werent dont doesnt didnt wont cant couldnt wouldnt
    shouldnt hasnt havent hadnt aint
    """)
_NEGATORS: Final = _PLAIN | _table("""
    nunca jamas never ni nor neither sin senza without ningun ninguna ningunas nessun nessuna neanche nemmeno neppure
    mica mai hardly scarcely
    """)
# Nothing and nobody deny by themselves at the start of a clause or after a verb listed here ("para nada urgente", "es
# nada urgente"), but are the object of any other verb ("no sirve para nada urgente", typed without its comma).
_NOTHING: Final = _table("nada nadie ninguno ningunos nessuno niente nulla nothing nobody none")
_NO_ONE: Final = _table("ninguna ningunas nessuna")  # the same when a verb follows: "ninguna es urgente"
_WITHOUT: Final = _table("sin senza without")
_ENDED: Final = frozenset([("dejo", "de"), ("dejado", "de"), ("lejos", "de"), ("far", "from")])  # "dejo de ser urgente"
_LACKS: Final = frozenset([("en", "absoluto"), ("privo", "di"), ("priva", "di"), ("altro", "che")])  # "tutt'altro che"
_LITTLE: Final = _table("poco poca pocas pochissima pochissimo little")  # "poca prisa", but "un poco urgente"
_CONTRACTED: Final = _table("isn aren wasn weren don doesn didn won can couldn wouldn shouldn hasn haven hadn ain")
_EVER: Final = _table("nunca jamas never mai")
_INTENSE: Final = _table("mas piu more tan cosi so tanto")  # "nunca ha sido tan urgente" means very urgent
_AFTER_EVER: Final = _table("que quanto come se piu como than ever che")  # "mas que nunca", "quanto mai", "come mai"

# Words the walk steps over. Finite verbs of these kinds may not stand side by side unless "que/che/that" links them.
_COPULA: Final = _table("""
    es era eran son fue fueron sea sean seria serian fuera fuese sera seran soy somos esta estan estaba estaban estuvo
    estoy estamos siano sia sono sara sarebbe sarebbero erano fosse sta is are was were am s re m trata tratta
    """)
_HAVE: Final = _table("""
    corra percibo percibimos detecto detectamos detecta noto notamos percibe ravviso he ha han hemos has habia habian
    habra haya hay hubo sufri sufrio sufrimos hubiera hubiese tengo tiene tienen tengan teniendo avendo having tenemos
    tenia tenga tuve teniamos corre corren corria lleva llevo llevamos existe presenta reviste representa supone
    constituye da ho abbiamo hanno avevo aveva abbia have had got ve
    """)
_NEED: Final = _table("""
    busco busca buscan buscamos cerco cerchiamo pretendo pretendemos amerite requiera requieran necesite merezca
    merita richieda amerita ameritan ocupo ocupamos necesito necesita necesitamos necesitan requiero requiere
    requerimos requieren preciso precisa precisamos pido pedimos solicito solicitamos exijo exigimos quiero queremos
    quisiera deseo deseamos urge serve servono occorre occorrono bisogna richiedo richiede richiediamo chiedo
    chiediamo voglio vogliamo vorrei necessita necessito need needs needed require requires want
    """)
_OPINION: Final = _table("""
    tomen tome tomes tomeis consideren considere consideres clasifiquen manejen considerate considerateli
    consideratelo consideratela prendete prendetelo prendetela pondria digan digas diga dite dicano hablamos hablo
    parliamo parlo pongo catalogaria clasificaria clasifico saying marquen marque mark treat definirei definiria creo
    creemos creia pienso pensamos pensaba considero consideramos consideraria veo vemos diria diriamos digo dije
    decimos estimo siento opino juzgo parece parecen parecia parezca resulta resulto hace credo crediamo credevo penso
    pensiamo pensavo ritengo riteniamo direi dico vedo reputo trovo sembra sembrano sembrava pare risulta think
    believe consider say said call find feel feels suppose seem seems look looks sound sounds
    """)
_MODAL: Final = _table("""
    puede pueden podria podrian puedo podemos debe deben deberia deberian debo suele suelo puo possono posso possiamo
    potete deve devono devo dovete dovrebbe potrebbe intendo planeo could should would will must may might
    """)
# How something came: "no llegó dañada"; only before a participle, since in "no llegó urgente" it is the parcel.
_CAME: Final = _table("""
    llega llegan llego llegaron viene vienen vino vinieron venia venian regreso regresaron salio salieron resulto
    resultaron quedo
    """)
_PARTICIPLES: Final = tuple(f"{end}{s}" for end in ("ado", "ada", "ido", "ida", "oto", "ota") for s in ("", "s"))
# Going: only before where to: "no va a ser urgente", "no voy a demandar", "non vado dall'avvocato".
_GO: Final = _table("voy vamos va van iba vaya vayan ire iremos going vado andiamo vanno andro andremo andrei rivolgo")
_TO: Final = _table("a to al ad ai alla all da dal dalla dall con")
_INFINITE: Final = _table("""
    habido considerare considerarsi dicho diciendo detto marcar marcarlo marcarla ser siendo sido estar estado essere
    stato stata stati be been being
    """)
# What somebody is asked to do, where a need or a wish denies it: "no hace falta que vengan con urgencia"; what they
# can't do is a complaint: "no pueden venir de inmediato".
_ACTION: Final = _table("""
    contestar responder venir atender llamar enviar mandar resolver arreglar reparar acudir tratar tratarlo contesten
    conteste respondan responda vengan venga atiendan atienda llamen llame envien envie manden mande resuelvan resuelva
    arreglen reparen acudan traten den rispondere venire intervenire richiamare chiamare agire inviare rispondiate
    veniate interveniate rispondano vengano intervengano pase pases pasen paseis pasarme comunique comuniquen transfiera
    transfieran passi passate passarmi
    """)
# Taking a step: "no pienso tomar acciones legales", "non intendo intraprendere azioni legali".
_STEP: Final = _table("""
    tomar emprender iniciar interponer presentar ejercer prendere intraprendere avviare iniziare presentare take
    taking
    """)
_CAN: Final = _table("puede pueden podria podrian puedo podemos puo possono posso possiamo potete can could") | _GO
_NEED_NOUN: Final = _table(
    "intencion intenzione intention falta necesario necesaria necesidad bisogno necessario necessaria necessary"
)
# Nouns that only carry an adjective. Topics need a copula or a need to be denied ("no es un tema urgente"), requests a
# need ("no necesito respuesta urgente"; in "sin respuesta urgente" it is the answer that is missing).
_TOPIC: Final = _table("""
    tema temas solicitud request richiesta segnalazione pratica caso casos asunto asuntos cosa cosas cuestion
    situacion problema motivo accion acciones azione azioni pregunta consulta questione situazione domanda matter
    issue case thing problem question situation
    """)
_REQUEST: Final = _table("""
    respuesta atencion solucion revision visita llamada ayuda gestion asistencia intervencion reparacion risposta
    intervento assistenza soluzione riparazione chiamata aiuto reply response help attention action answer visit repair
    con with
    """)
_LINK: Final = _table("que che that")
_LIGHT: Final = _table("""
    means from tan tanto tanta muy demasiado demasiada ya aun todavia mucho mucha algo absoluto siquiera todo del lo la
    los las le les me te nos os un una uno el al esto eso este ese de tipo mas tal en ahora hoy yo nosotros especial
    caracter modo realidad principio como mi mayor mayores gran momento momentos cosi molto molta troppo troppa affatto
    davvero proprio poi ancora piu gia il i gli ti ci vi ne ce di d c l questo questa quello quella alcun alcuno alcuna
    certo qualcosa come subito riportato assolutamente carattere io a an the this it its very too so really at all yet
    quite any anything of longer much even such there as we you da dal dalla dall ad ai alla all our my super ll to in
    one extremely overly terribly sort kind big huge top
    """)
_MANNER: Final = ("mente", "ly")  # adverbs, but for those that shift the focus: "no solamente urgente" is urgent
_FOCUS: Final = _table("solamente unicamente solo soltanto only merely simply simplemente semplicemente")
# Pairs over which the walk never goes: "nada mas urgente"; "no es lo que pedi"; "no puede ser que sea"; "todavia nada,
# urgente"; "se" as "if" or "I know".
_BLOCKED: Final = frozenset(
    [("nada", "mas"), ("niente", "piu"), ("nulla", "piu"), ("nothing", "more"), ("lo", "que")]
    + [("ser", "que"), ("essere", "che"), ("ni", "nada"), ("todavia", "nada"), ("aun", "nada")]
    + [("ancora", "niente"), ("ancora", "nulla")]
    + [("se", verb) for verb in ("es", "sea", "era", "e", "sia", "fosse")]
)
_REFLEXIVE: Final = {
    "se": _table("detecto detecta percibe trata considera necesita requiere precisa ve me le les nos hace corre"),
    "si": _table("tratta richiede necessita"),
    "para": _NOTHING,
    "per": _NOTHING | _table("ora adesso il"),
    "por": _table("ahora el que"),
}  # words stepped over only before these

_WHY: Final = _table("why perche porque como come")
_QUESTION_LEAD: Final = _table("y e pero acaso entonces esto eso this it ma and es que")
_CONDITION: Final = _table("si se if cuando quando when")
_ANSWER_NO: Final = _table("no non ninguna ninguno nessuna none negativo falso false")
_LEVEL_NO: Final = _table("baja bajo nula nulo bassa bassissima nulla n low")  # "Urgencia: baja"
_ANSWER_VERB: Final = _NEED_NOUN | _table("es era lo hay tengo tenemos corre parece e ho abbiamo c ce is hace serve")
_TAIL: Final = 3

#: A phrase may only be denied where one of these stands among the LOOKS_BACK words before it, or right after it.
DENIES_BEFORE: Final = _NEGATORS | _NOTHING | _NO_ONE | _LITTLE | {"t", "ne", *(one for one, _ in _ENDED | _LACKS)}
DENIES_AFTER: Final = _ANSWER_NO | _LEVEL_NO
LOOKS_BACK: Final = _WINDOW
#: No more words than these are ever looked at, before the phrase (a negator, and one that rules it) and after it.
REACH_BACK: Final = 2 * _WINDOW + _TAIL + 1
REACH_AHEAD: Final = 2 * _TAIL + 2

_EMOJI: Final = "\u2190-\u2bff\U0001f000-\U0001faff"
_BREAK: Final = re.compile(rf"[.,;:!?¿¡()\[\]{{}}<>=/|•…{_EMOJI}]|\s[-–—]+(?:\s|$)|[–—]|\n\s*\n|\n\s*[-–—*+]|\r\s*\r")
_ASKS: Final = re.compile(r"[\s\"”»'’*_!]*\?")
_QUOTE_ONLY: Final = re.compile(r"[’'´`]")


def has_negator(words: Iterable[str]) -> bool:
    """Whether a phrase holds a negator itself; such a phrase is never reported as negated (see docs)."""
    return any(word in _NEGATORS or word in _NOTHING for word in words)


def is_negated(text: str, words: Sequence[Word], first: int, last: int) -> bool:
    """Whether `text` denies the phrase made of its words `first` to `last`."""
    return _Walk(text, words).denies(first, last)


def ends_clause(text: str, words: Sequence[Word], at: int) -> bool:
    """Whether something between this word and the next one ends a clause."""
    return _Walk(text, words).broken(at)


class _Walk:
    """One look at one phrase in one text."""

    __slots__ = ("_text", "_words")

    def __init__(self, text: str, words: Sequence[Word]) -> None:
        self._text = text
        self._words = words

    def denies(self, first: int, last: int) -> bool:
        """The rule: a negator on the left that reaches the phrase, or a "no" that answers it on the right."""
        at = self._negator_before(first)
        if at is not None and not self._doubled(at) and not self._asked(at, last):
            return True
        return self._answered_no(last)

    def _negator_before(self, first: int) -> int | None:
        """The number of the negator whose scope holds the phrase, None without one."""
        verb = ""  # the kind of the finite verb (or "infinite") the walk has passed last
        linked = False  # "que" since that verb
        wants = ""  # "topic" or "request": a noun that still needs its verb
        nothing: int | None = None  # a "nothing" whose verb is still looked for
        subject = False  # a noun that stands before its verb, in a clause of its own
        intense = acts = False
        at = first - 1
        while at >= 0 and first - at <= _WINDOW and not self.broken(at):
            word, following = self._words[at].text, self._words[at + 1].text
            if (word, following) in _BLOCKED:
                return None
            negator = self._negator(at)
            if negator is not None:
                if word in _LITTLE and not self._is_little(at):
                    return None
                if word in _EVER and (intense or self._folded(at - 1) in _AFTER_EVER):
                    return None
                if subject or wants == "request":
                    return None
                if word in _WITHOUT and (wants or (verb not in {"", "infinite"} and not linked)):
                    return None
                if not (word in _NO_ONE and verb not in {"", "infinite"}):
                    return negator
            if (word, following) in _ENDED and verb == "infinite":
                return at if self._negator(at - 1) is None else None
            if (word, following) in _LACKS and (word != "altro" or self._folded(at - 1) in {"tutt", "tutto"}):
                return at
            if word in _NOTHING or word in _NO_ONE:
                if acts:
                    return None  # "no hay nadie que responda urgente"
                nothing = at
            elif word in _LINK:
                linked, subject = True, False
            elif word in _INFINITE or word in _ACTION or word in _STEP:
                if verb and not linked:
                    return None
                verb, linked, acts = "infinite", False, acts or word in _ACTION
                wants = "" if word in _STEP else wants
            elif kind := self._verb(at, first):
                if subject or (acts and word in _CAN):
                    return None
                if verb not in {"", "infinite"} and not linked and kind != "opinion":
                    return None
                if linked and kind in {"have", "modal"} and verb != "infinite":
                    return None  # "tiene que ser" is one verb, "hay que es" is nothing
                if nothing is not None:
                    return nothing
                if wants and kind not in {"need", "copula", "opinion"}:
                    return None
                if wants == "request" and kind != "need":
                    return None
                verb, linked, wants = kind, False, ""
            elif word in _NEED_NOUN:
                wants = ""
            elif word in _TOPIC or word in _REQUEST:
                if wants:
                    return None
                if (
                    verb
                ):  # the subject of its clause, which "que" ties to the negator: "no creo que mi caso sea urgente"
                    subject = True
                    at -= 1
                    continue
                wants = "topic" if word in _TOPIC else "request"
            elif not self._light(at):
                return None
            intense = intense or word in _INTENSE
            at -= 1
        clause_start = at < 0 or self.broken(at)
        return nothing if clause_start else None

    def _verb(self, at: int, first: int) -> str:
        """The kind of verb this word is here, "" for none."""
        word = self._words[at].text
        if word == "e":
            return "copula" if self._accented(at) or self._folded(at - 1) in _PLAIN | {"c", "ce"} else ""
        if word in _COPULA:
            return "copula"
        if word in _CAME:
            return "copula" if self._words[first].text.endswith(_PARTICIPLES) else ""
        if word in _NEED:
            return "need"
        if word in _OPINION:
            return "opinion"
        if word in _HAVE:
            return "have"
        if word in _MODAL:
            # "no puede ser urgente", "no puedo pagar"; not "no puedo, urgente" typed without the comma
            between = [other.text for other in self._words[at + 1 : first + 1]]
            reaches = any(other in _INFINITE | _ACTION | _STEP for other in between) or between[-1].endswith(
                ("ar", "er", "ir", "re")
            )
            return "modal" if reaches else ""
        return "modal" if word in _GO and self._folded(at + 1) in _TO else ""

    def _light(self, at: int) -> bool:
        word = self._words[at].text
        if word in _REFLEXIVE:
            return self._folded(at + 1) in _REFLEXIVE[word] and not (word == "se" and self._accented(at))
        return word in _LIGHT or (word.endswith(_MANNER) and word not in _FOCUS)

    def _negator(self, at: int) -> int | None:
        """The number of the word where the negator at `at` begins, None if there is none."""
        word = self._words[at].text
        if word == "t" and self._folded(at - 1) in _CONTRACTED and _QUOTE_ONLY.fullmatch(self._gap(at - 1)):
            return at - 1
        if word == "ne":  # "né urgente" denies, "me ne serve uno urgente" does not
            return at if self._accented(at) else None
        return at if word in _NEGATORS or word in _LITTLE else None

    def _is_little(self, at: int) -> bool:
        """Whether "little" denies: "poca prisa", "es poco urgente"; not "un poco urgente", "hace poco", "a poco"."""
        before = self._folded(at - 1)
        return (
            at == 0
            or self.broken(at - 1)
            or before in _COPULA | _HAVE | _OPINION | {"muy", "molto", "e", "con", "very"}
        )

    def _doubled(self, at: int) -> bool:
        """Two plain negators, one ruling the other, deny nothing: "no es que no sea urgente"."""
        if self._words[at].text not in _PLAIN | _CONTRACTED:
            return False
        linked = False
        back = at - 1
        while back >= 0 and at - back <= _WINDOW and not self.broken(back):
            word = self._words[back].text
            if word == "t" or word in _PLAIN:
                return linked
            linked = linked or word in _LINK or word in _OPINION
            if not (word in _LINK or self._verb(back, at) or word in _NEED_NOUN or self._light(back)):
                return False
            back -= 1
        return False

    def _asked(self, at: int, last: int) -> bool:
        """A question does not deny, unless it says "if": "¿no es urgente?", "por que no es urgente para ustedes?"."""
        if self._folded(at - 1) in _CONDITION and not self.broken(at - 1):
            return False
        if self._folded(at - 1) == "que" and self._folded(at - 2) in {"por", "como"} and not self.broken(at - 1):
            return True
        begin, why = at, False
        while begin > 0 and not self.broken(begin - 1) and at - begin < _TAIL:
            begin -= 1
            why = why or self._words[begin].text in {"why", "whys"}
        if why:
            return True
        lead = [word.text for word in self._words[begin:at]]
        whole = begin == 0 or self.broken(begin - 1)
        if not whole or not all(word in _QUESTION_LEAD | _WHY for word in lead):
            return False
        end = last
        while end - last < _TAIL and end + 1 < len(self._words) and not self.broken(end):
            end += 1
        return bool(_ASKS.match(self._gap(end)))

    def _answered_no(self, last: int) -> bool:
        """A denial that follows: "Urgente: no", "¿urgente? No, gracias", "prisa ninguna", "urgente no es"."""
        if last + 1 >= len(self._words) or self._words[last + 1].text not in DENIES_AFTER:
            return False
        if self._words[last + 1].text in _LEVEL_NO:
            return self._gap(last).strip() in {":", "="} and self._closed(last + 1)
        gap, word = self._gap(last), self._words[last + 1].text
        ends = self._closed(last + 1)
        if self.broken(last):
            return (
                gap.strip() in {":", "=", "?", "?:", ":-", "? -", "("} and ends and not _ASKS.match(self._gap(last + 1))
            )
        if word in {"no", "non"}:
            end = last + 1
            while end + 1 < len(self._words) and end - last <= _TAIL and self._words[end + 1].text in _ANSWER_VERB:
                end += 1
            return last + 1 < end and self._closed(end) and not _ASKS.match(self._gap(end))
        return ends

    def _closed(self, at: int) -> bool:
        """Whether the clause or line ends after this word."""
        return at + 1 >= len(self._words) or self.broken(at) or "\n" in self._gap(at)

    def _folded(self, at: int) -> str:
        return self._words[at].text if 0 <= at < len(self._words) else ""

    def _gap(self, at: int) -> str:
        """What is written between this word and the next one; before the first word and after the last one too."""
        start = self._words[at].end if at >= 0 else 0
        return self._text[start : self._words[at + 1].start if at + 1 < len(self._words) else len(self._text)]

    def broken(self, at: int) -> bool:
        """Whether something between this word and the next one ends a clause.

        A single line break does when the next line begins like a sentence; mail programs wrap lines anywhere.
        """
        gap = self._gap(at)
        if gap in {" ", "'", "-"}:
            return False
        if _BREAK.search(gap):
            return True
        follow = self._words[at + 1] if at + 1 < len(self._words) else None
        if "\n" not in gap or follow is None:
            return False
        shown = self._text[follow.start : follow.end]
        return shown[:1].isupper() and not shown.isupper()

    def _accented(self, at: int) -> bool:
        """Whether the word was written with an accent on its vowel, or with the apostrophe that stands for it (e')."""
        word = self._words[at]
        shown = self._text[word.start : word.end]
        return not shown.isascii() or bool(_QUOTE_ONLY.match(self._gap(at)))
