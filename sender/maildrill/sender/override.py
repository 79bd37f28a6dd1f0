"""What a user has a refusal mean, instead of what the table says. Pure.

Rule 1: only a refusal that was said (4yz or 5yz, from MAIL to the dot) is ruled otherwise, and only as another refusal:
no override makes anybody delivered, takes a delivery away or settles a doubt. Rule 2: what is about the host, our
account, the order of commands or the number of recipients stays as the table has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from maildrill.sender.attempt import Ruling, Verdict
from maildrill.sender.classification.classifier import Classifier
from maildrill.sender.classification.rule import Heard, Rule
from maildrill.smtp import Reply, Stage, domain_of
from maildrill.smtp.quantity import format_duration


class Then(StrEnum):
    """What an override has instead."""

    RETRY = "retry"  # as if 4yz had been said
    FAIL = "fail"  # as if 5yz had been said
    HOLD = "hold"  # left for a later run, uncounted


VERDICTS = {Then.RETRY: Verdict.DEFERRED, Then.FAIL: Verdict.FAILED, Then.HOLD: Verdict.HELD}

#: How the reason begins of who is held by an override.
HELD_BY = "held by your override"

#: The stages whose refusals are about messages and recipients, and may be overridden.
STAGES = (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.BDAT, Stage.DOT)
_REFUSED = frozenset({Verdict.FAILED, Verdict.DEFERRED})
#: Rows about the dialogue or the batch: the reply says nothing of this recipient.
_KEPT = frozenset(
    {
        "mail-out-of-step",
        "rcpt-out-of-step",
        "data-out-of-step",
        "body-out-of-step",
        "out-of-step",
        "rcpt-too-many-again",
        "data-too-many-again",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One override: a refusal that fits all of its words is ruled as `then` says; an empty word asks nothing.

    line: of the campaign file. category: words of classification. code, status, text: as in a rule of classification.
    at: stages. match: patterns of the recipient's domain, the host or the account. after: seconds to the next try
    instead of the schedule's delay.
    """

    then: Then
    line: int = field(default=0, compare=False)
    category: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    at: tuple[Stage, ...] = ()
    match: tuple[str, ...] = ()
    after: float | None = None

    def __str__(self) -> str:
        """Say where it stands and what it says, as log and ledger have it."""
        return f"line {self.line}: {self.then}" + (
            "" if self.after is None else f" after {format_duration(self.after)}"
        )


@dataclass(frozen=True, slots=True)
class Overrides:
    """All overrides of a campaign; the first that fits decides.

    rules: the file of the user's own rules of classification. classifier: says what category a reply is of.
    """

    each: tuple[Override, ...] = ()
    rules: Path | None = None
    classifier: Classifier | None = field(default=None, compare=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.each)

    def found(self, ruling: Ruling, host: str, account: str) -> Override | None:
        """Return the override for a refusal by `host`, through `account`; None: there is none."""
        names = tuple(name.lower() for name in (domain_of(ruling.recipient), host, account) if name)
        heard = Heard.of(ruling.reply, ruling.stage, None, "")
        for one in self.each:
            if (
                _test(one)(heard)
                and (
                    not one.match or any(fnmatchcase(name, pattern.lower()) for name in names for pattern in one.match)
                )
                and (not one.category or self._category(ruling.reply, ruling.stage) in one.category)
            ):
                return one
        return None

    def _category(self, reply: Reply | None, stage: Stage) -> str:
        return "" if self.classifier is None else self.classifier.classify(reply, stage=stage).category.name


def changeable(ruling: Ruling) -> bool:
    """Whether an override may rule otherwise: a refusal was said, and it is about the message or the recipient."""
    return (
        ruling.reply is not None
        and ruling.reply.klass in (4, 5)
        and ruling.fault is None
        and ruling.verdict in _REFUSED
        and ruling.stage in STAGES
        and ruling.row not in _KEPT
    )


def overruled(ruling: Ruling, overrides: Overrides, *, host: str = "", account: str = "") -> Ruling:
    """Return the ruling as the user wants it; its row stays, as the evidence of what the table says."""
    if not overrides or not changeable(ruling):
        return ruling
    one = overrides.found(ruling, host, account)
    if one is None or (VERDICTS[one.then] is ruling.verdict and one.after is None):
        return ruling
    detail = f"{HELD_BY}, line {one.line}" if one.then is Then.HOLD else ruling.detail
    return replace(ruling, verdict=VERDICTS[one.then], detail=detail, override=str(one), interval=one.after)


@lru_cache(maxsize=256)
def _test(one: Override) -> Callable[[Heard], bool]:
    """Return what tells whether code, status, text and stage fit."""
    return Rule(name="", category="", code=one.code, status=one.status, text=one.text, at=one.at).test()
