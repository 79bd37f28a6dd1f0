"""A message that goes by BDAT (RFC 3030): a chunk is answered before the next one is begun, and no dot is doubled."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import pytest

from maildrill.sender.attempt import Broken, Fault, Transaction
from maildrill.sender.disposition import judge
from maildrill.sender.octets import Content
from maildrill.smtp import Envelope, Reply, Stage

if TYPE_CHECKING:
    from tests.integration.dialogue.conftest import Ground, Scene
else:
    Ground = Scene = Any

ANN, BEN = "ann@x.test", "ben@x.test"
MESSAGE = b"Subject: dots\r\n\r\n.\r\n..\r\nend\r\n"  # 29 octets: three chunks, or one that is just full
OFFERED = "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 0\r\n250 CHUNKING"
LOCK_STEP = "250-mx.test\r\n250-SIZE 0\r\n250 CHUNKING"
MAIL = f"MAIL FROM:<news@shop.test> SIZE={len(MESSAGE)}"


@pytest.fixture(params=[OFFERED, LOCK_STEP], ids=["pipelined", "lock-step"])
def offers(request: pytest.FixtureRequest) -> str:
    """Both ways of saying what comes before."""
    return str(request.param)


def rows(heard: Transaction) -> list[str]:
    return [ruling.row for ruling in judge(heard)]


@pytest.mark.parametrize(
    ("chunk", "said"),
    [
        (10, ["BDAT 10", "BDAT 10", "BDAT 9 LAST"]),
        (15, ["BDAT 15", "BDAT 14 LAST"]),
        (28, ["BDAT 28", "BDAT 1 LAST"]),
        (29, ["BDAT 29 LAST"]),
        (10**6, ["BDAT 29 LAST"]),
    ],
)
def test_a_message_goes_in_chunks(ground: Ground, offers: str, chunk: int, said: list[str]) -> None:
    """As few as there can be, each as long as is said, octet for octet; neither DATA nor RSET is needed."""

    async def story(scene: Scene) -> tuple[Transaction, Scene]:
        session = await scene.session()
        heard = await scene.send(session, ANN, BEN, message=MESSAGE, chunk=chunk)
        await session.quit()
        return heard, scene

    heard, scene = ground.hold(story, {"EHLO": offers, "LAST": "251 2.0.0 queued"})

    assert scene.host.commands[1:] == [MAIL, f"RCPT TO:<{ANN}>", f"RCPT TO:<{BEN}>", *said, "QUIT"]
    assert b"".join(scene.host.chunks) == MESSAGE
    assert (heard.chunked, heard.bdat, heard.dot, heard.dot_sent) == (True, None, Reply(251, ("2.0.0 queued",)), True)
    assert scene.intents == [(ANN, BEN)]
    assert f"=== 29 octets of message, blake2b {blake2b(MESSAGE, digest_size=8).hexdigest()}" in scene.dialogue


@pytest.mark.parametrize(
    ("message", "more"),
    [(b"", {"chunk": 10}), (MESSAGE, {"chunk": 0}), (MESSAGE, {})],
    ids=["no octet", "not wanted", "not asked for"],
)
def test_where_there_is_no_chunk_a_message_goes_by_data(
    memory: Ground, offers: str, message: bytes, more: dict[str, int]
) -> None:
    """A last chunk without an octet would have none to keep back until the intent is written."""

    async def story(scene: Scene) -> tuple[list[str], list[bytes], list[str]]:
        session = await scene.session()
        heard = await scene.send(session, message=message, **more)
        return rows(heard), scene.host.messages, scene.host.commands[-2:]

    assert memory.hold(story, {"EHLO": offers}) == (["dot-2yz"], [message], ["DATA", "."])


def test_where_chunking_is_not_offered_a_message_goes_by_data(memory: Ground, pipelining: bool) -> None:
    """No command is said that the reply to EHLO did not name (RFC 5321 section 2.2)."""

    async def story(scene: Scene) -> tuple[list[str], list[bytes]]:
        session = await scene.session()
        return rows(await scene.send(session, message=MESSAGE, chunk=10)), scene.host.messages

    assert memory.hold(story, pipelining=pipelining) == (["dot-2yz"], [MESSAGE])


def test_nobody_accepted_no_chunk(memory: Ground, offers: str) -> None:
    """BDAT waits for the replies to RCPT, though commands are pipelined."""

    async def story(scene: Scene) -> tuple[list[str], bool, list[str]]:
        session = await scene.session()
        heard = await scene.send(session, ANN, BEN, message=MESSAGE, chunk=10)
        return rows(heard), session.alive, scene.host.commands[3:]

    assert memory.hold(story, {"EHLO": offers, "RCPT": "550 no"}) == (
        ["rcpt-5yz"] * 2,
        True,
        [f"RCPT TO:<{BEN}>", "RSET"],
    )


@pytest.mark.parametrize(("said", "row"), [("451 4.3.0 later", "data-4yz"), ("552 5.3.4 too big", "data-5yz")])
def test_a_chunk_that_is_refused_ends_the_transaction(ground: Ground, offers: str, said: str, row: str) -> None:
    """The rest is not sent, RSET clears what the server has of it, and the session takes the next message."""

    async def story(scene: Scene) -> tuple[list[str], list[Reply | None], list[str], int]:
        session = await scene.session()
        first = await scene.send(session, message=MESSAGE, chunk=10)
        intents, commands = len(scene.intents), scene.host.commands[3:]
        second = await scene.send(session, message=MESSAGE, chunk=10)
        return rows(first) + rows(second), [first.bdat, first.dot], commands, intents

    told = ground.hold(story, {"EHLO": offers, "BDAT": ["250 ok", said, "250 ok"]})

    assert told == ([row, "dot-2yz"], [Reply.of(said), None], ["BDAT 10", "BDAT 10", "RSET"], 0)


@pytest.mark.parametrize(("said", "row"), [("451 4.3.0 later", "dot-4yz"), ("554 5.6.0 no", "dot-5yz")])
def test_a_last_chunk_that_is_refused_is_refused_as_a_dot_is(ground: Ground, offers: str, said: str, row: str) -> None:
    """But for RSET, which it takes: the state after a failure is indeterminate (RFC 3030 section 2)."""

    async def story(scene: Scene) -> tuple[list[str], list[Reply | None], bool, list[str]]:
        session = await scene.session()
        heard = await scene.send(session, message=MESSAGE, chunk=20)
        return rows(heard), [heard.bdat, heard.dot], session.alive, scene.host.commands[-2:]

    told = ground.hold(story, {"EHLO": offers, "LAST": said})

    assert told == ([row], [None, Reply.of(said)], True, ["BDAT 9 LAST", "RSET"])


@pytest.mark.parametrize(
    ("says", "broken", "row"),
    [
        ({"BDAT": "354 go on"}, Broken(Stage.BDAT, Fault.OUT_OF_STEP, Reply(354, ("go on",))), "data-out-of-step"),
        ({"LAST": "354 go on"}, Broken(Stage.DOT, Fault.OUT_OF_STEP, Reply(354, ("go on",))), "dot-3yz"),
        ({"BDAT": "<fin>"}, Broken(Stage.BDAT, Fault.EOF), "body-lost"),
        ({"LAST": "<fin>"}, Broken(Stage.BDAT, Fault.EOF), "dot-lost"),
        ({"BDAT": "hello"}, Broken(Stage.BDAT, Fault.GARBAGE, None, "not a reply: 'hello'"), "body-lost"),
    ],
)
def test_a_session_that_ends_at_a_chunk_says_so(
    ground: Ground, offers: str, says: dict[str, str], broken: Broken, row: str
) -> None:
    """After the last octet of the last one nobody can know (RFC 1047); before it nothing was accepted."""

    async def story(scene: Scene) -> tuple[Transaction, bool, list[str]]:
        session = await scene.session()
        heard, alive = await scene.send(session, message=MESSAGE, chunk=20), session.alive
        await session.quit()
        return heard, alive, scene.host.commands[-1:]

    heard, alive, last = ground.hold(story, {"EHLO": offers, **says})

    assert (heard.broken, rows(heard), alive) == (broken, [row], False)
    assert heard.dot_sent is ("LAST" in says)
    assert last == [f"BDAT {9 if 'LAST' in says else 20}" + " LAST" * ("LAST" in says)]


@pytest.mark.parametrize("chunk", [10**6, 10**7], ids=["not the last", "the last"])
def test_a_reply_in_the_middle_of_a_chunk_ends_the_session(ground: Ground, chunk: int) -> None:
    """Nothing can be said that would not pass for the rest of the chunk; no intent is written down."""
    big = (b"x" * 70 + b"\r\n") * 30_000

    async def story(scene: Scene) -> tuple[list[str], bool, list[tuple[str, ...]], int]:
        session = await scene.session()
        heard, alive = await scene.send(session, message=big, chunk=chunk), session.alive
        await session.quit()
        return rows(heard), alive, scene.intents, len(scene.host.chunks)

    told = ground.hold(story, {"EHLO": OFFERED, "BODY": "452 4.3.1 no space<deaf>"})

    assert told == (["body-4yz"], False, [], 0)


@pytest.mark.parametrize(("name", "limit", "row"), [("BDAT", 180, "body-lost"), ("LAST", 600, "dot-lost")])
def test_a_chunk_has_its_deadline(memory: Ground, offers: str, name: str, limit: float, row: str) -> None:
    """That of a block of DATA, and the dot's for the last one (RFC 5321 section 4.5.3.2)."""

    async def story(scene: Scene) -> tuple[list[str], float]:
        session = await scene.session()
        started = scene.clock.now()
        heard = await scene.send(session, message=MESSAGE, chunk=20)
        return rows(heard), scene.clock.now() - started

    told, waited = memory.hold(story, {"EHLO": offers, name: "<mute>"})

    assert told == [row]
    assert limit <= waited < limit + 1


