"""What aiosmtpd is given in the place of parts of its own; Session puts them there.

Rule: each has just what aiosmtpd asks of it, which tests/integration/server/test_aiosmtpd_seams.py holds.
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from maildrill.fakeserver.session.inbox import Inbox, octets

#: Takes a verb in upper case, and its argument.
Command = Callable[[str, str | None], Awaitable[None]]

#: A command of printable ASCII, with no more than its argument behind it.
_PLAIN = re.compile(rb"([A-Za-z]{4,10})(?: ([!-~](?:[ -~]*[!-~])?))?\r\n")


class Commands:
    """What aiosmtpd reads its lines from: what is plainly a command is answered on the way, the rest is aiosmtpd's.

    Taking such a line to pieces costs aiosmtpd, which tries to log it twice, a tenth of the time of a short message.
    most: octets of such a line. waiting: for the next line, of which nothing has come. rest: of what was answered while
    it waited, what is left to wait for.
    """

    def __init__(self, inbox: Inbox, most: int, command: Command) -> None:
        self._inbox = inbox
        self._most = most
        self._command = command
        self.waiting = False
        self.rest: Awaitable[None] | None = None
        self.read = inbox.read

    async def readuntil(self) -> bytes:
        """Return the next line that is not plainly a command."""
        while True:
            self.waiting = self._inbox.empty
            if self.waiting:
                await octets()
                self.waiting = False
            if self.rest is not None:
                rest, self.rest = self.rest, None
                await rest
                continue
            line = await self._inbox.readuntil()
            plain = _PLAIN.fullmatch(line)
            if plain is None or len(line) > self._most:
                return line
            verb, argument = plain.groups(b"")
            await self._command(verb.upper().decode("ascii"), argument.decode("ascii"))


class Nobody:
    """Whom aiosmtpd would ask at each command."""

    def __dir__(self) -> Iterable[str]:
        return ()


NOBODY = Nobody()


class NoTimer:
    """What aiosmtpd cancels at the end."""

    def cancel(self) -> None:
        """Do nothing."""


NO_TIMER = NoTimer()


class Closer:
    """What aiosmtpd closes where a session is over, in the place of asyncio's writer. shut: called for that."""

    def __init__(self, writer: asyncio.StreamWriter, shut: Callable[[], None]) -> None:
        self.close = shut
        # From Python 3.13 on a writer that nobody holds closes its transport; this one has none any more.
        writer._transport = _Closed()  # type: ignore[attr-defined]


class _Closed(asyncio.WriteTransport):
    def is_closing(self) -> bool:
        return True


class Verbs(dict[str, Any]):
    """aiosmtpd's table of verbs, with an answer to each: so that we stand in front of syntax and sequence checks."""

    def __init__(self, command: Command) -> None:
        super().__init__()
        self._command = command

    def get(self, verb: str, _default: object = None) -> Callable[[str | None], Awaitable[None]]:
        """Return what answers a verb, known or not."""
        return functools.partial(self._command, verb)
