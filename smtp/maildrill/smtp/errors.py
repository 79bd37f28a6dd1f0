"""The one base class of all errors that maildrill raises on purpose.

Rule: an error carries its evidence (where, what was read), what was expected, and the next step.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class MaildrillError(Exception):
    """Something that a person can put right, said so that they can.

    what: one sentence, no full stop. where: `file:line` or empty. expected: what would have been
    right, or empty. hint: the next step to try, or empty.
    """

    def __init__(self, what: str, *, where: str = "", expected: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.expected = expected
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.expected:
            lines.append(f"  expected {self.expected}")
        if self.hint:
            lines.append(f"  {self.hint}")
        return "\n".join(lines)


class ConfigurationError(MaildrillError):
    """A script, campaign, list or template that cannot be used as it stands."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean "…"?` for the known word nearest to `word`, or an empty string."""
    folded = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f'did you mean "{folded[near[0]]}"?' if near else ""
