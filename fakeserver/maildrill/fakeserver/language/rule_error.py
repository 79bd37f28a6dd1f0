"""The error of a rule that cannot be performed, and how errors list words. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from maildrill.smtp import ConfigurationError, Stage


class RuleError(ConfigurationError):
    """A rule that cannot be performed; `key` is the word that is wrong, in the script's spelling."""

    def __init__(self, key: str, what: str, *, expected: str = "", hint: str = "") -> None:
        super().__init__(what, expected=expected, hint=hint)
        self.key = key


def listed(stages: Iterable[Stage]) -> str:
    """Return stages in the order of a session."""
    some = frozenset(stages)
    return " ".join(stage for stage in Stage if stage in some)


def either(words: Iterable[str]) -> str:
    """Return `a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
