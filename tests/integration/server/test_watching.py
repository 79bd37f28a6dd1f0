"""The journal of a running server: what is waited for comes, what was said is told, nothing secret is kept."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from maildrill.fakeserver.journal.journal import Closed, NotSeenError
from maildrill.smtp import ConfigurationError

LETTER = b"Subject: Hello\r\nMessage-ID: <1@shop.test>\r\n\r\nhello\r\n.\r\n"
SCRIPT = """
[[rule]]
name = "gone"
at = "rcpt"
rcpt = "gone@*"
reply = "550 5.1.1 no such user"

[[rule]]
name = "lost"
at = "dot"
rcpt = "lost@*"
commit = true
cut = "before"

[[rule]]
name = "slow"
at = "dot"
rcpt = "slow@*"
wait = "100ms"
reply = "451 4.3.0 later"
"""


_TIME = re.compile(r"\b\d+-\d\d-\d\dT[\d:.]+Z")


async def send(client: Any, rcpt: str) -> str:
    """Go through a transaction for one recipient; returns the last reply."""
    await client.ask("MAIL FROM:<news@shop.test>", f"RCPT TO:<{rcpt}>", "DATA")
    client.write(LETTER)
    reply: str = await client.hear()
    return reply


def test_a_message_is_waited_for_by_what_it_is(ground: Any) -> None:
    """Others that come before do not count; what was there before the call does."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        waiting = asyncio.ensure_future(scene.journal.wait_for(rcpt="ann@x.test", subject="hello"))
        await send(client, "bob@x.test")
        early = waiting.done()
        await send(client, "ann@x.test")
        (message,) = await waiting
        again = await scene.journal.wait_for(message_id="1@shop.test", count=2, timeout=0)
        return early, message.recipients, message.acknowledged, [one.number for one in again]

    assert ground.play("", story) == (False, ("ann@x.test",), True, [1, 2])


def test_a_message_that_nobody_was_told_of_is_waited_for_too(ground: Any) -> None:
    """Lost replies are what this is for."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        sending = asyncio.ensure_future(send(client, "lost@x.test"))
        (message,) = await scene.journal.wait_for(rcpt="lost@*", committed=True)
        await sending
        return message.committed, message.acknowledged

    assert ground.play(SCRIPT, story) == (True, False)


def test_a_message_is_there_when_it_has_been_answered(ground: Any) -> None:
    """Not as soon as it has come: its reply is part of what is looked at."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        sending = asyncio.ensure_future(send(client, "slow@x.test"))
        (message,) = await scene.journal.wait_for(rcpt="slow@*")
        await sending
        return str(message.reply), [str(entry.stage) for entry in scene.journal.find(rule="slow")]

    assert ground.play(SCRIPT, story) == ("451 4.3.0 later", ["dot"])


def test_a_refusal_is_waited_for_as_an_event(ground: Any) -> None:
    """By stage, outcome, recipient and so on."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        waiting = asyncio.ensure_future(scene.journal.wait_for_event(stage="rcpt", outcome="refused", rcpt="gone@*"))
        await client.ask("MAIL FROM:<a@b.test>", "RCPT TO:<ann@x.test>", "RCPT TO:<gone@x.test>")
        (entry,) = await waiting
        return entry.address, entry.rule

    assert ground.play(SCRIPT, story) == ("gone@x.test", "gone")


def test_what_does_not_come_is_told_with_what_came_instead(ground: Any) -> None:
    """The RCPT commands for it, and the messages there were; in a drill that takes no time."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await send(client, "ann@x.test")
        await client.ask("MAIL FROM:<a@b.test>", "RCPT TO:<gone@x.test>")
        try:
            await scene.journal.wait_for(rcpt="gone@x.test", timeout=0.1)
        except NotSeenError as error:
            return [_TIME.sub("", line).strip() for line in str(error).splitlines()]

    assert ground.play(SCRIPT, story) == [
        'no message with rcpt = "gone@x.test" within 0.1s',
        "seen instead:",
        'session=1 at=rcpt command="RCPT TO:<gone@x.test>" reply="550 5.1.1 no such user" rule="gone"',
        'message=1 session=1 from=<news@shop.test> rcpt=<ann@x.test> subject="Hello" size=52 committed acknowledged',
    ]


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        (lambda journal: journal.wait_for(timeout=0.01), "no message within 0.01s"),
        (
            lambda journal: journal.wait_for_event(stage="rcpt", timeout=0.01),
            'no event with stage = "rcpt" within 0.01s',
        ),
        (
            lambda journal: journal.wait_for_event(stage=["connect", "banner"], timeout=0.1, count=9),
            "only 1 of 9 events with",
        ),
    ],
)
def test_where_nothing_came_that_is_told(ground: Any, wait: Any, text: str) -> None:
    """With how much was wanted."""

    async def story(scene: Any) -> Any:
        await (await scene.call()).hear()
        with pytest.raises(NotSeenError) as caught:
            await wait(scene.journal)
        return str(caught.value)

    assert ground.play("", story).startswith(text)


def test_words_that_cannot_be_are_refused_at_once(memory: Any) -> None:
    """Not after the time is up."""

    async def story(scene: Any) -> Any:
        began = scene.clock.now()
        with pytest.raises(ConfigurationError, match='stage is "rctp"'):
            await scene.journal.wait_for_event(stage="rctp", timeout=1e9)
        return scene.clock.now() - began

    assert memory.play("", story) == 0.0


def test_the_dialogue_of_a_session_can_be_read(ground: Any) -> None:
    """Also one in which everything was refused; without what was secret."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask("AUTH LOGIN", "c2VjcmV0", "c2VjcmV0")
        await send(client, "ann@x.test")
        await client.ask("MAIL FROM:<a@b.test>", "RCPT TO:<gone@x.test>", "QUIT")
        await scene.journal.wait_for_event(stage="quit", closed=Closed.FIN)
        return [str(line).partition(" ")[2] for line in scene.journal.transcript(1)], scene.journal.messages[0].digest

    script = SCRIPT + '\n[[rule]]\nat = "ehlo"\ncaps = ["AUTH LOGIN"]\n'
    lines, digest = ground.play(script, story)

    assert lines[0].startswith("=== session 1: ")
    assert not any("c2VjcmV0" in line for line in lines)
    assert lines[-12:] == [
        " -> DATA",
        "<-  354 end data with <CR><LF>.<CR><LF>",
        f"=== message 1: 52 octets, sha256 {digest}",
        "<-  250 2.0.0 message taken",
        " -> MAIL FROM:<a@b.test>",
        "<-  250 2.1.0 sender ok",
        " -> RCPT TO:<gone@x.test>",
        '=== rule "gone"',
        "<** 550 5.1.1 no such user",
        " -> QUIT",
        "<-  221 2.0.0 bye",
        "=== connection ends: fin",
    ]
