"""The word tables of negation: folded, for Spanish, Italian and English together; `_negation.py` walks over them."""

from __future__ import annotations

from typing import Final


def _table(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Negators by themselves. The plain ones cancel each other when one rules the other ("no es que no sea urgente").
PLAIN: Final = _table("""
    no non not noo nooo noooo nn tampoco cannot isnt arent wasnt werent dont doesnt didnt wont cant couldnt wouldnt
    shouldnt hasnt havent hadnt aint
    """)
NEGATORS: Final = PLAIN | _table("""
    nunca jamas never ni nor neither sin senza without ningun ninguna ningunas nessun nessuna neanche nemmeno neppure
    mica mai hardly scarcely
    """)
# Nothing and nobody deny by themselves at the start of a clause or after a verb listed here ("para nada urgente", "es
# nada urgente"), but are the object of any other verb ("no sirve para nada urgente", typed without its comma).
NOTHING: Final = _table("nada nadie ninguno ningunos nessuno niente nulla nothing nobody none")
NO_ONE: Final = _table("ninguna ningunas nessuna")  # the same when a verb follows: "ninguna es urgente"
WITHOUT: Final = _table("sin senza without")
ENDED: Final = frozenset([("dejo", "de"), ("dejado", "de"), ("lejos", "de"), ("far", "from")])  # "dejo de ser urgente"
LACKS: Final = frozenset([("en", "absoluto"), ("privo", "di"), ("priva", "di"), ("altro", "che")])  # "tutt'altro che"
LITTLE: Final = _table("poco poca pocas pochissima pochissimo little")  # "poca prisa", but "un poco urgente"
CONTRACTED: Final = _table("isn aren wasn weren don doesn didn won can couldn wouldn shouldn hasn haven hadn ain")
EVER: Final = _table("nunca jamas never mai")
INTENSE: Final = _table("mas piu more tan cosi so tanto")  # "nunca ha sido tan urgente" means very urgent
AFTER_EVER: Final = _table("que quanto come se piu como than ever che")  # "mas que nunca", "quanto mai", "come mai"

# Words the walk steps over. Finite verbs of these kinds may not stand side by side unless "que/che/that" links them.
COPULA: Final = _table("""
    es era eran son fue fueron sea sean seria serian fuera fuese sera seran soy somos esta estan estaba estaban estuvo
    estoy estamos siano sia sono sara sarebbe sarebbero erano fosse sta is are was were am s re m trata tratta
    """)
HAVE: Final = _table("""
    corra percibo percibimos detecto detectamos detecta noto notamos percibe ravviso he ha han hemos has habia habian
    habra haya hay hubo sufri sufrio sufrimos hubiera hubiese tengo tiene tienen tengan teniendo avendo having tenemos
    tenia tenga tuve teniamos corre corren corria lleva llevo llevamos existe presenta reviste representa supone
    constituye da ho abbiamo hanno avevo aveva abbia have had got ve
    """)
NEED: Final = _table("""
    busco busca buscan buscamos cerco cerchiamo pretendo pretendemos amerite requiera requieran necesite merezca
    merita richieda amerita ameritan ocupo ocupamos necesito necesita necesitamos necesitan requiero requiere
    requerimos requieren preciso precisa precisamos pido pedimos solicito solicitamos exijo exigimos quiero queremos
    quisiera deseo deseamos urge serve servono occorre occorrono bisogna richiedo richiede richiediamo chiedo
    chiediamo voglio vogliamo vorrei necessita necessito need needs needed require requires want
    """)
OPINION: Final = _table("""
    tomen tome tomes tomeis consideren considere consideres clasifiquen manejen considerate considerateli
    consideratelo consideratela prendete prendetelo prendetela pondria digan digas diga dite dicano hablamos hablo
    parliamo parlo pongo catalogaria clasificaria clasifico saying marquen marque mark treat definirei definiria creo
    creemos creia pienso pensamos pensaba considero consideramos consideraria veo vemos diria diriamos digo dije
    decimos estimo siento opino juzgo parece parecen parecia parezca resulta resulto hace credo crediamo credevo penso
    pensiamo pensavo ritengo riteniamo direi dico vedo reputo trovo sembra sembrano sembrava pare risulta think
    believe consider say said call find feel feels suppose seem seems look looks sound sounds
    """)
MODAL: Final = _table("""
    puede pueden podria podrian puedo podemos debe deben deberia deberian debo suele suelo puo possono posso possiamo
    potete deve devono devo dovete dovrebbe potrebbe intendo planeo could should would will must may might
    """)
# How something came: "no llegó dañada"; only before a participle, since in "no llegó urgente" it is the parcel.
CAME: Final = _table("""
    llega llegan llego llegaron viene vienen vino vinieron venia venian regreso regresaron salio salieron resulto
    resultaron quedo
    """)
PARTICIPLES: Final = tuple(f"{end}{s}" for end in ("ado", "ada", "ido", "ida", "oto", "ota") for s in ("", "s"))
# Going: only before where to: "no va a ser urgente", "no voy a demandar", "non vado dall'avvocato".
GO: Final = _table("voy vamos va van iba vaya vayan ire iremos going vado andiamo vanno andro andremo andrei rivolgo")
TO: Final = _table("a to al ad ai alla all da dal dalla dall con")
INFINITE: Final = _table("""
    habido considerare considerarsi dicho diciendo detto marcar marcarlo marcarla ser siendo sido estar estado essere
    stato stata stati be been being
    """)
# What somebody is asked to do, where a need or a wish denies it: "no hace falta que vengan con urgencia"; what they
# can't do is a complaint: "no pueden venir de inmediato".
ACTION: Final = _table("""
    contestar responder venir atender llamar enviar mandar resolver arreglar reparar acudir tratar tratarlo contesten
    conteste respondan responda vengan venga atiendan atienda llamen llame envien envie manden mande resuelvan resuelva
    arreglen reparen acudan traten den rispondere venire intervenire richiamare chiamare agire inviare rispondiate
    veniate interveniate rispondano vengano intervengano pase pases pasen paseis pasarme comunique comuniquen transfiera
    transfieran passi passate passarmi
    """)
# Taking a step: "no pienso tomar acciones legales", "non intendo intraprendere azioni legali".
STEP: Final = _table("""
    tomar emprender iniciar interponer presentar ejercer prendere intraprendere avviare iniziare presentare take
    taking
    """)
CAN: Final = _table("puede pueden podria podrian puedo podemos puo possono posso possiamo potete can could") | GO
NEED_NOUN: Final = _table(
    "intencion intenzione intention falta necesario necesaria necesidad bisogno necessario necessaria necessary"
)
# Nouns that only carry an adjective. Topics need a copula or a need to be denied ("no es un tema urgente"), requests a
# need ("no necesito respuesta urgente"; in "sin respuesta urgente" it is the answer that is missing).
TOPIC: Final = _table("""
    tema temas solicitud request richiesta segnalazione pratica caso casos asunto asuntos cosa cosas cuestion
    situacion problema motivo accion acciones azione azioni pregunta consulta questione situazione domanda matter
    issue case thing problem question situation
    """)
REQUEST: Final = _table("""
    respuesta atencion solucion revision visita llamada ayuda gestion asistencia intervencion reparacion risposta
    intervento assistenza soluzione riparazione chiamata aiuto reply response help attention action answer visit repair
    con with
    """)
LINK: Final = _table("que che that")
LIGHT: Final = _table("""
    means from tan tanto tanta muy demasiado demasiada ya aun todavia mucho mucha algo absoluto siquiera todo del lo la
    los las le les me te nos os un una uno el al esto eso este ese de tipo mas tal en ahora hoy yo nosotros especial
    caracter modo realidad principio como mi mayor mayores gran momento momentos cosi molto molta troppo troppa affatto
    davvero proprio poi ancora piu gia il i gli ti ci vi ne ce di d c l questo questa quello quella alcun alcuno alcuna
    certo qualcosa come subito riportato assolutamente carattere io a an the this it its very too so really at all yet
    quite any anything of longer much even such there as we you da dal dalla dall ad ai alla all our my super ll to in
    one extremely overly terribly sort kind big huge top
    """)
MANNER: Final = ("mente", "ly")  # adverbs, but for those that shift the focus: "no solamente urgente" is urgent
FOCUS: Final = _table("solamente unicamente solo soltanto only merely simply simplemente semplicemente")
# Pairs over which the walk never goes: "nada mas urgente"; "no es lo que pedi"; "no puede ser que sea"; "todavia nada,
# urgente"; "se" as "if" or "I know".
BLOCKED: Final = frozenset(
    [("nada", "mas"), ("niente", "piu"), ("nulla", "piu"), ("nothing", "more"), ("lo", "que")]
    + [("ser", "que"), ("essere", "che"), ("ni", "nada"), ("todavia", "nada"), ("aun", "nada")]
    + [("ancora", "niente"), ("ancora", "nulla")]
    + [("se", verb) for verb in ("es", "sea", "era", "e", "sia", "fosse")]
)
REFLEXIVE: Final = {
    "se": _table("detecto detecta percibe trata considera necesita requiere precisa ve me le les nos hace corre"),
    "si": _table("tratta richiede necessita"),
    "para": NOTHING,
    "per": NOTHING | _table("ora adesso il"),
    "por": _table("ahora el que"),
}  # words stepped over only before these

WHY: Final = _table("why perche porque como come")
QUESTION_LEAD: Final = _table("y e pero acaso entonces esto eso this it ma and es que")
CONDITION: Final = _table("si se if cuando quando when")
ANSWER_NO: Final = _table("no non ninguna ninguno nessuna none negativo falso false")
LEVEL_NO: Final = _table("baja bajo nula nulo bassa bassissima nulla n low")  # "Urgencia: baja"
ANSWER_VERB: Final = NEED_NOUN | _table("es era lo hay tengo tenemos corre parece e ho abbiamo c ce is hace serve")
