"""Strict transcripts, played to a client that speaks octets: in memory and on TCP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from maildrill.fakeserver.journal.journal import Message
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.text.transcript.load import read_transcript_script
from maildrill.fakeserver.transcript.recording import transcript_of

if TYPE_CHECKING:
    from tests.integration.server.conftest import Ground, Scene


def strict(*lines: str) -> Script:
    return read_transcript_script("\n".join(("strict = true", *lines)), "t.txt")


def told(where: str, expected: str, got: str) -> str:
    """Return what a client is told that differs."""
    return (
        f"554-5.3.0 {where}: the transcript says otherwise\r\n554-5.3.0 expected {expected}\r\n554 5.3.0 got {got}\r\n"
    )


SESSION = (
    "S: 220 mx.test ESMTP",
    "C: EHLO *",
    "S: 250-mx.test",
    "S: 250 SIZE 1000",
    "C: MAIL FROM:<*>",
    "S: 250 ok",
    "C: RCPT TO:<bob@x.test>",
    "S: 450 4.2.0 busy",
    "C: RCPT TO:<ann@x.test>",
    "S: 250 ok",
    "C: DATA",
    "S: 354 go",
    "C: .",
    "S: 250 2.0.0 taken",
    "C: QUIT",
    "S: 221 bye",
)
COMMANDS = b"EHLO c\r\nMAIL FROM:<n@x.test>\r\nRCPT TO:<bob@x.test>\r\nRCPT TO:<ann@x.test>\r\nDATA\r\n"
MESSAGE = b"Message-ID: <1@x>\r\n\r\n..hi\r\n.\r\n"


def test_a_client_that_does_as_written_hears_every_octet(ground: Ground) -> None:
    """Line by line, pipelined or not; the journal has all of it."""

    async def story(scene: Scene) -> tuple[str, str]:
        client = await scene.call()
        client.write(COMMANDS + MESSAGE + b"QUIT\r\n")
        heard = await client.rest()
        message = scene.journal.messages[0]
        assert message.content == b"Message-ID: <1@x>\r\n\r\n.hi\r\n"
        assert (message.recipients, message.committed, message.acknowledged) == (("ann@x.test",), True, True)
        assert scene.server.unfired() == ()
        assert scene.events() == [
            "banner 220",
            "ehlo 250",
            "mail 250",
            "rcpt 450",
            "rcpt 250",
            "data 354",
            "dot 250",
            "quit 221",
            "idle fin",
        ]
        return heard

    said = "".join(f"{line[3:]}\r\n" for line in SESSION if line.startswith("S: "))
    assert ground.play(strict(*SESSION), story) == (said, "fin")


def test_the_first_difference_is_told_and_ends_the_session(ground: Ground) -> None:
    """To the client, in the journal, and to whoever asks the server what was unmet."""

    async def story(scene: Scene) -> tuple[str, str]:
        client = await scene.call()
        client.write(b"EHLO c\r\nMAIL FROM:<n@x.test>\r\nRCPT TO:<eve@x.test>\r\nQUIT\r\n")
        heard = await client.rest()
        entry = scene.journal.entries[-1]
        assert (entry.command, entry.rule, entry.unmatched) == ("RCPT TO:<eve@x.test>", "t.txt:8", True)
        assert scene.server.unfired() == ("t.txt:8: expected C: RCPT TO:<bob@x.test>, got C: RCPT TO:<eve@x.test>",)
        return heard

    text, end = ground.play(strict(*SESSION), story)

    assert text.endswith(told("t.txt:8", "C: RCPT TO:<bob@x.test>", "C: RCPT TO:<eve@x.test>"))
    assert end == "fin"


def test_a_client_that_stops_early_has_not_done_as_written(ground: Ground) -> None:
    """What it was to say next is unmet."""

    async def story(scene: Scene) -> None:
        client = await scene.call()
        await client.hear()
        await client.ask("EHLO c")
        client.writer.close()
        while scene.journal.sessions[0].closed is None:
            await scene.clock.sleep(0.01)
        assert scene.server.unfired() == ("t.txt:6: expected C: MAIL FROM:<*>, got the end of the connection",)
        assert scene.journal.sessions[0].closed == "client"

    ground.play(strict(*SESSION), story)


@pytest.mark.parametrize("early", [False, True])
def test_a_client_that_is_to_leave_leaves(ground: Ground, early: bool) -> None:
    """Before the last reply or behind it; it may say nothing more."""

    async def story(scene: Scene) -> None:
        client = await scene.call()
        if not early:
            await client.hear()
        client.write(b"QUIT\r\n")
        if not early:
            await client.hear()
        client.writer.close()
        while not scene.journal.sessions or scene.journal.sessions[0].closed is None:
            await scene.clock.sleep(0.01)
        assert scene.server.unfired() == ()

    ground.play(strict("S: 220 hi", "C: QUIT", "S: 221 bye", "(client closes)"), story)


def test_a_client_that_does_not_leave_differs(ground: Ground) -> None:
    """Whatever it says there."""

    async def story(scene: Scene) -> tuple[str, str]:
        client = await scene.call()
        client.write(b"QUIT\r\nNOOP\r\n")
        return await client.rest()

    text, _ = ground.play(strict("S: 220 hi", "C: QUIT", "S: 221 bye", "(client closes)"), story)

    assert "554 5.3.0 got C: NOOP" in text


async def reset(scene: Scene) -> bool:
    """Return whether a connection is refused, or reset at once."""
    try:
        _, end = await (await scene.call()).rest()
    except ConnectionError:
        return True
    return end == "rst"


def test_sessions_come_in_order_and_then_no_more(ground: Ground) -> None:
    """One for each connection; a refused connection is one too."""

    async def story(scene: Scene) -> list[str]:
        heard = [await (await scene.call()).rest()]
        for _ in range(2):
            assert await reset(scene)
        heard += [await (await scene.call()).rest(), await (await scene.call()).rest()]
        assert scene.server.unfired() == ("t.txt: expected no more connections, got one more",)
        return [f"{text}|{end}" for text, end in heard]

    script = strict(
        "S: 220 one", "(new connection)", "!cut refuse", "(new connection)", "!cut rst", "(new connection)", 'S>: "22"'
    )

    assert ground.play(script, story) == [
        "220 one\r\n|fin",
        "22|fin",
        f"{told('t.txt', 'no more connections', 'one more')}|fin",
    ]


def test_a_wait_passes_before_what_it_stands_behind(memory: Ground) -> None:
    """Also before a cut; the clock is the server's."""

    async def story(scene: Scene) -> tuple[float, str]:
        client = await scene.call()
        began = scene.clock.now()
        _, end = await client.rest()
        return round(scene.clock.now() - began), end

    assert memory.play(strict("S: 220 hi  # +1h", "!cut rst  # +30m"), story) == (5400, "rst")


