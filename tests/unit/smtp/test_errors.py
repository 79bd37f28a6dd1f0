"""Errors that a person can act on."""

from __future__ import annotations

import pickle

import pytest

from maildrill.smtp import ConfigurationError, MaildrillError, did_you_mean


def test_an_error_says_where_what_was_expected_and_what_to_try() -> None:
    """One line for each, in that order."""
    error = ConfigurationError(
        'unknown stage "rctp"', where="greylist.toml:7", expected="one of: mail rcpt", hint='did you mean "rcpt"?'
    )

    assert str(error) == ('greylist.toml:7: unknown stage "rctp"\n  expected one of: mail rcpt\n  did you mean "rcpt"?')


def test_an_error_without_evidence_is_its_sentence() -> None:
    """Nothing is padded."""
    assert str(MaildrillError("the port is taken")) == "the port is taken"


def test_an_error_survives_the_way_to_another_process() -> None:
    """Test runners send errors between processes."""
    error = pickle.loads(pickle.dumps(ConfigurationError("no", where="a:1", hint="yes")))  # noqa: S301 - our own bytes

    assert str(error) == "a:1: no\n  yes"


@pytest.mark.parametrize(
    ("word", "hint"), [("rctp", 'did you mean "rcpt"?'), ("RCPT", 'did you mean "rcpt"?'), ("zebra", ""), ("", "")]
)
def test_the_nearest_known_word_is_suggested(word: str, hint: str) -> None:
    """Case does not count; what is far from everything suggests nothing."""
    assert did_you_mean(word, ["mail", "rcpt", "dot"]) == hint
