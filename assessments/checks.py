from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from assessments.instruments import InstrumentError, instruments, load_wording, slots
from assessments.profiles import norms_of
from assessments.rules import licence_refusal
from assessments.schedule import schedule
from assessments.worsening.rules import thresholds


@register
def data_is_sound(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """Refuse to start with an instrument, a schedule or a holder's wording that cannot be used.

    A folder that is not there would otherwise pass for one that holds nothing, and topics be shown instead.
    """
    return list(_faults(settings.INSTRUMENT_WORDING_DIR))


@register(Tags.security, deploy=True)
def names_its_thresholds(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """Say where real people's worsening is judged by the example that ships, and nobody chose it."""
    if settings.WORSENING_FILE:
        return []
    said = "WORSENING_FILE is not set: by the example, most worsening of PHQ-9 and GAD-7 calls nobody."
    hint = "Write the clinic's own (docs/settings.md), or name the example once a clinician has read it."
    return [Warning(said, hint=hint, id="assessments.W001")]


def _licences(permitted: Sequence[str]) -> Iterator[Error]:
    for code in sorted(set(permitted) - set(instruments()) - set(slots())):
        yield Error(f"INSTRUMENT_PERMISSIONS: there is no instrument {code}.", id="assessments.E004")
    for code in schedule().every_instrument():
        if reason := licence_refusal(instruments().get(code) or slots()[code], permitted=permitted):
            yield Error(f"The schedule: {code} may not be asked. {reason}", id="assessments.E005")


def _faults(wording_dir: str) -> Iterator[Error]:
    try:
        instruments()
        schedule()
    except InstrumentError as error:
        yield Error(str(error), id="assessments.E001")
        return
    yield from _licences(settings.INSTRUMENT_PERMISSIONS)
    try:
        thresholds(settings.WORSENING_FILE)
    except InstrumentError as error:
        yield Error(f"WORSENING_FILE: {error}", id="assessments.E006")
    if not wording_dir:
        return
    if not Path(wording_dir).is_dir():
        yield Error(f"INSTRUMENT_WORDING_DIR: {wording_dir} is no folder.", id="assessments.E002")
    for instrument in instruments().values():
        try:
            load_wording(instrument, Path(wording_dir))
            norms_of(instrument.code)
        except InstrumentError as error:
            yield Error(str(error), id="assessments.E003")
