"""Scripts as values: merging, and which stages a rule can apply to."""

from __future__ import annotations

import pytest

from maildrill.fakeserver.language.script import Rule, Script, Unmatched, merge_scripts
from maildrill.fakeserver.language.script_words import LONGEST_SILENCE, REPLYING
from maildrill.fakeserver.language.settings import Limits
from maildrill.fakeserver.language.steps import Transcript
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import ConfigurationError, Stage


def test_one_script_stays_as_it_is() -> None:
    """There is nothing to merge."""
    script = read_script('[[rule]]\nat = "rcpt"', "a.toml")

    assert merge_scripts([script]) is script


def test_no_script_is_the_empty_script() -> None:
    """A server that accepts everything."""
    assert merge_scripts([]) == Script()


def test_rules_follow_in_order_and_the_first_setting_wins() -> None:
    """Each setting for itself: what the first script does not say the second may."""
    first = read_script('[server]\nseed = 0\n[[rule]]\nname = "a"\nat = "rcpt"', "one.toml")
    second = read_script(
        '[server]\nseed = 2\nhostname = "two.test"\nunmatched = "fail"\n[[rule]]\nname = "b"\nat = "mail"', "two.toml"
    )
    merged = merge_scripts([first, second])

    assert [rule.name for rule in merged.rules] == ["a", "b"]
    assert (merged.seed, merged.hostname, merged.unmatched) == (0, "two.test", Unmatched.FAIL)
    assert merged.name == "one.toml+two.toml"


def test_names_stay_unique_when_scripts_are_merged() -> None:
    """The same script three times over is played three times over."""
    script = read_script('[[rule]]\nname = "a"\nat = "rcpt"', "one.toml")

    assert [rule.name for rule in merge_scripts([script] * 3).rules] == ["a", "a#2", "a#3"]


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("", ""),
        ('from = "x@*"', "banner helo ehlo starttls auth auth-step"),
        ('rcpt = "x@*"', "banner helo ehlo starttls auth auth-step mail"),
        ('domain = "x"', "banner helo ehlo starttls auth auth-step mail"),
        ("pipelined = false", "banner auth-step dot"),
        ('command = "x*"', "banner auth-step dot"),
        ('key = "rcpt"', "banner helo ehlo starttls auth auth-step mail"),
        ('key = ["transaction", "client"]', "banner helo ehlo starttls auth auth-step"),
        ('key = "ehlo"', "banner"),
        ('key = "connection"', ""),
    ],
)
def test_a_star_leaves_out_what_cannot_be_known(text: str, without: str) -> None:
    """`*` is every stage that waits for a reply and knows what the rule asks for."""
    (rule,) = read_script(f'[[rule]]\nat = "*"\n{text}', "s.toml").rules

    assert rule.stages == REPLYING - {Stage(s) for s in without.split()}


def test_named_stages_are_the_stages() -> None:
    """What is named is meant."""
    assert Rule(name="r", at=(Stage.BODY, Stage.DOT)).stages == {Stage.BODY, Stage.DOT}


def test_the_longest_silence_is_the_servers_own() -> None:
    """A rule cannot wait longer than the server does."""
    assert Limits().silence == LONGEST_SILENCE


def test_a_strict_transcript_is_joined_with_nothing() -> None:
    """It is played line by line: rules beside it would never be asked."""
    strict = Script(name="t.txt", transcript=Transcript())

    assert merge_scripts([strict]) is strict
    with pytest.raises(ConfigurationError, match="played line by line, and so alone"):
        merge_scripts([Script(), strict])
