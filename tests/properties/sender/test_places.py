"""Whatever destinations do, whoever waits gets a place: `Places` played with destinations of all kinds.

The play has rules of its own, and no sender: sessions are begun in turn, each serves or hangs as its destination does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maildrill.sender.pacing.promptness import GRACE, Promptness
from maildrill.sender.places import REST, TURN_SECONDS, Load, Places, Taken, load_of

#: No session keeps a place for longer, unless it is asked to leave: the deadline for a greeting.
DEADLINE = 300.0


@dataclass(eq=False)
class Host:
    """A destination that greets after so long and has so many messages of so many seconds; none: it never answers."""

    name: int
    greeting: float
    seconds: float
    messages: int
    begins: float
    promptness: Promptness = field(default_factory=Promptness)
    served: list[float] = field(default_factory=list)
    heard: int = 0  # sessions that ended by themselves
    sessions: int = 0

    @property
    def tardy(self) -> bool:
        """As places ask."""
        return self.promptness.tardy

    @property
    def stranger(self) -> bool:
        """As places ask."""
        return self.promptness.stranger

    @property
    def heard_out(self) -> float:
        """As places ask."""
        return self.promptness.heard_out

    @property
    def waits(self) -> bool:
        """Whether there is something to do that no session has."""
        if not self.messages:
            return self.heard < 2 and not self.sessions
        return len(self.served) + self.sessions < self.messages


@dataclass(eq=False)
class Session:
    """One that is under way: its next step is over at `until`."""

    host: Host
    number: int
    begun: float
    since: float
    until: float
    turns: int = 0
    open: bool = False

    def taken(self) -> Taken[Host]:
        """As places are told."""
        return Taken(party=self.host, number=self.number, begun=self.begun, since=self.since, turns=self.turns)


class Play:
    """A run, from one moment at which anything happens to the next."""

    def __init__(self, hosts: list[Host], connections: int) -> None:
        self.hosts = hosts
        self.places: Places[Host] = Places(connections)
        self.sessions: list[Session] = []
        self.most = 0
        self.now = 0.0
        self._line: list[Host] = []
        self._numbers = count(1)

    def run(self, until: float) -> None:
        """Play for so long, or until nothing is left to do."""
        while self.now <= until:
            self._begin()
            moments = [one.until for one in self.sessions]
            moments += [one.begins for one in self.hosts if one.begins > self.now]
            next_moment = self.places.next_moment(self.now, self._taken(), self._waiting())
            if next_moment is not None:
                moments.append(next_moment)
            if not moments:
                return
            self.now = min(moments)
            for one in [one for one in self.sessions if one.until <= self.now]:
                self._step(one)

    def _load(self) -> Load:
        return load_of(self._taken(), self.now)

    def _taken(self) -> list[Taken[Host]]:
        return [one.taken() for one in self.sessions]

    def _waiting(self) -> list[Host]:
        wanting = [one for one in self.hosts if one.begins <= self.now and one.waits]
        self._line = [one for one in self._line if one in wanting]
        self._line += [one for one in wanting if one not in self._line]
        return self._line

    def _begin(self) -> None:
        progress = True
        while progress:
            progress = known = False
            for host in list(self.places.in_turn(list(self._waiting()), self._load)):
                taken = len(self.sessions)
                if host.waits and self.places.free_for(host, self.now, taken, self._load, known=known):
                    seconds = host.greeting if host.messages else DEADLINE
                    self.sessions.append(Session(host, next(self._numbers), self.now, self.now, self.now + seconds))
                    host.sessions += 1
                    self._line.remove(host)
                    progress = True
                    known |= not host.stranger
        self.most = max(self.most, len(self.sessions))
        leaving = self.places.giving_way(self.now, self._taken(), self._waiting()) if self._waiting() else []
        for one in [one for one in self.sessions if one.number in {gone.number for gone in leaving}]:
            one.host.promptness = one.host.promptness.took(self.now - one.since, served=False)
            self._end(one)
        if leaving:
            self._begin()

    def _step(self, one: Session) -> None:
        host = one.host
        if one.open and host.messages:
            host.served.append(self.now)
            one.turns += 1
        if one.open or not host.messages:
            host.promptness = host.promptness.took(self.now - one.since, served=bool(host.messages))
        one.open = True
        one.since = self.now
        over = not host.messages or len(host.served) + host.sessions > host.messages
        if over or self.places.had_its_turn(one.taken(), self.now, self._taken(), self._waiting()):
            host.heard += 1
            host.promptness = host.promptness.ended(self.now)
            self._end(one)
        else:
            one.until = self.now + host.seconds

    def _end(self, one: Session) -> None:
        self.places.ended(one.taken(), self.now, self._waiting())
        self.sessions.remove(one)
        one.host.sessions -= 1


Kind = tuple[float, float, int, float]


def _hosts(kinds: list[Kind]) -> list[Host]:
    return [Host(name, *kind) for name, kind in enumerate(kinds)]


GREETING = st.one_of(st.floats(0.0, 1.0), st.floats(0.0, DEADLINE))
PROMPT = st.tuples(GREETING, st.floats(0.01, GRACE - 0.1), st.integers(1, 40), st.floats(0, 900))
SLOW = st.tuples(GREETING, st.floats(GRACE, 120.0), st.integers(1, 5), st.floats(0, 900))
DEAD = st.tuples(GREETING, st.just(DEADLINE), st.just(0), st.floats(0, 900))


@settings(max_examples=150)
@given(kinds=st.lists(st.one_of(PROMPT, SLOW, DEAD), min_size=1, max_size=25), connections=st.integers(1, 6))
def test_everybody_is_served_and_heard_out_and_there_are_never_too_many(kinds: list[Kind], connections: int) -> None:
    """Whoever has something to say: nobody starves, the slow and the dead no more than the others."""
    play = Play(_hosts(kinds), connections)
    work = sum(
        (seconds + greeting) * messages if messages else 2 * DEADLINE for greeting, seconds, messages, _ in kinds
    )
    play.run(900.0 + 4 * work + 20 * (REST + DEADLINE))

    assert play.most <= connections
    assert [len(host.served) for host in play.hosts] == [host.messages for host in play.hosts]
    assert all(host.heard >= 2 for host in play.hosts if not host.messages)


@settings(max_examples=60)
@given(dead=st.integers(0, 40), connections=st.integers(2, 8), messages=st.integers(1, 100))
def test_a_prompt_host_waits_for_a_few_seconds_for_each_dead_one_before_it(
    dead: int, connections: int, messages: int
) -> None:
    """Not for their deadlines: half of the places ask one after the other, for GRACE seconds each."""
    play = Play(_hosts([(0.0, DEADLINE, 0, 0.0)] * dead + [(0.0, 0.1, messages, 0.0)]), connections)
    play.run(1e6)
    rounds = -(-max(dead - connections + 1, 0) // (connections - connections // 2))

    assert play.hosts[-1].served[-1] <= GRACE * rounds + 0.1 * messages + 0.01


@settings(max_examples=30)
@given(slow=st.integers(1, 12), connections=st.integers(2, 8))
def test_whoever_comes_when_the_tardy_have_all_places_gets_one_at_once(slow: int, connections: int) -> None:
    """They were there alone for long; no deadline of theirs is waited for."""
    play = Play(_hosts([(0.0, 60.0, 50, 0.0)] * slow + [(0.0, 0.1, 20, 600.0)]), connections)
    play.run(1e6)

    assert play.hosts[-1].served[-1] - 600.0 <= 0.1 * 20 + 0.01


@pytest.mark.parametrize("connections", [1, 2, 4])
def test_a_host_that_always_has_something_to_do_does_not_starve_the_others(connections: int) -> None:
    """A slow one beside it goes on, by its share; so does another one that is prompt."""
    play = Play(_hosts([(0.0, 0.1, 100_000, 0.0), (0.0, 60.0, 4, 0.0), (0.0, 0.1, 30, 0.0)]), connections)
    play.run(1200.0)

    assert (len(play.hosts[1].served), len(play.hosts[2].served)) == (4, 30)
    assert play.hosts[2].served[-1] <= 60.0 + 2 * TURN_SECONDS


@given(
    kinds=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12), late=st.integers(0, 3), new=st.integers(0, 3)
)
def test_order_in_line_is_kept(kinds: list[tuple[bool, bool]], late: int, new: int) -> None:
    """Everybody is looked at once: strangers and those that are known in the order of the line, the tardy by another.

    While few sessions are risky, strangers and the known are one line. The tardy come as they were heard.
    """
    line = [
        Host(n, 0.0, 1.0, 1, 0.0, Promptness(tardy=tardy, stranger=stranger, heard_out=-n))
        for n, (tardy, stranger) in enumerate(kinds)
    ]
    found = list(Places[Host](4).in_turn(line, lambda: Load(late, late + new)))
    prompt, before = [one for one in found if not one.tardy], [one for one in line if not one.tardy]

    assert [one for one in prompt if one.stranger] == [one for one in before if one.stranger]
    assert [one for one in prompt if not one.stranger] == [one for one in before if not one.stranger]
    assert prompt == before or late + new >= 3
    assert [one for one in found if one.tardy] == [one for one in reversed(line) if one.tardy]
