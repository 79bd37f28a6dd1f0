"""Send what a server sends by itself, each in its time: to where the script says, else into the journal only.

Rule 1: what is sent is injection's and notices' business; here is when and how. The clock is the server's.
Rule 2: what goes out was written here, and goes nowhere but where `to` says; clients' own mail is handing_on's.
Rule 3: `stop` leaves no task behind; what was still to come is not sent.
"""

from __future__ import annotations

import asyncio

from maildrill.fakeserver.journal.record import Injected, Message
from maildrill.fakeserver.sending.courier import deliver
from maildrill.fakeserver.sending.injections import Cause, Injections
from maildrill.fakeserver.sending.notices import Postmark, compose
from maildrill.fakeserver.session.host import Host
from maildrill.smtp import Reply

#: Seconds to the next try where a server did not take it, and might later.
RETRIES = (60.0, 300.0, 1800.0, 7200.0)


class Injector:
    """What one server sends by itself; `host` has its clock, its name and its journal."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._injections = Injections((), 0)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> int:
        """How much is still to be sent."""
        return len(self._tasks)

    def play(self, injections: Injections, *, anew: bool) -> None:
        """Go by other injections from now on; `anew`: forget what has been counted."""
        if not anew:
            injections.carry(self._injections)
        self._injections = injections

    def go_on_from(self, before: Injector) -> None:
        """Count on where another server's injections are."""
        self._injections.carry(before._injections)

    def unfired(self) -> tuple[str, ...]:
        """Return the names of the injections that nothing has led to."""
        return self._injections.unfired()

    def on_commit(self, message: Message) -> None:
        """Note that the server took a message, and see to what follows."""
        for cause in self._injections.causes(message):
            record = self._host.journal.session(cause.session)
            task = asyncio.get_running_loop().create_task(self._send(cause, "" if record is None else record.client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Give up what was still to be sent; returns when nothing runs any more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _send(self, cause: Cause, client: str) -> None:
        host, one = self._host, cause.injection
        if one.seconds:
            await host.clock.sleep(one.seconds)
        at = host.clock.now()
        content = compose(cause, Postmark(host.hostname, at, client))
        outcome = "" if one.to is None else await self._deliver(cause, content)
        host.journal.inject(
            Injected(
                at=at,
                rcpt=cause.address,
                kind=str(one.kind),
                content=content,
                about=cause.number,
                rule=one.name,
                outcome=outcome,
            )
        )

    async def _deliver(self, cause: Cause, content: bytes) -> str:
        """Return what came of it, after as many tries as it takes."""
        where = cause.injection.to
        assert where is not None  # noqa: S101 - the caller saw it
        said = await deliver(where, self._host.hostname, cause.address, content)
        for wait in RETRIES:
            if isinstance(said, Reply) and said.klass != 4:
                break
            await self._host.clock.sleep(wait)
            said = await deliver(where, self._host.hostname, cause.address, content)
        return str(said)
