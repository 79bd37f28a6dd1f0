from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from maildrill.sender.attempt import Broken, Fault, Transaction, Verdict
from maildrill.sender.disposition import judge
from maildrill.sender.ledger.group import GroupCommit, Write
from maildrill.sender.octets import Content
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Envelope, Reply, Stage

if TYPE_CHECKING:
    from tests.integration.dialogue.conftest import Ground, Scene
else:
    Ground = Scene = Any

ANN, BEN, CID = "ann@x.test", "ben@x.test", "cid@x.test"
ALL = (ANN, BEN, CID)
MESSAGE = b"Subject: hello\r\n\r\nHello!\r\n"
BIG = b"Subject: big\r\n\r\n" + b"0123456789" * 7 + b"\r\n" * 4
BIG = BIG + (b"x" * 70 + b"\r\n") * 20_000  # more than the buffers on the way can hold


def codes(heard: Transaction) -> list[int | None]:
    """Every reply's code: MAIL, each RCPT, DATA, early, dot."""
    return [reply.code if reply else None for reply in (heard.mail, *heard.rcpt, heard.data, heard.early, heard.dot)]


def rows(heard: Transaction) -> list[str]:
    return [ruling.row for ruling in judge(heard)]


def test_a_message_goes_out(ground: Ground, pipelining: bool) -> None:
    """MAIL, RCPT, DATA, the message, the dot; the intent is written down before the dot."""

    async def story(scene: Scene) -> tuple[Transaction, Scene]:
        return await scene.once(ANN, BEN), scene

    heard, scene = ground.hold(story, {"dot": "250 2.0.0 queued"}, pipelining=pipelining)

    assert codes(heard) == [250, 250, 250, 354, None, 250]
    assert (heard.dot_sent, heard.broken) == (True, None)
    assert scene.host.messages == [MESSAGE]
    assert scene.intents == [(ANN, BEN)]
    assert scene.host.commands == [
        "EHLO me.test",
        f"MAIL FROM:<news@shop.test> SIZE={len(MESSAGE)}",
        f"RCPT TO:<{ANN}>",
        f"RCPT TO:<{BEN}>",
        "DATA",
        ".",
        "QUIT",
    ]


def test_the_transcript_has_every_line_in_order(memory: Ground) -> None:
    """The set-up included; of the message only its size and hash."""

    async def story(scene: Scene) -> tuple[list[str], int]:
        await scene.once()
        return scene.dialogue, scene.account.port

    dialogue, port = memory.hold(story, {"RCPT_ann": "550-5.1.1 no\r\n550 5.1.1 such user"}, pipelining=False)

    assert dialogue == [
        f"=== connecting to mx.test:{port}",
        "=== connected",
        "<-  220 mx.test",
        " -> EHLO me.test",
        "<-  250-mx.test",
        "<-  250 SIZE 1000000",
        " -> MAIL FROM:<news@shop.test> SIZE=26",
        "<-  250 ok",
        " -> RCPT TO:<ann@x.test>",
        "<** 550-5.1.1 no",
        "<** 550 5.1.1 such user",
        " -> RSET",
        "<-  250 ok",
        " -> QUIT",
        "<-  221 bye",
    ]


def test_a_group_takes_two_round_trips(memory: Ground) -> None:
    """However many recipients there are (RFC 2920); in lock-step each costs one."""

    async def story(scene: Scene) -> float:
        session = await scene.session()
        started = scene.clock.now()
        await scene.send(session, *(f"r{n}@x.test" for n in range(100)))
        return scene.clock.now() - started

    assert memory.hold(story) < 0.05
    assert memory.hold(story, pipelining=False) > 2.0


