"""A fake server for a test, with or without pytest: on TCP, in a thread of its own.

`with smtp_server("script.toml") as server:` starts it; at the end of the block it fails if a rule was not used, a
command not expected, a message not looked at. The pytest fixture `smtp_server` gives the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar, Unpack

from maildrill.fakeserver.harness.scripted import Complained, Scripted
from maildrill.fakeserver.harness.threaded import PATIENCE, ServerThread, ThreadedServer
from maildrill.fakeserver.harness.whereabouts import Secure, Whereabouts, first_user
from maildrill.fakeserver.journal.query import MessageWords
from maildrill.fakeserver.journal.record import Message
from maildrill.fakeserver.journal.waiting import NotSeenError
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.script_loader import Shelf, load_script, load_text
from maildrill.smtp import ConfigurationError
from maildrill.smtp.quantity import parse_duration

__all__ = ["Complained", "NotSeenError", "ScriptedServer", "ServerThread", "smtp_server"]

T = TypeVar("T")


class ScriptedServer(Scripted):
    """A server that listens: say what it does, ask what it saw. See Scripted, ScriptBuilder and RuleBuilder.

    script: what holds behind the rules that are built; borrowed: names of its rules that come from what it uses.
    seed: None means the script's. thread: where it runs, a thread of its own by default.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        borrowed: Collection[str] = (),
        seed: int | None = None,
        thread: ServerThread | None = None,
    ) -> None:
        super().__init__(script, borrowed=borrowed)
        self._served = ThreadedServer(self.script, seed=seed, thread=thread, first=self._functions.on)
        self._fake = self._served.server
        self.seed = self.script.seed if seed is None else seed
        self._factor = 1.0

    @property
    def host(self) -> str:
        """Where to connect."""
        return self._served.host

    @property
    def port(self) -> int:
        """Where to connect."""
        return self._served.port

    @property
    def address(self) -> str:
        """Host and port: `127.0.0.1:40001`."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Host and port as a URL: `smtp://127.0.0.1:40001`."""
        return f"smtp://{self.address}"

    @property
    def env(self) -> dict[str, str]:
        """Environment variables by which programs are told where mail goes, for a subprocess."""
        return self._whereabouts().env

    @property
    def django_settings(self) -> dict[str, object]:
        """Django's settings for mail through this server: `override_settings(**server.django_settings)`."""
        return self._whereabouts().django_settings

    @property
    def users(self) -> dict[str, str]:
        """Who may log in, with their passwords; empty where everybody may."""
        return dict(self.script.server.users)

    @cached_property
    def tls(self) -> Secure:
        """The server by TLS: a port of its own, and whom a client must trust; STARTTLS wants `settings(tls=True)`."""
        return Secure(self.host, self.script.hostname, self._served.listen_tls)

    def _whereabouts(self) -> Whereabouts:
        offered = self.script.server.tls
        return Whereabouts(self.host, self.port, first_user(self.users), self.tls.ca_file if offered else None)

    def start(self) -> None:
        """Listen on a free port. Raises ConfigurationError for a script that wants a virtual clock."""
        factor = 1.0 if self.script.clock is None else self.script.clock.factor
        if factor is None:
            raise ConfigurationError(
                'the script says clock = "virtual"',
                where=self.script.name,
                expected="real or scaled:60: who talks to a server on real sockets has a real clock",
                hint="with pytest the fixture smtp_world has a virtual clock; here advance() sets the server's on",
            )
        self._factor = factor
        self._served.start(factor)

    def advance(self, duration: str | float) -> None:
        """Let so much time have passed for the server ("5m", or seconds): what waits for that happens now."""
        seconds = parse_duration(duration) if isinstance(duration, str) else duration
        self._served.call(lambda _: self._served.thread.loop.advance(seconds))
        self.settle()

    def stop(self) -> None:
        """Stop listening and end all connections. What was seen can still be read."""
        self._served.stop()
        self.tls.close()

    def stop_serving(self) -> None:
        """Stop listening and end all connections, as if the server were gone; what it saw and counted stays."""
        self._served.thread.run(self._served.server.stop())

    def resume_serving(self) -> None:
        """Listen again on the same port."""
        self._served.start()

    def reset(self) -> None:
        """Begin anew: end all connections, forget what was seen, and the rules and functions of the test."""
        self.clear()
        self._served.thread.run(self._served.server.reset(self.script))

    def wait_for(self, *, timeout: float = 5.0, **words: Unpack[MessageWords]) -> Message:
        """Return the first message that all words fit, as soon as it is there: `wait_for(rcpt="ann@*", subject="Hi*")`.

        timeout: seconds. Raises NotSeenError, which says what there was instead.
        """
        waiting = self._served.journal.wait_for(timeout=timeout * self._factor, **words)
        (message,) = self._served.thread.run(waiting, timeout=timeout + PATIENCE)
        self._see(lambda _: None)
        return message

    def settle(self) -> None:
        """Return when the server has done what can be done of all that clients have sent so far."""
        self._served.settle()

    def check_health(self) -> None:
        """Raise what failed within the server, or in a function that decides for it."""
        failures = self._served.thread.take_failures()
        if len(failures) > 1:
            raise BaseExceptionGroup("the fake SMTP server failed", failures)
        if failures:
            raise failures[0]

    def _at_rest(self, function: Callable[[], T]) -> T:
        return self._served.thread.call(function)

    def _settled(self, function: Callable[[], T]) -> T:
        return self._served.settled(function)


@contextmanager
def smtp_server(
    script: Script | Path | str = "", *, seed: int | None = None, allow: Iterable[str] = ()
) -> Iterator[ScriptedServer]:
    """Start a server for the length of a `with` block, and give it out.

    script: a file, TOML text, or the name of a pack. seed: of every draw, None means the script's. allow: what may be
    wrong at the end, by name: unmet, undeclared, unused-rules, unread. Raises Complained at the end of a block that
    went well; an error of the block itself gets the transcript as a note.
    """
    played = script_of(script)
    server = ScriptedServer(played, borrowed=borrowed(played), seed=seed)
    server.start()
    try:
        yield server
        server.check(allow)
    except BaseException as error:
        for title, text in server.evidence().items():
            error.add_note(f"\n{title}\n{text}")
        raise
    finally:
        server.stop()
    server.check_health()


def script_of(
    script: Script | Path | str, *, name: str = "script", folder: Path | None = None, shelf: Shelf | None = None
) -> Script:
    """Return a script with all that it uses: a value, TOML text (with a line break or an equals sign), a file, a pack.

    name: what errors call a text. folder: where files are looked for. shelf: what is known by name.
    """
    if isinstance(script, Script):
        return script
    text, folder = str(script), folder or Path()
    if isinstance(script, str) and ("\n" in text or "=" in text or not text):
        return load_text(text, name, folder=folder, shelf=shelf)
    path = folder / text
    return load_script(str(path) if path.is_file() or path.suffix == ".toml" else text, shelf)


def borrowed(script: Script) -> frozenset[str]:
    """Return the names of the rules and injections of a script that come from other scripts, which it uses."""
    return frozenset(one.name for one in script.named if not one.place.header.startswith(f"{script.name}:"))
