"""What a decision does to a wire, and what it says of the message and the keywords."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from maildrill.fakeserver.engine.event import Action, Advertise, Close, Commit, Manner, Proceed, Raw, Say, Shake, Wait
from maildrill.fakeserver.language.script_words import Handshake, Mangle
from maildrill.fakeserver.session import faults
from maildrill.fakeserver.session.faults import Done
from maildrill.smtp import Reply

OK = Reply.of("250 2.0.0 ok")
LATER = Reply.of("451 4.7.1 later")


class Wire:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[bytes | float] = []

    async def say(self, octets: bytes) -> None:
        self.told.append(octets)

    async def pause(self, seconds: float) -> None:
        self.told.append(seconds)


@pytest.mark.parametrize(
    ("actions", "told", "done"),
    [
        ((), [], Done()),
        ((Proceed(),), [b"250 2.0.0 ok\r\n"], Done(OK)),
        ((Say(LATER),), [b"451 4.7.1 later\r\n"], Done(LATER)),
        ((Wait(5.0), Proceed()), [5.0, b"250 2.0.0 ok\r\n"], Done(OK)),
        ((Say(LATER, half=True), Close()), [b"451 4.7."], Done(half=LATER, close=Close())),
        ((Proceed(half=True),), [b"250 2.0"], Done(half=OK)),
        ((Say(LATER), Close(reset=True)), [b"451 4.7.1 later\r\n"], Done(LATER, close=Close(reset=True))),
        ((Close(), Say(LATER)), [], Done(close=Close())),
        ((Commit(taken=True), Advertise(("X",)), Proceed()), [b"250 2.0.0 ok\r\n"], Done(OK)),
        ((Raw(b"\x00\xff"),), [b"\x00\xff"], Done()),
        ((Raw(b"abc", Manner(drip=(2, 5.0))), Close()), [b"ab", 5.0, b"c"], Done(close=Close())),
        ((Say(LATER, manner=Manner(mangle=Mangle.LF)),), [b"451 4.7.1 later\n"], Done(LATER)),
        ((Proceed(manner=Manner(mangle=Mangle.NO_EOL)),), [b"250 2.0.0 ok"], Done(half=OK)),
        ((Proceed(manner=Manner(tease=(9.0, 1))),), [9.0, b"250-2.0.0 ok\r\n", b"250 2.0.0 ok\r\n"], Done(OK)),
    ],
)
def test_actions_are_performed_in_order(actions: Sequence[Action], told: list[bytes | float], done: Done) -> None:
    """Up to a Close, which is the caller's."""
    wire = Wire()

    assert asyncio.run(faults.perform(actions, OK, wire)) == done
    assert wire.told == told


def test_of_what_was_answered_before_only_the_rest_is_performed() -> None:
    """Whatever is no reply."""
    actions = (Wait(1.0), Say(LATER), Raw(b"x"), Proceed(), Close())

    assert faults.unsaid(actions) == (Wait(1.0), Close())


@pytest.mark.parametrize(
    ("actions", "early"),
    [
        ((Proceed(),), False),
        ((Wait(1.0), Say(LATER, manner=Manner(mangle=Mangle.EXTRA))), False),
        ((Wait(1.0), Say(LATER, manner=Manner(mangle=Mangle.EARLY))), True),
    ],
)
def test_a_reply_may_bring_the_next_one_with_it(actions: Sequence[Action], early: bool) -> None:
    """As the manner of one says."""
    assert faults.early(actions) is early


def test_where_nothing_is_asked_proceeding_says_nothing() -> None:
    """At connect, body and idle there is no usual reply."""
    wire = Wire()

    assert asyncio.run(faults.perform((Proceed(),), None, wire)) == Done()
    assert wire.told == []


@pytest.mark.parametrize(
    ("actions", "taken"),
    [
        ((Proceed(),), True),
        ((Proceed(half=True), Close()), True),
        ((Say(LATER),), False),
        ((Say(OK),), True),
        ((Close(),), False),
        ((), False),
        ((Commit(taken=False), Proceed()), False),
        ((Wait(1.0), Commit(taken=True), Close()), True),
        ((Wait(1.0), Say(LATER), Commit(taken=True)), True),
    ],
)
def test_a_message_is_taken_as_the_decision_says_else_as_it_replies(actions: Sequence[Action], taken: bool) -> None:
    """Commit is independent of reply and cut."""
    assert faults.taken(actions, OK) is taken


def test_a_message_that_a_correct_server_refuses_is_not_taken_by_proceeding() -> None:
    """Proceed says what a correct server says."""
    assert not faults.taken((Proceed(),), Reply.of("554 5.5.1 no valid recipients"))


def test_changes_of_keywords_are_gathered() -> None:
    """From all Advertise actions, in order."""
    assert faults.changes((Advertise(("-A", "B")), Proceed(), Advertise(("C",)))) == ("-A", "B", "C")


@pytest.mark.parametrize(
    ("actions", "refused"), [((Proceed(),), False), ((Close(),), False), ((Wait(1.0), Close(reset=True)), True)]
)
def test_a_reset_at_connect_is_a_refused_connection(actions: Sequence[Action], refused: bool) -> None:
    """A FIN is not."""
    assert faults.refused(actions) is refused


@pytest.mark.parametrize(
    ("actions", "fault"), [((Proceed(),), None), ((Wait(1.0), Shake(Handshake.EXPIRED)), Handshake.EXPIRED)]
)
def test_what_goes_wrong_with_a_handshake(actions: Sequence[Action], fault: Handshake | None) -> None:
    """Nothing, unless it is said."""
    assert faults.shaken(actions) is fault


class Transport(asyncio.WriteTransport):
    """A transport without a socket, and one whose peer has gone."""

    def __init__(self, endpoint: object) -> None:
        super().__init__({"socket": endpoint})
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class Gone:
    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        raise OSError


@pytest.mark.parametrize("endpoint", [None, Gone()])
def test_a_reset_ends_the_connection_with_or_without_a_socket(endpoint: object) -> None:
    """Where there is none, or the peer was faster, there is nothing to prepare."""
    transport = Transport(endpoint)
    faults.reset_connection(transport)

    assert transport.aborted
