"""Policies that hold: as before signatures were asked for, or by the signatures of two people."""

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from accounts.enums import Profession, Role
from accounts.models import User
from accounts.policies.services import sign_policy
from accounts.services import add_licence, grant_role, register_clinician
from core.database import as_owner
from core.documents import publish
from core.enums import POLICIES, DocumentKind
from core.models import DocumentVersion
from desk.catalogue import AUTHORITY, EFFECTIVE_AT

YEAR = timedelta(days=365)


def let_hold() -> None:
    """Let what was published hold without signatures, as in a database from before they were asked for."""
    # The law that ships ends one day; tests go on.
    content = example_authority() | {"version": 2, "ends_on": "2999-12-31"}
    kind = DocumentKind.PRESCRIBING_AUTHORITY
    publish(kind, version=2, content=content, effective_at=EFFECTIVE_AT)
    holds = import_module("accounts.migrations.0014_policies_in_force_go_on").HOLDS
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE accounts_policyenactment")
        cursor.execute(holds.partition("WHERE")[0] + "WHERE kind = ANY (%s)", [list(POLICIES)])


def example_authority() -> dict[str, Any]:
    """Return what ships, as it is published."""
    return tomllib.loads((Path(settings.BASE_DIR) / AUTHORITY).read_text())


def signers(at: datetime) -> tuple[User, User]:
    """Return a medical director and a clinician, neither of them on call; made once."""
    from tests.conftest import make_user

    found = list(User.objects.filter(email__endswith="@policy.example").order_by("email"))
    if found:
        return found[0], found[1]
    dee, eli = make_user("dee@policy.example", is_staff=True), make_user("eli@policy.example", is_staff=True)
    for user in (dee, eli):
        name = user.email.partition("@")[0].title()
        made = register_clinician(
            user, full_name=f"{name} Example", credentials="MD", profession=Profession.PHYSICIAN
        )
        add_licence(
            made,
            state="NY",
            number=name,
            starts_on=(at - YEAR).date(),
            ends_on=(at + 5 * YEAR).date(),
            recorded_by=None,
            at=at,
        )
    grant_role(dee, Role.MEDICAL_DIRECTOR, granted_by=None, at=at - YEAR)
    return dee, eli


def enact(
    kind: DocumentKind, *, version: int, content: Mapping[str, Any], effective_at: datetime, at: datetime
) -> DocumentVersion:
    """Publish a version of a policy and let two people sign it at `at`."""
    document = publish(kind, version=version, content=content, effective_at=effective_at)
    for signer in signers(at):
        sign_policy(document.pk, sha256=document.sha256, signer=signer, at=at)
    return document
