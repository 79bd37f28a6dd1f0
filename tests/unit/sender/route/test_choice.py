"""Which account sends to whom."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.route.choice import home, stand_in, turns_of


def test_accounts_take_turns_by_weight() -> None:
    """Evenly mixed: the heavy one does not send its whole share first."""
    assert [home((5, 1, 1), key) for key in range(7)] == [0, 0, 1, 0, 2, 0, 0]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 1000), st.sets(st.integers(0, 3)))
def test_the_turns_of_accounts_tell_whose_a_key_is(weights: list[int], key: int, places: set[int]) -> None:
    """What a ledger leaves out by remainders is what belongs to these accounts."""
    count, turns = turns_of(weights, places)

    assert (key % count in turns) == (home(weights, key) in places)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 1000))
def test_each_account_has_its_share(weights: list[int], first: int) -> None:
    """In any stretch of as many recipients as the weights come to, exactly."""
    shares = Counter(home(weights, key) for key in range(first, first + sum(weights)))

    assert [shares[place] for place in range(len(weights))] == weights


@given(st.lists(st.booleans(), min_size=1, max_size=5), st.data())
def test_who_stands_in_works(working: list[bool], data: st.DataObject) -> None:
    """Itself where it does, else the next one that does; nobody where nobody does."""
    at = data.draw(st.integers(0, len(working) - 1))
    who = stand_in(working, at)

    assert (who is None) == (not any(working))
    assert who is None or working[who]
    assert not working[at] or who == at
