"""The grid: at which stages which answers were met, and what became of the connection then, in drawn drills. Pure.

Rule: a cell that no server can fill is not counted, and which those are is a table here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from maildrill.fakeserver.language.script_words import CLOSING
from maildrill.scenarios.answered import Answered
from maildrill.sender.attempt import Fault
from maildrill.sender.ledger.records import AttemptRecord
from maildrill.smtp import Stage


class Answer(StrEnum):
    """What a sender is told, or what becomes of it instead; its value is the head of a column."""

    DONE = "2yz"
    GO_ON = "3yz"
    LATER = "4yz"
    CLOSING = "421"
    NEVER = "5yz"
    CUT = "cut"  # refused or closed, without a word
    RST = "rst"  # reset
    SILENCE = "silence"  # a deadline passed
    GARBAGE = "garbage"  # no reply, or one that has no place here


class End(StrEnum):
    """What becomes of the connection with a reply; its value stands behind the stage in a row."""

    STAYS = ""
    BEHIND = "then cut"
    WITHIN = "half, cut"


Cell = tuple[Stage, End, Answer]

_FAULTS = {
    Fault.TIMEOUT: Answer.SILENCE,
    Fault.GARBAGE: Answer.GARBAGE,
    Fault.UNSOLICITED: Answer.GARBAGE,
    Fault.OUT_OF_STEP: Answer.GARBAGE,
}
_CUTS = {"fin": Answer.CUT, "refused": Answer.CUT, "rst": Answer.RST}
_CLASSES = {2: Answer.DONE, 3: Answer.GO_ON, 4: Answer.LATER, 5: Answer.NEVER}
_REPLIES = frozenset({Answer.DONE, Answer.LATER, Answer.CLOSING, Answer.NEVER})
_REFUSALS = _REPLIES - {Answer.DONE}
_CLOSED = frozenset({Answer.CUT, Answer.RST})
_TROUBLE = _CLOSED | {Answer.SILENCE, Answer.GARBAGE}

#: What each stage of a campaign without TLS and AUTH can be answered. What is not there, and why:
#: A connection that is reset before the banner looks refused. What is silence or garbage is read in the ledger, and
#: nothing that concerns a recipient hangs on RSET and QUIT; in the body it is seen at the dot, which has left by then.
#: Nobody says 2yz in the middle of a body or to DATA, 3yz elsewhere (that is garbage with a code), or 4yz but 421 to
#: RSET and QUIT (RFC 5321 section 4.3.2).
POSSIBLE: Mapping[Stage, frozenset[Answer]] = {
    Stage.CONNECT: frozenset({Answer.CUT}),
    Stage.BANNER: _REPLIES | _TROUBLE,
    Stage.EHLO: _REPLIES | _TROUBLE,
    Stage.MAIL: _REPLIES | _TROUBLE,
    Stage.RCPT: _REPLIES | _TROUBLE,
    Stage.DATA: _REFUSALS | _TROUBLE | {Answer.GO_ON},
    Stage.BODY: _REFUSALS | _CLOSED,
    Stage.DOT: _REPLIES | _TROUBLE,
    Stage.BDAT: _REPLIES | _TROUBLE,
    Stage.RSET: frozenset({Answer.DONE, Answer.CLOSING, Answer.NEVER}) | _CLOSED,
    Stage.QUIT: frozenset({Answer.DONE, Answer.CLOSING, Answer.NEVER}) | _CLOSED,
}
#: Whatever is said to QUIT, no connection is open behind it (RFC 5321 section 4.1.1.10).
_NEVER_SEEN = frozenset((Stage.QUIT, End.STAYS, answer) for answer in _REPLIES)
CELLS: frozenset[Cell] = (
    frozenset(
        (stage, end, answer)
        for stage, answers in POSSIBLE.items()
        for answer in answers
        for end in (End if answer not in _TROUBLE else (End.STAYS,))
    )
    - _NEVER_SEEN
)


def cells_of(answered: Mapping[Answered, int], attempts: Iterable[AttemptRecord]) -> Counter[Cell]:
    """Return how often each cell of the grid was met in a drill, by the server's journal and the sender's ledger."""
    met: Counter[Cell] = Counter()
    for one, times in answered.items():
        cell = _cell_of(one)
        if cell is not None:
            met[cell] += times
    for attempt in attempts:
        if attempt.fault is not None and attempt.fault in _FAULTS:
            met[attempt.stage, End.STAYS, _FAULTS[attempt.fault]] += 1
    return Counter({cell: times for cell, times in met.items() if cell in CELLS})


def _cell_of(one: Answered) -> Cell | None:
    if not one.code:
        return (one.stage, End.STAYS, _CUTS[one.closed]) if one.closed in _CUTS else None
    said = Answer.CLOSING if one.code == CLOSING else _CLASSES[one.code // 100]
    end = End.WITHIN if one.half else End.BEHIND if one.closed in _CUTS else End.STAYS
    return one.stage, end, said


def unmet(met: Mapping[Cell, int]) -> list[Cell]:
    """Return the cells that were never met, in order of the grid."""
    cells = ((stage, end, answer) for stage in POSSIBLE for end in End for answer in Answer)
    return [cell for cell in cells if cell in CELLS and not met.get(cell)]


def missing(met: Mapping[Cell, int]) -> list[str]:
    """Return the same in words."""
    return [" ".join(filter(None, (stage, answer, end))) for stage, end, answer in unmet(met)]


def table(met: Mapping[Cell, int]) -> Iterator[str]:
    """Yield the grid as lines of text: how often each cell was met; `.`: never, empty: it cannot be."""
    rows = [(stage, end) for stage in POSSIBLE for end in End if any((stage, end, one) in CELLS for one in Answer)]
    widths = [max(len(answer), *(len(_shown(met, *row, answer)) for row in rows)) for answer in Answer]
    names = [" ".join(filter(None, row)) for row in rows]
    first = max(map(len, names))
    yield _row("", Answer, first, widths)
    for name, row in zip(names, rows, strict=True):
        yield _row(name, (_shown(met, *row, answer) for answer in Answer), first, widths)


def _shown(met: Mapping[Cell, int], stage: Stage, end: End, answer: Answer) -> str:
    if (stage, end, answer) not in CELLS:
        return ""
    return f"{met.get((stage, end, answer), 0):,}" if met.get((stage, end, answer)) else "."


def _row(name: str, cells: Iterable[str], first: int, widths: Iterable[int]) -> str:
    padded = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join([name.ljust(first), *padded]).rstrip()
