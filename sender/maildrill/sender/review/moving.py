"""Whom an operator means to have tried again, and where they stand then. Pure.

Rule 1: `retry` brings forward what would be tried anyhow; `requeue` takes back what was final (invariant I9).
Rule 2: whoever may have the message is moved only where that was said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from maildrill.sender.attempt import State
from maildrill.sender.ledger.records import RecipientRecord
from maildrill.sender.standing import Standing, requeued
from maildrill.smtp import domain_of

#: What `retry` moves.
TEMPORARY = (State.PENDING, State.DEFERRED, State.HELD)
#: What `requeue` moves, unless states are named.
SETTLED = (State.FAILED, State.EXPIRED, State.HELD)
#: Whoever is in these may have the message already.
TWICE = (State.UNKNOWN, State.DELIVERED)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Whom: all that is said must hold, of several of one kind any.

    codes: beginnings of the code of the last reply. domains: casefolded. addresses: as address_pattern has them.
    """

    states: tuple[State, ...]
    codes: tuple[str, ...] = ()
    domains: frozenset[str] = frozenset()
    addresses: tuple[re.Pattern[str], ...] = ()

    def __contains__(self, one: RecipientRecord) -> bool:
        code = str(one.reply.code) if one.reply else ""
        return (
            one.state in self.states
            and (not self.codes or code.startswith(self.codes))
            and (not self.domains or domain_of(one.address).casefold() in self.domains)
            and (not self.addresses or any(pattern.match(one.address.casefold()) for pattern in self.addresses))
        )


def brought_forward(one: RecipientRecord, now: float) -> Standing | None:
    """Return where a recipient stands that is to be tried at once; None where that is so already.

    Its lifetime goes on; one that is over, or was never begun for the fault of our own set-up, begins anew.
    """
    standing = one.waiting.standing
    over = standing.expires_at is not None and standing.expires_at <= now
    if standing.state is State.HELD or over:
        return requeued(standing, now)
    return None if standing.due is not None and standing.due <= now else replace(standing, due=now)


def taken_back(one: RecipientRecord, now: float) -> Standing:
    """Return where a recipient stands that is to be tried again in spite of all: as if new, its tries still counted."""
    return requeued(one.waiting.standing, now)
