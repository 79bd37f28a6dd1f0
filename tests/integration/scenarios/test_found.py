"""What drawn scenarios have found in sender and oracles, each as small as it shrank to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.scenario import Scenario, listed, usual_campaign
from maildrill.scenarios.scenario_file import scenario_of
from maildrill.sender.attempt import State
from maildrill.sender.lane import Lane

MANY = '[[rule]]\nname = "many"\nat = "rcpt"\nreply = "452 4.5.3 too many recipients"\n'


def one_a_session(rules: str, *addresses: str) -> Scenario:
    """Return a scenario in which each session has one message."""
    usual = usual_campaign()
    campaign = replace(usual, limits=replace(usual.limits, messages_per_connection=1))
    return Scenario(campaign=campaign, listed=listed(addresses), script=read_script(rules, "mx.toml"))


def test_who_is_alone_and_too_many_is_not_asked_for_without_end() -> None:
    """Where a session has one message only, who was one too many in one is deferred by the next."""
    drilled = one_a_session(MANY, "a@x.test").run()
    rows = [attempt.row for attempt in drilled.evidence.attempts]

    assert drilled.evidence.states == {"a@x.test": State.EXPIRED}
    assert drilled.summary.violations == ()
    assert rows[:4] == ["rcpt-too-many", "rcpt-too-many-again"] * 2


def test_who_was_one_too_many_once_is_served_at_once() -> None:
    """In the next session, where the server takes it."""
    drilled = one_a_session(MANY.replace('"rcpt"', '"rcpt"\ntimes = 1', 1), "a@x.test").run()

    assert [attempt.row for attempt in drilled.evidence.attempts] == ["rcpt-too-many", "dot-2yz"]
    assert drilled.summary.violations == ()


def test_the_next_session_is_told() -> None:
    """A lane that forgets it asks for ever: the server's count of connections shows it."""
    honest = Lane._spare
    connections = []
    for spare in (honest, lambda lane, rulings: lane._free.update(one.recipient for one in rulings if one.again)):
        scenario = one_a_session(f"{MANY.replace('[[rule]]', '[[rule]]', 1)}times = 500\n", "a@x.test")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Lane, "_spare", spare)
            connections.append(scenario.run().summary.connections)

    assert connections[0] < 200 < connections[1]


UNDER_WAY = """\
version = 1

[scenario]
purpose = "generated"
source = "maildrill"
recipients = ["a@one.example", "a@two.example"]
seed = 2
campaign.retry.schedule = ["10m", "30m", "2h"]
campaign.retry.cap = "2h"
campaign.retry.lifetime = "12h"
campaign.limits.connections = 2
campaign.limits.messages_per_connection = 1
campaign.limits.recipients_per_transaction = 1
network.latency = "0.5s"
network.jitter = "0s"

[[rule]]
name = "generated.toml:2"
at = "rcpt"
domain = "one.example"
key = "rcpt"
age = ">=1h"
cut = "before"

[[rule]]
name = "generated.toml:8"
at = "banner"
chance = 0.9
cut = "before"
"""


def test_a_session_under_way_may_show_that_the_host_serves() -> None:
    """The breaker opens by others, and closes by what was served in it: what connects then does not come too early."""
    drilled = scenario_of(read_script(UNDER_WAY, "generated.toml")).run()
    kinds = [event.kind for event in drilled.evidence.events]

    assert "breaker.opened" in kinds
    assert "breaker.closed" in kinds
    assert drilled.summary.violations == ()
