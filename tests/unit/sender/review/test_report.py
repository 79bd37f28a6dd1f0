"""What a campaign came to: sums, spans, shares, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from maildrill.sender.attempt import Fault, State, Verdict
from maildrill.sender.campaign import Account, Limits, Member, Route, RouteKind
from maildrill.sender.ledger.records import Pause, RunRecord
from maildrill.sender.log_event import LogEvent
from maildrill.sender.review.facts import BARS, Facts, gather, most_at_once, timeline
from maildrill.sender.review.html import MOST_TROUBLES, render_html
from maildrill.sender.review.report import MOST_DOMAINS, MOST_REPLIES, Report, render_report
from maildrill.sender.review.report import MOST_TROUBLES as MOST_LINES
from maildrill.sender.review.report_data import HEAD, csv_rows, report_json
from maildrill.sender.review.timeline import bars_svg, shares_svg, strip_svg
from maildrill.smtp import Reply
from maildrill.smtp.quantity import Rate

NOON = 1767614400.0
Make = Callable[..., Any]


def made(facts: Facts, **given: Any) -> Report:
    """Return a report with little to say."""
    return Report(**{"facts": facts, "made": NOON, "program": [("maildrill", "1")], "message": [], **given})


def nothing() -> Facts:
    return gather("spring", NOON, [], [])


def test_a_campaign_that_was_not_sent_has_a_report() -> None:
    """With nothing in it."""
    facts = nothing()

    assert "delivered: to a total of: 0 recipients" in render_report(made(facts))
    assert "Nothing was tried yet." in render_html(made(facts))
    assert "Everybody got it, or still waits for it." in render_html(made(facts))
    assert list(csv_rows(facts))[1:] == []
    assert report_json(made(facts))["not_delivered"] == []


@pytest.mark.parametrize(
    ("resumed", "title", "note"),
    [(None, "Paused: the content is refused", True), (NOON + 60, "Was paused: the content was refused", False)],
)
def test_the_page_has_a_block_for_pauses(resumed: float | None, title: str, note: bool) -> None:
    """With the server's words, escaped; and what to do, as long as it stands."""
    spam = Reply.of("554 5.7.1 <b>spam</b> \x1b[31m")
    pause = Pause(at=NOON, run=1, recipients=5, reply=spam, resumed=resumed)
    page = render_html(made(gather("spring", NOON, [], [], pauses=[pause])))
    block = page.partition('<section class="paused">')[2].partition("</section>")[0]

    assert f"<h2>{title}</h2>" in block
    assert "554 5.7.1 &lt;b&gt;spam&lt;/b&gt; \\x1b[31m" in block
    assert "2026-01-05T12:00:00.000Z" in block
    assert ("send --resume" in block) is note
    assert "<b>spam</b> \\x1b[31m" in render_report(made(gather("spring", NOON, [], [], pauses=[pause])))
    assert ("2026-01-05T12:01:00.000Z" in block) is not note


def test_a_page_without_pauses_has_no_block_for_them() -> None:
    """Most have none."""
    assert "paused" not in render_html(made(nothing())).partition("</style>")[2]


def test_who_is_in_flight_is_pending_and_held_is_left(recipient: Make) -> None:
    """As in the summary of a run; the held are still to be sent to."""
    facts = gather("spring", NOON, [recipient(f"{state}@x", state) for state in State], [])

    assert (facts.total.states[State.PENDING], facts.left, facts.undelivered) == (2, 4, 3)
    assert [one.recipient.state for one in facts.troubles] == [
        State.FAILED,
        State.EXPIRED,
        State.UNKNOWN,
        State.HELD,
    ]


@pytest.mark.parametrize(
    ("spans", "most"),
    [([], 0), ([(0, 1)], 1), ([(0, 2), (1, 3), (2, 4)], 2), ([(0, 1), (1, 2)], 1), ([(5, 5)], 1)],
)
def test_sessions_at_once_overlap(spans: list[tuple[float, float]], most: int) -> None:
    """One that begins when another ends is not at once with it; an instant is a session all the same."""
    assert most_at_once(spans) == most


