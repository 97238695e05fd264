"""Reads: a screening policy as a file, drafts of the next one, and a screening with all that was asked."""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.policies import queries as policies
from core.enums import DocumentKind
from core.errors import NotFound
from core.models import DocumentVersion
from safety import queries, rules
from safety.drafts.models import PolicyDraft
from safety.models import Screening
from safety.screening.explanation import explain
from safety.screening.files import write_policy
from safety.screening.sanity import faults
from safety.screening.tables import PolicyError


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


def drafts() -> QuerySet[PolicyDraft]:
    """Return every draft of the screening policy, the last changed first."""
    return PolicyDraft.objects.select_related("changed_by__clinician", "begun_by__clinician", "became")


def content_of(draft: PolicyDraft) -> dict[str, Any]:
    """Return the policy that a draft is, as it would be stored."""
    return {**draft.head, "rules": [entry["rule"] for entry in draft.rules]}


def rule_of(draft: PolicyDraft, key: str) -> dict[str, Any] | None:
    """Return the rule of a draft that has this key, None where it is gone."""
    return next((entry["rule"] for entry in draft.rules if entry["key"] == key), None)


def draft_faults(draft: PolicyDraft) -> list[PolicyError]:
    """Return what keeps a draft from being put up to be signed; none: it may be."""
    return list(_faults(json.dumps(content_of(draft))))


@lru_cache(maxsize=16)
def _faults(content: str) -> tuple[PolicyError, ...]:
    """Return a policy's faults; remembered, because a page is looked at more often than it changes."""
    return tuple(faults(json.loads(content)))


def rule_key_at(draft: PolicyDraft, fault: PolicyError) -> str | None:
    """Return the key of the rule that a fault is about, None where it is about the whole."""
    found = re.match(r"rules\[([0-9]+)\]", fault.place)
    return draft.rules[int(found[1])]["key"] if found and int(found[1]) < len(draft.rules) else None


def of_rule(draft: PolicyDraft, key: str, found: Iterable[PolicyError]) -> list[tuple[str, str]]:
    """Return the faults of one rule: where below the rule, and what."""
    mine = [fault for fault in found if rule_key_at(draft, fault) == key]
    return [(fault.place.partition("]")[2].removeprefix("."), fault.problem) for fault in mine]


def who_changed(draft: PolicyDraft) -> str:
    """Return in words who saved a draft last, and when."""
    name = getattr(draft.changed_by, "clinician", None) or "Somebody who works here"
    return f"{name} changed this draft on {draft.changed_at:%Y-%m-%d} at {draft.changed_at:%H:%M} UTC"
