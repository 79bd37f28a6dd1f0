"""Why a recipient stands where it stands, and what would change it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from maildrill.sender.attempt import Fault, State, Verdict
from maildrill.sender.classification import Category, bundled
from maildrill.sender.ledger.records import Requeued
from maildrill.sender.log_event import LogEvent
from maildrill.sender.review.advice import advice
from maildrill.sender.review.explain import Dialogue, dialogues_of, explain, nearest, set_aside
from maildrill.sender.review.explain_text import explanation_json, render_explanation
from maildrill.sender.review.located import locate
from maildrill.smtp import Reply, Stage

NOON = 1767614400.0
Make = Callable[..., Any]


def test_every_state_has_advice(recipient: Make) -> None:
    """What happens by itself comes first; it differs where a sender is at work."""
    said = {
        (state, sending): advice(recipient("a@x", state, due=NOON + 60, reason="why"), now=NOON, sending=sending)
        for state in State
        for sending in (True, False)
    }

    assert all(lines and all(lines) for lines in said.values())
    assert said[State.DEFERRED, True][0].startswith("it is tried again at 2026-01-05T12:01:00.000Z, by the sender")
    assert "once `maildrill send` runs; its lifetime begins with its first try" in said[State.PENDING, False][0]
    assert said[State.INFLIGHT, True] != said[State.INFLIGHT, False]
    assert said[State.SUPPRESSED, False][0] == "nothing is sent to it: why"


def test_who_is_due_is_tried_now(recipient: Make) -> None:
    """With the end of its lifetime; without a reason nothing is made up."""
    due = advice(recipient("a@x", State.DEFERRED, due=NOON, expires_at=NOON + 60), now=NOON, sending=True)

    assert due[0].endswith("no try begins after 2026-01-05T12:01:00.000Z")
    assert "tried again now" in due[0]
    assert advice(recipient("a@x", State.HELD), now=NOON, sending=False)[0].endswith("not the recipient")
    assert advice(recipient("a@x", State.SUPPRESSED), now=NOON, sending=False)[0].endswith("suppressed")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"reply": Reply.of("552 5.3.4 too big")}, "a smaller one is another campaign"),
        ({"reply": Reply.of("550 5.9.9 odd")}, None),
        ({"reply": Reply.of("550 odd")}, None),
        ({"fault": Fault.TIMEOUT}, "are host, port and TLS right?"),
        ({"fault": Fault.REFUSED}, "is the server up?"),
        ({"fault": Fault.EOF}, None),
    ],
)
def test_the_reply_says_where_to_look(given: dict[str, object], told: str | None, recipient: Make) -> None:
    """By its enhanced code, or by the fault; what says nothing adds nothing."""
    plain = advice(recipient("a@x", State.FAILED), now=NOON, sending=False)
    more = advice(recipient("a@x", State.FAILED, **given), now=NOON, sending=False)

    assert [(told or "") in line for line in more[len(plain) :]] == ([True] if told else [])


def line(at: float, text: str) -> LogEvent:
    return LogEvent(1, at, "line", {"session": 3, "mark": "->", "text": text})


def test_a_try_has_the_lines_that_were_ruled_with_it(recipient: Make, attempt: Make) -> None:
    """Sessions are numbered anew in each run: the moment of the ruling tells two of one number apart."""
    told = explain(
        recipient("a@x", State.DEFERRED),
        [attempt("a@x", Verdict.DEFERRED), attempt("a@x", Verdict.DEFERRED, ended=NOON + 50)],
        [Dialogue(3, 2, NOON + 50, (line(NOON, "second"),)), Dialogue(3, 2, NOON + 1, (line(NOON, "first"),))],
    )

    assert [[one.fields["text"] for one in step.lines] for step in told.steps] == [["first"], ["second"]]


def test_a_try_that_was_never_ruled_has_the_lines_that_were_left(recipient: Make, attempt: Make) -> None:
    """The sender died between the dot and its reply; the next run said Unknown."""
    died = attempt("a@x", Verdict.UNKNOWN, row="recovered", stage=Stage.DOT, reply=None, fault=Fault.STOPPED)
    log = [
        LogEvent(1, NOON, "run.started", {}),
        LogEvent(2, NOON, "transaction.started", {"session": 3, "transaction": 2, "recipients": ["a@x"]}),
        line(NOON, "."),
        LogEvent(4, NOON, "run.started", {}),
        LogEvent(5, NOON, "transaction.started", {"session": 3, "transaction": 2, "recipients": ["a@x"]}),
        line(NOON, "MAIL FROM:<us@x>"),
    ]
    found = list(dialogues_of("a@x", locate(log)))
    told = explain(recipient("a@x", State.UNKNOWN), [died], found)
    page = render_explanation(told, [])

    assert [one.at for one in found] == [None, None]
    assert "#3  -> ." in page
    assert "row `recovered`: the sender ended between the final dot and its reply" in page


def test_the_page_tells_everything(recipient: Make, attempt: Make) -> None:
    """Also where nothing was asked, what an operator did, and a row that this version does not know."""
    moved = [Requeued(recipient=name, at=NOON, before=State.FAILED, by="requeue") for name in ("a@x", "b@x")]
    told = explain(
        recipient("a@x", State.FAILED, attempts=2, body_hash="b0d1"),
        [attempt("a@x", Verdict.HELD, row="new", reply=None, detail="no\x1b", transaction=None, counted=False)],
        [],
        requeues=moved,
    )
    page = render_explanation(told, ["try"])

    assert "is failed: 2 tries count" in page
    assert "hash of the message that left: b0d1" in page
    assert "run 1, session #3: held (does not count)" in page
    assert "no reply at rcpt: nothing was asked: no\\x1b" in page
    assert "row `new`: a row of another version of maildrill" in page
    assert page.count("an operator said `maildrill requeue`; it was failed") == 1
    assert page.endswith("what would change it:\n  - try\n")
    assert explanation_json(told, [])["requeued"] == [{"at": NOON, "before": "failed", "by": "requeue"}]


@pytest.mark.parametrize(("row", "told"), [("rcpt-5yz", "failed"), ("a row of another version", "not known")])
def test_an_override_is_told_with_what_the_table_says(row: str, told: str, recipient: Make, attempt: Make) -> None:
    """The line, what it says, and what would have been; in JSON its words alone."""
    tried = attempt("a@x", Verdict.DEFERRED, row=row, reply=Reply.of("550 no"), override="line 42: retry after 2h")
    found = explain(recipient("a@x", State.DEFERRED), [tried, attempt("a@x", Verdict.DEFERRED)], [])
    line = f"   your override, line 42, changed this row: retry after 2h (by the table: {told})\n"

    assert render_explanation(found, []).count("your override") == 1
    assert line in render_explanation(found, [])
    tries = explanation_json(found, [])["tries"]
    assert [one["override"] for one in tries] == ["line 42: retry after 2h", None]  # type: ignore[attr-defined]


def test_advice_knows_what_an_override_has_done(recipient: Make) -> None:
    """No server said no for good to who failed by 4yz, and nothing of ours is at fault where an override holds."""
    failed = recipient("a@x", State.FAILED, reply=Reply.of("450 4.2.1 busy"))
    held = recipient(
        "a@x", State.HELD, verdict=Verdict.HELD, reply=Reply.of("550 no"), reason="held by your override, line 3"
    )

    assert advice(failed, now=NOON, sending=False)[0].endswith("your override made its no final")
    assert advice(held, now=NOON, sending=False)[0] == "it waits for you: held by your override, line 3"


def test_rows_that_were_set_aside_are_found_once(recipient: Make) -> None:
    """Each run tells them anew; a display name does not hide them."""
    rows = [(1, "Ann <ann@x>"), (1, "Ann <ann@x>"), (2, "ANN@x"), (3, "joann@x")]
    log = [LogEvent(1, NOON, "recipient.set_aside", {"row": row, "value": value}) for row, value in rows]

    assert [event.fields["row"] for event in set_aside("ann@x", [*log, LogEvent(9, NOON, "line", {})])] == [1, 2]


def test_the_nearest_addresses_are_those_that_look_alike() -> None:
    """Of the same domain, the same local part, or the same beginning."""
    there = ["ann@x.example", "ann@y.example", "bob@x.example", "zoe@z.example", "anna@z.example"]

    assert nearest("ann@x.exampl", there)[0] == "ann@x.example"
    assert nearest("q@q", there) == []


def test_what_no_rule_knows_is_about_nothing(recipient: Make, attempt: Make) -> None:
    """`other` says nothing; a category without advice is its word and what it is about."""
    odd = attempt("a@x", Verdict.FAILED, reply=Reply.of("599 odd"))
    full = attempt("a@x", Verdict.DEFERRED, reply=Reply.of("452 4.2.2 full"))
    plain = Category("full", "no room")
    told = explain(recipient("a@x", State.FAILED), [odd, full], [], classifier=bundled())
    terse = replace(told, steps=(replace(told.steps[1], category=plain),))

    assert [step.category and step.category.name for step in told.steps] == [None, "mailbox-full"]
    assert "   full: no room\n" in render_explanation(terse, [])
