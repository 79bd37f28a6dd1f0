"""Profiles, uses and clocks in files: what is read and written."""

from __future__ import annotations

import json
import tomllib

import pytest

from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.profile import Item, Profile
from maildrill.fakeserver.language.script import Rule, Script, Use, merge_scripts
from maildrill.fakeserver.language.script_clock import ScriptClock
from maildrill.fakeserver.language.template import ReplyTemplate
from maildrill.fakeserver.text.script_file import read_script, script_of, script_to_toml
from maildrill.smtp import ConfigurationError, Stage

SHORT = """
use = ["compat/badsmtp", "./more.toml", "./more.toml"]
clock = "scaled:60"

[[profile]]
name = "gmail"
domain = ["gmail.com", "googlemail.com"]
mix = [
  { weight = 94.5 },
  { weight = 5, at = "dot", reply = "421 4.7.28 rate" },
  { weight = 0.5, name = "gone", at = "rcpt", reply = "550 5.1.1 no such user" },
]
"""
WRITTEN = """\
version = 1
use = ["compat/badsmtp", "./more.toml"]
clock = "scaled:60"

[[profile]]
name = "gmail"
domain = ["gmail.com", "googlemail.com"]

[[profile.mix]]
weight = 94.5

[[profile.mix]]
weight = 5
name = "gmail/2"
at = "dot"
reply = "421 4.7.28 rate"

[[profile.mix]]
weight = 0.5
name = "gone"
at = "rcpt"
reply = "550 5.1.1 no such user"
"""


def test_every_word_is_read() -> None:
    """A mix in one list, or as tables of its own."""
    wanted = Script(
        name="dir/p.toml",
        uses=(Use("compat/badsmtp"), Use("./more.toml")),
        clock=ScriptClock("scaled:60"),
        profiles=(
            Profile(
                name="gmail",
                domain=(Pattern("gmail.com"), Pattern("googlemail.com")),
                mix=(
                    Item(94.5),
                    Item(5, Rule(name="gmail/2", at=(Stage.DOT,), replies=(ReplyTemplate("421 4.7.28 rate"),))),
                    Item(0.5, Rule(name="gone", at=(Stage.RCPT,), replies=(ReplyTemplate("550 5.1.1 no such user"),))),
                ),
            ),
        ),
    )

    assert read_script(SHORT, "dir/p.toml") == wanted
    assert read_script(WRITTEN, "dir/p.toml") == wanted
    assert script_of(tomllib.loads(SHORT), "dir/p.toml") == wanted


def test_every_word_is_written() -> None:
    """Each item with a table of its own, so that long replies stay readable."""
    assert script_to_toml(read_script(SHORT, "p.toml")) == WRITTEN


def test_a_profile_is_named_by_its_file_and_line() -> None:
    """As rules are; its items by their number in it."""
    (profile,) = read_script('\n[[profile]]\nmix = [{ weight = 1, at = "rcpt", reply = "450" }]', "a/p.toml").profiles

    assert profile.name == "p.toml:2"
    assert [item.rule.name for item in profile.mix if item.rule] == ["p.toml:2/1"]


def test_rules_know_where_they_stand() -> None:
    """For those who have something to say about them: the table and each key."""
    script = read_script(
        '[[rule]]\nat = "rcpt"\nreply = "450"\n' + SHORT.replace("use", "#").replace("clock", "#"), "s"
    )
    (rule,) = script.rules
    (profile,) = script.profiles

    assert [rule.place.header, rule.place.of("reply"), rule.place.of("times")] == ["s:1", "s:3", "s:1"]
    assert [profile.place.header, profile.place.of("domain")] == ["s:8", "s:10"]
    assert [item.rule.place.of("reply") for item in profile.mix if item.rule] == ["s:13", "s:14"]


@pytest.mark.parametrize(
    ("text", "factor"),
    [("real", 1.0), ("virtual", None), ("scaled:60", 60.0), ("scaled:0.5", 0.5), ("scaled:1000000", 1e6)],
)
def test_clocks_have_a_factor(text: str, factor: float | None) -> None:
    """So many of its seconds pass in one of ours; a virtual one waits for nobody."""
    assert ScriptClock(text).factor == factor


@pytest.mark.parametrize(
    "text", ["", "Real", "scaled", "scaled:", "scaled:-1", "scaled:1e3", "scaled:9999999", "scaled:0.0001"]
)
def test_what_is_no_clock_is_refused(text: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match="sixty times"):
        ScriptClock(text)


def test_the_first_clock_counts() -> None:
    """Of several scripts, as with settings; uses are all there."""
    one, two, three = (
        read_script(text, "s") for text in ('use = "a"', 'clock = "virtual"', 'use = "b"\nclock = "real"')
    )
    merged = merge_scripts([one, two, three])

    assert (merged.clock, merged.uses) == (ScriptClock("virtual"), (Use("a"), Use("b")))


def test_what_is_used_must_be_found_first() -> None:
    """A script that lacks a part of itself is not played."""
    with pytest.raises(ConfigurationError) as caught:
        _ = read_script('\nuse = "compat/badsmtp"', "s.toml").played

    assert str(caught.value).startswith('s.toml:2: the script "compat/badsmtp" that this one uses has not been loaded')


def test_an_object_without_lines_is_read_with_the_same_words() -> None:
    """What comes as JSON has numbers in place of lines, in names and in errors."""
    rules = json.loads('{"rule": [{"at": "rcpt", "reply": "450"}, {"at": ["dot"], "times": 2}]}')
    wrong = json.loads('{"rule": [{"at": "rcpt"}, {"at": "rcpt", "times": "2"}], "server": {"limits": {"x": 1}}}')

    assert [rule.name for rule in script_of(rules, "posted").rules] == ["posted#1", "posted#2"]
    with pytest.raises(ConfigurationError, match=r"^posted:/server/limits/x: unknown key"):
        script_of(wrong, "posted")
    del wrong["server"]
    with pytest.raises(ConfigurationError, match=r"^posted:/rule/1/times: rule.times is"):
        script_of(wrong, "posted")
    with pytest.raises(ConfigurationError, match=r'^posted:/rule/0: a rule has no "at"'):
        script_of({"rule": [{}]}, "posted")
    with pytest.raises(ConfigurationError, match=r"^posted:/version: script of version 2"):
        script_of({"version": 2}, "posted")
