"""How replies are written: slowly, behind a tease, mangled; octet by octet."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.engine.event import PLAINLY, Manner
from maildrill.fakeserver.language.script_words import Mangle
from maildrill.fakeserver.session.manner import UNHEARD, dripped, written
from maildrill.smtp import Reply, ReplyParser

ONE, TWO, BARE = Reply.of("250 2.0.0 ok"), Reply.of("450 4.2.1 not\nnow"), Reply(250)
REPLIES = st.builds(
    Reply,
    st.integers(200, 599),
    st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20), max_size=3).map(tuple),
)
MANNERS = st.builds(
    Manner,
    st.none() | st.tuples(st.integers(1, 9), st.floats(0.01, 60)),
    st.none() | st.tuples(st.floats(0.01, 60), st.integers(1, 5)),
    st.none() | st.sampled_from(Mangle),
)


def octets(reply: Reply, *, half: bool = False, **manner: Any) -> bytes:
    """Return what is written in all."""
    return b"".join(piece for piece, _ in written(reply, Manner(**manner), half=half))


def test_plainly_a_reply_is_one_piece_at_once() -> None:
    """Nothing is wrong, and nothing waits."""
    assert written(TWO) == written(TWO, PLAINLY) == ((b"450-4.2.1 not\r\n450 4.2.1 now\r\n", 0.0),)


@pytest.mark.parametrize(
    ("mangle", "reply", "wrong"),
    [
        (Mangle.CODE_MISMATCH, ONE, b"550-2.0.0 ok\r\n250 2.0.0 ok\r\n"),
        (Mangle.CODE_MISMATCH, TWO, b"250-4.2.1 not\r\n450 4.2.1 now\r\n"),
        (Mangle.CODE_MISMATCH, Reply.of("354 go"), b"550-go\r\n354 go\r\n"),
        (Mangle.CODE_MISMATCH, Reply.of("554 no"), b"250-no\r\n554 no\r\n"),
        (Mangle.NO_CODE, ONE, b"2.0.0 ok\r\n"),
        (Mangle.NO_CODE, TWO, b"4.2.1 not\r\n4.2.1 now\r\n"),
        (Mangle.NO_CODE, BARE, b"\r\n"),
        (Mangle.LF, TWO, b"450-4.2.1 not\n450 4.2.1 now\n"),
        (Mangle.CR, TWO, b"450-4.2.1 not\r450 4.2.1 now\r"),
        (Mangle.NO_EOL, TWO, b"450-4.2.1 not\r\n450 4.2.1 now"),
        (Mangle.LONG, ONE, b"250 2.0.0 ok" + b"x" * 10_000 + b"\r\n"),
        (Mangle.LONG, BARE, b"250 " + b"x" * 10_000 + b"\r\n"),
        (Mangle.NUL, ONE, b"250 2.0.0 o\0k\r\n"),
        (Mangle.NUL, BARE, b"250 \0\r\n"),
        (Mangle.EMPTY, ONE, b"\r\n250 2.0.0 ok\r\n"),
        (Mangle.EXTRA, TWO, b"450-4.2.1 not\r\n450 4.2.1 now\r\n" * 2),
        (Mangle.EARLY, ONE, b"250 2.0.0 ok\r\n"),
        (Mangle.SPLIT, ONE, b"250 2.0.0 ok\r\n"),
    ],
)
def test_what_is_wrong_is_wrong_to_the_octet(mangle: Mangle, reply: Reply, wrong: bytes) -> None:
    """One kind of wrong each, and nothing else."""
    assert octets(reply, mangle=mangle) == wrong


def test_every_kind_of_wrong_is_in_the_table() -> None:
    """All but those about when octets leave change the octets, and only three leave no reply to be known."""
    same = {mangle for mangle in Mangle if octets(TWO, mangle=mangle) == TWO.render()}

    assert same == {Mangle.SPLIT, Mangle.EARLY}
    assert {Mangle.NO_CODE, Mangle.CR, Mangle.NO_EOL} == UNHEARD


def test_a_split_reply_leaves_octet_by_octet() -> None:
    """With a moment between them, or they would arrive together."""
    pieces = written(BARE, Manner(mangle=Mangle.SPLIT))

    assert pieces == ((b"2", 0.0), (b"5", 0.001), (b"0", 0.001), (b"\r", 0.001), (b"\n", 0.001))


def test_a_drip_is_so_many_octets_every_so_many_seconds() -> None:
    """The first come at once."""
    assert written(BARE, Manner(drip=(2, 0.5))) == ((b"25", 0.0), (b"0\r", 0.5), (b"\n", 0.5))


def test_a_split_drip_leaves_octet_by_octet_at_the_pace_of_the_drip() -> None:
    """Both hold."""
    pieces = written(BARE, Manner(drip=(2, 0.5), mangle=Mangle.SPLIT))

    assert pieces == ((b"2", 0.0), (b"5", 0.001), (b"0", 0.5), (b"\r", 0.001), (b"\n", 0.5))


def test_a_tease_is_continuation_lines_and_then_the_reply() -> None:
    """The first line again and again, as a multi-line reply has it (RFC 5321 section 4.2.1)."""
    pieces = written(TWO, Manner(tease=(30.0, 2)))

    assert pieces == ((b"450-4.2.1 not\r\n", 30.0), (b"450-4.2.1 not\r\n", 30.0), (TWO.render(), 0.0))


def test_a_tease_of_a_bare_code_is_a_code_and_a_hyphen() -> None:
    """Its lines end as those of the reply do."""
    assert octets(BARE, tease=(1.0, 1), mangle=Mangle.LF) == b"250-\n250\n"


def test_a_tease_that_drips_waits_as_a_tease_between_lines() -> None:
    """And as a drip within them."""
    pieces = written(BARE, Manner(drip=(4, 0.5), tease=(30.0, 1)))

    assert pieces == ((b"250-", 30.0), (b"\r\n", 0.5), (b"250\r", 0.0), (b"\n", 0.5))


def test_half_of_a_reply_is_half_of_what_comes_behind_the_tease() -> None:
    """And half of what it is mangled into."""
    assert octets(ONE, half=True) == b"250 2.0"
    assert octets(ONE, half=True, tease=(1.0, 1)) == b"250-2.0.0 ok\r\n250 2.0"
    assert octets(ONE, half=True, mangle=Mangle.EXTRA) == b"250 2.0.0 ok\r\n"


def test_octets_that_are_no_reply_drip_too() -> None:
    """Whatever they are; no octets are no pieces."""
    assert dripped(b"\x00\xff\r", Manner(drip=(2, 9.0))) == ((b"\x00\xff", 0.0), (b"\r", 9.0))
    assert dripped(b"\x00\xff\r") == ((b"\x00\xff\r", 0.0),)
    assert dripped(b"", Manner(drip=(2, 9.0))) == ()


@given(REPLIES, MANNERS)
def test_slowness_changes_no_octet(reply: Reply, manner: Manner) -> None:
    """Whatever the pace, the octets are those of the same manner without it, and no piece is empty."""
    pieces = written(reply, manner)

    assert b"".join(piece for piece, _ in pieces) == octets(reply, tease=manner.tease, mangle=manner.mangle)
    assert all(piece for piece, _ in pieces)
    assert all(seconds > 0 for _, seconds in dripped(b"x" * 20, manner)[1:])


@given(REPLIES, st.tuples(st.floats(0.01, 60), st.integers(1, 5)))
def test_a_teased_reply_is_one_well_formed_reply(reply: Reply, tease: tuple[float, int]) -> None:
    """A client that reads multi-line replies hears the code and the last words."""
    parser = ReplyParser()
    (heard,) = parser.feed(octets(reply, tease=tease))

    assert (heard.code, heard.irregular) == (reply.code, "")
    assert len(heard.lines) == max(len(reply.lines), 1) + tease[1]
