"""Which events of a log are meant: by recipient, session, run, code, stage and time.

Pure. Rule: what is said to or of a recipient belongs to it; the set-up of a session only where none came about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property

from maildrill.sender.log_response import code_of
from maildrill.sender.review.located import Located
from maildrill.smtp import Stage

_CODE = re.compile(r"[2-5](?:[0-9]{0,2}[x*]{0,2})", re.ASCII)
_REPLIES = ("<-", "<**")

CODE_WORDS = 'a reply code or its beginning, such as 450, 45*, 4xx or "4"'


def code_prefix(text: str) -> str:
    """Return what codes begin with that `text` means: 450, 45*, 4xx, 4. Raises ValueError with what was expected."""
    if _CODE.fullmatch(text.lower()) is None or len(text) > 3:
        raise ValueError(CODE_WORDS)
    return text.lower().rstrip("x*")


def address_pattern(text: str) -> re.Pattern[str]:
    """Return the pattern of the addresses that `text` means: an address, `*@x.example`, or `@x.example`."""
    whole = f"*{text}" if text.startswith("@") else text
    return re.compile(translate(whole.casefold().replace("[", "[[]")), re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is asked for; all that is said must hold, of several of one kind any.

    recipients: as address_pattern has them. codes: beginnings of reply codes. since, until: Unix seconds, included.
    """

    recipients: tuple[re.Pattern[str], ...] = ()
    sessions: frozenset[int] = frozenset()
    runs: frozenset[int] = frozenset()
    codes: tuple[str, ...] = ()
    stages: frozenset[Stage] = frozenset()
    since: float = float("-inf")
    until: float = float("inf")

    def of(self, located: Iterable[Located]) -> Iterator[Located]:
        """Yield the events that are meant, in order."""
        if not self.recipients:
            yield from (one for one in located if self._holds(one))
            return
        setups: dict[object, list[Located]] = {}
        for one in located:
            yield from (held for held in self._about(one, setups) if self._holds(held))

    def _about(self, one: Located, setups: dict[object, list[Located]]) -> Iterator[Located]:
        """Yield what is about the recipients that are asked for; hold back set-ups until it is known whose they are."""
        kind, session = one.event.kind, one.event.fields.get("session")
        if kind == "run.started":
            setups.clear()
        elif kind in ("line", "session.refused") and one.transaction is None:
            setups.setdefault(session, []).append(one)
        elif kind in ("session.opened", "session.closed", "transaction.started"):
            setups.pop(session, None)
        if any(map(self._names, one.recipients)):
            if kind == "attempt" and one.transaction is None:
                yield from setups.pop(session, ())
            yield one

    def _names(self, recipient: str) -> bool:
        return any(pattern.match(recipient.casefold()) for pattern in self.recipients)

    def _holds(self, one: Located) -> bool:
        event = one.event
        return (
            self.since <= event.at <= self.until
            and (not self.sessions or event.fields.get("session") in self.sessions)
            and (not self.runs or one.run in self.runs)
            and (not self.stages or one.stage in self.stages)
            and (not self.codes or _code(one).startswith(self.codes))
        )

    @cached_property
    def everything(self) -> bool:
        """Whether nothing in particular is asked for."""
        return self == Selection()


def _code(one: Located) -> str:
    """Return the reply code that an event is about, or nothing."""
    if one.event.kind == "line":
        return str(one.event.fields["text"])[:3] if one.event.fields["mark"] in _REPLIES else ""
    return str(code_of(one.event.fields) or "")
