"""A fake server: it listens in the running loop, be it on TCP or in a virtual world, and plays a script.

Rule: `stop` leaves nothing behind: no task, no timer, no connection.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial

from maildrill.fakeserver.engine import Engine
from maildrill.fakeserver.host import Decider, Host, Talk, Wire
from maildrill.fakeserver.journal import Journal, Message
from maildrill.fakeserver.script import DEFAULT_HOSTNAME, Script
from maildrill.fakeserver.session import Session
from maildrill.fakeserver.transcript.play import Play
from maildrill.fakeserver.transcript.talk import TranscriptTalk
from maildrill.smtp import Clock, ConfigurationError


class FakeServer:
    """An SMTP server that says and does what a script tells it, and is correct otherwise.

    script: a Script, or anything that decides (`on(event)`, `idle_waits()`). seed: None means the script's.
    journal: where everything is written down, a new one by default; keep_bodies: whether that one keeps messages whole.
    converse: makes what holds a session in place of a Conversation. on_commit: called with each message taken.
    play: a strict transcript at play, None where the script has rules.
    """

    def __init__(  # noqa: PLR0913 - everything but the script is an option with a default
        self,
        script: Script | Decider,
        *,
        clock: Clock,
        seed: int | None = None,
        journal: Journal | None = None,
        keep_bodies: bool = True,
        converse: Callable[[Host, Wire], Talk] | None = None,
        on_commit: Callable[[Message], None] | None = None,
    ) -> None:
        self.journal = Journal(octets=None if keep_bodies else 0) if journal is None else journal
        self.engine: Decider = Engine(script, seed, clock.now()) if isinstance(script, Script) else script
        transcript = script.transcript if isinstance(script, Script) else None
        self.play = None if transcript is None else Play(transcript)
        if self.play is not None:
            converse = partial(TranscriptTalk, self.play)
        self._host = Host(
            decider=self.engine,
            journal=self.journal,
            clock=clock,
            hostname=script.hostname if isinstance(script, Script) else DEFAULT_HOSTNAME,
            converse=converse,
            on_commit=on_commit,
        )
        self._sessions: set[Session] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._listener: asyncio.AbstractServer | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Listen; returns the host and the port, which is a free one if 0 was asked for.

        Raises ConfigurationError where that cannot be.
        """
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._session, host, port)
        except OSError as error:
            # asyncio puts the address into the text once more; a failed look-up has a number of its own
            number = error.errno or 0
            raise ConfigurationError(
                f"cannot listen: {os.strerror(number) if number > 0 else error.strerror}",
                where=f"{host}:{port}",
                expected="an address of this machine, and a free port that you may use",
                hint="port 0 takes a free one",
            ) from None
        sockets = self._listener.sockets
        return (host, sockets[0].getsockname()[1]) if sockets else (host, port)

    async def stop(self) -> None:
        """Stop listening and end all connections; returns when nothing runs any more."""
        if self._listener is None:
            return
        self._listener.close()
        running = [task for session in self._sessions for task in session.stop()]
        if running:
            await asyncio.wait(running)
        await self._empty.wait()
        await self._listener.wait_closed()
        self._listener = None

    def unfired(self) -> tuple[str, ...]:
        """Return the names of the script's rules that never fired; of a strict transcript what was not as it says."""
        if self.play is not None:
            return self.play.unmet()
        return self.engine.unfired() if isinstance(self.engine, Engine) else ()

    def _session(self) -> Session:
        session = Session(self._host, self._ended)
        self._sessions.add(session)
        self._empty.clear()
        return session

    def _ended(self, session: Session) -> None:
        self._sessions.discard(session)
        if not self._sessions:
            self._empty.set()