def test_a_session_that_comes_too_early_is_told_so(memory: Ground) -> None:
    """`(new connection, 5m later)` is what a client must do."""

    async def story(scene: Scene) -> list[str]:
        heard = []
        for wait in (0.0, 301.0, 60.0):
            await scene.clock.sleep(wait)
            heard.append((await (await scene.call()).rest())[0])
        return heard

    script = strict("S: 220 1", "(new connection, 5m later)", "S: 220 2", "(new connection, 5m later)", "S: 220 3")

    assert memory.play(script, story) == [
        "220 1\r\n",
        "220 2\r\n",
        told("t.txt:5", "a connection 5m later", "one after 1m0.022s"),
    ]


def test_a_silent_client_is_not_waited_for_for_ever(memory: Ground) -> None:
    """The server's patience ends as ever, and what was expected is unmet."""

    async def story(scene: Scene) -> str:
        text, _ = await (await scene.call()).rest()
        assert scene.server.unfired() == ("t.txt:3: expected C: QUIT, got nothing for too long",)
        assert scene.journal.sessions[0].closed == "timeout"
        return text

    assert memory.play(strict("S: 220 hi", "C: QUIT"), story).startswith("220 hi\r\n421 4.4.2 ")


LONG = ("S: 220 hi", "C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: DATA", "S: 354 go")
BEGIN = b"MAIL FROM:<n@x.test>\r\nRCPT TO:<ann@x.test>\r\nDATA\r\n"


