"""Where a campaign stands: the sums, the moments, the reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from maildrill.sender.attempt import Fault, State, Verdict
from maildrill.sender.campaign import Limits
from maildrill.sender.ledger.records import AttemptRecord, RecipientRecord, RunRecord
from maildrill.sender.log_event import LogEvent
from maildrill.sender.pacing.lessons import Kind, Lesson
from maildrill.sender.review.status import MOST_DOUBTS, Status, rests, take_stock
from maildrill.sender.review.status_text import MOST_DOMAINS, render_status, status_json
from maildrill.sender.review.table import table
from maildrill.smtp import Reply, Stage
from maildrill.smtp.quantity import Rate

NOON = 1767614400.0
Make = Callable[..., Any]


def stock(*recipients: RecipientRecord, tries: tuple[AttemptRecord, ...] = (), **given: Any) -> Status:
    """Take stock at noon of a campaign begun an hour before."""
    return take_stock("spring", NOON - 3600, recipients, lambda _: tries, **{"now": NOON, **given})


def test_what_is_left_is_pending_and_checked(recipient: Make) -> None:
    """In flight, deferred and held are left; suppressed is not checked."""
    status = stock(*(recipient(f"{n}@x.example", state, due=NOON) for n, state in enumerate(State)))

    assert (status.left, status.recipients) == (4, len(State))
    assert "still to be sent: [4 of 9]" in render_status(status)
    assert status_json(status)["left"] == 4


def test_next_due_is_told_where_nobody_is_due_now(recipient: Make) -> None:
    """The earliest of all who wait; over when the last lifetime ends."""
    waiting = [
        recipient("a@x.example", State.DEFERRED, due=NOON + 300, expires_at=NOON + 900),
        recipient("b@x.example", State.DEFERRED, due=NOON + 60, expires_at=NOON + 7200),
    ]
    page = render_status(stock(*waiting))

    assert "next due: 2026-01-05T12:01:00.000Z, 1m from now\n" in page
    assert "over at the latest: 2026-01-05T14:00:00.000Z, 2h from now\n" in page


def test_who_was_not_tried_yet_has_a_lifetime_ahead(recipient: Make, campaign: Make) -> None:
    """Counted from the moment at which the rate lets them have their turn; without the campaign nobody knows."""
    untried = [recipient(f"{n}@x.example", State.PENDING, due=NOON) for n in range(2)]
    slow = campaign(limits=Limits(rate=Rate(1, 60.0)))

    assert stock(*untried, campaign=campaign()).over_by == NOON + 3600
    assert stock(*untried, campaign=slow).over_by == NOON + 3720
    assert "if the 2 recipients not tried yet have a turn now" in render_status(stock(*untried, campaign=slow))
    assert "a lifetime after the first try of 2 recipients" in render_status(stock(*untried))


def test_the_held_are_told_with_the_reason(recipient: Make) -> None:
    """The most frequent first, in the server's words, escaped."""
    no = Reply.of("530 5.7.0 log in\x1b[2J")
    page = render_status(
        stock(
            recipient("a@x.example", State.HELD, reason="no relay"),
            recipient("b@x.example", State.HELD, reply=no),
            recipient("c@x.example", State.HELD, reply=no),
            recipient("d@x.example", State.HELD),
            recipient("e@x.example", State.HELD, fault=Fault.REFUSED),
        )
    )

    assert "held: 2 recipients: 530 5.7.0 log in" in page
    assert [word in page for word in ("held: 1 recipient: no relay", "not tried yet", "refused", "\x1b")] == [
        True,
        True,
        True,
        False,
    ]


def test_what_is_unknown_comes_with_the_try_that_made_it_so(recipient: Make, attempt: Make) -> None:
    """The last Unknown try, be there later ones; without any the recipient's own reason; no more than a page."""
    tries = (
        attempt("a@x.example", Verdict.UNKNOWN, stage=Stage.DOT, reply=None, fault=Fault.EOF, session=7),
        attempt("a@x.example", Verdict.DEFERRED, ended=NOON + 9),
    )
    unknown = recipient("a@x.example", State.UNKNOWN, reason="lifetime is over")

    assert "unknown: <a@x.example> eof at dot, 2026-01-05T12:00:01.000Z, run 1, session #7\n" in render_status(
        stock(unknown, tries=tries)
    )
    assert "unknown: <a@x.example> lifetime is over\n" in render_status(stock(unknown))
    assert f"unknown: {3} more\n" in render_status(stock(*[unknown] * (MOST_DOUBTS + 3)))
    found = status_json(stock(unknown, tries=tries))["unknown_recipients"]
    assert isinstance(found, list)
    assert (found[0]["session"], found[0]["message_id"]) == (7, "<a@x.example>")
    strange = attempt("a@x.example", Verdict.UNKNOWN, stage=Stage.DOT, reply=Reply.of("354 what"))
    assert "354 what at dot" in render_status(stock(unknown, tries=(strange,)))


