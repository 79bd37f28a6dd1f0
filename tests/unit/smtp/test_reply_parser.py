"""Octets to replies: what real servers write is taken, what is no reply stops the stream."""

from __future__ import annotations

import pytest

from maildrill.smtp import Reply, ReplyParser
from maildrill.smtp.reply_parser import MAX_LINE, MAX_REPLY


def _fault_of(octets: bytes) -> str:
    parser = ReplyParser()
    parser.feed(octets)
    return parser.fault


@pytest.mark.parametrize(
    ("octets", "replies"),
    [
        (b"250 ok\r\n", [Reply(250, ("ok",))]),
        (b"250\r\n", [Reply(250)]),
        (b"250 \r\n", [Reply(250)]),
        (b"250 ok\n", [Reply(250, ("ok",))]),
        (b"250-a\r\n250-\r\n250 b\r\n", [Reply(250, ("a", "", "b"))]),
        (b"250-a\r\n250\r\n", [Reply(250, ("a", ""))]),
        (b"250 a\r\n550 b\r\n", [Reply(250, ("a",)), Reply(550, ("b",))]),
        (b"550 \xfcber\r\n", [Reply(550, ("über",))]),
        ("550 über\r\n".encode(), [Reply(550, ("über",))]),
        (b"250 a\rb\r\n", [Reply(250, ("a\rb",))]),
    ],
)
def test_what_servers_write_is_understood(octets: bytes, replies: list[Reply]) -> None:
    """A bare code, LF alone, several lines, several replies, 8-bit text."""
    parser = ReplyParser()

    assert parser.feed(octets) == replies
    assert (parser.fault, parser.pending, parser.tail) == ("", False, "")


def test_of_mixed_codes_the_last_counts_and_the_oddness_is_kept() -> None:
    """RFC 5321 section 4.2.1 forbids mixed codes; a real server that does it is quoted."""
    (reply,) = ReplyParser().feed(b"250-first\r\n550 second\r\n")

    assert (reply.code, reply.lines) == (550, ("first", "second"))
    assert reply.irregular == "mixed codes 250, 550: the last counts"


@pytest.mark.parametrize(
    "octets",
    [b"hello\r\n", b"\r\n", b"25\r\n", b"150 no\r\n", b"600 no\r\n", b"250ok\r\n", b"250_ok\r\n", b" 250 ok\r\n"],
)
def test_what_is_no_reply_is_a_fault(octets: bytes) -> None:
    """The fault quotes what was read."""
    parser = ReplyParser()

    assert parser.feed(octets) == []
    assert parser.fault.startswith("not a reply: ")


def test_a_fault_quotes_the_line_escaped() -> None:
    """Evidence is shown, not obeyed."""
    assert _fault_of(b"\x1b[2J\r\n") == r"not a reply: '\\x1b[2J'"


def test_replies_before_a_fault_are_given_and_none_after() -> None:
    """Once the stream cannot be trusted, nothing in it is."""
    parser = ReplyParser()

    assert parser.feed(b"250 ok\r\nhello\r\n250 ok\r\n") == [Reply(250, ("ok",))]
    assert parser.feed(b"250 ok\r\n") == []


def test_a_line_without_an_end_does_not_grow_for_ever() -> None:
    """The buffer has a limit, and one octet below it nothing is wrong yet."""
    line = b"250 ".ljust(MAX_LINE, b"x")

    assert _fault_of(line) == ""
    assert _fault_of(line + b"x") == f"reply line of more than {MAX_LINE} octets"


def test_a_line_too_long_is_a_fault_even_when_it_ends() -> None:
    """The same limit holds when the line feed comes in the same segment."""
    line = b"250 ".ljust(MAX_LINE, b"x")

    assert _fault_of(line + b"\r\n") == ""
    assert "of more than" in _fault_of(line + b"x\r\n")


def test_a_reply_of_endless_lines_is_a_fault() -> None:
    """All lines of one reply share a limit, which the next reply does not inherit."""
    line = b"250-".ljust(1000, b"x")
    many = MAX_REPLY // 1000

    assert _fault_of((line + b"\n") * many + b"250 end\n" + (line + b"\n") * many) == ""
    assert "of more than" in _fault_of((line + b"\n") * (many + 1))


def test_the_tail_shows_what_was_read_of_an_unfinished_reply() -> None:
    """When a line drops in the middle of a reply, this is the evidence."""
    parser = ReplyParser()
    parser.feed(b"250-a\r\n250-b\r\n250 hal")

    assert parser.pending
    assert parser.tail == "250-a\n250-b\n250 hal"


def test_plain_replies_that_come_together_are_the_same_as_one_by_one() -> None:
    """Also behind half of another, and again and again."""
    said = b"250 2.1.0 ok\r\n250 \r\n354 go ahead\r\n"
    parser, slow = ReplyParser(), ReplyParser()
    bit_by_bit = [reply for octet in said for reply in slow.feed(bytes([octet]))]

    assert parser.feed(said) == parser.feed(said) == bit_by_bit
    assert parser.feed(b"250-a\r\n") == []
    assert [reply.lines for reply in parser.feed(said)] == [("a", "2.1.0 ok"), (), ("go ahead",)]
    assert not parser.pending
