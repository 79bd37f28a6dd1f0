"""What the engine keeps is bounded, and what is a session's own ends with it."""

from __future__ import annotations

import pytest

from maildrill.fakeserver.engine.event import Event
from maildrill.fakeserver.engine.memory import Sessions, Shelf, States, state_of
from maildrill.fakeserver.language.script_words import Key
from maildrill.smtp import Stage


def test_a_shelf_keeps_what_was_put_last() -> None:
    """A key that is put again is not another one."""
    shelf: Shelf[int] = Shelf()
    shelf.put("a", 1)
    shelf.put("a", 2)

    assert (shelf.get("a"), shelf.get("b"), len(shelf)) == (2, None, 1)


def test_a_full_shelf_forgets_the_oldest_tenth() -> None:
    """Ten of a hundred make room, whatever they are about."""
    shelf: Shelf[int] = Shelf(100)
    for n in range(101):
        shelf.put(n, n)

    assert len(shelf) == 91
    assert [shelf.get(n) for n in (0, 9, 10, 100)] == [None, None, 10, 100]


@pytest.mark.parametrize("most", [1, 7, 100])
@pytest.mark.parametrize("sessions", [1, 3, 1000])
def test_a_shelf_never_holds_more_than_it_may(most: int, sessions: int) -> None:
    """Whoever the keys belong to; and the newest is always there."""
    shelf: Shelf[int] = Shelf(most)
    for n in range(1000):
        shelf.put(n, n, (n % sessions + 1, 0))

        assert len(shelf) <= most
        assert shelf.get(n, (n % sessions + 1, 0)) == n


def test_a_session_takes_what_is_its_own_with_it() -> None:
    """And leaves what others have."""
    shelf: Shelf[str] = Shelf()
    shelf.put("a", "one", (1, 0))
    shelf.put("a", "two", (2, 0))
    shelf.end(1)
    shelf.end(3)

    assert (shelf.get("a", (1, 0)), shelf.get("a", (2, 0)), len(shelf)) == (None, "two", 1)


def test_a_transaction_takes_what_is_its_own_with_it() -> None:
    """The next one of the session begins anew, and the last one never comes again."""
    shelf: Shelf[str] = Shelf()
    shelf.put("a", "one", (1, 1))
    shelf.put("b", "two", (1, 2))

    assert (shelf.get("a", (1, 1)), shelf.get("a", (1, 2)), shelf.get("b", (1, 2)), len(shelf)) == (
        None,
        None,
        "two",
        1,
    )


def test_a_state_holds_from_the_next_event_on() -> None:
    """Until then it is the one before, at first `start`."""
    states = States()
    shelf = states.shelf((Key.CLIENT,))
    states.set(shelf, "c", "down", (0, 0))
    before = state_of(shelf, "c", (0, 0))
    states.settle()

    assert (before, state_of(shelf, "c", (0, 0)), state_of(shelf, "d", (0, 0))) == ("start", "down", "start")


def test_rules_with_the_same_key_share_their_states() -> None:
    """In whatever order they name it; other keys have other states, also when another script takes over."""
    states, other = States(), States()
    shelf = states.shelf((Key.RCPT, Key.CLIENT))
    shelf.put("k", "down")
    states.shelf(()).put((), "up")
    carried, mine = other.shelf((Key.CLIENT, Key.RCPT)), other.shelf((Key.USER,))
    other.carry(states)

    assert states.shelf((Key.CLIENT, Key.RCPT)) is shelf is not states.shelf((Key.CLIENT,))
    assert (carried.get("k"), len(carried), len(mine)) == ("down", 1, 0)
    assert other.shelf(()).get(()) is None


def test_the_states_of_a_session_end_with_it() -> None:
    """But not those of all."""
    states = States()
    states.shelf((Key.CONNECTION,)).put("k", "down", (1, 0))
    states.shelf(()).put((), "down")
    states.end(1)
    states.end(0)

    assert states.shelf((Key.CONNECTION,)).get("k", (1, 0)) is None
    assert states.shelf(()).get(()) == "down"


def seen(session: int, client: str = "192.0.2.1", helo: str = "", user: str = "", stage: Stage = Stage.NOOP) -> Event:
    """Return an event of a session."""
    return Event(stage=stage, at=0.0, session=session, client=client, helo=helo, user=user)


def test_sessions_are_counted_by_what_they_share() -> None:
    """All of them, those of a client, those of a user of a client."""
    groups = ((), (Key.CLIENT,), (Key.CLIENT, Key.USER))
    sessions = Sessions(groups)
    for event in (seen(1), seen(2), seen(3, client="192.0.2.9"), seen(2, user="Ann"), seen(4, user="ann"), seen(1)):
        sessions.see(event)

    assert [sessions.count(group, seen(1)) for group in groups] == [4, 3, 1]
    assert [sessions.count(group, seen(2, user="ANN")) for group in groups] == [4, 3, 2]

    sessions.end(2)
    sessions.end(2)

    assert [sessions.count(group, seen(4, user="ann")) for group in groups] == [3, 2, 1]
    assert sessions.count((Key.CLIENT,), seen(9, client="192.0.2.8")) == 0


def test_another_engine_takes_over_the_sessions_that_are_open() -> None:
    """Also if nobody has asked for them so far."""
    old, new = Sessions(()), Sessions([(Key.CLIENT,)])
    old.see(seen(1))
    old.see(seen(2))
    new.carry(old)

    assert not old.counting
    assert new.counting
    assert new.count((Key.CLIENT,), seen(1)) == 2
