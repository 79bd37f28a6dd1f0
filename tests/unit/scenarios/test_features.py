"""Features: which are on for a seed, and what a word that is none is told."""

from __future__ import annotations

import pytest

from maildrill.scenarios.strategies import SERVERS
from maildrill.scenarios.strategies.features import ASPECTS, EVERYTHING, chosen, features_of, some
from maildrill.smtp import ConfigurationError


def test_each_word_is_one_feature() -> None:
    """And the kinds of servers are those that there are."""
    assert sum(map(len, ASPECTS.values())) == len(EVERYTHING)
    assert ASPECTS["servers"] == SERVERS


def test_a_seed_has_half_of_them_always_the_same() -> None:
    """Each is on in half of all seeds, and no two go together."""
    sets = [some(seed) for seed in range(400)]

    assert [some(seed) for seed in range(400)] == sets
    assert all(140 < sum(word in one for one in sets) < 260 for word in EVERYTHING)
    assert all(15 < len(one) < 45 for one in sets)
    assert any({"kill", "mid"} <= one for one in sets)
    assert any("kill" in one and "mid" not in one for one in sets)


def test_words_are_looked_up() -> None:
    """In the order of the table; a word that is none is told what there is."""
    assert chosen("stages", features_of(["dot", "rcpt", "kill"])) == ("rcpt", "dot")
    with pytest.raises(ConfigurationError, match='there is no feature "rpct"') as told:
        features_of(["dot", "rpct"])

    assert 'did you mean "rcpt"?' in str(told.value)
    assert "answers: replies waits" in str(told.value)
