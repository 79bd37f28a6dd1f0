"""What a run comes to, as a number."""

from __future__ import annotations

import pytest

from maildrill.cli.exits import Exit
from maildrill.sender.attempt import State
from maildrill.sender.ending import Ending, ending_of
from maildrill.sender.ledger import RecipientRecord
from maildrill.smtp import Reply, Stage


def recipient(state: State, code: int | None = None, stage: Stage = Stage.MAIL) -> RecipientRecord:
    """Return a recipient in `state`, last answered with `code`."""
    return RecipientRecord(
        address="a@b.example",
        number=2,
        state=state,
        attempts=1,
        queued_at=0,
        due=None,
        first_at=None,
        expires_at=None,
        message_id="<1@b.example>",
        stage=stage,
        reply=Reply(code) if code else None,
    )


@pytest.mark.parametrize(
    ("recipients", "ending"),
    [
        ([], Ending.DONE),
        ([recipient(State.DELIVERED), recipient(State.SUPPRESSED)], Ending.DONE),
        ([recipient(State.DELIVERED), recipient(State.FAILED)], Ending.FAILED),
        ([recipient(State.EXPIRED)], Ending.FAILED),
        ([recipient(State.UNKNOWN)], Ending.FAILED),
        ([recipient(State.FAILED), recipient(State.DEFERRED)], Ending.LEFTOVERS),
        ([recipient(State.PENDING)], Ending.LEFTOVERS),
        ([recipient(State.INFLIGHT)], Ending.LEFTOVERS),
        ([recipient(State.HELD)], Ending.LEFTOVERS),
        ([recipient(State.HELD, 550)], Ending.LEFTOVERS),
        ([recipient(State.PENDING), recipient(State.HELD, 530)], Ending.AUTHENTICATION),
        ([recipient(State.HELD, 454, Stage.AUTH)], Ending.AUTHENTICATION),
        ([recipient(State.FAILED, 530)], Ending.FAILED),
    ],
)
def test_the_exit_status_says_what_is_left_to_do(recipients: list[RecipientRecord], ending: Ending) -> None:
    """0 all accepted, 1 some not, 75 run it again, 77 let us in first; the command line has the same numbers."""
    assert ending_of(recipients) is ending
    assert Exit(ending).value == ending.value


def test_the_answer_of_the_ledger_is_read_to_its_end() -> None:
    """What is left half-read outlives the ledger's connection, and Python complains of it at some later moment."""
    answer = iter([recipient(State.HELD, 535), recipient(State.DELIVERED)])

    assert ending_of(answer) is Ending.AUTHENTICATION
    assert list(answer) == []
