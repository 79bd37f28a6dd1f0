from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.campaign import Account
from maildrill.sender.disposition import judge_setup
from maildrill.sender.session import Session, open_session
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Reply, Stage

if TYPE_CHECKING:
    from tests.integration.dialogue.conftest import Ground, Says, Scene
else:
    Ground = Says = Scene = Any


async def opened(scene: Scene) -> tuple[Session | Broken, list[str], float]:
    """Open a session and close it; return what came of it, what the host heard, and how long it took."""
    started = scene.clock.now()
    found = await scene.open()
    took = scene.clock.now() - started
    if isinstance(found, Session):
        await found.quit()
    await scene.clock.sleep(0.05)
    return found, scene.host.commands, took


def test_the_host_says_what_it_can_do(ground: Ground) -> None:
    """Read from EHLO, in any case."""
    found, said, _ = ground.hold(
        opened, {"EHLO": "250-mx.test greets you\r\n250-pipelining\r\n250-SIZE 10\r\n250 8BITMIME"}
    )

    assert isinstance(found, Session)
    assert found.capabilities.names == {"PIPELINING", "SIZE", "8BITMIME"}
    assert said == ["EHLO me.test", "QUIT"]


@pytest.mark.parametrize("reply", ["500 what?", "502 no", "550 no", "554 5.7.1 no", "504-no\r\n504 no"])
def test_a_host_that_refuses_ehlo_is_greeted_the_old_way(ground: Ground, reply: str) -> None:
    """HELO, and no extension is used (RFC 5321 section 3.2)."""
    found, said, _ = ground.hold(opened, {"EHLO": reply})

    assert isinstance(found, Session)
    assert found.capabilities.names == frozenset()
    assert said == ["EHLO me.test", "HELO me.test", "QUIT"]


@pytest.mark.parametrize("end", ["<fin>", "<rst>", "554 no<fin>"])
def test_a_host_that_hangs_up_at_ehlo_is_called_once_more(ground: Ground, end: str) -> None:
    """And greeted with HELO (RFC 1869 section 4.7)."""
    found, said, _ = ground.hold(opened, {"EHLO": end})

    assert isinstance(found, Session)
    assert said == ["EHLO me.test", "HELO me.test", "QUIT"]


@pytest.mark.parametrize(
    "greeting", ["220 mx", "220", "220-a\r\n220-b\r\n220 c", "220-long " + "x" * 2000 + "\r\n220 c"]
)
def test_a_greeting_may_look_as_it_likes(ground: Ground, greeting: str) -> None:
    """Bare, in many lines, or in long ones."""
    found, _, _ = ground.hold(opened, {"BANNER": greeting})

    assert isinstance(found, Session)


def test_other_positive_codes_are_good_enough(ground: Ground) -> None:
    """The first digit decides (invariant I28)."""
    found, said, _ = ground.hold(opened, {"BANNER": "221 mx", "EHLO": "251-mx\r\n251 PIPELINING"})

    assert isinstance(found, Session)
    assert found.capabilities.pipelining
    assert said == ["EHLO me.test", "QUIT"]