@pytest.mark.parametrize(
    ("says", "heard", "told"),
    [
        ({}, [250, 250, 250, 250, 354, None, 250], ["dot-2yz"] * 3),
        ({"RCPT_ben": "550 5.1.1 no"}, [250, 250, 550, 250, 354, None, 250], ["dot-2yz", "rcpt-5yz", "dot-2yz"]),
        ({"RCPT": "252 we shall see"}, [250, 252, 252, 252, 354, None, 250], ["dot-2yz"] * 3),
        ({"dot": "251 fine"}, [250, 250, 250, 250, 354, None, 251], ["dot-2yz"] * 3),
        ({"dot": "451 later"}, [250, 250, 250, 250, 354, None, 451], ["dot-4yz"] * 3),
        (
            {"RCPT_ben": "550 no", "DATA": "451 later"},
            [250, 250, 550, 250, 451, None, None],
            ["data-4yz", "rcpt-5yz", "data-4yz"],
        ),
        (
            {"RCPT_cid": "452 4.5.3 too many"},
            [250, 250, 250, 452, 354, None, 250],
            ["dot-2yz", "dot-2yz", "rcpt-too-many"],
        ),
        (
            {"RCPT_cid": "452 4.5.3 too many", "DATA": "503 not so many"},
            [250, 250, 250, 452, 503, None, None],
            ["data-too-many", "data-too-many", "rcpt-too-many"],
        ),
    ],
)
def test_each_recipient_gets_what_was_said_of_it(
    ground: Ground, pipelining: bool, says: dict[str, str], heard: list[int | None], told: list[str]
) -> None:
    """Every reply is heard, pipelined or not, and the session goes on after it."""

    async def story(scene: Scene) -> tuple[Transaction, bool]:
        session = await scene.session()
        found, alive = await scene.send(session, *ALL), session.alive
        await session.quit()
        return found, alive

    found, alive = ground.hold(story, says, pipelining=pipelining)

    assert (codes(found), rows(found), alive) == (heard, told, True)


def test_mail_that_is_refused_ends_the_transaction(ground: Ground, pipelining: bool) -> None:
    """And the next one may begin at once."""

    async def story(scene: Scene) -> list[str]:
        session = await scene.session()
        first, second = await scene.send(session), await scene.send(session)
        await session.quit()
        return rows(first) + rows(second)

    says = {"MAIL": ["451 not now", "250 ok"], "RCPT": ["503 MAIL first", "250 ok"], "DATA": ["503 no", "354 go"]}
    if not pipelining:
        says = {"MAIL": says["MAIL"]}

    assert ground.hold(story, says, pipelining=pipelining) == ["mail-4yz", "dot-2yz"]


def test_when_all_are_refused_no_message_is_sent(ground: Ground, pipelining: bool) -> None:
    """In lock-step no DATA either; pipelined a 354 is answered with a lone dot, and its 250 is nobody's (I8)."""

    async def story(scene: Scene) -> tuple[Transaction, Scene]:
        return await scene.once(ANN, BEN), scene

    heard, scene = ground.hold(story, {"RCPT": "450 4.2.1 not now", "dot": "250 2.0.0 queued"}, pipelining=pipelining)

    assert rows(heard) == ["rcpt-4yz", "rcpt-4yz"]
    assert scene.intents == []
    assert scene.host.messages == ([b""] if pipelining else [])
    assert ("DATA" in scene.host.commands) is pipelining
    assert any(" 0 octets of message, " in line for line in scene.dialogue) is pipelining


