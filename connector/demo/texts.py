"""What the demonstration's customers write: invented Spanish subjects and messages, by situation and matter."""

from __future__ import annotations

#: situation -> (subject, message) pairs
ESCALATED: dict[str, tuple[tuple[str, str], ...]] = {
    "no-diagnosis": (
        (
            "Cafetera en el taller sin noticias",
            "Dejé mi cafetera hace dos semanas y sigo sin diagnóstico. ¿Cuándo me llaman?",
        ),
        ("¿Qué tiene mi horno?", "El centro de servicio dijo tres días y todavía no me han dado diagnóstico."),
    ),
    "no-parts": (
        ("Esperando refacciones", "Me dicen que no tienen refacciones para la bomba y que no saben cuándo llegan."),
        ("Reparación detenida", "Mi máquina lleva un mes parada porque faltan piezas."),
    ),
    "no-return-label": (
        (
            "Unidad reparada que no regresa",
            "Ya está reparada, pero no han generado la guía de recolección para enviármela.",
        ),
        ("Falta la guía", "Sigo esperando la guía de retorno de mi batidora."),
    ),
    "no-return-letter": (
        ("Carta de devolución", "Quedaron de mandarme la carta de devolución y no llega."),
        ("Estatus del reemplazo", "¿Me pueden dar el estatus del reemplazo? Ya pasó el plazo."),
    ),
    "no-replacement": (
        (
            "Modelo descontinuado",
            "Me dijeron que es un modelo descontinuado y que lo cambiarían. Nadie da seguimiento.",
        ),
        ("Cambio de equipo", "Mi equipo ya no se fabrica; espero la unidad de reemplazo desde hace semanas."),
    ),
    "returned-damaged": (
        ("Llegó golpeada", "Mi cafetera llegó golpeada de la reparación, con la tapa rota."),
        ("Regresó dañada", "La unidad regresó dañada del centro de servicio y no se hacen responsables."),
    ),
    "returned-unrepaired": (
        ("Regresó igual", "La freidora regresó igual, no la repararon: hace el mismo ruido."),
        ("Sin reparar", "Me devolvieron la plancha sin reparar y sin explicación."),
    ),
    "regulator-threat": (
        ("Voy a ir a Profeco", "Si no me resuelven esta semana levanto mi queja en Profeco."),
        ("Última oportunidad", "Ya tengo cita en la Procuraduría Federal del Consumidor, es su última oportunidad."),
    ),
    "retailer-return": (
        ("La tienda no acepta la devolución", "La tienda no se hace responsable y me manda con ustedes."),
        ("Devolución en tienda", "El distribuidor no acepta el cambio aunque está en garantía."),
    ),
    "retailer-amazon": (
        ("Compra en Amazon", "La compré en Amazon hace más de un mes y nadie me recibe la devolución."),
        ("Amazon no responde", "Amazon me dice que el plazo venció y que lo vea con la marca."),
    ),
    "injury-or-damage": (
        ("Me dio una descarga eléctrica", "Al conectar la plancha me dio una descarga eléctrica, me lastimé la mano."),
        (
            "Echó chispas en la cocina",
            "El horno echó chispas y dañó la cubierta de mi cocina, quiero una compensación.",
        ),
    ),
    "supervisor-call": (
        ("Quiero hablar con un supervisor", "Llamé tres veces. Páseme con su supervisor, por favor."),
        ("Necesito a la gerente", "Quiero hablar con la gerente, nadie me resuelve."),
    ),
}

#: everyday matters: (subject, message)
EVERYDAY: tuple[tuple[str, str], ...] = (
    ("¿Cómo descalcifico mi cafetera?", "Compré la semana pasada y quiero saber cada cuánto se hace. No es urgente."),
    ("Mi cafetera no funciona", "La conecto y no pasa nada, ni la luz."),
    ("Registro de garantía", "¿Dónde registro mi garantía? Tengo la factura a la mano."),
    ("Horno que no calienta", "No calienta desde ayer, antes sí funcionaba."),
    ("Refacción para batidora", "Busco el vaso de vidrio del modelo anterior."),
    ("Factura", "Necesito mi factura con otro RFC, por favor."),
    ("Es urgente, la necesito el sábado", "Tengo una fiesta y no prende la freidora, me urge."),
    ("Dudas del manual", "El manual viene en inglés, ¿hay uno en español?"),
    ("Centro de servicio en Puebla", "¿Cuál es el centro más cercano? No hay prisa."),
    ("Ruido al moler", "El molino hace un ruido fuerte, pero el café sale bien."),
    ("Gracias por la atención", "Solo quería agradecer al técnico que vino ayer."),
    ("Tapa rota al desempacar", "Al abrir la caja venía la tapa rota."),
    ("Se descompuso a los dos meses", "Se descompuso y apenas la compré en noviembre."),
    ("¿Tienen este color?", "La quiero en crema, ¿la manejan en México?"),
    ("Pésimo servicio", "Llevo días escribiendo y nadie contesta en esta página."),
)

FIRST_NAMES = (
    "Ana", "Luis", "María", "José", "Carmen", "Jorge", "Lucía", "Miguel", "Rosa", "Pedro", "Elena", "Raúl", "Sofía",
    "Andrés", "Paola", "Óscar", "Teresa", "Iván", "Verónica", "Héctor",
)  # fmt: skip
LAST_NAMES = (
    "García", "Hernández", "López", "Martínez", "González", "Pérez", "Ramírez", "Flores", "Ibáñez", "Núñez", "Peña",
    "Castillo", "Ortega", "Zúñiga", "Salas", "Ríos",
)  # fmt: skip
CUSTOMER_REPLIES = (
    "¿Ya hay noticias de mi caso?",
    "Sigo esperando, gracias.",
    "Les mando la foto que me pidieron.",
    "¿Me pueden confirmar la fecha?",
)
AGENT_NOTES = (
    "Se llamó al centro de servicio, siguen en espera.",
    "Cliente informado por teléfono.",
    "Se pidió estatus por correo.",
)
