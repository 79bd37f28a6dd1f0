"""Spans: which attempt, which age, which hours."""

from __future__ import annotations

import pytest

from maildrill.fakeserver.language.span import Age, Amount, Attempts, Duration, During, Pause, Quota


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [("2", [2], [1, 3]), ("1-2", [1, 2], [3]), ("3-", [3, 4, 10**9], [1, 2]), (" 2-2 ", [2], [1, 3])],
)
def test_attempts_hold_their_numbers(text: str, inside: list[int], outside: list[int]) -> None:
    """One number, a span, or an open span, ends included."""
    attempts = Attempts(text)

    assert all(number in attempts for number in inside)
    assert not any(number in attempts for number in outside)


@pytest.mark.parametrize("text", ["", "0", "-2", "2-1", "a", "1-2-3", "1,2", "1.5", "1..2"])
def test_other_attempts_are_refused(text: str) -> None:
    """Attempts count from 1 and a span goes upwards."""
    with pytest.raises(ValueError, match="a span of numbers from 1"):
        Attempts(text)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("<5m", [0, 299.9], [300]),
        ("<=5m", [0, 300], [300.1]),
        (">5m", [300.1], [300]),
        (">=5m", [300, 1e9], [299.9]),
        ("5m..1h", [300, 3599], [299, 3600]),
        ("..1h", [0, 3599], [3600]),
        ("1h..", [3600, 1e9], [3599]),
        (">= 5m", [300], [299]),
    ],
)
def test_ages_hold_their_seconds(text: str, inside: list[float], outside: list[float]) -> None:
    """Each comparison includes its end or not, as it says; of from..to the end is out."""
    age = Age(text)

    assert all(seconds in age for seconds in inside)
    assert not any(seconds in age for seconds in outside)


@pytest.mark.parametrize("text", ["", "5m", "<", "<5", "=5m", "1h..5m", "5m..5m", "..", "a..b", "<>5m"])
def test_other_ages_are_refused(text: str) -> None:
    """An age compares with a duration."""
    with pytest.raises(ValueError, match="an age such as"):
        Age(text)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [("10m..20m", [600, 1199], [599, 1200]), ("2d..", [172800], [172799]), ("..1h", [0, 3599], [3600])],
)
def test_a_part_of_the_run_holds_its_seconds(text: str, inside: list[float], outside: list[float]) -> None:
    """The begin is in, the end is out."""
    part = During(text)

    assert all(seconds in part for seconds in inside)
    assert not any(seconds in part for seconds in outside)


@pytest.mark.parametrize("text", ["", "10m", "20m..10m", "..", "..0s", "<10m"])
def test_other_parts_are_refused(text: str) -> None:
    """A part of the run has two dots and something in it."""
    with pytest.raises(ValueError, match="a time since the start"):
        During(text)


def test_a_duration_and_a_quota_keep_their_text() -> None:
    """And know their numbers."""
    assert (Duration("1h30m").text, Duration("1h30m").seconds) == ("1h30m", 5400.0)
    assert (Quota("100/1h").text, Quota("100/1h").count, Quota("100/1h").seconds) == ("100/1h", 100, 3600.0)


@pytest.mark.parametrize(("kind", "text"), [(Duration, "5"), (Quota, "5"), (Quota, "0/1h")])
def test_other_durations_and_quotas_are_refused(kind: type, text: str) -> None:
    """Each says what was expected."""
    with pytest.raises(ValueError, match=r"a duration such as|a rate such as"):
        kind(text)


def test_spans_are_equal_by_their_text() -> None:
    """The text is the value."""
    assert Age("<5m") == Age("<5m")
    assert Age("<5m") != Age("<300s")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("3", [3], [2, 4]),
        (">2", [3, 10**12], [2, 0]),
        (">=2", [2], [1]),
        ("<10KB", [0, 9999], [10_000]),
        ("<= 10KB", [10_000], [10_001]),
        ("1..5", [1, 4], [0, 5]),
        ("..5", [0, 4], [5]),
        ("1KiB..", [1024, 10**12], [1023]),
        (" 0 ", [0], [1, -1]),
    ],
)
def test_amounts_hold_their_numbers(text: str, inside: list[int], outside: list[int]) -> None:
    """Each comparison includes its end or not, as it says; of from..to the end is out."""
    amount = Amount(text)

    assert all(number in amount for number in inside)
    assert not any(number in amount for number in outside)


@pytest.mark.parametrize("text", ["", ">", "..", "5..5", "5..1", "<0", "a", "1-2", "=3", "<>3", "-1", "1..x"])
def test_other_amounts_are_refused(text: str) -> None:
    """An amount is a number of something, and there is one that it holds."""
    with pytest.raises(ValueError, match="a number or a comparison"):
        Amount(text)


def test_a_pause_may_have_fields() -> None:
    """It is a duration once they are filled."""
    pause = Pause("{n}s")

    assert (pause.fields, pause.seconds({"n": "7"})) == (("n",), 7.0)
    assert (Pause("1m").fields, Pause("1m").seconds({})) == ((), 60.0)
    with pytest.raises(ValueError, match="a duration such as"):
        pause.seconds({"n": "soon"})


@pytest.mark.parametrize("text", ["{n}", "soon", "{n}s{", "{n} x"])
def test_a_pause_that_can_be_no_duration_is_refused(text: str) -> None:
    """With a number in each field it must be one."""
    with pytest.raises(ValueError, match=r"a duration such as|stands alone"):
        Pause(text)
