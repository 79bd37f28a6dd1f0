"""Features: what may be unusual about a scenario, each a word. Pure.

Rule: a strategy that is given features draws nothing that is not among them, so that what is rare when everything may
be drawn is common in some set of few (Groce et al., "Swarm Testing", ISSTA 2012).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from maildrill.scenarios.event import Deed
from maildrill.smtp import ConfigurationError, Stage, did_you_mean, escape

#: Where a rule may act.
STAGES = (
    Stage.RCPT,
    Stage.DOT,
    Stage.MAIL,
    Stage.DATA,
    Stage.BDAT,
    Stage.BODY,
    Stage.BANNER,
    Stage.CONNECT,
    Stage.EHLO,
    Stage.RSET,
    Stage.QUIT,
)
#: All features, by what they are about; words are unique among all.
ASPECTS: Mapping[str, tuple[str, ...]] = {
    "stages": tuple(stage.value for stage in STAGES),
    "answers": ("replies", "waits", "before", "after", "mid", "rst", "never", "garbage"),
    "conditions": ("attempt", "times", "age", "during", "chance", "over"),
    "servers": ("stateless", "greylist", "quota", "too-many", "flaky", "careless", "outage"),
    "offers": ("no-pipelining", "no-chunking", "no-dsn", "no-size"),
    "lists": ("plain", "duplicates", "international", "hostile"),
    "campaigns": ("limits", "policy", "long", "batch", "chunks", "reports"),
    "networks": ("slow", "segments", "losses"),
    "events": tuple(deed.value for deed in Deed),
    "routes": ("rotation", "failover", "direct"),
}
Features = frozenset[str]
EVERYTHING: Features = frozenset(word for words in ASPECTS.values() for word in words)


def some(seed: int) -> Features:
    """Return the features of a seed: each is on or off by a hash, half of them on the whole, the others unaffected."""
    return frozenset(word for word in EVERYTHING if blake2b(f"{seed}|{word}".encode(), digest_size=1).digest()[0] & 1)


def features_of(words: Iterable[str]) -> Features:
    """Return these features. Raises ConfigurationError for a word that is none."""
    found = frozenset(words)
    for word in sorted(found - EVERYTHING):
        raise ConfigurationError(
            f'there is no feature "{escape(word)}"',
            expected="; ".join(f"{aspect}: {' '.join(known)}" for aspect, known in ASPECTS.items()),
            hint=did_you_mean(word, sorted(EVERYTHING)),
        )
    return found


def chosen(aspect: str, features: Features) -> tuple[str, ...]:
    """Return the words of an aspect that are on, in the order of the table."""
    return tuple(word for word in ASPECTS[aspect] if word in features)
