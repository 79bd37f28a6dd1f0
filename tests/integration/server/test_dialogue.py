"""The server without faults, at the level of octets: order, limits, framing, pipelining, and what the journal keeps."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from maildrill.cli.system_clock import SystemClock
from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.engine.event import Advertise, Decision, Event, Proceed, Say
from maildrill.fakeserver.journal.journal import Closed, Journal
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.session.host import Door, Host, Wire
from maildrill.fakeserver.session.session import Session
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import Reply

MAIL = "MAIL FROM:<news@shop.test>"
RCPT = "RCPT TO:<ann@x.test>"


def test_the_journal_tells_the_whole_transaction(ground: Any) -> None:
    """Session, transaction and message are there, with who, what and when."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.send(b"Subject: hi\r\nMessage-ID:\r\n <one@shop.test>\r\n\r\n..a dot\r\n.\r\n")
        await client.ask("QUIT")
        await client.rest()
        return scene.journal

    journal = ground.play("", story)
    (session,), (transaction,), (message,) = journal.sessions, journal.transactions, journal.messages

    assert (session.helo, session.closed, session.bare_newlines) == ("client.test", "fin", 0)
    assert session.client in ("192.0.2.1", "127.0.0.1")
    assert session.opened <= transaction.at <= message.at <= session.closed_at
    assert (transaction.reverse_path, transaction.ended, transaction.dot.code) == ("news@shop.test", "dot", 250)
    assert [(asked.address, asked.reply.code) for asked in transaction.asked] == [("ann@x.test", 250)]
    assert message.content == b"Subject: hi\r\nMessage-ID:\r\n <one@shop.test>\r\n\r\n.a dot\r\n"
    assert (message.recipients, message.message_id, message.size) == (("ann@x.test",), "<one@shop.test>", 54)
    assert (message.committed, message.acknowledged, message.reply.code) == (True, True, 250)
    assert journal.replies_at_dot == (message,)
    assert journal.asked("ann@X.TEST") == tuple(transaction.asked)


def test_a_pipelined_group_is_answered_in_order_and_in_one_piece(memory: Any) -> None:
    """RFC 2920 section 3.2: replies leave together where they can."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(f"{MAIL}\r\n{RCPT}\r\nRCPT TO:<bob@y.test>\r\nDATA\r\n".encode())
        return await client.reader.read(4096)

    assert memory.play("", story) == (
        b"250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n250 2.1.5 recipient ok\r\n"
        b"354 end data with <CR><LF>.<CR><LF>\r\n"
    )


def test_a_group_behind_a_refused_mail_is_out_of_place_and_asks_no_script(memory: Any, decides: Any) -> None:
    """RCPT and DATA after a refused MAIL are 503, and no rule counts them."""
    told = decides(mail=(Say(Reply.of("450 4.7.1 not now")),))

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        return await client.ask(MAIL, RCPT, "DATA")

    assert memory.play(told, story) == "450 4.7.1 not now|503 5.5.1 send MAIL first|503 5.5.1 send MAIL first"
    assert [str(event.stage) for event in told.events] == ["connect", "banner", "ehlo", "mail"]


def test_the_second_transaction_starts_clean(memory: Any) -> None:
    """After the dot, and after RSET, nothing of the transaction is left."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.send(b".\r\n")
        await client.ask(MAIL, "RCPT TO:<bob@y.test>", "RSET")
        await client.send(b".\r\n")
        return [message.recipients for message in scene.journal.messages], [
            transaction.ended for transaction in scene.journal.transactions
        ]

    assert memory.play("", story) == ([("ann@x.test",), ("ann@x.test",)], ["dot", "rset", "dot"])


@pytest.mark.parametrize("segment", [1, 3, 0])
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"a.\r\n.\r\n", b"a.\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),
        (b"a\n.\nb\r.\rc\r\n.\r\n", b"a\n.\nb\r.\rc\r\n"),
        (b"a\n.\r\n\r\n.\r\n", b"a\n.\r\n\r\n"),
        (b"\xff\x00\r\n.\r\n", b"\xff\x00\r\n"),
        (b"x" * 200_000 + b"\r\n.\r\n", b"x" * 200_000 + b"\r\n"),
        (b".x.\r\n" * 30_000 + b".\r\n", b"x.\r\n" * 30_000),
    ],
    ids=["empty", "a line", "dot at an end", "a dot", "stuffed", "bare", "lf dot crlf", "octets", "long", "dots"],
)
def test_only_crlf_dot_crlf_ends_a_message(memory: Any, sent: bytes, kept: bytes, segment: int) -> None:
    """However it is cut into segments; and dot-stuffing is undone (RFC 5321 sections 4.1.1.4 and 4.5.2)."""
    if segment == 1 and len(sent) > 1000:
        segment = 1460

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        said = await client.send(sent + b"NOOP\r\n")
        return said, await client.hear(), scene.journal.messages[0].content

    assert memory.play("", story, segment=segment) == ("250 2.0.0 message taken", "250 2.0.0 ok", kept)


