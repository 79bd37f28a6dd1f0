"""The process that flushes a ledger's -wal for a sender: it is asked with an octet, and answers with the errno, or 0.

Rule 1: it is run as a program, alone (`flusher` says why): little is imported, so that it is there in 10 ms.
Rule 2: it ends with whoever asks, and says nothing to anybody else.
"""

from __future__ import annotations

import errno
import os
import sys

#: Not every system has fdatasync; what that leaves out is no part of what was written.
SYNC = getattr(os, "fdatasync", os.fsync)
DONE = 0
_ASKING = 0  # the standard input: a socket


def serve(channel: int, file: int) -> None:
    """Flush the file whenever an octet comes, until whoever asks is gone."""
    try:
        while os.read(channel, 1):
            os.write(channel, bytes([flush(file)]))
    except ConnectionError:
        return


def flush(file: int) -> int:
    """Flush; return 0, or the errno of what went wrong."""
    try:
        SYNC(file)
    except OSError as error:
        return int(error.errno or errno.EIO)
    return DONE


if __name__ == "__main__":
    serve(_ASKING, int(sys.argv[1]))
