"""What can be looked for in a journal, and what is said of words that it does not know."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.journal.journal import Closed, Entry, Journal, Message
from maildrill.fakeserver.journal.query import (
    EVENT_WORDS,
    MESSAGE_WORDS,
    EventWords,
    MessageWords,
    event_filter,
    message_filter,
    words_said,
)
from maildrill.smtp import ConfigurationError, Reply, Stage

OK = Reply.of("250 2.0.0 ok")


def entry(stage: str, reply: str = "", **more: Any) -> Entry:
    words = {"began": 10.0, "at": 10.0, "session": 1, "stage": Stage(stage), **more}
    return Entry(**words, reply=Reply.of(reply) if reply else None)


def message(*recipients: str, subject: str = "", **more: Any) -> Message:
    content = f"Subject: {subject}\r\n\r\nhello\r\n".encode()
    words = {
        "at": 10.0,
        "session": 1,
        "reverse_path": "news@shop.test",
        "message_id": "<1@shop.test>",
        "committed": True,
        **more,
    }
    return Message(recipients=recipients, content=content, size=len(content), **words)


def journal(*entries: Entry) -> Journal:
    made = Journal()
    made.open_session(0.0, "192.0.2.1")
    made.open_session(0.0, "192.0.2.2")
    for one in entries:
        if one.message is not None:
            made.receive(one.message)
            if one.reply is not None:
                made.answer(one.message, one.reply)
        made.add(one)
    return made


ENTRIES = (
    entry("ehlo", "250 ok", command="EHLO x"),
    entry("mail", "250 ok", address="news@shop.test", at=11.0),
    entry("rcpt", "250 ok", address="ann@x.test", at=12.0),
    entry("rcpt", "550 5.1.1 no", address="bob@y.test", rule="gone", session=2, at=13.0),
    entry("rcpt", "451 later", address="cat@X.test", rule="t.toml:3", at=14.0),
    entry("dot", "250 ok", message=message("ann@x.test", "dan@z.test"), at=15.0),
    entry("dot", message=message("lost@x.test"), closed=Closed.FIN, at=16.0),
    entry("vrfy", "554 5.3.0 none", unmatched=True, at=17.0),
)
_AT = ("ehlo", "mail", "ann", "bob", "cat", "dot", "lost", "vrfy")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({}, "ehlo mail ann bob cat dot lost vrfy"),
        ({"stage": "rcpt"}, "ann bob cat"),
        ({"stage": ["ehlo", Stage.VRFY]}, "ehlo vrfy"),
        ({"outcome": "refused"}, "bob vrfy"),
        ({"outcome": ("deferred", "cut")}, "cat lost"),
        ({"outcome": "unmatched"}, "vrfy"),
        ({"outcome": "accepted", "stage": "dot"}, "dot"),
        ({"closed": "fin"}, "lost"),
        ({"rcpt": "ann@x.test"}, "ann dot"),
        ({"rcpt": ["dan@*", "bob@y.test"]}, "bob dot"),
        ({"rcpt": "~^(ann|cat)@"}, "ann cat dot"),
        ({"domain": "x.test"}, "ann cat dot lost"),
        ({"domain": "!x.test"}, "bob dot"),
        ({"reverse_path": "news@*"}, "mail dot lost"),
        ({"from": "nobody@*"}, ""),
        ({"rule": "gone"}, "bob"),
        ({"rule": "t.toml:*"}, "cat"),
        ({"code": 550}, "bob"),
        ({"code": "55*"}, "bob vrfy"),
        ({"code": "4yz"}, "cat"),
        ({"code": ["354", "451"]}, "cat"),
        ({"session": 2}, "bob"),
        ({"session": "2"}, "bob"),
        ({"since": 15}, "dot lost vrfy"),
        ({"since": "12.5", "until": 14}, "bob"),
        ({"until": "1970-01-01T00:00:11Z"}, "ehlo"),
        ({"since": "1970-01-01T01:00:16+01:00"}, "lost vrfy"),
        ({"since": "1970-01-01T00:00:17"}, "vrfy"),
    ],
)
def test_entries_are_found_by_words(words: dict[str, Any], found: str) -> None:
    """All that are given must fit."""
    fits = event_filter(words)
    names = [_AT[index] for index, one in enumerate(ENTRIES) if fits(one)]

    assert names == found.split()


MESSAGES = (
    message("ann@x.test", subject="Hello =?utf-8?q?caf=C3=A9?="),
    message(
        "bob@y.test", "cat@x.test", subject="Offers", reverse_path="", message_id="<2@shop.test>", at=20.0, session=2
    ),
    message("dan@z.test", subject="Offers", committed=False, message_id="", at=30.0),
)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({}, [0, 1, 2]),
        ({"rcpt": "cat@x.test"}, [1]),
        ({"domain": "x.test"}, [0, 1]),
        ({"reverse_path": ""}, [1]),
        ({"from": "news@*"}, [0, 2]),
        ({"subject": "hello café"}, [0]),
        ({"subject": "~^off", "committed": True}, [1]),
        ({"body": "*hello*", "session": 2}, [1]),
        ({"body": "~good ?bye"}, []),
        ({"message_id": "<1@shop.test>"}, [0]),
        ({"message_id": "2@shop.test"}, [1]),
        ({"session": 2}, [1]),
        ({"committed": "false"}, [2]),
        ({"acknowledged": False}, [0, 1, 2]),
        ({"acknowledged": "TRUE"}, []),
        ({"since": 20, "until": 30}, [1]),
    ],
)
def test_messages_are_found_by_words(words: dict[str, Any], found: list[int]) -> None:
    """Subjects are looked at decoded; angle brackets around a Message-ID may be left out."""
    fits = message_filter(words)

    assert [index for index, one in enumerate(MESSAGES) if fits(one)] == found


def test_an_address_means_itself_whatever_marks_are_in_it() -> None:
    """A star is a letter of a local part (RFC 5321 section 4.1.2)."""
    starred = journal(entry("rcpt", "250 ok", address="!a*b@x.test"), entry("rcpt", "250 ok", address="aXb@x.test"))

    assert [one.address for one in starred.find(rcpt="!a*b@x.test")] == ["!a*b@x.test"]


def test_a_journal_finds_both() -> None:
    """The words are keyword arguments."""
    seen = journal(*ENTRIES)

    assert [one.address for one in seen.find(stage="rcpt", outcome="refused")] == ["bob@y.test"]
    assert [one.recipients for one in seen.find_messages(rcpt="lost@*", acknowledged=False)] == [("lost@x.test",)]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"stage": "rctp"}, 'stage is "rctp"\n  expected one of: connect tls'),
        ({"stage": "rctp"}, 'did you mean "rcpt"?'),
        ({"outcome": "refusd"}, 'did you mean "refused"?'),
        ({"closed": []}, "closed is []\n  expected one of: refused fin rst"),
        ({"rcpt": None}, "rcpt is None\n  expected a glob such as"),
        ({"rcpt": True}, "rcpt is True\n  expected a glob such as"),
        ({"rcpt": "~("}, "rcpt: regular expression cannot be read"),
        ({"code": "abc"}, 'code is abc\n  expected a reply code: 550, "55*" or "4yz"'),
        ({"code": "5500"}, "code is 5500"),
        ({"session": "first"}, "session is first\n  expected a session's number"),
        ({"since": "yesterday"}, "since is yesterday\n  expected Unix seconds, or a time such as"),
        ({"since": "nan"}, "since is nan"),
        ({"until": "\x1b"}, "until is \\x1b"),
        ({"recipient": "x"}, 'nothing is looked for by "recipient"\n  expected one of: stage outcome'),
    ],
)
def test_a_word_that_cannot_be_is_told(words: dict[str, Any], text: str) -> None:
    """With what it can be."""
    with pytest.raises(ConfigurationError) as caught:
        event_filter(words)

    assert text in str(caught.value)


def test_a_flag_is_true_or_false() -> None:
    """Nothing else."""
    with pytest.raises(ConfigurationError, match="committed is yes"):
        message_filter({"committed": "yes"})


def test_the_words_of_the_types_are_those_of_the_tables() -> None:
    """`from` is no name in Python, all others are the same."""
    for typed, table in ((EventWords, EVENT_WORDS), (MessageWords, MESSAGE_WORDS)):
        names = {name.replace("reverse_path", "from") for name in typed.__annotations__}

        assert names == set(table)


def test_words_are_said_as_a_script_says_them() -> None:
    """Text in quotes, safe to show."""
    assert words_said({"reverse_path": "a\x1b@b", "code": 550}) == 'from = "a\\x1b@b", code = 550'
