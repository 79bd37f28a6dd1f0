"""Scenarios as values and as files: played, written, read, kept and found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios import catalogue
from maildrill.scenarios.drill import rehearse
from maildrill.scenarios.failures import find, keep, kept
from maildrill.scenarios.fake_dns import Records
from maildrill.scenarios.scenario import Scenario, differences, listed
from maildrill.scenarios.scenario_file import has_scenario, load_scenario, scenario_of
from maildrill.scenarios.scenario_writer import recipe, scenario_to_toml
from maildrill.scenarios.world import Network
from maildrill.sender.attempt import State
from maildrill.sender.lists.rows import Reason
from maildrill.sender.route.answers import Found, Mx
from maildrill.sender.summary import Violation
from maildrill.smtp import ConfigurationError

PLAYED = [name for name in catalogue.names() if has_scenario(catalogue.load_script(name))]
ANN = Scenario(listed=listed(["ann@x.test"]))
HEAD = '[scenario]\npurpose = "p"\nsource = "s"\n'
BUSY = read_script('[[rule]]\nname = "busy"\nat = "rcpt"\ntimes = 1\nreply = "450 4.2.1 busy"\n', "busy.toml")
DOUBLE = Violation("I4", "duplicate bound", "ann@x.test", "taken 2 times")


def read(text: str) -> Scenario:
    return scenario_of(read_script(text, "s.toml"))


def test_a_scenario_of_one_line_is_played() -> None:
    """Whatever is not said is usual, and everybody is served."""
    drilled = ANN.run()

    assert drilled.evidence.states == {"ann@x.test": State.DELIVERED}
    assert drilled.summary.violations == ()
    assert differences(drilled, ANN.run()) == ()


def test_its_file_says_what_is_not_usual_and_nothing_else() -> None:
    """Few enough lines to read them all."""
    scenario = Scenario(listed=ANN.listed, script=BUSY, network=Network(segment=7), seed=3)

    assert scenario_to_toml(scenario).splitlines() == [
        "version = 1",
        "",
        "[scenario]",
        'purpose = "a scenario"',
        'source = "maildrill"',
        'recipients = "ann@x.test"',
        "seed = 3",
        "network.segment = 7",
        "",
        "[[rule]]",
        'name = "busy"',
        'at = "rcpt"',
        "times = 1",
        'reply = "450 4.2.1 busy"',
    ]
    assert recipe(ANN).splitlines()[-2:] == ["END", "maildrill replay scenario.toml"]


@pytest.mark.parametrize("name", PLAYED)
def test_the_catalogue_can_be_written_and_read(name: str) -> None:
    """Campaign, hosts, DNS, network, outcomes: all of it is what it was."""
    scenario = load_scenario(name)
    text = scenario_to_toml(scenario)
    again = scenario_of(read_script(text, scenario.script.name))

    assert again == scenario
    assert scenario_to_toml(again) == text


def test_dns_and_network_are_written_and_read() -> None:
    """With each word of theirs."""
    mx = Records(mx=(Mx(10, "mx.x.test"), Mx(20, "")), ttl=60, wait=1.5, fault=Found.TIMEOUT)
    host = Records(addresses=("2001:db8::1", "192.0.2.1"), txt=("v=1",), tlsa=("3 1 1 00",), secure=True)
    scenario = Scenario(
        listed=ANN.listed,
        dns={"x.test": mx, "mx.x.test": host},
        hosts={"mx.x.test": BUSY},
        network=Network(latency=1, jitter=0, segment=2, seed=4),
    )
    again = read(scenario_to_toml(scenario))

    assert again.dns == scenario.dns
    assert again.network == scenario.network
    assert again.hosts["mx.x.test"].rules == BUSY.rules


def test_a_list_may_be_as_bad_as_those_of_people() -> None:
    """Whoever is set aside is told in the report, and the others are served."""
    text = f'{HEAD}list = """\naddress,Name\nann@x.test,Ann\nANN@x.test,\nnobody,\n"""\n'
    scenario = read(text)
    drilled = scenario.run()

    assert [one.reason for one in scenario.recipients.set_aside] == [Reason.DUPLICATE, Reason.INVALID]
    assert drilled.evidence.imported == ("ann@x.test",)
    assert drilled.summary.violations == ()
    assert read(scenario_to_toml(scenario)).listed == scenario.listed


def test_recipients_and_a_list_are_one_too_many() -> None:
    """Only one of them can say who is written to."""
    with pytest.raises(ConfigurationError, match=r"s\.toml:5: a scenario has recipients and a list"):
        read(f'{HEAD}recipients = "ann@x.test"\nlist = "address\\n"\n')


def test_a_seed_is_everybodys() -> None:
    """The scenario's seed chooses the draws of its script: other seeds, other draws."""
    rule = '[[rule]]\nat = "rcpt"\nchance = 0.5\nreply = "550 5.1.1 unknown"\n'
    text = f'{HEAD}recipients = "guest{{1..30}}@x.test"\nseed = %d\n{rule}'
    first, second = (read(text % seed).run() for seed in (1, 2))

    assert first.summary.seed == 1
    assert first.evidence.states != second.evidence.states


