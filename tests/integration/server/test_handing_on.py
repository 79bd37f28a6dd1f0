"""`to = "smtp://…"`: another server does what was asked for, and the client hears what it says; with faults on top."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.script_file import read_script

MAIL = "MAIL FROM:<news@shop.test>"
ANN, BOB = "RCPT TO:<ann@x.test>", "RCPT TO:<bob@x.test>"
NO_BOB = '[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nreply = "550 5.1.1 no bob"\n'
TAKEN = '[[rule]]\nat = "dot"\nreply = "250 2.0.0 queued there"\n'
EACH = '[[rule]]\nat = ["mail", "rcpt", "dot"]\n'
AT_DOT = '[[rule]]\nat = "dot"\n'


@dataclass
class Two:
    """The server that hands on (`scene`), and the one that it hands on to (`there`)."""

    scene: Any
    there: FakeServer
    address: str

    @property
    def here(self) -> Any:
        return self.scene.journal

    def notes(self) -> list[str]:
        """Return what the journal says of what was handed on, without the address."""
        said = [f"{entry.stage} {entry.handed_on}" for entry in self.here.entries if entry.handed_on]
        return [one.replace(f"{self.address}: ", "") for one in said]


def meet(ground: Any, script: str, there: str, story: Callable[[Two, Any], Awaitable[Any]], **options: Any) -> Any:
    """Run a story of a client that has exchanged greetings; `to` is put behind each rule of `script`."""

    async def run(scene: Any) -> Any:
        other = FakeServer(read_script(there, "there.toml"), clock=scene.clock)
        _, port = await other.start("127.0.0.1")
        address = f"smtp://127.0.0.1:{port}"
        scene.server.load(read_script(script.replace("\n[[", f'\nto = "{address}"\n[[') + f'to = "{address}"\n', "h"))
        try:
            return await story(Two(scene, other, address), await scene.greeted())
        finally:
            await other.stop()

    return ground.play("", run, **options)


async def rest(client: Any, *lines: str) -> list[str]:
    """Say lines, with a whole message behind DATA, and return what is said to each."""
    said = []
    for line in lines:
        said.append(await client.ask(line))
        if line == "DATA" and said[-1].startswith("354"):
            client.write(b"Subject: hi\r\n\r\n..dot\r\n\r\n.\r\n")
            said.append(await client.hear())
    return said


def test_what_the_other_server_says_is_said(ground: Any) -> None:
    """At each stage that is handed on; the message goes there as it came, and to whom it was accepted for."""

    async def story(two: Two, client: Any) -> Any:
        said = await rest(client, f"{MAIL} BODY=8BITMIME", ANN, BOB, "DATA", "QUIT")
        (mine,), (other,) = two.here.messages, two.there.journal.messages
        return said, two.notes(), (mine.committed, mine.acknowledged), other, two.there.journal.sessions[0].helo

    said, notes, mine, other, helo = meet(ground, EACH, NO_BOB + TAKEN, story)

    assert said == [
        "250 2.1.0 sender ok",
        "250 2.1.5 recipient ok",
        "550 5.1.1 no bob",
        "354 end data with <CR><LF>.<CR><LF>",
        "250 2.0.0 queued there",
        "221 2.0.0 bye",
    ]
    assert notes == [
        "mail 250 2.1.0 sender ok",
        "rcpt 250 2.1.5 recipient ok",
        "rcpt 550 5.1.1 no bob",
        "dot 250 2.0.0 queued there",
    ]
    assert mine == (True, True)
    assert (other.reverse_path, other.recipients, dict(other.parameters)) == (
        "news@shop.test",
        ("ann@x.test",),
        {"BODY": "8BITMIME"},
    )
    assert other.content == b"Subject: hi\r\n\r\n.dot\r\n\r\n"
    assert helo == "mx.test"


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (TAKEN, "250 2.0.0 queued there"),
        ('[[rule]]\nat = "banner"\nreply = "554 no service"', "554 no service"),
        ('[[rule]]\nat = "mail"\nreply = "450 4.1.8 who?"', "450 4.1.8 who?"),
        (NO_BOB, "550 5.1.1 no bob"),
        ('[[rule]]\nat = "data"\nreply = "451 4.3.0 not now"', "451 4.3.0 not now"),
        ('[[rule]]\nat = "dot"\nreply = "554 5.7.1 spam\\nit is"', "554-5.7.1 spam|554 5.7.1 it is"),
        ('[[rule]]\nat = "rcpt"\nreply = "354 what"\nlint = false', "451 4.5.0 the other server said 354 here"),
        ("[[rule]]\nat = \"dot\"\nraw = '250 o\\x07k \\xc3\\xbc\\r\\n'", "250 o\\x07k ü"),
        ('[[rule]]\nat = ["ehlo", "helo"]\nreply = "502 5.5.1 neither"', "502 5.5.1 neither"),
        ('[[rule]]\nat = "ehlo"\nreply = "502 5.5.1 no"', "250 message taken"),
    ],
)
def test_at_the_end_of_a_message_all_is_done_at_once(ground: Any, there: str, said: str) -> None:
    """Who is refused there on the way is refused here; nobody of several gets a message that one of them does not."""

    async def story(two: Two, client: Any) -> Any:
        (*before, last) = await rest(client, MAIL, ANN, BOB, "DATA")
        taken = said.startswith("250")
        (mine,) = two.here.messages
        return before[0], last, mine.committed is taken, mine.acknowledged is taken, await client.ask("NOOP")

    assert meet(ground, AT_DOT, there, story) == ("250 2.1.0 sender ok", said, True, True, "250 2.0.0 ok")


def test_a_message_in_chunks_is_handed_on(ground: Any) -> None:
    """Octets that DATA cannot carry go as a chunk, or not at all where the other server would misread them."""

    async def story(two: Two, client: Any) -> Any:
        said = []
        for _ in range(2):
            await client.ask(f"{MAIL} BODY=BINARYMIME", ANN)
            client.write(b"BDAT 9 LAST\r\na\nb\r\n.\r\n\r")
            said.append(await client.hear())
            two.there.load(read_script('[server]\ncaps = ["-CHUNKING", "-BINARYMIME"]', "t"))
        return said, [(one.content, dict(one.parameters)) for one in two.there.journal.messages]

    assert meet(ground, AT_DOT, "", story) == (
        ["250 2.0.0 message taken", "554 5.6.0 bare CR or LF in the message, and no CHUNKING to hand it on with"],
        [(b"a\nb\r\n.\r\n\r", {"BODY": "BINARYMIME"})],
    )


def test_only_what_the_other_server_knows_is_said_there(ground: Any) -> None:
    """Parameters of extensions that it does not offer stay here."""

    async def story(two: Two, client: Any) -> Any:
        said = await rest(client, f"{MAIL} SIZE=30 RET=HDRS ENVID=q", f"{ANN} NOTIFY=NEVER", "DATA")
        (message,) = two.there.journal.messages
        return said[-1], dict(message.parameters), dict(message.rcpt_parameters)

    none = '[server]\ncaps = "-DSN"'
    size, all_of_them = {"SIZE": "30"}, {"SIZE": "30", "RET": "HDRS", "ENVID": "q"}
    taken = "250 2.0.0 message taken"

    assert meet(ground, EACH, none, story) == (taken, size, {})
    assert meet(ground, AT_DOT, "", story) == (taken, all_of_them, {"ann@x.test": {"NOTIFY": "NEVER"}})


def test_421_ends_both_connections(ground: Any) -> None:
    """As the other server ends its own."""

    async def story(two: Two, client: Any) -> Any:
        await client.ask(MAIL)
        client.write(f"{ANN}\r\n".encode())
        return await client.rest(), two.notes()

    assert meet(ground, EACH, '[[rule]]\nat = "rcpt"\nreply = "421 4.3.2 bye"', story) == (
        ("421 4.3.2 bye\r\n", "fin"),
        ["mail 250 2.1.0 sender ok", "rcpt 421 4.3.2 bye"],
    )


@pytest.mark.parametrize(
    ("words", "said", "committed", "acknowledged"),
    [
        ('cut = "before"\n', ("", "fin"), True, False),
        ('cut = "mid"\n', ("250 2.0.0 qu", "fin"), True, False),
        ('cut = "rst"\n', ("", "rst"), True, False),
        ('cut = "after"\n', ("250 2.0.0 queued there\r\n", "fin"), True, True),
        ('reply = "451 4.3.0 later"\ncut = "after"\n', ("451 4.3.0 later\r\n", "fin"), True, False),
        ("raw = '?'\ncut = \"after\"\n", ("?", "fin"), True, False),
        ('mangle = "no-code"\ncut = "after"\n', ("2.0.0 queued there\r\n", "fin"), True, False),
    ],
)
def test_faults_lie_on_top(ground: Any, words: str, said: tuple[str, str], committed: bool, acknowledged: bool) -> None:
    """What the other server has taken the client need not hear of: the lost reply of a real server."""

    async def story(two: Two, client: Any) -> Any:
        await client.ask(MAIL, ANN, "DATA")
        client.write(b"Subject: hi\r\n\r\n.\r\n")
        heard = await client.rest()
        (message,) = two.here.messages
        return heard, message.committed, message.acknowledged, len(two.there.journal.messages)

    assert meet(ground, AT_DOT + words, TAKEN, story) == (said, committed, acknowledged, 1)


def test_nobody_there_is_said_and_noted(ground: Any) -> None:
    """It is not the client's fault: 4yz, with the reason; the next message may go."""

    async def story(two: Two, client: Any) -> Any:
        await two.there.stop()
        first = await rest(client, MAIL)
        await two.there.start("127.0.0.1", int(two.address.rpartition(":")[2]))
        again = await rest(client, MAIL, ANN, "DATA")
        return [one.replace(two.address, "it") for one in (*first, again[-1])], two.notes()[0]

    assert meet(ground, EACH, "", story) == (
        ["451 4.4.1 it: no connection: Connection refused", "250 2.0.0 message taken"],
        "mail no connection: Connection refused",
    )


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ('at = "dot"\ncut = "before"', "451 4.4.2 it: the connection ended without a reply"),
        ('at = "dot"\ncut = "rst"', "451 4.4.2 it: no connection: Connection reset by peer"),
        ("at = \"rcpt\"\nraw = 'hello\\r\\n'", "451 4.4.2 it: the connection ended without a reply"),
    ],
)
def test_no_reply_from_there_is_said_too(ground: Any, there: str, said: str) -> None:
    """Whether the message is there nobody knows then."""

    async def story(two: Two, client: Any) -> Any:
        *_, last = await rest(client, MAIL, ANN, "DATA")
        return last.replace(two.address, "it"), two.here.messages[0].committed

    assert meet(ground, AT_DOT, f"[[rule]]\n{there}", story) == (said, False)


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(memory: Any) -> None:
    """Ten minutes are what RFC 5321 section 4.5.3.2.6 gives a server after the dot."""

    async def story(two: Two, client: Any) -> Any:
        *_, last = await rest(client, MAIL, ANN, "DATA")
        return last.replace(two.address, "it")

    assert meet(memory, AT_DOT, '[[rule]]\nat = "dot"\nwait = "1h"', story) == "451 4.4.2 it: no reply in 600 seconds"


