from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.attempt import Fault, Scope, State, Verdict
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.ledger.records import AttemptRecord, Pause, RecipientRecord
from maildrill.sender.lists.rows import Reason, SetAside
from maildrill.sender.report import Summary, Violation, render_text, summarise
from maildrill.sender.summary import MOST_REPLIES, shape
from maildrill.smtp import Reply, Stage

CAMPAIGN = Campaign(
    name="spring",
    sender=Mailbox("Ann", "ann@example.com"),
    subject="Hello",
    account=Account(host="mx.example", port=2525),
    list_file=Path("list.csv"),
    email="Email",
    text="Hello",
    html=None,
    attachments=(),
    retry=RetryPolicy(schedule=(300.0,), cap=300.0),
    limits=Limits(),
    seed=7,
)


def recipient(address: str, state: State = State.DELIVERED) -> RecipientRecord:
    """Return a recipient in `state`."""
    return RecipientRecord(
        address=address,
        number=2,
        state=state,
        attempts=1,
        queued_at=0,
        due=None,
        first_at=None,
        expires_at=None,
        message_id="<1@example.com>",
    )


def tried(address: str, reply: str | None = "250 2.0.0 Ok", *, verdict: Verdict = Verdict.DELIVERED) -> AttemptRecord:
    """Return a try that a reply to the dot decided, or the end of the connection."""
    return AttemptRecord(
        recipient=address,
        number=1,
        run=1,
        session=1,
        transaction=1,
        started=0,
        ended=1,
        verdict=verdict,
        state=State.DELIVERED,
        scope=Scope.RECIPIENT,
        stage=Stage.DOT,
        row="x",
        counted=verdict is not Verdict.RELEASED,
        reply=Reply.of(reply) if reply else None,
        fault=None if reply else Fault.EOF,
    )


def summary(
    recipients: list[RecipientRecord],
    attempts: list[AttemptRecord] | None = None,
    *,
    set_aside: tuple[SetAside, ...] = (),
    violations: tuple[Violation, ...] = (),
) -> Summary:
    """Return the summary of these records after five virtual days."""
    return summarise(
        CAMPAIGN,
        recipients,
        attempts or [],
        set_aside,
        connections=3,
        virtual_seconds=432000.25,
        real_seconds=1.5,
        violations=violations,
    )


def test_a_pause_is_shown_with_the_reply_and_the_way_on() -> None:
    """What the server said is escaped; the page says what an operator can do."""
    pause = Pause(at=0.0, run=1, recipients=5, reply=Reply.of("554 5.7.1 a \x1b[31mlisted link"))
    page = render_text(replace(summary([]), pause=pause))

    assert "PAUSED since 1970-01-01" in page
    assert "5 recipients in a row: 554 5.7.1 a \\x1b[31mlisted link" in page
    assert "`maildrill send --resume`" in page
    assert "`maildrill requeue --code 554`" in page


def test_what_came_of_a_canary_is_shown() -> None:
    """How many there are, and where they stand."""
    page = render_text(replace(summary([]), canary={State.DELIVERED: 2, State.FAILED: 1}))

    assert "canary: the first 3 recipients of the list: 2 delivered, 1 failed" in page


def test_the_object_for_programs_has_every_key() -> None:
    """--json prints counts, times, domains and replies; it stays as it is."""
    found = summary(
        [recipient("a@example.com"), recipient("b@Example.com", State.FAILED), recipient("c@example.org")],
        [
            tried("a@example.com", None, verdict=Verdict.RELEASED),
            tried("a@example.com", "250 2.0.0 Ok: queued as 4F2A9"),
            tried("b@Example.com", "550 5.1.1 <b@Example.com>: unknown", verdict=Verdict.FAILED),
            tried("c@example.org", "250 2.0.0 Ok: queued as 77ACD"),
        ],
        set_aside=(SetAside(9, "x", Reason.INVALID, ""), SetAside(10, "y", Reason.INVALID, "")),
        violations=(Violation("I4", "duplicate bound", "a@example.com", "committed twice"),),
    )
    none = {"expired": 0, "unknown": 0, "deferred": 0, "held": 0, "suppressed": 0, "pending": 0}

    assert json.loads(json.dumps(found.to_json())) == {
        "campaign": "spring",
        "relay": "mx.example:2525",
        "seed": 7,
        "recipients": 3,
        "delivered": 2,
        "failed": 1,
        **none,
        "attempts": 3,
        "released": 1,
        "connections": 3,
        "set_aside": {"invalid": 2, "duplicate": 0, "suppressed": 0},
        "paused": None,
        "canary": None,
        "virtual_seconds": 432000.25,
        "real_seconds": 1.5,
        "domains": {
            "example.com": {"recipients": 2, "delivered": 1, "failed": 1, **none, "attempts": 2},
            "example.org": {"recipients": 1, "delivered": 1, "failed": 0, **none, "attempts": 1},
        },
        "replies": [
            {"count": 2, "stage": "dot", "reply": "250 2.0.0 Ok: queued as *"},
            {"count": 1, "stage": "dot", "reply": "550 5.1.1 *: unknown"},
            {"count": 1, "stage": "dot", "reply": "eof"},
        ],
        "replies_left_out": 0,
        "violations": [
            {"invariant": "I4", "name": "duplicate bound", "recipient": "a@example.com", "finding": "committed twice"}
        ],
    }


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(State))))
def test_the_sums_agree(drawn: list[tuple[str, State]]) -> None:
    """Every recipient is in exactly one state, per domain and in total (I51)."""
    found = summary([recipient(f"x@{domain}.example", state) for domain, state in drawn])

    assert found.total.recipients == sum(found.total.states.values()) == len(drawn)
    for state in found.total.states:
        assert found.total.states[state] == sum(count.states[state] for count in found.domains.values())


