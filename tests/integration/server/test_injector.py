"""What the server sends by itself: in its time, to where the script says or into the journal; nothing after the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from email import message_from_bytes, policy
from typing import Any, TypeVar

import pytest

from maildrill.fakeserver.journal.journal import Injected, Journal
from maildrill.fakeserver.language.destination import Destination
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.sending.courier import deliver
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.system_clock import SystemClock
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.world import World, run_world
from maildrill.smtp import Clock, Reply

T = TypeVar("T")

BOUNCES = """
[[inject]]
name = "bounced"
on_commit = { rcpt = "bounce@*" }
kind = "dsn"
status = "5.1.1"
wait = "2h"
"""
MESSAGE = "Message-ID: <1@shop.test>\r\nSubject: The news\r\n\r\nHello.\r\n..dots\r\n.\r\n"
TO = Destination("127.0.0.1:2526")


class Client:
    """Sends messages, each in a session of its own."""

    def __init__(self, server: FakeServer, address: tuple[str, int], clock: Clock) -> None:
        self.server = server
        self.address = address
        self.clock = clock

    @property
    def injected(self) -> list[Injected]:
        return self.server.journal.injected

    async def send(self, rcpt: str, sender: str = "news@shop.test", end: str = "250") -> None:
        reader, writer = await asyncio.open_connection(*self.address)
        lines = [
            f"EHLO client.test\r\nMAIL FROM:<{sender}> ENVID=QQ1",
            *(f"RCPT TO:<{one}> NOTIFY=FAILURE,DELAY" for one in rcpt.split()),
            "DATA",
            MESSAGE + "QUIT",
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n")
        said = (await reader.read()).decode()
        writer.close()
        assert f"\r\n{end}" in said


def story(script: str | Script, told: Callable[[Client], Awaitable[T]]) -> T:
    """Tell a story in virtual time, with a server that plays a script."""
    played = read_script(script, "s.toml") if isinstance(script, str) else script

    async def main(world: World) -> T:
        server = FakeServer(played, clock=world.clock)
        client = Client(server, await server.start(), world.clock)
        try:
            return await told(client)
        finally:
            await server.stop()

    return run_world(main)


async def receiver(clock: Clock, script: str = "", port: int = 2526) -> FakeServer:
    """Return a server at which the injected messages arrive."""
    server = FakeServer(read_script(script, "r.toml"), clock=clock)
    await server.start("127.0.0.1", port)
    return server


def test_without_a_destination_it_is_kept_and_goes_nowhere() -> None:
    """In the journal, at its time, with what it is about; two hours of virtual time cost nothing."""

    async def told(client: Client) -> Any:
        began = client.clock.now()
        await client.send("ann@x.test bounce@x.test")
        before = len(client.injected)
        await client.clock.sleep(3 * 3600)
        (one,) = client.injected
        return before, round((one.at - began) / 60), one

    before, minutes, one = story(BOUNCES, told)

    assert (before, minutes) == (0, 120)
    assert (one.rcpt, one.kind, one.about, one.rule, one.outcome) == ("news@shop.test", "dsn", 1, "bounced", "")
    assert b"Final-Recipient: rfc822; bounce@x.test\r\nAction: failed\r\nStatus: 5.1.1\r\n" in one.content
    assert b"Original-Envelope-Id: QQ1\r\n" in one.content
    assert b"Reporting-MTA: dns; mx.test\r\n" in one.content


def test_what_is_not_taken_causes_nothing() -> None:
    """Nor what nobody fits."""
    refuses = BOUNCES + '[[rule]]\nat = "dot"\nreply = "550 5.7.1 no"'

    async def told(client: Client) -> int:
        await client.send("bounce@x.test", end="550")
        await client.clock.sleep(3 * 3600)
        return len(client.injected)

    assert story(refuses, told) == 0


def test_it_is_delivered_to_where_the_script_says() -> None:
    """By SMTP from the null reverse-path to where the message came from, dots and all."""
    script = BOUNCES.replace('"dsn"', '"complaint"').replace("status", "#") + f'to = "{TO}"\n'

    async def told(client: Client) -> Any:
        other = await receiver(client.clock)
        await client.send("bounce@x.test")
        await client.clock.sleep(3 * 3600)
        await other.stop()
        return client.injected, other.journal

    injected, journal = story(script, told)
    (message,) = journal.messages
    report = message_from_bytes(message.content, policy=policy.default)

    assert [one.outcome for one in injected] == ["250 2.0.0 message taken"]
    assert (message.reverse_path, message.recipients) == ("", ("news@shop.test",))
    assert message.content == injected[0].content
    assert b"\r\n.dots\r\n" in message.content
    assert b"Source-IP: " in message.content
    assert report.get_content_type() == "multipart/report"
    assert [record.helo for record in journal.sessions] == ["mx.test"]


@pytest.mark.parametrize(
    ("answers", "outcome", "tries"),
    [
        ('[[rule]]\nat = "rcpt"\nreply = "550 5.1.1 who?"', "550 5.1.1 who?", 1),
        ('[[rule]]\nat = "banner"\nreply = "554 5.3.2 no mail here"', "554 5.3.2 no mail here", 1),
        ('[[rule]]\nat = "dot"\ntimes = 2\nreply = "451 4.3.0 later"', "250 2.0.0 message taken", 3),
        ('[[rule]]\nat = "mail"\nreply = "421 4.3.2 bye"', "421 4.3.2 bye", 5),
        ('[[rule]]\nat = "ehlo"\nreply = "500 what"', "250 message taken", 1),
        ('[[rule]]\nat = "ehlo"\nreply = "500 what"\n[[rule]]\nat = "helo"\nreply = "502 no"', "502 no", 1),
        ('[[rule]]\nat = "data"\ncut = "rst"', "no connection: Connection reset by peer", 5),
        ('[[rule]]\nat = "rcpt"\ncut = "before"', "the connection ended without a reply", 5),
        ("[[rule]]\nat = \"rcpt\"\nraw = 'hello\\r\\n'", "the connection ended without a reply", 5),
        ('[[rule]]\nat = "rcpt"\nwait = "1h"', "no reply in 600 seconds", 5),
    ],
)
def test_what_comes_of_it_is_told(answers: str, outcome: str, tries: int) -> None:
    """A refusal is final, all else is tried again four times; nothing is worth a traceback."""

    async def told(client: Client) -> Any:
        other = await receiver(client.clock, answers)
        await client.send("bounce@x.test")
        await client.clock.sleep(24 * 3600)
        await other.stop()
        return [one.outcome for one in client.injected], other.journal.sessions_opened

    assert story(BOUNCES + f'to = "{TO}"\n', told) == ([outcome], tries)


def test_nobody_there_is_told_too() -> None:
    """After the last try."""

    async def told(client: Client) -> list[str]:
        await client.send("bounce@x.test")
        await client.clock.sleep(24 * 3600)
        return [one.outcome for one in client.injected]

    assert story(BOUNCES + f'to = "{TO}"\n', told) == ["no connection: Connection refused"]


def test_the_end_of_the_server_is_the_end_of_what_was_to_come() -> None:
    """No task is left, be it that it waits for its time, for a reply, or for the next try."""

    async def told(client: Client) -> Any:
        slow = await receiver(client.clock, '[[rule]]\nat = "rcpt"\nwait = "9m"')
        for rcpt in ("bounce@x.test", "slow@x.test", "nobody@x.test"):
            await client.send(rcpt)
        await client.clock.sleep(30)
        await client.server.stop()
        left = [task for task in asyncio.all_tasks() if "Injector" in repr(task)]
        await slow.stop()
        return client.injected, left

    script = f"""{BOUNCES}
