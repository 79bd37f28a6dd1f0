"""The grid of stages and answers: what fills a cell, and how it is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maildrill.scenarios.mutants.told import attempt, good_drill
from maildrill.scenarios.oracles import Asked, Evidence
from maildrill.scenarios.proving.grid import CELLS, POSSIBLE, Answer, Cell, cells_of, table
from maildrill.sender.attempt import Fault, State, Verdict
from maildrill.smtp import Reply, Stage


def drill(*asked: Asked) -> Evidence:
    """Return a drill in which this was asked, and nothing tried."""
    return replace(good_drill(), asked=asked, attempts=())


def asked(stage: Stage, reply: str | None) -> Asked:
    """Return a command and what it was answered; None: nothing."""
    return Asked(at=1.0, session=1, transaction=1, stage=stage, reply=Reply.of(reply) if reply else None)


@pytest.mark.parametrize(
    ("stage", "reply", "answer"),
    [
        (Stage.RCPT, "250 ok", Answer.DONE),
        (Stage.DATA, "354 go", Answer.GO_ON),
        (Stage.DOT, "451 no", Answer.LATER),
        (Stage.MAIL, "421 bye", Answer.CLOSING),
        (Stage.RCPT, "550 no", Answer.NEVER),
        (Stage.QUIT, None, Answer.CUT),
    ],
)
def test_the_journal_fills_cells(stage: Stage, reply: str | None, answer: Answer) -> None:
    """By the class of the reply; 421 is one of its own, and no reply is a cut."""
    assert cells_of(drill(asked(stage, reply), asked(stage, reply))) == {(stage, answer): 2}


@pytest.mark.parametrize(
    ("stage", "fault", "reply", "cell"),
    [
        (Stage.CONNECT, Fault.REFUSED, None, (Stage.CONNECT, Answer.CUT)),
        (Stage.DOT, Fault.TIMEOUT, None, (Stage.DOT, Answer.SILENCE)),
        (Stage.RCPT, Fault.OUT_OF_STEP, None, (Stage.RCPT, Answer.GARBAGE)),
        (Stage.BANNER, None, "554 no", (Stage.BANNER, Answer.NEVER)),
        (Stage.DNS, Fault.NXDOMAIN, None, None),
        (Stage.RCPT, None, "550 no", None),  # the journal has it
    ],
)
def test_the_ledger_fills_what_the_journal_cannot_see(
    stage: Stage, fault: Fault | None, reply: str | None, cell: Cell | None
) -> None:
    """Faults, and what was said before the first command."""
    said = Reply.of(reply) if reply else None
    tried = attempt("ann@x.test", 1, 1, 1.0, Verdict.DEFERRED, State.DEFERRED, said)
    evidence = replace(drill(), attempts=(replace(tried, stage=stage, fault=fault),))

    assert cells_of(evidence) == ({cell: 1} if cell else {})


def test_what_no_server_can_do_is_no_cell() -> None:
    """A 3yz to RSET fills none."""
    assert cells_of(drill(asked(Stage.RSET, "354 go"))) == {}
    assert {stage for stage, _ in CELLS} == POSSIBLE.keys()


def test_the_table_has_a_row_for_each_stage() -> None:
    """Numbers, a dot for what was never met, nothing for what cannot be."""
    lines = list(table({(Stage.RCPT, Answer.DONE): 1234, (Stage.RCPT, Answer.CUT): 1}))
    rows = {line.split()[0]: line for line in lines[1:]}

    assert lines[0].split() == list(Answer)
    assert rows["rcpt"].split() == ["rcpt", "1,234", ".", ".", ".", "1", ".", "."]
    assert rows["connect"].split() == ["connect", "."]
    assert all(line == line.rstrip() for line in lines)
