"""The quick ones of the catalogue over real sockets: the same rows rule for the same recipients as in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.system_clock import SystemClock
from maildrill.scenarios import catalogue
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.scenarios.scenario_file import has_scenario, plan_of
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Account
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import AttemptRecord, Durability, RecipientRecord, open_ledger
from maildrill.sender.message import Composer
from maildrill.sender.runner import Runner

#: What became of a recipient: its state, the tries that counted, the rows that ruled.
Fate = tuple[State, int, tuple[str, ...]]

#: Whether we notice that the server hung up before or after we say MAIL again: a kernel decides.
_A_RACE = "idle-lost"


def quick(script: Script) -> bool:
    """Whether nobody waits in this scenario, for a retry or for a server."""
    scenario = script.scenario
    if scenario is None or not has_scenario(script) or set(scenario.campaign) - {"campaign"}:
        return False
    outcomes = scenario.outcomes
    waits = any(rule.wait or rule.drip or rule.tease or rule.age or rule.during or rule.over for rule in script.rules)
    aside = any("rcpt-421" in one.row for one in outcomes)  # stands aside for a minute
    again = any(one.attempts is not None and one.attempts.text not in ("0", "1") for one in outcomes)
    late = any(one.within is not None and (one.within.least > 0 or one.within.most > 10) for one in outcomes)
    return not (waits or aside or again or late or any(one.state == "expired" for one in outcomes))


QUICK = [name for name in catalogue.names() if quick(catalogue.load_script(name))]


def fates(recipients: tuple[RecipientRecord, ...], attempts: tuple[AttemptRecord, ...]) -> Mapping[str, Fate]:
    """Return what became of each recipient, by its address."""
    return {
        record.address: (
            record.state,
            record.attempts,
            tuple(
                attempt.row for attempt in attempts if attempt.recipient == record.address and attempt.row != _A_RACE
            ),
        )
        for record in recipients
    }


async def over_sockets(plan: Plan) -> Mapping[str, Fate]:
    """Send the plan's campaign to a server on this machine."""
    clock = SystemClock()
    server = FakeServer(plan.script, clock=clock)
    host, port = await server.start()
    campaign = replace(plan.campaign, account=Account(host=host, port=port))
    assert plan.recipients is not None
    ledger = open_ledger(None, campaign, at=clock.now(), durability=Durability.PROCESS)
    try:
        with ConnectionLog() as log:
            runner = Runner(campaign, plan.recipients.recipients, Composer(campaign), ledger, clock=clock, log=log)
            async with asyncio.timeout(30):
                await runner.run()
        return fates(tuple(ledger.recipients()), tuple(ledger.attempts()))
    finally:
        ledger.close()
        await server.stop()


def test_enough_of_them_are_quick() -> None:
    """More than a few, of each group but one."""
    assert len(QUICK) > 40
    assert {catalogue.group_of(name) for name in QUICK} >= {"rows", "habits", "providers", "weather"}


@pytest.mark.parametrize("name", QUICK)
def test_a_scenario_ends_over_sockets_as_it_does_in_memory(name: str) -> None:
    """Both sides do not know which of the two they are in."""
    plan = plan_of(catalogue.load_script(name))
    evidence = rehearse(plan).evidence

    assert asyncio.run(over_sockets(plan)) == fates(evidence.recipients, evidence.attempts)
