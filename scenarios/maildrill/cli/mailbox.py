"""Messages from wherever mail lies about: a file with one, an mbox, a Maildir, standard input."""

from __future__ import annotations

import mailbox
import sys
from collections.abc import Iterator
from pathlib import Path

from maildrill.smtp import ConfigurationError


def messages_in(source: str) -> Iterator[bytes]:
    """Yield the messages of a source, octet by octet; `-` is standard input. Raises ConfigurationError."""
    if source == "-":
        yield from _split(sys.stdin.buffer.read())
        return
    path = Path(source)
    try:
        if (path / "cur").is_dir():
            yield from (mail.as_bytes() for mail in mailbox.Maildir(path, create=False))
        elif path.is_dir():
            yield from (file.read_bytes() for file in sorted(path.iterdir()) if file.is_file())
        else:
            yield from _split(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"cannot read messages: {error.strerror}", where=source, expected="a message, an mbox, a folder, or -"
        ) from None


def _split(octets: bytes) -> Iterator[bytes]:
    """Yield the messages of an mbox (RFC 4155), or the one message that it is."""
    if not octets.startswith(b"From "):
        if octets.strip():
            yield octets
        return
    for part in (b"\n" + octets).split(b"\nFrom ")[1:]:
        yield part.partition(b"\n")[2].replace(b"\n>From ", b"\nFrom ")
