"""How much a client may ask of the server, and what it hears when that is too much; nothing grows without bound."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

import pytest

from maildrill.fakeserver.language.settings import Settings

MAIL = "MAIL FROM:<news@shop.test>"
RCPT = "RCPT TO:<ann@x.test>"
TOO_SILENT = "421 4.4.2 silent for too long, closing connection\r\n"


def limited(**limits: float) -> dict[str, Settings]:
    return {"settings": Settings(limits=limits)}


def test_a_line_may_be_so_long(ground: Any) -> None:
    """CRLF included; and longer where extensions make it so."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        fits = await client.ask("NOOP " + "x" * 93), await client.ask("NOOP " + "x" * 94)
        long = await client.ask(f"{MAIL} ENVID={'x' * 100}"), await client.ask(f"{RCPT} ORCPT=rfc822;{'x' * 490}")
        return fits, long

    assert ground.play("", story, **limited(line=100)) == (
        ("250 2.0.0 ok", "500 5.5.2 cannot read this line"),
        ("250 2.1.0 sender ok", "250 2.1.5 recipient ok"),
    )


def test_a_line_that_never_ends_is_not_kept(memory: Any) -> None:
    """Its octets are let go, and patience ends it although they keep coming."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        held = 0
        while scene.journal.sessions[0].closed is None:
            client.write(b"x" * 100_000)
            await client.clock.sleep(1)
            held = max(held, *(len(session._line.inbox._buffer) for session in scene.server._sessions), 0)
        heard, _ = await client.rest()
        return heard, held < 300_000

    assert memory.play("", story) == (TOO_SILENT, True)


@pytest.mark.parametrize("sent", ["header", "body"])
def test_a_message_that_never_ends_is_not_kept(memory: Any, sent: str) -> None:
    """Be it one line or many; when it does end it is refused."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(MAIL, RCPT, "DATA")
        held = 0
        for _ in range(200):
            client.write(b"x" * 100_000 if sent == "header" else b"a line\r\n" * 12_500)
            await client.clock.sleep(0.1)
            held = max(held, scene.server._host.store.used)
        client.write(b"\r\n.\r\n")
        return await client.hear(), held < 400_000, scene.server._host.store.used, scene.journal.messages[0].content

    assert memory.play("", story, **limited(message=100_000)) == (
        "552 5.3.4 message exceeds the fixed maximum size",
        True,
        0,
        b"",
    )


@pytest.mark.parametrize("chunks", [False, True])
def test_all_messages_together_have_so_much_room(memory: Any, chunks: bool) -> None:
    """Who comes last is told to come again; who was first is taken."""

    async def story(scene: Any) -> Any:
        first, second = await scene.greeted(), await scene.greeted()
        for client in (first, second):
            await client.ask(MAIL, RCPT, *([] if chunks else ["DATA"]))
        first.write((b"BDAT 60000\r\n" if chunks else b"") + b"x" * 60_000)
        await first.clock.sleep(1)
        second.write((b"BDAT 60000\r\n" if chunks else b"") + b"y" * 60_000)
        await first.clock.sleep(1)
        first.write(b"BDAT 0 LAST\r\n" if chunks else b"\r\n.\r\n")
        second.write(b"RSET\r\n" if chunks else b"\r\n.\r\n")
        await first.clock.sleep(1)
        one, other = [await client.hear(2 if chunks else 1) for client in (first, second)]
        await first.ask(MAIL, RCPT)
        first.write(b"BDAT 50000\r\n" + b"z" * 50_000)
        await first.hear()
        first.writer.transport.abort()
        await first.clock.sleep(1)
        return one.split("|")[-1], other.split("|")[0], scene.server._host.store.used

    assert memory.play("", story, **limited(memory=100_000)) == (
        "250 2.0.0 message taken",
        "452 4.3.1 no room for this message now",
        0,
    )


def test_a_transaction_has_so_many_recipients(ground: Any) -> None:
    """452, which is no error of the client's; the next transaction has as many (RFC 5321 section 4.5.3.1.10)."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        heard = (await client.ask(MAIL, *[RCPT] * 10)).split("|")
        sent = await client.ask("DATA", ".")
        return heard[2:5], heard[-1], sent, await client.ask(MAIL, RCPT)

    too_many = "452 4.5.3 too many recipients"

    assert ground.play("", story, **limited(recipients=2, errors=3)) == (
        ["250 2.1.5 recipient ok", too_many, too_many],
        too_many,
        "354 end data with <CR><LF>.<CR><LF>|250 2.0.0 message taken",
        "250 2.1.0 sender ok|250 2.1.5 recipient ok",
    )


def test_a_session_has_so_many_commands(ground: Any) -> None:
    """Then 421 and the end; no script is asked about that."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(b"NOOP\r\n" * 10)
        return await client.rest(), scene.events()[-1]

    assert ground.play("", story, **limited(commands=3)) == (
        ("250 2.0.0 ok\r\n" * 2 + "421 4.7.0 too many commands, closing connection\r\n", "fin"),
        "noop 421 fin",
    )


