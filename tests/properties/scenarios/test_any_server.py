"""Whatever a server says, and whomever a campaign is for: nobody is lost, doubled or misreported."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner
from hypothesis import given, note, settings
from hypothesis import strategies as st

from maildrill.cli.main import main
from maildrill.fakeserver.language.script import Script
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.scenarios.recipe import recipe
from maildrill.scenarios.strategies import campaigns, networks, recipient_lists, scripts
from maildrill.scenarios.world import Network
from maildrill.sender.campaign import Campaign
from maildrill.sender.lists import RecipientList


@settings(max_examples=300)
@given(campaign=campaigns(), script=scripts(), recipients=recipient_lists(), network=networks())
def test_no_server_makes_the_sender_lie(
    campaign: Campaign, script: Script, recipients: RecipientList, network: Network
) -> None:
    """Every oracle is content after a drill against any script, in any network, for any list."""
    plan = Plan(campaign=campaign, script=script, recipients=recipients, network=network)
    note(f"to see it again:\n{recipe(plan, recipients)}")
    drilled = rehearse(plan)

    assert [str(violation) for violation in drilled.summary.violations] == []


@settings(max_examples=10)
@given(campaign=campaigns(), script=scripts(), recipients=recipient_lists(), network=networks(), seed=st.integers(0, 9))
def test_a_recipe_runs_the_same_drill(
    campaign: Campaign, script: Script, recipients: RecipientList, network: Network, seed: int
) -> None:
    """What a failure prints comes to the same numbers when it is run by hand."""
    plan = Plan(campaign=campaign, script=script, recipients=recipients, network=network, seed=seed)
    again = recipe(plan, recipients)
    with TemporaryDirectory() as folder, chdir(folder):
        for name, text in again.files.items():
            Path(name).write_text(text, encoding="utf-8")
        by_hand = json.loads(CliRunner().invoke(main, [*again.arguments, "--json"]).stdout)

    assert by_hand | {"real_seconds": 0} == rehearse(plan).summary.to_json() | {"real_seconds": 0}
    assert str(again).endswith(" ".join(again.arguments))
