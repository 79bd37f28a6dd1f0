"""Sessions that took place as a transcript: what the journal wrote down, line by line.

Rule: what was secret is any line again; of a message only its end is said. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from maildrill.fakeserver.journal.record import Closed, Entry
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.span import Duration
from maildrill.fakeserver.language.steps import (
    ClientGoesOn,
    ClientLeaves,
    ClientSays,
    Leaving,
    ServerLeaves,
    ServerSays,
    ServerTakes,
    Session,
    Step,
    Transcript,
)
from maildrill.fakeserver.text.rulebook import exactly
from maildrill.smtp import Reply, Stage
from maildrill.smtp.quantity import format_duration
from maildrill.smtp.transcript import REDACTED

_SLOW = 0.1  # seconds; what takes less was not waited for on purpose
_LEAVING = {Closed.FIN: Leaving.FIN, Closed.TIMEOUT: Leaving.FIN, Closed.RST: Leaving.RST}
_UNASKED = (Stage.IDLE, Stage.BODY)


def transcript_of(entries: Iterable[Entry], name: str = "transcript", *, hostname: str | None = None) -> Transcript:
    """Return a strict transcript of the sessions that these entries are of, in the order in which they began."""
    by_session: dict[int, list[Entry]] = {}
    for entry in entries:
        by_session.setdefault(entry.session, []).append(entry)
    held = (_session(by_session[number]) for number in sorted(by_session))
    sessions = tuple(session for session in held if session is not None)
    return Transcript(name=name, sessions=sessions, strict=True, hostname=hostname)


def _session(entries: Iterable[Entry]) -> Session | None:
    steps: list[Step] = []
    before: Entry | None = None
    for entry in entries:
        if entry.closed is Closed.REFUSED:
            return Session((ServerLeaves(Leaving.REFUSE),))
        steps += _steps(entry, before)
        before = entry
    return Session(tuple(steps)) if steps else None


def _steps(entry: Entry, before: Entry | None) -> Iterator[Step]:
    if entry.command:
        yield ClientSays(Pattern(exactly(entry.command.replace(REDACTED, "*"))))
    if entry.stage is Stage.DOT:
        yield ClientSays(Pattern("."))
    message, reply = entry.message, entry.reply
    if message is not None and message.committed is not (reply is not None and reply.positive):
        yield ServerTakes(message.committed)
    since = before.at if entry.stage in _UNASKED and before is not None else entry.began
    wait = Duration(format_duration(entry.at - since)) if entry.at - since >= _SLOW else None
    if reply is not None:
        yield from _said(reply, wait)
    elif entry.half is not None:
        octets = entry.half.render()
        yield ServerSays(octets[: len(octets) // 2], wait)
    elif wait is not None and entry.closed is not None and entry.closed in _LEAVING:
        yield ServerLeaves(_LEAVING[entry.closed], wait)
        return
    yield from _end(entry)


def _said(reply: Reply, wait: Duration | None) -> Iterator[Step]:
    for octets in reply.render().splitlines(keepends=True):
        yield ServerSays(octets, wait)
        wait = None


def _end(entry: Entry) -> Iterator[Step]:
    if entry.closed is not None and entry.closed in _LEAVING:
        yield ServerLeaves(_LEAVING[entry.closed])
    elif entry.closed is Closed.CLIENT:
        if entry.stage is Stage.BODY:
            yield ClientGoesOn()
        yield ClientLeaves()
