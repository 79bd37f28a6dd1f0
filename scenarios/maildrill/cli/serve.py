"""`maildrill serve`: let any client talk to the scripted server over TCP.

Rule: stdout has `listening smtp=HOST:PORT`, a line per event, and the summary; everything is safe to show.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from maildrill.cli.system_clock import SystemClock
from maildrill.fakeserver.journal import Entry, Journal
from maildrill.fakeserver.script import Script
from maildrill.fakeserver.server import FakeServer
from maildrill.scenarios.catalogue import load_script
from maildrill.smtp import ConfigurationError, escape


@click.command()
@click.argument("script", default="all-good", metavar="[SCRIPT|NAME]")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=2525, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--seed", type=int, help="Seed of every draw, instead of the script's own.")
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Gets HOST:PORT once it listens.")
def serve(script: str, host: str, port: int, seed: int | None, ready_file: Path | None) -> None:
    """Serve SMTP as a script says: a file, or a NAME that `maildrill scripts` lists. Ctrl-C ends it.

    No mail leaves this machine: messages are counted and forgotten.
    """
    asyncio.run(_serve(load_script(script), host, port, seed, ready_file))


async def _serve(script: Script, host: str, port: int, seed: int | None, ready_file: Path | None) -> None:
    """Listen until a signal comes, or nobody reads what is printed."""
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    output = _Output(end)
    server = FakeServer(script, clock=SystemClock(), seed=seed, journal=Journal(output.entry, octets=0))
    where = _address(*await server.start(host, port))
    try:
        output.line(f"listening smtp={where}")
        with _announced(ready_file, where):
            await end.wait()
    finally:
        await server.stop()
    output.summary(server)


class _Output:
    """Prints one line at a time; sets `end` when nobody reads them any more, and raises that at the summary."""

    def __init__(self, end: asyncio.Event) -> None:
        self._end = end
        self._error: BrokenPipeError | None = None

    def line(self, text: str) -> None:
        """Print a line, at once."""
        if self._error is None:
            try:
                click.echo(text)
            except BrokenPipeError as error:
                self._error = error
                self._end.set()

    def entry(self, entry: Entry) -> None:
        """Print one event."""
        self.line(str(entry))

    def summary(self, server: FakeServer) -> None:
        """Print what came of it all: messages count once, committed and acknowledged once for each recipient."""
        if self._error is not None:
            raise self._error
        journal = server.journal
        committed = sum(map(journal.committed, journal.recipients))
        acknowledged = sum(map(journal.acknowledged, journal.recipients))
        self.line(
            f"sessions={len(journal.sessions)} messages={len(journal.messages)}"
            f" committed={committed} acknowledged={acknowledged}"
        )
        for rule in server.unfired():
            self.line(f'never fired: rule="{escape(rule)}"')


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def _announced(path: Path | None, where: str) -> Iterator[None]:
    """Keep the address in a file for as long as it is true; the file appears whole or not at all."""
    if path is None:
        yield
        return
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.write_text(f"{where}\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the ready file: {error.strerror}", where=str(path), hint="check the folder"
        ) from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
