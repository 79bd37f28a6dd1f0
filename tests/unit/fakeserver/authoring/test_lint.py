"""The lint: what no real server would say, and what can never happen; and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maildrill.fakeserver.authoring.finding import Lint
from maildrill.fakeserver.authoring.lint import lint
from maildrill.fakeserver.authoring.listed import LISTED, instead_of
from maildrill.fakeserver.language.script import Rule, Script
from maildrill.fakeserver.language.script_words import CLASSES, REPLYING, USUAL_CLASSES
from maildrill.fakeserver.language.template import ReplyTemplate
from maildrill.fakeserver.script_loader import load_script, packs
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios import catalogue
from maildrill.smtp import CODES, Stage

PAGE = (Path(__file__).parents[4] / "docs" / "script-language.md").read_text("utf-8")


def told(text: str) -> list[str]:
    """Return what is found in a script, or in one rule: `kind line`."""
    script = read_script(text if "[[" in text else f"[[rule]]\n{text}", "s.toml")
    return [f"{finding.lint} {finding.where.removeprefix('s.toml:')}" for finding in lint(script)]


@pytest.mark.parametrize(
    "text",
    [
        'at = "rcpt"\nreply = "452 4.5.3 too many"',
        'at = "rcpt"\nreply = "550 no"',
        'at = "*"\nreply = "451 4.3.0 not now"',
        'at = "banner"\nreply = "554 5.7.1 go away"',
        'at = "ehlo"\nreply = "250 mx.test\\nSIZE 1000"',
        'at = "data"\nreply = "354 go"',
        'at = "dot"\nreplies = ["451 4.3.0 later\\nmuch later", "250 2.0.0 ok"]',
        'at = "rcpt"\nrcpt = "~^(?P<code>\\\\d+)@"\nreply = "{code} 2.0.0 what it says"',
        'at = "rcpt"\nreply = "550 {rcpt} is nobody"',
        'at = "rcpt"\nreply = "550 5.1.1 4500 of them"',
        'at = "rcpt"\nreply = "550 123 is no code"',
        'at = "rcpt"\nreply = "550"',
        'name = "drawn"\nat = "rcpt"\nchance = 0.5\nreply = "450 4.2.1 no"',
        'at = "connect"\ncut = "refuse"',
        'at = "rcpt"\nreply = "354 5.0.0 what"\nlint = false\ncut = "after"',
        '[server]\nlint = false\n[[rule]]\nat = "rcpt"\nreply = "354 5.0.0 what"\n[[rule]]\nat = "rcpt"',
    ],
)
def test_what_servers_say_is_left_alone(text: str) -> None:
    """And what a script says must stand."""
    assert told(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('at = "rcpt"\nreply = "221 2.0.0 bye"', ["unlisted-code 3"]),
        ('at = ["rcpt", "noop"]\nreply = "551 5.1.6 moved"', ["unlisted-code 3"]),
        ('at = "quit"\nreplies = ["221 bye", "550 stay"]', ["unlisted-code 3"]),
        ('at = "mail"\nreply = "450 5.2.1 no"', ["contradicting-status 3"]),
        ('at = "dot"\nreply = "550 2.6.0 no"', ["contradicting-status 3"]),
        ('at = "ehlo"\nreply = "250 2.0.0 mx.test"', ["status-not-here 3"]),
        ('at = "data"\nreply = "354 2.0.0 go"', ["status-not-here 3"]),
        ('at = "rcpt"\nreply = "550 5.1.1 no\\n5.7.1 never"', ["mixed-status 3"]),
        ('at = "rcpt"\nreply = "550 550 no"', ["code-twice 3"]),
        ('at = "noop"\nreply = "421 4.3.2 but stays"\ncut = "never"', ["staying-421 4"]),
        ('at = "data"\nreply = "354 go\\non"', ["lines-of-354 3"]),
        ('at = "rcpt"\nchance = 0.5\nreply = "450 4.2.1 no"', ["nameless-draw 3"]),
        (
            '[[profile]]\nmix = [\n{ weight = 1 },\n{ weight = 1, at = "rcpt", reply = "221 bye" }]',
            ["unlisted-code 4"],
        ),
    ],
)
def test_what_no_server_says_is_found(text: str, found: list[str]) -> None:
    """At the line of the key."""
    assert told(text) == found


def test_a_finding_says_who_says_so_and_what_to_write() -> None:
    """Like an error, but for being none."""
    (finding,) = lint(read_script('[[rule]]\nat = "rcpt"\nreply = "454 4.7.0 TLS not available"', "dir/s.toml")) or [
        None
    ]
    (other,) = lint(read_script('[[rule]]\nat = "noop"\nreply = "454 4.7.0 TLS not available"', "dir/s.toml"))

    assert finding is None
    assert str(other) == (
        'dir/s.toml:3: 454 (temporary authentication failure, or TLS not available now) is no reply to "noop"'
        " (unlisted-code, RFC 5321 section 4.3.2 and the extensions)\n  say one of 421 451"
    )
    assert json.loads(json.dumps(other.to_json())) == {
        "lint": "unlisted-code",
        "where": "dir/s.toml:3",
        "what": '454 (temporary authentication failure, or TLS not available now) is no reply to "noop"',
        "source": "RFC 5321 section 4.3.2 and the extensions",
        "instead": "say one of 421 451",
    }


def test_a_rule_made_in_python_is_called_by_its_name() -> None:
    """It stands in no file."""
    rule = Rule(name="mine", at=(Stage.NOOP,), replies=(ReplyTemplate("454 no"),), chance=0.5)

    assert [str(finding).partition(":")[0] for finding in lint(Script(rules=(rule,)))] == ["mine"]


ONE = '[[rule]]\nname = "one"\n'
TWO = '\n[[rule]]\nname = "two"\n'


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('at = "rcpt"', 'at = "rcpt"\nreply = "450 4.2.1 no"'),
        ('at = ["rcpt", "mail"]\nreply = "450 4.2.1 no"', 'at = "rcpt"\nrcpt = "ann@*"\ntimes = 1'),
        ('at = "*"', 'at = ["noop", "rset"]'),
        ('at = "rcpt"\nrcpt = "*@x.test"', 'at = "rcpt"\nrcpt = ["ann@x.test", "bob@X.test"]'),
        ('at = "rcpt"\nrcpt = "ann@*"', 'at = "rcpt"\nrcpt = "ann@*"\nchance = 0.5'),
        ('at = "rcpt"\ndomain = "x.test"', 'at = "rcpt"\nrcpt = "ann@x.test"'),
        ('at = "rcpt"\nkey = "rcpt"', 'at = "rcpt"\nkey = "rcpt"\nattempt = 2'),
        ('at = "dot"\nheader.X-A = "1"', 'at = "dot"\nheader.X-A = "1"\nrcpt = "ann@*"'),
        ('at = "mail"\nclient = "192.0.2.*"\npriority = 6', 'at = "mail"\nclient = "192.0.2.1"\npriority = 7'),
    ],
)
def test_a_rule_behind_one_that_always_answers_is_found(first: str, second: str) -> None:
    """The first that matches answers: the second has tested nothing, and never will."""
    assert told(f"{ONE}{first}{TWO}{second}") == [f"shadowed {4 + first.count(chr(10))}"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('at = "rcpt"\ntimes = 1', 'at = "rcpt"'),
        ('at = "rcpt"\nrcpt = "ann@*"', 'at = "rcpt"'),
        ('at = "rcpt"\nrcpt = "ann@*"', 'at = "rcpt"\nrcpt = "*"'),
        ('at = "rcpt"\nrcpt = "ann@x.test"', 'at = "rcpt"\nrcpt = "bob@x.test"'),
        ('at = "rcpt"\nrcpt = "!ann@*"', 'at = "rcpt"\nrcpt = "!bob@*"'),
        ('at = "rcpt"\ndomain = "x.test"', 'at = "rcpt"\ndomain = "~x"'),
        ('at = "rcpt"\ndomain = "x.test"', 'at = "rcpt"\nfrom = "x.test"'),
        ('at = "dot"\nsubject = "*a*"', 'at = "dot"\nsubject = "a"'),
        ('at = "rcpt"', 'at = ["rcpt", "noop"]'),
        ('at = "rcpt"\nkey = "rcpt"', 'at = "rcpt"'),
        ('at = "rcpt"\nwait = "1s"\nthen = "pass"', 'at = "rcpt"'),
        ('at = "rcpt"\nreplies = ["450 4.2.1 no"]\nthen = "pass"', 'at = "rcpt"'),
        ('at = "body"\nafter = "4096B"\ncut = "rst"', 'at = "body"\ncut = "rst"'),
        ('at = "rcpt"\npriority = 9', 'at = "rcpt"\nrcpt = "ann@*"'),
        ('at = "rcpt"', 'at = "rcpt"\nlint = false'),
    ],
)
def test_a_rule_that_may_fire_is_left_alone(first: str, second: str) -> None:
    """Only what is certain is told."""
    assert told(f"{ONE}{first}{TWO}{second}") == []


def test_the_rule_that_is_named_is_one_that_acts_there() -> None:
    """Not the first that always answers, be it elsewhere."""
    rules = (("first", "rcpt"), ("second", "mail"), ("third", "mail"))
    text = "\n".join(f'[[rule]]\nname = "{name}"\nat = "{at}"\nreply = "450 4.3.2 no"' for name, at in rules)
    (finding,) = (one for one in lint(read_script(text, "s.toml")) if one.lint is Lint.SHADOWED)

    assert finding.what == '"third" never fires: "second" always answers before it'


def test_a_profile_behind_a_rule_for_everybody_is_found() -> None:
    """Its items are asked last."""
    profile = '[[profile]]\nname = "p"\nmix = [{ weight = 1, at = "rcpt", reply = "450 4.2.1 no" }, { weight = 1 }]'

    assert told(f'{ONE}at = "rcpt"\n{profile}') == ["shadowed 6"]


@pytest.mark.parametrize(
    ("stop", "behind"),
    [
        ('at = "connect"\ncut = "refuse"', 'at = "banner"\nwait = "1s"'),
        ('at = "banner"\nreply = "421 4.3.2 no"', 'at = ["ehlo", "rcpt"]'),
        ('at = "banner"\ncut = "after"', 'at = "noop"'),
        ('at = "mail"\nreplies = ["450 4.2.1 no", "550 5.7.1 no"]', 'at = "dot"'),
        ('at = ["ehlo", "helo"]\nreply = "550 no"', 'at = "mail"'),
    ],
)
def test_a_rule_that_nobody_gets_to_is_found(stop: str, behind: str) -> None:
    """Who is always stopped before it never meets it."""
    assert told(f"{ONE}{stop}{TWO}{behind}") == [f"unreachable {4 + stop.count(chr(10))}"]


@pytest.mark.parametrize(
    ("stop", "behind"),
    [
        ('at = "banner"\nreply = "421 4.3.2 no"', 'at = "quit"'),
        ('at = "banner"\nreply = "421 4.3.2 no"\nclient = "192.0.2.1"', 'at = "mail"'),
        ('at = "banner"\nreply = "421 4.3.2 no"\nkey = "client"', 'at = "mail"'),
        ('at = "banner"\nwait = "1s"', 'at = "mail"'),
        ('at = "mail"\nreplies = ["450 4.2.1 no", "250 2.1.0 ok"]', 'at = "rcpt"'),
        ('at = "ehlo"\nreply = "550 no"', 'at = "mail"'),
        ('at = "rcpt"\nreply = "550 5.1.1 no"', 'at = "dot"'),
        ('at = "mail"\nfrom = "a@*"\n[[rule]]\nat = "mail"\nreply = "550 5.7.1 no"', 'at = "rcpt"'),
    ],
)
def test_a_rule_that_somebody_may_get_to_is_left_alone(stop: str, behind: str) -> None:
    """A condition, an exception, HELO instead of EHLO: there is a way."""
    assert told(f"{ONE}{stop}{TWO}{behind}") == []


COUNTED_ALIKE = """
[[rule]]
at = "rcpt"
key = ["from", "client"]
set = "seen"
[[rule]]
at = "mail"
key = ["client", "from"]
state = "seen"
"""
SETS_DOWN = '[[rule]]\nat = "vrfy"\nset = "down"\n'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f'{SETS_DOWN}[[rule]]\nat = "mail"\nstate = "down"', []),
        (f'[[rule]]\nat = "mail"\nstate = "down"\n{SETS_DOWN}', []),
        (f'{SETS_DOWN}[[rule]]\nat = "mail"\nstate = "start"', []),
        ('[[rule]]\nat = "mail"\nkey = "from"\nstate = "start"', []),
        (f'{SETS_DOWN}[[rule]]\nat = "mail"\nstate = ["down", "dwon"]', ["unset-state 6"]),
        (f'{SETS_DOWN}[[rule]]\nat = "mail"\nkey = "from"\nstate = "down"', ["unset-state 7"]),
        (f'{SETS_DOWN}[[rule]]\nat = "mail"\nkey = "from"\nstate = "down"\nlint = false', []),
        (COUNTED_ALIKE, []),
    ],
)
def test_a_state_that_no_rule_sets_is_found(text: str, found: list[str]) -> None:
    """States are shared by rules that count alike; in the first one everything begins."""
    assert told(text) == found


def test_what_is_meant_by_a_state_is_told() -> None:
    """A state that sounds like it, or that the key is another."""
    typing = read_script(f'{SETS_DOWN}[[rule]]\nat = "mail"\nstate = "dwon"', "s.toml")
    key = read_script(f'{SETS_DOWN}[[rule]]\nat = "mail"\nkey = "from"\nstate = "down"', "s.toml")

    assert [(finding.what, finding.instead) for script in (typing, key) for finding in lint(script)] == [
        ('no rule sets the state "dwon"', 'did you mean "down"?'),
        (
            'no rule sets the state "down" with the key of this one',
            'write set = "down" in a rule with the same key',
        ),
    ]


REFUSES = '[[rule]]\nat = "rcpt"\ndomain = "gone.test"\nreply = "550 5.1.1 no"\n'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[[rule]]\nname = "busy"\nat = "rcpt"\n[[expect]]\nrule = "bsy"\ncount = 1', ["unmeetable 4"]),
        ('[[rule]]\nname = "busy"\nat = "rcpt"\n[[expect]]\nrule = "b*"\ncount = 1', []),
        ('[[expect]]\nrule = "bsy"\ncount = 0', []),
        ("[[expect]]\nattempts = 1\ncommitted = 2", ["unmeetable 1"]),
        ('[[expect]]\nattempts = "1-2"\nacknowledged = "3-"', ["unmeetable 1"]),
        ("[[expect]]\nattempts = 2\ncommitted = 2", []),
        ('[[expect]]\nattempts = 1\ngap = ">=5m"', ["unmeetable 1"]),
        ('[[expect]]\nattempts = 2\ngap = ">=5m"', []),
        (f'{REFUSES}[[expect]]\ndomain = "gone.test"\ncommitted = 1', ["unmeetable 5"]),
        (f'{REFUSES}[[expect]]\nrcpt = "ann@gone.test"\ncommitted = "1-"', ["unmeetable 5"]),
        (f'{REFUSES}[[expect]]\ndomain = "gone.test"\ncommitted = 0', []),
        (f'{REFUSES}[[expect]]\ndomain = "x.test"\ncommitted = 1', []),
        (f'[[rule]]\nat = "rcpt"\nrcpt = "ann@*"\n{REFUSES}[[expect]]\ndomain = "gone.test"\ncommitted = 1', []),
        ('[[rule]]\nat = "dot"\ncommit = false\n[[expect]]\ncommitted = 1', ["unmeetable 4"]),
        ('[[rule]]\nat = "dot"\ncommit = true\ncut = "before"\n[[expect]]\ncommitted = 1', []),
        ('[[rule]]\nat = "dot"\ncut = "rst"\n[[expect]]\ncommitted = 1', ["unmeetable 4"]),
        ('[[rule]]\nat = "dot"\nreply = "250 2.0.0 ok"\n[[expect]]\ncommitted = 1', []),
        ('[[rule]]\nat = "dot"\ncut = "rst"\n[[rule]]\nat = "bdat"\n[[expect]]\ncommitted = 1', []),
        ('[[expect]]\nsessions = "0-"', ["untested 1"]),
        ('[[expect]]\nattempts = ">=0"\ncommitted = "0-"', ["untested 1"]),
        ('[[expect]]\nattempts = "0-"\ncommitted = 1', []),
        ('[[expect]]\nattempts = "0-"\ngap = ">=5m"', []),
    ],
)
def test_an_expectation_that_tests_nothing_is_found(text: str, found: list[str]) -> None:
    """It cannot hold with this script, or it holds whatever happens."""
    assert told(text) == found


@pytest.mark.parametrize("name", catalogue.shelf())
def test_what_comes_with_maildrill_is_as_real_servers_are(name: str) -> None:
    """Scripts and packs have no findings but what they ask for by name."""
    assert lint(catalogue.load_script(name)) == ()


def test_profiles_are_as_real_servers_are() -> None:
    """Each reply was heard from one."""
    assert [name for name in packs() if name.startswith("profiles/") and lint(load_script(name))] == []


@pytest.mark.parametrize("stage", Stage)
def test_the_table_is_within_what_is_possible(stage: Stage) -> None:
    """What is listed may be said there, is a code that an RFC has, and names its source."""
    classes = CLASSES.get(stage, USUAL_CLASSES)

    assert bool(LISTED[stage]) == (stage in REPLYING or stage in (Stage.BODY, Stage.IDLE))
    assert {code for code in LISTED[stage] if code not in CODES or code // 100 not in classes} <= {250, 251, 252}
    assert all(source.startswith(("RFC ", "seen: ")) for source in LISTED[stage].values())


def test_there_is_always_something_else_to_say() -> None:
    """Of the same kind, if the stage has any."""
    assert instead_of(454, Stage.RCPT) == (421, 450, 451, 452, 454, 455)
    assert instead_of(354, Stage.RCPT) == tuple(sorted(LISTED[Stage.RCPT]))


@pytest.mark.parametrize("kind", Lint)
def test_every_kind_of_finding_is_on_the_page(kind: Lint) -> None:
    """docs/script-language.md says what each is."""
    assert f"| `{kind}` |" in PAGE
