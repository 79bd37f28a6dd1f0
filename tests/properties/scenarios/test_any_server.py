"""Whatever a server says, and whomever a campaign is for: nobody is lost, doubled or misreported."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner
from hypothesis import given, note, settings

from maildrill.cli.main import main
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.scenario import Scenario
from maildrill.scenarios.scenario_file import scenario_of
from maildrill.scenarios.scenario_writer import recipe, scenario_to_toml
from maildrill.scenarios.strategies import scenarios


@settings(max_examples=100)
@given(scenario=scenarios())
def test_no_server_makes_the_sender_lie(scenario: Scenario) -> None:
    """Every oracle is content after a drill against any script, in any network, for any list."""
    note(f"to see it again:\n{recipe(scenario)}")
    drilled = scenario.run()

    assert [str(violation) for violation in drilled.summary.violations] == []


@settings(max_examples=10)
@given(scenario=scenarios())
def test_a_saved_scenario_runs_the_same_drill(scenario: Scenario) -> None:
    """What a failure prints comes to the same numbers when it is pasted into a shell."""
    with TemporaryDirectory() as folder, chdir(folder):
        Path("again.toml").write_text(scenario_to_toml(scenario), encoding="utf-8")
        by_hand = json.loads(CliRunner().invoke(main, ["replay", "again.toml", "--json"]).stdout)
    report = scenario.run().summary.to_json()

    assert by_hand["report"] | {"real_seconds": 0} == report | {"real_seconds": 0}
    assert by_hand["stable"]
    assert recipe(scenario, "again.toml").endswith("END\nmaildrill replay again.toml")


@settings(max_examples=100)
@given(scenario=scenarios())
def test_what_is_written_is_what_is_read(scenario: Scenario) -> None:
    """Nothing of a scenario is lost in its file, and nothing is added."""
    text = scenario_to_toml(scenario)
    read = scenario_of(read_script(text, scenario.script.name))

    assert read == scenario
    assert scenario_to_toml(read) == text
