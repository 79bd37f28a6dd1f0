"""What the command line must not say: a password that stands where a file was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from maildrill.cli.main import main

URLS = ("postgresql://ann:s3same-open@db.example:1/x", "https://s3same-open@h.example/x", "postgresql:/a:s3same-open@h")
LINES = (
    *("status {}", "log {}", "explain {} ann@x.test", "report {}", "retry {}", "requeue {}", "send {}"),
    *("settle {} ann@x.test --delivered", "bounces {} {}", "status c.toml --ledger {}", "bounces c.toml {}"),
    *(
        "drill {}",
        "drill --script {}",
        "drill --dns {}",
        "drill --host {}",
    ),
    *("account test {}", "account list --accounts {}", "account show {}", "serve {}", "serve --users {}"),
    *("lint {}", "classify --rules {}", "replay {}", "scripts show {}", "import {}", "schema {}", "invariants show {}"),
    *("{}", "status c.toml {}", "status --{}"),
)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("line", LINES)
def test_a_url_in_the_place_of_something_else_is_refused_without_its_password(
    line: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was expected there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").touch()
    ended = CliRunner().invoke(main, line.format(url, url).split(" "))

    assert ended.exit_code != 0
    assert "s3same" not in ended.output
    assert "s3same" not in ended.stderr


ACCOUNTS = '[account.main]\nhost = "smtp.example.com"\nuser = "ann"\npassword = "env:MAILDRILL_IS_NEVER_SET"\n'
CAMPAIGN = """
account = "main"
[campaign]
name = "c"
from = "a@x.test"
subject = "s"
[list]
file = "list.csv"
email = "Email"
[message]
text = "hello\\n"
"""


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True)])
def test_send_warns_of_accounts_that_others_can_read(mode: int, warned: bool, tmp_path: Path) -> None:
    """Before anything else: what is in the file lets anybody write in our name."""
    for name, text in {"accounts.toml": ACCOUNTS, "c.toml": CAMPAIGN, "list.csv": "Email\na@y.test\n"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "accounts.toml").chmod(mode)
    ended = CliRunner().invoke(main, ["send", str(tmp_path / "c.toml")])

    assert ended.exit_code == 78
    assert (f"warning: {tmp_path / 'accounts.toml'} is open to others (0640): chmod 600" in ended.stderr) is warned
    assert "MAILDRILL_IS_NEVER_SET is not set" in ended.stderr
