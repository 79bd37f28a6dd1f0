"""`[[override]]` in a campaign: what is read, and every mistake with its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.campaign_writer import campaign_to_toml
from maildrill.sender.classification import bundled
from maildrill.sender.override import Override, Overrides, Then
from maildrill.smtp import ConfigurationError, Stage

Write = Callable[..., Path]

HEAD = """\
[campaign]
name = "spring"
from = "ann@sender.example"
subject = "Hello"
{}
[account]
host = "mx.example"
[list]
file = "list.csv"
email = "Email"
[message]
text = '''
Hello
'''
"""
FULL = """
[[override]]
category = ["greylist", "rate"]
code = "45*"
status = "4.2.*"
text = ["greylisted", "~come back"]
at = ["rcpt", "dot"]
match = "*.slow.example"
then = "retry"
after = "10m"
[[override]]
code = "552"
then = "hold"
"""
RULES = (
    'version = 1\n[[category]]\nname = "vacation"\nabout = "closed"\n[[rule]]\ncategory = "vacation"\ntext = "closed"\n'
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a writer of campaigns with these overrides, in a folder with a list and rules of one's own."""
    (tmp_path / "list.csv").write_text("Email\nann@x.example\n")
    (tmp_path / "own.toml").write_text(RULES)

    def written(text: str, more: str = "") -> Path:
        path = tmp_path / "campaign.toml"
        path.write_text(HEAD.format(more) + text)
        return path

    return written


def test_every_word_is_read(write: Write) -> None:
    """With the line on which the table begins; and written again as it was read."""
    path = write(FULL)
    found = read_campaign(path).overrides
    whole = Override(
        category=("greylist", "rate"),
        code=("45*",),
        status=("4.2.*",),
        text=("greylisted", "~come back"),
        at=(Stage.RCPT, Stage.DOT),
        match=("*.slow.example",),
        then=Then.RETRY,
        after=600.0,
    )

    assert found == Overrides((whole, Override(code=("552",), then=Then.HOLD)))
    assert [path.read_text().splitlines()[one.line - 1] for one in found.each] == ["[[override]]"] * 2
    assert found.classifier is bundled()

    path.write_text(campaign_to_toml(read_campaign(path), list_file="list.csv"))

    assert read_campaign(path).overrides == found


def test_rules_of_ones_own_give_more_words(write: Write, tmp_path: Path) -> None:
    """The file is found beside the campaign; its categories can be overridden."""
    path = write('[[override]]\ncategory = "vacation"\nthen = "retry"\n', 'rules = "own.toml"')
    found = read_campaign(path).overrides

    assert (found.rules, found.each[0].category) == (tmp_path / "own.toml", ("vacation",))
    assert not Overrides(rules=found.rules)
    path.write_text(campaign_to_toml(read_campaign(path), list_file="list.csv"))
    assert read_campaign(path).overrides == found
    assert read_campaign(write("")).overrides == Overrides()


@pytest.mark.parametrize(
    ("lines", "line", "what", "hint"),
    [
        ('code = "550"\nthen = "retri"', 2, 'override.then is "retri"', 'did you mean "retry"?'),
        ('code = "550"', 0, '"then" is missing in [override]', ""),
        ('then = "fail"', 0, "the override asks nothing: it would change every refusal", ""),
        (
            'category = "greylst"\nthen = "retry"',
            1,
            'override.category is "greylst"',
            'did you mean "greylist"?',
        ),
        (
            'category = "qqq"\nthen = "retry"',
            1,
            'override.category is "qqq"',
            "a new one is declared in the file of [campaign] rules",
        ),
        (
            'then = "fail"\ncode = ["450", "250"]',
            2,
            'override.code is "250"',
            "what a server has accepted is delivered, and a doubt stays a doubt",
        ),
        ('then = "fail"\ncode = "6**"', 2, 'override.code is "6**"', ""),
        ('then = "fail"\nstatus = "5"', 2, 'override.status is "5"', ""),
        ('then = "fail"\ntext = "~("', 2, '"~(" is no pattern: missing ), unterminated subpattern at position 0', ""),
        ('then = "fail"\ntext = ""', 2, "override.text is empty", ""),
        ('then = "fail"\nat = "rctp"', 2, 'override.at is "rctp"', 'did you mean "rcpt"?'),
        (
            'then = "fail"\nat = "banner"',
            2,
            'override.at is "banner"',
            "what is said before MAIL is about the host or our account",
        ),
        ('then = "fail"\nmatch = []', 2, "override.match is empty", ""),
        ('then = "fail"\nmatch = ["a", ""]', 2, "override.match is empty", ""),
        ('then = "hold"\ncode = "550"\nafter = "1h"', 3, "override.after without a retry", ""),
        ('then = "retry"\ncode = "550"\nafter = "59s"', 3, "override.after is 59s", ""),
        ('then = "retry"\ncode = "550"\nafter = "soon"', 3, 'override.after is "soon"', ""),
        ('then = "retry"\ncode = "550"\nwhen = "1h"', 3, 'unknown key "when" in [override]', 'did you mean "then"?'),
    ],
)
def test_a_mistake_is_located(write: Write, lines: str, line: int, what: str, hint: str) -> None:
    """File, line, what was expected, and what was probably meant."""
    path = write(f"[[override]]\n{lines}\n")
    with pytest.raises(ConfigurationError) as caught:
        read_campaign(path)
    error = caught.value

    assert (error.what, error.where) == (what, f"{path}:{HEAD.count(chr(10)) + 1 + line}")
    if hint:
        assert error.hint == hint
    if line:
        assert error.expected


def test_every_key_is_documented() -> None:
    """What an override takes is what docs/campaigns.md lists."""
    page = (Path(__file__).parents[4] / "docs" / "campaigns.md").read_text(encoding="utf-8")
    section = page.partition("\n## Overrides\n")[2].partition("\n## ")[0]

    assert [key for key in Override.__slots__ if key != "line" and f"| `{key}` |" not in section] == []
