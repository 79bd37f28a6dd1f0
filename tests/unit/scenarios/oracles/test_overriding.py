"""I56 by hand: what an override must have changed, and where it need not have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maildrill.scenarios.mutants.changes import tried
from maildrill.scenarios.mutants.told import good_drill
from maildrill.scenarios.oracles import judge_drill
from maildrill.sender.override import Override, Overrides, Then
from maildrill.smtp import Reply, Stage


@pytest.mark.parametrize(
    ("override", "row", "must"),
    [
        (Override(line=1, then=Then.HOLD, code=("55*",)), "rcpt-5yz", True),
        (Override(line=1, then=Then.HOLD, at=(Stage.RCPT,), match=("X.*",)), "rcpt-5yz", True),
        (Override(line=1, then=Then.FAIL, code=("55*",)), "rcpt-5yz", False),
        (Override(line=1, then=Then.HOLD, code=("450",)), "rcpt-5yz", False),
        (Override(line=1, then=Then.HOLD, at=(Stage.DOT,)), "rcpt-5yz", False),
        (Override(line=1, then=Then.HOLD, match=("y.*",)), "rcpt-5yz", False),
        (Override(line=1, then=Then.HOLD, category=("policy",)), "rcpt-5yz", False),
        (Override(line=1, then=Then.HOLD, status=("5.*",)), "rcpt-5yz", False),
        (Override(line=1, then=Then.HOLD, text=("no",)), "rcpt-5yz", False),
        (Override(line=1, then=Then.HOLD, code=("55*",)), "rcpt-out-of-step", False),
    ],
)
def test_a_plain_override_must_have_decided(override: Override, row: str, must: bool) -> None:
    """One that asks for a word, a status or a text is the classifier's business."""
    good = good_drill()
    evidence = replace(good, campaign=replace(good.campaign, overrides=Overrides((override,))))
    found = judge_drill(tried(evidence, "cyd@x.test", row=row))
    said = f"is failed by the table, and the override in line 1 says {override.then}"

    assert (said in [one.finding for one in found if one.invariant == "I56"]) is must


def test_what_was_not_said_needs_no_override() -> None:
    """A try without a reply, and one that was ruled as the override says."""
    good = good_drill()
    each = Overrides((Override(line=1, then=Then.FAIL, code=("*",)), Override(line=2, then=Then.HOLD, code=("5*",))))
    evidence = replace(good, campaign=replace(good.campaign, overrides=each))
    lost = tried(evidence, "cyd@x.test", row="mail-552", stage=Stage.MAIL, reply=None)
    told = tried(evidence, "cyd@x.test", row="rcpt-5yz", override="line 1: fail", reply=Reply.of("550 no"))

    assert [one for drill in (lost, told) for one in judge_drill(drill) if one.invariant == "I56"] == []
