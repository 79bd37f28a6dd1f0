"""A drill that has no end is broken off, at the same place each time, and told as any violation is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import strategies as st

from maildrill.cli.main import main
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios import patience
from maildrill.scenarios.drill import Drilled
from maildrill.scenarios.event import Deed, Event
from maildrill.scenarios.failures import keep
from maildrill.scenarios.mutants.circumstances import TOO_MANY
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.mutants.seeded_pace import asks_for_ever_whoever_is_too_many_alone, never_goes_home
from maildrill.scenarios.proving.search import Order, search
from maildrill.scenarios.proving.swarm import prove
from maildrill.scenarios.scenario import Scenario, differences, listed
from maildrill.scenarios.telling.page import drilled_page
from maildrill.scenarios.world import Livelock
from maildrill.sender import retry, standing
from maildrill.sender.gate import Gate
from maildrill.sender.pacing.breaker import Breaker
from maildrill.sender.runner import Runner, RunSummary
from maildrill.sender.summary import Violation

REFUSED = '[[rule]]\nat = "rcpt"\nreply = "550 5.1.1 no"\n'
BUSY = '[[rule]]\nat = "rcpt"\nreply = "450 4.2.1 busy"\n'
DOWN = '[[rule]]\nat = "connect"\ncut = "refuse"\n'
#: Nobody can be told that he is too many, and the session ends with RSET: what follows is a session of its own.
ALONE = f'{TOO_MANY}[[rule]]\nat = "rset"\nreply = "500 5.5.1 what"\ncut = "after"\n'


def scenario(rules: str, *events: Event) -> Scenario:
    """Return what is played: two recipients."""
    script = read_script(f"version = 1\n{rules}", "mx.toml")
    return Scenario(listed=listed(["ann@x.test", "bob@x.test"]), script=script, events=events)


def drilled(rules: str, seed: Callable[[Patching], None], *events: Event) -> Drilled:
    """Return what a drill comes to with a defect in the sender."""
    with Patching() as patch:
        seed(patch)
        return scenario(rules, *events).run()


def dozing(seconds: float) -> Callable[[Patching], None]:
    """Return a defect: a run that does all it should, and then sleeps and wakes for ever."""

    def seed(patch: Patching) -> None:
        honest = Runner.run

        async def run(self: Runner) -> RunSummary:
            await honest(self)
            while True:
                await self._clock.sleep(seconds)

        patch.setattr(Runner, "run", run)

    return seed


def never_gives_up(patch: Patching) -> None:
    for module in (retry, standing):
        patch.setattr(module, "expiry", lambda *_: inf)


def storms(patch: Patching) -> None:
    never_gives_up(patch)
    patch.setattr(Breaker, "allows", lambda *_: True)
    patch.setattr(Gate, "allows", lambda _, __, sessions: sessions < 1)


@pytest.mark.parametrize(
    ("rules", "seed", "said"),
    [
        (ALONE, asks_for_ever_whoever_is_too_many_alone, "one recipient was named 1,"),
        (REFUSED, never_goes_home, "nothing came of anything for "),
        (BUSY, never_gives_up, "tries, and their lifetimes have room for "),
        (DOWN, storms, "connections, commands and questions; "),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_has_no_end_is_broken_off(rules: str, seed: Callable[[Patching], None], said: str) -> None:
    """For each way not to end there is a bound."""
    found = [one for one in drilled(rules, seed).summary.violations if one.invariant == "I60"]

    assert len(found) == 1
    assert said in found[0].finding


def test_the_same_drill_ends_at_the_same_place() -> None:
    """However fast the machine is."""
    one, other = (drilled(ALONE, asks_for_ever_whoever_is_too_many_alone) for _ in range(2))

    assert differences(one, other) == ()


def test_nor_may_timers_run_out_for_ever_and_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wakes and sleeps without a word has no end, however little time passes."""
    monkeypatch.setattr(patience, "_SILENT", 10_000)
    monkeypatch.setattr(patience, "_DRIPPED", 0)

    found = drilled("", dozing(0.001)).summary.violations

    assert [one.invariant for one in found] == ["I60"]
    assert "timers ran out and nothing was said; 10,000 is the most" in found[0].finding


@pytest.mark.parametrize("event", [Event(at=3600.0, do=Deed.STOP), Event(at=0.0, do=Deed.KILL, number=10**9)])
def test_a_run_before_the_last_is_broken_off_too(event: Event) -> None:
    """Where something happens to the sender meanwhile: it would never come to that."""
    found = drilled(ALONE, asks_for_ever_whoever_is_too_many_alone, event)

    assert "I60" in {one.invariant for one in found.summary.violations}


def test_it_is_told_with_what_was_said_last() -> None:
    """The page says who waits, how often it was named, and the last dialogue."""
    found = drilled(ALONE, asks_for_ever_whoever_is_too_many_alone)
    page = drilled_page(found.summary, found.evidence)

    assert "VIOLATED I60 an end" in page
    assert "claim, ledger  pending" in page
    assert "<** 452 4.5.3 too many recipients" in page


def test_prove_keeps_it_and_replay_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As any other failure: made small, kept, played again, and removed once it holds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(patience, "_NAMED", 100)
    order = Order(seed=1, seconds=600.0, known=frozenset(), folder=Path(".maildrill/failures"), scenarios=1)
    with Patching() as patch:
        asks_for_ever_whoever_is_too_many_alone(patch)
        finding = search(order, st.just(scenario(ALONE))).finding
        assert finding is not None
        shown = CliRunner().invoke(main, ["replay", str(finding.file)])

    assert (finding.invariants[0], finding.unstable) == ("I60", False)
    assert "violated: I60" in shown.stdout
    assert CliRunner().invoke(main, ["replay", str(finding.file)]).exit_code == 0


def test_what_is_cancelled_and_goes_on_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that does not even end then leaves nothing to judge."""
    monkeypatch.setattr(patience.Patience.__init__, "__defaults__", ("", 0, 0.0, 0, 0, 0, 2, None))

    async def doze(self: Runner) -> None:
        while True:
            await self._clock.sleep(3600.0)

    async def run(self: Runner) -> None:
        with suppress(asyncio.CancelledError):
            await doze(self)
        await doze(self)

    def seed(patch: Patching) -> None:
        patch.setattr(Runner, "run", run)

    with pytest.raises(Livelock, match="does not end when it is cancelled"):
        drilled("", seed)


def test_what_raises_stays_broken(tmp_path: Path) -> None:
    """A scenario that was kept and whose drill raises is broken still, and stays."""

    def raises(self: Scenario) -> None:
        raise Livelock(f"of {self.purpose}")

    file = keep(scenario(""), [Violation("error", "Livelock", "", "of a scenario")], tmp_path)
    with Patching() as patch:
        patch.setattr(Scenario, "run", raises)
        again = prove(workers=1, seconds=0.0, folder=tmp_path).again

    assert [(one.became, one.invariants) for one in again] == [("broken", ("error",))]
    assert file.exists()


def test_a_gap_between_two_runs_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing happens for a year, and then an operator wants them all again: that is no drill without an end."""
    monkeypatch.setattr("maildrill.scenarios.world.loop.LOOK", 1)

    found = scenario(BUSY, Event(at=365 * 86400.0, do=Deed.REQUEUE)).run()

    assert found.summary.violations == ()