@pytest.mark.parametrize(
    ("steps", "sent", "said", "taken"),
    [
        (("C: .", "!commit true", "!cut fin"), MESSAGE, "", (True, False)),
        (("C: .", "!commit false", "S: 250 ok"), MESSAGE, "250 ok\r\n", (False, True)),
        (("C: .", "S: 451 later"), MESSAGE, "451 later\r\n", (False, False)),
        (("C: Message-ID: *", "C: …", "C: .", "S: 250 ok"), MESSAGE, "250 ok\r\n", (True, True)),
        ((r'C>: "a\nb\r\n.\r\n"', "S: 250 ok"), b"a\nb\r\n.\r\n", "250 ok\r\n", (True, True)),
        (
            ("!read 4B", "S: 552 early", "C: .", "C: NOOP", "S: 250 ok"),
            MESSAGE + b"NOOP\r\n",
            "552 early\r\n250 ok\r\n",
            (False, False),
        ),
    ],
)
def test_a_message_is_heard_and_taken_as_written(
    ground: Ground, steps: tuple[str, ...], sent: bytes, said: str, taken: tuple[bool, bool]
) -> None:
    """Any message, some lines of it, its very octets; committed and acknowledged apart."""

    async def story(scene: Scene) -> str:
        client = await scene.call()
        client.write(BEGIN + sent)
        text, _ = await client.rest()
        message = scene.journal.messages[0]
        assert (message.committed, message.acknowledged) == taken
        assert scene.server.unfired() == ()
        return text.partition("354 go\r\n")[2]

    assert ground.play(strict(*LONG, *steps), story) == said


def test_a_message_that_differs_ends_the_session(ground: Ground) -> None:
    """In the middle of it."""

    async def story(scene: Scene) -> str:
        client = await scene.call()
        client.write(BEGIN + MESSAGE)
        text, _ = await client.rest()
        assert scene.journal.messages == []
        assert scene.events()[-1] == "body 554 fin"
        return text.partition("354 go\r\n")[2]

    assert "got C: Message-ID: <1@x>" in ground.play(strict(*LONG, "C: Subject: *", "C: …", "C: ."), story)


def test_a_cut_in_the_middle_of_a_message_is_exact(ground: Ground) -> None:
    """So many octets are read, and then the line goes."""

    async def story(scene: Scene) -> tuple[str, str]:
        client = await scene.call()
        client.write(BEGIN + MESSAGE)
        assert scene.journal.messages == []
        return await client.rest()

    assert ground.play(strict(*LONG, "!read 4B", "!cut rst"), story)[1] == "rst"


@pytest.mark.parametrize("bodies", [True, False])
def test_a_message_in_chunks_is_one_message(ground: Ground, bodies: bool) -> None:
    """BDAT brings its octets along; the last chunk's reply is the message's."""

    async def story(scene: Scene) -> str:
        client = await scene.call()
        client.write(BEGIN[:-6] + b"BDAT 5\r\nhelloBDAT 2\r\nabBDAT 0 LAST\r\nQUIT\r\n")
        text, _ = await client.rest()
        (message,) = scene.journal.messages
        assert message.content == (b"helloab" if bodies else b"")
        assert (message.size, message.committed, message.acknowledged) == (7, True, True)
        return text

    script = strict(
        *LONG[:5],
        "C: BDAT 5",
        "S: 250 5",
        "C: BDAT 2",
        r'C>: "ab"',
        "S: 250 2",
        "C: BDAT 0 LAST",
        "S: 250 ok",
        "C: QUIT",
    )

    assert ground.play(script, story, keep_bodies=bodies).endswith("250 5\r\n250 2\r\n250 ok\r\n")


def test_lines_of_a_message_are_nothing_outside_of_it(ground: Ground) -> None:
    """`C: …` stands behind 354."""

    async def story(scene: Scene) -> str:
        return (await (await scene.call()).rest())[0]

    assert "got no message, as the server has not said 354" in ground.play(strict("S: 220 hi", "C: …", "C: ."), story)


def test_secrets_are_kept_neither_in_the_journal_nor_in_a_difference(ground: Ground) -> None:
    """What answers a challenge is not shown, even where it is not what was expected."""

    async def story(scene: Scene) -> str:
        client = await scene.call()
        client.write(b"AUTH LOGIN c2VjcmV0\r\nc2VjcmV0\r\nc2VjcmV0\r\n")
        text, _ = await client.rest()
        return text + "".join(map(str, scene.journal.entries)) + "".join(scene.server.unfired())

    script = strict("S: 220 hi", "C: AUTH *", "S: 334 UGFzcw==", "C: *", "S: 334 UGFzcw==", "C: x", "S: 235 ok")

    assert "c2VjcmV0" not in ground.play(script, story)


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        (b"QUIT\n", r'C>: "QUIT\n"'),
        (b"\x1b[31m\r\n", r"C: \\x1b[31m"),
        (b"a" * 300 + b"\r\n", "C: " + "a" * 200 + "…"),
        (b"AUTH PLAIN secret\r\n", "C: AUTH PLAIN <redacted>"),
    ],
)
def test_what_came_is_shown_so_that_it_can_be_seen(ground: Ground, sent: bytes, got: str) -> None:
    """Safe, short, and exact where a line will not do."""

    async def story(scene: Scene) -> str:
        client = await scene.call()
        client.write(sent)
        await client.rest()
        return scene.server.unfired()[0].partition("got ")[2]

    assert ground.play(strict("S: 220 hi", "C: QUIT"), story) == got.replace("\\\\", "\\")


