"""The octets of a message: where they end, how dots are un-stuffed, what is kept of too much."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maildrill.fakeserver.message.body import (
    END,
    BareNewlines,
    Body,
    Chunks,
    Store,
    comes_plainly,
    message_id,
)

#: Octets that are likely to be mistaken for an end.
tricky = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"\x00", b"\xff"])).map(b"".join)


def stuffed(message: bytes) -> bytes:
    """Return a message as a client sends it (RFC 5321 section 4.5.2)."""
    lines = message.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"


def pieces(octets: bytes, cuts: list[int]) -> list[bytes]:
    """Return octets cut behind each END, as the session reads them, and elsewhere."""
    places = sorted({cut % (len(octets) + 1) for cut in cuts} | {0, len(octets)})
    found = [octets[start:end] for start, end in pairwise(places)]
    joined: list[bytes] = []
    held = b""
    for piece in found:
        held += piece
        while (place := held.find(END)) >= 0:
            joined.append(held[: place + len(END)])
            held = held[place + len(END) :]
        joined.append(held)
        held = b""
    return joined


@given(tricky, st.lists(st.integers(min_value=0, max_value=10_000)))
def test_any_message_arrives_as_it_was(message: bytes, cuts: list[int]) -> None:
    """Stuffed, cut in any way and un-stuffed it is the same, and its end is found exactly once (I32)."""
    message = message + b"\r\n"
    body = Body(100_000)
    told = [body.feed(piece) for piece in pieces(stuffed(message), cuts) if piece]

    assert body.content == message
    assert body.size == len(message)
    assert told.index(True) == len(told) - 1


def test_an_empty_message_is_a_dot_on_the_first_line() -> None:
    """The CRLF before the dot is that of the DATA command."""
    body = Body(10)

    assert body.feed(b".\r\n")
    assert (body.content, body.size) == (b"", 0)


@pytest.mark.parametrize("pieces", [1, 400])
def test_of_a_message_above_the_limit_only_the_size_is_kept(pieces: int) -> None:
    """However it comes; what was read is let go while it comes."""
    body = Body(1000)
    for _ in range(pieces):
        body.feed(b"x" * 70 * (400 // pieces))

        assert len(body._octets) <= 2 * 1000 + 1024 + 5

    assert body.feed(b"\r\n.\r\n")
    assert (body.content, body.size) == (b"", 28_002)


def test_a_message_of_exactly_the_limit_is_kept() -> None:
    """SIZE is what is allowed (RFC 1870 section 3)."""
    body = Body(4)
    body.feed(b"..a\r\n.\r\n")

    assert (body.content, body.size) == (b".a\r\n", 4)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"Message-ID: <a@b>\r\n\r\n", "<a@b>"),
        (b"From: x\r\nmessage-id:<a@b> \r\nTo: y\r\n\r\n", "<a@b>"),
        (b"Message-ID:\r\n <a@b>\r\n\r\n", "<a@b>"),
        (b"Message-ID: <a@b>\r\n", "<a@b>"),
        (b"Subject: x\r\n\r\nMessage-ID: <a@b>\r\n", ""),
        (b"X-Message-ID: <a@b>\r\n\r\n", ""),
        (b"X-Message-ID: <x@b>\r\nMessage-ID: <a@b>\r\n\r\n", "<a@b>"),
        (b"Message-ID: <a\rb>\r\nMessage-ID: <a@b>\r\n\r\n", "<a@b>"),
        (b"Message-ID: \xff\r\n\r\n", "\ufffd"),
        (b"", ""),
    ],
)
def test_the_message_id_is_that_of_the_header(content: bytes, found: str) -> None:
    """Whatever its case or folding; a body's lines are no header."""
    assert message_id(content) == found


@given(st.lists(st.sampled_from([b"Message-ID:", b"\r\n", b"\n", b"\r", b" ", b"<a@b>", b"\t", b"X-"])))
def test_the_message_id_is_what_the_whole_search_finds(parts: list[bytes]) -> None:
    """However it is spelled: most are found in another way."""
    header = b"".join(parts).partition(b"\r\n\r\n")[0]
    match = re.search(rb"^Message-ID:\s*([^\r\n]*)\s*$", header, re.MULTILINE)

    assert message_id(header) == (match[1].rstrip().decode() if match else "")