def test_sessions_of_two_runs_are_not_one(attempt: Make) -> None:
    """Numbers begin anew with each run."""
    tries = [attempt("a@x", Verdict.DEFERRED, run=run, counted=run == 1) for run in (1, 2)]
    facts = gather("spring", NOON, [], tries, runs=[RunRecord(1, NOON, NOON + 60), RunRecord(2, NOON, None)])

    assert (facts.sessions, facts.released, facts.total.attempts) == (2, 1, 1)
    assert "runs: 2, the last one ended 2026-01-05T12:01:00.000Z\n   took: 1m" in render_report(made(facts))


def test_a_timeline_has_equal_spans() -> None:
    """All that was ruled is in one of them; one moment is one bar."""
    bars = timeline({(NOON + n, Verdict.DELIVERED): 2 for n in range(1000)})

    assert (len(bars), sum(bar.verdicts[Verdict.DELIVERED] for bar in bars)) == (BARS, 2000)
    assert [bar.at for bar in timeline({(NOON, Verdict.FAILED): 1})] == [NOON]
    assert timeline({}) == ()


def test_the_log_adds_what_the_ledger_lacks() -> None:
    """Hosts, sizes, and what was set aside: each row once, however many runs told it."""
    log = [
        LogEvent(1, NOON, "recipient.set_aside", {"row": 3, "reason": "invalid"}),
        LogEvent(2, NOON, "recipient.set_aside", {"row": 3, "reason": "invalid"}),
        LogEvent(3, NOON, "session.refused", {"relay": "a:25"}),
        LogEvent(4, NOON, "session.opened", {"relay": "b:25"}),
        LogEvent(5, NOON, "transaction.started", {"octets": 9}),
        LogEvent(6, NOON, "transaction.started", {"octets": 5}),
        LogEvent(7, NOON, "line", {}),
    ]
    facts = gather("spring", NOON, [], [], log=log)

    assert (facts.relays, facts.octets, facts.set_aside) == (("a:25", "b:25"), (5, 9), {"invalid": 1})
    assert ("servers: 2" in render_report(made(facts)), "server: b:25" in render_report(made(facts))) == (True, True)


def test_the_delivery_part_is_the_campaigns(campaign: Make) -> None:
    """Several accounts, groups and rates; delivered directly, the hosts that the log has."""
    accounts = tuple(Member(account=Account(host=name, name=name)) for name in ("a", "b"))
    several = campaign(
        route=Route(kind=RouteKind.FAILOVER, members=accounts),
        limits=Limits(group=50, interval=60.0, rate=Rate(100, 3600.0)),
    )
    page = render_report(made(nothing(), campaign=several))
    direct = render_report(
        made(replace(nothing(), relays=("mx:25",)), campaign=campaign(route=Route(kind=RouteKind.DIRECT)))
    )

    assert "servers: 2, delivery: the first account that works\n   server: a:25 (a)\n   server: b:25 (b)\n" in page
    assert "group: 50 messages\n   interval: 1m\n   rate: 100/1h\n" in page
    assert "servers: 1, delivery: direct, to the hosts of each domain\n   server: mx:25\n" in direct
    assert "delivery: one account" in render_report(made(nothing(), campaign=campaign()))


def test_overrides_are_counted_and_named(recipient: Make, attempt: Make) -> None:
    """In the part with the results, in JSON, and with the last try of each in CSV."""
    by = "line 3: retry after 2h"
    tries = [
        attempt("a@x", Verdict.DEFERRED, override=by),
        attempt("a@x", Verdict.DEFERRED),
        attempt("b@x", Verdict.FAILED, override="line 9: fail"),
    ]
    tries.append(attempt("a@x", Verdict.DEFERRED, override=by))
    facts = gather("spring", NOON, [recipient("b@x", State.FAILED)], tries)
    report = made(facts)
    page = render_report(report)

    assert "changed by your override: 2 of the tries (line 3: retry after 2h)\n" in page
    assert "changed by your override: 1 of the tries (line 9: fail)\n" in page
    assert report_json(report)["results"]["overrides"] == {by: 2, "line 9: fail": 1}  # type: ignore[index]
    assert dict(zip(*csv_rows(facts), strict=True))["override"] == "line 9: fail"


