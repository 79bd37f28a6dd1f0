"""Hand one message to an SMTP server: the smallest correct client, for what the fake server sends by itself.

Rule: the null reverse-path, one recipient, one connection; the reply that decided it comes back, or why there was none.
"""

from __future__ import annotations

import asyncio
import os
import re

from maildrill.fakeserver.language.destination import Destination
from maildrill.smtp import Reply, ReplyParser, escape

#: Seconds for the whole of it, by the loop's clock: those of RFC 5321 section 4.5.3.2 for one message in all.
_PATIENCE = 600.0
_DOT = re.compile(rb"^\.", re.MULTILINE)


async def deliver(where: Destination, hello: str, rcpt: str, content: bytes) -> Reply | str:
    """Return the last reply, at the final dot if all went well; or in words why nobody knows.

    hello: what the client calls itself. content: octets of which each line ends with CRLF.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(where.host, where.port)
            try:
                return await _Session(reader, writer).send(hello, rcpt, content)
            finally:
                writer.close()
    except TimeoutError:
        return f"no reply in {_PATIENCE:g} seconds"
    except EOFError:
        return "the connection ended without a reply"
    except OSError as error:
        number = error.errno or 0
        return f"no connection: {os.strerror(number) if number > 0 else escape(str(error))}"


class _Session:
    """One connection to a server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = ReplyParser()
        self._replies: list[Reply] = []

    async def send(self, hello: str, rcpt: str, content: bytes) -> Reply:
        """Go through a transaction up to what decides it."""
        greeting = await self._reply()
        if not greeting.positive:
            return greeting
        words = await self._say(f"EHLO {hello}")
        keywords = {line.partition(" ")[0].upper() for line in words.lines[1:]} if words.positive else set()
        if not words.positive:
            words = await self._say(f"HELO {hello}")
        for command, wanted in (
            ("", 2),
            (f"MAIL FROM:<>{_parameters(keywords, rcpt, content)}", 2),
            (f"RCPT TO:<{rcpt}>", 2),
            ("DATA", 3),
        ):
            reply = await self._say(command) if command else words
            if reply.klass != wanted:
                return await self._leave(reply)
        self._writer.write(_DOT.sub(b"..", content) + b".\r\n")
        return await self._leave(await self._reply())

    async def _leave(self, reply: Reply) -> Reply:
        """Say goodbye, and return the reply that counts."""
        if reply.code != 421:
            self._writer.write(b"QUIT\r\n")
            await self._writer.drain()
        return reply

    async def _say(self, command: str) -> Reply:
        self._writer.write(f"{command}\r\n".encode())
        return await self._reply()

    async def _reply(self) -> Reply:
        await self._writer.drain()
        while not self._replies:
            octets = await self._reader.read(4096)
            if not octets:
                raise EOFError
            self._replies += self._parser.feed(octets)
            if self._parser.fault:
                raise EOFError
        return self._replies.pop(0)


def _parameters(keywords: set[str], rcpt: str, content: bytes) -> str:
    """Return what MAIL needs to say about the message, as far as the server knows it."""
    said = "" if content.isascii() or "8BITMIME" not in keywords else " BODY=8BITMIME"
    return said if rcpt.isascii() or "SMTPUTF8" not in keywords else f"{said} SMTPUTF8"
