"""Which events are a rule's business: what was said in it, and of what kind the message is."""

from __future__ import annotations

from typing import Any

import pytest

REPLY = 'reply = "550 5.7.1 no"'
LETTER = (
    b"From: a@b.test\r\nSubject: =?utf-8?q?Spring_f=C3=BCr_alle?=\r\nReceived: one\r\nReceived: two\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nBuy now, un=\r\nsubscribe later\r\n"
)


@pytest.mark.parametrize(
    ("stage", "rule", "said", "fits"),
    [
        ("mail", 'ehlo = "client.*"', {}, True),
        ("mail", 'ehlo = "!client.*"', {}, False),
        ("mail", 'ehlo = ["x.test", "CLIENT.test"]', {}, True),
        ("ehlo", 'ehlo = "new.test"', {"argument": "new.test"}, True),
        ("ehlo", 'ehlo = "client.test"', {"argument": "new.test"}, False),
        ("noop", 'ehlo = ""', {"helo": ""}, True),
        ("mail", 'client = "192.0.2.*"', {}, True),
        ("mail", 'client = "192.0.3.*"', {}, False),
        ("banner", 'client = "2001:DB8::*"', {"client": "2001:db8::1"}, True),
        ("auth", 'user = "ann@*"', {"user": "Ann@x.test"}, True),
        ("mail", 'user = "ann"', {}, False),
        ("mail", 'user = ""', {}, True),
        ("mail", 'user = "!ann"', {}, True),
        ("mail", 'user = ["?*", "!ann"]', {}, False),
        ("mail", 'user = ["?*", "!ann"]', {"user": "bob"}, True),
        ("unknown", 'command = "xclient *"', {"verb": "XCLIENT", "argument": "NAME=a"}, True),
        ("unknown", 'command = "XCLIENT"', {"verb": "XCLIENT", "argument": "NAME=a"}, False),
        ("noop", 'command = "noop"', {"verb": "NOOP"}, True),
        ("auth", 'command = "AUTH PLAIN"', {"verb": "AUTH", "argument": "PLAIN AGFubgB4"}, True),
        ("auth", 'command = "*AGF*"', {"verb": "AUTH", "argument": "PLAIN AGFubgB4"}, False),
        ("rcpt", "pipelined = true", {"pipelined": True}, True),
        ("rcpt", "pipelined = true", {}, False),
        ("rcpt", "pipelined = false", {"pipelined": True}, False),
        ("rcpt", "pipelined = false", {}, True),
        ("mail", "tls = true", {"tls": "TLSv1.3"}, True),
        ("mail", "tls = true", {}, False),
        ("mail", "tls = false", {}, True),
        ("mail", "tls = false", {"tls": "TLSv1.3"}, False),
        ("mail", 'tls = "TLSv1.2"', {"tls": "TLSv1.2"}, True),
        ("mail", 'tls = "TLSv1.2"', {"tls": "TLSv1.3"}, False),
        ("mail", 'tls = "!TLSv1.2"', {"tls": "TLSv1.3"}, True),
        ("mail", 'tls = "!TLSv1.2"', {}, False),
        ("mail", 'param.BODY = "8bit*"', {"parameters": {"BODY": "8BITMIME"}}, True),
        ("mail", 'param.body = "8bit*"', {"parameters": {"BODY": "7BIT"}}, False),
        ("mail", 'param.SMTPUTF8 = "*"', {"parameters": {"SMTPUTF8": ""}}, True),
        ("mail", 'param.SMTPUTF8 = "*"', {}, False),
        ("mail", 'param.SMTPUTF8 = "!*"', {}, True),
        ("mail", 'param.SMTPUTF8 = "!*"', {"parameters": {"SMTPUTF8": ""}}, False),
        ("noop", 'param.SMTPUTF8 = "!*"', {"reverse_path": None}, False),
        ("mail", 'param.SIZE = ">1000"', {"parameters": {"SIZE": "1001"}}, True),
        ("mail", 'param.SIZE = ">1000"', {"parameters": {"SIZE": "1000"}}, False),
        ("mail", 'param.SIZE = ">1000"', {}, False),
        ("mail", 'param.SIZE = "<1000"', {"parameters": {"SIZE": "many"}}, False),
        ("mail", 'param.SIZE = ["..10", "7", "!8"]', {"parameters": {"SIZE": "8"}}, False),
        ("mail", 'param.SIZE = ["..5", "7"]', {"parameters": {"SIZE": "7"}}, True),
        ("mail", 'param.SIZE = ["..5", "7"]', {"parameters": {"SIZE": "6"}}, False),
        ("mail", 'param.SIZE = "<1"', {"parameters": {"SIZE": "9" * 30}}, False),
        ("mail", 'param.SIZE = "*"\nparam.BODY = "*"', {"parameters": {"SIZE": "1"}}, False),
        ("rcpt", 'param.NOTIFY = "*failure*"', {"parameters": {"NOTIFY": "SUCCESS,FAILURE"}}, True),
        ("mail", 'size = ">1MB"', {"size": 1_000_001}, True),
        ("mail", 'size = ">1MB"', {"size": 1_000_000}, False),
        ("mail", 'size = ">=0"', {}, False),
        ("dot", "size = 7", {"size": 7}, True),
        ("bdat", 'size = "..7"', {"size": 7}, False),
        ("dot", 'subject = "spring*alle"', {"content": LETTER}, True),
        ("dot", 'subject = "winter*"', {"content": LETTER}, False),
        ("dot", 'header.Subject = "~für"', {"content": LETTER}, True),
        ("dot", 'header.received = "two"', {"content": LETTER}, True),
        ("dot", 'header.received = ["two", "!one"]', {"content": LETTER}, False),
        ("dot", 'header.List-Unsubscribe = "*"', {"content": LETTER}, False),
        ("dot", 'header.List-Unsubscribe = "!*"', {"content": LETTER}, True),
        ("dot", 'header.From = "!*"', {"content": LETTER}, False),
        ("dot", 'header.From = "a@*"\nheader.Received = "three"', {"content": LETTER}, False),
        ("dot", 'body = "~unsubscribe later$"', {"content": LETTER[:-2]}, True),
        ("dot", 'body = "*unsubscribe*"', {"content": LETTER}, True),
        ("dot", 'body = "!*unsubscribe*"', {"content": LETTER}, False),
        ("dot", 'body = ""', {"size": 0}, True),
        ("dot", 'subject = "!*"', {"size": 0}, True),
        ("dot", 'subject = "!*"', {"size": 10_000_000}, False),
        ("dot", 'body = "!*"', {}, False),
        ("bdat", 'subject = "spring*"', {"content": LETTER, "last": True}, True),
        ("bdat", 'subject = "!*"', {"content": b"", "size": 0, "last": False}, False),
    ],
)
def test_what_a_rule_is_about(play: Any, stage: str, rule: str, said: dict[str, Any], fits: bool) -> None:
    """What is not there is none of what is meant; what cannot be known is not even none of what is not."""
    script = play(f'at = "{stage}"\n{rule}\n{REPLY}')

    assert ("say 550" in script.on(stage, **said)) is fits


