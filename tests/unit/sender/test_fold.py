from __future__ import annotations

from maildrill.sender.attempt import State
from maildrill.sender.fold import fold
from maildrill.sender.log_event import LogEvent


def events(*happened: tuple[str, dict[str, object]]) -> list[LogEvent]:
    """Return a log of these kinds and fields."""
    return [LogEvent(n, 0.0, kind, fields) for n, (kind, fields) in enumerate(happened, 1)]


def test_each_kind_of_event_moves_its_recipients() -> None:
    """Queued, started, tried, expired, held: the last word counts."""
    log = events(
        ("recipient.queued", {"recipient": "queued"}),
        ("recipient.queued", {"recipient": "started"}),
        ("recipient.queued", {"recipient": "tried"}),
        ("recipient.restored", {"recipient": "restored", "state": "deferred"}),
        ("recipient.recovered", {"recipient": "recovered", "state": "unknown"}),
        ("transaction.started", {"recipients": ["queued", "started", "tried"]}),
        ("transaction.intent", {"recipients": ["started", "tried"]}),
        ("line", {"text": "RCPT TO:<queued>"}),
        ("attempt", {"recipient": "tried", "state": "delivered"}),
        ("recipient.expired", {"recipient": "late", "state": "expired"}),
        ("recipient.held", {"recipient": "stuck", "state": "held"}),
        ("recipient.held", {"recipient": "again", "state": "held"}),
        ("recipient.requeued", {"recipient": "again", "state": "pending"}),
    )

    assert fold(log) == {
        "queued": State.PENDING,
        "started": State.INFLIGHT,
        "tried": State.DELIVERED,
        "restored": State.DEFERRED,
        "recovered": State.UNKNOWN,
        "late": State.EXPIRED,
        "stuck": State.HELD,
        "again": State.PENDING,
    }


def test_the_ledgers_word_at_a_later_start_replaces_what_a_lost_tail_left_open() -> None:
    """A crash may lose the log's last events; the next run's `recipient.restored` mends it."""
    log = events(
        ("transaction.intent", {"recipients": ("ann",)}),
        ("recipient.restored", {"recipient": "ann", "state": "delivered"}),
    )

    assert fold(log) == {"ann": State.DELIVERED}
