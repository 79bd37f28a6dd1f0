from __future__ import annotations

import pytest

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.wire import Wire, normal, stuffed
from maildrill.smtp import Reply, Stage


def test_replies_belong_to_commands_in_order() -> None:
    """Whatever they say (RFC 2920 section 3.1)."""
    wire = Wire()
    wire.ask(Stage.MAIL, Stage.RCPT, Stage.DATA)

    assert wire.feed(b"250 ok\r\n550 no\r\n") == [Reply(250, ("ok",)), Reply(550, ("no",))]
    assert (wire.outstanding, wire.broken) == (1, None)


def test_a_reply_too_many_breaks_the_wire() -> None:
    """From then on nothing is believed."""
    wire = Wire()
    wire.ask(Stage.MAIL)

    assert wire.feed(b"250 ok\r\n250 again\r\n") == [Reply(250, ("ok",))]
    assert wire.broken == Broken(Stage.IDLE, Fault.UNSOLICITED, Reply(250, ("again",)))
    assert wire.feed(b"250 and again\r\n") == []


def test_a_421_answers_what_was_asked_and_ends_the_session() -> None:
    """Also in the middle of a group; what comes behind it is not heard (RFC 5321 section 3.8)."""
    wire = Wire()
    wire.ask(Stage.MAIL, Stage.RCPT)

    assert wire.feed(b"421 bye\r\n250 ok\r\n") == [Reply(421, ("bye",))]
    assert wire.broken == Broken(Stage.MAIL, None, Reply(421, ("bye",)))


def test_a_421_that_comes_unasked_is_no_fault() -> None:
    """It is how servers end an idle session."""
    wire = Wire()
    wire.feed(b"421 idle for too long\r\n")

    assert wire.broken == Broken(Stage.IDLE, None, Reply(421, ("idle for too long",)))


def test_what_is_no_reply_breaks_the_wire_where_it_came() -> None:
    """Replies before it still count."""
    wire = Wire()
    wire.ask(Stage.MAIL, Stage.RCPT)

    assert wire.feed(b"250 ok\r\nhello?\r\n") == [Reply(250, ("ok",))]
    assert wire.broken == Broken(Stage.RCPT, Fault.GARBAGE, None, "not a reply: 'hello?'")


def test_the_first_end_is_the_one_that_is_told() -> None:
    """A connection that is closed after a fault was closed for it."""
    wire = Wire()
    wire.lose(Fault.TIMEOUT)
    wire.lose(Fault.EOF)

    assert wire.broken == Broken(Stage.IDLE, Fault.TIMEOUT)


def test_half_a_reply_is_evidence() -> None:
    """The line dropped while the server was answering."""
    wire = Wire()
    wire.ask(Stage.DOT)
    wire.feed(b"250-2.0.0 que")
    wire.lose(Fault.EOF)

    assert wire.partial == "250-2.0.0 que"
    assert wire.broken == Broken(Stage.DOT, Fault.EOF, None, "after half of a reply: 250-2.0.0 que")


def test_the_dot_turns_the_message_into_a_question() -> None:
    """A reply before it is to the message's octets, a reply after it is to the message."""
    wire = Wire()
    wire.ask(Stage.BODY)
    wire.dotted()
    wire.lose(Fault.EOF)

    assert wire.broken == Broken(Stage.DOT, Fault.EOF)


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (b"", b""),
        (b"a\r\n", b"a\r\n"),
        (b"a", b"a\r\n"),
        (b"a\nb\rc\r\nd\r\r\n", b"a\r\nb\r\nc\r\nd\r\n\r\n"),
        (b".\r\n..\r\n.a", b"..\r\n...\r\n..a\r\n"),
        (b"a\r\n.\r\nQUIT\r\n", b"a\r\n..\r\nQUIT\r\n"),
        (b"\r\n.\n.\r.", b"\r\n..\r\n..\r\n..\r\n"),
        (b"a.b\r\n", b"a.b\r\n"),
    ],
)
def test_a_message_cannot_end_itself(message: bytes, sent: bytes) -> None:
    """Lines end with CRLF, and a dot that begins one is doubled (RFC 5321 sections 2.3.8 and 4.5.2)."""
    assert b"".join(stuffed([normal(message)])) == sent
