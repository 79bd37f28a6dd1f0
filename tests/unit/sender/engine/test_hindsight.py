"""What a transaction says of the session that it was in."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.sender.attempt import Broken, Fault, Transaction
from maildrill.sender.disposition import judge
from maildrill.sender.hindsight import ended_at, refusal, refused_sender
from maildrill.smtp import Reply, Stage

OK, GONE, ENOUGH = Reply(250), Reply.of("421 4.7.0 bye"), Reply.of("452 4.5.3 Too many messages sent")


def _heard(**given: Any) -> Transaction:
    return Transaction(**{"recipients": ("a@x.test",), "mail": OK, "rcpt": (OK,), **given})


@pytest.mark.parametrize(
    ("heard", "end"),
    [
        (_heard(mail=None, rcpt=(None,), broken=Broken(Stage.IDLE, None, GONE)), (Stage.IDLE, GONE)),
        (_heard(mail=None, rcpt=(None,), broken=Broken(Stage.IDLE, Fault.EOF)), (Stage.IDLE, None)),
        (_heard(mail=GONE, rcpt=(None,), broken=Broken(Stage.MAIL, None, GONE)), (Stage.MAIL, GONE)),
        (_heard(mail=ENOUGH, rcpt=(None,)), (Stage.MAIL, ENOUGH)),
        (_heard(mail=Reply(452), rcpt=(None,)), (Stage.QUIT, None)),
        (_heard(rcpt=(GONE,), broken=Broken(Stage.RCPT, None, GONE)), (Stage.RCPT, GONE)),
        (_heard(rcpt=(Reply(503),), broken=Broken(Stage.RCPT, Fault.OUT_OF_STEP, Reply(503))), (Stage.RCPT, None)),
        (_heard(broken=Broken(Stage.DATA, Fault.EOF)), (Stage.DATA, None)),
        (_heard(broken=Broken(Stage.IDLE, Fault.STOPPED)), (Stage.QUIT, None)),
        (_heard(dot=OK), (Stage.QUIT, None)),
    ],
)
def test_a_session_ended_at_a_stage_and_perhaps_by_a_reply(heard: Transaction, end: tuple[Stage, Reply | None]) -> None:
    """Only 421, and enough messages, are words about the session."""
    assert ended_at(heard) == end


def test_the_first_refusal_at_rcpt_is_what_teaches() -> None:
    """Nobody was refused: nothing."""
    many = Reply.of("452 4.5.3 too many")

    assert refusal(_heard(recipients=("a@x.test",) * 3, rcpt=(OK, many, Reply(450)))) == many
    assert refusal(_heard(rcpt=(None,))) is None


@pytest.mark.parametrize(("code", "sender"), [(550, True), (552, False), (451, False), (250, False)])
def test_a_refused_sender_is_no_large_message(code: int, sender: bool) -> None:
    """5yz to MAIL is about the reverse-path, 552 is about the size."""
    heard = _heard(mail=Reply(code), rcpt=(None,))

    assert refused_sender(heard, judge(heard)) == sender
    assert not refused_sender(_heard(mail=None), judge(_heard(mail=None)))