@pytest.mark.parametrize(
    ("says", "broken", "said", "row"),
    [
        ({"BANNER": "421 4.3.2 busy<fin>"}, Broken(Stage.BANNER, None, Reply.of("421 4.3.2 busy")), [], "banner-4yz"),
        ({"BANNER": "450 later"}, Broken(Stage.BANNER, None, Reply.of("450 later")), ["QUIT"], "banner-4yz"),
        (
            {"BANNER": "554 5.7.1 not you"},
            Broken(Stage.BANNER, None, Reply.of("554 5.7.1 not you")),
            ["QUIT"],
            "banner-5yz",
        ),
        ({"BANNER": "554 no<fin>"}, Broken(Stage.BANNER, None, Reply.of("554 no")), [], "banner-5yz"),
        ({"BANNER": "521 never"}, Broken(Stage.BANNER, None, Reply.of("521 never")), ["QUIT"], "banner-521"),
        ({"BANNER": "354 go"}, Broken(Stage.BANNER, None, Reply.of("354 go")), ["QUIT"], "banner-lost"),
        ({"BANNER": "<fin>"}, Broken(Stage.BANNER, Fault.EOF), [], "banner-lost"),
        ({"BANNER": "hello"}, Broken(Stage.BANNER, Fault.GARBAGE, None, "not a reply: 'hello'"), [], "banner-lost"),
        ({"BANNER": "999 x"}, Broken(Stage.BANNER, Fault.GARBAGE, None, "not a reply: '999 x'"), [], "banner-lost"),
        (
            {"BANNER": "220-mx.te~<fin>"},
            Broken(Stage.BANNER, Fault.EOF, None, "after half of a reply: 220-mx.te"),
            [],
            "banner-lost",
        ),
        ({"EHLO": "421 bye<fin>"}, Broken(Stage.EHLO, None, Reply.of("421 bye")), ["EHLO me.test"], "ehlo-4yz"),
        ({"EHLO": "451 later"}, Broken(Stage.EHLO, None, Reply.of("451 later")), ["EHLO me.test", "QUIT"], "ehlo-4yz"),
        ({"EHLO": "334 go"}, Broken(Stage.EHLO, None, Reply.of("334 go")), ["EHLO me.test", "QUIT"], "ehlo-lost"),
        (
            {"EHLO": "oops"},
            Broken(Stage.EHLO, Fault.GARBAGE, None, "not a reply: 'oops'"),
            ["EHLO me.test"],
            "ehlo-lost",
        ),
        (
            {"EHLO": "500 no", "HELO": "550 no"},
            Broken(Stage.HELO, None, Reply.of("550 no")),
            ["EHLO me.test", "HELO me.test", "QUIT"],
            "helo-refused",
        ),
        (
            {"EHLO": "500 no", "HELO": ["<fin>", "<fin>"]},
            Broken(Stage.HELO, Fault.EOF),
            ["EHLO me.test", "HELO me.test", "HELO me.test"],
            "helo-lost",
        ),
    ],
)
def test_a_host_that_will_not_have_us_says_why(
    ground: Ground, says: dict[str, Says], broken: Broken, said: list[str], row: str
) -> None:
    """Stage, reply or fault; QUIT is said where it would be heard, and never after a 421."""
    found, heard, _ = ground.hold(opened, says)

    assert isinstance(found, Broken)
    assert (found, heard) == (broken, said)
    assert judge_setup(found, ("a@x.test",))[0].row == row


@pytest.mark.parametrize(
    "says", [{"BANNER": "220 mx\r\n250 what"}, {"BANNER": "220 mx\r\n250-wh~"}, {"EHLO": "250 mx\r\n250 and more"}]
)
def test_a_host_that_says_too_much_is_not_trusted(ground: Ground, says: dict[str, Says]) -> None:
    """Which answer would be to which question, nobody knows."""
    found, _, _ = ground.hold(opened, says)

    assert isinstance(found, Broken)
    assert found.fault is Fault.UNSOLICITED


@pytest.mark.parametrize(
    ("says", "stage", "limit"), [({"BANNER": "<mute>"}, Stage.BANNER, 300), ({"EHLO": "<mute>"}, Stage.EHLO, 300)]
)
def test_nobody_waits_for_ever(memory: Ground, says: dict[str, Says], stage: Stage, limit: float) -> None:
    """Five minutes for the greeting and for EHLO (RFC 5321 section 4.5.3.2)."""
    found, _, took = memory.hold(opened, says)

    assert found == Broken(stage, Fault.TIMEOUT)
    assert limit <= took < limit + 1


