"""Profiles: what a server does to so many of a hundred, as a mix of which each attempt draws one item.

Rule 1: one draw for each attempt at a recipient decides at all stages: items exclude one another.
Rule 2: what comes before RCPT is about nobody: such items are drawn for each session, in a profile for everybody.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import accumulate

from maildrill.fakeserver.language.lot import Lot
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.script import Rule, RuleError
from maildrill.smtp import Stage, escape
from maildrill.smtp.document import NOWHERE, Place

#: The stages at which it is known for whom a message is: there each attempt draws, elsewhere each session does.
ATTEMPT_STAGES = frozenset({Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT, Stage.BDAT})
HEAVIEST = 1_000_000_000.0
WEIGHT_WORDS = "a number above 0, such as 5 or 0.5"


@dataclass(frozen=True, slots=True)
class Item:
    """So many (`weight`) of all that the mix weighs do what the rule says; without a rule they are let through.

    Raises RuleError with the key `weight`, or the key of what a rule cannot say here.
    """

    weight: float
    rule: Rule | None = None

    def __post_init__(self) -> None:
        if not 0 < self.weight <= HEAVIEST:
            raise RuleError("weight", f"weight is {self.weight:g}", expected=WEIGHT_WORDS)
        if self.rule is not None and not self.rule.at:
            raise RuleError(
                "at",
                'a mix has no place for "*"',
                hint='name the stage at which this happens: at = "rcpt", for instance',
            )
        if self.rule is not None and len({stage in ATTEMPT_STAGES for stage in self.rule.at}) > 1:
            raise RuleError(
                "at",
                "each attempt at a recipient draws at some of these stages, each session at others",
                hint="write an item for each kind",
            )

    def renamed(self, take: Callable[[str], str]) -> Item:
        """Return the item with the name that `take` gives for its rule's."""
        return self if self.rule is None else Item(self.weight, replace(self.rule, name=take(self.rule.name)))

    @property
    def by_session(self) -> bool:
        """Whether each session draws this, and not each attempt at a recipient."""
        return self.rule is not None and self.rule.at[0] not in ATTEMPT_STAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One `[[profile]]`: a mix, and for which domains of recipients it is (empty: for all). Raises RuleError."""

    name: str
    domain: tuple[Pattern, ...] = ()
    mix: tuple[Item, ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)  # where it stands in its file

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable():
            raise RuleError("name", f'a profile is called "{escape(self.name)}"', expected="a name that can be shown")
        if not self.mix:
            raise RuleError(
                "mix", "a mix is empty", expected='items such as { weight = 5, at = "rcpt", reply = "450" }'
            )
        for item in self.mix:
            self._check(item)

    def _check(self, item: Item) -> None:
        if not self.domain or item.rule is None:
            return
        if item.by_session:
            error = RuleError(
                "at",
                f'before RCPT nobody knows that a message is for a domain, so not at "{item.rule.at[0]}"',
                expected="one of the stages " + " ".join(stage for stage in Stage if stage in ATTEMPT_STAGES),
                hint='leave "domain" out to have each session draw this',
            )
        elif item.rule.domain:
            error = RuleError("domain", "the profile has said for which domains it is", hint='leave "domain" out here')
        else:
            return
        error.where = item.rule.place.of(error.key)
        raise error

    def renamed(self, take: Callable[[str], str], take_item: Callable[[str], str]) -> Profile:
        """Return the profile and its items with the names that these give for their own."""
        return replace(self, name=take(self.name), mix=tuple(item.renamed(take_item) for item in self.mix))

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules that play this profile; which of them may fire is drawn."""
        ends = tuple(accumulate(item.weight for item in self.mix))
        starts = (0.0, *ends)
        return tuple(
            replace(
                item.rule,
                domain=item.rule.domain or self.domain,
                lot=Lot(
                    urn=self.name,
                    low=start / ends[-1],
                    high=end / ends[-1],
                    by_session=item.by_session,
                    text=f'weight = {item.weight:g} of {ends[-1]:g} in the profile "{self.name}"',
                ),
            )
            for item, start, end in zip(self.mix, starts, ends, strict=False)
            if item.rule is not None
        )
