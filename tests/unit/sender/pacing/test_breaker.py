"""A host that fails is left alone, then probed once (invariants I16 and I17)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.pacing.breaker import FIRST_COOL_DOWN, LONGEST_COOL_DOWN, Breaker


def _failing(times: int, at: float = 100.0) -> Breaker:
    breaker = Breaker()
    for _ in range(times):
        breaker = breaker.failed(at)
    return breaker


def test_a_new_breaker_allows_everything() -> None:
    """Nothing is known against the host."""
    breaker = Breaker()

    assert breaker.allows(0.0)
    assert breaker.next_moment(0.0) is None
    assert not breaker.begun().probing
    assert breaker.succeeded(0.0) is breaker


def test_failures_in_a_row_trip_it_until_the_cool_down_is_over() -> None:
    """Invariant I17: no session before the cool-down has passed."""
    breaker = _failing(5)

    assert _failing(4).allows(100.0)
    assert breaker.tripped
    assert not breaker.allows(100.0 + FIRST_COOL_DOWN - 1)
    assert breaker.next_moment(100.0) == 100.0 + FIRST_COOL_DOWN
    assert breaker.allows(100.0 + FIRST_COOL_DOWN)


def test_exactly_one_probe_after_the_cool_down() -> None:
    """Invariant I17: everybody else waits for what it brings."""
    breaker = _failing(5).begun()

    assert not breaker.allows(1000.0)
    assert breaker.next_moment(1000.0) is None
    assert breaker.ended().allows(1000.0)


def test_cool_downs_double_up_to_the_longest() -> None:
    """60, 120, 240 … 1800 seconds."""
    breaker, cool_downs, now = _failing(5, 0.0), [], 0.0
    for _ in range(8):
        opens_at = breaker.next_moment(now)
        assert opens_at is not None
        cool_downs.append(opens_at - now)
        now = opens_at
        breaker = breaker.begun().failed(now, probe=True)

    assert cool_downs == [60, 120, 240, 480, 960, 1800, 1800, 1800]
    assert max(cool_downs) == LONGEST_COOL_DOWN


def test_a_session_that_fails_late_does_not_lengthen_the_cool_down() -> None:
    """Only the probe does: the others began before anything was known."""
    breaker = _failing(5, 100.0)

    assert breaker.failed(130.0) == breaker
    assert breaker.begun().failed(170.0) == breaker.begun()


def test_a_probe_that_is_served_closes_it() -> None:
    """The host is back: as if nothing had happened."""
    breaker = _failing(5, 100.0).begun().succeeded(161.0)

    assert not breaker.tripped
    assert breaker.allows(161.0)
    assert breaker.failures == 0


def test_what_began_before_the_failure_proves_nothing() -> None:
    """An old session's success does not wipe out a newer failure."""
    breaker = _failing(3, 100.0).succeeded(99.0)

    assert breaker.failures == 3


@given(st.lists(st.sampled_from(["fail", "pass"]), max_size=40), st.integers(1, 8))
def test_storm_is_bounded(moves: list[str], threshold: int) -> None:
    """Invariant I16: against a host that always refuses, no more than threshold + one a minute."""
    breaker, now, begun = Breaker(threshold=threshold), 0.0, 0
    for move in moves:
        if move == "pass":
            now += 1.0
        elif breaker.allows(now):
            breaker = breaker.begun()
            breaker = breaker.failed(now, probe=breaker.probing)
            begun += 1

    assert begun <= threshold + now / FIRST_COOL_DOWN
