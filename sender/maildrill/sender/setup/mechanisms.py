"""The client's side of AUTH: what to say to each challenge, for each mechanism. Pure.

Rule 1: chance (the nonce) is an argument. Rule 2: a server that should show that it knows the password, and does not,
is not believed, whatever it says (RFC 5802 section 3).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from abc import ABC, abstractmethod
from base64 import b64encode
from binascii import Error, a2b_base64
from collections.abc import Callable
from dataclasses import dataclass

from maildrill.sender.credentials import TOKENS, Mechanism
from maildrill.smtp.saslprep import prepared

_FIRST = re.compile(
    r"r=(?P<nonce>[!-+\--~]+),s=(?P<salt>[A-Za-z0-9+/=]+),i=(?P<rounds>[1-9]\d{0,9})(?:,.*)?", re.DOTALL
)
#: Fewer make a stolen exchange too cheap to guess (RFC 7677 section 4, and 5802 section 5.1 for SHA-1).
_LEAST_ROUNDS = 4096
_MOST_ROUNDS = 10_000_000  # more would keep us busy for minutes, which is what an attacker may want


class CancelError(Exception):
    """The exchange must not go on: we say `*`. impostor: the server could not show that it knows the password."""

    def __init__(self, detail: str, *, impostor: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.impostor = impostor


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a mechanism needs. nonce: printable ASCII without a comma, new for each exchange."""

    user: str
    secret: str
    nonce: str
    host: str
    port: int


class Talk(ABC):
    """One exchange. initial: what goes with the command; None: the server speaks first."""

    initial: bytes | None = None
    #: What the server says for itself where it refuses a token.
    complaint = ""

    @abstractmethod
    def respond(self, challenge: bytes) -> bytes:
        """Return the response to a challenge; raises CancelError."""

    @property
    def satisfied(self) -> bool:
        """Whether a 235 may be believed now."""
        return True


class _Answers(Talk):
    """Says what it has, in order, whatever it is asked."""

    def __init__(self, *answers: bytes, initial: bytes | None = None) -> None:
        self.initial = initial
        self._answers = list(answers)

    def respond(self, challenge: bytes) -> bytes:  # noqa: ARG002 - LOGIN's prompts have many forms
        if not self._answers:
            raise CancelError("the server asks for more than the mechanism has")
        return self._answers.pop(0)


class _CramMd5(Talk):
    def __init__(self, call: Call) -> None:
        self._call = call
        self._said = False

    def respond(self, challenge: bytes) -> bytes:
        if self._said:
            raise CancelError("the server asks for more than the mechanism has")
        self._said = True
        digest = hmac.new(_prepared(self._call.secret).encode(), challenge, "md5").hexdigest()
        return f"{_prepared(self._call.user)} {digest}".encode()


class _Token(Talk):
    """A refusal comes as JSON in a challenge first, which must be answered to hear the code behind it."""

    def __init__(self, initial: str, farewell: bytes) -> None:
        self.initial = initial.encode()
        self._farewell = farewell
        self._asked = False

    def respond(self, challenge: bytes) -> bytes:
        if not challenge and not self._asked:  # it did not take the initial response, or got none
            self._asked = True
            return self.initial or b""
        if self.complaint:
            raise CancelError(self.complaint)
        self._asked = True
        self.complaint = _complaint(challenge)
        return self._farewell


