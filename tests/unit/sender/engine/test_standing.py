"""What a ruling, or the passing of time, makes of a recipient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from maildrill.sender.attempt import Ruling, Scope, State, Verdict
from maildrill.sender.campaign import RetryPolicy, UnknownPolicy
from maildrill.sender.retry import delay
from maildrill.sender.standing import (
    DOT_TIMEOUT,
    FIRST_CHANCE,
    STAND_ASIDE,
    Standing,
    after,
    held,
    kept_waiting,
    lapsed,
    requeued,
)

NEW = Standing(due=0.0)


def _after(standing: Standing, ruling: Ruling, policy: RetryPolicy, now: float = 10.0) -> Standing:
    return after(standing, ruling, policy, started=now - 1, now=now, seed=0)


@pytest.mark.parametrize(
    ("verdict", "state", "attempts"),
    [(Verdict.DELIVERED, State.DELIVERED, 1), (Verdict.FAILED, State.FAILED, 1), (Verdict.HELD, State.HELD, 0)],
)
def test_final_verdicts_settle_the_recipient(
    ruling: Callable[..., Ruling], policy: RetryPolicy, verdict: Verdict, state: State, attempts: int
) -> None:
    """Nothing is due any more; being held is not counted."""
    standing = _after(NEW, ruling(verdict), policy)

    assert (standing.state, standing.attempts, standing.due) == (state, attempts, None)


def test_deferral_is_counted_and_waits_its_turn(ruling: Callable[..., Ruling], policy: RetryPolicy) -> None:
    """The schedule runs from the end of the try, the lifetime from the beginning of the first one."""
    standing = _after(NEW, ruling(Verdict.DEFERRED), policy)

    assert standing == Standing(
        state=State.DEFERRED, attempts=1, due=310.0, first_at=9.0, expires_at=9.0 + policy.lifetime
    )


def test_a_deferral_waits_with_the_jitter_of_seed_and_recipient(
    ruling: Callable[..., Ruling], policy: RetryPolicy
) -> None:
    """So that those who were deferred together do not come back together."""
    spread = replace(policy, schedule=(1000.0,), cap=9000.0, jitter=0.5)
    for seed, recipient in ((0, "a@x.example"), (1, "a@x.example"), (0, "b@x.example")):
        found = after(NEW, ruling(Verdict.DEFERRED, recipient=recipient), spread, started=9.0, now=10.0, seed=seed)

        assert found.due == 10.0 + delay(spread, counted=1, seed=seed, key=recipient)


def test_a_deferral_waits_no_longer_than_the_schedule_says(ruling: Callable[..., Ruling], policy: RetryPolicy) -> None:
    """Only after an Unknown the reply to the dot is waited for, too."""
    assert _after(NEW, ruling(Verdict.DEFERRED), replace(policy, schedule=(0.25,))).due == 10.25


def test_release_is_not_counted(ruling: Callable[..., Ruling], policy: RetryPolicy) -> None:
    """The try was about the host (invariant I15)."""
    standing = _after(NEW, ruling(Verdict.RELEASED, scope=Scope.HOST, detail="shutting down"), policy)

    assert (standing.state, standing.attempts, standing.due) == (State.PENDING, 0, 10.0)
    assert (standing.first_at, standing.reason) == (9.0, "shutting down")


def test_whose_own_recipient_command_ended_the_session_stands_aside(
    ruling: Callable[..., Ruling], policy: RetryPolicy
) -> None:
    """Uncounted, but later than all who were kept waiting; those are as due as they were."""
    own = replace(ruling(Verdict.RELEASED, scope=Scope.HOST), row="rcpt-421")
    other = replace(own, row="rcpt-undecided")

    assert _after(NEW, own, policy) == replace(_after(NEW, other, policy), due=10.0 + STAND_ASIDE)
    assert _after(NEW, own, policy).attempts == 0


def test_release_keeps_earlier_attempts(ruling: Callable[..., Ruling], policy: RetryPolicy) -> None:
    """A recipient that was deferred twice has still been deferred twice."""
    standing = _after(
        Standing(due=0.0, attempts=2, first_at=1.0, expires_at=99.0), ruling(Verdict.RELEASED), policy, now=50.0
    )

    assert (standing.attempts, standing.first_at, standing.expires_at) == (2, 1.0, 1.0 + policy.lifetime)


def test_deferral_with_no_time_left_expires(ruling: Callable[..., Ruling], policy: RetryPolicy) -> None:
    """No further attempt fits into the lifetime."""
    standing = _after(
        Standing(due=0.0, attempts=9, first_at=0.0), ruling(Verdict.DEFERRED), policy, now=policy.lifetime
    )

    assert (standing.state, standing.attempts, standing.due) == (State.EXPIRED, 10, None)


def test_unknown_stays_unknown_at_most_once(unanswered: Ruling, policy: RetryPolicy) -> None:
    """The default: never twice (RFC 1047)."""
    standing = _after(NEW, unanswered, policy)

    assert (standing.state, standing.attempts, standing.due, standing.doubtful) == (State.UNKNOWN, 1, None, True)


def test_unknown_is_tried_again_at_least_once_after_the_dot_deadline(unanswered: Ruling, policy: RetryPolicy) -> None:
    """The first message may still be on its way for ten minutes."""
    careful = replace(policy, unknown=UnknownPolicy.AT_LEAST_ONCE)

    standing = _after(NEW, unanswered, careful)

    assert (standing.state, standing.attempts, standing.due) == (State.DEFERRED, 1, 10.0 + DOT_TIMEOUT)


def test_a_doubtful_recipient_does_not_expire_but_stays_unknown(unanswered: Ruling, policy: RetryPolicy) -> None:
    """It may have the message: to call it expired would claim more than anybody knows."""
    careful = replace(policy, unknown=UnknownPolicy.AT_LEAST_ONCE)
    standing = _after(NEW, unanswered, careful)

    assert lapsed(standing, "host away").state is State.UNKNOWN


def test_a_doubtful_recipient_that_is_delivered_is_delivered(
    unanswered: Ruling, ruling: Callable[..., Ruling], policy: RetryPolicy
) -> None:
    """The second try settles it."""
    standing = _after(
        _after(NEW, unanswered, replace(policy, unknown=UnknownPolicy.AT_LEAST_ONCE)), ruling(Verdict.DELIVERED), policy
    )

    assert standing.state is State.DELIVERED


def test_lifetime_that_ends_without_a_counted_try_holds_the_recipient() -> None:
    """Nothing is known against it (invariants I5 and I14)."""
    assert lapsed(NEW, "host away") == held(NEW, "host away")
    assert held(NEW, "host away") == Standing(state=State.HELD, due=None, reason="host away")


def test_lifetime_that_ends_after_a_counted_try_expires_the_recipient() -> None:
    """That is what its sender must be told."""
    standing = lapsed(Standing(due=0.0, attempts=1), "host away")

    assert (standing.state, standing.due, standing.reason) == (State.EXPIRED, None, "lifetime is over")


def test_waiting_for_the_host_begins_once(policy: RetryPolicy) -> None:
    """The first time that it would not have us starts the clock; later times do not set it back."""
    waiting = kept_waiting(NEW, policy, 100.0)

    assert waiting.expires_at == 100.0 + policy.lifetime
    assert kept_waiting(waiting, policy, 500.0) is waiting


def test_who_was_put_back_has_a_minute_for_a_first_attempt(ruling: Callable[..., Ruling], policy: RetryPolicy) -> None:
    """However short a lifetime is: what was said of the host was no attempt."""
    once = replace(policy, lifetime=0.0)

    assert _after(NEW, ruling(Verdict.RELEASED), once).expires_at == 9.0 + FIRST_CHANCE
    assert kept_waiting(NEW, once, 100.0).expires_at == 100.0 + FIRST_CHANCE


def test_nobody_waits_for_a_host_that_is_left_alone(policy: RetryPolicy) -> None:
    """The minute is for asking at once again; a lifetime that is there is not made longer."""
    once = replace(policy, lifetime=0.0)
    waiting = kept_waiting(NEW, once, 100.0)
    known = kept_waiting(NEW, policy, 100.0)

    assert kept_waiting(waiting, once, 110.0, left_alone=True).expires_at == 110.0
    assert kept_waiting(NEW, once, 110.0, left_alone=True).expires_at == 110.0
    assert kept_waiting(known, policy, 110.0, left_alone=True) is known


def test_who_is_to_stand_aside_for_longer_than_a_lifetime_is_held(
    ruling: Callable[..., Ruling], policy: RetryPolicy
) -> None:
    """Nobody waits for what cannot come any more; who had an attempt waits for the end of the lifetime, and expires."""
    once, own = replace(policy, lifetime=0.0), replace(ruling(Verdict.RELEASED), row="rcpt-421")
    tried = Standing(attempts=1, first_at=9.0, due=0.0)

    found = _after(NEW, own, once)
    assert (found.state, found.reason) == (State.HELD, "was to be left alone for longer than its lifetime")
    assert _after(tried, own, replace(policy, lifetime=5.0)).state is State.PENDING
    assert _after(NEW, own, replace(policy, lifetime=61.0)).state is State.PENDING


def test_who_had_an_attempt_has_no_more_than_the_lifetime(ruling: Callable[..., Ruling], policy: RetryPolicy) -> None:
    """A minute is for the first one alone."""
    short = replace(policy, lifetime=30.0)
    tried = Standing(attempts=1, first_at=9.0, due=0.0)

    assert _after(tried, ruling(Verdict.RELEASED), short).expires_at == 39.0
    assert kept_waiting(replace(tried, first_at=None), short, 100.0).expires_at == 130.0


def test_a_new_run_gives_a_lifetime_of_its_own() -> None:
    """Who was held is due at once; what was counted stays counted."""
    standing = requeued(
        Standing(state=State.HELD, attempts=2, first_at=1.0, expires_at=2.0, reason="no account"), now=50.0
    )

    assert standing == Standing(state=State.PENDING, attempts=2, due=50.0)
