"""The grid: at which stages which kinds of answers were met, in drills that were drawn. Pure.

Rule: a cell that no server can fill is not counted, and which those are is a table here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from maildrill.fakeserver.language.script_words import CLOSING
from maildrill.scenarios.oracles import Evidence
from maildrill.sender.attempt import Fault
from maildrill.smtp import Reply, Stage


class Answer(StrEnum):
    """What a sender is told, or what becomes of it instead; its value is the head of a column."""

    DONE = "2yz"
    GO_ON = "3yz"
    LATER = "4yz"
    CLOSING = "421"
    NEVER = "5yz"
    CUT = "cut"  # refused, closed, reset
    SILENCE = "silence"  # a deadline passed
    GARBAGE = "garbage"  # no reply, or one that has no place here


Cell = tuple[Stage, Answer]

_FAULTS = {
    Fault.REFUSED: Answer.CUT,
    Fault.EOF: Answer.CUT,
    Fault.RESET: Answer.CUT,
    Fault.TIMEOUT: Answer.SILENCE,
    Fault.GARBAGE: Answer.GARBAGE,
    Fault.UNSOLICITED: Answer.GARBAGE,
    Fault.OUT_OF_STEP: Answer.GARBAGE,
}
_REPLIES = frozenset({Answer.DONE, Answer.LATER, Answer.CLOSING, Answer.NEVER})
_TROUBLE = frozenset({Answer.CUT, Answer.SILENCE, Answer.GARBAGE})
_GOING_ON = (_REPLIES - {Answer.DONE}) | {Answer.GO_ON} | _TROUBLE

#: What each stage of a campaign without TLS and AUTH can be answered. QUIT: nobody waits for more than its reply.
POSSIBLE: Mapping[Stage, frozenset[Answer]] = {
    Stage.CONNECT: frozenset({Answer.CUT}),
    Stage.BANNER: (_REPLIES - {Answer.DONE}) | {Answer.CUT, Answer.SILENCE},
    Stage.EHLO: _REPLIES | {Answer.CUT, Answer.SILENCE},
    Stage.MAIL: _REPLIES | _TROUBLE,
    Stage.RCPT: _REPLIES | _TROUBLE,
    Stage.DATA: _GOING_ON,
    Stage.BODY: frozenset({Answer.LATER, Answer.CLOSING, Answer.NEVER, Answer.CUT}),
    Stage.DOT: _REPLIES | {Answer.CUT, Answer.SILENCE},
    Stage.BDAT: _REPLIES | {Answer.CUT, Answer.SILENCE},
    Stage.RSET: frozenset({Answer.DONE, Answer.CLOSING, Answer.NEVER, Answer.CUT}),
    Stage.QUIT: frozenset({Answer.DONE, Answer.CLOSING, Answer.NEVER, Answer.CUT}),
}
CELLS: frozenset[Cell] = frozenset((stage, answer) for stage, answers in POSSIBLE.items() for answer in answers)


def cells_of(evidence: Evidence) -> Counter[Cell]:
    """Return how often each cell of the grid was met in a drill, by the server's journal and the sender's ledger."""
    return Counter(cell for cell in _met(evidence) if cell in CELLS)


def _met(evidence: Evidence) -> Iterator[Cell]:
    for asked in evidence.asked:
        yield asked.stage, Answer.CUT if asked.reply is None else _said(asked.reply)
    for attempt in evidence.attempts:
        fault = attempt.fault
        if fault is not None and fault in _FAULTS:
            yield attempt.stage, _FAULTS[fault]
        elif attempt.stage is Stage.BANNER and attempt.reply is not None:  # the journal has no command for it
            yield attempt.stage, _said(attempt.reply)


def _said(reply: Reply) -> Answer:
    if reply.code == CLOSING:
        return Answer.CLOSING
    return {2: Answer.DONE, 3: Answer.GO_ON, 4: Answer.LATER}.get(reply.code // 100, Answer.NEVER)


def table(met: Mapping[Cell, int]) -> Iterator[str]:
    """Yield the grid as lines of text: how often each cell was met; `.`: never, empty: it cannot be."""
    widths = [max(len(answer), *(len(_cell(met, stage, answer)) for stage in POSSIBLE)) for answer in Answer]
    first = max(map(len, POSSIBLE))
    yield _row("", Answer, first, widths)
    for stage in POSSIBLE:
        yield _row(stage, (_cell(met, stage, answer) for answer in Answer), first, widths)


def _cell(met: Mapping[Cell, int], stage: Stage, answer: Answer) -> str:
    if answer not in POSSIBLE[stage]:
        return ""
    return f"{met.get((stage, answer), 0):,}" if met.get((stage, answer)) else "."


def _row(name: str, cells: Iterable[str], first: int, widths: Iterable[int]) -> str:
    padded = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join([name.ljust(first), *padded]).rstrip()
