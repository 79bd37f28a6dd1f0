"""`strict`: the grammar of RFC 5321 to the letter, on lines, in commands and in messages."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.language.settings import Settings

STRICT = Settings(strict=True)
UNREADABLE = "500 5.5.2 cannot read this line"
MAIL = "MAIL FROM:<news@shop.test>"
RCPT = "RCPT TO:<ann@x.test>"


@pytest.mark.parametrize(
    ("octets", "strict", "lenient"),
    [
        (b"NOOP\nNOOP\r\n", UNREADABLE, "250 2.0.0 ok|250 2.0.0 ok"),
        (b"NOOP\n\r\n", UNREADABLE, f"250 2.0.0 ok|{UNREADABLE}"),
        (b"NOOP\r\r\n", UNREADABLE, "250 2.0.0 ok"),
        (b"NOOP \0\r\n", UNREADABLE, "250 2.0.0 ok"),
        (b"NOOP  a\r\n", UNREADABLE, "250 2.0.0 ok"),
        (b"NOOP\ta\r\n", UNREADABLE, "500 5.5.1 command not recognised"),
        (b"NOOP a b\r\n", "501 5.5.4 the argument is neither an atom nor quoted", "250 2.0.0 ok"),
        (b"noop\r\n", "250 2.0.0 ok", "250 2.0.0 ok"),
        (b"NOOP \r\n", "250 2.0.0 ok", "250 2.0.0 ok"),
        (b"MAIL FROM: <a@b.test>\r\n", "501 5.5.4 syntax: MAIL FROM:<address>", "250 2.1.0 sender ok"),
        (b"MAIL FROM:<a@b.test>  SIZE=1\r\n", "501 5.5.4 bad parameter syntax", "250 2.1.0 sender ok"),
        (b"EHLO under_score\r\n", "501 5.5.4 the argument names no host", "250-mx.test"),
    ],
)
def test_lines_and_commands_are_held_to_the_letter(ground: Any, octets: bytes, strict: str, lenient: str) -> None:
    """A server that is not strict takes what can be understood."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(octets + b"QUIT\r\n")
        heard, _ = await client.rest()
        return "|".join(heard.splitlines()).removesuffix("|221 2.0.0 bye")

    assert ground.play("", story, settings=STRICT) == strict
    assert ground.play("", story).startswith(lenient)


def test_a_bare_newline_ends_nothing(ground: Any) -> None:
    """Neither a command nor a message, in which a smuggled envelope stays what it is: data."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(MAIL, RCPT, "DATA")
        client.write(b"a\n.\nMAIL FROM:<evil@x.test>\r\n.\r\nNOOP\r\n")
        return await client.hear(2), len(scene.journal.transactions)

    assert ground.play("", story, settings=STRICT) == ("554 5.6.0 bare CR or LF in the message|250 2.0.0 ok", 1)


@pytest.mark.parametrize(
    ("parameters", "message", "reply"),
    [
        ("", b"x" * 998 + b"\r\n", "250 2.0.0 message taken"),
        ("", b"x" * 999 + b"\r\n", "500 5.6.0 a line of the message has more than 1000 octets"),
        ("", b"a\rb\r\n", "554 5.6.0 bare CR or LF in the message"),
        ("", b"gr\xc3\xbc\xc3\x9fe\r\n", "554 5.6.3 octets beyond ASCII need BODY=8BITMIME"),
        (" BODY=8BITMIME", b"gr\xc3\xbc\xc3\x9fe\r\n", "250 2.0.0 message taken"),
        ("", b"..\r\n", "250 2.0.0 message taken"),
    ],
)
@pytest.mark.parametrize("chunks", [False, True])
def test_messages_are_held_to_the_letter(
    memory: Any, parameters: str, message: bytes, reply: str, chunks: bool
) -> None:
    """By whichever command they come."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(MAIL + parameters, RCPT, *([] if chunks else ["DATA"]))
        client.write(f"BDAT {len(message)} LAST\r\n".encode() + message if chunks else message + b".\r\n")
        said = await client.hear()
        return said, scene.journal.messages[0].committed, await client.ask("NOOP")

    assert memory.play("", story, settings=STRICT) == (reply, reply.startswith("250"), "250 2.0.0 ok")


def test_what_is_binary_has_no_lines(memory: Any) -> None:
    """BODY=BINARYMIME may hold anything."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(f"{MAIL} BODY=BINARYMIME", RCPT)
        client.write(b"BDAT 2004 LAST\r\n\n\r\0\xff" + b"x" * 2000)
        return await client.hear()

    assert memory.play("", story, settings=STRICT) == "250 2.0.0 message taken"


def test_a_long_line_that_never_ends_with_crlf_is_no_command(memory: Any) -> None:
    """However many bare newlines it holds; one reply when it ends."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(b"NOOP\n" * 100_000 + b"\r\n")
        return await client.hear(), await client.ask("NOOP")

    assert memory.play("", story, settings=STRICT) == (UNREADABLE, "250 2.0.0 ok")
