"""Transactions that the end of a run broke off: nothing was ruled for them, and nobody is to blame."""

from __future__ import annotations

from maildrill.scenarios.oracles.evidence import FLIGHT, Evidence


def was_broken_off(evidence: Evidence, session: int, transaction: int) -> bool:
    """Whether a transaction was the last one of its session, and under way when a run was ended before its time.

    Under way is also one whose server was silent until then, long after the last command: the connection was open. And
    one whose commands were read after it, even long after it, where the clock was put forward while they travelled.
    """
    if not evidence.ends or (session, transaction + 1) in evidence.transactions:
        return False
    began = [evidence.transactions[session, transaction][0].at - FLIGHT]
    began += [one.opened for one in evidence.connected if one.session == session]
    over = max(evidence.last_heard[session], evidence.closed.get(session, 0.0)) + FLIGHT
    return any(min(began) <= end <= over for end in evidence.ends)
