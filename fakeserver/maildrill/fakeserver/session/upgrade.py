"""Put TLS under a connection that has begun in clear, in any event loop.

Rule: octets of the handshake may have come already; they are given to it before any that come later.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

from maildrill.fakeserver.scaled_clock import as_for_everybody
from maildrill.fakeserver.session.parting import LINGER

T = TypeVar("T")


async def upgrade(
    clear: asyncio.Transport, context: ssl.SSLContext, heard: bytes, patience: float
) -> asyncio.Transport | None:
    """Do a TLS handshake as the server; returns the transport to be used from now on, None where that failed.

    heard: octets of it that came already. patience: seconds that it may take.
    """
    loop = asyncio.get_running_loop()
    handshake = loop.start_tls(
        clear,
        clear.get_protocol(),
        context,
        server_side=True,
        ssl_handshake_timeout=patience,
        ssl_shutdown_timeout=as_for_everybody(LINGER),
    )
    awaited = handshake.send(None)
    loop.call_soon(_repeat, clear, heard)
    with contextlib.suppress(OSError):  # of which ssl.SSLError is one
        secured = await _rest(handshake, awaited)
        if secured is not None and not secured.is_closing():
            return secured
    return None


def _repeat(transport: asyncio.Transport, octets: bytes) -> None:
    """Give octets to whoever reads from a transport now, as if they had just come."""
    protocol: Any = transport.get_protocol()  # of start_tls; a BufferedProtocol, though uvloop's does not say so
    while octets and hasattr(protocol, "get_buffer"):
        room = memoryview(protocol.get_buffer(len(octets)))
        taken = octets[: len(room)]
        room[: len(taken)] = taken
        protocol.buffer_updated(len(taken))
        octets = octets[len(taken) :]


@types.coroutine
def _rest(coroutine: Coroutine[Any, Any, T], awaited: object) -> Generator[object, Any, T]:
    """Go through a coroutine that has begun, and waits for something."""
    step: Callable[[Any], object]
    while True:
        try:
            value = yield awaited
        except BaseException as error:
            step, value = coroutine.throw, error
        else:
            step = coroutine.send
        try:
            awaited = step(value)
        except StopIteration as end:
            result: T = end.value
            return result
