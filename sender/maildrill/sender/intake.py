"""What a run takes in from its ledger, and when: pages of those who are due, as the window has room for them.

Rule 1: who is left out of a page is asked for again as soon as there is room for them. Rule 2: a ledger that gave
nobody is not asked again within a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from maildrill.sender.campaign import Campaign
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import Ledger, Recovered
from maildrill.sender.plan import ALL, Waiting, Wanted
from maildrill.sender.queues import Queue, Queues
from maildrill.sender.standing import kept_waiting
from maildrill.sender.window import Window

#: Seconds: who is due so soon is taken out of the ledger along with those who are due, and not put back into it;
AHEAD = 60.0
#: and for somebody who is due so soon the ledger is asked (an idle session is kept for about as long).
SOON = 10.0
#: So long sites may change, or be found, before the places of those who are here are looked at again.
PATIENCE = 0.5


class Intake:
    """Keeps the queues of one run of `campaign` filled from its ledger."""

    def __init__(self, campaign: Campaign, ledger: Ledger, log: ConnectionLog, queues: Queues) -> None:
        self._retry = campaign.retry
        self._ledger = ledger
        self._log = log
        self._queues = queues
        self._window = Window(ledger.window, queues)
        self._next_page: float | None = None  # when the ledger has more for us
        self._without = frozenset[str]()  # domains, or accounts, of whom it may have more at any time
        self._last_key: int | None = None
        self._filled_at = 0.0
        self._again = False  # sites have changed since then
        self._kept_since: dict[str, float] = {}  # queues that wait for their host, and since when

    def begin(self, now: float, last_key: int | None = None) -> None:
        """Take in the first page; last_key: nobody with a higher key is taken in, None: everybody is."""
        self._last_key = last_key
        self._next_page = now
        self.fill(now)

    @property
    def hungry(self) -> bool:
        """Whether the ledger is to be asked at once for somebody who was left out."""
        return self._window.hungry

    @property
    def next_page(self) -> float | None:
        """When the ledger may have more for us; None while we hold enough, or where it has nobody."""
        if self._window.hungry:
            return self._filled_at
        if self._again:
            return self._filled_at + PATIENCE
        return self._next_page if self._window.wants else None

    def fill(self, now: float) -> None:
        """Take in from the ledger who is due, as long as no more than a window of the list is here."""
        if self.next_page is None or self.next_page > now + SOON:
            return
        self._filled_at = now
        self._again = False
        self._window.let_in()
        self._balance()
        if not self._without <= self._window.names:
            self._next_page = now  # somebody is left out no longer
        elif not self._window.wants:
            return
        before = self._window.held
        while room := self._window.room:
            page = self._page(now, room)
            if not self._balance() or len(page) < room:
                break
        if self._window.held <= before and self._next_page is not None:
            self._next_page = max(self._next_page, now + 1.0)  # others have them at this moment

    def look_again(self) -> None:
        """Hosts were found, or serve nobody: those of many who are here, and do not fit beside others."""
        self._again = self._again or not self._window.wants

    def _balance(self) -> bool:
        """Give back whom a destination has beyond its share; return whether another page would be another one."""
        beyond, fresh = self._window.balance()
        if beyond:
            self._ledger.release(waiting.key for waiting in beyond)
        return fresh

    def _page(self, now: float, size: int) -> Sequence[Waiting]:
        """Take in at most so many of those whose turn it is, and return them."""
        self._without = self._window.names
        turns_of = self._queues.turns_of
        domains, turns = (self._without, ALL) if turns_of is None else (frozenset[str](), turns_of(self._without))
        page = self._ledger.lease(now, now + AHEAD, size, Wanted(domains, self._last_key, turns))
        log_recovered(self._log, page.recovered, now)
        self._next_page = page.next_at
        self._window.held += len(page.waiting)
        waiting = self._as_kept(page.waiting) if self._kept_since else page.waiting
        self._queues.add_all(waiting)
        return waiting

    def _as_kept(self, page: Sequence[Waiting]) -> Sequence[Waiting]:
        """A host that would not have those before these would not have had these either: write that down."""
        waiting = [self._kept(one) for one in page]
        changed = [one for one, before in zip(waiting, page, strict=True) if one is not before]
        if changed:
            self._ledger.settle(changed)
        return waiting

    def _kept(self, waiting: Waiting) -> Waiting:
        since = self._kept_since.get(self._queues.name_of(waiting))
        if since is None or waiting.standing.expires_at is not None:
            return waiting
        at = max(since, waiting.standing.due or since)
        return waiting.at(kept_waiting(waiting.standing, self._retry, at))

    def given_back(self, due: float | None) -> None:
        """One recipient is not ours any more; it is due again then."""
        self._window.held -= 1
        if due is not None:
            self._next_page = due if self._next_page is None else min(self._next_page, due)

    def gone(self, count: int) -> None:
        """So many are settled, and not ours any more."""
        self._window.held -= count

    def kept_waiting(self, queue: Queue, now: float) -> None:
        """A host would not have those who wait in `queue`."""
        self._kept_since.setdefault(queue.name, now)

    def served(self, waiting: Waiting) -> None:
        """A host said something of a recipient, whatever it was."""
        if self._kept_since:
            self._kept_since.pop(self._queues.name_of(waiting), None)


def log_recovered(log: ConnectionLog, recovered: Iterable[Recovered], now: float) -> None:
    """Log whom a run that ended found in the middle of a transaction."""
    for found in recovered:
        log.emit("recipient.recovered", now, recipient=found.address, state=found.state.value, reason=found.reason)
