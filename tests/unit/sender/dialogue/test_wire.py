from __future__ import annotations

import pytest

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.wire import Sent, Wire, normal, stuffed
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


def test_half_a_reply_that_came_unasked_would_pass_for_the_answer() -> None:
    """So the wire is over before anything is asked; a reply torn while one is due is just not there yet."""
    early, slow = Wire(), Wire()
    early.feed(b"250 o")
    early.ask(Stage.MAIL)
    slow.ask(Stage.MAIL)
    slow.feed(b"250 o")
    slow.ask(Stage.RCPT)

    assert early.broken == Broken(Stage.IDLE, Fault.UNSOLICITED, None, "after half of a reply: 250 o")
    assert slow.broken is None
    assert slow.feed(b"k\r\n") == [Reply(250, ("ok",))]


def test_a_secret_is_out_of_a_reply_before_anything_is_made_of_it() -> None:
    """In the answers, and in what broke the wire."""
    wire = Wire(lambda reply: Reply(reply.code, tuple(line.replace("s3cret", "***") for line in reply.lines)))
    wire.ask(Stage.AUTH)

    assert wire.feed(b"334 s3cret\r\n421 s3cret\r\n") == [Reply(334, ("***",))]
    assert wire.broken == Broken(Stage.IDLE, None, Reply(421, ("***",)))


def test_a_354_asks_for_the_message_by_itself() -> None:
    """What comes behind it is said of the message, not of DATA: where the line drops, it drops there."""
    wire = Wire()
    wire.ask(Stage.DATA)
    wire.feed(b"354 go on\r\n")
    wire.lose(Fault.RESET)

    assert (wire.outstanding, wire.broken) == (1, Broken(Stage.BODY, Fault.RESET))


def test_what_was_sent_is_counted_and_hashed() -> None:
    """The transcript names a message by its size and hash, however it was cut."""
    sent = Sent()

    assert str(sent) == "0 octets of message, blake2b e4a6a0577479b2b4"
    for block in (b"Hel", b"", b"lo\r\n"):
        sent.add(block)
    assert str(sent) == "7 octets of message, blake2b 962129948e8c8874"


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
