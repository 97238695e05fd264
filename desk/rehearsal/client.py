"""One client per person, over real HTTP; an answer other than the expected one is a failure."""

import email
import email.policy
import re
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

MAIL_WAIT_S = 60
CODE_WAIT_S = 35
_TLS = ssl.create_default_context()  # one for all: making one takes longer than a request


class StepFailed(Exception):
    """A step did not do what it should."""


@dataclass
class Mailbox:
    """The folders that the local mail server writes: one file a message, one folder a recipient.

    Only what came after this was made is seen, so that a rehearsal can follow another.
    """

    folder: Path
    since: float = field(default_factory=time.time)

    @property
    def began_at(self) -> datetime:
        """Return when this was made."""
        return datetime.fromtimestamp(self.since, tz=UTC)

    def from_now_on(self) -> "Mailbox":
        """Return the same folders, of which only what is still to come is seen."""
        return Mailbox(self.folder)

    def ids(self) -> Counter[str]:
        """Count every message that came by the id of the delivery that it is."""
        parser = BytesHeaderParser(policy=email.policy.default)
        files = (file for file in self.folder.glob("*/*.eml") if file.stat().st_mtime >= self.since)
        heads = (parser.parsebytes(file.read_bytes()) for file in files)
        return Counter(str(head["Message-ID"]).strip("<").partition("@")[0] for head in heads)

    def messages(self, recipient: str) -> list[str]:
        """Return the subject and text of every message to `recipient`, oldest first."""
        files = sorted((self.folder / recipient).glob("*.eml"))
        return [_read(file) for file in files if file.stat().st_mtime >= self.since]

    def recipients(self) -> list[str]:
        """Return everybody who got a message."""
        return sorted(folder.name for folder in self.folder.iterdir()) if self.folder.exists() else []

    def wait_for(self, recipient: str, pattern: str) -> str:
        """Return the first group of `pattern` in the newest message that has it; raises `StepFailed`."""
        deadline = time.monotonic() + MAIL_WAIT_S
        while time.monotonic() < deadline:
            for message in reversed(self.messages(recipient)):
                if found := re.search(pattern, message):
                    return found[1]
            time.sleep(0.2)
        raise StepFailed(f"no mail with {pattern!r} came within {MAIL_WAIT_S} s")

    def wait_for_quiet(self, *, quiet_s: float = 12) -> None:
        """Wait until nothing has come for `quiet_s` seconds: longer than the worker's tick."""
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < quiet_s:
            now = sum(1 for _ in self.folder.glob("*/*.eml"))
            if now != seen:
                seen, since = now, time.monotonic()
            time.sleep(0.5)


def _read(file: Path) -> str:
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    body = message.get_body(preferencelist=("plain",))
    return f"{message['Subject']}\n{body.get_content() if body else ''}"


@dataclass
class Client:
    """One person's device."""

    base_url: str
    email: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._password = ""
        self._http = httpx.Client(base_url=f"{self.base_url}/api/v1/", timeout=60, verify=_TLS)

    def close(self) -> None:
        """Put the device away."""
        self._http.close()

    def get(self, path: str, *, expect: int = 200) -> Any:
        """GET and return the JSON answer; raises `StepFailed` on another status."""
        return self._checked("GET", path, expect=(expect,))

    def every(self, path: str) -> list[Any]:
        """GET all pages of a list and return their rows."""
        rows: list[Any] = []
        where: str | None = path
        while where:
            page = self.get(where)
            rows, where = rows + page["results"], page["next"]
        return rows

    def post(self, path: str, body: Mapping[str, Any], *, expect: Iterable[int] = (201,)) -> Any:
        """POST with a new Idempotency-Key and return the JSON answer."""
        return self._checked("POST", path, body, {"Idempotency-Key": str(uuid4())}, expect=expect)

    def enter(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST an entry that carries its own number in place of a key, and return the JSON answer."""
        return self._checked("POST", path, body, expect=(201,))

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """PUT and return the JSON answer."""
        return self._checked("PUT", path, body, expect=(200,))

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Read the ETag, PATCH what was read, and return the JSON answer."""
        read = self._http.get(path, headers=self.headers)
        return self._checked("PATCH", path, body, {"If-Match": read.headers.get("ETag", "")}, expect=(200,))

    def sign_up(self, password: str) -> None:
        """Sign up; a code is sent to the address, and until it is confirmed nothing is open."""
        self._password = password
        body = {"email": self.email, "password": password}
        self._keep_token(self._checked("POST", "auth/app/v1/auth/signup", body, expect=(401,)))

    def confirm_address(self, mailbox: Mailbox) -> None:
        """Read the code from the mail, and confirm the address with it."""
        code = mailbox.wait_for(self.email, r"Your code is ([A-Z0-9-]+)")
        confirmed = self._checked("POST", "auth/app/v1/auth/email/verify", {"key": code}, expect=(200,))
        self._keep_token(confirmed)

    def sign_in(self, email_address: str, password: str, *, code: Callable[[], str]) -> None:
        """Sign in with e-mail address, password and what the authenticator app shows.

        A code counts once: one that was used a moment ago, on another device, has to pass first.
        """
        self.email, self._password = email_address, password
        body = {"email": email_address, "password": password}
        self._keep_token(self._checked("POST", "auth/app/v1/auth/login", body, expect=(401,)))
        deadline = time.monotonic() + CODE_WAIT_S
        while True:
            shown = {"code": code()}
            answer = self._checked("POST", "auth/app/v1/auth/2fa/authenticate", shown, expect=(200, 400))
            if answer["status"] == 200:
                return self._keep_token(answer)
            if time.monotonic() > deadline:
                raise StepFailed(f"no code was good enough: {answer}")
            time.sleep(1)

    def sign_out(self) -> None:
        """Sign out; the token opens nothing afterwards."""
        self._checked("DELETE", "auth/app/v1/auth/session", expect=(401,))
        self.get("me", expect=401)

    def _reauthenticate(self) -> None:
        """Show that it is still oneself, as the app asks before something is signed."""
        body = {"password": self._password}
        self._checked("POST", "auth/app/v1/auth/reauthenticate", body, expect=(200,))

    def _keep_token(self, answer: Any) -> None:
        if token := answer["meta"].get("session_token"):
            self.headers["X-Session-Token"] = token

    def _checked(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        expect: Iterable[int],
    ) -> Any:
        answer = self._http.request(method, path, json=body, headers=self.headers | dict(headers or {}))
        if answer.status_code == 403 and answer.json().get("code") == "reauthentication_required":
            self._reauthenticate()
            answer = self._http.request(method, path, json=body, headers=self.headers | dict(headers or {}))
        if answer.status_code not in expect:
            raise StepFailed(f"{method} {path}: {answer.status_code} {answer.text[:600]}")
        return answer.json() if answer.content else None
