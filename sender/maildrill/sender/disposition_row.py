"""A row of the table of dispositions: at a stage, an event; what becomes of a recipient; and which document says so.

An event is a code (`421`), a class (`4yz`), `lost` (TIMEOUT, EOF, RESET, GARBAGE), several of those, or words in
brackets: then whoever rules finds the row by its id. Rows of one stage are asked in order: 421 stands before 4yz.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from maildrill.sender.attempt import Fault, Scope, Verdict
from maildrill.smtp import Stage

#: What `lost` stands for: the session ended where a reply was due.
LOST = frozenset({Fault.TIMEOUT, Fault.EOF, Fault.RESET, Fault.GARBAGE})
_CODE = re.compile(r"\b(\d)(\d\d|yz)\b", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row. event: see the module. again: to be tried once more in the same session, at once, uncounted.

    id: what log, ledger, docs/dispositions.md and the script that shows it call it. source: an RFC's section, or
    the measurement. stage: where the event is; a look-up is at `dns`, its event in brackets.
    """

    id: str
    stage: Stage
    event: str
    scope: Scope
    verdict: Verdict
    source: str
    why: str
    again: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        """The beginnings of the reply codes that this row is for: `421` itself, or `4`."""
        if self.event.startswith("("):
            return ()
        return tuple(digit + ("" if rest == "yz" else rest) for digit, rest in _CODE.findall(self.event))

    @property
    def lost(self) -> bool:
        """Whether the row is for a session that ended instead of a reply."""
        return "lost" in self.event and not self.event.startswith("(")


Cells = tuple[str, str, Scope, Verdict, str, str]
_AGAIN = frozenset({"local-smtputf8-others", "rcpt-too-many", "data-too-many"})


def rows_at(stage: Stage, *rows: Cells) -> Iterator[Row]:
    """Give the rows of one stage: id, event, scope, verdict, source, and why in a few words."""
    for name, event, scope, verdict, source, why in rows:
        again = name in _AGAIN
        yield Row(id=name, stage=stage, event=event, scope=scope, verdict=verdict, source=source, why=why, again=again)
