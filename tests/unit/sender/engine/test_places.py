"""Who gets a place, and who gives its own up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from maildrill.sender.pacing.promptness import GRACE, Promptness
from maildrill.sender.places import REST, TURN, TURN_SECONDS, Load, Places, Taken, load_of


@dataclass(frozen=True)
class Host:
    """A destination, as places see it."""

    name: str
    tardy: bool = False
    stranger: bool = False
    heard_out: float = 0.0


A, B, C = Host("a"), Host("b"), Host("c")
SLOW, DEAD = Host("slow", tardy=True, heard_out=50.0), Host("dead", tardy=True, heard_out=20.0)
NEW, NEWER = Host("new", stranger=True), Host("newer", stranger=True)
NOW = 100.0


def _taken(party: Host, number: int = 1, **given: float) -> Taken[Host]:
    plain: dict[str, float] = {"begun": NOW, "since": NOW, "turns": 0}
    facts = {**plain, **given}
    return Taken(
        party=party,
        number=number,
        begun=facts["begun"],
        since=facts["since"],
        turns=int(facts["turns"]),
        firm=bool(facts.get("firm")),
        leaving=bool(facts.get("leaving")),
    )


def _turns(places: Places[Host], *line: Host, late: int = 0, risky: int = 0) -> str:
    return " ".join(one.name for one in places.in_turn(line, lambda: Load(late, risky)))


def _late(count: int) -> Callable[[], Load]:
    return lambda: Load(count, count)


def test_the_prompt_wait_in_line_and_the_tardy_behind_them() -> None:
    """Of the tardy, whoever was heard out longest ago is next."""
    assert _turns(Places(4), SLOW, A, DEAD, B, late=2) == "a b dead slow"


def test_the_tardy_go_first_as_long_as_they_have_less_than_their_share() -> None:
    """Half of the places are theirs while others wait."""
    assert _turns(Places(4), A, SLOW, DEAD, late=1) == "dead slow a"


@pytest.mark.parametrize(("count", "share"), [(1, 1), (2, 1), (3, 1), (4, 2), (20, 10)])
def test_half_of_the_places_is_the_share(count: int, share: int) -> None:
    """Of a single one half the time."""
    assert Places(count).share == share


def test_no_more_than_there_are() -> None:
    """Whoever it is for."""
    places: Places[Host] = Places(2)

    assert places.free_for(A, NOW, 1, _late(1))
    assert not places.free_for(A, NOW, 2, _late(0))


def test_the_tardy_may_have_all_places_while_nobody_else_wants_them() -> None:
    """But not within a minute of somebody prompt having had to wait."""
    places: Places[Host] = Places(4)
    two = [_taken(DEAD), _taken(DEAD)]
    free = [places.free_for(SLOW, NOW, 2, _late(2))]
    places.giving_way(NOW, [*two, *two], [A])
    free += [places.free_for(SLOW, at, 2, _late(2)) for at in (NOW, NOW + REST)]

    assert free == [True, False, True]
    assert places.free_for(SLOW, NOW, 2, _late(1))
    assert places.next_moment(NOW, two, [SLOW]) == NOW + REST


def test_who_is_late_beyond_the_share_gives_way_the_last_one_first() -> None:
    """As many as wait; those who began first are heard out."""
    taken = [_taken(host, number, since=NOW - GRACE) for number, host in enumerate((DEAD, A, SLOW, B), 1)]

    assert [one.number for one in Places[Host](4).giving_way(NOW, taken, [C])] == [4]
    assert [one.number for one in Places[Host](4).giving_way(NOW, taken, [C, Host("d"), Host("e")])] == [4, 3]


def test_nobody_gives_way_twice_nor_with_a_message_on_its_way_nor_for_itself_nor_for_the_tardy() -> None:
    """Nor before it is late."""
    late = NOW - GRACE
    two: list[Taken[Host]] = [_taken(DEAD, 1), _taken(DEAD, 2)]
    places: Places[Host] = Places(4)

    assert places.giving_way(NOW, [*two, _taken(A, 3, since=late), _taken(B, 4, since=late, leaving=1)], [C]) == []
    assert places.giving_way(NOW, [*two, _taken(A, 3, since=late, firm=1)], [C]) == []
    assert places.giving_way(NOW, [*two, _taken(A, 3, since=late)], [A]) == []
    assert places.giving_way(NOW, [*two, _taken(A, 3, since=late)], [SLOW]) == []
    assert places.giving_way(NOW, [*two, _taken(A, 3, since=late + 0.1)], [C]) == []


@pytest.mark.parametrize(("count", "trust"), [(1, 1), (2, 2), (3, 3), (4, 3), (20, 15)])
def test_a_quarter_of_the_places_is_for_those_that_are_known(count: int, trust: int) -> None:
    """Of three there is none."""
    assert Places(count).trust == trust


def test_strangers_wait_in_line_as_long_as_enough_places_are_left() -> None:
    """Else they let those pass that are known to serve."""
    assert _turns(Places(4), NEW, A, NEWER, B, risky=2) == "new a newer b"
    assert _turns(Places(4), NEW, A, NEWER, B, risky=3) == "a b new newer"
    assert _turns(Places(4), SLOW, NEW, A, late=2, risky=3) == "a new slow"


def test_a_stranger_gets_no_place_that_somebody_known_wants() -> None:
    """Beyond three quarters; where nobody else wants it, it may have it."""
    places: Places[Host] = Places(4)

    assert not places.free_for(NEW, NOW, 3, _late(3), known=True)
    assert places.free_for(NEW, NOW, 3, _late(2), known=True)
    assert places.free_for(NEW, NOW, 3, _late(3))
    assert places.free_for(A, NOW, 3, _late(3), known=True)


def test_strangers_and_whoever_is_late_are_risky() -> None:
    """Their sessions may last until the deadline for the dot."""
    taken = [_taken(A), _taken(B, since=NOW - GRACE), _taken(NEW), _taken(SLOW)]

    assert load_of(taken, NOW) == Load(late=2, risky=3)


def _over(one: Taken[Host], *waiting: Host, others: tuple[Taken[Host], ...] = (), count: int = 2) -> bool:
    taken = [one, *others, *[_taken(C, 9) for _ in range(count - 1 - len(others))]]
    return Places[Host](count).had_its_turn(one, NOW, taken, waiting)


def test_a_turn_is_so_many_transactions_or_seconds() -> None:
    """And ends only where somebody else waits, and no place is free."""
    assert _over(_taken(A, turns=TURN), B)
    assert _over(_taken(A, turns=1, begun=NOW - TURN_SECONDS), B)
    assert not _over(_taken(A, begun=NOW - TURN_SECONDS), B)
    assert not _over(_taken(A, turns=TURN - 1), B)
    assert not _over(_taken(A, turns=TURN), A)
    assert not Places[Host](2).had_its_turn(_taken(A, turns=TURN), NOW, [_taken(A)], [B])


def test_no_room_is_made_for_who_would_not_get_it() -> None:
    """The tardy have their share already; beyond it, a tardy one leaves after each transaction."""
    assert not _over(_taken(A, turns=TURN), SLOW, others=(_taken(DEAD, 2),))
    assert _over(_taken(A, turns=TURN), SLOW)
    assert _over(_taken(SLOW, turns=1), B, others=(_taken(DEAD, 2),))
    assert not _over(_taken(SLOW, turns=1), B)
    assert _over(_taken(SLOW, turns=TURN), DEAD)


def test_no_room_is_made_for_a_stranger_that_would_not_get_it() -> None:
    """The quarter of those that are known is theirs."""
    three = (_taken(NEW, 2), _taken(NEW, 3), _taken(NEWER, 4))

    assert not _over(_taken(A, turns=TURN), NEWER, others=three, count=4)
    assert _over(_taken(A, turns=TURN), NEWER, B, others=three, count=4)
    assert _over(_taken(A, turns=TURN), NEWER, others=three[1:], count=4)
    assert _over(_taken(NEW, turns=TURN), NEWER, others=three, count=4)


def test_of_a_single_place_the_tardy_have_half_the_time() -> None:
    """What they had beside others is given to those first; who gives way was one of the others."""
    places: Places[Host] = Places(1)
    shares = [places.share]
    places.ended(_taken(DEAD, begun=NOW - 10.0), NOW, [A])
    shares.append(places.share)
    places.ended(_taken(A, begun=NOW - 4.0), NOW, [DEAD])
    places.ended(_taken(B, begun=NOW - 5.0, since=NOW - 5.0, leaving=1), NOW, [DEAD])
    shares.append(places.share)
    places.ended(_taken(A, begun=NOW - 2.0), NOW, [DEAD])
    places.ended(_taken(DEAD, begun=NOW - 9.0), NOW, [SLOW])
    shares.append(places.share)

    assert shares == [1, 0, 0, 1]


def test_of_several_places_no_account_is_kept() -> None:
    """Each has its own."""
    places: Places[Host] = Places(2)
    places.ended(_taken(DEAD, begun=NOW - 10.0), NOW, [A])

    assert places.share == 1


def test_places_are_looked_at_again_when_somebody_gets_late() -> None:
    """If somebody prompt waits."""
    places: Places[Host] = Places(2)
    taken = [_taken(A, since=NOW - 1.0), _taken(B, since=NOW - 9.0)]

    assert places.next_moment(NOW, taken, [C]) == NOW - 1.0 + GRACE
    assert places.next_moment(NOW, taken, [SLOW]) is None


def test_what_a_destination_did_last_says_whether_it_is_prompt() -> None:
    """Too long a time makes it tardy, a short one prompt; a failure at once says nothing."""
    prompt, tardy = Promptness(), Promptness().took(GRACE, served=True)

    assert (prompt.tardy, tardy.tardy) == (False, True)
    assert tardy.took(GRACE - 0.1, served=True) == tardy
    assert (prompt.took(1.0, served=False), tardy.took(1.0, served=False)) == (prompt, tardy)
    assert prompt.took(1.0, served=True).took(GRACE, served=True) == Promptness(tardy=True, stranger=False)
    assert tardy.took(1.0, served=True) == Promptness(stranger=False)
    assert prompt.ended(NOW).heard_out == NOW
