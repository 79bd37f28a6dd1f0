"""The public strategies: every kind can be drawn, and all shrink to what one would expect."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st

from maildrill.scenarios.event import Deed, Event
from maildrill.scenarios.scenario import Scenario, listed, usual_campaign
from maildrill.scenarios.scenario_writer import scenario_to_toml
from maildrill.scenarios.strategies import (
    ASPECTS,
    LISTS,
    SERVERS,
    campaigns,
    clock_jumps,
    crash_points,
    events,
    lists,
    networks,
    outages,
    replies,
    rules,
    scenarios,
    scripts,
    servers,
)
from maildrill.scenarios.strategies.features import features_of
from maildrill.scenarios.world import DEFAULT, Network
from maildrill.sender.campaign import Mode, RouteKind, UnknownPolicy
from maildrill.sender.lists import parse_list
from maildrill.sender.lists.rows import Reason
from maildrill.smtp import Stage

_T = TypeVar("_T")
SEARCH = settings(
    max_examples=3000,
    database=None,
    deadline=None,
    derandomize=True,
    suppress_health_check=(HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large),
)
#: To be reached is enough.
REACH = settings(SEARCH, phases=[Phase.generate])


#: Whose letter is short: Hypothesis warns of examples that are long to read.
SHORT = scenarios().filter(lambda one: len(one.campaign.text or "") < 1000)


def least(strategy: st.SearchStrategy[_T], wanted: Callable[[_T], bool] = lambda _: True) -> _T:
    """Return the smallest example that is wanted."""
    return find(strategy, wanted, settings=SEARCH)


def test_what_is_left_of_a_scenario_is_nothing_unusual() -> None:
    """One recipient, nothing said by the server, nothing happens: eight lines of a file."""
    scenario = least(scenarios())

    assert scenario == Scenario(purpose="generated", listed=listed(["a@one.example"]), script=scenario.script)
    assert scenario.script.rules == ()
    assert len(scenario_to_toml(scenario).splitlines()) == 6


def test_what_matters_is_left_and_nothing_else() -> None:
    """A scenario in which somebody dies has that event, and no other."""
    scenario = least(scenarios(), lambda one: any(event.do is Deed.KILL for event in one.events))

    assert scenario.events == (Event(at=0, do=Deed.KILL, number=1),)
    assert scenario.script.rules == ()


def test_the_least_of_each() -> None:
    """What is usual, or the first of its kind."""
    assert least(replies()) == "220 mx ESMTP"
    assert least(replies(Stage.RCPT)) == "250 2.1.5 ok"
    assert least(scripts()).rules == ()
    assert least(servers()).rules == ()
    assert least(rules()) == {"at": "connect", "key": "client", "attempt": "1", "cut": "refuse"}
    assert least(outages()) == {"at": "connect", "cut": "refuse", "during": "..20m"}
    assert least(networks()) == DEFAULT
    assert least(networks(), lambda one: bool(one.cuts)) == Network(cuts=((1, 0),))
    assert least(lists()) == listed(["a@one.example"])
    assert least(crash_points()) == Event(at=0, do=Deed.KILL, number=1)
    assert least(clock_jumps()) == Event(at=0, do=Deed.CLOCK, by=3600)
    assert least(events()) == Event(at=0, do=Deed.STOP)
    campaign = least(campaigns())
    assert (campaign.text, campaign.retry, campaign.mode) == (usual_campaign().text, usual_campaign().retry, Mode.MERGE)


def test_a_lost_reply_is_one_rule() -> None:
    """What hurts most shrinks to what it is."""
    script = least(scripts(), lambda one: any(rule.at == (Stage.DOT,) and rule.cut is not None for rule in one.rules))
    (rule,) = script.rules

    assert rule.name == "r1"
    assert rule.cut == "before"


@pytest.mark.parametrize(
    ("wanted", "rule"),
    [
        ({}, {"at": "rcpt", "reply": "250 2.1.5 ok"}),
        ({"cut": "before"}, {"at": "rcpt", "cut": "before"}),
        ({"cut": "after"}, {"at": "rcpt", "cut": "after"}),
        ({"cut": "mid", "reply": "421 4.3.2 closing"}, {"at": "rcpt", "reply": "421 4.3.2 closing", "cut": "mid"}),
        ({"cut": "never"}, {"at": "rcpt", "reply": "421 4.3.2 closing", "cut": "never"}),
        ({"mangle": "no-code"}, {"at": "rcpt", "mangle": "no-code"}),
        ({"wait": "1s"}, {"at": "rcpt", "wait": "1s"}),
    ],
    ids=str,
)
def test_an_answer_shrinks_to_what_it_needs(wanted: dict[str, object], rule: dict[str, object]) -> None:
    """The plain reply is the simplest; an end is drawn with no more than it takes."""
    features = frozenset({"rcpt", *ASPECTS["answers"]})

    assert least(rules(features), lambda one: wanted.items() <= one.items()) == rule


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.DOT, Stage.BODY])
def test_a_reply_meets_each_end(stage: Stage) -> None:
    """421 and other refusals, with the connection open, cut behind them and within."""
    drawn = rules(features_of([stage.value, *ASPECTS["answers"]]))
    for code in ("421", "4", "5"):
        for cut in (None, "after", "mid"):

            def is_it(one: dict[str, object], code: str = code, cut: str | None = cut) -> bool:
                return str(one.get("reply")).startswith(code) and one.get("cut") == cut

            assert find(drawn, is_it, settings=REACH)


@pytest.mark.parametrize("kind", SERVERS)
def test_each_kind_of_server_can_be_drawn(kind: str) -> None:
    """Alone, and among all."""
    named = {"stateless": "one.example"}.get(kind, kind)

    assert find(servers(kind), lambda one: any(rule.name == named for rule in one.rules), settings=REACH)
    assert find(servers(), lambda one: any(rule.name == named for rule in one.rules), settings=REACH)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("plain", lambda found: len(found.recipients) > 1 and not found.set_aside),
        ("duplicates", lambda found: any(one.reason is Reason.DUPLICATE for one in found.set_aside)),
        ("international", lambda found: any(not row.address.isascii() for row in found.recipients)),
        ("hostile", lambda found: any("evil" in row.fields["Name"] for row in found.recipients)),
        ("hostile", lambda found: any("evil" in one.value for one in found.set_aside)),
    ],
)
def test_each_kind_of_list_can_be_drawn(kind: str, wanted: Callable[[object], bool]) -> None:
    """And somebody is in each who can be written to."""
    assert find(lists(kind), lambda text: wanted(parse_list(text, "list", "address")), settings=REACH)
    assert parse_list(least(lists(kind)), "list", "address").recipients
    assert kind in LISTS


@pytest.mark.parametrize("deed", Deed)
def test_each_event_can_be_drawn(deed: Deed) -> None:
    """Alone, and among all."""
    assert find(events(deed), lambda one: one.do is deed, settings=REACH)
    assert find(SHORT, lambda one: any(event.do is deed for event in one.events), settings=REACH)


@pytest.mark.parametrize("kind", RouteKind)
def test_each_route_can_be_drawn(kind: RouteKind) -> None:
    """To two accounts, one after the other or each its share, and to the hosts of each domain."""
    assert find(SHORT, lambda one: one.campaign.route.kind is kind and bool(one.hosts), settings=REACH)


@pytest.mark.parametrize("policy", UnknownPolicy)
@pytest.mark.parametrize("mode", Mode)
def test_each_campaign_can_be_drawn(policy: UnknownPolicy, mode: Mode) -> None:
    """In both modes, under both policies."""
    assert find(
        SHORT.map(lambda one: one.campaign),
        lambda one: one.mode is mode and one.retry.unknown is policy,
        settings=REACH,
    )


def test_clocks_go_both_ways() -> None:
    """Forward and back."""
    assert least(clock_jumps(), lambda one: one.by < 0).by == -0.5


def test_a_kind_that_is_none_is_refused() -> None:
    """At once, when it is asked for."""
    for strategy in (servers, lists):
        with pytest.raises(KeyError):
            strategy("nonsense")


def test_nobody_needs_hypothesis_who_draws_nothing() -> None:
    """Scenarios are played without it."""
    script = (
        "import sys, maildrill.scenarios.scenario_file, maildrill.cli.replay; assert 'hypothesis' not in sys.modules"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0  # noqa: S603 - our own words
