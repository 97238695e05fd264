"""A session as an entry in somebody's own calendar: when it is, and nothing of what it is.

A calendar is shared with employers and families, synchronised and printed: its words are those of a reminder.
"""

from datetime import datetime, timedelta
from uuid import uuid5
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from icalendar import Calendar, Event
from rest_framework.renderers import JSONRenderer

from notifications.messages import help_line
from sessions.enums import VOID_STATUSES
from sessions.models import TreatmentSession

MAKER = "-//Appointments//EN"
SUMMARY = "Something is booked"
CALLED_OFF = "Called off"
MEDIA_TYPE = "text/calendar"
RULES_FOR = timedelta(days=400)
"""For how long before and after it the file says when the clocks change."""


class InCalendar(JSONRenderer):
    """Lets a client ask for a calendar entry by its type; a refusal is a problem document all the same."""

    media_type = MEDIA_TYPE


def entry(session: TreatmentSession, *, lasts: timedelta, at: datetime) -> bytes:
    """Return the session as an iCalendar file (RFC 5545), in the zone it was booked in.

    The same session always has the same UID, and each change a higher SEQUENCE, so that a file that is
    opened again moves the entry, or marks it as called off, in place of making a second one. The UID tells
    neither the session's id nor whose calendar it is from.
    """
    zone = ZoneInfo(session.timezone)
    begins = session.scheduled_at.astimezone(zone)
    is_void = session.status in VOID_STATUSES
    event = Event()
    event.add("uid", uuid5(session.pk, "calendar").urn)
    event.add("sequence", session.version)
    event.add("dtstamp", at)
    event.add("dtstart", begins)
    event.add("dtend", (session.scheduled_at + lasts).astimezone(zone))
    event.add("summary", CALLED_OFF if is_void else SUMMARY)
    event.add("description", help_line())
    event.add("status", "CANCELLED" if is_void else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if is_void else "OPAQUE")
    event.add("class", "PRIVATE")
    calendar = Calendar()
    calendar.add("prodid", MAKER)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    calendar.add_missing_timezones((begins - RULES_FOR).date(), (begins + RULES_FOR).date())
    return bytes(calendar.to_ical())


def download(file: bytes) -> HttpResponse:
    """Return the file as a download; its name tells nothing."""
    answer = HttpResponse(file, content_type=f"{MEDIA_TYPE}; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="appointment.ics"'
    return answer
