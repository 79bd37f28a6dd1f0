"""`maildrill account` as people call it, against the fake server over TCP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from maildrill.cli.exits import Exit
from maildrill.cli.main import main
from maildrill.fakeserver.testing import smtp_server

SERVER = '[server]\nhostname = "mx.test"\ntls = true\nauth = ["PLAIN"]\nusers = { ann = "sesame-7f3a" }\n'
Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call `maildrill account` with an accounts file about a server."""
    monkeypatch.setenv("SMTP_PASSWORD", "sesame-7f3a")
    monkeypatch.setenv("WRONG_PASSWORD", "wrong-7f3a")

    def called(*words: str, port: int = 1, ca: Path | None = None, secret: str = "env:SMTP_PASSWORD") -> Result:  # noqa: S107
        file = tmp_path / "accounts.toml"
        trust = f'ca_file = "{ca}"\n' if ca else ""
        file.write_text(
            f'[account.main]\nhost = "127.0.0.1"\nport = {port}\n{trust}user = "ann"\npassword = "{secret}"\n',
            encoding="utf-8",
        )
        file.chmod(0o600)
        return CliRunner().invoke(main, ["account", *words, "--accounts", str(file)])

    return called


def test_an_account_that_works(call: Call) -> None:
    """The whole dialogue with the certificates, AUTH redacted, nothing sent; exit 0."""
    with smtp_server(SERVER, allow=["unread"]) as server:
        result = call("test", "main", port=server.port, ca=server.tls.ca_file)
        quiet = call("test", "main", "--json", port=server.port, ca=server.tls.ca_file)

    said = [line.partition(" -> ")[2] for line in result.output.splitlines() if " -> " in line]
    assert result.exit_code == Exit.OK, result.output
    assert [line.split()[0] for line in said] == ["EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"]
    assert "AUTH PLAIN <redacted>" in said
    assert "certificate 1: CN=maildrill test server, issued by CN=maildrill test authority" in result.output
    assert result.output.endswith("main works: mail could be sent\n")
    assert json.loads(quiet.output)["works"]
    assert "sesame" not in result.output + quiet.output


@pytest.mark.parametrize(
    ("secret", "trusted", "code", "words"),
    [
        ("env:WRONG_PASSWORD", True, Exit.AUTHENTICATION, "does not work: auth: 535"),
        ("env:SMTP_PASSWORD", False, Exit.CONFIGURATION, "the certificate's authority is unknown"),
        ("env:NOT_SET", True, Exit.CONFIGURATION, "environment variable NOT_SET is not set"),
    ],
)
def test_an_account_that_does_not(call: Call, secret: str, trusted: bool, code: Exit, words: str) -> None:
    """What is wrong, and an exit status that says what to do."""
    with smtp_server(SERVER, allow=["unread"]) as server:
        result = call("test", "main", port=server.port, ca=server.tls.ca_file if trusted else None, secret=secret)

    assert words in result.output
    assert result.exit_code == code, result.output
    assert "7f3a" not in result.output


def test_nobody_listens(call: Call) -> None:
    """Not now: exit 75."""
    result = call("test", "main")

    assert "does not work: connect" in result.output
    assert result.exit_code == Exit.LEFTOVERS


def test_accounts_are_listed_and_shown(call: Call) -> None:
    """With everything but the secret; an unknown name is told with those that there are."""
    listed, shown, unknown = call("list"), call("show", "main"), call("show", "mian")

    assert "main" in listed.output
    assert "tls required" in listed.output
    assert "env:SMTP_PASSWORD" in shown.output
    assert 'did you mean "main"?' in unknown.output
    assert unknown.exit_code == Exit.USAGE
    assert "7f3a" not in listed.output + shown.output
    assert [one["name"] for one in json.loads(call("list", "--json").output)] == ["main"]
    assert json.loads(call("show", "main", "--json").output)["secret"] == "env:SMTP_PASSWORD"  # noqa: S105 - its source
