"""Reads: a screening policy as a file, and a screening with everything that was asked and found."""

from typing import Any
from uuid import UUID

from accounts.policies import queries as policies
from core.enums import DocumentKind
from core.errors import NotFound
from core.models import DocumentVersion
from safety import queries, rules
from safety.models import Screening
from safety.screening.explanation import explain
from safety.screening.files import write_policy


def screening_policy_file(document_id: UUID) -> tuple[DocumentVersion, str]:
    """Return a version of the screening policy and the file that it is, to the byte; raises `NotFound`."""
    document = policies.version(document_id)
    if document.kind != DocumentKind.SCREENING_POLICY:
        raise NotFound
    return document, write_policy(document.content)


def explanation(screening: Screening) -> dict[str, Any]:
    """Return why a screening came to what it came to: the tree, both readers' words, and whether it replays.

    The tree is grown anew from the answers, the age and the health facts that were stored with the decision.
    """
    decision = screening.decision
    answers = {**screening.answers, rules.AGE: decision["chart"][rules.AGE]}
    return {
        "screening": screening.pk,
        "tree": explain(queries.policy_of(screening), answers, rules.pinned_facts(decision)),
        "patient": decision["texts"]["patient"],
        "clinician": decision["texts"]["clinician"],
        "replays": queries.replays(screening),
    }
