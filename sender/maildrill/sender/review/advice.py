"""What would change where a recipient stands: what happens by itself, and what an operator can do.

Pure. Rule: one sentence each; the first one is what happens if nobody does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from maildrill.sender.attempt import Fault, State, Verdict
from maildrill.sender.ledger.records import Pause, RecipientRecord
from maildrill.sender.override import HELD_BY
from maildrill.smtp import escape, timestamp

_WHERE = {  # subject and detail of an enhanced status code (RFC 3463): what a person can look at
    (1, 1): "the mailbox does not exist: correct the address in the list, which makes a new recipient of it",
    (1, 2): "the domain does not exist: correct the address in the list, which makes a new recipient of it",
    (1, 3): "the address is not well-formed for this server: correct it in the list",
    (2, 1): "the mailbox is switched off: only its owner can change that",
    (2, 2): "the mailbox is full: only its owner can change that",
    (2, 3): "the message is too large for this mailbox: a smaller one is another campaign",
    (3, 4): "the message is too large for this server: a smaller one is another campaign",
    (4, 7): "it took too long: a longer [retry] lifetime gives more time",
    (5, 3): "too many recipients at a time: a smaller [limits] recipients_per_transaction",
    (7, 1): "the server's policy refuses us or the message: its postmaster can say why",
}


def advice(
    one: RecipientRecord, *, now: float, sending: bool, pause: Pause | None = None, hindered: Iterable[str] = ()
) -> list[str]:
    """Return what happens by itself, and what would change it; for people, escaped.

    pause: of the campaign. hindered: why it still waits, though it is due.
    """
    waits = [f"it waits: {why}" for why in hindered]
    return [*_paused(one, pause), *waits, *_BY_STATE[one.state](one, now, sending), *_by_reply(one)]


def _paused(one: RecipientRecord, pause: Pause | None) -> list[str]:
    if pause is None or one.state not in (State.PENDING, State.DEFERRED):
        return []
    return [
        (
            f"nothing is sent: the campaign is paused since {timestamp(pause.at)}, because the content is refused "
            f"({pause.reply}); `maildrill send --resume` goes on"
        )
    ]


def _send(*, sending: bool) -> str:
    return "by the sender that is at work" if sending else "once `maildrill send` runs"


def _due(one: RecipientRecord, now: float, sending: bool) -> list[str]:  # noqa: FBT001 - all rows of the table take the same
    due, end = one.due, one.expires_at
    when = "now" if due is None or due <= now else f"at {timestamp(due)}"
    last = f"no try begins after {timestamp(end)}" if end is not None else "its lifetime begins with its first try"
    return [
        f"it is tried again {when}, {_send(sending=sending)}; {last}",
        "`maildrill retry --address …` makes it due at once (where the ledger is a file, stop the sender before)",
    ]


def _in_flight(_one: RecipientRecord, _now: float, sending: bool) -> list[str]:  # noqa: FBT001
    if sending:
        return ["the final dot has left, and the reply is awaited, for ten minutes at most"]
    return ["the final dot had left when the sender died; the next `maildrill send` settles it by [retry] unknown"]


def _delivered(_one: RecipientRecord, _now: float, _sending: bool) -> list[str]:  # noqa: FBT001
    return [
        "nothing is sent to it any more: the server has taken the message and is responsible for it",
        "`maildrill requeue --address … --state delivered` would send a second copy",
    ]


def _failed(one: RecipientRecord, _now: float, _sending: bool) -> list[str]:  # noqa: FBT001
    by = "your override made its no final" if one.reply and one.reply.klass == 4 else "the server said no for good"
    return [
        f"nothing is sent to it any more: {by}",
        "`maildrill requeue --address …` tries again all the same, once the cause is gone",
    ]


def _expired(_one: RecipientRecord, _now: float, _sending: bool) -> list[str]:  # noqa: FBT001
    return [
        "nothing is sent to it any more: its lifetime is over",
        "`maildrill requeue --address …` gives it another lifetime; [retry] lifetime says how long one is",
    ]


def _unknown(one: RecipientRecord, _now: float, _sending: bool) -> list[str]:  # noqa: FBT001
    return [
        "nothing is sent to it any more, because it may have the message (RFC 1047)",
        f"ask the server's operator if it took Message-ID {escape(one.message_id)}, and say so: `maildrill settle`",
        '`maildrill requeue --address …` sends it again without knowing; [retry] unknown = "at-least-once" always does',
    ]


def _held(one: RecipientRecord, _now: float, sending: bool) -> list[str]:  # noqa: FBT001
    why = f": {escape(one.reason)}" if one.reason else ""
    if one.verdict is Verdict.HELD and one.reply is not None and one.reason.startswith(HELD_BY):
        return [f"it waits for you{why}", "the next `maildrill send` tries it again, with a new lifetime"]
    return [
        f"something of our own is at fault, not the recipient{why}",
        f"put it right; it is tried {'by the next run' if sending else _send(sending=False)}, with a new lifetime",
    ]


def _suppressed(one: RecipientRecord, _now: float, _sending: bool) -> list[str]:  # noqa: FBT001
    why = escape(one.reason) or "suppressed"
    return [f"nothing is sent to it: {why}", "put it back into the list and run `maildrill send` to have it tried"]


_BY_STATE: dict[State, Callable[[RecipientRecord, float, bool], list[str]]] = {
    State.PENDING: _due,
    State.DEFERRED: _due,
    State.INFLIGHT: _in_flight,
    State.DELIVERED: _delivered,
    State.FAILED: _failed,
    State.EXPIRED: _expired,
    State.UNKNOWN: _unknown,
    State.HELD: _held,
    State.SUPPRESSED: _suppressed,
}


def _by_reply(one: RecipientRecord) -> list[str]:
    if one.state in (State.DELIVERED, State.SUPPRESSED):
        return []
    if one.fault is Fault.TIMEOUT:
        return ["the server did not answer in time: are host, port and TLS right?"]
    if one.fault is Fault.REFUSED:
        return ["no connection came about: are host and port right, and is the server up?"]
    status = one.reply.enhanced if one.reply else None
    found = _WHERE.get((status.subject, status.detail)) if status else None
    return [found] if found else []