@pytest.mark.parametrize("ending", ["client", "server"])
def test_who_goes_before_the_reply_leaves_nothing_open(ground: Any, ending: str) -> None:
    """The journal has the message, and that nobody knows whether it is there."""

    async def story(two: Two, client: Any) -> Any:
        await client.ask(MAIL, ANN, "DATA")
        client.write(b"Subject: hi\r\n\r\n.\r\n")
        await two.there.journal.wait_for_event(stage="data", timeout=10)
        await client.clock.sleep(0.1)
        if ending == "client":
            client.writer.transport.abort()
        else:
            await two.scene.server.stop()
        while two.there.journal.sessions_open or two.here.sessions_open:
            await client.clock.sleep(0.02)
        await client.clock.sleep(0.02)
        (message,) = two.here.messages
        tasks = [task for task in asyncio.all_tasks() if "HandingOn" in repr(task)]
        return message.committed, message.settled, two.notes(), tasks

    assert meet(ground, AT_DOT, '[[rule]]\nat = "dot"\nwait = "30m"', story) == (
        False,
        True,
        ["dot the client went before there was a reply"],
        [],
    )


def test_each_transaction_has_a_connection_of_its_own(ground: Any) -> None:
    """One that was given up is ended with the next, or with the session."""

    async def story(two: Two, client: Any) -> Any:
        await rest(client, MAIL, ANN, "RSET", MAIL, BOB, "DATA", MAIL, ANN, "QUIT")
        while two.there.journal.sessions_open:
            await client.clock.sleep(0.02)
        ends = [record.closed for record in two.there.journal.sessions]
        return ends, [message.recipients for message in two.there.journal.messages]

    assert meet(ground, EACH, "", story) == (["fin"] * 3, [("bob@x.test",)])


