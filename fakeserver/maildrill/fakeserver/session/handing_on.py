"""Hand on what a client says, where a rule names another server: `to = "smtp://127.0.0.1:2526"`.

Rule 1: one connection for each transaction; what that server was not told yet is told it first.
Rule 2: nothing is kept to be tried again: what comes of it is what the client hears, and the client's to deal with.
Rule 3: a message goes to all of its recipients or to none; who wants each to be told for itself asks at RCPT too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from maildrill.fakeserver.engine.event import Action, Close, Commit, Decision, HandOn, Proceed, Say
from maildrill.fakeserver.language.destination import Destination
from maildrill.fakeserver.language.script_words import CLOSING
from maildrill.fakeserver.scaled_clock import as_for_everybody
from maildrill.fakeserver.session.upstream import FAILURES, PATIENCE, Upstream, excuse
from maildrill.smtp import Reply, escape

_ROUND = Reply.of("554 5.4.6 the server would hand on to itself")
_LONGEST = 500  # octets of a line of a reply that is said again


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What another server is to be told. transaction: which of the session's. recipients: each with its parameters.

    content: the message, None where it is not there yet: then the recipients are told besides those before.
    """

    transaction: int
    reverse_path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    recipients: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Handed:
    """What came of it. reply: for the client. note: for the journal: where, and what was said there."""

    reply: Reply
    note: str


class HandingOn:
    """Hands on the transactions of one session. hostname: what the server calls itself. listens: where it does."""

    def __init__(self, hostname: str, listens: Collection[tuple[str, int]]) -> None:
        self._hostname = hostname
        self._listens = listens
        self._there: Upstream | None = None
        self._where: tuple[Destination, int] | None = None  # whom, and in which transaction
        self._begun = Reply(250)  # what was said to MAIL
        self._told: dict[str, Reply] = {}  # who was accepted

    async def run(self, where: Destination, errand: Errand) -> Handed:
        """Do an errand; whatever comes of it is in what is returned."""
        if any((host, where.port) in self._listens for host in _ways_to(where.host)):
            return Handed(_ROUND, f"{where}: that is this server")
        # In a task of its own: a session goes on outside of its task where octets come, and a time-out needs one.
        task = asyncio.get_running_loop().create_task(self._run(where, errand))
        try:
            return await task
        finally:
            task.cancel()

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._there is not None:
            self._there.close()
        self._there, self._where, self._told = None, None, {}

    async def _run(self, where: Destination, errand: Errand) -> Handed:
        reached = done = False
        try:
            async with asyncio.timeout(as_for_everybody(PATIENCE)):
                if self._is_stale(where, errand):
                    self.close()
                if self._there is None:
                    self._there = await Upstream.to(where)
                reached = True
                reply = await self._tell(self._there, where, errand)
                done = errand.content is None and self._where is not None
        except FAILURES as error:
            why = excuse(error)
            status = "4.4.2" if reached else "4.4.1"
            return Handed(Reply(451, (f"{status} {where}: {why}",)), f"{where}: {why}")
        finally:
            if not done:
                self.close()
        return Handed(_said_again(reply), f"{where}: {reply}")

    def _is_stale(self, where: Destination, errand: Errand) -> bool:
        """Whether what was begun is another matter than this errand."""
        too_many = errand.content is not None and not self._told.keys() <= errand.recipients.keys()
        return too_many or self._where != (where, errand.transaction)

    async def _tell(self, there: Upstream, where: Destination, errand: Errand) -> Reply:
        """Tell what was not told yet; returns the last reply. `_where` is set once there is a transaction."""
        reply = self._begun
        if self._where is None:
            reply = await there.hello(self._hostname)
            if reply.positive:
                reply = self._begun = await there.mail(errand.reverse_path, errand.parameters)
            if not reply.positive:
                return reply
            self._where = where, errand.transaction
        for rcpt, parameters in errand.recipients.items():
            reply = self._told.get(rcpt) or await there.rcpt(rcpt, parameters)
            if reply.positive:
                self._told[rcpt] = reply
            elif errand.content is not None:
                return reply
        return reply if errand.content is None else await there.give(errand.content)


def destination(decision: Decision) -> Destination | None:
    """Return to whom a decision hands on what was said, if to anybody."""
    return next((action.where for action in decision.actions if isinstance(action, HandOn)), None)


def settled(decision: Decision, reply: Reply, *, ends: bool) -> Decision:
    """Return a decision with what the other server replied in the place of handing it on.

    ends: a message ends here, which is then taken if it was there.
    """
    actions: list[Action] = []
    for action in decision.actions:
        if isinstance(action, HandOn):
            actions += [Commit(reply.positive)] if ends else []
        elif isinstance(action, Proceed):
            actions.append(Say(reply, action.half, action.manner))
            actions += [Close()] if reply.code == CLOSING and not action.half else []
        else:
            actions.append(action)
    return replace(decision, actions=tuple(actions))


def _ways_to(host: str) -> tuple[str, ...]:
    """Return the addresses at which who listens hears of a connection to `host`, as far as that is certain."""
    return host, *(("127.0.0.1", "::1") if host == "localhost" else ()), "0.0.0.0", "::"  # noqa: S104 - not bound here


def _said_again(reply: Reply) -> Reply:
    """Return a reply that may be said to a client, whatever the other server said."""
    if reply.klass == 3:
        return Reply(451, (f"4.5.0 the other server said {reply.code} here",))
    return Reply(reply.code, tuple(map(_sayable, reply.lines)))


def _sayable(line: str) -> str:
    shown = line if line.isprintable() else escape(line)
    return shown.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore")
