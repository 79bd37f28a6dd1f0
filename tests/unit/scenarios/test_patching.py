"""What is replaced for a while: it is put back, and what is not there cannot be replaced."""

from __future__ import annotations

import pytest

from maildrill.scenarios.mutants.patching import Patching


class Plain:
    """Has a greeting."""

    greeting = "hello"


class Heir(Plain):
    """Inherits it."""


@pytest.mark.parametrize("target", [Plain, Heir])
def test_what_is_replaced_is_put_back(target: type[Plain]) -> None:
    """Of a class, and before what it inherits."""
    with Patching() as patch:
        patch.setattr(target, "greeting", "goodbye")
        assert target.greeting == "goodbye"

    assert target.greeting == "hello"
    assert "greeting" not in vars(Heir)


def test_a_defect_of_what_is_not_there_is_none() -> None:
    """It would change nothing, and the oracle that is to find it would seem blind, or never be asked."""
    with Patching() as patch, pytest.raises(AttributeError, match="greetings"):
        patch.setattr(Plain, "greetings", "goodbye")

    assert not hasattr(Plain, "greetings")
