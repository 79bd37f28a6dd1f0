"""Any octets, in any pieces, to a server in the virtual world: never a traceback, always an answer or a close.

`hold` and `check` are used by the fuzzer in tests/fuzz too: what it finds becomes an example here.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from unicodedata import category

from hypothesis import example, given, settings
from hypothesis import strategies as st

from maildrill.fakeserver.journal.journal import Closed, Journal
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.message.body import Body
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.session.certificates import certificates_for
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.world import World, run_world
from maildrill.smtp import ReplyParser, Stage

#: Categories of characters that steer a terminal or cannot be seen; blanks of other widths are only blanks.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

LONG = 70_000  # octets: more than is held back for a line
#: Virtual seconds after which a silent client has been hung up on, whatever the script waits for.
LONGEST = 1200.0

_LOGINS = """
[server]
users = { ann = "secret" }
[[rule]]
at = ["auth", "auth-step"]
chance = 0.2
reply = "454 4.7.0 {user}"
"""
_HANDSHAKES = "".join(
    f'[[rule]]\nat = "tls"\nkey = "connection"\nchance = 0.25\nhandshake = "{fault}"\n'
    for fault in ("abort", "garbage", "plain", "expired", "old-version", "hang")
)
_LIMITS = (
    'message = 200, memory = 1000, line = 80, recipients = 2, commands = 9, errors = 3, silence = "20s", '
    'command = "10s", session = "100s"'
)
#: Scripts that leave every reply whole and well formed. The fuzzer's seeds know them by number: add at the end.
SCRIPTS = {
    "bye": '[[rule]]\nat = ["noop", "unknown"]\nreply = "421 4.3.0 bye"',
    "caps": '[server]\ncaps = ["AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2", "-PIPELINING", "SIZE 100"]',
    "early": '[[rule]]\nat = "body"\nreply = "552 5.3.4 {from}"',
    "echo": '[[rule]]\nat = "*"\nreply = "550 5.5.0 {from}\\n{ehlo}"\nchance = 0.5',
    "idle": '[[rule]]\nat = "idle"\nage = ">30s"\nreply = "421 4.4.2 {ehlo}"',
    "none": "",
    "refusals": '[[rule]]\nat = ["ehlo", "mail", "rcpt", "data", "dot", "bdat"]\nchance = 0.3\nreply = "451 {ehlo}"',
    "slow": '[[rule]]\nat = "*"\nwait = "2s"\n[[rule]]\nat = "body"\nsip = "97B/1ms"',
    "strict": "[server]\nstrict = true",
    "logins": _LOGINS,
    "tls": "[server]\ntls = true",
    "handshakes": f"[server]\ntls = true\n{_HANDSHAKES}",
    "limits": f"[server]\nlimits = {{ {_LIMITS} }}",
    "selectors": '[[rule]]\nat = ["dot", "bdat"]\nsubject = "~h"\nbody = "~x"\nheader.From = "*"\nsize = ">5"\n'
    'reply = "550 5.6.0 no"',
    "elsewhere": '[[rule]]\nat = ["rcpt", "dot"]\nchance = 0.5\nto = "127.0.0.1:9"\n'  # where nobody is
    '[[rule]]\nat = "mail"\nchance = 0.2\nto = "mx.test:25"\noutside = true',
}
#: The doors at which a server can be called.
DOORS: dict[str, dict[str, bool]] = {"smtp": {}, "lmtp": {"lmtp": True}, "tls": {"tls": True}, "proxy": {"proxy": True}}


@dataclass
class Held:
    """What came of a session: what the client heard, and what the journal has."""

    sent: bytes
    heard: bytes
    journal: Journal


def hold(
    script: Script, pieces: Sequence[bytes], door: str = "smtp", *, secure: bool = False, leaving: str = ""
) -> Held:
    """Say all the pieces, a moment between them, and listen until the server closes; `secure`: in TLS, at that door.

    leaving: what the client does then: nothing, end what it says (eof), close or abort.
    Raises what nobody caught in the server, and TimeoutError where it never closes.
    """

    async def story(world: World) -> Held:
        server = FakeServer(script, clock=world.clock)
        address = await server.start("mx.test", **DOORS[door])
        context = certificates_for("mx.test").client_context() if secure else None
        reader, writer = await asyncio.open_connection(*address, ssl=context)
        listening = asyncio.ensure_future(_listened(reader))
        for piece in pieces:
            if listening.done():
                break
            writer.write(piece)
            await world.clock.sleep(0.001)
        _LEAVING[leaving](writer)
        heard = await asyncio.wait_for(listening, LONGEST)
        writer.close()
        await world.clock.sleep(10.0)
        running = [task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}]
        assert not server._sessions, "a session that is over is still there"
        assert not running, f"still running: {running}"
        assert server._host.store.used == 0, "a message that never ended is still there"
        await server.stop()
        return Held(b"".join(pieces), heard, server.journal)

    return run_world(story)


_LEAVING: dict[str, Callable[[asyncio.StreamWriter], None]] = {
    "": lambda _: None,
    "eof": lambda writer: None if writer.is_closing() else writer.write_eof(),
    "close": lambda writer: writer.close(),
    "abort": lambda writer: writer.transport.abort(),
}


async def _listened(reader: asyncio.StreamReader) -> bytes:
    """Return all that is said until the connection ends, be it by a reset."""
    heard = b""
    with contextlib.suppress(ConnectionResetError):
        while octets := await reader.read(LONG):
            heard += octets
    return heard


def check(held: Held) -> None:
    """Hold a session to what is true of every session with a script that mangles nothing."""
    entries, sessions = held.journal.entries, held.journal.sessions
    if not sessions or sessions[0].closed is Closed.REFUSED:  # a proxy has not said who calls
        assert held.heard == b""
        return
    (record,) = sessions
    lines = held.sent.count(b"\n") + held.sent.count(b"\r") + 3
    handshake = next((n for n, entry in enumerate(entries) if entry.stage is Stage.TLS and entry.closed), len(entries))
    told = b"".join(entry.reply.render() for entry in entries[:handshake] if entry.reply is not None)

    _well_formed(told)
    if handshake < len(entries):  # what comes of a handshake that fails is no SMTP
        assert held.heard.startswith(told), "what the client heard is not what the journal says"
    else:
        assert held.heard == told, "what the client heard is not what the journal says"
    assert len(held.heard) <= 1500 * lines, "more is said than was asked for"
    assert record.closed in (Closed.FIN, Closed.TIMEOUT) or (
        record.closed is Closed.CLIENT and handshake < len(entries)
    )
    assert entries[-1].closed is record.closed
    assert [entry.closed for entry in entries].count(None) == len(entries) - 1, "it ended more than once"
    assert not _UNSEEN & {category(character) for entry in entries for character in str(entry)}, "the log can be forged"
    assert str(held.journal.transcript(record.number))
    for message in held.journal.messages:
        assert message.recipients or not message.committed, "a message for nobody was taken"
        assert message.acknowledged == (message.reply is not None and message.reply.positive)
    for address in held.journal.recipients:
        accepted = [entry for entry in held.journal.asked(address) if entry.reply is not None and entry.reply.positive]
        assert held.journal.committed(address) <= len(accepted), "more was taken than was asked for"


def _well_formed(heard: bytes) -> None:
    parser = ReplyParser()
    replies = parser.feed(heard)

    assert not parser.fault, parser.fault
    assert not parser.pending, f"half a line: {parser.tail!r}"
    assert not any(reply.irregular for reply in replies)
    assert all(len(line) <= 510 for line in heard.split(b"\r\n"))
    assert heard.count(b"\r") == heard.count(b"\r\n") == heard.count(b"\n")


def coded(text: str) -> bytes:
    return base64.b64encode(text.encode()) + b"\r\n"


COMMANDS = st.sampled_from(
    [
        b"EHLO client.test\r\n",
        b"ehlo [192.0.2.1]\r\n",
        b"HELO client.test\r\n",
        b"LHLO client.test\r\n",
        b"MAIL FROM:<ann@shop.test>\r\n",
        b"MAIL FROM:<> SIZE=10 BODY=BINARYMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb\r\n",
        b"MAIL FROM: <j\xc3\xbcrgen@shop.test> SMTPUTF8\r\n",
        b"MAIL FROM:<ann@shop.test> SIZE=99999999999\r\n",
        b"RCPT TO:<bob@x.test>\r\n",
        b"RCPT TO:<bob@x.test> NOTIFY=NEVER ORCPT=rfc822;bob@x.test\r\n",
        b"RCPT TO:<postmaster>\r\n",
        b"RCPT TO:<>\r\n",
        b"DATA\r\n",
        b"DATA\n",
        b"BDAT 3\r\nabc",
        b"BDAT 3 LAST\r\n\r\n.",
        b"BDAT 0 LAST\r\n",
        b"BDAT 200\r\n",
        b"BDAT 99999999999999999999 LAST\r\n",
        b"BDAT -1\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"VRFY ann\r\n",
        b"HELP\r\n",
        b"QUIT\r\n",
        b"STARTTLS\r\n",
        b"AUTH PLAIN\r\n",
        b"AUTH PLAIN " + coded("\0ann\0secret"),
        b"AUTH LOGIN\r\n",
        b"AUTH CRAM-MD5\r\n",
        b"AUTH SCRAM-SHA-256 " + coded("n,,n=ann,r=abc"),
        b"AUTH XOAUTH2 =\r\n",
        coded("\0ann\0secret"),
        coded("ann"),
        b"*\r\n",
        b"PROXY UNKNOWN\r\n",
        b"GET / HTTP/1.1\r\n",
    ]
)
NOISE = st.one_of(
    st.sampled_from(
        [
            b".\r\n",
            b"\r\n.\r\n",
            b"\n.\n",
            b"\r",
            b"\n",
            b"\r\r\n",
            b"\0",
            b".",
            b"..\r\n",
            b"Subject: hello\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the first octets of a TLS handshake
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c",  # and of a PROXY header
            b"\xff\xfe\xfd",
            b"x" * 600,
            b"MAIL FROM:<" + b"a" * 700,
        ]
    ),
    st.binary(max_size=20),
    st.text(max_size=10).map(str.encode),
)
PROXY = b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 25\r\n"
OPENING = [b"EHLO client.test\r\n", b"MAIL FROM:<ann@shop.test>\r\n", b"RCPT TO:<bob@x.test>\r\n"]
PIECES = st.builds(
    lambda known, said: OPENING[:known] + said,
    st.integers(0, 3),
    st.lists(st.one_of(COMMANDS, COMMANDS, NOISE), max_size=12),
)


def script(name: str) -> Script:
    """Return one of SCRIPTS."""
    return read_script(SCRIPTS[name], f"{name}.toml")


@given(st.sampled_from(sorted(SCRIPTS)), PIECES, st.sampled_from(sorted(DOORS)))
@example("none", [*OPENING, b"DATA\r\n", b"x" * LONG, b"\r\n.\r\n", b"NOOP\r\n"], "smtp")
@example("none", [b"x" * LONG, b"\r\n", b"NOOP\r\n"], "smtp")
@example("none", [b"\n" * 500], "smtp")
@example("caps", [b"EHLO client.test\r\nAUTH LOGIN\r\n", b"x" * LONG, b"\r\n"], "smtp")
@example("slow", [*OPENING, b"DATA\r\n", b"first\r\n.\r\n"], "smtp")
def test_whatever_is_said_is_answered_or_the_connection_closes(name: str, pieces: list[bytes], door: str) -> None:
    """No octets raise anything or hang anything, and what the client heard is what the journal says."""
    check(hold(script(name), [PROXY, *pieces] if door == "proxy" else pieces, door))


@given(
    st.sampled_from(sorted(SCRIPTS)),
    PIECES,
    st.sampled_from(["smtp", "lmtp"]),
    st.sampled_from(["eof", "close", "abort"]),
)
@example("none", [*OPENING, b"DATA\r\nhalf of a mess"], "smtp", "abort")
@example("none", [*OPENING, b"BDAT 1000\r\nhalf of a chunk"], "smtp", "close")
@example("slow", [*OPENING, b"DATA\r\nwhole\r\n.\r\n"], "smtp", "close")
def test_a_client_that_leaves_leaves_nothing_behind(name: str, pieces: list[bytes], door: str, leaving: str) -> None:
    """In the middle of anything, by an end or a reset: the session ends, and is told of as far as it went."""
    held = hold(script(name), pieces, door, leaving=leaving)
    (record,) = held.journal.sessions

    assert record.closed in (Closed.CLIENT, Closed.FIN, Closed.TIMEOUT)
    assert [entry.closed for entry in held.journal.entries if entry.closed] == [record.closed]
    assert all(message.settled for message in held.journal.messages)


@given(PIECES)
@example([])
@example([b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 25\r"])
def test_without_a_word_of_a_proxy_there_is_no_session(pieces: list[bytes]) -> None:
    """Where one must say who calls, nobody else is answered."""
    held = hold(script("none"), pieces, "proxy")

    check(held)
    assert held.heard == b"" or held.sent.startswith((b"PROXY ", b"\r\n\r\n\0"))


@given(st.sampled_from(sorted(SCRIPTS.keys() - {"handshakes"})), PIECES)
@settings(max_examples=30)
def test_in_tls_it_is_the_same(name: str, pieces: list[bytes]) -> None:
    """Behind a handshake that went well."""
    check(hold(script(name), pieces, "tls", secure=True))


@given(st.sampled_from(sorted(SCRIPTS)), PIECES, st.lists(st.integers(0, 400), max_size=6))
def test_it_does_not_matter_in_which_pieces_octets_come(name: str, pieces: list[bytes], cuts: list[int]) -> None:
    """Whole, octet by octet or cut anywhere: the same is heard, and the same messages are taken."""
    octets = b"".join(pieces)
    places = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    anyhow = [octets[start:end] for start, end in pairwise(places) if start < end]
    whole, cut = hold(script(name), [octets]), hold(script(name), anyhow)

    assert _heard(cut) == _heard(whole)
    assert _taken(cut) == _taken(whole)


def _heard(held: Held) -> bytes:
    """Return what was heard, without what hangs on when octets came: a challenge, and what was too slow in the end."""
    heard = re.sub(rb"^334 .*\r\n", b"334\r\n", held.heard, flags=re.MULTILINE)
    return re.sub(rb"^421 4\.4\.2 .*\r\n\Z", b"421", heard, flags=re.MULTILINE)


def _taken(held: Held) -> list[tuple[str, tuple[str, ...], bytes, bool]]:
    return [(one.reverse_path, one.recipients, one.content, one.committed) for one in held.journal.messages]


@given(st.lists(NOISE, max_size=8).map(b"".join), st.booleans(), st.lists(st.integers(0, 200), max_size=4))
def test_any_message_arrives_as_it_was(message: bytes, chunked: bool, cuts: list[int]) -> None:
    """By lines or by chunks, whatever is in it and however it comes; and the next command is a command again."""
    message += b"\r\n"
    stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
    sent = b"BDAT %d LAST\r\n%b" % (len(message), message) if chunked else b"DATA\r\n%b.\r\n" % stuffed
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    pieces = [sent[start:end] for start, end in pairwise(places)]
    held = hold(script("none"), [*OPENING, *pieces, b"VRFY bob\r\n"])

    check(held)
    assert _taken(held) == [("ann@shop.test", ("bob@x.test",), message, True)]
    assert [entry.stage for entry in held.journal.entries].count(Stage.VRFY) == 1


def test_a_message_without_an_end_is_not_kept() -> None:
    """What is beyond the limit is counted and let go of while it comes (the session has no more of it than that)."""
    body = Body(1000)
    for _ in range(1000):
        body.feed(b"x" * 70_000)

        assert len(body._octets) < 10_000
