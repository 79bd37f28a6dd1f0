"""Scripts as files: what is read, and what each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildrill.fakeserver.pattern import Pattern
from maildrill.fakeserver.script import Rule, RuleError, Script, Unmatched
from maildrill.fakeserver.script_file import read_script, script_to_toml
from maildrill.fakeserver.script_words import Cut, Key
from maildrill.fakeserver.settings import Settings
from maildrill.fakeserver.span import Age, Attempts, During, Pause, Quota
from maildrill.fakeserver.template import ReplyTemplate
from maildrill.smtp import ConfigurationError, Stage

#: Scripts that are wrong, each with what a person is told: text, `----`, message, `====`.
ERRORS = (Path(__file__).parent / "script_errors.txt").read_text("utf-8").split("====\n")

EVERYTHING = """
version = 1

[server]
hostname = "mx.busy.test"
seed = 42
unmatched = "fail"

[[rule]]
name = "all words"
at = ["dot"]
from = "news@*"
rcpt = ["~^a", "!b*"]
domain = "busy.test"
key = ["message", "client"]
attempt = ["1-2", "4-"]
times = 3
age = "<5m"
over = "100/1h"
during = "2d.."
chance = 0.25
replies = ["451 4.3.0 later", "250 2.0.0 {id}"]
wait = "1m30s"
cut = "mid"
commit = true

[[rule]]
at = "*"
attempt = 2

[[rule]]
at = "ehlo"
caps = ["-8BITMIME", "SIZE 1000"]
"""


def test_every_word_is_read() -> None:
    """Each key becomes the field of its name."""
    script = read_script(EVERYTHING, "dir/all.toml")

    assert script == Script(
        name="dir/all.toml",
        server=Settings(hostname="mx.busy.test", seed=42, unmatched=Unmatched.FAIL),
        rules=(
            Rule(
                name="all words",
                at=(Stage.DOT,),
                reverse_path=(Pattern("news@*"),),
                rcpt=(Pattern("~^a"), Pattern("!b*")),
                domain=(Pattern("busy.test"),),
                key=(Key.MESSAGE, Key.CLIENT),
                attempt=(Attempts("1-2"), Attempts("4-")),
                times=3,
                age=Age("<5m"),
                over=Quota("100/1h"),
                during=(During("2d.."),),
                chance=0.25,
                replies=(ReplyTemplate("451 4.3.0 later"), ReplyTemplate("250 2.0.0 {id}")),
                wait=Pause("1m30s"),
                cut=Cut.MID,
                commit=True,
            ),
            Rule(name="all.toml:27", attempt=(Attempts("2"),)),
            Rule(name="all.toml:31", at=(Stage.EHLO,), caps=("-8BITMIME", "SIZE 1000")),
        ),
    )


def test_an_empty_file_is_a_script() -> None:
    """Nothing said is a server that accepts everything, called mx.test, with seed 0."""
    script = read_script("", "empty.toml")

    assert (script.rules, script.hostname, script.seed, script.unmatched) == ((), "mx.test", 0, Unmatched.ACCEPT)


def test_what_is_said_twice_counts_once() -> None:
    """A stage or a key that stands twice in its list is there once."""
    (rule,) = read_script('[[rule]]\nat = ["rcpt", "rcpt"]\nkey = ["rcpt", "rcpt"]', "s.toml").rules

    assert (rule.at, rule.key) == ((Stage.RCPT,), (Key.RCPT,))


def test_one_reply_may_stand_under_replies() -> None:
    """A text alone is a list of one."""
    (rule,) = read_script('[[rule]]\nat = "rcpt"\nreplies = "450 4.2.1 no"', "s.toml").rules

    assert rule.replies == (ReplyTemplate("450 4.2.1 no"),)


def test_a_rule_is_named_by_its_file_and_line() -> None:
    """Without the folders, so that draws do not depend on where a script lies; escaped, because it is shown."""
    (rule,) = read_script('\n[[rule]]\nat = "rcpt"', "/some/where/a\u202eb.toml").rules

    assert rule.name == "a\\u202eb.toml:2"


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case.partition("----\n")[2].partition("\n")[0])
def test_a_mistake_is_told(case: str) -> None:
    """File and line, what was read, what was expected, what to try."""
    text, _, message = case.partition("----\n")

    with pytest.raises(ConfigurationError) as caught:
        read_script(text, "s.toml")

    assert str(caught.value) == message.rstrip("\n")


@pytest.mark.parametrize(
    ("field", "value"),
    [("times", 0), ("chance", -0.1), ("chance", float("nan"))],
)
def test_a_rule_made_in_python_is_checked_too(field: str, value: float) -> None:
    """A rule that exists can be performed, however it was made."""
    with pytest.raises(RuleError) as caught:
        Rule(name="r", **{field: value})  # type: ignore[arg-type]  # the point of the test

    assert caught.value.key == field


def test_a_transcript_is_a_script_too() -> None:
    """It is known by what stands in it; a strict one is written as it is."""
    strict = read_script("strict = true\nhostname = 'mx.x'\nS: 220 hi\n", "dir/t.txt")
    rules = read_script("S: 220 hi\nC: NOOP\nS: 450 4.2.1 no\n", "dir/t.txt")

    assert strict.transcript is not None
    assert [str(rule.at[0]) for rule in rules.rules] == ["banner", "noop"]
    assert [read_script(script_to_toml(script), script.name) for script in (strict, rules)] == [strict, rules]
