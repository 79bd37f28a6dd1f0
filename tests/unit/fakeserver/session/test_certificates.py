"""Certificates, as a client sees them: handshakes by OpenSSL on both sides, in memory."""

from __future__ import annotations

import ssl
import warnings

import pytest
from cryptography import x509

from maildrill.fakeserver.language.script_words import Handshake
from maildrill.fakeserver.session.certificates import Certificates, certificates_for

HOST = "mx.example.test"


def shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str = HOST) -> str:
    """Hold a handshake and return the version that is spoken then; raises what the client's side raises."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    called = server.wrap_bio(there, back, server_side=True)
    caller = client.wrap_bio(back, there, server_hostname=name)
    for _turn in range(6):
        done = [_step(side) for side in (caller, called)]
        if all(done):
            break
    return caller.version() or ""


def _step(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    """The certificates of a host that has another name too, and an address."""
    return Certificates(HOST, ("relay.example.test", "192.0.2.1"))


@pytest.mark.parametrize("name", [HOST, "relay.example.test", "192.0.2.1", "localhost", "127.0.0.1", "::1"])
def test_who_trusts_the_authority_has_nothing_against_the_good_one(certificates: Certificates, name: str) -> None:
    """By any name of the host, with all the checks that Python's default context has."""
    assert shake(certificates.context(), certificates.client_context(), name) == "TLSv1.3"


def test_who_does_not_trust_the_authority_trusts_nobody(certificates: Certificates) -> None:
    """Nothing is put into the machine's store."""
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer certificate"):
        shake(certificates.context(), ssl.create_default_context())


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (Handshake.EXPIRED, "certificate has expired"),
        (Handshake.NOT_YET, "certificate is not yet valid"),
        (Handshake.WRONG_HOST, f"Hostname mismatch, certificate is not valid for '{HOST}'"),
        (Handshake.SELF_SIGNED, "self-signed certificate"),
        (Handshake.UNTRUSTED, "unable to get local issuer certificate"),
        (Handshake.WEAK, "EE certificate key too weak"),
        (Handshake.OLD_VERSION, "UNSUPPORTED_PROTOCOL"),
    ],
)
def test_each_fault_is_what_the_client_complains_of(
    certificates: Certificates, fault: Handshake, complaint: str
) -> None:
    """That, and nothing else: a client that does not check gets through."""
    with pytest.raises(ssl.SSLError, match=complaint):
        shake(certificates.context(fault), certificates.client_context())

    assert shake(certificates.context(fault), careless())


def careless() -> ssl.SSLContext:
    """Return the context of a client that takes anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context


def test_the_old_version_is_really_spoken(certificates: Certificates) -> None:
    """To a client that takes it, 1.1 is offered and nothing newer."""
    assert shake(certificates.context(Handshake.OLD_VERSION), careless()) == "TLSv1.1"


@pytest.mark.parametrize("fault", [Handshake.ABORT, Handshake.HANG, Handshake.GARBAGE, Handshake.PLAIN])
def test_what_is_no_fault_of_the_certificate_has_the_good_one(certificates: Certificates, fault: Handshake) -> None:
    """Those faults are made by whoever holds the connection."""
    assert certificates.context(fault) is certificates.context()


def test_what_was_minted_is_kept(certificates: Certificates) -> None:
    """A key costs milliseconds; and nothing is left on the disk."""
    assert certificates.context(Handshake.WEAK) is certificates.context(Handshake.WEAK)
    assert certificates.context(Handshake.WEAK) is not certificates.context(Handshake.EXPIRED)


def test_a_process_has_one_authority() -> None:
    """So that a client can be told once whom to trust, whichever servers it meets."""
    one, same, other = certificates_for("a.test"), certificates_for("a.test"), certificates_for("b.test")

    assert one is same is not other
    assert one.ca_pem == other.ca_pem != Certificates("a.test").ca_pem
    assert shake(other.context(), one.client_context(), "b.test") == "TLSv1.3"


@pytest.mark.parametrize(
    ("hostname", "shown"),
    [
        ("bücher.test", "xn--bcher-kva.test"),
        ("my_pc", "my_pc"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("[IPv6:2001:db8::1]", "2001:db8::1"),
    ],
)
def test_a_host_is_named_as_certificates_name_it(hostname: str, shown: str) -> None:
    """A name beyond ASCII by its A-label, a literal by its address."""
    pem = ssl.DER_cert_to_PEM_cert(certificate_of(Certificates(hostname)))
    certificate = x509.load_pem_x509_certificate(pem.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert shown in [str(name.value) for name in names]


def certificate_of(certificates: Certificates) -> bytes:
    """Return the certificate that a careless client is shown."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    called = certificates.context().wrap_bio(there, back, server_side=True)
    caller = careless().wrap_bio(back, there)
    for _turn in range(4):
        _step(caller)
        _step(called)
    return caller.getpeercert(binary_form=True) or b""