def test_a_strict_transcript_is_a_file_of_its_own() -> None:
    """It cannot stand in a scenario, and it is said so."""
    play = read_script("strict = true\nS: 220 mx ESMTP\nC: QUIT\nS: 221 bye\n", "play.t")

    with pytest.raises(ConfigurationError, match="strict transcript"):
        scenario_to_toml(Scenario(listed=ANN.listed, script=play))


def test_what_failed_is_kept_and_found_by_the_beginning_of_its_name(tmp_path: Path) -> None:
    """Under one name however often it failed, and it says what for."""
    file = keep(ANN, [DOUBLE], tmp_path)

    assert keep(ANN, [DOUBLE], tmp_path) == file
    assert kept(tmp_path) == (file,)
    assert find("I4", tmp_path) == find(file.stem, tmp_path) == file
    assert load_scenario(str(file)).purpose == "I4 duplicate bound: ann@x.test taken 2 times"
    assert rehearse(load_scenario(str(file)).plan()).summary.violations == ()


def test_what_is_not_kept_is_said_with_what_is(tmp_path: Path) -> None:
    """And so is a beginning that several have."""
    with pytest.raises(ConfigurationError, match='no scenario "I9" is kept\n  expected a file'):
        find("I9", tmp_path)
    first = keep(ANN, [DOUBLE], tmp_path)
    second = keep(Scenario(listed=ANN.listed, seed=1), [DOUBLE], tmp_path)
    names = " ".join(sorted((first.stem, second.stem)))

    with pytest.raises(
        ConfigurationError, match=f'several kept scenarios begin with "I4-"\n  expected one of: {names}'
    ):
        find("I4-", tmp_path)
    with pytest.raises(ConfigurationError, match='no scenario "I9" is kept\n  expected one of'):
        find("I9", tmp_path)


@pytest.mark.parametrize("octets", range(0, 900, 90))
def test_a_connection_that_is_lost_loses_nobody(octets: int) -> None:
    """Wherever it is cut: who may have the message is Unknown, everybody else is delivered by the next one."""
    drilled = Scenario(listed=ANN.listed, network=Network(cuts=((1, octets),))).run()

    assert drilled.summary.violations == ()
    assert set(drilled.evidence.states.values()) <= {State.DELIVERED, State.UNKNOWN}


def test_cuts_are_written_and_read_and_must_make_sense() -> None:
    """A connection, and behind how many octets."""
    scenario = Scenario(listed=ANN.listed, network=Network(cuts=((1, 400), (3, 0))))

    assert 'network.cuts = ["1@400", "3@0"]\n' in scenario_to_toml(scenario)
    assert read(scenario_to_toml(scenario)).network == scenario.network
    with pytest.raises(ConfigurationError, match=r's\.toml:5: scenario\.network\.cuts holds "0@1"'):
        read(f'{HEAD}recipients = "ann@x.test"\nnetwork.cuts = "0@1"\n')
    with pytest.raises(ConfigurationError, match="cuts cannot be"):
        Network(cuts=((0, 1),))
