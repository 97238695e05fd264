"""Draws a report on paper: our own page with the form's blocks, to be read, signed and sent."""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from django.http import HttpResponse
from reportlab.lib import colors
from reportlab.lib.pagesizes import letter
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import inch
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

MARGIN = 0.8 * inch
LABELS_WIDTH, VALUES_WIDTH = 1.9 * inch, 5.0 * inch
_STYLES = getSampleStyleSheet()
_TITLE = ParagraphStyle("title", parent=_STYLES["Title"], alignment=0, fontSize=16, leading=20, spaceAfter=2)
_BLOCK = ParagraphStyle("block", parent=_STYLES["Heading2"], fontSize=11, leading=14, spaceBefore=10)
_BODY = ParagraphStyle("body", parent=_STYLES["BodyText"], fontSize=9.5, leading=12.5)
_LABEL = ParagraphStyle("label", parent=_BODY, textColor=colors.HexColor("#444444"))
_GRID = TableStyle(
    [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#bbbbbb")),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
)
Row = tuple[str, object]


def drawn(content: Mapping[str, Any], *, sha256: str) -> bytes:
    """Return the PDF of a whole report; `sha256` is the hash of what it says, printed on every page.

    Letters beyond Western European ones are spelled out by their names: the built-in fonts have no shapes for
    them, and nothing that somebody wrote may vanish.
    """
    file = BytesIO()
    number = content["case"]["number"]
    document = SimpleDocTemplate(
        file,
        pagesize=letter,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=f"Adverse event report {number}",
        author=content["g_reporter"]["name"],
    )

    def foot(canvas: Canvas, _: SimpleDocTemplate) -> None:
        canvas.setFont("Helvetica", 7)
        canvas.drawString(
            MARGIN, 0.5 * inch, f"Case {number}, version {content['signed']['version']}, sha256 {sha256}"
        )
        canvas.drawRightString(letter[0] - MARGIN, 0.5 * inch, f"Page {canvas.getPageNumber()}")

    document.build(_story(content), onFirstPage=foot, onLaterPages=foot)
    return file.getvalue()


def answer(content: Mapping[str, Any], *, sha256: str) -> HttpResponse:
    """Return the PDF as a download; its name tells nothing of whom it is about."""
    file = HttpResponse(drawn(content, sha256=sha256), content_type="application/pdf")
    name = f"report-{content['case']['number']}-{content['signed']['version']}.pdf"
    file["Content-Disposition"] = f'attachment; filename="{name}"'
    return file


def _story(content: Mapping[str, Any]) -> list[Flowable]:
    event = content["b_event"]
    return [
        Paragraph("Adverse event report", _TITLE),
        Paragraph("With the blocks of FDA form 3500. Voluntary report by a health professional.", _LABEL),
        *_block("A. Patient", _patient(content["a_patient"])),
        *_block("B. Adverse event", _event(event, content["case"])),
        *_prose("What happened", event["narrative"]),
        *_prose("Other relevant history", _listed(event["history"])),
        *_block("D. Suspect product", _product(content["d_product"])),
        *_prose("F. Other medicines taken", _listed(content["f_other_products"]["medicines"])),
        *_prose("Allergies", _listed(content["f_other_products"]["allergies"])),
        KeepTogether(
            [*_block("G. Reporter", _reporter(content["g_reporter"])), *_signing(content["signed"])]
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
    return [Spacer(1, 6), Paragraph(_plain(said), _BODY), Spacer(1, 18), lines]


def _block(title: str, rows: Iterable[Row]) -> list[Flowable]:
    cells = [
        [
            Paragraph(label, _LABEL),
            Paragraph(_plain("not known" if value in (None, "") else str(value)), _BODY),
        ]
        for label, value in rows
    ]
    return [
        Paragraph(title, _BLOCK),
        Table(cells, colWidths=[LABELS_WIDTH, VALUES_WIDTH], style=_GRID, splitInRow=1),
    ]


def _prose(title: str, words: str) -> list[Flowable]:
    """Return words of any length, which a table's cell could not break over pages."""
    lines = [Paragraph(_plain(line), _BODY) for line in words.splitlines() if line.strip()]
    return [Paragraph(title, _BLOCK), *lines]


def _moment(said: str | None) -> str | None:
    return said and f"{datetime.fromisoformat(said).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _listed(entries: list[str] | None) -> str:
    if entries is None:
        return "Nobody was asked."
    return "\n".join(entries) or "None."


def _plain(words: str) -> str:
    """Return words as markup that is nothing but words, in letters that the fonts have."""
    return escape("".join(map(_shown, words)))


def _shown(letter_: str) -> str:
    if unicodedata.category(letter_).startswith("C") and letter_ != "\t":
        return " "
    try:
        letter_.encode("cp1252")
    except UnicodeEncodeError:
        return f"[{unicodedata.name(letter_, f'U+{ord(letter_):04X}').lower()}]"
    return letter_
