"""A campaign that has been sent, in virtual time, with a fate for each recipient: what all reading commands look at."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from maildrill.cli.main import main
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.log_sinks import JsonLines, Sink, TextFile

CAMPAIGN = """\
[campaign]
name = "spring"
from = "News <news@hall.example>"
subject = "Hello"

[account]
host = "mx.relay.example"

[list]
file = "list.csv"
email = "Email"

[message]
text = '''
Hello.
'''

[retry]
schedule = ["10m"]
lifetime = "1h"

[limits]
connections = 2
"""
LIST = """\
Email
ann@one.example
bob@one.example
cyd@two.example
dan@two.example
eve@three.example
nobody
ANN@one.example
"""
SCRIPT = r"""
version = 1

[[rule]]
at = "banner"
times = 1
reply = "421 4.3.2 too busy"

[[rule]]
at = "rcpt"
rcpt = "bob@*"
attempt = "1"
key = "rcpt"
reply = "452 4.2.2 mailbox is full"

[[rule]]
at = "rcpt"
rcpt = "cyd@*"
reply = "550 5.1.1 <script>alert(1)</script> =cmd|' /C calc'!A0 \u202eevil"

[[rule]]
at = "rcpt"
rcpt = "dan@*"
reply = "450 4.2.1 never now"

[[rule]]
at = "dot"
rcpt = "eve@*"
cut = "before"
"""


@dataclass(frozen=True)
class Sent:
    """The folder of the campaign `spring.toml`, and the command line in it."""

    folder: Path

    def run(self, command: str, *options: str, campaign: bool = True) -> Result:
        """Run `maildrill COMMAND spring.toml OPTIONS`."""
        words = [command, *([str(self.folder / "spring.toml")] if campaign else []), *options]
        return CliRunner().invoke(main, words, catch_exceptions=False)

    def told(self, command: str, *options: str, campaign: bool = True) -> str:
        """Return what a command prints; it must end well."""
        result = self.run(command, *options, campaign=campaign)
        assert result.exit_code == 0, result.output
        return result.stdout


@pytest.fixture(scope="session")
def _sent_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sent")
    send_into(folder)
    return folder


def send_into(folder: Path, script: str = SCRIPT, more: str = "") -> None:
    """Send the campaign `spring` in virtual time; campaign, ledger and logs are in the folder then.

    more: lines for its [limits].
    """
    (folder / "spring.toml").write_text(CAMPAIGN + more)
    (folder / "list.csv").write_text(LIST)
    campaign = read_campaign(folder / "spring.toml")
    sinks: list[Sink] = [JsonLines(folder / "spring.events.jsonl"), TextFile(folder / "spring.connection.log")]
    plan = Plan(campaign=campaign, script=read_script(script, "test.toml"), ledger=folder / "spring.ledger")
    try:
        assert rehearse(plan, sinks).summary.violations == ()
    finally:
        for sink in sinks:
            sink.close()


@pytest.fixture
def sent(_sent_once: Path, tmp_path: Path) -> Sent:
    """Return a folder of this test's own in which the campaign has been sent."""
    shutil.copytree(_sent_once, tmp_path / "sent")
    return Sent(tmp_path / "sent")


@pytest.fixture
def paused(tmp_path: Path) -> Sent:
    """Return a folder in which the campaign is paused: its content was refused twice in a row."""
    spam = 'version = 1\n[[rule]]\nat = "dot"\nreply = "554 5.7.1 a listed link"\n'
    send_into(tmp_path, spam, "pause_after = 2\n")
    return Sent(tmp_path)
