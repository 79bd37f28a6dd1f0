from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.attempt import Broken
from maildrill.sender.wire import Wire, normal, stuffed
from maildrill.smtp import Reply, Stage

GROUP = (Stage.MAIL, Stage.RCPT, Stage.RCPT, Stage.DATA)
#: What servers say, and what they should not: 421, 354, torn and bare lines, LF alone, no reply at all.
SAID = st.sampled_from(
    [
        b"250 ok\r\n",
        b"250-2.1.5 a\r\n250 2.1.5 b\r\n",
        b"550\r\n",
        b"452 4.5.3 too many\n",
        b"450-mixed\r\n550 codes\r\n",
        b"354 go on\r\n",
        b"421 bye\r\n",
        b"hello?\r\n",
        b"250 \xff\r\n",
        b"250 half",
        b"\r\n",
    ]
)
OCTETS = st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"a", b"\0", b"\xff"]), max_size=30).map(b"".join)


def heard(pieces: list[bytes]) -> tuple[list[Reply], Broken | None, int]:
    wire = Wire()
    wire.ask(*GROUP)
    replies = [reply for piece in pieces for reply in wire.feed(piece)]
    return replies, wire.broken, wire.outstanding


@given(said=st.lists(SAID, max_size=8).map(b"".join), data=st.data())
def test_packets_do_not_matter(said: bytes, data: st.DataObject) -> None:
    """Any split of the server's octets pairs the same replies and breaks at the same place (invariant I30)."""
    cuts = sorted(data.draw(st.sets(st.integers(0, len(said)))))
    pieces = [said[start:end] for start, end in zip([0, *cuts], [*cuts, len(said)], strict=True)]

    assert heard(pieces) == heard([said])


@given(said=st.lists(SAID, max_size=8))
def test_no_reply_is_paired_twice_and_none_is_left_out(said: list[bytes]) -> None:
    """Each reply answers one thing; as many are still to come as were asked for and not answered."""
    replies, broken, outstanding = heard(said)
    asked = len(GROUP) + (len(replies) >= len(GROUP) and replies[len(GROUP) - 1].klass == 3)

    assert outstanding == asked - len(replies)
    assert broken is not None or len(replies) <= asked


@given(message=OCTETS)
def test_a_message_arrives_as_it_left(message: bytes) -> None:
    """What a server reads up to the dot, un-stuffed, is the message with CRLF at its line ends (invariant I32)."""
    text, dot, rest = (b"\r\n" + b"".join(stuffed([normal(message)])) + b".\r\n").partition(b"\r\n.\r\n")
    lines = [line.removeprefix(b".") for line in text.split(b"\r\n")[1:]]

    assert (dot, rest) == (b"\r\n.\r\n", b"")
    assert b"".join(line + b"\r\n" for line in lines) == normal(message)


@given(message=OCTETS, cuts=st.lists(st.integers(0, 60)))
def test_dots_are_found_wherever_a_message_is_cut(message: bytes, cuts: list[int]) -> None:
    """In blocks of any size, empty ones too, the same octets go over the wire as in one."""
    whole = normal(message)
    ends = sorted({min(cut, len(whole)) for cut in cuts})
    blocks = [whole[start:end] for start, end in zip([0, *ends], [*ends, len(whole)], strict=True)]

    assert b"".join(stuffed(blocks)) == (b"\r\n" + whole).replace(b"\r\n.", b"\r\n..")[2:]


@given(message=OCTETS)
def test_line_ends_are_the_only_change(message: bytes) -> None:
    """Never a CR without LF, nor a LF without CR (RFC 5321 section 2.3.8), and the text stays as it is."""
    ends = re.compile(rb"\r\n|\r|\n")
    lines = ends.split(message)
    expected = b"\r\n".join(lines if not lines[-1] else [*lines, b""])

    assert normal(message) == expected
    assert normal(expected) == expected
