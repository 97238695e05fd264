from django.db import migrations

from core.append_only import kept
from core.walls import ACTOR, By, audited, private

TABLE = "notifications_textnumber"


class Migration(migrations.Migration):
    dependencies = [("notifications", "0013_texts_to_patients")]

    operations = [
        kept(TABLE),
        private(TABLE, f"'person:' || user_id = {ACTOR}"),
        audited(TABLE, By.USER, secret=("number", "code")),
    ]
