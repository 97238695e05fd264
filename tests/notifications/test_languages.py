"""People are spoken to in the language of their chart, in English where it has no words for it."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from string import Formatter

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.enums import Language
from accounts.models import Patient, User
from notifications import messages, rules, spanish
from notifications.enums import MessageKind
from notifications.services import deliver_due
from tests.conftest import make_patient
from tests.notifications.conftest import Due, Sink

SPANISH = sorted(spanish.SUBJECTS_AND_BODIES)
HELP = f"¿Necesita hablar con una persona? Llame al {settings.CLINIC_PHONE}."
# Somebody else's list, as in test_messages: what tells a bystander why this person gets mail.
TELLING = re.findall(
    r"\S+",
    """
    ketamina esketamina agotamiento quemado depresión deprimido ansiedad suicidio terapia terapeuta
    tratamiento sesión sesiones dosis mg medicina medicamento droga pastilla tableta clínica clínico médico
    médica doctora doctor enfermera psiquiatra psicólogo consejero paciente programa puntuación evaluación
    cuestionario prueba examen resultado diagnóstico síntoma síntomas trastorno mental salud enfermedad
    trauma adicción recuperación hospital receta farmacia consentimiento crisis infusión bienestar cuidado
    """,
)


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def telling(text: str) -> set[str]:
    return {word for word in TELLING if re.search(rf"\b{word}\b", text.casefold())}


def test_what_patients_are_sent_is_there_in_spanish() -> None:
    assert set(SPANISH) >= rules.IN_INBOX


@pytest.mark.parametrize("kind", SPANISH)
def test_a_text_has_the_gaps_of_its_english_one_and_tells_nothing(kind: MessageKind) -> None:
    subject, body = spanish.SUBJECTS_AND_BODIES[kind]
    assert "{" not in subject
    assert gaps(body) == gaps(messages.TEMPLATES[kind].body)
    assert telling(f"{subject} {body}") == set()
    assert not messages.telling(f"{subject} {body}")


def test_the_lists_find_what_they_should() -> None:
    said = "Su sesión de ketamina, con el médico: rellene el cuestionario."
    assert telling(said) == {"sesión", "ketamina", "médico", "cuestionario"}
    assert all(messages.telling(word) for word in ("Sesión", "tratamiento", "Salud", "depresión"))
    assert not messages.telling("Le proponemos una hora")


def test_what_stands_for_several_and_under_all_tells_nothing() -> None:
    for said in (*spanish.TOGETHER, spanish.HELP, spanish.STOP, spanish.STOP_BY_TEXT):
        assert telling(said) == set()
        assert not messages.telling(said)
    assert gaps(spanish.TOGETHER[1]) == gaps(messages.TOGETHER.body)
    assert (gaps(spanish.HELP), gaps(spanish.STOP)) == (gaps(messages.HELP), gaps(messages.STOP))


@pytest.mark.parametrize("language", ["fr-FR", "en-US", "", "x"])
def test_another_language_is_spoken_to_in_english(language: str) -> None:
    assert messages.render(MessageKind.NEWS, {}, language=language) == messages.render(MessageKind.NEWS, {})


def test_a_text_that_is_not_there_in_spanish_is_english_to_its_end() -> None:
    words = {"link": messages.link("monitor")}
    kind = MessageKind.MONITOR_INVITATION
    assert messages.render(kind, words, language="es-US") == messages.render(kind, words)


@pytest.fixture
def ada(db: None) -> Patient:
    """The patient, who wants to be spoken to in Spanish."""
    patient = make_patient("ada@example.org", "Ada Example")
    Patient.objects.filter(pk=patient.pk).update(language=Language.SPANISH)
    patient.refresh_from_db()
    return patient


@pytest.fixture
def noon(at: datetime) -> datetime:
    """When nobody is left alone."""
    return at.replace(hour=17, minute=0)


def test_a_reminder_by_mail_is_in_spanish_with_its_stop(
    ada: Patient, noon: datetime, due: Due, sink: Sink, client_of: Callable[[User], APIClient]
) -> None:
    due(MessageKind.ASSESSMENT_DUE, user=ada.user, due_at=noon, expires_at=noon + timedelta(hours=2))
    deliver_due(at=noon)
    (mail,) = sink.taken
    assert mail["Subject"] == "Algo le espera"
    text = sink.text()
    assert "Hay algo para rellenar. Ábralo aquí: " in text
    assert "¿No quiere más mensajes como este? Dígalo aquí: " in text
    assert text.rstrip().endswith(HELP)
    (shown,) = client_of(ada.user).get("/api/v1/inbox").json()["results"]
    assert (shown["title"], shown["text"]) == ("Algo le espera", f"Hay algo para rellenar. {HELP}")


def test_several_reminders_of_a_day_are_said_in_one_spanish_text(
    ada: Patient, noon: datetime, due: Due, sink: Sink
) -> None:
    for kind in (MessageKind.ASSESSMENT_DUE, MessageKind.SESSION_TOMORROW):
        due(kind, user=ada.user, due_at=noon, expires_at=noon + timedelta(hours=2))
    deliver_due(at=noon)
    (mail,) = sink.taken
    assert mail["Subject"] == "Dos cosas para usted"


def test_a_call_reaches_somebody_whose_zone_nobody_knows(
    ada: Patient, noon: datetime, due: Due, sink: Sink
) -> None:
    """Only a reminder goes by the hours of the chart."""
    Patient.objects.filter(pk=ada.pk).update(timezone="Nowhere/Known")
    due(
        MessageKind.CHECK_IN_MISSED,
        user=ada.user,
        about=ada.pk,
        due_at=noon,
        expires_at=noon + timedelta(hours=2),
    )
    deliver_due(at=noon)
    (mail,) = sink.taken
    assert mail["Subject"] == "Responda ahora, por favor"