def test_an_empty_message_never_reaches_people(ground: Ground) -> None:
    """A server that refuses MAIL, takes RCPT and says 354 is left without a dot."""

    async def story(scene: Scene) -> tuple[Transaction, Scene]:
        return await scene.once(), scene

    heard, scene = ground.hold(story, {"MAIL": "550 not you"})

    assert rows(heard) == ["mail-5yz"]
    assert scene.host.messages == []


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ({"MAIL": "421 bye<fin>"}, ["mail-421"] * 3),
        ({"MAIL": "<fin>"}, ["mail-lost"] * 3),
        ({"MAIL": "hello there"}, ["mail-lost"] * 3),
        ({"MAIL": "503 greet me first"}, ["mail-out-of-step"] * 3),
        ({"RCPT_ben": "421 bye<fin>"}, ["rcpt-undecided", "rcpt-421", "rcpt-undecided"]),
        ({"RCPT_ann": "550 no", "RCPT_ben": "421 bye<fin>"}, ["rcpt-5yz", "rcpt-421", "rcpt-undecided"]),
        ({"RCPT_ann": "550 no", "RCPT_ben": "<fin>"}, ["rcpt-5yz", "rcpt-lost", "rcpt-undecided"]),
        ({"RCPT_ben": "<rst>"}, ["rcpt-undecided", "rcpt-lost", "rcpt-undecided"]),
        ({"RCPT_ann": "250 ok<fin>"}, ["rcpt-undecided", "rcpt-lost", "rcpt-undecided"]),
        ({"RCPT_cid": "250 ok<fin>"}, ["data-lost"] * 3),
        ({"RCPT_ben": "503 what?", "RCPT_cid": "550 no"}, ["rcpt-undecided", "rcpt-out-of-step", "rcpt-undecided"]),
        ({"DATA": "421 bye<fin>"}, ["data-421"] * 3),
        ({"DATA": "250 fine"}, ["data-out-of-step"] * 3),
        ({"DATA": "<fin>"}, ["data-lost"] * 3),
        ({"dot": "421 bye<fin>"}, ["dot-4yz"] * 3),
        ({"dot": "354 go on"}, ["dot-3yz"] * 3),
        ({"dot": "<fin>"}, ["dot-lost"] * 3),
        ({"dot": "<rst>"}, ["dot-lost"] * 3),
        ({"dot": "thanks"}, ["dot-lost"] * 3),
        ({"dot": "250-2.0.0 que~<fin>"}, ["dot-lost"] * 3),
    ],
)
def test_a_session_that_ends_says_where(
    ground: Ground, pipelining: bool, says: dict[str, str], told: list[str]
) -> None:
    """Pipelined and lock-step come to the same (invariants I25, I31), and the session is not used again."""

    async def story(scene: Scene) -> tuple[list[str], bool, list[str]]:
        session = await scene.session()
        heard, alive = await scene.send(session, *ALL), session.alive
        said = list(scene.host.commands)
        await session.quit()
        return rows(heard), alive, scene.host.commands[len(said) :]

    assert ground.hold(story, says, pipelining=pipelining) == (told, False, [])


def test_a_reply_too_many_is_not_believed(ground: Ground, pipelining: bool) -> None:
    """One RCPT answered twice: no refusal that follows is pinned on the wrong recipient, and nothing is sent."""

    async def story(scene: Scene) -> tuple[list[Verdict], Scene]:
        heard = await scene.once(*ALL)
        return [ruling.verdict for ruling in judge(heard)], scene

    verdicts, scene = ground.hold(
        story,
        {"RCPT_ann": "250 ok\r\n250 ok", "RCPT_ben": "550 no", "RCPT_cid": "550 no", "DATA": "554 no"},
        pipelining=pipelining,
    )

    assert verdicts == [Verdict.DEFERRED] * 3
    assert scene.host.messages == []


def test_a_reply_that_is_missing_makes_the_others_doubtful(ground: Ground) -> None:
    """Behind a relay that swallows a reply of the group, ann is not failed for what ben was told."""

    async def story(scene: Scene) -> tuple[list[str], bool]:
        session = await scene.session()
        return rows(await scene.send(session, *ALL)), session.alive

    told = ground.hold(story, {"RCPT_ann": "", "RCPT_ben": "550 no"})

    assert told == (["out-of-step"] * 3, False)


