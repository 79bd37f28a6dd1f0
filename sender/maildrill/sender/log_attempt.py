"""What one try came to for one recipient, as the event log holds it. Pure.

Rule: what the ruling says is put into words once for all who got the same reply, which are most of a list.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NotRequired, TypedDict

from maildrill.sender.attempt import Fault, Ruling, Scope, State, Verdict
from maildrill.sender.log_response import response
from maildrill.sender.postfix_lines import dsn
from maildrill.smtp import Reply, Stage

#: KumoMTA's words for what became of a try; every other verdict is a `TransientFailure`.
TYPES = {Verdict.DELIVERED: "Delivery", Verdict.FAILED: "Bounce"}
_OPTIONAL = ("transaction", "until", "account", "host")


class Outcome(TypedDict):
    """What the sender made of a ruling.

    transaction: its number in the session, None where none was begun. number: the recipient's counted attempts, this
    one included if it counts. state: from now on. delay: seconds since the recipient was queued. until: not tried
    again before (Unix seconds).
    """

    session: int
    transaction: int | None
    relay: str
    number: int
    state: State
    delay: float
    until: NotRequired[float | None]
    account: NotRequired[str]
    host: NotRequired[str]


def attempt(ruling: Ruling, outcome: Outcome) -> dict[str, object]:
    """Return the fields of an `attempt` event."""
    fields = _ruled(
        ruling.verdict, ruling.scope, ruling.stage, ruling.row, ruling.reply, ruling.fault, ruling.detail
    ).copy()
    fields["session"] = outcome["session"]
    fields["recipient"] = ruling.recipient
    fields["num_attempts"] = outcome["number"]
    fields["relay"] = outcome["relay"]
    fields["state"] = outcome["state"]._value_  # .value takes four times as long
    fields["counted"] = ruling.counted
    fields["delay"] = outcome["delay"]
    for name in _OPTIONAL:
        value = outcome.get(name)
        if value is not None and value != "":
            fields[name] = value
    if ruling.override:
        fields["override"] = ruling.override
    return fields


def evidence(reply: Reply | None, stage: Stage, fault: Fault | None, detail: str) -> dict[str, object]:
    """Return the fields of the reply or fault that decided; what is not there is left out."""
    found: dict[str, object] = {}
    if reply:
        found["response"] = response(reply, stage)
    if fault:
        found["fault"] = fault.value
    if detail:
        found["detail"] = detail
    return found


@lru_cache(maxsize=256)  # a server says few things, and those again and again
def _ruled(  # noqa: PLR0913, PLR0917 - all of a ruling but whom it is about
    verdict: Verdict, scope: Scope, stage: Stage, row: str, reply: Reply | None, fault: Fault | None, detail: str
) -> dict[str, object]:
    """Return all fields that there always are, and those of the ruling are filled in."""
    return {
        "session": 0,
        "recipient": "",
        "type": TYPES.get(verdict, "TransientFailure"),
        "num_attempts": 0,
        "relay": "",
        "verdict": verdict.value,
        "state": "",
        "scope": scope.value,
        "stage": stage.value,
        **evidence(reply, stage, fault, detail),
        "dsn": dsn(verdict, stage, reply, fault),
        "row": row,
        "counted": False,
        "delay": 0.0,
    }
