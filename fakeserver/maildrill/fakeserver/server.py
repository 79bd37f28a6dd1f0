"""A fake server: it listens in the running loop (on TCP, a Unix socket, in a virtual world) and plays a script.

Rule: `stop` leaves nothing behind: no task, no timer, no connection, no file.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.engine.event import Decision, Event
from maildrill.fakeserver.journal.journal import Journal, Message
from maildrill.fakeserver.language.script import DEFAULT_SEED, Script
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.sending.injections import Injections
from maildrill.fakeserver.sending.injector import Injector
from maildrill.fakeserver.session.host import AskedFirst, Decider, Door, Host, Talk, Wire
from maildrill.fakeserver.session.session import Session
from maildrill.fakeserver.transcript.play import Play
from maildrill.fakeserver.transcript.talk import TranscriptTalk
from maildrill.smtp import Clock, ConfigurationError

_QUIET = 5  # turns of the loop without anything new, after which everything that had come is done


class FakeServer:
    """An SMTP server that says and does what a script tells it, and is correct otherwise.

    script: a Script, or anything that decides (see Decider). seed: None means the script's. settings: what counts
    before the `[server]` table of any script. journal: where everything is written down, a new one by default;
    keep_bodies: whether that one keeps messages whole. converse: makes what holds a session in place of a Conversation.
    on_commit: called with each message taken. first: asked before the script, which never hears of what is decided
    there; None leaves it to the script. play: a strict transcript at play, None where the script has rules.
    """

    def __init__(  # noqa: PLR0913 - everything but the script is an option with a default
        self,
        script: Script | Decider,
        *,
        clock: Clock,
        seed: int | None = None,
        settings: Settings | None = None,
        journal: Journal | None = None,
        keep_bodies: bool = True,
        converse: Callable[[Host, Wire], Talk] | None = None,
        on_commit: Callable[[Message], None] | None = None,
        first: Callable[[Event], Decision | None] | None = None,
    ) -> None:
        self._seed = seed
        kept = Journal(octets=None if keep_bodies else 0) if journal is None else journal
        self._explains = kept.folded
        self._settings = settings or Settings()
        self._clock = clock
        self._converse = converse
        self._first = first
        self._on_commit = on_commit
        self.play: Play | None = None
        self._host = Host(
            decider=self._decider(script, None),
            journal=kept,
            clock=clock,
            settings=self._effective(script),
        )
        self._injector = Injector(self._host)
        self._adopt(script)
        self._sessions: set[Session] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._listeners: list[asyncio.Server] = []
        self._paths: list[Path] = []

    @property
    def engine(self) -> Decider:
        """What decides now: the Engine of the script, or what was given in its place."""
        decider = self._host.decider
        return decider.then if isinstance(decider, AskedFirst) else decider

    @property
    def journal(self) -> Journal:
        """What the server saw and did."""
        return self._host.journal

    @property
    def settings(self) -> Settings:
        """What the server is like apart from rules: as it was told, and else as its script says."""
        return self._host.settings

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, *, tls: bool = False, lmtp: bool = False, proxy: bool = False
    ) -> tuple[str, int]:
        """Listen, here too if it does so elsewhere; returns the host and the port, a free one if 0 was asked for.

        tls: TLS from the first octet on. lmtp: LMTP (RFC 2033) is spoken. proxy: each connection begins with a header
        of the PROXY protocol, which says who the client is. Raises ConfigurationError where that cannot be.
        """
        door = Door(tls=tls, lmtp=lmtp, proxy=proxy)
        loop = asyncio.get_running_loop()
        listener = await _listening(
            loop.create_server(functools.partial(self._session, door), host, port),
            where=f"{host}:{port}",
            expected="an address of this machine, and a free port that you may use",
            hint="port 0 takes a free one",
        )
        self._listeners.append(listener)
        sockets = listener.sockets
        self._host.listens.update(socket.getsockname()[:2] for socket in sockets)
        return (host, sockets[0].getsockname()[1]) if sockets else (host, port)

    async def start_unix(self, path: str | Path, *, tls: bool = False, lmtp: bool = False, proxy: bool = False) -> Path:
        """Listen on a Unix socket at `path`, which `stop` removes; see `start`. Its clients are all called `local`."""
        door = Door(tls=tls, lmtp=lmtp, proxy=proxy)
        loop = asyncio.get_running_loop()
        listener = await _listening(
            loop.create_unix_server(functools.partial(self._session, door), path),
            where=str(path),
            expected="a path in a folder that you may write to, of at most about 100 characters",
            hint="a socket that nobody listens to any more is replaced, another file is not",
        )
        self._listeners.append(listener)
        self._paths.append(Path(path))
        return Path(path)

    def load(self, script: Script | Decider) -> None:
        """Play another script from now on: sessions stay open, and what rules that did not change have counted counts.

        What the script says in `[server]` holds for sessions that begin from now on.
        """
        self._host.play(self._decider(script, self.engine), self._effective(script))
        self._adopt(script, anew=False)

    async def reset(self, script: Script | Decider | None = None) -> None:
        """End all sessions and forget everything: a new journal, and nothing counted. None: the script that it has."""
        await self._end_sessions()
        if script is None:
            script = self.engine.script if isinstance(self.engine, Engine) else self.engine
        self.journal.clear()
        self._host.play(self._decider(script, None), self._effective(script))
        self._adopt(script)

    async def stop(self) -> None:
        """Stop listening and end all connections; returns when nothing runs any more."""
        listeners, self._listeners = self._listeners, []
        self._host.listens.clear()
        for listener in listeners:
            listener.close()
        if listeners:
            await self._end_sessions()
        for listener in listeners:
            await listener.wait_closed()
        while self._paths:
            self._paths.pop().unlink(missing_ok=True)

    async def settle(self) -> None:
        """Return when all that clients have sent so far, or that was due, is done as far as it does not wait."""
        quiet, seen = 0, -1
        while quiet < _QUIET:
            await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop, no time
            known = self.journal.totals.entries
            quiet, seen = (quiet + 1 if known == seen else 0), known

    def unfired(self) -> tuple[str, ...]:
        """Return the names of rules and injections that never fired; of a strict transcript what was not as it says."""
        if self.play is not None:
            return self.play.unmet()
        rules = self.engine.unfired() if isinstance(self.engine, Engine) else ()
        return rules + self._injector.unfired()

    def go_on_from(self, before: FakeServer) -> None:
        """Count on where another server ended that played this script: what fired, and since when there is a server."""
        self._host.play(self._decider(self._script, before.engine), self.settings)
        self._injector.go_on_from(before._injector)

    def _decider(self, script: Script | Decider, before: Decider | None) -> Decider:
        decider = self._engine(script, before)
        return decider if self._first is None else AskedFirst(self._first, decider)

    def _engine(self, script: Script | Decider, before: Decider | None) -> Decider:
        if not isinstance(script, Script):
            return script
        if not isinstance(before, Engine):
            return Engine(script, self._seed, self._clock.now(), explains=self._explains)
        engine = Engine(script, self._seed, before.started, explains=self._explains)
        engine.carry(before)
        return engine

    def _adopt(self, script: Script | Decider, *, anew: bool = True) -> None:
        """Let what the script wants hold the sessions to come: a transcript, or conversations."""
        self._script = script
        transcript = script.transcript if isinstance(script, Script) else None
        self.play = None if transcript is None else Play(transcript)
        self._host.converse = self._converse if self.play is None else functools.partial(TranscriptTalk, self.play)
        injections = script.injections if isinstance(script, Script) else ()
        self._injector.play(Injections(injections, self._seed_of(script)), anew=anew)
        self._host.on_commit = self._committed if injections else self._on_commit

    def _committed(self, message: Message) -> None:
        if self._on_commit is not None:
            self._on_commit(message)
        self._injector.on_commit(message)

    def _seed_of(self, script: Script | Decider) -> int:
        return (script.seed if isinstance(script, Script) else DEFAULT_SEED) if self._seed is None else self._seed

    def _effective(self, script: Script | Decider) -> Settings:
        return self._settings.over(script.server) if isinstance(script, Script) else self._settings

    async def _end_sessions(self) -> None:
        running = [task for session in self._sessions for task in session.stop()]
        if running:
            await asyncio.wait(running)
        await self._empty.wait()
        await self._injector.stop()

    def _session(self, door: Door) -> Session:
        crowded = len(self._sessions) >= self._host.limits.connections
        session = Session(self._host, door, self._ended, crowded=crowded)
        self._sessions.add(session)
        self._empty.clear()
        return session

    def _ended(self, session: Session) -> None:
        self._sessions.discard(session)
        if not self._sessions:
            self._empty.set()


async def _listening(listener: Awaitable[asyncio.Server], *, where: str, expected: str, hint: str) -> asyncio.Server:
    try:
        return await listener
    except OSError as error:
        # asyncio puts the address into the text once more; a failed look-up has a number of its own
        number = error.errno or 0
        raise ConfigurationError(
            f"cannot listen: {os.strerror(number) if number > 0 else error.strerror or error}",
            where=where,
            expected=expected,
            hint=hint,
        ) from None
