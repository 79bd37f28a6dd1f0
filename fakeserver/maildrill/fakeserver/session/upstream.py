"""One connection to another SMTP server: the smallest correct client, for what a fake server sends or hands on.

Rule: nothing is decided here; each call returns the reply, or raises what `excuse` puts into words.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping

from maildrill.fakeserver.language.destination import Destination
from maildrill.fakeserver.language.script_words import CLOSING
from maildrill.smtp import Reply, ReplyParser, escape

#: Seconds of everybody's for a whole message: those of RFC 5321 section 4.5.3.2 in all.
PATIENCE = 600.0
#: What one of these means is for `excuse` to say.
FAILURES = (TimeoutError, EOFError, OSError)
_DOT = re.compile(rb"(?:\A|(?<=\r\n))\.")
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
#: The extension that a parameter of MAIL or RCPT belongs to, and without which it is not said.
_EXTENSIONS = {
    "SIZE": "SIZE",
    "BODY": "8BITMIME",
    "SMTPUTF8": "SMTPUTF8",
    "RET": "DSN",
    "ENVID": "DSN",
    "NOTIFY": "DSN",
    "ORCPT": "DSN",
}


def excuse(error: Exception) -> str:
    """Return in words why there was no reply."""
    if isinstance(error, TimeoutError):
        return f"no reply in {PATIENCE:g} seconds"
    if isinstance(error, EOFError):
        return "the connection ended without a reply"
    number = (error.errno or 0) if isinstance(error, OSError) else 0
    return f"no connection: {os.strerror(number) if number > 0 else escape(str(error))}"


class Upstream:
    """A connection. keywords: what the server offers, in upper case. Any call may raise one of FAILURES."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.keywords: frozenset[str] = frozenset()
        self._reader = reader
        self._writer = writer
        self._parser = ReplyParser()
        self._replies: list[Reply] = []
        self._over = False  # the server has said that it closes the connection

    @classmethod
    async def to(cls, where: Destination) -> Upstream:
        """Connect."""
        return cls(*await asyncio.open_connection(where.host, where.port))

    async def hello(self, name: str) -> Reply:
        """Exchange greetings; returns the reply that decided whether there is a service."""
        greeting = await self._reply()
        if not greeting.positive:
            return greeting
        said = await self.ask(f"EHLO {name}")
        if not said.positive:
            return await self.ask(f"HELO {name}")
        self.keywords = frozenset(line.partition(" ")[0].upper() for line in said.lines[1:])
        return said

    async def ask(self, command: str) -> Reply:
        """Say a command, and return the reply."""
        self._writer.write(f"{command}\r\n".encode("utf-8", "surrogateescape"))
        return await self._reply()

    async def mail(self, address: str, parameters: Mapping[str, str]) -> Reply:
        """Begin a transaction, with those parameters that the server knows."""
        return await self.ask(f"MAIL FROM:<{address}>{self._known(parameters)}")

    async def rcpt(self, address: str, parameters: Mapping[str, str]) -> Reply:
        """Name a recipient, with those parameters that the server knows."""
        return await self.ask(f"RCPT TO:<{address}>{self._known(parameters)}")

    async def give(self, content: bytes) -> Reply:
        """Send a message that ends with CRLF; returns the reply to its end, or to what refused it before.

        Octets that DATA would not carry as they are, such as a bare LF, go as one chunk (RFC 3030) where that is known;
        else the server never sees them: it might find the end of the message among them.
        """
        if _BARE.search(content):
            if "CHUNKING" not in self.keywords:
                return Reply.of("554 5.6.0 bare CR or LF in the message, and no CHUNKING to hand it on with")
            self._writer.write(f"BDAT {len(content)} LAST\r\n".encode() + content)
            return await self._reply()
        ready = await self.ask("DATA")
        if ready.klass != 3:
            return ready
        self._writer.write(_DOT.sub(b"..", content) + b".\r\n")
        return await self._reply()

    def close(self) -> None:
        """Say goodbye, unless the server has, and end the connection."""
        if not (self._over or self._writer.is_closing()):
            self._writer.write(b"QUIT\r\n")
        self._writer.close()

    def _known(self, parameters: Mapping[str, str]) -> str:
        known = {name: value for name, value in parameters.items() if _EXTENSIONS.get(name) in self.keywords}
        if known.get("BODY", "").upper() == "BINARYMIME" and "BINARYMIME" not in self.keywords:
            del known["BODY"]
        return "".join(f" {name}={value}" if value else f" {name}" for name, value in known.items())

    async def _reply(self) -> Reply:
        await self._writer.drain()
        while not self._replies:
            octets = await self._reader.read(4096)
            if not octets:
                raise EOFError
            self._replies += self._parser.feed(octets)
            if self._parser.fault:
                raise EOFError
        reply = self._replies.pop(0)
        self._over = reply.code == CLOSING
        return reply
