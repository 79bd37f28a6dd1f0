"""A ledger's records from a log alone."""

from __future__ import annotations

import pytest

from maildrill.sender.attempt import State
from maildrill.sender.fold import fold
from maildrill.sender.ledger.records import Pause, Requeued, RunRecord
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_response import response
from maildrill.sender.log_text import as_text
from maildrill.sender.review.replay import replay
from maildrill.smtp import Reply


def told(*happened: tuple[str, dict[str, object]]) -> list[LogEvent]:
    """Return a log of these kinds and fields, one a second."""
    return [LogEvent(n, float(n), kind, fields) for n, (kind, fields) in enumerate(happened, 1)]


REQUEUED: dict[str, object] = {"recipient": "c@x", "before": "failed", "by": "requeue"}
LOG = told(
    ("run.ended", {}),  # of a run whose beginning was cut off
    ("run.started", {"campaign": "spring"}),
    ("recipient.queued", {"recipient": "a@x", "row": 2, "message_id": "<a>"}),
    ("recipient.queued", {"recipient": "b@x", "row": 3, "message_id": "<b>"}),
    ("recipient.restored", {"recipient": "c@x", "state": "failed", "attempts": 4}),
    ("transaction.started", {"session": 1, "transaction": 1, "recipients": ["a@x"]}),
    ("transaction.intent", {"session": 1, "transaction": 1, "recipients": ["a@x"]}),
    ("recipient.held", {"recipient": "b@x", "state": "held", "attempts": 0, "reason": "no relay"}),
    ("run.started", {"campaign": "spring"}),
    ("recipient.recovered", {"recipient": "a@x", "state": "unknown", "reason": "died"}),
    ("run.ended", {}),
    ("recipient.requeued", {**REQUEUED, "state": "pending", "attempts": 4}),
)


def test_everybody_stands_where_the_log_says() -> None:
    """As folding has it; with reasons and counts, and with whom only a later log knows."""
    made = replay(LOG)

    assert {address: one.state for address, one in made.recipients.items()} == fold(LOG)
    assert [(one.number, one.attempts, one.reason) for one in made.recipients.values()] == [
        (2, 0, "died"),
        (3, 0, "no relay"),
        (0, 4, ""),
    ]
    assert made.recipients["a@x"].state is State.UNKNOWN


def test_runs_and_requeues_are_the_logs() -> None:
    """A run that was cut off has no end."""
    made = replay(LOG)

    assert (made.campaign, made.created) == ("spring", 2.0)
    assert made.runs == [RunRecord(1, 2.0, None), RunRecord(2, 9.0, 11.0)]
    assert made.requeues == [Requeued(recipient="c@x", at=12.0, before=State.FAILED, by="requeue")]


def test_pauses_are_the_logs() -> None:
    """Each once, though a later run finds the campaign paused and says so again; until somebody has it go on."""
    reply = Reply.of("554 5.7.1 spam")
    paused: dict[str, object] = {"recipients": 5, "response": response(reply)}
    log = told(
        ("run.started", {"campaign": "spring"}),
        ("campaign.paused", {**paused, "since": 1.5}),
        ("run.started", {"campaign": "spring"}),
        ("campaign.paused", {**paused, "since": 1.5}),
        ("run.started", {"campaign": "spring"}),
        ("campaign.resumed", {"since": 1.5}),
        ("campaign.paused", {**paused, "since": 6.5}),
    )

    assert replay(log).pauses == [
        Pause(at=1.5, run=1, recipients=5, reply=reply, resumed=6.0),
        Pause(at=6.5, run=3, recipients=5, reply=reply),
    ]


def test_a_pause_that_the_log_does_not_tell_whole_is_left_out() -> None:
    """A log that somebody has cut fields from is still read."""
    whole: dict[str, object] = {"since": 1.5, "recipients": 5, "response": response(Reply.of("554 5.7.1 spam"))}
    parts = [{**whole, field: None} for field in whole]

    assert replay(told(*(("campaign.paused", part) for part in parts))).pauses == []


@pytest.mark.parametrize("text", ["5.7.1 spam", "", None])
def test_a_pause_is_read_from_logs_of_old(text: str | None) -> None:
    """They have code and text in fields of their own."""
    flat: dict[str, object] = {"since": 1.5, "recipients": 5, "code": 554, "text": text}
    reply = Reply(554, (text,) if text else ())

    assert replay(told(("campaign.paused", flat))).pauses == [Pause(at=1.5, run=0, recipients=5, reply=reply)]


@pytest.mark.parametrize(
    "said",
    [
        {"response": response(Reply.of("554 5.7.1 a \x1b[31mlisted link"))},
        {"code": 554, "text": "5.7.1 a \x1b[31mlisted link"},
    ],
)
def test_a_pause_is_told_in_text(said: dict[str, object]) -> None:
    """With the reply, escaped, wherever the log has it."""
    line = as_text(9.0, "campaign.paused", {"since": 1.5, "recipients": 5, **said})

    assert line.endswith(" in a row: 554 5.7.1 a \\x1b[31mlisted link\n")
