"""Messages that come by BDAT, and events in the middle of messages: at the level of octets, in memory and on TCP."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.engine.event import Close, Say
from maildrill.smtp import Reply

ENVELOPE = ("MAIL FROM:<news@shop.test>", "RCPT TO:<ann@x.test>")
BINARY = b"Subject: x\r\n\r\n\x00\xff\r\n.\r\nlone\n\rend\r"


def chunk(octets: bytes, *, last: bool = False) -> bytes:
    return f"BDAT {len(octets)}{' LAST' if last else ''}\r\n".encode() + octets


def test_a_message_in_one_chunk_arrives_as_it_is(ground: Any) -> None:
    """No stuffing, no end but the count; what is no newline is not counted as one."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(ENVELOPE[0] + " BODY=BINARYMIME", ENVELOPE[1])
        client.write(chunk(BINARY, last=True) + b"NOOP\r\n")
        heard = await client.hear(), await client.hear()
        (message,) = scene.journal.messages
        return heard, message.content, message.size, message.acknowledged, scene.journal.sessions[0].bare_newlines

    heard, content, size, acknowledged, bare = ground.play("", story)

    assert heard == ("250 2.0.0 message taken", "250 2.0.0 ok")
    assert (content, size, acknowledged, bare) == (BINARY, len(BINARY), True, 0)


@pytest.mark.parametrize("segment", [0, 1, 7])
@pytest.mark.parametrize("empty", [True, False])
def test_a_message_in_many_chunks_is_one_message(memory: Any, segment: int, empty: bool) -> None:
    """Pipelined with its envelope; the last chunk may be empty."""
    pieces = [b"Message-ID: <a@b>\r\n", b"\r\nBDAT 5 LAST\r\n", b"\r", b"\n"]

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        chunks = [chunk(piece) for piece in (pieces if empty else pieces[:-1])]
        end = chunk(b"" if empty else pieces[-1], last=True)
        client.write("".join(f"{line}\r\n" for line in ENVELOPE).encode() + b"".join(chunks) + end)
        heard = await client.hear(2 + len(chunks) + 1)
        (message,) = scene.journal.messages
        (transaction,) = scene.journal.transactions
        return heard.split("|")[2:], message.content, message.message_id, transaction.ended, transaction.dot.code

    heard, content, identity, ended, code = memory.play("", story, segment=segment)

    sizes = [f"250 2.0.0 {len(piece)} octets" for piece in (pieces if empty else pieces[:-1])]
    assert heard == [*sizes, "250 2.0.0 message taken"]
    assert (content, identity, ended, code) == (b"".join(pieces), "<a@b>", "dot", 250)


def test_a_second_message_begins_anew(memory: Any) -> None:
    """With chunks of its own."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        for text in (b"one", b"two"):
            await client.ask(*ENVELOPE)
            client.write(chunk(text) + chunk(b"!", last=True))
            await client.hear(2)
        return [message.content for message in scene.journal.messages]

    assert memory.play("", story) == [b"one!", b"two!"]


def test_a_refused_chunk_is_read_and_the_transaction_is_lost(ground: Any) -> None:
    """So are those pipelined behind it; RSET heals (RFC 3030 section 2)."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(*ENVELOPE)
        client.write(chunk(b"RSET\r\n") + chunk(b"QUIT\r\n") + chunk(b"NOOP\r\n", last=True))
        heard = [await client.hear() for _ in range(3)]
        return heard, await client.ask("MAIL FROM:<>"), await client.ask("RSET", "MAIL FROM:<>"), scene.journal.messages

    assert ground.play('at = "bdat"\nattempt = "2"\nreply = "451 4.3.0 disk full"', story) == (
        ["250 2.0.0 6 octets", "451 4.3.0 disk full", "503 5.5.1 a chunk was refused: send RSET"],
        "503 5.5.1 a chunk was refused: send RSET",
        "250 2.0.0 ok|250 2.1.0 sender ok",
        [],
    )


