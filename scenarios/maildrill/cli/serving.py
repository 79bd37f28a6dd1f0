"""A server as `maildrill serve` runs it: its doors, its HTTP interface, its script that is loaded again, its end.

Rule: everything that is begun here is ended here, in the other order.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import click

from maildrill.cli.descriptors import is_no_room
from maildrill.cli.ready_file import announced
from maildrill.cli.reloading import Reloading, ScriptFiles
from maildrill.cli.serve_options import Options, journal_of, token_of
from maildrill.cli.serve_output import Form, Output
from maildrill.cli.system_clock import SystemClock
from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.journal.expectations import unmet
from maildrill.fakeserver.journal.journal import Entry, Injected, Journal, Message
from maildrill.fakeserver.journal.maildir import Maildir
from maildrill.fakeserver.language.script import DEFAULT_HOSTNAME, Script
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.scaled_clock import ScaledClock, ScaledLoop
from maildrill.fakeserver.server import FakeServer
from maildrill.smtp import Clock, ConfigurationError

#: Seconds that sessions may still have when the server has served enough.
_GRACE = 2.0


class Serving:
    """One server from its start to its summary; to be made and run in its loop.

    users: who may log in, besides those that the script says.
    """

    def __init__(self, options: Options, files: ScriptFiles, script: Script, users: Mapping[str, str]) -> None:
        self._options = options
        self._files = files
        self._script = script
        self._end = asyncio.Event()
        self._loop = loop = asyncio.get_running_loop()
        self._pace = loop if isinstance(loop, ScaledLoop) else None
        self._clock: Clock = ScaledClock(loop) if isinstance(loop, ScaledLoop) else SystemClock()
        self._output = Output(Form(options.log), self._end.set)
        self._maildir = None if options.maildir is None else Maildir(options.maildir)
        self._journal = journal_of(options, script)
        self._journal.watch(self._output.entry)
        self._journal.on_inject = self._inject
        self._server = FakeServer(
            script,
            clock=self._clock,
            seed=options.seed,
            settings=Settings(users=users, strict=options.strict or None, tls=options.starttls or None),
            journal=self._journal,
            on_commit=self._deliver if self._maildir is not None else None,
        )
        self._play: Callable[[Script], None] = self._server.load
        self._crowded = False

    async def run(self) -> bool:
        """Serve until a signal comes, nobody reads what is printed, or it is enough; returns whether all was expected.

        Raises ConfigurationError where it cannot listen, or cannot write what it was told to.
        """
        self._loop.set_exception_handler(self._trouble)
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._end.set)
        async with AsyncExitStack() as ends:
            ends.push_async_callback(self._server.stop)
            doors = await self._open()
            secret = await self._control(ends, doors)
            self._reload(ends)
            self._limit()
            ends.enter_context(announced(self._options.ready_file, {**doors, **secret}))
            self._output.listening(doors)
            await self._end.wait()
        lacking = self._unmet()
        self._output.summary(self._journal, () if self._server.play else self._server.unfired(), lacking)
        return not lacking

    async def _open(self) -> dict[str, str]:
        """Open all doors for mail; returns the address of each."""
        options, server, proxy = self._options, self._server, self._options.proxy_protocol
        doors = {"smtp": _address(*await server.start(options.host, options.port, proxy=proxy))}
        if options.tls_port is not None:
            doors["smtps"] = _address(*await server.start(options.host, options.tls_port, tls=True, proxy=proxy))
        if options.lmtp is not None and options.lmtp.isdecimal():
            doors["lmtp"] = _address(*await server.start(options.host, int(options.lmtp), lmtp=True, proxy=proxy))
        elif options.lmtp is not None:
            doors["lmtp"] = str(await server.start_unix(options.lmtp, lmtp=True))
        if options.unix is not None:
            doors["unix"] = str(await server.start_unix(options.unix))
        if options.ca_file is not None:
            _write_authority(options.ca_file, server.settings.hostname or DEFAULT_HOSTNAME)
        return doors

    async def _control(self, ends: AsyncExitStack, doors: dict[str, str]) -> dict[str, str]:
        """Open the door for HTTP, if it is wanted; returns the token, if there is one."""
        options = self._options
        if options.http_port is None:
            return {}
        from maildrill.fakeserver.control.desk import Desk  # noqa: PLC0415 - only where it is wanted
        from maildrill.fakeserver.control.service import ControlService  # noqa: PLC0415

        token = token_of(options)
        desk = Desk(self._server, script=self._script, clock=self._clock, pace=self._pace)
        self._play = desk.play
        service = ControlService(desk, token=token, hosts=options.http_allow_host)
        ends.push_async_callback(service.stop)
        doors["http"] = f"http://{_address(*await service.start(options.http_host, options.http_port))}"
        if token is not None and options.http_token is None:
            _tell(f"token for HTTP: {token}")
        return {} if token is None else {"token": token}

    def _reload(self, ends: AsyncExitStack) -> None:
        """Load the script again at SIGHUP, and when it changes."""
        reloading = Reloading(
            self._files, self._play, tell=_tell, pace=lambda: self._pace.factor if self._pace else 1.0
        )
        self._loop.add_signal_handler(signal.SIGHUP, reloading.load)
        if not self._options.no_watch:
            reloading.start()
            ends.callback(reloading.stop)

    def _limit(self) -> None:
        """End when the server has served enough; whoever is there then may say goodbye."""
        enough = self._options.exit_after
        if enough is not None and enough.seconds is not None:
            self._loop.call_later(enough.seconds, self._end.set)
        if enough is not None and enough.messages is not None:
            grace = _GRACE * (self._pace.factor if self._pace else 1.0)
            self._journal.watch(_Enough(enough.messages, self._journal, self._end.set, grace))

    def _trouble(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell once that clients have to wait for want of files: asyncio's loop would, with a traceback for each."""
        error = context.get("exception")
        if not (isinstance(error, OSError) and is_no_room(error)):
            loop.default_exception_handler(context)
        elif not self._crowded:
            self._crowded = True
            _tell("clients have to wait: too many files and sockets are open at once (`ulimit -n`)")

    def _unmet(self) -> tuple[str, ...]:
        """Return what is not as the script expects."""
        if self._server.play is not None:
            return self._server.play.unmet()
        engine = self._server.engine
        script = engine.script if isinstance(engine, Engine) else self._script
        return tuple(map(str, unmet(script.expectations, self._journal)))

    def _deliver(self, message: Message) -> None:
        """Write a message that was taken to the maildir."""
        self._write(message.content, message.at, message.reverse_path, message.committed_for)

    def _inject(self, injected: Injected) -> None:
        """Write a message that the server sent by itself to the maildir."""
        self._write(injected.content, injected.at, "", (injected.rcpt,))

    def _write(self, content: bytes, at: float, reverse_path: str, recipients: Iterable[str]) -> None:
        if self._maildir is not None:
            try:
                self._maildir.deliver(content, at=at, reverse_path=reverse_path, recipients=recipients)
            except OSError as error:
                _tell(f"a message was not written to the maildir: {error.strerror}")


class _Enough:
    """Ends a server once so many messages have been answered: when all sessions are over, or after the grace."""

    def __init__(self, messages: int, journal: Journal, end: Callable[[], None], grace: float) -> None:
        self._messages = messages
        self._journal = journal
        self._end = end
        self._grace = grace
        self._reached = False

    def __call__(self, entry: Entry) -> None:
        """Count the ends of messages; watch for those of sessions."""
        if entry.message is not None and not self._reached and self._journal.messages_received >= self._messages:
            self._reached = True
            asyncio.get_running_loop().call_later(self._grace, self._end)
        if self._reached and not self._journal.sessions_open:
            self._end()


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _tell(text: str) -> None:
    """Tell people on stderr, if anybody is there."""
    with suppress(OSError):
        click.echo(text, err=True)


def _write_authority(path: Path, hostname: str) -> None:
    from maildrill.fakeserver.session.certificates import certificates_for  # noqa: PLC0415 - only where it is wanted

    try:
        path.write_text(certificates_for(hostname).ca_pem, encoding="ascii")
    except OSError as error:
        raise ConfigurationError(f"cannot write the certificate: {error.strerror}", where=str(path)) from None
