"""Defects of a sender that is not careful: with the whole campaign, with a canary.

Each changes one function of the sender for one drill.
"""

from __future__ import annotations

from typing import Any

from maildrill.scenarios.mutants.patching import Patching
from maildrill.sender import content
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.watch import Watch
from maildrill.smtp import Reply


def sends_on_after_the_pause(patch: Patching) -> None:
    patch.setattr(Watch, "_paused", Watch._say_paused)


def takes_all_refusals_for_one(patch: Patching) -> None:
    def code(reply: Reply) -> str:
        return str(reply.code)

    patch.setattr(content, "shape", code)


def counts_refusals_across_deliveries(patch: Patching) -> None:
    honest = content.Streak._after

    def forgetful(streak: content.Streak, ruling: Any) -> content.Streak:
        after = honest(streak, ruling)
        return streak if not after.recipients else after

    patch.setattr(content.Streak, "_after", forgetful)


def lets_everybody_out_with_the_canary(patch: Patching) -> None:
    honest = SqliteLedger.lease

    def generous(ledger: SqliteLedger, *when: Any, **more: Any) -> Any:
        return honest(ledger, *when[:-1], **more)

    patch.setattr(SqliteLedger, "lease", generous)
