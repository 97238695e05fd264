"""Draws pages to be read, signed and sent: labelled rows, prose, and the same foot on every page."""

import unicodedata
from collections.abc import Iterable
from io import BytesIO
from xml.sax.saxutils import escape

from django.http import HttpResponse
from reportlab.lib import colors
from reportlab.lib.pagesizes import letter
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import inch
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Table, TableStyle
from rest_framework.renderers import JSONRenderer

MARGIN = 0.8 * inch
LABELS_WIDTH, VALUES_WIDTH = 1.9 * inch, 5.0 * inch
_STYLES = getSampleStyleSheet()
TITLE = ParagraphStyle("title", parent=_STYLES["Title"], alignment=0, fontSize=16, leading=20, spaceAfter=2)
BLOCK = ParagraphStyle("block", parent=_STYLES["Heading2"], fontSize=11, leading=14, spaceBefore=10)
BODY = ParagraphStyle("body", parent=_STYLES["BodyText"], fontSize=9.5, leading=12.5)
LABEL = ParagraphStyle("label", parent=BODY, textColor=colors.HexColor("#444444"))
_GRID = TableStyle(
    [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#bbbbbb")),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
)
Row = tuple[str, object]


class OnPaper(JSONRenderer):
    """Lets a client ask for a PDF by its type; a refusal is a problem document all the same."""

    media_type = "application/pdf"


def drawn(story: list[Flowable], *, title: str, author: str, foot: str) -> bytes:
    """Return the PDF of what `story` holds; `foot` stands on every page beside its number."""
    file = BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=letter,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=title,
        author=author,
    )

    def draw_foot(canvas: Canvas, _: SimpleDocTemplate) -> None:
        canvas.setFont("Helvetica", 7)
        canvas.drawString(MARGIN, 0.5 * inch, foot)
        canvas.drawRightString(letter[0] - MARGIN, 0.5 * inch, f"Page {canvas.getPageNumber()}")

    document.build(story, onFirstPage=draw_foot, onLaterPages=draw_foot)
    return file.getvalue()


def download(file: bytes, *, name: str) -> HttpResponse:
    """Return the PDF as a download; its name should tell nothing of whom it is about."""
    answer = HttpResponse(file, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def block(title: str, rows: Iterable[Row]) -> list[Flowable]:
    """Return labelled values under a title; what is empty is said to be not known."""
    cells = [
        [
            Paragraph(label, LABEL),
            Paragraph(plain("not known" if value in (None, "") else str(value)), BODY),
        ]
        for label, value in rows
    ]
    return [
        Paragraph(title, BLOCK),
        Table(cells, colWidths=[LABELS_WIDTH, VALUES_WIDTH], style=_GRID, splitInRow=1),
    ]


def prose(title: str, words: str) -> list[Flowable]:
    """Return words of any length, which a table's cell could not break over pages."""
    lines = [Paragraph(plain(line), BODY) for line in words.splitlines() if line.strip()]
    return [Paragraph(title, BLOCK), *lines]


def plain(words: str) -> str:
    """Return words as markup that is nothing but words, in letters that the fonts have.

    Letters beyond Western European ones are spelled out by their names: the built-in fonts have no shapes for
    them, and nothing that somebody wrote may vanish.
    """
    return escape("".join(map(_shown, words)))


def _shown(letter_: str) -> str:
    if unicodedata.category(letter_).startswith("C") and letter_ != "\t":
        return " "
    try:
        letter_.encode("cp1252")
    except UnicodeEncodeError:
        return f"[{unicodedata.name(letter_, f'U+{ord(letter_):04X}').lower()}]"
    return letter_
