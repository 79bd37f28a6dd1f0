"""SCRAM, the server's side: both show that they know the password, and neither says it (RFC 5802, RFC 7677).

Without users nobody's password is known: any proof is taken then, and the server cannot show its own.
Channel binding is refused, as by a server that does not offer the -PLUS mechanisms. Pure.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from functools import lru_cache

from maildrill.fakeserver.protocol.credentials import INVALID, MALFORMED, Denied, Desk, Granted, Talk
from maildrill.smtp.saslprep import prepared

#: A GS2 header (RFC 5801 section 4): whether the channel is bound, and as whom the user wants to act.
HEADER = r"(?P<binding>[ny]|p=[A-Za-z0-9.\-]+),(?:a=(?P<identity>[^,\x00\x01]+))?,"
#: Iterations of the hash: the least that RFC 7677 section 4 allows.
ITERATIONS = 4096

_NONCE = r"[!-+\--~]{1,256}"  # so that what repeats it fits into a reply line
_EXTENSIONS = r"(?:,[A-Za-z]=[^,\x00]+)*"
_FIRST = re.compile(rf"(?P<header>{HEADER})(?P<bare>n=(?P<name>[^,\x00]+),r=(?P<nonce>{_NONCE}){_EXTENSIONS})")
_FINAL = re.compile(
    rf"(?P<bare>c=(?P<binding>[A-Za-z0-9+/=]+),r=(?P<nonce>{_NONCE}){_EXTENSIONS}),p=(?P<proof>[A-Za-z0-9+/=]+)"
)
_ESCAPED = re.compile(r"=(?:2C|3D)")


def scram(digest: str, desk: Desk, nonce: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> Talk:
    """Hold an exchange with the hash `digest` (as hashlib names it).

    nonce: the server's part of it, printable ASCII without a comma. salt: None derives one from the name, so that it
    stays the same for a user, and one who is not there has one too.
    """
    first = _FIRST.fullmatch(_text((yield b"")))
    name = saslname(first["name"]) if first is not None else None
    if first is None or not name:
        return Denied(MALFORMED)
    desk.user = name
    if first["binding"].startswith("p="):
        return Denied(INVALID)
    salt = hashlib.sha256(f"salt {name}".encode()).digest()[:16] if salt is None else salt
    both = first["nonce"] + nonce
    offered = f"r={both},s={_base64(salt)},i={iterations}"
    final = _FINAL.fullmatch(_text((yield offered.encode())))
    if final is None or _unbase64(final["binding"]) != first["header"].encode() or final["nonce"] != both:
        return Denied(MALFORMED)
    if not desk.users:
        return Granted(name)
    salted = _salted(digest, prepared(desk.users.get(name, "")), salt, iterations)
    spoken = f"{first['bare']},{offered},{final['bare']}".encode()
    outcome = desk.judge(name, lambda secret: bool(secret) and _proves(digest, salted, spoken, final["proof"]))
    identity = saslname(first["identity"] or "")
    if isinstance(outcome, Denied) or identity not in ("", name):  # nobody may act for another
        return Denied(INVALID)
    yield b"v=" + _base64(_mac(digest, _mac(digest, salted, b"Server Key"), spoken)).encode()
    return outcome


def saslname(text: str) -> str | None:
    """Return a name with its commas and equals signs put back, or None for a bad one (RFC 5802 section 5.1)."""
    if "=" in _ESCAPED.sub("", text):
        return None
    return text.replace("=2C", ",").replace("=3D", "=")


def _proves(digest: str, salted: bytes, spoken: bytes, proof: str) -> bool:
    """Whether a client's proof is one: the key that it hides behind the signature is that of the password."""
    key = _mac(digest, salted, b"Client Key")
    signature = _mac(digest, hashlib.new(digest, key).digest(), spoken)
    return hmac.compare_digest(bytes(a ^ b for a, b in zip(key, signature, strict=True)), _unbase64(proof))


@lru_cache(maxsize=1024)
def _salted(digest: str, password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations)


def _mac(digest: str, key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, digest)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _base64(octets: bytes) -> str:
    return binascii.b2a_base64(octets, newline=False).decode()


def _unbase64(text: str) -> bytes:
    """Return what base64 says, or nothing."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return b""
