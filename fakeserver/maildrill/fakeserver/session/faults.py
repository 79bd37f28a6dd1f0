"""Perform what was decided: wait, say a reply or half of one, end the connection by FIN or RST.

Rule 1: decisions come in as values, octets go out through a Wire; nothing else is known here.
Rule 2: whether a message is taken and what is advertised is read from a decision before it is performed: both hold
even if the client leaves during a wait (RFC 1047: a server that is slow after the dot has the message all the same).
"""

from __future__ import annotations

import contextlib
import socket
import struct
from asyncio import WriteTransport
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from maildrill.fakeserver.engine.event import (
    PLAINLY,
    PROCEEDING,
    Action,
    Advertise,
    Close,
    Commit,
    Manner,
    Proceed,
    Raw,
    Say,
    Shake,
    Sip,
    Wait,
)
from maildrill.fakeserver.language.script_words import Handshake, Mangle
from maildrill.fakeserver.session.manner import UNHEARD, Piece, dripped, written
from maildrill.smtp import Reply

_NO_LINGER = struct.pack("ii", 1, 0)


class Wire(Protocol):
    """What a fault is performed on."""

    async def say(self, octets: bytes) -> None:
        """Hand octets to the connection."""
        ...

    async def pause(self, seconds: float) -> None:
        """Let time of the server's clock pass."""
        ...


@dataclass(slots=True)  # made for each command: frozen it would take three times as long
class Done:
    """What came of a decision: the reply said in full, the reply of which half was said, how to end the connection."""

    reply: Reply | None = None
    half: Reply | None = None
    close: Close | None = None


async def perform(actions: Sequence[Action], correct: Reply | None, wire: Wire) -> Done:
    """Perform `actions` in order up to a Close, which is left to the caller; `correct` is what Proceed says."""
    if actions is PROCEEDING:
        if correct is not None:
            await wire.say(correct.render())
        return Done(correct)
    said: Reply | None = None
    half: Reply | None = None
    for action in actions:
        if isinstance(action, Proceed | Say):
            reply = action.reply if isinstance(action, Say) else correct
            if reply is None:
                continue
            await _say(reply, action.manner, wire, half=action.half)
            if action.half or action.manner.mangle in UNHEARD:
                half = reply
            else:
                said = reply
        elif isinstance(action, Raw):
            await _write(dripped(action.octets, action.manner), wire)
        elif isinstance(action, Wait):
            await wire.pause(action.seconds)
        elif isinstance(action, Close):
            return Done(said, half, action)
    return Done(said, half)


def unsaid(actions: Sequence[Action]) -> tuple[Action, ...]:
    """Return what of a decision is left where its reply was given before it."""
    return tuple(action for action in actions if not isinstance(action, Proceed | Say | Raw))


def early(actions: Sequence[Action]) -> bool:
    """Return whether the reply to the next command comes with this one."""
    return actions is not PROCEEDING and any(
        action.manner.mangle is Mangle.EARLY for action in actions if isinstance(action, Proceed | Say)
    )


def changes(actions: Sequence[Action]) -> tuple[str, ...]:
    """Return how a decision changes the EHLO keywords."""
    if actions is PROCEEDING:
        return ()
    return tuple(change for action in actions if isinstance(action, Advertise) for change in action.changes)


def taken(actions: Sequence[Action], correct: Reply) -> bool:
    """Return whether a decision at the dot takes the message: as it says; else if it replies 2yz, be it by half."""
    if actions is PROCEEDING:
        return correct.positive
    for action in actions:
        if isinstance(action, Commit):
            return action.taken
    replies = (action.reply if isinstance(action, Say) else correct for action in actions if _speaks(action))
    return any(reply.positive for reply in replies)


def shaken(actions: Sequence[Action]) -> Handshake | None:
    """Return what a decision at TLS does to the handshake."""
    return next((action.fault for action in actions if isinstance(action, Shake)), None)


def sipped(actions: Sequence[Action]) -> Sip | None:
    """Return how a decision at BODY has the rest of the message read, None for as ever."""
    return next((action for action in actions if isinstance(action, Sip)), None)


def refused(actions: Sequence[Action]) -> bool:
    """Return whether a decision at CONNECT refuses the connection."""
    return any(isinstance(action, Close) and action.reset for action in actions)


def reset_connection(transport: WriteTransport) -> None:
    """End a connection by RST, at once; what was not sent is lost."""
    endpoint = transport.get_extra_info("socket")
    if endpoint is not None:
        # Without this abort() would send a FIN; it fails where the peer has gone already.
        with contextlib.suppress(OSError):
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


async def _say(reply: Reply, manner: Manner, wire: Wire, *, half: bool) -> None:
    if half or manner is not PLAINLY:
        await _write(written(reply, manner, half=half), wire)
    else:
        await wire.say(reply.render())


async def _write(pieces: Sequence[Piece], wire: Wire) -> None:
    for octets, seconds in pieces:
        if seconds:
            await wire.pause(seconds)
        await wire.say(octets)


def _speaks(action: Action) -> bool:
    return isinstance(action, Say | Proceed)
