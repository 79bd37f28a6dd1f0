"""Whatever a server says, and whomever a campaign is for: nobody is lost, doubled or misreported."""

from __future__ import annotations

from hypothesis import given, note, settings

from maildrill.fakeserver.script import Script
from maildrill.fakeserver.script_writer import script_to_toml
from maildrill.scenarios.drill import Plan, rehearse
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
    note(f"save as script.toml, then: maildrill drill --script script.toml\n{script_to_toml(script)}")
    drilled = rehearse(Plan(campaign=campaign, script=script, recipients=recipients, network=network))

    assert [str(violation) for violation in drilled.summary.violations] == []
