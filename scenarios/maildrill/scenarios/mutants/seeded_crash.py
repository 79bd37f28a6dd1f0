"""Defects that show when a sender dies: what is written down too early, or too late.

Each changes the ledger or the sender for one drill.
"""

from __future__ import annotations

from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.mutants.seeded_pace import writes_no_intent
from maildrill.sender.ledger.records import Intent
from maildrill.sender.ledger.sqlite import SqliteLedger


def marks_before_sending(patch: Patching) -> None:
    """Who is in a transaction counts as delivered from before the dot on."""
    honest = SqliteLedger._intend

    def marking(ledger: SqliteLedger, intent: Intent) -> None:
        honest(ledger, intent)
        ledger.each("UPDATE recipient SET state = 'delivered' WHERE id = ?", [(key,) for key in intent.keys])

    patch.setattr(SqliteLedger, "_intend", marking)


def marks_after_the_batch(patch: Patching) -> None:
    """Nothing is written down before all of a transaction is over."""
    writes_no_intent(patch)
