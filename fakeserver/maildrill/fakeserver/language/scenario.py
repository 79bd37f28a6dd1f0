"""A scenario as values: what a script is for, who is to be written to when it is rehearsed, and what comes of it.

Rule: the server does not read it. Whoever rehearses the script does: `expectations` are held against the server's
journal, `outcomes` against what the sender says of its recipients. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from maildrill.fakeserver.language.count import Count
from maildrill.fakeserver.language.expectation import Expectation
from maildrill.fakeserver.language.octets import Size
from maildrill.fakeserver.language.pattern import Pattern, select
from maildrill.fakeserver.language.script import RuleError
from maildrill.fakeserver.language.span import Age
from maildrill.smtp import escape
from maildrill.smtp.document import NOWHERE, Place

#: The ends that a recipient can come to, whoever the sender is; pending: its campaign was paused before its turn.
ENDS = ("delivered", "failed", "expired", "unknown", "held", "suppressed", "pending")
#: Of whom an outcome is.
WHOSE = ("rcpt", "domain")
#: What is said of each of them.
OF_EACH = ("state", "attempts", "row", "within")
#: More recipients than this are no scenario.
MOST = 10_000

_SPAN = re.compile(r"\{(\d{1,6})\.\.(\d{1,6})\}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One `[[scenario.outcome]]`: what a correct sender says of its recipients. Raises RuleError.

    rcpt, domain: of whom; empty means everybody. state: where each of them ends, one of ENDS. attempts: the tries of
    each that counted. row: each of them had a try that was ruled so (docs/dispositions.md). within: how long after the
    beginning the last try of each ended, in seconds. counts: how many of them ended so, by end.
    """

    name: str
    rcpt: tuple[Pattern, ...] = ()
    domain: tuple[Pattern, ...] = ()
    state: str | None = None
    attempts: Count | None = None
    row: tuple[str, ...] = ()
    within: Age | None = None
    counts: tuple[tuple[str, Count], ...] = ()
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not (self.counts or any(getattr(self, word) not in (None, ()) for word in OF_EACH)):
            raise RuleError("", "an outcome says nothing", hint=f"say one of: {' '.join((*OF_EACH, *ENDS))}")

    @property
    def where(self) -> str:
        """What people are told: where it stands, or its name."""
        return self.place.header or self.name

    def means(self, address: str) -> bool:
        """Whether it is about this recipient."""
        domain = address.rpartition("@")[2]
        return select(self.rcpt, address) is not None and select(self.domain, domain) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The `[scenario]` table. Raises RuleError.

    purpose: one sentence. source: RFC sections, a provider's page, an incident; at least one. recipients: who is
    written to, as written: `guest{1..30}@full.example` is thirty; or else listed: a table as CSV, that may be as bad as
    those of people. size: how long the letter is made. campaign: what the campaign says apart from that, in the words
    of campaign files, by table. dns: what a direct campaign is told of domains; hosts: what servers say that are not
    this one, each a script. network: how octets travel. seed: chooses every draw. events: what happens meanwhile.
    expectations, outcomes: what must come of it.
    """

    purpose: str
    source: tuple[str, ...]
    recipients: tuple[str, ...] = ()
    listed: str = ""
    size: Size | None = None
    campaign: Mapping[str, object] = field(default_factory=dict)
    dns: Mapping[str, object] = field(default_factory=dict)
    hosts: Mapping[str, object] = field(default_factory=dict)
    network: Mapping[str, object] = field(default_factory=dict)
    seed: int | None = None
    events: tuple[Mapping[str, object], ...] = ()
    expectations: tuple[Expectation, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    def __post_init__(self) -> None:
        for key, text in (("purpose", self.purpose), *(("source", one) for one in self.source)):
            if not text.strip() or not text.isprintable():
                raise RuleError(key, f'scenario.{key} is "{escape(text)}"', expected="a line of text")
        if self.recipients and self.listed:
            raise RuleError("list", "a scenario has recipients and a list", expected="one of the two")
        if not (self.recipients or self.listed):
            said = {"outcome": self.outcomes, "expect": self.expectations, "campaign": self.campaign}
            more = {"dns": self.dns, "hosts": self.hosts, "network": self.network, "event": self.events}
            for key, value in {**said, **more}.items():
                if value:
                    raise RuleError(key, f"a scenario has {key}, and nobody to write to", hint="add recipients")
        addresses = self.addresses
        if len(addresses) > MOST:
            raise RuleError("recipients", f"a scenario has more than {MOST} recipients")
        for one in self.outcomes:
            if self.recipients and not any(map(one.means, addresses)):
                raise RuleError("outcome", f"an outcome is about none of the recipients ({escape(one.where)})")

    @property
    def addresses(self) -> tuple[str, ...]:
        """The recipients, each once, in order."""
        found: dict[str, None] = {}
        for text in self.recipients:
            for address in _spelt(text):
                found[address] = None
                if len(found) > MOST:
                    break
        return tuple(found)


def _spelt(text: str) -> Iterator[str]:
    """Give the addresses that a text with spans stands for."""
    span = _SPAN.search(text)
    if span is None:
        yield text
        return
    for number in range(int(span[1]), int(span[2]) + 1):
        yield from _spelt(text[: span.start()] + str(number) + text[span.end() :])
