"""The grid of stages, answers and cuts: what fills a cell, and how it is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maildrill.scenarios.answered import Answered
from maildrill.scenarios.mutants.told import attempt
from maildrill.scenarios.proving.grid import CELLS, POSSIBLE, Answer, Cell, End, cells_of, missing, table
from maildrill.sender.attempt import Fault, State, Verdict
from maildrill.smtp import Stage


@pytest.mark.parametrize(
    ("answered", "cell"),
    [
        (Answered(Stage.RCPT, 250), (Stage.RCPT, End.STAYS, Answer.DONE)),
        (Answered(Stage.DATA, 354), (Stage.DATA, End.STAYS, Answer.GO_ON)),
        (Answered(Stage.DOT, 451), (Stage.DOT, End.STAYS, Answer.LATER)),
        (Answered(Stage.MAIL, 421, closed="fin"), (Stage.MAIL, End.BEHIND, Answer.CLOSING)),
        (Answered(Stage.MAIL, 421), (Stage.MAIL, End.STAYS, Answer.CLOSING)),
        (Answered(Stage.RCPT, 550, closed="client"), (Stage.RCPT, End.STAYS, Answer.NEVER)),
        (Answered(Stage.DOT, 250, half=True, closed="fin"), (Stage.DOT, End.WITHIN, Answer.DONE)),
        (Answered(Stage.CONNECT, 0, closed="refused"), (Stage.CONNECT, End.STAYS, Answer.CUT)),
        (Answered(Stage.RCPT, 0, closed="fin"), (Stage.RCPT, End.STAYS, Answer.CUT)),
        (Answered(Stage.RCPT, 0, closed="rst"), (Stage.RCPT, End.STAYS, Answer.RST)),
        (Answered(Stage.DATA, 0, closed="client"), None),
        (Answered(Stage.QUIT, 221, closed="fin"), (Stage.QUIT, End.BEHIND, Answer.DONE)),
        (Answered(Stage.IDLE, 0, closed="fin"), None),
    ],
    ids=str,
)
def test_the_journal_fills_cells(answered: Answered, cell: Cell | None) -> None:
    """By the class of the reply, 421 is one of its own, and by how the connection ended; who goes first fills none."""
    assert cells_of({answered: 2}, ()) == ({cell: 2} if cell else {})


@pytest.mark.parametrize(
    ("stage", "fault", "cell"),
    [
        (Stage.DOT, Fault.TIMEOUT, (Stage.DOT, End.STAYS, Answer.SILENCE)),
        (Stage.RCPT, Fault.OUT_OF_STEP, (Stage.RCPT, End.STAYS, Answer.GARBAGE)),
        (Stage.DOT, Fault.GARBAGE, (Stage.DOT, End.STAYS, Answer.GARBAGE)),
        (Stage.BODY, Fault.GARBAGE, None),
        (Stage.RCPT, Fault.EOF, None),  # the journal has it
        (Stage.DNS, Fault.TIMEOUT, None),
        (Stage.RCPT, None, None),
    ],
)
def test_the_ledger_fills_what_the_journal_cannot_see(stage: Stage, fault: Fault | None, cell: Cell | None) -> None:
    """What the sender did not wait for, and what it could not read."""
    tried = attempt("ann@x.test", 1, 1, 1.0, Verdict.DEFERRED, State.DEFERRED, None)

    assert cells_of({}, [replace(tried, stage=stage, fault=fault)]) == ({cell: 1} if cell else {})


def test_what_no_server_can_do_is_no_cell() -> None:
    """A 3yz to RSET fills none."""
    assert cells_of({Answered(Stage.RSET, 354): 1}, ()) == {}
    assert {stage for stage, _, _ in CELLS} == POSSIBLE.keys()
    assert {(end, answer) for stage, end, answer in CELLS if stage is Stage.QUIT and end is End.STAYS} == {
        (End.STAYS, Answer.CUT),
        (End.STAYS, Answer.RST),
    }


def test_the_table_has_rows_for_each_stage() -> None:
    """Numbers, a dot for what was never met, nothing for what cannot be; a connection that is refused says nothing."""
    met = {(Stage.RCPT, End.STAYS, Answer.DONE): 1234, (Stage.RCPT, End.WITHIN, Answer.NEVER): 7}
    lines = list(table(met))

    assert lines[0].split() == list(Answer)
    assert [line.split() for line in lines if line.startswith("rcpt")] == [
        ["rcpt", "1,234", ".", ".", ".", ".", ".", ".", "."],
        ["rcpt", "then", "cut", ".", ".", ".", "."],
        ["rcpt", "half,", "cut", ".", ".", ".", "7"],
    ]
    assert [line.split() for line in lines if line.startswith("connect")] == [["connect", "."]]
    assert all(line == line.rstrip() for line in lines)


def test_what_was_never_met_is_said() -> None:
    """In words, in the order of the table."""
    met = {cell: 1 for cell in CELLS if cell[0] is not Stage.CONNECT and cell != (Stage.DOT, End.WITHIN, Answer.DONE)}

    assert missing(met) == ["connect cut", "dot 2yz half, cut"]
    assert missing(dict.fromkeys(CELLS, 1)) == []
