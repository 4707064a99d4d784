"""Negation as customers write it, in Spanish, Italian and English; accents and commas are often missing."""

from pathlib import Path

import pytest

from connector.core.text import PhraseIndex

# phrase | text that denies it
NEGATED = """
urgente | no es urgente
urgente | No es urgente.
urgente | NO ES URGENTE
urgente | nada urgente
urgente | no es para nada urgente
urgente | para nada urgente
urgente | no es nada urgente
urgente | no es tan urgente
urgente | no es muy urgente, pero me gustaría una respuesta
urgente | no es demasiado urgente
urgente | tampoco es urgente
urgente | no lo considero urgente
urgente | no lo veo urgente
urgente | no creo que sea urgente
urgente | no creo sea urgente
urgente | no me parece urgente
urgente | no parece ser urgente
urgente | no se me hace urgente
urgente | no necesito que sea urgente
urgente | no hace falta que sea urgente
urgente | no es necesario que sea urgente
urgente | no tiene que ser urgente
urgente | no va a ser urgente
urgente | no ha sido urgente
urgente | no es un tema urgente
urgente | no es un caso urgente
urgente | no es algo urgente
urgente | no se trata de algo urgente
urgente | no tiene carácter urgente
urgente | no es precisamente urgente
urgente | no es urgente ni grave
urgente | no es grave ni urgente
urgente | ya no es urgente, gracias
urgente | todavía no es urgente
urgente | aún no es urgente
urgente | no es “urgente”
urgente | no es *urgente* pero avísenme
urgente | no es
 urgente
urgente | les comento que no es urgente
urgente | si no es urgente puede esperar al lunes
urgente | no me llamen hoy porque no es urgente
urgente | no urgente
urgente | es poco urgente
urgente | no tengo nada urgente que comentar
urgente | no hay nada urgente
urgente | no requiere atención urgente
urgente | no necesito una respuesta urgente
urgente | no es del todo urgente
urgente | no es realmente urgente
urgente | nunca fue urgente
urgente | ni siquiera es urgente
urgente | mi pedido llegó, no es urgente lo de la factura
urgente | no funciona bien pero no es urgente
urgente | ¿Urgente? No, gracias
urgente | Urgente: no
urgente | Urgente: NO
 Modelo: X200
urgente | urgente no es
urgente | esto urgente no es, solo quería preguntar
urgente | no digo que sea urgente
urgente | no diría que es urgente
urgente | no es en absoluto urgente
prisa | no hay prisa
prisa | no tengo prisa
prisa | no tenemos ninguna prisa
prisa | no corre prisa
prisa | no nos corre prisa
prisa | sin prisa
prisa | sin ninguna prisa
prisa | tengo poca prisa
prisa | no hay mucha prisa
prisa | prisa ninguna
prisa | prisa no tengo
urgencia | sin urgencia
urgencia | no hay urgencia
urgencia | no es una urgencia
urgencia | no tengo ninguna urgencia
urgencia | no lo necesito con urgencia
urgencia | no es de urgencia
urgencia | nada de urgencia
urge | no me urge
urge | no urge
urge | no nos urge tanto
urgentemente | no lo necesito urgentemente
emergencia | no es una emergencia
demandar | no quiero demandar
demandar | no voy a demandar
demandar | no pienso demandar
profeco | no voy a profeco
dañado | el equipo no está dañado
dañado | no llegó dañado... digo, no está dañado
recibido | no lo he recibido
llegado | no ha llegado
reparado | no fue reparado
funciona | no me funciona
funciona el pago | no funciona el pago
garantía | no tengo garantía
garantía | sin garantía
urgente | non è urgente
urgente | non e' urgente
urgente | non e urgente
urgente | non é urgente
urgente | non è affatto urgente
urgente | non è per niente urgente
urgente | non è mica urgente
urgente | non è così urgente
urgente | non è più urgente
urgente | non mi sembra urgente
urgente | non credo sia urgente
urgente | non penso che sia urgente
urgente | non lo ritengo urgente
urgente | niente di urgente
urgente | non c'è niente di urgente
urgente | non si tratta di una cosa urgente
urgente | non deve essere urgente
urgente | né urgente né grave
urgente | non ho bisogno di una risposta urgente
urgenza | non c'è urgenza
urgenza | non c’è alcuna urgenza
urgenza | non c e urgenza
urgenza | nessuna urgenza
urgenza | non ho urgenza
urgenza | senza urgenza
urgenza | non richiede urgenza
fretta | non ho fretta
fretta | non abbiamo fretta
fretta | senza alcuna fretta
fretta | nessuna fretta
rotto | non è rotto
urgent | not urgent
urgent | it's not urgent
urgent | isn't urgent
urgent | This isn’t urgent at all
urgent | it isnt urgent
urgent | not very urgent
urgent | not that urgent
urgent | not at all urgent
urgent | this is not an urgent matter
urgent | I don't think it's urgent
urgent | I don't think that this is urgent
urgent | doesn't seem urgent
urgent | doesn't seem to be urgent
urgent | it doesn't need to be urgent
urgent | it's not going to be urgent
urgent | nothing urgent
urgent | there's nothing urgent here
urgent | no longer urgent
urgent | non-urgent
urgent | never urgent
urgent | I wouldn't call it urgent
rush | no rush
rush | there is no rush
rush | not in a rush
hurry | no hurry at all
urgency | without any urgency
urgency | there's no urgency
emergency | it is not an emergency
broken | it's not broken
"""