def test_a_354_to_rcpt_is_out_of_step(ground: Ground) -> None:
    """One command, one reply: in lock-step none is missing, and what others were told stays."""

    async def story(scene: Scene) -> list[str]:
        return rows(await scene.send(await scene.session(), *ALL))

    told = ground.hold(story, {"RCPT_ann": "550 no", "RCPT_ben": "354 go on"}, pipelining=False)

    assert told == ["rcpt-5yz", "rcpt-out-of-step", "rcpt-undecided"]


def test_a_reply_too_many_is_found_out_by_rset(ground: Ground) -> None:
    """A group that seems complete: its DATA has cid's answer, and RSET gets the 354."""

    async def story(scene: Scene) -> list[str]:
        return rows(await scene.once(*ALL))

    assert (
        ground.hold(story, {"RCPT_ann": "250 ok\r\n250 ok", "RCPT_ben": "550 no", "DATA": "", "RSET": "354 go"})
        == ["out-of-step"] * 3
    )


def test_a_message_arrives_as_it_was_composed(ground: Ground, pipelining: bool) -> None:
    """Dots, empty lines and a dot on a line of its own go through; bare CR and LF never do (invariant I32)."""
    message = b".\r\n..\r\n.QUIT\r\n\r\n.\r\nend"

    async def story(scene: Scene) -> list[bytes]:
        await scene.once(message=message)
        return scene.host.messages

    assert ground.hold(story, pipelining=pipelining) == [message + b"\r\n"]


def test_a_big_message_goes_out_as_the_connection_takes_it(ground: Ground) -> None:
    """More octets than fit into the buffers on the way."""

    async def story(scene: Scene) -> tuple[list[str], list[bytes]]:
        heard = await scene.once(message=BIG)
        return rows(heard), scene.host.messages

    assert ground.hold(story, {"EHLO": "250-mx.test\r\n250 PIPELINING"}) == (["dot-2yz"], [BIG])


def test_a_connection_that_ends_in_the_message_is_no_doubt(ground: Ground) -> None:
    """The dot had not left."""

    async def story(scene: Scene) -> Transaction:
        return await scene.once(message=BIG)

    for end in ("<fin>", "<rst>"):
        heard = ground.hold(story, {"BODY": end, "EHLO": "250-mx.test\r\n250 PIPELINING"})

        assert (rows(heard), heard.dot_sent) == (["body-lost"], False)


@pytest.mark.parametrize(
    ("reply", "row"),
    [
        ("552 5.3.4 too big", "body-5yz"),
        ("452 4.3.1 no space", "body-4yz"),
        ("421 bye", "body-421"),
        ("250 yes", "body-out-of-step"),
    ],
)
def test_a_reply_before_the_dot_ends_the_message(ground: Ground, reply: str, row: str) -> None:
    """It is read, no dot is sent, and the session is over."""

    async def story(scene: Scene) -> tuple[list[str], Transaction, Scene, bool]:
        session = await scene.session()
        heard, alive = await scene.send(session, message=BIG), session.alive
        await session.quit()
        return rows(heard), heard, scene, alive

    told, heard, scene, alive = ground.hold(story, {"BODY": reply + "<deaf>", "EHLO": "250-mx.test\r\n250 PIPELINING"})

    assert (told, heard.dot_sent, alive) == ([row], False, False)
    assert scene.intents == []


def test_a_refusal_that_comes_with_the_354_is_before_the_dot(ground: Ground, pipelining: bool) -> None:
    """However small the message is; and no dot is sent after it."""

    async def story(scene: Scene) -> tuple[list[str], bool, list[str]]:
        session = await scene.session()
        return rows(await scene.send(session)), session.alive, scene.host.commands[-1:]

    told = ground.hold(story, {"DATA": "354 go on\r\n552 too big"}, pipelining=pipelining)

    assert told == (["body-5yz"], False, ["DATA"])


