"""Put TLS under a connection, as the client: the handshake, and whether the right server is at the other end.

Rule: `shake_hands` returns a transport that may be trusted as far as `Security` asks, or raises HandshakeError; until
it has returned nothing may be said.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from maildrill.sender.attempt import Fault
from maildrill.sender.security import Proof, Security
from maildrill.sender.setup.tls_words import certificate_words, protocol_words


class HandshakeError(Exception):
    """The handshake failed, or the wrong server is there; the connection is of no more use."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What a handshake needs. host: the name that is asked for. seconds: how long it may take; now: Unix seconds.

    farewell: seconds that the server has to answer the end of the session with one of its own.
    """

    security: Security
    host: str
    seconds: float
    farewell: float
    now: float


async def shake_hands(stream: asyncio.Transport, protocol: asyncio.BaseProtocol, how: Handshake) -> asyncio.Transport:
    """Return the transport to be used from now on; raises HandshakeError."""
    name = how.security.name or how.host.rstrip(".")
    # what the layer below has not sent keeps the layer above from going on: then it is known what has left
    stream.set_write_buffer_limits(high=0)
    try:
        secured = await _started(stream, protocol, how, name)
    except ssl.SSLCertVerificationError as error:
        raise HandshakeError(Fault.CERTIFICATE, f"{certificate_words(error.verify_code)} ({name})") from None
    except ssl.SSLError as error:
        raise HandshakeError(Fault.HANDSHAKE, protocol_words(error.reason or "")) from None
    except (ConnectionAbortedError, TimeoutError):
        raise HandshakeError(Fault.TIMEOUT, f"no TLS within {how.seconds:g} seconds") from None
    except OSError as error:
        reset = error.errno in (errno.ECONNRESET, errno.EPIPE)
        raise HandshakeError(Fault.RESET if reset else Fault.EOF, "in the middle of the TLS handshake") from None
    except ValueError:  # ssl takes no such name
        raise HandshakeError(Fault.HANDSHAKE, "no certificate can be for such a name") from None
    if secured is None or secured.is_closing():
        raise HandshakeError(Fault.EOF, "in the middle of the TLS handshake")
    return secured


async def _started(
    stream: asyncio.Transport, protocol: asyncio.BaseProtocol, how: Handshake, name: str
) -> asyncio.Transport | None:
    security = how.security
    secured = await asyncio.get_running_loop().start_tls(
        stream,
        protocol,
        context_of(security),
        server_hostname=name,
        ssl_handshake_timeout=how.seconds,
        ssl_shutdown_timeout=how.farewell,
    )
    judge = _JUDGES.get(security.proof)
    if secured is not None and judge is not None:
        complaint = judge(secured, security, name, how.now)
        if complaint:
            secured.abort()
            raise HandshakeError(Fault.CERTIFICATE, complaint)
    return secured


def context_of(security: Security) -> ssl.SSLContext:
    """Return OpenSSL's settings; raises ssl.SSLError where `authorities` are no certificates."""
    return _context(security.authorities, named=security.proof is Proof.NAME)


@lru_cache(maxsize=64)  # to read the system's authorities takes a while
def _context(authorities: str, *, named: bool) -> ssl.SSLContext:
    if named:
        return ssl.create_default_context(cadata=authorities or None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # pins and TLSA records are compared once the handshake is done
    return context


def spoken(stream: asyncio.BaseTransport) -> str:
    """Return the TLS version and the cipher that are spoken, "" where none are."""
    secured: ssl.SSLObject | None = stream.get_extra_info("ssl_object")
    if secured is None:
        return ""
    cipher = secured.cipher()
    return f"{secured.version()} {cipher[0] if cipher else ''}".rstrip()


def chain_of(stream: asyncio.BaseTransport) -> tuple[bytes, ...]:
    """Return the certificates (DER) that the server sent, its own first; () without TLS."""
    secured = stream.get_extra_info("ssl_object")
    if secured is None:
        return ()
    own = secured.getpeercert(binary_form=True)
    # public from Python 3.13 on; before that only the object inside has it
    inner = secured if hasattr(secured, "get_unverified_chain") else secured._sslobj
    sent = inner.get_unverified_chain() or ()
    chain = tuple(one if isinstance(one, bytes) else one.public_bytes(_DER) for one in sent)
    return chain or ((own,) if own else ())


_DER = 2  # _ssl.ENCODING_DER


def _pinned(stream: asyncio.BaseTransport, security: Security, name: str, now: float) -> str:  # noqa: ARG001 - as all judges
    from maildrill.sender.setup.certificates import pins_of  # noqa: PLC0415 - slow to load

    own, key = pins_of(chain_of(stream)[0])
    if own in security.pins or key in security.pins:
        return ""
    return f"the certificate is not the pinned one; it is {own}, its key is {key}"


def _dane(stream: asyncio.BaseTransport, security: Security, name: str, now: float) -> str:
    from maildrill.sender.setup.certificates import matches_tlsa  # noqa: PLC0415 - slow to load

    if matches_tlsa(chain_of(stream), security.tlsa, name, now):
        return ""
    return "the certificate is none that the TLSA records allow"


_JUDGES: dict[Proof, Callable[[asyncio.BaseTransport, Security, str, float], str]] = {
    Proof.PIN: _pinned,
    Proof.DANE: _dane,
}
