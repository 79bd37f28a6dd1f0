"""Scripts that a program writes: every kind of word, and what is read back."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.template import ReplyTemplate
from maildrill.fakeserver.text.rulebook import Rulebook, exact_of, exactly, literal


def test_a_rulebook_is_a_script() -> None:
    """Remarks, server, then the tables in order."""
    book = Rulebook("made by hand")
    book.server(hostname="mx.test", seed=7, tls=None)
    book.server(hostname="mx.other")
    book.rule(
        "about ann", at="rcpt", from_="news@*", rcpt=["ann@*", "bob@*"], chance=0.5, reply="450 4.2.1 no", times=2
    )
    book.rule(at="dot", commit=True)

    assert book.text == (
        "# made by hand\nversion = 1\n\n"
        '[server]\nhostname = "mx.test"\nseed = 7\n\n'
        '# about ann\n[[rule]]\nat = "rcpt"\nfrom = "news@*"\nrcpt = ["ann@*", "bob@*"]\nchance = 0.5\n'
        'reply = "450 4.2.1 no"\ntimes = 2\n\n'
        '[[rule]]\nat = "dot"\ncommit = true\n'
    )
    assert [rule.name for rule in book.script("made.toml").rules] == ["made.toml:9", "made.toml:17"]


def test_an_empty_rulebook_is_a_script_that_accepts_everything() -> None:
    """Settings that say nothing are left out."""
    book = Rulebook()
    book.server(hostname=None)

    assert (book.empty, book.text) == (True, "version = 1\n")
    assert book.script("x").rules == ()


def test_tables_of_tables_are_written_on_one_line() -> None:
    """Keys in quotes where they must be."""
    book = Rulebook()
    book.table("rule", at="dot", header={"X-Id": "1*", "X Y": "2"})

    assert 'header = { X-Id = "1*", "X Y" = "2" }\n' in book.text
    assert not book.empty


@pytest.mark.parametrize("text", ["250 {id}", "250 }{", "250 ok"])
def test_a_text_is_said_as_it_is(text: str) -> None:
    """Braces are no fields."""
    assert str(ReplyTemplate(literal(text)).render({})) == text


@pytest.mark.parametrize("text", ["~ann@x.test", "!ann@x.test", "a.n+n@x.test", ""])
def test_a_pattern_means_a_text_exactly(text: str) -> None:
    """Also where its first mark would mean something else."""
    pattern = Pattern(exactly(text))

    assert pattern.find(text) is not None
    assert pattern.find(f"{text}x") is None
    assert not pattern.negated
    assert exact_of(pattern.text) == text


@pytest.mark.parametrize("pattern", ["~^a.c$", "!ann@*", "~", "~^", "~^ann"])
def test_a_pattern_that_means_more_is_not_exact(pattern: str) -> None:
    """A glob is its own text; a regular expression mostly is not."""
    assert exact_of(pattern) is None


@pytest.mark.parametrize(
    ("words", "lint"),
    [
        ({"at": "rcpt", "reply": "450 no"}, None),
        ({"at": "rcpt", "reply": "499 no"}, False),
        ({"at": ["mail", "data"], "replies": ["450 no", "250 ok"]}, False),
        ({"at": "*", "reply": "450 no"}, None),
        ({"at": "rcpt", "reply": "{code} no"}, None),
        ({"at": "rcpt", "cut": "before"}, None),
    ],
)
def test_a_reply_that_no_server_would_give_may_stand(words: dict[str, Any], lint: bool | None) -> None:
    """Other programs say it all the same."""
    book = Rulebook()
    book.rule(**words)

    assert ("lint = false" in book.text) is (lint is False)


def test_names_are_given_once() -> None:
    """The second of a name gets a number behind it."""
    book = Rulebook()
    for _ in range(2):
        book.rule(name="twice", at="rcpt", cut="before")

    assert [rule.name for rule in book.script("x").rules] == ["twice", "twice#2"]