def test_what_follows_a_refusal_before_the_dot_is_not_heard(ground: Ground) -> None:
    """A host that took the rest of the message for commands has refused it all the same."""

    async def story(scene: Scene) -> tuple[list[str], list[str]]:
        return rows(await scene.send(await scene.session())), scene.host.commands[-1:]

    told = ground.hold(story, {"DATA": "354 go on\r\n552 too big\r\n500 what?\r\n500 what?"})

    assert told == (["body-5yz"], ["DATA"])


def test_a_lone_dot_is_not_sent_to_a_host_that_has_thought_again(ground: Ground) -> None:
    """354, then at once the refusal that DATA should have got: the recipients have theirs already."""

    async def story(scene: Scene) -> tuple[list[str], list[str]]:
        return rows(await scene.send(await scene.session())), scene.host.commands[-1:]

    told = ground.hold(story, {"RCPT": "550 no", "DATA": "354 go on\r\n554 no valid recipients"})

    assert told == (["rcpt-5yz"], ["DATA"])


def test_a_connection_that_takes_no_more_is_given_up(memory: Ground) -> None:
    """After three minutes without room for a block (RFC 5321 section 4.5.3.2.5); nothing is doubtful."""

    async def story(scene: Scene) -> tuple[Transaction, float]:
        session = await scene.session()
        started = scene.clock.now()
        heard = await scene.send(session, message=BIG)
        return heard, scene.clock.now() - started

    heard, waited = memory.hold(story, {"BODY": "<deaf>", "EHLO": "250-mx.test\r\n250 PIPELINING"})

    assert heard.broken == Broken(Stage.BODY, Fault.TIMEOUT)
    assert (rows(heard), heard.dot_sent) == (["body-lost"], False)
    assert 180 <= waited < 181


def test_a_dot_that_did_not_leave_is_no_doubt(memory: Ground) -> None:
    """The message fills the way to the host to its last octet, so the dot stays with us."""
    full = b"x" * 65534 + b"\r\n"

    async def story(scene: Scene) -> Transaction:
        session = await scene.session()
        return await scene.send(session, message=full)

    heard = memory.hold(story, {"DATA": "354 go<deaf>"})

    assert heard.broken == Broken(Stage.DOT, Fault.TIMEOUT)
    assert (rows(heard), heard.dot_sent) == (["body-lost"], False)


@pytest.mark.parametrize(
    ("stage", "says", "limit", "row"),
    [
        (Stage.MAIL, {"MAIL": "<mute>"}, 300, "mail-lost"),
        (Stage.RCPT, {"RCPT": "<mute>"}, 300, "rcpt-lost"),
        (Stage.DATA, {"DATA": "<mute>"}, 120, "data-lost"),
        (Stage.DOT, {"dot": "<mute>"}, 600, "dot-lost"),
    ],
)
def test_each_stage_has_its_deadline(
    memory: Ground, pipelining: bool, stage: Stage, says: dict[str, str], limit: float, row: str
) -> None:
    """Not before it, and not long after it (invariant I19)."""

    async def story(scene: Scene) -> tuple[Transaction, float]:
        session = await scene.session()
        started = scene.clock.now()
        heard = await scene.send(session)
        return heard, scene.clock.now() - started

    heard, waited = memory.hold(story, says, pipelining=pipelining)

    assert heard.broken == Broken(stage, Fault.TIMEOUT)
    assert rows(heard) == [row]
    assert limit <= waited < limit + 1


def test_a_reply_that_drips_does_not_stretch_the_deadline(memory: Ground) -> None:
    """A deadline is for the reply, not for its next octet (invariant I19)."""
    drip = "250-a<wait>250-b<wait>250-c<wait>250-d<wait>250-e<wait>250-f<wait>250 g"

    async def story(scene: Scene) -> tuple[list[str], float, str]:
        session = await scene.session()
        started = scene.clock.now()
        heard = await scene.send(session)
        assert heard.broken
        return rows(heard), scene.clock.now() - started, heard.broken.detail

    told, waited, detail = memory.hold(story, {"MAIL": drip}, pipelining=False)

    assert told == ["mail-lost"]
    assert 300 <= waited < 301
    assert detail.startswith("after half of a reply: 250-a\n250-b")


