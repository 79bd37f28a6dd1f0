"""The server's side of SMTP AUTH: an exchange of challenges and responses, for each mechanism (RFC 4954).

Rule: no chance in here: what must be fresh in each exchange (the nonce) is an argument. Pure.
"""

from __future__ import annotations

import binascii
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from maildrill.fakeserver.protocol.credentials import (
    CANCELLED,
    INVALID,
    MALFORMED,
    NO_MECHANISM,
    UNDECODABLE,
    Challenge,
    Denied,
    Desk,
    Granted,
    Step,
    Talk,
)
from maildrill.fakeserver.protocol.scram import HEADER, saslname, scram

_DIGEST = re.compile(r"(.+) ([0-9a-f]{32})", re.DOTALL)
_XOAUTH2 = re.compile(r"user=([^\x01]*)\x01auth=bearer ([\x21-\x7e]+)\x01\x01", re.IGNORECASE)
# RFC 7628 section 3.1: a GS2 header, then key-value pairs, each with a 0x01 behind it, and one more
_OAUTHBEARER = re.compile(rf"(?:{HEADER})\x01(?:[A-Za-z]+=[^\x01\x00]*\x01)+\x01")
_BEARER = re.compile(r"\x01auth=bearer ([\x21-\x7e]+)\x01", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Call:
    """What a mechanism is begun with. fresh: the nonce as text that any mechanism can use."""

    desk: Desk
    fresh: str
    hostname: str


class Exchange:
    """One login. said: what the server says now.

    initial: the response to a first challenge that is never said, or None.
    """

    def __init__(self, talk: Talk, desk: Desk, initial: bytes | None = None) -> None:
        self._talk = talk
        self._desk = desk
        self.said: Step = self._hear(None)
        if initial is not None:
            self.said = self._hear(initial)

    @property
    def user(self) -> str:
        """Who wants to be let in, as far as is known; "" before."""
        return self._desk.user

    def step(self, response: str) -> Step:
        """Return what the server says to a response, a line without its end; `*` ends the exchange.

        What ended stays as it is.
        """
        if isinstance(self.said, Challenge):
            octets = _decoded(response)
            self.said = self._hear(octets) if isinstance(octets, bytes) else octets
        return self.said

    def _hear(self, octets: bytes | None) -> Step:
        try:
            challenge = next(self._talk) if octets is None else self._talk.send(octets)
        except StopIteration as end:
            outcome: Granted | Denied = end.value
            return outcome
        return Challenge(binascii.b2a_base64(challenge, newline=False).decode())


def begin(
    mechanism: str, initial: str | None, users: Mapping[str, str], nonce: bytes, *, hostname: str = "localhost"
) -> Exchange:
    """Return the exchange that `AUTH mechanism initial` begins; its `said` is the first step.

    initial: as on the line: base64, `=` for an empty response, None for none. users: name to password (for the two
    OAuth mechanisms: to token); without any everybody is let in. nonce: octets that no other exchange has.
    """
    desk = Desk(users)
    begun = _MECHANISMS.get(mechanism.upper())
    if begun is None:
        return Exchange(_refused(Denied(NO_MECHANISM)), desk)
    talk, server_first = begun
    call = _Call(desk, nonce.hex(), hostname)
    if initial is None:
        return Exchange(talk(call), desk)
    octets = b"" if initial == "=" else _decoded(initial)
    if not isinstance(octets, bytes):
        return Exchange(_refused(octets), desk)
    if server_first:  # RFC 4954 section 4: the client must wait for the challenge
        return Exchange(_refused(Denied(MALFORMED)), desk)
    return Exchange(talk(call), desk, octets)


def _decoded(response: str) -> bytes | Denied:
    if response == "*":
        return Denied(CANCELLED)
    try:
        return binascii.a2b_base64(response, strict_mode=True)
    except ValueError:
        return Denied(UNDECODABLE)


def _refused(why: Denied) -> Talk:
    """A mechanism that asks nothing and lets nobody in."""
    yield from ()
    return why


def _text(octets: bytes) -> str:
    """Return what a response says, or "" for what is no UTF-8: no mechanism takes an empty response."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return ""


def _plain(call: _Call) -> Talk:
    """PLAIN (RFC 4616): [authorization identity] NUL user NUL password."""
    parts = _text((yield b"")).split("\0")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        return Denied(MALFORMED)
    identity, name, password = parts
    granted = call.desk.judge_password(name, password)
    # Nobody may act for another.
    return granted if identity in ("", name) or not call.desk.users else Denied(INVALID)


def _login(call: _Call) -> Talk:
    """LOGIN: the user, then the password, as clients expect to be asked (draft-murchison-sasl-login)."""
    name = _text((yield b"Username:"))
    call.desk.user = name
    password = _text((yield b"Password:"))
    return call.desk.judge_password(name, password) if name and password else Denied(MALFORMED)


def _cram_md5(call: _Call) -> Talk:
    """CRAM-MD5 (RFC 2195): the user and a keyed digest of the challenge."""
    challenge = f"<{call.fresh}@{call.hostname}>".encode()
    match = _DIGEST.fullmatch(_text((yield challenge)))
    if match is None:
        return Denied(MALFORMED)
    name, digest = match.groups()
    return call.desk.judge(
        name, lambda secret: hmac.compare_digest(hmac.new(secret.encode(), challenge, "md5").hexdigest(), digest)
    )


def _xoauth2(call: _Call) -> Talk:
    """XOAUTH2, as Google and Microsoft document it."""
    match = _XOAUTH2.fullmatch(_text((yield b"")))
    if match is None:
        return Denied(MALFORMED)
    outcome = call.desk.judge_token(match[1], match[2])
    if isinstance(outcome, Denied):
        yield json.dumps({"status": "401", "schemes": "bearer", "scope": "https://mail.example/"}).encode()
    return outcome


def _oauthbearer(call: _Call) -> Talk:
    """OAUTHBEARER (RFC 7628): a refusal is told as JSON first, and the client must answer that (section 3.2.3)."""
    said = _text((yield b""))
    match, token = _OAUTHBEARER.fullmatch(said), _BEARER.search(said)
    name = saslname(match["identity"] or "") if match is not None else None
    if match is None or name is None or token is None:
        return Denied(MALFORMED)
    outcome = call.desk.judge_token(name, token[1]) if match["binding"] in "ny" else Denied(INVALID)
    if isinstance(outcome, Denied):
        yield json.dumps({"status": "invalid_token", "scope": "mail"}).encode()
    return outcome


def _scram(digest: str) -> Callable[[_Call], Talk]:
    return lambda call: scram(digest, call.desk, call.fresh)


#: Each mechanism, and whether the server speaks first in it, so that it takes no initial response.
_MECHANISMS: dict[str, tuple[Callable[[_Call], Talk], bool]] = {
    "SCRAM-SHA-256": (_scram("sha256"), False),
    "SCRAM-SHA-1": (_scram("sha1"), False),
    "CRAM-MD5": (_cram_md5, True),
    "PLAIN": (_plain, False),
    "LOGIN": (_login, False),  # its initial response, which no document has and clients send, is the user
    "OAUTHBEARER": (_oauthbearer, False),
    "XOAUTH2": (_xoauth2, False),
}
#: The mechanisms that a server can offer, the strongest first.
MECHANISMS: tuple[str, ...] = tuple(_MECHANISMS)
