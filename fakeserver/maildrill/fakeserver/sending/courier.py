"""Hand one message that the fake server itself wrote to an SMTP server.

Rule: the null reverse-path, one recipient, one connection; the reply that decided it comes back, or why there was none.
"""

from __future__ import annotations

import asyncio

from maildrill.fakeserver.language.destination import Destination
from maildrill.fakeserver.scaled_clock import as_for_everybody
from maildrill.fakeserver.session.upstream import FAILURES, PATIENCE, Upstream, excuse
from maildrill.smtp import Reply


async def deliver(where: Destination, hello: str, rcpt: str, content: bytes) -> Reply | str:
    """Return the last reply, at the final dot if all went well; or in words why nobody knows.

    hello: what the client calls itself. content: octets of which each line ends with CRLF.
    """
    try:
        async with asyncio.timeout(as_for_everybody(PATIENCE)):
            there = await Upstream.to(where)
            try:
                return await _deliver(there, hello, rcpt, content)
            finally:
                there.close()
    except FAILURES as error:
        return excuse(error)


async def _deliver(there: Upstream, hello: str, rcpt: str, content: bytes) -> Reply:
    reply = await there.hello(hello)
    if reply.positive:
        parameters = {} if content.isascii() else {"BODY": "8BITMIME"}
        reply = await there.mail("", parameters if rcpt.isascii() else {**parameters, "SMTPUTF8": ""})
    if reply.positive:
        reply = await there.rcpt(rcpt, {})
    return await there.give(content) if reply.positive else reply