@pytest.mark.parametrize(
    ("runs", "running", "told"),
    [
        ((), (), "not sent yet"),
        ((RunRecord(1, NOON, None),), (1,), "sending now, run 1 since 2026-01-05T12:00:00.000Z\n"),
        (
            (RunRecord(1, NOON, None), RunRecord(2, NOON, None), RunRecord(3, NOON + 1, None)),
            (1, 3),
            "sending now, run 1 since 2026-01-05T12:00:00.000Z, run 3 since 2026-01-05T12:00:01.000Z\n",
        ),
        ((RunRecord(1, NOON, None),), (), "nobody is sending; run 1 of 2026-01-05T12:00:00.000Z was cut off\n"),
        ((RunRecord(1, NOON, NOON),), (), "nobody is sending, run 1 ended 2026-01-05T12:00:00.000Z\n"),
    ],
)
def test_it_says_whether_anybody_sends(
    runs: tuple[RunRecord, ...], running: tuple[int, ...], told: str, recipient: Make
) -> None:
    """Who was in flight when a sender died is told, too; of several runs each that is alive."""
    status = stock(recipient("a@x.example", State.INFLIGHT), runs=runs, running=running)
    page, known = render_status(status), cast("list[dict[str, object]]", status_json(status)["runs"])

    assert [run["run"] for run in known if run["alive"]] == list(running)
    assert told in page
    assert ("in flight when the sender died: 1 recipient;" in page) is not bool(running)


def test_a_finished_campaign_is_over(recipient: Make) -> None:
    """Nothing is ahead of it."""
    page = render_status(stock(recipient("a@x.example", State.DELIVERED), runs=(RunRecord(1, NOON, NOON),)))

    assert "over, run 1 ended" in page
    assert "due" not in page


def event(kind: str, relay: str, **fields: object) -> LogEvent:
    return LogEvent(1, NOON, kind, {"relay": relay, **fields})


def test_hosts_that_are_left_alone_are_told(recipient: Make) -> None:
    """By the log's last word on each; a new run begins anew, and what is past is past."""
    a, b = (event("breaker.opened", host, failures=5, until=NOON + 60) for host in ("a:25", "b:25"))
    past = event("breaker.opened", "c:25", failures=5, until=NOON - 1)
    answers = event("breaker.closed", "a:25")

    assert [rest.relay for rest in rests([a, b, past, answers], NOON)] == ["b:25"]
    assert rests([a, event("run.started", "a:25")], NOON) == ()
    assert rests([event("breaker.opened", "a:25", failures="x", until="y")], NOON) == ()
    page = render_status(
        stock(
            recipient("a@x.example", State.DELIVERED),
            log=[b],
            lessons=[
                Lesson(destination="a:25", kind=Kind.RECIPIENTS, value=30.0, at=NOON, reply=Reply.of("452 4.5.3 many"))
            ],
        )
    )
    assert "left alone: b:25 until 2026-01-05T12:01:00.000Z, 1m from now (failures in a row: 5)" in page
    assert "learned limit: a:25: 30 recipients in a transaction: 452 4.5.3 many" in page


def test_the_largest_domains_stand_first_and_the_others_are_counted(recipient: Make) -> None:
    """A page is a page."""
    many = [recipient(f"a@{n:03}.example", State.DELIVERED) for n in range(MOST_DOMAINS + 2)]
    lines = render_status(stock(recipient("b@001.example", State.FAILED), *many)).splitlines()

    assert lines[4].split()[:2] == ["001.example", "2"]
    assert "(2 more)" in lines


def test_a_table_gives_way_where_the_terminal_is_narrow() -> None:
    """The column of text is cut, the numbers stay; nothing is cut where nobody looks."""
    rows = [["domain", "n"], ["a-very-long-name.example", "1,000"]]

    assert table(rows, width=22) == ["domain               n", "a-very-long-na…  1,000"]
    assert table(rows) == ["domain                        n", "a-very-long-name.example  1,000"]
    assert table(rows, width=5)[1] == "a-very-long…  1,000"