def test_chunks_out_of_place_are_read(ground: Any) -> None:
    """Before MAIL, without recipients, above the limit: their octets are no commands."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(chunk(b"QUIT\r\n"))
        early = await client.hear()
        await client.ask(ENVELOPE[0])
        client.write(chunk(b"QUIT\r\n", last=True))
        nobody = await client.hear()
        await client.ask("RSET", *ENVELOPE)
        client.write(chunk(b"QUIT\r\n" * 20, last=True))
        return early, nobody, await client.hear(), await client.ask("NOOP"), scene.journal.messages

    assert ground.play('at = "ehlo"\ncaps = "SIZE 100"', story) == (
        "503 5.5.1 send MAIL first",
        "554 5.5.1 no valid recipients",
        "552 5.3.4 message exceeds the fixed maximum size",
        "250 2.0.0 ok",
        [],
    )


def test_what_announces_no_chunk_has_none(memory: Any) -> None:
    """A BDAT that cannot be read, or that was never offered: what follows are commands."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(*ENVELOPE)
        wrong = await client.ask("BDAT five", "NOOP")
        await client.ask("HELO me", *ENVELOPE)
        return wrong, await client.ask("BDAT 6 LAST", "NOOP")

    assert memory.play("", story) == (
        "501 5.5.4 syntax: BDAT octets [LAST]|250 2.0.0 ok",
        "502 command not implemented|250 ok",
    )


@pytest.mark.parametrize(
    ("rules", "heard", "events"),
    [
        ('at = "dot"\nreply = "451 4.3.0 no"', "250 2.0.0 3 octets|451 4.3.0 no", ["bdat 250", "dot 451"]),
        (
            'at = "bdat"\nattempt = "2"\nreply = "550 5.7.1 no"',
            "250 2.0.0 3 octets|550 5.7.1 no",
            ["bdat 250", "bdat 550"],
        ),
        (
            '[[rule]]\nat = "bdat"\nattempt = "2"\nreply = "250 2.0.0 b"\n[[rule]]\nat = "dot"\nreply = "451 4.3.0 no"',
            "250 2.0.0 3 octets|250 2.0.0 b",
            ["bdat 250", "bdat 250"],
        ),
    ],
)  # fmt: skip
def test_the_last_chunk_is_the_end_of_the_message(memory: Any, rules: str, heard: str, events: list[str]) -> None:
    """A rule at `bdat` answers it, else one at `dot`; the message is taken as the reply says."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(*ENVELOPE)
        client.write(chunk(b"abc") + chunk(b"def", last=True))
        return await client.hear(2), scene.events()[-2:], scene.journal.committed("ann@x.test")

    assert memory.play(rules, story) == (heard, events, int("250 2.0.0 b" in heard))


def test_a_script_is_told_of_each_chunk(memory: Any, decides: Any) -> None:
    """Its size and whether it is the last; of the last the whole message; then the end."""
    told = decides()

    async def story(scene: Any) -> None:
        client = await scene.greeted()
        await client.ask(f"{ENVELOPE[0]} RET=HDRS SIZE=7", f"{ENVELOPE[1]} NOTIFY=NEVER")
        client.write(chunk(b"Message-ID: <a@b>\r\n") + chunk(b"\r\nhi", last=True))
        await client.hear(2)

    memory.play(told, story)
    mail, rcpt, body, first, last, dot = told.events[-6:]

    assert [str(event.stage) for event in (mail, rcpt, body, first, last, dot)] == [
        "mail", "rcpt", "body", "bdat", "bdat", "dot",
    ]  # fmt: skip
    assert (mail.size, mail.parameters) == (7, {"RET": "HDRS", "SIZE": "7"})
    assert rcpt.parameters == {"RET": "HDRS", "SIZE": "7", "NOTIFY": "NEVER"}
    assert (first.size, first.last, first.content, first.argument) == (19, False, b"", "19")
    assert (last.size, last.last, last.content, last.verb) == (4, True, b"Message-ID: <a@b>\r\n\r\nhi", "BDAT")
    assert (dot.size, dot.content, dot.message_id) == (23, last.content, "<a@b>")
    assert last.parameters == dot.parameters == {"RET": "HDRS", "SIZE": "7"}


def test_the_journal_keeps_what_dsn_asks_for(ground: Any) -> None:
    """Of the message, of its transaction, and of each command (RFC 3461)."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        rcpts = (f"{ENVELOPE[1]} NOTIFY=SUCCESS,DELAY ORCPT=rfc822;ann+40old.test", "RCPT TO:<bob@x.test>")
        await client.ask(f"{ENVELOPE[0]} RET=HDRS ENVID=QQ314159", *rcpts)
        client.write(chunk(b"hi", last=True))
        await client.hear()
        return scene.journal.messages[0], scene.journal.transactions[0]

    message, transaction = ground.play("", story)

    assert message.parameters == transaction.parameters == {"RET": "HDRS", "ENVID": "QQ314159"}
    assert message.rcpt_parameters == {"ann@x.test": {"NOTIFY": "SUCCESS,DELAY", "ORCPT": "rfc822;ann+40old.test"}}
    assert [asked.parameters for asked in transaction.asked] == [message.rcpt_parameters["ann@x.test"], {}]


