"""Certificates for the fake server, minted while it runs: a good one, and one for each thing that can be wrong.

Rule 1: nobody trusts the authority but who is given `ca_pem`; keys never leave the process, nor outlive it.
Rule 2: OpenSSL asks the machine's clock, whatever a drill's clock says: so what is expired has been for years.
Rule 3: `cryptography` is slow to import: import this module where a handshake is certain.
"""

from __future__ import annotations

import ssl
import tempfile
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from threading import Lock
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from maildrill.fakeserver.language.script_words import Handshake

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_Span = tuple[datetime, datetime]

_PAST, _FUTURE = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_ALWAYS: Final[_Span] = (_PAST, _FUTURE)
_SPANS: Final[dict[Handshake, _Span]] = {
    Handshake.EXPIRED: (_PAST, datetime(2020, 1, 1, tzinfo=UTC)),
    Handshake.NOT_YET: (datetime(2099, 1, 1, tzinfo=UTC), _FUTURE),
}
_ELSEWHERE = ("elsewhere.invalid",)
_WEAK_BITS = 1024  # RFC 7525 section 4.3 wants 2048
_ANYTHING_GOES = "ALL:@SECLEVEL=0"  # else OpenSSL neither serves a weak key nor speaks an old version


class _Authority:
    """Who issues certificates. pem: its own certificate."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _named(name)
        builder = (
            _builder(self.name, self.name, self.key, _ALWAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
        )
        self.certificate = builder.sign(self.key, hashes.SHA256())
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)


class Certificates:
    """The certificates of one host: `localhost` and the loopback addresses go with its name.

    hostname: a domain or an IP address. also: more of these. authority: who issues them, a new one by default.
    """

    def __init__(self, hostname: str, also: Iterable[str] = (), authority: _Authority | None = None) -> None:
        self._hosts = tuple(dict.fromkeys((hostname, *also, "localhost", "127.0.0.1", "::1")))
        self._authority = authority or _Authority("maildrill test authority")
        self._contexts: dict[Handshake | None, ssl.SSLContext] = {}
        self._lock = Lock()

    @property
    def ca_pem(self) -> str:
        """The authority's certificate: who trusts it has nothing against the good one."""
        return self._authority.pem.decode()

    def context(self, fault: Handshake | None = None) -> ssl.SSLContext:
        """Return what a server shows: the good certificate, also for faults that are none of a certificate's."""
        fault = fault if fault in _FAULTS else None
        with self._lock:
            if fault not in self._contexts:
                self._contexts[fault] = self._made(fault)
            return self._contexts[fault]

    def client_context(self) -> ssl.SSLContext:
        """Return the context of a client that checks certificates, and trusts this authority alone."""
        return ssl.create_default_context(cadata=self.ca_pem)

    def _made(self, fault: Handshake | None) -> ssl.SSLContext:
        key: _Key = (
            rsa.generate_private_key(65537, _WEAK_BITS)
            if fault is Handshake.WEAK
            else ec.generate_private_key(ec.SECP256R1())
        )
        certificate = self._issued(fault, key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if fault in (Handshake.WEAK, Handshake.OLD_VERSION):
            context.set_ciphers(_ANYTHING_GOES)
        if fault is Handshake.OLD_VERSION:
            with warnings.catch_warnings():  # that it is old is the point
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
        _load(context, certificate, key)
        return context

    def _issued(self, fault: Handshake | None, key: _Key) -> x509.Certificate:
        authority = _Authority("nobody's authority") if fault is Handshake.UNTRUSTED else self._authority
        subject = _named("maildrill test server")
        alone = fault is Handshake.SELF_SIGNED
        signer = key if alone else authority.key
        hosts = _ELSEWHERE if fault is Handshake.WRONG_HOST else self._hosts
        span = _SPANS.get(fault, _ALWAYS) if fault is not None else _ALWAYS
        builder = (
            _builder(subject, subject if alone else authority.name, key, span)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(list(map(_host, hosts))), critical=False)
        )
        return builder.sign(signer, hashes.SHA256())


@lru_cache(maxsize=64)
def _of_process(hostname: str, also: tuple[str, ...], authority: _Authority) -> Certificates:
    return Certificates(hostname, also, authority)


@lru_cache(maxsize=1)
def _authority_of_process() -> _Authority:
    return _Authority("maildrill test authority")


_minting = Lock()


def certificates_for(hostname: str, *also: str) -> Certificates:
    """Return the certificates of a host; in one process always the same, and all of one authority."""
    with _minting:
        return _of_process(hostname, also, _authority_of_process())


_FAULTS = frozenset(
    {
        Handshake.EXPIRED,
        Handshake.NOT_YET,
        Handshake.WRONG_HOST,
        Handshake.SELF_SIGNED,
        Handshake.UNTRUSTED,
        Handshake.WEAK,
        Handshake.OLD_VERSION,
    }
)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name.strip("[]").removeprefix("IPv6:")))
    except ValueError:
        return x509.DNSName(name if name.isascii() else name.encode("idna").decode())


def _builder(subject: x509.Name, issuer: x509.Name, key: _Key, span: _Span) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=span[0],
        not_valid_after=span[1],
    ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _load(context: ssl.SSLContext, certificate: x509.Certificate, key: _Key) -> None:
    """Give a context its certificate and key: ssl takes them from a file only."""
    chain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    with tempfile.TemporaryDirectory(prefix="maildrill-") as folder:  # readable by its owner only
        file = Path(folder, "chain.pem")
        file.write_bytes(chain)
        context.load_cert_chain(file)