@pytest.mark.parametrize(
    "line", [b"\r\n", b"XYZZY\r\n", b"\xff\xfe\r\n", b"RCPT TO:<a@b.test>\r\n", b"MAIL FROM:a\r\n", b"RSET x\r\n"]
)
def test_a_session_has_so_many_errors(ground: Any, line: bytes) -> None:
    """Unreadable, unknown, out of place or malformed: then 421 and the end."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write((line + b"NOOP\r\n") * 10)
        heard, how = await client.rest()
        return [said[:3] for said in heard.splitlines()], how, heard.splitlines()[-1]

    codes, how, last = ground.play("", story, **limited(errors=2))

    assert [code[0] for code in codes] == ["5", "2", "5", "2", "4"]
    assert (how, last) == ("fin", "421 4.7.0 too many errors, closing connection")


@pytest.mark.parametrize("tls", [False, True])
def test_so_many_connections_are_served_at_once(ground: Any, tls: bool) -> None:
    """One more hears 421, or nothing where only TLS would be understood; when one has gone there is room again."""

    async def story(scene: Any) -> Any:
        served = [await scene.greeted() for _ in range(2)]
        if tls:
            scene.address = await scene.server.start(scene.address[0], tls=True)
        one_more = await (await scene.call()).rest()
        await served[0].ask("QUIT")
        await served[0].rest()
        while len(scene.server._sessions) > 1:
            await scene.clock.sleep(0.05)
        again = await scene.call()
        heard = "" if tls else await again.hear()
        return one_more, heard, [record.closed for record in scene.journal.sessions[:3]]

    assert ground.play("", story, **limited(connections=2)) == (
        ("" if tls else "421 4.3.2 too many connections, try again later\r\n", "fin"),
        "" if tls else "220 mx.test ESMTP maildrill",
        ["fin", None, "fin"],
    )


def test_silence_may_last_so_long(ground: Any) -> None:
    """Between commands and within a message."""

    async def story(scene: Any) -> Any:
        clients = [await scene.greeted() for _ in range(2)]
        await clients[0].ask(MAIL, RCPT, "DATA")
        return [await client.rest() for client in clients]

    assert ground.play("", story, **limited(silence=0.2)) == [(TOO_SILENT, "fin")] * 2


def test_a_command_may_take_so_long(ground: Any) -> None:
    """Octet for octet is not for ever; a message that comes as slowly is another matter."""

    async def story(scene: Any) -> Any:
        loris, slow = await scene.greeted(), await scene.greeted()
        await slow.ask(MAIL, RCPT, "DATA")
        while scene.journal.sessions[0].closed is None:
            loris.write(b"x")
            slow.write(b"x")
            await scene.clock.sleep(0.02)
        slow.write(b"\r\n.\r\n")
        return await loris.rest(), await slow.hear(), scene.events()[-2:]

    heard, message, events = ground.play("", story, **limited(command=0.2))

    assert heard == ("421 4.4.2 a command takes too long, closing connection\r\n", "fin")
    assert message == "250 2.0.0 message taken"
    assert "idle 421 timeout" in events


@pytest.mark.parametrize("first", [b"NO", b"NOOP\r\nNO"])
def test_a_command_begins_with_its_first_octet(ground: Any, first: bytes) -> None:
    """Also with one that came in the same segment as the command before it; what follows changes nothing."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(first)
        return (await client.rest())[0].splitlines()[-1]

    assert ground.play("", story, **limited(command=0.2)) == "421 4.4.2 a command takes too long, closing connection"