def test_silence_within_a_chunk_ends_the_session(memory: Any) -> None:
    """As within any message."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(*ENVELOPE)
        client.write(b"BDAT 10\r\nhalf")
        return await client.rest(), scene.events()[-1]

    assert memory.play("", story) == (
        ("421 4.4.2 silent for too long, closing connection\r\n", "fin"),
        "bdat 421 timeout",
    )


def by_data(message: bytes) -> bytes:
    return b"DATA\r\n" + message + b".\r\n"


def by_chunk(message: bytes) -> bytes:
    return chunk(message, last=True)


@pytest.mark.parametrize("sent", [by_data, by_chunk])
@pytest.mark.parametrize("segment", [0, 1, 1460])
def test_marks_within_a_message_are_passed_in_order(memory: Any, decides: Any, sent: Any, segment: int) -> None:
    """At the first octet, then at each mark that the message reaches, however it comes; the end is later."""
    told = decides()
    told.marks = (10, 20, 30)
    message = b"Subject: hi\r\n\r\nhi..\r\n\r\n.\r\n"[:21] + b"\r\n"

    async def story(scene: Any) -> None:
        client = await scene.greeted()
        await client.ask(*ENVELOPE)
        client.write(sent(message))
        await client.hear(2 if sent is by_data else 1)

    memory.play(told, story, segment=segment)
    events = [(str(event.stage), event.size) for event in told.events if str(event.stage) in ("body", "dot")]

    assert events == [("body", 0), ("body", 10), ("body", 20), ("dot", 23)]


@pytest.mark.parametrize("sent", [by_data, by_chunk])
def test_a_message_can_be_refused_in_its_middle(ground: Any, decides: Any, sent: Any) -> None:
    """The early reply is the only one; what comes behind is read and not taken."""
    told = decides(body=())
    told.marks = (4096,)
    told.decisions.clear()

    def on(event: Any) -> Any:
        told.events.append(event)
        refuse = str(event.stage) == "body" and event.size == 4096
        return type(told).on(told, event) if not refuse else told.refusal

    told.refusal = decides(x=(Say(Reply.of("552 5.3.4 enough")),)).decisions["x"]
    told.on = on

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(*ENVELOPE)
        whole = sent(b"a line\r\n" * 1000)
        client.write(whole[:5000])
        await client.hear(1 if sent is by_data else 0)
        early = await client.hear()
        client.write(whole[5000:])
        reset = await client.ask("RSET")
        return early, reset, scene.journal.committed("ann@x.test")

    assert ground.play(told, story) == ("552 5.3.4 enough", "250 2.0.0 ok", 0)


@pytest.mark.parametrize("sent", [by_data, by_chunk])
@pytest.mark.parametrize("reset", [True, False])
def test_a_connection_can_end_in_the_middle_of_a_message(ground: Any, decides: Any, sent: Any, reset: bool) -> None:
    """Once so many octets came."""
    told = decides()
    told.marks = (100,)
    ends = decides(x=(Close(reset=reset),)).decisions["x"]
    usual = told.on
    told.on = lambda event: ends if str(event.stage) == "body" and event.size == 100 else usual(event)

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(*ENVELOPE)
        client.write(sent(b"x" * 98 + b"\r\n" + b"y" * 98 + b"\r\n"))
        _, how = await client.rest()
        return how, scene.journal.messages, scene.events()[-1]

    how = "rst" if reset else "fin"
    assert ground.play(told, story) == (how, [], f"body {how}")
