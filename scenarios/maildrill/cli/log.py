"""`maildrill log`: what was said and done, filtered, as text, JSON or Postfix' lines; and what is said now."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import click

from maildrill.cli.books import Books, asks_books, campaign_argument
from maildrill.cli.parameters import Parsed
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_json import decode_event, read_events
from maildrill.sender.pseudonyms import Pseudonyms
from maildrill.sender.review.lines import Form, as_line
from maildrill.sender.review.located import Located, locate
from maildrill.sender.review.moment import parse_moment
from maildrill.sender.review.selection import Selection, address_pattern, code_prefix
from maildrill.smtp import ConfigurationError, Stage

_SHORTEST_KEY = 16  # octets
_LOOK_EVERY = 0.2  # seconds; how soon a new line is shown
MOMENT = Parsed("moment", lambda text: parse_moment(text, time.time()))  # noqa: TID251 - the shell's clock
CODE = Parsed("code", code_prefix)
STAGE = click.Choice([stage.value for stage in Stage])
FORM = click.Choice([form.value for form in Form])


@click.command(epilog="Exit status: 0 told, 1 nothing matched, 2 usage, 78 configuration, or no such log.")
@campaign_argument
@asks_books
@click.option("--to", "recipients", multiple=True, metavar="ADDRESS", help="About this one; *@x.example, @x.example.")
@click.option("--session", "sessions", multiple=True, type=click.IntRange(min=0), help="In this session.")
@click.option("--run", "runs", multiple=True, type=click.IntRange(min=0), help="In this run.")
@click.option("--code", "codes", multiple=True, type=CODE, help="With this reply code: 450, 45*, 4xx.")
@click.option("--stage", "stages", multiple=True, type=STAGE, metavar="STAGE", help="At this stage: rcpt, dot …")
@click.option("--since", type=MOMENT, help="Not before: 2h (ago), 09:30, 2026-01-05T09:30Z.")
@click.option("--until", type=MOMENT, help="Not after.")
@click.option("--format", "form", type=FORM, default="text", help="What a line looks like. [text]")
@click.option("--pseudonymise", is_flag=True, help="Hide names behind keyed hashes: a log that can be shared.")
@click.option(
    "--key-file", type=click.File("rb"), metavar="FILE", help="Their key; the same key, the same hashes. [drawn]"
)
@click.option("-n", "--last", type=click.IntRange(min=1), help="The last so many lines only.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is said from now on, until Ctrl-C.")
def log(  # noqa: PLR0913 - an argument for each option
    books: Books,
    *,
    recipients: tuple[str, ...],
    sessions: tuple[int, ...],
    runs: tuple[int, ...],
    codes: tuple[str, ...],
    stages: tuple[str, ...],
    since: float | None,
    until: float | None,
    form: str,
    pseudonymise: bool,
    key_file: BinaryIO | None,
    last: int | None,
    follow: bool,
) -> int:
    """Print what CAMPAIGN's sender and its servers said: everything, or what the options ask for.

    An option may be given several times; then any of its values will do.
    """
    wanted = Selection(
        recipients=tuple(map(address_pattern, recipients)),
        sessions=frozenset(sessions),
        runs=frozenset(runs),
        codes=codes,
        stages=frozenset(map(Stage, stages)),
        since=float("-inf") if since is None else since,
        until=float("inf") if until is None else until,
    )
    hide = _hiding(key_file) if pseudonymise or key_file else None
    shown = 0
    with suppress(KeyboardInterrupt):  # the way out of --follow
        for line in _lines(books.known_events, wanted, Form(form), last=last, follow=follow, hide=hide):
            click.echo(line, nl=False)
            shown += 1
    return 0 if shown or follow else 1


def _hiding(key_file: BinaryIO | None) -> Pseudonyms:
    """Return what hides names, under the key of a file or one that nobody knows; raises UsageError for a short one."""
    key = secrets.token_bytes(32) if key_file is None else key_file.read()
    if len(key) < _SHORTEST_KEY:
        raise click.UsageError(f"--key-file: a key has {_SHORTEST_KEY} octets at least, else names can be guessed")
    return Pseudonyms(key)


def _lines(  # noqa: PLR0913 - what is asked for, one by one
    file: Path,
    wanted: Selection,
    form: Form,
    *,
    last: int | None,
    follow: bool,
    hide: Pseudonyms | None,
) -> Iterator[str]:
    """Yield the lines that are asked for; a name is learned from each event, shown or not."""

    def told(found: Iterable[Located]) -> Iterator[str]:
        chosen = wanted.of(found) if hide is None else map(hide.of, wanted.of(map(hide.learn, found)))
        return filter(None, (as_line(one.event, form) for one in chosen))

    if last is None:
        yield from told(locate(following(file) if follow else read_events(file)))
        return
    seen = Seen(read_events(file))
    yield from deque(told(locate(seen)), maxlen=last)
    if follow:
        yield from told(one for one in locate(following(file)) if one.event.number > seen.number)


class Seen:
    """Events that pass by, and the number of the last one."""

    def __init__(self, events: Iterable[LogEvent]) -> None:
        self._events = events
        self.number = 0

    def __iter__(self) -> Iterator[LogEvent]:
        for event in self._events:
            self.number = event.number
            yield event


def following(file: Path) -> Iterator[LogEvent]:
    """Yield the events of a log, and then each that is added, for ever. Raises ConfigurationError."""
    try:
        opened = file.open("rb")
    except OSError as error:
        raise ConfigurationError(f"cannot read event log: {error.strerror}", where=str(file)) from None
    with opened:
        number, rest = 0, b""
        while True:
            rest += opened.readline()
            if rest.endswith(b"\n"):
                number += 1
                yield decode_event(rest, f"{file}:{number}")
                rest = b""
            else:
                time.sleep(_LOOK_EVERY)