@pytest.mark.parametrize(
    ("octets", "bare"),
    [(b"NOOP\r\n", 0), (b"NOOP\n", 1), (b"NOOP x\ry\r\n", 1), (b"NOOP\r\r\n", 1), (b"NOOP\r\n\n", 1)],
)
@pytest.mark.parametrize("segment", [0, 1])
def test_bare_newlines_are_counted(memory: Any, octets: bytes, bare: int, segment: int) -> None:
    """CR without LF, LF without CR, over segments too (RFC 5321 section 2.3.8)."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(octets)
        await client.hear()
        await client.ask("QUIT")
        return scene.journal.sessions[0].bare_newlines

    assert memory.play("", story, segment=segment) == bare


def test_a_message_above_the_limit_is_refused_whatever_the_script_says(memory: Any) -> None:
    """The rest of it is swallowed, the session goes on, and what it held is not kept."""

    async def story(scene: Any) -> Any:
        client = await scene.call()
        await client.hear()
        await client.ask("EHLO me")
        said = await client.send(b"x" * 998 + (b"\r\n" + b"y" * 998) * 40 + b"\r\n.\r\n")
        message = scene.journal.messages[0]
        return said, message.committed, message.content, message.size, await client.ask("NOOP")

    script = """
    [[rule]]
    at = "ehlo"
    caps = ["SIZE 2000"]
    [[rule]]
    at = "dot"
    reply = "250 2.0.0 sure"
    """

    assert memory.play(script.replace("    ", ""), story) == (
        "552 5.3.4 message exceeds the fixed maximum size",
        False,
        b"",
        41_000,
        "250 2.0.0 ok",
    )


def test_bodies_are_forgotten_where_nobody_wants_them(memory: Any) -> None:
    """`keep_bodies=False` keeps the size and the Message-ID."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.send(b"Message-ID: <a@b>\r\n\r\nhello\r\n.\r\n")
        message = scene.journal.messages[0]
        return message.content, message.size, message.message_id

    assert memory.play("", story, keep_bodies=False) == (b"", 28, "<a@b>")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"\r\n", "500 5.5.2 cannot read this line"),
        (b"\xff\xfe\r\n", "500 5.5.2 cannot read this line"),
        (b"NOOP " + b"x" * 600 + b"\r\n", "500 5.5.2 cannot read this line"),
        (b"NOOP " + b"x" * 200_000 + b"\r\n", "500 5.5.2 cannot read this line"),
        (b"NOOP " + b"x" * 500 + b"\r\n", "250 2.0.0 ok"),
        (b"noop\r\n", "250 2.0.0 ok"),
        (b"VRFY \xff\r\n", "252 2.1.5 not verified, but mail for it is taken"),
    ],
    ids=["empty", "octets", "long", "very long", "just fits", "lower case", "octets behind"],
)
def test_lines_that_are_no_commands_are_survived(memory: Any, line: bytes, reply: str) -> None:
    """One reply to one line, and the session goes on."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(line)
        return await client.hear(), await client.ask("QUIT")

    assert memory.play("", story) == (reply, "221 2.0.0 bye")


def test_long_lines_are_taken_where_extensions_make_them_longer(memory: Any) -> None:
    """MAIL with its parameters, and AUTH with a token (RFC 4954 section 4)."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        auth = await client.ask("AUTH XOAUTH2 " + "A" * 12_000)
        local, domain = "a" * 64, ".".join(["b" * 60] * 3)
        # a long line needs a long parameter: AUTH= is not offered, so it is refused for what it is
        return auth, await client.ask(f"MAIL FROM:<{local}@{domain}> AUTH={'x' * 270}")

    assert memory.play("", story) == (
        "502 5.5.1 command not implemented",
        "555 5.5.4 parameter not recognised or not implemented",
    )


