"""How many of each destination are in memory: nobody keeps everybody else out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.plan import Waiting
from maildrill.sender.queues import Queue, Queues, Site, Unknown
from maildrill.sender.window import Window, share
from maildrill.smtp import domain_of

Person = Callable[..., Waiting]


def _window(size: int, *, shared: tuple[str, ...] = (), stuck: tuple[str, ...] = ()) -> tuple[Window, Queues]:
    """A window of `size`, and its queues; shared: domains that are one site. stuck: those that are."""
    queues = Queues()
    queues.name_of = lambda waiting: domain_of(waiting.address)

    def site_of(queue: Queue) -> Site:
        if queue.name in shared:
            return Unknown("site", {name: queues[name] for name in shared})
        return Unknown(queue.name, {queue.name: queue}, stuck=queue.name in stuck)

    queues.site_of = site_of
    return Window(size, queues), queues


@pytest.fixture
def take(waiting: Person) -> Callable[..., None]:
    """Take in so many of a domain; the keys go on from the last one."""
    keys = iter(range(1, 10_000))

    def add(window: Window, queues: Queues, domain: str, count: int) -> None:
        for key in (next(keys) for _ in range(count)):
            one = waiting(key, float(key))
            queues.add(Waiting(one.key, f"r{key}@{domain}", 0.0, one.standing))
        window.held += count

    return add


Take = Callable[..., None]


@pytest.mark.parametrize(
    ("sizes", "window", "most"),
    [([], 9, 9), ([3], 9, 6), ([9], 9, 4), ([9, 9], 9, 3), ([1, 9], 9, 4), ([2, 2, 9], 10, 3), ([5] * 9, 5, 1)],
)
def test_each_may_have_as_much_as_is_left_free(sizes: list[int], window: int, most: int) -> None:
    """Those who want less than their share leave it to the others; everybody may have one."""
    assert share(sizes, window) == most


@given(sizes=st.lists(st.integers(0, 400), max_size=30), window=st.integers(50, 500))
def test_there_is_always_room_for_one_more(sizes: list[int], window: int) -> None:
    """What is left free, whoever wants how much, is what each may have."""
    most = share(sizes, window)

    assert window - sum(min(size, most) for size in sizes) >= min(most, window // (len(sizes) + 1))


def test_one_site_has_half_and_is_left_out(take: Take) -> None:
    """It gives back those whose turns come last; the next page is for others."""
    window, queues = _window(10)
    take(window, queues, "a.test", 8)
    gone, fresh = window.balance()

    assert [one.address for one in gone] == ["r6@a.test", "r7@a.test", "r8@a.test"]
    assert (fresh, window.names, window.held, window.room) == (True, frozenset({"a.test"}), 5, 2)
    assert window.balance() == ([], False)


def test_whoever_comes_later_gets_as_much(take: Take) -> None:
    """Two have a third each."""
    window, queues = _window(9)
    for domain in ("a.test", "b.test"):
        take(window, queues, domain, 4)
        window.balance()

    assert {queue.name: len(queue.agenda) for queue in queues} == {"a.test": 3, "b.test": 3}
    assert window.names == {"a.test", "b.test"}


def test_half_of_it_gone_lets_a_site_in_again(take: Take) -> None:
    """And not before: pages are not asked for one by one."""
    window, queues = _window(10)
    take(window, queues, "a.test", 8)
    window.balance()
    hungry = []
    for _ in range(3):
        hungry.append(window.hungry)
        queues["a.test"].agenda.take(99.0, 1)
    window.let_in()

    assert hungry == [False, False, False]
    assert window.names == frozenset()


def test_who_is_let_in_again_at_half_of_the_least_that_it_had(take: Take) -> None:
    """A share that others made smaller does not count as progress, nor one that grew again as its part."""
    window, queues = _window(30)
    take(window, queues, "a.test", 20)
    window.balance()
    take(window, queues, "b.test", 15)
    window.balance()
    lows = []
    for waits in (9, 5):
        window.held -= len(queues["a.test"].agenda.take(99.0, len(queues["a.test"].agenda) - waits))
        lows.append(window.hungry)

    assert lows == [False, True]


def test_who_has_little_is_not_left_out(take: Take) -> None:
    """Half of what is free, and more may come."""
    window, queues = _window(10)
    take(window, queues, "a.test", 3)

    assert window.balance() == ([], False)
    assert (window.names, window.room) == (frozenset(), 2)


def test_who_is_stuck_does_not_count(take: Take) -> None:
    """More is wanted when half of the rest is free."""
    window, queues = _window(10)
    take(window, queues, "a.test", 8)
    window.balance()
    wants = [window.wants]
    for domain in ("b.test", "c.test", "d.test"):
        take(window, queues, domain, 1)
        wants.append(window.wants)

    assert wants == [True, True, True, False]


def test_domains_of_one_site_give_as_one(take: Take) -> None:
    """The one of which most wait gives first; all of them are left out."""
    window, queues = _window(10, shared=("a.test", "b.test", "c.test"))
    take(window, queues, "a.test", 6)
    take(window, queues, "b.test", 3)
    gone, _ = window.balance()

    assert [domain_of(one.address) for one in gone] == ["a.test"] * 4
    assert window.names == {"a.test", "b.test", "c.test"}


def test_several_domains_of_a_site_may_have_to_give(take: Take) -> None:
    """Where the one of which most wait has too few."""
    window, queues = _window(4, shared=("a.test", "b.test", "c.test"))
    for domain in ("a.test", "b.test", "c.test"):
        take(window, queues, domain, 1)
    take(window, queues, "c.test", 1)
    gone, _ = window.balance()

    assert len(gone) == 2


def test_those_who_are_stuck_have_half_of_it_together(take: Take) -> None:
    """However many they are; they are left out, and the page after that is for others."""
    stuck = tuple(f"s{n}.test" for n in range(5))
    window, queues = _window(40, stuck=stuck)
    for domain in stuck:
        take(window, queues, domain, 7)
    wanted = window.wants
    gone, fresh = window.balance()

    assert (wanted, len(gone), fresh) == (False, 20, True)
    assert {len(queue.agenda) for queue in queues} == {3}
    assert (window.names, window.wants, window.room) == (frozenset(stuck), True, 12)


def test_who_is_stuck_with_little_is_let_in_again(take: Take) -> None:
    """With half of its share gone; the others have all that those leave."""
    window, queues = _window(40, stuck=("s.test",))
    take(window, queues, "s.test", 20)
    take(window, queues, "a.test", 9)
    window.balance()
    queues["s.test"].agenda.take(99.0, 6)
    window.held -= 6
    window.let_in()
    named = [window.names]
    window.balance()

    assert [*named, window.names] == [frozenset(), frozenset()]


def test_a_single_account_is_never_left_out(take: Take) -> None:
    """All the window is its own."""
    window, queues = _window(10)
    queues.site_of = None
    take(window, queues, "a.test", 8)

    assert window.balance() == ([], False)
    assert (window.names, window.room, window.wants) == (frozenset(), 2, False)


def _many_stuck(take: Take, size: int, stuck: int) -> tuple[Window, Queues]:
    names = [f"dead{number}.test" for number in range(stuck)]
    window, queues = _window(size, stuck=tuple(names))
    for name in names:
        take(window, queues, name, 1)
    return window, queues


def test_of_more_stuck_sites_than_half_of_the_window_has_places_the_last_are_parked(take: Take) -> None:
    """Nobody of theirs stays, and none is asked for."""
    window, queues = _many_stuck(take, 8, 7)
    gone, fresh = window.balance()

    assert [one.address.partition("@")[2] for one in gone] == ["dead4.test", "dead5.test", "dead6.test"]
    assert fresh
    assert window.names >= {"dead4.test", "dead5.test", "dead6.test"}
    assert (window.held, len(queues)) == (4, 4)


def test_the_parked_come_back_when_few_of_the_stuck_are_left(take: Take) -> None:
    """A quarter of the window; it is looked at with each page, and at once where no more than that is here at all."""
    window, queues = _many_stuck(take, 8, 7)
    window.balance()
    parked = {"dead4.test", "dead5.test", "dead6.test"}
    seen = []
    for number in range(2):
        window.let_in()
        window.balance()
        seen.append((window.hungry, parked <= window.names))
        queues[f"dead{number}.test"].agenda.clear()
        window.held -= 1
    hungry = window.hungry
    window.let_in()

    assert seen == [(False, True), (False, True)]
    assert hungry
    assert not parked & window.names
