"""When silence means something."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.session.patience import Due, Lapse, Patience

END = 300.0


def idle(age: float) -> Due:
    return Due(Lapse.IDLE, age)


def silent(age: float = END) -> Due:
    return Due(Lapse.SILENT, age)


def test_each_age_is_reached_once_in_a_silence() -> None:
    """Ascending, at the exact time, and the last is the end."""
    patience = Patience((60.0, 90.0, 300.0))

    assert patience.start(1000.0, between=True) == 1060.0
    assert [patience.fire() for _ in range(3)] == [
        (idle(60.0), 1090.0),
        (idle(90.0), 1300.0),
        (silent(), None),
    ]


def test_within_a_command_only_the_end_counts() -> None:
    """A message that comes slowly is not idle."""
    patience = Patience((60.0, 300.0))

    assert patience.start(1000.0, between=False) == 1300.0
    assert patience.fire() == (silent(), None)


def test_a_timer_that_is_early_enough_stays() -> None:
    """A busy session sets no timer with each command; the one that fires too early moves on."""
    patience = Patience((300.0,))
    first = patience.start(0.0, between=True)
    more = [patience.start(at, between=True) for at in (1.0, 2.0, 250.0)]

    assert (first, more) == (300.0, [None, None, None])
    assert patience.fire() == (None, 550.0)
    assert patience.fire() == (silent(), None)


def test_a_timer_that_is_too_late_is_moved() -> None:
    """After a message the short age counts again."""
    patience = Patience((60.0, 300.0))
    patience.start(0.0, between=False)

    assert patience.start(10.0, between=True) == 70.0


def test_nothing_is_due_while_it_is_the_servers_turn() -> None:
    """The timer goes on, and finds nothing."""
    patience = Patience((60.0,))
    patience.start(0.0, between=True)
    patience.stop()
    patience.heard(30.0)

    assert patience.fire() == (None, 120.0)
    assert patience.fire() == (None, 180.0)


def test_octets_of_a_message_count_and_those_of_a_command_do_not() -> None:
    """Silence within a message begins with its last octet, between commands with the last reply."""
    body, command = Patience((300.0,)), Patience((300.0,))
    body.start(0.0, between=False)
    command.start(0.0, between=True)
    body.heard(200.0)
    command.heard(200.0)

    assert body.fire() == (None, 500.0)
    assert command.fire() == (silent(), None)


@given(
    st.lists(st.tuples(st.floats(0.0, 400.0), st.booleans()), min_size=1),
    st.lists(st.floats(1.0, 299.0), max_size=3, unique=True).map(lambda ages: (*sorted(ages), 300.0)),
)
def test_no_age_is_missed_or_early(turns: list[tuple[float, bool]], ages: tuple[float, ...]) -> None:
    """However turns and timers fall, each silence reaches exactly the ages that it is long enough for."""
    patience, timer, now = Patience(ages), float("inf"), 0.0
    for silence, between in turns:
        when = patience.start(now, between=between)
        timer = timer if when is None else when
        end, reached, over = now + silence, [], False
        while timer <= end and not over:
            at = timer
            reach, when = patience.fire()
            timer = float("inf") if when is None else when
            if reach is not None:
                reached.append(reach.age)
                over = reach == silent()

                assert at == now + reach.age
        due = [age for age in (ages if between else ages[-1:]) if now + age <= end]

        assert reached == due
        if over:
            return
        now = end


def test_a_command_must_come_to_its_end_in_time() -> None:
    """From its first octet on; those that follow do not help, the reply ends it."""
    patience = Patience((300.0,), command=20.0)
    patience.start(0.0, between=True)

    assert patience.heard(100.0) == 120.0
    assert patience.heard(119.0) is None
    assert patience.fire() == (Due(Lapse.SLOW), None)


def test_a_command_that_came_in_time_is_no_lapse() -> None:
    """The timer finds nothing, and goes on to the end of the silence."""
    patience = Patience((300.0,), command=20.0)
    patience.start(0.0, between=True)
    patience.heard(100.0)
    patience.stop()
    patience.start(110.0, between=True)

    assert patience.fire() == (None, 410.0)


def test_a_client_that_does_not_read_is_given_up() -> None:
    """Whoever's turn it is; if it has read there is nothing to give up."""
    deaf, heeding = Patience((300.0,)), Patience((300.0,))
    for patience in (deaf, heeding):
        patience.start(0.0, between=True)
        patience.stop()
        patience.deafened(10.0)
    heeding.heeded()

    assert (deaf.fire(), deaf.fire()) == ((None, 310.0), (Due(Lapse.DEAF), None))
    assert (heeding.fire(), heeding.fire()) == ((None, 600.0), (None, 900.0))


def test_a_deaf_client_is_noticed_although_no_timer_was_set() -> None:
    """Before anything was waited for."""
    assert Patience((300.0,)).deafened(10.0) == 310.0


def test_a_session_ends_whoever_is_busy() -> None:
    """At its time, in silence, in the server's turn, and within a message that goes on and on."""
    talking, working = Patience((60.0, 300.0), end=1000.0), Patience((60.0, 300.0), end=70.0)
    short = Patience((60.0,), end=5.0)
    working.start(0.0, between=True)
    working.stop()

    assert short.start(0.0, between=True) == 5.0
    assert short.fire() == (Due(Lapse.OLD), None)

    for at in range(0, 1000, 250):
        talking.start(at, between=False)

    assert (working.fire(), working.fire()) == ((None, 70.0), (Due(Lapse.OLD), None))
    assert (talking.fire(), talking.fire()) == ((None, 1000.0), (Due(Lapse.OLD), None))
