"""The page about a violation, and the test made of a scenario: on drills with seeded defects, and on lies."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Drilled, Plan, rehearse
from maildrill.scenarios.mutants.defects import CAMPAIGN, DEFECTS, Defect, recipients
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.oracles import EVERY
from maildrill.scenarios.scenario import Scenario, listed, usual_campaign
from maildrill.scenarios.scenario_writer import scenario_to_toml
from maildrill.scenarios.telling.excerpt import MOST_LINES
from maildrill.scenarios.telling.export import pytest_module
from maildrill.scenarios.telling.page import drilled_page, tell
from maildrill.sender.campaign import Mode
from maildrill.sender.summary import Spot, Violation
from maildrill.smtp import Stage

pytest_plugins = ["pytester"]

STATEMENTS = {invariant.id: invariant.statement for invariant in EVERY}
NAMED = {defect.seed.__name__: defect for defect in reversed(DEFECTS)}


def drilled(defect: Defect) -> Drilled:
    """Return what a drill with the defect came to."""
    with Patching() as patch:
        defect.seed(patch)
        plan = Plan(
            campaign=defect.change(CAMPAIGN),
            script=read_script("version = 1\n" + defect.script, "mx.toml"),
            recipients=recipients(defect.guest),
            canary=defect.canary,
        )
        return rehearse(plan)


def told(name: str) -> str:
    """Return the page about a drill with the defect of this name."""
    found = drilled(NAMED[name])
    return tell(found.summary.violations, found.evidence)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda one: f"{one.seed.__name__}-I{one.number}")
def test_every_defect_is_told_with_what_must_hold(defect: Defect) -> None:
    """Its invariant in one sentence, and at most one mark in the dialogue of each."""
    found = drilled(defect)
    page = tell(found.summary.violations, found.evidence)
    parts = {part.split()[1]: part for part in page.split("VIOLATED ")[1:] for part in [f"VIOLATED {part}"]}

    assert f"  must hold      {STATEMENTS[f'I{defect.number}']}\n" in parts[f"I{defect.number}"]
    assert all(part.count("\n>>> ") == part.count("\n  session ") - _before(part) for part in parts.values())


def _before(part: str) -> int:
    """Return 1 where the transaction before is shown, too."""
    return max(0, part.count("\n  session ") - 1)


def test_the_mark_is_at_the_second_message() -> None:
    """A reply that was lost, taken for a deferral: two transactions, and the dot of the second is blamed."""
    page = told("takes_a_lost_reply_for_a_deferral")

    assert "claim, log     deferred (session 1, dot, eof), then delivered (session 3, dot, 250 message taken)" in page
    assert "its message was taken twice and acknowledged once" in page
    mark, at, said = next(line for line in page.splitlines() if line.startswith(">>>")).split(maxsplit=2)
    assert (mark, at[:4], said) == (">>>", "10m0", "-> .")


def test_the_mark_is_at_the_command_after_421() -> None:
    """Without a recipient the transaction before is shown where it is of the same session."""
    page = told("talks_on_after_421")

    assert "<** 421 4.7.0 bye\n  session 1, transaction 2;" in page
    assert "\n>>> 0.091s   -> MAIL FROM:<news@sender.example> SIZE=295\n" in page


def test_neighbours_of_a_batch_are_left_out() -> None:
    """Their RCPT commands and the replies to those, and it is said how many."""
    page = told("loses_refusals_when_data_fails").partition("\n\n")[0]

    assert "… RCPT for 1 other recipient, too" in page
    assert "ann@example.com" not in page
    assert page.count("550 5.1.1 no") == 3  # found, log, dialogue
    assert "250 2.1.5" not in page


def test_a_good_drill_has_its_report_alone() -> None:
    """Nothing is told where nothing is violated."""
    good = Scenario(listed=listed(["ann@x.test"])).run()

    assert "VIOLATED" not in drilled_page(good.summary, good.evidence)


def test_a_breach_that_nobody_spoke_of_has_no_dialogue() -> None:
    """Nor has one without a recipient and without a moment; whoever is in no list is unknown to the ledger."""
    good = Scenario(listed=listed(["ann@x.test"])).run()
    nobody = [
        Violation("I1", "conservation", "eve@x.test", "is lost"),
        Violation("script", "as the script expects", "", "it was not asked"),
    ]
    page = tell(nobody, good.evidence)

    assert "claim, ledger  does not know this recipient\n  claim, log     has no try\n" in page
    assert "RCPT named it never" in page
    assert "session" not in page


def test_long_dialogue_keeps_its_end() -> None:
    """Of a batch of many the first lines are left out, and it is said how many; the mark stays."""
    limits = replace(usual_campaign().limits, recipients_per_transaction=50)
    campaign = replace(usual_campaign(), limits=limits, mode=Mode.BATCH)
    guests = listed([f"guest{n}@x.test" for n in range(50)])
    many = Scenario(campaign=campaign, listed=guests, script=read_script(MANY, "mx.toml")).run()
    spot = Spot(many.evidence.taken[0].at, Stage.DOT)
    page = tell([Violation("I8", "all refused", "", "octets for nobody", spot)], many.evidence)

    assert re.search(r"^ +… \d+ lines before$", page, re.MULTILINE)
    assert re.search(r"^>>> \S+ +-> \.$", page, re.MULTILINE)
    assert page.count("\n") < 2 * MOST_LINES


MANY = 'version = 1\n[[rule]]\nat = "rcpt"\ntimes = 1\nreply = "450 4.2.0 later"\n'
GOOD = Scenario(purpose="Ann's mail arrives, 'quoted' and \\ all.", listed=listed(["ann@x.test"]))
WRONG = '[scenario]\npurpose = "Ann"\nsource = "s"\nrecipients = "ann@x.test"\noutcome = [{ state = "failed" }]\n'


def test_an_exported_test_stands_alone(pytester: pytest.Pytester) -> None:
    """It passes where the scenario holds, and fails with the page where it does not."""
    pytester.makepyfile(test_good=pytest_module(GOOD.purpose, scenario_to_toml(GOOD)))
    pytester.makepyfile(test_wrong=pytest_module("Ann", WRONG))
    result = pytester.runpytest_subprocess("-v", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*::test_ann_s_mail_arrives_quoted_and_all PASSED*", "  claim, ledger  delivered,*"])
