"""A message in pieces: what is shared, what is a message's own, and that nobody joins them unasked."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import pytest

from maildrill.sender.octets import BLOCK, Content
from maildrill.sender.shelf import Filed, kept
from maildrill.smtp import ConfigurationError


def blocks(count: int) -> Iterator[bytes]:
    """Yield so many blocks of 64 KiB, each of another letter."""
    return (bytes([65 + n % 26]) * BLOCK for n in range(count))


def test_little_is_kept_in_memory_and_much_in_a_file() -> None:
    """The same octets either way, in any part."""
    little, much = kept(blocks(1)), kept(blocks(3))

    assert isinstance(little, bytes)
    assert isinstance(much, Filed)
    assert (len(little), much.size) == (BLOCK, 3 * BLOCK)
    assert much.read(BLOCK - 1, BLOCK + 1) == b"AB"
    assert much.read(0, much.size) == b"".join(blocks(3))
    assert kept(()) == b""


def test_pieces_in_memory_that_stand_together_are_one() -> None:
    """And empty ones are none."""
    shared = kept(blocks(2))
    content = Content.joined([b"a", b"b", shared, b"", b"c", b"d"])

    assert content.pieces == (b"ab", shared, b"cd")
    assert Content.joined([b"", b""]).pieces == ()
    assert Content.joined([shared, shared]).pieces == (shared, shared)
    assert (content.size, content.own, content.ascii) == (4 + 2 * BLOCK, 4, True)
    assert content.outline() == b"abcd"
    assert not Content.joined([b"\xe9"]).ascii


def test_a_part_of_a_message_is_read_without_the_rest() -> None:
    """From any octet to any other; no block is longer than 64 KiB, and none is empty."""
    content = Content.joined([b"head", kept(blocks(2)), b"tail"])
    whole = content.whole()

    assert whole == b"head" + b"".join(blocks(2)) + b"tail"
    for start, stop in [(0, 3), (2, 6), (4, 4), (BLOCK, BLOCK + 9), (5, None), (len(whole) - 1, None), (0, 10**9)]:
        found = list(content.blocks(start, stop))
        assert b"".join(found) == whole[start:stop]
        assert all(0 < len(block) <= BLOCK for block in found)


def test_octets_of_any_kind_become_a_message() -> None:
    """With CRLF at all line ends."""
    assert Content.of(b"a\nb\r").whole() == b"a\r\nb\r\n"
    assert Content.of(b"a").digest() == Content.joined([b"a", b"\r\n"]).digest()


def test_a_file_is_gone_with_the_last_message() -> None:
    """It has no name that could be left behind, and is closed when nobody needs it."""
    shared = kept(blocks(2))
    assert isinstance(shared, Filed)
    file = shared._file
    content = Content.joined([shared])
    del shared
    gc.collect()
    assert not file.closed

    del content
    gc.collect()
    assert file.closed


def test_a_full_disk_is_told_with_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is sent: the place, what happened, what to do."""
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: open("/dev/full", "w+b"))  # noqa: SIM115, PTH123
    with pytest.raises(ConfigurationError, match="cannot keep an attachment: No space left") as caught:
        kept(blocks(9))

    assert caught.value.where == tempfile.gettempdir()
    assert "TMPDIR" in caught.value.hint


def test_what_breaks_off_is_not_kept() -> None:
    """Whatever it was."""

    def broken() -> Any:
        yield from blocks(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(broken())


@pytest.mark.parametrize("pieces", [(), (b"",), (b"one",), (b"one", b"two"), (b"x" * BLOCK, b"y" * BLOCK, b"z")])
def test_the_hash_is_that_of_all_octets(pieces: tuple[bytes, ...]) -> None:
    """However many pieces they are in."""
    assert Content(pieces).digest() == blake2b(b"".join(pieces), digest_size=16).hexdigest()
