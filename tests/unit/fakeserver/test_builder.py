"""The script language in Python: the words of the file, its errors, and rules that are named after their line."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.authoring.rule_builder import RuleBuilder
from maildrill.fakeserver.builder import ScriptBuilder
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.text.rule_file import READERS
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import ConfigurationError
from maildrill.smtp.stage import SERVED

HERE = Path(__file__).name
PAGE = (Path(__file__).parents[3] / "docs" / "script-language.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def here() -> int:
    """Return the line of the caller."""
    import inspect  # noqa: PLC0415 - for tests only

    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def nameless(script: Script) -> Script:
    profiles = tuple(replace(profile, name="x").renamed(str, lambda _: "x") for profile in script.profiles)
    rules = tuple(replace(rule, name="x") for rule in script.rules)
    expectations = tuple(replace(one, name="x") for one in script.expectations)
    injections = tuple(replace(one, name="x") for one in script.injections)
    return replace(
        script,
        name="x",
        uses=(),
        clock=None,
        rules=rules,
        profiles=profiles,
        expectations=expectations,
        injections=injections,
    )


@pytest.mark.parametrize("text", EXAMPLES)
def test_whatever_the_page_says_in_toml_can_be_said_in_python(text: str) -> None:
    """Each table of each example, by keyword, is the same."""
    build, said = ScriptBuilder(), tomllib.loads(text)

    for rule in said.get("rule", []):
        at = rule.pop("at")
        build.on(*([at] if isinstance(at, str) else at), **rule)
    for profile in said.get("profile", []):
        build.profile(**profile)
    for one in said.get("expect", []):
        build.expect(**one)
    for one in said.get("inject", []):
        build.inject(**one)
    build.settings(**said.get("server", {}))

    assert nameless(build.script) == nameless(read_script(text, "page.toml"))


@pytest.mark.parametrize(
    ("built", "toml"),
    [
        (lambda b: b.on(), 'at = "*"'),
        (lambda b: b.on("noop", "rset").refuse(), 'at = ["noop", "rset"]\nreply = "550 5.7.1 refused"'),
        (lambda b: b.connect().cut("refuse"), 'at = "connect"\ncut = "refuse"'),
        (lambda b: b.banner().replies("554 no"), 'at = "banner"\nreply = "554 no"'),
        (lambda b: b.ehlo().caps("-8BITMIME", "SIZE 9"), 'at = "ehlo"\ncaps = ["-8BITMIME", "SIZE 9"]'),
        (lambda b: b.mail("a@*", "b@*").wait("2s"), 'at = "mail"\nfrom = ["a@*", "b@*"]\nwait = "2s"'),
        (lambda b: b.on("mail", from_="").refuse("550 no"), 'at = "mail"\nfrom = ""\nreply = "550 no"'),
        (lambda b: b.rcpt("a@*").replies("450 x", times=3), 'at = "rcpt"\nrcpt = "a@*"\nreply = "450 x"\ntimes = 3'),
        (lambda b: b.data().cut("rst").times(1), 'at = "data"\ncut = "rst"\ntimes = 1'),
        (lambda b: b.dot("a@*").commit().cut("before"), 'at = "dot"\nrcpt = "a@*"\ncommit = true\ncut = "before"'),
        (lambda b: b.dot().commit(taken=False), 'at = "dot"\ncommit = false'),
        (lambda b: b.idle(">=60s").replies("421 bye"), 'at = "idle"\nage = ">=60s"\nreply = "421 bye"'),
        (lambda b: b.next_message().refuse("550 no"), 'at = "dot"\ntimes = 1\npriority = 1\nreply = "550 no"'),
        (lambda b: b.rcpt().raw(r"\x00\r\n"), "at = 'rcpt'\nraw = '\\x00\\r\\n'"),
        (lambda b: b.on("noop").mangle("lf").drip("1B/1s").tease("1s x 2"),
         'at = "noop"\nmangle = "lf"\ndrip = "1B/1s"\ntease = "1s x 2"'),
        (lambda b: b.dot().to("mx.example:25", outside=True), 'at = "dot"\nto = "mx.example:25"\noutside = true'),
        (lambda b: b.on("body").sip("512B/1s"), 'at = "body"\nsip = "512B/1s"'),
        (lambda b: b.on("tls").handshake("expired"), 'at = "tls"\nhandshake = "expired"'),
        (lambda b: b.rcpt(state="down").set("up").wait("1s"), 'at = "rcpt"\nstate = "down"\nset = "up"\nwait = "1s"'),
        (lambda b: b.dot(header={"X-A": "b*", "X-C": ["d", "!e"]}),
         'at = "dot"\nheader.X-A = "b*"\nheader.X-C = ["d", "!e"]'),
        (lambda b: b.mail(param={"SIZE": ">1000"}), 'at = "mail"\nparam.SIZE = ">1000"'),
        (lambda b: b.rcpt().replies("450 x", "451 y").then("cycle"),
         'at = "rcpt"\nreplies = ["450 x", "451 y"]\nthen = "cycle"'),
        (lambda b: b.rcpt().replies("450 x").replies("451 y", "250 z"), 'at = "rcpt"\nreplies = ["451 y", "250 z"]'),
        (lambda b: b.rcpt(during=("1h..2h", "3h..")), 'at = "rcpt"\nduring = ["1h..2h", "3h.."]'),
    ],
)  # fmt: skip
def test_a_call_is_a_rule(built: Any, toml: str) -> None:
    """Each short form says what it looks like."""
    build = ScriptBuilder()

    built(build)

    assert nameless(build.script) == nameless(read_script(f"[[rule]]\n{toml}", "mine.toml"))


WHO_AND_WHEN = {
    *("at", "reverse_path", "rcpt", "domain", "ehlo", "client", "user", "header", "subject", "body", "size", "tls"),
    *(
        "command",
        "pipelined",
        "param",
        "key",
        "attempt",
        "age",
        "over",
        "open",
        "during",
        "chance",
        "state",
        "priority",
        "after",
    ),
    *("lint", "name"),
}


@pytest.mark.parametrize("word", [word for word in READERS if word not in WHO_AND_WHEN])
def test_every_word_that_answers_is_a_method(word: str) -> None:
    """What a rule does can be chained."""
    assert callable(getattr(RuleBuilder, word))


def test_lint_of_the_settings_holds_for_rules_that_are_made_later() -> None:
    """As `lint = false` in [server] does; without it a reply that no server gives is refused."""
    build = ScriptBuilder()

    with pytest.raises(ConfigurationError):
        build.ehlo().replies("354 go ahead")
    build.settings(lint=False)
    build.ehlo().replies("354 go ahead")

    assert build.script.rules[-1].lint is False


def test_a_rule_is_named_after_the_line_that_made_it() -> None:
    """Whatever names the rule leads to the test; a second one of the same line has a number."""
    build = ScriptBuilder()

    first, line = build.rcpt("ann@*"), here()
    first.refuse()
    for name in ("bob", "eve"):
        build.rcpt(f"{name}@*").refuse()

    assert [rule.name for rule in build.script.rules] == [
        f"{HERE}:{line}",
        f"{HERE}:{line + 3}",
        f"{HERE}:{line + 3}#2",
    ]


def test_a_rule_may_have_a_name_of_its_own() -> None:
    """But no two the same."""
    build = ScriptBuilder()
    build.rcpt("ann@*", name="mine")

    with pytest.raises(ConfigurationError, match='a second rule is called "mine"'):
        build.rcpt("bob@*", name="mine")
    assert [rule.name for rule in build.script.rules] == ["mine"]


def test_a_mistake_is_told_as_in_a_file() -> None:
    """What was said, what was expected, what was probably meant; the file is the test."""
    build = ScriptBuilder()

    with pytest.raises(ConfigurationError) as caught:
        build.on("rctp")
    line = here() - 1
    assert str(caught.value).splitlines() == [
        f'{HERE}:{line}: unknown stage "rctp"',
        f"  expected one of: {' '.join(SERVED)} *",
        '  did you mean "rcpt"?',
    ]


def test_an_unknown_word_is_told() -> None:
    """A keyword that is no word of the language is not swallowed."""
    with pytest.raises(ConfigurationError, match=r'unknown key "domian" in (.*\n)*.*did you mean "domain"'):
        ScriptBuilder().rcpt(domian="x.test")


def test_a_mistake_names_the_line_of_its_own_call() -> None:
    """In a chain over several lines each word knows where it was said."""
    rule = ScriptBuilder().rcpt("ann@*")

    with pytest.raises(ConfigurationError) as caught:
        rule.wait("soon")
    assert str(caught.value).startswith(f'{HERE}:{here() - 1}: rule.wait is "soon"')


def test_a_mistake_leaves_the_rule_as_it_was() -> None:
    """A rule that cannot be performed never gets into the script."""
    build = ScriptBuilder()
    rule = build.rcpt("ann@*").replies("450 4.2.1 busy")

    with pytest.raises(ConfigurationError):
        rule.commit()
    rule.wait("2s")

    assert nameless(build.script) == nameless(
        read_script('[[rule]]\nat = "rcpt"\nrcpt = "ann@*"\nreply = "450 4.2.1 busy"\nwait = "2s"', "mine.toml")
    )


def test_a_second_profile_of_a_name_is_told() -> None:
    """As with rules; those of one line have numbers."""
    build, mix = ScriptBuilder(), [{"weight": 1}]
    for _ in range(2):
        build.profile("x.test", mix=mix)
    build.profile(name="mine", mix=mix)

    with pytest.raises(ConfigurationError, match='a second profile is called "mine"'):
        build.profile(name="mine", mix=mix)
    line = here() - 5
    assert [one.name for one in build.script.profiles] == [f"{HERE}:{line}", f"{HERE}:{line}#2", "mine"]


def test_settings_add_up() -> None:
    """What was said last counts, and before the base."""
    base = read_script('[server]\nhostname = "base.test"\nseed = 7', "base.toml")
    build = ScriptBuilder(base)

    build.settings(hostname="first.test", unmatched="fail")
    build.settings(hostname="second.test")

    server = build.script.server
    assert (server.hostname, server.unmatched, server.seed) == ("second.test", "fail", 7)


def test_a_mistake_in_settings_is_told() -> None:
    """With the line of the call."""
    with pytest.raises(ConfigurationError) as caught:
        ScriptBuilder().settings(hostnam="mx.test")
    assert str(caught.value).startswith(f'{HERE}:{here() - 1}: unknown key "hostnam" in [server]')


def test_packs_come_between_what_is_built_and_the_base() -> None:
    """A pack is the weather, a rule the exception; all can be taken back."""
    base = read_script('[[rule]]\nname = "base"\nat = "rcpt"', "base.toml")
    build = ScriptBuilder(base)

    build.use("profiles/gmx")
    build.rcpt("ann@*", name="built")
    built = build.script
    build.clear()

    assert [rule.name for rule in built.rules][:: len(built.rules) - 1] == ["built", "base"]
    assert built.profiles
    assert build.script is base


def test_a_pack_that_is_not_there_is_told() -> None:
    """With those that are."""
    with pytest.raises(ConfigurationError, match="profiles/gmx"):
        ScriptBuilder().use("profiles/gmz")


def test_what_is_built_comes_before_the_base() -> None:
    """A test makes exceptions to the script that it loads; the script's name and settings stay."""
    base = read_script('[server]\nseed = 7\n[[rule]]\nat = "rcpt"\nreply = "450 4.2.1 no"', "base.toml")
    build = ScriptBuilder(base)

    build.rcpt("ann@*")

    assert [rule.name for rule in build.script.rules][1:] == ["base.toml:3"]
    assert (build.script.name, build.script.seed) == ("base.toml", 7)


