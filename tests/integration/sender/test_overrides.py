"""Overrides in a run: what becomes of recipients, what ledger, log and `explain` say, and after a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from maildrill.sender.attempt import State, Verdict
from maildrill.sender.campaign import Mode
from maildrill.sender.classification import bundled
from maildrill.sender.override import Override, Overrides, Then
from maildrill.smtp import Stage

SCRIPT = """
[[rule]]
at = "rcpt"
rcpt = "ann@*"
key = "rcpt"
attempt = "1"
reply = "550 5.7.1 Greylisted, come back in 5 minutes"

[[rule]]
at = "rcpt"
rcpt = "bob@*"
reply = "450 4.2.2 mailbox is full"

[[rule]]
at = "rcpt"
rcpt = "cyd@*"
reply = "550 5.1.1 no such user"

[[rule]]
at = "rcpt"
rcpt = "dan@*"
reply = "550 5.7.1 rejected"
"""
EACH = (
    Override(line=3, category=("greylist",), then=Then.RETRY, after=300.0),
    Override(line=8, category=("mailbox-full",), at=(Stage.RCPT,), then=Then.FAIL),
    Override(line=12, code=("550",), status=("5.7.*",), match=("y.example",), then=Then.HOLD),
)
LIST = ("ann@x.example", "bob@x.example", "cyd@x.example", "dan@y.example")
GIVEN: dict[str, Any] = {"overrides": Overrides(EACH, None, bundled())}


@pytest.mark.parametrize("mode", list(Mode))
def test_each_refusal_means_what_the_user_says(on_stage: Callable[..., Any], mode: Mode) -> None:
    """And what no override fits means what the table says; ledger and log name the override."""
    stage = on_stage(SCRIPT, LIST, mode=mode, **GIVEN)
    by = {one.recipient: one for one in stage.attempts if one.number <= 1}
    logged = {
        str(event.fields["recipient"]): event.fields.get("override")
        for event in reversed(stage.memory.events)
        if event.kind == "attempt"
    }

    assert stage.states == {
        "ann@x.example": State.DELIVERED,
        "bob@x.example": State.FAILED,
        "cyd@x.example": State.FAILED,
        "dan@y.example": State.HELD,
    }
    assert {address: (one.verdict, one.row, one.override) for address, one in by.items()} == {
        "ann@x.example": (Verdict.DEFERRED, "rcpt-5yz", "line 3: retry after 5m"),
        "bob@x.example": (Verdict.FAILED, "rcpt-4yz", "line 8: fail"),
        "cyd@x.example": (Verdict.FAILED, "rcpt-5yz", ""),
        "dan@y.example": (Verdict.HELD, "rcpt-5yz", "line 12: hold"),
    }
    assert logged == {address: one.override or None for address, one in by.items()}
    ann = by["ann@x.example"]
    assert ann.until == pytest.approx(ann.ended + 300.0)


def test_a_later_run_tries_who_was_held(on_stage: Callable[..., Any]) -> None:
    """A held one is left for a later run, with nothing counted; the account goes on."""
    counts = []

    async def twice(stage: Any) -> None:
        for _ in range(2):
            await stage.send()
            counts.append([(one.state, one.attempts) for one in stage.recipients])

    on_stage(SCRIPT, ["dan@y.example", "eve@z.example"], twice, **GIVEN)

    assert counts == [[(State.HELD, 0), (State.DELIVERED, 1)]] * 2
