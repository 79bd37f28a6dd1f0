"""What goes the short way ends as what goes the long way: verbs in small letters are never plain enough for it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.world import World, run_world

ADDRESSES = st.sampled_from(["ann@x.test", "bob@full.test", "a.b-c+d@x-y.z.test", "zoe@late.test"])
MESSAGES = st.sampled_from(
    [
        "Subject: hi\r\n\r\nhello\r\n.\r\n",
        ".\r\n",
        "..two\r\n...\r\nthree\r\n.\r\n",
        "\r\n.\r\n",
        "bare\nand\rbare\r\n.\r\n",
        "only\nfeeds\n.\r\n.\r\n",
        "Message-ID: <1@x>\r\n\r\n.\r\nNOOP\r\n",
        "x" * 3000 + "\r\n.\r\n",
        "not whole\r\n",
        "\r\n.\r",
    ]
)
COMMANDS = st.one_of(
    st.builds("MAIL FROM:<{}>\r\n".format, ADDRESSES),
    st.builds("RCPT TO:<{}>\r\n".format, ADDRESSES),
    st.sampled_from(["DATA\r\n", "RSET\r\n", "NOOP\r\n", "MAIL FROM:<>\r\n", "MAIL FROM:<a@x.test> BODY=7BIT\r\n"]),
)
TRANSACTION = st.tuples(
    st.sampled_from(
        ["MAIL FROM:<ann@x.test>\r\n", "MAIL FROM:<a@x.test> SIZE=9\r\n", "MAIL FROM:<a@x.test> SIZE=99999\r\n"]
    ),
    st.builds("RCPT TO:<{}>\r\n".format, ADDRESSES),
    st.just("DATA\r\n"),
    MESSAGES,
)
#: As transactions are said; in groups, too.
GROUPED = (
    TRANSACTION.map(lambda said: ("".join(said[:3]), said[3]))
    | TRANSACTION.map(lambda said: ("".join(said),))
    | TRANSACTION.map(lambda said: ("".join(said[:3]), "RSET\r\n"))
)
TALKS = st.lists(st.one_of(TRANSACTION, GROUPED, st.tuples(COMMANDS), st.tuples(MESSAGES)), max_size=5).map(
    lambda parts: [piece for part in parts for piece in part]
)
STRICT = "[server]\nunmatched = 'fail'\n"
SMALL = '[server]\nlimits = { message = "2000B" }\n'
RULES = st.lists(
    st.sampled_from(
        [
            'at = "mail"\nattempt = "2-"\nreply = "421 4.3.2 bye"',
            'at = "mail"\nreply = "451 4.7.1 {n}"\ntimes = 1',
            'at = ["rcpt", "data"]\npipelined = true\nreply = "451 4.5.0 {n}"\nattempt = ["1", "3"]',
            'at = "rcpt"\ndomain = "full.test"\nreply = "452 4.2.2 full"',
            'at = "rcpt"\ndomain = "late.test"\nwait = "2s"',
            'at = "data"\nreply = "451 4.3.0 not now"\ntimes = 1',
            'at = "data"\nreply = "354 go"\nwait = "1s"',
            'at = "data"\nreply = "354 go"\ntimes = 1',
            'at = ["mail", "rcpt", "rset"]\nreply = "250 {n}"\nattempt = "2"',
            'at = ["mail", "rcpt", "data"]\nreply = "451 4.3.0 {n}"\ncut = "mid"\nattempt = "2"',
            'at = "rset"\nreply = "451 4.3.0 not now"\ntimes = 1',
            'at = "rset"\nattempt = "2-"\nwait = "1s"',
            'at = "body"\nreply = "552 5.3.4 too big"',
            'at = "body"\nafter = "10B"\ncut = "before"',
            'at = "dot"\nreply = "250 2.0.0 {id}"',
            'at = "dot"\ncut = "before"\ncommit = true',
            'at = "dot"\nmangle = "early"',
        ]
    ),
    max_size=3,
    unique=True,
)


async def everything(reader: asyncio.StreamReader) -> bytes:
    """Return what is said up to the end of the connection."""
    heard = b""
    with contextlib.suppress(ConnectionError):
        while octets := await reader.read(4096):
            heard += octets
    return heard


def outcome(rules: list[str], settings: str, pieces: list[str]) -> Any:
    """Say the pieces, one in each turn of the loop, and return what was heard and what the journal has."""
    text = "".join([settings, *(f"[[rule]]\n{rule}\n" for rule in rules)])
    script = read_script(text, "test.toml")

    async def story(world: World) -> Any:
        server = FakeServer(script, clock=world.clock)
        reader, writer = await asyncio.open_connection(*await server.start("mx.test"))
        heard = asyncio.create_task(everything(reader))
        writer.write(b"EHLO client.test\r\n")
        for piece in pieces:
            await world.clock.sleep(0.25)
            if not writer.is_closing():
                writer.write(piece.encode())
        await world.clock.sleep(30)
        writer.close()
        await server.stop()
        journal = server.journal
        entries = [
            (
                entry.began,
                entry.at,
                entry.stage,
                entry.command.casefold(),
                entry.address,
                entry.parameters or {},
                entry.reply,
                entry.half,
                entry.rule,
                entry.unmatched,
                entry.closed,
                [str(miss) for miss in entry.near_misses],
            )
            for entry in journal.entries
        ]
        messages = [
            (
                message.content.lower(),
                message.size,
                message.recipients,
                message.parameters,
                message.committed_for,
                message.acknowledged_for,
            )
            for message in journal.messages
        ]
        return await heard, entries, messages, journal.sessions[0].bare_newlines, server.unfired()

    return run_world(story)


@given(
    rules=RULES,
    settings=st.sampled_from(["", "[server]\nlimits = { commands = 7, recipients = 1 }\n", SMALL, STRICT]),
    said=TALKS,
)
@example(rules=[], settings="", said=["MAIL FROM:<ann@x.test>\r\n", "RCPT TO:<ann@x.test>\r\n", "DATA\r\n", ".\r\n"])
def test_both_ways_end_alike(rules: list[str], settings: str, said: list[str]) -> None:
    """Replies, entries with their times, messages, near misses, and which rules fired."""
    lower = [
        piece.replace("MAIL FROM", "mail from")
        .replace("RCPT TO", "rcpt to")
        .replace("DATA\r\n", "data\r\n")
        .replace("RSET\r\n", "rset\r\n")
        for piece in said
    ]

    assert outcome(rules, settings, said) == outcome(rules, settings, lower)
