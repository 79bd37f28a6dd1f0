"""`pipelined`: who does not wait for a reply is known, whatever the server offers; and who waits never seems not to."""

from __future__ import annotations

from typing import Any

import pytest

RULE = 'at = "*"\npipelined = true\nreply = "554 5.5.0 improper use of pipelining"'
MAIL, RCPT = b"MAIL FROM:<news@shop.test>\r\n", b"RCPT TO:<ann@x.test>\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        {MAIL: "250", RCPT: "250", b"DATA\r\n": "354", b"hi\r\n.\r\n": "250", b"NOOP\r\n": "250"},
        {MAIL + RCPT: "250 554", b"DATA\r\n": "554"},
        {MAIL + RCPT + RCPT: "250 554 554", RCPT: "250"},
        {MAIL + b"RC": "250", b"PT TO:<ann@x.test>\r\n": "554", RCPT: "250"},
        {MAIL: "250", RCPT: "250", b"DATA\r\n": "354", b"hi\r\n.\r\nNOOP\r\n": "250 554"},
        {MAIL: "250", RCPT: "250", b"BDAT 2\r\nhi": "250", b"BDAT 0 LAST\r\n": "250"},
        {MAIL: "250", RCPT: "250", b"BDAT 2\r\nhiBDAT 0 LAST\r\n": "250 554", b"NOOP\r\n": "250"},
        {b"XYZZY\r\nXYZZY\r\n": "500 554"},
    ],
)
def test_who_does_not_wait_is_told(ground: Any, pieces: dict[bytes, str]) -> None:
    """The first command of a group is none of those that come too soon, a part of one is."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        heard = []
        for piece, codes in pieces.items():
            client.write(piece)
            replies = (await client.hear(len(codes.split()))).split("|")
            heard.append(" ".join(reply[:3] for reply in replies))
        return heard

    assert ground.play(RULE, story) == list(pieces.values())


def test_who_talks_before_the_greeting_is_told(ground: Any) -> None:
    """As servers that greet late look for."""

    async def story(scene: Any) -> Any:
        early, patient = await scene.call(), await scene.call()
        early.write(b"EHLO client.test\r\n")
        await patient.hear()
        return [(await early.hear(2)).split("|")[-1], (await patient.ask("EHLO client.test"))[:3]]

    assert ground.play(f'[[rule]]\nat = "banner"\nwait = "0.1s"\n[[rule]]\n{RULE}', story) == [
        "554 5.5.0 improper use of pipelining",
        "250",
    ]
