"""Durations, rates and sizes as people write them."""

from __future__ import annotations

import pytest

from maildrill.smtp.quantity import Rate, format_duration, parse_duration, parse_rate, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("250ms", 0.25),
        ("5m", 300),
        ("1h30m", 5400),
        (" 1h 30 m ", 5400),
        ("1.5h", 5400),
        ("5d", 432000),
        ("2w", 1209600),
        ("0s", 0),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, seconds: float) -> None:
    """Several parts add up."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "s", "5 minutes", "-5m", "5m and", "1.5.2s", "5M", "٣s", "9" * 400 + "d"])
def test_a_duration_without_sense_says_what_one_looks_like(text: str) -> None:
    """A number without a unit is no duration."""
    with pytest.raises(ValueError, match='a duration such as "30s"'):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("100/1m", Rate(100, 60)), ("5 / s", Rate(5, 1)), ("10/1h30m", Rate(10, 5400)), (" 1/10ms ", Rate(1, 0.01))],
)
def test_a_rate_is_a_count_in_a_duration(text: str, rate: Rate) -> None:
    """A unit alone means one of it."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "100", "100/", "0/1m", "1/0s", "1/0.0001s", "100/minute", "/1m", "1" * 5000 + "/s"]
)
def test_a_rate_without_sense_says_what_one_looks_like(text: str) -> None:
    """Nothing in a minute, or something in no time, is no rate."""
    with pytest.raises(ValueError, match='a rate such as "100/1m"'):
        parse_rate(text)


def test_a_rate_is_shown_as_it_is_written() -> None:
    """The text can be read back."""
    assert str(Rate(100, 90)) == "100/1m30s"


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("512", 512),
        ("4096B", 4096),
        ("1KB", 1000),
        ("10MB", 10_000_000),
        ("4.35MB", 4_350_000),
        ("1 KiB", 1024),
        ("1.5 mib", 1_572_864),
        ("2GB", 2_000_000_000),
        ("1GiB", 1_073_741_824),
    ],
)
def test_a_size_has_units_of_1000_or_1024(text: str, octets: int) -> None:
    """Whole octets, rounded, not cut off."""
    assert parse_size(text) == octets


@pytest.mark.parametrize("text", ["", "MB", "-1", "10 bits", "1e3", "9" * 400])
def test_a_size_without_sense_says_what_one_looks_like(text: str) -> None:
    """Also where a number is too long to be meant."""
    with pytest.raises(ValueError, match='a size such as "512"'):
        parse_size(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (2.5, "2.5s"),
        (0.001, "0.001s"),
        (60, "1m"),
        (5400, "1h30m"),
        (432000, "5d"),
        (90061.25, "1d1h1m1.25s"),
        (-60, "-1m"),
    ],
)
def test_seconds_are_shown_the_way_people_read_them(seconds: float, text: str) -> None:
    """Units that are nought are left out."""
    assert format_duration(seconds) == text
