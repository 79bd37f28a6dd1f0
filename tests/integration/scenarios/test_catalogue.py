"""The catalogue: what each scenario says comes of it, comes of it; and what it says is enough to go by."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest
from click.testing import CliRunner

from maildrill.cli.main import main
from maildrill.fakeserver.language.scenario import Scenario
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios import catalogue
from maildrill.scenarios.drill import Drilled, rehearse
from maildrill.scenarios.scenario_file import has_scenario, plan_of
from maildrill.sender.attempt import State
from maildrill.sender.disposition_table import TABLE
from maildrill.smtp import ConfigurationError

#: Rows that no server can bring about.
NOT_A_SERVERS = {
    "stopped",  # we were asked to stop: tests/integration/sender
    "auth-in-clear",  # a campaign file that would bring it about is refused: tests/integration/secure
    "auth-secret",  # a drill fetches no secret: tests/integration/secure
}
#: Rows that wait for their script: a new row may be added here until it has one.
OWED: set[str] = set()
#: Rules that do not act with so few recipients, or with a sender that lets go of a session sooner.
TOO_FEW = {
    "flapping-host": {"starting-up", "hangs-up-at-mail", "idle-hang-up"},
    # the journal has no entry of a handshake that the client ended
    "tls-certificate": {"expired"},
    "certificate-expired-at-midnight": {"expired"},
}
PLAYED = [name for name in catalogue.names() if has_scenario(catalogue.load_script(name))]


@cache
def drilled(name: str) -> Drilled:
    """Play a script once for all tests."""
    return rehearse(plan_of(catalogue.load_script(name)))


def scenario_of(name: str) -> Scenario:
    scenario = catalogue.load_script(name).scenario
    assert scenario is not None
    return scenario


@pytest.mark.parametrize("name", catalogue.names())
def test_every_script_says_what_it_is_for(name: str) -> None:
    """One sentence that ends, and where it comes from."""
    scenario = scenario_of(name)

    assert scenario.purpose.endswith(".")
    assert len(scenario.purpose) < 160
    assert scenario.source


@pytest.mark.parametrize("name", PLAYED)
def test_a_scenario_ends_as_it_says(name: str) -> None:
    """Every outcome, every expectation and every invariant holds."""
    assert [row.finding for row in drilled(name).summary.violations] == []


@pytest.mark.parametrize("name", PLAYED)
def test_a_scenario_is_the_same_twice(name: str) -> None:
    """The log of the second time is that of the first."""
    again = rehearse(plan_of(catalogue.load_script(name)))

    assert again.evidence.events == drilled(name).evidence.events
    assert again.evidence.asked == drilled(name).evidence.asked


@pytest.mark.parametrize("name", PLAYED)
def test_a_scenario_says_what_becomes_of_everybody(name: str) -> None:
    """Each recipient is in an outcome that says where it ends."""
    scenario = scenario_of(name)
    said = [one for one in scenario.outcomes if one.state or one.counts]

    assert [to for to in scenario.addresses if not any(one.means(to) for one in said)] == []


@pytest.mark.parametrize("name", PLAYED)
def test_all_that_a_script_has_is_used(name: str) -> None:
    """A rule that never fires in the script's own scenario would show nothing."""
    used = drilled(name).fired
    named = {rule.name for rule in catalogue.load_script(name).rules}

    assert named - used == TOO_FEW.get(name, set())


@pytest.mark.parametrize("name", catalogue.names("providers"))
def test_the_replies_of_a_provider_say_who_wrote_them_down(name: str) -> None:
    """Each rule has a mark that ATTRIBUTION.md explains."""
    attribution = (catalogue.CAMPAIGN.parent / "ATTRIBUTION.md").read_text("utf-8")
    marks = set(re.findall(r"^\[\[rule\]\] +# (\S+)$", catalogue.text_of(name), re.MULTILINE))

    assert len(re.findall(r"^\[\[rule\]\]", catalogue.text_of(name), re.MULTILINE)) > 0
    assert re.findall(r"^\[\[rule\]\]$", catalogue.text_of(name), re.MULTILINE) == []
    assert marks <= set(re.findall(r"^\| ([a-z-]+) \|", attribution, re.MULTILINE))


def test_every_row_has_a_script_and_every_script_of_a_row_has_one() -> None:
    """Of the same name."""
    assert set(catalogue.names("rows")) == {row.id for row in TABLE} - NOT_A_SERVERS - OWED


@pytest.mark.parametrize("row", [row for row in TABLE if row.id not in NOT_A_SERVERS | OWED], ids=lambda row: row.id)
def test_the_row_decides_in_its_script(row: object) -> None:
    """A try in the drill was ruled by the row, as an outcome says, and with its verdict."""
    name = getattr(row, "id", "")
    said = {one for outcome in scenario_of(name).outcomes for one in outcome.row}
    ruled = [attempt for attempt in drilled(name).evidence.attempts if attempt.row == name]

    assert name in said
    assert {(attempt.verdict, attempt.scope) for attempt in ruled} <= {
        (getattr(row, "verdict", None), getattr(row, "scope", None)),
        (State.HELD, getattr(row, "scope", None)),  # a sender refused twice
    }
    assert ruled


def test_a_script_that_is_played_by_name_has_its_own_dns_and_hosts() -> None:
    """As its scenario says them."""
    result = CliRunner().invoke(main, ["drill", "--script", "starttls-policy"], standalone_mode=False)

    assert result.return_value == 0
    assert "VIOLATED" not in result.stdout


