"""The exit codes, and how an error is told.

Rule: a person sees what is wrong, where, what was expected and what to try; never a traceback.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from typing import TextIO

import click

from maildrill.cli.descriptors import is_no_room, no_room
from maildrill.sender.ending import Ending
from maildrill.smtp import ConfigurationError, MaildrillError, escape, without_credentials

#: Why a disk does not take what is written.
_DISK = frozenset(
    getattr(errno, name) for name in ("ENOSPC", "EFBIG", "EDQUOT", "EIO", "EROFS") if hasattr(errno, name)
)


class Exit(IntEnum):
    """What a command's exit status says: how a run of the sender ended, and what else there is to be said."""

    OK = Ending.DONE
    FAILED = Ending.FAILED  # and: an invariant was violated
    USAGE = 2  # usage or configuration
    INTERNAL = 3  # a bug in maildrill
    PAUSED = Ending.PAUSED
    OUTPUT = 74  # EX_IOERR: what was to be printed could not be written
    LEFTOVERS = Ending.LEFTOVERS
    AUTHENTICATION = Ending.AUTHENTICATION
    CONFIGURATION = 78  # EX_CONFIG: `send` tells a bad campaign from a bad command line
    INTERRUPTED = 130  # 128 + SIGINT


class CommandError(MaildrillError):
    """An error with the exit code that it ends the program with."""

    def __init__(self, error: MaildrillError, exit_code: Exit) -> None:
        super().__init__(error.what, where=error.where, expected=error.expected, hint=error.hint)
        self.exit_code = exit_code


@contextmanager
def error_exits(*, configuration: Exit, others: Exit) -> Iterator[None]:
    """Give the errors inside exit codes of their own: a ConfigurationError one, any other MaildrillError the other.

    So it is where too many files are open.
    """
    try:
        yield
    except CommandError:
        raise
    except ConfigurationError as error:
        raise CommandError(error, configuration) from error
    except MaildrillError as error:
        raise CommandError(error, others) from error
    except OSError as error:
        if is_no_room(error):
            raise CommandError(no_room(), others) from error
        raise


def tell(error: BaseException) -> Exit:
    """Write the error to stderr and return the exit code for it."""
    if isinstance(error, OSError) and is_no_room(error):
        error = no_room()
    match error:
        case MaildrillError():
            _say(f"error: {error}")
            return error.exit_code if isinstance(error, CommandError) else Exit.USAGE
        case KeyboardInterrupt() | click.Abort():
            _say("interrupted")
            return Exit.INTERRUPTED
        case BrokenPipeError():
            return Exit.FAILED  # quietly, as click does it: nobody is there to read
        case OSError() if error.filename is not None:
            where = escape(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else error.filename
            _say(f"error: {where}: {error.strerror}")
            return Exit.USAGE
        case OSError() if error.errno in _DISK:
            _say(f"error: the output cannot be written: {error.strerror}\n  make room for it and ask again")
            return Exit.OUTPUT
    return _internal(error)


def show(error: click.ClickException) -> Exit:
    """Write what is wrong with a command line, as click does, and return the exit code for it."""
    shown = without_credentials(error.message)
    if shown != error.message:
        error = click.UsageError(shown, ctx=getattr(error, "ctx", None))
    try:
        error.show()
    except OSError:
        let_go(sys.stderr)
    return Exit.USAGE


def _internal(error: BaseException) -> Exit:
    """Tell of a bug; the traceback is for those who ask, its values may be private."""
    _say(f"internal error: {type(error).__name__}{place_of(error)}: {escape(str(error))}")
    if os.environ.get("MAILDRILL_DEBUG"):
        _say("".join(traceback.format_exception(error)))
    else:
        _say("  this is a bug in maildrill; MAILDRILL_DEBUG=1 shows where")
    return Exit.INTERNAL


def place_of(error: BaseException) -> str:
    """Return where in maildrill an error was raised, ` at FILE:LINE`; empty where it was not."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "maildrill" in frame.filename]
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def let_go(stream: TextIO | None) -> None:
    """Point a stream that cannot be written at nothing: the interpreter flushes it at its end, or exits with 120."""
    if stream is None:  # closed by whoever started us
        return
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _say(text: str) -> None:
    """Write to stderr, without passwords; where that cannot be written either, the exit status has to do."""
    try:
        click.echo(without_credentials(text), err=True)
    except OSError:
        let_go(sys.stderr)
