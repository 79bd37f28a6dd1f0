"""What the runner needs of a session, and of whoever opens one: protocols, which sender.session fulfils."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from maildrill.sender.attempt import Broken, Transaction
from maildrill.sender.campaign import Account
from maildrill.sender.dsn import Reporting
from maildrill.sender.octets import Content
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Clock, Envelope, OnSaid


class Capabilities(Protocol):
    """What EHLO offered."""

    @property
    def names(self) -> Collection[str]: ...  # noqa: D102 - the protocol's name says it


class OpenSession(Protocol):
    """A session in which mail can be sent, as sender.session makes it."""

    @property
    def capabilities(self) -> Capabilities:
        """What the last EHLO offered."""
        ...

    @property
    def alive(self) -> bool:
        """Whether another transaction may be begun."""
        ...

    @property
    def asking(self) -> bool:
        """Whether a transaction is under way whose message is not yet: it can be left."""
        ...

    def leave(self, why: str) -> None:
        """End such a transaction, and the session; it comes back as broken by ourselves."""
        ...

    async def transact(  # noqa: PLR0913 - as sender.session has it
        self,
        envelope: Envelope,
        message: Content,
        *,
        before_dot: Callable[[tuple[str, ...]], Awaitable[None]],
        after_rcpt: Callable[[Transaction], Awaitable[None]] | None = None,
        reporting: Reporting | None = None,
        chunk: int = 0,
    ) -> Transaction:
        """Do one mail transaction.

        before_dot: awaited with the accepted just before the final dot leaves. after_rcpt: awaited with what was heard
        so far when all RCPT are answered and one of them was refused. reporting: what reports are asked for.
        chunk: so many octets at a time by BDAT, where that is offered; 0: by DATA.
        """
        ...

    async def quit(self) -> None:
        """Say goodbye and close."""
        ...


#: Open a session, saying each line of its dialogue to the callable.
Connect = Callable[[OnSaid], Awaitable[OpenSession | Broken]]


class Opener(Protocol):
    """Connects, greets and says EHLO; what went wrong comes back as a value (sender.session.open_session)."""

    def __call__(
        self,
        account: Account,
        *,
        clock: Clock,
        deadlines: Deadlines,
        on_said: OnSaid,
        local_hostname: str,
    ) -> Awaitable[OpenSession | Broken]:
        """Return a session, or why there is none."""
        ...
