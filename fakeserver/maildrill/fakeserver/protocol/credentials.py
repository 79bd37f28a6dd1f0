"""Who may log in: what one step of a login comes to, and the names and secrets that it is held against.

Rule 1: an unknown name and a wrong secret look the same from outside.
Rule 2: without users everybody is let in who says something well formed. Pure.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

from maildrill.smtp import Reply
from maildrill.smtp.saslprep import prepared

#: Who a token lets in where it does not say whose it is.
NAMELESS = "anonymous"

CANCELLED = Reply.of("501 5.7.0 authentication cancelled")
UNDECODABLE = Reply.of("501 5.5.2 cannot decode this base64")
MALFORMED = Reply.of("501 5.5.2 malformed response")
INVALID = Reply.of("535 5.7.8 authentication credentials invalid")
NO_MECHANISM = Reply.of("504 5.5.4 authentication mechanism not implemented")


@dataclass(frozen=True, slots=True)
class Challenge:
    """The server wants to hear more: what it says, in base64 (RFC 4954 section 4)."""

    text: str

    @property
    def reply(self) -> Reply:
        """The challenge as it is said."""
        return Reply(334, (self.text,))


@dataclass(frozen=True, slots=True)
class Granted:
    """Let in, as `user`."""

    user: str


@dataclass(frozen=True, slots=True)
class Denied:
    """Not let in, and what is said."""

    reply: Reply


Step = Challenge | Granted | Denied
#: A mechanism: it gives challenges, is sent responses, and returns what it comes to; octets, base64 undone.
Talk = Generator[bytes, bytes, Granted | Denied]


@dataclass(slots=True)
class Desk:
    """Where a login is judged. users: name to secret. user: who wants to be let in, as far as is known."""

    users: Mapping[str, str] = field(repr=False)
    user: str = ""

    def judge(self, name: str, right: Callable[[str], bool]) -> Granted | Denied:
        """Let `name` in if `right` says so about its secret."""
        self.user = name
        secret = self.users.get(name)
        known = not self.users or (secret is not None and right(secret))
        return Granted(name) if known else Denied(INVALID)

    def judge_password(self, name: str, password: str) -> Granted | Denied:
        """Let `name` in with its password."""
        return self.judge(name, lambda secret: same(prepared(secret), prepared(password)))

    def judge_token(self, name: str, token: str) -> Granted | Denied:
        """Let in whom a bearer token belongs to; a name may be left out (RFC 7628 section 3.1)."""
        if not name:
            name = next((user for user, secret in self.users.items() if same(secret, token)), NAMELESS)
        return self.judge(name, lambda secret: same(secret, token))


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same; none is the same as nothing."""
    return bool(one) and hmac.compare_digest(one.encode(), other.encode())
