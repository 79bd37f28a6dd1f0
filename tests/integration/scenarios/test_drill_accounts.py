from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.scenarios.drill_accounts import STAND_IN, open_hosts, strict_hosts
from maildrill.scenarios.scenario_file import plan_of
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Member, Route
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.security import WHERE_OFFERED

ACCOUNTS = """
[account.main]
host = "smtp.example.com"
user = "ann"
password = "env:MAILDRILL_IS_NEVER_SET"

[account.other]
host = "mail.example.net"
tls = "implicit"
user = "bob"
token = "command:false"
"""
CAMPAIGN = """
account = ["main", "other"]

[campaign]
name = "c"
from = "a@x.test"
subject = "s"

[list]
file = "list.csv"
email = "Email"

[message]
text = '''
hello
'''
"""


def test_a_drill_needs_no_secret_and_no_certificate_of_yours(tmp_path: Path) -> None:
    """Accounts with TLS and AUTH are rehearsed with stand-ins: as they will be, and nothing real is fetched."""
    for name, text in {
        "accounts.toml": ACCOUNTS,
        "c.toml": CAMPAIGN,
        "list.csv": "Email\na@y.test\nb@y.test\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    drilled = rehearse(Plan(campaign=read_campaign(tmp_path / "c.toml"), script=Script()))

    assert drilled.summary.violations == ()
    assert {record.state for record in drilled.evidence.recipients} == {State.DELIVERED}
    assert sum(event.kind == "session.opened" for event in drilled.evidence.events) == 2
    assert drilled.evidence.tls_required == {"smtp.example.com", "mail.example.net"}
    assert drilled.evidence.plaintext == frozenset()
    assert drilled.evidence.secrets == (STAND_IN,)


SCRIPT = """
[server]
hostname = "mx.relay.example"
tls = true
auth = ["PLAIN"]
users = { ann = "open sesame" }
[scenario]
purpose = "p"
source = "s"
recipients = "ann@x.test"
campaign.account.tls = "required"
campaign.account.user = "%s"
campaign.account.password = "env:MAILDRILL_IS_NEVER_SET"
"""


@pytest.mark.parametrize(("user", "state"), [("ann", "delivered"), ("bob", "held")])
def test_whom_the_script_knows_may_log_in(user: str, state: str) -> None:
    """With the drill's own password, whatever the script has; whom it does not know is refused, as it says."""
    evidence = rehearse(plan_of(read_script(SCRIPT % user, "s.toml"))).evidence

    assert evidence.states == {"ann@x.test": State(state)}
    assert evidence.secrets == (STAND_IN,)


def test_where_one_account_may_go_in_clear_its_host_is_not_strict() -> None:
    """The journal does not say by which account a session came."""
    plan = plan_of(read_script(SCRIPT % "ann", "s.toml"))
    account = plan.campaign.account
    lax = replace(account, security=WHERE_OFFERED, auth=replace(account.auth, plaintext=True) if account.auth else None)
    route = Route(members=(Member(account=account), Member(account=replace(lax, name="other"))))
    both = replace(plan.campaign, route=route)

    assert strict_hosts(plan.campaign) == {"mx.relay.example"}
    assert strict_hosts(both) == frozenset()
    assert open_hosts(plan.campaign) == frozenset()
    assert open_hosts(both) == {"mx.relay.example"}