[[inject]]
on_commit = {{ rcpt = "slow@*" }}
kind = "ooto"
to = "{TO}"
[[inject]]
on_commit = {{ rcpt = "nobody@*" }}
kind = "ooto"
to = "127.0.0.1:9"
"""
    assert story(script, told) == ([], [])


def test_a_reset_forgets_what_was_to_come_and_what_was_counted() -> None:
    """A test begins anew, with the same server."""
    script = BOUNCES + "times = 1\n"

    async def told(client: Client) -> list[int]:
        counts = []
        for _ in range(2):
            await client.send("bounce@x.test")
            await client.server.reset()
            await client.clock.sleep(3 * 3600)
            counts.append(len(client.injected))
            await client.send("bounce@x.test")
            await client.clock.sleep(3 * 3600)
            counts.append(len(client.injected))
            await client.server.reset()
        return counts

    assert story(script, told) == [0, 1, 0, 1]


def test_another_script_goes_on_with_what_was_counted() -> None:
    """What is under way comes; `times` is for the run."""
    script = read_script(BOUNCES + "times = 2\n", "s.toml")

    async def told(client: Client) -> list[str]:
        await client.send("bounce@x.test")
        client.server.load(script)
        await client.send("bounce@y.test bounce@z.test")
        client.server.load(Script())
        await client.send("bounce@w.test")
        await client.clock.sleep(3 * 3600)
        return [one.content.decode().partition("rfc822; ")[2].split()[0] for one in client.injected]

    assert story(script, told) == ["bounce@x.test", "bounce@y.test"]


def test_whoever_wants_to_know_of_messages_is_told_too() -> None:
    """The server's own on_commit is called before."""
    seen: list[str] = []

    async def main(world: World) -> int:
        server = FakeServer(
            read_script(BOUNCES, "s.toml"), clock=world.clock, on_commit=lambda message: seen.append(message.message_id)
        )
        client = Client(server, await server.start(), world.clock)
        await client.send("bounce@x.test")
        await world.clock.sleep(3 * 3600)
        await server.stop()
        return len(client.injected)

    assert (run_world(main), seen) == (1, ["<1@shop.test>"])


def test_on_real_sockets_it_goes_the_same_way() -> None:
    """The same courier over TCP, to an address beyond ASCII and with 8-bit octets."""

    async def main() -> tuple[Reply | str, Reply | str, Journal]:
        clock = SystemClock()
        server = FakeServer(Script(), clock=clock)
        plain = FakeServer(read_script('[server]\ncaps = ["-8BITMIME", "-SMTPUTF8"]', "s"), clock=clock)
        _, port = await server.start()
        _, old = await plain.start()
        content = "Subject: ü\r\n\r\n.\r\n".encode()
        said = await deliver(Destination(f"127.0.0.1:{port}"), "mx.test", "jürg@shop.test", content)
        other = await deliver(Destination(f"127.0.0.1:{old}"), "mx.test", "ann@shop.test", content)
        await server.stop()
        await plain.stop()
        return said, other, server.journal

    said, other, journal = asyncio.run(asyncio.wait_for(main(), 20))
    (message,) = journal.messages

    assert (str(said), str(other)) == ("250 2.0.0 message taken",) * 2
    assert (message.recipients, dict(message.parameters)) == (
        ("jürg@shop.test",),
        {"BODY": "8BITMIME", "SMTPUTF8": ""},
    )
    assert message.content.endswith(b"\r\n\r\n.\r\n")
