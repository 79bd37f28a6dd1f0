"""What a transaction says of the session that it was in, read afterwards. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from maildrill.sender.attempt import Fault, Ruling, Transaction, Verdict
from maildrill.sender.disposition import enough
from maildrill.smtp import Reply, Stage


def ended_at(heard: Transaction) -> tuple[Stage, Reply | None]:
    """Return where a session ended that is over, and the reply that ended it, if one did: 421, or enough messages."""
    broken = heard.broken
    if broken is not None and broken.fault is Fault.STOPPED:
        return Stage.QUIT, None  # by ourselves
    if broken is not None and broken.stage is Stage.IDLE:
        return Stage.IDLE, broken.reply
    if heard.mail is not None and (heard.mail.code == 421 or enough(heard.mail)):
        return Stage.MAIL, heard.mail
    if broken is not None:
        return broken.stage, broken.reply if broken.reply is not None and broken.reply.code == 421 else None
    return Stage.QUIT, None


def refusal(heard: Transaction) -> Reply | None:
    """Return what a recipient too many was told."""
    return next((reply for reply in heard.rcpt if reply is not None and not reply.positive), None)


def refused_sender(heard: Transaction, rulings: Sequence[Ruling]) -> bool:
    """Whether MAIL was refused for good, and not for the size of the message."""
    reply = heard.mail
    return (
        reply is not None
        and reply.klass == 5
        and reply.code != 552
        and all(ruling.verdict is Verdict.FAILED for ruling in rulings)
    )