def test_what_does_not_fit_is_counted(recipient: Make, attempt: Make) -> None:
    """Domains, replies, recipients: a page is a page, and says what it leaves out."""
    many = [recipient(f"a@{n}.example", State.FAILED) for n in range(MOST_TROUBLES + 1)]
    tries = [
        attempt("z@x", Verdict.FAILED, reply=Reply.of(f"550 {'abcdefghijklmnop'[n]}")) for n in range(MOST_REPLIES + 2)
    ]
    report = made(gather("spring", NOON, many, tries))
    page = render_report(report)

    assert f"({len(many) - MOST_DOMAINS} more)" in page
    assert "(2 more)" in page
    assert f"({len(many) - MOST_LINES} more: --format csv has all)" in page
    assert "1 more are left out here" in render_html(report)


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", " =", "\t=", "＝"])  # noqa: RUF001 - a wide one
def test_no_cell_of_csv_is_a_formula(begin: str, recipient: Make) -> None:
    """Whatever a server says, or a list holds."""
    hostile = recipient(f"{begin}a@x", State.FAILED, reason=f"{begin}cmd|'/C calc'!A0")
    (_, row) = csv_rows(gather("spring", NOON, [hostile], []))

    assert (row[0][0], row[8][0], row[4]) == ("'", "'", "")


def test_csv_has_the_columns_of_the_list(recipient: Make) -> None:
    """Behind ours; where a row lacks one, nothing; none of two columns with one name, and none is a formula."""
    rows = {"a@x": {"Email": "a@x", "state": "Ohio", "list_state": "old"}, "b@x": {"Email": "b@x", "=n": "=1"}}
    failed = [recipient(address, State.FAILED) for address in rows]
    facts = gather("spring", NOON, failed, [], fields_of=lambda one: rows[one.address])
    head, *found = (row[len(HEAD) :] for row in csv_rows(facts))

    assert head == ["Email", "list_list_state", "list_state", "'=n"]
    assert found == [["a@x", "Ohio", "old", ""], ["b@x", "", "", "'=1"]]
    assert [one["fields"] for one in report_json(made(facts))["not_delivered"]] == list(rows.values())  # type: ignore[attr-defined]


def test_a_held_one_has_the_fault_as_its_words(recipient: Make, attempt: Make) -> None:
    """Where no server said anything; its row of the table has its source."""
    held = recipient("a@x", State.HELD, fault=Fault.REFUSED, row="connect-failed")
    facts = gather("spring", NOON, [held], [attempt("a@x", Verdict.HELD, reply=None)])
    (_, row) = csv_rows(facts)

    assert (row[8], row[10], row[4]) == ("refused", "RFC 5321 section 4.5.4.1", "2026-01-05T12:00:01.000Z")
    assert facts.replies[0].said == "no reply"


def test_pictures_say_what_they_show() -> None:
    """For whoever cannot see them; nobody is somebody, too."""
    assert 'aria-label="nobody"' in shares_svg([])
    assert "<title>failed: 1 of 4</title>" in shares_svg([("delivered", 3), ("failed", 1)])
    assert 'aria-label="never tried"' in strip_svg([], (0.0, 0.0))
    assert strip_svg([(NOON, Verdict.FAILED), (NOON + 9, Verdict.DEFERRED)], (NOON, NOON + 9)).count("<title>") == 2
    assert "2 delivered" in bars_svg(timeline({(NOON, Verdict.DELIVERED): 2, (NOON + 60, Verdict.FAILED): 1}))