# phrase | text that does not deny it
AFFIRMED = """
urgente | es urgente
urgente | no, es urgente
urgente | no funciona, es urgente
urgente | no funciona y es urgente
urgente | no funciona es urgente
urgente | no me contestan. Urgente
urgente | urgente: no funciona
urgente | Urgente no funciona
urgente | urgente, no me llega el pedido
urgente | no solo es urgente
urgente | no sólo es urgente, es gravísimo
urgente | no es solo urgente
urgente | no solamente urgente
urgente | no tengo luz es urgente
urgente | no tengo luz urgente
urgente | es urgente no puedo esperar
urgente | es urgente, no?
urgente | no puede esperar, es urgente
urgente | no puede esperar es urgente
urgente | no puedo esperar mas es urgente
urgente | no sirve para nada es urgente
urgente | no sirve para nada urgente
urgente | no sirve de nada, urgente
urgente | no me responden nada urgente
urgente | no hay nada más urgente que esto
urgente | nunca ha sido tan urgente
urgente | más urgente que nunca
urgente | ahora más que nunca urgente
urgente | no es que no sea urgente
urgente | no creo que no sea urgente
urgente | no deja de ser urgente
urgente | por que no es urgente para ustedes?
urgente | ¿por qué no es urgente para ustedes?
urgente | ¿no es urgente?
urgente | no me digan que no, es urgente
urgente | no entienden que es urgente
urgente | no ven que es urgente
urgente | no saben que es urgente
urgente | no me hacen caso y es urgente
urgente | no me hacen caso, urgente
urgente | no se si es urgente
urgente | no tengo respuesta urgente
urgente | sin respuesta, urgente
urgente | sin respuesta urgente
urgente | sin servicio urgente
urgente | sin luz es urgente
urgente | no hay agua es urgente
urgente | no hay internet urgente
urgente | no enciende - urgente
urgente | no enciende (urgente)
urgente | no enciende!!! urgente!!!
urgente | no prende
 Es urgente
urgente | no prende

urgente
urgente | no prende 😡 urgente
urgente | pedido nº 5 urgente
urgente | pedido Nº urgente
urgente | pedido n° 5532 urgente
urgente | es menos urgente que ayer pero es urgente
urgente | es un poco urgente
urgente | no importa lo que digan es urgente
urgente | no me parece justo, es urgente
urgente | no es justo es urgente
urgente | no es posible es urgente
urgente | no es normal. Es urgente
urgente | no lo necesito mañana lo necesito hoy, urgente
urgente | no he recibido nada, es urgente
urgente | no he recibido mi pedido es urgente
urgente | no quiero esperar mas es urgente
urgente | no quiero problemas es urgente
urgente | no resuelven el problema urgente
urgente | no atienden mi caso urgente
urgente | no es menos urgente
urgente | no contestan el teléfono, por favor es muy urgente
urgente | porque no contestan es urgente
urgente | Urgente: no me funciona la lavadora
urgente | urgente no hay luz
urgente | urgente no es broma
urgente | ya no puedo mas es urgente
urgente | no aguanto más, urgente
urgente | no sé, es urgente
urgente | no pero es urgente
urgente | no obstante es urgente
urgente | no cabe duda de que es urgente
urgente | no olviden que es urgente
urgente | no me digan que no es posible, es urgente
urgencia | no funciona la sala de urgencia
prisa | tengo prisa, no puedo esperar
prisa | dense prisa no funciona
prisa | no se den prisa en cobrar
no funciona | no funciona
no funciona | ya no funciona
no funciona | no es que no funciona
no funciona | es que no funciona
no hay prisa | no hay prisa
pago | no funciona el pago
profeco | si no me responden voy a profeco
profeco | no me responden, voy a ir a profeco
demandar | no me dejan otra opción, voy a demandar
demandar | no contestan los voy a demandar
sin luz | no me dejen sin luz
urgente | è urgente
urgente | no, è urgente
urgente | non funziona, è urgente
urgente | non funziona è urgente
urgente | non funziona ed è urgente
urgente | non funziona e urgente
urgente | non va è urgente
urgente | non ho internet è urgente
urgente | non ho più linea, urgente
urgente | non solo è urgente
urgente | non posso aspettare è urgente
urgente | non ne posso più è urgente
urgente | non so se è urgente
urgente | me ne serve uno urgente
urgente | quanto mai urgente
urgente | come mai non rispondete? è urgente
urgente | perché non è urgente per voi?
urgente | è urgente, non posso aspettare
urgente | non è possibile è urgente
urgente | non risponde nessuno, urgente
urgente | non risponde nessuno è urgente
urgente | non serve a niente è urgente
urgente | non c'è corrente è urgente
urgente | senza corrente è urgente
fretta | ho fretta, non posso aspettare
urgent | it is urgent
urgent | no, it is urgent
urgent | not working, urgent
urgent | not working urgent
urgent | it's not working and it's urgent
urgent | not only urgent
urgent | it's not just urgent
urgent | can't wait, urgent
urgent | can't wait it's urgent
urgent | no internet urgent
urgent | no answer, urgent
urgent | nobody answers this is urgent
urgent | why isn't this urgent?
urgent | why is this not urgent for you?
urgent | isn't this urgent?
urgent | don't delay, urgent
urgent | urgent: not working
urgent | nothing works urgent
urgent | nothing more urgent
urgent | never been so urgent
urgent | not sure if it's urgent
"""


