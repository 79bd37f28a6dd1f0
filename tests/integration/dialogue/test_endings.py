"""How a transaction ends: what the transcript has of it, where the session broke, and what a stop waits for."""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from maildrill.sender.attempt import Broken, Fault, Transaction
from maildrill.sender.disposition import judge
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Reply, Stage

if TYPE_CHECKING:
    from tests.integration.dialogue.conftest import Ground, Scene
else:
    Ground = Scene = Any

ANN, BEN = "ann@x.test", "ben@x.test"
MESSAGE = b"Subject: hello\r\n\r\nHello!\r\n"
GO = Reply(354, ("go on",))


def rows(heard: Transaction) -> list[str]:
    return [ruling.row for ruling in judge(heard)]


def test_the_transcript_has_the_message_and_its_dot(memory: Ground) -> None:
    """Commands of a group as they left, before their replies; each line has the moment at which it was said."""

    async def story(scene: Scene) -> tuple[list[str], list[float], float]:
        await scene.once(ANN, BEN, message=MESSAGE)
        return scene.dialogue[6:], [line.at for line in scene.lines], scene.clock.now()

    dialogue, moments, end = memory.hold(story, {"RCPT_ben": "450 later", "dot": "<wait>250 2.0.0 queued"})

    assert dialogue == [
        "<-  250 SIZE 1000000",
        " -> MAIL FROM:<news@shop.test> SIZE=26",
        f" -> RCPT TO:<{ANN}>",
        f" -> RCPT TO:<{BEN}>",
        " -> DATA",
        "<-  250 ok",
        "<-  250 ok",
        "<** 450 later",
        "<-  354 go on",
        f"=== 26 octets of message, blake2b {blake2b(MESSAGE, digest_size=8).hexdigest()}",
        " -> .",
        "<-  250 2.0.0 queued",
        " -> QUIT",
        "<-  221 bye",
    ]
    assert [round(after - before) for before, after in pairwise(moments)][-3:] == [60, 0, 0]
    assert moments == sorted(moments)
    assert end - moments[-1] < 1


@pytest.mark.parametrize(
    ("says", "broken"),
    [
        ({"MAIL": "354 go on"}, Broken(Stage.MAIL, Fault.OUT_OF_STEP, GO)),
        ({"MAIL": "503 what?"}, Broken(Stage.MAIL, Fault.OUT_OF_STEP, Reply(503, ("what?",)))),
        ({"MAIL": "500 what?"}, Broken(Stage.MAIL, Fault.OUT_OF_STEP, Reply(500, ("what?",)))),
        ({"RCPT_ben": "503 what?"}, Broken(Stage.RCPT, Fault.OUT_OF_STEP, Reply(503, ("what?",)))),
        ({"RCPT": "550 no", "DATA": "554 no", "RSET": "354 go on"}, Broken(Stage.RSET, Fault.UNSOLICITED, GO)),
        ({"dot": "354 go on"}, Broken(Stage.DOT, Fault.OUT_OF_STEP, GO)),
    ],
)
def test_a_reply_that_has_no_place_says_where(
    ground: Ground, pipelining: bool, says: dict[str, str], broken: Broken
) -> None:
    """The stage and the reply, for the log and for who decides (RFC 5321 section 4.2.3); the transcript says so."""

    async def story(scene: Scene) -> tuple[Broken | None, list[str]]:
        heard = await scene.send(await scene.session(), ANN, BEN)
        return heard.broken, scene.dialogue[-1:]

    reply = broken.reply
    assert reply is not None
    assert ground.hold(story, says, pipelining=pipelining) == (
        broken,
        [f"=== {broken.fault}: {reply.code} {reply.text} at {broken.stage}"],
    )


def test_a_354_to_a_rcpt_of_a_group_is_that_of_data(ground: Ground) -> None:
    """One reply is missing, and nobody knows which: none of them counts; in lock-step it is a RCPT's own."""

    async def story(scene: Scene) -> Broken | None:
        return (await scene.send(await scene.session(), ANN, BEN, "cid@x.test")).broken

    assert ground.hold(story, {"RCPT_ben": ""}) == Broken(Stage.RCPT, Fault.UNSOLICITED, GO)
    assert ground.hold(story, {"RCPT_ben": "354 go on"}, pipelining=False) == Broken(Stage.RCPT, Fault.OUT_OF_STEP, GO)


