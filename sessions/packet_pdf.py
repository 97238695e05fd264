"""Draws an emergency packet on paper: whom to call, where, what was taken, what else is known."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from reportlab.platypus import Flowable, Paragraph

from core import paper
from core.paper import Row
from sessions.queries import ReadPacket

OUTCOMES = {"refused": "Refused", "vomited": "Came up again"}


def answer(packet: ReadPacket) -> HttpResponse:
    """Return the PDF as a download; its name tells nothing of whom it is about."""
    return paper.download(drawn(packet), name=f"emergency-packet-{packet.version}.pdf")


def drawn(packet: ReadPacket) -> bytes:
    """Return the PDF; its hash is on every page, and a snapshot that has not kept its hash says so first."""
    return paper.drawn(
        _story(packet),
        title="Emergency packet",
        author=packet.snapshot["clinic_phone"],
        foot=f"Session {packet.session}, version {packet.version}, sha256 {packet.sha256}",
    )


def _story(packet: ReadPacket) -> list[Flowable]:
    told, zone = packet.snapshot, ZoneInfo(packet.snapshot["timezone"])
    broken = (
        []
        if packet.is_intact
        else [Paragraph("Not what was written: its hash does not fit. Ask again.", paper.BODY)]
    )
    written = _moment(packet.written_at.isoformat(), zone)
    return [
        Paragraph("Emergency packet", paper.TITLE),
        *broken,
        Paragraph(paper.plain(f"As known at {written}. Not known means that nobody said."), paper.LABEL),
        *paper.block("Call", [("Emergency", told["emergency_phone"]), ("Clinic", told["clinic_phone"])]),
        *paper.block("Where", _where(told)),
        *paper.block("Who", _who(told)),
        *paper.block("Ketamine", _doses(told, zone)),
        *paper.prose("Medicines", _listed(told["medications"])),
        *paper.prose("Allergies", _listed(told["allergies"])),
        *paper.prose("Conditions", _listed(told["conditions"])),
        *paper.block("Measured, newest first", _readings(told["readings"], zone)),
    ]


def _where(told: Mapping[str, Any]) -> list[Row]:
    place, contact = told["place"] or {}, told["contact"] or {}
    where = place.get("address")
    return [
        (
            "Address",
            where and ", ".join([*where["lines"], where["city"], f"{where['state']} {where['postal_code']}"]),
        ),
        ("Telephone there", place.get("phone")),
        ("Whom else to call", contact and f"{contact['name']}, {contact['phone']}"),
    ]


def _who(told: Mapping[str, Any]) -> list[Row]:
    pregnancy = told["pregnancy"]
    return [
        ("Name", told["name"]),
        ("Born", f"{told['birth_on']}, {told['age_years']} years"),
        ("Pregnancy", pregnancy and pregnancy.replace("_", " ")),
    ]


def _doses(told: Mapping[str, Any], zone: ZoneInfo) -> list[Row]:
    ordered = told["ordered"]
    taken: list[Row] = [
        (
            "Taken" if dose["is_sure"] else "Taken, as somebody said",
            f"{dose['dose_mg']} mg, {dose['route']}, {_moment(dose['taken_at'], zone)}",
        )
        for dose in told["doses"]
    ]
    became: list[Row] = [
        (OUTCOMES.get(one["kind"], one["kind"]), f"told at {_moment(one['recorded_at'], zone)}")
        for one in told["outcomes"]
    ]
    return [
        ("Session began", _moment(told["started_at"], zone)),
        ("Ordered", ordered and f"{ordered['dose_mg']} mg, {ordered['route']}"),
        *(taken or [("Taken", "nobody has said so")]),
        *became,
    ]


def _readings(readings: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> list[Row]:
    return [(_moment(one["observed_at"], zone), _measured(one)) for one in readings] or [("Readings", "none")]


def _measured(one: Mapping[str, Any]) -> str:
    said = {
        "systolic_mmhg": "{systolic_mmhg}/{diastolic_mmhg} mmHg",
        "heart_rate_bpm": "pulse {heart_rate_bpm}",
        "oxygen_saturation_pct": "oxygen {oxygen_saturation_pct} %",
    }
    return ", ".join(words.format(**one) for name, words in said.items() if one[name] is not None)


def _moment(said: str, zone: ZoneInfo) -> str:
    """Return a moment as clocks there show it, with how far they are from UTC."""
    local = datetime.fromisoformat(said).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} (UTC{local:%z})"


def _listed(entries: Sequence[str] | None) -> str:
    if entries is None:
        return "not known"
    return "\n".join(entries) or "None."