def test_whoever_waits_for_messages_is_told(memory: Ground) -> None:
    """A message that a transcript takes is committed like any other."""
    told: list[Message] = []

    async def story(scene: Scene) -> None:
        scene.server._host.on_commit = told.append
        client = await scene.call()
        client.write(BEGIN + MESSAGE)
        await client.rest()

    memory.play(strict(*LONG, "C: .", "S: 250 ok"), story)

    assert [message.size for message in told] == [26]


def test_a_server_that_is_stopped_leaves_what_is_unmet(memory: Ground) -> None:
    """A session that was going on is no difference, but not done either."""

    async def story(scene: Scene) -> None:
        await (await scene.call()).hear()
        await scene.server.stop()
        assert scene.server.unfired() == ("t.txt:3: expected C: QUIT, got nothing so far",)

    memory.play(strict("S: 220 hi", "C: QUIT"), story)


RETRIED = (
    *SESSION[:8],
    "C: QUIT",
    "S: 221 bye",
    "(new connection)",
    *SESSION[:6],
    "C: RCPT TO:<bob@x.test>",
    "S: 250 at last",
    "C: DATA",
    "S: 354 go",
    "C: .",
    "!commit true",
    "!cut fin",
)
TO_BOB = b"EHLO c\r\nMAIL FROM:<n@x.test>\r\nRCPT TO:<bob@x.test>\r\n"
TALKS = [
    pytest.param(SESSION, (COMMANDS + MESSAGE + b"QUIT\r\n",), id="one session"),
    pytest.param(RETRIED, (TO_BOB + b"QUIT\r\n", TO_BOB + b"DATA\r\n" + MESSAGE), id="another try"),
]


async def talk(scene: Scene, *calls: bytes) -> list[str]:
    """Say these octets on connections of their own; return all that was heard."""
    heard = []
    for octets in calls:
        client = await scene.call()
        client.write(octets)
        heard.append("|".join(await client.rest()))
    return heard


@pytest.mark.parametrize(("lines", "calls"), TALKS)
def test_the_rules_of_a_transcript_answer_as_it_does(
    ground: Ground, lines: tuple[str, ...], calls: tuple[bytes, ...]
) -> None:
    """The same replies to the same commands in the same order, octet by octet."""
    rules = read_transcript_script("\n".join(lines), "t.txt")

    async def story(scene: Scene) -> tuple[list[str], list[bool]]:
        return await talk(scene, *calls), [message.committed for message in scene.journal.messages]

    assert ground.play(rules, story) == ground.play(strict(*lines), story)


@pytest.mark.parametrize(("lines", "calls"), TALKS)
def test_what_was_recorded_can_be_played(ground: Ground, lines: tuple[str, ...], calls: tuple[bytes, ...]) -> None:
    """A journal is a transcript: the same client hears the same octets, and has done all that is written."""

    async def record(scene: Scene) -> tuple[list[str], Script]:
        heard = await talk(scene, *calls)
        transcript = transcript_of(scene.journal.entries)
        return heard, Script(transcript=transcript)

    async def replay(scene: Scene) -> list[str]:
        heard = await talk(scene, *calls)
        assert scene.server.unfired() == ()
        return heard

    heard, recorded = ground.play(strict(*lines), record)

    assert ground.play(recorded, replay) == heard


def test_a_client_may_leave_in_the_middle_of_a_message(ground: Ground) -> None:
    """Where it goes on with it and then closes."""

    async def story(scene: Scene) -> None:
        client = await scene.call()
        client.write(BEGIN + MESSAGE[:10])
        await client.hear(4)
        client.write(MESSAGE[10:20])
        client.writer.close()
        while scene.journal.sessions[0].closed is None:
            await scene.clock.sleep(0.01)
        assert scene.server.unfired() == ()

    ground.play(strict(*LONG, "C: …", "(client closes)"), story)
