"""The grid of `maildrill prove`: each of its cells can be met, and what then comes of it holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.proving.grid import CELLS, Answer, Cell, End, cells_of
from maildrill.scenarios.scenario import Scenario, listed, usual_campaign
from maildrill.sender.campaign import LEAST_CHUNK
from maildrill.smtp import Stage

_SAID = {
    Answer.DONE: "250 ok",
    Answer.GO_ON: "354 go ahead",
    Answer.LATER: "451 later",
    Answer.CLOSING: "421 closing",
    Answer.NEVER: "554 no",
}
_OF_THE_STAGE = {Stage.BANNER: "220 mx", Stage.QUIT: "221 bye"}
_ENDS = {End.BEHIND: "after", End.WITHIN: "mid"}
_INSTEAD = {Answer.CUT: 'cut = "before"', Answer.RST: 'cut = "rst"', Answer.SILENCE: 'wait = "11m"'}
#: With one of two refused, and each its own transaction, the sender resets.
_RESETS = '[[rule]]\nname = "no"\nat = "rcpt"\nrcpt = "ann@x.test"\nreply = "550 no"\n'


def _rule(stage: Stage, end: End, answer: Answer) -> str:
    """Return the rule whose answer is of a cell."""
    words = [f'[[rule]]\nname = "cell"\nat = "{stage}"\ntimes = 1']
    if answer in _SAID:
        said = _OF_THE_STAGE.get(stage, _SAID[answer]) if answer is Answer.DONE else _SAID[answer]
        words += [] if (stage, answer) == (Stage.EHLO, Answer.DONE) else [f'reply = "{said}"']
        cut = _ENDS.get(end, "never" if answer is Answer.CLOSING else "")
        words += [f'cut = "{cut}"'] if cut else []
    elif answer is Answer.GARBAGE:
        words.append('mangle = "no-code"')
    else:
        words.append(_INSTEAD[answer])
    return "\n".join(words) + "\n"


@pytest.mark.parametrize("cell", sorted(CELLS), ids=lambda cell: " ".join(filter(None, cell)))
def test_each_cell_can_be_met(cell: Cell) -> None:
    """By one rule, and no oracle objects."""
    stage, end, answer = cell
    usual = usual_campaign()
    drilled = Scenario(
        campaign=replace(usual, chunk=LEAST_CHUNK if stage is Stage.BDAT else 0),
        listed=listed(["ann@x.test", "bob@x.test"]),
        script=read_script("version = 1\n" + _rule(stage, end, answer) + _RESETS * (stage is Stage.RSET), "cell.toml"),
    ).run()

    assert cells_of(drilled.answered, drilled.evidence.attempts)[cell] > 0
    assert drilled.summary.violations == ()
