"""What happens between two sides, and besides them: networks, deaths, clocks, operators, lists that change."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from maildrill.scenarios.event import Deed, Event
from maildrill.scenarios.strategies.features import EVERYTHING, Features
from maildrill.scenarios.strategies.ruling import DOMAINS
from maildrill.scenarios.world import DEFAULT, Network
from maildrill.sender.operation import SAID

#: Seconds after the beginning: within the first session, at a retry, when all is over.
_MOMENTS = (0.0, 0.05, 0.07, 0.12, 60.0, 600.0, 1800.0, 4000.0, 20_000.0)
_JUMPS = (3600.0, 0.5, 86_400.0, -0.5, -3600.0, -86_400.0)
_MOST_HAPPENINGS = 80


@cache
def networks(features: Features = EVERYTHING) -> st.SearchStrategy[Network]:
    """Networks with and without jitter, whole segments and small ones, some that lose connections.

    They shrink to the usual one. features: words of `features.ASPECTS`.
    """
    cuts = st.tuples(st.integers(1, 3), st.integers(0, 1200))
    return st.builds(
        Network,
        latency=st.sampled_from((DEFAULT.latency, 0.5) if "slow" in features else (DEFAULT.latency,)),
        jitter=st.sampled_from((DEFAULT.jitter, 0.0)),
        segment=st.sampled_from((0, 7, 1000) if "segments" in features else (0,)),
        cuts=st.lists(cuts, max_size=2 if "losses" in features else 0, unique_by=lambda cut: cut[0]).map(tuple),
    )


def crash_points() -> st.SearchStrategy[Event]:
    """Deaths of the sender: at a write of its ledger, or as octets land on either side; early ones first."""
    moments, numbers = st.sampled_from(_MOMENTS), st.integers(1, _MOST_HAPPENINGS)
    return st.builds(Event, at=moments, do=st.just(Deed.KILL), number=numbers)


def clock_jumps() -> st.SearchStrategy[Event]:
    """Clocks that are put forward, or back, between two runs."""
    return st.builds(Event, at=st.sampled_from(_MOMENTS), do=st.just(Deed.CLOCK), by=st.sampled_from(_JUMPS))


def events(*deeds: Deed) -> st.SearchStrategy[Event]:
    """Events that do one of these deeds (none: any)."""
    return st.sampled_from(deeds or tuple(Deed)).flatmap(_event)


@cache
def _event(do: Deed) -> st.SearchStrategy[Event]:
    moments = st.sampled_from(_MOMENTS)
    someone = st.builds("{}@{}".format, st.sampled_from("abcdefgh"), st.sampled_from(DOMAINS))
    match do:
        case Deed.KILL:
            return crash_points()
        case Deed.CLOCK:
            return clock_jumps()
        case Deed.STOP:
            return st.builds(Event, at=moments, do=st.just(do))
        case Deed.RETRY | Deed.REQUEUE:
            whom = st.sampled_from(("", *(f"*@{domain}" for domain in DOMAINS)))
            return st.builds(Event, at=moments, do=st.just(do), whom=whom)
        case Deed.SETTLE:
            return st.builds(Event, at=moments, do=st.just(do), whom=someone, said=st.sampled_from(("", *SAID)))
    return st.builds(Event, at=moments, do=st.just(do), whom=someone)
