"""Whose each line of the log is: the dialogue has sessions and lines, people ask for recipients and stages.

Replies come in the order of their commands (RFC 2920 section 3.1), so that the n-th reply is to the n-th command,
whoever else is in the transaction. Pure; memory grows with the sessions that are open.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from maildrill.sender.log_event import LogEvent
from maildrill.smtp.stage import VERBS, Stage

_ADDRESS = re.compile(r"[^<]*<(.*)>", re.DOTALL)
_BODY = re.compile(r"\d+ octets of message")


@dataclass(frozen=True, slots=True)
class Located:
    """An event with its place.

    run: counted from 1; 0 before the first one. transaction: of its session; None outside. recipients: whom it is
    about; empty: the session, the host or the run. stage: where in the dialogue, None where it is not in one.
    """

    event: LogEvent
    run: int
    transaction: int | None = None
    recipients: tuple[str, ...] = ()
    stage: Stage | None = None


def locate(events: Iterable[LogEvent]) -> Iterator[Located]:
    """Yield all events in order, each with its place."""
    sessions: dict[object, _Session] = {}
    run = 0
    for event in events:
        fields = event.fields
        match event.kind:
            case "run.started":
                run += 1
                sessions.clear()
                yield Located(event, run)
            case "recipient.set_aside":  # told before the run that it belongs to
                yield Located(event, run if sessions else run + 1)
            case "line":
                yield sessions.setdefault(fields["session"], _Session()).line(event, run)
            case "transaction.started":
                session = sessions.setdefault(fields["session"], _Session())
                yield session.started(event, run)
            case "session.closed":
                sessions.pop(fields["session"], None)
                yield _elsewhere(event, run)
            case "attempt":
                found = sessions.get(fields["session"])
                if found is not None:
                    found.over = True
                yield _elsewhere(event, run)
            case _:
                yield _elsewhere(event, run)


def _elsewhere(event: LogEvent, run: int) -> Located:
    """Return an event that says itself where it is."""
    fields = event.fields
    recipient, several = fields.get("recipient"), fields.get("recipients")
    recipients = tuple(map(str, several)) if isinstance(several, list | tuple) else ()
    transaction, stage = fields.get("transaction"), fields.get("stage")
    return Located(
        event,
        run,
        transaction if isinstance(transaction, int) else None,
        (str(recipient),) if recipient is not None else recipients,
        Stage(str(stage)) if stage is not None else None,
    )


#: What a command is about, until it is answered: its stage, and its recipients.
_Asked = tuple[Stage, tuple[str, ...]]


@dataclass(slots=True)
class _Session:
    """The dialogue of one session so far."""

    transaction: int | None = None
    recipients: tuple[str, ...] = ()
    over: bool = False  # the transaction has been ruled: what comes now is not about it
    spoken: bool = False
    unanswered: deque[_Asked] = field(default_factory=deque)

    def started(self, event: LogEvent, run: int) -> Located:
        found = _elsewhere(event, run)
        self.transaction, self.recipients, self.over = found.transaction, found.recipients, False
        return found

    def line(self, event: LogEvent, run: int) -> Located:
        if self.over:
            self.transaction, self.recipients, self.over = None, (), False
        mark, text = str(event.fields["mark"]), str(event.fields["text"])
        stage: Stage | None
        if mark == "->":
            stage, recipients = self._asked(text)
            self.unanswered.append((stage, recipients))
            self.spoken = True
        elif mark == "===":
            stage, recipients = (Stage.BODY if _BODY.match(text) else None), self.recipients
        else:
            stage, recipients = self._answered(text)
        return Located(event, run, self.transaction, recipients, stage)

    def _asked(self, text: str) -> _Asked:
        if text == ".":
            return Stage.DOT, self.recipients
        stage = VERBS.get(text.partition(" ")[0].upper(), Stage.AUTH_STEP)
        if stage is Stage.RCPT:
            address = _ADDRESS.match(text)
            if address is not None and address[1] in self.recipients:
                return stage, (address[1],)
        return stage, self.recipients

    def _answered(self, text: str) -> _Asked:
        if not self.unanswered:
            return (Stage.IDLE if self.spoken else Stage.BANNER), self.recipients
        asked = self.unanswered[0]
        if text[3:4] != "-":
            self.unanswered.popleft()
        return asked
