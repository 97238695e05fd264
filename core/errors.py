"""Every refusal this API can give, each a class with its status; rooms derive their own from these."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar


@dataclass(frozen=True)
class InputError:
    """One fault in what was sent: where (a JSON pointer), what kind, and a sentence."""

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True)
class Reason:
    """One reason why something was refused or decided."""

    code: str
    detail: str


class Problem(Exception):
    """Something went wrong on our side."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"
    code: str = "internal"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[InputError] = (),
        reasons: Sequence[Reason] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.detail = detail or (self.__doc__ or "").split("\n")[0]
        self.errors = tuple(errors)
        self.reasons = tuple(reasons)
        self.headers = dict(headers or {})
        super().__init__(self.detail)

    def document(self, *, instance: str) -> dict[str, object]:
        """Return the RFC 9457 problem document for this refusal of a request to `instance`."""
        document: dict[str, object] = {
            "type": f"/problems/{self.type}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
        }
        if self.errors:
            document["errors"] = [asdict(error) for error in self.errors]
        if self.reasons:
            document["reasons"] = [asdict(reason) for reason in self.reasons]
        return document


class Malformed(Problem):
    """The request could not be read as it was sent."""

    status = 400
    type = "malformed"
    title = "Malformed request"
    code = "malformed"


class InvalidInput(Malformed):
    """Some of what was sent is not acceptable; each fault is listed."""

    type = "invalid-input"
    title = "Invalid input"
    code = "invalid_input"


class TooLarge(Problem):
    """The request is larger than this address takes."""

    status = 413
    type = "too-large"
    title = "Request too large"
    code = "too_large"


class SignInRequired(Problem):
    """Sign in to do this, or open the link you were sent once more."""

    status = 401
    type = "sign-in-required"
    title = "Sign-in required"
    code = "sign_in_required"


class NotAllowed(Problem):
    """Your role does not include this."""

    status = 403
    type = "not-allowed"
    title = "Not allowed"
    code = "not_allowed"


class NotFound(Problem):
    """There is nothing here for you."""

    status = 404
    type = "not-found"
    title = "Not found"
    code = "not_found"


class MethodNotAllowed(Problem):
    """This address does not take that method."""

    status = 405
    type = "method-not-allowed"
    title = "Method not allowed"
    code = "method_not_allowed"


class NotAcceptable(Problem):
    """This address answers in JSON only."""

    status = 406
    type = "not-acceptable"
    title = "Not acceptable"
    code = "not_acceptable"


class Conflict(Problem):
    """This cannot be done in the present state."""

    status = 409
    type = "conflict"
    title = "Wrong state"
    code = "conflict"


class Stale(Problem):
    """It has changed since you read it; read it again."""

    status = 412
    type = "stale"
    title = "Changed since read"
    code = "stale"


class UnsupportedMediaType(Problem):
    """Send JSON."""

    status = 415
    type = "unsupported-media-type"
    title = "Unsupported media type"
    code = "unsupported_media_type"


class Refused(Problem):
    """This was refused; each reason is listed."""

    status = 422
    type = "refused"
    title = "Refused"
    code = "refused"


class KeyReused(Refused):
    """This Idempotency-Key was used before with another request."""

    type = "key-reused"
    title = "Idempotency-Key reused"
    code = "idempotency_key_reused"


class PreconditionRequired(Problem):
    """A header that protects against doing this twice, or over somebody's change, is missing."""

    status = 428
    type = "precondition-required"
    title = "Precondition required"
    code = "precondition_required"


class TooMany(Problem):
    """Too many requests; wait a little."""

    status = 429
    type = "too-many"
    title = "Too many requests"
    code = "too_many"


class Unavailable(Problem):
    """A part that this needs is not working; nothing was changed. Try again shortly."""

    status = 503
    type = "unavailable"
    title = "Unavailable"
    code = "unavailable"

    def __init__(self, detail: str = "", *, reasons: Sequence[Reason] = ()) -> None:
        super().__init__(detail, reasons=reasons, headers={"Retry-After": "5"})
