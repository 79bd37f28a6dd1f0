"""One rule of classification: what it asks of a reply, and the word for those that answer. Pure.

Rule: of the words of a rule all must hold, of the values of a word one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate

from maildrill.sender.attempt import Fault
from maildrill.smtp import EnhancedStatus, Reply, Stage

#: Where an enhanced status code hides when the text does not begin with it; an IPv4 address is none.
_HIDDEN = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)", re.ASCII)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Heard:
    """What a rule looks at. code: "" without a reply. status: "" without one. text: lower case, blanks single."""

    code: str
    status: str
    text: str
    stage: Stage | None
    fault: Fault | None

    @classmethod
    def of(cls, reply: Reply | None, stage: Stage | None, fault: Fault | None, detail: str) -> Heard:
        """Return what was heard: a reply, or instead of one a fault with its detail."""
        if reply is None:
            return cls("", "", plain(detail), stage, fault)
        return cls(str(reply.code), status_of(reply), plain(reply.text), stage, fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule as its file has it; an empty tuple asks nothing.

    code, status: patterns with `*`, such as 55* and *.2.2. text: what the text holds, whatever the case; a pattern
    behind a `~`. at: stages. fault: words for how a session ended. source: where the rule's knowledge is from.
    """

    name: str
    category: str
    code: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    at: tuple[Stage, ...] = ()
    fault: tuple[Fault, ...] = ()
    source: str = ""

    def test(self) -> Callable[[Heard], bool]:
        """Return what tells whether the rule holds."""
        code, status, text = _globs(self.code), _globs(self.status), _texts(self.text)
        at, fault = frozenset(self.at), frozenset(self.fault)

        def holds(heard: Heard) -> bool:
            return (
                (code is None or code(heard.code))
                and (not at or heard.stage in at)
                and (not fault or heard.fault in fault)
                and (status is None or status(heard.status))
                and (text is None or text(heard.text))
            )

        return holds


def status_of(reply: Reply) -> str:
    """Return the enhanced status code that a reply leads with, or has in its text; "" where there is none."""
    leading: EnhancedStatus | None = reply.enhanced
    if leading is not None:
        return str(leading)
    found = _HIDDEN.search(reply.text)
    return found[0] if found else ""


def plain(text: str) -> str:
    """Return a text as rules compare it."""
    return _BLANKS.sub(" ", text).casefold().strip()


def pattern(text: str) -> re.Pattern[str]:
    """Return a text of a rule as a pattern; raises re.error."""
    return re.compile(text[1:], re.IGNORECASE) if text.startswith("~") else re.compile(re.escape(plain(text)))


def _globs(globs: tuple[str, ...]) -> Callable[[str], bool] | None:
    if not globs:
        return None
    matches = re.compile("|".join(map(translate, globs))).match
    return lambda value: matches(value) is not None


def _texts(texts: tuple[str, ...]) -> Callable[[str], bool] | None:
    if not texts:
        return None
    simple = tuple(plain(text) for text in texts if not text.startswith("~"))
    patterns = tuple(pattern(text) for text in texts if text.startswith("~"))
    return lambda said: any(text in said for text in simple) or any(one.search(said) for one in patterns)
