"""When a deferred recipient is tried again (RFC 5321 section 4.5.4.1; invariants I11, I12, I14)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.campaign import RetryPolicy
from maildrill.sender.retry import LAST_CALL, PRESETS, delay, expiry, floor, next_attempt

DELAYS = st.lists(st.floats(min_value=1, max_value=1e6), min_size=1, max_size=6).map(sorted).map(tuple)
POLICIES = st.builds(
    RetryPolicy,
    schedule=DELAYS,
    cap=st.floats(min_value=1, max_value=1e6),
    jitter=st.floats(min_value=0, max_value=0.99),
    lifetime=st.floats(min_value=0, max_value=1e7),
)


def _times(policy: RetryPolicy, first_at: float = 0.0, seed: int = 0) -> list[float]:
    """Return when a recipient is tried whose every try is over at once and deferred."""
    times = [first_at]
    while True:
        at = next_attempt(policy, counted=len(times), first_at=first_at, now=times[-1], seed=seed, key="a@x.example")
        if at is None:
            return times
        times.append(at)


def test_postfix_preset_doubles_up_to_its_cap_for_five_days() -> None:
    """300, 600, 1200, 2400 and then 4000 seconds, with a last attempt a minute before the end."""
    times = _times(PRESETS["postfix"])

    assert times[:7] == [0, 300, 900, 2100, 4500, 8500, 12500]
    assert times[-1] == 5 * 86400 - LAST_CALL


def test_rfc_preset_tries_twice_in_the_first_hour() -> None:
    """RFC 5321 section 4.5.4.1: two attempts in the first hour after the first, then every two or three."""
    times = _times(PRESETS["rfc5321"])

    assert [at for at in times if 0 < at <= 3600] == [1800, 3600]
    assert {7200.0} == {later - earlier for earlier, later in pairwise(times[2:-1])}


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_try_for_four_days_at_least_and_never_below_their_floor(preset: str) -> None:
    """RFC 5321 section 4.5.4.1: the give-up time generally needs to be at least 4-5 days."""
    times = _times(PRESETS[preset])

    assert times[-1] >= 4 * 86400
    assert all(later - earlier >= floor(PRESETS[preset]) for earlier, later in pairwise(times))


def test_lifetime_of_zero_means_one_attempt() -> None:
    """Nothing fits into no time."""
    assert _times(RetryPolicy(schedule=(1.0,), cap=1.0, lifetime=0.0)) == [0.0]


def test_last_attempt_is_forced_when_the_next_one_would_be_too_late() -> None:
    """A recipient gets one more chance just before the end (invariant I14)."""
    policy = RetryPolicy(schedule=(100.0, 5000.0), cap=5000.0, lifetime=1000.0)

    assert _times(policy) == [0.0, 100.0, 990.0]


def test_no_attempt_is_forced_sooner_than_the_floor() -> None:
    """An attempt has just been made: there is no room for another one (invariant I12)."""
    policy = RetryPolicy(schedule=(600.0,), cap=600.0, lifetime=1000.0)

    assert _times(policy) == [0.0, 600.0]


def test_a_wait_is_kept_whatever_the_schedule_says() -> None:
    """After an Unknown the reply may still be on its way for the whole dot deadline."""
    policy = RetryPolicy(schedule=(10.0,), cap=10.0, lifetime=5000.0)

    at = next_attempt(policy, counted=1, first_at=0.0, now=50.0, seed=0, key="a", wait=600.0)

    assert at == 650.0


def test_without_a_wait_the_schedule_alone_decides() -> None:
    """Also where it is quick: a drill's schedule may be shorter than a second."""
    assert _times(RetryPolicy(schedule=(0.25,), cap=0.25, lifetime=1.0))[:3] == [0.0, 0.25, 0.5]


def test_an_attempt_is_forced_if_just_the_floor_is_left() -> None:
    """The floor is what must pass, and it does."""
    policy = RetryPolicy(schedule=(600.0, 5000.0), cap=5000.0, lifetime=6000.0)

    assert next_attempt(policy, counted=2, first_at=0.0, now=5340.0, seed=0, key="a") == 5940.0
    assert next_attempt(policy, counted=2, first_at=0.0, now=5341.0, seed=0, key="a") is None


