"""Every text that can leave, closed: what it says is fixed here, and each gap takes one kind of word.

Neutral for whoever looks over a shoulder: no drug, diagnosis, program, score or role, neither in a text nor
in an address it carries. The lexicon below keeps such words out of the only two gaps that others fill, a
first name and the route of a link; the texts themselves are held to it by a test.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from django.conf import settings

from core.documents import LANGUAGE
from notifications import spanish
from notifications.enums import MessageKind

LEXICON = re.compile(
    "addict|alcohol|anxi|assess|bipolar|burnout|careteam|cbi|clinic|consent|counsel|crisis|depress"
    "|diagnos|disorder|doctor|dosage|dose|dosing|drug|enrol|gad|health|hospital|illness|infirm|infus"
    "|injec|insomn|ketalar|ketamin|lozenge|mania|manic|medic|mental|mood|nurse|opioid|overdos|panic"
    "|patient|pharma|phq|physician|pill|prescri|program|psilo|psych|questionn|racemic|recover|rehab"
    "|remission|schizo|score|screening|session|spravato|stress|sublingual|suicid|symptom|tablet"
    "|therap|trauma|treat|troche|wellness"
    "|agotamient|ansied|bienestar|cuestionari|depresi|dosis|droga|enferm|evaluaci|farmac|pastilla|psic|psiq"
    "|puntuaci|receta|salud|sesion|sintom|terap|trastorn|tratamient"
)
"""Beginnings of words that tell what this is about; English, Spanish, and what others share with them."""

_FOLDED = str.maketrans("øłđħŧıĸ", "oldhtik")
_LATIN_NAME = re.compile(r"[A-Za-zÀ-ÖØ-öø-ž]{1,20}(?:[-' ][A-Za-zÀ-ÖØ-öø-ž]{1,20}){0,2}")
_CODE = re.compile(r"[A-Z0-9-]{4,20}")
_STAFF_PAGE = re.compile(r"[a-z_]{1,30}/[a-z_]{1,30}/[0-9a-f-]{36}")
_FRAGMENT = re.compile(r"([a-z-]{1,20})(?:/[A-Za-z0-9_.~-]{1,200}){0,3}")


class UnfitMessage(ValueError):
    """This room does not send such a message: the words, or the way to reach somebody, are wrong for it."""


@dataclass(frozen=True)
class Template:
    """A text: `required` words must be given, `optional` ones have a stand-in, any other is refused."""

    subject: str
    body: str
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Message:
    """What a person reads."""

    subject: str
    body: str


HELP = "Need a person? Call {phone}."
"""Ends every text: the way to reach a human."""
STOP = "Want no more of these? Tell us here: {link}"
"""Stands under every reminder."""
STOP_BY_TEXT = "Reply STOP for no more."
"""Ends every text that can be stopped."""
MONITOR = "monitor"
SOMEBODY = "Somebody you know"
"""Stands in for a first name that was not given or cannot be shown."""

TEMPLATES: Mapping[MessageKind, Template] = MappingProxyType(
    {
        MessageKind.VERIFY_EMAIL: Template(
            subject="Your code",
            body="Your code is {code}. Type it in within 15 minutes, on the page that asked for it.",
            required=frozenset({"code"}),
        ),
        MessageKind.VERIFY_NUMBER: Template(
            subject="Your code",
            body="Your code is {code}. Type it in within 15 minutes, on the page that asked for it.",
            required=frozenset({"code"}),
        ),
        MessageKind.NOBODY_READS: Template(
            subject="Please call us",
            body="Nobody reads what you text us here. If you are in danger, call {emergency} now.",
        ),
        MessageKind.ACCOUNT_NOTICE: Template(
            subject="About your sign-in",
            body="Somebody used this e-mail address to sign up, or to change how they sign in. "
            "If that was you, go on here: {link}",
            required=frozenset({"link"}),
        ),
        MessageKind.ASSESSMENT_DUE: Template(
            subject="Something is waiting for you",
            body="There is something for you to fill in. Open it here: {link}",
            optional=frozenset({"link"}),
        ),
        MessageKind.NEWS: Template(
            subject="There is news for you",
            body="There is something new for you to read. Open it here: {link}",
            optional=frozenset({"link"}),
        ),
        # Quiet hours can keep it until the very day: it does not say "tomorrow".
        MessageKind.SESSION_TOMORROW: Template(
            subject="Something is coming up",
            body="You have something booked soon. See when it is, and what to do first: {link}",
            optional=frozenset({"link"}),
        ),
        MessageKind.TIME_PROPOSED: Template(
            subject="A time is proposed to you",
            body="We propose a time to you. Say whether it suits you, here: {link}",
            optional=frozenset({"link"}),
        ),
        MessageKind.MONITOR_INVITATION: Template(
            subject="An invitation",
            body="{first_name} asks you to keep them company for a few hours. "
            "Read what it means, and answer, here: {link}",
            required=frozenset({"link"}),
            optional=frozenset({"first_name"}),
        ),
        MessageKind.STAFF_INVITATION: Template(
            subject="An invitation",
            body="You are asked to work with us. Make yourself an account within three days: {link}",
            required=frozenset({"link"}),
        ),
        MessageKind.ALERT_PAGE: Template(
            subject="Please look now",
            body="Something needs you now. Open it here: {link}",
            required=frozenset({"link"}),
        ),
        MessageKind.PACKET_PAGE: Template(
            subject="Nobody has answered",
            body="Nobody has answered, so send help now. What helpers ask for is here: {link}",
            required=frozenset({"link"}),
        ),
        MessageKind.GUIDE_TOLD: Template(
            subject="Please call us",
            body="Somebody you guide has gone silent, and we are trying to reach them. "
            "If you hear from them, tell us at once.",
        ),
        MessageKind.TRIAGE_PAGE: Template(
            subject="Please look soon",
            body="Something waits for you. Open it here: {link}",
            required=frozenset({"link"}),
        ),
        MessageKind.CHECK_IN_MISSED: Template(
            subject="Please answer now",
            body="We have not heard from you. Please answer now: {link}",
            optional=frozenset({"link"}),
        ),
    }
)

TOGETHER = Template(
    subject="Two things for you",
    body="You have something booked soon, and something to fill in. See what to do first: {link}",
    optional=frozenset({"link"}),
)
"""Stands for all reminders of a day where they are of more than one kind."""


@dataclass(frozen=True)
class Words:
    """Everything that is said in one language."""

    templates: Mapping[MessageKind, Template]
    together: Template
    help: str
    stop: str
    stop_by_text: str

    def template(self, kinds: Collection[MessageKind]) -> Template:
        """Return the text that stands for messages of these kinds."""
        return self.templates[next(iter(kinds))] if len(set(kinds)) == 1 else self.together


def _in(language: tuple[str, str], template: Template) -> Template:
    subject, body = language
    return replace(template, subject=subject, body=body)


ENGLISH = Words(TEMPLATES, TOGETHER, HELP, STOP, STOP_BY_TEXT)
_WORDS = {
    "es": Words(
        {kind: _in(said, TEMPLATES[kind]) for kind, said in spanish.SUBJECTS_AND_BODIES.items()},
        _in(spanish.TOGETHER, TOGETHER),
        spanish.HELP,
        spanish.STOP,
        spanish.STOP_BY_TEXT,
    )
}
"""By the language alone: es-US and es-MX read the same."""


def words_for(kinds: Collection[MessageKind], language: str) -> Words:
    """Return the words in `language` (BCP 47), the English ones where it has none for one of these kinds."""
    words = _WORDS.get(language.partition("-")[0], ENGLISH)
    return words if set(kinds) <= set(words.templates) else ENGLISH


def link(route: str, *rest: str) -> str:
    """Return the address of a page of the app; all of it stays in the fragment, which browsers send nowhere.

    Whoever keeps somebody company has no app: their page is served here. Raises `UnfitMessage` for a `route`
    that tells what the page is about, or parts that need escaping.
    """
    fragment = "/".join((route, *rest))
    match = _FRAGMENT.fullmatch(fragment)
    if match is None or telling(match[1]):
        raise UnfitMessage("a link needs a neutral route, and parts that need no escaping")
    home = f"{settings.BASE_URL}/monitor/" if route == MONITOR else settings.APP_URL
    return f"{home}#{fragment}"


def staff_link(page: str) -> str:
    """Return the address of an admin page, which opens for signed-in staff alone.

    Raises `UnfitMessage` unless `page` is a model's page of one row, named by its id and nothing else.
    """
    if not _STAFF_PAGE.fullmatch(page) or telling(page.rpartition("/")[0]):
        raise UnfitMessage("a staff link is app/model/id, and tells nothing")
    return f"{settings.BASE_URL}/admin/{page}/change/"


def telling(text: str) -> bool:
    """Tell whether `text` holds a word of the lexicon, whatever its accents, case and separators."""
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_FOLDED)
    letters = "".join(character for character in plain if character.isalpha())
    return LEXICON.search(letters) is not None


def fit_name(name: str) -> bool:
    """Tell whether `name` may stand in a text: a short name in Latin letters that tells nothing.

    Latin alone, because the lexicon can read nothing else; whoever is left out is "somebody you know".
    """
    return bool(_LATIN_NAME.fullmatch(name)) and not telling(name)


def check(kind: MessageKind, words: Mapping[str, str]) -> None:
    """Raise `UnfitMessage` unless `words` are exactly what the text of `kind` takes, each fit for its gap."""
    template = TEMPLATES[kind]
    unknown = set(words) - template.required - template.optional
    missing = template.required - set(words)
    if unknown or missing:
        raise UnfitMessage(f"{kind}: unknown words {sorted(unknown)}, missing words {sorted(missing)}")
    if "code" in words and not _CODE.fullmatch(words["code"]):
        raise UnfitMessage(f"{kind}: not a code")
    if "link" in words and not _leads_home(words["link"]):
        raise UnfitMessage(f"{kind}: a link leads into the app, to a monitor's page, or to the admin")


def _leads_home(address: str) -> bool:
    admin = f"{settings.BASE_URL}/admin/"
    if address.startswith(admin):
        return address == staff_link(address.removeprefix(admin).removesuffix("/change/"))
    return address == link(*address.partition("#")[2].split("/"))


def render(kind: MessageKind, words: Mapping[str, str], *, language: str = LANGUAGE) -> Message:
    """Return the text of `kind`, its gaps filled with checked words; a first name that tells is left out."""
    said = words_for([kind], language)
    return _filled(said.templates[kind], words, help_=said.help)


def render_reminders(kinds: Collection[MessageKind], *, language: str = LANGUAGE) -> Message:
    """Return the one text that stands for reminders of these kinds."""
    said = words_for(kinds, language)
    return _filled(said.template(kinds), {}, help_=said.help)


def on_a_lock_screen(kinds: Collection[MessageKind], *, language: str = LANGUAGE) -> Message:
    """Return the notice that stands for messages of these kinds, for whoever holds the phone to see.

    Its body is the text's first sentence: what there is, without the link to it.
    """
    template = words_for(kinds, language).template(kinds)
    return Message(subject=template.subject, body=f"{template.body.partition('. ')[0]}.")


def as_text(kinds: Collection[MessageKind], *, can_stop: bool, language: str = LANGUAGE) -> Message:
    """Return the text to a telephone that stands for messages of these kinds, in one line."""
    words = words_for(kinds, language)
    template = words.template(kinds)
    said = f"{template.body} {words.help}".format(link=link("today"), phone=settings.CLINIC_PHONE)
    return Message(subject="", body=f"{said} {words.stop_by_text}" if can_stop else said)


def in_inbox(kind: MessageKind, *, language: str) -> Message:
    """Return what stands in an inbox: the mail's subject, what there is, and the way to reach a human."""
    notice, words = on_a_lock_screen([kind], language=language), words_for([kind], language)
    return replace(notice, body=f"{notice.body} {words.help.format(phone=settings.CLINIC_PHONE)}")


def help_line() -> str:
    """Return the way to reach a human."""
    return HELP.format(phone=settings.CLINIC_PHONE)


def with_stop(message: Message, *, token: str, language: str = LANGUAGE) -> Message:
    """Return a reminder with the way to get no more of them, before the way to reach a human."""
    said, _, help_ = message.body.rpartition("\n\n")
    stop = words_for((), language).stop.format(link=link("stop", token))
    return Message(message.subject, f"{said}\n\n{stop}\n{help_}")


def _filled(template: Template, words: Mapping[str, str], *, help_: str) -> Message:
    known = {"phone": settings.CLINIC_PHONE, "emergency": settings.EMERGENCY_PHONE}
    filled = {"first_name": SOMEBODY, "link": link("today"), **known, **words}
    if not fit_name(filled["first_name"]):
        filled["first_name"] = SOMEBODY
    return Message(subject=template.subject, body=f"{template.body}\n\n{help_}\n".format_map(filled))
