"""Patterns: what fits, and what a list of them means."""

from __future__ import annotations

import pytest

from maildrill.fakeserver.language.pattern import Pattern, select


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("ann@x.test", "ann@x.test", True),
        ("ann@x.test", "Ann@X.TEST", True),
        ("ann@x.test", "joann@x.test", False),
        ("*@x.test", "ann@x.test", True),
        ("*@x.test", "ann@x.test.evil", False),
        ("*@*.x.test", "ann@mail.x.test", True),
        ("a?n@x.test", "ann@x.test", True),
        ("a?n@x.test", "an@x.test", False),
        ("user@[192.0.2.1]", "user@[192.0.2.1]", True),
        ("user@[192.0.2.1]", "user@1", False),
        ("x.test", "xxtest", False),
        ("*@x.test", "a\nb@x.test", True),
        ("", "", True),
        ("", "ann@x.test", False),
        ("~^bob", "bob@x.test", True),
        ("~^bob", "Bob@x.test", True),
        ("~b@", "bob@x.test", True),
        ("~^bob$", "bob@x.test", False),
        ("!*@x.test", "ann@x.test", True),
    ],
)
def test_a_pattern_fits(pattern: str, value: str, fits: bool) -> None:
    """A glob fits the whole value, a regular expression any part of it; case and `!` aside."""
    found = Pattern(pattern).find(value)

    assert (found is not None) is fits


def test_named_groups_are_found() -> None:
    """The named groups of a regular expression come back; one that took no part is empty."""
    found = Pattern(r"~^(?P<name>\w+)(\+(?P<tag>\w+))?@").find("bob@x.test")

    assert found == {"name": "bob", "tag": ""}


def test_a_negated_pattern_offers_no_groups() -> None:
    """What is not there cannot be used in a reply."""
    assert Pattern("!~(?P<name>b)").groups == ()
    assert Pattern("~(?P<name>b)").groups == ("name",)


@pytest.mark.parametrize(
    ("patterns", "value", "meant"),
    [
        ((), "a@x.test", True),
        (("*@x.test", "*@y.test"), "a@y.test", True),
        (("*@x.test", "*@y.test"), "a@z.test", False),
        (("!*@x.test", "!*@y.test"), "a@z.test", True),
        (("!*@x.test", "!*@y.test"), "a@y.test", False),
        (("*@x.test", "!bob@*"), "ann@x.test", True),
        (("*@x.test", "!bob@*"), "bob@x.test", False),
        (("*@x.test", "!bob@*"), "ann@y.test", False),
        (("!bob@*", "*@x.test"), "bob@x.test", False),
        (("!~^bob",), "bob@x.test", False),
    ],
)
def test_a_list_means_any_but_those_excluded(patterns: tuple[str, ...], value: str, meant: bool) -> None:
    """Any plain pattern lets a value in, any negated one keeps it out, in whatever order."""
    found = select([Pattern(text) for text in patterns], value)

    assert (found is not None) is meant


def test_the_first_pattern_that_fits_gives_the_groups() -> None:
    """Of two expressions that fit the first one fills the fields."""
    found = select([Pattern("~^(?P<name>a)"), Pattern("~(?P<name>b)")], "ab")

    assert found == {"name": "a"}


def test_a_broken_regular_expression_is_refused() -> None:
    """The error says what is wrong with it."""
    with pytest.raises(ValueError, match="regular expression cannot be read: missing \\)"):
        Pattern("~(")