def test_all_words_must_hold(play: Any) -> None:
    """Each of them can keep the rule from firing."""
    words: dict[str, tuple[str, dict[str, Any]]] = {
        "ehlo": ('ehlo = "client.test"', {"helo": "other.test"}),
        "client": ('client = "192.0.2.1"', {"client": "192.0.2.2"}),
        "user": ('user = "ann"', {"user": "bob"}),
        "tls": ("tls = true", {"tls": ""}),
        "from": ('from = "news@*"', {"reverse_path": ""}),
        "param": ('param.SIZE = "<10"', {"parameters": {"SIZE": "10"}}),
        "size": ('size = "<10"', {"size": 10}),
        "subject": ('subject = "spring*"', {"content": b"Subject: x\r\n\r\n"}),
        "rcpt": ('rcpt = "ann@*"', {"recipients": ("bob@x.test",)}),
    }
    script = play('at = "dot"\n' + "\n".join(text for text, _ in words.values()) + f"\n{REPLY}")
    right: dict[str, Any] = {"user": "ann", "tls": "TLSv1.3", "parameters": {"SIZE": "9"}, "size": 9, "content": LETTER}

    assert script.on("dot", **right) == "do not take, say 550"
    for _, wrong in words.values():
        assert script.on("dot", **{**right, **wrong}) == "proceed"


