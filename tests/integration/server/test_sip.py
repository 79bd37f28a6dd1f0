"""`sip`: a server that reads a message little by little, as one with a narrow line or a slow disk does."""

from __future__ import annotations

from typing import Any

import pytest

ENVELOPE = ("MAIL FROM:<news@shop.test>", "RCPT TO:<ann@x.test>")
#: A hundred octets, with dots and bare newlines where a piece may end.
TRICKY = b"..\r\n..a\r\n.\r.\n.\r\r\n...\r\n" + b"0123456789.\r" * 6 + b"\nend"
PLAIN = TRICKY.replace(b"\r\n.", b"\r\n")[1:]


def rule(words: str) -> str:
    return f'[[rule]]\nat = "body"\n{words}\n'


@pytest.mark.parametrize(
    ("words", "chunks", "seconds"),
    [
        ('sip = "1KB/10s"', 0, 50),
        ('sip = "1KB/10s"', 1, 50),
        ('sip = "1KB/10s"', 5, 50),
        ('sip = "1KB/10s"\nafter = "3KB"', 0, 20),
        ('sip = "1KB/10s"\nafter = "3KB"', 2, 20),
        ('sip = "1KB/10s"\nwait = "1m"', 0, 110),
        ('sip = "1KB/10s"\nthen = "pass"\n[[rule]]\nat = "body"\nwait = "1m"', 0, 110),
        ('sip = "6KB/10s"', 0, 0),
        ('wait = "0s"', 0, 0),
    ],
)
def test_a_message_takes_as_long_as_it_is(memory: Any, words: str, chunks: int, seconds: int) -> None:
    """Be it sent at once or in chunks; with `after` its first part comes as ever."""
    content = b"x" * 78 + b"\r\n"
    content *= 64  # 5120 octets

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(*ENVELOPE)
        began = scene.clock.now()
        if chunks:
            size = len(content) // chunks
            for n in range(chunks):
                client.write(f"BDAT {size}\r\n".encode() + content[n * size : (n + 1) * size])
            client.write(b"BDAT 0 LAST\r\n")
            heard = (await client.hear(chunks + 1)).split("|")[-1]
        else:
            await client.ask("DATA")
            client.write(content + b".\r\nNOOP\r\n")
            heard = (await client.hear(2)).split("|")[0]
        (message,) = scene.journal.messages
        return heard, message.content == content, round(scene.clock.now() - began)

    assert memory.play(rule(words), story) == ("250 2.0.0 message taken", True, seconds)


@pytest.mark.parametrize("segment", [0, 1])
@pytest.mark.parametrize("octets", [1, 2, 3, 4, 5, 7])
def test_it_does_not_matter_where_a_sip_ends(ground: Any, octets: int, segment: int) -> None:
    """An end of the message that is cut in two is one all the same, and nothing else is one."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(*ENVELOPE, "DATA")
        client.write(TRICKY + b"\r\n.\r\nNOOP\r\n")
        return await client.hear(2), scene.journal.messages[0].content

    assert ground.play(rule(f'sip = "{octets}B/1ms"'), story, segment=segment) == (
        "250 2.0.0 message taken|250 2.0.0 ok",
        PLAIN + b"\r\n",
    )


def test_each_message_is_read_as_its_own_rule_says(memory: Any) -> None:
    """The next one is read as fast as ever, by DATA and in chunks."""

    async def story(scene: Any) -> Any:
        client, took = await scene.greeted(), []
        for command in (b"DATA\r\n", b"BDAT 20 LAST\r\n") * 2:
            await client.ask(*ENVELOPE)
            began = scene.clock.now()
            client.write(command)
            if command == b"DATA\r\n":
                await client.hear()
            client.write(b"x" * 18 + b"\r\n" + b".\r\n" * (command == b"DATA\r\n"))
            await client.hear()
            took.append(round(scene.clock.now() - began))
        return took

    assert memory.play(rule('sip = "10B/5s"\nattempt = ["1", "4"]'), story) == [10, 0, 0, 10]


def test_what_is_said_early_is_said_and_the_rest_is_sipped(memory: Any) -> None:
    """It is read as slowly, and dropped."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(*ENVELOPE, "DATA")
        began = scene.clock.now()
        client.write(b"x" * 100 + b"\r\n.\r\nNOOP\r\n")
        early, at = await client.hear(), scene.clock.now() - began
        return (
            early,
            round(at),
            await client.hear(),
            round(scene.clock.now() - began),
            scene.journal.messages[0].committed,
        )

    assert memory.play(rule('sip = "25B/5s"\nreply = "552 5.3.4 enough"'), story) == (
        "552 5.3.4 enough",
        0,
        "250 2.0.0 ok",
        20,
        False,
    )


def test_what_cannot_be_read_yet_waits_in_the_network(ground: Any) -> None:
    """And no more than so much with the server: in the end the client has to wait."""
    content = (b"x" * 98 + b"\r\n") * 20_000

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(*ENVELOPE, "DATA")
        client.write(content + b".\r\n")
        held, left = 0, True
        while left:
            await scene.clock.sleep(0.02)
            (session,) = scene.server._sessions
            held = max(held, len(session._line.inbox._buffer))
            left = not scene.journal.messages
        return await client.hear(), 100_000 < held < 500_000, scene.journal.messages[0].size

    assert ground.play(rule('sip = "200KB/50ms"'), story) == ("250 2.0.0 message taken", True, len(content))


def test_who_goes_in_the_middle_leaves_nothing_behind(ground: Any) -> None:
    """Neither a session nor room that the message took."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(*ENVELOPE, "DATA")
        client.write(b"x" * 5_000)
        while not scene.server._host.store.used:
            await scene.clock.sleep(0.01)
        client.writer.transport.abort()
        while scene.server._sessions:
            await scene.clock.sleep(0.01)
        return scene.server._host.store.used, scene.journal.messages, scene.events()[-1].split()[-1]

    assert ground.play(rule('sip = "1KB/1h"'), story) == (0, [], "client")