@given(policy=POLICIES, counted=st.integers(1, 50), now=st.floats(0, 1e7), instead=st.floats(0.001, 1e7))
def test_a_delay_of_the_users_own_replaces_schedule_floor_and_cap(
    policy: RetryPolicy, counted: int, now: float, instead: float
) -> None:
    """The lifetime holds all the same: as if the schedule had been this one delay."""
    own = replace(policy, schedule=(instead,), cap=instead, jitter=0.0)
    at = next_attempt(policy, counted=counted, first_at=0.0, now=now, seed=0, key="a", instead=instead)

    assert at == next_attempt(own, counted=counted, first_at=0.0, now=now, seed=0, key="a")


@given(policy=POLICIES, counted=st.integers(1, 50), seed=st.integers(), key=st.text(max_size=5))
def test_the_next_attempt_is_the_delay_away_where_that_fits(
    policy: RetryPolicy, counted: int, seed: int, key: str
) -> None:
    """The same delay, with its jitter, that `delay` says."""
    long = replace(policy, lifetime=1e9)
    at = next_attempt(long, counted=counted, first_at=0.0, now=0.0, seed=seed, key=key)

    assert at == delay(long, counted=counted, seed=seed, key=key)


def test_a_wait_that_does_not_fit_ends_the_matter() -> None:
    """No attempt is forced before the wait is over."""
    policy = RetryPolicy(schedule=(10.0,), cap=10.0, lifetime=500.0)

    assert next_attempt(policy, counted=1, first_at=0.0, now=50.0, seed=0, key="a", wait=600.0) is None


@given(policy=POLICIES, seed=st.integers(), key=st.text())
def test_back_off_never_falls_and_stays_within_jitter_and_cap(policy: RetryPolicy, seed: int, key: str) -> None:
    """Invariant I11, without and with jitter."""
    plain = [delay(replace(policy, jitter=0.0), counted=n, seed=seed, key=key) for n in range(1, 10)]
    spread = [delay(policy, counted=n, seed=seed, key=key) for n in range(1, 10)]

    assert plain == sorted(plain)
    for base, jittered in zip(plain, spread, strict=True):
        assert base * (1 - policy.jitter) * (1 - 1e-9) <= jittered <= min(base * (1 + policy.jitter), policy.cap)
        assert jittered >= floor(policy) * (1 - 1e-9)


@given(policy=POLICIES, counted=st.integers(1, 50), now=st.floats(0, 1e7), seed=st.integers())
def test_no_attempt_after_the_lifetime_or_before_the_floor(
    policy: RetryPolicy, counted: int, now: float, seed: int
) -> None:
    """Invariants I12 and I14, whenever the last attempt was."""
    at = next_attempt(policy, counted=counted, first_at=0.0, now=now, seed=seed, key="a")

    assert at is None or (at <= expiry(policy, 0.0) and at - now >= floor(policy) * (1 - 1e-6))


def test_jitter_differs_between_recipients_and_is_the_same_in_every_run() -> None:
    """Chance is a hash of seed and key."""
    policy = RetryPolicy(schedule=(1000.0,), cap=2000.0, jitter=0.5)
    delays = [delay(policy, counted=1, seed=7, key=f"r{n}@x.example") for n in range(100)]

    assert len(set(delays)) == 100
    assert delays == [delay(policy, counted=1, seed=7, key=f"r{n}@x.example") for n in range(100)]
    assert 800 < sum(delays) / 100 < 1200


@pytest.mark.parametrize(
    ("seed", "key", "counted", "seconds"),
    [
        (7, "ann@x.example", 1, 1355.6807737585427),
        (7, "ann@x.example", 2, 1432.2453358642565),
        (8, "ann@x.example", 1, 615.3567416011549),
        (7, "bob@x.example", 1, 941.4678360316076),
    ],
)
def test_jitter_is_the_same_in_every_release(seed: int, key: str, counted: int, seconds: float) -> None:
    """A campaign that is replayed years later waits as it did: seed, recipient and attempt alone say how long."""
    policy = RetryPolicy(schedule=(1000.0, 2000.0), cap=4000.0, jitter=0.5)

    assert delay(policy, counted=counted, seed=seed, key=key) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("schedule", (), "at least one delay"),
        ("schedule", (0.0,), "longer than 0s"),
        ("schedule", (60.0, 30.0), "must not fall"),
        ("cap", 0.0, "cap must be longer"),
        ("jitter", 1.0, "jitter must be"),
        ("jitter", -0.1, "jitter must be"),
        ("lifetime", -1.0, "lifetime must not be negative"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(field: str, value: object, complaint: str) -> None:
    """Values are checked once, at the door."""
    with pytest.raises(ValueError, match=complaint):
        replace(PRESETS["postfix"], **{field: value})  # type: ignore[arg-type]  # wrong on purpose