@pytest.mark.parametrize(
    ("limits", "within"),
    [({"session": 0.3}, ""), ({"session": 0.3}, "DATA"), ({"command": 0.3}, ""), ({"session": 0.3}, "VRFY ann")],
)
def test_who_goes_on_sending_hears_the_last_word(ground: Any, limits: dict[str, float], within: str) -> None:
    """It is read and dropped for a while; a close at once would turn the reply into a reset (RFC 1122 4.2.2.13)."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        if within:
            client.write(f"{MAIL}\r\n{RCPT}\r\n{within}\r\n".encode())
        for _ in range(50):
            client.write(b"x" * 1000)
            await scene.clock.sleep(0.02)
        closed = scene.journal.sessions[0].closed
        heard, how = await client.rest()
        return closed, heard.splitlines()[-1][:9], how

    script = 'at = "vrfy"\nwait = "0.5s"'

    assert ground.play(script, story, **limited(**limits)) == ("timeout", "421 4.4.2", "fin")


@pytest.mark.parametrize("goes", [True, False])
def test_who_hears_the_last_word_is_not_waited_for(ground: Any, goes: bool) -> None:
    """When the client goes too, that is the end of it; else it is two seconds."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.rest()
        began = scene.clock.now()
        if goes:
            client.writer.close()
        while scene.server._sessions:
            await scene.clock.sleep(0.05)
        return scene.clock.now() - began > 1.5

    assert ground.play("", story, **limited(silence=0.1)) is not goes


@pytest.mark.parametrize("busy", ["idle", "body", "wait"])
def test_a_session_may_take_so_long(ground: Any, busy: str) -> None:
    """Whatever goes on in it."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        if busy == "wait":
            client.write(b"NOOP\r\n")
        elif busy == "body":
            await client.ask(MAIL, RCPT, "DATA")
        for _ in range(3 if busy == "body" else 0):  # octets that come behind the end would turn it into a reset
            client.write(b"x")
            await scene.clock.sleep(0.02)
        return await client.rest()

    assert ground.play('at = "noop"\nwait = "1h"', story, **limited(session=0.3)) == (
        "421 4.4.2 the session takes too long, closing connection\r\n",
        "fin",
    )


def test_a_client_that_never_reads_is_given_up(ground: Any) -> None:
    """By a reset: there is nothing that it could be told."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.writer.transport.pause_reading()
        client.write(b"NOOP\r\n" * 60_000)
        while scene.journal.sessions[0].closed is None:
            await scene.clock.sleep(0.1)
        await scene.clock.sleep(0.1)
        return scene.journal.sessions[0].closed, len(scene.journal.entries) < 50_000, len(scene.server._sessions)

    script = f'at = "noop"\nreply = "250 2.0.0 {"x" * 450}"'

    assert ground.play(script, story, **limited(silence=0.5, session=60)) == ("timeout", True, 0)


def test_no_more_is_said_at_once_than_is_held(ground: Any) -> None:
    """Of what comes in one piece no more is answered than the client reads, but for so many octets."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.writer.transport.pause_reading()
        client.write(b"NOOP\r\n" * 10_000)
        longest = 0
        for _ in range(20):
            await scene.clock.sleep(0.01)
            longest = max(longest, *(len(session._line._out) for session in scene.server._sessions))
        return longest < 70_000, len(scene.journal.entries) < 9_000

    script = f'at = "noop"\nreply = "250 2.0.0 {"x" * 490}"'

    assert ground.play(script, story) == (True, True)


def test_a_client_that_does_not_read_the_last_word_is_not_waited_for(ground: Any) -> None:
    """Nor is its connection kept."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.writer.transport.pause_reading()
        client.write(b"NOOP\r\n" * 60_000 + b"QUIT\r\n")
        client.writer.transport.resume_reading()
        await client.hear()
        client.writer.transport.pause_reading()
        while scene.server._sessions:
            await scene.clock.sleep(0.1)
        return len(scene.server._sessions)

    script = f'[[rule]]\nat = "noop"\ntimes = 9000\nreply = "250 2.0.0 {"x" * 450}"\n[[rule]]\nat="noop"\ncut = "after"'

    assert ground.play(script, story, **limited(silence=0.5)) == 0


def test_thousands_of_connections_are_served(tcp: Any) -> None:
    """Ten thousand, or as many as this process may open; all are greeted, and all are gone in the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * 10_000 + 500  # both ends are ours
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    count = (max(soft, most) - 500) // 2

    async def story(scene: Any) -> Any:
        limit = asyncio.Semaphore(100)  # of connections that are being made: a listener's queue is short

        async def call() -> str:
            async with limit:
                return str(await (await scene.call()).hear())

        heard = set(await asyncio.gather(*(call() for _ in range(min(count, 10_000)))))
        served = len(scene.server._sessions)
        await scene.server.stop()
        return heard, served, len(scene.server._sessions)

    try:
        heard, served, left = tcp.play("", story, patience=120)  # it takes seven of its own, more beside others
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert heard == {"220 mx.test ESMTP maildrill"}
    assert served == min(count, 10_000)
    assert left == 0