def test_limits_of_one_connection_are_not_those_of_another(memory: Any) -> None:
    """The library shares a table of limits between connections; ours do not."""

    async def story(scene: Any) -> Any:
        first = await scene.greeted()
        second = await scene.greeted()
        await first.ask("QUIT")
        return await second.ask("AUTH XOAUTH2 " + "A" * 12_000)

    assert memory.play("", story) == "502 5.5.1 command not implemented"


def test_a_lone_dot_after_a_354_without_recipients_delivers_to_nobody(memory: Any) -> None:
    """RFC 2920 section 3.1: all were refused, 354 came all the same."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        heard = [await client.ask(line) for line in (MAIL, RCPT, "DATA", ".")]
        return heard, scene.journal.messages[0].recipients, scene.journal.committed("ann@x.test")

    script = '[[rule]]\nat = "rcpt"\nreply = "450 4.2.1 no"\n[[rule]]\nat = "data"\nreply = "354 go"'
    heard, recipients, committed = memory.play(script, story)

    assert heard[1:] == ["450 4.2.1 no", "354 go", "554 5.5.1 no valid recipients"]
    assert (recipients, committed) == ((), 0)


def test_silence_of_five_minutes_ends_a_session(memory: Any) -> None:
    """RFC 5321 section 4.5.3.2.7, between commands, in a message, in an AUTH exchange, and before EHLO."""

    async def story(scene: Any) -> Any:
        between, body, auth = [await scene.greeted() for _ in range(3)]
        early = await scene.call()
        await early.hear()
        await body.ask(MAIL, RCPT, "DATA")
        body.write(b"Subject: hi\r\n")
        await auth.ask("AUTH PLAIN")
        ends = [await client.rest() for client in (between, body, auth, early)]
        return ends, between.clock.now() - scene.journal.sessions[0].opened, sorted(scene.events()[-4:])

    ends, passed, events = memory.play('at = "ehlo"\ncaps = ["AUTH PLAIN"]', story)

    assert ends == [("421 4.4.2 silent for too long, closing connection\r\n", "fin")] * 4
    assert 300 < passed < 302
    assert events == ["auth-step 421 timeout", "body 421 timeout", "idle 421 timeout", "idle 421 timeout"]


def test_a_message_that_drips_is_not_silence(memory: Any) -> None:
    """Octets of a message push the end of patience out; a part of a command does not."""

    async def story(scene: Any) -> Any:
        slow, slower = await scene.greeted(), await scene.greeted()
        await slow.ask(MAIL, RCPT, "DATA")
        for octet in b"hi\r\n.\r\n":
            await slow.clock.sleep(200)
            slow.write(bytes([octet]))
            if octet == ord("h"):
                slower.write(b"NOO")
        return await slow.hear(), await slower.rest()

    assert memory.play("", story) == (
        "250 2.0.0 message taken",
        ("421 4.4.2 silent for too long, closing connection\r\n", "fin"),
    )


def test_a_server_that_takes_its_time_is_not_silence_of_the_client(memory: Any) -> None:
    """A wait of an hour, at the banner and at a command, ends nothing."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        return await client.ask("NOOP")

    script = '[[rule]]\nat = "banner"\nwait = "1h"\n[[rule]]\nat = "noop"\nwait = "1h"'

    assert memory.play(script, story) == "250 2.0.0 ok"


def test_idle_ages_are_exact_and_count_from_the_last_reply(memory: Any, decides: Any) -> None:
    """Each age comes once in a silence, and none within a message."""
    told = decides(waits=(60.0, 90.0))

    async def story(scene: Any) -> None:
        client = await scene.greeted()
        await client.clock.sleep(70)
        await client.ask(MAIL, RCPT, "DATA")
        await client.clock.sleep(100)
        client.write(b".\r\n")
        await client.hear()
        await client.clock.sleep(95)

    memory.play(told, story)
    replied = [event.at for event in told.events if str(event.stage) in ("ehlo", "dot")]
    idle = [(event.at, event.idle) for event in told.events if str(event.stage) == "idle"]

    assert [age for _, age in idle] == [60.0, 60.0, 90.0]
    assert [at for at, _ in idle] == pytest.approx([replied[0] + 60, replied[1] + 60, replied[1] + 90])


