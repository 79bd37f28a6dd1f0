"""The two logs of a campaign, opened together: one for programs, one for people.

Rule: a log has one writer at a time, for its lines are numbered. The lease on a ledger in a file sees to that; senders
that share a ledger in a database need one on the log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from maildrill.sender.ledger.lease import take_lease
from maildrill.sender.log_sinks import JsonLines, Sink, TextFile
from maildrill.smtp import ConfigurationError


@contextmanager
def log_files(events: Path, text: Path, *, shared: bool) -> Iterator[tuple[Sink, Sink]]:
    """Open both to append to them; shared: the ledger does not keep others away.

    Raises ConfigurationError for a log that cannot be written, or that somebody else is writing.
    """
    with ExitStack() as opened:
        if shared:
            opened.enter_context(closing(_alone(events)))
        yield opened.enter_context(closing(JsonLines(events))), opened.enter_context(closing(TextFile(text)))


def _alone(events: Path) -> sqlite3.Connection:
    with suppress(OSError):  # JsonLines says it better
        events.parent.mkdir(parents=True, exist_ok=True)
    try:
        return take_lease(events)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"cannot write log: {error.what}",
            where=error.where,
            expected=error.expected,
            hint="check --log-dir and its permissions",
        ) from None
    except sqlite3.Error:
        raise ConfigurationError(
            "another maildrill is writing this log",
            where=str(events),
            expected="one writer at a time",
            hint="name a folder for this one's with --log-dir",
        ) from None
