"""What explains a failure: who said what in each session, and why no rule fitted; for a report, so escaped.

Rule: however much there was, what is shown stays readable: the newest sessions, and of a long one its ends.
"""

from __future__ import annotations

from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.journal.record import Entry
from maildrill.smtp import escape

_SESSIONS = 10
_LINES = 200  # of a session: half of them from its beginning
_MISSES = 10


def transcript(journal: Journal, session: int | None = None) -> str:
    """Return the dialogue of a session, or of all of them with an empty line between; escaped."""
    numbers = [record.number for record in journal.sessions] if session is None else [session]
    return "\n\n".join(str(journal.transcript(number)) for number in numbers)


def evidence(journal: Journal) -> dict[str, str]:
    """Return texts by title, none of them empty."""
    numbers = [record.number for record in journal.sessions]
    shown = [_shortened(str(journal.transcript(number))) for number in numbers[-_SESSIONS:]]
    if len(numbers) > _SESSIONS:
        shown.insert(0, f"({len(numbers) - _SESSIONS} older sessions)")
    misses = [_near(entry) for entry in journal.near_misses[-_MISSES:]]
    texts = {"SMTP transcript": "\n\n".join(shown) or "(no client connected)", "SMTP near misses": "\n".join(misses)}
    return {title: text for title, text in texts.items() if text}


def _near(entry: Entry) -> str:
    asked = f"session {entry.session}: {escape(entry.command) or entry.stage}"
    return "\n  ".join([asked, *(escape(str(miss)) for miss in entry.near_misses)])


def _shortened(text: str) -> str:
    lines = text.splitlines()
    if len(lines) <= _LINES:
        return text
    half = _LINES // 2
    return "\n".join([*lines[:half], f"({len(lines) - 2 * half} lines more)", *lines[-half:]])