def test_a_client_that_leaves_during_a_wait_is_noted_and_its_message_stays_taken(ground: Any) -> None:
    """RFC 1047: a server that is slow after the dot has the message all the same."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(MAIL, RCPT, "DATA")
        client.write(b"hello\r\n.\r\n")
        while not scene.journal.messages:
            await client.clock.sleep(0.01)
        client.writer.transport.abort()
        while scene.journal.sessions[0].closed is None:
            await client.clock.sleep(0.01)
        journal = scene.journal
        return scene.events()[-2:], journal.committed("ann@x.test"), journal.acknowledged("ann@x.test")

    assert ground.play('at = "dot"\nwait = "1h"', story) == (["dot", "dot client"], 1, 0)


def test_a_client_that_does_not_wait_for_the_goodbye_is_no_fault(tcp: Any) -> None:
    """It closes behind its QUIT, and resets the connection when the 221 comes."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        faults: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context))
        client.write(b"QUIT\r\n")
        client.writer.close()
        while scene.journal.sessions[0].closed is None:
            await client.clock.sleep(0.001)
        return faults, scene.events()[-1]

    assert tcp.play("", story) == ([], "quit 221 fin")


def test_stopping_the_server_ends_every_session_and_says_so(ground: Any) -> None:
    """Even one that waits for an hour, and one that was never greeted."""

    async def story(scene: Any) -> Any:
        waiting, idle = await scene.greeted(), await scene.greeted()
        waiting.write(b"NOOP\r\n")
        await idle.ask("RSET")
        await scene.server.stop()
        ends = [await client.rest() for client in (waiting, idle)]
        return [heard for heard, _ in ends], [record.closed for record in scene.journal.sessions]

    assert ground.play('at = "noop"\nwait = "1h"', story) == (["", ""], ["stopped", "stopped"])


def test_a_client_that_reads_nothing_holds_up_nobody_else_and_fills_no_memory(memory: Any) -> None:
    """Replies that are not read stop the reading of commands."""

    async def story(scene: Any) -> Any:
        deaf, other = await scene.greeted(), await scene.greeted()
        deaf.writer.transport.pause_reading()
        deaf.write(b"NOOP\r\n" * 100_000)
        await other.clock.sleep(60)
        return await other.ask("NOOP"), len(scene.journal.entries) < 20_000

    assert memory.play("", story) == ("250 2.0.0 ok", True)


@pytest.mark.parametrize("stage", ["connect", "banner", "noop", "idle"])
def test_a_fault_of_ours_is_reported_and_ends_the_session(tcp: Any, decides: Any, stage: str) -> None:
    """It cannot pass for a server's behaviour: the loop hears of it, the client hears 421 or a reset."""

    class Breaks:
        def on(self, event: Event) -> Decision:
            if event.stage == stage:
                raise ZeroDivisionError
            return Decision((Proceed(),))

        def idle_waits(self) -> tuple[float, ...]:
            return (0.2,)

        def body_marks(self) -> tuple[int, ...]:
            return ()

        def end(self, session: int) -> None:
            pass

    async def story(scene: Any) -> Any:
        reported: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
        client = await scene.call()
        client.write(b"NOOP\r\nNOOP\r\n")
        heard, _ = await client.rest()
        return heard, [type(error) for error in reported]

    heard, reported = tcp.play(Breaks(), story)

    assert reported == [ZeroDivisionError]
    assert heard.endswith("421 4.3.0 internal error, closing connection\r\n") or stage == "connect"
    assert heard.count("250 ok") == (2 if stage == "idle" else 0)


def test_what_is_said_at_connect_is_the_greeting(memory: Any, decides: Any) -> None:
    """A decider may answer the connection itself; no banner follows."""
    told = decides(connect=(Say(Reply.of("554 5.3.2 no mail here")),))

    async def story(scene: Any) -> Any:
        client = await scene.call()
        return await client.hear(), await client.ask("EHLO me"), scene.events()[0]

    assert memory.play(told, story) == (
        "554 5.3.2 no mail here",
        "503 no service here: only QUIT is left",
        "connect 554",
    )


def test_keywords_are_changed_at_ehlo_only(memory: Any, decides: Any) -> None:
    """HELO has none (RFC 5321 section 4.1.1.1)."""
    told = decides(helo=(Advertise(("X-NEW",)), Proceed()))

    async def story(scene: Any) -> Any:
        client = await scene.call()
        await client.hear()
        return await client.ask("HELO me")

    assert memory.play(told, story) == "250 mx.test"