def test_a_late_reply_in_time_is_heard(memory: Ground) -> None:
    """Nine minutes after the dot is in time."""

    async def story(scene: Scene) -> list[str]:
        return rows(await scene.once())

    assert memory.hold(story, {"dot": "<wait>" * 9 + "250 at last"}) == ["dot-2yz"]


@pytest.mark.parametrize(
    ("offered", "envelope", "message", "said"),
    [
        ("HELP", Envelope("a@x.test", (ANN,)), b"x\r\n", "MAIL FROM:<a@x.test>"),
        ("SIZE", Envelope("", (ANN,)), b"x", "MAIL FROM:<> SIZE=3"),
        ("8BITMIME", Envelope("a@x.test", (ANN,)), "ü".encode(), "MAIL FROM:<a@x.test> BODY=8BITMIME"),
        ("SMTPUTF8", Envelope("ä@x.test", (ANN,)), b"x", "MAIL FROM:<ä@x.test> SMTPUTF8"),
        ("SMTPUTF8", Envelope("a@x.test", ("ä@x.test",)), b"x", "MAIL FROM:<a@x.test> SMTPUTF8"),
    ],
)
def test_only_what_was_offered_is_used(
    memory: Ground, offered: str, envelope: Envelope, message: bytes, said: str
) -> None:
    """Parameters of MAIL appear when they are offered and needed (invariant I27)."""

    async def story(scene: Scene) -> str:
        session = await scene.session()
        await session.transact(envelope, Content.of(message), before_dot=scene.intend)
        return scene.host.commands[1]

    assert memory.hold(story, {"EHLO": f"250-mx.test\r\n250 {offered}"}) == said


@pytest.mark.parametrize(
    ("offered", "envelope", "message", "told"),
    [
        ("SIZE 10", Envelope("a@x.test", (ANN, BEN)), b"12345678901\r\n", ["local-size"] * 2),
        ("SIZE 100", Envelope("a@x.test", (ANN,)), "ü".encode(), ["local-8bitmime"]),
        ("HELP", Envelope("a@x.test", ("ä@x.test", BEN)), b"x", ["local-smtputf8", "local-smtputf8-others"]),
        ("HELP", Envelope("ä@x.test", (ANN,)), b"x", ["local-smtputf8-sender"]),
    ],
)
def test_what_the_server_cannot_take_is_not_even_tried(
    memory: Ground, offered: str, envelope: Envelope, message: bytes, told: list[str]
) -> None:
    """Known from EHLO: no octet is spent on it, and the session goes on."""

    async def story(scene: Scene) -> tuple[list[str], list[str], bool]:
        session = await scene.session()
        heard = await session.transact(envelope, Content.of(message), before_dot=scene.intend)
        return rows(heard), scene.host.commands[1:], session.alive

    assert memory.hold(story, {"EHLO": f"250-mx.test\r\n250 {offered}"}) == (told, [], True)


def test_what_cannot_be_written_down_is_not_sent(ground: Ground) -> None:
    """If the intent fails the dot does not leave, and the error goes on (invariant I37)."""

    async def fails(accepted: tuple[str, ...]) -> None:
        raise RuntimeError(f"disk full, {accepted}")

    async def story(scene: Scene) -> tuple[Scene, bool]:
        session = await scene.session()
        with pytest.raises(RuntimeError, match="disk full"):
            await session.transact(Envelope("a@x.test", (ANN,)), Content.of(MESSAGE), before_dot=fails)
        alive = session.alive
        await session.quit()
        return scene, alive

    scene, alive = ground.hold(story)

    assert (scene.host.messages, alive) == ([], False)


