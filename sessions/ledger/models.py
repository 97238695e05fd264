from django.db import models
from django.db.models import F, Q

from core.ids import new_id
from core.models import ActedModel, DocumentVersion
from programs.enums import Route
from programs.models import Enrollment
from safety.models import Alert
from sessions.ledger.enums import StockKind
from sessions.ledger.rules import MOST_REFILLS

MOST_UNITS = 1000


class Prescription(ActedModel):
    """A prescription written elsewhere, as a clinician recorded it. Append-only; nothing is sent from here.

    `authority` is the law by which it was written without a visit in person. `expires_on` is its last day.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="prescriptions")
    number = models.CharField(max_length=40)
    prescriber = models.CharField(max_length=120)
    route = models.CharField(max_length=20, choices=Route.choices)
    unit_mg = models.DecimalField(max_digits=6, decimal_places=1)
    units = models.PositiveIntegerField()
    refills = models.PositiveSmallIntegerField()
    issued_on = models.DateField()
    expires_on = models.DateField()
    authority = models.ForeignKey(DocumentVersion, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "number"], name="prescription_recorded_once"),
            models.CheckConstraint(condition=Q(route__in=Route.values), name="prescription_route_is_known"),
            models.CheckConstraint(
                condition=Q(unit_mg__gt=0, units__gt=0, units__lte=MOST_UNITS),
                name="prescription_has_an_amount",
            ),
            models.CheckConstraint(
                condition=Q(refills__lte=MOST_REFILLS), name="prescription_refills_at_most"
            ),
            models.CheckConstraint(
                condition=Q(expires_on__gte=F("issued_on")), name="prescription_expires_after_its_issue"
            ),
            models.CheckConstraint(condition=~Q(number=""), name="prescription_has_a_number"),
        ]

    @property
    def most_units(self) -> int:
        """Return how many units it covers, refills included."""
        return self.units * (1 + self.refills)


class StockEntry(ActedModel):
    """Units of one lot that came or went, and how many are left of it. Append-only.

    `seq` numbers the entries of a lot from 1, and `balance_units` follows from the one before: a trigger says
    so (`stock_follows`), and none is ever below nought. Nor does a prescription bring more than it covers
    (`stock_as_prescribed`), or belong to another chart than what is written of it (`stock_in_one_chart`).
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="stock")
    prescription = models.ForeignKey(Prescription, on_delete=models.PROTECT, related_name="stock")
    lot = models.CharField(max_length=40)
    kind = models.CharField(max_length=12, choices=StockKind.choices)
    units = models.PositiveIntegerField()
    session = models.ForeignKey(
        "treatment_sessions.TreatmentSession", on_delete=models.PROTECT, null=True, related_name="stock"
    )
    seq = models.PositiveIntegerField()
    balance_units = models.IntegerField()
    note = models.TextField(blank=True)
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=StockKind.values), name="stock_kind_is_known"),
            models.CheckConstraint(
                condition=Q(units__gt=0, units__lte=MOST_UNITS), name="stock_moves_some_units"
            ),
            models.CheckConstraint(condition=Q(balance_units__gte=0), name="stock_never_negative"),
            models.CheckConstraint(
                condition=Q(kind=StockKind.TAKEN, session__isnull=False)
                | ~Q(kind=StockKind.TAKEN) & Q(session=None),
                name="stock_taken_in_a_session",
            ),
            models.UniqueConstraint(fields=["prescription", "lot", "seq"], name="stock_one_after_another"),
            models.UniqueConstraint(
                fields=["session", "prescription", "lot"], name="stock_taken_once_in_a_session"
            ),
            models.CheckConstraint(condition=~Q(lot=""), name="stock_has_a_lot"),
            models.CheckConstraint(
                condition=~Q(kind=StockKind.FOUND) | ~Q(note=""), name="stock_found_says_how"
            ),
        ]


class StockCount(ActedModel):
    """How many units of a lot somebody counted, beside how many there should be. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="stock_counts")
    prescription = models.ForeignKey(Prescription, on_delete=models.PROTECT, related_name="counts")
    lot = models.CharField(max_length=40)
    counted_units = models.PositiveIntegerField()
    expected_units = models.PositiveIntegerField()
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, null=True, related_name="+")
    counted_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(counted_units=F("expected_units")) | Q(alert__isnull=False),
                name="stock_difference_means_alert",
            ),
            models.CheckConstraint(
                condition=Q(counted_units__lte=MOST_UNITS), name="stock_count_is_plausible"
            ),
        ]
