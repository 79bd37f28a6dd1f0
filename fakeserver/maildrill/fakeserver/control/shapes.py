"""What a journal holds as JSON objects: the same for the HTTP interface and for `maildrill serve --log json`.

Rule: every key is always there; null means that there is nothing. Text is as it was said, JSON escapes it. Pure.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict, is_dataclass
from typing import Any

from maildrill.fakeserver.journal.record import Entry, Injected, Message, RecipientRecord, SessionRecord
from maildrill.smtp import Reply, Transcript, timestamp

Json = dict[str, Any]
_FEW = 3


def event_of(entry: Entry, generation: int = 1, *, misses: int | None = None) -> Json:
    """Return an entry; its id is that of the journal's generation and its own number.

    misses: how many near misses at most, the nearest first; None: a few, where a strict script had no rule for it.
    """
    if misses is None:
        misses = _FEW if entry.unmatched else 0
    return {
        "id": f"{generation}-{entry.number}",
        "at": entry.at,
        "time": timestamp(entry.at),
        "began": entry.began,
        "session": entry.session,
        "stage": str(entry.stage),
        "command": entry.command or None,
        "address": entry.address,
        "reply": _reply(entry.reply),
        "half": _reply(entry.half),
        "outcome": entry.outcome,
        "rule": entry.rule or None,
        "handed_on": entry.handed_on or None,
        "unmatched": entry.unmatched,
        "near_misses": [_miss(miss) for miss in entry.near_misses[:misses]],
        "closed": entry.closed,
        "message": None if entry.message is None else entry.message.number,
    }


def message_of(message: Message) -> Json:
    """Return a message without its text."""
    return {
        "id": message.number,
        "at": message.at,
        "time": timestamp(message.at),
        "session": message.session,
        "from": message.reverse_path,
        "rcpt": list(message.recipients),
        "message_id": message.message_id or None,
        "subject": message.subject if message.kept else None,
        "size": message.size,
        "sha256": message.digest or None,
        "kept": message.kept,
        "committed": message.committed,
        "committed_for": list(message.committed_for),
        "acknowledged": message.acknowledged,
        "acknowledged_for": list(message.acknowledged_for),
        "reply": _reply(message.reply),
        "settled": message.settled,
    }


def whole_message_of(message: Message) -> Json:
    """Return a message with its fields and text, decoded, and its octets in base64."""
    letter = message.letter
    return {
        **message_of(message),
        "header": [{"name": name, "value": value} for name, value in letter.fields],
        "text": letter.text(),
        "html": letter.text("text/html"),
        "parts": [
            {"content_type": part.content_type, "filename": part.filename or None, "size": len(part.content)}
            for part in letter.parts
        ],
        "raw": b64encode(message.content).decode("ascii") if message.kept else None,
    }


def session_of(record: SessionRecord) -> Json:
    """Return a session."""
    return {
        "id": record.number,
        "client": record.client,
        "helo": record.helo or None,
        "opened": record.opened,
        "closed_at": record.closed_at,
        "closed": record.closed,
        "bare_newlines": record.bare_newlines,
    }


def standing_of(record: RecipientRecord) -> Json:
    """Return where a recipient stands: how often asked for and with what outcome, and what was taken and told."""
    outcomes = [entry.outcome for entry in record.asked]
    return {
        "rcpt": record.address,
        "asked": len(outcomes),
        **{word: outcomes.count(word) for word in ("accepted", "deferred", "refused", "cut")},  # type: ignore[arg-type]
        "committed": record.committed,
        "acknowledged": record.acknowledged,
    }


def injected_of(injected: Injected) -> Json:
    """Return a message that the server sent by itself."""
    return {
        "at": injected.at,
        "time": timestamp(injected.at),
        "rcpt": injected.rcpt,
        "kind": injected.kind,
        "about": injected.about or None,
        "rule": injected.rule or None,
        "outcome": injected.outcome or None,
        "raw": b64encode(injected.content).decode("ascii"),
    }


def transcript_of(transcript: Transcript) -> list[Json]:
    """Return the lines of a dialogue; by: client, server, or note."""
    return [{"at": line.at, "mark": str(line.mark), "text": line.text} for line in transcript]


def _reply(reply: Reply | None) -> Json | None:
    if reply is None:
        return None
    enhanced = reply.enhanced
    return {"code": reply.code, "enhanced": None if enhanced is None else str(enhanced), "lines": list(reply.lines)}


def _miss(miss: object) -> Json:
    """Return why a rule did not fire, in words and, where they are known apart, in its parts."""
    parts: Json = asdict(miss) if is_dataclass(miss) and not isinstance(miss, type) else {}
    return {**{key: str(value) for key, value in parts.items()}, "text": str(miss)}
