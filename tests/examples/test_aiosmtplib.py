"""A program that sends with aiosmtplib: over TCP, and in virtual time, where five days take milliseconds."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage

import aiosmtplib
import pytest

from maildrill.fakeserver import ScriptedServer
from maildrill.pytest_plugin.virtual import ScriptedWorld


def invitation(recipient: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Concert hall <tickets@hall.example>"
    message["To"] = recipient
    message["Subject"] = "The doors open at seven"
    message.set_content("Good evening,\n\nthe doors open at seven.\n")
    return message


class Post:
    """One connection that is kept open between messages."""

    def __init__(self, host: str, port: int) -> None:
        self._client = aiosmtplib.SMTP(hostname=host, port=port, local_hostname="hall.example")

    async def send(self, message: EmailMessage) -> None:
        """Send on the connection that is open; on a new one if the server has closed that."""
        try:
            if not self._client.is_connected:
                await self._client.connect()
            await self._client.send_message(message)
        except aiosmtplib.SMTPServerDisconnected:
            await self._client.connect()
            await self._client.send_message(message)

    async def close(self) -> None:
        await self._client.quit()


def test_a_message_over_tcp(smtp_server: ScriptedServer) -> None:
    async def client() -> None:
        post = Post(smtp_server.host, smtp_server.port)
        await post.send(invitation("ann@x.example"))
        await post.close()

    asyncio.run(client())

    assert smtp_server.recipients == ("ann@x.example",)


def test_a_pooled_connection_that_the_server_has_closed_is_replaced(smtp_world: ScriptedWorld) -> None:
    smtp_world.idle(">=60s").replies("421 4.4.2 idle for too long")

    async def client() -> None:
        post = Post(smtp_world.host, smtp_world.port)
        await post.send(invitation("ann@x.example"))
        await smtp_world.sleep("2m")
        await post.send(invitation("bob@y.example"))
        await post.close()

    smtp_world.run(client)

    assert smtp_world.recipients == ("ann@x.example", "bob@y.example")
    assert [session.closed for session in smtp_world.journal.sessions] == ["fin", "fin"]


def test_five_days_of_retries(smtp_world: ScriptedWorld) -> None:
    smtp_world.rcpt(key="rcpt", age="<5d").replies("450 4.2.2 mailbox is full, come back next week")

    async def until_it_goes() -> int:
        tries = 1
        while True:
            post = Post(smtp_world.host, smtp_world.port)
            try:
                await post.send(invitation("ann@x.example"))
            except aiosmtplib.SMTPRecipientsRefused:
                tries += 1
            else:
                return tries
            finally:
                await post.close()
            await smtp_world.sleep("4h")

    assert smtp_world.run(until_it_goes) == 31
    assert smtp_world.elapsed >= 5 * 24 * 3600
    assert smtp_world.committed("ann@x.example") == 1


def test_a_reply_that_takes_ten_minutes(smtp_world: ScriptedWorld) -> None:
    smtp_world.dot().wait("10m")

    async def client() -> None:
        await Post(smtp_world.host, smtp_world.port).send(invitation("ann@x.example"))

    with pytest.raises(aiosmtplib.SMTPReadTimeoutError):
        smtp_world.run(client)

    # The client gave up after a minute; the server has the message all the same.
    assert smtp_world.committed("ann@x.example") == 1
    assert smtp_world.acknowledged("ann@x.example") == 0
