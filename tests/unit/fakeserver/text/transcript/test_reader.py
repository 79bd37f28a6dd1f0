"""Transcripts as text: what is read, what is written, and what each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildrill.fakeserver.language.pattern import Pattern
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
    StepError,
    Transcript,
)
from maildrill.fakeserver.text.transcript.octets import read_octets, write_octets
from maildrill.fakeserver.text.transcript.reader import is_transcript, read_transcript
from maildrill.fakeserver.text.transcript.writer import transcript_text
from maildrill.smtp import ConfigurationError

#: Transcripts that are wrong, each with what a person is told: text, `----`, message, `====`.
ERRORS = (Path(__file__).parent / "errors.txt").read_text("utf-8").split("====\n")

EVERYTHING = r"""
# every kind of line
version = 1
strict = true
repeat = true
hostname = "mx.test"

(new connection, 5m later)
S: 220 mx.test ESMTP  # +1m30s
C: EHLO *
S: 250-mx.test
S:
  S:250 SIZE 1000
C: STARTTLS
S: 220 go
!tls expired
!tls
C: ~^MAIL FROM:<.*>
S>: "250 ok\n"  # +2s
C>: "DATA\n"
S: 354 go
!read 4KiB
C: ...
C: .
!commit true
S>: "25"
!cut rst  # +1s
(new connection)
S: 220 hello
(client closes)
"""


def test_every_kind_of_line_is_read() -> None:
    """Settings, sessions and steps, with the lines that they stand on."""
    transcript = read_transcript(EVERYTHING, "all.txt")

    assert transcript == Transcript(
        name="all.txt",
        strict=True,
        repeat=True,
        hostname="mx.test",
        sessions=(
            Session(
                (
                    ServerSays(b"220 mx.test ESMTP\r\n", Duration("1m30s")),
                    ClientSays(Pattern("EHLO *")),
                    ServerSays(b"250-mx.test\r\n"),
                    ServerSays(b"\r\n"),
                    ServerSays(b"250 SIZE 1000\r\n"),
                    ClientSays(Pattern("STARTTLS")),
                    ServerSays(b"220 go\r\n"),
                    ServerShakes(Handshake.EXPIRED),
                    ServerShakes(),
                    ClientSays(Pattern("~^MAIL FROM:<.*>")),
                    ServerSays(b"250 ok\n", Duration("2s")),
                    ClientSends(b"DATA\n"),
                    ServerSays(b"354 go\r\n"),
                    ServerReads(4096),
                    ClientGoesOn(),
                    ClientSays(Pattern(".")),
                    ServerTakes(taken=True),
                    ServerSays(b"25"),
                    ServerLeaves(Leaving.RST, Duration("1s")),
                ),
                Duration("5m"),
            ),
            Session((ServerSays(b"220 hello\r\n"), ClientLeaves())),
        ),
    )
    assert [step.line for step in transcript.sessions[1].steps] == [29, 30]


def test_what_was_read_can_be_written() -> None:
    """The text is not the same, what it says is."""
    transcript = read_transcript(EVERYTHING, "all.txt")

    assert read_transcript(transcript_text(transcript), "all.txt") == transcript


def test_a_transcript_is_written_as_a_person_would() -> None:
    """Settings first, then a blank line, sessions with a blank line between; octets only where a line will not do."""
    says = ServerSays(b"220 hi\r\n"), ServerSays(b"x  # + y\r\n"), ServerSays(b"a \r\n"), ServerSays("é\x7f".encode())
    transcript = Transcript(
        sessions=(Session(says), Session((ServerLeaves(Leaving.FIN),), Duration("5m"))), strict=True
    )

    assert transcript_text(transcript).splitlines() == [
        "strict = true",
        "",
        "S: 220 hi",
        r'S>: "x  # + y\r\n"',
        r'S>: "a \r\n"',
        r'S>: "é\x7f"',
        "",
        "(new connection, 5m later)",
        "!cut fin",
    ]


def test_a_transcript_may_have_no_settings_at_all() -> None:
    """Rules are made of it then."""
    assert transcript_text(read_transcript("S: 220 hi", "t.txt")) == "S: 220 hi\n"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.splitlines()[0])
def test_a_mistake_is_told_with_its_line_and_what_was_expected(error: str) -> None:
    """Where, what was read, what would have been right, what to try."""
    text, _, message = error.partition("----\n")

    with pytest.raises(ConfigurationError) as caught:
        read_transcript(text, "t.txt")
    assert str(caught.value).splitlines() == message.splitlines()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("S: 220 hi", True),
        ('# a remark\n\nstrict = true\nC>: "x"', True),
        ("(new connection)", True),
        ("!cut refuse", True),
        ('version = 1\n[[rule]]\nat = "rcpt"', False),
        ("[[rule]]", False),
        ("strict = true", False),
        ("", False),
        ("<-  220 hi", False),
    ],
)
def test_a_transcript_is_known_by_its_first_line_that_says_something(text: str, expected: bool) -> None:
    """TOML has tables there, a transcript a step."""
    assert is_transcript(text) is expected


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"250 ok\r\n", r'"250 ok\r\n"'),
        (b'\x00\xff\t"\\', r'"\0\xff\t\"\\"'),
        ("grüß".encode(), '"grüß"'),
        ("\u202e\xa0".encode(), r'"\xe2\x80\xae\xc2\xa0"'),
        (b"", '""'),
    ],
)
def test_octets_are_written_so_that_they_can_be_seen(octets: bytes, text: str) -> None:
    """What steers a terminal is written out, and all of it is read back."""
    assert write_octets(octets) == text
    assert read_octets(text) == octets


@pytest.mark.parametrize("text", ["250 ok", '"250', r'"\q"', r'"\xZ0"', '"a" b', r'"\"'])
def test_text_that_is_no_octets_is_refused(text: str) -> None:
    """The error says how octets are written."""
    with pytest.raises(ValueError, match="text in double quotes"):
        read_octets(text)


@pytest.mark.parametrize("text", ["QUIT ", "a\nb", "…", "..."])
def test_what_could_not_be_written_is_no_step(text: str) -> None:
    """A pattern that no line of a file can hold is refused where the session is made."""
    with pytest.raises(StepError, match="one line"):
        Session((ClientSays(Pattern(text)),))
