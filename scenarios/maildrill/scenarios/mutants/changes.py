"""How a witness can be made to say something else: the tools of `lies`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from maildrill.scenarios.mutants.told import hello, in_order
from maildrill.scenarios.oracles import Asked, Evidence
from maildrill.sender.attempt import State
from maildrill.sender.log_event import LogEvent
from maildrill.smtp import Reply, Stage


def stated(evidence: Evidence, address: str, state: State) -> Evidence:
    """The ledger claims another state for a recipient."""
    records = (replace(one, state=state) if one.address == address else one for one in evidence.recipients)
    return replace(evidence, recipients=tuple(records))


def tried(evidence: Evidence, address: str, **changes: object) -> Evidence:
    """The ledger has other things on the tries for a recipient."""
    tries = (replace(one, **changes) if one.recipient == address else one for one in evidence.attempts)  # type: ignore[arg-type]
    return replace(evidence, attempts=tuple(tries))


def asked_again(evidence: Evidence, address: str, at: float, reply: str = "250 ok") -> Evidence:
    """The server's journal has one more transaction with a recipient, refused after RCPT."""
    more = (
        hello(9, at),
        Asked(at=at, session=9, transaction=1, stage=Stage.MAIL, reply=Reply.of("250 ok")),
        Asked(at=at, session=9, transaction=1, stage=Stage.RCPT, recipient=address, reply=Reply.of(reply)),
    )
    return replace(evidence, asked=(*evidence.asked, *more), severed=frozenset({9}))


def logged(evidence: Evidence, at: float, kind: str, **fields: object) -> Evidence:
    """The log has one more event."""
    return rewritten(evidence, (*evidence.events, LogEvent(0, at, kind, fields)))


def rewritten(evidence: Evidence, events: Iterable[LogEvent]) -> Evidence:
    """The log has other events, each in its place."""
    return replace(evidence, events=in_order([(event.at, event.kind, event.fields) for event in events]))
