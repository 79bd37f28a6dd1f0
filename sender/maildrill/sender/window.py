"""How many recipients of each destination are in memory: one that takes nobody keeps nobody else out (I45). Pure.

Rule 1: no destination has more than all of them leave free, so there is always room for one more. Rule 2: who has more
than half of that is left out of the next page of the ledger, until half of what it had is gone. Rule 3: those
who are stuck have half of the window, all together. Rule 4: where they are so many that each cannot have one place of
it, those that come last are parked: nobody of theirs is here, until a quarter of the window is left to the stuck.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from maildrill.sender.plan import Waiting
from maildrill.sender.queues import Queues, Site

_PARKED = -1


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """A site that is left out of pages. low: it is let in again when no more of it wait here; PARKED: see rule 4."""

    site: Site
    low: int


class Window:
    """The recipients that are here, at most `size` of them. held: how many are, those in a transaction included."""

    def __init__(self, size: int, queues: Queues) -> None:
        self.size = size
        self.held = 0
        self._queues = queues
        self._out: dict[str, _LeftOut] = {}
        self._parked = False  # whether any of them is

    @property
    def names(self) -> frozenset[str]:
        """The domains, or the accounts, that are left out of the next page."""
        return frozenset(name for out in self._out.values() for name in out.site.queues)

    @property
    def hungry(self) -> bool:
        """Whether somebody who was left out is to be let in again."""
        if self._parked and self.held <= self.size // 4:
            return True
        return bool(self._out) and any(_waits(out.site) <= out.low for out in self._out.values())

    @property
    def wants(self) -> bool:
        """Whether half of what those who are left out do not need is free."""
        stuck = sum(_waits(out.site) for out in self._out.values()) if self._out else 0
        return self.held - stuck <= (self.size - stuck) // 2

    @property
    def room(self) -> int:
        """How long the next page may be: so that nobody in it gets more than is left free, if all are of one site."""
        free = self.size - self.held
        if self._queues.site_of is None:
            return free
        biggest = max((_waits(site) for label, site in self._sites().items() if label not in self._out), default=0)
        return max((free - biggest) // 2, min(free, 1))

    def let_in(self) -> None:
        """Leave nobody out any more of whom too few are here."""
        if self._parked:
            stuck = sum(_waits(site) for site in self._sites().values() if site.stuck)
            self._parked = stuck > self.size // 4
        self._out = {
            label: out
            for label, out in self._out.items()
            if _waits(out.site) > out.low and (self._parked or out.low != _PARKED)
        }

    def balance(self) -> tuple[list[Waiting], bool]:
        """Give out whom sites have beyond their share, and leave out who has more than half of what is free.

        Returns them, those whose turns come last; and whether somebody is left out who was not.
        """
        sites, before = self._sites(), self._out
        sizes = {label: _waits(site) for label, site in sites.items()}
        most = self._shares(sites, sizes)
        gone = [waiting for label, site in sites.items() for waiting in _shed(site, sizes[label] - most[label])]
        self.held -= len(gone)
        free = self.size - self.held
        self._out = {label: out for label, out in before.items() if out.low == _PARKED and label not in sizes}
        for label, size in sizes.items():
            if not most[label]:
                self._out[label] = _LeftOut(sites[label], _PARKED)
                self._parked = True
                continue
            low = min(size, most[label]) // 2
            if label in before:
                low = min(low, before[label].low)
            elif size <= most[label] and size * 2 <= (most[label] if sites[label].stuck else free):
                continue
            self._out[label] = _LeftOut(sites[label], low)
        return gone, not self._out.keys() <= before.keys()

    def _shares(self, sites: Mapping[str, Site], sizes: Mapping[str, int]) -> dict[str, int]:
        """Return how many each may have: of those who are stuck, all together half of the window."""
        half = self.size // 2
        stuck = [label for label in sizes if sites[label].stuck]
        parked = dict.fromkeys(stuck[half:], 0)
        little = share((sizes[label] for label in stuck[:half]), half)
        left = [min(size, parked.get(label, little)) if sites[label].stuck else size for label, size in sizes.items()]
        most = share(left, self.size)
        return {label: parked.get(label, min(little, most)) if site.stuck else most for label, site in sites.items()}

    def _sites(self) -> dict[str, Site]:
        found: dict[str, Site] = {}
        if self._queues.site_of is not None:
            for queue in self._queues.filled():
                site = self._queues.site_of(queue)
                found[site.label] = site
        return found


def share(sizes: Iterable[int], window: int) -> int:
    """Return how many each may have so that nobody has more than is left free of `window`; at least one."""
    left = sorted(sizes)
    for place, size in enumerate(left):
        most = window // (len(left) - place + 1)
        if most < size:
            return max(most, 1)
        window -= size
    return max(window, 1)


def _waits(site: Site) -> int:
    return sum(len(queue.agenda) for queue in site.queues.values())


def _shed(site: Site, beyond: int) -> list[Waiting]:
    """Give out so many; of several domains the one of which most wait gives first."""
    gone: list[Waiting] = []
    for queue in sorted(site.queues.values(), key=lambda queue: -len(queue.agenda)) if beyond > 0 else ():
        gone += queue.agenda.shed(max(len(queue.agenda) - (beyond - len(gone)), 0))
    return gone
