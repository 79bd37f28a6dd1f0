"""What a client sends against what a transcript says: as octets come, in whatever pieces."""

from __future__ import annotations

import pytest

from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.steps import ClientGoesOn, ClientSays, ClientSends, ServerReads
from maildrill.fakeserver.transcript.hearing import MAX_LINE, Differs, Heard, MessageEar, hear


def says(text: str) -> ClientSays:
    return ClientSays(Pattern(text))


@pytest.mark.parametrize(
    ("step", "came", "heard", "left"),
    [
        (says("RCPT TO:<*>"), b"rcpt to:<a@x>\r\nQUIT\r\n", Heard(b"rcpt to:<a@x>\r\n"), b"QUIT\r\n"),
        (says("QUIT"), b"QUIT\r", None, b"QUIT\r"),
        (says("QUIT"), b"QUIT\n", Differs(b"QUIT\n"), b""),
        (says("QUIT"), b"NOOP\r\n", Differs(b"NOOP\r\n"), b""),
        (says("!QUIT"), b"NOOP\r\n", Heard(b"NOOP\r\n"), b""),
        (says("!QUIT"), b"QUIT\r\n", Differs(b"QUIT\r\n"), b""),
        (says("~^(NOOP|RSET)$"), b"RSET\r\n", Heard(b"RSET\r\n"), b""),
        (says("*"), b"x" * (MAX_LINE + 1), Differs(b"x" * MAX_LINE), b"x"),
        (ClientSends(b"QUIT\n"), b"QUIT\nx", Heard(b"QUIT\n"), b"x"),
        (ClientSends(b"QUIT\n"), b"QU", None, b"QU"),
        (ClientSends(b"QUIT\n"), b"quit", Differs(b"quit"), b"quit"),
        (ClientSends(b"QUIT\n"), b"QUIT\r\n", Differs(b"QUIT\r"), b"\n"),
        (ServerReads(3), b"abcd", Heard(b"abc"), b"d"),
        (ServerReads(3), b"ab", None, b"ab"),
    ],
)
def test_a_step_takes_what_belongs_to_it(
    step: ClientSays | ClientSends | ServerReads, came: bytes, heard: Heard | Differs | None, left: bytes
) -> None:
    """Case does not count in a line, everything counts in octets; a line ends with CRLF."""
    buffer = bytearray(came)

    assert hear(step, buffer) == heard
    assert buffer == left


def test_a_line_is_shown_without_its_end() -> None:
    """As a command is read."""
    assert Heard(b"QUIT\r\n").text == "QUIT"


def listen(ear: MessageEar, wire: bytes, *steps: ClientSays | ClientSends | ClientGoesOn | ServerReads) -> list[object]:
    buffer = bytearray(wire)
    return [ear.hear(step, buffer) for step in steps]


def test_a_message_of_which_only_the_end_is_said_may_be_any() -> None:
    """As after DATA in most transcripts."""
    ear = MessageEar(1000)

    assert listen(ear, b"Subject: x\r\n\r\n..dot\r\n.\r\n", says(".")) == [Heard(b".\r\n")]
    assert ear.ended
    assert ear.body.content == b"Subject: x\r\n\r\n.dot\r\n"


def test_the_lines_of_a_message_that_are_said_must_come() -> None:
    """One after the other, and then the end."""
    ear = MessageEar(1000)
    steps = says("Subject: *"), says(""), says("Hello."), says(".")

    assert listen(ear, b"Subject: x\r\n\r\nHello.\r\n.\r\n", *steps) == [
        Heard(b"Subject: x\r\n"),
        Heard(b"\r\n"),
        Heard(b"Hello.\r\n"),
        Heard(b".\r\n"),
    ]
    assert ear.ended


@pytest.mark.parametrize(
    ("wire", "steps", "differs"),
    [
        (b"To: x\r\n", (says("Subject: *"),), b"To: x\r\n"),
        (b".\r\n", (says("Subject: *"),), b".\r\n"),
        (b".\r\n", (says("*"),), b".\r\n"),
        (b"Subject: x\r\nTo: x\r\n", (says("Subject: *"), says(".")), b"To: x\r\n"),
        (b"a\r\n.\r\n", (ClientGoesOn(), says("Subject: *")), b".\r\n"),
        (b"abc", (ClientSends(b"abd"),), b"abc"),
    ],
)
def test_another_line_of_a_message_differs(wire: bytes, steps: tuple[ClientSays, ...], differs: bytes) -> None:
    """Also where the end comes too early or too late."""
    assert listen(MessageEar(1000), wire, *steps)[-1] == Differs(differs)


def test_any_lines_go_on_until_the_next_that_is_said() -> None:
    """`C: …` reads nothing by itself."""
    ear = MessageEar(1000)
    steps = ClientGoesOn(), says("X-Id: *"), ClientGoesOn(), says(".")

    assert listen(ear, b"To: x\r\nX-Id: 1\r\n\r\nHello.\r\n.\r\n", *steps) == [
        Heard(),
        Heard(b"X-Id: 1\r\n"),
        Heard(),
        Heard(b".\r\n"),
    ]
    assert ear.body.content == b"To: x\r\nX-Id: 1\r\n\r\nHello.\r\n"


def test_a_message_can_be_heard_octet_by_octet() -> None:
    """Exact octets and counted ones are part of it; a bare LF ends no line, and only CRLF.CRLF ends it."""
    ear = MessageEar(1000)
    steps = ClientSends(b"a\n.\nb"), ServerReads(2), says("c*"), ClientSends(b".\r\nQUIT\r\n")

    assert listen(ear, b"a\n.\nb\r\nc\nd\r\n.\r\nQUIT\r\n", *steps)[-1] == Heard(b".\r\nQUIT\r\n")
    assert ear.ended
    assert ear.body.content == b"a\n.\nb\r\nc\nd\r\n"


def test_a_message_is_heard_in_pieces() -> None:
    """What has not come yet is waited for, and nothing is taken twice."""
    ear = MessageEar(1000)
    buffer = bytearray()
    heard = []
    for octet in b"a\r\nb\r\n.\r\n":
        buffer.append(octet)
        heard.append(ear.hear(says("."), buffer))

    assert heard == [None] * 8 + [Heard(b".\r\n")]
    assert ear.body.content == b"a\r\nb\r\n"
