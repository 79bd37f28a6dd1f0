"""Where the next page of a shared ledger begins."""

from __future__ import annotations

from collections.abc import Callable

from maildrill.sender.ledger.postgres_skipped import BEGINNING, Skipped
from maildrill.sender.plan import Waiting
from maildrill.sender.standing import Standing

Person = Callable[..., Waiting]


def test_it_begins_with_the_first_that_was_found_last(waiting: Person) -> None:
    """For a while, and as long as the same ones are left out; an empty page says nothing."""
    skipped = Skipped(60.0)
    starts = [skipped.start("a", 100.0)]
    skipped.found([waiting(7, 50.0), waiting(8, 50.0)])
    skipped.found([])
    starts += [skipped.start("a", 159.0), skipped.start("b", 159.0)]
    skipped.found([waiting(9, 50.0)])
    starts += [skipped.start("b", 218.0), skipped.start("b", 219.0)]

    assert starts == [BEGINNING, (50.0, 7), BEGINNING, (50.0, 9), BEGINNING]


def test_what_was_given_back_is_looked_for_from_the_beginning(waiting: Person) -> None:
    """Whoever is not due any more, least of all."""
    skipped = Skipped(60.0)
    skipped.start("a", 100.0)
    skipped.found([waiting(7, 50.0)])

    assert skipped.forget() == BEGINNING
    assert skipped.start("a", 101.0) == BEGINNING
    skipped.found([waiting(7, 50.0).at(Standing())])
    assert skipped.start("a", 102.0) == BEGINNING
