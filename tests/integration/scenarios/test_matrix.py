"""The matrix of oracles and seeded defects: no oracle that was never seen to speak, no defect that is not found."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from maildrill.cli.main import main
from maildrill.scenarios.mutants.matrix import Seen, seen
from maildrill.scenarios.oracles import EVERY


@pytest.fixture(scope="module")
def matrix() -> list[Seen]:
    """Every defect, played."""
    return list(seen())


def test_each_defect_is_caught_by_the_oracle_that_it_is_for(matrix: list[Seen]) -> None:
    """Sender or witness: the invariant that a defect breaks is found violated."""
    assert [one.name for one in matrix if one.number not in one.caught_by] == []


def test_each_oracle_has_a_defect(matrix: list[Seen]) -> None:
    """I1 to I60: each was seen to speak."""
    assert {one.number for one in matrix} == {invariant.number for invariant in EVERY}


def test_an_invariant_is_explained_with_its_defects() -> None:
    """`invariants show` says what must hold, who is heard, and what the oracle says of a defect."""
    shown = CliRunner().invoke(main, ["invariants", "show", "I3"]).stdout

    assert "no second message" in shown
    assert "witnesses  journal" in shown
    assert "ann@x.test was acknowledged, and RCPT named it 1 more times" in shown


def test_all_invariants_are_listed() -> None:
    """One line for each."""
    assert len(CliRunner().invoke(main, ["invariants"]).stdout.splitlines()) == len(EVERY)


def test_an_unknown_invariant_is_refused() -> None:
    """The error says which there are."""
    found = CliRunner().invoke(main, ["invariants", "show", "I61"])

    assert found.exit_code == 2
    assert "expected I1 to I60" in found.stderr
