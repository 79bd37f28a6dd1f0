"""What a certificate says, and whether it is the one that was meant: fingerprints, facts, TLSA records.

Rule: `cryptography` is slow to import: import this module where a certificate has to be looked at. No I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from maildrill.sender.security import Pin, Tlsa

_DANE_TA, _DANE_EE = 2, 3


@dataclass(frozen=True, slots=True)
class Facts:
    """One certificate for people: whose, by whom, from when to when (Unix seconds), and its fingerprints."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins: float
    ends: float
    own: Pin
    key: Pin


def facts_of(certificate: bytes) -> Facts:
    """Return the facts of a certificate (DER)."""
    parsed = x509.load_der_x509_certificate(certificate)
    own, key = pins_of(certificate)
    return Facts(
        subject=parsed.subject.rfc4514_string(),
        issuer=parsed.issuer.rfc4514_string(),
        names=_names(parsed),
        begins=parsed.not_valid_before_utc.timestamp(),
        ends=parsed.not_valid_after_utc.timestamp(),
        own=own,
        key=key,
    )


def pins_of(certificate: bytes) -> tuple[Pin, Pin]:
    """Return the fingerprints of a certificate (DER), and of its public key."""
    return (
        Pin(hashlib.sha256(certificate).digest()),
        Pin(hashlib.sha256(_selected(certificate, selector=1)).digest(), key=True),
    )


def matches_tlsa(chain: Sequence[bytes], records: Sequence[Tlsa], name: str, now: float) -> bool:
    """Whether a chain (DER, the server's own first) is one that TLSA records allow.

    Usage 3: the server's own certificate or key; neither name nor dates are looked at (RFC 7672 section 3.1.1).
    Usage 2: an authority in the chain, under which the server's certificate must be good for `name` at `now`
    (section 3.1.2).
    """
    if not chain:
        return False
    for record in records:
        if record.usage == _DANE_EE and _matched(chain[0], record):
            return True
        if record.usage == _DANE_TA and any(
            _matched(authority, record) and _issued(chain, authority, name, now) for authority in chain
        ):
            return True
    return False


def _matched(certificate: bytes, record: Tlsa) -> bool:
    selected = _selected(certificate, selector=record.selector)
    digest = {1: "sha256", 2: "sha512"}.get(record.matching)
    return (hashlib.new(digest, selected).digest() if digest else selected) == record.data


def _selected(certificate: bytes, *, selector: int) -> bytes:
    """Return what is compared: the certificate (0), or its public key (1) (RFC 6698 section 2.1.2)."""
    if selector == 0:
        return certificate
    key = x509.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _issued(chain: Sequence[bytes], authority: bytes, name: str, now: float) -> bool:
    """Whether the chain leads from the server's certificate for `name` to this authority."""
    parsed = [x509.load_der_x509_certificate(one) for one in chain]
    builder = PolicyBuilder().store(Store([x509.load_der_x509_certificate(authority)]))
    verifier = builder.time(datetime.fromtimestamp(now, UTC)).build_server_verifier(_subject(name))
    try:
        verifier.verify(parsed[0], parsed[1:])
    except VerificationError:
        return False
    return True


def _subject(name: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(str(one.value) for one in names if isinstance(one, x509.DNSName | x509.IPAddress))
