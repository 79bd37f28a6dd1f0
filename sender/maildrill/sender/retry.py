"""When to try a deferred recipient again, or that it is over: RFC 5321 section 4.5.4.1, pure.

Rule 1: back-off never falls and never exceeds the cap (invariant I11); the first delay is the floor (I12).
Rule 2: no attempt begins after the lifetime, and the last one is forced just before its end (I14).
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from types import MappingProxyType

from maildrill.sender.campaign import RetryPolicy

_DAY = 86400.0

#: The forced last attempt is due this long (or 1 % of the lifetime) before the end, so that it still begins in time.
LAST_CALL = 60.0

#: What `[retry] preset` names.
PRESETS: Mapping[str, RetryPolicy] = MappingProxyType(
    {
        # RFC 5321 section 4.5.4.1: half an hour at least, two tries in the first hour, then every two or three hours.
        "rfc5321": RetryPolicy(schedule=(1800.0, 1800.0, 7200.0), cap=10800.0, lifetime=5 * _DAY),
        # Postfix: the next delay is the time already in the queue, within minimal_ and maximal_backoff_time.
        "postfix": RetryPolicy(schedule=(300.0, 600.0, 1200.0, 2400.0, 4000.0), cap=4000.0, lifetime=5 * _DAY),
    }
)


def delay(policy: RetryPolicy, *, counted: int, seed: int, key: str) -> float:
    """Return the seconds to wait after the `counted`-th counted attempt (1 or more; 0 waits like 1).

    The jitter is a hash of seed, key (the recipient) and counted: the same in every run.
    """
    position = min(max(counted, 1), len(policy.schedule)) - 1
    base = min(policy.schedule[position], policy.cap)
    return min(base * (1 + policy.jitter * _spread(seed, key, counted)), policy.cap)


def floor(policy: RetryPolicy) -> float:
    """Return the shortest time (seconds) between two counted attempts for one recipient."""
    return min(policy.schedule[0], policy.cap) * (1 - policy.jitter)


def expiry(policy: RetryPolicy, first_at: float) -> float:
    """Return the moment after which no attempt is begun, in Unix seconds."""
    return first_at + policy.lifetime


def next_attempt(  # noqa: PLR0913 - what decides is named one by one, so that nothing is read from a clock
    policy: RetryPolicy,
    *,
    counted: int,
    first_at: float,
    now: float,
    seed: int,
    key: str,
    wait: float = 0.0,
    instead: float | None = None,
) -> float | None:
    """Return when to try again (Unix seconds), or None: no further attempt fits into the lifetime.

    counted: attempts so far, the one that has just ended included. first_at: when the first one began.
    wait: seconds that must pass whatever the schedule says (the dot deadline after an Unknown). instead: seconds that
    a user wants in place of the schedule's delay, floor and cap; the lifetime holds all the same.
    """
    last = expiry(policy, first_at) - min(LAST_CALL, policy.lifetime / 100)
    pause = delay(policy, counted=counted, seed=seed, key=key) if instead is None else instead
    least = floor(policy) if instead is None else instead
    at = now + max(pause, wait)
    if at <= last:
        return at
    return last if last - now >= max(least, wait) else None


def _spread(seed: int, key: str, counted: int) -> float:
    """Return a number in [-1, 1) that depends on nothing but the arguments."""
    digest = blake2b(f"retry|{seed}|{key}|{counted}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**63 - 1