def test_the_last_octet_waits_for_the_intent(memory: Ground, offers: str) -> None:
    """Until it is written down the server has all but one octet of the message; then that leaves, and nothing else."""
    heard: list[bytes] = []

    async def story(scene: Scene) -> list[str]:
        async def slow(_: tuple[str, ...]) -> None:
            await scene.clock.sleep(30)
            heard.append(bytes(scene.host.heard))

        session = await scene.session()
        found = await session.transact(Envelope("", (ANN,)), Content.of(MESSAGE), before_dot=slow, chunk=1000)
        heard.append(bytes(scene.host.heard))
        return rows(found)

    assert memory.hold(story, {"EHLO": offers}) == ["dot-2yz"]
    assert heard[0].endswith(b"BDAT 29 LAST\r\n" + MESSAGE[:-1])
    assert heard[1] == heard[0] + MESSAGE[-1:]


def test_what_cannot_be_written_down_is_not_sent_in_chunks_either(ground: Ground, offers: str) -> None:
    """The last chunk stays without its end (invariant I37)."""

    async def fails(_: tuple[str, ...]) -> None:
        raise RuntimeError("disk full")

    async def story(scene: Scene) -> tuple[list[bytes], bool]:
        session = await scene.session()
        with pytest.raises(RuntimeError, match="disk full"):
            await session.transact(Envelope("", (ANN,)), Content.of(MESSAGE), before_dot=fails, chunk=20)
        await session.quit()
        return scene.host.chunks, session.alive

    assert ground.hold(story, {"EHLO": offers}) == ([MESSAGE[:20]], False)
