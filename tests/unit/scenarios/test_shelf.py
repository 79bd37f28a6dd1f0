"""Letters that are folded come out as they went in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maildrill.scenarios.oracles import Taken
from maildrill.scenarios.oracles.shelf import Octets, Shelf


def test_letters_on_a_shelf_come_back() -> None:
    """The first one, others like it, others that are not, and nothing."""
    shelf = Shelf()
    letters = [b"Dear Ann,\r\nhello\r\n" * 20, b"Dear Bob,\r\nhello\r\n" * 20, bytes(range(256)), b""]

    assert [shelf.put(letter).unfolded() for letter in letters] == letters


def test_letters_come_back_in_any_order() -> None:
    """From lots that are folded, by count or by size, and from the one that is not yet."""
    shelf = Shelf()
    letters = [b"Dear %d,\r\nhello\r\n" % number * (3000 if number == 70 else 1) for number in range(200)]
    kept = [shelf.put(letter) for letter in letters]
    there = {number: kept[number].unfolded() for number in (199, 0, 70, 71, 63, 64, 128, 69, 0, 1)}

    assert there == {number: letters[number] for number in there}
    assert [one.unfolded() for one in kept] == letters


def test_a_folded_field_is_read_as_octets() -> None:
    """Whoever reads or replaces it does not see how it is kept."""
    plain = Taken(
        at=1.0,
        session=1,
        transaction=1,
        recipients=(),
        content=b"hi",
        committed=True,
        acknowledged=True,
        honest=True,
    )
    folded = replace(plain, content=Shelf().put(b"hi"))

    assert (folded, replace(folded, at=1.0).content) == (plain, b"hi")
    Octets.__set__(Taken.__dict__["content"], plain, Shelf().put(b"ho"))
    assert plain.content == b"ho"
    with pytest.raises(AttributeError):
        Octets.__get__(Taken.__dict__["content"], None, Taken)
