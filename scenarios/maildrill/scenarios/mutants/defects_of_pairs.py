"""Defects seeded in the sender that only a pair of drills tells: for each its plan, and the invariant it breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Plan
from maildrill.scenarios.fake_dns import Records
from maildrill.scenarios.mutants.defects import CAMPAIGN
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.pairs import compare
from maildrill.sender.campaign import Limits, Mode, Route, RouteKind
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import RecipientList, Row
from maildrill.sender.route.answers import Mx
from maildrill.sender.summary import Violation
from maildrill.sender.window import Window

#: Recipients that these drills have in memory, and how many of a dead domain are due before anybody else.
WINDOW, DEAD = 20, 30


def fills_its_memory_with_the_dead(patch: Patching) -> None:
    """Lease in order of due alone, as if everybody could be served."""
    patch.setattr(Window, "room", property(lambda window: window.size - window.held))
    patch.setattr(Window, "balance", lambda _: ([], False))


def dead_in_front() -> Plan:
    """Return a plan in which more of a dead domain come first than memory holds; five of another one follow."""
    domains = {"dead.test": '[[rule]]\nat = "banner"\nwait = "2h"\n', "alive.test": ""}
    people = [f"r{n}@dead.test" for n in range(DEAD)] + [f"r{n}@alive.test" for n in range(5)]
    return Plan(
        campaign=replace(CAMPAIGN, route=Route(kind=RouteKind.DIRECT), mode=Mode.BATCH, limits=Limits(connections=4)),
        script=read_script("version = 1\n", "mx.toml"),
        recipients=RecipientList(tuple(Row(n, one, {}) for n, one in enumerate(people, start=2)), (), ("Email",)),
        hosts={f"mx.{name}": read_script(f"version = 1\n{rules}", "mx.toml") for name, rules in domains.items()},
        dns={name: Records(mx=(Mx(10, f"mx.{name}"),)) for name in domains},
    )


@dataclass(frozen=True, slots=True)
class PairDefect:
    """A defect, the plan of the first drill, and the invariant that must be found violated by the pair."""

    seed: Callable[[Patching], None]
    plan: Callable[[], Plan]
    number: int


PAIR_DEFECTS: tuple[PairDefect, ...] = (PairDefect(fills_its_memory_with_the_dead, dead_in_front, 45),)


def found_by_pair(defect: PairDefect, *, seeded: bool = True) -> tuple[Violation, ...]:
    """Return what the pair violates, with the defect or without it."""
    with Patching() as patch:
        patch.setattr(SqliteLedger, "window", WINDOW)
        if seeded:
            defect.seed(patch)
        return compare(defect.plan(), defect.number)