def test_a_script_without_rules_of_its_own_is_the_base() -> None:
    """Nothing built, nothing changed."""
    base = read_script("", "base.toml")

    assert ScriptBuilder(base).script is base


def test_each_change_is_told() -> None:
    """A server can play the script as it grows."""
    seen: list[Script] = []
    build = ScriptBuilder(on_change=lambda script: seen.append(nameless(script)))

    build.rcpt("ann@*").replies("450 4.2.1 busy")

    wanted = ('[[rule]]\nat = "rcpt"\nrcpt = "ann@*"\n', 'reply = "450 4.2.1 busy"')
    assert seen == [nameless(read_script(text, "")) for text in (wanted[0], wanted[0] + wanted[1])]


def test_a_script_can_be_printed_as_toml() -> None:
    """And read back to the same script."""
    build = ScriptBuilder(Script(name="mine"))

    build.rcpt("ann@*", key=("client", "rcpt"), attempt="1-2").replies("450 4.2.1 {rcpt} is busy")

    assert read_script(build.script_toml(), "mine") == build.script


def test_expectations_are_named_after_their_line_and_can_be_taken_back() -> None:
    """As rules and profiles are; recipients may come first."""
    build = ScriptBuilder()
    build.expect("ann@x.test", "bob@x.test", committed=1)
    line = here() - 1
    build.expect(name="mine", at="dot", count="1-", from_="news@*")
    with pytest.raises(ConfigurationError, match='a second expectation is called "mine"'):
        build.expect(name="mine", messages=1)
    text = (
        f'[[expect]]\nname = "{HERE}:{line}"\nrcpt = ["ann@x.test", "bob@x.test"]\ncommitted = 1\n'
        '[[expect]]\nname = "mine"\nat = "dot"\ncount = "1-"\nfrom = "news@*"'
    )

    assert build.script.expectations == read_script(text, "s").expectations
    build.clear()
    assert build.script == Script()


def test_injections_are_named_after_their_line_and_can_be_taken_back() -> None:
    """What and of which messages comes first, all else by keyword."""
    build = ScriptBuilder()
    build.inject("dsn", {"rcpt": "bounce@*", "from": "news@*"}, wait="2h")
    line = here() - 1
    build.inject("ooto", {}, name="away")
    with pytest.raises(ConfigurationError, match='a second injection is called "away"'):
        build.inject("ooto", {}, name="away")
    text = (
        f'[[inject]]\nname = "{HERE}:{line}"\non_commit = {{ rcpt = "bounce@*", from = "news@*" }}\nkind = "dsn"\n'
        'wait = "2h"\n[[inject]]\nname = "away"\non_commit = {}\nkind = "ooto"'
    )

    assert build.script.injections == read_script(text, "s").injections
    build.clear()
    assert build.script == Script()
