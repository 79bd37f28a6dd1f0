"""Which chains TLSA records allow, and a session that is held to them."""

from __future__ import annotations

import hashlib
import ssl
from typing import Any

import pytest

from maildrill.fakeserver.language.script_words import Handshake
from maildrill.fakeserver.session.certificates import certificates_for
from maildrill.sender.attempt import Fault
from maildrill.sender.security import Tlsa
from maildrill.sender.setup.certificates import facts_of, matches_tlsa, pins_of

NOW = 1767603600.0


def shown(fault: Handshake | None = None) -> bytes:
    """Return the certificate that the fake server shows."""
    server = certificates_for("mx.test").context(fault)
    theirs, ours = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client, far = context.wrap_bio(theirs, ours), server.wrap_bio(ours, theirs, server_side=True)
    for one in (client, far, client, far):
        try:
            one.do_handshake()
        except ssl.SSLWantReadError:
            continue
    certificate = client.getpeercert(binary_form=True)
    assert certificate
    return certificate


AUTHORITY = ssl.PEM_cert_to_DER_cert(certificates_for("mx.test").ca_pem)
OWN_KEY = Tlsa(3, 1, 1, pins_of(shown())[1].digest)
OTHER = Tlsa(3, 1, 1, bytes(32))


@pytest.mark.parametrize(
    ("record", "name", "allowed"),
    [
        (OWN_KEY, "whatever", True),
        (Tlsa(3, 0, 0, shown()), "whatever", True),
        (Tlsa(3, 0, 2, hashlib.sha512(shown()).digest()), "whatever", True),
        (OTHER, "mx.test", False),
        (Tlsa(2, 0, 1, hashlib.sha256(AUTHORITY).digest()), "mx.test", True),
        (Tlsa(2, 0, 1, hashlib.sha256(AUTHORITY).digest()), "127.0.0.1", True),
        (Tlsa(2, 0, 1, hashlib.sha256(AUTHORITY).digest()), "other.test", False),
        (Tlsa(2, 0, 1, bytes(32)), "mx.test", False),
    ],
)
def test_a_chain_is_held_against_a_record(record: Tlsa, name: str, allowed: bool) -> None:
    """Usage 3 knows no name, usage 2 does (RFC 7672 sections 3.1.1 and 3.1.2)."""
    assert matches_tlsa([shown(), AUTHORITY], [OTHER, record], name, NOW) is allowed
    assert not matches_tlsa([], [record], name, NOW)


def test_facts_for_people() -> None:
    """Whose, by whom, for which names, until when."""
    facts = facts_of(shown())

    assert "mx.test" in facts.names
    assert facts.issuer == "CN=maildrill test authority"
    assert facts.begins < NOW < facts.ends
    assert facts_of(AUTHORITY).names == ()


@pytest.mark.parametrize("fault", [Handshake.EXPIRED, Handshake.WRONG_HOST, Handshake.SELF_SIGNED])
def test_a_session_is_held_to_its_records(ground: Any, kit: Any, fault: Handshake) -> None:
    """The right key is enough, whatever else is wrong with the certificate; another key is a delay."""
    script = f'at = "tls"\nhandshake = "{fault.value}"'
    right = Tlsa(3, 1, 1, pins_of(shown(fault))[1].digest)
    good = ground.call(kit.account(tlsa=(OTHER, right), published=True), script)
    bad = ground.call(kit.account(tlsa=(OTHER,), published=True), script)

    assert good.dots == [250]
    assert bad.broken.fault is Fault.POLICY
    assert "none that the TLSA records allow" in bad.broken.detail
