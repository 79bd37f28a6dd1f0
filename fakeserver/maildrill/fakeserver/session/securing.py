"""Go over from clear to TLS: a handshake that succeeds, or one of all the ways in which it goes wrong.

Rule: certificates are minted when the first handshake comes; until then their library is not loaded.
"""

from __future__ import annotations

import contextlib
import ssl

from maildrill.fakeserver.journal.journal import Closed
from maildrill.fakeserver.language.script_words import Handshake
from maildrill.fakeserver.session.host import Host, Wire

#: What is sent where TLS records should be: a web server's word to whoever talks TLS to it in clear.
_GARBAGE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nThis is not TLS.\r\n"
#: The first octet of a TLS record that is an alert (RFC 8446 section 5.1).
_ALERT = b"\x15"


async def shake_hands(host: Host, wire: Wire, fault: Handshake | None) -> str | Closed:
    """Do a handshake, once the wire was held; `fault`: what goes wrong.

    Returns the version that is spoken from now on, "" where the session goes on in clear, or how the connection ended;
    that it has ended the caller has yet to make true.
    """
    if fault is Handshake.PLAIN:
        wire.release()
        return ""
    if fault is Handshake.HANG or fault is Handshake.GARBAGE:
        wire.release()
        await wire.await_octet()
        if fault is Handshake.GARBAGE:
            await wire.say(_GARBAGE)
        while True:  # until the client goes, or has been silent for too long: both end this from outside
            await wire.read_some()
    context = _context(host.hostname, fault)
    if fault is not Handshake.ABORT and fault is not Handshake.OLD_VERSION:
        return await wire.secure(context) or Closed.CLIENT
    wire.release()
    heard, answer = await _answered(context, wire)
    if fault is Handshake.ABORT:
        await wire.say(answer[: len(answer) // 2])
        return Closed.FIN
    if answer[:1] == _ALERT:  # asyncio would close without it
        await wire.say(answer)
        return Closed.FIN
    wire.hold()
    return await wire.secure(context, heard) or Closed.CLIENT


def _context(hostname: str, fault: Handshake | None) -> ssl.SSLContext:
    from maildrill.fakeserver.session.certificates import certificates_for  # noqa: PLC0415 - slow to load

    return certificates_for(hostname).context(fault)


async def _answered(context: ssl.SSLContext, wire: Wire) -> tuple[bytes, bytes]:
    """Return the client's first octets of a handshake, and what a server says to them."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    heard = b""
    while not outgoing.pending:
        octets = await wire.read_some()
        heard += octets
        incoming.write(octets)
        with contextlib.suppress(ssl.SSLError):  # it wants more, or has said that it cannot read this
            server.do_handshake()
    return heard, outgoing.read()