def test_all_are_played_by_one_command() -> None:
    """A line for each, in a few seconds."""
    result = CliRunner().invoke(main, ["drill", "--all"], standalone_mode=False)
    lines = result.stdout.splitlines()

    assert result.return_value == 0
    assert [line.removeprefix("ok  ").partition(":")[0] for line in lines[:-1]] == PLAYED
    assert lines[-1].startswith(f"{len(PLAYED)} scripts, 0 with violations, ")


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ('state = "failed"', "expected failed, and it is delivered; ruled by dot-2yz"),
        ("attempts = 2", "expected 2 attempts, and there were 1"),
        ('row = "rcpt-4yz"', "expected the row rcpt-4yz to rule a try; those that did are: dot-2yz"),
        ('within = ">=5m"', "expected it to end within >=5m, and it took "),
        ("delivered = 2", "expected 2 to be delivered, and 1 of 1 are"),
    ],
)
def test_an_outcome_that_does_not_come_is_told(change: str, finding: str) -> None:
    """Each kind of claim, seen to fail: a violation, with what was found."""
    text = f'[scenario]\npurpose = "p"\nsource = "s"\nrecipients = "ann@x.test"\n[[scenario.outcome]]\n{change}\n'
    violations = rehearse(plan_of(read_script(text, "s.toml"))).summary.violations

    (violation,) = violations
    assert violation.invariant == "outcome"
    assert violation.finding.startswith(f"s.toml:5: {finding}")


def test_an_expectation_of_a_scenario_is_held_against_the_journal() -> None:
    """As those of a script are."""
    text = '[scenario]\npurpose = "p"\nsource = "s"\nrecipients = "ann@x.test"\n[[scenario.expect]]\nsessions = 2\n'
    (violation,) = rehearse(plan_of(read_script(text, "s.toml"))).summary.violations

    assert violation.finding.startswith("s.toml:5: expected sessions = 2, and there were 1")


def test_what_a_run_after_the_end_does_is_not_expected_of_the_first() -> None:
    """Whoever is held is tried again by the second run, which shows that a finished one is finished."""
    script = catalogue.load_script("mail-530")
    more = read_script("[[expect]]\nsessions = 1", "s.toml").expectations

    assert rehearse(plan_of(replace(script, expectations=more))).summary.violations == ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ('recipients = "ann"', 's.toml:4: no recipient: "ann"'),
        (
            'recipients = "ann@x.test"\ncampaign.limits.connections = 0',
            "s.toml:5: scenario.campaign.limits.connections is 0",
        ),
        ("", "s.toml has no scenario with recipients"),
        ('recipients = "ann@x.test"\nnetwork.speed = 9', 's.toml:5: unknown key "speed" in [scenario.network]'),
        ('list = "ann@x.test"', 's.toml:4: list:1: recipient list has no column "address"'),
        ('recipients = "ann@x.test"\nhosts = { mx = "all-good" }', "s.toml:5: a host is no table"),
        (
            'recipients = "ann@x.test"\nhosts = { mx = { rule = [{ at = "nowhere" }] } }',
            's.toml:5: unknown stage "nowhere"',
        ),
        (
            'recipients = "ann@x.test"\ndns = { "x.test" = { mx = "10 mx 1" } }',
            's.toml:5: scenario.dns.x.test.mx holds "10 mx 1"',
        ),
    ],
)
def test_a_scenario_that_cannot_be_played_is_refused(words: str, message: str) -> None:
    """With what is wrong with it."""
    script = read_script(f'[scenario]\npurpose = "p"\nsource = "s"\n{words}', "s.toml")

    with pytest.raises(ConfigurationError) as caught:
        plan_of(script)

    assert str(caught.value).splitlines()[0] == message


def test_other_hosts_say_what_the_scenario_says_of_them() -> None:
    """Found by the scenario's DNS, under their own names unless they give themselves another."""
    text = """
        [scenario]
        purpose = "p"
        source = "s"
        recipients = ["ann@x.test", "bob@y.test", "cas@z.test"]
        campaign.route.kind = "direct"
        dns."x.test".mx = "10 mx.x.test"
        dns."y.test".mx = "10 mx.y.test"
        dns."z.test".mx = "mx.z.test"
        [[scenario.hosts."mx.y.test".rule]]
        at = "rcpt"
        reply = "550 5.1.1 not at {hostname}"
        [scenario.hosts."mx.z.test".server]
        hostname = "gate.z.test"
        [[scenario.hosts."mx.z.test".rule]]
        at = "rcpt"
        reply = "550 5.1.1 not at {hostname}"
    """
    evidence = rehearse(plan_of(read_script(text, "s.toml"))).evidence
    said = {attempt.recipient: str(attempt.reply) for attempt in evidence.attempts if attempt.row == "rcpt-5yz"}

    assert said == {"bob@y.test": "550 5.1.1 not at mx.y.test", "cas@z.test": "550 5.1.1 not at gate.z.test"}
    assert evidence.states["ann@x.test"] is State.DELIVERED


def test_a_letter_can_be_made_longer() -> None:
    """By the scenario's size, whatever the campaign says."""
    text = '[scenario]\npurpose = "p"\nsource = "s"\nrecipients = "ann@x.test"\nsize = "100KB"\n'
    (taken,) = rehearse(plan_of(read_script(text, "s.toml"))).evidence.taken

    assert 100_000 < len(taken.content) < 102_000
