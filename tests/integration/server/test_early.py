"""`mangle = "early"`: a server that is one reply ahead of its client, as real ones are that lose count."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.language.settings import Settings

MAIL = "MAIL FROM:<news@shop.test>"
RCPT = "RCPT TO:<ann@x.test>"


def early(stage: str, reply: str = "") -> str:
    return f'[[rule]]\nat = "{stage}"\ntimes = 1\nmangle = "early"\n' + (f'reply = "{reply}"\n' if reply else "")


@pytest.mark.parametrize(
    ("stage", "before", "octets", "heard"),
    [
        ("banner", (), b"", "220 mx.test ESMTP maildrill|250-mx.test|250-PIPELINING|"),
        ("ehlo", ("",), b"EHLO me\r\n", "250 2.1.0 sender ok"),
        ("mail", ("", "EHLO me"), b"MAIL FROM:<a@b.test>\r\n", "250 2.1.0 sender ok|250 2.1.5 recipient ok"),
        ("rcpt", ("", "EHLO me", MAIL), b"RCPT TO:<ann@x.test>\r\n", "250 2.1.5 recipient ok|354 end data"),
        ("data", ("", "EHLO me", MAIL, RCPT), b"DATA\r\n", ".<CR><LF>|250 2.0.0 message taken"),
        ("noop", ("", "EHLO me", MAIL), b"NOOP\r\n", "250 2.0.0 ok|250 2.1.5 recipient ok"),
        ("noop", ("", "EHLO me"), b"NOOP\r\n", "250 2.0.0 ok|250 2.1.0 sender ok"),
    ],
)  # fmt: skip
def test_the_next_reply_comes_with_this_one(
    ground: Any, stage: str, before: tuple[str, ...], octets: bytes, heard: str
) -> None:
    """In one piece, and as it would be said to the command that usually follows."""

    async def story(scene: Any) -> Any:
        client = await scene.call()
        for line in before:
            await (client.ask(line) if line else client.hear())
        client.write(octets)
        piece, more = "", b"more"
        while heard not in piece and more:
            more = await client.reader.read(65536)
            piece += more.decode().replace("\r\n", "|")
        return piece

    assert heard in ground.play(early(stage), story)


def test_the_command_whose_reply_came_early_gets_none(ground: Any) -> None:
    """It counts as answered by it: what was refused so looks accepted, and the server believes it too."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(f"{MAIL}\r\n".encode())
        both = await client.hear(2)
        client.write(f"{RCPT}\r\nNOOP\r\n".encode())
        noop = await client.hear()
        data = await client.ask("DATA", ".")
        return both, noop, data, scene.events()[-5:], scene.journal.acknowledged("ann@x.test")

    rules = early("mail") + '[[rule]]\nat = "rcpt"\nreply = "550 5.1.1 no such user"'

    assert ground.play(rules, story) == (
        "250 2.1.0 sender ok|250 2.1.5 recipient ok",
        "250 2.0.0 ok",
        "354 end data with <CR><LF>.<CR><LF>|250 2.0.0 message taken",
        ["mail 250", "rcpt 250", "noop 250", "data 354", "dot 250"],
        1,
    )


def test_a_message_that_is_acknowledged_before_it_came(ground: Any) -> None:
    """The reply to the dot comes with 354: it is acknowledged as soon as it ends, and nothing more is said."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(MAIL, RCPT)
        client.write(b"DATA\r\n")
        both = await client.hear(2)
        client.write(b"hello\r\n.\r\nNOOP\r\n")
        return (
            both,
            await client.hear(),
            scene.journal.acknowledged("ann@x.test"),
            scene.journal.committed("ann@x.test"),
        )

    rules = early("data") + '[[rule]]\nat = "dot"\nreply = "451 4.3.0 no"'

    assert ground.play(rules, story) == (
        "354 end data with <CR><LF>.<CR><LF>|250 2.0.0 message taken",
        "250 2.0.0 ok",
        1,
        0,
    )


def test_what_else_the_next_command_brings_still_happens(ground: Any) -> None:
    """Its wait and its end are performed, only its reply is not said again."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(b"NOOP\r\n")
        await client.hear(2)
        client.write(b"RSET\r\n")
        return await client.rest(), scene.events()[-1]

    rules = early("noop", "250 2.0.0 hm") + '[[rule]]\nat = "rset"\nreply = "421 4.3.2 bye"'

    assert ground.play(rules, story) == (("", "fin"), "rset 250 fin")


def test_behind_quit_there_is_nothing(ground: Any) -> None:
    """The connection ends."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(b"QUIT\r\n")
        return await client.rest()

    assert ground.play(early("quit"), story) == ("221 2.0.0 bye\r\n", "fin")


def test_an_early_reply_within_a_login(ground: Any) -> None:
    """What comes with a challenge is that the client is let in."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask("AUTH LOGIN")
        client.write(b"YW5u\r\n")
        both = await client.hear(2)
        client.write(b"c2VjcmV0\r\nNOOP\r\n")
        return both, await client.hear()

    assert ground.play(early("auth-step"), story, settings=Settings(auth=("LOGIN",))) == (
        "334 UGFzc3dvcmQ6|235 2.7.0 authentication succeeded",
        "250 2.0.0 ok",
    )
