"""The bundled drills end as their scripts foretell, and end the same twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from maildrill.cli.drill import FILES
from maildrill.cli.main import main
from maildrill.scenarios import bundled, catalogue
from maildrill.scenarios.drill import Drilled, Plan, rehearse
from maildrill.sender import lane
from maildrill.sender.attempt import State, Verdict
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.disposition import judge
from maildrill.sender.ledger import read_ledger
from maildrill.sender.lists import RecipientList, read_list
from maildrill.sender.log_sinks import JsonLines, Sink

Run = Callable[..., Result]

#: Of the event log below. What the sender logs may change, and then this does; a difference between Pythons may not be.
GOLDEN = "300e46522428ca366dfee9a1652eaf20ab3f56d20cc9f73919ed642706877cd9"
KEYS = {
    *("recipients", "delivered", "deferred", "failed", "expired", "unknown", "held", "suppressed"),
    *("attempts", "connections", "virtual_seconds", "real_seconds", "seed", "violations"),
}


@pytest.fixture
def run() -> Run:
    """Run `maildrill drill` with these arguments."""
    return lambda *arguments: CliRunner().invoke(main, ["drill", *arguments], standalone_mode=False)


def some_of(campaign: str, script: str, share: int, *sinks: Sink) -> Drilled:
    """Rehearse with every `share`-th recipient of a bundled campaign: all of its domains, in a fraction of the time."""
    whole = read_campaign(bundled.campaign_path(campaign))
    listed = read_list(whole)
    few = RecipientList(listed.recipients[::share], listed.set_aside, listed.columns)
    return rehearse(Plan(campaign=whole, script=catalogue.load_script(script), recipients=few), sinks)


def states_of(drilled: Drilled, domain: str) -> set[State]:
    """Return the states in which the recipients of a domain ended."""
    count = drilled.summary.domains[domain]
    return {state for state, number in count.states.items() if number}


def test_one_seed_gives_one_log_on_every_python(tmp_path: Path) -> None:
    """The event log is the same octets on 3.11, 3.12 and 3.13: each compares itself with one hash."""
    log = JsonLines(tmp_path / "events.jsonl")
    some_of("festival", "rough-week", 10, log)
    log.close()

    assert sha256(log.path.read_bytes()).hexdigest() == GOLDEN


def test_the_bundled_drill_is_whole_and_the_same_twice(run: Run, tmp_path: Path) -> None:
    """1,000 guests, five days, no violation, and one seed gives one event log, byte for byte."""
    results = [run("--json", "--out", str(tmp_path / name)) for name in ("one", "two")]
    report = json.loads(results[0].stdout)

    assert [result.return_value for result in results] == [0, 0]
    assert report.keys() >= KEYS
    assert report["recipients"] == 1000
    assert report["virtual_seconds"] > 5 * 86400
    assert report["violations"] == []
    assert min(report[state] for state in ("delivered", "failed", "expired", "unknown")) > 0
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(FILES)
    for name in ("events.jsonl", "connection.log"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_rough_week_ends_as_its_script_foretells() -> None:
    """Each domain's fate is the one that its rule says."""
    drilled = some_of("festival", "rough-week", 5)

    assert drilled.summary.violations == ()
    for domain in ("north", "south", "harbour", "grey", "full", "busy"):
        assert states_of(drilled, f"{domain}.example") == {State.DELIVERED}
    assert states_of(drilled, "stuffed.example") == {State.FAILED}
    assert states_of(drilled, "gone.example") == {State.FAILED}
    assert states_of(drilled, "never.example") == {State.EXPIRED}
    assert states_of(drilled, "lost.example") == {State.DELIVERED, State.UNKNOWN}


def test_a_notice_meets_too_many_recipients_and_loses_nobody() -> None:
    """452 and 552 at RCPT split the batch: everybody is served at once, and nobody is charged for it."""
    drilled = some_of("notice", "too-many-recipients-452", 1)
    replies = {attempt.reply.code for attempt in drilled.evidence.attempts if attempt.reply is not None}

    assert drilled.summary.violations == ()
    assert drilled.summary.total.states[State.DELIVERED] == drilled.summary.total.recipients
    assert drilled.summary.total.attempts == drilled.summary.total.recipients
    assert {452, 552} <= replies
    assert drilled.summary.virtual_seconds < 60


