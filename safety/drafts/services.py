"""Writes: a screening policy that somebody drafts, here or in a file, for two people to sign."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import User
from accounts.policies import queries as policies
from core.database import atomic
from core.documents import DocumentChanged, NoDocumentInForce, publish
from core.enums import DocumentKind
from core.errors import InputError, InvalidInput, NotFound, Stale
from core.ids import new_id
from core.models import DocumentVersion
from safety import errors
from safety.drafts import queries
from safety.drafts.models import PolicyDraft
from safety.screening.files import read_policy, write_policy
from safety.screening.policy import Unused, example_policy, parse_policy
from safety.screening.tables import PolicyError


def import_policy(text: str, *, not_before: datetime) -> DocumentVersion:
    """Store a screening policy from a TOML file as a version that holds once two people have signed it.

    The same file again is the version that is there. Raises `InvalidInput` with line and reason, or
    `VersionTaken` where that version says something else.
    """
    try:
        content, policy = read_policy(text)
    except PolicyError as error:
        raise InvalidInput(errors=[InputError("/file", "not_a_policy", str(error))]) from None
    try:
        with atomic():
            return publish(
                DocumentKind.SCREENING_POLICY,
                version=policy.version,
                content=content,
                effective_at=not_before,
            )
    except DocumentChanged:
        raise errors.VersionTaken from None


MAX_RULES = 400


def begin_draft(*, from_example: bool, by: User, at: datetime) -> PolicyDraft:
    """Begin a draft from the version in force, or from the example that ships, with the next free number.

    It is the example too where no version is in force.
    """
    began_from = None if from_example else _in_force(at)
    content = dict(example_policy() if began_from is None else began_from.content)
    there = DocumentVersion.objects.filter(kind=DocumentKind.SCREENING_POLICY).order_by("-version").first()
    content["version"] = max(there.version if there else 0, content["version"]) + 1
    return PolicyDraft.objects.create(
        rules=[{"key": str(new_id()), "rule": rule} for rule in content.pop("rules")],
        head=content,
        began_from=began_from,
        begun_by=by,
        begun_at=at,
        changed_by=by,
        changed_at=at,
    )


def _in_force(at: datetime) -> DocumentVersion | None:
    try:
        return policies.in_force(DocumentKind.SCREENING_POLICY, at=at)
    except NoDocumentInForce:
        return None


def save_head(
    draft: PolicyDraft, *, version: int, said: Mapping[str, Any], by: User, at: datetime
) -> PolicyDraft:
    """Save a draft's number, title and note; raises `Stale` or `DraftClosed`."""
    return _save(draft, version=version, by=by, at=at, head={**draft.head, **said})


def save_rule(
    draft: PolicyDraft, *, version: int, key: str | None, rule: Mapping[str, Any], by: User, at: datetime
) -> str:
    """Save one rule of a draft, or add it at the end (no key); return its key.

    Raises `Stale`, `DraftClosed`, `NotFound` where the rule is gone, or `InvalidInput` for one too many.
    """
    rules = list(draft.rules)
    if key is None:
        if len(rules) >= MAX_RULES:
            raise InvalidInput(f"A policy has at most {MAX_RULES} rules.")
        key = str(new_id())
        rules.append({"key": key, "rule": rule})
    elif queries.rule_of(draft, key) is None:
        raise NotFound("This rule was taken out.")
    else:
        rules = [{"key": key, "rule": rule} if entry["key"] == key else entry for entry in rules]
    _save(draft, version=version, by=by, at=at, rules=rules)
    return key


def remove_rule(draft: PolicyDraft, *, version: int, key: str, by: User, at: datetime) -> None:
    """Take one rule out of a draft; raises `Stale` or `DraftClosed`."""
    rules = [entry for entry in draft.rules if entry["key"] != key]
    _save(draft, version=version, by=by, at=at, rules=rules)


def drop_unused(draft: PolicyDraft, *, version: int, by: User, at: datetime) -> list[str]:
    """Take out every question and concept that no rule looks at; return their keys.

    The health facts that such a question stood for are not asked about any more. Raises `Stale` or
    `DraftClosed`.
    """
    content, dropped = queries.content_of(draft), []
    while (found := _unused(content)) is not None:
        name, key = found
        content[name] = [entry for entry in content[name] if entry["key"] != key]
        asked_by = {part: asked for part, asked in content.get("asked_by", {}).items() if asked != key}
        if name == "questions" and "asked_by" in content:
            content["asked_by"] = asked_by
        dropped.append(key)
    content.pop("rules")
    _save(draft, version=version, by=by, at=at, head=content)
    return dropped


def _unused(content: Mapping[str, Any]) -> tuple[str, str] | None:
    try:
        parse_policy(content)
    except Unused as fault:
        name, _, index = fault.place.rstrip("]").partition("[")
        return name, content[name][int(index)]["key"]
    except PolicyError:
        return None
    return None


def put_aside(draft: PolicyDraft, *, version: int, by: User, at: datetime) -> None:
    """Close a draft that nobody needs; it can still be read. Raises `Stale` or `DraftClosed`."""
    _save(draft, version=version, by=by, at=at, closed_at=at)


def put_up(
    draft: PolicyDraft, *, version: int, not_before: datetime, by: User, at: datetime
) -> DocumentVersion:
    """Make a draft a version for two people to sign, as a file that is brought, and close it.

    Raises what `import_policy` raises, `Stale`, `DraftClosed`, or `DraftOvertaken`: a rule that took effect
    meanwhile must not go by nobody's wish.
    """
    if draft.began_from is not None and _in_force(at) != draft.began_from:
        raise errors.DraftOvertaken
    with atomic():
        document = import_policy(write_policy(queries.content_of(draft)), not_before=not_before)
        _save(draft, version=version, by=by, at=at, closed_at=at, became=document)
        return document


def _save(draft: PolicyDraft, *, version: int, by: User, at: datetime, **changed: Any) -> PolicyDraft:
    """Write a draft where it is still at the version that was read: of two at once, one is told so."""
    row = PolicyDraft.objects.filter(pk=draft.pk, version=version, closed_at=None)
    changed_at = max(at, draft.begun_at)
    if draft.version == version and row.update(
        version=version + 1, changed_by=by, changed_at=changed_at, **changed
    ):
        return queries.drafts().get(pk=draft.pk)
    now = queries.drafts().get(pk=draft.pk)
    if now.closed_at is not None:
        raise errors.DraftClosed
    raise Stale(f"{queries.who_changed(now)}, after you opened it. Nothing of yours was saved.")
