"""Open sessions: the sender's door to a server. What happens behind it is in sender.setup."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial

from maildrill.sender.attempt import Broken
from maildrill.sender.campaign import Account
from maildrill.sender.dialogue import Session
from maildrill.sender.opener import Opener
from maildrill.sender.setup.memory import TlsMemory
from maildrill.sender.setup.opening import Opening
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Clock, OnSaid

__all__ = ["Deadlines", "Session", "open_session", "opener"]


def fresh() -> str:
    """Return a nonce that nobody can guess."""
    return secrets.token_urlsafe(18)


async def open_session(  # noqa: PLR0913 - what a session needs is given, nothing is looked up
    account: Account,
    *,
    clock: Clock,
    deadlines: Deadlines,
    on_said: OnSaid,
    local_hostname: str,
    memory: TlsMemory | None = None,
    nonce: Callable[[], str] = fresh,
) -> Session | Broken:
    """Connect, greet, put TLS under it and log in, as the account says (RFC 5321, 3207, 8314, 4954).

    Returns the session, or why there is none. on_said gets the dialogue as it is said. memory: of hosts whose TLS does
    not work, for opportunistic TLS; None: every host is new. nonce: gives what keeps an exchange of AUTH from being
    played again (RFC 5802 section 5.1): another one each time.
    """
    opening = Opening(account, clock, deadlines, on_said, local_hostname, memory or TlsMemory(), nonce)
    try:
        return await opening.open()
    except BaseException:
        opening.close()
        raise


def opener(nonce: Callable[[], str] = fresh) -> Opener:
    """Return what opens sessions and remembers for a while whose TLS does not work; a drill gives its own nonces."""
    return partial(open_session, memory=TlsMemory(), nonce=nonce)