def test_who_is_refused_here_is_not_told_there(ground: Any) -> None:
    """A reply that stands over what the other server says counts: then it is told anew who is meant."""
    script = '[[rule]]\nat = "rcpt"\nrcpt = "ann@*"\nreply = "450 4.2.1 busy"\n' + EACH

    async def story(two: Two, client: Any) -> Any:
        said = await rest(client, MAIL, ANN, BOB, BOB, "DATA")
        return said[1:3], said[-1], [message.recipients for message in two.there.journal.messages]

    assert meet(ground, script, "", story) == (
        ["450 4.2.1 busy", "250 2.1.5 recipient ok"],
        "250 2.0.0 message taken",
        [("bob@x.test",)],
    )


def test_in_lmtp_each_recipient_has_a_reply_of_their_own(ground: Any) -> None:
    """And a transaction of their own there: who is refused does not keep the message from the others."""

    async def story(two: Two, _client: Any) -> Any:
        two.scene.address = await two.scene.server.start(two.scene.address[0], lmtp=True)
        client = await two.scene.call()
        await client.hear()
        await client.ask("LHLO client.test", MAIL, ANN, BOB, "DATA")
        client.write(b"Subject: hi\r\n\r\n.\r\n")
        said = await client.hear(2)
        (mine,) = two.here.messages
        return said, mine.committed_for, [message.recipients for message in two.there.journal.messages]

    assert meet(ground, AT_DOT, NO_BOB, story) == (
        "250 2.0.0 message taken|550 5.1.1 no bob",
        ("ann@x.test",),
        [("ann@x.test",)],
    )


