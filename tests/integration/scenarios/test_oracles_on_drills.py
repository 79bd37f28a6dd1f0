"""Oracles on drills that really were, and on the same with a lie of one witness: what no catalogue drill shows."""

from __future__ import annotations

from dataclasses import replace

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios import catalogue
from maildrill.scenarios.oracles import Evidence, judge_drill
from maildrill.scenarios.oracles.limits import LIMITS
from maildrill.scenarios.oracles.storms import breaker
from maildrill.scenarios.scenario import Scenario, listed
from maildrill.scenarios.scenario_file import scenario_of
from maildrill.sender.log_event import LogEvent

SAME_WORDS = "".join(f'[[rule]]\nat = "{at}"\nreply = "550 5.7.1 no"\n' for at in ("rcpt", "rset"))


def played(name: str) -> Evidence:
    """Return the evidence of a drill of the catalogue, about which no oracle speaks."""
    evidence = scenario_of(catalogue.load_script(name)).run().evidence
    assert judge_drill(evidence) == ()
    return evidence


def findings(evidence: Evidence) -> list[str]:
    """Return what I23 says."""
    (invariant,) = (one for one in LIMITS if one.number == 23)
    return [breach.finding for breach in invariant.check(evidence)]


def test_a_reply_to_rset_in_the_words_of_one_to_rcpt_is_no_breach() -> None:
    """I34: the try was decided by RCPT."""
    drilled = Scenario(listed=listed(["ann@x.test"]), script=read_script(SAME_WORDS, "mx.toml")).run()

    assert drilled.summary.violations == ()


def test_who_waits_because_they_are_too_many_is_told() -> None:
    """I23: the log speaks of a wait that nothing else explains."""
    evidence = played("rcpt-too-many")
    last = evidence.events[-1]
    short, long = (
        LogEvent(last.number, last.at, "run.waited", {"until": last.at + wait, "recipients": 1}) for wait in (0.5, 60.0)
    )

    assert findings(replace(evidence, events=(*evidence.events, short))) == []
    assert findings(replace(evidence, events=(*evidence.events, short, long))) == [
        "waited 60s for recipients that were too many for a transaction"
    ]


def test_more_transactions_than_are_needed_are_told() -> None:
    """I23: the journal has each of them many times over."""
    evidence = played("rcpt-too-many")
    again = [replace(one, session=one.session + 1000 * n) for n in range(1, 9) for one in evidence.asked]
    (finding,) = findings(replace(evidence, asked=(*evidence.asked, *again)))

    assert " transactions began; " in finding


def test_of_two_accounts_at_one_host_no_cool_down_is_judged() -> None:
    """I17: the journal does not say whose connection it was."""
    evidence = played("outage-of-six-hours")
    (district,) = evidence.districts
    two = replace(evidence)
    vars(two)["districts"] = (replace(district, places=district.places * 2),)

    assert any(event.kind == "breaker.opened" for event in evidence.events)
    assert list(breaker(two)) == []
