"""Scripts as files: what is read, and what each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildrill.fakeserver.language.octets import Drip, Octets, Size, Tease
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.script import Rule, RuleError, Script, Unmatched
from maildrill.fakeserver.language.script_words import Cut, Handshake, Key, Mangle, Then
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.language.span import Age, Amount, Attempts, During, Pause, Quota
from maildrill.fakeserver.language.template import ReplyTemplate
from maildrill.fakeserver.text.rule_file import read_rule
from maildrill.fakeserver.text.script_file import read_script, script_to_toml
from maildrill.smtp import ConfigurationError, Stage
from maildrill.smtp.document import parse_document

#: Scripts that are wrong, each with what a person is told: text, `----`, message, `====`.
ERRORS = (Path(__file__).parent / "script_errors.txt").read_text("utf-8").split("====\n")

EVERYTHING = r"""
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
ehlo = "*.shop.test"
client = "192.0.2.*"
user = ""
header.X-Campaign = "spring*"
header."X.Y" = ["a", "b"]
subject = "*sale*"
body = "~unsubscribe"
size = ">1MB"
tls = true
param.SIZE = [">1000", "7"]
param.BODY = "1..2..3"
key = ["message", "client"]
attempt = ["1-2", "4-"]
times = 3
age = "<5m"
over = "100/1h"
open = 2
during = "2d.."
chance = 0.25
state = ["start", "half down"]
set = "down"
priority = 1
replies = ["451 4.3.0 later", "250 2.0.0 {id}"]
then = "cycle"
mangle = "code-mismatch"
drip = "1B/500ms"
tease = "30s x 20"
wait = "1m30s"
cut = "mid"
commit = true
lint = true

[[rule]]
at = "*"
attempt = 2
command = "NOOP*"
pipelined = false
tls = ["TLSv1.2", "!x"]

[[rule]]
at = "ehlo"
caps = ["-8BITMIME", "SIZE 1000"]

[[rule]]
at = "body"
raw = '\x00\r\n'
after = 4096
sip = "1KB/1s"

[[rule]]
at = "tls"
handshake = "expired"
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
                ehlo=(Pattern("*.shop.test"),),
                client=(Pattern("192.0.2.*"),),
                user=(Pattern(""),),
                header=(("X-Campaign", (Pattern("spring*"),)), ("X.Y", (Pattern("a"), Pattern("b")))),
                subject=(Pattern("*sale*"),),
                body=(Pattern("~unsubscribe"),),
                size=Amount(">1MB"),
                tls=True,
                param=(("SIZE", (Amount(">1000"), Pattern("7"))), ("BODY", (Pattern("1..2..3"),))),
                key=(Key.MESSAGE, Key.CLIENT),
                attempt=(Attempts("1-2"), Attempts("4-")),
                times=3,
                age=Age("<5m"),
                over=Quota("100/1h"),
                open=Amount("2"),
                during=(During("2d.."),),
                chance=0.25,
                state=("start", "half down"),
                set="down",
                priority=1,
                replies=(ReplyTemplate("451 4.3.0 later"), ReplyTemplate("250 2.0.0 {id}")),
                then=Then.CYCLE,
                mangle=Mangle.CODE_MISMATCH,
                drip=Drip("1B/500ms"),
                tease=Tease("30s x 20"),
                wait=Pause("1m30s"),
                cut=Cut.MID,
                commit=True,
                lint=True,
            ),
            Rule(
                name="all.toml:47",
                command=(Pattern("NOOP*"),),
                pipelined=False,
                attempt=(Attempts("2"),),
                tls=(Pattern("TLSv1.2"), Pattern("!x")),
            ),
            Rule(name="all.toml:54", at=(Stage.EHLO,), caps=("-8BITMIME", "SIZE 1000")),
            Rule(name="all.toml:58", at=(Stage.BODY,), raw=Octets(r"\x00\r\n"), after=Size("4096"), sip=Drip("1KB/1s")),
            Rule(name="all.toml:64", at=(Stage.TLS,), handshake=Handshake.EXPIRED),
        ),
    )


def test_a_rule_is_read_with_the_lint_of_its_server() -> None:
    """Unless it says its own."""
    table = parse_document('a = {at = "rcpt", reply = "299 x"}\nb = {at = "rcpt", lint = true}', "s.toml")

    assert read_rule(table.table("a"), "a", lint=False).lint is False
    assert read_rule(table.table("b"), "b", lint=False).lint is True
    with pytest.raises(ConfigurationError, match="no RFC has a reply code 299"):
        read_rule(table.table("a"), "a")


def test_the_lint_of_the_server_is_that_of_its_rules() -> None:
    """Also of those in a mix."""
    text = (
        '[server]\nlint = false\n[[rule]]\nat = "rcpt"\nreply = "299 x"\n'
        '[[profile]]\nname = "p"\n[[profile.mix]]\nweight = 1\nat = "rcpt"\nreply = "599 x"\n'
    )
    script = read_script(text, "s.toml")

    assert [rule.lint for rule in script.played] == [False, False]
    assert read_script(script_to_toml(script), "s.toml") == script
    with pytest.raises(ConfigurationError, match="no RFC has a reply code 599"):
        read_script(text.replace("lint = false", "").replace("299", "450"), "s.toml")


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
    [
        ("times", 0),
        ("priority", 0),
        ("chance", -0.1),
        ("chance", float("nan")),
        ("header", (("To", (Pattern("a"),)), ("To", (Pattern("b"),)))),
        ("param", (("SIZE", (Amount("1"),)),)),
        ("param", (("SIZE", (Pattern(">1"),)),)),
    ],
)
def test_a_rule_made_in_python_is_checked_too(field: str, value: object) -> None:
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