def test_a_recipient_in_flight_counts_as_pending() -> None:
    """A report has no state for what only lasts a moment."""
    found = summary([recipient("a@example.com", State.INFLIGHT)])

    assert found.total.states[State.PENDING] == 1


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("250 2.0.0 Ok: queued as 4F2A9C01D", "250 2.0.0 Ok: queued as *"),
        ("450 4.2.0 <ann@example.com>: greylisted for 299 seconds", "450 4.2.0 *: greylisted for * seconds"),
        ("550 5.7.1 [192.0.2.17] is listed", "550 5.7.1 [*] is listed"),
        ("421", "421"),
        ("250 Ok", "250 Ok"),
        ("452 4.5.3 more than 50 recipients", "452 4.5.3 more than 50 recipients"),
    ],
)
def test_replies_that_differ_only_from_mail_to_mail_are_one_reply(said: str, shown: str) -> None:
    """Addresses, queue ids and long numbers give way to a `*`; codes stay."""
    assert shape(Reply.of(said)) == shown


def test_the_page_for_people_shows_domains_totals_and_replies() -> None:
    """A table per domain and in total, how long it took, and what the servers said most often."""
    page = render_text(
        summary(
            [recipient("a@example.com"), recipient("b@example.com", State.DEFERRED), recipient("c@example.org")],
            [tried("a@example.com"), tried("b@example.com", "450 4.2.1 busy", verdict=Verdict.DEFERRED)],
            set_aside=(SetAside(9, "x", Reason.DUPLICATE, ""),),
        )
    )

    assert page.splitlines() == [
        'Campaign "spring": 3 recipients through mx.example:2525, seed 7',
        "",
        "domain       recipients  delivered  failed  expired  unknown  deferred  attempts",
        "example.com           2          1       0        0        0         1         2",
        "example.org           1          1       0        0        0         0         0",
        "total                 3          2       0        0        0         1         2",
        "",
        "delivered to a total of: 2 recipients",
        "still to be sent: [1 of 3]",
        "set aside from the list: 1 duplicate",
        "attempts: 2, and 0 that were not about the recipient",
        "connections: 3",
        "virtual time: 5d, real time: 1.5s",
        "",
        "count  stage  most frequent replies",
        "    1  dot    250 2.0.0 Ok",
        "    1  dot    450 4.2.1 busy",
    ]


def test_the_page_names_each_violation() -> None:
    """A breach of an invariant cannot be overlooked."""
    page = render_text(
        summary(
            [recipient("a@example.com")],
            violations=(Violation("I1", "conservation", "", "2 of 3"), Violation("I4", "bound", "a@b", "twice")),
        )
    )

    assert page.splitlines()[-2:] == ["VIOLATED I1 conservation: 2 of 3", "VIOLATED I4 bound: a@b: twice"]


def test_long_reports_say_what_they_leave_out() -> None:
    """Many domains and many replies are cut short, not silently."""
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(MOST_REPLIES + 2)]
    found = summary(
        [recipient(f"x@{word}.example") for word in words], [tried("x@aa.example", f"250 {word}") for word in words]
    )
    page = render_text(found)

    assert ("(32 more)" in page, "(40 more)" in page, found.to_json()["replies_left_out"]) == (True, True, 2)


def test_a_hostile_reply_or_domain_cannot_steer_the_terminal() -> None:
    """What strangers wrote is escaped on the page."""
    page = render_text(
        summary(
            [recipient("a@b\u202e")], [tried("a@b\u202e", "250 \x1b[2J")], violations=(Violation("", "", "\x1b", "\n"),)
        )
    )

    assert ("\x1b" in page, "\u202e" in page) == (False, False)