def test_a_refused_connection_is_told_in_words(ground: Ground) -> None:
    """The system's words, without a trace of the library's."""

    async def story(scene: Scene) -> tuple[Session | Broken, list[str]]:
        scene.account = Account(host=scene.account.host, port=1)
        return await scene.open(), scene.dialogue

    found, dialogue = ground.hold(story)

    assert found == Broken(Stage.CONNECT, Fault.REFUSED, None, "Connection refused")
    assert dialogue[1:] == ["=== refused: Connection refused"]


@pytest.mark.parametrize("host", ["mx..test", "no-such-host.invalid", "x" * 80 + ".test"])
def test_what_is_no_host_is_refused(host: str) -> None:
    """A name that cannot be looked up, or that nobody has."""

    async def story() -> Session | Broken:
        return await open_session(
            Account(host=host, port=25),
            clock=Still(),
            deadlines=Deadlines(),
            on_said=lambda *_: None,
            local_hostname="me",
        )

    found = asyncio.run(story())

    assert isinstance(found, Broken)
    assert (found.stage, found.fault) == (Stage.CONNECT, Fault.REFUSED)
    assert found.detail


class Still:
    """A clock that stands."""

    def now(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


def test_a_connection_that_does_not_come_about_is_given_up(memory: Ground) -> None:
    """After the deadline for it, and no later."""

    async def story(scene: Scene) -> tuple[Session | Broken, list[str]]:
        scene.deadlines = Deadlines(connect=0.000001)
        return await scene.open(), scene.dialogue[1:]

    found, dialogue = memory.hold(story)

    assert found == Broken(Stage.CONNECT, Fault.TIMEOUT, None, "no connection within 1e-06 seconds")
    assert dialogue == ["=== timeout: no connection within 1e-06 seconds"]


@pytest.mark.parametrize("says", [{"BANNER": "<mute>"}, {"EHLO": "<mute>"}])
def test_a_stop_request_ends_the_set_up(memory: Ground, says: dict[str, Says]) -> None:
    """The connection is closed, and the cancellation goes on."""

    async def story(scene: Scene) -> tuple[list[str], int]:
        task = asyncio.create_task(scene.open())
        await scene.clock.sleep(10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await scene.clock.sleep(1)
        return scene.host.ends, scene.host.connections

    assert memory.hold(story, says) == (["fin"], 1)


def test_a_stop_request_ends_the_call(memory: Ground) -> None:
    """Before anybody has answered it."""

    async def story(scene: Scene) -> list[str]:
        task = asyncio.create_task(scene.open())
        await scene.clock.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return scene.host.commands

    assert memory.hold(story) == []


def test_the_set_up_is_in_the_transcript(memory: Ground) -> None:
    """Also the first of two calls."""

    async def story(scene: Scene) -> list[str]:
        await opened(scene)
        return scene.dialogue[1:]

    dialogue = memory.hold(story, {"BANNER": "250-mx\r\n220 mx", "EHLO": "500 what?", "HELO": "250 hi"})

    assert dialogue == [
        "=== connected",
        "<-  220-mx",
        "<-  220 mx",
        "=== mixed codes 250, 220: the last counts",
        " -> EHLO me.test",
        "<** 500 what?",
        " -> HELO me.test",
        "<-  250 hi",
        " -> QUIT",
        "<-  221 bye",
    ]


@pytest.mark.parametrize("segment", [1, 2, 5])
def test_packets_do_not_matter_for_the_set_up(memory: Ground, segment: int) -> None:
    """Octet by octet or all at once (invariant I30)."""
    for says in ({}, {"BANNER": "554-no\r\n554 no"}, {"EHLO": "500 what?"}, {"BANNER": "220 mx\n"}):
        whole = memory.hold(opened, says)
        pieces = memory.hold(opened, says, segment=segment)

        assert isinstance(pieces[0], Broken) == isinstance(whole[0], Broken)
        assert pieces[1] == whole[1]
        if isinstance(whole[0], Broken):
            assert pieces[0] == whole[0]
