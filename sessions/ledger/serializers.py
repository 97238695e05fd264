from decimal import Decimal
from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer
from programs.enums import Route
from sessions.ledger.enums import StockKind
from sessions.ledger.models import MOST_UNITS, Prescription, StockCount, StockEntry
from sessions.ledger.rules import MOST_REFILLS, External
from sessions.ledger.services import Moved

STOCK_MOVES = [(kind.value, kind.label) for kind in StockKind if kind != StockKind.TAKEN]
"""What somebody writes down by itself; a dose is written with its session."""


class LotField(serializers.CharField):
    """A lot's number, however it is typed: the same lot is never two."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=40, **options)

    def to_internal_value(self, data: Any) -> str:
        """Return it in capitals, single spaces between."""
        return " ".join(super().to_internal_value(data).upper().split())


class PrescriptionInput(InputSerializer):
    """A prescription that was written elsewhere; `unit_mg` is what one tablet or vial holds."""

    number = serializers.CharField(max_length=40)
    prescriber = serializers.CharField(max_length=120)
    route = serializers.ChoiceField(choices=Route.choices)
    unit_mg = serializers.DecimalField(max_digits=6, decimal_places=1, min_value=Decimal(1))
    units = serializers.IntegerField(min_value=1, max_value=MOST_UNITS)
    refills = serializers.IntegerField(min_value=0, max_value=MOST_REFILLS)
    issued_on = serializers.DateField()
    expires_on = serializers.DateField()

    def external(self) -> External:
        """Return what was said."""
        return External(**self.validated_data | {"route": Route(self.validated_data["route"])})


class PrescriptionOutput(serializers.Serializer[Prescription]):
    """A recorded prescription."""

    id = serializers.UUIDField()
    number = serializers.CharField()
    prescriber = serializers.CharField()
    route = serializers.ChoiceField(choices=Route.choices)
    unit_mg = serializers.DecimalField(max_digits=6, decimal_places=1)
    units = serializers.IntegerField()
    refills = serializers.IntegerField()
    issued_on = serializers.DateField()
    expires_on = serializers.DateField()
    recorded_at = serializers.DateTimeField()


class StockMoveInput(InputSerializer):
    """Units of a lot that came from a pharmacy, went without being taken, or were not gone, and why."""

    kind = serializers.ChoiceField(choices=STOCK_MOVES)
    lot = LotField()
    units = serializers.IntegerField(min_value=1, max_value=MOST_UNITS)
    note = serializers.CharField(max_length=500, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask how something was found that was written down as gone."""
        if attrs["kind"] == StockKind.FOUND and not attrs["note"]:
            raise serializers.ValidationError({"note": "Say how it was found."})
        return attrs

    def moved(self) -> Moved:
        """Return what was said."""
        return Moved(**self.validated_data | {"kind": StockKind(self.validated_data["kind"])})


class StockEntryOutput(serializers.Serializer[StockEntry]):
    """Units that came or went, and how many are left of that lot."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=StockKind.choices)
    lot = serializers.CharField()
    units = serializers.IntegerField()
    balance_units = serializers.IntegerField()
    session = serializers.UUIDField(source="session_id", allow_null=True)
    note = serializers.CharField()
    recorded_at = serializers.DateTimeField()


class StockCountInput(InputSerializer):
    """How many units of a lot are there."""

    lot = LotField()
    counted_units = serializers.IntegerField(min_value=0, max_value=MOST_UNITS)


class StockCountOutput(serializers.Serializer[StockCount]):
    """What was counted, and what there should be."""

    id = serializers.UUIDField()
    lot = serializers.CharField()
    counted_units = serializers.IntegerField()
    expected_units = serializers.IntegerField()
    agrees = serializers.SerializerMethodField()
    counted_at = serializers.DateTimeField()

    def get_agrees(self, row: Any) -> bool:
        """Tell whether nothing is missing and nothing too much."""
        return bool(row.counted_units == row.expected_units)
