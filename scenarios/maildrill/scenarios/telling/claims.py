"""Who says what of one recipient: the sender's ledger and log claim, the server's journal is the truth. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from maildrill.scenarios.oracles import Evidence
from maildrill.sender.log_event import LogEvent
from maildrill.smtp import escape

#: Tries of the log that are told; of more the first is left out.
MOST_TRIES = 4


def claims(evidence: Evidence, recipient: str) -> Iterator[tuple[str, str]]:
    """Yield what each witness says of a recipient, as pairs of a witness and a sentence, escaped."""
    yield "claim, ledger", _ledger(evidence, recipient)
    yield "claim, log", _log(evidence, recipient)
    yield "truth, server", _server(evidence, recipient)


def _ledger(evidence: Evidence, recipient: str) -> str:
    record = next((one for one in evidence.recipients if one.address == recipient), None)
    if record is None:
        return "does not know this recipient"
    said = record.reply or record.fault
    last = f"; the last try was ruled by {record.row}" + (f": {escape(str(said))}" if said else "")
    return f"{record.state}, attempts counted: {record.attempts}{last if record.row else ''}"


def _log(evidence: Evidence, recipient: str) -> str:
    about = [event for event in evidence.events if event.fields.get("recipient") == recipient]
    tries = [event for event in about if event.kind == "attempt"]
    told = [_try(event) for event in tries[-MOST_TRIES:]]
    more = [f"{len(tries) - MOST_TRIES} tries before"] if len(tries) > MOST_TRIES else []
    ends = [
        f"{event.fields['state']} without a try"
        for event in about
        if event.kind in ("recipient.expired", "recipient.held")
    ]
    return ", then ".join([*more, *told, *ends]) or "has no try"


def _try(event: LogEvent) -> str:
    at, fields = f"session {event.fields['session']}", event.fields
    reply = fields.get("response") or fields.get("fault") or ""
    said = reply.get("content", "") if isinstance(reply, dict) else reply
    code = f"{reply['code']} " if isinstance(reply, dict) and "code" in reply else ""
    return f"{fields['verdict']} ({at}, {fields['stage']}{', ' if said or code else ''}{escape(f'{code}{said}')})"


def _server(evidence: Evidence, recipient: str) -> str:
    asked = evidence.asked_for.get(recipient, ())
    taken = evidence.taken_for.get(recipient, ())
    accepted = sum(one.reply is not None and one.reply.positive for one in asked)
    committed = sum(one.committed for one in taken)
    acknowledged = sum(one.acknowledged for one in taken)
    return (
        f"RCPT named it {_times(len(asked))} and was accepted {_times(accepted)}; "
        f"its message was taken {_times(committed)} and acknowledged {_times(acknowledged)}"
    )


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
