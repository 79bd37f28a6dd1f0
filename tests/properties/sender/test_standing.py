"""Where a try leaves a recipient, whatever it was ruled, and however patient the campaign is."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.attempt import Ruling, Scope, State, Verdict
from maildrill.sender.campaign import RetryPolicy, UnknownPolicy
from maildrill.sender.retry import next_attempt
from maildrill.sender.standing import DOT_TIMEOUT, FIRST_CHANCE, STAND_ASIDE, Standing, after
from maildrill.smtp import Stage

POLICIES = st.builds(
    RetryPolicy,
    schedule=st.lists(st.floats(0.1, 2000), min_size=1, max_size=3).map(sorted).map(tuple),
    cap=st.floats(0.1, 2000),
    jitter=st.floats(0, 0.9),
    lifetime=st.sampled_from([0.0, 100.0, 5000.0]),
    unknown=st.sampled_from(UnknownPolicy),
)
RULINGS = st.builds(
    Ruling,
    recipient=st.sampled_from(["ann@x.example", "bob@x.example"]),
    verdict=st.sampled_from(Verdict),
    scope=st.sampled_from(Scope),
    stage=st.just(Stage.RCPT),
    row=st.sampled_from(["rcpt-421", "rcpt-4yz"]),
    detail=st.sampled_from(["", "cut"]),
    interval=st.sampled_from([None, 0.0, 42.0]),
)
STANDINGS = st.builds(
    Standing,
    state=st.sampled_from([State.PENDING, State.DEFERRED]),
    attempts=st.integers(0, 3),
    due=st.sampled_from([0.0, 5.0, 500.0]),
    first_at=st.sampled_from([None, 0.0, 3.0]),
    doubtful=st.booleans(),
)


@given(standing=STANDINGS, ruling=RULINGS, policy=POLICIES, seed=st.integers(0, 9))
def test_a_try_is_counted_and_leads_on_as_it_was_ruled(
    standing: Standing, ruling: Ruling, policy: RetryPolicy, seed: int
) -> None:
    """The lifetime runs from the first try, and a minute at least where none is counted yet.

    A delay is `next_attempt`'s, for this recipient and this seed.
    """
    started, now = 9.0, 10.0
    found = after(standing, ruling, policy, started=started, now=now, seed=seed)
    first_at = started if standing.first_at is None else standing.first_at
    unknown = ruling.verdict is Verdict.UNKNOWN

    assert found.attempts == standing.attempts + ruling.counted
    end = first_at + (policy.lifetime if found.attempts else max(policy.lifetime, FIRST_CHANCE))
    assert (found.first_at, found.expires_at) == (first_at, end)
    assert found.doubtful == (standing.doubtful or unknown)
    if ruling.verdict is Verdict.RELEASED:
        due = now + STAND_ASIDE if ruling.row == "rcpt-421" else min(now, standing.due or now)
        if due > end and not found.attempts:
            assert (found.state, found.due) == (State.HELD, None)
        else:
            assert (found.state, found.due, found.reason) == (State.PENDING, due, ruling.detail)
    elif ruling.verdict is Verdict.DEFERRED or (unknown and policy.unknown is UnknownPolicy.AT_LEAST_ONCE):
        due_at = next_attempt(
            policy,
            counted=found.attempts,
            first_at=first_at,
            now=now,
            seed=seed,
            key=ruling.recipient,
            wait=DOT_TIMEOUT if unknown else 0.0,
            instead=ruling.interval,
        )
        over = State.UNKNOWN if found.doubtful else State.EXPIRED
        assert found == replace(
            found,
            state=over if due_at is None else State.DEFERRED,
            due=due_at,
            reason="lifetime is over" if due_at is None else ruling.detail,
        )
    else:
        assert (found.state.value, found.due, found.reason) == (ruling.verdict.value, None, ruling.detail)
