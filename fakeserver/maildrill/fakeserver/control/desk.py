"""What all calls share: the server that is watched and steered, the script to go back to, and how rules change.

Rule: a change is made whole or not at all: the new script is checked before the server plays it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from maildrill.fakeserver.control.problem import Problem
from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.journal.expectations import unmet
from maildrill.fakeserver.journal.journal import Entry, Journal
from maildrill.fakeserver.language.script import Rule, Script
from maildrill.fakeserver.server import FakeServer
from maildrill.smtp import Clock, escape

#: What stands in a script for a password that is not shown; put back, it means the one that there is.
HIDDEN = "<redacted>"


class Pace(Protocol):
    """A clock that can be steered."""

    @property
    def factor(self) -> float:
        """How many times as fast it is; it can be set."""
        ...

    @factor.setter
    def factor(self, factor: float) -> None: ...

    def advance(self, seconds: float) -> None:
        """Let so many seconds have passed: all that was due within them is due now."""
        ...


class Desk:
    """From where a server is steered.

    script: what it began with, None where something else than a script decides. clock: the server's. pace: None where
    its clock is real. changed: called with the script after each change. stopping: set when nobody shall wait any more.
    """

    def __init__(
        self,
        server: FakeServer,
        *,
        script: Script | None,
        clock: Clock,
        pace: Pace | None = None,
        changed: Callable[[Script], None] | None = None,
    ) -> None:
        self.server = server
        self.clock = clock
        self.pace = pace
        self.started = clock.now()
        self.stopping = asyncio.Event()
        self._base = script
        self._changed = changed
        self._named = 0
        self._once: set[str] = set()
        self._unwatch = server.journal.watch(self._drop_fired)

    @property
    def journal(self) -> Journal:
        """What the server saw and did."""
        return self.server.journal

    @property
    def engine(self) -> Engine:
        """The script being played. Raises Problem where something else decides."""
        if not isinstance(self.server.engine, Engine):
            raise Problem(409, "this server plays no script", hint="what it does is decided by its program")
        return self.server.engine

    @property
    def script(self) -> Script:
        """What is played now, with all changes. Raises Problem where something else decides."""
        return self.engine.script

    @property
    def shown(self) -> Script:
        """The same without its passwords."""
        script = self.script
        hidden = replace(script.server, users=dict.fromkeys(script.server.users, HIDDEN))
        return replace(script, server=hidden)

    def play(self, script: Script) -> None:
        """Play another script from now on, and go back to it at a reset; who is hidden in it keeps the password.

        Raises ConfigurationError.
        """
        known = self.engine.script.server.users if isinstance(self.server.engine, Engine) else {}
        users = {
            name: known.get(name, password) if password == HIDDEN else password
            for name, password in script.server.users.items()
        }
        script = replace(script, server=replace(script.server, users=users))
        self._load(script)
        self._base = script

    def change(self, rules: Sequence[Rule]) -> None:
        """Play these rules from now on, until a reset. Raises ConfigurationError; Problem for a name given twice."""
        names: set[str] = set()
        for rule in rules:
            if rule.name in names:
                raise Problem(
                    409,
                    f'a rule is called "{escape(rule.name)}" already',
                    expected="a name of its own for each rule",
                    hint="PUT replaces a rule, or leave the name out",
                )
            names.add(rule.name)
        self._load(replace(self.script, rules=tuple(rules)))

    def once(self, rule: Rule) -> None:
        """Put a rule before all others that goes when it has fired."""
        self.change((rule, *self.script.rules))
        self._once.add(rule.name)

    async def reset(self) -> None:
        """End all sessions, forget everything, and play the script that was there before all changes."""
        await self.server.reset(self._base)
        self._named = 0
        self._once.clear()

    def name(self) -> str:
        """Return a name for a rule that has none: the same after each reset, because draws depend on it."""
        taken = {rule.name for rule in self.script.rules}
        while True:
            self._named += 1
            name = f"api#{self._named}"
            if name not in taken:
                return name

    def pass_in(self, seconds: float) -> float:
        """Return the seconds of the loop's clock in which so many real ones pass."""
        return seconds if self.pace is None else seconds * self.pace.factor

    def unmet(self) -> tuple[object, ...]:
        """Return what is not as the script expects, so far: of a strict transcript where it was not followed."""
        if self.server.play is not None:
            return self.server.play.unmet()
        return unmet(self.script.expectations, self.journal) if isinstance(self.server.engine, Engine) else ()

    def close(self) -> None:
        """Let go of the server: whoever waits is told so."""
        self.stopping.set()
        self._unwatch()

    def _load(self, script: Script) -> None:
        self.server.load(script)
        if self._changed is not None:
            self._changed(script)

    def _drop_fired(self, entry: Entry) -> None:
        if entry.rule in self._once:
            self._once.discard(entry.rule)
            self.change([rule for rule in self.script.rules if rule.name != entry.rule])
