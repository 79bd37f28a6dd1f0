"""Who waits, by where they are to go: an agenda for each account, or for each recipient's domain. Pure.

Rule: a recipient always waits in the same queue; which destination serves a queue may change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from maildrill.sender.plan import Agenda, Turns, Waiting

_NEVER = float("inf")


class Queue:
    """The agenda of one account, or of one domain. name: the account's label, or the domain."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.agenda = Agenda()

    def __repr__(self) -> str:
        return f"<queue {self.name}: {len(self.agenda)}>"


def next_due(queues: Sequence[Queue]) -> float | None:
    """Return when the next one is due in any of them (in the past if it is due already), or None if nobody waits."""
    if len(queues) == 1:  # as where there is one account
        return queues[0].agenda.next_due()
    return min((due for queue in queues if (due := queue.agenda.next_due()) is not None), default=None)


class Site(Protocol):
    """Domains that share their hosts, as far as is known."""

    @property
    def label(self) -> str:
        """Its name."""
        ...

    @property
    def queues(self) -> Mapping[str, Queue]:
        """Who waits for it, by domain."""
        ...

    @property
    def stuck(self) -> bool:
        """Whether who waits for it will hardly be served soon."""
        ...


@dataclass(frozen=True, slots=True)
class Unknown:
    """A domain whose hosts have not been looked up: a site by itself."""

    label: str
    queues: Mapping[str, Queue]
    stuck: bool = False


class Queues:
    """All queues of a run; `len()` counts who waits in any of them.

    name_of: which queue a recipient belongs to. site_of: which queues share its hosts; None: there is one queue.
    turns_of: who takes part when queues of these names are left out; None: the names are domains.
    changed: called with a queue when somebody was added to it.
    """

    def __init__(self) -> None:
        self.name_of: Callable[[Waiting], str] = lambda _: ""
        self.site_of: Callable[[Queue], Site] | None = None
        self.turns_of: Callable[[Collection[str]], Turns] | None = None
        self._queues: dict[str, Queue] = {}
        self._filled: dict[
            str, Queue
        ] = {}  # at least those in which somebody waits: most domains of a long list are done
        self._earliest_end = _NEVER  # no lifetime ends before this; saves looking through all queues
        self.changed: Callable[[Queue], None] = lambda _: None

    def __getitem__(self, name: str) -> Queue:
        """Return the queue of that name, a new one where there is none."""
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = Queue(name)
        return queue

    def __iter__(self) -> Iterator[Queue]:
        return iter(self._queues.values())

    def __len__(self) -> int:
        return sum(len(queue.agenda) for queue in self)

    def __bool__(self) -> bool:
        return any(len(queue.agenda) for queue in self)

    def add(self, waiting: Waiting) -> None:
        """Put a recipient into its queue; it must be due some time."""
        self.add_all((waiting,))

    def add_all(self, many: Iterable[Waiting]) -> None:
        """Put recipients into their queues; of each queue it is said once that it has changed."""
        changed: dict[str, Queue] = {}
        for waiting in many:
            queue = self[self.name_of(waiting)]
            queue.agenda.add(waiting)
            changed[queue.name] = queue
        self._filled.update(changed)
        for queue in changed.values():
            self.bound(queue)
            self.changed(queue)

    def filled(self) -> Collection[Queue]:
        """Return the queues in which somebody waits."""
        self._filled = {name: queue for name, queue in self._filled.items() if len(queue.agenda)}
        return self._filled.values()

    def lapsed(self, now: float) -> list[tuple[Queue, list[Waiting]]]:
        """Give out all whose lifetime ended before `now`, by queue."""
        if now <= self._earliest_end:
            return []
        over = [(queue, gone) for queue in self if (gone := queue.agenda.lapsed(now))]
        self._earliest_end = min((queue.agenda.earliest_end for queue in self), default=_NEVER)
        return over

    def bound(self, queue: Queue) -> None:
        """Say that lifetimes in `queue` may end earlier now."""
        self._earliest_end = min(self._earliest_end, queue.agenda.earliest_end)