@pytest.mark.parametrize("last", ["421 4.3.2 bye", "<fin>"])
def test_what_comes_while_the_intent_is_written_keeps_the_dot_back(memory: Ground, last: str) -> None:
    """The server ends it while the disk is slow: no dot leaves, and there is nothing to doubt."""

    async def story(scene: Scene) -> tuple[Transaction, list[bytes]]:
        async def slow(accepted: tuple[str, ...]) -> None:
            scene.intents.append(accepted)
            await scene.clock.sleep(61)

        session = await scene.session()
        heard = await session.transact(Envelope("a@x.test", (ANN,)), Content.of(MESSAGE), before_dot=slow)
        await session.quit()
        return heard, scene.host.messages

    heard, messages = memory.hold(story, {"BODY": f"<wait>{last}"})

    assert (heard.dot_sent, heard.dot, messages) == (False, None, [])
    assert rows(heard) == (["body-lost"] if last == "<fin>" else ["body-421"])


def test_a_stop_while_the_intent_is_written_waits_for_the_reply(memory: Ground) -> None:
    """What is written down as left does leave, else it would be in doubt for nothing (invariants I38, I43)."""

    async def story(scene: Scene) -> tuple[list[str], bool]:
        def commit(writes: Sequence[Write]) -> None:
            for write in writes:
                write()

        group = GroupCommit(commit)

        async def asked_to_stop(accepted: tuple[str, ...]) -> None:
            asyncio.get_running_loop().call_soon(task.cancel)
            await group.write(lambda: scene.intents.append(accepted))

        session = await scene.session()
        task = asyncio.create_task(
            session.transact(Envelope("a@x.test", (ANN,)), Content.of(MESSAGE), before_dot=asked_to_stop)
        )
        told = rows(await task)
        return told, session.alive

    assert memory.hold(story, {"dot": "<wait>250 taken"}) == (["dot-2yz"], False)