def test_a_recipient_beyond_ascii_is_found(play: Any) -> None:
    """By what it is, by its domain, and by what it is not; and so is one without a domain."""
    script = play(
        '[[rule]]\nat = "rcpt"\nrcpt = ["ann@*", "eve@x.test"]\nreply = "450 head"\n'
        '[[rule]]\nat = "rcpt"\ndomain = ["müller.test", "kino.test"]\nreply = "451 domain"\n'
        '[[rule]]\nat = "rcpt"\ndomain = "*.kino.test"\nreply = "452 tail"\n'
        '[[rule]]\nat = "rcpt"\nrcpt = ["postmaster", "ünal@*"]\nreply = "454 exact"\n'
        '[[rule]]\nat = "rcpt"\ndomain = ""\nreply = "550 none"\n'
        '[[rule]]\nat = "rcpt"\ndomain = "!*.test"\nreply = "551 not"\n'
        '[[rule]]\nat = "rcpt"\ndomain = "x*"\nreply = "552 head"\n'
    )
    seen = [
        script.rcpt(address)
        for address in (
            "ANN@ü.test",
            "bob@MÜLLER.test",
            "bob@kino.test",
            "bob@\u212aino.test",  # the Kelvin sign: in lower case a k
            "bob@a.KINO.test",
            "postmaster",
            "Ünal@y.test",
            "root",
            "bob@y.example",
            "bob@x.test",
            "bob@y.test",
        )
    ]

    assert [answer.removeprefix("say ") for answer in seen] == (
        ["450", "451", "451", "451", "452", "454", "454", "550", "551", "552", "proceed"]
    )


@pytest.mark.parametrize(
    ("stage", "rule", "said", "text"),
    [
        ("mail", "ehlo = '~^(?P<x>[a-z]+)'", {}, "client"),
        ("mail", "client = '~(?P<x>\\d+)$'", {}, "1"),
        ("mail", "user = '~(?P<x>@.*)'", {"user": "ann@x.test"}, "@x.test"),
        ("mail", "tls = '~v(?P<x>.*)'", {"tls": "TLSv1.3"}, "1.3"),
        ("mail", "param.SIZE = ['>5', '~(?P<x>\\d+)']", {"parameters": {"SIZE": "12"}}, "12"),
        ("mail", "param.SIZE = ['>5', '~^(?P<x>[a-z]+)']", {"parameters": {"SIZE": "12"}}, ""),
        ("dot", "subject = '~(?P<x>\\w+) alle'", {"content": LETTER}, "für"),
        ("dot", "header.Received = '~^(?P<x>t.*)'", {"content": LETTER}, "two"),
        ("dot", "body = '~(?P<x>un\\w+)'", {"content": LETTER}, "unsubscribe"),
    ],
)
def test_every_pattern_has_groups(play: Any, stage: str, rule: str, said: dict[str, Any], text: str) -> None:
    """Named groups can be used in the reply, whatever was matched; of several values the first that fits counts."""
    script = play(f'at = "{stage}"\n{rule}\nreply = "550 {{x}}"')

    assert script.decide(stage, **said).actions[-1].reply.text == text
