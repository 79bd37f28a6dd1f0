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


def kept_waiting(standing: Standing, policy: RetryPolicy, at: float) -> Standing:
    """Return `standing` of somebody who was due at `at` when the host would not have us: a lifetime is enough."""
    if standing.expires_at is not None:
        return standing
    return replace(standing, expires_at=expiry(policy, at))


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
        expires_at=expiry(policy, first_at),
        doubtful=standing.doubtful or unknown,
        reason=ruling.detail,
    )
    if released:
        # a turn not used stays a turn: who is retried must not overtake somebody whom nobody has tried yet
        again_at = now + STAND_ASIDE if ruling.row == _OWN_421 else min(now, standing.due or now)
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


def _expired(standing: Standing) -> Standing:
    """A recipient that may have got the message is never said to have expired without it (RFC 1047)."""
    state = State.UNKNOWN if standing.doubtful else State.EXPIRED
    return replace(standing, state=state, due=None, reason="lifetime is over")