@given(tricky, st.lists(st.integers(min_value=0, max_value=10_000)))
def test_how_much_has_come_never_counts_the_end(message: bytes, cuts: list[int]) -> None:
    """It grows with the octets of the message, and at the end it is all of them, as they came."""
    octets = stuffed(message + b"\r\n")
    body = Body(100_000)
    seen = [0]
    for piece in pieces(octets, cuts):
        body.feed(piece)
        seen.append(body.seen)

    assert seen == sorted(seen)
    assert seen[-1] == len(octets) - len(b".\r\n")


@given(st.lists(st.binary(max_size=20)), st.integers(min_value=0, max_value=50))
def test_chunks_are_joined_as_they_are(pieces: list[bytes], limit: int) -> None:
    """Of more than the limit none are kept, only counted."""
    chunks = Chunks(limit)
    for piece in pieces:
        chunks.feed(piece)

    assert chunks.size == sum(map(len, pieces))
    assert chunks.content == (b"".join(pieces) if chunks.size <= limit else b"")


def test_chunks_that_are_not_wanted_are_let_go() -> None:
    """Those that came and those that come; they are counted all the same."""
    chunks = Chunks(100)
    chunks.feed(b"abc")
    chunks.drop()
    chunks.feed(b"de")

    assert (chunks.content, chunks.size) == (b"", 5)


@given(tricky, st.lists(st.integers(min_value=0, max_value=10_000)))
def test_bare_newlines_are_counted_over_the_joints(octets: bytes, cuts: list[int]) -> None:
    """However the stream is cut."""
    bare = BareNewlines()
    found = sum(bare.feed(piece) for piece in pieces(octets, cuts)) + bare.end()

    lone = octets.replace(b"\r\n", b"")
    assert found == lone.count(b"\r") + lone.count(b"\n")


@given(tricky)
@example(b"")
@example(b"a\nb")
@example(b"a\rb")
def test_a_message_that_comes_plainly_is_what_came(message: bytes) -> None:
    """But for its end; and no newline is bare in it."""
    content = message + b"\r\n"
    came, body, bare = content + b".\r\n", Body(1000), BareNewlines()
    plain = not re.search(rb"\A\.|\r\n\.|\r(?!\n)|(?<!\r)\n", content)

    assert comes_plainly(came) is plain
    if plain:
        assert body.feed(came)
        assert (body.content, bare.feed(came)) == (content, 0)


@pytest.mark.parametrize("octets", [b"", b".\r\n", b"a\r\n", b"a\r\n.\r\nNOOP\r\n", b"\r\n.\r"])
def test_what_is_not_all_of_a_message_does_not_come_plainly(octets: bytes) -> None:
    """Its end is missing, or something is behind it, or there is nothing before it."""
    assert not comes_plainly(octets)


def test_messages_share_a_store_and_give_their_room_back() -> None:
    """What has no room there is not kept, only counted; the next one has it again."""
    store = Store(100)
    first, second = Body(1000, store), Body(1000, store)
    first.feed(b"x" * 90)
    second.feed(b"y" * 90)

    assert not second.feed(b"y" * 90)
    assert second.feed(b"\r\n.\r\n")
    assert (second.crowded, second.content, second.size) == (True, b"", 182)

    first.release()
    second.release()
    third = Body(1000, store)
    third.feed(b"z" * 90)

    assert third.feed(b"\r\n.\r\n")
    assert (store.used, third.crowded, len(third.content)) == (95, False, 92)


def test_chunks_share_the_store_too() -> None:
    """And are let go as soon as they do not fit."""
    store = Store(100)
    first, second = Chunks(1000, store), Chunks(1000, store)
    first.feed(b"x" * 90)
    second.feed(b"y" * 5)
    second.feed(b"y" * 6)

    assert (second.crowded, second.content, second.size, store.used) == (True, b"", 11, 90)

    first.release()

    assert (store.used, first.crowded) == (0, False)