def test_a_stop_before_the_dot_drops_the_session(memory: Ground) -> None:
    """Nothing was accepted: the cancellation goes on."""

    async def story(scene: Scene) -> tuple[bool, list[bytes]]:
        session = await scene.session()
        task = asyncio.create_task(scene.send(session))
        await scene.clock.sleep(30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        alive = session.alive
        await session.quit()
        return alive, scene.host.messages

    assert memory.hold(story, {"DATA": ""}) == (False, [])


def test_a_stop_after_the_dot_waits_for_the_reply(memory: Ground) -> None:
    """However often it is asked; then nothing more is sent but QUIT (invariant I43)."""

    async def story(scene: Scene) -> tuple[list[str], bool, list[str]]:
        session = await scene.session()
        task = asyncio.create_task(scene.send(session))
        for _ in range(3):
            await scene.clock.sleep(30)
            task.cancel()
        told = rows(await task)
        alive = session.alive
        await session.quit()
        return told, alive, scene.host.commands[-2:]

    assert memory.hold(story, {"dot": "<wait><wait>250 taken"}) == (["dot-2yz"], False, [".", "QUIT"])


def test_a_session_that_died_while_idle_is_nobodys_fault(ground: Ground) -> None:
    """A 421 or an end between two transactions: seen before the next one, nothing is said."""

    async def story(scene: Scene) -> tuple[list[str], bool, list[str]]:
        session = await scene.session()
        await scene.send(session)
        await scene.until(lambda: not session.alive)
        heard = await scene.send(session)
        await session.quit()
        return rows(heard), session.alive, scene.host.commands[-1:]

    assert ground.hold(story, {"dot": "250 taken\r\n421 good night<fin>"}) == (["idle-lost"], False, ["."])
    assert ground.hold(story, {"dot": "250 taken<fin>"}) == (["idle-lost"], False, ["."])


def test_an_end_that_crosses_the_next_mail_came_while_idle(memory: Ground) -> None:
    """The server closed before it can have read it."""

    async def story(scene: Scene) -> list[str]:
        session = await scene.session()
        await scene.send(session)
        return rows(await scene.send(session))

    assert memory.hold(story, {"MAIL": ["250 ok", "<fin>"]}) == ["idle-lost"]
    assert memory.hold(story, {"MAIL": ["250 ok", "421 good night<fin>"]}) == ["mail-421"]


@pytest.mark.parametrize("says", [{"RSET": "<fin>"}, {"RSET": "503 no"}, {"RSET": "421 bye<fin>"}, {"RSET": ""}])
def test_what_rset_gets_changes_nothing(memory: Ground, pipelining: bool, says: dict[str, str]) -> None:
    """The verdicts stand; only the session is not used again (invariant I34)."""

    async def story(scene: Scene) -> tuple[list[str], bool]:
        session = await scene.session()
        heard, alive = await scene.send(session, ANN, BEN), session.alive
        await session.quit()
        return rows(heard), alive

    told = memory.hold(
        story, {"RCPT_ann": "550 no", "RCPT_ben": "450 no", "DATA": "554 no", **says}, pipelining=pipelining
    )

    assert told == (["rcpt-5yz", "rcpt-4yz"], False)


@pytest.mark.parametrize("reply", ["221 bye<fin>", "500 what?", "<fin>", "<rst>", "221 bye\r\n221 bye", "", "hello"])
def test_what_quit_gets_changes_nothing(memory: Ground, reply: str) -> None:
    """Nobody waits long for a goodbye, and nobody waits for one from a host that is gone."""

    async def story(scene: Scene) -> tuple[list[str], float, list[str]]:
        session = await scene.session()
        heard = await scene.send(session)
        started = scene.clock.now()
        await session.quit()
        return rows(heard), scene.clock.now() - started, scene.host.commands[-1:]

    told, waited, said = memory.hold(story, {"QUIT": reply})

    assert (told, said) == (["dot-2yz"], ["QUIT"])
    assert waited < (6 if reply == "" else 1)


def test_a_goodbye_can_be_broken_off(memory: Ground) -> None:
    """A second stop request closes at once."""

    async def story(scene: Scene) -> float:
        session = await scene.session()
        started = scene.clock.now()
        task = asyncio.create_task(session.quit())
        await scene.clock.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return scene.clock.now() - started

    assert memory.hold(story, {"QUIT": ""}) < 2


def test_mixed_codes_are_remarked(memory: Ground) -> None:
    """The last line's code counts, and the transcript says so."""

    async def story(scene: Scene) -> tuple[Transaction, list[str]]:
        return await scene.once(), scene.dialogue

    heard, dialogue = memory.hold(story, {"MAIL": "550-no\r\n250 yes"})

    assert heard.mail == Reply(250, ("no", "yes"))
    assert "=== mixed codes 550, 250: the last counts" in dialogue


@pytest.mark.parametrize("segment", [1, 3, 7])
def test_packets_do_not_matter(memory: Ground, pipelining: bool, segment: int) -> None:
    """Octet by octet or all at once: the same is heard (invariant I30)."""

    async def story(scene: Scene) -> Transaction:
        return await scene.once(*ALL)

    says = {"RCPT_ben": "550-5.1.1 no\r\n550 5.1.1 such user", "RCPT_cid": "450", "dot": "250-2.0.0 a\n250 2.0.0 b"}
    whole = memory.hold(story, says, pipelining=pipelining)

    assert memory.hold(story, says, pipelining=pipelining, segment=segment) == whole
    assert rows(whole) == ["dot-2yz", "rcpt-5yz", "rcpt-4yz"]


def test_short_deadlines_hold_on_real_sockets_too(ground: Ground) -> None:
    """The same clock for both grounds."""

    async def story(scene: Scene) -> list[str]:
        return rows(await scene.once())

    assert ground.hold(story, {"dot": ""}, deadlines=Deadlines(dot=0.2)) == ["dot-lost"]
