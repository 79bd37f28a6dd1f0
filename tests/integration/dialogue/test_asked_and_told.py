"""What a transaction is asked for besides a delivery: refusals told at once, reports, and to leave while it may."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from maildrill.sender.attempt import Broken, Fault, Transaction
from maildrill.sender.disposition import judge
from maildrill.sender.dsn import DsnRequest, EnvelopeId, Notify, Reporting, Ret
from maildrill.sender.session import Session
from maildrill.smtp import Stage

if TYPE_CHECKING:
    from tests.integration.dialogue.conftest import Ground, Scene
else:
    Ground = Scene = Any

ANN, BEN, CID = "ann@x.test", "ben@x.test", "cid@x.test"
MESSAGE = b"Subject: hello\r\n\r\nHello!\r\n"


def rows(heard: Transaction) -> list[str]:
    return [ruling.row for ruling in judge(heard)]


@pytest.mark.parametrize("chunk", [0, 1000])
def test_refusals_are_told_when_all_rcpt_are_answered(ground: Ground, pipelining: bool, chunk: int) -> None:
    """Before DATA is answered and an octet of the message has left: the rest may take minutes (invariant I36)."""
    offers = "250-mx.test\r\n" + "250-PIPELINING\r\n" * pipelining + "250 CHUNKING"

    async def story(scene: Scene) -> tuple[list[Transaction], int, list[str]]:
        told: list[Transaction] = []
        heard_then = 0

        async def after_rcpt(so_far: Transaction) -> None:
            nonlocal heard_then
            told.append(so_far)
            heard_then = len(scene.host.messages) + len(scene.host.chunks)

        session = await scene.session()
        heard = await scene.send(session, ANN, BEN, CID, after_rcpt=after_rcpt, chunk=chunk)
        return told, heard_then, rows(heard)

    (told,), heard_then, found = ground.hold(story, {"EHLO": offers, "RCPT_ben": "550 no", "RCPT_cid": "450 later"})

    assert [reply.code if reply else None for reply in (told.mail, *told.rcpt, told.data, told.dot)] == [
        *(250, 250, 550, 450),
        *(None, None),
    ]
    assert (told.broken, heard_then) == (None, 0)
    assert found == ["dot-2yz", "rcpt-5yz", "rcpt-4yz"]


def test_where_nobody_is_refused_nothing_is_told(ground: Ground, pipelining: bool) -> None:
    """There is nothing that the outcome would not say: a write to the disk is spared."""

    async def story(scene: Scene) -> list[str]:
        async def after_rcpt(_: Transaction) -> None:
            raise AssertionError("told of nothing")

        return rows(await scene.send(await scene.session(), ANN, BEN, after_rcpt=after_rcpt))

    assert ground.hold(story, {"RCPT": "251 ok"}, pipelining=pipelining) == ["dot-2yz"] * 2


def test_refusals_that_cannot_be_written_down_end_the_session(ground: Ground, pipelining: bool) -> None:
    """The error goes on, and no message leaves."""

    async def story(scene: Scene) -> tuple[bool, list[bytes]]:
        async def fails(_: Transaction) -> None:
            raise RuntimeError("disk full")

        session = await scene.session()
        with pytest.raises(RuntimeError, match="disk full"):
            await scene.send(session, ANN, BEN, after_rcpt=fails)
        await session.quit()
        return session.alive, scene.host.messages

    assert ground.hold(story, {"RCPT_ben": "550 no"}, pipelining=pipelining) == (False, [])


def test_reports_are_asked_for_where_dsn_is_offered(ground: Ground, pipelining: bool) -> None:
    """With MAIL and with each RCPT (RFC 3461 section 4); elsewhere not, for such a parameter would be refused."""
    wishes = DsnRequest(notify=(Notify.FAILURE,), ret=Ret.HDRS)
    reporting = Reporting(wishes, EnvelopeId(message="7fa0", run=1, session=2, transaction=3))
    offers = "250-mx.test\r\n" + "250-PIPELINING\r\n" * pipelining + "250 "

    async def story(scene: Scene) -> list[str]:
        await scene.send(await scene.session(), ANN, BEN, reporting=reporting)
        return scene.host.commands[1:4]

    assert ground.hold(story, {"EHLO": f"{offers}DSN"}) == [
        "MAIL FROM:<news@shop.test> RET=HDRS ENVID=7fa0.1.2.3",
        f"RCPT TO:<{ANN}> NOTIFY=FAILURE ORCPT=rfc822;{ANN}",
        f"RCPT TO:<{BEN}> NOTIFY=FAILURE ORCPT=rfc822;{BEN}",
    ]
    assert ground.hold(story, {"EHLO": f"{offers}HELP"}) == [
        "MAIL FROM:<news@shop.test>",
        f"RCPT TO:<{ANN}>",
        f"RCPT TO:<{BEN}>",
    ]


async def _leave_after(scene: Scene, session: Session, seconds: float) -> Transaction:
    task = asyncio.create_task(scene.send(session, ANN, BEN))
    await scene.clock.sleep(seconds)
    session.leave("sent to the other host")
    return await task


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ({"MAIL": "<mute>"}, ["stopped"] * 2),
        ({"RCPT_ann": "550 no", "RCPT_ben": "<mute>"}, ["rcpt-5yz", "rcpt-undecided"]),
        ({"DATA": "<mute>"}, ["stopped"] * 2),
    ],
)
def test_a_session_is_left_while_the_server_is_asked(
    memory: Ground, pipelining: bool, says: dict[str, str], told: list[str]
) -> None:
    """Nobody has the message yet: what was said stays, and no try is counted for the others (invariant I15)."""

    async def story(scene: Scene) -> tuple[Transaction, bool, float]:
        session = await scene.session()
        started = scene.clock.now()
        heard = await _leave_after(scene, session, 5)
        return heard, session.alive, scene.clock.now() - started

    heard, alive, waited = memory.hold(story, says, pipelining=pipelining)

    assert (rows(heard), alive, waited < 6) == (told, False, True)
    assert [one.counted for one in judge(heard)] == [row == "rcpt-5yz" for row in told]


def test_a_session_is_not_left_while_the_message_is_on_its_way(memory: Ground, pipelining: bool) -> None:
    """Else the dot would be in doubt for nothing; nor while nothing is asked (invariant I38)."""

    async def story(scene: Scene) -> tuple[list[str], bool]:
        session = await scene.session()
        session.leave("nobody is asked yet")
        heard = await _leave_after(scene, session, 5)
        session.leave("nobody is asked any more")
        return rows(heard), session.alive

    assert memory.hold(story, {"dot": "<wait>250 taken"}, pipelining=pipelining) == (["dot-2yz"] * 2, True)


def test_who_leaves_says_why(memory: Ground) -> None:
    """In the transaction's end, for the log; the transcript has the fault."""

    async def story(scene: Scene) -> tuple[Broken | None, str]:
        heard = await _leave_after(scene, await scene.session(), 5)
        return heard.broken, scene.dialogue[-1]

    broken, last = memory.hold(story, {"DATA": "<mute>"})

    assert broken == Broken(Stage.DATA, Fault.STOPPED, None, "sent to the other host")
    assert last == "=== stopped: connection dropped"
