"""What a lint finds: where, what, who says so, and what to write instead. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from maildrill.smtp import escape


class Lint(StrEnum):
    """The kinds of findings, each by its name."""

    UNLISTED_CODE = "unlisted-code"  # no RFC lists the code for this stage, and no common server says it there
    CONTRADICTING_STATUS = "contradicting-status"  # the enhanced code is of another class than the reply code
    STATUS_NOT_HERE = "status-not-here"  # an enhanced code where there is none
    MIXED_STATUS = "mixed-status"  # the lines of a reply have different enhanced codes
    CODE_TWICE = "code-twice"  # the text begins with a reply code, again
    STAYING_421 = "staying-421"  # 421, and the connection stays
    LINES_OF_354 = "lines-of-354"  # 354 in several lines
    SHADOWED = "shadowed"  # an earlier rule always answers where this one would
    UNREACHABLE = "unreachable"  # nobody ever gets to this stage
    UNSET_STATE = "unset-state"  # a state that no rule sets
    UNMEETABLE = "unmeetable"  # an expectation that cannot hold with this script
    UNTESTED = "untested"  # an expectation that holds whatever happens
    NAMELESS_DRAW = "nameless-draw"  # a draw that depends on the line, because the rule has no name


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is unusual. where: `file:line`, or a name. source: who says so. instead: what to write."""

    lint: Lint
    where: str
    what: str
    source: str = ""
    instead: str = ""

    def __str__(self) -> str:
        says = f"{self.lint}, {self.source}" if self.source else str(self.lint)
        return f"{escape(self.where)}: {self.what} ({says})" + (f"\n  {self.instead}" if self.instead else "")

    def to_json(self) -> dict[str, str]:
        """Return it as an object of JSON."""
        return asdict(self)