def test_a_server_does_not_hand_on_to_itself(ground: Any) -> None:
    """It would go round until there are no connections left (RFC 3463 section 3.5: 5.4.6, a loop)."""

    async def story(two: Two, client: Any) -> Any:
        host, port = two.scene.address
        rule = f'[[rule]]\nat = "mail"\nto = "{host}:{port}"\noutside = true'
        two.scene.server.load(read_script(rule, "h"))
        said = await client.ask(MAIL)
        return said, two.notes()[0].removeprefix(f"mail {host}:{port}: "), two.here.sessions_opened

    assert meet(ground, EACH, "", story) == ("554 5.4.6 the server would hand on to itself", "that is this server", 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_server_knows_all_of_its_addresses(tcp: Any, host: str) -> None:
    """Also where it listens everywhere; another port is another server."""

    async def story(two: Two, client: Any) -> Any:
        _, port = await two.scene.server.start("0.0.0.0")  # noqa: S104 - it is the address that this is about
        said = []
        for where in (port, 1):
            two.scene.server.load(read_script(f'[[rule]]\nat = "mail"\nto = "{host}:{where}"', "h"))
            said.append((await client.ask(MAIL))[:9])
        return said

    assert meet(tcp, EACH, "", story) == ["554 5.4.6", "451 4.4.1"]


def test_it_shows_wherever_the_journal_is_read(memory: Any) -> None:
    """In a line of the log, and in the transcript of the session."""

    async def story(two: Two, client: Any) -> Any:
        await rest(client, MAIL)
        (entry,) = (one for one in two.here.entries if one.handed_on)
        where = two.address
        return str(entry).replace(where, "it"), str(two.here.transcript(1)).replace(where, "it")

    line, transcript = meet(memory, EACH, "", story)

    assert 'rule="h:1" handed_on="it: 250 2.1.0 sender ok"' in line
    assert "=== handed on to it: 250 2.1.0 sender ok" in transcript
