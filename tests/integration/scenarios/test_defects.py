"""Defects that real senders have had, seeded in ours: a drill with the right script finds each of them."""

from __future__ import annotations

import pytest

from maildrill.scenarios.mutants.circumstances import chunking
from maildrill.scenarios.mutants.defects import DEFECTS, Defect, found_by_drill, play
from maildrill.scenarios.mutants.defects_of_pairs import PAIR_DEFECTS, PairDefect, found_by_pair


@pytest.mark.parametrize("defect", PAIR_DEFECTS, ids=lambda one: f"{one.seed.__name__}-I{one.number}")
def test_a_pair_of_drills_finds_the_defect_and_nothing_without_it(defect: PairDefect) -> None:
    """What one drill cannot show, two that differ in one thing do."""
    assert {violation.invariant for violation in found_by_pair(defect)} == {f"I{defect.number}"}
    assert found_by_pair(defect, seeded=False) == ()


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda one: f"{one.seed.__name__}-I{one.number}")
def test_a_drill_finds_the_defect(defect: Defect) -> None:
    """With the defect the invariant is violated in a drill against the script."""
    assert f"I{defect.number}" in {violation.invariant for violation in found_by_drill(defect)}


@pytest.mark.parametrize(
    "defect", {(one.script, one.change): one for one in DEFECTS}.values(), ids=lambda one: f"I{one.number}"
)
def test_without_a_defect_the_same_drill_is_clean(defect: Defect) -> None:
    """What the drills above find is the defect, not the script."""
    assert play(None, defect.script, defect.change, guest=defect.guest) == ()


def test_a_reply_that_crosses_the_dot_ends_the_message() -> None:
    """The server spoke before the dot, the sender heard it after it: the next MAIL is in its place (I26)."""
    early = '[[rule]]\nat = "body"\ntimes = 1\nreply = "451 4.3.0 error in processing"\n'

    assert play(None, early, lambda campaign: campaign) == ()


def test_a_chunk_that_is_refused_within_is_in_its_place() -> None:
    """The reply was written down before the BDAT that it belongs to was over: nothing is out of order (I26)."""
    within = '[[rule]]\nat = "body"\ntimes = 1\nreply = "451 4.3.0 error in processing"\n'

    assert play(None, within, chunking) == ()