class _Scram(Talk):
    """RFC 5802; without channel binding, which Python's ssl does not have for TLS 1.3 (docs/tls.md)."""

    def __init__(self, digest: str, call: Call) -> None:
        self._digest = digest
        self._call = call
        name = _prepared(call.user).replace("=", "=3D").replace(",", "=2C")
        self._bare = f"n={name},r={call.nonce}"
        self.initial = f"n,,{self._bare}".encode()
        self._signature: bytes | None = None
        self._shown = False

    def respond(self, challenge: bytes) -> bytes:
        if not challenge and self._signature is None:  # the initial response went without the command
            return self.initial or b""
        if self._signature is None:
            return self._prove(challenge.decode("utf-8", "replace"))
        expected = b"v=" + b64encode(self._signature)
        if self._shown or not hmac.compare_digest(challenge.partition(b",")[0], expected):
            raise CancelError("the server does not know the password: its signature is wrong", impostor=True)
        self._shown = True
        return b""

    def _prove(self, challenge: str) -> bytes:
        match = _FIRST.fullmatch(challenge)
        salt = _unbase64(match["salt"]) if match else b""
        if match is None or not salt:
            raise CancelError("the challenge is none of SCRAM's")
        if not match["nonce"].startswith(self._call.nonce) or match["nonce"] == self._call.nonce:
            raise CancelError("the challenge is not an answer to ours: its nonce is another", impostor=True)
        rounds = int(match["rounds"])
        if not _LEAST_ROUNDS <= rounds <= _MOST_ROUNDS:
            raise CancelError(f"the server wants {rounds} rounds of the hash", impostor=True)
        salted = hashlib.pbkdf2_hmac(self._digest, _prepared(self._call.secret).encode(), salt, rounds)
        final = f"c=biws,r={match['nonce']}"  # biws: "n,,", no channel is bound
        spoken = f"{self._bare},{challenge},{final}".encode()
        key = self._mac(salted, b"Client Key")
        signature = self._mac(hashlib.new(self._digest, key).digest(), spoken)
        self._signature = self._mac(self._mac(salted, b"Server Key"), spoken)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return f"{final},p={b64encode(proof).decode()}".encode()

    def _mac(self, key: bytes, text: bytes) -> bytes:
        return hmac.digest(key, text, self._digest)

    @property
    def satisfied(self) -> bool:
        """Whether the server has shown that it knows the password."""
        return self._shown


def _plain(call: Call) -> Talk:
    said = f"\0{_prepared(call.user)}\0{_prepared(call.secret)}".encode()
    return _Answers(said, initial=said)


def _login(call: Call) -> Talk:
    return _Answers(call.user.encode(), call.secret.encode())


def _xoauth2(call: Call) -> Talk:
    return _Token(f"user={call.user}\x01auth=Bearer {call.secret}\x01\x01", b"")


def _oauthbearer(call: Call) -> Talk:
    name = call.user.replace("=", "=3D").replace(",", "=2C")
    said = f"n,a={name},\x01host={call.host}\x01port={call.port}\x01auth=Bearer {call.secret}\x01\x01"
    return _Token(said, b"\x01")


_TALKS: dict[Mechanism, Callable[[Call], Talk]] = {
    Mechanism.SCRAM_SHA_256: lambda call: _Scram("sha256", call),
    Mechanism.SCRAM_SHA_1: lambda call: _Scram("sha1", call),
    Mechanism.CRAM_MD5: _CramMd5,
    Mechanism.OAUTHBEARER: _oauthbearer,
    Mechanism.XOAUTH2: _xoauth2,
    Mechanism.PLAIN: _plain,
    Mechanism.LOGIN: _login,
}


def begin(mechanism: Mechanism, call: Call) -> Talk:
    """Return the exchange; raises CancelError where name or secret cannot be said in it."""
    unusable = [text for text in (call.user, call.secret) if not text or "\0" in text or not _encodable(text)]
    if unusable or (mechanism in TOKENS and not (call.secret.isascii() and _printable(call.secret))):
        raise CancelError(f"name or secret have characters, or none, that {mechanism} cannot say")
    return _TALKS[mechanism](call)


def _printable(token: str) -> bool:
    return all("!" <= character <= "~" for character in token)


def _encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _prepared(text: str) -> str:
    """As it is compared (RFC 4013); as it is where that forbids it: servers differ, and it may be right."""
    return prepared(text) or text


def _unbase64(text: str) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)
    except (Error, ValueError):
        return b""


def _complaint(challenge: bytes) -> str:
    """Return what the JSON of a refused token says (RFC 7628 section 3.2.2), or that it says nothing."""
    try:
        told = json.loads(challenge)
    except (ValueError, RecursionError):
        told = None
    said = {key: told[key] for key in ("status", "scope", "schemes") if key in told} if isinstance(told, dict) else {}
    return "the token is refused" + "".join(f", {key} {value}" for key, value in said.items())
