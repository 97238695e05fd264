"""Draws a report on paper: our own page with the form's blocks, to be read, signed and sent."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse
from reportlab.lib import colors
from reportlab.lib.units import inch
from reportlab.platypus import Flowable, KeepTogether, Paragraph, Spacer, Table, TableStyle

from core import paper
from core.paper import Row


def drawn(content: Mapping[str, Any], *, sha256: str) -> bytes:
    """Return the PDF of a whole report; `sha256` is the hash of what it says, printed on every page."""
    number = content["case"]["number"]
    return paper.drawn(
        _story(content),
        title=f"Adverse event report {number}",
        author=content["g_reporter"]["name"],
        foot=f"Case {number}, version {content['signed']['version']}, sha256 {sha256}",
    )


def answer(content: Mapping[str, Any], *, sha256: str) -> HttpResponse:
    """Return the PDF as a download; its name tells nothing of whom it is about."""
    name = f"report-{content['case']['number']}-{content['signed']['version']}.pdf"
    return paper.download(drawn(content, sha256=sha256), name=name)


def _story(content: Mapping[str, Any]) -> list[Flowable]:
    event = content["b_event"]
    return [
        Paragraph("Adverse event report", paper.TITLE),
        Paragraph(
            "With the blocks of FDA form 3500. Voluntary report by a health professional.", paper.LABEL
        ),
        *paper.block("A. Patient", _patient(content["a_patient"])),
        *paper.block("B. Adverse event", _event(event, content["case"])),
        *paper.prose("What happened", event["narrative"]),
        *paper.prose("Other relevant history", _listed(event["history"])),
        *paper.block("D. Suspect product", _product(content["d_product"])),
        *paper.prose("F. Other medicines taken", _listed(content["f_other_products"]["medicines"])),
        *paper.prose("Allergies", _listed(content["f_other_products"]["allergies"])),
        KeepTogether(
            [*paper.block("G. Reporter", _reporter(content["g_reporter"])), *_signing(content["signed"])]
        ),
    ]


def _patient(block: Mapping[str, Any]) -> list[Row]:
    weight = block["weight_kg"]
    return [
        ("Identifier, in confidence", block["identifier"]),
        ("Age at the event", f"{block['age_years']} years, born {block['birth_on']}"),
        ("Sex", block["sex"]),
        ("Weight", None if weight is None else f"{weight:g} kg"),
    ]


def _event(block: Mapping[str, Any], case: Mapping[str, Any]) -> list[Row]:
    code = f" (MedDRA {block['meddra_version']}: {block['meddra_code']})" if block["meddra_code"] else ""
    score = block["naranjo_score"]
    scale = "" if score is None else f"; Naranjo {score}, {block['naranjo_category'].lower()}"
    return [
        ("What it was", f"{block['term']}{code}"),
        ("Serious, because of", ", ".join(block["outcomes"]) or "not serious"),
        ("Grade (CTCAE v5)", block["grade"]),
        ("Began", _moment(block["began_at"])),
        ("Ended", _moment(block["ended_at"])),
        ("Outcome", block["outcome"]),
        ("Causality (WHO-UMC)", f"{block['causality']}{scale}"),
        ("Expectedness", f"{block['expectedness']}, by {block['reference']}"),
        ("First received", _moment(case["first_received_at"])),
        ("Most recent information", _moment(case["most_recent_information_at"])),
    ]


def _product(block: Mapping[str, Any]) -> list[Row]:
    dose = block.get("dose_mg")
    return [
        ("Name", block["name"]),
        ("Strength", block.get("strength")),
        ("Made by", block.get("compounder")),
        ("Lot", block.get("lot")),
        ("Dose", None if dose is None else f"{dose} mg"),
        ("Route", block.get("route")),
        ("Taken on", block.get("taken_on")),
        ("What was done about it", block["action_taken"]),
        ("Went away without it", block["dechallenge"]),
        ("Came back with it", block["rechallenge"]),
    ]


def _reporter(block: Mapping[str, Any]) -> list[Row]:
    return [
        ("Name", block["name"]),
        ("Profession", block["profession"]),
        ("Country", block["country"]),
        ("Phone", block["phone"]),
    ]


def _signing(signed: Mapping[str, Any]) -> list[Flowable]:
    said = (
        f"The assessment, version {signed['version']}, was signed electronically by {signed['name']} at"
        f" {_moment(signed['at'])}, meaning: {signed['meaning']}. Hash of what was signed:"
        f" {signed['document_sha256']}"
    )
    lines = Table(
        [["", "", ""], ["Signature", "", "Date"]],
        colWidths=[4.2 * inch, 0.3 * inch, 2.4 * inch],
        rowHeights=[30, 14],
    )
    lines.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (0, 0), 0.5, colors.black),
                ("LINEBELOW", (2, 0), (2, 0), 0.5, colors.black),
                ("FONT", (0, 1), (-1, 1), "Helvetica", 8),
            ]
        )
    )
    return [Spacer(1, 6), Paragraph(paper.plain(said), paper.BODY), Spacer(1, 18), lines]


def _moment(said: str | None) -> str | None:
    return said and f"{datetime.fromisoformat(said).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _listed(entries: list[str] | None) -> str:
    if entries is None:
        return "Nobody was asked."
    return "\n".join(entries) or "None."