def test_the_help_page_of_maxbulk_delivers_to_nobody() -> None:
    """450 to the only RCPT and 250 to the dot: the recipient did not get it, and is not called delivered."""
    drilled = some_of("festival", "maxbulk-help-page", 500)

    assert drilled.summary.violations == ()
    assert drilled.summary.total.states[State.EXPIRED] == drilled.summary.total.recipients
    assert {taken.content for taken in drilled.evidence.taken} == {b""}


@pytest.mark.parametrize("name", sorted(set(catalogue.names("weather")) - {"maxbulk-help-page"}))
def test_no_script_of_the_catalogue_makes_the_sender_lie(name: str) -> None:
    """Every oracle is content after a drill against every bundled script, in both modes."""
    violations = [some_of(campaign, name, 10).summary.violations for campaign in bundled.CAMPAIGNS]

    assert violations == [(), ()]


def test_lost_replies_are_unknown_exactly_where_the_line_dropped() -> None:
    """At-most-once: nobody who may have the message gets it twice, and all others have it once."""
    drilled = some_of("festival", "lost-reply-after-dot", 3)
    torn = {to for taken in drilled.evidence.taken if not taken.acknowledged for to in taken.recipients}
    unknown = {address for address, state in drilled.evidence.states.items() if state is State.UNKNOWN}

    assert torn <= unknown
    assert drilled.summary.violations == ()


def test_a_seed_is_everybodys(run: Run) -> None:
    """--seed chooses the draws of sender, script and network; the report names it."""
    reports = [
        json.loads(run("notice", "--script", "lost-reply-after-dot", "--seed", seed, "--json").stdout) for seed in "112"
    ]

    assert [report["seed"] for report in reports] == [1, 1, 2]
    assert reports[0] | {"real_seconds": 0} == reports[1] | {"real_seconds": 0}
    assert reports[1] | {"real_seconds": 0} != reports[2] | {"real_seconds": 0, "seed": 1}


def test_scripts_are_joined_in_order(run: Run, tmp_path: Path) -> None:
    """Of several scripts the first rule that matches answers, whichever file it is in."""
    first = tmp_path / "first.toml"
    first.write_text('version = 1\n[[rule]]\nat = "rcpt"\ndomain = "old.example"\nreply = "550 5.1.1 no"\n')
    result = run("notice", "--script", str(first), "--script", "too-many-recipients-452", "--json")

    assert json.loads(result.stdout)["domains"]["old.example"]["failed"] == 80


def test_the_ledger_of_a_drill_can_be_read(run: Run, tmp_path: Path) -> None:
    """--out keeps a ledger like that of a real run."""
    run("notice", "--script", "all-good", "--out", str(tmp_path))
    ledger = read_ledger(tmp_path / "ledger.sqlite")
    try:
        counts = ledger.counts()
    finally:
        ledger.close()

    assert counts[State.DELIVERED] == 240


def test_a_later_drill_replaces_an_earlier_one(run: Run, tmp_path: Path) -> None:
    """--out may be used again; nothing of the earlier drill is left in its files."""
    for script in ("too-many-recipients-452", "all-good"):
        run("notice", "--script", script, "--out", str(tmp_path))

    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["replies"] == [
        {"count": 240, "stage": "dot", "reply": "250 2.0.0 message taken"}
    ]


def test_a_strict_transcript_that_is_not_met_is_a_violation(run: Run, tmp_path: Path) -> None:
    """The first difference is told, and the exit status is 1."""
    script = tmp_path / "t.txt"
    script.write_text("strict = true\nS: 220 hi\nC: QUIT\nS: 221 bye\n", encoding="utf-8")
    result = run("notice", "--script", str(script))

    assert result.return_value == 1
    assert f"VIOLATED script as the script expects: {script}:3: expected C: QUIT, got C: EHLO" in result.stdout


def test_a_violation_is_reported_and_ends_with_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that breaks an invariant is told so by name, and the exit status says it."""
    monkeypatch.setattr(
        lane, "judge", lambda tx, **more: tuple(replace(one, verdict=Verdict.FAILED) for one in judge(tx, **more))
    )
    result = run("notice", "--script", "all-good")

    assert result.return_value == 1
    assert "I6 no false failure" in result.stdout
