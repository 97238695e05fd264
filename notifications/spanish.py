"""What is said in Spanish to people with a chart: each text says what its English one does, and no more.

Whoever is written to at an address or a number alone has no chart there to say a language.
"""

from collections.abc import Mapping
from types import MappingProxyType

from notifications.enums import MessageKind

SUBJECTS_AND_BODIES: Mapping[MessageKind, tuple[str, str]] = MappingProxyType(
    {
        MessageKind.ASSESSMENT_DUE: (
            "Algo le espera",
            "Hay algo para rellenar. Ábralo aquí: {link}",
        ),
        MessageKind.NEWS: (
            "Hay novedades para usted",
            "Hay algo nuevo para leer. Ábralo aquí: {link}",
        ),
        MessageKind.SESSION_TOMORROW: (
            "Se acerca algo",
            "Tiene algo reservado pronto. Vea cuándo es, y qué hacer antes: {link}",
        ),
        MessageKind.TIME_PROPOSED: (
            "Le proponemos una hora",
            "Le proponemos una hora. Diga aquí si le conviene: {link}",
        ),
        MessageKind.CHECK_IN_MISSED: (
            "Responda ahora, por favor",
            "No hemos sabido de usted. Responda ahora, por favor: {link}",
        ),
    }
)
TOGETHER = (
    "Dos cosas para usted",
    "Tiene algo reservado pronto, y algo para rellenar. Vea qué hacer primero: {link}",
)
HELP = "¿Necesita hablar con una persona? Llame al {phone}."
STOP = "¿No quiere más mensajes como este? Dígalo aquí: {link}"
STOP_BY_TEXT = "Responda STOP para no recibir más."
