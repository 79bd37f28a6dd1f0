"""Octets: raw ones, sizes, drips and teases as a script writes them."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.language.octets import Drip, Octets, Size, Tease


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        (r"250 ok\r\n", b"250 ok\r\n"),
        (r"\x00\xff\t\0", b"\x00\xff\t\x00"),
        (r"\\x41", b"\\x41"),
        ("250 ok\r\n", b"250 ok\r\n"),
        ("ü", b"\xc3\xbc"),
        (r"\xFFÿ", b"\xff\xc3\xbf"),
        ("", b""),
    ],
)
def test_raw_octets_are_what_is_written(text: str, octets: bytes) -> None:
    """Escapes are octets, all else is UTF-8; nothing at all is nothing said."""
    assert Octets(text).octets == octets


@pytest.mark.parametrize("text", ["\\", "a\\q", r"\x4", r"\xg0", "\\\n"])
def test_other_escapes_are_refused(text: str) -> None:
    """A backslash means something, or is doubled."""
    with pytest.raises(ValueError, match="is no escape"):
        Octets(text)


@pytest.mark.parametrize(("text", "octets"), [("4096B", 4096), ("1", 1), ("1KB", 1000), ("1KiB", 1024)])
def test_a_size_is_octets(text: str, octets: int) -> None:
    """As people write them."""
    assert Size(text).octets == octets


@pytest.mark.parametrize(
    ("text", "drip"), [("1B/500ms", (1, 0.5)), ("10/s", (10, 1.0)), (" 1KB / 1m", (1000, 60.0)), ("2B/3s", (2, 3.0))]
)
def test_a_drip_is_octets_and_a_pause(text: str, drip: tuple[int, float]) -> None:
    """So many octets, then so many seconds."""
    assert (Drip(text).octets, Drip(text).seconds) == drip


@pytest.mark.parametrize(
    ("text", "tease"), [("30s x 20", (30.0, 20)), ("1m30sx1", (90.0, 1)), (" 5ms x 9999 ", (0.005, 9999))]
)
def test_a_tease_is_a_pause_and_how_often(text: str, tease: tuple[float, int]) -> None:
    """So many seconds before each of so many lines."""
    assert (Tease(text).seconds, Tease(text).count) == tease


@pytest.mark.parametrize(
    ("kind", "texts", "expected"),
    [
        (Size, ["", "0", "x", "-1", "4096 bytes"], "a size such as"),
        (Drip, ["", "1B", "/1s", "0B/1s", "1B/0s", "1B/x", "x/1s", "1B/"], "octets and a pause"),
        (Tease, ["", "30s", "30s x 0", "x 20", "0s x 3", "30 x 2", "1s x 10000"], "a pause and a number"),
    ],
)
def test_what_is_none_is_refused(kind: Any, texts: list[str], expected: str) -> None:
    """Each says what was expected."""
    for text in texts:
        with pytest.raises(ValueError, match=expected):
            kind(text)


def test_they_are_equal_by_their_text() -> None:
    """The text is the value."""
    assert Octets("a") == Octets("a") != Octets("b")
    assert Drip("1B/1s") != Drip("1B/1000ms")
