"""Defects seeded in the sender that only a pair of drills tells: for each its plan, and the invariant it breaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Plan
from maildrill.scenarios.fake_dns import Records
from maildrill.scenarios.mutants.defects import CAMPAIGN
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.pairs import compare
from maildrill.sender.campaign import Account, Limits, Member, Mode, Route, RouteKind
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import RecipientList, Row
from maildrill.sender.places import Places
from maildrill.sender.route.answers import Mx
from maildrill.sender.route.ways import Accounts
from maildrill.sender.summary import Violation
from maildrill.sender.window import Window

SILENT = '[[rule]]\nat = "banner"\nwait = "2h"\n'
MUTE = '[[rule]]\nat = "dot"\nwait = "2h"\n'
#: Recipients that these drills have in memory, and how many of a dead domain are due before anybody else.
WINDOW, DEAD = 20, 30


def fills_its_memory_with_the_dead(patch: Patching) -> None:
    """Lease in order of due alone, as if everybody could be served."""
    patch.setattr(Window, "room", property(lambda window: window.size - window.held))
    patch.setattr(Window, "balance", lambda _: ([], False))


def dead_in_front() -> Plan:
    """Return a plan in which more of a dead domain come first than memory holds; five of another one follow."""
    return _direct({"dead.test": DEAD}, alive=5)


def parks_nobody(patch: Patching) -> None:
    """Give every dead domain one recipient in memory, however many of them there are."""
    honest = Window._shares

    def shares(window: Window, *sites: Any) -> dict[str, int]:
        return {label: max(most, 1) for label, most in honest(window, *sites).items()}

    patch.setattr(Window, "_shares", shares)


def dead_in_all_memory() -> Plan:
    """Return a plan in which more domains are dead than recipients are in memory; another one comes behind them."""
    return _direct({f"dead{n}.test": 1 for n in range(WINDOW + 1)}, alive=5)


def takes_the_accounts_for_one(patch: Patching) -> None:
    """Lease in order of due alone where accounts share the list."""
    patch.setattr(Accounts, "site_of", property(lambda _: None))


def dead_account() -> Plan:
    """Return a plan in which one of two accounts in rotation never answers; half of the list is its own."""
    hosts = {"dead.test": SILENT, "alive.test": ""}
    route = Route(kind=RouteKind.ROTATION, members=tuple(Member(account=Account(host=host)) for host in hosts))
    return _planned(route, [f"r{n}@x.test" for n in range(2 * DEAD)], hosts)


def has_nobody_give_way(patch: Patching) -> None:
    """Leave every session its place for as long as it likes."""
    patch.setattr(Places, "giving_way", lambda *_: [])


def dead_in_all_places() -> Plan:
    """Return a plan in which more domains are dead than there are places; one that is not comes behind them."""
    return _direct({f"dead{n}.test": 1 for n in range(10)}, alive=5)


def trusts_strangers(patch: Patching) -> None:
    """Give all places to whoever comes, though each of them may keep its own for ten minutes."""
    patch.setattr(Places, "trust", property(lambda places: places.count + 1))


def mute_in_all_places() -> Plan:
    """Return a plan in which domains are mute behind the dot, more than there are places; another one serves before."""
    return _direct({f"mute{n}.test": 1 for n in range(10)}, alive=100, first=1, rules=MUTE)


def _direct(dead: Mapping[str, int], *, alive: int, first: int = 0, rules: str = SILENT) -> Plan:
    """Return a plan in which so many of each of these domains come first, and so many of another one follow.

    first: so many of that one come before all. rules: of the hosts of the others.
    """
    domains = {**dict.fromkeys(dead, rules), "alive.test": ""}
    people = [f"f{n}@alive.test" for n in range(first)]
    people += [f"r{n}@{name}" for name, many in {**dead, "alive.test": alive}.items() for n in range(many)]
    plan = _planned(Route(kind=RouteKind.DIRECT), people, {f"mx.{name}": rules for name, rules in domains.items()})
    return replace(plan, dns={name: Records(mx=(Mx(10, f"mx.{name}"),)) for name in domains})


def _planned(route: Route, people: Sequence[str], hosts: Mapping[str, str]) -> Plan:
    return Plan(
        campaign=replace(CAMPAIGN, route=route, mode=Mode.BATCH, limits=Limits(connections=4)),
        script=read_script("version = 1\n", "mx.toml"),
        recipients=RecipientList(tuple(Row(n, one, {}) for n, one in enumerate(people, start=2)), (), ("Email",)),
        hosts={host: read_script(f"version = 1\n{rules}", "mx.toml") for host, rules in hosts.items()},
    )


@dataclass(frozen=True, slots=True)
class PairDefect:
    """A defect, the plan of the first drill, and the invariant that must be found violated by the pair."""

    seed: Callable[[Patching], None]
    plan: Callable[[], Plan]
    number: int


PAIR_DEFECTS: tuple[PairDefect, ...] = (
    PairDefect(fills_its_memory_with_the_dead, dead_in_front, 45),
    PairDefect(takes_the_accounts_for_one, dead_account, 45),
    PairDefect(has_nobody_give_way, dead_in_all_places, 45),
    PairDefect(trusts_strangers, mute_in_all_places, 45),
    PairDefect(parks_nobody, dead_in_all_memory, 45),
)


def found_by_pair(defect: PairDefect, *, seeded: bool = True) -> tuple[Violation, ...]:
    """Return what the pair violates, with the defect or without it."""
    with Patching() as patch:
        patch.setattr(SqliteLedger, "window", WINDOW)
        if seeded:
            defect.seed(patch)
        return compare(defect.plan(), defect.number)
