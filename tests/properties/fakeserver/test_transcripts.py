"""Properties of transcripts: any of them can be written and read, and a client that does as written meets it."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.script_words import Handshake
from maildrill.fakeserver.language.span import Duration
from maildrill.fakeserver.language.steps import (
    ClientGoesOn,
    ClientLeaves,
    ClientSays,
    ClientSends,
    Leaving,
    ServerLeaves,
    ServerReads,
    ServerSays,
    ServerShakes,
    ServerTakes,
    Session,
    Step,
    StepError,
    Transcript,
)
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.transcript.octets import read_octets, write_octets
from maildrill.fakeserver.text.transcript.reader import is_transcript, read_transcript
from maildrill.fakeserver.text.transcript.writer import transcript_text
from maildrill.scenarios.world import World, run_world
from maildrill.smtp import ConfigurationError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LINES = st.sampled_from(("250 ok", "250-a", "", " x", "550 a # + b", '250 "quoted"  # +1s', "421 é")) | TEXTS
WAITS = st.none() | st.builds(Duration, st.sampled_from(("0s", "1.5s", "1h30m")))
OCTETS = st.builds(lambda text: text.encode() + b"\r\n", LINES) | st.binary(max_size=12)
PATTERNS = st.builds(
    Pattern, st.sampled_from(("EHLO *", "~^MAIL", "!QUIT", ".", "# x", "")) | TEXTS.map(lambda t: "*" + t)
)
SAID = st.builds(ServerSays, OCTETS, WAITS)
STEPS: st.SearchStrategy[Step] = st.one_of(
    SAID,
    st.builds(ClientSays, PATTERNS),
    st.builds(ClientSends, st.binary(max_size=12)),
    st.builds(ServerReads, st.integers(1, 10**9)),
    st.builds(ServerShakes, st.none() | st.sampled_from(Handshake)),
    st.builds(ServerTakes, st.booleans()),
    st.just(ClientGoesOn()),
    st.builds(ServerLeaves, st.sampled_from(Leaving), WAITS),
    st.just(ClientLeaves()),
)


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    """Sessions of any steps that can stand together: one that cannot is left out."""
    steps: tuple[Step, ...] = ()
    later = draw(WAITS)
    for step in draw(st.lists(STEPS, max_size=8)):
        try:
            Session((*steps, step))
        except StepError:
            continue
        steps = (*steps, step)
    return Session(steps or (draw(SAID),), later)


TRANSCRIPTS = st.builds(
    Transcript,
    name=st.just("t.txt"),
    sessions=st.lists(sessions(), min_size=1, max_size=3).map(tuple),
    strict=st.booleans(),
    repeat=st.booleans(),
    hostname=st.sampled_from((None, "mx.test", 'mx"\\')),
)


@given(TRANSCRIPTS)
def test_what_is_written_is_read_back(transcript: Transcript) -> None:
    """Every session, every step, every octet."""
    text = transcript_text(transcript)

    assert read_transcript(text, "t.txt") == transcript
    assert is_transcript(text)


@given(st.binary(max_size=40))
def test_octets_are_written_and_read_back(octets: bytes) -> None:
    """In ASCII or in UTF-8 that can be seen, and on one line."""
    text = write_octets(octets)

    assert read_octets(text) == octets
    assert text.isprintable()


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(("S: 220", "C: ", "!cut ", "(", "# +", "x = ", "\n")) | TEXTS).map("".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    """With a line and a reason, never otherwise."""
    try:
        read_transcript(text, "t.txt")
    except ConfigurationError as error:
        assert error.where.startswith("t.txt")  # noqa: PT017 - it need not raise


COMMANDS = st.sampled_from(
    ("EHLO c", "NOOP", "RSET", "DATA", "XYZZY a b", "MAIL FROM:<n@x.test>", "RCPT TO:<a@x.test>")
)
REPLIES = st.sampled_from((["250 ok"], ["250-more", "250 ok"], ["550 no"], ["354 go"], ["garbage"]))


@settings(max_examples=50)
@given(st.lists(st.tuples(COMMANDS, REPLIES), max_size=5), st.integers(1, 7))
def test_a_client_that_does_as_written_meets_the_transcript(turns: list[tuple[str, list[str]]], piece: int) -> None:
    """Whatever the server says in between, and however the octets come."""
    lines = ["S: 220 hi"]
    sent, said = b"", b"220 hi\r\n"
    for command, replies in turns:
        lines += [f"C: {command}", *(f"S: {reply}" for reply in replies)]
        sent += command.encode() + b"\r\n"
        said += "".join(f"{reply}\r\n" for reply in replies).encode()
        if command == "DATA" and "354 go" in replies:
            lines += ["C: .", "S: 250 taken"]
            sent += b"hello\r\n.\r\n"
            said += b"250 taken\r\n"
    script = Script(transcript=read_transcript("strict = true\n" + "\n".join(lines), "t.txt"))

    async def main(world: World) -> tuple[bytes, tuple[str, ...]]:
        server = FakeServer(script, clock=world.clock)
        reader, writer = await asyncio.open_connection(*await server.start())
        for begin in range(0, len(sent), piece):
            writer.write(sent[begin : begin + piece])
        heard = await reader.read()
        writer.close()
        await server.stop()
        return heard, server.unfired()

    assert run_world(main) == (said, ())