def test_a_server_that_says_nothing_lets_the_client_wait(memory: Any, decides: Any) -> None:
    """A decision without a reply is silence; the next command is answered as ever."""
    told = decides(noop=())

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(b"NOOP\r\nRSET\r\n")
        return await client.hear()

    assert memory.play(told, story) == "250 2.0.0 ok"


def test_a_connection_that_comes_while_the_server_stops_is_not_begun(ground: Any) -> None:
    """Nor is one waited for that was ended before."""

    async def story(scene: Any) -> Any:
        coming = asyncio.ensure_future(scene.call())
        turns = 0
        while not scene.server._sessions and turns < 100:
            await asyncio.sleep(0.001)
            turns += 1
        await scene.server.stop()
        try:
            heard = await (await coming).rest()
        except ConnectionError:
            heard = ("", "rst")
        return heard, [entry.closed for entry in scene.journal.entries if entry.closed]

    (heard, _), closed = ground.play("", story)

    assert heard in ("", "220 mx.test ESMTP maildrill\r\n")
    assert closed in ([], ["stopped"])


def test_a_session_that_was_stopped_before_it_began_never_begins() -> None:
    """It ends the connection that it is given, and writes nothing down."""

    class Transport(asyncio.Transport):
        ended = False

        def abort(self) -> None:
            self.ended = True

    async def story() -> tuple[bool, int, int]:
        ended: list[Session] = []
        journal, transport = Journal(), Transport()
        decider = Engine(read_script("", "test.toml"))
        host = Host(decider=decider, journal=journal, clock=SystemClock())
        session = Session(host, Door(), ended.append)
        running = session.stop()
        session.connection_made(transport)
        session.connection_lost(None)
        return transport.ended, len(journal.sessions) + len(running), len(ended)

    assert asyncio.run(story()) == (True, 0, 1)


def test_a_server_is_stopped_once(memory: Any) -> None:
    """Stopping what is stopped, or was never started, is nothing."""

    async def story(scene: Any) -> None:
        await scene.server.stop()
        await scene.server.stop()
        await FakeServer(Script(), clock=scene.clock).stop()

    memory.play("", story)


class Parrot:
    """Holds a session in place of a Conversation, and repeats what it hears."""

    def __init__(self, host: Host, wire: Wire) -> None:
        self.host, self.wire = host, wire

    def connect(self, client: str) -> bool:
        self.record = self.host.journal.open_session(self.host.clock.now(), client)
        return True

    async def greet(self) -> None:
        await self.wire.say(b"220 parrot\r\n")

    async def command(self, verb: str, argument: str) -> None:
        await self.wire.say(f"250 {verb} {argument}\r\n".encode())

    async def say(self, reply: Reply) -> None:
        await self.wire.say(reply.render())

    async def idle(self, seconds: float) -> None:
        pass

    async def time_out(self) -> None:
        pass

    def end(self, how: Closed) -> None:
        self.record.closed = how


def test_another_talk_may_hold_the_sessions(ground: Any) -> None:
    """`converse` makes it from the host and the wire, and it gets all that a Conversation would."""

    async def story(scene: Any) -> Any:
        client = await scene.call()
        heard = await client.hear(), await client.ask("XYZZY  a b"), await client.ask("")
        client.writer.close()
        while scene.journal.sessions[0].closed is None:
            await client.clock.sleep(0.01)
        return heard, scene.journal.sessions[0].closed

    assert ground.play("", story, converse=Parrot) == (
        ("220 parrot", "250 XYZZY a b", "500 5.5.2 cannot read this line"),
        "client",
    )


def test_whoever_waits_for_messages_is_told_when_one_is_taken(memory: Any) -> None:
    """At the dot, whatever is replied; a message that is not taken is not told."""
    told: list[tuple[str, ...]] = []

    async def story(scene: Any) -> None:
        client = await scene.greeted()
        await client.ask(MAIL, "RCPT TO:<no@x.test>", "DATA", ".")
        await client.ask(MAIL, "RCPT TO:<yes@x.test>", "DATA", ".")

    script = 'at = "dot"\nrcpt = "no@*"\nreply = "250 2.0.0 sure"\ncommit = false'
    memory.play(script, story, on_commit=lambda message: told.append(message.recipients))

    assert told == [("yes@x.test",)]
