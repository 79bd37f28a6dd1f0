from __future__ import annotations

from pathlib import Path

from maildrill.fakeserver.language.script import Script
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.sender.attempt import State
from maildrill.sender.campaign_file import read_campaign

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
