"""LMTP (RFC 2033): a greeting of its own, and a reply for each recipient at the end of a message."""

from __future__ import annotations

from typing import Any

import pytest

MAIL = "MAIL FROM:<news@shop.test>"
RCPTS = ("RCPT TO:<ann@x.test>", "RCPT TO:<bob@y.test>", "RCPT TO:<eve@z.test>")


async def delivering(scene: Any) -> Any:
    """Return a client that has said LHLO, and what was said to it."""
    scene.address = await scene.server.start(scene.address[0], lmtp=True)
    client = await scene.call()
    await client.hear()
    return client, await client.ask("LHLO client.test")


def by_data(message: bytes) -> bytes:
    return b"DATA\r\n" + message + b".\r\n"


def by_chunk(message: bytes) -> bytes:
    return f"BDAT {len(message)} LAST\r\n".encode() + message


@pytest.mark.parametrize("sent", [by_data, by_chunk])
def test_each_recipient_has_a_reply(ground: Any, sent: Any) -> None:
    """In their order; the journal knows for whom the message was taken, and for whom that was said."""
    script = """
    [[rule]]
    at = "dot"
    rcpt = "bob@*"
    reply = "451 4.2.1 {rcpt} is busy"
    [[rule]]
    at = "dot"
    rcpt = "eve@*"
    reply = "550 5.7.1 {rcpt} says no"
    commit = true
    """.replace("    ", "")

    async def story(scene: Any) -> Any:
        client, greeting = await delivering(scene)
        await client.ask(MAIL, *RCPTS)
        client.write(sent(b"Subject: hi\r\n\r\nhello\r\n") + b"NOOP\r\n")
        skip = 1 if sent is by_data else 0
        heard = (await client.hear(skip + 4)).split("|")[skip:]
        (message,) = scene.journal.messages
        (transaction,) = scene.journal.transactions
        return greeting, heard, message, transaction.ended, scene.events()[-4:]

    greeting, heard, message, ended, events = ground.play(script, story)

    assert greeting.startswith("250-mx.test|250-PIPELINING")
    assert heard == [
        "250 2.0.0 message taken",
        "451 4.2.1 bob@y.test is busy",
        "550 5.7.1 eve@z.test says no",
        "250 2.0.0 ok",
    ]
    assert (message.committed_for, message.acknowledged_for) == (("ann@x.test", "eve@z.test"), ("ann@x.test",))
    assert message.settled
    assert (ended, events) == ("dot", ["dot 250", "dot 451", "dot 550", "noop 250"])


def test_smtps_greetings_are_unknown(ground: Any) -> None:
    """And LHLO is to SMTP."""

    async def story(scene: Any) -> Any:
        smtp = await (await scene.greeted()).ask("LHLO me")
        client, _ = await delivering(scene)
        return smtp, await client.ask("EHLO me"), await client.ask("HELO me")

    unknown = "500 5.5.1 command not recognised"

    assert ground.play("", story) == (unknown, unknown, unknown)


@pytest.mark.parametrize("line", ["DATA", "BDAT 2 LAST\r\nhi"])
def test_without_recipients_there_is_nothing_to_deliver(ground: Any, line: str) -> None:
    """503, as RFC 2033 section 4.2 says."""

    async def story(scene: Any) -> Any:
        client, _ = await delivering(scene)
        await client.ask(MAIL)
        client.write(line.encode() + (b"\r\n" if line == "DATA" else b""))
        return await client.hear(), await client.ask("NOOP")

    assert ground.play("", story) == ("503 5.5.1 no valid recipients", "250 2.0.0 ok")


def test_a_lone_dot_after_a_scripted_354_has_one_reply(memory: Any) -> None:
    """There is nobody for whom more could come."""

    async def story(scene: Any) -> Any:
        client, _ = await delivering(scene)
        return [await client.ask(line) for line in (MAIL, "DATA", ".", "NOOP")]

    assert memory.play('at = "data"\nreply = "354 go"', story)[2:] == ["503 5.5.1 no valid recipients", "250 2.0.0 ok"]


def test_a_script_is_asked_for_each_recipient(memory: Any, decides: Any) -> None:
    """About that one alone, before any reply is said."""
    told = decides()

    async def story(scene: Any) -> None:
        client, _ = await delivering(scene)
        await client.ask(MAIL, *RCPTS[:2], "DATA")
        client.write(b"hi\r\n.\r\n")
        await client.hear(2)

    memory.play(told, story)

    assert [(event.rcpt, event.recipients, event.content) for event in told.events if str(event.stage) == "dot"] == [
        ("ann@x.test", ("ann@x.test",), b"hi\r\n"),
        ("bob@y.test", ("bob@y.test",), b"hi\r\n"),
    ]


@pytest.mark.parametrize(("cut", "heard"), [("before", ""), ("mid", "250 2.0.0 me")])
def test_a_connection_that_ends_among_the_replies(ground: Any, cut: str, heard: str) -> None:
    """What was decided for those behind it holds all the same (RFC 1047)."""

    async def story(scene: Any) -> Any:
        client, _ = await delivering(scene)
        await client.ask(MAIL, *RCPTS, "DATA")
        client.write(b"hi\r\n.\r\n")
        said = await client.rest()
        (message,) = scene.journal.messages
        return said, message.committed_for, message.acknowledged_for

    taken = ("ann@x.test", "bob@y.test", "eve@z.test") if cut == "mid" else ("ann@x.test", "eve@z.test")

    assert ground.play(f'at = "dot"\nrcpt = "bob@*"\ncut = "{cut}"', story) == (
        (f"250 2.0.0 message taken\r\n{heard}", "fin"),
        taken,
        ("ann@x.test",),
    )


def test_an_early_refusal_is_every_recipients(ground: Any) -> None:
    """Said once before the end, and for the others at the end."""

    async def story(scene: Any) -> Any:
        client, _ = await delivering(scene)
        await client.ask(MAIL, *RCPTS, "DATA")
        client.write(b"hi\r\n.\r\n")
        return await client.hear(3), await client.ask("NOOP"), scene.journal.messages[0].committed

    assert ground.play('at = "body"\nreply = "552 5.3.4 no"', story) == (
        "552 5.3.4 no|552 5.3.4 no|552 5.3.4 no",
        "250 2.0.0 ok",
        False,
    )


def test_too_much_is_too_much_for_everybody(memory: Any) -> None:
    """Each hears it."""

    async def story(scene: Any) -> Any:
        client, _ = await delivering(scene)
        await client.ask(MAIL, *RCPTS[:2], "DATA")
        client.write(b"x" * 100 + b"\r\n.\r\n")
        return await client.hear(2)

    assert memory.play('at = "ehlo"\ncaps = "SIZE 50"', story) == "|".join(
        ["552 5.3.4 message exceeds the fixed maximum size"] * 2
    )
