"""Near misses: which rule came nearest to answering an event, and what kept it."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.engine.event import Event
from maildrill.fakeserver.engine.near_miss import Miss, NearMiss, NearMisses
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import Stage

LETTER = b"Subject: hello\r\nX-A: 1\r\nX-A: 2\r\n\r\nHello, world\r\n"


@pytest.mark.parametrize(
    ("stage", "rule", "said", "miss"),
    [
        ("rcpt", 'rcpt = "ann@*"', {"rcpt": "bob@x.test"}, "rcpt is bob@x.test"),
        ("rcpt", 'rcpt = "ann@*"', {"rcpt": None}, "no recipient can be read"),
        ("rcpt", 'domain = "x.test"', {"rcpt": "bob@Y.test"}, "domain is y.test"),
        ("rcpt", 'domain = "x.test"', {"rcpt": "postmaster"}, 'domain is ""'),
        ("data", 'rcpt = "ann@*"', {"recipients": ()}, "there is no recipient yet"),
        ("data", 'rcpt = "ann@*"', {"recipients": ("bob@x", "eve@x")}, "rcpt is bob@x, eve@x"),
        ("data", 'domain = "y"', {"recipients": ("bob@x", "eve@x")}, "domain is x"),
        ("data", 'domain = "y"', {"recipients": tuple(f"{n}@{n}" for n in range(9))}, "domain is 0, 1, 2, 3, 4 …"),
        ("mail", 'from = "a@*"', {"reverse_path": ""}, 'from is ""'),
        ("rset", 'from = "a@*"', {"reverse_path": None}, "no transaction is open"),
        ("rset", 'key = "transaction"', {"reverse_path": None}, "no transaction is open"),
        ("rset", 'key = "rcpt"', {}, "there is no recipient yet"),
        ("bdat", 'key = "message"', {}, "the message has not ended"),
        ("mail", 'ehlo = "x"', {}, "ehlo is client.test"),
        ("ehlo", 'ehlo = "x"', {"argument": "y"}, "ehlo is y"),
        ("noop", 'command = "x"', {"verb": "NOOP", "argument": "y"}, "the command is NOOP y"),
        ("rcpt", "pipelined = true", {}, "the client waited for a reply"),
        ("rcpt", "pipelined = false", {"pipelined": True}, "the client did not wait for a reply"),
        ("auth", 'command = "x"', {"verb": "AUTH", "argument": "PLAIN y"}, "the command is AUTH PLAIN"),
        ("noop", 'ehlo = "x"', {"helo": ""}, "no name was given"),
        ("mail", 'client = "x"', {}, "client is 192.0.2.1"),
        ("mail", 'client = "x"', {"client": ""}, "the client has no address"),
        ("mail", 'user = "x"', {}, "nobody is logged in"),
        ("mail", 'user = "x"', {"user": "ann"}, "user is ann"),
        ("mail", "tls = true", {}, "the session is in clear"),
        ("mail", "tls = false", {"tls": "TLSv1.3"}, "tls is TLSv1.3"),
        ("mail", 'param.SIZE = ">1"', {}, "there is no SIZE"),
        ("mail", 'param.size = ">1"', {"parameters": {"SIZE": "1"}}, "size is 1"),
        ("mail", 'size = ">1"', {}, "the size is not known"),
        ("dot", 'size = ">1"', {"size": 1}, "size is 1"),
        ("dot", 'subject = "x"', {"content": LETTER}, "subject is hello"),
        ("dot", 'subject = "x"', {"content": b"A: b\r\n\r\n"}, "there is no subject"),
        ("dot", 'subject = "x"', {"size": 9}, "the message was not kept"),
        ("bdat", 'subject = "x"', {}, "the message has not ended"),
        ("dot", 'header.X-A = "x"', {"content": LETTER}, "X-A is 1, 2"),
        ("dot", 'header."X.A" = "x"', {"content": LETTER}, 'there is no "X.A"'),
        ("dot", 'body = "x"', {"content": LETTER}, "body is Hello, world\n"),
        ("dot", 'body = "x"', {"content": b"\r\n" + b"y" * 99}, f"body is {'y' * 80}…"),
        ("dot", 'body = "x"', {"size": 9}, "the message was not kept"),
        ("rcpt", 'attempt = "2-"', {}, "this is attempt 1"),
        ("rcpt", 'age = ">=5m"', {}, "it is 0s old"),
        ("rcpt", 'over = "2/1h"', {}, "0 went through"),
        ("rcpt", 'open = ">2"', {}, "1 are open"),
        ("rcpt", 'during = "5m.."', {"after": 90}, "the server has run for 1m30s"),
        ("rcpt", "chance = 0.0", {}, "0.547 was drawn"),
        ("rcpt", 'state = "down"', {}, 'the state is "start"'),
        ("idle", 'age = ">=60s"', {"idle": 30.0}, "the silence lasts 30s"),
        ("body", 'after = "10B"', {"size": 1}, "1 octets have come"),
        ("body", 'after = "10B"', {}, "0 octets have come"),
    ],
)
def test_a_near_miss_says_what_was_seen(play: Any, stage: str, rule: str, said: dict[str, Any], miss: str) -> None:
    """The word, as the rule says it, and what was there instead."""
    script = play(f'name = "r"\nat = "{stage}"\n{rule}')
    (near,) = script.decide(stage, **said).near_misses

    assert str(near).startswith(f"r: {rule} but {miss}")
    assert (near.rule, near.said, near.word) == ("r", rule, rule.partition(" ")[0])


@pytest.mark.parametrize(
    ("rule", "misses"),
    [
        ("times = 1", ["it has fired 1 times"]),
        ('replies = ["450 a", "451 b"]\nthen = "pass"', ["this is no miss", "all 2 replies were said"]),
    ],
)
def test_a_rule_that_has_done_its_work_says_so(play: Any, rule: str, misses: list[str]) -> None:
    """How often it fired."""
    script = play(f'at = "rcpt"\n{rule}')
    for _ in misses:
        script.rcpt("ann@x.test")

    assert script.misses("rcpt", rcpt="ann@x.test")[0].endswith(f"but {misses[-1]}")


def test_a_silence_or_a_message_that_was_acted_upon_is_a_miss(play: Any) -> None:
    """It was not the first time that the rule was asked about it."""
    silence = play('at = "idle"\nage = ">=60s"\nattempt = "2"\ncut = "before"')
    message = play('[[rule]]\nname = "a"\nat = "body"\nattempt = "9"\n[[rule]]\nname = "b"\nat = "body"\nafter = 5')
    silence.on("idle", 60, idle=60.0)
    message.on("body", size=1)

    assert silence.misses("idle", after=70, idle=70.0) == ['test.toml:1: age = ">=60s" but this silence was counted']
    assert message.misses("body", size=4) == [
        'a: at = "body" but of this message it has been asked',
        'b: after = "5" but 4 octets have come',
    ]


def test_the_nearest_comes_first(play: Any) -> None:
    """That of which the most words held; of equals the one that is asked first."""
    script = play(
        '[[rule]]\nname = "a"\nat = "rcpt"\nrcpt = "bob@*"\n'
        '[[rule]]\nname = "b"\nat = "rcpt"\nfrom = "news@*"\nrcpt = "ann@*"\nattempt = "2"\n'
        '[[rule]]\nname = "c"\nat = "rcpt"\nfrom = "news@*"\nrcpt = "bob@*"\n'
        '[[rule]]\nname = "d"\nat = "rcpt"\nrcpt = "ann@*"\ndomain = "y.test"\n'
        '[[rule]]\nname = "e"\nat = "rcpt"\nrcpt = "eve@*"\npriority = 1\n'
    )

    assert [miss.rule for miss in script.decide("rcpt", rcpt="ann@x.test").near_misses] == ["b", "c", "d", "e", "a"]


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_recipients_the_one_that_came_nearest_counts(play: Any, order: int) -> None:
    """Whoever comes first."""
    script = play('name = "r"\nat = "data"\nkey = "rcpt"\nattempt = "2"\nage = "<1h"')
    script.on("data", recipients=("ann@x.test",))

    assert script.misses("data", after=7200, recipients=("ann@x.test", "bob@x.test")[::order]) == [
        'r: age = "<1h" but it is 2h old'
    ]


def test_an_event_that_was_answered_has_none(play: Any) -> None:
    """Nor has one at a stage of which the script does not speak."""
    script = play('[[rule]]\nat = "rcpt"\nrcpt = "eve@*"\n[[rule]]\nat = "rcpt"\nrcpt = "ann@*"\n')

    assert list(script.decide("rcpt", rcpt="ann@x.test").near_misses) == []
    assert list(script.decide("mail").near_misses) == []
    assert len(script.decide("rcpt", rcpt="bob@x.test").near_misses) == 2


def test_what_is_large_is_not_kept() -> None:
    """Near misses may lie in a journal for long."""
    rule = read_script('[[rule]]\nat = "dot"\nrcpt = "x"', "s.toml").rules[0]
    event = Event(
        stage=Stage.DOT,
        at=0.0,
        session=1,
        client="c",
        recipients=tuple(f"{n}@x" for n in range(1000)),
        content=b"x" * 1000,
        message_id="x" * 1000,
    )
    misses = NearMisses(event, (rule,), (Miss(0, "rcpt"),))
    kept = misses._event

    assert (kept.content, kept.message_id, len(kept.recipients)) == (b"", "", 6)
    assert str(misses[0]).endswith("0@x, 1@x, 2@x, 3@x, 4@x …")


def test_near_misses_are_a_sequence_of_values() -> None:
    """Read when somebody asks, and equal by what they say."""
    rules = read_script(
        '[[rule]]\nname = "a"\nat = "mail"\nfrom = "x"\n[[rule]]\nname = "b"\nat = "mail"', "s.toml"
    ).rules
    event = Event(stage=Stage.MAIL, at=0.0, session=1, client="c", reverse_path="y")
    first, second = (NearMisses(event, rules, (Miss(0, "from"), None)) for _ in range(2))
    other = NearMisses(event, rules, (None, Miss(0, "at", "nothing")))
    value = NearMiss("a", "from", 'from = "x"', "from is y")

    assert (first, len(first), first[0], first[:1]) == (second, 1, value, (value,))
    assert first != other
    assert first != (value,)
    assert hash(first) == hash(second)
    assert repr(first) == repr((value,))
