"""Drills that are paused while other transactions are under way: nothing that is broken off is taken for a fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Drilled, Plan, rehearse
from maildrill.scenarios.mutants.defects import CAMPAIGN
from maildrill.scenarios.oracles.breaking import was_broken_off
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Mode
from maildrill.sender.lists import RecipientList, Row

SPAM = '[[rule]]\nat = "dot"\nreply = "554 5.7.1 spam"\n'
SLOW = '[[rule]]\nat = "data"\nrcpt = ["r3@*", "r8@*"]\nwait = "30s"\n'
ROWS = tuple(Row(n, f"r{n}@x.example", {}) for n in range(2, 32))


def drilled(script: str, mode: Mode, connections: int, seed: int) -> Drilled:
    """Return what a drill comes to in which the content is refused for everybody whose dot is answered."""
    limits = replace(CAMPAIGN.limits, connections=connections, pause_after=4, recipients_per_transaction=3)
    return rehearse(
        Plan(
            campaign=replace(CAMPAIGN, mode=mode, limits=limits),
            script=read_script("version = 1\n" + script + SPAM, "mx.toml"),
            recipients=RecipientList(ROWS, (), ("Email",)),
            seed=seed,
        )
    )


@pytest.mark.parametrize("script", ["", SLOW], ids=["at once", "slow"])
@pytest.mark.parametrize("mode", list(Mode))
def test_no_invariant_is_violated_by_a_pause(script: str, mode: Mode) -> None:
    """Whatever is under way: whose dot has left is ruled, everybody else keeps their turn, uncounted."""
    for connections in (2, 3, 8):
        for seed in range(4):
            found = drilled(script, mode, connections, seed)
            waiting = [one for one in found.evidence.recipients if one.state is State.PENDING]

            assert found.summary.violations == ()
            assert found.summary.pause is not None
            assert [one.attempts for one in waiting] == [0] * len(waiting)


def test_a_transaction_that_a_pause_breaks_off_comes_to_no_try() -> None:
    """RCPT has named its recipients, its dot has not left: they are pending, and the witnesses know why."""
    evidence = drilled(SLOW, Mode.BATCH, 2, 1).evidence
    named = [one for asked in evidence.asked_for.values() for one in asked]
    broken = {one.recipient for one in named if was_broken_off(evidence, one.session, one.transaction)}
    broken -= {one.recipient for one in evidence.attempts}

    assert broken
    assert {evidence.states[one] for one in broken} == {State.PENDING}
