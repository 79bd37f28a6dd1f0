"""Where a recipient stands, and what one ruling or the passing of time makes of it. Pure.

Rule 1: only a try that was about the recipient is counted (invariant I15). Rule 2: expired only after a counted try;
before one it is held, because nothing is known against the recipient (I5, I14).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from maildrill.sender.attempt import Ruling, State, Verdict
from maildrill.sender.campaign import RetryPolicy, UnknownPolicy
from maildrill.sender.retry import expiry, next_attempt
from maildrill.smtp.quickly import maker, quickly

#: RFC 5321 section 4.5.3.2.6: for so long the reply to the dot may still be on its way to us.
DOT_TIMEOUT = 600.0

#: Whose own RCPT was answered with 421 stands aside for so long (seconds): else it ends every session it is asked for
#: in, and nobody else is ever served (iCloud says 421 for one recipient who gets too much).
STAND_ASIDE = 60.0
_OWN_421 = "rcpt-421"

#: Who was put back before anything was said of them has so long for a first attempt (seconds), however short a
#: lifetime is: one attempt means one that is about them. A host that is down is left alone for as long: nobody waits.
FIRST_CHANCE = 60.0

_FINAL = {Verdict.DELIVERED: State.DELIVERED, Verdict.FAILED: State.FAILED, Verdict.HELD: State.HELD}


@quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one recipient stands; times in Unix seconds.

    attempts: the counted ones. due: not tried before; None where nothing more is to be done. first_at: when its
    first try began. expires_at: no try begins after it. doubtful: at least one try ended Unknown. reason: why it is
    where it is, in words, where no reply says so.
    """

    state: State = State.PENDING
    attempts: int = 0
    due: float | None = None
    first_at: float | None = None
    expires_at: float | None = None
    doubtful: bool = False
    reason: str = ""


_standing = maker(Standing)
_RELEASED, _UNKNOWN = Verdict.RELEASED, Verdict.UNKNOWN


def kept_waiting(standing: Standing, policy: RetryPolicy, at: float, *, left_alone: bool = False) -> Standing:
    """Return `standing` of somebody who was due at `at` when the host would not have us: a lifetime is enough.

    left_alone: the host is not asked any more for now; who would have to wait for that has no minute beyond a lifetime.
    """
    end = expiry(policy, at) if left_alone else _end(policy, at, standing.attempts)
    if standing.expires_at is not None and (not left_alone or standing.expires_at <= end):
        return standing
    return replace(standing, expires_at=end)


def after(  # noqa: PLR0913 - what decides is named one by one, so that nothing is read from a clock
    standing: Standing, ruling: Ruling, policy: RetryPolicy, *, started: float, now: float, seed: int
) -> Standing:
    """Return where the recipient stands after a try that ran from `started` to `now` and was ruled so."""
    first_at = started if standing.first_at is None else standing.first_at
    released = ruling.verdict is _RELEASED
    unknown = ruling.verdict is _UNKNOWN
    attempts = standing.attempts + (1 if ruling.counted else 0)
    final = _FINAL.get(ruling.verdict)
    if unknown and policy.unknown is UnknownPolicy.AT_MOST_ONCE:
        final = State.UNKNOWN
    tried = _standing(
        state=final or State.DEFERRED,
        attempts=attempts,
        first_at=first_at,
        expires_at=_end(policy, first_at, attempts),
        doubtful=standing.doubtful or unknown,
        reason=ruling.detail,
    )
    if released:
        # a turn not used stays a turn: who is retried must not overtake somebody whom nobody has tried yet
        if ruling.row != _OWN_421:
            return replace(tried, state=State.PENDING, due=min(now, standing.due or now))
        again_at = now + STAND_ASIDE
        if not attempts and again_at > _end(policy, first_at, attempts):
            return held(tried, "was to be left alone for longer than its lifetime")
        return replace(tried, state=State.PENDING, due=again_at)
    if final is not None:
        return tried
    wait = DOT_TIMEOUT if unknown else 0.0
    key = ruling.recipient
    due = next_attempt(
        policy,
        counted=attempts,
        first_at=first_at,
        now=now,
        seed=seed,
        key=key,
        wait=wait,
        instead=ruling.interval,
    )
    return _expired(tried) if due is None else replace(tried, due=due)


def lapsed(standing: Standing, why_untried: str) -> Standing:
    """Return where a recipient stands whose lifetime passed before its next try could begin."""
    return _expired(standing) if standing.attempts else held(standing, why_untried)


def held(standing: Standing, reason: str) -> Standing:
    """Return `standing` taken out of this run through no fault of the recipient."""
    return replace(standing, state=State.HELD, due=None, reason=reason)


def requeued(standing: Standing, now: float) -> Standing:
    """Return `standing` made ready for a new run: tried from `now` on, with a lifetime of its own."""
    return replace(standing, state=State.PENDING, due=now, first_at=None, expires_at=None, reason="")


def _end(policy: RetryPolicy, at: float, attempts: int) -> float:
    """Return when the lifetime that began at `at` ends, for whom so many attempts were counted."""
    return expiry(policy, at) if attempts else max(expiry(policy, at), at + FIRST_CHANCE)


def _expired(standing: Standing) -> Standing:
    """A recipient that may have got the message is never said to have expired without it (RFC 1047)."""
    state = State.UNKNOWN if standing.doubtful else State.EXPIRED
    return replace(standing, state=state, due=None, reason="lifetime is over")