def test_a_transaction_that_was_not_begun_needs_no_rset(ground: Ground, pipelining: bool) -> None:
    """MAIL was refused, and so was all that was said behind it: the next MAIL may come."""

    async def story(scene: Scene) -> tuple[list[str], bool, bool]:
        session = await scene.session()
        heard = await scene.send(session, ANN, BEN)
        return rows(heard), session.alive, "RSET" in scene.host.commands

    says = {"MAIL": "550 not you", "RCPT": "503 MAIL first", "DATA": "503 RCPT first"}

    assert ground.hold(story, says, pipelining=pipelining) == (["mail-5yz"] * 2, True, False)


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ({"RCPT": "550 no", "DATA": "554 no"}, ["rcpt-5yz"] * 2),
        ({"RCPT_ann": "550 no", "DATA": "451 later"}, ["rcpt-5yz", "data-4yz"]),
    ],
)
def test_a_stop_before_the_reply_to_rset_changes_nothing(
    memory: Ground, pipelining: bool, says: dict[str, str], told: list[str]
) -> None:
    """All is heard that decides anything: it is written down, and the connection dropped at once (invariant I43)."""

    async def story(scene: Scene) -> tuple[Transaction, bool, list[str], float]:
        session = await scene.session()
        started = scene.clock.now()
        task = asyncio.create_task(scene.send(session, ANN, BEN))
        await scene.clock.sleep(5)
        task.cancel()
        heard = await task
        return heard, session.alive, scene.dialogue[-2:], scene.clock.now() - started

    heard, alive, last, waited = memory.hold(story, {**says, "RSET": "<mute>"}, pipelining=pipelining)

    assert (rows(heard), heard.broken, alive, waited < 6) == (told, None, False, True)
    assert last == [" -> RSET", "=== stopped: connection dropped"]


def test_a_stop_that_was_waited_for_stops_nothing_else(memory: Ground) -> None:
    """What is to be done with the reply is done: the request counts as answered, also in a group of tasks."""

    async def story(scene: Scene) -> tuple[list[str], list[int]]:
        left: list[int] = []

        async def work() -> list[str]:
            told = rows(await scene.send(session))
            task = asyncio.current_task()
            left.append(task.cancelling() if task else -1)
            await scene.clock.sleep(1)
            return told

        session = await scene.session()
        task = asyncio.create_task(work())
        await scene.clock.sleep(30)
        task.cancel()
        return await task, left

    assert memory.hold(story, {"dot": "<wait>250 taken"}) == (["dot-2yz"], [0])


def test_a_goodbye_that_is_broken_off_says_so(memory: Ground) -> None:
    """Nobody who reads the transcript has to guess why no reply to QUIT is there."""

    async def story(scene: Scene) -> list[str]:
        session = await scene.session()
        task = asyncio.create_task(session.quit())
        await scene.clock.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return scene.dialogue[-2:]

    assert memory.hold(story, {"QUIT": ""}) == [" -> QUIT", "=== stopped: connection dropped"]


@pytest.mark.parametrize(
    ("says", "broken"),
    [
        ({"dot": "421 4.3.2 bye"}, Broken(Stage.IDLE, None, Reply(421, ("4.3.2 bye",)))),
        ({"dot": "250 ok<rst>"}, Broken(Stage.IDLE, Fault.RESET)),
        ({"RCPT": "550 no", "DATA": "554 no", "RSET": "503 no"}, Broken(Stage.IDLE, Fault.EOF)),
    ],
)
def test_a_session_that_takes_no_more_says_why(memory: Ground, says: dict[str, str], broken: Broken) -> None:
    """The next transaction is not begun: nobody's try is counted for how the last one ended."""

    async def story(scene: Scene) -> tuple[Transaction, list[str], int]:
        session = await scene.session()
        await scene.send(session, ANN)
        await scene.clock.sleep(1)
        said = len(scene.host.commands)
        heard = await scene.send(session, BEN)
        return heard, rows(heard), len(scene.host.commands) - said

    heard, told, said = memory.hold(story, says)

    assert heard == Transaction(recipients=(BEN,), rcpt=(None,), broken=broken)
    assert (told, said) == (["idle-lost"], 0)


def test_an_empty_message_would_be_out_of_step(ground: Ground) -> None:
    """MAIL was refused, RCPT taken all the same, and DATA got 354: the session is given up there."""

    async def story(scene: Scene) -> Broken | None:
        return (await scene.send(await scene.session(), ANN, BEN)).broken

    assert ground.hold(story, {"MAIL": "550 not you"}) == Broken(Stage.DATA, Fault.OUT_OF_STEP, GO)


def test_a_stop_before_the_dot_says_so(memory: Ground) -> None:
    """In the transcript, behind the last thing that was said."""

    async def story(scene: Scene) -> list[str]:
        task = asyncio.create_task(scene.send(await scene.session(), ANN))
        await scene.clock.sleep(30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return scene.dialogue[-2:]

    assert memory.hold(story, {"DATA": "<mute>"}) == ["<-  250 ok", "=== stopped: connection dropped"]


def test_in_clear_no_certificate_was_shown(memory: Ground) -> None:
    """A session has those that the server showed, which are none without TLS."""

    async def story(scene: Scene) -> tuple[bytes, ...]:
        return (await scene.session()).certificates

    assert memory.hold(story) == ()


def test_a_deadline_may_be_short(memory: Ground) -> None:
    """It is what the campaign says, not what a machine finds handy (invariant I19)."""

    async def story(scene: Scene) -> float:
        session = await scene.session()
        started = scene.clock.now()
        await scene.send(session, ANN)
        return scene.clock.now() - started

    assert 0.25 <= memory.hold(story, {"dot": ""}, deadlines=Deadlines(dot=0.25)) < 0.75
