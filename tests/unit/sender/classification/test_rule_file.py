"""Rules of one's own: they are asked first, and a mistake is said with its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from maildrill.sender.classification import bundled, read_rules
from maildrill.smtp import ConfigurationError, Reply

Write = Callable[[str], Path]

OWN = """\
version = 1
[[category]]
name = "vacation"
about = "the office is closed"
[[rule]]
category = "vacation"
name = "summer"
text = ["closed for summer", "~ferme(e)? en août"]
source = "the office's own manual"
[[rule]]
category = "policy"
code = "550"
status = "5.1.1"
at = "dot"
fault = []
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a file of rules."""

    def written(text: str) -> Path:
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_own_rules_are_asked_before_those_that_come_along(write: Write) -> None:
    """A new category has the user's words; what no own rule knows is classified as ever."""
    classifier = read_rules(write(OWN))
    found = classifier.classify(Reply.of("450 4.2.1 Closed  for SUMMER"))

    assert (found.category.name, found.category.about) == ("vacation", "the office is closed")
    assert (found.rule, found.source) == ("summer", "the office's own manual")
    assert classifier.classify(Reply.of("550 5.1.1 user unknown")).category.name == "unknown-user"
    assert len(classifier.rules) == len(bundled().rules) + 2


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[[rule]]\ncategory = 'rate'\ncode = '4*'\n", "1", '"version" is missing'),
        ("version = 2\n", "1", "a version that this maildrill does not know"),
        ("version = 1\n[[rule]]\ncategory = 'mailbox-ful'\ncode = '4*'\n", "3", 'did you mean "mailbox-full"?'),
        ("version = 1\n[[rule]]\ncategory = 'zzz'\ncode = '4*'\n", "3", "declared with [[category]]"),
        ("version = 1\n[[rule]]\ncategory = 'rate'\n", "2", "the rule asks nothing"),
        ("version = 1\n[[rule]]\ncategory = 'rate'\ncode = '45x'\n", "4", 'rule.code is "45x"'),
        ("version = 1\n[[rule]]\ncategory = 'rate'\nstatus = '4.7.1.1'\n", "4", 'rule.status is "4.7.1.1"'),
        ("version = 1\n[[rule]]\ncategory = 'rate'\ntext = '~(a'\n", "4", '"~(a" is no pattern'),
        ("version = 1\n[[rule]]\ncategory = 'rate'\ntext = '~'\n", "4", "rule.text is empty"),
        ("version = 1\n[[rule]]\ncategory = 'rate'\nat = 'rcp'\n", "4", 'did you mean "rcpt"?'),
        ("version = 1\n[[rule]]\ncategory = 'rate'\nfault = 'late'\n", "4", 'rule.fault is "late"'),
        ("version = 1\n[[rule]]\ncategory = 'rate'\ncode = '4*'\nwhen = 1\n", "5", 'unknown key "when"'),
        ("version = 1\n[[category]]\nname = 'rate'\nabout = 'x'\n", "3", 'there is a category "rate" already'),
        ("version = 1\n[[category]]\nname = 'No Way'\nabout = 'x'\n", "3", 'category.name is "No Way"'),
        ("version = 1\n[[category]]\nname = 'new'\n", "2", '"about" is missing'),
    ],
)
def test_a_mistake_is_said_with_its_line(write: Write, text: str, line: str, said: str) -> None:
    """What is wrong, where, and what was meant."""
    path = write(text)
    with pytest.raises(ConfigurationError) as caught:
        read_rules(path)

    assert said in str(caught.value)
    assert caught.value.where == f"{path}:{line}"
