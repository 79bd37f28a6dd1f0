"""Some recipients get a batch into trouble; the others are served all the same."""

from __future__ import annotations

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios import bundled
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.sender.attempt import State
from maildrill.sender.campaign_file import read_campaign


def test_a_host_that_resets_at_one_rcpt_in_twenty_gets_everything_delivered() -> None:
    """Whoever was put back unasked keeps their turn, so that retries do not starve the rest of the batch."""
    script = 'version = 1\n[[rule]]\nat = "rcpt"\nchance = 0.05\ncut = "rst"\n'
    campaign = read_campaign(bundled.campaign_path("notice"))
    drilled = rehearse(Plan(campaign=campaign, script=read_script(script, "mx.toml")))

    assert drilled.summary.violations == ()
    assert drilled.summary.total.states[State.DELIVERED] == 240
