"""Between which values a reading can be a reading at all: what lies outside was mistyped, and is refused.

Inclusive, wide on purpose; none of these gates a dose (the session policy does). Example, not verified.
"""

SYSTOLIC_MMHG = (50, 300)
DIASTOLIC_MMHG = (20, 200)
HEART_RATE_BPM = (20, 250)
OXYGEN_SATURATION_PCT = (50, 100)
COMFORT = (0, 10)
"""From 0, very uncomfortable, to 10, entirely comfortable; the person's own rating."""
DISSOCIATION = (0, 10)
"""From 0, as ever, to 10, entirely away from body and room; the person's own rating, no published scale."""
