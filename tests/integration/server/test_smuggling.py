"""SMTP smuggling: what some servers took for the end of a message, and this one must not (RFC 5321 section 4.1.1.4).

A sender that lets such a sequence through and a receiver that ends a message there make two messages of one: the
second with any envelope that its writer likes.
"""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.session.certificates import certificates_for

#: Each was an end of data to some server (CVE-2023-51764, -51765, -51766 and their kin), or looks like one.
SMUGGLING = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r.\n",
    b"\n.\r",
    b"\n\n.\r\n",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n.\n\r\n",
    b"\r\n\x00.\r\n",
    b"\r\n.\x00\r\n",
    b"\r\n\x00.\x00\r\n",
    b"\r\x00\n.\r\n",
    b"\r\n.\r\x00\n",
    b"\r\n. \r\n",
    b"\r\n.\t\r\n",
    b"\r\n\xef\xbb\xbf.\r\n",
    b"\xc2\x85.\xc2\x85",
    b"\xe2\x80\xa8.\xe2\x80\xa8",
    b"\x0b.\x0b",
    b"\x0c.\x0c",
    b"\x1c.\x1c",
]
SECOND = b"MAIL FROM:<boss@bank.test>\r\nRCPT TO:<ann@x.test>\r\nDATA\r\nSubject: pay\r\n\r\nat once"


@pytest.mark.parametrize("segment", [0, 1])
@pytest.mark.parametrize("sequence", SMUGGLING, ids=repr)
def test_nothing_but_crlf_dot_crlf_ends_a_message(memory: Any, sequence: bytes, segment: int) -> None:
    """One message comes, with all that was meant to be a second one in it; whole or octet by octet."""
    written = b"Subject: hello\r\n\r\nfirst" + sequence + SECOND

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        reply = await client.send(written + b"\r\n.\r\n")
        return reply, await client.ask("NOOP"), scene.journal.messages

    reply, after, messages = memory.play("", story, segment=segment)

    assert (reply[:3], after[:3]) == ("250", "250")
    assert [(one.reverse_path, one.content) for one in messages] == [
        ("news@shop.test", written.replace(b"\r\n.", b"\r\n") + b"\r\n")
    ]


@pytest.mark.parametrize("sequence", SMUGGLING, ids=repr)
def test_to_the_letter_most_of_them_are_refused(memory: Any, sequence: bytes) -> None:
    """A bare CR or LF never stands in a message (RFC 5321 section 2.3.8); what else looks like an end is text."""
    bare = b"\r" in sequence.replace(b"\r\n", b"") or b"\n" in sequence.replace(b"\r\n", b"")

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask("MAIL FROM:<news@shop.test> BODY=8BITMIME", "RCPT TO:<ann@x.test>", "DATA")
        client.write(b"first" + sequence + SECOND + b"\r\n.\r\n")
        return await client.hear(), await client.ask("NOOP"), [one.committed for one in scene.journal.messages]

    reply, after, committed = memory.play("[server]\nstrict = true", story)

    assert reply == ("554 5.6.0 bare CR or LF in the message" if bare else "250 2.0.0 message taken")
    assert (after[:3], committed) == ("250", [not bare])


@pytest.mark.parametrize("sequence", [b"\r\n.\r\n", b"\r\r\n.\r\n", b"\n\r\n.\r\n", b".\r\n.\r\n"], ids=repr)
def test_crlf_dot_crlf_ends_a_message_whatever_comes_before_it(memory: Any, sequence: bytes) -> None:
    """The end is the end: what follows are commands."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        reply = await client.send(b"first" + sequence + SECOND.partition(b"DATA")[0])
        return reply, await client.hear(2), scene.journal.messages

    reply, after, messages = memory.play("", story)

    assert (reply[:3], after) == ("250", "250 2.1.0 sender ok|250 2.1.5 recipient ok")
    assert len(messages) == 1


@pytest.mark.parametrize("sequence", [*SMUGGLING, b"\r\n.\r\n"], ids=repr)
def test_in_a_chunk_nothing_ends_a_message(memory: Any, sequence: bytes) -> None:
    """Its size alone says where it ends (RFC 3030), and whatever is said to it, its octets are no commands."""
    written = b"first" + sequence + SECOND + b"\r\n"
    chunk = f"BDAT {len(written)} LAST\r\n".encode() + written

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(chunk)
        refused = await client.hear()
        await client.ask("RSET", "MAIL FROM:<news@shop.test>", "RCPT TO:<ann@x.test>")
        client.write(chunk)
        return refused, await client.hear(), await client.ask("NOOP"), scene.journal.messages

    refused, taken, after, messages = memory.play("", story)

    assert (refused[:3], taken[:3], after[:3]) == ("503", "250", "250")
    assert [one.content for one in messages] == [written]


def test_a_message_that_ends_wrongly_never_ends(tcp: Any) -> None:
    """On a real socket too: the server waits for the rest."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask("MAIL FROM:<news@shop.test>", "RCPT TO:<ann@x.test>", "DATA")
        client.write(b"first\n.\n" + SECOND + b"\n.\nQUIT\n")
        client.writer.write_eof()
        return await client.rest(), scene.journal.messages

    assert tcp.play("", story) == (("", "fin"), [])


def test_what_is_pipelined_behind_starttls_is_never_a_command(memory: Any) -> None:
    """Neither in clear nor, as if it had been said there, in TLS (CVE-2011-0411)."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(b"STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@x.test>\r\n")
        ready = await client.hear()
        await client.secure(certificates_for("mx.test").client_context())
        return ready, await client.ask("MAIL FROM:<news@shop.test>"), await client.ask("EHLO client.test")

    ready, early, hello = memory.play("[server]\ntls = true\n[[rule]]\nat='noop'", story)

    assert (ready[:3], early, hello[:11]) == ("220", "503 send EHLO first", "250-mx.test")


def test_commands_behind_a_refused_data_are_commands(memory: Any) -> None:
    """A client that sends its message all the same sends commands: each gets its own reply, and none is a message."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(b"MAIL FROM:<news@shop.test>\r\nDATA\r\nSubject: hello\r\n\r\nRSET\r\n.\r\n")
        return await client.hear(6), scene.journal.messages

    heard, messages = memory.play("", story)

    assert [reply[:3] for reply in heard.split("|")] == ["250", "554", "500", "500", "250", "500"]
    assert messages == []
