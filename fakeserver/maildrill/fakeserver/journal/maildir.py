"""Messages as files, one each, in a maildir: whole in `new/` or not there, for any mail reader.

What was on the wire is in front of the header: Return-Path, and Delivered-To for each recipient.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from pathlib import Path

from maildrill.smtp import ConfigurationError

_FOLDERS = ("tmp", "new", "cur")


class Maildir:
    """A maildir, made where there is none. Raises ConfigurationError where that cannot be."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        self._host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")  # as the maildir page has it
        try:
            for folder in _FOLDERS:
                (path / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"cannot make a maildir: {error.strerror}", where=str(path), expected="a folder that you may write to"
            ) from None

    def deliver(self, content: bytes, *, at: float, reverse_path: str, recipients: Iterable[str]) -> Path:
        """Write a message (lines end with CRLF, in the file with LF); returns the file. Raises OSError.

        at: Unix seconds, which the file's name begins with.
        """
        self._count += 1
        envelope = f"Return-Path: <{reverse_path}>\n" + "".join(f"Delivered-To: {rcpt}\n" for rcpt in recipients)
        name = f"{int(at)}.M{int(at % 1 * 1e6)}P{os.getpid()}Q{self._count}.{self._host}"
        draft, place = self._path / "tmp" / name, self._path / "new" / name
        draft.write_bytes(envelope.encode() + content.replace(b"\r\n", b"\n"))
        draft.rename(place)
        return place
