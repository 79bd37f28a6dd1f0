"""Tell the dialogue of a session: its entries as a transcript, from the client's side, in swaks' marks.

Rule: a message is told by its size and hash, never by its octets; what was secret never came here. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from maildrill.fakeserver.journal.record import Entry, Message, SessionRecord
from maildrill.smtp import Stage, Transcript

#: What ended a message, so that its remark stands in the right place.
_ENDS = frozenset({Stage.DOT, Stage.BDAT})


def tell_session(record: SessionRecord, entries: Sequence[Entry]) -> Transcript:
    """Return who said what when in a session, of which these are the entries in order."""
    told = Transcript()
    told.noted(record.opened, f"session {record.number}: {record.client} connects")
    for entry in entries:
        _tell(told, entry)
    return told


def _tell(told: Transcript, entry: Entry) -> None:
    if entry.command:
        told.sent(entry.began, entry.command)
    message = entry.message if entry.stage in _ENDS else None
    if message is not None:
        told.noted(message.at, _message(message))
    for miss in entry.near_misses if entry.unmatched else ():
        told.noted(entry.at, f"no rule fits: {miss}")
    if entry.rule:
        told.noted(entry.at, f'rule "{entry.rule}"')
    if entry.handed_on:
        told.noted(entry.at, f"handed on to {entry.handed_on}")
    if entry.reply is not None:
        told.answered(entry.at, entry.reply)
    if entry.half is not None:
        told.noted(entry.at, f"only half of: {entry.half}")
    if message is not None and message.committed != message.acknowledged:
        told.noted(entry.at, _DOUBT[message.committed])
    if entry.closed is not None:
        told.noted(entry.at, f"connection ends: {entry.closed}")


def _message(message: Message) -> str:
    digest = f", sha256 {message.digest}" if message.digest else ""
    return f"message {message.number}: {message.size} octets{digest}"


_DOUBT = {
    True: "taken, and the client was not told",
    False: "not taken, and the client was told that it was",
}