def rows(table: str) -> list[tuple[str, str]]:
    """(phrase, text) of each row; a line without a bar goes on with the text above."""
    read: list[tuple[str, str]] = []
    for line in table.strip("\n").split("\n"):
        phrase, bar, text = line.partition(" | ")
        if bar:
            read.append((phrase, text))
        else:
            read[-1] = (read[-1][0], read[-1][1] + "\n" + line)
    return read


def negated(phrase: str, text: str) -> list[bool]:
    """What the index says of each occurrence."""
    return [match.negated for match in PhraseIndex({"rule": [phrase]}).find(text)]


@pytest.mark.parametrize(("phrase", "text"), rows(NEGATED))
def test_denied(phrase: str, text: str) -> None:
    """The last occurrence of the phrase is reported as negated."""
    assert negated(phrase, text)[-1:] == [True]


@pytest.mark.parametrize(("phrase", "text"), rows(AFFIRMED))
def test_not_denied(phrase: str, text: str) -> None:
    """No occurrence of the phrase is reported as negated."""
    found = negated(phrase, text)
    assert found
    assert not any(found)


MORE = [
    line.split("\t")
    for line in (Path(__file__).parent / "negation.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("label", "phrase", "text"), MORE)
def test_more_texts(label: str, phrase: str, text: str) -> None:
    """The same for another list of texts; where it is unsure the rule answers "not denied"."""
    assert negated(phrase, text)[-1:] == [label == "denied"]


def documented() -> list[tuple[str, bool]]:
    """The examples of the table in docs/text-matching.md, with whether it lists them as denied."""
    page = (Path(__file__).parents[3] / "docs" / "text-matching.md").read_text(encoding="utf-8")
    body = page.partition("| denied | not denied |\n")[2].partition("\n\n")[0].splitlines()[1:]
    columns = [[cell.strip() for cell in line.strip("|").split("|")] for line in body]
    return [(text.strip(), side == 0) for row in columns for side in (0, 1) for text in row[side].split(";")]


@pytest.mark.parametrize(("text", "denied"), documented())
def test_examples_of_the_documentation(text: str, denied: bool) -> None:
    """What the admins' guide says about an example is what happens."""
    index = PhraseIndex({"rule": ["urgente", "prisa", "urgenza", "fretta", "urgent", "rush"]})
    assert [denied] == [match.negated for match in index.find(text)]


def test_the_documentation_has_examples() -> None:
    """The guide's table is found and holds both kinds."""
    assert {True, False} == {denied for _, denied in documented()}
    assert len(documented()) > 30


def test_the_table_is_large_enough() -> None:
    """More than 120 labelled texts, each once, with a fair share on both sides."""
    denied, affirmed = rows(NEGATED), rows(AFFIRMED)
    assert len(denied) > 100
    assert len(affirmed) > 100
    assert len({*denied, *affirmed}) == len(denied) + len(affirmed)
