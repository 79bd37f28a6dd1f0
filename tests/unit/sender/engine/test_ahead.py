"""Rows that are read before they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from maildrill.sender.ledger.ahead import Ahead
from maildrill.sender.lists import Row

Addressee = tuple[Row, str]


class Table:
    """Holds the rows of ten recipients; `asked` is what was read together."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.ahead = Ahead(self._read, 3)

    def _read(self, keys: Sequence[int]) -> Iterator[tuple[int, Addressee]]:
        self.asked.append(list(keys))
        return ((key, _row(key)) for key in keys if 1 <= key <= 10)


def _row(key: int) -> Addressee:
    return Row(key, f"guest{key}@x.test", {}), f"<{key}@x.test>"


def test_who_was_leased_together_is_read_together() -> None:
    """So many at a time, each once; who is asked for again is read alone."""
    table = Table()
    table.ahead.leased([1, 2, 3, 4, 5])
    found = [table.ahead.addressee(key) for key in (1, 2, 4, 3, 5, 2)]

    assert found == [_row(key) for key in (1, 2, 4, 3, 5, 2)]
    assert table.asked == [[1, 2, 3], [4, 5], [2]]


def test_who_is_leased_again_is_read_ahead_again() -> None:
    """What is known already stays known."""
    table = Table()
    table.ahead.leased([1, 2])
    table.ahead.addressee(1)
    table.ahead.leased([1, 3])
    found = [table.ahead.addressee(key) for key in (2, 3, 1)]

    assert (found, table.asked) == ([_row(2), _row(3), _row(1)], [[1, 2], [1, 3]])


def test_who_is_given_back_is_forgotten() -> None:
    """Neither kept nor read."""
    table = Table()
    table.ahead.leased([1, 2, 3])
    table.ahead.drop(2)
    table.ahead.addressee(1)
    table.ahead.drop(3)
    table.ahead.addressee(3)

    assert table.asked == [[1, 3], [3]]


def test_nobody_is_made_up() -> None:
    """A key that the table does not have is an error."""
    with pytest.raises(KeyError):
        Table().ahead.addressee(11)
