"""Clients that we did not write talk to the fake server: smtplib, and aiosmtplib in both worlds."""

from __future__ import annotations

import asyncio
import smtplib
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import pytest

from maildrill.fakeserver.protocol.state import KEYWORDS

RULES = """
[[rule]]
at = "rcpt"
rcpt = "full@*"
reply = "452 4.2.2 mailbox full"

[[rule]]
at = "rcpt"
domain = "gone.test"
reply = "550 5.1.1 no such user\\nsee https://x.test"
"""


def letter() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message["From"] = "news@shop.test"
    message["To"] = "ann@x.test"
    message["Message-ID"] = "<1@shop.test>"
    message.set_content("Hello\n.\n..\nä\n")
    return message


def test_smtplib_sends_and_is_refused_as_the_script_says(tcp: Any) -> None:
    """The standard library's client reads our replies as we mean them."""

    def client(host: str, port: int) -> Any:
        with smtplib.SMTP(host, port) as smtp:
            smtp.ehlo("client.test")
            refused = smtp.send_message(letter(), to_addrs=["ann@x.test", "full@x.test", "bob@gone.test"])
            return refused, smtp.noop(), smtp.verify("ann@x.test"), smtp.esmtp_features

    async def story(scene: Any) -> Any:
        heard = await asyncio.to_thread(client, *scene.address)
        return heard, scene.journal.messages[0]

    (refused, noop, verified, features), message = tcp.play(RULES, story)

    assert refused == {
        "full@x.test": (452, b"4.2.2 mailbox full"),
        "bob@gone.test": (550, b"5.1.1 no such user\n5.1.1 see https://x.test"),
    }
    assert (noop[0], verified[0]) == (250, 252)
    assert set(features) == {word.lower() for word in KEYWORDS}
    assert (message.recipients, message.message_id) == (("ann@x.test",), "<1@shop.test>")
    assert b"\r\n.\r\n..\r\n" in message.content


def test_smtplib_logs_in(tcp: Any) -> None:
    """With each mechanism of the standard library's that is offered."""

    def client(host: str, port: int) -> Any:
        with smtplib.SMTP(host, port) as smtp:
            return smtp.login("ann", "secret")

    async def story(scene: Any) -> Any:
        return await asyncio.to_thread(client, *scene.address), str(scene.journal.entries)

    (code, _), journal = tcp.play('at = "ehlo"\ncaps = ["AUTH LOGIN PLAIN"]', story)

    assert code == 235
    assert "secret" not in journal


@pytest.mark.parametrize("kind", ["memory", "tcp"])
def test_aiosmtplib_sends_and_is_refused_as_the_script_says(kind: str, request: pytest.FixtureRequest) -> None:
    """The same octets in virtual time and on real sockets."""
    ground = request.getfixturevalue(kind)

    async def story(scene: Any) -> Any:
        host, port = scene.address
        async with aiosmtplib.SMTP(hostname=host, port=port, start_tls=False, local_hostname="client.test") as smtp:
            refused, _ = await smtp.send_message(letter(), recipients=["ann@x.test", "full@x.test", "bob@gone.test"])
            with pytest.raises(aiosmtplib.SMTPResponseException) as unknown:
                await smtp.expn("staff")
        message = scene.journal.messages[0]
        return {to: reply.code for to, reply in refused.items()}, unknown.value.code, message.recipients

    assert ground.play(RULES, story) == ({"full@x.test": 452, "bob@gone.test": 550}, 502, ("ann@x.test",))


def test_aiosmtplib_sends_to_addresses_beyond_ascii(memory: Any) -> None:
    """SMTPUTF8 is advertised because it is done (RFC 6531)."""

    async def story(scene: Any) -> Any:
        host, port = scene.address
        async with aiosmtplib.SMTP(hostname=host, port=port, start_tls=False, local_hostname="client.test") as smtp:
            to = ["ann@x.test", "用户@例子.test"]
            await smtp.sendmail("jürgen@bücher.test", to, "Subject: hi\r\n\r\n", mail_options=["SMTPUTF8"])
        return scene.journal.messages[0]

    message = memory.play("", story)

    assert (message.reverse_path, message.recipients) == ("jürgen@bücher.test", ("ann@x.test", "用户@例子.test"))
